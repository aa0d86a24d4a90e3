"""Sections as a terminal, a notebook, Markdown or LaTeX shows them, and score rows as CSV or JSON."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from csv import DictWriter
from html import escape
from json import dumps
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from pigbench.counting import counted
from pigbench.reporting.fitting import fitted, text_width
from pigbench.reporting.tables import Section, Table
from pigbench.results import SCORE_COLUMNS

if TYPE_CHECKING:
    from rich.console import Console


LOG_WIDTH = 100
"""Columns where there is no terminal to ask."""
FIRST_NOTES = 5
"""How many notes stand under a table where there is a way to see all of them; the gravest come first."""


def rich(sections: Iterable[Section], console: Console | None = None, *, notes: bool = False) -> None:
    """Print `sections`: best bold, second underlined. notes: all of them, not the first alone."""
    from rich.console import Console as RichConsole

    console = console or RichConsole(width=_width())
    for section in sections:
        console.print(_Shown(section, notes))


class _Shown:
    """A section for rich, printed at once, as every call takes time."""

    def __init__(self, section: Section, notes: bool) -> None:
        self.section, self.notes = section, notes

    def __rich_console__(self, console: Console, options: Any) -> Iterator[Any]:
        from rich.segment import Segment
        from rich.text import Text

        section, width = self.section, console.width
        yield Text(section.heading, style="bold")
        for line in (section.banner, *section.remarks):
            if line:
                yield Text(line, style="yellow")
        for table in section.tables:
            yield Segment.line()
            yield Text(table.title)
            part, left = fitted(table, width)
            yield _Grid(part)
            told = [f"no room for {', '.join(left)}: a wider terminal shows more"] if left else []
            told += table.notes if self.notes else _first(table.notes)
            yield _Lines(told, _folded(table.signature, width))
        yield Segment.line()


def _first(notes: Sequence[str]) -> list[str]:
    """The first notes, and how many there are more."""
    more = len(notes) - FIRST_NOTES
    return [*notes[:FIRST_NOTES], f"{counted(more, 'more note')}: --notes"] if more > 0 else list(notes)


def text(sections: Iterable[Section]) -> str:
    """`sections` as `rich` prints them where there is no colour, and so no mark of the best, with all notes."""
    from rich.console import Console as RichConsole

    stream = io.StringIO()
    console = RichConsole(file=stream, width=_width(), force_jupyter=False, color_system=None)
    rich(sections, console, notes=True)
    return stream.getvalue().rstrip()


def _width() -> int | None:
    """Columns to print in; None where a terminal can be asked."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else LOG_WIDTH


class _Grid:
    """A table for rich, whose own takes a minute for ten thousand rows. It is as wide as it is: see `fitted`."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: Any) -> Iterator[Any]:
        """Lines of text, those cells apart that are marked."""
        from rich.segment import Segment
        from rich.style import Style

        styles = {"best": Style(bold=True), "second": Style(underline=True)}
        table = self.table
        texts = [table.headings, *([cell.text for cell in row] for row in table.rows)]
        widths = [max(map(text_width, column)) for column in zip(*texts, strict=True)]
        for number, row in enumerate(texts):
            marks = [cell.mark for cell in table.rows[number - 1]] if number else [""] * len(row)
            split = [text.split("\n") for text in row]
            for line in range(max(map(len, split))):
                plain = ""
                for column, (pieces, mark) in enumerate(zip(split, marks, strict=True)):
                    piece = pieces[line] if line < len(pieces) else ""
                    room = " " * (widths[column] - text_width(piece))
                    if mark and piece:
                        yield Segment(plain + room * bool(column))
                        yield Segment(piece, styles[mark])
                        plain = room * (not column)
                    else:
                        plain += room + piece if column else piece + room
                    plain += "  "
                yield Segment(plain.rstrip() + "\n")
            if not number:
                yield Segment("─" * (sum(widths) + 2 * len(widths) - 1) + "\n")


class _Lines:
    """Notes, broken between words, and lines that are left as they are. Rich takes a second for a thousand texts."""

    def __init__(self, notes: Sequence[str], lines: Sequence[str]) -> None:
        self.notes, self.lines = notes, lines

    def __rich_console__(self, console: Console, options: Any) -> Iterator[Any]:
        """One line after the other."""
        from rich.segment import Segment
        from rich.style import Style
        from rich.text import Text

        dim, width = Style(dim=True), console.width
        for note in self.notes:
            if text_width(note) != len(note):
                yield Text(note, style=dim)
                continue
            for line in [note] if len(note) <= width else wrap(note, width, break_on_hyphens=False):
                yield Segment(line, dim)
                yield Segment.line()
        for line in self.lines:
            yield Segment(line, dim)
            yield Segment.line()


def _folded(signature: str, width: int) -> list[str]:
    """The signature in lines that end where one of its parts, or of the values in it, does."""
    lines = [""]
    for part in re.split(r"(?<=[|,])", signature):
        if lines[-1] and len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return lines if signature else []


def markdown(sections: Iterable[Section]) -> str:
    """`sections` as GitHub renders them: best bold, second underlined."""
    return "\n".join(line for section in sections for line in _markdown_section(section))


def _markdown_section(section: Section) -> list[str]:
    lines = [f"## {_markdown_text(section.heading)}", ""]
    for line in (section.banner, *section.remarks):
        if line:
            lines += [f"**{_markdown_text(line)}**", ""]
    marked = {"": "{}", "best": "**{}**", "second": "<ins>{}</ins>"}
    for table in section.tables:
        lines += [f"### {_markdown_text(table.title)}", ""]
        lines.append(_markdown_row(map(_markdown_text, table.headings)))
        lines.append(_markdown_row([":--", *["--:"] * (len(table.headings) - 1)]))
        for row in table.rows:
            lines.append(_markdown_row(marked[cell.mark].format(_markdown_text(cell.text)) for cell in row))
        notes = [_markdown_text(note) for note in table.notes] + [f"`{table.signature}`"] * bool(table.signature)
        lines += ["", *(f"- {note}" for note in notes), ""] if notes else [""]
    return lines


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_text(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]#])", r"\\\1", text)


def html(sections: Iterable[Section]) -> str:
    """`sections` as a notebook shows them: best bold, second underlined."""
    return "\n".join(line for section in sections for line in _html_section(section))


def _html_section(section: Section) -> list[str]:
    lines = [f"<h3>{escape(section.heading)}</h3>"]
    lines += [f"<p><b>{escape(line)}</b></p>" for line in (section.banner, *section.remarks) if line]
    marked = {"": "{}", "best": "<b>{}</b>", "second": "<u>{}</u>"}
    for table in section.tables:
        lines += ["<table>", f"<caption>{escape(table.title)}</caption>"]
        lines.append(_html_row("th", map(escape, table.headings)))
        lines += [_html_row("td", (marked[cell.mark].format(escape(cell.text)) for cell in row)) for row in table.rows]
        lines.append("</table>")
        lines += [f"<p><small>{escape(note)}</small></p>" for note in table.notes]
        lines += [f"<p><small><code>{escape(table.signature)}</code></small></p>"] * bool(table.signature)
    return lines


def _html_row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def latex(sections: Iterable[Section]) -> str:
    """`sections` as LaTeX tables for `booktabs`: best bold, second underlined."""
    tables = [_latex_table(section, table) for section in sections for table in section.tables]
    return "% needs \\usepackage{booktabs}\n" + "\n".join(tables)


def _latex_table(section: Section, table: Table) -> str:
    marked = {"": "%s", "best": r"\textbf{%s}", "second": r"\underline{%s}"}
    body = [_latex_row(_latex_text(heading) for heading in table.headings), r"\midrule"]
    body += [_latex_row(marked[cell.mark] % _latex_text(cell.text) for cell in row) for row in table.rows]
    said = [line for line in (section.banner, *section.remarks, *table.notes) if line]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex_text(table.title)}. {_latex_text(section.heading)}.}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.headings) - 1)}}}",
        r"\toprule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\footnotesize {_latex_text(line)}" for line in said),
    ]
    if table.signature:
        lines.append(rf"\par\footnotesize\texttt{{{_latex_text(table.signature)}}}")
    return "\n".join([*lines, r"\end{table}", ""])


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


_LATEX = {character: "\\" + character for character in "%_&#${}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}\allowbreak{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "Δ": r"$\Delta$",
    "†": r"\dag{}",
}


def _latex_text(text: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in text)
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", escaped)


def csv(rows: Sequence[dict[str, Any]]) -> str:
    """Score rows as CSV with a header; a number that does not exist is empty."""
    text = io.StringIO()
    columns = dict.fromkeys((*SCORE_COLUMNS, *(name for row in rows for name in row)))
    writer = DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def json(rows: Sequence[dict[str, Any]]) -> str:
    """Score rows as a JSON list; a number that does not exist is null."""
    return dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)
