"""The one reader of every spelling: the parts of a phrase become layers.

Blanks, tight hyphens and commas join; a layer word begins a new layer; every other part belongs to
the nearest layer that takes it, left first. Every part is used exactly once: what nobody takes is
an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from archdsl import expressions, listings
from archdsl.errors import ArchError, Note, Source, did_you_mean
from archdsl.expressions import Expression
from archdsl.labels import WORDS, Labels, label_of
from archdsl.layers import REGISTRY, Conv, Input, Layer, LayerError, Value
from archdsl.options import Options
from archdsl.readings import (
    Blocks,
    Given,
    Group,
    Hole,
    LayerText,
    Line,
    Reading,
    Reference,
    Side,
)
from archdsl.syntax import Item, Part, Phrase
from archdsl.vocabulary import (
    ACTIVATION,
    NOISE,
    Words,
    fields_of,
    is_tight,
    runs,
    vocabulary,
    words_of,
)
from archdsl.wholes import FUSED, REPEAT, Wholes

MOST_ERRORS = 20  # shown at once
LONGEST = 500  # layers of a phrase, links of a chain
_LINES = "write a layer a line"


class _Layer:
    """A layer that still gathers its attributes."""

    def __init__(
        self, kind: type[Layer], start: int, end: int, given: dict[str, Given] | None = None
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.given = given or {}
        self.struck: set[str] = set()
        self.stands = True

    def freeze(self) -> LayerText:
        return LayerText(
            self.kind,
            self.given,
            frozenset(self.struck),
            self.start,
            self.end,
            any(isinstance(given.value, Expression) for given in self.given.values()),
        )


class _Mention:
    """An attribute that still looks for its layer.

    `how` is "attributes", "units", "flags", "size", "number", "suffix", "times", or "strike".
    `behind` layers stand in front of it; `only` is the layer inside whose parentheses it stands.
    """

    def __init__(
        self,
        how: str,
        words: Words,
        value: Value | Expression,
        start: int,
        end: int,
        behind: int,
        only: _Layer | None,
    ) -> None:
        self.how = how
        self.words = words
        self.value = value
        self.start = start
        self.end = end
        self.behind = behind
        self.only = only
        self.beside: _Mention | None = None  # `3x3/2`: the stride goes where the kernel goes
        self.layer: _Layer | None = None  # where it went

    def fields(self, kind: type[Layer]) -> tuple[str, Value | Expression] | None:
        """The field of a layer kind that the mention sets, and its value there."""
        if self.how in ("size", "number", "suffix", "times"):
            name = getattr(kind, f"takes_{self.how}")
            return (name, self.value) if name else None
        how = "words" if self.how == "attributes" else self.how
        found = fields_of(kind, how).get(self.words)  # type: ignore[arg-type]
        if found is None:
            return None
        return found[0], self.value if found[1] is None else found[1]

    @property
    def text(self) -> str:
        return " ".join(self.words)


class NoBlocks:
    options = Options()

    def __contains__(self, name: str, /) -> bool:
        return False

    def known(self) -> Collection[str]:
        return ()

    def spelled(self, name: str) -> str | None:
        return None

    def parameter_names(self, name: str) -> Sequence[str]:
        return ()


def read(
    source: Source, phrase: Phrase, names: Collection[str] = (), blocks: Blocks | None = None
) -> Reading:
    """The meaning of a phrase, in which `names` are the names that have values.

    Raises ArchError for a part that nothing takes.
    """
    return _Reader(source, phrase, names, blocks or NoBlocks(), {}, Labels()).read()


def read_lines(
    source: Source,
    items: Sequence[Item],
    names: Collection[str],
    blocks: Blocks,
    known: dict[str, Reading] | None = None,
    around: Labels | None = None,
    branches: bool = False,
) -> tuple[Line, ...]:
    """The meaning of lines. Raises ArchError with the errors of all of them, up to a number.

    `known` holds what phrases have been read already, by their text: each is read once. References
    are not: what they mean depends on the labels in front of them, of these lines and of those
    `around`. A line of optional layers that do not stand is none; of `branches` it is `identity`.
    """
    known = {} if known is None else known
    labels = Labels(items, around)
    lines: list[Line] = []
    errors: list[ArchError] = []
    for item in items:
        readings: list[Reading] = []
        phrases: list[Phrase] = []
        label: Part | None = None
        if len(item.phrases) > LONGEST:
            span = source.span(item.start, item.end)
            errors.append(ArchError(f"a chain of more than {LONGEST} links", span, help=_LINES))
            continue
        # The labels of a chain's links are visible behind them, those of lines in other lines.
        links = Labels((), labels) if len(item.phrases) > 1 else labels
        for phrase in item.phrases:
            try:
                reading = _Reader(source, phrase, names, blocks, known, links).read()
                _check_flow(source, reading, item, bool(readings))
            except ArchError as error:
                errors += (error, *error.others)
                label = label_of(item)
                continue
            if not reading.layers and reading.whole is None:
                label = label or reading.label  # an optional layer that does not stand
                continue
            if not readings and label is not None and reading.label is None:
                reading = reading._replace(label=label)
            if readings and reading.label is not None:
                links.add(reading.label)
            readings.append(reading)
            phrases.append(phrase)
        label = readings[0].label if readings else label
        if label is not None and readings and isinstance(readings[0].whole, Side):
            labels.add_side(label.text)
        elif label is not None:
            labels.add(label)
        guard = None
        if item.guard:
            try:
                guard = expressions.read(source, item.guard)
            except ArchError as error:
                errors.append(error)
        if len(errors) >= MOST_ERRORS:
            break
        if branches and not phrases:
            start, end = item.start, item.end
            nothing = Hole("identity", None, start, end)
            readings = [Reading(label, None, (), nothing, None, None, start, end)]
            phrases = [item.phrases[0]]
        if len(phrases) < len(item.phrases):
            item = item._replace(phrases=tuple(phrases))
        if phrases:
            lines.append(Line(item, tuple(readings), guard))
    if errors:
        raise ArchError.several(errors[:MOST_ERRORS])
    return tuple(lines)


def _check_flow(source: Source, reading: Reading, item: Item, behind: bool) -> None:
    """Refuse references and side heads where what flows would be lost, `behind` other links."""
    span = source.span(reading.start, reading.end)
    match reading.whole:
        case Reference(label=name) if behind:
            raise ArchError(
                f"the reference `{name}` in the middle of a chain: what flows in would be lost",
                span,
                help=f"begin the chain with it, or join the two: `concat {name}`",
            )
        case Reference(label=name) if reading.label is not None and len(item.phrases) == 1:
            raise ArchError(
                f"a label in front of the reference `{name}`, which has one",
                span,
                help=f"write `{name}` alone, or go on from it: `{name} -> conv1-256`",
            )
        case Side() if behind or len(item.phrases) > 1:
            raise ArchError(
                "a side head within a chain", span, help="write it as a line of its own"
            )


class _Reader(Wholes):
    def __init__(
        self,
        source: Source,
        phrase: Phrase,
        names: Collection[str],
        blocks: Blocks,
        known: dict[str, Reading],
        labels: Labels,
    ) -> None:
        super().__init__(source, phrase, names, blocks, labels)
        self.known = known
        self.layers: list[_Layer] = []
        self.mentions: list[_Mention] = []
        self.strikes: list[_Mention] = []
        self.unknown: list[Part] = []
        self.beside_size: list[Words] = []  # units behind a size: `2x2 window`

    # The frame of a phrase: claim, label, repeat, group.

    def read(self) -> Reading:
        parts = list(self.phrase.parts)
        claimed = self.take_claim(parts)
        label = self.take_label(parts)
        claimed = claimed or self.take_claim(parts)
        while len(parts) > 1 and parts[0].kind == "parens" and self.remark(parts[0].inside):  # type: ignore[arg-type]
            del parts[0]  # `(b) Mlpconv layer`
        start, end = parts[0].start, parts[-1].end
        if len(parts) == 1 and self.refers(parts[0]):
            to = self.labels.reference(self.source, parts[0], self.blocks)
            return Reading(label, claimed, (), to, None, None, start, end)
        text = self.source.plain[start:end]
        # Beside a label or a claim the same words may say something else: `FC6: 4096 neurons`.
        key = text if start == self.phrase.start else f":{text}"
        if (reading := self.known.get(key)) is not None:
            return _moved(reading, label, claimed, start)
        whole = self.take_whole(parts)
        if isinstance(whole, Side) and whole.name is not None:
            if label is not None:
                raise self.fail("a side head with two names", whole.name, "strike one of the two")
            label = Part("label", whole.name.text, whole.name.start, whole.name.end)
        if whole is not None:
            return Reading(label, claimed, (), whole, self.repeat, self.stride, start, end)
        self.take_repeat(parts)
        if listings.is_call(parts[0]):
            listed = listings.read(self.source, parts)
            return Reading(label, claimed, (listed,), None, self.repeat, None, start, end)
        self.scan(parts, None)
        if self.repeat is not None and len(self.layers) == 1 and self.layers[0].kind.takes_times:
            value, first, last = self.repeat  # `upsample x2` is no repeat
            self.mentions.append(_Mention("times", (), value, first, last, 1, None))
            self.repeat = None
        if len(self.layers) > LONGEST:
            raise self.fail(f"more than {LONGEST} layers in a phrase", self.phrase, _LINES)
        if self.unknown:
            raise self.unknown_words()
        implied = not self.layers
        if implied:
            self.imply(label)
        self.assign()
        layers = tuple(one.freeze() for one in self.layers if one.stands)
        reading = Reading(label, claimed, layers, None, self.repeat, None, start, end)
        computed = any(layer.computed for layer in layers) or self.repeat is not None
        if not computed and not (implied and start != self.phrase.start):
            self.known[key] = reading
        return reading

    def take_claim(self, parts: list[Part]) -> Part | None:
        """A size or a number in a bracket of its own, in front of a layer, is a claim."""
        if len(parts) < 2 or parts[0].kind != "bracket":
            return None
        if parts[1].kind in ("times", "bracket", "comma") or parts[1].text.lower() == "stride":
            return None
        match parts[0].inside:
            case (
                Item(phrases=(Phrase(parts=(Part(kind="size" | "number") as size,)),), guard=()),
            ):
                del parts[0]
                return size
        return None

    def take_label(self, parts: list[Part]) -> Part | None:
        kinds = [part.kind for part in parts]
        colon = kinds.index("colon") if "colon" in kinds else 0
        name = parts[:colon]
        if not name or any(p.kind not in ("word", "mixed", "number") for p in name):
            return None
        value = parts[colon + 1].kind if colon + 1 < len(parts) else ""
        if value in _VALUES and words_of(name[-1]) in vocabulary().attributes:
            return None  # `stride: 2`
        if REPEAT.fullmatch(name[0].text):
            raise self.fail(
                "a repeat in front of a label", name[0], "write it behind: `conv1: 2x conv3-64`"
            )
        del parts[: colon + 1]
        if not parts:
            raise self.fail("a label without a layer", name[0], "write `conv1: conv3-64`")
        text = "_".join(p.text for p in name)
        if "." in text:
            raise self.fail(f"`{text}` is no name", name[0], "use letters, digits and `_`")
        return Part("label", text, name[0].start, name[-1].end)

    def refers(self, part: Part) -> bool:
        """Whether a word alone is a reference.

        A visible label comes before a layer of its name, `conv4`. Where the label cannot be seen
        the word is an error, unless it is a layer without its digits.
        """
        name = part.text
        if part.kind not in ("word", "mixed") or name in WORDS:
            return False
        if name in self.labels:
            return True
        if name in self.names or name in self.blocks or words_of(part) in vocabulary().layers:
            return False
        return self.labels.is_side(name) or self.labels.hidden(name) is not None

    def group(self, part: Part, kind: str | None = None) -> Group:
        items: tuple[Item, ...] = part.inside  # type: ignore[assignment]
        joined = kind is not None
        lines = read_lines(
            self.source, items, self.names, self.blocks, self.known, self.labels, joined
        )
        return Group(kind or part.kind, lines, part.start, part.end)

    def take_repeat(self, parts: list[Part]) -> None:
        """`x2` behind, or `2x` in front."""
        if len(parts) > 2 and parts[1].kind == "times" and self.counts(parts[0]):
            self.repeat = self.value(parts[:1])
            del parts[:2]
        elif len(parts) > 2 and parts[-2].kind == "times":
            self.repeat = self.value(parts[-1:])
            del parts[-2:]
        elif len(parts) > 1 and (front := REPEAT.fullmatch(parts[0].text)):
            self.repeat = Given(int(front[1]), parts[0].start, parts[0].end)
            del parts[0]

    def scan(self, parts: Sequence[Part], only: _Layer | None) -> None:
        at = 0
        while at < len(parts):
            at += self.step(parts, at, only)

    def mention(
        self,
        how: str,
        words: Words,
        value: Value | Expression,
        first: Part,
        last: Part,
        only: _Layer | None,
    ) -> None:
        self.mentions.append(
            _Mention(how, words, value, first.start, last.end, len(self.layers), only)
        )

    def step(self, parts: Sequence[Part], at: int, only: _Layer | None) -> int:
        """Read what begins at a part; the number of parts that it took."""
        part = parts[at]
        behind = parts[at + 1] if at + 1 < len(parts) else None
        match part.kind:
            case "word":
                return self.word(parts, at, only)
            case "size":
                spaced = re.search(r"\s", part.text)
                before = parts[at - 1] if at else None
                if spaced and behind is None and before is not None and self.sized(before):
                    # `conv3-64 x 2`: the second spaced size of a layer is width and repeat.
                    *number, count = self.size(part)
                    if len(number) == 1 and self.repeat is None:
                        self.mention("number", (), number[0], part, part, only)
                        self.repeat = Given(count, part.start, part.end)
                        return 1
                self.mention("size", (), self.size(part), part, part, only)
                return 1
            case "number":
                if _grouped(parts, at):
                    raise self.fail(
                        "a separator of thousands",
                        parts[at + 1],
                        "only claims have them: write 4096",
                    )
                if unit := self.unit(parts, at + 1):
                    words, taken = unit
                    value = self.number(part)
                    self.mention("units", words, value, part, parts[at + taken], only)
                    return 1 + taken
                self.mention("number", (), self.number(part), part, part, only)
                return 1
            case "mixed":
                return self.mixed(part, only)
            case "slash" if behind is not None and self.strides(behind):
                stride: Value = (
                    self.number(behind) if behind.kind == "number" else self.tight(behind)
                )
                previous = self.mentions[-1] if self.mentions else None
                self.mention("attributes", ("stride",), stride, part, behind, only)
                self.mentions[-1].beside = previous
                return 2
            case "slash" if behind is not None and self.fused_attribute(behind):
                return 1  # `Conv / s1`
            case "join" if behind is not None and self.optional(behind, only) is not None:
                return 1
            case "join" if (
                behind is not None
                and behind.kind == "parens"
                and (behind.inside and not _is_size(behind))
            ):
                width = expressions.read(self.source, behind.inside)  # type: ignore[arg-type]
                self.mention("number", (), width, behind, behind, only)
                return 2
            case "join" if behind is None and only is None:
                raise self.fail(
                    f"the line ends with `{part.text}`", part, "go on behind it, or strike it"
                )
            case "join" if self.negative(parts, at):
                raise self.fail(
                    f"is `{part.text}{parts[at + 1].text}` a negative number?",
                    part,
                    f"write `({part.text}{parts[at + 1].text})`; a hyphen that joins has no "
                    "blank in front of it",
                )
            case "join" | "comma":
                return 1
            case "parens":
                return self.parens(parts, at, only)
            case "bracket" | "braces":
                raise self.fail(
                    "a group beside a layer", part, "give the group a line of its own, or use `->`"
                )
            case "times":
                raise self.fail(
                    "a repeat in the middle of a layer", part, "write it last: `conv3-64 x2`"
                )
        if part.kind in ("equals", "colon"):
            raise self.unknown_attribute(parts, at)
        help = "put an expression in parentheses: `conv3-(2*k)`"
        if part.kind == "slash":
            help = "a stride stands behind a kernel, `3x3/2`; else write `stride 2`"
        elif part.text == "//":
            help = "`#` begins a comment; an expression stands in parentheses"
        raise self.fail(f"`{part.text}` belongs to no layer", part, help)

    def unknown_attribute(self, parts: Sequence[Part], at: int) -> ArchError:
        """What stands in front of a sign that no attribute is in front of."""
        sign, before = parts[at], parts[at - 1] if at else parts[at]
        if at < 2 or before.kind not in ("word", "mixed"):
            return self.fail(
                f"`{sign.text}` belongs to no layer",
                sign,
                "a label is `stem: conv3-64`, an attribute `stride = 2`, "
                "a convention `conv means conv-relu`",
            )
        known = vocabulary()
        help = did_you_mean(before.text, [" ".join(words) for words in known.attributes])
        if any(words in known.layers for words, _ in runs(parts, at + 1)):
            help = f"a layer stands for itself: write `{parts[at + 1].text}` alone"
        return self.fail(
            f"unknown attribute `{before.text}`",
            before,
            help or "a layer takes `stride: 2`, `kernel_size=3`, …",
        )

    def negative(self, parts: Sequence[Part], at: int) -> bool:
        """Whether a sign looks like a minus: `scale -1`."""
        return (
            parts[at].text == "-"
            and 0 < at < len(parts) - 1
            and parts[at + 1].kind == "number"
            and parts[at - 1].end < parts[at].start
            and parts[at].end == parts[at + 1].start
        )

    def strides(self, behind: Part) -> bool:
        """Whether a slash in front of this part begins a stride: `3x3/2`, `conv7-64/2`."""
        previous = self.mentions[-1] if self.mentions else None
        return (
            behind.kind in ("number", "size")
            and previous is not None
            and previous.how in ("size", "suffix", "number")
            and not isinstance(previous.value, Expression)
        )

    def sized(self, before: Part) -> bool:
        """Whether every layer so far has its size, so that another one is width and repeat."""
        windows = sum(layer.kind.takes_size is not None for layer in self.layers)
        sizes = sum(m.how in ("size", "suffix") for m in self.mentions)
        return before.kind == "join" or sizes >= max(1, windows)

    def compact(self, part: Part, only: _Layer | None) -> bool:
        """Read a whole layer in one word: `20C4`, `k3n64s1`."""
        for regex, kind in vocabulary().compact:
            found = regex.fullmatch(part.text)
            if found and only is None and part.text not in self.names:
                made = _made(kind, {}, part.start, part.end)
                self.layers.append(made)
                for name, digits in found.groupdict().items():
                    if digits is not None:
                        value = kind.attributes[name].check(self.whole(digits, part))
                        made.given[name] = Given(value, part.start, part.end)
                return True
        return False

    def mixed(self, part: Part, only: _Layer | None) -> int:
        if self.compact(part, only):
            return 1
        match = re.fullmatch(r"(\d+)([A-Za-z_]\w*)", part.text)
        if REPEAT.fullmatch(part.text):
            raise self.fail("a second repeat", part, "put one of them around a group: `[ … ] x 3`")
        unit = match and (match[2].lower(),) in vocabulary().units
        if match and unit and match[2] not in self.names:
            count = self.whole(match[1], part)
            self.mention("units", (match[2].lower(),), count, part, part, only)
        elif match:
            value = expressions.read(self.source, [part])
            self.mention("number", (), value, part, part, only)
        else:
            self.unknown.append(part)
        return 1

    def unit(self, parts: Sequence[Part], at: int) -> tuple[Words, int] | None:
        """The unit behind a number, as in `96 filters` or `1000-d fc`."""
        known = vocabulary()
        fused = at > 1 and parts[at - 2].kind == "join" and is_tight(parts, at - 2)
        hyphen = at + 1 < len(parts) and parts[at].kind == "join" and is_tight(parts, at)
        start = at + 1 if hyphen else at
        for words, taken in runs(parts, start):
            if words in known.attributes and fused:
                continue  # the number of `conv3-64` is its width
            if words in known.attributes and start + taken < len(parts):
                follows = parts[start + taken]
                if follows.kind != "comma" and follows.text.lower() not in NOISE:
                    continue  # in `64 stride 2` the word belongs to what follows
            if words in known.units and words not in known.layers:
                return words, taken + (1 if hyphen else 0)
        return None

    def parens(self, parts: Sequence[Part], at: int, only: _Layer | None) -> int:
        part = parts[at]
        inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
        word = at and parts[at - 1].kind == "word" and self.layers
        if _is_size(part) and not (word and self.layers[-1].end == parts[at - 1].end):
            self.mention("size", (), self.numbers(part), part, part, only)  # `4 kernels (3,5,5)`
        elif word and self.layers[-1].end == parts[at - 1].end:
            # Behind a layer word: its arguments.
            self.layers[-1].end = part.end
            self.arguments(inside)
        elif (found := self.optional(part, only)) is not None:
            (kind, preset), words = found
            self.layers.append(_made(kind, preset, part.start, part.end))
            self.layers[-1].stands = self.blocks.options.stands(kind.kind)
            if words < len(inside):
                self.arguments(inside[words].inside)  # type: ignore[arg-type]
        elif any(p.kind != "join" for p in inside) and all(map(self.computes, inside)):
            number = expressions.read(self.source, inside)  # `conv 1x1 (t*in)`
            self.mention("number", (), number, part, part, only)
        elif not self.remark(inside):
            self.scan(inside, only)  # `(3x3) Conv`, `conv3-64 (stride 2)`
        return 1

    def arguments(self, inside: Sequence[Part]) -> None:
        """What stands between the parentheses behind the last layer."""
        for argument in expressions.split(inside):
            if len(argument) > 1 and all(map(self.computes, argument)):
                number = expressions.read(self.source, argument)
                self.mention("number", (), number, argument[0], argument[-1], self.layers[-1])
            else:
                self.scan(argument, self.layers[-1])

    def optional(
        self, part: Part, only: _Layer | None
    ) -> tuple[tuple[type[Layer], Mapping[str, Value]], int] | None:
        """The layer that parentheses alone hold, and how many parts its word takes.

        It is optional, `Conv-(BN)-Relu`, `fc-(dropout(0.5))`; a weight layer is not: `(conv) 64`.
        """
        if part.kind != "parens" or only is not None:
            return None
        inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
        for words, taken in runs(inside, 0):
            found = vocabulary().layers.get(words)
            alone = [p.kind for p in inside[taken:]] in ([], ["parens"])
            if found and alone and not (found[0].weighs or found[0] is Input):
                return found, taken
        return None

    def computes(self, part: Part) -> bool:
        """Whether a part can stand in an expression."""
        signs = ("number", "operator", "slash", "join", "parens")
        names = (*expressions.FUNCTIONS, "not", "and", "or")
        return part.kind in signs or part.text in self.names or part.text in names

    def remark(self, parts: Sequence[Part]) -> bool:
        """Whether parentheses hold only words that the language does not know: `(class scores)`."""
        known = {word for spelling in vocabulary().known for word in spelling.split()}
        known |= {"no", "bare"}
        return all(
            part.kind in ("join", "comma")
            or (part.kind == "word" and not {*words_of(part)} & known)
            for part in parts
        )

    def word(self, parts: Sequence[Part], at: int, only: _Layer | None) -> int:
        known = vocabulary()
        part = parts[at]
        behind = parts[at + 1].kind if at + 1 < len(parts) else ""
        several = any(len(w) > 1 and w in known.attributes for w, _ in runs(parts, at))
        if part.text in self.names and behind not in _VALUES and not several:  # `in channels 3`
            value = expressions.read(self.source, [part])  # `conv3-k`: a name that has a value
            self.mention("number", (), value, part, part, only)
            return 1
        if words_of(part) == ("no",) and not self.flagged(parts, at):
            struck = self.struck(parts, at + 1)
            if struck is None and behind == "word" and self.knows(parts[at + 1]):
                shown = parts[at + 1].text
                raise self.fail(f"`no {shown}` strikes nothing", part, "`no relu`, `no bias`, …")
            if struck is None:
                self.unknown.append(parts[at + 1] if behind == "word" else part)
                return 2 if behind == "word" else 1
            words, taken = struck
            last = parts[at + taken]
            rest = parts[at + taken + 1 : at + taken + 3]
            if len(rest) == 2 and rest[0].text in ("-", "and") and self.struck(rest, 1):
                raise self.fail(
                    f"does `no` strike `{rest[1].text}` too?",
                    rest[1],
                    f"write `no {last.text} no {rest[1].text}`",
                )
            self.strikes.append(
                _Mention("strike", words, True, part.start, last.end, len(self.layers), only)
            )
            return 1 + taken
        if part.text.lower() == "bare":
            self.strikes.append(
                _Mention("strike", ("*",), True, part.start, part.end, len(self.layers), only)
            )
            return 1
        if self.compact(part, only):
            return 1
        # `C=32`, the cardinality, is no `c`.
        exact = [((part.text,), 1)] if (part.text,) in known.attributes else []
        for words, taken in [*runs(parts, at), *exact]:
            last = parts[at + taken - 1]
            if words in known.layers and only is not None:
                raise self.fail(
                    "a layer inside the parentheses of another",
                    part,
                    "write it behind them; an optional layer stands behind a hyphen, "
                    f"`-({part.text})`",
                )
            if words in known.layers:
                kind, preset = known.layers[words]
                self.layers.append(_made(kind, preset, part.start, last.end))
                return taken
            if words in known.attributes and (
                used := self.attribute(words, parts, at, taken, only)
            ):
                return used
            if words in known.flags:
                self.mention("flags", words, True, part, last, only)
                return taken
            if words in known.units and at and parts[at - 1].kind == "size":
                self.beside_size.append(words)
                return taken  # `3x3 filters`: the size says it
            if words == ("with",) and part is self.phrase.parts[0]:
                raise self.fail(
                    "a layer does not begin with `with`",
                    part,
                    "`with bn`, alone on a line, lets the optional layers `(bn)` stand",
                )
            if len(words) == 1 and words[0] in NOISE:
                return taken
            if words == ("of",) and (behind == "size" or self.knows(parts[at + 1 :])):
                return taken  # `96 kernels of size 11x11`
            if words == ("layer",) and self.layers and parts[at - 1].kind == "word":
                return taken  # `conv layer`
        if short := self.fused_attribute(part):
            attribute, digits = short
            numbers = self.size(digits)
            self.mention("attributes", attribute, _plain(numbers), part, part, only)
            return 1
        if (fused := FUSED.fullmatch(part.text)) and only is None:
            stem = (fused[1].lower(),)
            if stem in known.layers:
                kind, preset = known.layers[stem]
                made = _made(kind, preset, part.start, part.end)
                self.layers.append(made)
                digits = Part("size", fused[2], part.start + len(fused[1]), part.end)
                numbers = self.size(digits)
                if len(numbers) == 1:
                    self.mention("suffix", (), numbers[0], digits, digits, made)
                else:
                    self.mention("size", (), numbers, digits, digits, made)
                return 1
        self.unknown.append(part)
        return 1

    def fused_attribute(self, part: Part) -> tuple[Words, Part] | None:
        """An attribute with its value in one word, as `s2` and `k3x3`."""
        found = FUSED.fullmatch(part.text) if part.kind == "word" else None
        if found is None or part.text in self.names:
            return None
        stem = (found[1].lower(),)
        if stem not in vocabulary().attributes or stem in vocabulary().layers:
            return None
        return stem, Part("size", found[2], part.start + len(found[1]), part.end)

    def numbers(self, part: Part) -> tuple[int, ...]:
        """Numbers in parentheses, as Python writes a size: `(3, 3)`."""
        inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
        return tuple(self.whole(p.text, p) for p in inside if p.kind == "number")

    def flagged(self, parts: Sequence[Part], at: int) -> bool:
        """Whether a flag such as `no bias` begins here."""
        return any(words in vocabulary().flags for words, _ in runs(parts, at))

    def struck(self, parts: Sequence[Part], at: int) -> tuple[Words, int] | None:
        """The layer kind behind `no`, as in `no relu`; any of them in `no activation`."""
        for words, taken in runs(parts, at):
            if words == (ACTIVATION,):
                return words, taken
            if words in vocabulary().layers:
                return (vocabulary().layers[words][0].kind,), taken
        return None

    def attribute(
        self, words: Words, parts: Sequence[Part], at: int, taken: int, only: _Layer | None
    ) -> int:
        """An attribute word with its value; 0 when none follows."""
        here = at + taken
        if here < len(parts) and parts[here].text.lower() == "of":
            here += 1  # `a stride of 2`
        if here + 1 < len(parts) and parts[here + 1].kind == "equals":
            here += 2  # `stride r = 2`
        elif here < len(parts) and parts[here].kind in ("equals", "colon"):
            here += 1
        elif here < len(parts) and parts[here].kind == "word" and words in vocabulary().flags:
            return 0
        if here >= len(parts):
            if words in vocabulary().flags or self.is_unit(words, parts, at):
                return 0
            raise self.fail(f"`{' '.join(words)}` has no value", parts[at], "write `stride 2`, …")
        part = parts[here]
        if part.kind == "size" and words[0] in ("kernel", "size", "window", "filter"):
            value: Value | Expression = self.size(part)
        elif part.kind == "size":
            value = self.tight(part)
        elif _is_size(part):
            value = self.numbers(part)
        elif part.kind == "join" and here + 1 < len(parts) and parts[here + 1].kind == "number":
            here += 1  # `pad -1`: the check says what is allowed
            part = parts[here]
            value = -self.number(part)
        elif part.kind == "number":
            value = self.number(part)
        elif part.kind == "word" and words_of(part) in vocabulary().flags:
            value = part.text.lower()
        elif part.kind == "word" and part.text.lower() in ("true", "false"):
            value = part.text.lower() == "true"
        elif part.kind in ("word", "mixed") or (part.kind == "parens" and part.inside):
            value = expressions.read(self.source, [part])
        elif words in vocabulary().flags or self.is_unit(words, parts, at):
            return 0
        else:
            raise self.fail(f"`{' '.join(words)}` has no value", parts[at], "write `stride 2`, …")
        beside = self.mentions[-1] if at and parts[at - 1].kind == "size" else None
        self.mention("attributes", words, value, parts[at], part, only)
        self.mentions[-1].beside = beside  # `3x3 stride 2` stays together
        return here + 1 - at

    def is_unit(self, words: Words, parts: Sequence[Part], at: int) -> bool:
        """Whether an attribute's word is the unit of a size in front: `2 x 2 window`."""
        return bool(at) and parts[at - 1].kind == "size" and words in vocabulary().units

    # Who takes what.

    def imply(self, label: Part | None) -> None:
        """The layer of a phrase without a layer word: its label's, or what its sizes call for."""
        kind: type[Layer] | None = None
        if label is not None:
            words = tuple(re.sub(r"\d+$", "", label.text).lower().replace("_", " ").split())
            found = vocabulary().layers.get(words)
            kind = found[0] if found else None
        known = vocabulary().attributes
        for mention in self.mentions:
            if kind is None and mention.how == "units" and mention.words not in known:
                kind = next((k for k in REGISTRY if mention.fields(k)), None)
        for words in self.beside_size:
            kind = kind or _with_unit(words)
        if kind is None and any(m.how == "size" for m in self.mentions):
            kind = Conv
        if kind is None:
            raise self.fail(
                f"`{self.text()}` names no layer", self.phrase, "write `conv3-64`, `FC-4096`, …"
            )
        first = self.phrase.parts[0]
        self.layers.append(_Layer(kind, first.start, first.end))
        for mention in self.mentions:
            mention.behind = 1

    def text(self) -> str:
        text = self.source.text[self.phrase.start : self.phrase.end]
        return text if len(text) <= 60 else text[:57] + "…"

    def candidates(self, mention: _Mention) -> Iterator[_Layer]:
        if mention.only is not None:
            yield mention.only
            return
        if mention.beside is not None and mention.beside.layer is not None:
            yield mention.beside.layer
            return
        yield from reversed(self.layers[: mention.behind])
        yield from self.layers[mention.behind :]

    def assign(self) -> None:
        for mention in self.mentions:
            self.place(mention)
        for strike in self.strikes:
            # What is struck accompanies a layer; it is not struck from another companion.
            layers = list(self.candidates(strike))
            layer = next((one for one in layers if not one.kind.accompanies), layers[0])
            layer.struck |= set(strike.words)

    def place(self, mention: _Mention) -> None:
        taken: tuple[_Layer, str] | None = None
        for layer in self.candidates(mention):
            found = mention.fields(layer.kind)
            if found is None:
                continue
            name, value = found
            if name in layer.given:
                taken = taken or (layer, name)
                continue
            if not isinstance(value, Expression):
                try:
                    value = layer.kind.attributes[name].check(value)
                except LayerError as problem:
                    raise self.fail(
                        f"the {name} of `{layer.kind.kind}` {problem.message}",
                        mention,
                        layer.kind.form(),
                    ) from None
            layer.given[name] = Given(value, mention.start, mention.end)
            mention.layer = layer
            layer.start = min(layer.start, mention.start)
            layer.end = max(layer.end, mention.end)
            return
        shown = self.source.text[mention.start : mention.end]
        if taken:
            layer, name = taken
            first = layer.given[name]
            raise ArchError(
                f"the {name} of `{layer.kind.kind}` is given twice",
                self.source.span(mention.start, mention.end),
                notes=[Note("first given here", self.source.span(first.start, first.end))],
                help="strike one of the two",
            )
        layer = next(self.candidates(mention))
        takes = [one.words[0] for one in layer.kind.attributes.values() if one.words]
        raise self.fail(
            f"`{layer.kind.kind}` takes no `{mention.text or shown}`",
            mention,
            f"it takes {', '.join(takes)}" if takes else "it takes no attributes",
        )

    def unknown_words(self) -> ArchError:
        first = self.unknown[0]
        if listings.is_call(first):
            return self.fail(
                "a layer of a listing beside another", first, "give it a line of its own"
            )
        words = [p for p in self.phrase.parts if p.kind == "word"]
        if len(self.unknown) > 2 and 2 * len(self.unknown) >= len(words):
            return self.fail("this reads as prose", self.phrase, "comment it out with `#`")
        if first.text in self.blocks:
            return self.fail(
                f"the block `{first.text}` beside something else",
                first,
                "a block stands on a line of its own, or behind `->`; its arguments in parentheses",
            )
        if words_of(first) in vocabulary().units:
            return self.fail(f"`{first.text}` without a number", first, "write `64 filters`, …")
        stem = FUSED.fullmatch(first.text)
        known = {*vocabulary().known, *self.blocks.known()}
        hint = did_you_mean(first.text, self.names) or did_you_mean(
            stem[1] if stem else first.text, known
        )
        names = sorted({*self.names} - {"in"})
        if hint is None and self.layers and names:
            hint = f"names with a value here: {', '.join(names)}"
        if kinds := _ending_in(first.text.lower()):
            hint = f"did you mean {' or '.join(f'`{spelling}`' for spelling in kinds)}?"
        what = "word" if self.layers else "layer"
        return self.fail(f"unknown {what} `{first.text}`", first, hint or "`#` begins a comment")


_VALUES = ("number", "size", "equals", "colon", "parens", "mixed")  # what follows an attribute


def _with_unit(words: Words) -> type[Layer] | None:
    """The first kind that a unit belongs to."""
    kinds = (kind for kind in REGISTRY if words in fields_of(kind, "units"))  # type: ignore[arg-type]
    return next(kinds, None)


def _ending_in(word: str) -> list[str]:
    """Of each kind the first spelling that ends in a word: `max pool`, `avg pool`."""
    found: dict[type[Layer], str] = {}
    for spelling, (kind, _) in vocabulary().layers.items():
        if len(spelling) > 1 and spelling[-1] == word:
            found.setdefault(kind, " ".join(spelling))
    return list(found.values())


def _plain(numbers: tuple[int, ...]) -> Value:
    return numbers if len(numbers) > 1 else numbers[0]


def _is_size(part: Part) -> bool:
    """Whether parentheses hold whole numbers with commas between them: `(3, 3)`."""
    inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
    kinds = [p.kind for p in inside]
    return (
        part.kind == "parens"
        and len(kinds) > 1
        and kinds == ["number", *["comma", "number"] * (len(kinds) // 2)]
        and all(p.text.isdigit() for p in inside if p.kind == "number")
    )


def _moved(reading: Reading, label: Part | None, claimed: Part | None, start: int) -> Reading:
    """What has been read, as it stands at another place."""
    by = start - reading.start
    layers = []
    for kind, given, struck, begin, end, *_ in reading.layers:
        moved = {n: Given(value, a + by, b + by) for n, (value, a, b) in given.items()}
        layers.append(LayerText(kind, moved, struck, begin + by, end + by))
    return Reading(label, claimed, tuple(layers), None, None, None, start, reading.end + by)


def _grouped(parts: Sequence[Part], at: int) -> bool:
    """Whether `4,096` stands here, written without blanks."""
    three = parts[at : at + 3]
    return (
        [p.kind for p in three] == ["number", "comma", "number"]
        and is_tight(parts, at + 1)
        and len(three[2].text) == 3
        and len(three[0].text) <= 3
    )


def _made(kind: type[Layer], preset: Mapping[str, Value], start: int, end: int) -> _Layer:
    """A layer with what its spelling sets, as `global` does."""
    given = {name: Given(value, start, end) for name, value in preset.items()}
    return _Layer(kind, start, end, given)
