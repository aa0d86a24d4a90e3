"""Probabilities are lesion exactly where the logits say so; what is none is refused with what to change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pigbench.contracts import Task, lesion_probabilities, masks_of, require_probabilities
from pigbench.errors import PigbenchError

TASK = Task(4)


def many_logits() -> torch.Tensor:
    """Of every size that float32 has, of both signs, and zeros of both signs."""
    sizes = torch.cat([torch.tensor([0.0, 1e-45, 1e-38]), torch.logspace(-37, 2, 4000), torch.linspace(0, 20, 4000)])
    return torch.cat([sizes, -sizes]).view(1, 1, 2, -1)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_it_is_lesion_exactly_where_the_logit_is_at_least_0(kind: torch.dtype) -> None:
    logits = many_logits().to(kind)
    found = lesion_probabilities(logits)
    assert found.dtype == torch.float32
    assert torch.equal(found[:, 1:] >= 0.5, logits >= 0)
    assert np.array_equal(masks_of(found), (logits >= 0).numpy())


def test_the_sigmoid_alone_would_not_do() -> None:
    assert torch.tensor(-1e-9).sigmoid() == 0.5


def test_they_are_the_sigmoids_and_add_up_to_1() -> None:
    logits = many_logits()
    found = lesion_probabilities(logits)
    torch.testing.assert_close(found[:, 1:], logits.sigmoid())
    torch.testing.assert_close(found.sum(dim=1), torch.ones_like(found[:, 0]), rtol=0, atol=1e-7)


def test_of_several_classes_the_likeliest_counts() -> None:
    logits = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    found = masks_of(logits.softmax(dim=1))
    assert found.dtype == np.uint8
    assert np.array_equal(found[:, 0], logits.argmax(dim=1).numpy())


@pytest.mark.parametrize(
    "old", [lambda logits: logits > 0, lambda logits: logits.sigmoid(), lambda logits: logits[:, 0]]
)
def test_masks_in_their_place_are_refused_with_what_to_change(old) -> None:
    for judge in (masks_of, lambda found: require_probabilities(found, TASK, 2)):
        with pytest.raises(PigbenchError, match=r"such as `lesion_probabilities\(logits\)`, in place of masks"):
            judge(old(torch.randn(2, 1, 4, 4)))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (torch.full((2, 3, 4, 4), 1 / 3), r"\(2, 3, 4, 4\) float32 where \(2, 2, 4, 4\) float32 was asked"),
        (torch.full((1, 2, 4, 4), 0.5), r"\(1, 2, 4, 4\) float32 where \(2, 2, 4, 4\)"),
        (torch.full((2, 2, 4, 4), 0.5).double(), r"float64 where \(2, 2, 4, 4\) float32"),
        (torch.tensor([1.5, -0.5]).view(1, 2, 1, 1).expand(2, 2, 4, 4), "predict gives -0.5 to 1.5 where"),
        (torch.full((2, 2, 4, 4), torch.nan), "predict gives nan to nan where"),
        (torch.full((2, 2, 4, 4), 0.6), "add up to 1.2 to 1.2, not 1"),
    ],
)
def test_what_are_no_probabilities_of_the_task_is_refused(found: torch.Tensor, told: str) -> None:
    with pytest.raises(PigbenchError, match=told):
        require_probabilities(found, TASK, 2)


def test_what_are_pass_as_they_are() -> None:
    found = lesion_probabilities(torch.randn(2, 1, 4, 4))
    assert require_probabilities(found, TASK, 2) is found
    colours = torch.randn(2, 4, 4, 4).softmax(dim=1)
    assert require_probabilities(colours, Task(4, classes=("a", "b", "c")), 2) is colours
