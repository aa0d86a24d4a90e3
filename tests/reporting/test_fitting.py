"""Tables on narrow terminals: what has no room is named, and nothing is broken in the middle of a value."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from pigbench.reporting import render
from pigbench.reporting.fitting import fitted
from pigbench.reporting.tables import Cell, Table, section
from pigbench.results import Record, merge, summarise

LABELS = ("pig", "controlnet(masks=pig)", "ldm(masks=pig(steps=64,guide=binary))")


@pytest.fixture(scope="module")
def shown(make_record, factory):
    """Tables with long names, a row that is marked, one that lacks folds, a control, and costs."""
    record = make_record((*LABELS, "ddpm"), (512, 2048), banner="proves nothing")
    record = factory.without_folds(record, f"real+{LABELS[2]}_512", (3, 4))
    record = factory.with_arm(record, "real_2x_steps", "real", stretch=2)
    content = factory.content(record)
    content["gates"] = [
        {"generator": LABELS[1], "n": 512, "seed": 0, "fold": fold, "status": "ok"}
        | {"contrast": 0.01, "real": 0.2, "ratio": 0.05}
        for fold in range(5)
    ]
    content["costs"] = [
        {"stage": "fit", "row": f"segment unet on {run['arm']}", "fold": run["fold"], "seed": 0, "wall_s": 1833.7}
        | {"cpu_s": 1546.3, "peak_mib": 1112.0, "images": 9600, "parameters": 107929}
        for run in content["fits"]
    ]
    (group,) = merge([Record.model_validate(content)])
    return section(summarise(group), costs=True)


def lines_of(shown, width):
    console = Console(width=width, file=io.StringIO())
    render.rich([shown], console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def table_lines(lines):
    """The lines from a table's title to its notes."""
    inside = False
    for line in lines:
        if line.startswith(("Table ", "Costs of")):
            inside = True
        elif line.startswith(("mean", "mean ±", "seconds of")):
            inside = False
        if inside:
            yield line


WIDTHS = [50, 60, 80, 100, 120, 200]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_value_is_broken_in_its_middle(shown, width):
    lines = lines_of(shown, width)
    assert max(map(len, lines)) <= width
    for line in table_lines(lines):
        assert "…" not in line
        assert re.sub(r"± \d+\.\d+", "", line).count("±") == 0, line
        assert not re.search(r"[\[,]$|\[[^\]]*$", line) or line.endswith(","), line
        assert not re.search(r"(^|[^\[(\w])[+-]?\d+\.\d\]", line) or "[" in line, line
        assert not re.search(r"\bNOT$|\bto$|^\s*CONDITIONED|\d/\d$|^ *folds\)", line), line


@pytest.mark.parametrize("width", WIDTHS)
def test_every_name_is_there_and_every_value_that_has_room(shown, width):
    text = "\n".join(table_lines(lines_of(shown, width)))
    for table in shown.tables:
        part, _ = fitted(table, width)
        for name, *values in table.rows:
            assert all(word in text or len(word) > width // 2 - 2 for word in name.text.split())
            for value in values[: len(part.headings) - 1]:
                for piece in re.split(r" (?=±|\[)", value.text):
                    assert piece in text


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_give_way_from_the_right_and_are_named(shown, width):
    lines = lines_of(shown, width)
    for table in shown.tables:
        part, left = fitted(table, width)
        assert (*(" ".join(heading.split()) for heading in part.headings), *left) == table.headings
        names = [["".join(row[0].text.split()) for row in of.rows] for of in (part, table)]
        assert names[0] == names[1]
        assert len(part.headings) > table.naming
        assert not left or not left[0].startswith("floor")  # it stays with its distance
        if left:
            assert f"no room for {', '.join(left)}: a wider" in " ".join(" ".join(lines).split())


def test_a_table_with_room_is_left_as_it_is(shown):
    assert all(fitted(table, 200) == (table, ()) for table in shown.tables)


def test_what_has_most_room_is_broken_last():
    row = (Cell("real only, 2x steps"), Cell("55.9 ± 6.3", "best"), Cell("+2.3 [-0.5, +4.9]"))
    table = Table("", ("Trained on", "Dice", "Δ Dice [95%]"), (row,))

    def cells(width):
        part, left = fitted(table, width)
        assert not left
        return [cell.text for cell in part.rows[0]]

    whole = [cell.text for cell in row]
    assert cells(60) == whole
    assert cells(50) == [whole[0], "55.9 ± 6.3", "+2.3\n[-0.5, +4.9]"]
    assert cells(45) == [whole[0], "55.9\n± 6.3", "+2.3\n[-0.5, +4.9]"]
    assert fitted(table, 45)[0].rows[0][1].mark == "best"


def test_at_80_columns_a_row_of_table_2_is_in_one_place(shown):
    _, arms, _ = shown.tables
    arms = replace(arms, rows=tuple(row for row in arms.rows if "guide" not in row[0].text))  # the longest names
    part, left = fitted(arms, 80)
    assert [" ".join(heading.split()) for heading in part.headings[:3]] == ["Trained on", "Dice", "Δ Dice [95%]"]
    names = [" ".join(cells[0].text.split()) for cells in part.rows]
    assert "real only, 2x steps" in names
    assert "+controlnet(masks=pig)_512 NOT CONDITIONED" in names


def test_a_signature_is_broken_between_its_values(shown):
    lines = lines_of(shown, 80)
    for table in shown.tables[:2]:
        for value in re.split(r"[|,]", table.signature):
            assert any(value in line for line in lines), value
