"""From a request to a plan: configured plugins, external pairs, the nodes, and what they should take."""
