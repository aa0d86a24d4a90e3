"""The page as a whole: it says what `compare` says, asks for nothing, and runs nothing of what it shows."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re

import pytest

from pigbench.reporting.report.page import MARK
from pigbench.reporting.tables import section
from pigbench.results import Record, merge, summarise
from pigbench.results.withdrawn import SUPERSEDED

NASTY = '<img src="https://x.example/a" onerror=alert(1)>&"\'$x_2$'


@pytest.fixture
def rich_record(make_record):
    """Two generators, one of them with two n, three trainings."""
    return make_record(("pig", "ddpm"), (64, 128), trainings=3)


def test_every_number_is_the_one_that_compare_prints(rich_record, page_of, read_page):
    (group,) = merge([rich_record])
    shown = read_page(page_of(rich_record)).tables
    for table in section(summarise(group), costs=True).tables:
        wanted = [list(table.headings), *([cell.text for cell in row] for row in table.rows)]
        assert wanted in shown, table.title


def test_a_figures_numbers_are_those_of_table_2(rich_record, page_of, read_page):
    tables = read_page(page_of(rich_record)).tables
    (table_2,) = [table for table in tables if table[0][:2] == ["Trained on", "Dice"]]
    (forest,) = [table for table in tables if table[0][-1] == "against"]
    place = table_2[0].index("Δ Dice [95%]")
    of_table = {row[0]: row[place] for row in table_2[1:] if row[place] != "-"}
    assert {row[0]: row[1] for row in forest[1:]} == of_table != {}
    assert {row[4] for row in forest[1:]} <= {"helps", "hurts", "no difference shown"}


def test_nothing_is_asked_for_and_only_the_own_script_runs(rich_record, page_of, read_page):
    page = page_of(rich_record)
    for link in read_page(page).links:
        assert link.startswith(("#", "data:")), link[:80]
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (script,) = scripts
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{own}&#39;" in policy and "default-src &#39;none&#39;" in policy
    assert "unsafe-eval" not in policy and "script-src &#39;unsafe-inline" not in policy
    assert not re.search(r"url\((?!#)", page)


def test_names_are_shown_and_not_run(make_record, factory, page_of, read_page):
    record = make_record(("<b>pig$x_2$</b>",), (64,), trainings=3)
    record = factory.with_two_classes(record, ["<i>gland</i>", "nucleus"])
    page = page_of(factory.changed(record, dataset=factory.content(record)["dataset"] | {"name": NASTY}))
    assert "<img" not in page and "<b>" not in page and "<i>" not in page
    text = "".join(read_page(page).text)
    assert NASTY in text and "<b>pig$x_2$</b>_64" in text and "<i>gland</i>" in text


def test_ids_are_there_once(rich_record, factory, page_of):
    again = factory.changed(rich_record, protocol_hash="another-protocol")  # equal figures
    ids = re.findall(r'\sid="([^"]*)"', page_of(rich_record, again))
    assert len(ids) == len(set(ids)) > 100


def test_records_are_carried_without_paths(rich_record, factory, page_of, read_page):
    command = "/home/anna/bin/pigbench run --generator pig --store Anna --results ../Anna/out"
    content = factory.content(rich_record)
    record = factory.changed(rich_record, provenance=content["provenance"] | {"command": command})
    page = page_of(record)
    assert "anna" not in page.lower()
    (link,) = [link for link in read_page(page).links if link.startswith("data:application/gzip")]
    carried = json.loads(gzip.decompress(base64.b64decode(link.partition(",")[2])))
    assert carried["provenance"]["command"] == "pigbench run --generator pig --store … --results …"
    carried["provenance"]["command"] = command
    assert Record.model_validate(carried) == record


def test_equal_records_make_equal_pages(rich_record, page_of):
    assert page_of(rich_record) == page_of(rich_record)


def test_several_protocols_have_an_overview_and_a_chapter_each(make_record, page_of, read_page):
    page = page_of(make_record(trainings=3), make_record(protocol="other-protocol", trainings=3))
    (table,) = [table for table in read_page(page).tables if table[0][0] == "Generator" and "n" not in table[0]]
    assert len(table[0]) == 3 and page.count("<article") == 2
    assert MARK in page


def test_superseded_protocols_are_folded_away_and_in_no_overview(make_record, page_of, read_page):
    old = next(iter(SUPERSEDED))
    page = page_of(make_record(trainings=3), make_record(protocol=old, trainings=3))
    assert page.count("<article") == 2 and page.count("<nav") == 1 and "Superseded: phantom" in page
    assert page.index('<details class="superseded">') < page.rindex("<article")
    nav = page[page.index("<nav") : page.index("</nav>")]
    assert nav.count("<li>") == 1 and old not in nav
    assert not [table for table in read_page(page).tables if table[0][0] == "Generator" and "n" not in table[0]]


def test_a_record_without_pairs_says_what_is_missing(make_record, page_of):
    page = page_of(make_record((), ()))
    assert "Nothing here says whether pairs help" in page
    assert "there is no Table 1" in page and "real only and one more complete arm" in page
