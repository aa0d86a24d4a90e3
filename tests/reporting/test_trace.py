from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from pigbench.reporting.contact_sheet import colour_of
from pigbench.reporting.trace import Recorder, trace_strip


def record(steps: int, keep: int = 8, sample: int = 0) -> Recorder:
    """What `steps` steps leave: t counts down to 0, every picture holds its own t, plus 1000 in the second sample."""
    recorder = Recorder(keep, sample)
    for step in range(steps):
        t = steps - 1 - step
        pictures = torch.full((2, 1, 4, 4), float(t))
        pictures[1] += 1000
        recorder(step, t, pictures, pictures)
    return recorder


@pytest.mark.parametrize("steps", [1, 5, 8, 32, 256, 1024])
def test_first_last_and_evenly_spaced_steps_are_kept(steps) -> None:
    frames = record(steps).frames
    times = [t for t, _, _ in frames]
    assert len(frames) == min(8, steps)
    assert times[0] == steps - 1
    assert times[-1] == 0
    gaps = -np.diff(times)
    assert all(gaps > 0)
    assert steps < 8 or abs(gaps - steps / 7).max() < steps / 20 + 1
    assert all((mask == t).all() and (image == t).all() for t, mask, image in frames)


def test_memory_is_bounded() -> None:
    recorder = record(10_000, keep=4)
    assert len(recorder._kept) <= 33
    assert len(recorder.frames) == 4


def test_the_sample_asked_for_is_followed() -> None:
    assert [float(image[0, 0, 0]) for _, _, image in record(3, sample=1).frames] == [1002, 1001, 1000]


@pytest.mark.parametrize(("masks", "rows"), [(True, 2), (False, 1)])
def test_the_strip_has_a_row_for_what_there_is(tmp_path, masks, rows) -> None:
    frames = [(t, mask if masks else None, image) for t, mask, image in record(8).frames]
    trace_strip(frames, tmp_path / "strip.png", title="pig, sample 0")
    with Image.open(tmp_path / "strip.png") as picture:
        assert picture.format == "PNG"
        assert picture.width / picture.height == pytest.approx(9.9 / (1.25 * rows + 0.6), rel=0.02)


def test_several_classes_are_named_under_the_strip(tmp_path) -> None:
    frames = [(t, np.zeros((2, 8, 8), np.float32), image) for t, _, image in record(8).frames]
    sizes = []
    for classes in ((), ("lesion",), ("gland", "nucleus")):
        trace_strip(frames, tmp_path / "strip.png", classes=classes)
        with Image.open(tmp_path / "strip.png") as picture:
            pixels = np.asarray(picture.convert("RGB"))
        sizes.append(pixels.shape)
        named = [bool((pixels == colour_of(label)).all(axis=-1).any()) for label in (1, 2)]
        assert named == [len(classes) > 1] * 2
    assert len(set(sizes)) == 1


def test_nothing_recorded_is_an_error(tmp_path) -> None:
    with pytest.raises(ValueError, match="no frames"):
        trace_strip(Recorder().frames, tmp_path / "strip.png")
