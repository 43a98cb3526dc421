"""Frames, labels and positions: what is in scope where a line is expanded."""

from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableSequence
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.expand.blocks import Definition
from archdsl.expand.conventions import NO_RULES, Companion, Rules
from archdsl.expand.printed_sizes import Printed
from archdsl.graph import Scope
from archdsl.layers import Shape, Value
from archdsl.notation.ast import Group, LayerText, Line, ParsedPhrase, ValueText
from archdsl.notation.context import Located
from archdsl.syntax import expressions
from archdsl.syntax.ast import Phrase
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source


class LabelledValue(NamedTuple):
    """The value that a label names: the node that computes it. `number` counts all labels."""

    node: int
    number: int


Labels = ChainMap[str, LabelledValue]  # the labels in scope


class Target(NamedTuple):
    """What a shortcut leads to: the shape of the branch next to it, and the node it ends in."""

    shape: Shape
    end: int


class Body(NamedTuple):
    """The group that a block is given, with the frame and the labels where it is written."""

    group: Group
    frame: "Frame"
    labels: Labels


class Frame(NamedTuple):
    """The environment of lines: their source, the names that have values, the block they belong to.

    `place` is where the network's own text uses the block: offsets of the library mean nothing in
    it. `strides` holds a stride for the body until it is used. `target` is set for a branch of a
    join that leads to the shape of the others.
    """

    source: Source
    names: Mapping[str, Number]
    definition: Definition | None = None
    place: tuple[int, int] = (0, 0)
    parent: "Frame | None" = None
    body: Body | None = None
    strides: MutableSequence[ValueText] | None = None
    target: Target | None = None

    # A frame equals only itself: as part of a memo's key it stands for everything in it.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def blocks_in_use(self) -> Iterator[Definition]:
        """The blocks that are being expanded here, the innermost first."""
        frame: Frame | None = self
        while frame is not None and frame.definition is not None:
            yield frame.definition
            frame = frame.parent

    @property
    def has_stride(self) -> bool:
        """Whether a stride is waiting for the body, here or where the body is written."""
        frame: Frame | None = self
        while frame is not None and not frame.strides:
            frame = frame.body.frame if frame.body is not None else None
        return frame is not None

    def holds(self, line: Line) -> bool:
        """Whether the guard of a line holds."""
        if line.guard is None:
            return True
        try:
            return bool(expressions.evaluate(line.guard, self.names, self.source))
        except ArchError as error:
            if "in" not in self.names and error.message.startswith("`in` has no value"):
                raise ArchError(
                    "`in` in a guard outside a block",
                    error.span,
                    help="it is the number of channels that enter a block: put the line into one",
                ) from None
            raise

    def fail(self, message: str, where: Located, help: str | None = None) -> ArchError:
        """An error at a part of the source."""
        return ArchError(message, self.source.span(where.start, where.end), help=help)


class Stride:
    """A stride of a group, on its way to the layer that carries it: the one that starts at
    `carrier`, or the first that may."""

    def __init__(
        self,
        text: ValueText,
        value: Value,
        carrier: int | None,
        source: Source,
        entering: Shape,
        is_open: bool,
    ) -> None:
        self.text = text
        self.value = value
        self.carrier = carrier
        self.source = source
        self.entering = entering  # the shape that enters the group
        self.is_open = is_open  # whether several layers of the group could carry it
        self.carried = False
        self.products = 0  # how many products are being expanded, whose branches may be gates

    def may_go_to(self, layer: LayerText, source: Source) -> bool:
        if self.carried or layer.listed is not None:
            return False
        return self.carrier is None or (self.source is source and self.carrier == layer.start)


class Position(NamedTuple):
    """Where in the network something is expanded.

    `path`: its name, from the outermost container inwards. `last`: only softmax and the like
    follow, so this may be the output layer. `ends_branch`: it ends a branch of a sum
    that its activation follows. `is_branch`: it is a branch of a join. `moved`: if it is such a sum
    itself, the number of activations that wait for others. `entry`: the channels that enter the
    line, 0 if each line has its own. `outer`: those that enter the outermost group, join or block
    around it, 0 if there is none. `printed`: the size that decides what the line leaves out.
    `stride`: a stride of the groups around it. `row_rules`: the conventions of the table row.
    `within`: the join, block or repeat around it, which may not hold a side head. `factor`: how
    often the network will repeat it. `depth`: how many lines are around it.
    """

    path: Scope
    frame: Frame
    labels: Labels
    last: bool = False
    ends_branch: bool = False
    is_branch: bool = False
    moved: int = -1
    entry: int = 0
    outer: int = 0
    printed: Printed | None = None
    stride: Stride | None = None
    row_rules: Rules = NO_RULES
    within: str = ""
    factor: int = 1
    depth: int = 0

    @property
    def awaits_carrier(self) -> bool:
        """Whether a stride of a group around it has not reached its layer yet."""
        return self.stride is not None and not self.stride.carried


class Neighbours(NamedTuple):
    """What a chain writes before a phrase and after it.

    `waiting` are the companions, shared by the phrases of the chain, that go after a layer which
    the chain has yet to write.
    """

    before: tuple[LayerText, ...]
    after: tuple[LayerText, ...]
    waiting: list[Companion]

    def of_one(self, is_first: bool, is_final: bool) -> "Neighbours":
        """The neighbours of one repetition."""
        return self._replace(
            before=self.before if is_first else (), after=self.after if is_final else ()
        )


class Link(NamedTuple):
    """A phrase to expand: as it is parsed, as it is written, and what a chain writes around it."""

    parsed: ParsedPhrase
    phrase: Phrase
    neighbours: Neighbours | None = None
