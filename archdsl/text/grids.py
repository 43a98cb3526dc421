"""Pasted tables as they are found: grids of cells, and texts whose LaTeX has been read.

What finds them is in archdsl/text/find_tables.py and archdsl/text/latex/regions.py: most texts
hold no table, and wait for neither.
"""

from __future__ import annotations

from bisect import bisect
from typing import Literal, NamedTuple

Kind = Literal["markdown", "tabs", "latex"]
MARK = "\x1d"  # what the grammar sees of a table: no text may hold it


class Cell(NamedTuple):
    """What stands in a row from a column on, without the blanks around it; `wide` columns."""

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
    """A table from its first character to its last; each row holds the cells that are written."""

    kind: Kind
    start: int
    end: int
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def header(self) -> int:
        """The row of the headers: the first with two filled cells; rows above it are titles."""
        filled = (sum(cell.is_filled for cell in row) for row in self.rows)
        return next((index for index, count in enumerate(filled) if count > 1), 0)

    def at(self, offset: int) -> tuple[int, Cell] | None:
        """The row and the cell that hold an offset."""
        for index, row in enumerate(self.rows):
            for cell in row:
                if cell.start <= offset <= cell.end and cell.is_filled:
                    return index, cell
        return None


class Fault(NamedTuple):
    """What is wrong in LaTeX, where in the text, and how to mend it."""

    message: str
    start: int
    end: int
    help: str

    def moved(self, by: int) -> Fault:
        return self._replace(start=self.start + by, end=self.end + by)


# A cell of LaTeX: where its plain text begins and ends, and the columns that it spans.
Place = tuple[int, int, int]


class Tabular(NamedTuple):
    """A table of LaTeX."""

    start: int
    end: int
    rows: list[list[Place]]


class Stretch(NamedTuple):
    """From `start` on an expanded text is the user's from `written` on, or all one macro there."""

    start: int
    written: int
    is_call: bool


class Expanded(NamedTuple):
    """A text, the macros in its tables expanded, and what the LaTeX in it says.

    `plain` is as long as `text`: of tables it holds the cells alone, without typography, and no
    definitions of macros. `regions` are the stretches that are LaTeX alone. All offsets are offsets
    into `text`.
    """

    text: str
    plain: str
    tables: tuple[Tabular, ...] = ()
    faults: tuple[Fault, ...] = ()
    stretches: tuple[Stretch, ...] = (Stretch(0, 0, False),)
    regions: tuple[tuple[int, int], ...] = ()

    def written(self, offset: int) -> int:
        """Where an offset stands in what the user wrote: within a macro, where it is called."""
        found = self.stretches[bisect(self.stretches, offset, key=lambda one: one.start) - 1]
        return found.written + (0 if found.is_call else offset - found.start)
