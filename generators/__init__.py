"""The generators that come with the suite, one file each, read from top to bottom like their papers.

`pigbench.contracts` says what a generator is. Files without a plugin, such as `diffusion`, hold what several share.
Nothing here imports torch before a network or a sample is asked for.
"""
