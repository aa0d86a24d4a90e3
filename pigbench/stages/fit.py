"""Stage `fit`: one segmenter trained on one arm of one fold.

Every arm of a fold starts from the same weights, takes the same number of steps and sees the real cases in the same
order. The last weights are kept: nothing looks at the test fold before `predict`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import field_serializer

from pigbench import registry
from pigbench.contracts import Pairs, Segmenter, Task, TrainView, instance, require_probabilities, to_unit_range
from pigbench.counting import counted
from pigbench.data.fold_manifests import UNSEALED
from pigbench.ordering import MixedEpochs
from pigbench.protocol import Segmentation
from pigbench.randomness import seed_for
from pigbench.stages import base
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.node import Node
from pigbench.stages.sample import load_images, load_masks
from pigbench.stages.train import TrainedNetwork, save_weights

if TYPE_CHECKING:
    from pigbench.training import Loop

MOST_EMPTY = 0.2
"""So much larger a share of empty synthetic masks than of empty real ones, and the arm has failed."""


@dataclass(frozen=True)
class SyntheticPairs:
    """Generated pairs with a lesion. images: (n, C, H, W) uint16; masks: (n, 1, H, W) uint8; empty: left out.

    about: where they were chosen, `offered`, of how many, their mean `agreement`, and `offered_agreement`, that of all.
    """

    images: np.ndarray
    masks: np.ndarray
    empty: int
    about: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Mixture:
    """Real cases followed by synthetic ones, as one indexable set."""

    real: TrainView
    synthetic: SyntheticPairs

    def __len__(self) -> int:
        return len(self.real) + len(self.synthetic.images)

    def pairs(self, indices: np.ndarray) -> Pairs:
        """The cases at `indices`, in that order."""
        from_real = indices < len(self.real)
        real = self.real.pairs(indices[from_real])
        others = indices[~from_real] - len(self.real)
        assert real.masks is not None
        images = np.empty((len(indices), *real.images.shape[1:]), np.float32)
        masks = np.empty((len(indices), *real.masks.shape[1:]), np.uint8)
        images[from_real], masks[from_real] = real.images, real.masks
        images[~from_real] = to_unit_range(self.synthetic.images[others])
        masks[~from_real] = self.synthetic.masks[others]
        return Pairs(images, masks)


class FitSpec(base.PluginSpec, base.FoldSpec):
    """n: synthetic pairs, 0 for real cases only. number: of the training, from 0. alone: without real cases. share: the
    synthetic part of a batch, n/(n+N) if None. filtered: of twice as many pairs those that agree best. unsealed: pairs
    nobody vouches for."""

    training: Segmentation
    n: int
    seed: int
    number: int = 0
    alone: bool = False
    share: float | None = None
    filtered: bool = False
    unsealed: bool = False

    @field_serializer("training")
    def _whole(self, training: Segmentation) -> dict[str, Any]:
        return training.model_dump(mode="json", exclude={"network"})  # defaults too: a preset may change them


class FittedSegmenter(TrainedNetwork):
    """A trained segmenter.

    facts: steps, images, arithmetic, parameters, share, losses, seal; of synthetic pairs how many were used, how many
    were empty, and where they were chosen, of how many and how well they agree.
    """


class Fit(base.Stage):
    """A unit of work is an optimiser step, in whatever arm."""

    name = "fit"
    Spec = FitSpec
    Result = FittedSegmenter
    plugins = "segmenters"
    urgency = 6.0
    probed = True

    def run(self, job: Job[FitSpec]) -> None:
        """Write the network and what its training took."""
        spec, settings = job.spec, job.spec.training
        segmenter = load_segmenter(spec)
        view = job.train_view()
        if not view.masks.any():
            raise StageFailed(f"no case of the {counted(len(job.train_patients), 'training patient')} has a lesion")
        healthy = float(1 - view.masks.any(axis=(1, 2, 3)).mean())
        synthetic = load_synthetic(job, view.seal, healthy) if spec.n else None
        share = 1.0 if spec.alone else _share(spec.share, view, synthetic)
        loop = job.loop(settings, settings.steps, _path(spec))
        _try_to_predict(segmenter, spec.task)
        start: FittedSegmenter | None = job.result("start") if "start" in job.inputs else None
        network = _fit(segmenter, view, synthetic, share, loop, start)
        save_weights(job, network)
        facts = {
            "steps": loop.steps,
            "images": loop.steps * settings.batch,
            "arithmetic": loop.arithmetic,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "share": share,
            "losses": loop.losses,
            "seal": view.seal,
        }
        if synthetic:
            facts |= {"synthetic_used": len(synthetic.images), "empty_masks": synthetic.empty} | synthetic.about
        job.write_json(FittedSegmenter.FACTS, _with_those_before(facts, start) if start else facts)

    def like(self, node: Node) -> str:
        """Alike in every arm."""
        return f"{self.name} {node.purpose.segmenter}"

    def units(self, node: Node, size: base.Size) -> float:
        """The steps."""
        return float(node.spec["training"]["steps"])

    def units_of(self, spec: Any, result: FittedSegmenter) -> float:
        """The steps."""
        return float(spec.training.steps)

    def work(self, spec: Any, result: FittedSegmenter) -> dict[str, int]:
        """Cases seen, and parameters, those of one network once."""
        settings, facts = spec.training, result.facts
        parameters = 0 if facts.get("continued") else facts["parameters"]
        return {"images": settings.steps * settings.batch, "parameters": parameters}

    def costs_of(self, node: Node) -> str:
        """The arm's."""
        return f"segment {node.purpose.segmenter} on {node.purpose.arm}"


def _with_those_before(facts: dict[str, Any], start: FittedSegmenter) -> dict[str, Any]:
    """What the whole training took, of which this was the second part; its share is that of the steps on pairs."""
    before = start.facts
    whole = before | facts | {name: before[name] + facts[name] for name in ("steps", "images", "losses")}
    known = before["arithmetic"] is not None and facts["arithmetic"] is not None
    whole["arithmetic"] = before["arithmetic"] + facts["arithmetic"] if known else None
    return whole | {"share": before["steps"] / whole["steps"], "continued": True}


def _try_to_predict(segmenter: Segmenter, task: Task) -> None:
    """Raises PigbenchError where its untrained network predicts no probabilities: better now than after hours."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        blank = torch.zeros(2, *task.image_shape)
        require_probabilities(segmenter.predict(segmenter.build().eval(), blank), task, len(blank))


def load_segmenter(spec: base.PluginSpec) -> Segmenter:
    """The segmenter of a spec."""
    plugin = registry.find("segmenters", spec.plugin).load()
    return instance(plugin, plugin.Config(**spec.settings), spec.task)


def load_synthetic(job: Job[FitSpec], seal: str, healthy: float = 0.0) -> SyntheticPairs:
    """The arm's synthetic pairs without empty masks. healthy: the share of empty ones among the real cases.

    Pairs that nobody vouches for are let in only where the plan says so. Raises StageFailed for a foreign seal or too
    many empty masks.
    """
    expected = UNSEALED if job.spec.unsealed else seal
    chunks = job.results("chunk")
    for chunk in chunks:
        if chunk.seal != expected:
            raise StageFailed(
                f"synthetic pairs sealed {chunk.seal} met a fold sealed {seal}: they were made from other patients"
            )
    offered = 2 * job.spec.n if job.spec.filtered else job.spec.n
    images, masks = load_images(chunks, offered), load_masks(chunks, offered)
    assert masks is not None, "an arm needs masks"
    kept, empty = np.arange(len(masks)), 0
    if not chunks[0].copies:
        kept = np.flatnonzero(masks.any(axis=(1, 2, 3)))
        empty = len(masks) - len(kept)
        if empty > (healthy + MOST_EMPTY) * len(masks):
            beyond = f", and {healthy:.0%} of the real ones are" if healthy else ""
            raise StageFailed(f"{empty} of {len(masks)} generated masks are empty (more than {MOST_EMPTY:.0%}{beyond})")
    if not len(kept):
        raise StageFailed("no generated mask has a lesion")
    if not job.spec.filtered:
        return SyntheticPairs(images[kept], masks[kept], empty)
    agreement = job.result("agreement").of_pairs
    kept = best(agreement, job.spec.n)
    if not len(kept):
        raise StageFailed("no mask offered has a lesion")
    about = {"offered": len(masks), "agreement": float(agreement[kept].mean())}
    about |= {"offered_agreement": float(np.nanmean(agreement))}
    return SyntheticPairs(images[kept], masks[kept], empty, about)


def best(agreement: np.ndarray, count: int) -> np.ndarray:
    """The places of so many pairs that agree best, in their order, without those whose mask is empty (NaN)."""
    ranked = np.argsort(-agreement, kind="stable")[: min(count, int(np.isfinite(agreement).sum()))]
    return np.sort(ranked)


def _path(spec: FitSpec) -> tuple[str | int, ...]:
    """Where the training's random numbers come from; the first one's are those of records that know no second."""
    return (spec.seed, "segment", spec.fold, *([spec.number] if spec.number else []))


def _share(chosen: float | None, view: TrainView, synthetic: SyntheticPairs | None) -> float:
    """The synthetic part of a batch: n/(n+N) unless the arm has another."""
    if synthetic is None:
        return 0.0
    return chosen or len(synthetic.images) / (len(synthetic.images) + len(view))


def _fit(
    segmenter: Segmenter,
    view: TrainView,
    synthetic: SyntheticPairs | None,
    share: float,
    loop: Loop,
    start: FittedSegmenter | None,
):
    import torch

    made = len(synthetic.images) if synthetic else 0
    loop.order = MixedEpochs(len(view), made, share, loop.settings.batch, loop.path)
    cases = Mixture(view, synthetic) if synthetic else view
    with torch.random.fork_rng():
        torch.manual_seed(seed_for(*loop.path, "initial weights"))
        return segmenter.train(cases, loop, start.weights) if start else segmenter.train(cases, loop)


STAGE = Fit()
