"""Near-duplicates: how many made copies are found, and how many different patients are taken for copies.

`python benchmarks/duplicates.py [FOLDER]…` takes the phantom, and every folder given that holds images/ (by default
../shared/data/lgg and ../shared/data/nuclei beside the project, where they are). Of each image one copy of each kind is
made: JPEG, a shift by up to 2 %, brightness and contrast changed by 10 %, mirrored. Then all images and all copies are
compared with each other, as `pigbench data inspect` compares a dataset's.

recall: the share of copies of a kind that are linked to their own original. precision: of all linked pairs that are of
one image or of different patients, those of one image; other images of the same patient count neither way. Images
without patients are their own. false: links between patients among the untouched images alone.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from pigbench.data.duplicates import Link, links, signature
from pigbench.data.phantom.dataset import Phantom

BESIDE = Path(__file__).parents[2] / "shared" / "data"
PATIENT = re.compile(r"(TCGA_[A-Z0-9]+_[A-Z0-9]+)_")
RENDERED = 64  # the resolution that the phantom is read for: it is drawn at 256


def as_jpeg(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """At quality 75."""
    file = BytesIO()
    Image.fromarray(eight_bit(image)).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


def shifted(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """By up to 2 % of each side, in whole pixels; the edge goes on."""
    by = [round(random.uniform(-0.02, 0.02) * side) for side in image.shape]
    padded = np.pad(image, [(max(step, 0), max(-step, 0)) for step in by], mode="edge")
    rows, columns = (slice(max(-step, 0), max(-step, 0) + side) for step, side in zip(by, image.shape, strict=True))
    return padded[rows, columns]


def relit(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Contrast and brightness each changed by 10 %, either way, at 8 bits: what leaves the range is clipped."""
    pixels = eight_bit(image).astype(float)
    contrast, brightness = 1 + 0.1 * random.choice([-1, 1]), 25.5 * random.choice([-1, 1])
    return np.rint(np.clip((pixels - 127.5) * contrast + 127.5 + brightness, 0, 255)).astype(np.uint8)


def mirrored(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return image[:, ::-1]


KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "jpeg": as_jpeg,
    "shifted": shifted,
    "relit": relit,
    "mirrored": mirrored,
}


def eight_bit(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    lowest, highest = float(image.min()), float(image.max())
    return np.rint((image - lowest) * (255 / (highest - lowest))).astype(np.uint8)


def phantom(patients: int) -> tuple[list[np.ndarray], list[str]]:
    source = Phantom(patients)
    cases = source.cases()
    return [source.read(row, RENDERED)[0] for row in range(len(cases))], [case.patient_id for case in cases]


def folder(path: Path) -> tuple[list[np.ndarray], list[str]]:
    """The images, colour by its luminance, and their patients, where names tell."""
    files = sorted((path / "images").glob("*.png"))
    named = [PATIENT.match(file.stem) for file in files]
    owners = [match[1] if match else file.stem for file, match in zip(files, named, strict=True)]
    return [np.asarray(Image.open(file).convert("L")) for file in files], owners


def measure(images: list[np.ndarray], patients: list[str]) -> dict[str, float]:
    """Recall of each kind, precision, false links among the untouched images, and seconds."""
    random, count = np.random.default_rng(0), len(images)
    copies = [copy(image, random) for copy in KINDS.values() for image in images]
    began = time.perf_counter()
    signatures = [signature(image) for image in [*images, *copies]]
    signed = time.perf_counter()
    found = links(signatures)
    compared = time.perf_counter()
    own = [link for link in found if link.one % count == link.other % count]
    wrong = [link for link in found if patients[link.one % count] != patients[link.other % count]]
    of_kind = [sum(_is_copy(link, count, kind) for link in own) / count for kind in range(1, len(KINDS) + 1)]
    return dict(zip(KINDS, of_kind, strict=True)) | {
        "precision": len(own) / max(1, len(own) + len(wrong)),
        "false": sum(link.other < count for link in wrong),
        "images": len(signatures),
        "ms an image": 1000 * (signed - began) / len(signatures),
        "s to compare": compared - signed,
    }


def _is_copy(link: Link, count: int, kind: int) -> bool:
    return link.one < count and link.other // count == kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    there = [path for path in (BESIDE / "lgg", BESIDE / "nuclei") if path.is_dir()]
    parser.add_argument("folders", nargs="*", type=Path, default=there, metavar="FOLDER")
    parser.add_argument("--patients", type=int, default=80, help="of the phantom")
    chosen = parser.parse_args()
    datasets: dict[str, Callable[[], tuple[list[np.ndarray], list[str]]]] = {
        "phantom": lambda: phantom(chosen.patients)
    }
    datasets |= {path.name: lambda path=path: folder(path) for path in chosen.folders}
    for name, read in datasets.items():
        measured = measure(*read())
        print(f"{name}: " + "   ".join(f"{what} {value:.4g}" for what, value in measured.items()), flush=True)
    print("aims: recall of each kind 0.8, precision 0.95 where patients are known")


if __name__ == "__main__":
    main()
