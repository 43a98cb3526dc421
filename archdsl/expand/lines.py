"""Lines, chains and repeats: their names, their guards, and which of them is the output.

`expand_lines` is where the recursion closes: groups and blocks hold lines again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from weakref import proxy

from archdsl.errors import ArchError
from archdsl.expand import printed_sizes
from archdsl.expand.block_uses import BlockExpander
from archdsl.expand.choices import BRACKET, PRINTED, SPANS
from archdsl.expand.context import Context
from archdsl.expand.conventions import NO_RULES, Companion
from archdsl.expand.graph_builder import Mark, Stretch
from archdsl.expand.groups import GroupExpander
from archdsl.expand.layers import LayerExpander
from archdsl.expand.line_names import kind_of, names_of, notation
from archdsl.expand.memo import Memo
from archdsl.expand.printed_sizes import Printed
from archdsl.expand.scopes import Frame, Link, Neighbours, Position
from archdsl.graph import Claimed, Section, Setting, Settled
from archdsl.graph import Side as SideHead
from archdsl.layers import Value
from archdsl.notation import ast
from archdsl.notation.ast import (
    BlockUse,
    Group,
    LabelJoin,
    LayerText,
    Line,
    ParsedPhrase,
    Placeholder,
    Reference,
    Side,
    ValueText,
)
from archdsl.syntax.ast import Item, Phrase

DEEPEST_GROUP = 100  # groups, joins and blocks within each other; each takes up to 9 calls
MOST_TRIED = 3_000_000  # layers walked to try what printed sizes ask for

Names = tuple[list[str], list[str]]  # the kinds of lines, and their names


class LineExpander:
    """Turns lines into nodes and sections."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.graph = context.graph
        self.conventions = context.conventions
        self.layers = LayerExpander(context)
        # Proxies: in a cycle, only Python's cyclic collector would free what they hold.
        self.groups = GroupExpander(context, proxy(self), self.layers)
        self.blocks = BlockExpander(context, proxy(self), self.groups)
        self.spent = 0  # layers walked to try what printed sizes ask for
        self.names_memo: Memo[Names] = Memo()
        self.trailing: dict[str, bool] = {}  # by block: whether it may follow the output layer
        self.passable: dict[str, bool] = {}  # by block: whether an activation may move past it

    def expand_lines(
        self, lines: Sequence[Line], position: Position, is_flat: bool = False
    ) -> None:
        """Append the lines whose guards hold; those of the network become sections.

        `is_flat`: the line of a block of one line needs no name of its own.
        """
        frame, labels = position.frame, position.labels.new_child()
        lines = [line for line in lines if frame.holds(line)]
        kinds, names = self.names(lines, position)
        row_rules = position.row_rules
        outputs = self.output_lines(lines, position) if position.last else ()
        end = self.end_line(lines) if position.ends_branch else -1
        sums = self.sums(lines) if self.conventions.activation == "after" else {}
        decides = self.conventions.decides
        moved: dict[int, int] = {}  # by the line of a sum: the activations before those it takes
        for index, (line, name) in enumerate(zip(lines, names, strict=True)):
            if not position.path:
                row_rules = self.conventions.rules_of_rows.get(line.item.rules, NO_RULES)
            inner = Position(
                path=position.path if is_flat and line.label is None else (*position.path, name),
                frame=frame,
                labels=labels,
                last=index in outputs,
                ends_branch=index == end or index in sums,
                moved=moved.get(index, -1),
                entry=self.context.entry_channels(position),
                outer=position.outer,
                # A paper that prints input sizes gives the output size of the line before.
                printed=self.printed_input(lines[index + 1 : index + 2]) if decides else None,
                stride=position.stride,
                row_rules=row_rules,
                within=position.within,
                factor=position.factor,
                depth=position.depth + 1,
            )
            entry = self.graph.current
            if index in sums:
                moved[sums[index]] = len(self.graph.activations)
            self.expand_line(line, kinds[index], inner)
            if line.is_reference and self.graph.current == entry and frame.definition is None:
                raise frame.fail(
                    f"`{notation(frame.source, line)}` is already the current value",
                    line.item,
                    "remove the line; for a layer of that name, rename the label",
                )
            if line.is_side:
                self.graph.current = entry
            elif line.label is not None:
                labels[line.label.text] = self.graph.label()

    def expand_line(self, line: Line, kind: str, position: Position) -> None:
        """Append a line, and record it."""
        graph, first, entry = self.graph, len(self.graph.nodes), self.graph.current
        inner, phrases = position, line.phrases
        if self.conventions.decides and (printed := printed_sizes.output_of(line)) is not None:
            inner = position._replace(printed=printed)
        if isinstance(phrases[0].composite, Reference):
            graph.current = self.groups.resolve(phrases[0].composite, inner)
            phrases = phrases[1:]  # the line is what follows the reference
            if phrases and position.frame.definition is None:
                inner = inner._replace(entry=0)
        repeat = 1
        if len(phrases) == 1:
            repeat = self.expand_phrase(Link(phrases[0], line.item.phrases[-1]), inner)
        elif phrases:
            self.expand_chain(phrases, line.item.phrases[-len(phrases) :], inner)
        self.record(line, kind, position, repeat, first, entry)

    def expand_chain(
        self, parsed: Sequence[ParsedPhrase], written: Sequence[Phrase], position: Position
    ) -> None:
        """Append the phrases of a chain `… -> …`, each like a line of its own."""
        links = [Line(Item((w,), ()), (p,), None) for w, p in zip(written, parsed, strict=True)]
        labels = position.labels.new_child()
        kinds, names = self.new_names(links, position)
        output = self.output_line(links, len(links) - 1) if position.last else -1
        end = self.end_line(links) if position.ends_branch else -1
        sized = next((i for i in reversed(range(len(links))) if _may_be_sized(links[i])), None)
        neighbours = _neighbours(parsed)
        for index, (link, name) in enumerate(zip(links, names, strict=True)):
            printed = position.printed if index == sized else None
            inner = position._replace(
                path=(*position.path, name),
                labels=labels,
                last=index == output,
                ends_branch=index == end,
                is_branch=False,
                printed=self.printed_output(link) or printed,
            )
            first, entry = len(self.graph.nodes), self.graph.current
            phrase = Link(link.phrases[0], link.item.phrases[0], neighbours[index])
            repeat = self.expand_phrase(phrase, inner)
            self.record(link, kinds[index], inner, repeat, first, entry)
            if link.label is not None:
                labels[link.label.text] = self.graph.label()

    # Records.

    def record(
        self, line: Line, kind: str, position: Position, repeat: int, first: int, entry: int
    ) -> None:
        """Keep what a line became: a section if it is the network's own, and its claims."""
        frame, graph = position.frame, self.graph
        # The sizes before the other phrases of a chain are claims about those phrases.
        size = line.phrases[0].claimed if len(line.phrases) == 1 else None
        claims = line.item.claims
        is_outermost = len(position.path) == 1 and frame.definition is None
        if not (is_outermost or claims or size or line.is_side):
            return
        text = notation(frame.source, line)
        section = Section(
            name=".".join(position.path),
            # The name and the weight of a side head are not part of its lines.
            notation=f"side {text[text.index('{') :]}" if line.is_side else text,
            kind=kind,
            repeat=repeat,
            first=first,
            last=len(graph.nodes),
            entry=graph.entry_of(first, entry),
            exit=graph.current,
        )
        if is_outermost:
            graph.sections.append(section)
            if line.item.spans:
                self.context.decide(SPANS, position.path, line.item, frame)
        if claims or size:
            claimed = Claimed(section, size, claims, line.item.start)
            (graph.claims if is_outermost else graph.inner_claims).append(claimed)
        if isinstance(side := line.phrases[0].composite, Side):
            weight = self.weight_of(side, frame)
            output = graph.logits(graph.current)
            graph.sides.append(SideHead(section, position.path, weight, output))

    def weight_of(self, side: Side, frame: Frame) -> float:
        if side.weight is None:
            return 1.0
        weight = ast.value_of(frame.source, side.weight, frame.names)
        if type(weight) not in (int, float) or not 0 < weight < math.inf:  # type: ignore[operator]
            raise frame.fail(
                f"a weight of {weight}", side.weight, "write a number above 0: `weight 0.3`"
            )
        return float(weight)  # type: ignore[arg-type]

    # Names.

    def names(self, lines: Sequence[Line], position: Position, are_branches: bool = False) -> Names:
        """The kinds and names of lines, computed once for lines that are expanded repeatedly."""
        if not position.within:
            return self.new_names(lines, position, are_branches)
        values = are_branches, self.context.bracket_of(position.frame) is None
        names = self.names_memo.get(
            lines, values, lambda: self.new_names(lines, position, are_branches)
        )
        self.graph.reserve(position.path, names[1])
        return names

    def new_names(
        self, lines: Sequence[Line], position: Position, are_branches: bool = False
    ) -> Names:
        bracket = self.context.bracket_of(position.frame)
        kinds = [
            kind_of(line, None if are_branches and len(line.phrases) == 1 else bracket)
            for line in lines
        ]
        names = names_of(position.frame.source, lines, kinds, are_branches)
        self.graph.reserve(position.path, names)
        return kinds, names

    # Phrases and repeats.

    def expand_phrase(self, link: Link, position: Position) -> int:
        """Append a phrase, and return how often it is repeated."""
        if position.printed is not None and link.parsed.composite is not None:
            return self.expand_sized(link, position, position.printed)
        return self.expand_repeats(link, position)

    def expand_once(self, link: Link, position: Position, stride: ValueText | None) -> None:
        """Append a phrase once. The order of the cases decides what a bracket is."""
        composite, frame = link.parsed.composite, position.frame
        if composite is None:
            self.layers.expand(link.parsed.layers, position, link.neighbours)
            return
        if position.depth > DEEPEST_GROUP:
            raise frame.fail(
                f"groups and blocks nested more than {DEEPEST_GROUP} deep",
                composite,
                "write the inner ones as lines of their own",
            )
        match composite:
            case BlockUse():
                self.blocks.expand(composite, position, stride)
            case Group(kind="bracket") if use := self.bracket_at(position):
                use = use._replace(body=composite, start=composite.start, end=composite.end)
                self.blocks.expand(use, position, stride)
            case Group(lines=()):
                raise frame.fail(
                    "an empty group"
                    if composite.kind in ("bracket", "braces")
                    else f"`{composite.kind}` has no branch",
                    composite,
                    "write its lines: `[ conv3-64; conv3-64 ]`, `add { identity; conv3-64 }`",
                )
            case Group(kind="bracket" | "braces"):
                if position.is_branch and composite.kind == "bracket":
                    self.decide_bracket(link.parsed, composite, position)
                # Outside blocks each line has an `in` of its own.
                outer = position.outer or position.entry or self.graph.channels
                inner = position._replace(entry=0, outer=outer)
                self.groups.expand_group(composite, inner, stride)
            case Side():
                self.groups.expand_side(composite, position)
            case Group(kind=name) | LabelJoin(kind=name) | Placeholder(word=name) if stride:
                raise frame.fail(
                    f"`{name}` does not take a stride",
                    stride,
                    "give it to the layers of the branches, or to a bracket: `[ … ] x 3, stride 2`",
                )
            case Placeholder(word="body"):
                self.blocks.expand_body(composite, position)
            case Placeholder(word="shortcut"):
                self.blocks.expand_shortcut(composite, position)
            case LabelJoin():
                self.groups.expand_label_join(composite, position)
            case Group():
                self.groups.expand_join(composite, position)

    def bracket_at(self, position: Position) -> BlockUse | None:
        """The block that a bracket stands for; one that is a branch of a join is a group."""
        return None if position.is_branch else self.context.bracket_of(position.frame)

    def decide_bracket(self, parsed: ParsedPhrase, group: Group, position: Position) -> None:
        """Record that a bracket which could be a block is a group, as a branch of a join."""
        use = self.context.bracket_of(position.frame)
        if use is None:
            return
        layers = (layer for one in ast.phrases_in(group.lines) for layer in one.layers)
        if parsed.repeat is not None or sum(1 for layer in layers if layer.kind.weighs) > 1:
            self.context.decide(BRACKET, position.path, group, position.frame, block=use.block)

    def expand_repeats(self, link: Link, position: Position) -> int:
        """Append the repetitions of a phrase, and return their number.

        The first carries the stride, and the last may be the output or end a branch. Between them
        repetitions are copied, as soon as one has an output of the shape of its input.
        """
        graph, neighbours = self.graph, link.neighbours
        if link.parsed.repeat is None:
            self.expand_once(link, position, link.parsed.stride)
            self.context.check_count(len(graph.nodes), link.phrase, position.frame)
            return 1
        repeat = self.repeat_of(link.parsed.repeat, position)
        has_end = position.last or position.ends_branch or bool(neighbours and neighbours.after)
        has_end = has_end or self.context.widens(position.path)
        first, index = len(graph.nodes), 0
        while index < repeat:
            is_first, is_final = index == 0, index == repeat - 1
            begin, awaits_carrier = graph.mark(), position.awaits_carrier
            inner = position._replace(
                path=(*position.path, str(index)),
                last=position.last and is_final,
                ends_branch=position.ends_branch and is_final,
                entry=graph.channels,
                within="a repeat" if repeat > 1 else position.within,
                factor=position.factor * repeat if is_first else position.factor,
            )
            if is_first and repeat > 1 and link.parsed.composite is None:
                self.layers.decide_repeated_stride(link.parsed.layers, repeat, position)
            once = link
            if neighbours is not None:
                once = link._replace(neighbours=neighbours.of_one(is_first, is_final))
            self.expand_once(once, inner, link.parsed.stride if is_first else None)
            if is_first:
                # The first repetition tells whether there is room for all.
                count = first + inner.factor * (len(graph.nodes) - first)
                self.context.check_count(count, link.phrase, position.frame)
            if len(graph.nodes) == begin.nodes:
                break  # the others add nothing either
            index += 1
            is_special = is_first and bool(link.parsed.stride or (neighbours and neighbours.before))
            is_special |= awaits_carrier and not position.awaits_carrier
            if not is_special and self.is_repeatable(begin):
                stretch = Stretch(inner.path, (0, 0), begin, graph.mark())
                for copy in range(index, repeat - has_end):
                    graph.copy(stretch, (*position.path, str(copy)), (0, 0))
                index = max(index, repeat - has_end)
        return repeat

    def is_repeatable(self, begin: Mark) -> bool:
        """Whether what was built since a mark can be copied to follow itself."""
        shape = self.graph.nodes[begin.current].shape
        return self.graph.shape == shape and not self.graph.reads_entry_by_label(begin)

    def repeat_of(self, text: ValueText, position: Position) -> int:
        """How often a phrase is repeated."""
        frame = position.frame
        value = ast.value_of(frame.source, text, self.context.names_at(position, [text]))
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise frame.fail(f"a repeat of {value}", text, "repeat a whole number of times, from 1")
        return value

    # Printed sizes.

    def printed_output(self, line: Line) -> Printed | None:
        """The printed size of a line's output, if sizes decide anything."""
        return printed_sizes.output_of(line) if self.conventions.decides else None

    def printed_input(self, lines: Sequence[Line]) -> Printed | None:
        """The printed size of the first line's input."""
        return printed_sizes.input_of(lines[0]) if lines else None

    def expand_sized(self, link: Link, position: Position, printed: Printed) -> int:
        """Append a group or a block as it is written, or with the stride that leads to the printed
        size if only that does."""
        graph, parsed = self.graph, link.parsed
        position, x = position._replace(printed=None), graph.shape
        if self.context.paper_settings is not None:
            settled = self.context.paper_settings.of(position.path, parsed.start)
            if settled is not None:
                graph.settled.append(settled._replace(path=position.path))
                self.decide_size(settled, position, parsed)
                link = _with_stride(link, settled.settings[0].value)
            return self.expand_repeats(link, position)
        stride = self.stride_to_try(parsed, position, printed)
        if stride is None:
            return self.expand_repeats(link, position)
        for attempt in (link, _with_stride(link, stride)):
            self.check_spent(link, position)
            begin, repeat = graph.mark(), 0
            with suppress(ArchError):
                repeat = self.expand_repeats(attempt, position)
            self.spent += len(graph.nodes) - begin.nodes
            if repeat and printed.is_of(graph.shape):
                if attempt is not link:
                    settings = (Setting("group", 0, "stride", stride),)
                    place = parsed.start, parsed.end
                    settled = Settled(position.path, settings, x, printed.text, *place)
                    graph.settled.append(settled)
                    self.decide_size(settled, position, parsed)
                return repeat
            graph.rollback(begin)
        return self.expand_repeats(link, position)

    def decide_size(self, settled: Settled, position: Position, parsed: ParsedPhrase) -> None:
        assert parsed.composite is not None
        values = {"what": settled.what, "printed": settled.printed}
        self.context.decide(PRINTED, position.path, parsed.composite, position.frame, **values)

    def stride_to_try(
        self, parsed: ParsedPhrase, position: Position, printed: Printed
    ) -> Value | None:
        """The stride that leads to a printed size, if sizes may give the phrase one."""
        if "stride" not in self.conventions.decides or not printed_sizes.takes_stride(parsed):
            return None
        if position.awaits_carrier or position.frame.has_stride:
            return None  # the text gives one
        return printed_sizes.stride_of(self.graph.shape, printed)

    def check_spent(self, link: Link, position: Position) -> None:
        """Refuse to try printed sizes again and again: groups within groups double the work."""
        self.spent += len(self.graph.nodes) + 1000
        if self.spent > MOST_TRIED:
            raise position.frame.fail(
                "too many printed sizes that no stride leads to",
                link.phrase,
                "give these groups their strides, or remove the sizes",
            )

    # The output layer.

    def output_lines(self, lines: Sequence[Line], position: Position) -> Collection[int]:
        """The lines that may hold an output layer: the last, or those that `output` names."""
        if position.path or not self.context.outputs:
            return {self.output_line(lines, len(lines) - 1)}
        named = (
            index
            for index, line in enumerate(lines)
            if line.label is not None and line.label.text in self.context.outputs
        )
        # A line reads the one before it, unless it begins with a reference.
        ends = [i for i in named if i + 1 == len(lines) or _begins_anew(lines[i + 1])]
        return {self.output_line(lines, end) for end in ends}

    def output_line(self, lines: Sequence[Line], end: int) -> int:
        """The line that may hold the output layer of the line `end`: the last one with a weight
        layer, if nothing else reads its value; -1 if there is none."""
        index = _last_line(lines, end, self.may_trail)
        labels = {line.label.text for line in lines[index : end + 1] if line.label is not None}
        return -1 if labels.intersection(ast.references(lines[index + 1 :])) else index

    def may_trail(self, parsed: ParsedPhrase) -> bool:
        """Whether a phrase holds only what may follow the output layer: softmax and such."""
        match parsed.composite:
            case None:
                return all(one.kind.trails and not one.kind.weighs for one in parsed.layers)
            case Group(kind="bracket" | "braces", lines=lines):
                return self.all_may_trail(lines)
            case Placeholder(word=word):
                return word == "identity"
            case Side():
                return True
            case BlockUse(block=block, body=None):
                return self.of_block(block, self.trailing, self.all_may_trail)
            case _:
                return False

    def all_may_trail(self, lines: Sequence[Line]) -> bool:
        return all(self.may_trail(parsed) for line in lines for parsed in line.phrases)

    def of_block(
        self, name: str, known: dict[str, bool], test: Callable[[Sequence[Line]], bool]
    ) -> bool:
        """Whether a test holds for the lines of a block, found once."""
        if name not in known:
            known[name] = False  # ends the recursion of a block that uses itself
            known[name] = test(self.context.blocks.lines(self.context.blocks[name]))
        return known[name]

    # Activations that move after a sum.

    def end_line(self, lines: Sequence[Line]) -> int:
        """The last line that an activation cannot move past."""
        return _last_line(lines, len(lines) - 1, self.lets_pass)

    def lets_pass(self, parsed: ParsedPhrase) -> bool:
        """Whether an activation could move past everything in a phrase: `identity`, a constant
        factor, a dropout or a gate."""
        match parsed.composite:
            case Placeholder(word="identity") | Side():
                return True
            case Group(kind="bracket" | "braces", lines=lines):
                return self.all_let_pass(lines)
            case Group(kind="multiply", lines=lines):
                return any(map(_is_identity, lines))
            case BlockUse(block=block, body=None):
                return self.of_block(block, self.passable, self.all_let_pass)
            case None:
                return all(layer.kind.weakens for layer in parsed.layers)
            case _:
                return False

    def all_let_pass(self, lines: Sequence[Line]) -> bool:
        return all(self.lets_pass(parsed) for line in lines for parsed in line.phrases)

    def sums(self, lines: Sequence[Line]) -> dict[int, int]:
        """The lines whose activation follows a sum `add c1` further down, with that of the sum. A
        line whose own value is read by its label keeps its activation."""
        sums = {}
        for index, line in enumerate(lines):
            match line.phrases[0].composite:
                case LabelJoin(kind="add") if index and len(line.phrases) == 1:
                    end = _last_line(lines, index - 1, self.lets_pass)
                    labels = {one.label.text for one in lines[end:index] if one.label is not None}
                    if not labels.intersection(ast.references(lines[end + 1 :])):
                        sums[end] = index
        return sums


def _with_stride(link: Link, stride: Value) -> Link:
    text = ValueText(stride, link.parsed.start, link.parsed.end)
    return link._replace(parsed=link.parsed._replace(stride=text))


def _neighbours(phrases: Sequence[ParsedPhrase]) -> list[Neighbours]:
    """What a chain writes around each of its phrases."""
    layers = [
        None if one.composite is not None or (one.repeat and not _weighs(one)) else one.layers
        for one in phrases
    ]
    before = _passed(layers)
    backwards = _passed([one and one[::-1] for one in reversed(layers)])
    after = [passed[::-1] for passed in reversed(backwards)]
    waiting: list[Companion] = []
    return [Neighbours(*pair, waiting) for pair in zip(before, after, strict=True)]


def _weighs(parsed: ParsedPhrase) -> bool:
    return any(layer.kind.weighs for layer in parsed.layers)


def _passed(phrases: Sequence[tuple[LayerText, ...] | None]) -> list[tuple[LayerText, ...]]:
    """The layers that a walk along a chain has passed at each phrase, since the last group or
    repeat, which are None, or the last phrase with a weight layer."""
    passed = []
    before: tuple[LayerText, ...] = ()
    for layers in phrases:
        passed.append(before)
        if layers is None:
            before = ()
        elif any(layer.kind.weighs for layer in layers):
            before = layers  # what is beyond belongs to its weight layer
        else:
            before += layers
    return passed


def _may_be_sized(link: Line) -> bool:
    """Whether a printed size may settle something in a link of a chain."""
    (parsed,) = link.phrases
    return parsed.composite is not None or any(map(printed_sizes.slides, parsed.layers))


def _begins_anew(line: Line) -> bool:
    """Whether a line reads a label, not the value of the line before."""
    return isinstance(line.phrases[0].composite, Reference)


def _last_line(lines: Sequence[Line], end: int, is_passed: Callable[[ParsedPhrase], bool]) -> int:
    """The index of the last line up to `end` with a phrase that is not passed over."""
    while end > 0 and all(map(is_passed, lines[end].phrases)):
        end -= 1
    return end


def _is_identity(line: Line) -> bool:
    match line.phrases:
        case (ParsedPhrase(composite=Placeholder(word="identity")),):
            return True
    return False
