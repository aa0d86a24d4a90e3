"""What predicts what: correlations over generators, on made-up records."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.reporting.tables import section
from pigbench.results import merge, summarise
from pigbench.results.predictors import correlation, correlations

NAMES = ("pig", "joint", "ldm", "segguided", "controlnet", "other", "another")


@pytest.fixture
def summary(make_record, factory):
    """Of as many generators, each helping more than the one before; their KID is lower, and their FID by chance."""

    def made(count=7):
        names = NAMES[:count]
        record = make_record(names, (64,), trainings=3)

        def better(row):
            place = next((place for place, name in enumerate(names) if f"+{name}_" in row["arm"]), -1)
            return {"tp": row["tp"] + 100 * (place + 1)}

        fidelity = [
            run | {"values": run["values"] | {"kid": 0.1 - 0.01 * names.index(run["generator"])}}
            for run in factory.content(record)["fidelity"]
        ]
        return summarise(*merge([factory.changed(factory.with_counts(record, better), fidelity=fidelity)]))

    return made


def test_what_goes_with_the_gain_is_correlated_and_told(summary):
    found = correlations(summary(), "unet")
    assert found["kid"].value == pytest.approx(-1) and found["kid"].generators == 7
    assert set(found) == {"kid"}, "the others were not measured"
    notes = [note for table in section(summary()).tables for note in table.notes]
    (note,) = (note for note in notes if "Spearman" in note)
    assert "descriptive: KID (lower is better) -1.00 [" in note and note.endswith("over 7 generators, n = 64")


def test_five_generators_are_too_few(summary):
    assert correlations(summary(5), "unet") == {}
    assert not [note for table in section(summary(5)).tables for note in table.notes if "Spearman" in note]


def test_the_interval_covers_what_it_says():
    """Of normal values with a known rank correlation, 6 / π asin(ρ / 2)."""
    stream, covered, true = np.random.default_rng(0), 0, 6 / np.pi * np.arcsin(0.5 / 2)
    for _ in range(400):
        x, y = stream.standard_normal((2, 12))
        found = correlation(x, 0.5 * x + np.sqrt(0.75) * y)
        covered += found.low <= true <= found.high
    assert covered >= 0.92 * 400


def test_a_perfect_order_of_few_is_no_certainty():
    found = correlation([1.0, 2, 3, 4, 5, 6], [1.0, 2, 3, 4, 5, 6])
    assert found.value == pytest.approx(1) and found.high == pytest.approx(1) and found.low < 0.9


def test_only_rows_of_one_n_and_one_number_of_patients_are_compared(make_record):
    first = make_record(NAMES[:5], (64,), trainings=3)
    other = make_record(NAMES[5:], (32,), trainings=3, key="b" * 16)
    assert correlations(summarise(*merge([first, other])), "unet") == {}


def test_what_is_alike_everywhere_or_missing_is_not_correlated():
    assert correlation([1.0] * 8, range(8)) is None
    assert correlation([np.nan] * 3 + [1.0, 2, 3, 4, 5], range(8)) is None
    assert correlation([np.nan, 1, 2, 3, 4, 5, 6, 7], range(8)).generators == 7
