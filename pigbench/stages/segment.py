"""Stage `segment`: one segmenter trained on one arm of one fold, and judged on that fold's held-out patients.

Every arm of a fold starts from the same weights, takes the same number of steps and sees the real cases in the same
order. The last weights are evaluated: the test fold is looked at once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import field_serializer

from pigbench import registry
from pigbench.contracts import Pairs, Segmenter, TrainView, instance, masks_of, to_unit_range
from pigbench.data.fold_manifests import UNSEALED
from pigbench.ordering import MixedEpochs
from pigbench.protocol import Segmentation
from pigbench.randomness import seed_for
from pigbench.stages import base
from pigbench.stages.job import Job, StageFailed, read_json
from pigbench.stages.node import Node
from pigbench.stages.sample import load_images, load_masks
from pigbench.stages.train import save_weights

if TYPE_CHECKING:
    from pigbench.training import Loop

MOST_EMPTY = 0.2
"""So much larger a share of empty synthetic masks than of empty real ones, and the arm has failed."""


@dataclass(frozen=True)
class SyntheticPairs:
    """Generated pairs with a lesion. images: (n, 1, H, W) uint16; masks: (n, 1, H, W) uint8; empty: left out."""

    images: np.ndarray
    masks: np.ndarray
    empty: int


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
        images = np.empty((len(indices), *real.images.shape[1:]), np.float32)
        masks = np.empty(images.shape, np.uint8)
        assert real.masks is not None
        images[from_real], masks[from_real] = real.images, real.masks
        images[~from_real] = to_unit_range(self.synthetic.images[others])
        masks[~from_real] = self.synthetic.masks[others]
        return Pairs(images, masks)


class SegmentSpec(base.PluginSpec):
    """n: synthetic pairs, 0 for real cases only. alone: without real cases. unsealed: pairs nobody vouches for."""

    training: Segmentation
    n: int
    seed: int
    fold: int
    alone: bool = False
    unsealed: bool = False

    @field_serializer("training")
    def _whole(self, training: Segmentation) -> dict[str, Any]:
        return training.model_dump(mode="json", exclude={"network"})  # defaults too: a preset may change them


class TrainedSegmenter(base.Result):
    """A trained segmenter, and how it did on the held-out cases."""

    CASES, FACTS = "cases.json", "arm.json"

    @property
    def cases(self) -> dict[str, list[Any]]:
        """patient_id, case_id and the counts tp, fp, fn, tn, in columns."""
        return read_json(self.directory / self.CASES)

    @property
    def dice(self) -> np.ndarray:
        """Of every held-out case that has one, 0 to 1."""
        from pigbench.metrics.overlap import Counts, scores

        cases = self.cases
        found = scores(*(np.array(cases[name]) for name in Counts._fields))["dice"]
        return found[np.isfinite(found)]

    @property
    def facts(self) -> dict[str, Any]:
        """steps, images, parameters, share, losses, seal; of synthetic pairs how many were used and were empty."""
        return read_json(self.directory / self.FACTS)


class Segment(base.Stage):
    """A unit of work is an optimiser step, in whatever arm."""

    name = "segment"
    Spec = SegmentSpec
    Result = TrainedSegmenter
    plugins = "segmenters"
    urgency = 6.0
    probed = True
    table = "arms"

    def run(self, job: Job[SegmentSpec]) -> None:
        """Write the network, the counts of each held-out case, and what the training took."""
        spec, settings = job.spec, job.spec.training
        plugin = registry.find("segmenters", spec.plugin).load()
        segmenter = instance(plugin, plugin.Config(**spec.settings), spec.task)
        view = job.train_view()
        healthy = float(1 - view.masks.any(axis=(1, 2, 3)).mean())
        synthetic = load_synthetic(job, view.seal, healthy) if spec.n else None
        share = 1.0 if spec.alone else _share(settings, view, synthetic)
        loop = job.loop(settings, settings.steps, (spec.seed, "segment", spec.fold))
        network = _fit(segmenter, view, synthetic, share, loop)
        save_weights(job, network)
        job.write_json(TrainedSegmenter.CASES, _judge(job, segmenter, network, job.device))
        facts = {
            "steps": loop.steps,
            "images": loop.steps * settings.batch,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "share": share,
            "losses": loop.losses,
            "seal": view.seal,
        }
        if synthetic:
            facts |= {"synthetic_used": len(synthetic.images), "empty_masks": synthetic.empty}
        job.write_json(TrainedSegmenter.FACTS, facts)

    def like(self, node: Node) -> str:
        """Alike in every arm."""
        return f"{self.name} {node.purpose.segmenter}"

    def units(self, node: Node, size: base.Size) -> float:
        """The steps."""
        return float(node.spec["training"]["steps"])

    def units_of(self, spec: Any, result: TrainedSegmenter) -> float:
        """The steps."""
        return float(spec.training.steps)

    def work(self, spec: Any, result: TrainedSegmenter) -> dict[str, int]:
        """Cases seen, and parameters; older artifacts do not say."""
        return {name: value for name, value in result.facts.items() if name in ("images", "parameters")}

    def row(self, node: Node, result: TrainedSegmenter | None) -> dict[str, Any]:
        """One arm, segmenter, seed and fold."""
        purpose = node.purpose
        row = purpose.told("arm", "n", "alone", "stretch", "segmenter", "seed", "fold")
        row["generator"] = purpose.generator
        told = ("share", "steps", "synthetic_used", "empty_masks")
        return row | {name: value for name, value in (result.facts if result else {}).items() if name in told}

    def cases(self, node: Node, result: TrainedSegmenter) -> dict[str, list[Any]]:
        """The counts of every held-out case, under the arm's name."""
        found = result.cases
        about = node.purpose.told("arm", "segmenter", "seed", "fold")
        return {name: [value] * len(found["case_id"]) for name, value in about.items()} | found


def load_synthetic(job: Job[SegmentSpec], seal: str, healthy: float = 0.0) -> SyntheticPairs:
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
    images, masks = load_images(chunks, job.spec.n), load_masks(chunks, job.spec.n)
    assert masks is not None, "an arm needs masks"
    if chunks[0].copies:
        return SyntheticPairs(images, masks, 0)
    kept = masks.any(axis=(1, 2, 3))
    empty = int((~kept).sum())
    if empty > (healthy + MOST_EMPTY) * len(masks):
        beyond = f", and {healthy:.0%} of the real ones are" if healthy else ""
        raise StageFailed(f"{empty} of {len(masks)} generated masks are empty (more than {MOST_EMPTY:.0%}{beyond})")
    return SyntheticPairs(images[kept], masks[kept], empty)


def _share(settings: Segmentation, view: TrainView, synthetic: SyntheticPairs | None) -> float:
    """The synthetic part of a batch: n/(n+N) unless the protocol says otherwise."""
    if synthetic is None:
        return 0.0
    return settings.share or len(synthetic.images) / (len(synthetic.images) + len(view))


def _fit(segmenter: Segmenter, view: TrainView, synthetic: SyntheticPairs | None, share: float, loop: Loop):
    import torch

    made = len(synthetic.images) if synthetic else 0
    loop.order = MixedEpochs(len(view), made, share, loop.settings.batch, loop.path)
    cases = Mixture(view, synthetic) if synthetic else view
    with torch.random.fork_rng():
        torch.manual_seed(seed_for(*loop.path, "initial weights"))
        return segmenter.train(cases, loop)


def _judge(job: Job[SegmentSpec], segmenter: Segmenter, network, device: str, batch: int = 64) -> dict[str, list]:
    """Per held-out case its ids and confusion counts."""
    import torch

    from pigbench.metrics.overlap import counts

    prepared = job.prepared
    rows = prepared.rows(job.held_out)
    network = network.to(device)
    predicted = []
    for start in range(0, len(rows), batch):
        images = np.zeros((batch, *prepared.images.shape[1:]), np.float32)  # one fixed shape, the last one padded
        part = rows[start : start + batch]
        images[: len(part)] = to_unit_range(prepared.images[part])
        with torch.inference_mode(), job.autocast():
            probabilities = segmenter.predict(network, torch.from_numpy(images).to(device))
        predicted.append(masks_of(probabilities)[: len(part)])
    found = counts(np.concatenate(predicted), prepared.masks[rows])
    return {
        "patient_id": [prepared.patients[row] for row in rows],
        "case_id": [prepared.case_ids[row] for row in rows],
        **{name: [int(value) for value in getattr(found, name)] for name in ("tp", "fp", "fn", "tn")},
    }


STAGE = Segment()
