"""What phrases say once they are read: layers, groups, blocks in use, lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from archdsl.errors import ArchError
from archdsl.layers import Layer, LayerError, Value
from archdsl.notation.optional_layers import Options
from archdsl.syntax import expressions
from archdsl.syntax.ast import Item, Token
from archdsl.syntax.expressions import Expression, Number
from archdsl.text.source import Source


class Blocks(Protocol):
    """The blocks that a text may use, and which of its optional layers are in use; here none."""

    @property
    def options(self) -> Options:
        return Options()

    def __contains__(self, name: str, /) -> bool:
        return False

    def known(self) -> Collection[str]:
        """All their names, for "did you mean"."""
        return ()

    def spelled(self, name: str) -> str | None:
        """The block that a name means in whatever case, or None."""
        return None

    def parameter_names(self, name: str) -> Sequence[str]:
        """The parameters of a block, in order."""
        return ()


class NoBlocks(Blocks):
    """The blocks of a text that has none."""


class ValueText(NamedTuple):
    """An attribute as the text gives it: a value, or an expression that has no value yet."""

    value: Value | Expression
    start: int
    end: int


class ListedCall(NamedTuple):
    """How a PyTorch listing writes a layer: it is exactly that, conventions do not reach it."""

    name: str  # the class in torch.nn
    builds: str  # the class that we build for it
    entering: ValueText | None  # what the listing says of the channels, or features, that enter
    argument: str  # torch's name of that number


class LayerText(NamedTuple):
    """One layer of a phrase."""

    kind: type[Layer]
    given: Mapping[str, ValueText]
    struck: frozenset[str]  # companions that `no relu` or `bare` (as "*") keep away
    start: int
    end: int
    computed: bool = False  # it holds expressions that have no value yet
    conventional: bool = False  # a convention adds it, the line does not write it
    listed: ListedCall | None = None
    ranked: str = ""  # the word that says the axes of its map: `conv1d`


class Group(NamedTuple):
    """Lines between brackets or braces; `kind` is "bracket", "braces" or the join they are of."""

    kind: str
    lines: tuple[Line, ...]
    start: int
    end: int


class Argument(NamedTuple):
    """A value for a parameter of a block, by name or by place."""

    name: Token | None
    value: Expression
    start: int
    end: int


class BlockUse(NamedTuple):
    """A block in use: its arguments, and the group that it is given."""

    block: str
    arguments: tuple[Argument, ...]
    body: Group | None
    start: int
    end: int


class Placeholder(NamedTuple):
    """A word of blocks: `identity`, `body`, or `shortcut`, with the option that it names."""

    word: str
    option: Token | None
    start: int
    end: int


class Reference(NamedTuple):
    """The value that leaves the line of a label."""

    label: str
    start: int
    end: int


class LabelJoin(NamedTuple):
    """What flows, joined with labelled values: `concat conv4, conv3`."""

    kind: str
    references: tuple[Reference, ...]
    start: int
    end: int


class Side(NamedTuple):
    """A side head: its name, the weight of its loss, its lines."""

    name: Token | None
    weight: ValueText | None
    group: Group
    start: int
    end: int


Composite = Group | BlockUse | Placeholder | Reference | LabelJoin | Side


class ParsedPhrase(NamedTuple):
    """What a phrase says: a label, a claimed size; layers or what is composed of them; a repeat."""

    label: Token | None
    claimed: Token | None  # the size in a leading bracket
    layers: tuple[LayerText, ...]
    composite: Composite | None
    repeat: ValueText | None
    stride: ValueText | None  # of the first repetition
    start: int  # of the layers, behind label and claim
    end: int


class Line(NamedTuple):
    """A line that has been read: a reading for each phrase of its chain."""

    item: Item
    phrases: tuple[ParsedPhrase, ...]
    guard: Expression | None

    @property
    def label(self) -> Token | None:
        return self.phrases[0].label

    @property
    def is_reference(self) -> bool:
        """Whether the line is a reference alone."""
        return len(self.phrases) == 1 and isinstance(self.phrases[0].composite, Reference)

    @property
    def is_side(self) -> bool:
        """Whether the line changes nothing of what flows."""
        return isinstance(self.phrases[0].composite, Side)


def references(lines: Sequence[Line]) -> Iterator[str]:
    """The labels that lines refer to, wherever in them."""
    for line in lines:
        for parsed in line.phrases:
            match parsed.composite:
                case Reference(label=label):
                    yield label
                case LabelJoin(references=joined):
                    yield from (one.label for one in joined)
                case (
                    Group(lines=inner)
                    | BlockUse(body=Group(lines=inner))
                    | Side(group=Group(lines=inner))
                ):
                    yield from references(inner)


WIDTH = "width"  # the parameter of a block that a line below a table defines


def widened(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with the block's `width` for each weight layer that has no width."""
    found = []
    for line in lines:
        read = []
        for parsed in line.phrases:
            layers = tuple(map(_widened_layer, parsed.layers))
            composite = parsed.composite
            if isinstance(composite, Group):
                composite = composite._replace(lines=widened(composite.lines))
            elif isinstance(composite, BlockUse) and composite.body is not None:
                composite = composite._replace(
                    body=composite.body._replace(lines=widened(composite.body.lines))
                )
            read.append(parsed._replace(layers=layers, composite=composite))
        found.append(line._replace(phrases=tuple(read)))
    return tuple(found)


def _widened_layer(layer: LayerText) -> LayerText:
    if not layer.kind.weighs or WIDTH not in layer.kind.attributes or WIDTH in layer.given:
        return layer
    value = Expression("name", WIDTH, 0, (), layer.start, layer.end)
    width = ValueText(value, layer.start, layer.end)
    return layer._replace(given={**layer.given, WIDTH: width}, computed=True)


def widened_at(lines: Sequence[Line]) -> Iterator[int]:
    """Where the weight layers end to which `widened` gave a width."""
    for line in lines:
        for parsed in line.phrases:
            for layer in parsed.layers:
                given = layer.given.get(WIDTH)
                if given is not None and (given.start, given.end) == (layer.start, layer.end):
                    yield layer.end
            if isinstance(composite := parsed.composite, Group):
                yield from widened_at(composite.lines)
            elif isinstance(composite, BlockUse) and composite.body is not None:
                yield from widened_at(composite.body.lines)


def value_of(source: Source, given: ValueText, names: Mapping[str, Number]) -> Value:
    """The value of an attribute, a repeat or a stride, where names have values."""
    if isinstance(given.value, Expression):
        return expressions.evaluate(given.value, names, source)
    return given.value


def evaluated(source: Source, layer: LayerText, names: Mapping[str, Number]) -> LayerText:
    """The layer with checked values in place of its expressions. Raises ArchError."""
    if not layer.computed:
        return layer
    values: dict[str, ValueText] = {}
    for name, given in layer.given.items():
        value = value_of(source, given, names)
        if isinstance(given.value, Expression):
            # Values of the text were checked when they were read.
            try:
                value = layer.kind.attributes[name].check(value)
            except LayerError as problem:
                raise ArchError(
                    f"the {name} of `{layer.kind.kind}` {problem.message}",
                    source.span(given.start, given.end),
                    help=layer.kind.form(),
                ) from None
        values[name] = given._replace(value=value)
    listed = layer.listed
    if listed is not None and listed.entering is not None:
        entering = value_of(source, listed.entering, names)
        listed = listed._replace(entering=listed.entering._replace(value=entering))
    return layer._replace(given=values, computed=False, listed=listed)
