"""The HTML report: one file with verdict, figures, tables and records, made from what records hold."""
