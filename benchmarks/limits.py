"""What limits a computation: its matrix products against the device's measured rate, its traffic against the bandwidth.

Counted are matrix products and convolutions: their operations, and the bytes of what they read and write, which no
fusion of other operations can save. A device that is busy with neither waits for the host, or for small kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import textbook
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

HEADING = f"{'matrix rate':>11} {'bandwidth':>9} {'busy':>5}  limited by"
BUSY = 0.8  # share of the time in kernels from which the host is not what limits
HIGH = 0.5  # share of a limit from which it is what limits


@dataclass(frozen=True)
class Device:
    """What a device does at most, measured. rate: FLOP/s of matrix products. bandwidth: bytes/s, read and written."""

    name: str
    rate: float
    bandwidth: float

    def __str__(self) -> str:
        return f"{self.name}: {self.rate / 1e12:.3g} TFLOP/s, {self.bandwidth / 1e9:,.0f} GB/s, both measured"


def measure(device: str) -> Device:
    """The limits of a device: in bf16 on a GPU, in float32 on one thread of a CPU."""
    kind, side = (torch.bfloat16, 8192) if device == "cuda" else (torch.float32, 1024)
    a, b = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    rate = 2 * side**3 / textbook.seconds(lambda: a @ b, device)
    source = torch.empty(2**30 if device == "cuda" else 2**28, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    bandwidth = 2 * source.numel() / textbook.seconds(lambda: target.copy_(source), device)
    name = torch.cuda.get_device_name() if device == "cuda" else "one thread of the CPU"
    return Device(name, rate, bandwidth)


class Counted(TorchDispatchMode):
    """Counts the operations and the bytes of matrix products and convolutions within the block."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if function._overloadpacket not in flop_registry:
            with self:
                out = function.decompose(*args, **given)  # where no gradient is wanted a convolution is still whole
            if out is not NotImplemented:
                return out
        out = function(*args, **given)
        if count := flop_registry.get(function._overloadpacket):
            self.flops += count(*args, **given, out_val=out)
            tensors = (leaf for leaf in tree_leaves((args, given, out)) if isinstance(leaf, torch.Tensor))
            self.bytes += sum(tensor.nbytes for tensor in tensors)
        return out


class Busy:
    """The share of the time in which a GPU runs kernels, from `begin` to `end`; 1 on a CPU, which is its own host."""

    def __init__(self, device: str) -> None:
        self.share = 1.0
        self._on_gpu = device == "cuda"

    def begin(self) -> None:
        if self._on_gpu:
            self._profile = profile(activities=[ProfilerActivity.CUDA])
            self._profile.start()
            self._began = textbook.clock("cuda")

    def end(self) -> None:
        if self._on_gpu:
            took = textbook.clock("cuda") - self._began
            self._profile.stop()
            kernels = sum(event.self_device_time_total for event in self._profile.key_averages())
            self.share = min(1.0, kernels / 1e6 / took)


def line(device: Device, work: Callable[[], object], seconds: float, busy: Busy) -> str:
    """What part of the limits a computation reaches, under `HEADING`.

    work: the computation, not compiled, to be counted. seconds: what it takes as it is timed.
    """
    with Counted() as counted:
        work()
    matrix, traffic = counted.flops / seconds / device.rate, counted.bytes / seconds / device.bandwidth
    return f"{matrix:11.1%} {traffic:9.1%} {busy.share:5.0%}  {_limit(matrix, traffic, busy.share)}"


def _limit(matrix: float, traffic: float, busy: float) -> str:
    if busy < BUSY:
        return "the host: the device waits for kernels"
    if max(matrix, traffic) < HIGH:
        return "small kernels, and what is between the products"
    return "the matrix rate" if matrix > traffic else "the bandwidth"
