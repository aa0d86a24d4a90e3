"""The numbers of the PIG paper (MICCAI 2025), as printed there. For reference: nothing here can be compared with ours.

The paper's data are private, and its FID's reference set, sample count and weights, its baselines' settings and
whether its folds are by patient are not stated.
"""

from __future__ import annotations

from typing import Any

SOURCE = "PIG, MICCAI 2025"
WARNING = "published on private data (367 patients, 8,723 slices, 512×512); not comparable, reference only"
UNSTATED = "reference set, m and weights unstated"

FID = {"DDPM": 31.84, "DDIM": 31.54, "PIG": 15.88}
"""Table 1."""

OVERLAP = {
    ("real only", None, 0): (52.36, 41.60, 56.14, 56.81),
    ("+LDM_2048", "LDM", 2048): (56.91, 45.88, 60.92, 60.99),
    ("+SegGuidedDif_2048", "SegGuidedDif", 2048): (58.30, 46.99, 60.40, 64.76),
    ("+ControlNet_2048", "ControlNet", 2048): (57.38, 46.09, 61.53, 61.78),
    ("+PIG_1024", "PIG", 1024): (56.52, 45.39, 59.86, 61.70),
    ("+PIG_2048", "PIG", 2048): (60.54, 49.10, 62.92, 66.01),
    ("+PIG_3072", "PIG", 3072): (59.14, 47.92, 60.65, 65.66),
}
"""Table 2: (arm, generator, n) to Dice, IoU, Precision, Recall in %."""


def published_rows() -> list[dict[str, Any]]:
    """The paper's numbers as rows of `pigbench.results.SCORE_COLUMNS`, under a protocol of their own: "published"."""
    from pigbench.results import SCORE_COLUMNS

    head = {"protocol": "published", "dataset": "private", "patients": 367}
    rows: list[dict[str, Any]] = [
        head | {"table": 1, "generator": generator, "metric": "fid", "mean": value, "signature": _signature("fid")}
        for generator, value in FID.items()
    ]
    for (arm, generator, n), values in OVERLAP.items():
        of_arm = head | {"table": 2, "generator": generator, "n": n, "arm": "real" if n == 0 else f"real{arm}"}
        for metric, value in zip(("dice", "iou", "precision", "recall"), values, strict=True):
            mean = round(value / 100, 6)
            rows.append(of_arm | {"metric": metric, "mean": mean, "signature": _signature(metric)})
    return [{column: row.get(column) for column in SCORE_COLUMNS} for row in rows]


def _signature(metric: str) -> str:
    extractor = f"extractor:inception ({UNSTATED})|" if metric == "fid" else ""
    return f"{metric}|{extractor}source:{SOURCE}|{WARNING}"
