"""What the suite measures: metrics, one a file, and what is made of their numbers."""

MEASURED = ("dice", "iou", "precision", "recall", "found", "false_alarms", "nsd")
"""The case metrics that a run measures unless it is told otherwise, in the order of a table's columns."""

COLUMNS = MEASURED[:6]
"""Those that tables show unless they are told otherwise."""

SETS = ("kid", "fid", "image_precision", "image_recall", "copies")
"""The set metrics that a run measures and tables show."""
