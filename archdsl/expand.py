"""Syntax to graph: conventions, repeats, parameters and defaults become layers with shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from archdsl import expressions, phrases
from archdsl.conventions import Rule, apply, without_bias
from archdsl.errors import ArchError, Note, Span
from archdsl.expressions import Expression, Number
from archdsl.graph import Graph, Node, Section
from archdsl.layers import (
    BatchNorm,
    Flatten,
    FullyConnected,
    Input,
    Layer,
    LayerError,
    Misfit,
    Shape,
    Softmax,
    Value,
)
from archdsl.names import is_reserved
from archdsl.parameters import declarable, values_of
from archdsl.phrases import Given, LayerText, Reading
from archdsl.syntax import Item, Let, Means, NetworkText, Padding, Part, Phrase, Statement

MOST_LAYERS = 1_000_000  # of a network
MOST_ERRORS = 20  # shown at once

_ONCE = "a statement holds for the whole network: say it once"


def expand(
    network: NetworkText,
    parameters: Mapping[str, Number] | None = None,
    input: Sequence[int] | None = None,
) -> Graph:
    """The graph of a network.

    `parameters` replace the defaults of the network's own; `input` (H, W) or (H, W, C) replaces
    the size of its input. Raises ArchError for everything that is wrong with the text.
    """
    graph = _Expansion(network, parameters or {}, input).graph()
    graph.check()
    return graph


class _Expansion:
    def __init__(
        self,
        network: NetworkText,
        parameters: Mapping[str, Number],
        input: Sequence[int] | None,
    ) -> None:
        self.network = network
        self.override = input
        self.names = values_of(network, parameters)
        self.padding = "same"
        self.padding_said = False
        self.factor = 1  # how often what is being expanded will stand in the network
        self.taken: dict[tuple[str, ...], set[str]] = {}  # names by scope
        self.rules: list[Rule] = []
        self.readings: dict[int, Reading] = {}  # by the start of the phrase
        # What a chain writes in front of a phrase and behind it, by the start of the phrase.
        self.front: dict[int, tuple[LayerText, ...]] = {}
        self.behind: dict[int, tuple[LayerText, ...]] = {}
        self.nodes: list[Node] = []
        self.sections: list[Section] = []
        self.inner: list[Section] = []
        self.bare: tuple[int, int] | None = None  # the output layer: phrase and index

    def fail(
        self, message: str, where: Part | Phrase | LayerText | Given | Item, help: str | None = None
    ) -> ArchError:
        return ArchError(message, self.network.span(where.start, where.end), help=help)

    # The network.

    def graph(self) -> Graph:
        items = [s for s in self.network.statements if isinstance(s, Item)]
        self.read(items)
        if not items:
            raise ArchError(
                f"the network {self.network.name or self.network.source.name} has no layers",
                self._whole(),
                help="write a layer a line: `conv3-64`, `maxpool`, `FC-10`",
            )
        first = self.readings[items[0].phrases[0].start]
        if not self.is_input(first):
            raise self.fail(
                "the network has no input",
                items[0],
                "write its size in front of the first layer: `input 224x224 RGB`",
            )
        layers = items[1:]
        self.neighbours(layers)
        self.input(items[0], first)
        if not layers:
            raise self.fail("the network has no layers", items[0], "write a layer a line")
        self.bare = self.output_layer(layers)
        self.expand_items(layers, (), last=True)
        return Graph(self.network, tuple(self.nodes), tuple(self.sections), tuple(self.inner))

    def _whole(self) -> Span:
        header = self.network.header
        return self.network.span(*((header.name.start, header.name.end) if header else (0, 0)))

    def read(self, items: Sequence[Item]) -> None:
        """Read every phrase and statement, and show the errors of all of them at once."""
        errors: list[ArchError] = []
        for lets in (True, False):
            for statement in self.network.statements:
                try:
                    self.statement(statement, lets)
                except ArchError as error:
                    errors.append(error)
        self.read_phrases(items, errors)
        if errors:
            raise ArchError.several(errors)

    def statement(self, statement: Statement, lets: bool) -> None:
        """A statement holds for the whole network, so each is made once; names come first."""
        match statement:
            case Let() if lets:
                name = declarable(self.network, statement.name)
                if name in self.names:
                    raise self.fail(f"`{name}` has a value already", statement.name, _ONCE)
                value = expressions.read(self.network, statement.value)
                self.names[name] = expressions.evaluate(value, self.names, self.network)
            case Padding() if not lets:
                if self.padding_said:
                    raise self.fail("a second `padding`", statement.mode, _ONCE)
                self.padding_said = True
                self.padding = statement.mode.text
            case Means() if not lets:
                rule = self.rule(statement)
                for other in self.rules:
                    if rule.selects(other.selector) and other.selects(rule.selector):
                        raise self.fail("a second convention for it", statement.left, _ONCE)
                self.rules.append(rule)

    def read_phrases(self, items: Iterable[Item], errors: list[ArchError]) -> None:
        for item in items:
            for phrase in item.phrases:
                try:
                    reading = phrases.read(self.network, phrase, self.names.keys() | {"in"})
                except ArchError as error:
                    errors.append(error)
                    if len(errors) >= MOST_ERRORS:
                        return
                    continue
                self.readings[phrase.start] = reading
                if reading.group is not None:
                    if not reading.group:
                        errors.append(self.fail("an empty group", phrase))
                    self.read_phrases(reading.group, errors)

    def neighbours(self, items: Iterable[Item]) -> None:
        """What the phrases of a chain have written around them, up to a group or a repeat."""
        for item in items:
            for phrase in item.phrases:
                self.neighbours(self.readings[phrase.start].group or ())
            self.front |= self.passed(item.phrases, forwards=True)
            self.behind |= self.passed(item.phrases[::-1], forwards=False)

    def passed(self, order: Sequence[Phrase], forwards: bool) -> dict[int, tuple[LayerText, ...]]:
        """What a walk along a chain has passed when it comes to each phrase, in written order."""
        found: dict[int, tuple[LayerText, ...]] = {}
        around: tuple[LayerText, ...] = ()
        for phrase in order:
            reading = self.readings[phrase.start]
            if reading.group is not None or reading.repeat:
                around = ()
                continue
            found[phrase.start] = around
            if any(layer.kind.weighs for layer in reading.layers):
                around = ()  # what stands beyond belongs to that layer
            around = (*around, *reading.layers) if forwards else (*reading.layers, *around)
        return found

    def rule(self, statement: Means) -> Rule:
        names = self.names.keys() | {"in"}
        left = phrases.read(self.network, statement.left, names)
        right = phrases.read(self.network, statement.right, names)
        if len(left.layers) != 1 or left.repeat or left.label:
            raise self.fail(
                "the left side of `means` selects one kind of layer",
                statement.left,
                "write `conv means conv-bn-relu`, or `1x1 conv means …`",
            )
        for side, reading in ((statement.left, left), (statement.right, right)):
            if reading.claimed or any(layer.struck for layer in reading.layers):
                raise self.fail(
                    "a convention holds layers alone", side, "leave `no …`, `bare` and claims out"
                )
        selector = self.evaluated(left.layers[0])
        same = [layer for layer in right.layers if layer.kind is selector.kind]
        if len(same) != 1 or right.repeat or right.label:
            raise self.fail(
                f"the right side of `means` holds `{selector.kind.kind}` once: "
                "there the selected layer stands",
                statement.right,
                f"write `{selector.kind.kind} means {selector.kind.kind}-bn-relu`, …",
            )
        return Rule(selector, right.layers)

    # The input.

    def is_input(self, reading: Reading) -> bool:
        return bool(reading.layers) and issubclass(reading.layers[0].kind, Input)

    def input(self, item: Item, reading: Reading) -> None:
        layer = reading.layers[0]
        section = Section(
            "input", "input", "input", 1, 0, 1, item.claims, None, item.start, item.end
        )
        if reading.claimed is not None and "lengths" in layer.given:
            section = section._replace(size=reading.claimed)
        elif reading.claimed is not None:
            # CS231n's `[227x227x3] INPUT`.
            numbers = tuple(map(int, reading.claimed.text.replace("×", "x").split("x")))
            given = Given(numbers, reading.claimed.start, reading.claimed.end)
            layer = layer._replace(given={**layer.given, "lengths": given})
        if len(reading.layers) > 1 or reading.repeat or len(item.phrases) > 1:
            raise self.fail("the input stands alone on its line", item)
        op = self.settle(layer, ())
        assert isinstance(op, Input)
        if section.claims or section.size:
            self.inner.append(section)
        if self.override is not None:
            op = self.overridden(op, self.override)
        self.nodes.append(Node(op, (), ("input",), op.shape, item.start, item.end))

    def overridden(self, op: Input, sizes: Sequence[int]) -> Input:
        if (
            not isinstance(sizes, list | tuple)
            or not all(type(n) is int for n in sizes)
            or not 0 < len(sizes) < 4
        ):
            raise ArchError(f"`input={sizes!r}` is no size", help="give (H, W) or (H, W, C)")
        given: dict[str, Value] = {"lengths": tuple(sizes)}
        if op.channels and len(sizes) == len(op.lengths):
            given["channels"] = op.channels
        try:
            return Input.settle(given, (), self.padding)
        except LayerError as problem:
            raise ArchError(problem.message, help=problem.help) from None

    # Lines, phrases, layers.

    def expand_items(
        self,
        items: Sequence[Item],
        scope: tuple[str, ...],
        last: bool,
        entry: int | None = None,
    ) -> None:
        """Append the nodes of the lines; top-level lines become sections.

        `last` is false in all repetitions but the last: only there can the output layer stand.
        `entry` holds the channels that enter the line whose chain the items are.
        """
        names = self.names_of(items, scope)
        for item, name in zip(items, names, strict=True):
            path = (*scope, name)
            reading = self.readings[item.phrases[0].start]
            first = len(self.nodes)
            if len(item.phrases) == 1:
                repeat = self.expand_phrase(item.phrases[0], path, last, entry)
            else:
                repeat = 1
                chain = [Item((phrase,), ()) for phrase in item.phrases]
                self.expand_items(chain, path, last, entry or self.channels)
            section = Section(
                name=".".join(path),
                notation=self.notation(item),
                kind=self.kind_of(item),
                repeat=repeat,
                first=first,
                last=len(self.nodes),
                claims=item.claims,
                # The sizes in front of a chain's other phrases are claims of those.
                size=reading.claimed if len(item.phrases) == 1 else None,
                start=item.start,
                end=item.end,
            )
            if not scope:
                self.sections.append(section)
            elif section.claims or section.size:
                self.inner.append(section)

    def names_of(self, items: Sequence[Item], scope: tuple[str, ...]) -> list[str]:
        """A label, or `<kind><n>`, counted per kind through the lines of a scope."""
        labels: dict[str, Part] = {}
        for item in items:
            label = self.readings[item.phrases[0].start].label
            if label is not None and label.text in labels:
                first = labels[label.text]
                raise ArchError(
                    f"two lines are called `{label.text}`",
                    self.network.span(label.start, label.end),
                    notes=[Note("the first is here", self.network.span(first.start, first.end))],
                    help="give each line a name of its own",
                )
            if label is not None and is_reserved(label.text):
                raise self.fail(
                    f"no line can be called `{label.text}`",
                    label,
                    f"Python or torch uses the name: write `{label.text.strip('_')}1`",
                )
            if label is not None:
                labels[label.text] = label
        counts: Counter[str] = Counter()
        names = []
        for item in items:
            kind = self.kind_of(item)
            counts[kind] += 1
            label = self.readings[item.phrases[0].start].label
            name = label.text if label is not None else f"{kind}{counts[kind]}"
            while label is None and name in labels:
                counts[kind] += 1
                name = f"{kind}{counts[kind]}"
            names.append(name)
        self.taken.setdefault(scope, set()).update(names)
        return names

    def kind_of(self, item: Item) -> str:
        """The kind of the first weight layer, else of the first layer."""
        kinds = []
        for phrase in item.phrases:
            reading = self.readings[phrase.start]
            if reading.group is not None:
                return "group"
            kinds += [layer.kind for layer in reading.layers]
        return next((kind.kind for kind in kinds if kind.weighs), kinds[0].kind)

    def notation(self, item: Item) -> str:
        """The line as the paper writes it, without label, claims, comments and typography."""
        first, *rest = item.phrases
        start = self.readings[first.start].start
        return " -> ".join([self.text(first.parts, start), *(self.text(p.parts) for p in rest)])

    def text(self, parts: Sequence[Part], start: int = 0) -> str:
        """The text of parts; of a group, that of its lines."""
        source = self.network.source.text
        pieces: list[str] = []
        here = max(start, parts[0].start)
        for part in parts:
            if part.kind != "bracket" or part.start < start:
                continue
            inside: tuple[Item, ...] = part.inside  # type: ignore[assignment]
            lines = (" -> ".join(self.text(p.parts) for p in item.phrases) for item in inside)
            pieces += [source[here : part.start], f"[ {'; '.join(lines)} ]"]
            here = part.end
        pieces.append(source[here : parts[-1].end])
        return " ".join("".join(pieces).replace("**", "").replace("$", "").split())

    @property
    def channels(self) -> int:
        """The channels that enter what comes next."""
        return self.nodes[-1].shape[0]

    def expand_phrase(
        self, phrase: Phrase, path: tuple[str, ...], last: bool, entry: int | None = None
    ) -> int:
        reading = self.readings[phrase.start]
        repeat = self.repeat(reading.repeat)
        self.factor *= repeat
        first = len(self.nodes)
        for index in range(repeat):
            here = (*path, str(index)) if reading.repeat else path
            final = last and index == repeat - 1
            if reading.group is not None:
                self.expand_items(reading.group, here, final)
            else:
                self.expand_layers(phrase, reading.layers, here, final, entry or self.channels)
            if index == 0:
                self.check_count(first, phrase)
                # The other repetitions are counted: what they hold stands once each.
                self.factor //= repeat
        return repeat

    def repeat(self, given: Given | None) -> int:
        if given is None:
            return 1
        value = self.evaluate(given)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.fail(f"a repeat of {value}", given, "repeat a whole number of times, from 1")
        return value

    def check_count(self, first: int, phrase: Phrase) -> None:
        """Refuse a network too large before it is built: by its first repetitions."""
        if first + self.factor * (len(self.nodes) - first) > MOST_LAYERS:
            raise self.fail(
                f"more than {MOST_LAYERS:,} layers",
                phrase,
                f"archdsl expands networks of up to {MOST_LAYERS:,} layers",
            )

    def expand_layers(
        self,
        phrase: Phrase,
        layers: Sequence[LayerText],
        path: tuple[str, ...],
        last: bool,
        entry: int,
    ) -> None:
        chain: list[LayerText] = []
        for index, layer in enumerate(layers):
            layer = self.evaluated(layer, entry)
            written = self.written_beside(phrase, layers, index)
            is_output = last and self.bare == (phrase.start, index)
            chain += apply(self.network, self.rules, layer, written, is_output)
        # A written `Conv-BN`: the norm directly behind takes over the bias.
        following = [*chain[1:], *self.behind.get(phrase.start, ())[:1]]
        for index, (layer, after) in enumerate(zip(chain, following, strict=False)):
            if layer.kind.weighs and after.kind is BatchNorm:
                chain[index] = without_bias(layer)
        counts = Counter(layer.kind.kind for layer in chain)
        seen: Counter[str] = Counter()
        names = []
        for layer in chain:
            kind = layer.kind.kind
            seen[kind] += 1
            names.append(kind if counts[kind] == 1 else f"{kind}{seen[kind]}")
        self.taken.setdefault(path, set()).update(names)
        for layer, name in zip(chain, names, strict=True):
            self.append(layer, path if len(chain) == 1 else (*path, name), entry)

    def written_beside(
        self, phrase: Phrase, layers: Sequence[LayerText], index: int
    ) -> list[LayerText]:
        """The companions that the line itself writes for a layer: behind it, up to the next weight
        layer, and in front of the first weight layer."""
        front = [*self.front.get(phrase.start, ()), *layers[:index]]
        behind = [*layers[index + 1 :], *self.behind.get(phrase.start, ())]
        if any(layer.kind.weighs for layer in front):
            front = []
        return [*front, *takewhile(lambda layer: not layer.kind.weighs, behind)]

    def append(self, layer: LayerText, scope: tuple[str, ...], entry: int) -> None:
        x = self.nodes[-1].shape
        if issubclass(layer.kind, Input):
            raise self.fail("a second input", layer, "a network has one `input` line")
        if issubclass(layer.kind, FullyConnected) and len(x) > 1:
            flat = Flatten()
            self.add(flat, (*scope[:-1], self.free("flatten", scope[:-1])), flat.out(x), layer)
            x = self.nodes[-1].shape
        op = self.settle(layer, x, entry)
        try:
            shape = op.out(x)
        except LayerError as problem:
            raise self.misfit(problem, layer) from None
        self.add(op, scope, shape, layer)

    def free(self, name: str, scope: tuple[str, ...]) -> str:
        """The name, numbered where the scope has it already."""
        taken = self.taken.setdefault(scope, set())
        free, number = name, 2
        while free in taken:
            free, number = f"{name}{number}", number + 1
        taken.add(free)
        return free

    def add(self, op: Layer, scope: tuple[str, ...], shape: Shape, text: LayerText) -> None:
        self.nodes.append(Node(op, (len(self.nodes) - 1,), scope, shape, text.start, text.end))

    def misfit(self, problem: LayerError, layer: LayerText) -> ArchError:
        """What is wrong with a layer; where it does not fit its input, with the input's origin."""
        notes = []
        if isinstance(problem, Misfit):
            source = self.nodes[-1]
            notes.append(
                Note(
                    f"its input is {_hwc(source.shape)}, from here",
                    self.network.span(source.start, source.end),
                )
            )
        return ArchError(
            problem.message, self.network.span(layer.start, layer.end), notes, problem.help
        )

    def settle(self, layer: LayerText, x: Shape, entry: int = 0) -> Layer:
        values = {
            name: self.checked(layer, name, given, entry) for name, given in layer.given.items()
        }
        try:
            return layer.kind.settle(values, x, self.padding)
        except LayerError as problem:
            raise self.misfit(problem, layer) from None

    def evaluated(self, layer: LayerText, entry: int = 0) -> LayerText:
        """The layer with values in place of its expressions."""
        if not any(isinstance(given.value, Expression) for given in layer.given.values()):
            return layer
        given = {
            name: one._replace(value=self.checked(layer, name, one, entry))
            for name, one in layer.given.items()
        }
        return layer._replace(given=given)

    def checked(self, layer: LayerText, name: str, given: Given, entry: int) -> Value:
        """The value of an attribute. Values of the text were checked when they were read."""
        if not isinstance(given.value, Expression):
            return given.value
        try:
            return layer.kind.attributes[name].check(self.evaluate(given, entry))
        except LayerError as problem:
            raise self.fail(
                f"the {name} of `{layer.kind.kind}` {problem.message}", given, layer.kind.form()
            ) from None

    def evaluate(self, given: Given, entry: int = 0) -> Value:
        if not isinstance(given.value, Expression):
            return given.value
        names = {**self.names, "in": entry} if entry else self.names
        return expressions.evaluate(given.value, names, self.network)

    def output_layer(self, items: Sequence[Item]) -> tuple[int, int] | None:
        """The last weight layer, if only softmax or a flattening follows it: phrase and index."""
        for phrase, index, kind in self.backwards(items):
            if kind.weighs:
                return phrase.start, index
            if not issubclass(kind, Softmax | Flatten):
                return None
        return None

    def backwards(self, items: Sequence[Item]) -> Iterator[tuple[Phrase, int, type[Layer]]]:
        """Every layer of the lines, last first."""
        for item in reversed(items):
            for phrase in reversed(item.phrases):
                reading = self.readings[phrase.start]
                if reading.group is not None:
                    yield from self.backwards(reading.group)
                for index in reversed(range(len(reading.layers))):
                    yield phrase, index, reading.layers[index].kind


def _hwc(shape: Shape) -> str:
    return "x".join(map(str, (*shape[1:], shape[0])))
