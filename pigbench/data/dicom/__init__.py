"""DICOM: frames and their pixels, masks, and whole trees of files."""
