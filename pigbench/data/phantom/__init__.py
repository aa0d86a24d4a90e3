"""The built-in datasets: procedural slices of breasts with a mass, from anatomy to pixels, and stained tissue."""
