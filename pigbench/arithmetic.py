"""How many multiply-adds a training step takes: those of its convolutions, matrix products and attention."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten
COUNTED_AS = {aten._scaled_dot_product_flash_attention_for_cpu: aten._scaled_dot_product_flash_attention}
ADDEND_FIRST = {aten.addmm, aten.baddbmm}


class Counter(TorchDispatchMode):
    """Counts the multiply-adds of a forward pass within it, and those that its gradients will take.

    The gradient takes as many again for each of a product's factors that needs one. It is not watched: under a
    dispatch mode some backward kernels round differently, and counting must not change a training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.multiply_adds = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        operation = COUNTED_AS.get(func._overloadpacket, func._overloadpacket)
        if operation in flop_registry:
            forward = flop_registry[operation](*args, **given, out_val=result) // 2
            factors = args[1:3] if operation in ADDEND_FIRST else args[:2]
            needed = sum(factor.requires_grad for factor in factors) if torch.is_grad_enabled() else 0
            self.multiply_adds += forward * (1 + needed)
        return result
