"""Stage `agreement`: whether a generator's masks are where the fold's real-only segmenters find lesions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pigbench.data.fold_manifests import UNSEALED
from pigbench.data.probabilities import foreground
from pigbench.metrics.agreement import dices
from pigbench.metrics.foreign import others, scale_of
from pigbench.randomness import numpy_generator
from pigbench.stages import base
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.node import Node
from pigbench.stages.predict import predicted
from pigbench.stages.sample import load_images, load_masks


class AgreementSpec(base.PluginSpec, base.FoldSpec):
    """n: how many pairs. plugin: the segmenter, whose trainings on real cases alone are its inputs."""

    n: int


class AgreementNumbers(base.Numbers):
    """agreement: mean Dice of the pairs; chance: against other pairs' masks; judges: how many trainings. real, real_30,
    real_50, real_chance and tells: of held-out real pairs, as `metrics.foreign.Scale` has them. None where there is no
    number."""

    FILE, PAIRS = "agreement.json", "pairs.npy"

    @property
    def of_pairs(self) -> np.ndarray:
        """(n,) Dice of each pair, a mean over the trainings; NaN where its mask is empty."""
        return np.load(self.directory / self.PAIRS)


class Agreement(base.Stage):
    """Every pair by every training; of the held-out cases what was predicted already."""

    name = "agreement"
    version = 2
    Spec = AgreementSpec
    Result = AgreementNumbers
    plugins = "segmenters"
    seconds = 10.0
    urgency = 2.0
    table = "agreements"

    def run(self, job: Job[AgreementSpec]) -> None:
        """Write the Dice of every pair, and the means."""
        images, masks = _pairs(job)
        stream = numpy_generator("agreement", job.spec.fold)
        foreign = masks[others(range(len(masks)), stream)]
        own, chance, fits, classes = [], [], job.results("fit"), job.spec.task.planes
        for number, fitted in enumerate(fits):
            maps = _maps(predicted(job, fitted, images, np.arange(len(images))))
            own.append(dices(maps, masks, classes))
            chance.append(dices(maps, foreign, classes))
            job.progress((number + 1) / len(fits), f"training {number + 1}")
        np.save(job.directory / AgreementNumbers.PAIRS, np.mean(own, axis=0).astype(np.float32))
        numbers = {"agreement": _mean(own), "chance": _mean(chance), "judges": len(own)} | _of_held_out(job, stream)
        job.write_json(AgreementNumbers.FILE, base.defined(numbers))

    def row(self, node: Node, result: AgreementNumbers | None) -> dict[str, Any]:
        """One generator, n, segmenter, seed, fold and subset."""
        about = node.purpose.told("generator", "n", "segmenter", "seed", "fold", "train_patients")
        return about | (result.numbers if result else {})


def _pairs(job: Job[AgreementSpec]) -> tuple[np.ndarray, np.ndarray]:
    """Images and masks. Raises StageFailed where they are other patients' than those of the segmenters."""
    chunks, fits = job.results("chunk"), job.results("fit")
    if strangers := {chunk.seal for chunk in chunks} - {fit.facts["seal"] for fit in fits} - {UNSEALED}:
        raise StageFailed(f"pairs sealed {min(strangers)} met segmenters of other patients")
    masks = load_masks(chunks, job.spec.n)
    assert masks is not None, "agreement needs masks"
    return load_images(chunks, job.spec.n), masks


def _maps(coded: Iterable[np.ndarray]) -> np.ndarray:
    """(N, 1, R, R) label maps of coded probabilities."""
    return np.stack([foreground(codes)[None] for part in coded for codes in part])


def _of_held_out(job: Job[AgreementSpec], stream: np.random.Generator) -> dict[str, Any]:
    """What the held-out real pairs that have a lesion score, with their own masks, and with foreign ones."""
    prepared = job.prepared
    rows = prepared.rows(job.held_out)
    kept = prepared.masks[rows].any(axis=(1, 2, 3))
    masks, patients = prepared.masks[rows][kept], [prepared.patients[row] for row in rows[kept]]
    of_trainings = [_maps([said.coded])[kept] for said in job.results("predict")]

    def agreement(masks: np.ndarray) -> np.ndarray:
        return np.mean([dices(maps, masks, job.spec.task.planes) for maps in of_trainings], axis=0)

    found = scale_of(agreement, masks, patients, stream)
    told = {"real": found.intact, "real_30": found.foreign_30, "real_50": found.foreign_50}
    return told | {"real_chance": found.chance, "tells": found.tells}


def _mean(values: list[np.ndarray]) -> float:
    known = np.concatenate(values)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else float("nan")


STAGE = Agreement()
