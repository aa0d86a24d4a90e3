"""PIGBench: does synthetic data help? Generators of image/mask pairs, judged by the segmenters trained on them."""

__version__ = "0.1.0"
