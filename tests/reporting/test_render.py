"""How tables are shown: nothing is lost, and nothing breaks the format."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from pigbench.reporting import render
from pigbench.reporting.tables import Cell, Section, Table, published_section, section
from pigbench.results import SCORE_COLUMNS, merge, score_rows, summarise

NASTY = "50%_of & #1 $x {y} ~z ^w \\ a|b <c> [d] *e* `f`"


@pytest.fixture
def sections(make_record):
    records = [
        make_record(("pig", "ddpm", "ddim"), (1024, 2048, 3072), banner="shows the way, proves nothing"),
        make_record(protocol="f" * 16, failed=[("real+pig_2048", 1)], has_patient_ids=False),
    ]
    return [*(section(summarise(group)) for group in merge(records)), published_section()]


def nasty():
    cells = (Cell(NASTY), Cell("+1.0 [-0.5, +2.5]", "best"))
    return [Section(NASTY, (Table(NASTY, ("a_b", "c%"), (cells,), (NASTY,), "dice|n:1|v:0"),), NASTY, (NASTY,))]


def in_terminal(sections, width, colour=False, notes=True):
    console = Console(
        width=width, file=io.StringIO(), force_terminal=colour, color_system="standard" if colour else None
    )
    render.rich(sections, console, notes=notes)
    return console.file.getvalue()


def words(text):
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_terminal_of_any_width_shows_everything(sections, width):
    text = in_terminal(sections, width)
    assert max(map(len, text.splitlines())) <= width
    for one in sections:
        for part in (one.heading, one.banner, *one.remarks):
            assert words(part) in words(text)
        for table in one.tables:
            for part in (table.title, *table.notes, table.signature):
                assert words(part) in words(text)
            assert all(row[0].text in text for row in table.rows)


def test_five_notes_are_shown_and_the_others_counted(sections):
    (table,) = [table for table in sections[0].tables if table.number == 2]
    text = words(in_terminal([replace(sections[0], tables=(table,))], 100, notes=False))
    assert [words(note) in text for note in table.notes] == [True] * 5 + [False] * (len(table.notes) - 5)
    assert words(f"{len(table.notes) - 5} more notes: --notes") in text and len(table.notes) > 6


def test_what_failed_is_among_the_first_notes(sections):
    text = in_terminal(sections, 100, notes=False)
    assert "+pig_2048, unet: FAILED, 4/5 folds done; fold 1:" in text


def test_at_100_columns_no_row_is_broken(sections):
    text = in_terminal(sections, 100)
    for table in (table for one in sections for table in one.tables):
        for row in table.rows:
            assert re.search(r"\s+".join(re.escape(cell.text) for cell in row), text), row


def test_a_terminal_shows_the_best_bold_and_the_second_underlined(sections):
    text = in_terminal(sections, 100, colour=True)
    cells = [cell for one in sections for table in one.tables for row in table.rows for cell in row]
    for mark, code in (("best", "\x1b[1m"), ("second", "\x1b[4m")):
        assert all(code + cell.text in text for cell in cells if cell.mark == mark)
        assert any(cell.mark == mark for cell in cells)


def test_a_terminal_takes_brackets_for_text():
    assert words(in_terminal(nasty(), 100)).count(words(NASTY)) == 6  # heading, banner, remark, title, cell, note


def test_markdown_tables_are_whole(sections):
    text = render.markdown(sections)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [len(re.findall(r"(?<!\\)\|", row)) - 1 for row in rows]
    expected = [len(table.headings) for one in sections for table in one.tables for _ in range(len(table.rows) + 2)]
    assert cells == expected
    assert re.search(r"\| \*\*\d+\.\d ± \d+\.\d\*\* \|", text) and re.search(
        r"\| <ins>\d+\.\d ± \d+\.\d</ins> \|", text
    )
    for one in sections:
        for table in one.tables:
            assert table.signature in text
    assert "**shows the way, proves nothing**" in text


def test_markdown_escapes_what_would_be_markup():
    (row,) = [line for line in render.markdown(nasty()).splitlines() if line.startswith("| 50%")]
    assert re.sub(r"\\([\\`*_|<>\[\]#])", r"\1", row) == f"| {NASTY} | **+1.0 [-0.5, +2.5]** |"
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_latex_tables_are_whole(sections):
    text = render.latex(sections)
    count = sum(len(one.tables) for one in sections)
    for command in (r"\begin{table}", r"\end{table}", r"\toprule", r"\midrule", r"\bottomrule", r"\caption{"):
        assert text.count(command) == count
    for block in re.findall(r"\\begin\{tabular\}\{(lr*)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        rows = [line for line in block[1].splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(block[0])}
    assert r"\textbf{" in text and r"\underline{" in text
    assert text.count("{") == text.count("}")


def test_latex_escapes_its_special_characters():
    text = render.latex(nasty())
    assert r"50\%\_of \& \#1 \$x \{y\} \textasciitilde{}z \textasciicircum{}w \textbackslash{} a\textbar{}" in text
    body = "\n".join(line for line in text.splitlines() if not line.startswith("% "))
    assert not re.search(r"(?<!\\)[%#_^~]", body)
    assert "[$-$0.5, +2.5]" in text


def test_csv_and_json_hold_the_same_rows(make_record):
    (group,) = merge([make_record(failed=[("real+pig_2048", 1)])])
    rows = score_rows(summarise(group))
    of_json = json.loads(render.json(rows), parse_constant=pytest.fail)
    of_csv = list(csv.DictReader(io.StringIO(render.csv(rows))))
    assert of_json == rows
    assert all(tuple(row) == SCORE_COLUMNS for row in (*of_json, *of_csv))
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in of_json] == of_csv
    failed = next(row for row in of_json if row["arm"] == "real+pig_2048" and row["metric"] == "dice")
    assert (failed["mean"], failed["folds"]) == (None, 4)
