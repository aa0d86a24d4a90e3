"""What other tools are given: generated pairs as PNG files, and nnU-Net datasets."""
