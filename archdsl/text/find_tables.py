"""Finds pasted tables and their cells.

A table is Markdown (lines that begin with `|`), text between tabs, or a tabular of LaTeX. What its
columns mean is up to archdsl/tables/columns.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from archdsl.quantities import QUANTITIES
from archdsl.text.grids import Cell, Expanded, Grid
from archdsl.text.statements import BEGINS, MEANS


def find(expanded: Expanded) -> tuple[Grid, ...]:
    """The tables of a text, in order."""
    text = expanded.plain
    found = [
        Grid("latex", table.start, table.end, tuple(map(_placed, table.rows)))
        for table in expanded.tables
    ]
    if "|" in text or "\t" in text:
        latex = [(grid.start, grid.end) for grid in found]
        found += _of_lines(text, latex)
        found.sort(key=lambda grid: grid.start)
    return tuple(found)


def _placed(cells: Sequence[tuple[int, int, int]]) -> tuple[Cell, ...]:
    """The cells of a row of LaTeX, with their columns."""
    row = []
    column = 0
    for start, end, wide in cells:
        row.append(Cell(column, start, end, wide))
        column += wide
    return tuple(row)


class _TextLine(NamedTuple):
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
        """Whether a tab follows some text, or two tabs begin the line."""
        return "\t" in self.text.lstrip() or self.text.startswith("\t\t")

    @property
    def is_statement(self) -> bool:
        """Whether it ends a table of tabs; a row of Markdown may hold conventions."""
        return not self.is_piped and _STATEMENT.match(self.text) is not None


# `# params` and `#3×3` are not comments but headers, like `number of params`.
_NUMBERS = [s.replace(" ", "[ -]") for one in QUANTITIES if one.figure != "size" for s in one.words]
_COUNTED = (
    rf"(?! ?(?:{'|'.join(_NUMBERS)}|ch|out|repeats|filters|blocks"
    r"|\d+[x×]\d+(?: reduce)?)(?![^\t\s(|.])"
)
_COMMENT = re.compile(rf"[ \t]*#{_COUNTED}[^\t]*\t)", re.IGNORECASE)
# What ends a table of tabs although it holds tabs: statements, and side heads.
_STATEMENT = re.compile(rf"[ ]*(?:{BEGINS}|side\b)(?=[ \t]+[\w\"])|{MEANS}")
# What a header never contains: comments, claims, figures, and attributes with their values.
_CODE = re.compile(
    rf"#{_COUNTED})(?:\s|$)|=>|->|\"|.*[:,]$|[\d.,]+$|\d+[x×]\d+(?:/\d+)?$"
    r"|(?:(?:at|with) )?(?:stride|pad|padding|kernel|width|groups|dilation)(?: |=|: ?)\d",
    re.IGNORECASE,
)
_LAYER = re.compile(
    r"(?:(?:\d[\w×]*(?:-d)?|global|depthwise|dw|pointwise|transposed|local) |up-)*"
    r"(conv|convolution|fc|linear|(?:max|avg|average)[- ]?pool|bn|relu|lrn|dropout|flatten|softmax"
    r"|(?<=\d )filters)(?:\d++(?:-\d++)?|-\d++)?(?: .*)?",
    re.IGNORECASE,
)


def _of_lines(text: str, latex: Sequence[tuple[int, int]]) -> Iterator[Grid]:
    """The tables of Markdown and of tabs, outside of the tables of LaTeX."""
    block: list[_TextLine] = []
    inside = 0  # how many brackets at the ends of lines are open, such as that of `block unit {`
    for line in _lines(text, latex):
        code = line.text.partition("#")[0].rstrip() if line and not line.is_piped else ""
        inside = max(0, inside - bool(re.match(r"[ \t]*[)\]}]", code)))
        # Tabs within brackets are indentation; a Markdown table there is an error later.
        is_inner = inside and line and not line.is_piped
        if line is None or line.is_blank or is_inner or line.is_statement:
            yield from _of_block(text, block)
            block = []
        else:
            block.append(line)
        inside += code.endswith(("(", "[", "{"))


def _lines(text: str, latex: Sequence[tuple[int, int]]) -> Iterator[_TextLine | None]:
    """The lines of a text; None for a line of LaTeX, and at the end."""
    start = 0
    spans = list(latex)
    for piece in text.split("\n"):
        end = start + len(piece)
        while spans and spans[0][1] <= start:
            del spans[0]
        yield None if spans and spans[0][0] < end else _TextLine(start, end, piece)
        start = end + 1
    yield None


def _of_block(text: str, block: list[_TextLine]) -> Iterator[Grid]:
    """The tables in lines without a blank line between them."""
    at = 0
    headers = _Headers(block)
    while at < len(block):
        piped = block[at].is_piped
        if not piped and (not block[at].is_tabbed or _is_code(text, headers.from_line(at))):
            at += 1  # a line of layers; the table may begin on the next one
            continue
        last = at
        for index in range(at, len(block)):
            one = block[index]
            # After a row of tabs, a line that begins with a tab is a row with one cell.
            is_row = one.is_tabbed or (one.text.startswith("\t") and index > at)
            if one.is_piped if piped else is_row and not one.is_piped:
                last = index
            elif one.is_piped or (piped and not one.is_comment):
                break
        lines = block[at : last + 1]
        written = [one for one in lines if not one.is_comment]
        if piped:
            rows = tuple(_of_pipes(one) for one in written if not is_rule(one.text))
            yield Grid("markdown", lines[0].start, lines[-1].end, rows)
        elif len(written) > 1:
            yield Grid("tabs", lines[0].start, lines[-1].end, tuple(map(_of_tabs, written)))
        at = last + 1


class _Headers:
    """The rows of a block that may be headers, each found once."""

    def __init__(self, block: list[_TextLine]) -> None:
        self.left = (
            (index, cells)
            for index, line in enumerate(block)
            if not line.is_piped and not line.is_comment and "\t" in line.text
            if len(cells := [cell for cell in _of_tabs(line) if cell.is_filled]) > 1
        )
        self.found: tuple[int, list[Cell]] | None = (-1, [])

    def from_line(self, at: int) -> list[Cell]:
        """Cells of the next header row at or after this line; empty if there is none."""
        while self.found and self.found[0] < at:
            self.found = next(self.left, None)
        return self.found[1] if self.found else []


_RULE = re.compile(r"[ \t:|]*-[ \t:|-]*")
_PIPE = re.compile(r"(?<!\\)\|")
_TAIL = re.compile(r"[ \t]*(?:#.*)?")


def is_rule(text: str) -> bool:
    """Whether a line of a Markdown table is the rule below its header."""
    return bool(_RULE.fullmatch(text))


def between_pipes(text: str) -> list[tuple[int, int]]:
    """Where the cells of a row of Markdown begin and end, blanks around them included."""
    signs = [found.start() for found in _PIPE.finditer(text)]
    ends = [*signs[1:], len(text)]
    if len(signs) > 1 and _TAIL.fullmatch(text, signs[-1] + 1):
        del ends[-1]  # the last sign closes the row; a comment may follow
    return [(start + 1, end) for start, end in zip(signs, ends, strict=False)]


def _of_pipes(line: _TextLine) -> tuple[Cell, ...]:
    return _row(_trimmed(line, start, end) for start, end in between_pipes(line.text))


def _of_tabs(line: _TextLine) -> tuple[Cell, ...]:
    ends = [*(found.start() for found in re.finditer("\t", line.text)), len(line.text)]
    starts = [0, *(end + 1 for end in ends[:-1])]
    return _row(_trimmed(line, start, end) for start, end in zip(starts, ends, strict=True))


def _row(places: Iterable[tuple[int, int]]) -> tuple[Cell, ...]:
    """The cells of a row. Adjacent empty ones become one: a line may contain millions."""
    cells: list[Cell] = []
    column = 0
    for start, end in places:
        if start == end and cells and not cells[-1].is_filled:
            cells[-1] = cells[-1]._replace(wide=cells[-1].wide + 1)
        else:
            cells.append(Cell(column, start, end))
        column += 1
    return tuple(cells)


def _trimmed(line: _TextLine, start: int, end: int) -> tuple[int, int]:
    piece = line.text[start:end]
    front = start + len(piece) - len(piece.lstrip())
    return line.start + front, line.start + max(front, start + len(piece.rstrip()))


def _are_maps(cells: Sequence[str]) -> bool:
    """Whether these are the numbers of maps, counted from 0 or 1: a table of connections."""
    numbers = [int(cell) for cell in cells if cell.isdecimal() and len(cell) < 10]
    return len(numbers) == len(cells) > 1 and numbers in (
        [*range(len(cells))],
        [*range(1, len(cells) + 1)],
    )


def _is_code(text: str, header: Sequence[Cell]) -> bool:
    """Whether a possible header is a line of layers with tabs for blanks.

    A line with one layer twice is a row of a table whose header is missing.
    """
    cells = [text[cell.start : cell.end] for cell in header]
    if _are_maps([text for cell, text in zip(header, cells, strict=True) if cell.column]):
        return False
    if len(cells) < 2 or any(map(_CODE.match, cells)):
        return True
    if cells[0] == "input" and cells[1][:1].isdigit():
        return True
    layers = [found[1].lower() for found in map(_LAYER.fullmatch, cells) if found]
    return bool(_LAYER.fullmatch(cells[0])) and len({*layers}) == len(layers)
