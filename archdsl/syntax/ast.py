"""The syntax tree: what the parser makes of a text, before anything has a meaning.

`conv1: conv3-64 x2 => 224x224` becomes an `Item` with one `Phrase` of seven tokens (`conv1`, `:`,
`conv3`, `-`, `64`, `x`, `2`) and one `ClaimText`. A statement is a node that is registered under
its rule of the grammar: see archdsl/syntax/statements.py. All offsets count characters of the
source.

The modules of many named tuples go without `from __future__ import annotations`: with it, each
annotation would be a text that Python compiles at every start.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

from archdsl.errors import ArchError
from archdsl.syntax.statements import kind_of, statement
from archdsl.text.source import Source, Span

S = TypeVar("S")
Children = list[Any]  # what a rule of the grammar has read: tokens, and the nodes of its rules
Fields = tuple[Any, ...]


class Token(NamedTuple):
    """A word, a number or a sign of a phrase; or parentheses, a bracket or braces with all inside.

    `kind` is the name of the grammar's terminal in lower case, `parens`, `bracket` or `braces`.
    """

    kind: str
    text: str
    start: int
    end: int
    inside: tuple["Token", ...] | tuple["Item", ...] = ()

    @property
    def tokens(self) -> tuple["Token", ...]:
        """The tokens between parentheses."""
        return cast(tuple[Token, ...], self.inside)

    @property
    def items(self) -> tuple["Item", ...]:
        """The lines between brackets or braces."""
        return cast(tuple[Item, ...], self.inside)


class ColumnValue(NamedTuple):
    """A value that a row of a table gives to its layer or block in a column of its own.

    `role` is "times", "argument" (of a block; `name` is its parameter, or empty), "attribute"
    (`name` is its word), "width" (`name` is its word where the row has other layers that take a
    number) or "value", which is read like the tokens of a phrase.
    """

    role: Literal["times", "argument", "attribute", "width", "value"]
    name: str
    tokens: tuple[Token, ...]


class Phrase(NamedTuple):
    """The tokens of a layer.

    A row of a table whose rows are layers has `columns` too; a phrase of text has None.
    `connections` are those of the table below the line, in its notation: `0 1 2, 1 2 3`.
    `row_name` is the name of its row where that may name its layer.
    """

    tokens: tuple[Token, ...]
    columns: tuple[ColumnValue, ...] | None = None
    connections: str = ""
    row_name: str = ""

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return (self.columns[-1] if self.columns else self).tokens[-1].end

    @property
    def is_text(self) -> bool:
        """Whether the text from start to end is the whole phrase: no column or table adds to it."""
        return self.columns is None and not self.connections and not self.row_name


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


def unquoted(token: Token) -> str:
    """The text of a token, of a string without its quotation marks."""
    return token.text[1:-1] if token.kind == "string" else token.text


# The fields of nodes, from what their rules have read.


def _words(children: Children) -> tuple[Token, ...]:
    return tuple(token for token in children if token.kind == "word")


def _item(children: Children) -> Fields:
    claims = children.pop() if type(children[-1]) is tuple else ()
    phrases = tuple(takewhile(lambda child: isinstance(child, Phrase), children))
    return phrases, claims, tuple(children[len(phrases) :])


def _named(children: Children) -> Fields:
    """A name, then parentheses and a title if they are given."""
    name, *rest = children
    title = unquoted(rest.pop()) if rest and rest[-1].kind == "string" else None
    return name, rest[0] if rest else None, title


def _alternatives(children: Children) -> Fields:
    values: list[list[Token]] = [[]]
    for token in children[2:]:
        if token.kind == "word" and token.text == "or":
            values.append([])
        else:
            values[-1].append(token)
    return children[0], tuple(map(tuple, values))


def _one_word(children: Children) -> Fields:
    text = " ".join(token.text for token in _words(children))
    return (Token("word", text, children[0].start, children[-1].end),)


def _rules(children: Children) -> Fields:
    # Strings between commas come first; each rule after them is a node of its own.
    names = (c for c in children if isinstance(c, Token) and c.kind == "string")
    return tuple(names), tuple(c for c in children if not isinstance(c, Token))


def _recipe(children: Children) -> Fields:
    data = tuple(takewhile(lambda child: child.kind != "lbrace", children))
    settings = tuple(child for child in children if type(child) is tuple)
    tokens = [token for part in (data, *settings) for token in part]
    start = min((token.start for token in tokens), default=0)
    return data, settings, start, max((token.end for token in tokens), default=start)


PhraseText = Callable[[Phrase], str]  # how the phrases of a printed statement are written


@runtime_checkable
class Printed(Protocol):
    """A statement that a table of the network repeats: `printed` gives its text."""

    def printed(self, phrase: PhraseText) -> str: ...


class ClaimText(NamedTuple):
    """A printed figure: the words of its quantity, its number or size, and why it is an erratum."""

    tokens: tuple[Token, ...]
    erratum: str | None

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end


@statement("line", "conv1: conv 7x7/2 64   => 112x112x64, params 9,472", keyword="=>", of=_item)
class Item(NamedTuple):
    """A line of layers: phrases chained by `->`, claims after `=>`, tokens of a guard after `if`.

    `rules`: the conventions of its row, if it comes from a table. `spans`: the row has only a cell
    of the first network, which is taken as that of all.
    """

    phrases: tuple[Phrase, ...]
    claims: tuple[ClaimText, ...]
    guard: tuple[Token, ...] = ()
    rules: tuple["Means", ...] = ()
    spans: bool = False

    @property
    def start(self) -> int:
        return self.phrases[0].start

    @property
    def end(self) -> int:
        """Where the layers end; claims come after."""
        return self.phrases[-1].end

    @property
    def is_tabled(self) -> bool:
        """Whether a table below the line gives its connections."""
        return any(phrase.connections for phrase in self.phrases)


@statement("network", 'network vgg16 "a title"', of=_named)
class Header(NamedTuple):
    """The name of a network, its parameters in parentheses and its title.

    `family`: the name of the table's network if this one is a column of the table.
    """

    name: Token
    parameters: Token | None
    title: str | None
    family: str = ""


@statement("derived", "network wrn_28_10 = wrn(28, 10)", of=lambda c: (c[0], *_named(c[2:])[:3]))
class Derived(NamedTuple):
    """A network that is another one with values for its parameters."""

    name: Token
    base: Token
    arguments: Token | None
    title: str | None


@statement("use", 'use "blocks.arch"')
class UseFile(NamedTuple):
    """Another file whose blocks may be used: a string with its quotation marks."""

    file: Token


@statement(
    "paper",
    'paper "Simonyan & Zisserman 2015" arXiv:1409.1556 "Table 1"',
    of=lambda c: (", ".join(map(unquoted, c)),),
)
class Paper(NamedTuple):
    """The paper that a network is from."""

    text: str


@statement("let", "let n = (depth - 4) // 6", of=lambda c: (c[0], tuple(c[2:])))
class Let(NamedTuple):
    """A name and the tokens of its value."""

    name: Token
    value: tuple[Token, ...]


@statement("either", "reading s = 2 or 1", of=_alternatives)
class Either(NamedTuple):
    """A name whose value the paper leaves open; the first value holds, the others are readings."""

    name: Token
    values: tuple[tuple[Token, ...], ...]


@statement("padding", "padding same, or padding valid", once="padding")
class Padding(NamedTuple):
    """How convolutions and pools without a padding of their own pad their input."""

    mode: Token

    def printed(self, phrase: PhraseText) -> str:
        return f"padding {self.mode.text}"


@statement("stride", "stride on first, or stride on 3x3", once="stride on")
class StrideOn(NamedTuple):
    """Which layer of a group has the group's stride."""

    layer: Phrase

    def printed(self, phrase: PhraseText) -> str:
        return f"stride on {phrase(self.layer)}"


@statement("sum", "activation before add, or activation after add", once="activation … add")
class ActivationAt(NamedTuple):
    """Where sums have the activation that conventions give to the ends of their branches."""

    place: Token  # before, after
    join: Token

    def printed(self, phrase: PhraseText) -> str:
        return f"activation {self.place.text} {self.join.text}"


@statement("shortcut", "shortcut B", once="shortcut")
class Shortcut(NamedTuple):
    """Which block `shortcut` means."""

    name: Token

    def printed(self, phrase: PhraseText) -> str:
        return f"shortcut {self.name.text}"


@statement("sizes", "sizes decide stride, padding", once="sizes decide", of=lambda c: (_words(c),))
class SizesDecide(NamedTuple):
    """What printed sizes settle: the words `stride`, `padding`."""

    what: tuple[Token, ...]

    def printed(self, phrase: PhraseText) -> str:
        return f"sizes decide {', '.join(token.text for token in self.what)}"


@statement("count", "params count K = 1024, no bias", once="params count", of=lambda c: (tuple(c),))
class ParamsCount(NamedTuple):
    """How the paper counts its parameters: the tokens `K = 1024, no bias`."""

    tokens: tuple[Token, ...]


@statement("option", "with bn", of=_one_word)
class Option(NamedTuple):
    """A layer kind whose optional layers, `(BN)`, are part of the network."""

    word: Token  # several words, as in `with group norm`, are one token


class Keeps(NamedTuple):
    """What conventions do not leave out: `bias` next to norms, `companions` of the output layer.

    No text has this statement; readings add it.
    """

    what: str


@statement("output", "output p5, p4, p3", once="output", of=lambda c: (_words(c),))
class Outputs(NamedTuple):
    """The labels of the lines whose values are the network's outputs."""

    labels: tuple[Token, ...]

    def printed(self, phrase: PhraseText) -> str:
        return f"output {', '.join(token.text for token in self.labels)}"


@statement("means", "conv means conv-bn-relu", keyword="means")
class Means(NamedTuple):
    """What every layer like `left` means."""

    left: Phrase
    right: Phrase

    def printed(self, phrase: PhraseText) -> str:
        return f"{phrase(self.left)} means {phrase(self.right)}"


@statement(
    "block",
    "block residual { add { shortcut; body } }",
    of=lambda c: (c[0], *(c[1:-1] or [None]), c[-1]),
)
class Block(NamedTuple):
    """A block of the text: its name, its parameters in parentheses, its lines in braces.

    `widens`: a line below a table defines it, `ConvBlock: 2x [ … ]`, and its weight layers
    without a width take the width of the row.
    """

    name: Token
    parameters: Token | None
    body: Token
    widens: bool = False

    @property
    def items(self) -> tuple[Item, ...]:
        return self.body.items


@statement("table", of=lambda c: (c[0].start,))
class Table(NamedTuple):
    """A pasted table, by its offset in the source."""

    start: int


class Misprint(NamedTuple):
    """A claim of a row that is an erratum: `erratum params "its widths give 366.8K"`.

    `of`: the quantity or the column of the claim; strings keep their quotation marks.
    """

    of: tuple[Token, ...]
    reason: Token


@statement("rows", 'in "Dense Block" { 3x3 conv means conv-(k) }', of=_rules)
class Rows(NamedTuple):
    """Rules for the rows of a table whose names begin with one of `names`."""

    names: tuple[Token, ...]
    rules: tuple[Means | Misprint | Item, ...]


@statement("expect", "expect params 138M, weight layers 16")
class Expect(NamedTuple):
    """What the paper prints about the whole network."""

    claims: tuple[ClaimText, ...]


@statement(
    "reported", 'reported top1 27.0 "single scale 256"', of=lambda c: (" ".join(map(unquoted, c)),)
)
class Reported(NamedTuple):
    """A result of training that the paper reports; it is shown, never computed."""

    text: str


@statement(
    "train", "train on digits { optimizer adam lr 0.002; epochs 20 }", once="train", of=_recipe
)
class Train(NamedTuple):
    """How the network is trained: the tokens of its data set, and of each setting."""

    data: tuple[Token, ...]
    settings: tuple[tuple[Token, ...], ...]
    start: int
    end: int


def tokens_of(value: Any) -> Iterator[Token]:
    """The tokens of a statement, in the order of the text."""
    if isinstance(value, Token):
        yield value
    if isinstance(value, tuple):
        for one in value:
            yield from tokens_of(one)


def second(source: Source, statement: "Statement") -> ArchError:
    """The error for a statement that the network has already."""
    kind = kind_of(statement)
    tokens = list(tokens_of(statement))
    return ArchError(
        f"a second `{kind.once}`",
        source.span(tokens[0].start, tokens[-1].end),
        help=f"one holds for the whole network: `{kind.form}`",
    )


Statement = (
    Header
    | Derived
    | UseFile
    | Paper
    | Let
    | Either
    | Padding
    | StrideOn
    | ActivationAt
    | Shortcut
    | SizesDecide
    | ParamsCount
    | Option
    | Keeps
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
    """The blocks that one `use` line brings in, each with the source of its offsets."""

    statement: UseFile
    blocks: tuple[tuple[Source, Block], ...]


class NetworkText(NamedTuple):
    """The statements of one network, and the source of their offsets.

    `shared`: the blocks and `use` lines before the first network of the source. `derived`: the
    lines that derive a network from another, the first base first. `lacking`: the parameters
    without a value; a network that has some is a template. `claimed`: the claims of its lines are
    about this network. `used`: the blocks of other files.
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
        """The name among other networks; of a column of a table `vgg:D`."""
        family = self.header.family if self.header else ""
        return f"{family}:{self.name}" if family else self.name

    def only(self, node: type[S]) -> S | None:
        """The statement of a kind that occurs once, or None. Raises ArchError for a second one."""
        found = [one for one in self.statements if isinstance(one, node)]
        if len(found) > 1:
            raise second(self.source, found[1])
        return found[0] if found else None

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)


class Draft(NamedTuple):
    """What is below one `network` line, or in a text without one."""

    header: Header | Derived | None
    statements: tuple[Statement, ...]

    @property
    def name(self) -> str:
        return self.header.name.text if self.header else ""
