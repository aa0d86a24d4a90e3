"""What the suite measures, as pure functions on arrays: overlap, intervals, features and fidelity."""

MEASURED = ("dice", "iou", "precision", "recall", "found", "false_alarms", "nsd")
"""The case metrics that a run measures unless it is told more."""
COLUMNS = MEASURED[:6]
"""Those that Table 2 shows."""
SETS = ("kid", "fid", "image_precision", "image_recall", "copies")
"""The set metrics that a run measures and Table 1 shows."""
