"""The built-in dataset: procedural slices of breasts with a mass, from anatomy to pixels."""
