from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from generators.diffusion import DiffusionConfig
from generators.mask_planes import as_labels
from generators.pig import PIG, PIGConfig, binarise, released, sample_images, sample_pairs
from generators.samplers import ddim_schedule
from pigbench.contracts import Task

SIDE = 16


def algorithm_2(model_x, model_y, x, y, total, steps):
    """The paper's Algorithm 2 in float64, its symbols and its counting (t = T..1), striding T/S steps at a time.

    The models count t from 0, so they are shown t - 1; where a stride passes t = 1, the step before is t = 0, ᾱ_0 = 1.
    """
    betas = np.linspace(1e-4, 0.02, total)

    def alpha_bar(t):
        return float(np.prod([1 - beta for beta in betas[: max(t, 0)]]))

    stride = total // steps
    t = total - stride + 1
    while t >= 1:
        now, before = alpha_bar(t), alpha_bar(t - stride)
        eps_x = model_x(x, y, t - 1)
        x0 = (x - np.sqrt(1 - now) * eps_x) / np.sqrt(now)
        x = np.sqrt(before) * x0 + np.sqrt(1 - before) * eps_x
        eps_y = model_y(x0, y, t - 1)
        y0 = (y - np.sqrt(1 - now) * eps_y) / np.sqrt(now)
        y = np.sqrt(before) * y0 + np.sqrt(1 - before) * eps_y
        t -= stride
    return x0, y0


def toy_x(x, y, t):
    """Some smooth ε that hangs on both inputs, on neighbours and on t."""
    return np.tanh(0.8 * x - 0.3 * np.roll(y, 1, axis=-1) + 0.001 * t)


def toy_y(x0, y, t):
    return np.tanh(0.9 * y + 0.4 * np.sin(x0) - 0.0007 * t)


def as_denoiser(model, *, target_first):
    """A toy model as `sample_pairs` wants it: channels (target, condition) and one t a sample."""

    def denoiser(channels, times):
        assert times.shape == (len(channels),)
        assert len(times.unique()) == 1
        target, condition = channels[:, :1].numpy(), channels[:, 1:].numpy()
        inputs = (target, condition) if target_first else (condition, target)
        return torch.from_numpy(model(*inputs, int(times[0]))).to(channels.dtype)

    return denoiser


GUIDER, CONDITIONAL = as_denoiser(toy_x, target_first=True), as_denoiser(toy_y, target_first=False)


def noises(dtype=torch.float64):
    draw = torch.Generator().manual_seed(5)
    return (torch.randn(3, 1, 8, 8, generator=draw, dtype=torch.float64).to(dtype) for _ in range(2))


def schedule(total=16):
    return ddim_schedule(DiffusionConfig(timesteps=total))


def relative_l2(value, expected):
    return np.linalg.norm(value.double().numpy() - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("total", "steps"), [(1024, 256), (1024, 32), (64, 64), (100, 20), (8, 1)])
def test_sampling_is_algorithm_2(total, steps, dtype) -> None:
    x, y = noises(dtype)
    masks, images = sample_pairs(GUIDER, CONDITIONAL, schedule(total), x, y, steps=steps)
    x0, y0 = algorithm_2(toy_x, toy_y, x.double().numpy(), y.double().numpy(), total, steps)
    assert masks.dtype == images.dtype == dtype
    assert relative_l2(masks, x0) < 1e-4
    assert relative_l2(images, y0) < 1e-4


def test_what_comes_out_is_not_clipped() -> None:
    x, y = noises()
    masks, images = sample_pairs(lambda c, t: -c[:, :1], lambda c, t: -c[:, :1], schedule(), x, y, steps=16)
    assert masks.abs().max() > 1
    assert images.abs().max() > 1


@pytest.mark.parametrize("steps", [3, 0, 32])
def test_steps_that_do_not_divide_are_refused(steps) -> None:
    x, y = noises()
    with pytest.raises(ValueError, match=f"{steps} steps do not divide T = 16"):
        sample_pairs(GUIDER, CONDITIONAL, schedule(), x, y, steps=steps)
    with pytest.raises(ValueError, match=f"{steps} steps do not divide T = 16"):
        sample_images(CONDITIONAL, schedule(), x.sign(), y, steps=steps)


def test_every_step_is_reported_and_the_last_is_the_result() -> None:
    x, y = noises()
    seen = []
    masks, images = sample_pairs(
        GUIDER, CONDITIONAL, schedule(), x, y, steps=4, on_step=lambda *step: seen.append(step)
    )
    assert [(step, t) for step, t, *_ in seen] == [(0, 12), (1, 8), (2, 4), (3, 0)]
    assert torch.equal(seen[-1][2], masks)
    assert torch.equal(seen[-1][3], images)


def test_a_binarised_guide_reaches_the_conditional_model_alone() -> None:
    x, y = noises()
    guides, masks = [], []

    def conditional(channels, times):
        guides.append(channels[:, 1:])
        return CONDITIONAL(channels, times)

    def guider(channels, times):  # sees x and t alone, so that the guide cannot come back to it
        return 0.5 * channels[:, :1].roll(3, -1)

    raw, _ = sample_pairs(guider, conditional, schedule(), x, y, steps=4)
    guides.clear()
    binary, _ = sample_pairs(
        guider, conditional, schedule(), x, y, steps=4, binarise_guide=True, on_step=lambda *s: masks.append(s[2])
    )
    assert torch.equal(raw, binary)
    for guide, mask in zip(guides, masks, strict=True):
        assert set(guide.unique().tolist()) <= {-1.0, 1.0}
        assert torch.equal(guide, binarise(mask))


def test_the_release_rule_shrinks_a_square_and_treats_every_image_alone() -> None:
    masks = torch.full((3, 1, 32, 32), -1.0)
    masks[0, 0, 10:22, 10:22] = 1
    masks[1, 0, 10:22, 10:22] = 7  # clamped
    lesions = (binarise(masks) > 0).sum(dim=(1, 2, 3))
    assert lesions.tolist() == [96, 96, 0]
    assert torch.equal(binarise(masks[2:]), masks[2:])


def test_the_release_rule_finds_false_lesions_in_a_noisy_empty_mask() -> None:
    noisy = -1 + 0.1 * torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert (binarise(noisy) > 0).any()
    assert not (noisy > 0).any()


def test_images_for_given_masks_are_algorithm_2_with_the_mask_as_guide() -> None:
    x, y = noises()
    mask = x.sign()
    images = sample_images(CONDITIONAL, schedule(), mask, y, steps=8)

    def told_the_mask(channels, times):  # the ε at which x̂0 is the mask exactly
        alpha_bar = schedule().alphas_cumprod[times[0]].double()
        return (channels[:, :1] - alpha_bar.sqrt() * mask) / (1 - alpha_bar).sqrt()

    _, expected = sample_pairs(told_the_mask, CONDITIONAL, schedule(), x, y, steps=8)
    torch.testing.assert_close(images, expected, rtol=1e-5, atol=1e-5)


# The plugin


@pytest.fixture
def make(tiny):
    return lambda **settings: PIG(PIGConfig(**tiny, **{"steps": 4} | settings), Task(SIDE))


def test_variants_set_what_is_not_given() -> None:
    paper, release = PIGConfig(variant="paper"), PIGConfig(variant="release", guide="raw")
    assert PIGConfig().model_dump(exclude={"variant"}) == paper.model_dump(exclude={"variant"})
    assert (paper.condition, paper.loss_weight, paper.timestep_sampling) == ("guider", "none", "uniform")
    assert (paper.guide, paper.masks_out) == ("raw", "threshold")
    assert (release.condition, release.loss_weight, release.timestep_sampling) == ("guider", "sigmoid", "antithetic")
    assert (release.guide, release.masks_out) == ("raw", "release")
    assert PIGConfig.model_validate(release.model_dump()) == release
    with pytest.raises(ValueError, match="variant"):
        PIGConfig(variant="thesis")
    with pytest.raises(ValueError, match="250 steps do not divide T = 1024: take 256"):
        PIGConfig(steps=250)


@pytest.mark.parametrize("settings", [{}, {"variant": "release"}, {"condition": "clean"}])
def test_training_reads_only_the_declared_settings(tiny, train_once, settings) -> None:
    losses = train_once(PIG, PIGConfig(**tiny, steps=4, **settings))
    assert set(losses) == {"guider", "conditional"}
    assert all(np.isfinite(loss) for loss in losses.values())


def test_only_what_the_guider_reads_can_retrain_it() -> None:
    guider, conditional = PIG.components
    assert set(conditional.settings) - set(guider.settings) == {"condition", "loss_weight"}
    assert not {"steps", "guide", "masks_out", "variant"} & {*guider.settings, *conditional.settings}


class Spy(torch.nn.Module):
    """A denoiser that predicts `value` and remembers what it saw."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))

    def forward(self, channels, times):
        self.seen = SimpleNamespace(target=channels[:, :1], condition=channels[:, 1:], t=times)
        return self.value.expand_as(self.seen.target)


def test_the_guider_cleans_the_mask_next_to_the_noised_image(make, make_batch) -> None:
    pig, guider = make(), Spy()
    loss = pig.loss("guider", guider, make_batch(), {})
    batch = make_batch()
    noise_x, noise_y, t = batch.noise(), batch.noise(), batch.timesteps(16)
    assert torch.equal(guider.seen.t, t)
    torch.testing.assert_close(guider.seen.target, pig.schedule.add_noise(2 * batch.masks - 1, noise_x, t))
    torch.testing.assert_close(guider.seen.condition, pig.schedule.add_noise(batch.images, noise_y, t))
    torch.testing.assert_close(loss, noise_x.square().mean())


def test_the_conditional_model_sees_the_frozen_guiders_estimate(make, make_batch) -> None:
    pig, guider, conditional = make(), Spy(0.3), Spy()
    loss = pig.loss("conditional", conditional, make_batch(), {"guider": guider})
    loss.backward()
    batch = make_batch()
    noise_x, noise_y, t = batch.noise(), batch.noise(), batch.timesteps(16)
    alpha_bar = pig.schedule.alphas_cumprod[t].view(-1, 1, 1, 1)
    noised = alpha_bar.sqrt() * (2 * batch.masks - 1) + (1 - alpha_bar).sqrt() * noise_x
    estimate = (noised - (1 - alpha_bar).sqrt() * 0.3) / alpha_bar.sqrt()
    torch.testing.assert_close(conditional.seen.condition, estimate)
    torch.testing.assert_close(conditional.seen.target, pig.schedule.add_noise(batch.images, noise_y, t))
    torch.testing.assert_close(loss, noise_y.square().mean())
    assert guider.value.grad is None
    assert conditional.value.grad is not None


def test_the_conditional_model_may_see_the_clean_mask_instead(make, make_batch) -> None:
    conditional = Spy()
    make(condition="clean").loss("conditional", conditional, make_batch(), {})
    assert torch.equal(conditional.seen.condition, 2 * make_batch().masks - 1)


def test_the_loss_can_weigh_lesions_more(make, make_batch) -> None:
    pig = make(condition="clean", loss_weight="sigmoid")
    loss = pig.loss("conditional", Spy(), make_batch(), {})
    batch = make_batch()
    batch.noise()
    weight = torch.where(batch.masks > 0, 0.7311, 0.2689)
    torch.testing.assert_close(loss, (weight * batch.noise().square()).mean(), rtol=1e-3, atol=0)


@pytest.mark.parametrize("count", [4, 5])
def test_antithetic_timesteps_mirror_each_other(make, make_batch, count) -> None:
    guider = Spy()
    make(timestep_sampling="antithetic").loss("guider", guider, make_batch(count=count), {})
    t, half = guider.seen.t, (count + 1) // 2
    assert len(t) == count
    assert torch.equal(t[half:], 15 - t[: count - half])


def test_same_seed_same_pairs(make, networks, make_request) -> None:
    pig = make()
    trained = networks(pig)
    first, again = (pig.sample(trained, make_request([0, 1], seed=3)) for _ in range(2))
    other = pig.sample(trained, make_request([0, 1], seed=4))
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.masks, again.masks)
    assert not np.allclose(first.images, other.images)


@pytest.mark.parametrize("variant", ["paper", "release"])
def test_a_pair_does_not_depend_on_its_batch_mates(make, networks, make_request, variant) -> None:
    pig = make(variant=variant)
    trained = networks(pig)
    first = pig.sample(trained, make_request([0, 1, 2, 3]))
    other = pig.sample(trained, make_request([0, 7, 8, 9]))
    assert np.array_equal(first.images[0], other.images[0])
    assert np.array_equal(first.masks[0], other.masks[0])


def test_pairs_are_clipped_binary_and_free_of_gradients(make, make_request) -> None:
    pairs = make().sample({"guider": Spy(0.1), "conditional": Spy(0.2)}, make_request([0, 1, 2]))
    assert pairs.images.dtype == np.float32
    assert abs(pairs.images).max() <= 1
    assert pairs.clipped_fraction > 0
    assert pairs.masks.dtype == np.uint8
    assert set(np.unique(pairs.masks)) == {0, 1}


def test_masks_out_by_threshold_or_by_the_release_rule(make, make_request) -> None:
    raw = []
    trained = {"guider": Spy(), "conditional": Spy()}
    request = make_request([0, 1], on_step=lambda step, t, mask, image: raw.append(mask))
    plain = make().sample(trained, request).masks
    ruled = make(masks_out="release").sample(trained, make_request([0, 1])).masks
    assert np.array_equal(plain, raw[-1].numpy() > 0)
    assert np.array_equal(ruled, binarise(raw[-1]).numpy() > 0)


def test_by_the_release_rule_a_pixel_is_of_the_likelier_class() -> None:
    planes = -torch.ones(1, 2, SIDE, SIDE)
    planes[:, 0, 2:14, 2:14], planes[:, 1, 5:11, 5:11] = 0.8, 0.9  # the second class inside the first
    labels = as_labels(released(planes))[0, 0]
    assert (labels[7:9, 7:9] == 2).all() and (labels[4, 4:12] == 1).all() and labels[0, 0] == 0
    assert torch.equal(labels > 0, (binarise(planes) > 0).any(dim=1)[0])


def test_a_binary_guide_is_what_the_conditional_model_sees(make, make_request) -> None:
    for guide, binary in (("raw", False), ("binary", True)):
        conditional = Spy()
        make(guide=guide).sample({"guider": Spy(), "conditional": conditional}, make_request([0]))
        assert (set(conditional.seen.condition.unique().tolist()) <= {-1.0, 1.0}) == binary


def test_given_masks_come_back_with_images_of_their_own(make, networks, make_request) -> None:
    pig = make()
    trained = {"conditional": networks(pig)["conditional"]}
    masks = np.zeros((2, 1, SIDE, SIDE), dtype=np.uint8)
    masks[:, :, 4:9, 5:12] = 1
    pairs = pig.sample(trained, make_request([0, 1], masks=masks))
    empty = pig.sample(trained, make_request([0, 1], masks=0 * masks))
    assert np.array_equal(pairs.masks, masks)
    assert pairs.images.shape == masks.shape
    assert not np.allclose(pairs.images, empty.images)
