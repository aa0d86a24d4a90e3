"""Multiply-adds of a training step, against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from pigbench.arithmetic import Counter


def counted(compute: Callable[[], torch.Tensor]) -> int:
    with Counter() as counter:
        value = compute()
    if value.requires_grad:
        value.sum().backward()
    return counter.multiply_adds


def test_a_convolution_takes_three_passes_and_two_where_its_images_need_no_gradient() -> None:
    first, second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 4, 3, padding=1, groups=4)
    images = torch.zeros(2, 3, 6, 6)
    places = 2 * 6 * 6
    assert counted(lambda: first(images)) == 2 * places * 3 * 8 * 9
    assert counted(lambda: second(first(images))) == places * (2 * 3 * 8 * 9 + 3 * 4 * 2 * 9)


def test_what_is_frozen_takes_what_it_does() -> None:
    frozen, trained = torch.nn.Linear(5, 7).requires_grad_(False), torch.nn.Linear(7, 2)
    x = torch.zeros(3, 5)
    assert counted(lambda: trained(frozen(x))) == 3 * (5 * 7 + 2 * 7 * 2)
    needed = torch.zeros(3, 5, requires_grad=True)
    assert counted(lambda: frozen(needed)) == 3 * 2 * 5 * 7
    with torch.no_grad():
        assert counted(lambda: trained(frozen(x))) == 3 * (5 * 7 + 7 * 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_counts_on_every_device(dtype: torch.dtype) -> None:
    q, k, v = (torch.randn(2, 3, 10, 8, requires_grad=True, dtype=dtype) for _ in range(3))
    assert counted(lambda: scaled_dot_product_attention(q, k, v)) == 3 * 2 * 3 * (10 * 10 * 8 + 10 * 10 * 8)
