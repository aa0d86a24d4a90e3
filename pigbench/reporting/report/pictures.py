"""Pictures for a report, from the artifacts of a run: what generators made, and on demand real images beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pigbench import registry, stages
from pigbench.contracts import to_unit_range
from pigbench.contracts.arrays import as_picture
from pigbench.data.probabilities import foreground
from pigbench.planning.plan import Plan
from pigbench.reporting.columns import Column
from pigbench.reporting.contact_sheet import Cell, compose
from pigbench.reporting.report.private import Disguise
from pigbench.reporting.row_names import shown
from pigbench.results import ArmRow, Summary
from pigbench.results.described import GeneratorInfo
from pigbench.stages.floor import real_sets
from pigbench.stages.job import Job
from pigbench.stages.node import Node
from pigbench.stages.sample import load_images, load_masks
from pigbench.store import Damaged, Store

if TYPE_CHECKING:
    from PIL.Image import Image

PAIRS, ACROSS = 12, 4
SUSPECTS = 4
LONGEST = 128
"""Pixels of a panel's side: larger images are shrunk."""
QUALITY = 82
"""Of WebP, 0 to 100."""


@dataclass(frozen=True)
class Picture:
    """data: WebP, base64. width, height: in pixels."""

    title: str
    caption: str
    data: str
    width: int
    height: int


@dataclass(frozen=True)
class Album:
    """The artifacts of one record's run.

    classes: of the dataset. signatures: of the plan's generators, by the label that they have in it. disguise: of names
    in the plan. real: whether images of the dataset, and masks that people drew, may be shown.
    """

    plan: Plan
    store: Store
    dataset: str
    classes: Sequence[str]
    signatures: Mapping[str, str]
    disguise: Disguise
    real: bool = False

    def of_generators(self, generators: Mapping[str, GeneratorInfo]) -> list[Picture]:
        """The first pairs of each generator, with `real` those of controls too, and what they are compared with.

        Nothing of a generator whose artifacts are not in the store.
        """
        known = {info.signature: (label, info) for label, info in generators.items()}
        found: list[Picture] = []
        for node in self._largest():
            label, info = known.get(self.signatures.get(node.purpose.generator or "", ""), ("", None))
            if info is None or (info.control and not self.real):
                continue
            try:
                job = self._job(node)
            except Damaged:
                continue
            if self.real and not found:
                found.append(self._real_pairs(job, node))
            found.append(self._pairs(job, node, label, info))
            if self.real and not info.control:
                found.append(self._suspects(job, node, label))
        return found

    def of_cases(self, summary: Summary, base: ArmRow, arm: ArmRow, column: Column) -> Picture | None:
        """The worst, the median and the best cases of `arm`, with the truth and what both arms predict.

        None without `real`, and where the predictions of the first fold are not in the store.
        """
        nodes = [self._measured(row) for row in (base, arm)]
        if not self.real or any(node is None for node in nodes):
            return None
        try:
            of_base, of_arm = (_Predicted(self._job(node), self.disguise) for node in nodes if node)
        except Damaged:
            return None
        seed = nodes[1].purpose.seed if nodes[1] else None
        scores = _scores(summary, arm, column.name, of_arm.case_ids, seed)
        there = np.flatnonzero(np.isfinite(scores))
        if not len(there):
            return None
        better = -1 if column.info.better == "lower" else 1
        order = there[np.argsort(better * scores[there], kind="stable")]
        ends = dict.fromkeys([*order[:2], *order[len(order) // 2 :][:2], *order[-2:]])
        cells = [
            cell
            for place in map(int, ends)
            for cell in (
                Cell(of_arm.image(place), of_arm.truth(place), f"{column.number(scores[place])}: truth"),
                Cell(of_arm.image(place), of_base.mask(place), shown(base)),
                Cell(of_arm.image(place), of_arm.mask(place), shown(arm)),
            )
        ]
        title = f"Worst, median and best cases of {shown(arm)}"
        told = ", ".join(column.number(scores[place]) for place in map(int, ends))
        caption = (
            f"Held-out cases of fold {of_arm.fold} by {column.heading} ({told}), as networks see them; a training of "
            f"each arm. Each row: the truth, what {shown(base)} finds, what {shown(arm)} finds."
        )
        return self._picture(cells, title, caption, across=3)

    def _largest(self) -> Iterator[Node]:
        """Of each generator, what is measured of its images: the first fold and seed, the largest n, most patients."""
        best: dict[str, Node] = {}

        def weight(node: Node) -> tuple[float, ...]:
            of = node.purpose
            patients = float("inf") if of.train_patients is None else of.train_patients
            return -(of.fold or 0), -(of.seed or 0), patients, of.n or 0

        for node in self.plan.fidelities:
            label = node.purpose.generator or ""
            known = best.get(label)
            if self._is_there(node) and (known is None or weight(node) > weight(known)):
                best[label] = node
        yield from best.values()

    def _measured(self, row: ArmRow) -> Node | None:
        """The measurement of an arm's first training in the first fold."""
        for node in self.plan.measurements:
            of = node.purpose
            first = (of.fold or 0, of.training or 0) == (0, 0)
            arm = self.disguise.name(of.arm or "")
            if first and (arm, of.segmenter) == (row.arm, row.segmenter) and self._is_there(node):
                return node
        return None

    def _is_there(self, node: Node) -> bool:
        return all(self.store.has(needed.stage, needed.key) for needed in node.inputs.values())

    def _job(self, node: Node) -> Job[Any]:
        """To read what a node was made from; nothing is written. Raises store.Damaged."""
        inputs = {role: self.store.open(other.stage, other.key) for role, other in node.inputs.items()}
        spec = stages.find(node.stage).Spec(**node.spec)
        return Job(spec, inputs, self.dataset, self.store.root, Path(), Path(), 60.0, lambda share, text: None)

    def _pairs(self, job: Job[Any], node: Node, label: str, info: GeneratorInfo) -> Picture:
        images, masks = _chunks(job, PAIRS)
        hidden = not self.real and _has_real_masks(node, info)
        beside = "without masks" if masks is None else "right of each its mask, outlined"
        if hidden:
            beside = "its masks are those of training cases, which are shown only with --images"
        return self._picture(
            _cells(images, None if hidden else masks),
            f"Generated: {label}",
            f"The first {len(images)} of fold {node.purpose.fold}, not chosen; {beside}.",
        )

    def _real_pairs(self, job: Job[Any], node: Node) -> Picture:
        view = job.train_view()
        count = min(PAIRS, len(view))
        pairs = view.pairs(range(count))
        return self._picture(
            _cells(pairs.images, pairs.masks),
            "Real pairs",
            f"The first {count} training cases of fold {node.purpose.fold}.",
        )

    def _suspects(self, job: Job[Any], node: Node, label: str) -> Picture:
        """The generated images that are nearest to a training image, each beside it."""
        n = node.purpose.n or 0
        from sklearn.metrics import pairwise_distances_argmin_min

        images, masks = _chunks(job, n)
        sets = real_sets(job, n)
        features = np.concatenate([result.features for result in job.results("features")])[:n]
        places, distances = pairwise_distances_argmin_min(features, np.concatenate([sets.training, sets.mirrored]))
        view = job.train_view()
        cells = []
        for index in np.argsort(distances, kind="stable")[:SUSPECTS].tolist():
            mirrored, place = divmod(int(places[index]), len(view))  # behind the others
            pair, ways = view.pairs([place]), slice(None, None, -1 if mirrored else 1)
            assert pair.masks is not None, "cases have masks"
            cells += _cells(images[index, None], None if masks is None else masks[index, None], "generated")
            cells += _cells(pair.images[..., ways], pair.masks[..., ways], "nearest training image")
        return self._picture(
            cells,
            f"Most suspicious: {label}",
            f"The {SUSPECTS} images of fold {node.purpose.fold} whose features are nearest to a training image's, each "
            "left of that image (mirrored where that is nearer).",
        )

    def _picture(self, cells: Sequence[Cell], title: str, caption: str, across: int = ACROSS) -> Picture:
        sheet = compose(cells, across, classes=self.classes)
        return Picture(title, caption, _webp(sheet), sheet.width, sheet.height)


class _Predicted:
    """The held-out cases of one fit."""

    def __init__(self, job: Job[Any], disguise: Disguise) -> None:
        self.prepared, self.fold = job.prepared, job.spec.fold
        self.rows = self.prepared.rows(job.held_out)
        self.coded = job.result("predict").coded
        self.case_ids = [disguise.id(self.prepared.case_ids[row]) for row in self.rows]

    def image(self, place: int) -> np.ndarray:
        return _small(as_picture(to_unit_range(self.prepared.images[self.rows[place]][None])[0]))

    def truth(self, place: int) -> np.ndarray:
        return _small_mask(self.prepared.masks[self.rows[place], 0])

    def mask(self, place: int) -> np.ndarray:
        return _small_mask(foreground(self.coded[place]))


def _has_real_masks(node: Node, info: GeneratorInfo) -> bool:
    """Whether images were made for masks of training cases, perhaps by way of a control."""
    chunk = node.inputs["chunk:0"]
    if lender := chunk.inputs.get("masks"):
        plugin = registry.find("generators", lender.spec["plugin"]).load()
        return plugin.is_control or plugin.kind == "images-for-masks"
    return chunk.spec.get("masks") == "real" or info.kind == "images-for-masks"


def _scores(summary: Summary, row: ArmRow, metric: str, case_ids: Sequence[str], seed: int | None) -> np.ndarray:
    """Of these cases, of the arm's first training with that seed; NaN where it has none."""
    tested = summary.group.tested.ids
    for trial in summary.group.trials:
        first = (trial.run.fold, trial.run.training, trial.run.seed) == (0, 0, seed)
        if first and (trial.arm.arm, trial.run.segmenter) == (row.arm, row.segmenter) and metric in trial.scores:
            known = dict(zip((tested[case] for case in trial.cases), trial.scores[metric].tolist(), strict=True))
            return np.array([known.get(case, np.nan) for case in case_ids])
    return np.full(len(case_ids), np.nan)


def _chunks(job: Job[Any], n: int) -> tuple[np.ndarray, np.ndarray | None]:
    chunks = job.results("chunk")
    return to_unit_range(load_images(chunks, n)), load_masks(chunks, n)


def _cells(images: np.ndarray, masks: np.ndarray | None, caption: str = "") -> list[Cell]:
    return [
        Cell(_small(as_picture(image)), None if masks is None else _small_mask(masks[place, 0]), caption)
        for place, image in enumerate(images)
    ]


def _small(image: np.ndarray) -> np.ndarray:
    """A picture with sides of at most `LONGEST`, each pixel a mean of those it stands for."""
    from PIL import Image

    if max(image.shape[:2]) <= LONGEST:
        return image
    planes = image[..., None] if image.ndim == 2 else image
    size = _size(image)
    parts = [Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.BOX) for plane in planes.T]
    shrunk = np.stack([np.asarray(part) for part in parts]).T
    return shrunk[..., 0] if image.ndim == 2 else shrunk


def _small_mask(mask: np.ndarray) -> np.ndarray:
    from PIL import Image

    if max(mask.shape) <= LONGEST:
        return mask
    return np.asarray(Image.fromarray(mask).resize(_size(mask), Image.Resampling.NEAREST))


def _size(image: np.ndarray) -> tuple[int, int]:
    """Width and height."""
    height, width = image.shape[:2]
    scale = LONGEST / max(height, width)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _webp(image: Image) -> str:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY)
    return base64.b64encode(file.getvalue()).decode()
