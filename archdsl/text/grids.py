"""Pasted tables as grids of cells, and texts whose LaTeX has been read.

archdsl/text/find_tables.py and archdsl/text/latex/regions.py find them. They are imported only for
a text that may hold a table, which most do not.
"""

from bisect import bisect
from typing import Literal, NamedTuple

Kind = Literal["markdown", "tabs", "latex"]
MARK = "\x1d"  # the grammar's token for a table; no text may contain it


class Cell(NamedTuple):
    """A cell: its first column, how many columns wide it is, and its text without blanks around."""

    column: int
    start: int
    end: int
    wide: int = 1

    @property
    def is_filled(self) -> bool:
        return self.end > self.start

    def holds(self, column: int) -> bool:
        return self.column <= column < self.column + self.wide


class Grid(NamedTuple):
    """A table and its rows; columns without a cell in a row are left out."""

    kind: Kind
    start: int
    end: int
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def header(self) -> int:
        """The index of the header row: the first with two filled cells, below rows of titles."""
        filled = (sum(cell.is_filled for cell in row) for row in self.rows)
        return next((index for index, count in enumerate(filled) if count > 1), 0)

    def at(self, offset: int) -> tuple[int, Cell] | None:
        """The index of the row and the cell that hold an offset, or None."""
        for index, row in enumerate(self.rows):
            for cell in row:
                if cell.start <= offset <= cell.end and cell.is_filled:
                    return index, cell
        return None


class Fault(NamedTuple):
    """An error in LaTeX: message, place and help."""

    message: str
    start: int
    end: int
    help: str

    def shifted(self, by: int) -> "Fault":
        return self._replace(start=self.start + by, end=self.end + by)


# A cell of LaTeX: where its plain text begins and ends, and how many columns it spans.
Place = tuple[int, int, int]


class Tabular(NamedTuple):
    """A table of LaTeX."""

    start: int
    end: int
    rows: list[list[Place]]


class Stretch(NamedTuple):
    """Maps offsets of the expanded text, from `start` on, back to those of the user's text.

    `is_call`: the whole stretch is the expansion of the macro call at `written`.
    """

    start: int
    written: int
    is_call: bool


class Expanded(NamedTuple):
    """A text with the macros in its tables expanded, and its tables of LaTeX.

    `plain`: as long as `text`, with blanks in place of all LaTeX but the plain text of cells.
    `regions`: where the text is LaTeX alone. All offsets are into `text`.
    """

    text: str
    plain: str
    tables: tuple[Tabular, ...] = ()
    faults: tuple[Fault, ...] = ()
    stretches: tuple[Stretch, ...] = (Stretch(0, 0, False),)
    regions: tuple[tuple[int, int], ...] = ()

    def written(self, offset: int) -> int:
        """The offset in the user's text; for the expansion of a macro, that of its call."""
        found = self.stretches[bisect(self.stretches, offset, key=lambda one: one.start) - 1]
        return found.written + (0 if found.is_call else offset - found.start)
