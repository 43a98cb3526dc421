"""Composition: groups, joins, blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archdsl.errors import ArchError, Note
from archdsl.expand.blocks import Definition
from archdsl.expand.conventions import unknown_shortcut
from archdsl.expand.layers import Stride, hwc
from archdsl.expand.line_names import notation
from archdsl.expand.lines import Lines, Made
from archdsl.expand.parameters import bind, form_of
from archdsl.expand.scopes import Body, Frame, Spot, Target, Values
from archdsl.graph import Scope
from archdsl.layers import JOINS, LayerError
from archdsl.layers.checks import check_elements
from archdsl.notation import ast
from archdsl.notation.ast import (
    BlockUse,
    Composite,
    Group,
    LabelJoin,
    LayerText,
    Line,
    Placeholder,
    Reference,
    Side,
    ValueText,
)
from archdsl.notation.block_uses import STRIDES
from archdsl.syntax import expressions
from archdsl.syntax.ast import NetworkText
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source

MOST_EMPTY = 10_000  # uses of blocks that come to nothing, beside one for each layer
DEEPEST = 100  # groups, joins and blocks within each other


class Composer(Lines):
    """Expands what is composed of lines."""

    def __init__(self, network: NetworkText, names: dict[str, Number]) -> None:
        super().__init__(network, names)
        self.made: dict[object, Made] = {}  # blocks, by all that they depend on
        self.frames: list[Frame] = []  # held, so that no other takes their identity
        self.empty = 0  # uses of blocks that came to nothing
        self.depth = 0

    def expand_whole(self, composite: Composite, spot: Spot, stride: ValueText | None) -> None:
        if self.depth == DEEPEST:
            raise self.fail(
                f"groups and blocks within each other more than {DEEPEST} deep",
                composite,
                "write the inner ones as lines of their own",
                spot.frame.source,
            )
        self.depth += 1
        self.compose(composite, spot, stride)
        self.depth -= 1

    def compose(self, composite: Composite, spot: Spot, stride: ValueText | None) -> None:
        match composite:
            case Placeholder(word="identity"):
                self.no_stride(stride, "`identity`", spot)
            case Placeholder(word="body"):
                self.no_stride(stride, "`body`", spot)
                self.expand_body(composite, spot)
            case Placeholder():
                self.no_stride(stride, "`shortcut`", spot)
                self.expand_shortcut(composite, spot)
            case BlockUse():
                self.expand_block(composite, spot, stride)
            case LabelJoin():
                self.no_stride(stride, f"`{composite.kind}`", spot)
                self.expand_joined(composite, spot)
            case Side():
                self.expand_side(composite, spot)
            case Reference():
                raise AssertionError("a line goes on from its reference")
            case Group(kind="bracket") if use := self.bracket_of(spot.frame):
                given = use._replace(body=composite, start=composite.start, end=composite.end)
                self.expand_block(given, spot, stride)
            case Group() if not composite.lines:
                raise self.fail(
                    "an empty group"
                    if composite.kind in ("bracket", "braces")
                    else f"`{composite.kind}` has no branch",
                    composite,
                    "write its lines: `[ conv3-64; conv3-64 ]`, `add { identity; conv3-64 }`",
                    spot.frame.source,
                )
            case Group(kind="bracket" | "braces"):
                # Outside of blocks each line has its own `in`.
                self.expand_group(composite, spot._replace(entry=0), stride)
            case _:
                self.no_stride(stride, f"`{composite.kind}`", spot)
                self.expand_join(composite, spot)

    def no_stride(self, stride: ValueText | None, what: str, spot: Spot) -> None:
        if stride is not None:
            raise self.fail(
                f"{what} takes no stride",
                stride,
                "give it to the layers of the branches, or to a bracket: `[ … ] x 3, stride 2`",
                spot.frame.source,
            )

    def expand_group(self, group: Group, spot: Spot, stride: ValueText | None) -> None:
        if stride is None:
            self.expand_lines(group.lines, spot)
            return
        source = spot.frame.source
        value = ast.value_of(source, stride, self.names_at(spot))
        last = _last_weighing(group.lines) if self.conventions.stride_on_last else None
        place = (source, last) if last is not None else None
        outer, self.stride = self.stride, Stride(stride, value, place)
        self.expand_lines(group.lines, spot)
        if not self.stride.taken:
            on = self.conventions.stride_on
            raise self.fail(
                "no layer of the group carries the stride",
                stride,
                "`stride on` names a layer that the group does not hold"
                if on is not None
                else "put a convolution into the group, or leave the stride out",
                source,
            )
        self.stride = outer

    def expand_join(self, group: Group, spot: Spot) -> None:
        """Branches side by side, then what joins them.

        A conventional activation at the end of a branch of `add` stands behind the sum instead:
        the last ReLU follows the addition (He et al. 2015, Fig. 2).
        """
        frame, entry = spot.frame, self.here
        lines = [line for line in group.lines if self.stands(line, frame)]
        if not lines:
            raise self.fail(
                f"`{group.kind}` has no branch",
                group,
                f"write a branch a line: `{group.kind} {{ identity; conv3-64 }}`",
                frame.source,
            )
        kinds, names = self.named(lines, spot, branches=True)
        outer, self.moved = self.moved, []
        self.within.append(f"`{group.kind}`")
        labels = spot.labels.new_child()
        self.scopes.append((spot.path, group.kind))
        stride = self.stride
        ends: dict[int, int] = {}
        # What leads to the shape that the other branches make comes last.
        late = [_is_late(line) for line in lines]
        for index in sorted(range(len(lines)), key=late.__getitem__):
            line, path = lines[index], (*spot.path, names[index])
            self.here = entry
            if late[index] and ends:
                end = next(iter(ends.values()))
                frame = spot.frame._replace(target=Target(self.nodes[end].shape, end))
            else:
                frame = spot.frame
            first = len(self.nodes)
            self.stride = None if late[index] else stride
            sums = group.kind == "add"
            repeat = self.expand_line(line, Spot(path, frame, labels, False, sums, self.channels))
            ends[index] = self.here
            if line.label is not None:
                self.name(line.label, labels)
            self.tell(line, kinds[index], path, frame, repeat, first, entry)
        self.stride = stride
        self.within.pop()
        if len(lines) > 1:
            path = (*spot.path, self.free(group.kind, spot.path))

            def text(branch: int) -> str:
                return f"`{notation(spot.frame.source, lines[branch])}`"

            self.join(group, path, spot.frame, text, [ends[i] for i in range(len(lines))])
        moved, self.moved = self.moved, outer
        self.behind_sum(moved, group, spot)

    def expand_joined(self, composite: LabelJoin, spot: Spot) -> None:
        """What flows, joined with labelled values."""
        ends = [self.here, *(self.referred_to(one, spot) for one in composite.references)]
        texts = ["what flows", *(f"`{one.label}`" for one in composite.references)]
        self.join(composite, spot.path, spot.frame, texts.__getitem__, ends)

    def expand_side(self, side: Side, spot: Spot) -> None:
        """The lines of a side head, whose last weight layer is an output layer."""
        if self.within:
            raise self.fail(
                f"a side head within {self.within[-1]}",
                side,
                "write it among the network's own lines",
                spot.frame.source,
            )
        outer, self.stride = self.stride, None
        self.within.append("another")
        first = len(self.nodes)
        self.expand_lines(side.group.lines, spot._replace(last=True, entry=0))
        if self.logits(self.here) < first:
            raise self.fail(
                "a side head without a layer",
                side,
                "write what it adds, and its own output layer: `side { gap; FC-10 }`",
            )
        self.within.pop()
        self.stride = outer

    def join(
        self,
        group: Group | LabelJoin,
        path: Scope,
        frame: Frame,
        text: Callable[[int], str],
        ends: Sequence[int],
    ) -> None:
        """A join of the values of nodes; `text` gives a branch as it is written, for errors."""
        op = JOINS[group.kind]()
        try:
            shape = check_elements(op.out(*(self.nodes[end].shape for end in ends)))
        except LayerError as problem:
            notes = []
            for branch, end in enumerate(ends):
                where = self.network.span(self.nodes[end].start, self.nodes[end].end)
                shown = hwc(self.nodes[end].shape)
                notes.append(
                    Note(f"branch {branch + 1}, {text(branch)}, is {shown}, from here", where)
                )
            raise ArchError(
                problem.message,
                frame.source.span(group.start, group.end),
                notes,
                problem.help,
            ) from None
        self.add(op, tuple(ends), path, shape, group, frame)

    def behind_sum(
        self, moved: Sequence[tuple[LayerText, Frame]], group: Group, spot: Spot
    ) -> None:
        """The activation that the branches' ends had, once.

        Where the sum ends a branch of another sum, it stays: an activation moves once.
        """
        if not moved:
            return
        kinds = {
            (one.kind, tuple((name, given.value) for name, given in one.given.items()))
            for one, _ in moved
        }
        if len(kinds) > 1:
            raise self.fail(
                "the branches of `add` end in different activations",
                group,
                "which of them follows the sum? strike the others: `no relu`",
                spot.frame.source,
            )
        layer, frame = moved[0]
        name = self.free(layer.kind.kind, spot.path)
        self.append(layer, (*spot.path, name), frame)

    def stride_between(self, entry: int, end: int) -> tuple[int, ...]:
        """How far apart in one node's map the positions of another lie, per axis.

        They are compared by their steps in the input, where no path leads from the one to the
        other: a branch may begin from a reference. Empty where they are no multiples.
        """
        stride, reached = self.stride_behind(entry, end)
        if reached != entry:
            own, other = self.stride_behind(0, end)[0], self.stride_behind(0, entry)[0]
            if len(own) != len(other):
                return ()
            stride = [(a * d, b * c) for (a, b), (c, d) in zip(own, other, strict=True)]
        if any(step % up for step, up in stride):
            return ()
        return tuple(step // up for step, up in stride)

    def stride_behind(self, entry: int, end: int) -> tuple[list[tuple[int, int]], int]:
        """The stride of a node's positions, back along its path to a node or one in front of it, as
        a numerator and a denominator an axis; and that node."""
        stride = [(1, 1)] * (len(self.nodes[end].shape) - 1)
        while end > entry:
            node = self.nodes[end]
            # Of a gate and what it lets through, along what has the map's positions.
            along = [i for i in node.inputs if self.nodes[i].shape[1:] == node.shape[1:]]
            enters = along[0] if len(node.inputs) > 1 and along else node.inputs[0]
            window = node.op.window(self.nodes[enters].shape)
            if window is not None and len(window.stride) == len(stride):
                up = window.up or (1,) * len(stride)
                steps = zip(stride, window.stride, up, strict=True)
                stride = [(a * step, b * u) for (a, b), step, u in steps]
            end = enters
        return stride, end

    def expand_body(self, hole: Placeholder, spot: Spot) -> None:
        frame = spot.frame
        if frame.definition is None or frame.body is None:
            block = frame.definition
            raise self.fail(
                "`body` outside a block"
                if block is None
                else f"the block `{block.name}` is given no body",
                hole,
                "`body` is the bracket that a block is given"
                if block is None
                else f"write the layers behind its name: {form_of(block.block)[:-1]} [ … ]`",
                frame.source,
            )
        group, outer, labels = frame.body
        # Of several bodies the first carries the stride, as of repetitions.
        stride = frame.strides.pop() if frame.strides else None
        # The body goes on in the text that gives it.
        self.expand_group(group, spot._replace(frame=outer, entry=0, labels=labels), stride)

    def takes_body(self, definition: Definition) -> bool:
        """Whether a block says `body`."""
        return any(map(_holds_body, self.blocks.lines(definition)))

    def expand_shortcut(self, hole: Placeholder, spot: Spot) -> None:
        """The block that stands for `shortcut`, to the shape of the branch beside it."""
        frame, target = spot.frame, spot.frame.target
        if target is None:
            raise self.fail(
                "`shortcut` without a branch beside it",
                hole,
                "it is a branch of a join: `add { shortcut; body }`",
                frame.source,
            )
        option = hole.option.text if hole.option else self.conventions.shortcut
        name = f"shortcut_{option}"
        if name not in self.blocks:
            raise unknown_shortcut(frame.source, self.blocks, option, hole.start, hole.end)
        strides = self.stride_between(self.here, target.end)
        if len(set(strides)) > 1 or len(strides) < len(target.shape) - 1:
            raise self.fail(
                f"a shortcut beside a stride of {'x'.join(map(str, strides))}"
                if strides
                else "a shortcut beside a branch of finer steps",
                hole,
                "a shortcut has one stride for all axes: write the branch out",
                frame.source,
            )
        definition = self.blocks[name]
        own = [p.text for p, _ in self.blocks.parameters(definition)]
        values = {"width": target.shape[0], "stride": (*strides, 1)[0]}
        given = {name: value for name, value in values.items() if name in own}
        names = self.bound(definition, hole, frame.source, (), given)
        self.enter(definition, names, hole, None, None, spot)

    def expand_block(self, use: BlockUse, spot: Spot, stride: ValueText | None) -> None:
        frame = spot.frame
        definition = self.blocks[use.block]
        if any(user is definition for user in frame.users()):
            raise self.fail(
                f"the block `{use.block}` stands within itself",
                use,
                "a block cannot use itself; repeat it with `x n`",
                frame.source,
            )
        names = self.names_at(spot)
        places: list[Number] = []
        given: dict[str, Number] = {}
        for argument in use.arguments:
            value = expressions.evaluate(argument.value, names, frame.source)
            if argument.name is None:
                places.append(value)
            elif argument.name.text in given:
                raise self.fail(
                    f"`{argument.name.text}` is given twice",
                    argument,
                    "strike one of the two",
                    frame.source,
                )
            else:
                given[argument.name.text] = value
        own = [p.text for p, _ in self.blocks.parameters(definition)]
        strides = next((name for name in STRIDES if name in own), None)
        if stride is not None and strides is not None:
            step = ast.value_of(frame.source, stride, names)
            if not isinstance(step, int | float) or strides in given:
                raise self.fail(
                    "the stride is given twice"
                    if strides in given
                    else f"`{strides}` of the block `{use.block}` is one number",
                    stride,
                    f"write `{use.block}(…) x 3, stride 2`",
                    frame.source,
                )
            given[strides], stride = step, None
        if use.body is not None and not self.takes_body(definition):
            raise self.fail(
                f"the block `{use.block}` has no `body`: it takes no group",
                use,
                "leave the group out, or write `body` where it belongs in the block",
                frame.source,
            )
        if stride is not None and use.body is None:
            raise self.fail(
                f"the block `{use.block}` takes no stride",
                stride,
                "give the block a parameter `stride`, or leave it out",
                frame.source,
            )
        bound = self.bound(definition, use, frame.source, places, given)
        if use.body is not None and not use.body.lines:
            raise self.fail(
                f"the block `{use.block}` is given no body",
                use,
                "write its layers in the bracket: `[ conv3-64; conv3-64 ]`",
                frame.source,
            )
        body = Body(use.body, frame, spot.labels) if use.body is not None else None
        self.enter(definition, bound, use, body, stride, spot)

    def bound(
        self,
        definition: Definition,
        use: BlockUse | Placeholder,
        source: Source,
        places: Sequence[Number],
        given: Mapping[str, Number],
    ) -> dict[str, Number]:
        """The names that hold in a block where it is used."""
        outer = self.names if definition.inner else {}
        own = self.blocks.parameters(definition)
        try:
            return bind(definition.source, definition.block, own, places, given, outer)
        except ArchError as error:
            if error.span is not None:
                raise
            name = definition.block.name
            defined = Note("it is defined here", definition.source.span(name.start, name.end))
            span = source.span(use.start, use.end)
            raise ArchError(error.message, span, [defined], error.help) from None

    def enter(
        self,
        definition: Definition,
        names: Mapping[str, Number],
        use: BlockUse | Placeholder,
        body: Body | None,
        stride: ValueText | None,
        spot: Spot,
    ) -> None:
        """Expand a block where it is used."""
        frame = Frame(
            definition.source,
            {**names, "in": self.channels},
            definition,
            self.placed(use, spot.frame),
            spot.frame,
            body,
            [stride] if stride is not None else [],
        )
        # A block that was used alike before is copied: blocks within blocks would double the work
        # at each level. Not where an activation moves, or a stride goes to the first repetition.
        key = None
        waits = self.stride is not None and not self.stride.taken
        if not (spot.sums or stride or waits or spot.frame.target):
            shape = self.nodes[self.here].shape
            # 2 and 2.0 are equal, and True and 1: a repeat tells them apart.
            values = ((name, type(value), value) for name, value in frame.names.items())
            rules = id(self.conventions.of_row)  # they reach into blocks
            key = (definition.name, _given(body), shape, spot.last, rules, *values)
        self.within.append("a block")
        if key in self.made:
            made = self.made[key]
            self.check_count(len(self.nodes) + made.last.nodes - made.first.nodes, use, spot)
            self.copy(made, spot.path, frame.place)
            self.within.pop()
            return
        begin = self.mark()
        try:
            lines = self.blocks.lines(definition)
            self.scopes.append((spot.path, definition.name))
            self.expand_lines(
                lines,
                spot._replace(frame=frame, entry=self.channels, labels=Values()),
                flat=len(lines) == 1,
            )
        except ArchError as error:
            raise self.placed_error(error, definition, use, spot.frame) from None
        self.within.pop()
        if len(self.nodes) == begin.nodes:
            self.check_empty(use, spot)
        # What an automatic flattening puts beside a block is not the block's to copy.
        inside = all(n.scope[: len(spot.path)] == spot.path for n in self.nodes[begin.nodes :])
        if key is not None and inside and not self.is_entry_named(begin):
            # What the block's own text holds keeps its place.
            place = frame.place if definition.source is not self.network.source else (-1, -1)
            self.made[key] = Made(spot.path, place, begin, self.mark())
            self.frames.append(frame)

    def check_empty(self, use: BlockUse | Placeholder, spot: Spot) -> None:
        """Refuse towers of blocks that come to nothing: no count of layers would stop them."""
        self.empty += 1
        if self.empty > MOST_EMPTY + len(self.nodes):
            raise self.fail(
                f"more than {MOST_EMPTY:,} uses of blocks that hold no layer",
                use,
                "leave the blocks out that come to nothing",
                spot.frame.source,
            )

    def placed_error(
        self, error: ArchError, definition: Definition, use: BlockUse | Placeholder, frame: Frame
    ) -> ArchError:
        """An error within a block, shown where the reader's text uses it."""
        if error.span is None or not definition.holds(error.span.source, error.span.start):
            return error
        used = frame.source.span(use.start, use.end)
        if definition.source is self.network.source:
            note = Note(f"the block `{definition.name}` is used here", used)
            notes = [*error.notes, note]
            return ArchError(error.message, error.span, notes, error.help, error.others)
        note = Note(f"in the block `{definition.name}`", error.span)
        return ArchError(error.message, used, [note, *error.notes], error.help, error.others)


def _last_weighing(lines: Sequence[Line]) -> int | None:
    """Where the last weight layer with a stride stands that the lines of a group write."""
    for line in reversed(lines):
        for parsed in reversed(line.phrases):
            match parsed.composite:
                case (
                    Group(kind="bracket" | "braces", lines=inner)
                    | BlockUse(body=Group(lines=inner))
                ):
                    found = _last_weighing(inner)
                    if found is not None:
                        return found
            for layer in reversed(parsed.layers):
                if layer.kind.weighs and "stride" in layer.kind.attributes:
                    return layer.start
    return None


def _given(body: Body | None) -> object:
    """What a block is given, for comparison: the text of the group, the frame that it stands in,
    and the values that it refers to."""
    if body is None:
        return None
    group, frame, labels = body
    values = tuple((name, labels.get(name)) for name in ast.references(group.lines))
    return frame.source.text[group.start : group.end], id(frame), values


def _holds_body(line: Line) -> bool:
    for parsed in line.phrases:
        match parsed.composite:
            case Placeholder(word="body"):
                return True
            case Group(lines=lines) | BlockUse(body=Group(lines=lines)):
                if any(map(_holds_body, lines)):
                    return True
    return False


def _is_late(line: Line) -> bool:
    """Whether a branch leads to the shape of the others."""
    for parsed in line.phrases:
        if any(
            one.kind.fits is not None and one.kind.fits not in one.given for one in parsed.layers
        ):
            return True
        match parsed.composite:
            case Placeholder(word="shortcut"):
                return True
            case Group(kind="bracket" | "braces") as group:
                if any(map(_is_late, group.lines)):
                    return True
    return False
