"""Tables of connections, such as LeNet-5's Table I: which input maps each output map reads.

    conv 5x5, 2 channels, connection table

    |   | 0 | 1 |
    | 0 | X |   |
    | 1 | X | X |

Columns are output maps, rows input maps. The table becomes the connections of the layer before it,
as `connections (0 1, 1)` would give them. A damaged table is an error, never repaired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archdsl.errors import ArchError, Errors
from archdsl.notation.lookup import LISTS, runs
from archdsl.syntax.ast import Item, Statement, Table, Token
from archdsl.tables.columns import cell_text
from archdsl.text.grids import Cell, Grid
from archdsl.text.source import Source

_MARKS = frozenset("xX✓✔")  # where maps are connected
_FORM = "a row for each input map, a column for each output map, both counted from 0 or from 1"


def connected(source: Source, statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """The statements, with each table of connections as part of the line before it.

    Raises ArchError for a table that the line does not ask for, and for all errors within one.
    """
    grids = {grid.start: grid for grid in source.grids}
    found: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Table):
            grid = grids[statement.start]
            before = found[-1] if found else None
            if isinstance(before, Item) and (index := _asking(before)) is not None:
                found[-1] = _with_lists(before, index, _ConnectionReader(source, grid).read())
                continue
            if _is_connections(source, grid):
                raise ArchError(
                    "a table of connections without a layer before it that asks for one",
                    source.span(grid.start, source.line(grid.start)[1]),
                    help="ask for it on the line before: `conv 5x5 16, connection table`",
                )
        found.append(statement)
    return tuple(found)


def _asking(item: Item) -> int | None:
    """The index of the first phrase of a line that asks for a table, and has none yet."""
    for index, phrase in enumerate(item.phrases):
        if not phrase.connections and end_of_lists(phrase.tokens) is not None:
            return index
    return None


def end_of_lists(tokens: Sequence[Token]) -> int | None:
    """The number of tokens up to the end of the words `connection table`, if no value follows."""
    for at in range(len(tokens)):
        for words, count in runs(tokens, at):
            after = tokens[at + count : at + count + 1]
            has_value = after and after[0].kind in ("parens", "equals", "colon")
            if words in LISTS and not has_value:
                return at + count
    return None


def _with_lists(item: Item, index: int, lists: Sequence[Sequence[int]]) -> Item:
    """The line with the input maps of each output map as the connections of a phrase."""
    connections = " , ".join(" ".join(map(str, inputs)) for inputs in lists)
    phrases = list(item.phrases)
    phrases[index] = phrases[index]._replace(connections=connections)
    return item._replace(phrases=tuple(phrases))


def _header(source: Source, grid: Grid) -> int | None:
    """The index of the row that numbers the output maps, if there is one. Rows above it are
    titles."""
    for index, row in enumerate(grid.rows):
        texts = [text for cell in row if cell.column and (text := cell_text(source, cell))]
        if texts and all(map(str.isdecimal, texts)):
            return index
    return None


def _is_connections(source: Source, grid: Grid) -> bool:
    """Whether a table holds only numbers of maps and marks."""
    header = _header(source, grid)
    if header is None:
        return False
    rows = grid.rows[header + 1 :]
    cells = [cell_text(source, cell) for row in rows for cell in row if cell.column]
    return any(cells) and all(text in _MARKS for text in cells if text)


class _ConnectionReader:
    """Reads one table of connections."""

    def __init__(self, source: Source, grid: Grid) -> None:
        self.source = source
        self.grid = grid
        self.errors = Errors()

    def read(self) -> list[list[int]]:
        """The input maps of each output map, from 0. Raises ArchError with all errors."""
        index = _header(self.source, self.grid)
        if index is None:
            cells = [cell for row in self.grid.rows for cell in row]
            first = next((cell for cell in cells if cell.is_filled), None)
            start = self.grid.start if first is None else first.start
            end = self.source.line(start)[1] if first is None else first.end
            span = self.source.span(start, end)
            raise ArchError("this is not a table of connections", span, help=f"write {_FORM}")
        header, *rows = self.grid.rows[index:]
        columns = self.numbered([cell for cell in header if cell.column], "output map", "column")
        rows = [row for row in rows if any(cell_text(self.source, cell) for cell in row)]
        names = [self.name(row) for row in rows]
        self.numbered([name for name in names if name is not None], "input map", "row")
        lists: dict[int, list[int]] = {cell.column: [] for cell in columns}
        for number, (row, name) in enumerate(zip(rows, names, strict=True)):
            marked = list(self.marked(row, lists))
            for column in marked:
                lists[column].append(number)
            if not marked and name is not None:
                self.fail("no output map reads this input map", name, "a row has at least one X")
        for cell in columns:
            if not lists[cell.column]:
                self.fail("this output map reads no input map", cell, "a column has at least one X")
        if not rows:
            self.fail("a table of connections without rows", header[-1], f"write {_FORM}")
        self.errors.check()
        return list(lists.values())

    def fail(self, message: str, cell: Cell, help: str) -> None:
        self.errors.append(ArchError(message, self.source.span(cell.start, cell.end), help=help))

    def numbered(self, cells: Sequence[Cell], what: str, line: str) -> list[Cell]:
        """The filled cells, which must count up by one."""
        filled = [cell for cell in cells if cell_text(self.source, cell)]
        before: int | None = None
        for cell in filled:
            text = cell_text(self.source, cell)
            if not text.isdecimal() or len(text) > 9:
                self.fail(f"`{text}` is not the number of an {what}", cell, f"write {_FORM}")
                continue
            number = int(text)
            expected = (0, 1) if before is None else (before + 1,)
            if number not in expected:
                missing = " or ".join(map(str, expected))
                self.fail(
                    f"{what} {number} where {missing} is expected",
                    cell,
                    f"a {line} is missing or repeated; maps are counted from 0 or from 1",
                )
            before = number
        return filled

    def name(self, row: Sequence[Cell]) -> Cell | None:
        """The cell that numbers a row."""
        first = row[0]
        if first.column == 0 and cell_text(self.source, first):
            return first
        shown = next(cell for cell in row if cell_text(self.source, cell))
        self.fail("a row without the number of its input map", shown, f"write {_FORM}")
        return None

    def marked(self, row: Sequence[Cell], columns: dict[int, list[int]]) -> Iterator[int]:
        """The columns in which a row has an X."""
        for cell in row:
            text = cell_text(self.source, cell)
            if cell.column == 0 or not text:
                continue
            if text not in _MARKS:
                self.fail(
                    f"`{text}` where X is expected",
                    cell,
                    "write X where the output map reads the input map, and leave other cells empty",
                )
            elif cell.column not in columns or cell.wide > 1:
                self.fail(
                    "an X in a column without an output map",
                    cell,
                    "this row has one separator too many, or a column has lost its number",
                )
            else:
                yield cell.column
