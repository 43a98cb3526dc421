"""Lines and repeats: names, guards, and what stands last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from archdsl import expressions, readings
from archdsl.builder import Builder
from archdsl.errors import ArchError, Source
from archdsl.expressions import Number
from archdsl.frames import Around, Frame, Spot
from archdsl.graph import Node, Scope, Section
from archdsl.naming import kind_of, names_of, notation
from archdsl.readings import Given, Group, Hole, LayerText, Line, Reading, Use
from archdsl.syntax import Item, NetworkText, Phrase

MOST_LAYERS = 1_000_000  # of a network


class _Mark(NamedTuple):
    """How far an expansion had come."""

    nodes: int
    here: int
    inner: int
    scopes: int


class Lines(Builder, ABC):
    """Expands lines, chains and repeats."""

    def __init__(self, network: NetworkText, names: dict[str, Number]) -> None:
        super().__init__(network, names)
        self.factor = 1  # how often what is being expanded will stand in the network

    @abstractmethod
    def expand_whole(self, whole: Group | Use | Hole, spot: Spot, stride: Given | None) -> None:
        """The nodes of a group, a join or a block."""

    def expand_lines(self, lines: Sequence[Line], spot: Spot, flat: bool = False) -> None:
        """Append the nodes of the lines that stand; those of the network become sections.

        `flat`: a block of one line needs no name for it.
        """
        frame = spot.frame
        lines = [line for line in lines if self.stands(line, frame)]
        bracket = self.bracket_of(frame)
        names = self.named(frame.source, lines, bracket, spot.path)
        output = _output_line(lines)
        for index, (line, name) in enumerate(zip(lines, names, strict=True)):
            path = spot.path if flat and line.label is None else (*spot.path, name)
            first, entry = len(self.nodes), self.here
            repeat = self.expand_line(
                line,
                Spot(
                    path,
                    frame,
                    spot.last and index == output,
                    spot.sums and index == len(lines) - 1,
                    spot.entry or self.channels,
                ),
            )
            self.tell(line, path, frame, repeat, first, entry)

    def tell(
        self, line: Line, path: Scope, frame: Frame, repeat: int, first: int, entry: int
    ) -> None:
        """Keep what a line became: every line of the network, others for their claims."""
        # The sizes in front of a chain's other phrases are claims of those.
        size = line.readings[0].claimed if len(line.readings) == 1 else None
        outermost = len(path) == 1 and frame.definition is None
        if not (outermost or line.item.claims or size):
            return
        section = Section(
            name=".".join(path),
            notation=notation(frame.source, line),
            kind=kind_of(line, self.bracket_of(frame)),
            repeat=repeat,
            first=first,
            last=len(self.nodes),
            entry=entry,
            exit=self.here,
            claims=line.item.claims,
            size=size,
            source=frame.source,
            start=line.item.start,
            end=line.item.end,
        )
        (self.sections if outermost else self.inner).append(section)

    def stands(self, line: Line, frame: Frame) -> bool:
        """Whether the guard of a line holds."""
        if line.guard is None:
            return True
        try:
            return bool(expressions.evaluate(line.guard, frame.names, frame.source))
        except ArchError as error:
            if "in" not in frame.names and error.message.startswith("`in` has no value"):
                raise ArchError(
                    "`in` in a guard outside a block",
                    error.span,
                    help="it is the number of channels that enter a block: put the line into one",
                ) from None
            raise

    def bracket_of(self, frame: Frame) -> Use | None:
        """What brackets stand for: in blocks, groups."""
        return self.conventions.bracket if frame.definition is None else None

    def named(
        self,
        source: Source,
        lines: Sequence[Line],
        bracket: Use | None,
        scope: Scope,
        branches: bool = False,
    ) -> list[str]:
        names = names_of(source, lines, bracket, branches)
        self.taken.setdefault(scope, set()).update(names)
        return names

    def expand_line(self, line: Line, spot: Spot) -> int:
        """The nodes of a line; how often it is repeated."""
        if len(line.readings) == 1:
            return self.expand_reading(line.readings[0], line.item.phrases[0], spot, None)
        links = [
            Line(Item((phrase,), ()), (reading,), None)
            for phrase, reading in zip(line.item.phrases, line.readings, strict=True)
        ]
        fronts = _passed(line.readings)
        behinds = [b[::-1] for b in _passed([_reversed(r) for r in line.readings[::-1]])][::-1]
        names = self.named(spot.frame.source, links, self.bracket_of(spot.frame), spot.path)
        output = _output_line(links)
        for index, (link, name) in enumerate(zip(links, names, strict=True)):
            path = (*spot.path, name)
            first, entry = len(self.nodes), self.here
            repeat = self.expand_reading(
                link.readings[0],
                link.item.phrases[0],
                Spot(
                    path,
                    spot.frame,
                    spot.last and index == output,
                    spot.sums and index == len(links) - 1,
                    spot.entry,
                ),
                Around(fronts[index], behinds[index]),
            )
            self.tell(link, path, spot.frame, repeat, first, entry)
        return 1

    # Repeats.

    def expand_reading(
        self, reading: Reading, phrase: Phrase, spot: Spot, around: Around | None
    ) -> int:
        """The nodes of a phrase; how often it is repeated."""
        if reading.repeat is None:
            self.expand_once(reading, spot, around, reading.stride)
            self.check_count(len(self.nodes), phrase, spot)
            return 1
        repeat = self.repeat(reading.repeat, spot)
        self.factor *= repeat
        first = len(self.nodes)
        index = 0
        while index < repeat:
            final = index == repeat - 1
            one = Spot(
                (*spot.path, str(index)),
                spot.frame,
                spot.last and final,
                spot.sums and final,
                self.channels,
            )
            begin = _Mark(len(self.nodes), self.here, len(self.inner), len(self.scopes))
            carried = self.stride is not None and self.stride.taken
            self.expand_once(reading, one, around, reading.stride if index == 0 else None)
            if index == 0:
                # Refused before it is built, by its first repetition.
                count = first + self.factor * (len(self.nodes) - first)
                self.check_count(count, phrase, spot)
                # The other repetitions are counted: what they hold stands once each.
                self.factor //= repeat
            index += 1
            alike = repeat - index - (spot.last or spot.sums)
            strides = index == 1 and reading.stride is not None
            strides |= self.stride is not None and self.stride.taken != carried
            entry = self.nodes[begin.here]
            if alike > 0 and not strides and self.nodes[self.here].shape == entry.shape:
                self.stamp(alike, one.path, begin)
                index += alike
        return repeat

    def expand_once(
        self, reading: Reading, spot: Spot, around: Around | None, stride: Given | None
    ) -> None:
        if reading.whole is None:
            self.expand_layers(reading.layers, spot, around)
        else:
            self.expand_whole(reading.whole, spot, stride)

    def check_count(self, count: int, phrase: Phrase, spot: Spot) -> None:
        if count > MOST_LAYERS:
            raise self.fail(
                f"more than {MOST_LAYERS:,} layers",
                phrase,
                f"archdsl expands networks of up to {MOST_LAYERS:,} layers",
                spot.frame.source,
            )

    def stamp(self, times: int, path: Scope, mark: _Mark) -> None:
        """Repeat a repetition that gives the shape that it takes: all behind it are alike."""
        at = len(path) - 1
        begin = mark.nodes
        nodes, inner, scopes = (
            self.nodes[begin:],
            self.inner[mark.inner :],
            self.scopes[mark.scopes :],
        )
        first, length, exit = int(path[at]), len(nodes), self.here
        for index in range(first + 1, first + times + 1):
            shift = (index - first) * length
            enters = self.here
            step = str(index)
            prefix = (*path[:at], step)
            for op, inputs, scope, shape, start, end in nodes:
                if len(inputs) == 1:
                    moved: tuple[int, ...] = (inputs[0] + shift if inputs[0] >= begin else enters,)
                else:
                    moved = tuple(i + shift if i >= begin else enters for i in inputs)
                self.nodes.append(Node(op, moved, prefix + scope[at + 1 :], shape, start, end))
            self.scopes += [(prefix + scope[at + 1 :], name) for scope, name in scopes]
            self.here = exit + shift if exit >= begin else enters
            for section in inner:
                names = section.name.split(".")
                names[at] = step
                self.inner.append(
                    section._replace(
                        name=".".join(names),
                        first=section.first + shift,
                        last=section.last + shift,
                        entry=section.entry + shift if section.entry >= begin else enters,
                        exit=section.exit + shift if section.exit >= begin else enters,
                    )
                )

    def repeat(self, given: Given, spot: Spot) -> int:
        value = readings.value_of(spot.frame.source, given, self.names_at(spot))
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.fail(
                f"a repeat of {value}",
                given,
                "repeat a whole number of times, from 1",
                spot.frame.source,
            )
        return value


def _passed(readings: Sequence[Reading]) -> list[tuple[LayerText, ...]]:
    """What a walk along a chain has passed at each phrase, up to a group or a repeat."""
    found = []
    around: tuple[LayerText, ...] = ()
    for reading in readings:
        found.append(around)
        if reading.whole is not None or reading.repeat:
            around = ()
            continue
        if any(layer.kind.weighs for layer in reading.layers):
            around = ()  # what stands beyond belongs to that layer
        around = (*around, *reading.layers)
    return found


def _reversed(reading: Reading) -> Reading:
    return reading._replace(layers=reading.layers[::-1])


def _output_line(lines: Sequence[Line]) -> int:
    """The line in which the output layer may stand: behind it stand only softmax and the like."""
    index = len(lines) - 1
    while index > 0 and all(map(_trails, lines[index].readings)):
        index -= 1
    return index


def _trails(reading: Reading) -> bool:
    match reading.whole:
        case None:
            return all(layer.kind.trails for layer in reading.layers)
        case Group(kind="bracket" | "braces") as group:
            return all(_trails(r) for line in group.lines for r in line.readings)
        case _:
            return False
