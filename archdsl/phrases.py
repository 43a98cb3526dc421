"""The one reader of every spelling: the parts of a phrase become layers.

Blanks, tight hyphens and commas join; a layer word begins a new layer; every other part belongs to
the nearest layer that takes it, left first. Every part is used exactly once: what nobody takes is
an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archdsl import expressions
from archdsl.errors import ArchError, Note, did_you_mean
from archdsl.expressions import Expression
from archdsl.layers import REGISTRY, Conv, Layer, LayerError, Value
from archdsl.syntax import Item, NetworkText, Part, Phrase
from archdsl.vocabulary import NOISE, Words, fields_of, is_tight, runs, vocabulary, words_of


class Given(NamedTuple):
    """An attribute as the text gives it: a value, or an expression that has no value yet."""

    value: Value | Expression
    start: int
    end: int


class LayerText(NamedTuple):
    """One layer of a phrase."""

    kind: type[Layer]
    given: Mapping[str, Given]
    struck: frozenset[str]  # companions that `no relu` or `bare` (as "*") keep away
    start: int
    end: int


class Reading(NamedTuple):
    """What a phrase says: a label, a claimed size, layers or a group, a repeat."""

    label: Part | None
    claimed: Part | None  # the size in a leading bracket
    layers: tuple[LayerText, ...]
    group: tuple[Item, ...] | None
    repeat: Given | None
    start: int  # of the layers, behind label and claim


@dataclass
class _Layer:
    kind: type[Layer]
    start: int
    end: int
    given: dict[str, Given] = field(default_factory=dict)
    struck: set[str] = field(default_factory=set)

    def freeze(self) -> LayerText:
        return LayerText(self.kind, self.given, frozenset(self.struck), self.start, self.end)


@dataclass
class _Mention:
    """An attribute that still looks for its layer."""

    how: str  # "attributes", "units", "flags", "size", "number", "suffix"; or "strike"
    words: Words
    value: Value | Expression
    start: int
    end: int
    behind: int  # layers in front of it
    only: _Layer | None = None  # inside the parentheses of this layer
    beside: _Mention | None = None  # `3x3/2`: the stride goes where the kernel goes
    layer: _Layer | None = None  # where it went

    def fields(self, kind: type[Layer]) -> tuple[str, Value | Expression] | None:
        """The field of a layer kind that the mention sets, and its value there."""
        if self.how in ("size", "number", "suffix"):
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


def read(network: NetworkText, phrase: Phrase, names: Collection[str] = ()) -> Reading:
    """The meaning of a phrase, in which `names` are the names that have values.

    Raises ArchError for a part that nothing takes.
    """
    return _Reader(network, phrase, names).read()


class _Reader:
    def __init__(self, network: NetworkText, phrase: Phrase, names: Collection[str]) -> None:
        self.network = network
        self.phrase = phrase
        self.names = names
        self.layers: list[_Layer] = []
        self.mentions: list[_Mention] = []
        self.strikes: list[_Mention] = []
        self.unknown: list[Part] = []
        self.repeat: Given | None = None

    def fail(
        self, message: str, where: Part | _Mention | _Layer | Phrase, help: str | None = None
    ) -> ArchError:
        return ArchError(message, self.network.span(where.start, where.end), help=help)

    # The frame of a phrase: claim, label, repeat, group.

    def read(self) -> Reading:
        parts = list(self.phrase.parts)
        claimed = self.take_claim(parts)
        label = self.take_label(parts)
        claimed = claimed or self.take_claim(parts)
        start = parts[0].start
        self.take_repeat(parts)
        if len(parts) == 1 and parts[0].kind == "bracket":
            group: tuple[Item, ...] = parts[0].inside  # type: ignore[assignment]
            return Reading(label, claimed, (), group, self.repeat, start)
        self.scan(parts, None)
        if self.unknown:
            raise self.unknown_words()
        if not self.layers:
            self.imply(label)
        self.assign()
        layers = tuple(one.freeze() for one in self.layers)
        return Reading(label, claimed, layers, None, self.repeat, start)

    def take_claim(self, parts: list[Part]) -> Part | None:
        """A size or a number in a bracket of its own, in front of a layer, is a claim."""
        if len(parts) < 2 or parts[0].kind != "bracket" or parts[1].kind in ("times", "bracket"):
            return None
        match parts[0].inside:
            case (Item(phrases=(Phrase(parts=(Part(kind="size" | "number") as size,)),)),):
                del parts[0]
                return size
        return None

    def take_label(self, parts: list[Part]) -> Part | None:
        colon = next((i for i, p in enumerate(parts) if p.kind == "colon"), 0)
        name = parts[:colon]
        if not name or any(p.kind not in ("word", "mixed", "number") for p in name):
            return None
        value = parts[colon + 1].kind if colon + 1 < len(parts) else ""
        if value in _VALUES and words_of(name[-1]) in vocabulary().attributes:
            return None  # `stride: 2`
        if _REPEAT.fullmatch(name[0].text):
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

    def take_repeat(self, parts: list[Part]) -> None:
        """`x2` behind, or `2x` in front."""
        if len(parts) > 2 and parts[1].kind == "times" and self.counts(parts[0]):
            self.repeat = self.value(parts[:1])
            del parts[:2]
        elif len(parts) > 2 and parts[-2].kind == "times":
            self.repeat = self.value(parts[-1:])
            del parts[-2:]
        elif len(parts) > 1 and (front := _REPEAT.fullmatch(parts[0].text)):
            self.repeat = Given(int(front[1]), parts[0].start, parts[0].end)
            del parts[0]

    def counts(self, part: Part) -> bool:
        return part.kind in ("number", "parens") or part.text in self.names

    def value(self, parts: Sequence[Part]) -> Given:
        """A number, or an expression of one part."""
        (part,) = parts
        if part.kind == "number":
            return Given(self.number(part), part.start, part.end)
        return Given(expressions.read(self.network, parts), part.start, part.end)

    def number(self, part: Part) -> int | float:
        text = part.text
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return float(text) if set(text) & set(".eE") else self.whole(text, part)

    def whole(self, text: str, part: Part) -> int:
        if len(text) > 18:
            raise self.fail("a number beyond 2^63", part)
        return int(text)

    def size(self, part: Part) -> tuple[int, ...]:
        return tuple(self.whole(n, part) for n in re.findall(r"\d+", part.text))

    # The parts of the layers.

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
            case "join" if behind is not None and behind.kind == "parens" and behind.inside:
                width = expressions.read(self.network, behind.inside)  # type: ignore[arg-type]
                self.mention("number", (), width, behind, behind, only)
                return 2
            case "join" if behind is None and only is None:
                raise self.fail(
                    f"the line ends with `{part.text}`", part, "go on behind it, or strike it"
                )
            case "join" | "comma":
                return 1
            case "parens":
                return self.parens(parts, at, only)
            case "bracket":
                raise self.fail(
                    "a group beside a layer", part, "give the group a line of its own, or use `->`"
                )
            case "times":
                raise self.fail(
                    "a repeat in the middle of a layer", part, "write it last: `conv3-64 x2`"
                )
        raise self.fail(
            f"`{part.text}` belongs to no layer",
            part,
            "put an expression in parentheses: `conv3-(k/2)`"
            if part.kind in ("operator", "slash")
            else None,
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

    def tight(self, part: Part) -> tuple[int, ...]:
        """A size as the value of an attribute; written `2 x 3` it could also be a repeat."""
        if re.search(r"\s", part.text):
            numbers = self.size(part)
            raise self.fail(
                f"is `{part.text}` a size, or {numbers[0]} and a repeat?",
                part,
                f"write `{numbers[0]}x{numbers[-1]}` for the size, "
                f"`{numbers[0]} x{numbers[-1]}` for the repeat",
            )
        return self.size(part)

    def mixed(self, part: Part, only: _Layer | None) -> int:
        match = re.fullmatch(r"(\d+)([A-Za-z_]\w*)", part.text)
        if _REPEAT.fullmatch(part.text):
            raise self.fail("a second repeat", part, "put one of them around a group: `[ … ] x 3`")
        unit = match and (match[2].lower(),) in vocabulary().units
        if match and unit and match[2] not in self.names:
            count = self.whole(match[1], part)
            self.mention("units", (match[2].lower(),), count, part, part, only)
        elif match:
            value = expressions.read(self.network, [part])
            self.mention("number", (), value, part, part, only)
        else:
            self.unknown.append(part)
        return 1

    def unit(self, parts: Sequence[Part], at: int) -> tuple[Words, int] | None:
        """The unit behind a number, as in `96 filters` or `1000-d fc`."""
        hyphen = at + 1 < len(parts) and parts[at].kind == "join" and is_tight(parts, at)
        start = at + 1 if hyphen else at
        for words, taken in runs(parts, start):
            if words in vocabulary().units and words not in vocabulary().layers:
                return words, taken + (1 if hyphen else 0)
        return None

    def parens(self, parts: Sequence[Part], at: int, only: _Layer | None) -> int:
        part = parts[at]
        inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
        word = at and parts[at - 1].kind == "word" and self.layers
        if word and self.layers[-1].end == parts[at - 1].end:
            # Behind a layer word: its arguments.
            self.layers[-1].end = part.end
            for argument in expressions.split(inside):
                if len(argument) > 1 and all(map(self.computes, argument)):
                    number = expressions.read(self.network, argument)
                    self.mention("number", (), number, argument[0], argument[-1], self.layers[-1])
                else:
                    self.scan(argument, self.layers[-1])
        elif not self.remark(inside):
            self.scan(inside, only)  # `(3x3) Conv`, `conv3-64 (stride 2)`
        return 1

    def computes(self, part: Part) -> bool:
        """Whether a part can stand in an expression."""
        signs = ("number", "operator", "slash", "join", "parens")
        return part.kind in signs or part.text in self.names

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
        if part.text in self.names and behind not in _VALUES:
            value = expressions.read(self.network, [part])  # `conv3-k`: a name that has a value
            self.mention("number", (), value, part, part, only)
            return 1
        if part.text.lower() == "no" and not self.flagged(parts, at):
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
        for words, taken in runs(parts, at):
            last = parts[at + taken - 1]
            if words in known.layers and only is not None:
                raise self.fail(
                    "a layer inside the parentheses of another", part, "write it behind them"
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
                return taken  # `3x3 filters`: the size says it
            if len(words) == 1 and words[0] in NOISE:
                return taken
            if words == ("of",) and (behind == "size" or self.knows(parts[at + 1 :])):
                return taken  # `96 kernels of size 11x11`
            if words == ("layer",) and self.layers and parts[at - 1].kind == "word":
                return taken  # `conv layer`
        if (fused := _FUSED.fullmatch(part.text)) and only is None:
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

    def knows(self, parts: Part | Sequence[Part]) -> bool:
        """Whether an attribute's word begins here."""
        run = [parts] if isinstance(parts, Part) else parts
        return any(words in vocabulary().attributes for words, _ in runs(run, 0))

    def flagged(self, parts: Sequence[Part], at: int) -> bool:
        """Whether a flag such as `no bias` begins here."""
        return any(words in vocabulary().flags for words, _ in runs(parts, at))

    def struck(self, parts: Sequence[Part], at: int) -> tuple[Words, int] | None:
        """The layer kind behind `no`, as in `no relu`."""
        for words, taken in runs(parts, at):
            if words in vocabulary().layers:
                return (vocabulary().layers[words][0].kind,), taken
        return None

    def attribute(
        self, words: Words, parts: Sequence[Part], at: int, taken: int, only: _Layer | None
    ) -> int:
        """An attribute word with its value; 0 when none follows."""
        here = at + taken
        if here + 1 < len(parts) and parts[here + 1].kind == "equals":
            here += 2  # `stride r = 2`
        elif here < len(parts) and parts[here].kind in ("equals", "colon"):
            here += 1
        elif here < len(parts) and parts[here].kind == "word" and words in vocabulary().flags:
            return 0
        if here >= len(parts):
            if words in vocabulary().flags:
                return 0
            raise self.fail(f"`{' '.join(words)}` has no value", parts[at])
        part = parts[here]
        if part.kind == "size" and words[0] in ("kernel", "size", "window", "filter"):
            value: Value | Expression = self.size(part)
        elif part.kind == "size":
            value = self.tight(part)
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
            value = expressions.read(self.network, [part])
        elif words in vocabulary().flags:
            return 0
        else:
            raise self.fail(f"`{' '.join(words)}` has no value", parts[at])
        beside = self.mentions[-1] if at and parts[at - 1].kind == "size" else None
        self.mention("attributes", words, value, parts[at], part, only)
        self.mentions[-1].beside = beside  # `3x3 stride 2` stays together
        return here + 1 - at

    # Who takes what.

    def imply(self, label: Part | None) -> None:
        """The layer of a phrase without a layer word: its label's, or what its sizes call for."""
        kind: type[Layer] | None = None
        if label is not None:
            words = tuple(re.sub(r"\d+$", "", label.text).lower().replace("_", " ").split())
            found = vocabulary().layers.get(words)
            kind = found[0] if found else None
        for mention in self.mentions:
            if kind is None and mention.how == "units":
                kind = next((k for k in REGISTRY if mention.fields(k)), None)
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
        text = self.network.source.text[self.phrase.start : self.phrase.end]
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
        shown = self.network.source.text[mention.start : mention.end]
        if taken:
            layer, name = taken
            first = layer.given[name]
            raise ArchError(
                f"the {name} of `{layer.kind.kind}` is given twice",
                self.network.span(mention.start, mention.end),
                notes=[Note("first given here", self.network.span(first.start, first.end))],
                help="strike one of the two",
            )
        layer = next(self.candidates(mention))
        takes = [a for a in layer.kind.attributes if layer.kind.attributes[a].words]
        raise self.fail(
            f"`{layer.kind.kind}` takes no `{mention.text or shown}`",
            mention,
            f"it takes {', '.join(takes)}" if takes else "it takes no attributes",
        )

    def unknown_words(self) -> ArchError:
        first = self.unknown[0]
        words = [p for p in self.phrase.parts if p.kind == "word"]
        if len(self.unknown) > 2 and 2 * len(self.unknown) >= len(words):
            return self.fail("this reads as prose", self.phrase, "comment it out with `#`")
        if words_of(first) in vocabulary().units:
            return self.fail(f"`{first.text}` without a number", first, "write `64 filters`, …")
        stem = _FUSED.fullmatch(first.text)
        hint = did_you_mean(stem[1] if stem else first.text, vocabulary().known)
        what = "word" if self.layers else "layer"
        return self.fail(f"unknown {what} `{first.text}`", first, hint or "`#` begins a comment")


_VALUES = ("number", "size", "equals", "colon", "parens", "mixed")  # what follows an attribute
_REPEAT = re.compile(r"(\d{1,18})[x×]")
_FUSED = re.compile(r"([A-Za-z_]+?)(\d+(?:[x×]\d+)*)")


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
