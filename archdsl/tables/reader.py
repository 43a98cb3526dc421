"""One pasted table: its rows become the statements of its networks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from archdsl.errors import MOST_ERRORS, ArchError
from archdsl.notation.reserved_names import is_reserved
from archdsl.notation.vocabulary import is_word_of_a_layer
from archdsl.syntax.ast import (
    ClaimText,
    Expect,
    Item,
    Means,
    Phrase,
    Reported,
    Statement,
    Token,
)
from archdsl.tables.columns import TableColumn, columns, holds_names, quantity_of, squeezed
from archdsl.tables.row_line import LineBuilder, words_in
from archdsl.tables.row_rules import Row, Rules, pressed
from archdsl.text.grids import Cell, Grid
from archdsl.text.source import Source, Span

_DASHES = "-\u2010\u2011\u2012–—\u2212\uff0d"  # a cell of them alone is empty
MOST_LINES = 1_000_000  # that the columns of a table have together
_FIGURE = re.compile(
    r"[~≈]?(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?:[eE]\d+| ?x ?10\^\d+)?(?: ?[KMG])?"
)
_SIZE = re.compile(r"\d+(?:\^2)?(?:x\d+)+|\d+\^2")
_COUNTED = re.compile(r"(\d+) ((?:weight )?layers|weight-layers)")
_REPORTED = re.compile(r'reported ([\w -]+?)(?: "([^"]*)")?', re.IGNORECASE)

Lines = Callable[[int, int], list[Statement]]  # the statements of a stretch of the source


class Reader:
    """Reads one table: `made` holds the statements of each network, by name; of a table of rows
    under the empty name."""

    def __init__(
        self,
        source: Source,
        grid: Grid,
        rules: Rules,
        lines: Lines,
        blocks: Mapping[str, Sequence[str]],
    ) -> None:
        self.source = source
        self.grid = grid
        self.rules = rules
        self.lines = lines
        self.blocks = blocks  # of its file, with their parameters
        self.columns = columns(source, grid, {name for own in blocks.values() for name in own})
        self.printed = Counter(
            self.text(cell) for row in grid.rows for cell in row if cell.is_filled
        )
        # LaTeX lets rows end early. An editor may have cut the tabs off the ends of lines: then no
        # row ends in an empty cell.
        cut = grid.kind == "tabs" and all(row[-1].is_filled for row in grid.rows)
        self.may_be_short = grid.kind == "latex" or cut
        self.networks = [column for column in self.columns if column.role == "network"]
        self.made: dict[str, list[Statement]] = {}
        self.has_layers = False
        self.labels: set[str] = set()
        self.count = 0  # lines of all networks
        self.words: dict[str, list[str]] = {}  # that are no layers, with the columns they are given

    def read(self) -> None:
        """Raises ArchError with the errors of all cells."""
        for column in self.networks:
            for name in column.names:
                if name in self.made:
                    raise self.fail(
                        f"two columns are called `{name}`",
                        column.cell,
                        "give each network a name of its own",
                    )
                self.made[name] = []
        self.made = self.made or {"": []}
        errors: list[ArchError] = []
        rows: list[Row] = []
        for cells in self.grid.rows[self.grid.header + 1 :]:
            try:
                self.check_ragged(cells)
                if row := self.row(cells, rows[-1] if rows else None):
                    if row.bears and rows and row.name == rows[-1].name:
                        rows[-1] = rows[-1]._replace(bears=False)
                    rows.append(row)
            except ArchError as error:
                errors.append(error)
        for row in rows:
            row = row._replace(label=self.label(row))
            try:
                if self.networks:
                    self.across(row)
                else:
                    self.layer(row)
            except ArchError as error:
                errors += (error, *error.others)
            if len(errors) >= MOST_ERRORS or self.count > MOST_LINES:
                break
        if not rows and not errors:
            place = Span(self.source, self.grid.start, self.grid.end)
            raise self.fail("a table without rows", place, "the rows stand below the header")
        if errors:
            raise ArchError.several(errors[:MOST_ERRORS])

    def fail(self, message: str, cell: Cell | Span, help: str) -> ArchError:
        return ArchError(message, self.source.span(cell.start, cell.end), help=help)

    def text(self, cell: Cell | None) -> str:
        """What stands in a cell, on one line; of none, nothing."""
        if cell is None:
            return ""
        text = squeezed(self.source.plain[cell.start : cell.end])
        return text if text.strip(_DASHES) else ""

    def check_ragged(self, cells: Sequence[Cell]) -> None:
        """Refuse a row with more cells than headers, or one that ends within the networks."""
        count = len(self.columns)
        for cell in cells:
            if cell.column + cell.wide > count and self.text(cell):
                raise self.fail(
                    "a cell for which there is no column",
                    cell,
                    f"the header has {count} columns: a separator too many in this row, or a "
                    "header that is missing",
                )
        here = sum(cell.wide for cell in cells)
        networks = [i for i, column in enumerate(self.columns) if column.role == "network"]
        ends_within = any(i < here for i in networks[1:]) and any(i >= here for i in networks)
        if ends_within or (here < count and not self.may_be_short):
            raise self.fail(
                f"a row of {here} cells where the header has {count}",
                Span(self.source, cells[0].start, max(cells[0].start + 1, cells[-1].end)),
                "write every cell; one without a layer is empty, or `-`",
            )

    def row(self, cells: Sequence[Cell], above: Row | None) -> Row | None:
        """A row, with what an empty name takes from the row above; None for one of empty cells."""
        by_column = {
            column: cell
            for cell in cells
            if self.text(cell)
            for column in range(cell.column, cell.column + cell.wide)
        }
        if not by_column:
            return None
        named = [i for i, column in enumerate(self.columns) if column.role == "name"]
        printed = [self.text(by_column.get(i)) for i in named]
        name = " ".join(filter(None, printed))
        bears = bool(name)
        if named and not name and above is not None:
            name = above.name
            sizes = [i for i, c in enumerate(self.columns) if c.quantity.endswith("size")]
            bears = above.bears and not any(i in by_column for i in sizes)
            for index in sizes:
                if index in above.cells:
                    by_column.setdefault(index, above.cells[index])
        shown = [name] if named else []
        last = None
        for index in sorted(by_column):
            if index not in named and by_column[index] is not last:
                last = by_column[index]
                shown.append(self.text(last))
        self.rules.rows += (shown[0], " ".join(shown[:2]))
        texts = [pressed(text) for text in shown]
        ends = frozenset(accumulate(map(len, texts)))
        return Row(by_column, name, "".join(texts), ends, bears)

    # Columns that are networks.

    def across(self, row: Row) -> None:
        """The cells of a row, each for its network; the only one, if it is the first, for all."""
        indexes = [i for i, column in enumerate(self.columns) if column.role == "network"]
        filled = [i for i in indexes if i in row.cells]
        quantity = quantity_of(row.name) if row.name else None
        reported = _REPORTED.fullmatch(row.name)
        is_figures = quantity or reported
        spans = filled == indexes[:1] and self.grid.kind != "latex" and not is_figures
        statements: list[Statement] = []
        read: dict[Cell, list[Statement]] = {}
        errors: list[ArchError] = []
        first = row.cells[filled[0]] if filled else next(iter(row.cells.values()))
        if not filled and (is_figures or not self.replaced(row)):
            raise self.empty(row, first)
        for index in filled if filled and not spans else indexes:
            cell = first if spans or not filled else row.cells[index]
            column = self.columns[index]
            if cell not in read or is_figures:
                try:
                    if reported:
                        statements = [self.reported(cell, reported)]
                    elif quantity:
                        statements = [self.claim_of_network(row, cell, column, *quantity)]
                    else:
                        statements = self.cell(row, cell, column)
                except ArchError as error:
                    errors += (error, *error.others)
                    statements = []
                read[cell] = statements
            for name in column.names:
                self.made[name] += read[cell]
                self.count += len(read[cell]) + 1
        if self.count > MOST_LINES:
            raise self.fail(
                f"a table of more than {MOST_LINES:,} lines of all its networks",
                first,
                "keep fewer networks, or rows, in a table",
            )
        if errors:
            raise ArchError.several(errors)

    def empty(self, row: Row, cell: Cell) -> ArchError:
        """What is wrong with a row that is named, or sized, but holds nothing of any network."""
        name = row.name or self.text(cell)
        if quantity_of(row.name) or _REPORTED.fullmatch(row.name):
            return self.fail(f"the row `{name}` has no figure", cell, "strike the row")
        return self.fail(
            f"the row `{name}` has no layer",
            cell,
            f'strike the row, or say what it stands for: `in "{name}" {{ conv3-64 }}`',
        )

    def reported(self, cell: Cell, row: re.Match[str]) -> Reported:
        """What a row `reported top1 error "10-crop"` says of a network."""
        if not re.fullmatch(r"\d+(\.\d+)?%?", self.text(cell)):
            raise self.fail(
                f"`{self.text(cell)}` where a figure is expected",
                cell,
                "write a figure such as `20.74`; what is no figure is empty, or `-`",
            )
        return Reported(" ".join(filter(None, (row[1], self.text(cell), row[2]))))

    def claim_of_network(
        self, row: Row, cell: Cell, column: TableColumn, quantity: str, unit: str
    ) -> Expect:
        return Expect((self.claim(row, cell, quantity, unit, column),))

    def cell(self, row: Row, cell: Cell, column: TableColumn) -> list[Statement]:
        """The statements of a network's cell: lines, or what it claims of the network."""
        if counted := _COUNTED.fullmatch(self.text(cell)):
            number = Token("figure", counted[1], cell.start, cell.end)
            word = Token("word", "weight_layers", cell.start, cell.end)
            erratum = self.rules.erratum(row, "weight layers", column)
            return [Expect((ClaimText((word, number), erratum),))]
        items = self.replaced(row)
        if not items:
            items = self.items(cell)
            self.check_repeats(items)
        self.has_layers = True
        return list(self.finished(row, items, cell))

    def check_repeats(self, items: Sequence[Item]) -> None:
        """Refuse a repeat behind layers that no bracket holds together: which, nobody can tell."""
        phrases = [phrase for item in items for phrase in item.phrases]
        for phrase in phrases:
            start = _repeat(phrase.tokens)
            begins = [token.start for token in phrase.tokens[:-1] if token.kind == "size"]
            if phrase.tokens[0].kind != "size":
                begins = [phrase.tokens[at].start for _, at in words_in(phrase.tokens)]
            if len(phrases) > 1 and phrase is phrases[-1]:
                begins = [one.start for one in phrases]
            if start is None or start == phrase.start or len(begins) < 2:
                continue
            plain = self.source.plain
            layers = [squeezed(plain[a:b]).strip(" ,->") for a, b in pairwise([*begins, start])]
            raise self.fail(
                "a repeat without its bracket: which layers it repeats is not said",
                Span(self.source, start, phrase.end),
                "write all that it repeats in one bracket: "
                f"`[{'; '.join(layers)}] {squeezed(plain[start : phrase.end])}`",
            )

    # Rows that are layers.

    def layer(self, row: Row) -> None:
        """The line of a row in a table of one network."""
        self.has_layers = True
        named = next((i for i, c in enumerate(self.columns) if c.role == "type"), 0)
        cell = row.cells.get(named)
        if cell is None:
            raise self.fail(
                "a row without a layer",
                next(iter(row.cells.values())),
                f"the column `{self.columns[named].text}` says what stands in a row",
            )
        if (quantity := quantity_of(self.text(cell))) is not None:
            raise self.fail(
                f"`{self.text(cell)}` is no layer",
                cell,
                f"claim it below the table: `expect {quantity[0]} …`",
            )
        items = self.replaced(row)
        claims: list[tuple[TableColumn, Cell]] = []
        label: Token | None = None
        if not items:
            is_name = holds_names(self.columns[named]) and self.printed[self.text(cell)] == 1
            builder = LineBuilder(self, self.columns, self.blocks, row.cells, named, is_name)
            line = builder.line()
            items, label, claims = [line.item], line.label, line.claims
            if line.word is not None:
                self.words[line.word] = line.parameters
        else:
            claims = list(self.left_over(row))
        self.made[""] += self.finished(row, items, cell, label, claims)

    def left_over(self, row: Row) -> Iterator[tuple[TableColumn, Cell]]:
        """The widths of a row that other lines stand for: claims. What else there is for its layer
        would be lost; a kernel may be a remark, `As in figure 5`."""
        for index, column in enumerate(self.columns):
            if (here := row.cells.get(index)) is None:
                continue
            text = self.text(here)
            if column.role == "width":
                yield column._replace(quantity="channels"), here
            elif column.role in ("argument", "companion") or (
                column.role in ("times", "stride", "attribute") and text not in ("0", "1")
            ):
                raise self.fail(
                    f"`{text}` in the column `{column.text}` of a row that other lines stand for",
                    here,
                    f"say it in those lines, and strike the cell: `~~{text}~~`",
                )

    # Both.

    def items(self, cell: Cell) -> list[Item]:
        """The lines of layers in a cell. Raises ArchError."""
        hash = self.source.plain.find("#", cell.start, cell.end)
        if hash >= 0:
            raise self.fail(
                "`#` within a cell",
                Span(self.source, hash, hash + 1),
                "a comment stands on a line of its own, or behind the row",
            )
        found = []
        for statement in self.lines(cell.start, cell.end):
            if not isinstance(statement, Item) or statement.claims:
                raise self.fail(
                    f"`{self.text(cell)}` in a cell",
                    cell,
                    "cells hold layers; statements and claims stand around the table",
                )
            found.append(statement)
        return found

    def replaced(self, row: Row) -> list[Item]:
        """The lines that stand for a row, where it is said which do: as one group, if several."""
        items = [one for one in self.rules.of(row) if isinstance(one, Item)]
        if len(items) < 2:
            return items
        place = items[0].start, items[-1].end
        group = Token("braces", "{", *place, tuple(items))
        return [Item((Phrase((group,)),), ())]

    def finished(
        self,
        row: Row,
        items: Sequence[Item],
        cell: Cell,
        label: Token | None = None,
        widths: Sequence[tuple[TableColumn, Cell]] = (),
    ) -> Iterator[Item]:
        """The lines of a row with its label, its conventions and its claims."""
        rules = tuple(one for one in self.rules.of(row) if isinstance(one, Means))
        claims: dict[bool, list[ClaimText]] = {True: [], False: []}
        for index, column in enumerate(self.columns):
            if column.role == "claim" and index in row.cells:
                claims[column.quantity == "input size"].append(
                    self.claim(row, row.cells[index], column.quantity, column.unit, column)
                )
        for column, here in widths:
            claims[False].append(self.claim(row, here, column.quantity, "", column))
        label = label or row.label
        for index, item in enumerate(items):
            first, last = index == 0, index == len(items) - 1
            own = (*(claims[True] if first else ()), *(claims[False] if last else ()))
            phrases = item.phrases
            if last and label is not None and not _is_called(item):
                start = label.start
                colon = Token("colon", ":", start, label.end)
                phrases = (
                    phrases[0]._replace(tokens=(label, colon, *phrases[0].tokens)),
                    *phrases[1:],
                )
            yield item._replace(phrases=phrases, claims=(*item.claims, *own), rules=rules)

    def label(self, row: Row) -> Token | None:
        """The name of a row as a label. None where it is a layer's, or stood in a row before."""
        if not row.name or not row.bears:
            return None
        text = re.sub(r"\W+", "_", row.name).strip("_").lower()
        if text in self.labels or not text or is_word_of_a_layer(text) or is_reserved(text):
            return None
        named = next(i for i, c in enumerate(self.columns) if c.role == "name")
        self.labels.add(text)
        cell = row.cells.get(named) or next(iter(row.cells.values()))
        return Token("word", text, cell.start, cell.end)

    def claim(
        self, row: Row, cell: Cell, quantity: str, unit: str, column: TableColumn
    ) -> ClaimText:
        """A printed figure. Raises ArchError for a cell that holds none."""
        text = self.text(cell)
        is_size = quantity.endswith("size") or quantity == "receptive field"
        figure = text.replace(" ", "") if is_size else text
        if not (_SIZE if is_size else _FIGURE).fullmatch(figure) and not re.fullmatch(
            r"\d+", figure
        ):
            form = "a size such as `56x56`" if is_size else "a figure such as `138M`"
            raise self.fail(
                f"`{text}` where {form} is expected",
                cell,
                f"`{column.text if not column.names else row.name}` holds what the paper printed "
                f"of the {quantity}; what is no figure is empty, or `-`",
            )
        place = cell.start, cell.end
        tokens = (
            [] if quantity == "output size" else [Token("word", quantity.replace(" ", "_"), *place)]
        )
        tokens.append(Token("size" if "x" in figure and is_size else "figure", figure, *place))
        if unit:
            tokens.append(Token("word", unit, *place))
        of_network = column if column.names else None
        return ClaimText(tuple(tokens), self.rules.erratum(row, quantity, of_network))


def is_labelled(item: Item) -> bool:
    tokens = item.phrases[0].tokens
    return len(tokens) > 2 and tokens[1].kind == "colon"


def _is_called(item: Item) -> bool:
    """Whether a line has a name already; that of a side head stands behind its word."""
    words = [token.text.lower() for token in item.phrases[0].tokens[:2] if token.kind == "word"]
    return is_labelled(item) or (len(words) == 2 and words[0] == "side" and words[1] != "weight")


def _repeat(tokens: Sequence[Token]) -> int | None:
    """Where the repeat behind a phrase begins: `x 3`, or that of `64 x 3`."""
    *front, last = tokens
    kinds = [token.kind for token in front]
    if {last.kind, *kinds} & {"bracket", "braces"}:
        return None
    if kinds[-1:] == ["times"]:
        return front[-1].start
    spaced = re.search(r"\s+x", last.text) if last.kind == "size" else None
    sized = kinds.count("size") >= max(1, sum(1 for _ in words_in(front)))
    if spaced and (sized or kinds[-1:] in (["comma"], ["join"])):
        return last.start + spaced.start()
    return None
