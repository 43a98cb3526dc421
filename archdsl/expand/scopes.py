"""Where something stands while a text is expanded."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableSequence
from typing import NamedTuple

from archdsl.expand.blocks import Definition
from archdsl.expand.printed_sizes import Printed
from archdsl.graph import Scope
from archdsl.layers import Shape
from archdsl.notation.ast import Group, LayerText, ValueText
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source


class Named(NamedTuple):
    """What a label names: the node whose value leaves its line; `number` counts the labels."""

    node: int
    number: int


Values = ChainMap[str, Named]  # of the labels that are visible


class Target(NamedTuple):
    """What a shortcut leads to: the shape of the branch beside it, and the node that it ends in."""

    shape: Shape
    end: int


class Body(NamedTuple):
    """The group that a block is given, where it is written, and the labels that it sees there."""

    group: Group
    frame: Frame
    labels: Values


class Frame(NamedTuple):
    """Where lines stand: their source, what has a value there, and the block that is in use.

    `place` is where the network's own text uses the block: offsets of the library mean nothing in
    it. `target` is there for a branch of a join that leads to the shape of the others.
    """

    source: Source
    names: Mapping[str, Number]
    definition: Definition | None = None
    place: tuple[int, int] = (0, 0)
    parent: Frame | None = None
    body: Body | None = None
    strides: MutableSequence[ValueText] | None = None  # for the body: the one that is left, or none
    target: Target | None = None

    def users(self) -> Iterator[Definition]:
        """The blocks in use here, the innermost first."""
        frame: Frame | None = self
        while frame is not None and frame.definition is not None:
            yield frame.definition
            frame = frame.parent


class Spot(NamedTuple):
    """Where in the network something is expanded.

    `last`: only softmax and the like follow, so the output layer may stand here. `sums`: what ends
    here ends a branch of `add`. `entry` channels enter the line. `labels` are visible here.
    `printed` is the size that decides what the line leaves out.
    """

    path: Scope
    frame: Frame
    labels: Values
    last: bool
    sums: bool = False
    entry: int = 0
    printed: Printed | None = None


class Around(NamedTuple):
    """What a chain writes in front of a phrase and behind it."""

    front: tuple[LayerText, ...]
    behind: tuple[LayerText, ...]
