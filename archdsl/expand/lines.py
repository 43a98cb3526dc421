"""Lines and repeats: names, guards, and what stands last."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from copy import copy
from typing import NamedTuple, Self

from archdsl.errors import ArchError
from archdsl.expand import printed_sizes
from archdsl.expand.conventions import NO_RULES
from archdsl.expand.layers import Builder
from archdsl.expand.line_names import kind_of, names_of, notation
from archdsl.expand.printed_sizes import Printed
from archdsl.expand.scopes import Around, Frame, Named, Spot, Values
from archdsl.graph import Node, Scope, Section, Setting, Settled, Side
from archdsl.notation import ast
from archdsl.notation.ast import (
    BlockUse,
    Composite,
    Group,
    LayerText,
    Line,
    ParsedPhrase,
    Placeholder,
    Reference,
    ValueText,
)
from archdsl.syntax import expressions
from archdsl.syntax.ast import Item, NetworkText, Phrase, Token
from archdsl.syntax.expressions import Number

# Of a network: a short text stands for no more; a long one for as many as it has room to write.
MOST_LAYERS = 120_000
SHORTEST = 4  # characters of a text for each layer beyond them
MOST_TRIED = 3_000_000  # layers copied to try what printed sizes ask for


class Mark(NamedTuple):
    """How far an expansion had come."""

    nodes: int
    here: int
    inner: int
    scopes: int
    referred: int
    labelled: int
    by_size: int


class Made(NamedTuple):
    """What an expansion has made, at a path, between two marks."""

    path: Scope
    place: tuple[int, int]
    first: Mark
    last: Mark


class Lines(Builder, ABC):
    """Expands lines, chains and repeats."""

    def __init__(self, network: NetworkText, names: dict[str, Number]) -> None:
        super().__init__(network, names)
        self.spent = 0  # on trying what printed sizes ask for
        self.factor = 1  # how often what is being expanded will stand in the network
        self.trailing: dict[str, bool] = {}  # of blocks: whether they may stand behind the output
        self.called: dict[Hashable, tuple[tuple[list[str], list[str]], Sequence[Line]]] = {}
        self.outputs: frozenset[str] = frozenset()  # the labels of the lines that `output` names

    @abstractmethod
    def expand_whole(self, composite: Composite, spot: Spot, stride: ValueText | None) -> None:
        """The nodes of what is composed of lines."""

    def expand_lines(self, lines: Sequence[Line], spot: Spot, flat: bool = False) -> None:
        """Append the nodes of the lines that stand; those of the network become sections.

        `flat`: a block of one line needs no name for it.
        """
        frame, labels = spot.frame, spot.labels.new_child()
        lines = [line for line in lines if self.stands(line, frame)]
        kinds, names = self.named(lines, spot)
        output, end = self.output_line(lines), _end_line(lines)
        for index, (line, name) in enumerate(zip(lines, names, strict=True)):
            path = spot.path if flat and line.label is None else (*spot.path, name)
            first, entry = len(self.nodes), self.here
            last = index == output
            if not spot.path:
                self.conventions.of_row = self.conventions.rules_of.get(line.item.rules, NO_RULES)
            if self.outputs and not spot.path:
                # With `output`, the last weight layer of each line that it names stays bare.
                last = line.label is not None and line.label.text in self.outputs
            repeat = self.expand_line(
                line,
                Spot(
                    path,
                    frame,
                    labels,
                    spot.last and last,
                    spot.sums and index == end,
                    spot.entry or self.channels,
                    # A paper that prints the inputs says what comes out of the line in front.
                    self.printed(printed_sizes.input_of, lines[index + 1 : index + 2])
                    if self.conventions.decides
                    else None,
                ),
            )
            if self.here == entry and line.is_reference and frame.definition is None:
                raise self.fail(
                    f"`{notation(frame.source, line)}` is what flows already",
                    line.item,
                    "strike the line; for a layer of that name, call the label otherwise",
                    frame.source,
                )
            self.tell(line, kinds[index], path, frame, repeat, first, entry)
            if line.is_side:
                self.here = entry
            elif line.label is not None:
                self.name(line.label, labels)

    def tell(
        self,
        line: Line,
        kind: str,
        path: Scope,
        frame: Frame,
        repeat: int,
        first: int,
        entry: int,
    ) -> None:
        """Keep what a line became: every line of the network, others for their claims."""
        # The sizes in front of a chain's other phrases are claims of those.
        size = line.phrases[0].claimed if len(line.phrases) == 1 else None
        outermost = len(path) == 1 and frame.definition is None
        if not (outermost or line.item.claims or size or line.is_side):
            return
        text = notation(frame.source, line)
        section = Section(
            name=".".join(path),
            # The name and the weight of a side head stand elsewhere.
            notation=f"side {text[text.index('{') :]}" if line.is_side else text,
            kind=kind,
            repeat=repeat,
            first=first,
            last=len(self.nodes),
            entry=self.entry_of(first, entry),
            exit=self.here,
            claims=line.item.claims,
            size=size,
            source=frame.source,
            start=line.item.start,
            end=line.item.end,
        )
        (self.sections if outermost else self.inner).append(section)
        if isinstance(side := line.phrases[0].composite, ast.Side):
            weight = self.weight_of(side, frame)
            self.sides.append(Side(section, path, weight, self.logits(self.here)))

    def entry_of(self, first: int, entry: int) -> int:
        """The node whose value enters what was made since `first`: what flows, unless only
        references are read."""
        if not self.referred:
            return entry
        read = {i for node in self.nodes[first:] for i in node.inputs if i < first}
        if not self.nodes[first:]:
            return self.here
        return entry if entry in read or not read else max(read)

    def logits(self, node: int) -> int:
        """The node in front of a trailing softmax, which is left to the loss."""
        while self.nodes[node].op.left_to_loss:
            (node,) = self.nodes[node].inputs
        return node

    def weight_of(self, side: ast.Side, frame: Frame) -> float:
        if side.weight is None:
            return 1.0
        weight = ast.value_of(frame.source, side.weight, frame.names)
        if type(weight) not in (int, float) or not 0 < weight < math.inf:  # type: ignore[operator]
            raise self.fail(
                f"a weight of {weight}", side.weight, "write a number above 0: `weight 0.3`"
            )
        return float(weight)  # type: ignore[arg-type]

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

    def bracket_of(self, frame: Frame) -> BlockUse | None:
        """What brackets stand for: in blocks, groups."""
        return self.conventions.bracket if frame.definition is None else None

    def named(
        self, lines: Sequence[Line], spot: Spot, branches: bool = False
    ) -> tuple[list[str], list[str]]:
        """The kinds of lines, and their names; of lines that come again they are found once."""
        if not self.within:
            return self.named_once(lines, spot, branches)
        bare = self.bracket_of(spot.frame) is None
        key = branches, bare, *map(id, lines)
        if key not in self.called:
            # The lines are held with them, so that no other takes their identity.
            self.called[key] = self.named_once(lines, spot, branches), lines
        named, _ = self.called[key]
        self.taken.setdefault(spot.path, set()).update(named[1])
        return named

    def named_once(
        self, lines: Sequence[Line], spot: Spot, branches: bool = False
    ) -> tuple[list[str], list[str]]:
        bracket = self.bracket_of(spot.frame)
        kinds = [kind_of(line, bracket) for line in lines]
        names = names_of(spot.frame.source, lines, kinds, branches)
        self.taken.setdefault(spot.path, set()).update(names)
        return kinds, names

    def expand_line(self, line: Line, spot: Spot) -> int:
        """The nodes of a line; how often it is repeated."""
        printed = self.printed(printed_sizes.output_of, [line]) or spot.printed
        spot = spot._replace(printed=printed)
        if isinstance(reference := line.phrases[0].composite, Reference):
            self.here = self.referred_to(reference, spot)
            if len(line.phrases) == 1:
                return 1
            # What goes on from the reference is the line.
            spot = spot._replace(entry=0 if spot.frame.definition is None else spot.entry)
            line = Line(Item(line.item.phrases[1:], ()), line.phrases[1:], None)
        if len(line.phrases) == 1:
            return self.expand_phrase(line.phrases[0], line.item.phrases[0], spot, None)
        links = [
            Line(Item((phrase,), ()), (parsed,), None)
            for phrase, parsed in zip(line.item.phrases, line.phrases, strict=True)
        ]
        fronts = _passed(line.phrases)
        behinds = [b[::-1] for b in _passed([_reversed(r) for r in line.phrases[::-1]])][::-1]
        spot = spot._replace(labels=spot.labels.new_child())
        kinds, names = self.named_once(links, spot)  # which are made anew each time
        output, end = self.output_line(links), _end_line(links)
        decided = next((i for i in reversed(range(len(links))) if _slides(links[i])), None)
        for index, (link, name) in enumerate(zip(links, names, strict=True)):
            path = (*spot.path, name)
            first, entry = len(self.nodes), self.here
            repeat = self.expand_phrase(
                link.phrases[0],
                link.item.phrases[0],
                Spot(
                    path,
                    spot.frame,
                    spot.labels,
                    spot.last and index == output,
                    spot.sums and index == end,
                    spot.entry,
                    self.printed(printed_sizes.output_of, [link])
                    or (printed if index == decided else None),
                ),
                Around(fronts[index], behinds[index]),
            )
            self.tell(link, kinds[index], path, spot.frame, repeat, first, entry)
            if link.label is not None:
                self.name(link.label, spot.labels)
        return 1

    def name(self, label: Token, labels: Values) -> None:
        """Let a label name what has been made."""
        labels[label.text] = Named(self.here, self.labelled)
        self.labelled += 1

    def referred_to(self, reference: Reference, spot: Spot) -> int:
        """The node of a reference."""
        named = spot.labels.get(reference.label)
        if named is None:
            raise self.fail(
                f"the line `{reference.label}` does not stand here",
                reference,
                "its condition does not hold, or it is a branch that is made after this one",
                spot.frame.source,
            )
        self.referred.append(named)
        return named.node

    # Repeats.

    def expand_phrase(
        self, parsed: ParsedPhrase, phrase: Phrase, spot: Spot, around: Around | None
    ) -> int:
        """The nodes of a phrase; how often it is repeated."""
        if spot.printed is not None and parsed.composite is not None:
            return self.expand_printed(parsed, phrase, spot, around, spot.printed)
        if parsed.repeat is None:
            self.expand_once(parsed, spot, around, parsed.stride)
            self.check_count(len(self.nodes), phrase, spot)
            return 1
        repeat = self.repeat(parsed.repeat, spot)
        if repeat > 1:
            self.within.append("a repeat")
        self.factor *= repeat
        first = len(self.nodes)
        index = 0
        while index < repeat:
            final = index == repeat - 1
            one = Spot(
                (*spot.path, str(index)),
                spot.frame,
                spot.labels,
                spot.last and final,
                spot.sums and final,
                self.channels,
                spot.printed,
            )
            begin = self.mark()
            carried = self.stride is not None and self.stride.taken
            beside = around and Around(
                around.front if index == 0 else (), around.behind if final else ()
            )
            self.expand_once(parsed, one, beside, parsed.stride if index == 0 else None)
            if index == 0:
                # Refused before it is built, by its first repetition.
                count = first + self.factor * (len(self.nodes) - first)
                self.check_count(count, phrase, spot)
                # The other repetitions are counted: what they hold stands once each.
                self.factor //= repeat
            if len(self.nodes) == begin.nodes:
                break  # nothing, however often
            index += 1
            strides = index == 1 and parsed.stride is not None
            strides |= self.stride is not None and self.stride.taken != carried
            strides |= index == 1 and around is not None and bool(around.front)
            if strides or self.nodes[self.here].shape != self.nodes[begin.here].shape:
                continue
            if self.is_entry_named(begin):
                continue  # the next repetition tells the two apart
            # A repetition that gives the shape that it takes: all behind it are alike.
            made = Made(one.path, (0, 0), begin, self.mark())
            ends = spot.last or spot.sums or (around is not None and bool(around.behind))
            while index < repeat - ends:
                self.copy(made, (*spot.path, str(index)), (0, 0))
                index += 1
        if repeat > 1:
            self.within.pop()
        return repeat

    # Printed sizes.

    def printed(
        self, size: Callable[[Line], Printed | None], lines: Sequence[Line]
    ) -> Printed | None:
        """The size that is printed of a line, where sizes decide."""
        return size(lines[0]) if lines and self.conventions.decides else None

    def expand_printed(
        self,
        parsed: ParsedPhrase,
        phrase: Phrase,
        spot: Spot,
        around: Around | None,
        printed: Printed,
    ) -> int:
        """The nodes of a group or a block: as it is written, or where only that gives the printed
        size, with the stride that leads there."""
        spot = spot._replace(printed=None)
        x, place = self.nodes[self.here].shape, (parsed.start, parsed.end)
        if self.kept is not None:
            kept = self.kept.of(spot.path, parsed.start)
            if kept is not None:
                self.by_size.append(kept._replace(path=spot.path))
                stride = ValueText(kept.settings[0].value, *place)
                parsed = parsed._replace(stride=stride)
            return self.expand_phrase(parsed, phrase, spot, around)
        decides = "stride" in self.conventions.decides and printed_sizes.takes_stride(parsed)
        needed = printed_sizes.stride_of(x, printed) if decides else None
        if needed is not None and not self.stride_waits(spot.frame):
            strided = parsed._replace(stride=ValueText(needed, *place))
            for option in (parsed, strided):
                self.charge(phrase, spot)
                try:
                    trial, repeat = self.tried(option, phrase, spot, around)
                except ArchError:
                    continue
                if printed.is_of(trial.nodes[trial.here].shape):
                    vars(self).update(vars(trial))
                    if option is strided:
                        settings = (Setting("group", 0, "stride", needed),)
                        self.by_size.append(Settled(spot.path, settings, x, printed.text, *place))
                    return repeat
        return self.expand_phrase(parsed, phrase, spot, around)

    def tried(
        self, parsed: ParsedPhrase, phrase: Phrase, spot: Spot, around: Around | None
    ) -> tuple[Self, int]:
        """The expansion with a phrase behind it, of which this one knows nothing."""
        trial = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, list | dict):
                setattr(trial, name, value.copy())
        trial.taken = {scope: set(names) for scope, names in self.taken.items()}
        try:
            return trial, trial.expand_phrase(parsed, phrase, spot, around)
        finally:
            self.spent = trial.spent + len(trial.nodes) - len(self.nodes)

    def charge(self, phrase: Phrase, spot: Spot) -> None:
        """Count what it costs to try something, and refuse what would never end."""
        self.spent += len(self.nodes) + 1000
        if self.spent > MOST_TRIED:
            raise self.fail(
                "too many printed sizes that nothing leads to",
                phrase,
                "give these groups their strides, or strike the sizes",
                spot.frame.source,
            )

    def stride_waits(self, frame: Frame | None) -> bool:
        """Whether a stride that the text gives is on its way to a layer."""
        if self.stride is not None and not self.stride.taken:
            return True
        while frame is not None:
            if frame.strides:
                return True
            frame = frame.body[1] if frame.body else None
        return False

    def mark(self) -> Mark:
        return Mark(
            nodes=len(self.nodes),
            here=self.here,
            inner=len(self.inner),
            scopes=len(self.scopes),
            referred=len(self.referred),
            labelled=self.labelled,
            by_size=len(self.by_size),
        )

    def is_entry_named(self, begin: Mark) -> bool:
        """Whether what has been made since a mark refers, by a label in front of the mark, to the
        value that flows into it: a copy could not tell the two apart."""
        referred = self.referred[begin.referred :]
        return any(one.node == begin.here and one.number < begin.labelled for one in referred)

    def expand_once(
        self, parsed: ParsedPhrase, spot: Spot, around: Around | None, stride: ValueText | None
    ) -> None:
        if parsed.composite is None:
            self.expand_layers(parsed.layers, spot, around)
        else:
            self.expand_whole(parsed.composite, spot, stride)

    def check_count(self, count: int, where: Phrase | Composite, spot: Spot) -> None:
        most = max(MOST_LAYERS, len(self.network.source.text) // SHORTEST)
        if count > most:
            raise self.fail(
                f"more than {most:,} layers",
                where,
                f"archdsl expands networks of up to {MOST_LAYERS:,} layers, "
                f"or of one for each {SHORTEST} characters of the text",
                spot.frame.source,
            )

    def copy(self, made: Made, path: Scope, place: tuple[int, int]) -> None:
        """Repeat what has been made, behind `here` and at another path and place.

        What entered it is what enters now; a reference to another node in front stays what it is.
        """
        first, last = made.first, made.last
        if last.nodes == first.nodes:
            return  # nothing, however often
        begin, depth = first.nodes, len(made.path)
        shift, entered, enters = len(self.nodes) - begin, first.here, self.here

        def there(node: int) -> int:
            if node >= begin:
                return node + shift
            return enters if node == entered else node

        for op, inputs, scope, shape, start, end in self.nodes[begin : last.nodes]:
            if len(inputs) == 1 and inputs[0] >= begin:
                moved: tuple[int, ...] = (inputs[0] + shift,)
            else:
                moved = tuple(map(there, inputs))
            if (start, end) == made.place:
                start, end = place
            self.nodes.append(Node(op, moved, path + scope[depth:], shape, start, end))
        for scope, name in self.scopes[first.scopes : last.scopes]:
            self.scopes.append((path + scope[depth:], name))
        for settled in self.by_size[first.by_size : last.by_size]:
            self.by_size.append(settled._replace(path=path + settled.path[depth:]))
        for section in self.inner[first.inner : last.inner]:
            own = section.name.split(".")[depth:]
            self.inner.append(
                section._replace(
                    name=".".join((*path, *own)),
                    first=section.first + shift,
                    last=section.last + shift,
                    entry=there(section.entry),
                    exit=there(section.exit),
                )
            )
        referred = self.referred[first.referred : last.referred]
        self.referred += (Named(there(node), number) for node, number in referred)
        self.here = there(last.here)

    def output_line(self, lines: Sequence[Line]) -> int:
        """The line in which the output layer may stand: behind it stand only softmax and such."""
        index = len(lines) - 1
        while index > 0 and all(map(self.trails, lines[index].phrases)):
            index -= 1
        return index

    def trails(self, parsed: ParsedPhrase) -> bool:
        """Whether a phrase holds only what may stand behind the output layer."""
        match parsed.composite:
            case None:
                return all(layer.kind.trails for layer in parsed.layers)
            case Group(kind="bracket" | "braces", lines=lines):
                return all(self.trails(r) for line in lines for r in line.phrases)
            case Placeholder(word=word):
                return word == "identity"
            case ast.Side():
                return True
            case BlockUse(block=block, body=None):
                if block not in self.trailing:
                    self.trailing[block] = False  # also of a block that uses itself
                    lines = self.blocks.lines(self.blocks[block])
                    self.trailing[block] = all(
                        self.trails(r) for line in lines for r in line.phrases
                    )
                return self.trailing[block]
            case _:
                return False

    def repeat(self, given: ValueText, spot: Spot) -> int:
        value = ast.value_of(spot.frame.source, given, self.names_at(spot))
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.fail(
                f"a repeat of {value}",
                given,
                "repeat a whole number of times, from 1",
                spot.frame.source,
            )
        return value


def _passed(phrases: Sequence[ParsedPhrase]) -> list[tuple[LayerText, ...]]:
    """What a walk along a chain has passed at each phrase, up to a group or a repeat."""
    found = []
    around: tuple[LayerText, ...] = ()
    for parsed in phrases:
        found.append(around)
        if parsed.composite is not None or parsed.repeat:
            around = ()
            continue
        if any(layer.kind.weighs for layer in parsed.layers):
            around = ()  # what stands beyond belongs to that layer
        around = (*around, *parsed.layers)
    return found


def _reversed(parsed: ParsedPhrase) -> ParsedPhrase:
    return parsed._replace(layers=parsed.layers[::-1])


def _slides(link: Line) -> bool:
    """Whether a printed size may settle something of a link of a chain."""
    (parsed,) = link.phrases
    return parsed.composite is not None or any(map(printed_sizes.slides, parsed.layers))


def _end_line(lines: Sequence[Line]) -> int:
    """The last line that an activation cannot move past: past `identity`, a constant factor or a
    dropout it can."""
    index = len(lines) - 1
    while index > 0 and all(_is_nothing(parsed) for parsed in lines[index].phrases):
        index -= 1
    return index


def _is_nothing(parsed: ParsedPhrase) -> bool:
    """Whether a phrase holds nothing that an activation could not move past."""
    match parsed.composite:
        case Placeholder(word="identity") | ast.Side():
            return True
        case Group(kind="bracket" | "braces") as group:
            return all(_is_nothing(r) for line in group.lines for r in line.phrases)
        case None:
            return all(layer.kind.weakens for layer in parsed.layers)
        case _:
            return False
