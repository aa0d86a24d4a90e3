"""A generator's card."""

from __future__ import annotations

import pytest

from pigbench.reporting.report.card import card
from pigbench.reporting.report.page import card_page


@pytest.fixture
def of_two(make_record, protocols):
    """The protocols of two records, of which one has no ddpm."""
    one = make_record(("pig", "ddpm"), (64,), trainings=3)
    other = make_record(("pig",), (64,), protocol="f" * 16, trainings=3, signatures={"pig": "pig@other"})
    return protocols(one, other)


def test_it_is_of_all_protocols_that_hold_the_generator(of_two):
    of_pig, of_ddpm = card("pig", of_two), card("ddpm", of_two)
    assert [row[0].text for row in of_pig.helping.rows] == ["phantom, quick, ab12cd34", "phantom, quick, ffffffff"]
    assert {row[4].text for row in of_pig.helping.rows} <= {"helps", "hurts", "no difference shown"}
    assert of_ddpm.helping.rows == () and len(of_ddpm.images) == 1
    assert [setting.signature for setting in of_pig.settings] == ["pig@1a2b3c4d", "pig@other"]


def test_its_differences_are_those_of_table_2(of_two):
    (row, _) = card("pig", of_two).helping.rows
    table_2 = next(table for table in _tables(of_two[0]) if table.number == 2)
    shown = {cells[0].text: cells[2].text for cells in table_2.rows}
    assert row[3].text == shown["+pig_64"]


def test_it_says_what_is_missing_and_what_the_generator_is(of_two, read_page):
    text = "".join(read_page(card_page(card("pig", of_two))).text)
    assert "its samples are not in the store" in text and "This file holds no images." in text
    assert "48,000" in text  # guider and conditional


def _tables(protocol):
    from pigbench.reporting.tables import section

    return section(protocol.summary).tables
