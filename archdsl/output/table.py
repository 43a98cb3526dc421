"""Tables as text for a terminal, as Markdown, and as HTML."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import accumulate, takewhile
from typing import Literal, NamedTuple


class Cell(NamedTuple):
    text: str
    colour: str | None = None


class Column(NamedTuple):
    title: str
    align: Literal["left", "right"] = "left"
    shrinks: bool = False  # may be cut with … on a narrow terminal


class Table(NamedTuple):
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def filled(text: str, width: int | None, indent: str = "") -> str:
    """A paragraph wrapped to a width, by default 100; `indent` is that of its later lines."""
    width = width or 100
    if len(text) <= width:
        return text
    from textwrap import fill  # slow to import, and most paragraphs are short

    return fill(text, width, subsequent_indent=indent)


LONGEST_CELL = 300  # characters of a cell


def text_table(table: Table, width: int | None = None, colour: bool = False) -> str:
    """Aligned columns; to fit the width, cells are cut with …, words before numbers."""
    # The limit matters: one cell of a megabyte would make every row as wide.
    widths = [
        min(
            LONGEST_CELL,
            max([display_width(c.title), *(display_width(row[i].text) for row in table.rows)]),
        )
        for i, c in enumerate(table.columns)
    ]
    gap = "  "
    if width is not None:
        room = width - len(gap) * (len(widths) - 1)
        words = [i for i, c in enumerate(table.columns) if c.shrinks]
        _shrink(widths, words, room, least=4)
        _shrink(widths, range(len(widths)), room, least=1)
        if sum(widths) > room:
            gap = ""  # a terminal too narrow for columns
            _shrink(widths, range(len(widths)), width, least=0)
    lines = []
    header = tuple(Cell(c.title) for c in table.columns)
    for index, row in enumerate((header, *table.rows)):
        cells = []
        for cell, column, room in zip(row, table.columns, widths, strict=True):
            text = fit(cell.text, room)
            blank = " " * (room - display_width(text))
            text = paint(text, cell.colour, bold=index == 0) if colour else text
            cells.append(blank + text if column.align == "right" else text + blank)
        lines.append(gap.join(cells).rstrip())
    return "\n".join(lines)


def _shrink(widths: list[int], columns: Iterable[int], room: int, least: int) -> None:
    """Narrow the widest of the columns until all fit, or until it is `least` wide."""
    columns = list(columns)
    while sum(widths) > room and columns:
        widest = max(columns, key=lambda i: widths[i])
        if widths[widest] <= least:
            return
        widths[widest] -= 1


_CODES = {"green": "32", "yellow": "33", "red": "31", "cyan": "36"}


def paint(text: str, colour: str | None, bold: bool) -> str:
    """The text in a colour of the terminal, bold or not, by ANSI codes."""
    codes = [_CODES[colour]] if colour else []
    codes += ["1"] * bold
    return "".join(f"\x1b[{code}m" for code in codes) + text + "\x1b[0m" * bool(codes)


def display_width(text: str) -> int:
    """The columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, room: int) -> str:
    """A text cut to a display width. Of a text of a megabyte only the start is looked at."""
    if len(text) <= room and display_width(text) <= room:
        return text
    if room < 1:
        return ""
    wide = accumulate(map(_columns, text[:room]))
    return text[: sum(1 for _ in takewhile(lambda columns: columns < room, wide))] + "…"


def cut(text: str, room: int) -> str:
    """A text cut to a number of characters."""
    return text if len(text) <= room else text[: room - 1] + "…"


def escaped(text: str) -> str:
    """A text for Markdown that shows as it is, without markup."""
    return re.sub(r"([\\`*\[\]<>|&])", r"\\\1", text)


def markdown_table(table: Table) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(map(escaped, cells)) + " |"

    rule = " | ".join("---:" if c.align == "right" else "---" for c in table.columns)
    rows = (line(cell.text for cell in row) for row in table.rows)
    return "\n".join((line(c.title for c in table.columns), f"| {rule} |", *rows))


def html_table(table: Table) -> str:
    from html import escape

    def cells(tag: str, texts: Iterable[str]) -> str:
        return "".join(
            f'<{tag} style="text-align:{c.align};padding:0.1em 0.7em">{escape(text)}</{tag}>'
            for c, text in zip(table.columns, texts, strict=True)
        )

    head = cells("th", (c.title for c in table.columns))
    rows = "".join(f"<tr>{cells('td', (c.text for c in row))}</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def natural_width(table: Table) -> int:
    return max(map(display_width, text_table(table).splitlines()))
