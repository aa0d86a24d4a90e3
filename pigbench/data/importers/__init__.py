"""The built-in importers, one file each, registered by the entry-point group `pigbench.datasets`."""
