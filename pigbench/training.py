"""The one training loop, for every denoiser and every segmenter.

A step is a pure function of (weights, optimiser state, seed path, step number): its cases, its augmentation and its
noise descend from the step's number, not from what ran before. So a run that is killed and resumed ends with the same
weights as one that was left alone.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from pigbench.compiling import compile_for_training
from pigbench.contracts import Batch, Pairs, to_device
from pigbench.errors import PigbenchError
from pigbench.ordering import Epochs
from pigbench.randomness import seed_for, torch_generator

if TYPE_CHECKING:
    import torch
    from torch.optim.swa_utils import AveragedModel

CHECKPOINT = "checkpoint.pt"
LOSS_WINDOW = 10


class Cases(Protocol):
    """What can be trained on: a TrainView, or a mixture of real and synthetic pairs."""

    def __len__(self) -> int: ...

    def pairs(self, indices: np.ndarray) -> Pairs:
        """The cases at `indices`, in that order."""
        ...


class OptimiserSettings(Protocol):
    """The fields of a protocol's `Training` or `Segmentation` table that the loop reads."""

    batch: int
    optimizer: Any
    learning_rate: float
    weight_decay: float
    schedule: Any
    warmup: int
    clip: Any


Loss = Callable[["torch.nn.Module", Batch], "torch.Tensor"]
Augment = Callable[[Pairs, int], Pairs]
Order = Callable[[int], np.ndarray]


class Diverged(PigbenchError):
    """The loss became NaN or infinite."""


class Loop:
    """Trains one network for a fixed number of steps, resuming from its checkpoint where there is one.

    settings: optimiser, schedule and batch size. steps: optimiser steps. path: the seed path of this training.
    ema: decay of the weights' moving average (the average is what `fit` returns), False for the last weights.
    compiled: whether torch.compile makes the network's forward and backward.
    checkpoints: the directory for the checkpoint, written every `interval` seconds; None for none.
    window: losses are read from the device once in so many steps, so that a GPU need not wait at each one.
    progress: called with (step, steps, mean loss of the window).

    Its attribute `order` gives the case indices of a step; None stands for successive seeded permutations of all cases.
    """

    def __init__(
        self,
        settings: OptimiserSettings,
        steps: int,
        path: tuple[str | int, ...],
        *,
        ema: float | Literal[False] = False,
        device: str = "cpu",
        precision: str = "float32",
        compiled: bool = False,
        checkpoints: Path | None = None,
        interval: float = 60.0,
        window: int = LOSS_WINDOW,
        progress: Callable[[int, int, float], None] = lambda step, steps, loss: None,
    ) -> None:
        self.settings = settings
        self.steps = steps
        self.path = path
        self.ema = ema
        self.device = device
        self.precision = precision
        self.compiled = compiled
        self.checkpoints = checkpoints
        self.interval = interval
        self.window = window
        self.progress = progress
        self.order: Order | None = None
        self.losses: list[float] = []  # the mean of each window
        self.arithmetic: int | None = None  # multiply-adds of all steps, forward and backward; None: not counted

    def fit(
        self,
        network: torch.nn.Module,
        loss: Loss,
        cases: Cases,
        order: Order | None = None,
        augment: Augment | None = None,
    ) -> torch.nn.Module:
        """The trained network, on the CPU, in evaluation mode.

        order: of the cases, in place of the loop's own.
        Raises Diverged if the loss becomes NaN or infinite.
        """
        import torch

        if len(cases) == 0:
            raise PigbenchError("there are no cases to train on")
        order = order or self.order or Epochs(len(cases), self.settings.batch, self.path)
        self._epoch = math.ceil(len(cases) / self.settings.batch)
        with torch.random.fork_rng():
            state = _State(network, self)
            first = state.resume(self.checkpoints)
            state.network.train()
            window: list[torch.Tensor] = []
            saved = time.monotonic()
            for step, batch in self._batches(first, cases, order, augment):
                _seed(self.device, seed_for(*self.path, "dropout", step))
                window.append(state.update(loss, batch))
                if (step + 1) % self.window and step + 1 < self.steps:
                    continue
                self._read(window, step, state)
                window = []
                if self.checkpoints and time.monotonic() - saved > self.interval:
                    state.save(self.checkpoints, step + 1)
                    saved = time.monotonic()
        return state.result()

    def _batches(self, first: int, cases: Cases, order: Order, augment: Augment | None) -> Iterator[tuple[int, Batch]]:
        """The steps from `first` on with their batches; for a GPU the next one is made while this one is at work."""
        if self.device == "cpu":  # a stage computes in one thread
            for step in range(first, self.steps):
                yield step, self._batch(step, cases, order, augment)
            return
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self._batch, first, cases, order, augment)
            for step in range(first, self.steps):
                batch = coming.result()
                if step + 1 < self.steps:
                    coming = ahead.submit(self._batch, step + 1, cases, order, augment)
                yield step, batch

    def _batch(self, step: int, cases: Cases, order: Order, augment: Augment | None) -> Batch:
        import torch

        pairs = cases.pairs(order(step))
        if augment:
            pairs = augment(pairs, seed_for(*self.path, "augment", step))
        assert pairs.masks is not None
        return Batch(
            images=to_device(torch.from_numpy(pairs.images), self.device),
            masks=to_device(torch.from_numpy(pairs.masks.astype(np.float32)), self.device),
            step=step,
            generator=torch_generator(*self.path, "step", step),
        )

    def _read(self, window: list[torch.Tensor], step: int, state: _State) -> None:
        """Bring a window's losses from the device, in one transfer, and look at them."""
        import torch

        values = torch.stack(window).tolist()
        for back, value in enumerate(reversed(values)):
            if not math.isfinite(value) and all(math.isfinite(v) for v in values[: len(values) - back - 1]):
                raise Diverged(
                    f"the loss became {value} at step {step - back} of {self.steps}, learning rate "
                    f"{state.learning_rate:.2g}: try a smaller learning_rate, a longer warmup or clip=1.0"
                )
        mean = sum(values) / len(values)
        self.losses.append(mean)
        state.schedule_sees(values, self._epoch)
        self.progress(step + 1, self.steps, mean)


def _seed(device: str, seed: int) -> None:
    """Seed the random numbers that a network draws; on a CPU torch's own function would look for other devices."""
    import torch

    if device == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def laid_out(network: torch.nn.Module, device: str) -> torch.nn.Module:
    """The same network on `device`, in the memory layout that is fast there."""
    import torch

    return network.to(device) if device == "cpu" else network.to(device, memory_format=torch.channels_last)


class _State:
    """Everything that changes while training: network, optimiser, schedule, moving average."""

    def __init__(self, network: torch.nn.Module, loop: Loop) -> None:
        from torch.optim.swa_utils import AveragedModel

        self.loop = loop
        self.network = laid_out(network, loop.device)
        self.weights = list(network.parameters())  # looking through the modules at every step takes milliseconds
        self.optimiser = _optimiser(network, loop.settings)
        self.schedule = _schedule(self.optimiser, loop.settings, loop.steps)
        self.average = AveragedModel(network) if loop.ema else None
        self.follow = _follower(self.average, network, float(loop.ema)) if self.average else None
        self.mixed = loop.precision == "bfloat16"
        if self.mixed:
            _answer_in_float32(network)
        # the average is never called, so it is not compiled
        self.step = compile_for_training(network, loop.device) if loop.compiled else nullcontext
        self.epoch_losses: list[float] = []  # of the epoch under way, for a plateau schedule

    def update(self, loss: Loss, batch: Batch) -> torch.Tensor:
        """One optimiser step; the loss, detached, still on the device."""
        import torch

        if self.loop.compiled and self.loop.arithmetic is None:
            self._count_apart(loss, batch)
        with self.step():
            with self._counting(), torch.autocast(self.loop.device, torch.bfloat16, enabled=self.mixed):
                value = loss(self.network, batch)
            value.backward()
        if self.loop.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.weights, self.loop.settings.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if not _is_plateau(self.schedule):
            self.schedule.step()
        if self.follow:
            self.follow()
        return value.detach().float().clone()  # a plugin may compute its loss within the compiled network

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Tell the loop its arithmetic, once, from the forward pass within."""
        if self.loop.arithmetic is not None:
            yield
            return
        from pigbench.arithmetic import Counter

        with Counter() as counter:
            yield
        self.loop.arithmetic = counter.multiply_adds * self.loop.steps

    def _count_apart(self, loss: Loss, batch: Batch) -> None:
        """Tell the loop its arithmetic from a copy that is not compiled: in compiled code nothing can be counted."""
        import torch

        same = torch.Generator().set_state(batch.generator.get_state())
        apart = deepcopy(self.network)
        if self.mixed:  # its copied forward is the network's own
            del apart.forward
            _answer_in_float32(apart)
        mixed = torch.autocast(self.loop.device, torch.bfloat16, enabled=self.mixed)
        with torch.random.fork_rng(), self._counting(), mixed:
            loss(apart, replace(batch, generator=same))

    def schedule_sees(self, losses: list[float], epoch: int) -> None:
        """A plateau schedule reacts to the mean training loss of each `epoch` steps."""
        if not _is_plateau(self.schedule):
            return
        self.epoch_losses += losses
        while len(self.epoch_losses) >= epoch:
            self.schedule.step(sum(self.epoch_losses[:epoch]) / epoch)
            self.epoch_losses = self.epoch_losses[epoch:]

    @property
    def learning_rate(self) -> float:
        return float(self.optimiser.param_groups[0]["lr"])

    def result(self) -> torch.nn.Module:
        vars(self.network).pop("forward", None)  # what _answer_in_float32 put there
        kept = self.average.module if self.average else self.network
        return kept.to("cpu").eval().requires_grad_(False)

    def save(self, directory: Path, step: int) -> None:
        """Write the checkpoint whole, then rename it over the last one."""
        import torch

        state = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": step, "epoch_losses": self.epoch_losses}
        state |= {"losses": self.loop.losses, "arithmetic": self.loop.arithmetic}
        directory.mkdir(parents=True, exist_ok=True)  # another run may have finished this stage and tidied up
        new = directory / f"{CHECKPOINT}.{os.getpid()}"
        try:
            torch.save(state, new)
            new.replace(directory / CHECKPOINT)
        finally:
            new.unlink(missing_ok=True)

    def resume(self, directory: Path | None) -> int:
        """The step to go on from: 0 without a checkpoint, or with one that cannot be read."""
        import torch

        if directory is None or not (directory / CHECKPOINT).is_file():
            return 0
        fresh = {name: deepcopy(part.state_dict()) for name, part in self._parts().items()}
        try:  # weights_only: a checkpoint can hold tensors and numbers, never code
            state = torch.load(directory / CHECKPOINT, map_location="cpu", weights_only=True)
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
        except Exception as error:  # cut short, or written by other versions of the libraries
            warnings.warn(f"starting over: {directory / CHECKPOINT} cannot be read ({error})", stacklevel=2)
            for name, part in self._parts().items():
                part.load_state_dict(fresh[name])
            return 0
        self.epoch_losses = state["epoch_losses"]
        self.loop.losses[:] = state["losses"]
        self.loop.arithmetic = state.get("arithmetic")
        return int(state["step"])

    def _parts(self) -> dict[str, Any]:
        parts = {"network": self.network, "optimiser": self.optimiser, "schedule": self.schedule}
        return parts | ({"average": self.average} if self.average else {})


def _answer_in_float32(network: torch.nn.Module) -> None:
    """A loss is computed from float32, whatever the network computes in. (A hook would compile to a second graph.)"""
    import torch
    from torch.utils._pytree import tree_map_only

    forward = network.forward

    def in_float32(*given: Any, **named: Any) -> Any:
        return tree_map_only(torch.Tensor, _float32, forward(*given, **named))

    network.forward = in_float32


def _float32(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _optimiser(network: torch.nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    import torch

    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return kind(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)


def _schedule(optimiser: torch.optim.Optimizer, settings: OptimiserSettings, steps: int) -> Any:
    from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

    if settings.schedule == "plateau":
        return ReduceLROnPlateau(optimiser, factor=0.25, patience=4)
    return LambdaLR(optimiser, lambda step: _factor(step, steps, settings))


def _factor(step: int, steps: int, settings: OptimiserSettings) -> float:
    """The learning rate's factor: linear warm-up, then constant or half a cosine down to 0."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - settings.warmup) / max(1, steps - settings.warmup)))


def _is_plateau(schedule: Any) -> bool:
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    return isinstance(schedule, ReduceLROnPlateau)


def _follower(average: AveragedModel, network: torch.nn.Module, decay: float) -> Callable[[], None]:
    """A step of the moving average of the weights; its decay warms up as min(decay, (1+step)/(10+step)).

    Without the warm-up a short training would hand over mostly its initial weights. torch's own `update_parameters`
    sends the number of the step to the device and waits for it.
    """
    import torch

    averages, weights = list(average.module.parameters()), list(network.parameters())
    buffers = list(zip(average.module.buffers(), network.buffers(), strict=True))

    @torch.no_grad()
    def follow() -> None:
        step = int(average.n_averaged)
        if step == 0:
            torch._foreach_copy_(averages, weights)
        else:
            torch._foreach_lerp_(averages, weights, 1 - min(decay, (1 + step) / (10 + step)))
        for own, theirs in buffers:
            own.copy_(theirs)
        average.n_averaged += 1

    return follow
