"""The parts of a phrase, one after the other: words, sizes, numbers, parentheses.

A layer word begins a layer, everything else is a mention or a word that means nothing.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers import Input, Layer, Value
from archdsl.notation.ast import Given
from archdsl.notation.attributes import Draft, Mention, Mentions, draft
from archdsl.notation.numbers import FUSED, REPEAT, is_size
from archdsl.notation.vocabulary import (
    ACTIVATION,
    BARE,
    LISTS,
    NOISE,
    Words,
    is_tight,
    layers_among,
    runs,
    vocabulary,
    words_of,
)
from archdsl.syntax import expressions
from archdsl.syntax.ast import Part
from archdsl.syntax.expressions import Expression
from archdsl.syntax.parser import FORMS

VALUES = ("number", "size", "equals", "colon", "parens", "mixed")  # what follows an attribute
SIDES = ("left", "right", "top", "bottom", "front", "back")
REPEAT_AS_NAME = re.compile(r"(x\d*)\s*[:=]", re.IGNORECASE)  # `x1: conv3-8`, a label to its author


class Scanner(Mentions):
    """Reads the parts of a phrase that is made of layers."""

    unknown: list[Part]  # words that mean nothing

    @abstractmethod
    def unknown_words(self) -> ArchError:
        """The error of a phrase in which words mean nothing."""

    def scan(self, parts: Sequence[Part], only: Draft | None) -> None:
        at = 0
        while at < len(parts):
            at += self.step(parts, at, only)

    def step(self, parts: Sequence[Part], at: int, only: Draft | None) -> int:
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
                and (behind.inside and not is_size(behind))
            ):
                width = expressions.read(self.source, behind.inside)  # type: ignore[arg-type]
                self.mention("number", (), width, behind, behind, only)
                return 2
            case "join" if behind is None and only is None:
                raise self.fail(
                    f"the line ends with `{part.text}`", part, "go on behind it, or strike it"
                )
            case "join":
                self.check_sign(parts, at)
                return 1
            case "comma":
                return 1
            case "parens":
                return self.parens(parts, at, only)
            case "bracket" | "braces":
                raise self.fail(
                    "a group beside a layer", part, "give the group a line of its own, or use `->`"
                )
            case "times" if self.unknown:
                raise self.unknown_words()
            case "times" if at == 0:
                name = REPEAT_AS_NAME.match(self.source.text, part.start)
                if name is not None:
                    raise ArchError(
                        f"`{name[1]}` is read as a repeat, and cannot be a name",
                        self.source.span(name.start(1), name.end(1)),
                        help=f"`x` repeats: write `{name[1].upper()}`, or another name",
                    )
                raise self.fail(
                    "a repeat of nothing", part, "what it repeats stands in front: `[ … ] x 3`"
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

    def compact(self, part: Part, only: Draft | None) -> bool:
        """Read a whole layer in one word: `20C4`, `k3n64s1`."""
        for regex, kind, preset in vocabulary().compact:
            found = regex.fullmatch(part.text)
            if found and only is None and part.text not in self.names:
                made = draft(kind, preset, part.start, part.end)
                self.layers.append(made)
                for name, digits in found.groupdict().items():
                    if digits is not None:
                        value = self.checked(kind, name, self.whole(digits, part), part)
                        made.given[name] = Given(value, part.start, part.end)
                return True
        return False

    def mixed(self, part: Part, only: Draft | None) -> int:
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
            if len(words) > 1 and (words in known.layers or words in known.flags):
                return None  # `64 channel shuffle`
            if words in known.attributes and fused:
                continue  # the number of `conv3-64` is its width
            if words in known.attributes and start + taken < len(parts):
                follows = parts[start + taken]
                if follows.kind != "comma" and follows.text.lower() not in NOISE:
                    continue  # in `64 stride 2` the word belongs to what follows
            if words in known.units and words not in known.layers:
                return words, taken + (1 if hyphen else 0)
        return None

    def parens(self, parts: Sequence[Part], at: int, only: Draft | None) -> int:
        part = parts[at]
        inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
        word = at and parts[at - 1].kind == "word" and self.layers
        if is_size(part) and not (word and self.layers[-1].end == parts[at - 1].end):
            self.mention("size", (), self.numbers(part), part, part, only)  # `4 kernels (3,5,5)`
        elif word and self.layers[-1].end == parts[at - 1].end:
            # Behind a layer word: its arguments.
            self.layers[-1].end = part.end
            self.arguments(inside)
        elif (found := self.optional(part, only)) is not None:
            inside = _unfused(inside)
            kind, preset, begin, taken = found
            self.layers.append(draft(kind, preset, part.start, part.end))
            self.layers[-1].stands = self.blocks.options.stands(kind.kind)
            self.arguments(inside[:begin])
            rest = inside[begin + taken :]
            lone = len(rest) == 1 and rest[0].kind == "parens"
            self.arguments(rest[0].inside if lone else rest)  # type: ignore[arg-type]
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
        self, part: Part, only: Draft | None
    ) -> tuple[type[Layer], Mapping[str, Value], int, int] | None:
        """The one layer that parentheses hold, where its word stands, and the parts that it takes.

        It is optional, `Conv-(BN)-Relu`, `fc-(dropout 0.5)`; a weight layer is not: `(conv) 64`.
        """
        if part.kind != "parens" or only is not None:
            return None
        found = layers_among(_unfused(part.inside))  # type: ignore[arg-type]
        kinds = [kind for kind, *_ in found]
        if not kinds or any(kind.weighs or kind is Input for kind in kinds):
            return None
        if len(kinds) > 1:
            raise self.fail(
                "several layers in parentheses",
                part,
                "those around a lone layer make it optional: `-(bn)-(relu)`; else leave them out",
            )
        return found[0]

    def computes(self, part: Part) -> bool:
        """Whether a part can stand in an expression."""
        signs = ("number", "operator", "slash", "join", "parens")
        names = (*expressions.FUNCTIONS, "not", "and", "or")
        return part.kind in signs or part.text in self.names or part.text in names

    def remark(self, parts: Sequence[Part]) -> bool:
        """Whether parentheses hold only words that the language does not know: `(class scores)`."""
        known = {word for spelling in vocabulary().known for word in spelling.split()}
        known |= {"no", "bare"}
        words = [part for part in parts if part.kind not in ("join", "comma")]
        for word in words:
            if word.text in self.labels:
                raise self.fail(
                    f"`{word.text}` is a label, and no remark",
                    word,
                    f"for what leaves that line write `{word.text} -> …`",
                )
        if len(words) == 1 and len(words[0].text) > 1:
            # One word may be a layer that is meant: `(WN)`, `(rellu)`.
            (word,) = words
            if word.text.isupper() or did_you_mean(word.text.lower(), known):
                return False
        return all(part.kind == "word" and not {*words_of(part)} & known for part in words)

    def word(self, parts: Sequence[Part], at: int, only: Draft | None) -> int:
        known = vocabulary()
        part = parts[at]
        behind = parts[at + 1].kind if at + 1 < len(parts) else ""
        if part.text in self.names and behind not in VALUES and not self.longer(parts, at):
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
                Mention("strike", words, True, part.start, last.end, len(self.layers), only)
            )
            return 1 + taken
        if part.text.lower() == "bare":
            self.strikes.append(
                Mention("strike", ("*",), True, part.start, part.end, len(self.layers), only)
            )
            return 1
        if self.compact(part, only):
            return 1
        for words, taken in runs(parts, at):
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
                self.layers.append(draft(kind, preset, part.start, last.end))
                if " ".join(words) in kind.bare:
                    self.layers[-1].struck.add(BARE)
                if re.search(r"[123]d$", words[-1]):
                    self.layers[-1].ranked = words[-1]
                return taken
            if words in known.attributes and (
                used := self.attribute(words, parts, at, taken, only)
            ):
                return used
            if words in known.flags and not self.goes_on(words, parts, at + taken):
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
        if only is None and (taken := self.fused_layer(parts, at)):
            return taken
        self.unknown.append(part)
        return 1

    def longer(self, parts: Sequence[Part], at: int) -> bool:
        """Whether several words from here are a spelling, `layer norm`, `in channels 3`: then the
        first is no name, though one may be called so."""
        known = vocabulary()
        spellings = (known.attributes, known.layers, known.flags, known.units)
        return any(len(w) > 1 and any(w in one for one in spellings) for w, _ in runs(parts, at))

    def fused_layer(self, parts: Sequence[Part], at: int) -> int:
        """A layer with digits behind its words, `conv3`, `up-conv2`; the parts that it takes."""
        known = vocabulary()
        for words, taken in runs(parts, at):
            last = parts[at + taken - 1]
            fused = FUSED.fullmatch(last.text)
            stem = (*words[:-1], fused[1].lower()) if fused else ()
            if fused is None or stem not in known.layers:
                continue
            kind, preset = known.layers[stem]
            made = draft(kind, preset, parts[at].start, last.end)
            self.layers.append(made)
            digits = Part("size", fused[2], last.start + len(fused[1]), last.end)
            numbers = self.size(digits)
            if len(numbers) > 1:
                self.mention("size", (), numbers, digits, digits, made)
            elif kind.takes_suffix is None:
                text = self.source.plain[parts[at].start : last.end]
                word = " ".join(stem)
                raise self.fail(
                    f"is {numbers[0]} in `{text}` the number of the layer, or what it takes?",
                    parts[at],
                    f"for a name write `{text}: {word}`, for a size `{word} 2x2`",
                )
            else:
                self.mention("suffix", (), numbers[0], digits, digits, made)
            return taken
        return 0

    def fused_attribute(self, part: Part) -> tuple[Words, Part] | None:
        """An attribute with its value in one word, as `s2` and `k3x3`."""
        found = FUSED.fullmatch(part.text) if part.kind == "word" else None
        if found is None or part.text in self.names:
            return None
        stem = (found[1].lower(),)
        if stem not in vocabulary().attributes or stem in vocabulary().layers:
            return None
        return stem, Part("size", found[2], part.start + len(found[1]), part.end)

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

    def goes_on(self, words: Words, parts: Sequence[Part], here: int) -> bool:
        """Whether the last word of a flag has a value of its own: `reflect padding 1`."""
        known = vocabulary()
        behind = here < len(parts) and parts[here].kind in ("number", "size", "equals", "parens")
        return behind and words[:-1] in known.flags and words[-1:] in known.attributes

    def attribute(
        self, words: Words, parts: Sequence[Part], at: int, taken: int, only: Draft | None
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
            raise self.without_value(words, parts[at])
        part = parts[here]
        if part.kind == "parens" and words in LISTS:
            value: Value | Expression = self.lists(part)
        elif part.kind == "size" and words[0] in ("kernel", "size", "window", "filter"):
            value = self.size(part)
        elif part.kind == "size":
            value = self.tight(part)
        elif is_size(part):
            value = self.numbers(part)
        elif part.kind == "join" and here + 1 < len(parts) and parts[here + 1].kind == "number":
            joins = is_tight(parts, here)  # YOLO's `s-2`
            here += 1
            part = parts[here]
            # `pad -1`: the check says what is allowed.
            value = self.number(part) if joins else -self.number(part)
        elif part.kind == "number":
            value = self.number(part)
        elif part.kind == "word" and words_of(part) in vocabulary().flags:
            value = part.text.lower()
        elif part.kind == "word" and part.text.lower() in ("true", "false"):
            value = part.text.lower() == "true"
        elif (
            words[0] in ("pad", "padding", "p")
            and part.text.lower() in SIDES
            and part.text not in self.names
        ):
            raise self.fail(
                f"`{part.text}` of a layer that pads on both sides",
                part,
                "a side has a padding of its own: `zero padding left 2 -> conv3-16 valid`",
            )
        elif part.kind in ("word", "mixed") or (part.kind == "parens" and part.inside):
            value = expressions.read(self.source, [part])
        elif words in vocabulary().flags or self.is_unit(words, parts, at):
            return 0
        else:
            raise self.without_value(words, parts[at])
        beside = self.mentions[-1] if at and parts[at - 1].kind == "size" else None
        self.mention("attributes", words, value, parts[at], part, only)
        self.mentions[-1].beside = beside  # `3x3 stride 2` stays together
        return here + 1 - at

    def lists(self, part: Part) -> str:
        """Lists of whole numbers in parentheses: `(0 1 2, 1 2 3)`."""
        inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
        for one in inside:
            if one.kind != "comma" and not (one.kind == "number" and one.text.isdecimal()):
                raise self.fail(
                    f"`{one.text}` where the number of a map is expected",
                    one,
                    "write `connections (0 1 2, 1 2 3)`: the input maps of each output map",
                )
            if one.kind == "number":
                self.whole(one.text, one)
        return " ".join(one.text for one in inside)

    def without_value(self, words: Words, part: Part) -> ArchError:
        """What is wrong where an attribute has no value: perhaps a statement is misspelt."""
        form = FORMS.get(self.phrase.parts[0].text.lower())
        help = f"write it so: `{form}`" if form else "write `stride 2`, …"
        return self.fail(f"`{' '.join(words)}` has no value", part, help)

    def is_unit(self, words: Words, parts: Sequence[Part], at: int) -> bool:
        """Whether an attribute's word is the unit of a size in front: `2 x 2 window`."""
        return bool(at) and parts[at - 1].kind == "size" and words in vocabulary().units


def _unfused(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts in which the number of a layer stands behind its word: `GN 8` for `GN8`."""
    found: list[Part] = []
    for part in parts:
        fused = FUSED.fullmatch(part.text) if part.kind == "word" else None
        layer = vocabulary().layers.get((fused[1].lower(),)) if fused else None
        if (
            fused
            and fused[2].isdigit()
            and layer
            and layer[0].takes_suffix == layer[0].takes_number is not None
        ):
            at = part.start + len(fused[1])
            found.append(Part("word", fused[1], part.start, at))
            found.append(Part("number", fused[2], at, part.end))
        else:
            found.append(part)
    return tuple(found)


def _plain(numbers: tuple[int, ...]) -> Value:
    return numbers if len(numbers) > 1 else numbers[0]


def _grouped(parts: Sequence[Part], at: int) -> bool:
    """Whether `4,096` stands here, written without blanks."""
    three = parts[at : at + 3]
    return (
        [p.kind for p in three] == ["number", "comma", "number"]
        and is_tight(parts, at + 1)
        and len(three[2].text) == 3
        and len(three[0].text) <= 3
    )
