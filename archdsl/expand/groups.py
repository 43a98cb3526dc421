"""Groups, joins and side heads: composites of lines, appended to a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from archdsl.errors import ArchError, Note
from archdsl.expand.choices import KEPT, NO_ACTIVATION, SUM, WRITTEN_SUM, spelling
from archdsl.expand.context import Context
from archdsl.expand.layers import LayerExpander, hwc
from archdsl.expand.line_names import notation
from archdsl.expand.scopes import Frame, Position, Stride, Target
from archdsl.expand.sums import Branch, Unmoved, unmoved
from archdsl.graph import Scope
from archdsl.layers import JOINS, LayerError
from archdsl.layers.checks import check_elements
from archdsl.notation import ast
from archdsl.notation.ast import (
    BlockUse,
    Group,
    LabelJoin,
    LayerText,
    Line,
    Placeholder,
    Reference,
    Side,
    ValueText,
)


class Lines(Protocol):
    """The expansion of the lines within a composite."""

    def expand_lines(
        self, lines: Sequence[Line], position: Position, is_flat: bool = False
    ) -> None: ...

    def expand_line(self, line: Line, kind: str, position: Position) -> None: ...

    def names(
        self, lines: Sequence[Line], position: Position, are_branches: bool = False
    ) -> tuple[list[str], list[str]]: ...


class GroupExpander:
    """Turns groups, joins and side heads into nodes."""

    def __init__(self, context: Context, lines: Lines, layers: LayerExpander) -> None:
        self.context = context
        self.graph = context.graph
        self.lines = lines
        self.layers = layers

    def expand_group(self, group: Group, position: Position, stride: ValueText | None) -> None:
        """Append the lines of a group, one layer of which carries the stride; around a block that
        takes a stride, the block does."""
        if stride is None:
            self.lines.expand_lines(group.lines, position)
            return
        if (lines := self.with_stride(group.lines, stride)) is not None:
            self.lines.expand_lines(lines, position)
            return
        source, conventions = position.frame.source, self.context.conventions
        value = ast.value_of(source, stride, self.context.names_at(position, [stride]))
        carrier = _last_carrier(group.lines) if conventions.stride_on_last else None
        is_open = self.count_carriers(group.lines) > 1
        carried = Stride(stride, value, carrier, source, self.graph.shape, is_open)
        self.lines.expand_lines(group.lines, position._replace(stride=carried))
        if not carried.carried:
            raise position.frame.fail(
                "no layer of the group carries the stride",
                stride,
                "`stride on` names a layer that the group does not hold"
                if conventions.stride_on is not None
                else "put a convolution into the group, or leave the stride out",
            )

    def count_carriers(self, lines: Sequence[Line], within: tuple[str, ...] = ()) -> int:
        """How many layers written in lines, or in the blocks that they use, could carry a stride;
        `within` are the blocks around them. Those of products may be gates."""
        count = 0
        for parsed in (parsed for line in lines for parsed in line.phrases):
            match parsed.composite:
                case Group(kind=kind, lines=inner) if kind != "multiply":
                    count += self.count_carriers(inner, within)
                case BlockUse(body=Group(lines=inner)):
                    count += self.count_carriers(inner, within)
                case BlockUse(block=block) if block not in within:
                    inner = self.context.blocks.lines(self.context.blocks[block])
                    count += self.count_carriers(inner, (*within, block))
            count += sum(1 for layer in parsed.layers if _takes_stride(layer))
        return count

    def with_stride(self, lines: tuple[Line, ...], stride: ValueText) -> tuple[Line, ...] | None:
        """The lines with the stride after the block that is all they hold; None if they hold
        anything else, or the block does not take a stride."""
        if len(lines) > 1 or len(lines[0].phrases) > 1:
            return None
        (line,) = lines
        (parsed,) = line.phrases
        if parsed.stride is not None:
            return None
        match parsed.composite:
            case Group(kind="bracket" | "braces", lines=inner) as group if inner:
                deeper = self.with_stride(inner, stride)
                if deeper is None:
                    return None
                parsed = parsed._replace(composite=group._replace(lines=deeper))
            case BlockUse(block=block) if self.context.blocks.stride_of(block) is not None:
                parsed = parsed._replace(stride=stride)
            case _:
                return None
        return (line._replace(phrases=(parsed,)),)

    def expand_join(self, group: Group, position: Position) -> None:
        """Append branches side by side, then what joins them.

        With `activation after`, a conventional activation at the end of a branch of `add` follows
        the sum instead, as in residual blocks (He et al. 2015, Fig. 2).
        """
        frame, graph = position.frame, self.graph
        lines = [line for line in group.lines if frame.holds(line)]
        if not lines:
            raise frame.fail(
                f"`{group.kind}` has no branch",
                group,
                f"write one branch per line: `{group.kind} {{ identity; conv3-64 }}`",
            )
        moved_before = len(graph.activations)
        is_moving = self.moves_activation(group, frame)
        ends, staying = self.expand_branches(group, lines, position, is_moving)
        if len(lines) > 1:
            scope = graph.free_scope(position.path, group.kind)

            def text(branch: int) -> str:
                return f"`{notation(frame.source, lines[branch])}`"

            self.join(group, scope, frame, text, ends)
        moved = graph.activations[moved_before:]
        del graph.activations[moved_before:]
        if is_moving and (staying or not moved) and len(lines) > 1:
            found = [unmoved(graph.nodes, one) for one in staying]
            if not moved and group.activation == "after" and self.is_networks_own(frame):
                raise self.moves_nothing(group, found, frame)
            self.decide_unmoved(found, bool(moved), group, position)
        if group.kind == "add" and not is_moving and frame.source is self.context.network.source:
            self.decide_written(group, lines, ends, position)
        if moved:
            self.append_activation(moved, group, position)

    def decide_written(
        self, sum: Group, lines: Sequence[Line], ends: Sequence[int], position: Position
    ) -> None:
        """Record that a sum which the text writes out, without a word for its activation, has one
        in a branch, where only a convention puts it."""
        if self.declared_activation(sum, position.frame):
            return
        for line, end in zip(lines, ends, strict=True):
            op = self.graph.nodes[end].op
            if op.role == "activation" and _ends_in_weights(line):
                texts = {"activation": spelling(type(op))}
                self.context.decide(WRITTEN_SUM, position.path, sum, position.frame, **texts)

    def expand_branches(
        self, group: Group, lines: Sequence[Line], position: Position, is_moving: bool
    ) -> tuple[list[int], list[Branch]]:
        """Append the branches of a join, whose activations follow it where it `is_moving`.

        Returns the nodes that they end in, and of such a join the branches that keep theirs, but
        for `identity` and those that lead to the shape of the others.
        """
        graph, frame, entry = self.graph, position.frame, self.graph.current
        kinds, names = self.lines.names(lines, position, are_branches=True)
        graph.containers.append((position.path, group.kind))
        position = position._replace(
            labels=position.labels.new_child(),
            last=False,
            ends_branch=is_moving,
            entry=graph.channels,
            outer=position.outer or position.entry or graph.channels,
            printed=None,
            moved=-1,
            within=f"`{group.kind}`",
            depth=position.depth + 1,
        )
        ends: dict[int, int] = {}
        staying: list[Branch] = []
        if (stride := position.stride) is not None and group.kind == "multiply":
            stride.products += 1
        # A branch that leads to the shape of the others comes after them.
        follows = [_fits_others(line) for line in lines]
        for index in sorted(range(len(lines)), key=follows.__getitem__):
            line, inner = lines[index], frame
            if follows[index] and ends:
                end = next(iter(ends.values()))
                inner = frame._replace(target=Target(graph.nodes[end].shape, end))
            branch = position._replace(
                path=(*position.path, names[index]),
                frame=inner,
                is_branch=True,
                stride=None if follows[index] else position.stride,
            )
            graph.current = entry
            first, waiting = len(graph.nodes), len(graph.activations)
            self.lines.expand_line(line, kinds[index], branch)
            ends[index] = end = graph.current
            is_staying = is_moving and len(graph.activations) == waiting
            if is_staying and end != entry and not follows[index]:
                staying.append(Branch(first, end))
            if line.label is not None:
                branch.labels[line.label.text] = graph.label()
        if stride is not None and group.kind == "multiply":
            stride.products -= 1
        return [ends[index] for index in range(len(lines))], staying

    def moves_activation(self, group: Group, frame: Frame) -> bool:
        """Whether the activations at the ends of the branches of a join follow it.

        What the network's own text says of the sum comes first, then what it says of all sums, then
        what the block of the library says. A sum without any of these moves nothing.
        """
        if group.kind != "add":
            return False
        return (self.declared_activation(group, frame) or group.activation) == "after"

    def declared_activation(self, join: Group | LabelJoin, frame: Frame) -> str:
        """Where the network's own text puts the activation of a sum; empty if it does not say."""
        declared = self.context.conventions.activation
        if isinstance(join, Group) and frame.source is self.context.network.source:
            return join.activation or declared
        return declared

    def is_networks_own(self, frame: Frame) -> bool:
        """Whether lines are the network's own: a block cannot know the networks that use it."""
        return frame.source is self.context.network.source and frame.definition is None

    def moves_nothing(self, group: Group, found: Sequence[Unmoved], frame: Frame) -> ArchError:
        """The error of `activation after` at a sum whose branches have no activation to move."""
        stays = [one for one in found if one.activation]
        activation = stays[0].activation if stays else "relu"
        why = f": {activation} stays in its branch, as {stays[0].reason}" if stays else ""
        return frame.fail(
            f"`activation after` moves nothing{why}",
            group,
            f"write the activation after the sum, `add {{ … }} -> {activation}`, "
            "or leave `activation after` out",
        )

    def decide_unmoved(
        self,
        found: Sequence[Unmoved],
        is_moved: bool,
        join: Group | LabelJoin,
        position: Position,
    ) -> None:
        """Record which activations stay before a sum that could have them after it, or that it has
        none. Of preactivated branches nothing else is expected."""
        context, path, frame = self.context, position.path, position.frame
        stays = [one for one in found if one.activation]
        for one in stays:
            if one.is_reference and is_moved:
                continue
            texts = {"activation": one.activation, "reason": one.reason}
            context.decide(KEPT, path, join, frame, **texts)
        if not is_moved and not stays and not any(one.is_plain for one in found):
            context.decide(NO_ACTIVATION, path, join, frame)

    def expand_label_join(self, join: LabelJoin, position: Position) -> None:
        """Append the join of the current value with labelled ones."""
        graph, path = self.graph, position.path
        ends = [graph.current, *(self.resolve(one, position) for one in join.references)]
        for one, end in zip(join.references, ends[1:], strict=True):
            if end == graph.current:
                raise self.already_joined(join, one, position.frame)
        texts = ["the current value", *(f"`{one.label}`" for one in join.references)]
        moved = graph.activations[position.moved :] if position.moved >= 0 else []
        if not moved:
            self.join(join, path, position.frame, texts.__getitem__, ends)
            if join.kind == "add" and self.context.conventions.activation == "after":
                # Where no line leads to it alone, the values have their activations.
                first = 1 if position.moved >= 0 else ends[0] + 1
                found = [unmoved(graph.nodes, Branch(first, ends[0]))]
                self.decide_unmoved(found, False, join, position)
            return
        del graph.activations[position.moved :]
        graph.containers.append((path, join.kind))
        self.join(join, graph.free_scope(path, join.kind), position.frame, texts.__getitem__, ends)
        self.append_activation(moved, join, position)

    def already_joined(self, join: LabelJoin, reference: Reference, frame: Frame) -> ArchError:
        """The error of a join that reads the current value by its label as well."""
        label, word = reference.label, join.kind
        others = [one.label for one in join.references if one.label != label]
        if len(others) > 4:
            help = f"leave `{label}` out, or write all branches in braces: `{word} {{ a; b; … }}`"
        elif others:
            both = "; ".join(one.label for one in join.references)
            help = f"write `{word} {', '.join(others)}`, or `{word} {{ {both} }}`"
        else:
            help = f"remove the line; if it is meant twice, write `{word} {{ {label}; {label} }}`"
        message = f"`{label}` is already the current value, which `{word}` joins with others"
        return frame.fail(message, reference, help)

    def resolve(self, reference: Reference, position: Position) -> int:
        """The node that a label names."""
        value = position.labels.get(reference.label)
        if value is None:
            raise position.frame.fail(
                f"there is no line `{reference.label}` here",
                reference,
                "its condition does not hold, or it is a branch that is built after this one",
            )
        self.graph.references.append(value)
        return value.node

    def join(
        self,
        join: Group | LabelJoin,
        scope: Scope,
        frame: Frame,
        text: Callable[[int], str],
        ends: Sequence[int],
    ) -> None:
        """Append a join of the values of nodes; `text` gives a branch as it is written."""
        graph, op = self.graph, JOINS[join.kind]()
        shapes = [graph.nodes[end].shape for end in ends]
        try:
            shape = check_elements(op.out(*shapes))
        except LayerError as problem:
            notes = [
                Note(
                    f"branch {i + 1}, {text(i)}, is {hwc(graph.nodes[end].shape)}, from here",
                    self.context.network.span(*graph.places[end]),
                )
                for i, end in enumerate(ends)
            ]
            span = frame.source.span(join.start, join.end)
            raise ArchError(problem.message, span, notes, problem.help) from None
        graph.add(op, tuple(ends), scope, shape, self.context.place(join, frame))

    def append_activation(
        self,
        moved: Sequence[tuple[LayerText, Frame]],
        group: Group | LabelJoin,
        position: Position,
    ) -> None:
        """Append the activation that the branches of a sum ended in, once.

        If the sum ends a branch of another sum, it stays: an activation moves once.
        """
        activations = {
            (layer.kind, tuple((name, text.value) for name, text in layer.given.items()))
            for layer, _ in moved
        }
        if len(activations) > 1:
            raise position.frame.fail(
                "the branches of `add` end in different activations",
                group,
                "which of them follows the sum? remove the others: `no relu`",
            )
        layer, frame = moved[0]
        if not self.declared_activation(group, position.frame):
            activation = spelling(layer.kind)
            self.context.decide(SUM, position.path, group, position.frame, activation=activation)
        self.layers.append(layer, self.graph.free_scope(position.path, layer.kind.kind), frame)

    def expand_side(self, side: Side, position: Position) -> None:
        """Append the lines of a side head, whose last weight layer is an output layer."""
        if position.within:
            raise position.frame.fail(
                f"a side head within {position.within}",
                side,
                "write it among the network's own lines",
            )
        first = len(self.graph.nodes)
        inner = position._replace(last=True, entry=0, stride=None, within="another")
        self.lines.expand_lines(side.group.lines, inner)
        if self.graph.logits(self.graph.current) < first:
            raise position.frame.fail(
                "a side head without a layer",
                side,
                "write what it adds, and its own output layer: `side { gap; FC-10 }`",
            )


def _last_carrier(lines: Sequence[Line]) -> int | None:
    """The start of the last weight layer with a stride among the lines of a group."""
    return next(_carriers(lines), None)


def _carriers(lines: Sequence[Line]) -> Iterator[int]:
    """The starts of the weight layers with a stride among the lines of a group, the last first."""
    for parsed in (parsed for line in reversed(lines) for parsed in reversed(line.phrases)):
        match parsed.composite:
            case Group(kind="bracket" | "braces", lines=inner) | BlockUse(body=Group(lines=inner)):
                yield from _carriers(inner)
        for layer in reversed(parsed.layers):
            if _takes_stride(layer):
                yield layer.start


def _takes_stride(layer: LayerText) -> bool:
    return layer.kind.weighs and "stride" in layer.kind.attributes


def _fits_others(line: Line) -> bool:
    """Whether a branch leads to the shape of the others."""
    for parsed in line.phrases:
        layers = parsed.layers
        if any(one.kind.fits is not None and one.kind.fits not in one.given for one in layers):
            return True
        match parsed.composite:
            case Placeholder(word="shortcut"):
                return True
            case Group(kind="bracket" | "braces", lines=lines):
                if any(map(_fits_others, lines)):
                    return True
    return False


def _ends_in_weights(line: Line) -> bool:
    """Whether the last layer that a line writes, also in brackets, is one with weights."""
    parsed = line.phrases[-1]
    match parsed.composite:
        case None:
            return parsed.layers[-1].kind.weighs
        case Group(kind="bracket" | "braces", lines=(*_, last)):
            return _ends_in_weights(last)
        case _:
            return False
