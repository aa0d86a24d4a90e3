from __future__ import annotations

import subprocess
import sys
from urllib.error import URLError

import numpy as np
import pytest
import torch

from pigbench.errors import PigbenchError
from pigbench.metrics import extractors
from pigbench.metrics.extractors import extractor_names, features, load_extractor

LITE = "efficientnet-lite0"


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (21, 1, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def found(images) -> np.ndarray:
    return features(images, LITE)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.process
def test_names_come_without_torch():
    code = (
        "import sys; from pigbench.metrics import extractors as e; print(e.extractor_names(), 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"{extractor_names()} False"
    assert extractor_names() == ["efficientnet-lite0", "inception"]


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(PigbenchError, match="did you mean 'inception'"):
        load_extractor("inceptoin")


@pytest.mark.parametrize(("photograph", "label"), [("china.jpg", 698), ("flower.jpg", 985)], ids=["palace", "daisy"])
def test_the_loaded_network_names_photographs_as_imagenet_does(photograph, label):
    """Weights in a wrong order, or inputs on a wrong scale, would not survive this."""
    from sklearn.datasets import load_sample_image

    whole = torch.tensor(load_sample_image(photograph)).permute(2, 0, 1)
    left = (whole.shape[2] - whole.shape[1]) // 2
    square = whole[None, :, :, left : left + whole.shape[1]]
    extractor = load_extractor(LITE)
    with torch.inference_mode():
        assert extractor.network.classifier(extractor(square)[0]).argmax().item() == label


def test_features_have_their_shape_and_are_repeated_exactly(images, found):
    assert found.shape == (21, 1280)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (features(images[:3], LITE) == found[:3]).all()


def test_features_do_not_depend_on_batch_mates(images, found):
    order = np.random.default_rng(1).permutation(len(images))
    assert (features(images[order], LITE) == found[order]).all()
    assert (features(images[20:], LITE) == found[20:]).all()


def test_progress_counts_images_to_the_end(images):
    seen = []
    features(images[:5], LITE, batch=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_no_images_have_no_features():
    assert features(np.empty((0, 1, 32, 32), np.float32), LITE).shape == (0, 1280)


def test_intensities_are_rounded_to_eight_bits():
    given = np.array([-1, -0.999, 0, 0.5, 1], np.float32)
    assert extractors._to_uint8(given).tolist() == [0, 0, 128, 191, 255]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.2, -3])
def test_images_that_eight_bits_cannot_hold_are_refused(images, bad):
    spoilt = images[:2].copy()
    spoilt[1, 0, 3, 3] = bad
    with pytest.raises(PigbenchError, match=r"features are of images in \[-1, 1\]"):
        features(spoilt, LITE)


def test_grey_is_the_same_as_grey_in_three_channels_and_colour_is_seen():
    grey = np.random.default_rng(0).uniform(-1, 1, (2, 1, 32, 32)).astype(np.float32)
    in_three = grey.repeat(3, axis=1)
    np.testing.assert_array_equal(features(in_three, LITE), features(grey, LITE))
    tinted = in_three * np.array([1, 0.5, 0.2], np.float32).reshape(1, 3, 1, 1)
    assert np.abs(features(tinted, LITE) - features(grey, LITE)).max() > 0.01
    with pytest.raises(ValueError, match=r"not \(N, 1, H, W\) or \(N, 3, H, W\)"):
        features(np.zeros((2, 2, 32, 32), np.float32), LITE)


@pytest.fixture
def no_inception(monkeypatch, tmp_path):
    """A machine without the Inception weights and without a network."""

    def unreachable(*_, **__):
        raise URLError("no network")

    monkeypatch.delenv("PIGBENCH_INCEPTION", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    load_extractor.cache_clear()


def test_missing_inception_weights_name_the_three_ways(no_inception, tmp_path):
    with pytest.raises(PigbenchError) as caught:
        load_extractor("inception")
    for way in ("PIGBENCH_INCEPTION", str(tmp_path / "hub" / "checkpoints"), "https://"):
        assert way in str(caught.value)


def test_a_given_path_that_is_no_file_is_named(no_inception, monkeypatch, tmp_path):
    monkeypatch.setenv("PIGBENCH_INCEPTION", str(tmp_path / "absent.pth"))
    with pytest.raises(PigbenchError, match=r"names no file: .*absent\.pth"):
        load_extractor("inception")


def test_weights_of_another_hash_are_refused_unread(no_inception, monkeypatch, tmp_path):
    (tmp_path / "other.pth").write_bytes(b"not the weights")
    monkeypatch.setenv("PIGBENCH_INCEPTION", str(tmp_path / "other.pth"))
    with pytest.raises(PigbenchError, match=r"other\.pth does not hold the weights of 'inception'"):
        load_extractor("inception")


@pytest.mark.parametrize("where", ["given", "cached"])
def test_inception_features_are_torch_fidelitys(no_inception, monkeypatch, tmp_path, images, where):
    """With random weights in the published file's place, found by its path and in torch's cache."""
    import hashlib
    from dataclasses import replace

    from torch_fidelity import feature_extractor_inceptionv3 as module

    with monkeypatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(module.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        expected = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    path = tmp_path / "weights.pth" if where == "given" else cache / module.URL_INCEPTION_V3.rsplit("/", 1)[1]
    torch.save(expected.state_dict(), path)
    if where == "given":
        monkeypatch.setenv("PIGBENCH_INCEPTION", str(path))
    published = extractors.EXTRACTORS["inception"]
    random = replace(published, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(extractors.EXTRACTORS, "inception", random)

    found = features(images[:2], "inception", batch=2)
    load_extractor.cache_clear()
    grey = torch.from_numpy(extractors._to_uint8(images[:2])).repeat(1, 3, 1, 1)
    assert found.shape == (2, 2048)
    np.testing.assert_allclose(found, expected(grey)[0].numpy(), rtol=1e-4, atol=1e-6)
