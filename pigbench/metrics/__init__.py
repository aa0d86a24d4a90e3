"""What the suite measures, as pure functions on arrays: overlap, intervals, features and fidelity."""
