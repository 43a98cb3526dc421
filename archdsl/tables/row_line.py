"""The line that the cells of a row make, in a table whose rows are layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from archdsl.errors import ArchError
from archdsl.notation.reserved_names import is_reserved
from archdsl.notation.vocabulary import is_word_of_a_layer, runs, vocabulary, words_of
from archdsl.syntax.ast import Item, Phrase, Token
from archdsl.tables.columns import ATTRIBUTES, KNOWN, SIZES, Column, known_header, spelled, squeezed
from archdsl.text.grids import Cell

WIDTH = "width"  # what a word of a table is given by a column of widths
_NUMBERED = re.compile(r"([A-Za-z_]+)\d+")
_REMARK = re.compile(r"\w*[A-Za-z]\w*|\d{1,2}")
_YES_OR_NO = {**dict.fromkeys("✓✔", "1"), **dict.fromkeys("✗✘", "0"), "yes": "1", "no": "0"}
# What says nothing of a layer that takes no such thing: an average pool has no groups.
_IDLE = {"stride": "1", "pad": "0", "groups": "1", "dilation": "1"}


class Cells(Protocol):
    """Reads cells."""

    def text(self, cell: Cell | None) -> str:
        """What stands in a cell, on one line; of none, nothing."""

    def items(self, cell: Cell) -> list[Item]:
        """The lines of layers in a cell. Raises ArchError."""

    def fail(self, message: str, cell: Cell, help: str) -> ArchError:
        """An error of a cell."""


class Made(NamedTuple):
    """The line of a row, its label, and the widths that are claims.

    `word` is its type where that may be defined below the table, `given` what columns give it.
    """

    item: Item
    label: Token | None
    claims: list[tuple[Column, Cell]]
    word: str | None
    given: list[str]


class Composer:
    """Puts the line of a row together; `blocks` are the parameters of those of the file, by name
    in small letters, `columns` those of the table."""

    def __init__(
        self, cells: Cells, columns: Sequence[Column], blocks: Mapping[str, Sequence[str]]
    ) -> None:
        self.cells = cells
        self.columns = columns
        self.blocks = blocks

    def line(self, row: Mapping[int, Cell], typed: int, label: bool) -> Made:
        """The line of the cells of a row, by column, its type in the column `typed`.

        Where such a type may be a `label`, its digits are: `conv1`. Raises ArchError.
        """
        cell = row[typed]
        text = self.cells.text(cell)
        items = self.cells.items(cell)
        phrases = items[0].phrases if items else ()
        self.tokens = list(phrases[0].tokens) if phrases else []
        words = [words for words, _ in words_in(self.tokens)]
        kinds = [vocabulary().layers[one][0] for one in words]
        if len(items) != 1 or len(phrases) > 1 or sum(not kind.accompanies for kind in kinds) > 1:
            raise self.cells.fail(
                "more than one layer in a row",
                cell,
                "give each a row of its own, or say what the row stands for: "
                f'`in "{text}" {{ … }}`',
            )
        self.type = text
        self.kind = next(iter(kinds), None)
        name = _label_behind(self.tokens, self.kind is not None)
        if name is None and label:
            kernels = [i for i, column in enumerate(self.columns) if column.role == "kernel"]
            name = self.numbered(any(i in row for i in kernels))
        self.drop_idle_stride(self.columns[typed])
        self.said = {word for one in words for word in one}
        self.places: list[list[Token]] = []
        self.named: dict[str, list[Token]] = {}
        self.given: list[str] = []
        self.claims: list[tuple[Column, Cell]] = []
        self.behind: list[Token] = []  # widths, attributes, companions
        self.reduce: list[Token] = []
        self.times: list[Token] = []
        self.stride: list[Token] = []
        own = self.parameters()
        for index, column in enumerate(self.columns):
            if (here := row.get(index)) is not None:
                self.add(here, column, own)
        alone = self.kind is None and [token.kind for token in self.tokens] == ["word"]
        word = self.tokens[0].text if alone else None
        self.give(own)
        item = items[0]._replace(phrases=self.phrases())
        return Made(item, name, self.claims, word, self.given)

    def add(self, here: Cell, column: Column, own: Sequence[str]) -> None:
        """What a cell adds to the line, which uses a block with the parameters `own`."""
        kind = self.kind
        counts = column.text.startswith("#")  # `#3×3`: how many filters
        match column.role:
            case "kernel":
                value = [p for p in self.value(here, column) if not self.is_said(p)]
                alone = [p.kind for p in value] == ["number"] and known_header(column.text) in SIZES
                self.tokens += [_part("word", "kernel", here)] if alone and kind else []
                self.tokens += value
            case "times" if self.cells.text(here) != "1":
                self.times = [_part("times", "x", here), *self.value(here, column)]
            case "stride" if kind is None or not self.is_idle("stride", here):
                word = _part("word", "stride", here)
                self.stride = [*_comma(here), word, *self.value(here, column)]
            case "attribute" if kind is not None and self.is_idle(ATTRIBUTES[column.text], here):
                pass
            case "attribute" if kind is not None:
                word = _part("word", ATTRIBUTES[column.text], here)
                self.behind += [*_comma(here), word, *self.value(here, column)]
            case "companion" if kind is not None:
                self.behind += [*_comma(here), *self.companions(here, column)]
            case "argument" | "width" | "attribute" | "companion" if kind is None:
                value = self.value(here, column)
                if (name := _parameter(column, own)) is not None:
                    self.named[name] = value
                else:
                    self.places.append(value)
                self.given.append(WIDTH if column.role == "width" else column.text)
            case "width" if kind and "width" not in kind.attributes:
                self.claims.append((column._replace(quantity="channels"), here))
            case "argument" if column.text.endswith("reduce") and kind and kind.weighs:
                self.check_kernel(here, column)
                self.reduce = self.value(here, column)
            case "argument" if not counts or not (kind and kind.weighs):
                raise self.cells.fail(
                    f"`{self.type}` takes no `{column.text}`",
                    here,
                    "this column holds what blocks are given, and the filters of "
                    "convolutions; where it holds nothing it is empty, or `-`",
                )
            case "argument" | "width":
                self.check_kernel(here, column)
                self.behind += [*_comma(here), *self.value(here, column)]

    def parameters(self) -> Sequence[str]:
        """The parameters of the block of the file that the row uses; of another none are known."""
        if self.kind is not None or not self.tokens or self.tokens[0].kind != "word":
            return ()
        name = self.tokens[0].text.lower()
        return self.blocks.get(name) or self.blocks.get(name.rstrip("0123456789"), ())

    def give(self, own: Sequence[str]) -> None:
        """Give the block of the row what its columns hold, in parentheses or behind commas."""
        if self.named:
            # Where some have names none can be told by its place.
            free = [n for n in own if n not in self.named and KNOWN.get(n) != "stride"]
            self.named |= dict(zip(free, self.places, strict=False))
            self.places = self.places[len(free) :]
        arguments = self.places + [
            [Token("word", name, value[0].start, value[-1].end), _equals(value), *value]
            for name, value in self.named.items()
        ]
        if not arguments:
            return
        if (len(self.tokens) == 1 and not self.tokens[0].text[-1].isdigit()) or not self.named:
            self.tokens.append(_arguments(arguments))
            return
        for argument in arguments:
            comma = Token("comma", ",", argument[0].start, argument[0].start)
            self.tokens += [comma, *argument]

    def phrases(self) -> tuple[Phrase, ...]:
        """The line: what the cells hold in the order in which lines say it."""
        tokens = [*self.tokens, *self.behind]
        if self.kind is not None and self.times and self.stride:
            # The stride is that of the first repetition.
            inner = Item((Phrase(tuple(tokens), composed=True),), ())
            tokens = [Token("braces", "{", tokens[0].start, tokens[-1].end, (inner,))]
        if self.kind is None or self.times:
            tokens += [*self.times, *self.stride]
        else:
            tokens += self.stride
        phrase = Phrase(tuple(tokens), composed=True)
        if not self.reduce:
            return (phrase,)
        place = self.reduce[0].start, self.reduce[-1].end
        conv = Token("word", "conv", *place)
        front = (conv, Token("size", "1x1", *place), Token("comma", ",", *place), *self.reduce)
        return Phrase(front, composed=True), phrase

    def numbered(self, has_kernel: bool) -> Token | None:
        """Take the digits off a type that is a name: the kernel of `conv1` stands beside it."""
        if len(self.tokens) != 1 or not (found := _NUMBERED.fullmatch(self.tokens[0].text)):
            return None
        word = self.tokens[0]
        stem = word._replace(text=found[1], end=word.start + len(found[1]))
        is_layer = self.kind is not None and (has_kernel or "kernel" not in self.kind.attributes)
        if not (is_layer or (self.kind is None and found[1].lower() in self.blocks)):
            return None
        self.tokens = [stem]
        text = word.text.lower()
        return None if is_reserved(text) else word._replace(text=text)

    def drop_idle_stride(self, column: Column) -> None:
        """Take `/ s1` off a type that has no stride, below `Type / Stride`."""
        slashed = [token.kind for token in self.tokens[-2:]] == ["slash", "word"]
        idle = self.kind is not None and "stride" not in self.kind.attributes
        if idle and slashed and self.tokens[-1].text == "s1" and "stride" in column.text.lower():
            del self.tokens[-2:]

    def is_idle(self, attribute: str, cell: Cell) -> bool:
        """Whether a cell says nothing of a layer that takes no such attribute."""
        assert self.kind is not None
        if attribute in self.kind.attributes:
            return False
        return self.cells.text(cell) == _IDLE[attribute]

    def is_said(self, token: Token) -> bool:
        """Whether a word has been said by the type: `Avg Pool`, and beside it `Pool 7×7`."""
        return token.kind == "word" and {*words_of(token)} <= self.said

    def check_kernel(self, cell: Cell, column: Column) -> None:
        """Refuse the filters of a column `#5×5` on a row of 3×3 convolutions."""
        said = re.match(r"#(\d+x\d+)", column.text)
        kernel = next((squeezed(token.text) for token in self.tokens if token.kind == "size"), None)
        if said and kernel and kernel != said[1]:
            raise self.cells.fail(
                f"`{column.text}` of convolutions of {kernel}",
                cell,
                "the cell has slid into another column, or the kernel is not the printed one",
            )

    def companions(self, cell: Cell, column: Column) -> list[Token]:
        """The layers of a column `Activation`."""
        items = self.cells.items(cell)
        tokens = items[0].phrases[0].tokens if items else ()
        kinds = [vocabulary().layers[words][0] for words, _ in words_in(tokens)]
        chained = len(items) != 1 or len(items[0].phrases) != 1
        if chained or not kinds or any({"kernel", "width"} & {*kind.attributes} for kind in kinds):
            raise self.cells.fail(
                f"`{self.cells.text(cell)}` in the column `{column.text}`",
                cell,
                "it holds what stands behind the layer, `ReLU`; where nothing does it is empty, "
                "or `-`",
            )
        return list(tokens)

    def value(self, cell: Cell, column: Column) -> list[Token]:
        """The parts of a cell that feeds a layer; a lone expression stands in parentheses."""
        text = self.cells.text(cell)
        if column.role == "argument" and (said := _YES_OR_NO.get(text.lower())):
            return [_part("number", said, cell)]
        items = self.cells.items(cell)
        if len(items) != 1 or len(items[0].phrases) != 1:
            raise self.cells.fail(
                f"`{text}` in the column `{column.text}`", cell, "write one value"
            )
        tokens = list(items[0].phrases[0].tokens)
        if column.role != "kernel" and any(token.kind == "comma" for token in tokens):
            message = f"`{text}` in the column `{column.text}`"
            raise self.cells.fail(message, cell, "write one value, without separators of thousands")
        if any(True for _ in words_in(tokens)):
            raise self.cells.fail(
                f"the layer `{text}` in the column `{column.text}`",
                cell,
                "it belongs into the column of types; a cell has slid here",
            )
        alone = [token.kind for token in tokens]
        if column.role == "kernel" or alone == ["number"]:
            return tokens
        if column.role == "attribute" and len(tokens) == 1:
            return tokens  # `same`, `1x1`
        return [Token("parens", "(", cell.start, cell.end, tuple(tokens))]


def _parameter(column: Column, own: Sequence[str]) -> str | None:
    """The parameter that a column is called by, of those of a block; of widths the only one."""
    for name in own:
        if spelled(name) == spelled(column.text):
            return name
    widths = [name for name in own if KNOWN.get(name.lower()) == "width" or name == "out"]
    return widths[0] if column.role == "width" and len(widths) == 1 else None


def _label_behind(tokens: list[Token], is_layer: bool) -> Token | None:
    """Take the name off the end of a type: `inception (3a)`. A number behind a layer is none."""
    if len(tokens) < 2 or tokens[-1].kind != "parens":
        return None
    text = "".join(token.text for token in tokens[-1].tokens)
    is_value = is_layer and text.isdigit()
    if is_value or not _REMARK.fullmatch(text) or is_word_of_a_layer(text):
        return None
    remark = tokens.pop()
    return Token("word", text, remark.start, remark.end)


def words_in(tokens: Sequence[Token]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The words of layers without their digits, of `conv3` `conv`, and which parts they begin."""
    known = vocabulary().layers
    at = 0
    while at < len(tokens):
        more = 1
        for words, taken in runs(tokens, at) if tokens[at].kind == "word" else ():
            stem = (*words[:-1], words[-1].rstrip("0123456789"))
            if words in known or stem in known:
                yield words if words in known else stem, at
                more = taken
                break
        at += more


def _part(kind: str, text: str, cell: Cell) -> Token:
    return Token(kind, text, cell.start, cell.end)


def _comma(cell: Cell) -> list[Token]:
    return [Token("comma", ",", cell.start, cell.start)]


def _equals(value: Sequence[Token]) -> Token:
    return Token("equals", "=", value[0].start, value[0].start)


def _arguments(values: Sequence[Sequence[Token]]) -> Token:
    """The arguments of a block, from several cells."""
    inside: list[Token] = []
    for value in values:
        inside += [Token("comma", ",", value[0].start, value[0].start)] if inside else []
        inside += value
    return Token("parens", "(", values[0][0].start, values[-1][-1].end, tuple(inside))
