"""What a record measured: segmenter trainings, sets of images, the gates, and what every stage cost."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pigbench.results.fields import Count, Name, Number, Operations, Prose, Seed, Share
from pigbench.results.parts import Sparse

Status = Literal["ok", "failed"]


class Fit(Sparse):
    """One segmenter trained in one arm, on one fold, with one seed, the `training`-th time.

    share: synthetic part of a batch, or of the steps of one that was pretrained, 0 to 1. images: trained on, each time
    counted. offered: pairs of which those used were chosen; agreement: of these, a mean; offered_agreement: of
    all of them. refused: the metrics that broke their contract, with the sentence that they break.
    """

    arm: Name
    segmenter: Name
    seed: Seed
    training: Count = 0
    fold: Count
    share: Share | None = None
    steps: Count | None = None
    images: Count | None = None
    arithmetic: Operations | None = None
    losses: list[Number] = Field(default_factory=list)
    synthetic_used: Count | None = None
    offered: Count | None = None
    agreement: Share | None = None
    offered_agreement: Share | None = None
    empty_masks: Count = 0
    refused: dict[Name, Prose] = Field(default_factory=dict)
    status: Status
    reason: Prose = ""

    @property
    def unit(self) -> tuple[str, str, int, int, int]:
        """What tells it from all others."""
        return self.arm, self.segmenter, self.seed, self.training, self.fold


class FidelityRun(Sparse):
    """What the set metrics say of one generator in one fold, at m generated against `n_reference` real images.

    values: by metric; floors: the same of real training images, at `floor_m`. biased: the metrics that are mostly bias
    at this m. refused: those that broke their contract, with the sentence that they break. dimension: of the features.
    """

    generator: Name
    n: Count
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    extractor: Name
    dimension: Count | None = None
    m: Count | None = None
    n_reference: Count | None = None
    reference: Prose = ""
    floor_m: Count | None = None
    values: dict[Name, Number] = Field(default_factory=dict)
    floors: dict[Name, Number] = Field(default_factory=dict)
    biased: list[Name] = Field(default_factory=list)
    refused: dict[Name, Prose] = Field(default_factory=dict)
    clipped_fraction: Number = None
    empty_masks: Count = 0
    status: Status
    reason: Prose = ""


class GateRun(Sparse):
    """Whether one generator's lesions are where its masks are, in one fold.

    contrast, real: mean contrast of lesion against ring over chance, as a part of the intensity range, generated and in
    the fold's training pairs. verdict: "conditioned", "not conditioned" or "cannot tell" by a fixed part
    of the real contrast, as format 1 judged; tables go by ratio and scale where these are there. real_30, real_50:
    where so many per cent of the real pairs have another patient's mask. tells: whether intact ones are told from
    half-foreign. shares, real_shares: of several classes, the share of generated and of real masks that have each.
    """

    generator: Name
    n: Count
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    shares: list[float] = []
    real_shares: list[float] = []
    contrast: Number = None
    real: Number = None
    ratio: Number = None
    real_30: Number = None
    real_50: Number = None
    tells: bool | None = None
    verdict: Prose = ""
    status: Status
    reason: Prose = ""

    @model_validator(mode="after")
    def _ratio_of_something(self) -> Self:
        if self.ratio is not None and (self.contrast is None or self.real is None):
            raise ValueError("a ratio without its two contrasts")
        return self


class AgreementRun(Sparse):
    """Whether one generator's masks are where a fold's real-only segmenters find lesions: mean Dice, 0 to 1.

    judges: how many trainings these are. chance: against other pairs' masks. real: of held-out real pairs; real_30,
    real_50, real_chance: where so many per cent of them, or all, have another patient's mask. tells: whether intact
    ones are told from half-foreign ones.
    """

    generator: Name
    n: Count
    segmenter: Name
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    judges: Count | None = None
    agreement: Share | None = None
    chance: Share | None = None
    real: Share | None = None
    real_30: Share | None = None
    real_50: Share | None = None
    real_chance: Share | None = None
    tells: bool = False
    status: Status
    reason: Prose = ""


class Reconstruction(Sparse):
    """What a generator's own compression loses of held-out images: errors as a part of the range, PSNR in dB."""

    generator: Name
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    mae: Number = None
    rmse: Number = None
    psnr: Number = None
    status: Status
    reason: Prose = ""


class Cost(Sparse):
    """What one stage took: seconds of one worker, peaks in MiB, and what the seconds were spent on.

    row: the row of the cost table that it belongs to, what was done and for whom ("train pig", "segment unet on real");
    none if empty. generators: those that sample with what a training made; it belongs to the row of each. images:
    trained on or made. parameters: of the network. losses: of a network's training, thinned; a segmenter's stand with
    its fit. What was not measured is None.
    """

    stage: Name
    label: str = ""
    row: Prose = ""
    fold: Count | None = None
    train_patients: Count | None = None
    seed: Seed | None = None
    training: Count | None = None
    chunk: Count | None = None
    wall_s: Number = None
    cpu_s: Number = None
    gpu_s: Number = None
    peak_mib: Number = None
    gpu_peak_mib: Number = None
    images: Count | None = None
    parameters: Count | None = None
    losses: list[Number] = Field(default_factory=list)
    generators: list[Name] = Field(default_factory=list)


def fit_name(fit: Fit) -> str:
    """Such as "real unet seed 0 fold 2"; a training other than the first is named too."""
    again = f" training {fit.training}" if fit.training else ""
    return f"{fit.arm} {fit.segmenter} seed {fit.seed}{again} fold {fit.fold}"
