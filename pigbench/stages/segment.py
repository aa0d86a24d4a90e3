"""Stage `segment`: one segmenter trained on one arm of one fold, and judged on that fold's held-out patients.

Every arm of a fold starts from the same weights, takes the same number of steps and sees the real cases in the same
order. The last weights are evaluated: the test fold is looked at once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pigbench import registry
from pigbench.contracts import Pairs, Segmenter, TrainView, to_unit_range
from pigbench.data.fold_manifests import UNSEALED
from pigbench.ordering import MixedEpochs
from pigbench.protocol import Segmentation
from pigbench.randomness import seed_for
from pigbench.stages.job import Job, StageFailed, load_chunks
from pigbench.stages.train import save_weights
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


def run(job: Job) -> None:
    """Writes cases.json (tp, fp, fn, tn of each held-out case), weights.safetensors and arm.json."""
    spec = job.spec
    device = job.device
    plugin = registry.find("segmenters", spec["plugin"]).load()
    segmenter = plugin(plugin.Config(**spec["settings"]), spec["resolution"])
    view = job.train_view()
    healthy = float(1 - view.masks.any(axis=(1, 2, 3)).mean())
    synthetic = load_synthetic(job, view.seal, healthy) if spec["n"] else None
    settings = Segmentation(**spec["training"])
    share = 1.0 if spec.get("alone") else _share(settings, view, synthetic)
    loop = Loop(
        settings,
        settings.steps,
        (spec["seed"], "segment", spec["fold"]),
        device=device,
        precision=spec["numerics"]["precision"],
        compiled=spec["numerics"].get("compile", False),
        checkpoints=job.checkpoints,
        interval=job.interval,
        progress=lambda step, steps, loss: job.progress(step / steps, f"loss {loss:.4f}"),
    )
    network = _fit(segmenter, view, synthetic, share, loop)
    save_weights(job, network)
    job.write_json("cases.json", _judge(job, segmenter, network, device))
    about = {
        "steps": loop.steps,
        "images": loop.steps * settings.batch,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "share": share,
        "losses": loop.losses,
        "seal": view.seal,
    }
    if synthetic:
        about |= {"synthetic_used": len(synthetic.images), "empty_masks": synthetic.empty}
    job.write_json("arm.json", about)


def load_synthetic(job: Job, seal: str, healthy: float = 0.0) -> SyntheticPairs:
    """The arm's synthetic pairs without empty masks. healthy: the share of empty ones among the real cases.

    Pairs that nobody vouches for are let in only where the plan says so. Raises StageFailed for a foreign seal or too
    many empty masks.
    """
    expected = UNSEALED if job.spec.get("unsealed") else seal
    images, masks, chunks = load_chunks(job.numbered("chunk"), job.spec["n"])
    for chunk in chunks:
        if chunk["seal"] != expected:
            raise StageFailed(
                f"synthetic pairs sealed {chunk['seal']} met a fold sealed {seal}: they were made from other patients"
            )
    assert masks is not None, "an arm needs masks"
    if chunks[0].get("copies"):
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

    order: Callable[[int], np.ndarray] = MixedEpochs(
        len(view), len(synthetic.images) if synthetic else 0, share, loop.settings.batch, loop.path
    )
    cases = Mixture(view, synthetic) if synthetic else view
    with torch.random.fork_rng():
        torch.manual_seed(seed_for(*loop.path, "initial weights"))
        network = segmenter.build()
    return loop.fit(network, segmenter.loss, cases, order, segmenter.augment)


def _judge(job: Job, segmenter: Segmenter, network, device: str, batch: int = 64) -> dict[str, list]:
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
            masks = segmenter.predict(network, torch.from_numpy(images).to(device))
        predicted.append(masks[: len(part)].cpu().numpy())
    found = counts(np.concatenate(predicted), prepared.masks[rows])
    return {
        "patient_id": [prepared.patients[row] for row in rows],
        "case_id": [prepared.case_ids[row] for row in rows],
        **{name: [int(value) for value in getattr(found, name)] for name in ("tp", "fp", "fn", "tn")},
    }
