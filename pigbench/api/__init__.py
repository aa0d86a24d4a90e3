"""The front door: what `import pigbench` offers, and what the verbs of the command line call.

`run`, `evaluate`, `sample`, `compare` and `datasets` hold the functions of those names; the other files are the way
from their options to a plan, and from a plan to a record.
"""
