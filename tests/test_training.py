"""The training loop: the same weights however often it is interrupted, and a clear stop where the loss is lost."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel
from torch.utils.flop_counter import FlopCounterMode

from pigbench import training
from pigbench.contracts import Batch, Pairs, TrainView
from pigbench.ordering import Epochs
from pigbench.training import Diverged, Loop


def settings(**changes: object) -> SimpleNamespace:
    usual = {"batch": 4, "optimizer": "adam", "learning_rate": 1e-2, "weight_decay": 0.0}
    return SimpleNamespace(**(usual | {"schedule": "cosine", "warmup": 3, "clip": 1.0} | changes))


def view(cases: int = 10) -> TrainView:
    random = np.random.default_rng(0)
    images = random.integers(0, 65536, (cases, 1, 8, 8), dtype=np.uint16)
    return TrainView(images, (images > 40000).astype(np.uint8), [f"p{i}" for i in range(cases)], "d")


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Dropout(0.3), torch.nn.SiLU(), torch.nn.Conv2d(4, 1, 3, padding=1)
    )


def loss(net: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return (net(batch.images + 0.1 * batch.noise()) - batch.masks).square().mean()


class Killed(Exception):
    pass


def die_at(step: int):
    def progress(now: int, steps: int, value: float) -> None:
        if now >= step:
            raise Killed

    return progress


@pytest.mark.parametrize("changes", [{}, {"schedule": "plateau"}, {"optimizer": "adamw", "schedule": "constant"}])
@pytest.mark.parametrize("ema", [0.999, False])
def test_interrupted_and_resumed_is_bit_for_bit_undisturbed(tmp_path: Path, changes: dict, ema: float) -> None:
    undisturbed = Loop(settings(**changes), 60, (0, "x"), ema=ema)
    expected = undisturbed.fit(network(), loss, view()).state_dict()
    for _ in range(3):  # each attempt dies a little later than the last, after a checkpoint
        with pytest.raises(Killed):
            attempt = Loop(settings(**changes), 60, (0, "x"), ema=ema, checkpoints=tmp_path, interval=0)
            done = torch.load(tmp_path / training.CHECKPOINT)["step"] if list(tmp_path.iterdir()) else 0
            attempt.progress = die_at(done + 20)
            attempt.fit(network(), loss, view())
    resumed = Loop(settings(**changes), 60, (0, "x"), ema=ema, checkpoints=tmp_path, interval=0)
    found = resumed.fit(network(), loss, view()).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert resumed.losses == undisturbed.losses


def test_a_checkpoint_that_cannot_be_read_costs_time_and_nothing_else(tmp_path: Path) -> None:
    expected = Loop(settings(), 20, (0,)).fit(network(), loss, view()).state_dict()
    (tmp_path / training.CHECKPOINT).write_bytes(b"rubbish")
    with pytest.warns(UserWarning, match="starting over"):
        found = Loop(settings(), 20, (0,), checkpoints=tmp_path).fit(network(), loss, view()).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    Loop(settings(), 5, (0,)).fit(network_without_seeding(), loss, view())
    assert torch.equal(torch.get_rng_state(), before)


def network_without_seeding() -> torch.nn.Module:
    with torch.random.fork_rng():
        return network()


def test_a_lost_loss_names_the_step_the_rate_and_a_way_out() -> None:
    def lost(net: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return loss(net, batch) * (float("nan") if batch.step >= 13 else 1.0)

    with pytest.raises(Diverged, match=r"nan at step 13 of 40, learning rate .*smaller learning_rate"):
        Loop(settings(), 40, (0,)).fit(network(), lost, view())


def test_it_learns() -> None:
    loop = Loop(settings(learning_rate=3e-2), 200, (0,))
    loop.fit(network(), loss, view())
    assert np.mean(loop.losses[-3:]) < 0.5 * loop.losses[0]


def test_the_average_warms_up() -> None:
    """After s steps of a constant weight 1 from 0 the average is far from its start: no initial weights are kept."""
    average = AveragedModel(torch.nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        average.module.weight.zero_()
    ones = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        ones.weight.fill_(1.0)
    follow = training._follower(average, ones, 0.9999)
    follow()  # copies at the first update
    expected = 1.0
    with torch.no_grad():
        ones.weight.zero_()
    for step in range(1, 50):
        follow()
        expected *= min(0.9999, (1 + step) / (10 + step))
    assert average.module.weight.item() == pytest.approx(expected, rel=1e-4)
    assert expected < 1e-6


def test_the_average_is_what_torch_would_make_of_it() -> None:
    """Buffers are the network's own, as they are there."""

    @torch.no_grad()
    def update(averages, weights, updates) -> None:
        torch._foreach_lerp_(averages, weights, 1 - min(0.9, (1 + int(updates)) / (10 + int(updates))))

    torch.manual_seed(0)
    living = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3))
    ours, theirs = AveragedModel(living), AveragedModel(living, multi_avg_fn=update)
    follow = training._follower(ours, living, 0.9)
    for _ in range(20):
        living(torch.randn(2, 1, 8, 8)).square().mean().backward()
        with torch.no_grad():
            for weight in living.parameters():
                weight -= 0.1 * weight.grad
        follow()
        theirs.update_parameters(living)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


def test_the_arithmetic_is_what_torch_counts_for_a_step_times_the_steps(tmp_path: Path) -> None:
    loop = Loop(settings(), 7, (0,), checkpoints=tmp_path, interval=0)
    loop.progress = die_at(7)
    with pytest.raises(Killed):
        loop.fit(network(), loss, view())
    images = torch.zeros(settings().batch, 1, 8, 8)
    with FlopCounterMode(display=False) as counter:
        network()(images).sum().backward()
    assert loop.arithmetic == counter.get_total_flops() // 2 * 7


def test_a_resumed_training_tells_the_arithmetic_of_all_steps(tmp_path: Path) -> None:
    killed, resumed = (Loop(settings(), 40, (0,), checkpoints=tmp_path, interval=0) for _ in range(2))
    killed.progress = die_at(20)
    with pytest.raises(Killed):
        killed.fit(network(), loss, view())
    resumed.fit(network(), lambda net, batch: loss(net, batch) + 0 * net(batch.images).sum(), view())
    assert resumed.arithmetic == killed.arithmetic is not None


def test_counting_changes_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a dispatch mode the gradient of SiLU, for one, is computed by another formula."""
    counted = Loop(settings(), 5, (0,)).fit(network(), loss, view()).state_dict()
    monkeypatch.setattr(training._State, "_counting", lambda self: nullcontext())
    plain = Loop(settings(), 5, (0,)).fit(network(), loss, view()).state_dict()
    assert all(torch.equal(counted[name], plain[name]) for name in plain)


def test_in_low_precision_losses_and_results_are_float32() -> None:
    seen: list[torch.dtype] = []

    def watched(net: torch.nn.Module, batch: Batch) -> torch.Tensor:
        seen.append(net(batch.images).dtype)
        seen.append((net(batch.images) @ torch.ones(8, 8)).dtype)
        return loss(net, batch)

    trained = Loop(settings(), 1, (0,), precision="bfloat16").fit(network(), watched, view())
    assert seen == [torch.float32, torch.bfloat16]  # the second: a product of the plugin's own
    with torch.autocast("cpu", torch.bfloat16):
        assert trained(torch.zeros(1, 1, 8, 8)).dtype == torch.bfloat16  # nothing of the training clings to it


@pytest.mark.parametrize("clip", [0.01, None])
def test_gradients_are_clipped_to_the_norm_that_was_asked_for(clip: float | None) -> None:
    norms: list[float] = []

    def steep(net: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return 100 * loss(net, batch)

    class Watched(torch.optim.Adam):
        def step(self, *given: object, **named: object) -> None:
            weights = self.param_groups[0]["params"]
            norms.append(torch.stack([weight.grad.norm() for weight in weights]).norm().item())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", Watched)
        Loop(settings(clip=clip), 3, (0,)).fit(network(), steep, view())
    assert norms == pytest.approx([clip] * 3, rel=1e-3) if clip else min(norms) > 0.01


def test_batches_made_ahead_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a GPU, with the batches left where they are."""
    monkeypatch.setattr(training, "to_device", lambda tensor, device: tensor)

    def augment(pairs: Pairs, seed: int) -> Pairs:
        return Pairs(pairs.images + seed % 7, pairs.masks)

    order = Epochs(len(view()), settings().batch, (0, "x"))
    plain, ahead = (
        list(Loop(settings(), 5, (0, "x"), device=device)._batches(2, view(), order, augment))
        for device in ("cpu", "cuda")
    )
    assert [step for step, _ in ahead] == [2, 3, 4]
    for (_, one), (_, other) in zip(plain, ahead, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.masks, other.masks)
        assert (one.step, one.generator.initial_seed()) == (other.step, other.generator.initial_seed())


def test_arithmetic_is_counted_beside_compiled_code_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def noisy(network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return loss(network, batch) + batch.noise().mean()

    plain = Loop(settings(), 3, (0, "x"))
    expected = plain.fit(network(), noisy, view()).state_dict()
    monkeypatch.setattr("pigbench.training.compile_for_training", lambda network, device: nullcontext)
    apart = Loop(settings(), 3, (0, "x"), compiled=True)
    found = apart.fit(network(), noisy, view()).state_dict()
    assert apart.arithmetic == plain.arithmetic and plain.arithmetic
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_counting_beside_compiled_code_leaves_what_layers_remember_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def normed() -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 1, 1)
        )

    def trained(**options: object) -> dict[str, torch.Tensor]:
        loop = Loop(settings(), 3, (0, "x"), precision="bfloat16", **options)
        found = loop.fit(normed(), loss, view()).state_dict()
        assert loop.arithmetic
        return found

    expected = trained()
    monkeypatch.setattr("pigbench.training.compile_for_training", lambda network, device: nullcontext)
    found = trained(compiled=True)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.process  # the compiler
@pytest.mark.skipif(not shutil.which("g++"), reason="nothing to compile with")
@pytest.mark.parametrize("ema", [0.9, False])
def test_a_compiled_network_trains_to_the_same_weights_under_the_same_names(ema: float) -> None:
    def plain() -> torch.nn.Module:
        return torch.nn.Sequential(*(part for part in network() if not isinstance(part, torch.nn.Dropout)))

    expected = Loop(settings(), 12, (0, "x"), ema=ema).fit(plain(), loss, view()).state_dict()
    found = Loop(settings(), 12, (0, "x"), ema=ema, compiled=True).fit(plain(), loss, view()).state_dict()
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-5)
