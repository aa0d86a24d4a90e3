"""Real DICOM files for the tests of the importers."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

MAMMOGRAM = UID("1.2.840.10008.5.1.4.1.1.1.2")
TOMOSYNTHESIS = UID("1.2.840.10008.5.1.4.1.1.13.1.3")
SEGMENTATION = UID("1.2.840.10008.5.1.4.1.1.66.4")
CONTOURS = UID("1.2.840.10008.5.1.4.1.1.481.3")


def dicom(pixels: np.ndarray | None, *, bits: int | None = None, kind: UID = MAMMOGRAM, **elements: Any) -> Dataset:
    """A dataset of pixels (h, w) or (frames, h, w), uint8, uint16 or int16, with further elements by keyword."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = kind
    made.SOPInstanceUID = generate_uid()
    made.PatientID, made.PatientName, made.PatientBirthDate = "ID-7", "Doe^Jane", "19500101"
    made.Modality = "MG"
    if pixels is not None:
        allocated = pixels.dtype.itemsize * 8
        made.Rows, made.Columns = pixels.shape[-2:]
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated, made.BitsStored = allocated, bits or allocated
        made.HighBit = made.BitsStored - 1
        made.PixelRepresentation = int(pixels.dtype.kind == "i")
        if pixels.ndim == 3:
            made.NumberOfFrames = len(pixels)
        made.PixelData = pixels.tobytes()
        made["PixelData"].VR = "OW"
    for name, value in elements.items():
        setattr(made, name, value)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def as_bytes(made: Dataset) -> bytes:
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def noise(shape: tuple[int, ...], bits: int, seed: int = 0, signed: bool = False) -> np.ndarray:
    """Every value of the depth is possible; the lowest and the highest occur."""
    low = -(2 ** (bits - 1)) if signed else 0
    kind = np.int16 if signed else np.uint8 if bits <= 8 else np.uint16
    values = np.random.default_rng(seed).integers(low, low + 2**bits, shape).astype(kind)
    values.flat[0], values.flat[-1] = low, low + 2**bits - 1
    return values
