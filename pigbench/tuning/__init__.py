"""Tuning that does not cheat: a plugin's settings chosen by a study on patients that stand in no fold.

`space` says what may be varied, `trial` what one try of it is, `storage` where studies are kept, `study` how several
processes work on one, `findings` what it found, and `chosen` what a run takes from it. optuna is imported inside
functions.
"""
