"""A text with a name, what is read of it, and places in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from archdsl.text.grids import MARK, Cell, Expanded, Grid
from archdsl.text.limits import Limit
from archdsl.text.printable import printable
from archdsl.text.typography import cell, plain

_HELP = "no network needs so much: write what repeats with `x 3`, blocks and parameters"
LINE = Limit(100_000, "a line of more than {} characters", _HELP)
LINES = Limit(200_000, "more than {} lines", _HELP)  # empty ones and comments do not count
CELLS = Limit(100_000, "tables of more than {} cells", _HELP)
TOKENS = Limit(1_000_000, "more than {} words and signs", _HELP)  # a comment is one
# What counts for a limit, and the signs that it takes, if it takes any.
_COUNTED = (
    (LINES, "\n;", r"(?:^|;)[^\S\n]*()(?![\n;#]|\Z)"),
    (CELLS, "|&\t", r"()(?:[|&]|[^\s]\t)"),  # tabs before a line only indent it
    (TOKENS, "", r"()(?:#[^\n]*|\w+|[^\w\s])"),
)


class Source:
    """A named text: a file, standard input, or a string.

    `written`: what the user has written. `text`: the same with the macros in tables of LaTeX
    expanded; all offsets are into it, and become lines and columns only when an error is shown.
    `plain`: the text without typography, of the same length, which is what is read. `grids`: the
    tables in it. `folder`: where the files that the text may use are, or None for a text that is
    not a file. `beyond`: the limit that the text exceeds, and where; such a text is not read.
    """

    __slots__ = ("beyond", "folder", "grids", "latex", "name", "plain", "text", "written")

    def __init__(self, name: str, text: str, folder: str | None = None) -> None:
        self.name = name
        self.written = text
        self.beyond = _beyond(text)
        self.latex = _expanded(text) if self.beyond is None else Expanded(text, text)
        self.text = self.latex.text
        self.grids = _grids(self.latex) if self.beyond is None else ()
        self.plain = self._with_grids(_plain_grid) if self.beyond is None else text
        self.folder = folder

    @property
    def marked(self) -> str:
        """The plain text with a mark in place of each table: what the grammar reads."""
        return self._with_grids(_mark) if self.grids else self.plain

    def _with_grids(self, shown: Callable[[str, Grid], str]) -> str:
        text = self.latex.plain
        pieces = []
        here = 0
        for grid in self.grids:
            pieces += [plain(text[here : grid.start]), shown(text, grid)]
            here = grid.end
        return "".join([*pieces, plain(text[here:])])

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of an offset in what the user has written."""
        offset = self.latex.written(offset)
        start = self.written.rfind("\n", 0, offset) + 1
        return self.written.count("\n", 0, offset) + 1, offset - start + 1

    def line(self, offset: int) -> tuple[int, int]:
        """Where the line begins and ends that holds an offset."""
        end = self.text.find("\n", offset)
        return self.text.rfind("\n", 0, offset) + 1, len(self.text) if end < 0 else end

    def span(self, start: int, end: int) -> Span:
        return Span(self, start, end)

    def cell(self, offset: int) -> str | None:
        """`in row 3 (`conv2`), column `D`` for an offset in a table, or None."""
        if (found := self._at(offset)) is None:
            return None
        grid, index, cell = found
        if index <= grid.header:
            return f"in the header, column {cell.column + 1}"
        header = next((h for h in grid.rows[grid.header] if h.holds(cell.column)), None)
        column = f"column {cell.column + 1}"
        if header is not None and (text := self._line_of(header)):
            column = f"column `{text}`"
        name = _named(grid, index)
        shown = f" (`{self._line_of(name)}`)" if name is not cell else ""
        return f"in row {index - grid.header}{shown}, {column}"

    def row(self, offset: int) -> str | None:
        """The first cell of the row that holds an offset, or None outside of tables."""
        if (found := self._at(offset)) is None:
            return None
        grid, index, _ = found
        return self._line_of(_named(grid, index))

    def _at(self, offset: int) -> tuple[Grid, int, Cell] | None:
        for grid in self.grids:
            if grid.start <= offset < grid.end and (found := grid.at(offset)) is not None:
                return grid, *found
        return None

    def _line_of(self, cell: Cell) -> str:
        """The text of a cell on one line, shortened."""
        text = " ".join(self.plain[cell.start : cell.end].replace(";", " ").split())
        return text if len(text) <= 40 else f"{text[:39]}…"


def _beyond(text: str) -> tuple[Limit, int] | None:
    """The limit that a text exceeds, and where; None if it exceeds none."""
    if len(text) <= min(LINE.most, LINES.most, CELLS.most):
        return None
    start = 0
    for line in text.split("\n"):
        if len(line) > LINE.most:
            return LINE, start
        start += len(line) + 1
    for limit, signs, pattern in _COUNTED:
        if (sum(map(text.count, signs)) if signs else len(text)) > limit.most:
            found = re.finditer(pattern, text, re.MULTILINE)
            if (last := next(islice(found, limit.most, None), None)) is not None:
                return limit, last.start(1)
    return None


def _expanded(text: str) -> Expanded:
    if "\\" not in text:
        return Expanded(text, text)
    from archdsl.text.latex import regions  # most texts need none

    return regions.read_latex(text)


def _grids(expanded: Expanded) -> tuple[Grid, ...]:
    if not expanded.tables and "|" not in expanded.plain and "\t" not in expanded.plain:
        return ()
    from archdsl.text import find_tables  # most texts need none

    return find_tables.find(expanded)


def _named(grid: Grid, index: int) -> Cell:
    """The cell that names a row: its first, or that of the row above that it continues."""
    rows = grid.rows[grid.header + 1 : index + 1]
    first = next((row[0] for row in reversed(rows) if row and row[0].is_filled), None)
    return first or next(one for one in grid.rows[index] if one.is_filled)


def _plain_grid(text: str, grid: Grid) -> str:
    """A table in which only its cells remain, without typography."""
    pieces = []
    here = grid.start
    for row in grid.rows:
        for one in row:
            pieces += [" " * (one.start - here), cell(text[one.start : one.end])]
            here = one.end
    return "".join([*pieces, " " * (grid.end - here)])


def _mark(text: str, grid: Grid) -> str:
    """The mark, and the end of its line: two tables may be on one line."""
    length = grid.end - grid.start  # 1 for a lone `|`
    return (MARK.ljust(length - 1) + ";")[:length]


class Span(NamedTuple):
    """The text of a source from `start` up to, not including, `end`."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{printable(self.source.name)}:{line}:{column}"
