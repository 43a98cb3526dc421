"""The parts of a phrase, one after the other: words, sizes, numbers, parentheses.

A layer word begins a layer, everything else is a mention or a word that means nothing.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers import Input, Layer, Value
from archdsl.notation.ast import ValueText
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
from archdsl.syntax.ast import ColumnValue, Token
from archdsl.syntax.expressions import Expression
from archdsl.syntax.statements import FORMS

VALUES = ("number", "size", "equals", "colon", "parens", "mixed")  # what follows an attribute
SIDES = ("left", "right", "top", "bottom", "front", "back")
REPEAT_AS_NAME = re.compile(r"(x\d*)\s*[:=]", re.IGNORECASE)  # `x1: conv3-8`, a label to its author


class Scanner(Mentions):
    """Reads the parts of a phrase that is made of layers."""

    unknown: list[Token]  # words that mean nothing

    @abstractmethod
    def unknown_words(self) -> ArchError:
        """The error of a phrase in which words mean nothing."""

    def scan(self, tokens: Sequence[Token], only: Draft | None) -> None:
        at = 0
        while at < len(tokens):
            at += self.step(tokens, at, only)

    def scan_columns(self, columns: Sequence[ColumnValue]) -> None:
        """Read what the columns of a table give to the layer of a row."""
        for column in columns:
            if column.role == "attribute":
                if not self.attribute((column.name,), column.tokens, 0, 0, None):
                    self.unknown.append(column.tokens[0])
            elif column.role != "times":
                self.scan(column.tokens, None)

    def step(self, tokens: Sequence[Token], at: int, only: Draft | None) -> int:
        """Read what begins at a part; the number of parts that it took."""
        token = tokens[at]
        behind = tokens[at + 1] if at + 1 < len(tokens) else None
        match token.kind:
            case "word":
                return self.word(tokens, at, only)
            case "size":
                spaced = re.search(r"\s", token.text)
                before = tokens[at - 1] if at else None
                if spaced and behind is None and before is not None and self.sized(before):
                    # `conv3-64 x 2`: the second spaced size of a layer is width and repeat.
                    *number, count = self.size(token)
                    if len(number) == 1 and self.repeat is None:
                        self.mention("number", (), number[0], token, token, only)
                        self.repeat = ValueText(count, token.start, token.end)
                        return 1
                self.mention("size", (), self.size(token), token, token, only)
                return 1
            case "number":
                if _grouped(tokens, at):
                    raise self.fail(
                        "a separator of thousands",
                        tokens[at + 1],
                        "only claims have them: write 4096",
                    )
                if unit := self.unit(tokens, at + 1):
                    words, taken = unit
                    value = self.number(token)
                    self.mention("units", words, value, token, tokens[at + taken], only)
                    return 1 + taken
                self.mention("number", (), self.number(token), token, token, only)
                return 1
            case "mixed":
                return self.mixed(token, only)
            case "slash" if behind is not None and self.strides(behind):
                stride: Value = (
                    self.number(behind) if behind.kind == "number" else self.tight(behind)
                )
                previous = self.mentions[-1] if self.mentions else None
                self.mention("attributes", ("stride",), stride, token, behind, only)
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
                    f"the line ends with `{token.text}`", token, "go on behind it, or strike it"
                )
            case "join":
                self.check_sign(tokens, at)
                return 1
            case "comma":
                return 1
            case "parens":
                return self.parens(tokens, at, only)
            case "bracket" | "braces":
                raise self.fail(
                    "a group beside a layer", token, "give the group a line of its own, or use `->`"
                )
            case "times" if self.unknown:
                raise self.unknown_words()
            case "times" if at == 0:
                name = REPEAT_AS_NAME.match(self.source.text, token.start)
                if name is not None:
                    raise ArchError(
                        f"`{name[1]}` is read as a repeat, and cannot be a name",
                        self.source.span(name.start(1), name.end(1)),
                        help=f"`x` repeats: write `{name[1].upper()}`, or another name",
                    )
                raise self.fail(
                    "a repeat of nothing", token, "what it repeats stands in front: `[ … ] x 3`"
                )
            case "times":
                raise self.fail(
                    "a repeat in the middle of a layer", token, "write it last: `conv3-64 x2`"
                )
        if token.kind in ("equals", "colon"):
            raise self.unknown_attribute(tokens, at)
        help = "put an expression in parentheses: `conv3-(2*k)`"
        if token.kind == "slash":
            help = "a stride stands behind a kernel, `3x3/2`; else write `stride 2`"
        elif token.text == "//":
            help = "`#` begins a comment; an expression stands in parentheses"
        raise self.fail(f"`{token.text}` belongs to no layer", token, help)

    def unknown_attribute(self, tokens: Sequence[Token], at: int) -> ArchError:
        """What stands in front of a sign that no attribute is in front of."""
        sign, before = tokens[at], tokens[at - 1] if at else tokens[at]
        if at < 2 or before.kind not in ("word", "mixed"):
            return self.fail(
                f"`{sign.text}` belongs to no layer",
                sign,
                "a label is `stem: conv3-64`, an attribute `stride = 2`, "
                "a convention `conv means conv-relu`",
            )
        known = vocabulary()
        help = did_you_mean(before.text, [" ".join(words) for words in known.attributes])
        if any(words in known.layers for words, _ in runs(tokens, at + 1)):
            help = f"a layer stands for itself: write `{tokens[at + 1].text}` alone"
        return self.fail(
            f"unknown attribute `{before.text}`",
            before,
            help or "a layer takes `stride: 2`, `kernel_size=3`, …",
        )

    def strides(self, behind: Token) -> bool:
        """Whether a slash in front of this part begins a stride: `3x3/2`, `conv7-64/2`."""
        previous = self.mentions[-1] if self.mentions else None
        return (
            behind.kind in ("number", "size")
            and previous is not None
            and previous.how in ("size", "suffix", "number")
            and not isinstance(previous.value, Expression)
        )

    def sized(self, before: Token) -> bool:
        """Whether every layer so far has its size, so that another one is width and repeat."""
        windows = sum(layer.kind.takes_size is not None for layer in self.layers)
        sizes = sum(m.how in ("size", "suffix") for m in self.mentions)
        return before.kind == "join" or sizes >= max(1, windows)

    def compact(self, token: Token, only: Draft | None) -> bool:
        """Read a whole layer in one word: `20C4`, `k3n64s1`."""
        for regex, kind, preset in vocabulary().compact:
            found = regex.fullmatch(token.text)
            if found and only is None and token.text not in self.names:
                made = draft(kind, preset, token.start, token.end)
                self.layers.append(made)
                for name, digits in found.groupdict().items():
                    if digits is not None:
                        value = self.checked(kind, name, self.composite(digits, token), token)
                        made.given[name] = ValueText(value, token.start, token.end)
                return True
        return False

    def mixed(self, token: Token, only: Draft | None) -> int:
        if self.compact(token, only):
            return 1
        match = re.fullmatch(r"(\d+)([A-Za-z_]\w*)", token.text)
        if REPEAT.fullmatch(token.text):
            raise self.fail("a second repeat", token, "put one of them around a group: `[ … ] x 3`")
        unit = match and (match[2].lower(),) in vocabulary().units
        if match and unit and match[2] not in self.names:
            count = self.composite(match[1], token)
            self.mention("units", (match[2].lower(),), count, token, token, only)
        elif match:
            value = expressions.read(self.source, [token])
            self.mention("number", (), value, token, token, only)
        else:
            self.unknown.append(token)
        return 1

    def unit(self, tokens: Sequence[Token], at: int) -> tuple[Words, int] | None:
        """The unit behind a number, as in `96 filters` or `1000-d fc`."""
        known = vocabulary()
        fused = at > 1 and tokens[at - 2].kind == "join" and is_tight(tokens, at - 2)
        hyphen = at + 1 < len(tokens) and tokens[at].kind == "join" and is_tight(tokens, at)
        start = at + 1 if hyphen else at
        for words, taken in runs(tokens, start):
            if len(words) > 1 and (words in known.layers or words in known.flags):
                return None  # `64 channel shuffle`
            if words in known.attributes and fused:
                continue  # the number of `conv3-64` is its width
            if words in known.attributes and start + taken < len(tokens):
                follows = tokens[start + taken]
                if follows.kind != "comma" and follows.text.lower() not in NOISE:
                    continue  # in `64 stride 2` the word belongs to what follows
            if words in known.units and words not in known.layers:
                return words, taken + (1 if hyphen else 0)
        return None

    def parens(self, tokens: Sequence[Token], at: int, only: Draft | None) -> int:
        token = tokens[at]
        inside: tuple[Token, ...] = token.inside  # type: ignore[assignment]
        word = at and tokens[at - 1].kind == "word" and self.layers
        if is_size(token) and not (word and self.layers[-1].end == tokens[at - 1].end):
            self.mention("size", (), self.numbers(token), token, token, only)  # `4 kernels (3,5,5)`
        elif word and self.layers[-1].end == tokens[at - 1].end:
            # Behind a layer word: its arguments.
            self.layers[-1].end = token.end
            self.arguments(inside)
        elif (found := self.optional(token, only)) is not None:
            inside = _unfused(inside)
            kind, preset, begin, taken = found
            self.layers.append(draft(kind, preset, token.start, token.end))
            self.layers[-1].stands = self.blocks.options.stands(kind.kind)
            self.arguments(inside[:begin])
            rest = inside[begin + taken :]
            lone = len(rest) == 1 and rest[0].kind == "parens"
            self.arguments(rest[0].inside if lone else rest)  # type: ignore[arg-type]
        elif any(p.kind != "join" for p in inside) and all(map(self.computes, inside)):
            number = expressions.read(self.source, inside)  # `conv 1x1 (t*in)`
            self.mention("number", (), number, token, token, only)
        elif not self.remark(inside):
            self.scan(inside, only)  # `(3x3) Conv`, `conv3-64 (stride 2)`
        return 1

    def arguments(self, inside: Sequence[Token]) -> None:
        """What stands between the parentheses behind the last layer."""
        for argument in expressions.split(inside):
            if len(argument) > 1 and all(map(self.computes, argument)):
                number = expressions.read(self.source, argument)
                self.mention("number", (), number, argument[0], argument[-1], self.layers[-1])
            else:
                self.scan(argument, self.layers[-1])

    def optional(
        self, token: Token, only: Draft | None
    ) -> tuple[type[Layer], Mapping[str, Value], int, int] | None:
        """The one layer that parentheses hold, where its word stands, and the parts that it takes.

        It is optional, `Conv-(BN)-Relu`, `fc-(dropout 0.5)`; a weight layer is not: `(conv) 64`.
        """
        if token.kind != "parens" or only is not None:
            return None
        found = layers_among(_unfused(token.inside))  # type: ignore[arg-type]
        kinds = [kind for kind, *_ in found]
        if not kinds or any(kind.weighs or kind is Input for kind in kinds):
            return None
        if len(kinds) > 1:
            raise self.fail(
                "several layers in parentheses",
                token,
                "those around a lone layer make it optional: `-(bn)-(relu)`; else leave them out",
            )
        return found[0]

    def computes(self, token: Token) -> bool:
        """Whether a part can stand in an expression."""
        signs = ("number", "operator", "slash", "join", "parens")
        names = (*expressions.FUNCTIONS, "not", "and", "or")
        return token.kind in signs or token.text in self.names or token.text in names

    def remark(self, tokens: Sequence[Token]) -> bool:
        """Whether parentheses hold only words that the language does not know: `(class scores)`."""
        known = {word for spelling in vocabulary().known for word in spelling.split()}
        known |= {"no", "bare"}
        words = [token for token in tokens if token.kind not in ("join", "comma")]
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
        return all(token.kind == "word" and not {*words_of(token)} & known for token in words)

    def word(self, tokens: Sequence[Token], at: int, only: Draft | None) -> int:
        known = vocabulary()
        token = tokens[at]
        behind = tokens[at + 1].kind if at + 1 < len(tokens) else ""
        if token.text in self.names and behind not in VALUES and not self.longer(tokens, at):
            value = expressions.read(self.source, [token])  # `conv3-k`: a name that has a value
            self.mention("number", (), value, token, token, only)
            return 1
        if words_of(token) == ("no",) and not self.flagged(tokens, at):
            struck = self.struck(tokens, at + 1)
            if struck is None and behind == "word" and self.knows(tokens[at + 1]):
                shown = tokens[at + 1].text
                raise self.fail(f"`no {shown}` strikes nothing", token, "`no relu`, `no bias`, …")
            if struck is None:
                self.unknown.append(tokens[at + 1] if behind == "word" else token)
                return 2 if behind == "word" else 1
            words, taken = struck
            last = tokens[at + taken]
            rest = tokens[at + taken + 1 : at + taken + 3]
            if len(rest) == 2 and rest[0].text in ("-", "and") and self.struck(rest, 1):
                raise self.fail(
                    f"does `no` strike `{rest[1].text}` too?",
                    rest[1],
                    f"write `no {last.text} no {rest[1].text}`",
                )
            self.strikes.append(
                Mention("strike", words, True, token.start, last.end, len(self.layers), only)
            )
            return 1 + taken
        if token.text.lower() == "bare":
            self.strikes.append(
                Mention("strike", ("*",), True, token.start, token.end, len(self.layers), only)
            )
            return 1
        if self.compact(token, only):
            return 1
        for words, taken in runs(tokens, at):
            last = tokens[at + taken - 1]
            if words in known.layers and only is not None:
                raise self.fail(
                    "a layer inside the parentheses of another",
                    token,
                    "write it behind them; an optional layer stands behind a hyphen, "
                    f"`-({token.text})`",
                )
            if words in known.layers:
                kind, preset = known.layers[words]
                self.layers.append(draft(kind, preset, token.start, last.end))
                if " ".join(words) in kind.bare:
                    self.layers[-1].struck.add(BARE)
                if re.search(r"[123]d$", words[-1]):
                    self.layers[-1].ranked = words[-1]
                return taken
            if words in known.attributes and (
                used := self.attribute(words, tokens, at, taken, only)
            ):
                return used
            if words in known.flags and not self.goes_on(words, tokens, at + taken):
                self.mention("flags", words, True, token, last, only)
                return taken
            if words in known.units and at and tokens[at - 1].kind == "size":
                self.beside_size.append(words)
                return taken  # `3x3 filters`: the size says it
            if words == ("with",) and token is self.phrase.tokens[0]:
                raise self.fail(
                    "a layer does not begin with `with`",
                    token,
                    "`with bn`, alone on a line, lets the optional layers `(bn)` stand",
                )
            if len(words) == 1 and words[0] in NOISE:
                return taken
            if words == ("of",) and (behind == "size" or self.knows(tokens[at + 1 :])):
                return taken  # `96 kernels of size 11x11`
            if words == ("layer",) and self.layers and tokens[at - 1].kind == "word":
                return taken  # `conv layer`
        if short := self.fused_attribute(token):
            attribute, digits = short
            numbers = self.size(digits)
            self.mention("attributes", attribute, _plain(numbers), token, token, only)
            return 1
        if only is None and (taken := self.fused_layer(tokens, at)):
            return taken
        self.unknown.append(token)
        return 1

    def longer(self, tokens: Sequence[Token], at: int) -> bool:
        """Whether several words from here are a spelling, `layer norm`, `in channels 3`: then the
        first is no name, though one may be called so."""
        known = vocabulary()
        spellings = (known.attributes, known.layers, known.flags, known.units)
        return any(len(w) > 1 and any(w in one for one in spellings) for w, _ in runs(tokens, at))

    def fused_layer(self, tokens: Sequence[Token], at: int) -> int:
        """A layer with digits behind its words, `conv3`, `up-conv2`; the parts that it takes."""
        known = vocabulary()
        for words, taken in runs(tokens, at):
            last = tokens[at + taken - 1]
            fused = FUSED.fullmatch(last.text)
            stem = (*words[:-1], fused[1].lower()) if fused else ()
            if fused is None or stem not in known.layers:
                continue
            kind, preset = known.layers[stem]
            made = draft(kind, preset, tokens[at].start, last.end)
            self.layers.append(made)
            digits = Token("size", fused[2], last.start + len(fused[1]), last.end)
            numbers = self.size(digits)
            if len(numbers) > 1:
                self.mention("size", (), numbers, digits, digits, made)
            elif kind.takes_suffix is None:
                text = self.source.plain[tokens[at].start : last.end]
                word = " ".join(stem)
                raise self.fail(
                    f"is {numbers[0]} in `{text}` the number of the layer, or what it takes?",
                    tokens[at],
                    f"for a name write `{text}: {word}`, for a size `{word} 2x2`",
                )
            else:
                self.mention("suffix", (), numbers[0], digits, digits, made)
            return taken
        return 0

    def fused_attribute(self, token: Token) -> tuple[Words, Token] | None:
        """An attribute with its value in one word, as `s2` and `k3x3`."""
        found = FUSED.fullmatch(token.text) if token.kind == "word" else None
        if found is None or token.text in self.names:
            return None
        stem = (found[1].lower(),)
        if stem not in vocabulary().attributes or stem in vocabulary().layers:
            return None
        return stem, Token("size", found[2], token.start + len(found[1]), token.end)

    def flagged(self, tokens: Sequence[Token], at: int) -> bool:
        """Whether a flag such as `no bias` begins here."""
        return any(words in vocabulary().flags for words, _ in runs(tokens, at))

    def struck(self, tokens: Sequence[Token], at: int) -> tuple[Words, int] | None:
        """The layer kind behind `no`, as in `no relu`; any of them in `no activation`."""
        for words, taken in runs(tokens, at):
            if words == (ACTIVATION,):
                return words, taken
            if words in vocabulary().layers:
                return (vocabulary().layers[words][0].kind,), taken
        return None

    def goes_on(self, words: Words, tokens: Sequence[Token], here: int) -> bool:
        """Whether the last word of a flag has a value of its own: `reflect padding 1`."""
        known = vocabulary()
        behind = here < len(tokens) and tokens[here].kind in ("number", "size", "equals", "parens")
        return behind and words[:-1] in known.flags and words[-1:] in known.attributes

    def attribute(
        self, words: Words, tokens: Sequence[Token], at: int, taken: int, only: Draft | None
    ) -> int:
        """An attribute word with its value; 0 when none follows."""
        here = at + taken
        has_value = here < len(tokens) and tokens[here].kind in ("parens", "equals", "colon")
        if words in LISTS and self.phrase.connections and not has_value:
            last = tokens[at + taken - 1]
            self.mention("attributes", words, self.phrase.connections, tokens[at], last, only)
            return taken
        if here < len(tokens) and tokens[here].text.lower() == "of":
            here += 1  # `a stride of 2`
        if here + 1 < len(tokens) and tokens[here + 1].kind == "equals":
            here += 2  # `stride r = 2`
        elif here < len(tokens) and tokens[here].kind in ("equals", "colon"):
            here += 1
        elif here < len(tokens) and tokens[here].kind == "word" and words in vocabulary().flags:
            return 0
        if here >= len(tokens):
            if words in vocabulary().flags or self.is_unit(words, tokens, at):
                return 0
            raise self.without_value(words, tokens[at])
        token = tokens[here]
        if token.kind == "parens" and words in LISTS:
            value: Value | Expression = self.lists(token)
        elif token.kind == "size" and words[0] in ("kernel", "size", "window", "filter"):
            value = self.size(token)
        elif token.kind == "size":
            value = self.tight(token)
        elif is_size(token):
            value = self.numbers(token)
        elif token.kind == "join" and here + 1 < len(tokens) and tokens[here + 1].kind == "number":
            joins = is_tight(tokens, here)  # YOLO's `s-2`
            here += 1
            token = tokens[here]
            # `pad -1`: the check says what is allowed.
            value = self.number(token) if joins else -self.number(token)
        elif token.kind == "number":
            value = self.number(token)
        elif token.kind == "word" and words_of(token) in vocabulary().flags:
            value = token.text.lower()
        elif token.kind == "word" and token.text.lower() in ("true", "false"):
            value = token.text.lower() == "true"
        elif (
            words[0] in ("pad", "padding", "p")
            and token.text.lower() in SIDES
            and token.text not in self.names
        ):
            raise self.fail(
                f"`{token.text}` of a layer that pads on both sides",
                token,
                "a side has a padding of its own: `zero padding left 2 -> conv3-16 valid`",
            )
        elif token.kind in ("word", "mixed") or (token.kind == "parens" and token.inside):
            value = expressions.read(self.source, [token])
        elif words in vocabulary().flags or self.is_unit(words, tokens, at):
            return 0
        else:
            raise self.without_value(words, tokens[at])
        beside = self.mentions[-1] if at and tokens[at - 1].kind == "size" else None
        self.mention("attributes", words, value, tokens[at], token, only)
        self.mentions[-1].beside = beside  # `3x3 stride 2` stays together
        return here + 1 - at

    def lists(self, token: Token) -> str:
        """Lists of whole numbers in parentheses: `(0 1 2, 1 2 3)`."""
        inside: tuple[Token, ...] = token.inside  # type: ignore[assignment]
        for one in inside:
            if one.kind != "comma" and not (one.kind == "number" and one.text.isdecimal()):
                raise self.fail(
                    f"`{one.text}` where the number of a map is expected",
                    one,
                    "write `connections (0 1 2, 1 2 3)`: the input maps of each output map",
                )
            if one.kind == "number":
                self.composite(one.text, one)
        return " ".join(one.text for one in inside)

    def without_value(self, words: Words, token: Token) -> ArchError:
        """What is wrong where an attribute has no value: perhaps a statement is misspelt."""
        form = FORMS.get(self.phrase.tokens[0].text.lower())
        help = f"write it so: `{form}`" if form else "write `stride 2`, …"
        return self.fail(f"`{' '.join(words)}` has no value", token, help)

    def is_unit(self, words: Words, tokens: Sequence[Token], at: int) -> bool:
        """Whether an attribute's word is the unit of a size in front: `2 x 2 window`."""
        return bool(at) and tokens[at - 1].kind == "size" and words in vocabulary().units


def _unfused(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Parts in which the number of a layer stands behind its word: `GN 8` for `GN8`."""
    found: list[Token] = []
    for token in tokens:
        fused = FUSED.fullmatch(token.text) if token.kind == "word" else None
        layer = vocabulary().layers.get((fused[1].lower(),)) if fused else None
        if (
            fused
            and fused[2].isdigit()
            and layer
            and layer[0].takes_suffix == layer[0].takes_number is not None
        ):
            at = token.start + len(fused[1])
            found.append(Token("word", fused[1], token.start, at))
            found.append(Token("number", fused[2], at, token.end))
        else:
            found.append(token)
    return tuple(found)


def _plain(numbers: tuple[int, ...]) -> Value:
    return numbers if len(numbers) > 1 else numbers[0]


def _grouped(tokens: Sequence[Token], at: int) -> bool:
    """Whether `4,096` stands here, written without blanks."""
    three = tokens[at : at + 3]
    return (
        [p.kind for p in three] == ["number", "comma", "number"]
        and is_tight(tokens, at + 1)
        and len(three[2].text) == 3
        and len(three[0].text) <= 3
    )
