"""The segmenters that come with the suite, one file a family.

`pigbench.contracts` says what a segmenter is. Nothing here imports torch before a network is asked for.
"""
