"""The rules of docs/language.md, a second time and in short: steps become plain layers.

    Line(conv 3, 8)   Conv2d(3, 8, 3, padding=1, bias=False), BatchNorm2d(8), ReLU()

Nothing of archdsl is used, so that two independent readings of the manual can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from intended import (
    NORMS,
    Block,
    Group,
    Intended,
    Join,
    LabelJoin,
    Layer,
    Line,
    Link,
    Phrase,
    Reference,
    Rule,
    Side,
    Step,
    Use,
    Word,
    conv,
)
from plain_layers import CONVOLUTIONS, WEIGHTS, Node, Number, Plain, Refused, Shape, shape_after

WEAKENING = ("scale", "dropout", "stochastic depth")  # an activation moves past them
ENDING = ("maxpool", "avgpool", "gap", *NORMS)  # weightless, but not after an output layer


@dataclass(eq=False)
class Carried:
    """The stride of a group, and the convolution that it goes to, if one is settled."""

    value: int
    entering: Shape
    carrier: Layer | None = None
    done: bool = False


@dataclass(frozen=True, eq=False)
class Place:
    """Where a line stands."""

    names: Mapping[str, Number] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    is_last: bool = False  # its last weight layer is an output layer
    ends: bool = False  # a conventional activation at its end follows a sum instead
    is_branch: bool = False
    outer: int = 0  # the channels that enter the outermost group around it
    carried: Carried | None = None
    ships: bool = False  # in a block of the library
    in_product: bool = False  # a map of 1x1 is a gate here, which carries no stride
    body: tuple[Group, Place, int] | None = None  # with the stride that it carries
    target: tuple[Shape, int] | None = None  # shape of the branch next to it, and its stride


class Reading:
    """Reads steps by the rules of the manual."""

    def __init__(self, network: Intended) -> None:
        self.network = network
        self.nodes = [Node("input", {}, (), network.input)]
        self.current = 0
        self.moved: list[Layer] = []  # activations on their way to after a sum
        self.sides: list[int] = []

    @property
    def shape(self) -> Shape:
        return self.nodes[self.current].shape

    def plain(self) -> Plain:
        rows: list[Shape] = []
        labels = self.lines(self.network.lines, Place(is_last=True), rows)
        outputs = [labels[name] for name in self.network.outputs] or [self.current]
        read = {0, self.current, *outputs, *self.sides}
        read.update(index for node in self.nodes for index in node.inputs)
        if len(read) < len(self.nodes):
            raise Refused("a value that nothing reads")
        # A softmax at the end is left to the loss.
        outputs = [self.before_softmax(end) for end in outputs]
        self.sides = [self.before_softmax(end) for end in self.sides]
        return Plain(self.nodes, rows, outputs, self.sides)

    def before_softmax(self, end: int) -> int:
        node = self.nodes[end]
        return self.before_softmax(node.inputs[0]) if node.op == "softmax" else end

    def put(self, op: str, values: dict[str, Any], inputs: tuple[int, ...], shape: Shape) -> None:
        if min(shape) < 1 or math.prod(shape) > 60_000:
            raise Refused(f"{op} gives {shape}")
        self.nodes.append(Node(op, values, inputs, shape))
        self.current = len(self.nodes) - 1

    # Lines.

    def lines(
        self, lines: Sequence[Line], place: Place, rows: list[Shape] | None = None
    ) -> dict[str, int]:
        lines = [one for one in lines if holds(one, place)]
        labels = dict(place.labels)
        last = self.output_lines(lines, rows is not None) if place.is_last else set()
        end = len(lines) - 1
        while end > 0 and self.passes(lines[end]):
            end -= 1
        sums = self.sums(lines)
        marks: dict[int, int] = {}
        for index, line in enumerate(lines):
            before = self.current
            ends = (place.ends and index == end) or index in sums
            if index in sums:
                marks[sums[index]] = len(self.moved)
            inner = replace(place, labels=labels, is_last=index in last, ends=ends, is_branch=False)
            self.line(line, inner, marks.get(index))
            if rows is not None:
                rows.append(self.shape)
            if isinstance(line.links[0].step, Side):
                self.sides.append(self.current)
                self.current = before
            if line.label:
                labels[line.label] = self.current
        return labels

    def sums(self, lines: Sequence[Line]) -> dict[int, int]:
        """With `activation after add`: the lines before `add c1`, whose activations follow it."""
        found = {}
        if self.network.activation == "after":
            for index, line in enumerate(lines):
                step = line.links[0].step
                if index and isinstance(step, LabelJoin) and step.kind == "add":
                    end = index - 1
                    while end > 0 and self.passes(lines[end]):
                        end -= 1
                    named = {one.label for one in lines[end:index]} - {""}
                    if not named & set(read_labels(lines[end + 1 :])):
                        found[end] = index
        return found

    def output_lines(self, lines: Sequence[Line], is_network: bool) -> set[int]:
        """The lines with an output layer: the last weight layer before each output, unless what it
        leads to is read again."""
        ends = [len(lines) - 1]
        if is_network and self.network.outputs:
            named = [i for i, line in enumerate(lines) if line.label in self.network.outputs]
            ends = [i for i in named if i + 1 == len(lines) or starts_anew(lines[i + 1])]
        found = set()
        for end in ends:
            index = end
            while index > 0 and self.trails(lines[index]):
                index -= 1
            named_here = {one.label for one in lines[index : end + 1]} - {""}
            if not named_here & set(read_labels(lines[index + 1 :])):
                found.add(index)
        return found

    def trails(self, line: Line) -> bool:
        """Whether a line has only weightless layers that may follow an output layer."""
        return all(self.step_trails(link.step) for link in line.links)

    def step_trails(self, step: Step) -> bool:
        match step:
            case Phrase(layers=layers):
                return all(one.kind not in (*WEIGHTS, *ENDING) for one in layers)
            case Group(lines=lines):
                return all(map(self.trails, lines))
            case Use(block=block, body=None):
                return all(map(self.trails, block.lines))
            case Word(word="identity") | Side():
                return True
        return False

    def passes(self, line: Line) -> bool:
        """Whether an activation moves past a line: a factor, a dropout, a gate."""
        return all(self.step_passes(link.step) for link in line.links)

    def step_passes(self, step: Step) -> bool:
        match step:
            case Phrase(layers=layers):
                return all(one.kind in WEAKENING for one in layers)
            case Word(word="identity") | Side():
                return True
            case Group(lines=lines):
                return all(map(self.passes, lines))
            case Join(kind="multiply", lines=lines):
                return any(str(line) == "identity" for line in lines)
            case Use(block=block, body=None):
                return all(map(self.passes, block.lines))
        return False

    def line(self, line: Line, place: Place, mark: int | None = None) -> None:
        links = line.links
        if isinstance(links[0].step, Reference):
            if line.label and len(links) == 1:
                raise Refused("two labels of one value")
            self.current = place.labels[links[0].step.label]
            links = links[1:]
        if not links:
            return
        alone = len(links) == 1
        links = [one for link in links for one in repetitions(link)]
        last = end = len(links) - 1
        while last > 0 and self.step_trails(links[last].step):
            last -= 1
        while end > 0 and self.step_passes(links[end].step):
            end -= 1
        index = 0
        while index < len(links):
            run = index + 1
            if isinstance(links[index].step, Phrase) and links[index].repeat == 1:
                while (
                    run < len(links)
                    and isinstance(links[run].step, Phrase)
                    and links[run].repeat == 1
                ):
                    run += 1  # fmt: skip
                inner = replace(
                    place,
                    is_last=place.is_last and index <= last < run,
                    ends=place.ends and index <= end < run,
                )
                self.run([link.step for link in links[index:run]], inner)  # type: ignore[misc]
            else:
                inner = replace(
                    place,
                    is_last=place.is_last and index == last,
                    ends=place.ends and index == end,
                    is_branch=place.is_branch and alone,
                )
                self.repeated(links[index], inner, mark)
            index = run

    def repeated(self, link: Link, place: Place, mark: int | None) -> None:
        repeat = value(link.repeat, place.names)
        for index in range(repeat):
            final = index + 1 == repeat
            inner = replace(place, is_last=place.is_last and final, ends=place.ends and final)
            self.once(link.step, inner, link.stride if index == 0 else 1, mark)

    def once(self, step: Step, place: Place, stride: int, mark: int | None = None) -> None:
        match step:
            case Phrase():
                self.run([step], place)
            case Group(signs="[]") if self.bracket(place) is not None:
                block = self.bracket(place)
                assert block is not None
                self.use(Use(block, {}, "", step), place, stride)
            case Group():
                self.group(step, place, stride)
            case Use():
                self.use(step, place, stride)
            case Word(word="body"):
                assert place.body is not None
                group, outer, inside = place.body
                inner = replace(outer, is_last=place.is_last, ends=place.ends, is_branch=False,
                                carried=place.carried, in_product=place.in_product)  # fmt: skip
                self.group(group, inner, inside)
            case Word(word="shortcut"):
                self.shortcut(step.option or self.network.shortcut or "B", place)
            case Word():
                pass
            case Side(lines=lines):
                self.lines(lines, replace(place, is_last=True, ends=False))
            case Join():
                self.join(step, place)
            case LabelJoin(kind=kind, labels=labels):
                ends = [self.current, *(place.labels[label] for label in labels)]
                if self.current in ends[1:]:
                    raise Refused("a join of the current value with itself")
                moved = [] if mark is None else self.moved[mark:]
                if moved:
                    del self.moved[mark:]
                self.joined(kind, ends)
                self.after_sum(moved)
            case Reference():
                raise AssertionError

    def bracket(self, place: Place) -> Block | None:
        return None if place.is_branch or place.ships else self.network.bracket

    # Groups and blocks.

    def group(self, group: Group, place: Place, stride: int) -> None:
        place = replace(place, is_branch=False, outer=place.outer or self.shape[0])
        if stride == 1:
            self.lines(group.lines, place)
            return
        link = group.lines[0].links[0]
        if len(group.lines) == 1 and len(group.lines[0].links) == 1 and link.stride == 1:
            if isinstance(link.step, Group | Use) and leads_to_block(link.step):
                # Around a block: the block's.
                self.repeated(Link(link.step, link.repeat, stride), place, None)
                return
        carried = Carried(stride, self.shape)
        if self.network.stride_on == "last":
            carried.carrier = [*convolutions(group.lines)][-1]
        self.lines(group.lines, replace(place, carried=carried))
        if not carried.done:
            raise Refused("no layer carries the stride")

    def use(self, use: Use, place: Place, stride: int) -> None:
        block = use.block
        names = {**block.parameters, **{n: value(v, place.names) for n, v in use.values.items()}}
        takes = next((name for name in ("stride", "s") if name in block.parameters), "")
        if takes and stride > 1:
            names[takes] = stride
            stride = 1
        names["_in"] = self.shape[0]
        outer = replace(place, outer=place.outer or self.shape[0])
        inner = Place(
            names=names,
            is_last=place.is_last,
            ends=place.ends,
            carried=place.carried,
            ships=block.ships,
            in_product=place.in_product,
            body=None if use.body is None else (use.body, outer, stride),
            target=place.target,
        )
        self.lines(block.lines, inner)

    def shortcut(self, option: str, place: Place) -> None:
        assert place.target is not None
        (width, *_), stride = place.target
        changes = stride != 1 or width != self.shape[0]
        if option == "A":
            if stride != 1:
                shape = (self.shape[0], *(-(-n // stride) for n in self.shape[1:]))
                self.put("subsample", {"stride": stride}, (self.current,), shape)
            if width < self.shape[0]:
                raise Refused("fewer channels")
            if width != self.shape[0]:
                self.put("channelpad", {}, (self.current,), (width, *self.shape[1:]))
        elif option == "C" or changes:
            # A projection ends without an activation, whatever the convention.
            layer = conv(width, stride=stride)
            waiting = len(self.moved)
            self.run([Phrase([layer])], Place(ends=True, ships=True))
            del self.moved[waiting:]

    # Joins.

    def join(self, join: Join, place: Place) -> None:
        entry, waiting = self.current, len(self.moved)
        lines = [line for line in join.lines if holds(line, place)]
        after = False
        if join.kind == "add":
            said = "" if join.ships else join.activation
            after = (said or self.network.activation or join.activation) == "after"
        labels = dict(place.labels)
        inner = replace(place, is_last=False, ends=after, is_branch=True, target=None,
                        outer=place.outer or self.shape[0],
                        in_product=place.in_product or join.kind == "multiply")  # fmt: skip
        ends: dict[int, int] = {}
        # The shortcut comes last: it leads to the shape of the other branch.
        for index in sorted(range(len(lines)), key=lambda i: is_shortcut(lines[i])):
            self.current, branch = entry, replace(inner, labels=labels)
            if is_shortcut(lines[index]):
                (other,) = ends.values()
                stride = self.stride_between(entry, other)
                branch = replace(branch, carried=None, target=(self.nodes[other].shape, stride))
            self.line(lines[index], branch)
            ends[index] = self.current
        if len(lines) > 1:
            self.joined(join.kind, [ends[index] for index in range(len(lines))])
        moved = self.moved[waiting:]
        del self.moved[waiting:]
        is_own = not join.ships and "_in" not in place.names  # not of a block
        if join.activation == "after" and is_own and len(lines) > 1 and not moved:
            raise Refused("`activation after` moves nothing")
        self.after_sum(moved)

    def stride_between(self, start: int, end: int) -> int:
        before, after = self.nodes[start].shape[1:], self.nodes[end].shape[1:]
        node, stride = end, 1
        while node != start:  # along the first inputs
            stride *= self.nodes[node].values.get("stride", 1)
            if not self.nodes[node].inputs:
                raise Refused("not on the path")
            node = self.nodes[node].inputs[0]
        if tuple(-(-n // stride) for n in before) != after:
            raise Refused("a shortcut next to another stride")
        return stride

    def joined(self, kind: str, ends: Sequence[int]) -> None:
        shapes = [self.nodes[end].shape for end in ends]
        shape = shapes[0]
        if kind == "concat":
            if len({one[1:] for one in shapes}) > 1:
                raise Refused("sizes differ")
            shape = (sum(one[0] for one in shapes), *shape[1:])
        elif kind == "multiply":
            shape = max(shapes, key=math.prod)
            for one in shapes:
                if one != shape and not (one[0] == shape[0] and set(one[1:]) == {1}):
                    if not (one[0] == 1 and one[1:] == shape[1:]):
                        raise Refused("not a gate")
        elif len(set(shapes)) > 1:
            raise Refused("shapes differ")
        self.put(kind, {}, tuple(ends), shape)

    def after_sum(self, moved: Sequence[Layer]) -> None:
        if len({one.kind for one in moved}) > 1:
            raise Refused("branches end in different activations")
        if moved:
            self.layer(moved[0], dict(moved[0].values))

    # Layers.

    def run(self, phrases: Sequence[Phrase], place: Place) -> None:
        """The layers of phrases that a line chains, with their companions."""
        dressed = Dressed(phrases, self.network.rules, place)
        if place.ends:
            self.moved += dressed.without_last_activation()
        for index, one in enumerate(dressed.found):
            if one.layer.kind in WEIGHTS:
                values = self.attributes(one.layer, place, one.values)
                after = dressed.found[index + 1 : index + 2]
                if after and after[0].layer.kind == "bn" and not after[0].conventional:
                    values.setdefault("bias", False)  # a written `Conv-BN`
                values.setdefault("bias", True)
            else:
                values = {n: value(v, place.names) for n, v in one.layer.values.items()}
            self.layer(one.layer, values)

    def attributes(
        self, layer: Layer, place: Place, conventional: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The attributes of a weight layer: what it prints wins over what the convention says."""
        names = {**place.names, "_in": place.names.get("_in", self.shape[0])}
        reads_in = any("_in" in one for one in layer.values.values() if isinstance(one, str))
        if "_in" not in place.names and reads_in and place.outer not in (0, self.shape[0]):
            raise Refused("two meanings of `in`")
        given = {name: value(one, names) for name, one in layer.values.items()}
        values = {**conventional, **given}
        carried = place.carried
        if carried is not None and not carried.done and layer.kind in CONVOLUTIONS:
            on = self.network.stride_on
            fits = layer.kind != "upconv" and values["kernel"] == 3 if on == "3x3" else True
            is_point = set(self.shape[1:]) <= {1}
            if fits and carried.carrier in (None, layer) and not (is_point and place.in_product):
                if is_point and carried.value > 1 and set(carried.entering[1:]) != {1}:
                    raise Refused("a stride on a map of 1x1")
                if "stride" in given:
                    raise Refused("two strides")
                carried.done = True
                values["stride"] = carried.value
        if layer.kind == "dw":
            values.setdefault("width", self.shape[0])
            values["groups"] = self.shape[0]
        if layer.kind == "conv" or layer.kind == "dw":
            kernel, dilation = values["kernel"], values.get("dilation", 1)
            pad = values.get("pad")
            if pad is None:
                pad = self.network.padding or "same"
                pad = "valid" if kernel % 2 == 0 else pad
            same = dilation * (kernel - 1) // 2
            values["pad"] = {"same": same, "valid": 0}.get(pad, pad)
        elif layer.kind == "upconv":
            values["pad"] = 0
            values.setdefault("stride", 1)
        return values

    def layer(self, layer: Layer, values: dict[str, Any]) -> None:
        if layer.kind == "fc" and len(self.shape) > 1:
            self.put("flatten", {}, (self.current,), (math.prod(self.shape),))
        if layer.kind == "stochastic depth" and self.current == 0:
            raise Refused("the input itself is dropped")
        shape = shape_after(layer.kind, self.shape, values)
        self.put(layer.kind, values, (self.current,), shape)


@dataclass(eq=False)
class Dressing:
    """A layer among its companions, and whether a convention added it."""

    layer: Layer
    conventional: bool = False
    values: dict[str, Any] = field(default_factory=dict)


class Dressed:
    """The layers of chained phrases, with the companions that the conventions add."""

    def __init__(self, phrases: Sequence[Phrase], rules: Sequence[Rule], place: Place) -> None:
        self.rules, self.place = rules, place
        self.written = [(i, one) for i, phrase in enumerate(phrases) for one in phrase.layers]
        self.found = [Dressing(one) for _, one in self.written]
        heavy = [i for i, (_, one) in enumerate(self.written) if one.kind in WEIGHTS]
        output = heavy[-1] if place.is_last and heavy else -1
        if any(one.kind in ENDING for _, one in self.written[output + 1 :]):
            output = -1
        for index in heavy:
            rule = self.rule_of(self.written[index][1])
            if rule is not None and index != output:
                self.dress(rule, index, heavy)

    def rule_of(self, layer: Layer) -> Rule | None:
        """The most specific convention; `conv` selects depthwise convolutions too."""
        kind = "conv" if layer.kind == "dw" else layer.kind
        kernel = value(layer.values.get("kernel"), self.place.names)
        found = [r for r in self.rules if r.kind == kind and r.kernel in (None, kernel)]
        return max(found, key=lambda rule: rule.kernel is not None) if found else None

    def index_of(self, layer: Layer) -> int:
        return next(i for i, one in enumerate(self.found) if one.layer is layer)

    def dress(self, rule: Rule, index: int, heavy: Sequence[int]) -> None:
        """Put the companions of a convention around a layer.

        What the layer's own phrase writes replaces the companion of its role. What the chain writes
        further on replaces only its own kind, and what it writes belongs to the weight layer
        before it.
        """
        phrase, layer = self.written[index]
        until = next((i for i in heavy if i > index), len(self.written))
        near = [one for p, one in self.written if p == phrase and one is not layer]
        beyond = [one for p, one in self.written[index + 1 : until] if p > phrase]
        ahead = [one for p, one in self.written[:index] if p < phrase] if index == heavy[0] else []
        dressing = self.found[self.index_of(layer)]
        left_out = {one.kind for one in (*near, *ahead)} | {one.role for one in near} - {""}
        left_out |= {*layer.removed}

        def is_added(companion: Layer, also: set[str]) -> bool:
            names = {"*", companion.kind, companion.role}
            return names.isdisjoint(left_out | also)

        after = [one for one in near if self.index_of(one) > self.index_of(layer)]
        norms, previous = [], layer
        for companion in rule.after:
            other = replacing(rule, companion, after, beyond)
            if is_added(companion, {one.kind for one in beyond}):
                other = replace(companion)
                self.found.insert(self.index_of(previous) + 1, Dressing(other, True))
            if other is not None:
                previous = other
                norms.append(other.kind)
        following = layer
        for companion in reversed(rule.before):
            other = replacing(rule, companion, (), ahead[::-1])
            if is_added(companion, set()):
                other = replace(companion)
                self.found.insert(self.index_of(following), Dressing(other, True))
                following = other
            if other is not None:
                norms.append(other.kind)
        if rule.bias or "bn" in norms:
            dressing.values["bias"] = rule.bias

    def without_last_activation(self) -> list[Layer]:
        """The conventional activation at the end, taken out: it follows a sum instead."""
        end = len(self.found) - 1
        while end > 0 and self.found[end].layer.kind in WEAKENING:
            end -= 1
        last = self.found[end]
        if not last.conventional or last.layer.role != "activation":
            return []
        del self.found[end]
        return [last.layer]


def replacing(
    rule: Rule, companion: Layer, near: Sequence[Layer], beyond: Sequence[Layer]
) -> Layer | None:
    """What a line writes in place of a companion, unless something foreign stands before it."""
    for one in (*near, *beyond):
        role = one.role if one in near else ""
        like = [c for c in rule.companions if c.kind == one.kind or (role and c.role == role)]
        if companion in like:
            return one
        if not like:
            return None
    return None


def value(text: Any, names: Mapping[str, Number]) -> Any:
    """A number, or the value of arithmetic on names; `_in` is what a text writes as `in`."""
    if not isinstance(text, str) or text in ("same", "valid"):
        return text
    return eval(text, {"max": max, "min": min, "int": int}, dict(names))


def holds(line: Line, place: Place) -> bool:
    return bool(value(line.only, place.names))


def repetitions(link: Link) -> list[Link]:
    """A repeated phrase with weights as that many phrases of the chain."""
    step, times = link.step, link.repeat
    if not isinstance(step, Phrase) or not isinstance(times, int):
        return [link]
    copies = [Phrase([replace(one) for one in step.layers]) for _ in range(times - 1)]
    return [Link(one) for one in (step, *copies)]


def is_shortcut(line: Line) -> bool:
    step = line.links[0].step
    return isinstance(step, Word) and step.word == "shortcut"


def starts_anew(line: Line) -> bool:
    return isinstance(line.links[0].step, Reference)


def leads_to_block(step: Group | Use) -> bool:
    """Whether a group holds one block with a stride of its own, and nothing else."""
    if isinstance(step, Use):
        return bool({"s", "stride"} & set(step.block.parameters))
    if len(step.lines) > 1 or len(step.lines[0].links) > 1 or step.lines[0].links[0].stride > 1:
        return False
    inner = step.lines[0].links[0].step
    return isinstance(inner, Group | Use) and leads_to_block(inner)


def convolutions(lines: Sequence[Line]) -> Iterator[Layer]:
    """The convolutions written in the lines of a group."""
    for step in (link.step for line in lines for link in line.links):
        match step:
            case Phrase(layers=layers):
                yield from (one for one in layers if one.kind in CONVOLUTIONS)
            case Group(lines=inner) | Use(body=Group(lines=inner)):
                yield from convolutions(inner)


def read_labels(lines: Sequence[Line]) -> Iterator[str]:
    for step in (link.step for line in lines for link in line.links):
        match step:
            case Reference(label=label):
                yield label
            case LabelJoin(labels=labels):
                yield from labels
            case Group(lines=inner) | Join(lines=inner) | Side(lines=inner):
                yield from read_labels(inner)
            case Use(body=Group(lines=inner)):
                yield from read_labels(inner)
