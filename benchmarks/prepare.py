"""Preparing an archive: 2,000 synthetic mammograms, 2,000 × 2,500, 14 bit, compressed DICOM, to 512 × 512.

`python benchmarks/prepare.py [--cases N] [--syntax j2k|jpegls]` writes and imports them, prepares them, kills that with
SIGKILL half-way and prepares on; then opens what came out. Memory is that of the whole process tree.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

HEIGHT, WIDTH, BITS, RESOLUTION = 2500, 2000, 14, 512
KINDS = 16  # different images; encoding 2,000 would take longer than what is measured
SYNTAXES = {"j2k": "JPEG2000Lossless", "jpegls": "JPEGLSLossless"}


def write_archive(folder: Path, cases: int, syntax: str) -> None:
    """Mammograms with their masks as PNG by SOP instance UID, four a patient."""
    from PIL import Image
    from pydicom.uid import generate_uid

    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[1000:1200, 300:520] = 255
    kinds = [_mammogram(seed, syntax) for seed in range(min(KINDS, cases))]
    for number in range(cases):
        dataset = kinds[number % len(kinds)]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.PatientID = f"patient {number // 4}"
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        Image.fromarray(mask).save(folder / f"{dataset.SOPInstanceUID}.png")


def _mammogram(seed: int, syntax: str):
    """A breast's half ellipse filled with tissue-like texture and quantum noise, beside air."""
    from pydicom import Dataset, uid
    from pydicom.dataset import FileMetaDataset
    from scipy.ndimage import gaussian_filter

    stream = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    breast = (x / (0.75 * WIDTH)) ** 2 + ((y - HEIGHT / 2) / (0.45 * HEIGHT)) ** 2 < 1
    texture = sum(gaussian_filter(stream.normal(size=(HEIGHT, WIDTH)), scale) * scale for scale in (4, 16, 64))
    pixels = np.where(breast, 6000 + 1500 * texture + 60 * stream.normal(size=(HEIGHT, WIDTH)), 0)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid.DigitalMammographyXRayImageStorageForPresentation
    made.SOPInstanceUID = uid.generate_uid()
    made.Modality, made.Rows, made.Columns = "MG", HEIGHT, WIDTH
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, BITS, BITS - 1
    made.PixelData = pixels.clip(0, 2**BITS - 1).astype("<u2").tobytes()
    made["PixelData"].VR = "OW"
    made.compress(getattr(uid, SYNTAXES[syntax]), generate_instance_uid=False)
    return made


def task(store: Path):
    """The stage that a run at this resolution would begin with."""
    from pigbench.data.datasets import open_dataset
    from pigbench.engine.work import Task
    from pigbench.stages.node import node

    identity = open_dataset("mammograms", store).identity()
    made = node("prepare", {"dataset": identity, "resolution": RESOLUTION}, what="mammograms")
    return Task.of(made, "mammograms", store, 60.0)


def _prepare(store: Path, told: multiprocessing.Queue) -> None:
    from pigbench.engine.work import perform

    perform(task(store), lambda share, text: told.put(share))


def attempt(store: Path, kill_at: float) -> tuple[float, float]:
    """Prepare in a process that is killed when that share is done; seconds taken and peak MiB of its tree."""
    context = multiprocessing.get_context("spawn")
    told, peak = context.Queue(), [0.0]
    worker = context.Process(target=_prepare, args=(store, told))
    began, ended = time.perf_counter(), threading.Event()
    worker.start()
    watch = threading.Thread(target=_watch, args=(worker.pid, peak, ended))
    watch.start()
    while worker.is_alive():
        try:
            share = told.get(timeout=0.2)
        except Exception:  # nothing new
            continue
        print(f"\r  {share:4.0%} in {time.perf_counter() - began:5.0f} s", end="", flush=True)
        if share >= kill_at:
            os.kill(worker.pid or 0, signal.SIGKILL)
            break
    worker.join()
    ended.set()
    watch.join()
    print()
    return time.perf_counter() - began, peak[0]


def _watch(root: int | None, peak: list[float], ended: threading.Event) -> None:
    while not ended.wait(0.1):
        peak[0] = max(peak[0], sum(_resident(process) for process in _tree(root)))


def _tree(root: int | None) -> list[int]:
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    found = [root or 0]
    for process in found:
        found.extend(children.get(process, []))
    return found


def _resident(process: int) -> float:
    """MiB, what is shared with others counted in part."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def decoding_share(store: Path, cases: int = 24) -> float:
    """The share of this process's time in which compressed pixels become arrays, reading and preparing some cases."""
    import pydicom.pixels
    from PIL import Image

    from pigbench.data.datasets import open_dataset
    from pigbench.data.prepare import prepare_rows

    source, inside = open_dataset("mammograms", store), [0.0]

    def timed(function):
        def call(*arguments, **options):
            began = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                inside[0] += time.process_time() - began

        return call

    prepare_rows(source, [0], RESOLUTION)  # imports
    decode, load = pydicom.pixels.pixel_array, Image.Image.load
    pydicom.pixels.pixel_array, Image.Image.load = timed(decode), timed(load)
    began = time.process_time()
    try:
        prepare_rows(source, range(min(cases, len(source.cases()))), RESOLUTION)
    finally:
        pydicom.pixels.pixel_array, Image.Image.load = decode, load
    return inside[0] / (time.process_time() - began)


def opening(store: Path) -> float:
    """Seconds until a finished set can be read from, its bytes checked as far as a stage checks them."""
    from pigbench.data.prepare import Prepared
    from pigbench.store import Store

    made = task(store)
    began = time.perf_counter()
    prepared = Prepared(Store(store).open(made.stage, made.key).path)
    prepared.images[len(prepared.case_ids) // 2].mean()
    return time.perf_counter() - began


def main() -> None:
    from pigbench.data.file_dataset import import_dataset

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--syntax", choices=SYNTAXES, default="j2k")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        archive, store = Path(directory) / "archive", Path(directory) / "store"
        archive.mkdir()
        write_archive(archive, chosen.cases, chosen.syntax)
        began = time.perf_counter()
        import_dataset("dicom", archive, "mammograms", store, {"crop": True})
        print(f"import, which reads every picture once: {time.perf_counter() - began:.0f} s")
        share = decoding_share(store)
        first, one = attempt(store, kill_at=0.5)
        second, two = attempt(store, kill_at=2.0)
        opened = opening(store)
    print(f"{chosen.cases} mammograms, {chosen.syntax}, to {RESOLUTION}²")
    print(f"half, then killed: {first:6.1f} s   the other half: {second:6.1f} s")
    print(f"peak memory of all processes: {max(one, two):.0f} MiB (aim 1536)")
    print(f"decoding: {share:.0%} of the time (aim 80 %)   opening it again: {opened:.2f} s (aim 1)")


if __name__ == "__main__":
    main()
