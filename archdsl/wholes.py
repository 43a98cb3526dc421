"""Groups, joins and blocks in use: what a phrase is as a whole."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Protocol

from archdsl import expressions
from archdsl.errors import ArchError, Source, did_you_mean
from archdsl.expressions import Expression
from archdsl.labels import Labels
from archdsl.layers import JOINS
from archdsl.readings import Argument, Blocks, Given, Group, Hole, Joined, Side, Use, Whole
from archdsl.syntax import Part, Phrase
from archdsl.vocabulary import NOISE, runs, vocabulary

REPEAT = re.compile(r"(\d{1,18})[x×]")
FUSED = re.compile(r"([A-Za-z_]+?)(\d+(?:[x×]\d+)*)")  # digits at the end of a word
STRIDES = ("stride", "s")  # the parameters of a block that a stride behind its use sets
_GROUPS = ("bracket", "braces")
_MODULE = ("module", "modules", "block", "blocks", "layer", "layers")  # behind a block's name


class Placed(Protocol):
    """Something with a place in the source."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


class Wholes(ABC):
    """Reads what a phrase is as a whole, its repeat and its stride; and the numbers of its parts.

    `names` are the names that have values, `blocks` the blocks that there are, `labels` those that
    the phrase may refer to.
    """

    def __init__(
        self,
        source: Source,
        phrase: Phrase,
        names: Collection[str],
        blocks: Blocks,
        labels: Labels,
    ) -> None:
        self.source = source
        self.phrase = phrase
        self.names = names
        self.blocks = blocks
        self.labels = labels
        self.repeat: Given | None = None
        self.stride: Given | None = None

    def fail(self, message: str, where: Placed, help: str | None = None) -> ArchError:
        return ArchError(message, self.source.span(where.start, where.end), help=help)

    @abstractmethod
    def group(self, part: Part, kind: str | None = None) -> Group:
        """The lines between brackets or braces; of a join where a kind is given."""

    def take_whole(self, parts: list[Part]) -> Whole | None:
        """A group, a join, a block in use, or a word of blocks; with its repeat and its stride."""
        at = 0
        if len(parts) > 1 and REPEAT.fullmatch(parts[0].text):
            at = 1
        elif len(parts) > 2 and parts[1].kind == "times" and self.counts(parts[0]):
            at = 2
        whole, taken = self.whole_at(parts, at)
        if whole is None:
            return None
        if at == 1:
            count = REPEAT.fullmatch(parts[0].text)
            assert count is not None
            self.repeat = Given(int(count[1]), parts[0].start, parts[0].end)
        elif at:
            self.repeat = self.value(parts[:1])
        parts = parts[at + taken :]
        while parts:
            parts = parts[self.behind_whole(parts, isinstance(whole, Use)) :]
        return whole

    def whole_at(self, parts: Sequence[Part], at: int) -> tuple[Whole | None, int]:
        part, behind = parts[at], parts[at + 1 : at + 3]
        kinds = [p.kind for p in behind]
        word = part.text if part.kind == "word" else ""
        if part.kind in ("bracket", "braces"):
            return self.group(part), 1
        if word.lower() in JOINS:
            if kinds[:1] != ["braces"]:
                return self.joined(parts[at:])
            return self.group(behind[0], word.lower()), 2
        if word in ("identity", "body") and word not in self.names:
            return Hole(word, None, part.start, part.end), 1
        if word == "side" and word not in self.names:
            return self.side(parts[at:])
        if word == "shortcut":
            option = behind[0] if kinds[:1] == ["word"] and not self.knows(behind[0]) else None
            end = option.end if option else part.end
            return Hole(word, option, part.start, end), 2 if option else 1
        name, taken = self.block_at(parts, at)
        if name is None:
            groups = [k for k in kinds if k in ("bracket", "braces")]
            known = (word.lower(),) in vocabulary().layers and kinds[:1] != groups[:1]
            if word and not known and groups and kinds[0] in ("parens", groups[0]):
                raise self.unknown_block(part)
            return None, 0
        use, more = self.use(name, parts[at + taken :], part)
        return use, taken + more

    def block_at(self, parts: Sequence[Part], at: int) -> tuple[str | None, int]:
        """The block that words name, longest run first, and the parts that they take.

        `Residual block` is the block residual_block, and `MBConv6` is mbconv with an argument. A
        word that is also a layer's is a block only in front of a group: `dense [ … ]`.
        """
        part = parts[at]
        if part.kind != "word":
            return None, 0
        known = vocabulary().layers
        for words, taken in runs(parts, at):
            name = self.blocks.spelled(part.text if taken == 1 else "_".join(words))
            grouped = parts[at + taken : at + taken + 1]
            if name and (words not in known or (grouped and grouped[0].kind in _GROUPS)):
                return name, taken
            if words in known:
                return None, 0
        if found := FUSED.fullmatch(part.text):
            return self.blocks.spelled(found[1]), 0
        return None, 0

    def use(self, name: str, parts: Sequence[Part], first: Part) -> tuple[Use, int]:
        """A block with its arguments and its group; and how many parts they take.

        Arguments stand in parentheses; or between commas, by name (`k3x3`, `kernel_size: 5`) or by
        place. Digits of the block's word are its first argument.
        """
        arguments: list[Argument] = []
        taken, end = 0, first.end
        if parts and parts[0] is first:  # `MBConv6`
            found = FUSED.fullmatch(first.text)
            assert found is not None
            digits = Part("size", found[2], first.start + len(found[1]), first.end)
            arguments.append(Argument(None, self.one_number(digits), digits.start, digits.end))
            taken = 1
        elif parts and parts[0].kind == "word" and parts[0].text.lower() in _MODULE:
            taken = 1  # `inception module`
        if len(parts) > taken and parts[taken].kind == "parens" and not arguments:
            parens = parts[taken]
            inside: Sequence[Part] = parens.inside  # type: ignore[assignment]
            given = expressions.split(inside)
            if inside and len(given) != 1 + sum(p.kind == "comma" for p in inside):
                raise self.fail("an argument is missing beside a comma", parens, "strike one")
            arguments += map(self.argument, given)
            taken += 1
        free = [p for p in self.blocks.parameter_names(name) if p not in STRIDES]
        del free[: len(arguments)]
        while taken < len(parts):
            joins = parts[taken].kind in ("comma", "join") or parts[taken].text.lower() in NOISE
            found_at = taken + joins
            more = self.word_argument(parts[found_at:], free, arguments)
            if not more:
                break
            taken = found_at + more
        if taken:
            end = parts[taken - 1].end
        body = None
        if taken < len(parts) and parts[taken].kind in _GROUPS:
            body = self.group(parts[taken])
            end = parts[taken].end
            taken += 1
        return Use(name, tuple(arguments), body, first.start, end), taken

    def word_argument(
        self, parts: Sequence[Part], free: list[str], arguments: list[Argument]
    ) -> int:
        """An argument of a block that stands outside of parentheses; the parts that it takes."""
        if not parts:
            return 0
        part = parts[0]
        for words, taken in runs(parts, 0):
            name = next((p for p in (part.text, "_".join(words)) if p in (*free, *STRIDES)), None)
            signs = [p.kind for p in parts[taken : taken + 2]]
            if name is None or not signs:
                continue
            taken += signs[0] in ("equals", "colon")
            if taken < len(parts) and parts[taken].kind in ("number", "size", "parens", "mixed"):
                value = self.before_repeat(parts[taken])
                self.named_argument(name, value, part, free, arguments)
                return taken + 1
        if part.kind == "word" and part.text not in self.names:
            found = FUSED.fullmatch(part.text)
            if found is None or found[1] not in (*free, *STRIDES):
                return 0
            digits = Part("size", found[2], part.start + len(found[1]), part.end)
            self.named_argument(found[1], digits, part, free, arguments)
            return 1
        if part.kind not in ("number", "mixed", "parens", "size", "word") or not free:
            return 0
        if part.kind == "mixed" and REPEAT.fullmatch(part.text):
            return 0
        self.named_argument(free[0], self.before_repeat(part), part, free, arguments)
        return 1

    def before_repeat(self, part: Part) -> Part:
        """The argument in `24 x 2`, which is a number and a repeat."""
        numbers = self.size(part) if part.kind == "size" else ()
        if len(numbers) != 2 or self.repeat is not None or not re.search(r"\s", part.text):
            return part
        self.repeat = Given(numbers[1], part.start, part.end)
        digits = len(str(numbers[0]))
        return Part("number", str(numbers[0]), part.start, part.start + digits)

    def named_argument(
        self, name: str, value: Part, first: Part, free: list[str], arguments: list[Argument]
    ) -> None:
        """Give an argument its value. A stride belongs to the first repetition."""
        number = self.one_number(value) if value.kind == "size" else None
        expression = number or expressions.read(self.source, [value])
        if name in STRIDES:
            if self.stride is not None:
                raise self.fail("a second stride", value, "strike one of the two")
            self.stride = Given(expression, first.start, value.end)
            return
        free.remove(name)
        named = Part("word", name, first.start, value.end)
        arguments.append(Argument(named, expression, first.start, value.end))

    def one_number(self, part: Part) -> Expression:
        """A size of equal sides as the number that a block's parameter is: `3x3` is 3."""
        numbers = set(self.tight(part))
        if len(numbers) > 1:
            raise self.fail(
                f"the size `{part.text}` where a block takes a number", part, "write one number"
            )
        (number,) = numbers
        return Expression("number", str(number), number, (), part.start, part.end)

    def joined(self, parts: Sequence[Part]) -> tuple[Joined, int]:
        """What flows joined with labelled values, `concat conv4, conv3`."""
        word, end = parts[0].text, 2
        while end + 1 < len(parts) and parts[end].kind == "comma":
            end += 2
        named, behind = parts[1:end:2], parts[end : end + 1]
        wrong = any(part.kind not in ("word", "mixed") for part in named)
        if not named or wrong or (behind and behind[0].kind != "times"):
            raise self.fail(
                f"`{word}` without its branches",
                parts[0],
                f"write `{word} {{ a; b }}`, or `{word} conv4` for what flows and a labelled value",
            )
        references = tuple(self.labels.reference(self.source, part, self.blocks) for part in named)
        return Joined(word.lower(), references, parts[0].start, named[-1].end), end

    def side(self, parts: Sequence[Part]) -> tuple[Side, int]:
        """A side head, `side aux1 weight 0.3 { a; b }`."""
        form = "write `side aux1 weight 0.3 { average pool 5x5/3; FC-10 }`"
        at, name, weight = 1, None, None
        kinds = [part.kind for part in parts]
        if kinds[at : at + 1] in (["word"], ["mixed"]) and parts[at].text != "weight":
            name, at = parts[at], at + 1
        if kinds[at : at + 1] == ["word"] and parts[at].text == "weight":
            at += 1
            if kinds[at : at + 1] in (["equals"], ["colon"]):
                at += 1
            if at == len(parts) or not self.counts(parts[at]):
                raise self.fail("`weight` has no value", parts[at - 1], form)
            weight, at = self.value(parts[at : at + 1]), at + 1
        if kinds[at : at + 1] not in (["braces"], ["bracket"]):
            raise self.fail("`side` without its lines", parts[0], form)
        group = self.group(parts[at])
        if at + 1 < len(parts) or not group.lines:
            raise self.fail(
                f"`{parts[-1].text}` cannot stand behind a side head"
                if group.lines
                else "a side head without a line",
                parts[-1],
                form,
            )
        return Side(name, weight, group, parts[0].start, group.end), at + 1

    def argument(self, parts: Sequence[Part]) -> Argument:
        start, end = parts[0].start, parts[-1].end
        if len(parts) > 2 and parts[0].kind == "word" and parts[1].kind == "equals":
            value = expressions.read(self.source, parts[2:])
            return Argument(parts[0], value, start, end)
        return Argument(None, expressions.read(self.source, parts), start, end)

    def unknown_block(self, part: Part) -> ArchError:
        return self.fail(
            f"there is no block `{part.text}`",
            part,
            did_you_mean(part.text, self.blocks.known())
            or f"define it: `block {part.text} {{ … }}`",
        )

    def behind_whole(self, parts: Sequence[Part], is_block: bool) -> int:
        """`x 3` and `stride 2` behind a group; the number of parts that they take."""
        part = parts[0]
        if part.kind == "comma" and len(parts) > 1 and parts[1].kind in ("times", "word"):
            return 1
        if part.kind == "times" and len(parts) > 1 and self.counts(parts[1]):
            if self.repeat is not None:
                raise self.fail("a second repeat", parts[1], "strike one of the two")
            self.repeat = self.value(parts[1:2])
            return 2
        if part.kind == "word" and part.text.lower() == "stride":
            value = parts[1:2] if len(parts) > 1 else ()
            taken = 2
            if value and value[0].kind in ("equals", "colon"):
                value, taken = parts[2:3], 3
            if not value or not (self.counts(value[0]) or value[0].kind == "size"):
                raise self.fail("`stride` has no value", part, "write `[ … ] x 3, stride 2`")
            if self.stride is not None:
                raise self.fail("a second stride", part, "strike one of the two")
            if value[0].kind == "size":
                self.stride = Given(self.tight(value[0]), value[0].start, value[0].end)
            else:
                self.stride = self.value(value)
            return taken
        if part.kind in ("bracket", "braces"):
            raise self.fail(
                "two groups side by side", part, "put each on a line, or write `->` between them"
            )
        raise self.fail(
            f"`{part.text}` cannot stand behind a {'block' if is_block else 'group'}",
            part,
            "a block takes arguments in parentheses or by name, a repeat and a stride: "
            "`bottleneck(6, 24) x 2, stride 2`; a layer stands on a line of its own, or behind `->`"
            if is_block
            else "a group takes a repeat and a stride: `[ … ] x 3, stride 2`; "
            "a layer stands on a line of its own, or behind `->`",
        )

    # Numbers.

    def counts(self, part: Part) -> bool:
        return part.kind in ("number", "parens") or part.text in self.names

    def value(self, parts: Sequence[Part]) -> Given:
        """A number, or an expression of one part."""
        (part,) = parts
        if part.kind == "number":
            return Given(self.number(part), part.start, part.end)
        return Given(expressions.read(self.source, parts), part.start, part.end)

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

    def knows(self, parts: Part | Sequence[Part]) -> bool:
        """Whether an attribute's word begins here."""
        run = [parts] if isinstance(parts, Part) else parts
        return any(words in vocabulary().attributes for words, _ in runs(run, 0))
