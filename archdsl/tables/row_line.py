"""The line of a row in a table whose rows are layers.

    | type        | patch size/stride | #out |
    | convolution | 7×7/2             | 64   |

The cells of the type and the kernel are notation: their tokens make the phrase. What the other
columns hold are the phrase's column values, here one value 64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.layers import Conv, Layer
from archdsl.notation.ast import WIDTH
from archdsl.notation.layer_names import kind_named
from archdsl.notation.lookup import is_word_of_a_layer, runs, vocabulary, words_of
from archdsl.notation.numbers import FUSED
from archdsl.notation.reserved_names import is_reserved
from archdsl.syntax.ast import ColumnValue, Item, Phrase, Statement, Token
from archdsl.tables.columns import (
    ATTRIBUTES,
    KERNEL_SIZES,
    KNOWN,
    TableColumn,
    cell_text,
    known_header,
    normal_name,
    squeezed,
)
from archdsl.text.grids import Cell
from archdsl.text.source import Source, Span

_NUMBERED = re.compile(r"([a-z_]+)\d+")
_DIGITS = re.compile(r"\d+(?:[x×]\d+)*$")
_LETTER = re.compile(r"[A-Z]\d+")  # LeNet's `C1`, `S2`, `F6`
_REMARK = re.compile(r"\w*[A-Za-z]\w*|\d{1,2}")
_YES_OR_NO = {**dict.fromkeys("✓✔", "1"), **dict.fromkeys("✗✘", "0"), "yes": "1", "no": "0"}
# Values that mean nothing for a layer without the attribute: an average pool has no groups.
_IDLE = {"stride": "1", "pad": "0", "groups": "1", "dilation": "1"}


Lines = Callable[[int, int], list[Statement]]  # the statements of a stretch of the source


class CellReader:
    """Reads the cells of a source, whose statements `lines` gives."""

    def __init__(self, source: Source, lines: Lines) -> None:
        self.source = source
        self.lines = lines

    def fail(self, message: str, cell: Cell | Span, help: str) -> ArchError:
        return ArchError(message, self.source.span(cell.start, cell.end), help=help)

    def text(self, cell: Cell | None) -> str:
        """The text of a cell on one line; empty for None."""
        return "" if cell is None else cell_text(self.source, cell)

    def items(self, cell: Cell) -> list[Item]:
        """The lines of layers in a cell. Raises ArchError."""
        comment = self.source.plain.find("#", cell.start, cell.end)
        if comment >= 0:
            raise self.fail(
                "`#` within a cell",
                Span(self.source, comment, comment + 1),
                "write a comment on a line of its own, or after the row",
            )
        items = []
        for statement in self.lines(cell.start, cell.end):
            if not isinstance(statement, Item) or statement.claims:
                raise self.fail(
                    f"`{self.text(cell)}` in a cell",
                    cell,
                    "cells hold layers; write statements and claims outside of the table",
                )
            items.append(statement)
        return items


class Numbers(NamedTuple):
    """How the digits at the end of a row's type number it among the rows of its column.

    `are_names`: the column holds names. `counts_up`: rows whose types differ in the digits alone
    count up, or repeat the number, in order; `repeat_alone`: it is the same in all of them.
    `is_unique`: no other row has the type; `is_last`: no later row.
    """

    are_names: bool
    is_unique: bool
    is_last: bool = True
    counts_up: bool = False
    repeat_alone: bool = False


class RowLine(NamedTuple):
    """The line of a row, its label, and the widths that are claims.

    `word` is the type of the row if a line below the table may define it as a block, `parameters`
    are the names of what the columns give that block.
    """

    item: Item
    label: Token | None
    claims: list[tuple[TableColumn, Cell]]
    word: str | None
    parameters: list[str]


class LineBuilder:
    """Builds the line of a row from its cells, by column, with its type in the column `typed`.

    `blocks` are the parameters of the blocks of the file, by name in lower case, `defined` the
    types that lines of the text define. `numbers` is how the digits of a type number the rows, as
    in `conv1`. Raises ArchError.
    """

    def __init__(
        self,
        reader: CellReader,
        columns: Sequence[TableColumn],
        blocks: Mapping[str, Sequence[str]],
        row: Mapping[int, Cell],
        typed: int,
        numbers: Numbers,
        defined: Collection[str] = (),
    ) -> None:
        self.reader = reader
        self.blocks = blocks
        self.numbers = numbers
        self.type = reader.text(row[typed])
        self.tokens = self.read_type(row[typed])
        self.row_name = ""  # of a pool whose kind is open
        self.label = self.take_layer_name(defined)
        if self.label is None and numbers.are_names:
            self.label = self.take_letter()
        self.words = [words for words, _ in words_in(self.tokens)]
        self.kinds = kinds = [vocabulary().layers[words][0] for words in self.words]
        if sum(not kind.accompanies for kind in kinds) > 1:
            raise self.several_layers(row[typed])
        main = (kind for kind in kinds if not kind.accompanies)
        self.kind: type[Layer] | None = next(main, next(iter(kinds), None))  # None: a block
        if kinds and self.kind is kinds[0] and self.kind.accompanies and self.begins_with_size():
            self.kind = Conv  # `3x3, leaky relu`
        self.label = self.label or self.take_remark()
        if self.label is None:
            self.label = self.take_number({c.role for i, c in enumerate(columns) if i in row})
        self.drop_idle_stride(columns[typed])
        self.kernel: list[ColumnValue] = []
        self.arguments: list[ColumnValue] = []
        self.values: list[ColumnValue] = []  # widths, attributes, companions
        self.stride: list[ColumnValue] = []
        self.times: list[ColumnValue] = []
        self.reduce: tuple[Token, ...] = ()  # the filters of a 1x1 convolution before the layer
        self.claims: list[tuple[TableColumn, Cell]] = []
        self.given: list[str] = []
        self.parameters = self.parameters_of_block()
        for index, column in enumerate(columns):
            if (cell := row.get(index)) is not None:
                self.add(cell, column)

    # The type.

    def read_type(self, cell: Cell) -> list[Token]:
        """The tokens of a row's type."""
        items = self.reader.items(cell)
        if len(items) != 1 or len(items[0].phrases) > 1:
            raise self.several_layers(cell)
        return list(items[0].phrases[0].tokens)

    def take_letter(self) -> Token | None:
        """Take the letter and the number before a layer that are its name: `S2 subsampling`."""
        if len(self.tokens) < 2 or not _LETTER.fullmatch(self.tokens[0].text):
            return None
        if next((at for _, at in words_in(self.tokens)), None) != 1:
            return None
        first = self.tokens.pop(0)
        text = first.text.lower()
        return first._replace(text=text) if self.numbers.is_unique else None

    def take_layer_name(self, defined: Collection[str]) -> Token | None:
        """Replace a word that is the name of a layer, `max_pool_2`, `Pooling`, with the layer; its
        label if it has a number of its own."""
        if any(True for _ in words_in(self.tokens)):
            return None
        for index, token in enumerate(self.tokens):
            named = kind_named(token.text) if token.kind in ("word", "mixed") else None
            stem = token.text.lower()
            is_block = stem in self.blocks or stem.rstrip("0123456789") in self.blocks
            is_defined = token.text in defined and len(self.tokens) == 1
            fused = FUSED.fullmatch(stem)
            is_sized = fused is not None and (fused[1],) in vocabulary().layers  # `Conv3x3`
            if named is None or not named.is_whole or is_block or is_defined or is_sized:
                continue
            self.tokens[index] = token._replace(kind="word", text="_".join(named.words))
            self.row_name = token.text if named.is_open else ""
            text, end = stem, token.end
            following = self.tokens[index + 1 :]
            kinds = [one.kind for one in following]
            if self.numbers.are_names and kinds in (["number"], ["join", "number"]):  # `Pool 1`
                text, end = f"{stem}_{following[-1].text}", following[-1].end
                del self.tokens[index + 1 :]
            has_number = text[-1].isdigit() and not is_reserved(text)
            may_be_label = self.numbers.are_names and self.numbers.is_unique and has_number
            return Token("word", text, token.start, end) if may_be_label else None
        return None

    def several_layers(self, cell: Cell) -> ArchError:
        return self.reader.fail(
            "more than one layer in a row",
            cell,
            f'give each a row of its own, or define the row: `in "{self.type}" {{ … }}`',
        )

    def begins_with_size(self) -> bool:
        """Whether a size precedes the words of layers."""
        return any(
            token.kind == "size"
            for token in self.tokens[: next(at for _, at in words_in(self.tokens))]
        )

    def take_remark(self) -> Token | None:
        """Take the name off the end of a type: `inception (3a)`. A number after a layer is a
        value."""
        if len(self.tokens) < 2 or self.tokens[-1].kind != "parens":
            return None
        remark = self.tokens[-1]
        text = "".join(token.text for token in remark.tokens)
        is_value = self.kind is not None and text.isdigit()
        if is_value or not _REMARK.fullmatch(text) or is_word_of_a_layer(text):
            return None
        del self.tokens[-1]
        return Token("word", text, remark.start, remark.end)

    def take_number(self, filled: Collection[str]) -> Token | None:
        """Take the digits off a type that is a name, where the columns with the roles `filled` say
        what they could mean instead: the kernel of `conv1`, or of `Conv 1`, has its own column.
        Those of a block are a name where they count the rows: `Stage2`. The digits of only one row
        are its label."""
        word, *rest = self.tokens
        is_hyphen = [token.kind for token in rest[-2:]] == ["join", "number"]
        parts = [token for token in self.tokens if token.kind != "join"]
        text = "_".join(token.text for token in parts).lower()
        found = _NUMBERED.fullmatch(text)
        if not found or self.tokens[-1].kind not in ("word", "number") or text in self.blocks:
            return None
        kind, stem = self.kind, found[1].rstrip("_")
        if kind is None:
            numbers = self.numbers
            counts = numbers.counts_up and (numbers.are_names or not numbers.repeat_alone)
            if not (counts or (numbers.are_names and numbers.is_unique)) or len(parts) > 2:
                return None
            if stem not in self.blocks:
                return None
        elif not (self.numbers.are_names and self.numbers.is_unique):
            return None
        elif "kernel" in kind.attributes and "kernel" not in filled:
            return None
        elif rest and "width" in kind.attributes and "width" not in filled:
            return None
        name = word.text.rstrip("0123456789")
        short = word._replace(text=name, end=word.start + len(name))
        self.tokens = self.tokens[: -1 - is_hyphen] if rest else [short]
        if not self.numbers.is_last or is_reserved(text):
            return None
        return Token("word", text, word.start, (rest or [word])[-1].end)

    def drop_idle_stride(self, column: TableColumn) -> None:
        """Remove `/ s1` from a type that has no stride, below `Type / Stride`."""
        slashed = [token.kind for token in self.tokens[-2:]] == ["slash", "word"]
        idle = self.kind is not None and "stride" not in self.kind.attributes
        if idle and slashed and self.tokens[-1].text == "s1" and "stride" in column.text.lower():
            del self.tokens[-2:]

    def parameters_of_block(self) -> Sequence[str]:
        """The parameters of the row's block, if the file defines it."""
        if self.kind is not None or not self.tokens or self.tokens[0].kind != "word":
            return ()
        name = self.tokens[0].text.lower()
        return self.blocks.get(name) or self.blocks.get(name.rstrip("0123456789"), ())

    # The other columns.

    def add(self, cell: Cell, column: TableColumn) -> None:
        """Add what a cell gives to the line."""
        match column.role:
            case "kernel":
                self.add_kernel(cell, column)
            case "times" if self.reader.text(cell) != "1":
                self.times = [ColumnValue("times", "", self.value(cell, column))]
            case "stride" if self.kind is None or not self.is_idle("stride", cell):
                self.stride = [ColumnValue("attribute", "stride", self.value(cell, column))]
            case "argument" | "width" | "attribute" | "companion":
                if self.kind is None:
                    self.add_argument(cell, column)
                else:
                    self.add_to_layer(cell, column, self.kind)

    def add_kernel(self, cell: Cell, column: TableColumn) -> None:
        """The tokens of a kernel belong to the phrase, without words that the type holds already:
        `Pool 7×7` of an `Avg Pool`. A number alone is a length."""
        tokens = self.value(cell, column)
        known = {word for words in self.words for word in words}
        tokens = tuple(t for t in tokens if t.kind != "word" or not {*words_of(t)} <= known)
        is_number = [token.kind for token in tokens] == ["number"]
        if is_number and self.kind and known_header(column.text) in KERNEL_SIZES:
            self.kernel = [ColumnValue("attribute", "kernel", tokens)]
        else:
            self.tokens += tokens

    def add_argument(self, cell: Cell, column: TableColumn) -> None:
        name = _parameter(column, self.parameters) or ""
        self.arguments.append(ColumnValue("argument", name, self.value(cell, column)))
        self.given.append(WIDTH if column.role == "width" else column.text)

    def add_to_layer(self, cell: Cell, column: TableColumn, kind: type[Layer]) -> None:
        """Add an attribute, a companion, a width, or the filters of a column `#3×3`."""
        if column.role == "attribute":
            name = ATTRIBUTES[column.text]
            if not self.is_idle(name, cell):
                self.values.append(ColumnValue("attribute", name, self.value(cell, column)))
        elif column.role == "companion":
            self.values.append(ColumnValue("value", "", self.companions(cell, column)))
        elif column.role == "width" and "width" not in kind.attributes:
            self.claims.append((column._replace(quantity="channels"), cell))
        elif column.role == "argument" and column.text.endswith("reduce") and kind.weighs:
            self.check_kernel(cell, column)
            self.reduce = self.value(cell, column)
        elif column.role == "argument" and not (column.text.startswith("#") and kind.weighs):
            raise self.reader.fail(
                f"`{self.type}` does not take `{column.text}`",
                cell,
                "this column holds the arguments of blocks, and the filters of convolutions; "
                "elsewhere its cells are empty, or `-`",
            )
        else:
            self.check_kernel(cell, column)
            # A bare number after `conv, leaky relu` would be the slope.
            word = "width" if len(self.words) > 1 or kind not in self.kinds else ""
            self.values.append(ColumnValue("width", word, self.value(cell, column)))

    def is_idle(self, attribute: str, cell: Cell) -> bool:
        """Whether a cell means nothing for a layer that does not take its attribute."""
        assert self.kind is not None
        return attribute not in self.kind.attributes and self.reader.text(cell) == _IDLE[attribute]

    def check_kernel(self, cell: Cell, column: TableColumn) -> None:
        """Refuse the filters of a column `#5×5` on a row of 3×3 convolutions."""
        counted = re.match(r"#(\d+x\d+)", column.text)
        kernel = next((squeezed(token.text) for token in self.tokens if token.kind == "size"), None)
        if counted and kernel and kernel != counted[1]:
            raise self.reader.fail(
                f"`{column.text}` of convolutions of {kernel}",
                cell,
                "the cell has slid into another column, or the kernel is not the printed one",
            )

    def companions(self, cell: Cell, column: TableColumn) -> tuple[Token, ...]:
        """The layers of a column `Activation`."""
        items = self.reader.items(cell)
        tokens = items[0].phrases[0].tokens if items else ()
        kinds = [vocabulary().layers[words][0] for words, _ in words_in(tokens)]
        is_chain = len(items) != 1 or len(items[0].phrases) != 1
        if is_chain or not kinds or any({"kernel", "width"} & {*kind.attributes} for kind in kinds):
            raise self.reader.fail(
                f"`{self.reader.text(cell)}` in the column `{column.text}`",
                cell,
                "it holds what follows the layer, `ReLU`; where nothing does it is empty, or `-`",
            )
        return tokens

    def value(self, cell: Cell, column: TableColumn) -> tuple[Token, ...]:
        """The tokens of a cell that holds a value; an expression is one token, in parentheses."""
        text = self.reader.text(cell)
        if column.role == "argument" and (digit := _YES_OR_NO.get(text.lower())):
            return (Token("number", digit, cell.start, cell.end),)
        items = self.reader.items(cell)
        where = f"`{text}` in the column `{column.text}`"
        if len(items) != 1 or len(items[0].phrases) != 1:
            raise self.reader.fail(where, cell, "write one value")
        tokens = items[0].phrases[0].tokens
        if column.role != "kernel" and any(token.kind == "comma" for token in tokens):
            help = "write one value, without separators of thousands"
            raise self.reader.fail(where, cell, help)
        if any(True for _ in words_in(tokens)):
            raise self.reader.fail(
                f"the layer {where}",
                cell,
                "it belongs in the column of types; a cell has slid here",
            )
        is_number = [token.kind for token in tokens] == ["number"]
        is_word = column.role in ("attribute", "stride") and len(tokens) == 1  # `same`, `1x1`
        if column.role == "kernel" or is_number or is_word:
            return tokens
        return (Token("parens", "(", cell.start, cell.end, tokens),)

    # The line.

    def line(self) -> RowLine:
        is_word = self.kind is None and [token.kind for token in self.tokens] == ["word"]
        word = self.tokens[0].text if is_word else None
        return RowLine(Item(self.phrases(), ()), self.label, self.claims, word, self.given)

    def phrases(self) -> tuple[Phrase, ...]:
        """The phrase of the row, after that of the column `#3×3 reduce`."""
        if self.kind is not None and self.times and not self.stride:
            self.take_stride()
        tokens = tuple(self.tokens)
        columns = (*self.kernel, *self.ordered_arguments(), *self.values)
        if self.kind is not None and self.times and self.stride:
            # The stride is that of the first repetition.
            inner = Phrase(tokens, columns)
            group = Token("braces", "{", inner.start, inner.end, (Item((inner,), ()),))
            tokens, columns = (group,), ()
        values = (*columns, *self.times, *self.stride)
        phrase = Phrase(tokens, values, row_name=self.row_name)
        if not self.reduce:
            return (phrase,)
        place = self.reduce[0].start, self.reduce[-1].end
        conv = Token("word", "conv", *place), Token("size", "1x1", *place)
        return Phrase(conv, (ColumnValue("value", "", self.reduce),)), phrase

    def take_stride(self) -> None:
        """Take the stride out of the cells of a row that is repeated, `3x3/2`, `conv / s2`, `3x3
        stride 2`: as from a column of strides it is that of the first repetition."""
        kinds = [token.kind for token in self.tokens]
        for at, token in enumerate(self.tokens[:-1]):
            is_word = token.kind == "word" and token.text.lower() == "stride"
            if not (is_word or (token.kind == "slash" and at)):
                continue
            end = at + 1 + (is_word and kinds[at + 1] in ("equals", "colon"))
            value = self.tokens[end] if end < len(kinds) else token
            if found := re.fullmatch(r"s(\d+)", value.text):
                start = value.start + 1
                value = Token("number", found[1], start, value.end)
            if value.kind in ("number", "size"):
                self.stride = [ColumnValue("attribute", "stride", (value,))]
                is_comma = at > 0 and kinds[at - 1] == "comma"
                del self.tokens[at - is_comma : end + 1]
                return

    def ordered_arguments(self) -> list[ColumnValue]:
        """The arguments of the row's block. If one has a name, those without get the names of the
        other parameters: a call can no longer tell them by position."""
        named = {column.name for column in self.arguments if column.name}
        unnamed = [column for column in self.arguments if not column.name]
        if not named:
            return unnamed
        free = [n for n in self.parameters if n not in named and KNOWN.get(n) != "stride"]
        last = {column.name: column for column in self.arguments if column.name}
        pairs = zip(unnamed, free, strict=False)
        return [
            *unnamed[len(free) :],
            *last.values(),
            *(column._replace(name=name) for column, name in pairs),
        ]


def _parameter(column: TableColumn, parameters: Sequence[str]) -> str | None:
    """The parameter of a block that a column is named after; for widths the only one."""
    for name in parameters:
        if normal_name(name) == normal_name(column.text):
            return name
    widths = [name for name in parameters if KNOWN.get(name.lower()) == "width" or name == "out"]
    return widths[0] if column.role == "width" and len(widths) == 1 else None


def words_in(tokens: Sequence[Token]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The layer words among tokens without their digits, `conv` for `conv3` and `Conv3x3`, and the
    indexes of the tokens that they begin at."""
    known = vocabulary().layers
    at = 0
    while at < len(tokens):
        more = 1
        for words, count in runs(tokens, at) if tokens[at].kind == "word" else ():
            stem = (*words[:-1], _DIGITS.sub("", words[-1]))
            if words in known or stem in known:
                yield words if words in known else stem, at
                more = count
                break
        at += more
