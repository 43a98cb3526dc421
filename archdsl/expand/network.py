"""Syntax to graph: conventions, repeats, blocks, joins and defaults become layers with shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from archdsl.errors import MOST_ERRORS, ArchError
from archdsl.expand import conventions
from archdsl.expand.blocks import Blocks
from archdsl.expand.groups import Composer
from archdsl.expand.parameters import declarable, declared, values_of
from archdsl.expand.printed_sizes import Kept
from archdsl.expand.scopes import Frame, Spot, Values
from archdsl.graph import Graph, Node, Section
from archdsl.layers import Input, LayerError, Value
from archdsl.notation import ast, phrase
from archdsl.notation.ast import Line, ParsedPhrase, ValueText
from archdsl.notation.labels import Labels
from archdsl.notation.optional_layers import Options
from archdsl.syntax import expressions
from archdsl.syntax.ast import (
    Either,
    Item,
    Let,
    NetworkText,
    Outputs,
    Phrase,
    SizesDecide,
    Token,
    numbers_of,
)
from archdsl.syntax.expressions import Number
from archdsl.text.source import Span


def expand(
    network: NetworkText,
    parameters: Mapping[str, Number] | None = None,
    input: Sequence[int] | None = None,
) -> Graph:
    """The graph of a network.

    `parameters` replace the defaults of the network's own; `input` (H, W) or (H, W, C) replaces
    the size of its input. What printed sizes settle, they settle for the paper's own. Raises
    ArchError for everything that is wrong with the text.
    """
    expansion = _Expansion(network, parameters or {}, input)
    if (parameters or input) and any(isinstance(s, SizesDecide) for s in network.statements):
        own = _Expansion(network, _without_default(network, parameters or {}), None)
        expansion.kept = Kept(own.graph().settled, bool(parameters))
    return expansion.graph()


class Text(NamedTuple):
    """What the lines of a network say, the input first; its names with their values, its blocks,
    and which optional layers stand."""

    lines: tuple[Line, ...]
    names: Mapping[str, Number]
    blocks: Blocks
    options: Options


def read(network: NetworkText, parameters: Mapping[str, Number] | None = None) -> Text:
    """A network's text as it is read. Raises ArchError for everything that is wrong with it."""
    expansion = _Expansion(network, parameters or {}, None)
    return Text(expansion.read(), expansion.names, expansion.blocks, expansion.options)


def _without_default(
    network: NetworkText, parameters: Mapping[str, Number]
) -> Mapping[str, Number]:
    """Of the values that are given those that the paper leaves open."""
    defaults = dict(declared(network.source, network.header)) if network.header else {}
    own = {name.text for name, default in defaults.items() if default is not None}
    return {name: value for name, value in parameters.items() if name not in own}


class _Expansion(Composer):
    """A whole network."""

    def __init__(
        self,
        network: NetworkText,
        parameters: Mapping[str, Number],
        input: Sequence[int] | None,
    ) -> None:
        values, self.options = values_of(network, parameters)
        super().__init__(network, values)
        self.override = input

    def graph(self) -> Graph:
        network = self.network
        lines = self.read()
        if not lines:
            raise ArchError(
                f"the network {network.name or network.source.name} has no layers",
                self._whole(),
                help="write a layer a line: `conv3-64`, `maxpool`, `FC-10`",
            )
        first = lines[0].phrases[0]
        if not (first.layers and issubclass(first.layers[0].kind, Input)):
            raise self.fail(
                "the network has no input",
                lines[0].item,
                "write its size in front of the first layer: `input 224x224 RGB`",
            )
        self.input(lines[0], first)
        if len(lines) == 1:
            raise self.fail("the network has no layers", lines[0].item, "write a layer a line")
        named = self.named_outputs(lines[1:])
        self.outputs = frozenset(token.text for token in named)
        frame = Frame(network.source, self.names)
        labels = Values()
        if first.label is not None:
            self.name(first.label, labels)
        self.expand_lines(lines[1:], Spot((), frame, labels, last=True))
        self.options.check()  # blocks of the library are read where they are used
        if len(self.nodes) == 1:
            raise self.fail("no line of the network is a layer", lines[1].item)
        ends = self.ends(named) or [self.here]
        self.check_read(ends)
        blocks = dict(reversed(self.scopes))  # a block of one join is called by the block
        return Graph(
            network,
            tuple(self.nodes),
            tuple(self.sections),
            tuple(self.inner),
            blocks,
            tuple(map(self.logits, ends)),
            self.here,
            tuple(self.sides),
            tuple(self.by_size),
        )

    # What leaves the network.

    def named_outputs(self, lines: Sequence[Line]) -> tuple[Token, ...]:
        """The labels of `output`, each of a line of the network."""
        source = self.network.source
        statement = self.network.only(Outputs)
        known = Labels([line.item for line in lines])
        for line in lines:
            if line.label is not None and line.is_side:
                known.add_side(line.label.text)
            elif line.label is not None:
                known.add(line.label)
        labels = statement.labels if statement else ()
        seen = set()
        for token in labels:
            if token.text not in known:
                raise known.refusal(source, token, self.blocks)
            if token.text in seen:
                raise self.fail(f"`{token.text}` is an output twice", token, "name it once")
            seen.add(token.text)
        return labels

    def ends(self, labels: Sequence[Token]) -> list[int]:
        """The nodes whose values leave lines of the network."""
        exits = {section.name: section.exit for section in self.sections}
        for label in labels:
            if label.text not in exits:
                raise self.fail(
                    f"the line `{label.text}` does not stand here",
                    label,
                    "its condition does not hold: leave it out of `output`",
                )
        return [exits[label.text] for label in labels]

    def check_read(self, ends: Sequence[int]) -> None:
        """Refuse values that nothing reads: what a text says is not lost."""
        if not (self.referred or self.outputs):
            return  # every line reads what the one before it gives
        read = {i for node in self.nodes for i in node.inputs}
        read |= {*ends, *(side.section.exit for side in self.sides)}
        errors: list[ArchError] = []
        for index, node in enumerate(self.nodes):
            if index in read or len(errors) == MOST_ERRORS:
                continue
            line = next((s for s in self.sections if s.first <= index < s.last), None)
            name = line.name if line is not None and line.exit == index else node.name
            errors.append(
                ArchError(
                    f"nothing reads what leaves `{name}`",
                    self.network.span(node.start, node.end),
                    help="join it, `concat { a; b }`, name its line in `output`, or strike it",
                )
            )
        if errors:
            raise ArchError.several(errors)

    def _whole(self) -> Span:
        header = self.network.header
        return self.network.span(*((header.name.start, header.name.end) if header else (0, 0)))

    def read(self) -> tuple[Line, ...]:
        """Read every line and statement, and show the errors of all of them at once."""
        network = self.network
        errors: list[ArchError] = []

        @contextmanager
        def collected() -> Iterator[None]:
            try:
                yield
            except ArchError as error:
                errors.extend((error, *error.others))

        for statement in network.statements:
            if isinstance(statement, Let | Either):
                with collected():
                    self.let(statement)
        self.blocks = Blocks(network, self.names.keys(), self.options)
        with collected():
            self.conventions = conventions.read(network, self.names, self.blocks)
        with collected():
            self.blocks.read()
        items = _with_input([s for s in network.statements if isinstance(s, Item)])
        lines: tuple[Line, ...] = ()
        with collected():
            names = self.names.keys() | {"in"}
            lines = phrase.read_lines(network.source, items, names, self.blocks)
        if errors:
            errors.sort(key=lambda e: e.span.start if e.span else 0)
            raise ArchError.several(errors[:MOST_ERRORS])
        return lines

    def let(self, statement: Let | Either) -> None:
        source = self.network.source
        name = declarable(source, statement.name)
        if name in self.names:
            raise self.fail(
                f"`{name}` has a value already",
                statement.name,
                "a statement holds for the whole network: say it once",
            )
        values = (statement.value,) if isinstance(statement, Let) else statement.values
        if isinstance(statement, Either) and (len(values) < 2 or not all(values)):
            raise self.fail(
                f"the reading `{name}` needs two values or more",
                statement.name,
                f"write `reading {name} = 2 or 1`; `let` gives one value",
            )
        # The first value is the text's own; the others are those of other readings.
        self.names[name], *_ = [
            expressions.evaluate(expressions.read(source, value), self.names, source)
            for value in values
        ]

    # The input.

    def input(self, line: Line, parsed: ParsedPhrase) -> None:
        item, layer = line.item, parsed.layers[0]
        size = parsed.claimed
        if parsed.claimed is not None and "lengths" not in layer.given:
            # CS231n's `[227x227x3] INPUT`.
            numbers = numbers_of(parsed.claimed.text)
            given = ValueText(numbers, parsed.claimed.start, parsed.claimed.end)
            layer = layer._replace(given={**layer.given, "lengths": given})
            size = None
        if len(parsed.layers) > 1 or parsed.repeat or len(line.phrases) > 1 or line.guard:
            raise self.fail("the input stands alone on its line", item)
        layer = ast.evaluated(self.network.source, layer, self.names)
        op = self.settle(layer, (), Frame(self.network.source, self.names))
        assert isinstance(op, Input)
        if item.claims or size:
            source = self.network.source
            claims = item.claims
            self.inner.append(
                Section(
                    "input",
                    "input",
                    "input",
                    1,
                    0,
                    1,
                    0,
                    0,
                    claims,
                    size,
                    source,
                    item.start,
                    item.end,
                )
            )
        if self.override is not None:
            op = self.overridden(op, self.override)
        self.nodes.append(Node(op, (), ("input",), op.shape, item.start, item.end))

    def overridden(self, op: Input, sizes: Sequence[int]) -> Input:
        """The input of another size: its lengths, or those and the channels. Other numbers of
        sizes are read as a text's are."""
        if (
            not isinstance(sizes, list | tuple)
            or not all(type(n) is int for n in sizes)
            or not 0 < len(sizes) < 5
        ):
            raise ArchError(
                f"`input={sizes!r}` is no size",
                help="give (H, W), (H, W, C), (L, C) or (T, H, W, C)",
            )
        given: dict[str, Value] = {"lengths": tuple(sizes)}
        if op.channels and len(sizes) - len(op.lengths) in (0, 1):
            given["rank"] = len(op.lengths)
            if len(sizes) == len(op.lengths):
                given["channels"] = op.channels
        try:
            return Input.settle(given, (), self.conventions.padding)
        except LayerError as problem:
            raise ArchError(problem.message, help=problem.help) from None


def _with_input(items: list[Item]) -> list[Item]:
    """The lines, with the input that a network on one line begins with as a line of its own:
    `1x29x29-20C4-MP2-150N-10N`."""
    first = items[0].phrases[0].tokens if items else ()
    if len(first) < 3 or first[0].kind != "size" or first[1].kind != "join":
        return items
    size, _, *rest = first
    if any(
        p.kind == "word" and p.text.lower() == "input" for i in items for p in i.phrases[0].tokens
    ):
        return items
    word = Token("word", "input", size.start, size.start)
    line = items[0]._replace(phrases=(Phrase(tuple(rest)), *items[0].phrases[1:]))
    return [Item((Phrase((word, size)),), ()), line, *items[1:]]
