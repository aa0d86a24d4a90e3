"""A generator's card."""

from __future__ import annotations

import pytest

from pigbench.reporting.report.card import card
from pigbench.reporting.report.page import card_page
from pigbench.reporting.tables import section


@pytest.fixture
def of_two(make_record, protocols):
    """The protocols of two records, of which one has no ddpm."""
    one = make_record(("pig", "ddpm"), (64,), trainings=3)
    other = make_record(("pig",), (64,), protocol="f" * 16, trainings=3, signatures={"pig": "pig@other"})
    return protocols(one, other)


def test_it_is_of_all_protocols_that_hold_the_generator(of_two):
    of_pig, of_ddpm = card("pig", of_two), card("ddpm", of_two)
    assert [row[0].text for row in of_pig.helping.rows] == ["phantom, quick, ab12cd34", "phantom, quick, ffffffff"]
    assert of_ddpm.helping.rows == () and len(of_ddpm.images) == 1
    assert [setting.signature for setting in of_pig.settings] == ["pig@1a2b3c4d", "pig@other"]


def test_its_differences_are_those_of_table_2(of_two):
    (row, _) = card("pig", of_two).helping.rows
    table_2 = next(table for table in section(of_two[0].summary).tables if table.number == 2)
    shown = {cells[0].text: [cell.text for cell in cells] for cells in table_2.rows}["+pig_64"]
    place = table_2.headings.index
    assert [row[3].text, row[4].text] == [shown[place("Δ Dice [95%]")], shown[place("verdict")]]


def test_two_of_one_label_both_stand_in_it(make_record, protocols):
    one = make_record(("pig",), (64,), trainings=3, key="a" * 16)
    other = make_record(("pig",), (64,), trainings=3, key="b" * 16, signatures={"pig": "pig@other"}, luck=1)
    of_pig = card("pig", protocols(one, other))
    assert {row[1].text for row in of_pig.helping.rows} == {"+pig_64 (pig@1a2b3c4d)", "+pig_64 (pig@other)"}


def test_what_is_missing_is_told_with_its_reason(make_record, protocols, factory):
    record = make_record(("pig",), (64, 128), failed={("real+pig_64", 0)}, reason="out of memory")
    of_pig = card("pig", protocols(factory.without_folds(record, "real+pig_128", (1,))))
    assert [row[1].text for row in of_pig.helping.rows] == ["+pig_64", "+pig_128 (4/5 folds)"]
    assert "FAILED" in of_pig.helping.rows[0][3].text
    assert any("out of memory" in note for note in of_pig.helping.notes)


def test_it_says_what_is_missing_and_what_the_generator_is(of_two, read_page):
    text = "".join(read_page(card_page(card("pig", of_two))).text)
    assert "its samples are not in the store" in text and "This file holds no images." in text
    assert "48,000" in text  # guider and conditional
