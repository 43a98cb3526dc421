"""One pasted table: its rows become the statements of its networks.

    | conv1 | 112×112 | 7×7, 64, stride 2 | 7×7, 64, stride 2 |

in a table with columns for the networks `18-layer` and `34-layer` becomes the line
`conv1: 7×7, 64, stride 2  => 112x112` of each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from archdsl.errors import MOST_ERRORS, ArchError, Errors, same_name
from archdsl.figures import FIGURE, SIZE
from archdsl.notation.layer_names import kind_named
from archdsl.notation.lookup import begins_attribute, is_word_of_a_layer, vocabulary
from archdsl.notation.numbers import number_and_repeat
from archdsl.notation.reserved_names import is_reserved
from archdsl.syntax.ast import (
    Block,
    ClaimText,
    Expect,
    Item,
    Means,
    Option,
    Phrase,
    Printed,
    Reported,
    Statement,
    Token,
)
from archdsl.tables.columns import TableColumn, holds_names, quantity_of, read_columns, squeezed
from archdsl.tables.row_line import CellReader, LineBuilder, Lines, Numbers, words_in
from archdsl.tables.row_rules import RowRules, TableRow, without_spaces
from archdsl.text.grids import Cell, Grid
from archdsl.text.limits import LINES_OF_NETWORKS
from archdsl.text.source import Source, Span

_FIGURE = re.compile(rf"{FIGURE}(?: ?[KMG])?")
_DEPTH = re.compile(r"(\d+) ((?:weight )?layers|weight-layers)")
_REPORTED = re.compile(r'reported ([\w -]+?)(?: "([^"]*)")?', re.IGNORECASE)


class TableReader(CellReader):
    """Reads one table.

    `statements` are those of each network, by name; a table whose rows are layers has one network,
    with an empty name. `blocks` are the parameters of the blocks of its file, `defined` the labels
    of lines, which may define types.
    """

    def __init__(
        self,
        source: Source,
        grid: Grid,
        rules: RowRules,
        lines: Lines,
        blocks: Mapping[str, Sequence[str]],
        defined: Collection[str] = (),
    ) -> None:
        super().__init__(source, lines)
        self.grid = grid
        self.rules = rules
        self.blocks = blocks
        self.defined = defined
        self.columns = read_columns(source, grid, {name for own in blocks.values() for name in own})
        self.counts = Counter(
            self.text(cell) for row in grid.rows for cell in row if cell.is_filled
        )
        # Rows of LaTeX may end early. An editor may have cut the tabs off the ends of lines: then
        # no row ends in an empty cell.
        is_cut = grid.kind == "tabs" and all(row[-1].is_filled for row in grid.rows)
        self.may_be_short = grid.kind == "latex" or is_cut
        # The columns of networks, by number.
        self.networks = {i: c for i, c in enumerate(self.columns) if c.role == "network"}
        self.statements: dict[str, list[Statement]] = {}
        self.has_layers = False
        self.labels: set[str] = set()
        self.count = 0  # statements of all networks
        self.types: list[str] = []  # of all rows
        self.passed: Counter[str] = Counter()  # the rows of each type that have been read
        self.words: dict[str, list[str]] = {}  # types that may be blocks, with their parameters

    def read(self) -> None:
        """Raises ArchError with the errors of all cells."""
        for column in self.networks.values():
            for name in column.names:
                if name in self.statements:
                    span = self.source.span(column.cell.start, column.cell.end)
                    raise same_name("column", name, span)
                self.statements[name] = []
        self.statements = self.statements or {"": []}
        errors = Errors()
        rows: list[TableRow] = []
        for cells in self.grid.rows[self.grid.header + 1 :]:
            with errors:
                self.check_ragged(cells)
                if row := self.row(cells, rows[-1] if rows else None):
                    if row.is_named and rows and row.name == rows[-1].name:
                        rows[-1] = rows[-1]._replace(is_named=False)
                    rows.append(row)
        for row in rows:
            row = row._replace(label=self.label(row))
            with errors:
                if self.networks:
                    self.read_networks(row)
                else:
                    self.read_layer(row)
            if len(errors) >= MOST_ERRORS or self.count > LINES_OF_NETWORKS.most:
                break
        if not rows and not errors:
            span = Span(self.source, self.grid.start, self.grid.end)
            raise self.fail("a table without rows", span, "the rows follow the header")
        errors.check()

    def check_ragged(self, cells: Sequence[Cell]) -> None:
        """Refuse a row with more cells than headers, or one that ends within the networks."""
        count = len(self.columns)
        for cell in cells:
            if cell.column + cell.wide > count and self.text(cell):
                raise self.fail(
                    "a cell without a column",
                    cell,
                    f"the header has {count} columns: one separator too many in this row, or a "
                    "missing header",
                )
        width = sum(cell.wide for cell in cells)
        networks = list(self.networks)
        if width == 1 and networks[:1] == [0] and networks[-1] == count - 1:
            return  # its only cell is that of all networks
        ends_within = any(i < width for i in networks[1:]) and any(i >= width for i in networks)
        if ends_within or (width < count and not self.may_be_short):
            raise self.fail(
                f"a row of {width} cells where the header has {count}",
                Span(self.source, cells[0].start, max(cells[0].start + 1, cells[-1].end)),
                "write every cell; one without a layer is empty, or `-`",
            )

    def row(self, cells: Sequence[Cell], above: TableRow | None) -> TableRow | None:
        """A row, or None if its cells are empty. A row without a name has that of the row above,
        and the sizes that it does not print itself."""
        by_column = {
            column: cell
            for cell in cells
            if self.text(cell)
            for column in range(cell.column, cell.column + cell.wide)
        }
        if not by_column:
            return None
        named = [i for i, column in enumerate(self.columns) if column.role == "name"]
        name = " ".join(filter(None, (self.text(by_column.get(i)) for i in named)))
        is_named, own_name = bool(name), name
        if named and not name and above is not None:
            name = above.name
            sizes = [i for i, c in enumerate(self.columns) if c.quantity.endswith("size")]
            is_named = above.is_named and not any(i in by_column for i in sizes)
            for index in sizes:
                if index in above.cells:
                    by_column.setdefault(index, above.cells[index])
        others = dict.fromkeys(by_column[i] for i in sorted(by_column) if i not in named)
        texts = [*([name] if named else []), *map(self.text, others)]
        self.rules.rows += (texts[0], " ".join(texts[:2]))
        texts = [without_spaces(text) for text in texts]
        ends = frozenset(accumulate(map(len, texts)))
        row = TableRow(by_column, name, "".join(texts), ends, is_named, own_name=own_name)
        end = len(self.columns) if self.may_be_short else sum(cell.wide for cell in cells)
        empty = [i for i in self.networks if i not in by_column and i < end]
        dashed = {cell.column for cell in cells if cell.is_filled}.intersection(empty)
        return row._replace(has_empty=bool(empty), has_dash=bool(dashed))

    # Columns that are networks.

    def read_networks(self, row: TableRow) -> None:
        """Give each network the statements of its cell. A row whose only filled cell is that of
        the first network holds for all, unless dashes say that the others have no layer."""
        indexes = list(self.networks)
        filled = [i for i in indexes if i in row.cells]
        has_figures = self.has_figures(row)
        is_own = has_figures or self.has_conventions(row)
        spans = self.may_span(row) and not is_own and not row.has_dash
        is_open = spans and row.has_empty
        first = row.cells[filled[0]] if filled else next(iter(row.cells.values()))
        if not filled and (has_figures or not self.items_of_rules(row)):
            raise self.empty_row(row, first)
        read: dict[Cell, list[Statement]] = {}  # a cell may span several columns
        errors = Errors()
        for index in filled if filled and not spans else indexes:
            cell = first if spans or not filled else row.cells[index]
            column = self.networks[index]
            if cell not in read or has_figures:
                read[cell] = []
                with errors:
                    read[cell] = self.cell(row, cell, column)
                    if is_open:
                        read[cell] = _marked(read[cell], indexes)
            for name in column.names:
                self.statements[name] += read[cell]
                self.count += len(read[cell]) + 1
        if self.count > LINES_OF_NETWORKS.most:
            raise ArchError.beyond(LINES_OF_NETWORKS, self.source.span(first.start, first.end))
        errors.check()

    def may_span(self, row: TableRow) -> bool:
        """Whether only the first network has a layer in a row; LaTeX says which cells span."""
        first, *others = [i in row.cells for i in self.networks] or [False]
        return first and not any(others) and self.grid.kind != "latex"

    def has_figures(self, row: TableRow) -> bool:
        """Whether a row claims, or reports, a figure of each network."""
        return quantity_of(row.name) is not None or _REPORTED.fullmatch(row.name) is not None

    def has_conventions(self, row: TableRow) -> bool:
        """Whether a row has the statements of each network in which it differs from the others."""
        return row.name.lower() == "conventions" and not self.items_of_rules(row)

    def empty_row(self, row: TableRow, cell: Cell) -> ArchError:
        """The error of a row that has a name, or sizes, but no cell of a network."""
        name = row.name or self.text(cell)
        if self.has_figures(row):
            return self.fail(f"the row `{name}` has no figure", cell, "remove the row")
        return self.fail(
            f"the row `{name}` has no layer",
            cell,
            f'remove the row, or define it: `in "{name}" {{ conv3-64 }}`',
        )

    def cell(self, row: TableRow, cell: Cell, column: TableColumn) -> list[Statement]:
        """The statements of a network's cell: lines, or a figure of the network."""
        text = self.text(cell)
        if self.has_conventions(row):
            return self.conventions(cell)
        if reported := _REPORTED.fullmatch(row.name):
            return [self.reported(cell, reported)]
        if quantity := quantity_of(row.name):
            return [Expect((self.claim(row, cell, *quantity, column),))]
        if counted := _DEPTH.fullmatch(text):
            number = Token("figure", counted[1], cell.start, cell.end)
            word = Token("word", "weight_layers", cell.start, cell.end)
            erratum = self.rules.erratum(row, "weight layers", column)
            return [Expect((ClaimText((word, number), erratum),))]
        items = self.items_of_rules(row)
        if not items:
            items = self.items(cell)
            self.check_repeats(items)
        self.has_layers = True
        return list(self.finished(row, items, cell))

    def conventions(self, cell: Cell) -> list[Statement]:
        """The statements of a cell, as they would be below the `network` line."""
        found = self.lines(cell.start, cell.end)
        for statement in found:
            if not isinstance(statement, Printed | Option | Block) and not _is_input(statement):
                raise self.fail(
                    f"`{self.text(cell)}` in the row `conventions`",
                    cell,
                    "its cells hold conventions, such as `conv means conv-bn-relu`; layers have "
                    "rows of their own",
                )
        return found

    def reported(self, cell: Cell, name: re.Match[str]) -> Reported:
        """The figure that a row `reported top1 error "10-crop"` reports of a network."""
        if not re.fullmatch(r"\d+(\.\d+)?%?", self.text(cell)):
            raise self.fail(
                f"`{self.text(cell)}` where a figure is expected",
                cell,
                "write a figure such as `20.74`; a cell without one is empty, or `-`",
            )
        return Reported(" ".join(filter(None, (name[1], self.text(cell), name[2]))))

    def check_repeats(self, items: Sequence[Item]) -> None:
        """Refuse a repeat after several layers without a bracket: which of them it repeats is not
        clear."""
        phrases = [phrase for item in items for phrase in item.phrases]
        for phrase in phrases:
            start = _start_of_repeat(phrase.tokens)
            begins = [token.start for token in phrase.tokens[:-1] if token.kind == "size"]
            if phrase.tokens[0].kind != "size":
                words = [at for _, at in words_in(phrase.tokens)]
                # After `no` a word removes a layer.
                words = [at for at in words if not at or phrase.tokens[at - 1].text != "no"]
                begins = [phrase.tokens[at].start for at in words]
            if len(phrases) > 1 and phrase is phrases[-1]:
                begins = [one.start for one in phrases]
            if start is None or start == phrase.start or len(begins) < 2:
                continue
            plain = self.source.plain
            layers = [squeezed(plain[a:b]).strip(" ,->") for a, b in pairwise([*begins, start])]
            raise self.fail(
                "a repeat of several layers without a bracket",
                Span(self.source, start, phrase.end),
                "write all that it repeats in one bracket: "
                f"`[{'; '.join(layers)}] {squeezed(plain[start : phrase.end])}`",
            )

    # Rows that are layers.

    def read_layer(self, row: TableRow) -> None:
        """Add the line of a row in a table of one network."""
        self.has_layers = True
        typed = next((i for i, c in enumerate(self.columns) if c.role == "type"), 0)
        cell = row.cells.get(typed)
        if cell is None:
            raise self.fail(
                "a row without a layer",
                next(iter(row.cells.values())),
                f"the column `{self.columns[typed].text}` holds the layer of each row",
            )
        if (quantity := quantity_of(self.text(cell))) is not None:
            raise self.fail(
                f"`{self.text(cell)}` is not a layer",
                cell,
                f"claim it below the table: `expect {quantity[0]} …`",
            )
        if items := self.items_of_rules(row):
            self.statements[""] += self.finished(row, items, cell, None, list(self.widths(row)))
            return
        numbers = self.numbers(typed, cell)
        args = self.columns, self.blocks, row.cells, typed, numbers, self.defined
        builder = LineBuilder(self, *args)
        line = builder.line()
        if line.word is not None:
            self.words[line.word] = line.parameters
        self.statements[""] += self.finished(row, [line.item], cell, line.label, line.claims)

    def numbers(self, typed: int, cell: Cell) -> Numbers:
        """How the digits of a row's type number it among the rows of its column."""
        if not self.types:
            for row in self.grid.rows[self.grid.header + 1 :]:
                self.types += [self.text(one) for one in row if one.holds(typed)]
        text = self.text(cell)
        are_names, is_unique = holds_names(self.columns[typed]), self.counts[text] == 1
        stem = text.rstrip("0123456789")
        if stem == text:
            return Numbers(are_names, is_unique)
        alike = (one[len(stem) :] for one in self.types if one.startswith(stem))
        order = [int(digits) for digits in alike if digits.isdecimal() and len(digits) < 10]
        distinct = sorted({*order})
        counts_up = len(order) > 1 and order == sorted(order)
        counts_up = counts_up and distinct == [*range(distinct[0], distinct[-1] + 1)]
        self.passed[text] += 1
        is_last = self.passed[text] == self.types.count(text)
        return Numbers(are_names, is_unique, is_last, counts_up, len(distinct) == 1)

    def widths(self, row: TableRow) -> Iterator[tuple[TableColumn, Cell]]:
        """The widths of a row that a rule defines, which are claims. Raises ArchError for other
        values, since nothing takes them; a kernel may be a remark, `As in figure 5`."""
        for index, column in enumerate(self.columns):
            if (cell := row.cells.get(index)) is None:
                continue
            text = self.text(cell)
            if column.role == "width":
                yield column._replace(quantity="channels"), cell
            elif column.role in ("argument", "companion") or (
                column.role in ("times", "stride", "attribute") and text not in ("0", "1")
            ):
                raise self.fail(
                    f"`{text}` in the column `{column.text}` of a row that other lines define",
                    cell,
                    f"write it in those lines, and strike out the cell: `~~{text}~~`",
                )

    # Both.

    def items_of_rules(self, row: TableRow) -> list[Item]:
        """The lines that a rule `in "name" { … }` gives a row; as one group, if several. A row of
        networks without a layer may have one for its name: `Flatten`."""
        items = [one for one in self.rules.of(row) if isinstance(one, Item)]
        if not items and self.networks and row.cells.keys().isdisjoint(self.networks):
            items = self.items_of_name(row)
        if len(items) < 2:
            return items
        group = Token("braces", "{", items[0].start, items[-1].end, tuple(items))
        return [Item((Phrase((group,)),), ())]

    def items_of_name(self, row: TableRow) -> list[Item]:
        """The layer that the name of a row is, if it takes no width and no window."""
        named = kind_named(row.own_name)
        if (
            named is None
            or not named.is_whole
            or (named.kind.weighs and not named.kind.accompanies)
        ):
            return []
        if "kernel" in named.kind.attributes and "everywhere" not in named.preset:
            return []
        if "size" in named.kind.attributes or "factor" in named.kind.attributes:
            return []
        cell = next(iter(row.cells.values()))
        word = Token("word", "_".join(named.words), cell.start, cell.end)
        return [Item((Phrase((word,)),), ())]

    def finished(
        self,
        row: TableRow,
        items: Sequence[Item],
        cell: Cell,
        label: Token | None = None,
        widths: Sequence[tuple[TableColumn, Cell]] = (),
    ) -> Iterator[Item]:
        """The lines of a row with its label, its conventions and its claims."""
        rules = tuple(one for one in self.rules.of(row) if isinstance(one, Means))
        of_input: list[ClaimText] = []
        of_output: list[ClaimText] = []
        for index, column in enumerate(self.columns):
            if column.role == "claim" and index in row.cells:
                claims = of_input if column.quantity == "input size" else of_output
                quantity = column.quantity, column.unit
                claims.append(self.claim(row, row.cells[index], *quantity, column))
        for column, width in widths:
            of_output.append(self.claim(row, width, column.quantity, "", column))
        label = label or row.label
        for index, item in enumerate(items):
            is_last = index == len(items) - 1
            claims = [*(of_input if index == 0 else ()), *(of_output if is_last else ())]
            phrases = item.phrases
            if len(items) == len(phrases) == 1 and not phrases[0].row_name:
                if _leaves_kind_open(phrases[0]) or _spells_layers(phrases[0], row.own_name):
                    phrases = (phrases[0]._replace(row_name=row.own_name),)
            if is_last and label is not None and not _has_name(item):
                colon = Token("colon", ":", label.start, label.end)
                labelled = phrases[0]._replace(tokens=(label, colon, *phrases[0].tokens))
                phrases = (labelled, *phrases[1:])
            yield item._replace(phrases=phrases, claims=(*item.claims, *claims), rules=rules)

    def label(self, row: TableRow) -> Token | None:
        """The name of a row as a label. None if it spells a layer, or an earlier row has it."""
        if not row.name or not row.is_named:
            return None
        text = re.sub(r"\W+", "_", row.name).strip("_").lower()
        if text in self.labels or not text or is_word_of_a_layer(text) or is_reserved(text):
            return None
        named = next(i for i, c in enumerate(self.columns) if c.role == "name")
        self.labels.add(text)
        cell = row.cells.get(named) or next(iter(row.cells.values()))
        return Token("word", text, cell.start, cell.end)

    def claim(
        self, row: TableRow, cell: Cell, quantity: str, unit: str, column: TableColumn
    ) -> ClaimText:
        """A printed figure. Raises ArchError for a cell that does not hold one."""
        text = self.text(cell)
        is_size = quantity.endswith("size") or quantity == "receptive field"
        figure = text.replace(" ", "") if is_size else text
        if not re.fullmatch(SIZE if is_size else _FIGURE, figure):
            form = "a size such as `56x56`" if is_size else "a figure such as `138M`"
            raise self.fail(
                f"`{text}` where {form} is expected",
                cell,
                f"`{row.name if column.names else column.text}` holds printed figures of the "
                f"{quantity}; a cell without one is empty, or `-`",
            )
        place = cell.start, cell.end
        tokens = [Token("size" if "x" in figure and is_size else "figure", figure, *place)]
        if quantity != "output size":
            tokens.insert(0, Token("word", quantity.replace(" ", "_"), *place))
        if unit:
            tokens.append(Token("word", unit, *place))
        of_network = column if column.names else None
        return ClaimText(tuple(tokens), self.rules.erratum(row, quantity, of_network))


def _marked(statements: Sequence[Statement], networks: Sequence[int]) -> list[Statement]:
    """The lines of a row that is taken as one of all networks."""
    are_several = len(networks) > 1
    return [
        one._replace(spans=True) if are_several and isinstance(one, Item) else one
        for one in statements
    ]


def _is_input(statement: Statement) -> bool:
    """Whether a statement is the line of the input, which may have a label."""
    if not isinstance(statement, Item):
        return False
    tokens = statement.phrases[0].tokens
    return tokens[2 * is_labelled(statement)].text == "input"


def is_labelled(item: Item) -> bool:
    tokens = item.phrases[0].tokens
    return len(tokens) > 2 and tokens[1].kind == "colon"


def _leaves_kind_open(phrase: Phrase) -> bool:
    """Whether a phrase is sizes and numbers, with attributes, which do not say of which layer."""
    tokens = phrase.tokens
    if tokens[0].kind == "word" and not begins_attribute(tokens):
        return False
    kinds = {token.kind for token in tokens}
    if not kinds & {"size", "number"} or kinds & {"bracket", "braces", "colon"}:
        return False
    return all(vocabulary().layers[words][0].accompanies for words, _ in words_in(tokens))


def _spells_layers(phrase: Phrase, name: str) -> bool:
    """Whether a phrase writes the layer of a row whose name is one too."""
    named = kind_named(name)
    is_group = any(token.kind in ("bracket", "braces") for token in phrase.tokens)
    return named is not None and named.is_whole and not is_group and any(words_in(phrase.tokens))


def _has_name(item: Item) -> bool:
    """Whether a line has a label, or is a side head with a name."""
    words = [token.text.lower() for token in item.phrases[0].tokens[:2] if token.kind == "word"]
    return is_labelled(item) or (len(words) == 2 and words[0] == "side" and words[1] != "weight")


def _start_of_repeat(tokens: Sequence[Token]) -> int | None:
    """Where the repeat at the end of a phrase begins: `x 3`, or that of `64 x 3`."""
    *others, last = tokens
    kinds = [token.kind for token in others]
    if {last.kind, *kinds} & {"bracket", "braces"}:
        return None
    if kinds[-1:] == ["times"]:
        return others[-1].start
    pair = number_and_repeat(last)
    is_sized = kinds.count("size") >= max(1, sum(1 for _ in words_in(others)))
    if pair is not None and (is_sized or kinds[-1:] in (["comma"], ["join"])):
        return pair[0].end
    return None
