"""The front door: what `import pigbench` offers, and what the verbs of the command line call.

`run`, `evaluate`, `sample`, `compare`, `report` and `tune` hold the functions of those names, `datasets` holds
`import_dataset`; the other files are the way from their options to a plan, and from a plan to a record.
"""
