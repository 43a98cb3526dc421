"""What the parser makes of a text: statements that hold the parts of phrases, each with its place.

Nothing here has a meaning yet: `conv3-64 x2` is a phrase of five parts. Offsets count
characters of the network's source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, cast

from archdsl.text.source import Source, Span


class Token(NamedTuple):
    """A word, a number or a sign of a phrase; or parentheses, a bracket or braces with all inside.

    `kind` is the name of the grammar's terminal in lower case, `parens`, `bracket` or `braces`.
    """

    kind: str
    text: str
    start: int
    end: int
    inside: tuple[Token, ...] | tuple[Item, ...] = ()

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens between parentheses."""
        return cast(tuple[Token, ...], self.inside)

    @property
    def items(self) -> tuple[Item, ...]:
        """The lines between brackets or braces."""
        return cast(tuple[Item, ...], self.inside)


def numbers_of(size: str) -> tuple[int, ...]:
    """The numbers of a size: `3x3`, `7^2 x 320`."""
    found = re.findall(r"(\d+)(\^2)?", size)
    return tuple(int(digits) for digits, square in found for _ in range(2 if square else 1))


class ColumnValue(NamedTuple):
    """A value that a row of a table gives to its layer or block in a column of its own.

    `role` is "times", "argument" (of a block; `name` is its parameter, or empty), "attribute"
    (`name` is its word) or "value", which is read like the tokens of a phrase.
    """

    role: Literal["times", "argument", "attribute", "value"]
    name: str
    tokens: tuple[Token, ...]


class Phrase(NamedTuple):
    """The tokens of a layer.

    A row of a table whose rows are layers has `columns` too; a phrase of text has None.
    `connections` are those of the table below the line, in its notation: `0 1 2, 1 2 3`.
    """

    tokens: tuple[Token, ...]
    columns: tuple[ColumnValue, ...] | None = None
    connections: str = ""

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return (self.columns[-1] if self.columns else self).tokens[-1].end

    @property
    def is_text(self) -> bool:
        """Whether the text from start to end says all there is to say."""
        return self.columns is None and not self.connections


def row_pieces(
    tokens: tuple[Token, ...], columns: Sequence[ColumnValue]
) -> Iterator[str | tuple[Token, ...]]:
    """A row as a line writes it: its tokens and its values, with the words and signs between."""
    yield tokens
    arguments = [column for column in columns if column.role == "argument"]
    are_named = any(column.name for column in arguments)
    in_parens = not are_named or (len(tokens) == 1 and not tokens[0].text[-1].isdigit())
    for index, column in enumerate(arguments):
        yield "(" if in_parens and index == 0 else ","
        yield from (column.name, "=") if column.name else ()
        yield column.tokens
    if arguments and in_parens:
        yield ")"
    for column in columns:
        if column.role != "argument":
            yield from () if column.role == "times" or column.name == "kernel" else (",",)
            yield from ("x",) if column.role == "times" else filter(None, (column.name,))
            yield column.tokens


class ClaimText(NamedTuple):
    """A printed figure as it stands: the words of its quantity, its number or size, its erratum."""

    tokens: tuple[Token, ...]
    erratum: str | None

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end


class Item(NamedTuple):
    """A line of layers: phrases chained by `->`, the claims behind `=>`, the guard behind `if`.

    `rules` are the conventions of its row, where it comes from a table.
    """

    phrases: tuple[Phrase, ...]
    claims: tuple[ClaimText, ...]
    guard: tuple[Token, ...] = ()
    rules: tuple[Means, ...] = ()

    @property
    def start(self) -> int:
        return self.phrases[0].start

    @property
    def end(self) -> int:
        """Where the layers end; claims stand behind."""
        return self.phrases[-1].end

    @property
    def is_tabled(self) -> bool:
        """Whether a table below the line says its connections."""
        return any(phrase.connections for phrase in self.phrases)


class Header(NamedTuple):
    """A network's name; `family` is that of the table of which it is a column."""

    name: Token
    parameters: Token | None  # parens
    title: str | None
    family: str = ""


class Derived(NamedTuple):
    """A network that is another with its parameters given: `network wrn_28_10 = wrn(28, 10)`."""

    name: Token
    base: Token
    arguments: Token | None  # parens
    title: str | None


class UseFile(NamedTuple):
    """Another file whose blocks may be used; the part is a string with its quotation marks."""

    file: Token


class Paper(NamedTuple):
    text: str


class Let(NamedTuple):
    name: Token
    value: tuple[Token, ...]


class Either(NamedTuple):
    """A name whose value the paper leaves open, the text's own first: `reading s = 2 or 1`."""

    name: Token
    values: tuple[tuple[Token, ...], ...]


class Padding(NamedTuple):
    mode: Token


class StrideOn(NamedTuple):
    """Which layer of a group carries its stride."""

    layer: Phrase


class Shortcut(NamedTuple):
    """Which block stands for `shortcut`."""

    name: Token


class SizesDecide(NamedTuple):
    """What printed sizes settle: the words `stride`, `padding`."""

    what: tuple[Token, ...]


class ParamsCount(NamedTuple):
    """How the paper counts its parameters: `K = 1024, no bias`."""

    tokens: tuple[Token, ...]


class Option(NamedTuple):
    """A layer kind whose optional layers, `(BN)`, stand: `with bn`, `with group norm`."""

    word: Token


class Outputs(NamedTuple):
    """The labels of the lines whose values the network gives."""

    labels: tuple[Token, ...]


class Means(NamedTuple):
    left: Phrase
    right: Phrase


class Block(NamedTuple):
    """A block of the text: its name, its parameters between parentheses, its lines in braces.

    One that a line below a table defines, `ConvBlock: 2x [ … ]`, `widens`: its weight layers
    without a width have that of the row.
    """

    name: Token
    parameters: Token | None
    body: Token
    widens: bool = False

    @property
    def items(self) -> tuple[Item, ...]:
        return self.body.items


class Table(NamedTuple):
    """A pasted table, by where it begins in its source."""

    start: int


class Misprint(NamedTuple):
    """A claim of a row that is an erratum: what it is of, a quantity or a column, and the reason,
    strings with their quotation marks."""

    of: tuple[Token, ...]
    reason: Token


class Rows(NamedTuple):
    """What is said of the rows of a table that begin so: `in "Dense Block" { … }`."""

    names: tuple[Token, ...]
    said: tuple[Means | Misprint | Item, ...]


class Expect(NamedTuple):
    claims: tuple[ClaimText, ...]


class Reported(NamedTuple):
    text: str


class Train(NamedTuple):
    data: Token | None
    settings: tuple[tuple[Token, ...], ...]
    start: int
    end: int


Statement = (
    Header
    | Derived
    | UseFile
    | Paper
    | Let
    | Either
    | Padding
    | StrideOn
    | Shortcut
    | SizesDecide
    | ParamsCount
    | Option
    | Means
    | Block
    | Expect
    | Reported
    | Train
    | Outputs
    | Table
    | Rows
    | Item
)


class Used(NamedTuple):
    """What one `use` brings in: blocks, each with the source that its offsets count in."""

    statement: UseFile
    blocks: tuple[tuple[Source, Block], ...]


class NetworkText(NamedTuple):
    """The statements of one network, and the source that their offsets count in.

    `shared` holds the blocks in front of the first network of the source, and the files used
    there. `derived` holds the lines that make a network from another, the first of them first. A
    network with parameters in `lacking`, which have no value, is a template. `claimed`: what its
    lines claim is of this network. `used` holds the blocks of other files.
    """

    source: Source
    header: Header | None
    statements: tuple[Statement, ...]
    shared: tuple[Block | UseFile, ...] = ()
    derived: tuple[Derived, ...] = ()
    lacking: tuple[str, ...] = ()
    claimed: bool = True
    used: tuple[Used, ...] = ()

    @property
    def name(self) -> str:
        return self.header.name.text if self.header else ""

    @property
    def full_name(self) -> str:
        """What names it among others: of a table's column `vgg:D`."""
        family = self.header.family if self.header else ""
        return f"{family}:{self.name}" if family else self.name

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)


class Draft(NamedTuple):
    """What stands under one `network` line, or in a text without one."""

    header: Header | Derived | None
    statements: tuple[Statement, ...]

    @property
    def name(self) -> str:
        return self.header.name.text if self.header else ""
