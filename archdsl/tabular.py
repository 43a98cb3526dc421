"""Pasted tables: where they stand in a text, and where their cells do.

A table is Markdown (lines that begin with `|`), text between tabs, or LaTeX's tabular. What its
columns mean is told in archdsl/tables.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from archdsl import latex

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


def find(expanded: latex.Expanded) -> tuple[Grid, ...]:
    """The tables of a text, in order."""
    text = expanded.plain
    found = [
        Grid("latex", table.start, table.end, tuple(map(_placed, table.rows)))
        for table in expanded.tables
    ]
    if "|" in text or "\t" in text:
        taken = [(grid.start, grid.end) for grid in found]
        found += _of_lines(text, taken)
        found.sort(key=lambda grid: grid.start)
    return tuple(found)


def _placed(cells: Sequence[tuple[int, int, int]]) -> tuple[Cell, ...]:
    """The cells of a row, (start, end, wide) each, with their columns."""
    row = []
    column = 0
    for start, end, wide in cells:
        row.append(Cell(column, start, end, wide))
        column += wide
    return tuple(row)


class _Line(NamedTuple):
    start: int
    end: int
    text: str

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()

    @property
    def is_comment(self) -> bool:
        return bool(_COMMENT.match(self.text))

    @property
    def is_piped(self) -> bool:
        return self.text.lstrip().startswith("|")

    @property
    def is_tabbed(self) -> bool:
        """Whether a tab stands behind a sign, or in front of two cells."""
        return "\t" in self.text.lstrip() or self.text.startswith("\t\t")


_COMMENT = re.compile(r"[ \t]*#(?:[ \t]|$|[^\t]*$)")
# What ends a table of tabs though tabs stand in it: statements, and lines with claims or labels.
_STATEMENT = re.compile(
    r"[ ]*(?:(?:network|paper|let|block|expect|reported|train|side|output|use|in)[ \t]+[\w\"]"
    r"|(?:stride[ \t]+on|sizes[ \t]+decide|params[ \t]+count|reading)\b)|.*\bmeans\b"
)
_CODE = re.compile(r"#(?:\s|$)|=>|->|\"|.*:$|[\d.,]+$|\d+[x×]\d+(?:/\d+)?$")
_LAYER = re.compile(
    r"(conv|convolution|fc|linear|max[- ]?pool|avg[- ]?pool|bn|relu|lrn|dropout|flatten|softmax)"
    r"(?:\d*-?\d+)?(?: .*)?",
    re.IGNORECASE,
)


def _of_lines(text: str, taken: Sequence[tuple[int, int]]) -> Iterator[Grid]:
    """The tables of Markdown and of tabs, outside of what is `taken`."""
    block: list[_Line] = []
    inside = 0  # how many brackets are open that end a line, as that of `block unit {`
    for line in _lines(text, taken):
        code = line.text.partition("#")[0].rstrip() if line and not line.is_piped else ""
        inside = max(0, inside - bool(re.match(r"[ \t]*[)\]}]", code)))
        # Tabs in there indent; a Markdown table is found, and refused.
        is_inner = inside and line and not line.is_piped
        if line is None or line.is_blank or is_inner or _STATEMENT.match(line.text):
            yield from _of_block(text, block)
            block = []
        else:
            block.append(line)
        inside += code.endswith(("(", "[", "{"))


def _lines(text: str, taken: Sequence[tuple[int, int]]) -> Iterator[_Line | None]:
    """The lines of a text, None for those that are taken, and at the end."""
    start = 0
    spans = list(taken)
    for piece in text.split("\n"):
        end = start + len(piece)
        while spans and spans[0][1] <= start:
            del spans[0]
        yield None if spans and spans[0][0] < end else _Line(start, end, piece)
        start = end + 1
    yield None


def _of_block(text: str, block: list[_Line]) -> Iterator[Grid]:
    """The tables in lines that no blank line parts."""
    while block:
        first = next((i for i, one in enumerate(block) if one.is_piped or one.is_tabbed), None)
        if first is None:
            return
        piped = block[first].is_piped
        last = first
        for index in range(first, len(block)):
            one = block[index]
            if one.is_piped if piped else one.is_tabbed:
                last = index
            elif piped and not one.is_comment:
                break
        lines = block[first : last + 1]
        written = [one for one in lines if not one.is_comment]
        if piped:
            rows = tuple(_of_pipes(one) for one in written if not _RULE.fullmatch(one.text))
            yield Grid("markdown", lines[0].start, lines[-1].end, rows)
        elif len(written) > 1:
            rows = tuple(_of_tabs(one) for one in written)
            grid = Grid("tabs", lines[0].start, lines[-1].end, rows)
            if _is_code(text, grid):
                last = first  # blanks between layers: the table may begin in the next line
            else:
                yield grid
        del block[: last + 1]


_RULE = re.compile(r"[ \t]*\|?[ \t:|-]*-[ \t:|-]*")
_PIPE = re.compile(r"(?<!\\)\|")
_TAIL = re.compile(r"[ \t]*(?:#.*)?")


def _of_pipes(line: _Line) -> tuple[Cell, ...]:
    signs = [found.start() for found in _PIPE.finditer(line.text)]
    ends = [*signs[1:], len(line.text)]
    if len(signs) > 1 and _TAIL.fullmatch(line.text, signs[-1] + 1):
        del ends[-1]  # the last sign closes the row; a comment may stand behind it
    return tuple(
        Cell(column, *_trimmed(line, start + 1, end))
        for column, (start, end) in enumerate(zip(signs, ends, strict=False))
    )


def _of_tabs(line: _Line) -> tuple[Cell, ...]:
    cells = []
    start = 0
    for column, piece in enumerate(line.text.split("\t")):
        cells.append(Cell(column, *_trimmed(line, start, start + len(piece))))
        start += len(piece) + 1
    return tuple(cells)


def _trimmed(line: _Line, start: int, end: int) -> tuple[int, int]:
    piece = line.text[start:end]
    front = start + len(piece) - len(piece.lstrip())
    return line.start + front, line.start + max(front, start + len(piece.rstrip()))


def _is_code(text: str, grid: Grid) -> bool:
    """Whether what looks like a header is a line of layers, with tabs for blanks.

    One layer twice is a row that has lost its header.
    """
    cells = [text[c.start : c.end] for c in grid.rows[grid.header] if c.is_filled]
    if len(cells) < 2 or any(map(_CODE.match, cells)):
        return True
    if cells[0] == "input" and cells[1][:1].isdigit():
        return True
    layers = [found[1].lower() for found in map(_LAYER.fullmatch, cells) if found]
    return bool(_LAYER.fullmatch(cells[0])) and len({*layers}) == len(layers)
