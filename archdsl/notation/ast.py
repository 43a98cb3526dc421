"""The nodes that phrases are parsed to: layers, groups, blocks in use, lines."""

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
    """A value of the text, or an expression that is not evaluated yet, with its place."""

    value: Value | Expression
    start: int
    end: int


class ListedCall(NamedTuple):
    """The call of a listing that is a layer; conventions do not apply to it."""

    name: str  # the class in torch.nn, or in Keras
    builds: str  # the class in torch.nn that we build for it
    entering: ValueText | None  # the input channels, or features, that it declares
    argument: str  # torch's name of that number
    framework: str = "torch"
    rank: int = 0  # of Keras: the axes of the map that it needs; -1 for a vector, 0 for any input
    same: bool = False  # of Keras: padded to the size of the map, divided by the stride
    multiplier: int = 1  # of Keras: filters for each channel
    cut: tuple[int, ...] = ()  # of Keras: what a crop cuts off both sides of each axis


class Naming(NamedTuple):
    """How the name of a line and the kind of its layer agree.

    `how` is "open" if the name is that of a pool, whatever its kind, which is read as `spelling`;
    "held" if it holds the words `spelling`, which the line leaves to it; "other" if the line writes
    another layer than the name spells.
    """

    how: str
    spelling: str


class LayerText(NamedTuple):
    """A layer of a phrase, with the attributes that the text gives it."""

    kind: type[Layer]
    given: Mapping[str, ValueText]
    removed: frozenset[str]  # companions that `no relu` or `bare` (as "*") removes
    start: int
    end: int
    computed: bool = False  # whether it has expressions that are not evaluated yet
    conventional: bool = False  # added by a convention, not written in the line
    listed: ListedCall | None = None
    ranked: str = ""  # its word, if that tells the axes of its map: `conv1d`
    naming: Naming | None = None


class Group(NamedTuple):
    """Lines between brackets or braces; `kind` is "bracket", "braces", or that of their join.

    `activation` is where a sum has that of its branches: "before" it, "after" it, or "" if the text
    leaves it open.
    """

    kind: str
    lines: tuple["Line", ...]
    start: int
    end: int
    activation: str = ""


class Argument(NamedTuple):
    """A value for a parameter of a block, by name or by position."""

    name: Token | None
    value: Expression
    start: int
    end: int


class BlockUse(NamedTuple):
    """A block in use: its arguments, and the group that it is applied to."""

    block: str
    arguments: tuple[Argument, ...]
    body: Group | None
    start: int
    end: int


class Placeholder(NamedTuple):
    """`identity`, `body`, or `shortcut` with the option that it names."""

    word: str
    option: Token | None
    start: int
    end: int


class Reference(NamedTuple):
    """The output of the line with this label."""

    label: str
    start: int
    end: int


class LabelJoin(NamedTuple):
    """The output of the line before, joined with those of labels: `concat conv4, conv3`."""

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
    """A phrase: its label and claimed size; its layers, or what is composed of them; its repeat."""

    label: Token | None
    claimed: Token | None  # the size in a leading bracket
    layers: tuple[LayerText, ...]
    composite: Composite | None
    repeat: ValueText | None
    stride: ValueText | None  # of the first repetition
    start: int  # of the layers, after label and claim
    end: int


class Line(NamedTuple):
    """A line: the parsed phrases of its chain, and the condition after `if`."""

    item: Item
    phrases: tuple[ParsedPhrase, ...]
    guard: Expression | None

    @property
    def label(self) -> Token | None:
        return self.phrases[0].label

    @property
    def is_reference(self) -> bool:
        """Whether the line is only a reference."""
        return len(self.phrases) == 1 and isinstance(self.phrases[0].composite, Reference)

    @property
    def is_side(self) -> bool:
        """Whether the line leaves the main path as it is."""
        return isinstance(self.phrases[0].composite, Side)


def phrases_in(lines: Sequence[Line]) -> Iterator[ParsedPhrase]:
    """The phrases of lines, and those of the lines within their groups."""
    for parsed in (parsed for line in lines for parsed in line.phrases):
        yield parsed
        match parsed.composite:
            case (
                Group(lines=inner)
                | BlockUse(body=Group(lines=inner))
                | Side(group=Group(lines=inner))
            ):
                yield from phrases_in(inner)


def references(lines: Sequence[Line]) -> Iterator[str]:
    """The labels that lines, or the lines within them, refer to."""
    for parsed in phrases_in(lines):
        match parsed.composite:
            case Reference(label=label):
                yield label
            case LabelJoin(references=joined):
                yield from (one.label for one in joined)


WIDTH = "width"  # the parameter of a block that a line below a table defines


def widened(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with the block's `width` as that of each weight layer without one."""
    return tuple(line._replace(phrases=tuple(map(_widened_phrase, line.phrases))) for line in lines)


def _widened_phrase(parsed: ParsedPhrase) -> ParsedPhrase:
    composite = parsed.composite
    if isinstance(composite, Group):
        composite = composite._replace(lines=widened(composite.lines))
    elif isinstance(composite, BlockUse) and composite.body is not None:
        body = composite.body._replace(lines=widened(composite.body.lines))
        composite = composite._replace(body=body)
    layers = tuple(map(_widened_layer, parsed.layers))
    return parsed._replace(layers=layers, composite=composite)


def _widened_layer(layer: LayerText) -> LayerText:
    if not layer.kind.weighs or WIDTH not in layer.kind.attributes or WIDTH in layer.given:
        return layer
    value = Expression("name", WIDTH, 0, (), layer.start, layer.end)
    width = ValueText(value, layer.start, layer.end)
    return layer._replace(given={**layer.given, WIDTH: width}, computed=True)


def widened_at(lines: Sequence[Line]) -> Iterator[int]:
    """The ends of the weight layers to which `widened` gave a width."""
    for layer in (layer for parsed in phrases_in(lines) for layer in parsed.layers):
        width = layer.given.get(WIDTH)
        if width is not None and (width.start, width.end) == (layer.start, layer.end):
            yield layer.end


def value_of(source: Source, text: ValueText, names: Mapping[str, Number]) -> Value:
    """The value of an attribute, a repeat or a stride; `names` has the values of names."""
    if isinstance(text.value, Expression):
        return expressions.evaluate(text.value, names, source)
    return text.value


def checked(
    source: Source, kind: type[Layer], name: str, value: Value, start: int, end: int
) -> Value:
    """The value of an attribute in its canonical form. Raises ArchError."""
    attribute = kind.attributes[name]
    try:
        value = attribute.check(value)
        if attribute.doubt is not None:
            attribute.doubt(value)
        return value
    except LayerError as problem:
        message = f"the {name} of `{kind.kind}` {problem.message}"
        help = problem.help or kind.form()
        raise ArchError(message, source.span(start, end), help=help) from None


def evaluated(source: Source, layer: LayerText, names: Mapping[str, Number]) -> LayerText:
    """The layer with its expressions evaluated and checked. Raises ArchError."""
    if not layer.computed:
        return layer
    values: dict[str, ValueText] = {}
    for name, text in layer.given.items():
        if isinstance(text.value, Expression):  # other values were checked when they were read
            number = expressions.evaluate(text.value, names, source)
            value = checked(source, layer.kind, name, number, text.start, text.end)
            text = ValueText(value, text.start, text.end)
        values[name] = text
    listed = layer.listed
    if listed is not None and listed.entering is not None:
        entering = value_of(source, listed.entering, names)
        listed = listed._replace(entering=listed.entering._replace(value=entering))
    return layer._replace(given=values, computed=False, listed=listed)
