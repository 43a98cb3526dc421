"""A block in use: its name in whatever spelling, its arguments, its group."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from archdsl.errors import ArchError, Source, did_you_mean
from archdsl.notation.ast import Argument, Blocks, Given, Group, Use
from archdsl.notation.numbers import FUSED, REPEAT, Numerals
from archdsl.notation.vocabulary import NOISE, is_tight, runs, vocabulary
from archdsl.syntax import expressions
from archdsl.syntax.ast import Part
from archdsl.syntax.expressions import Expression

STRIDES = ("stride", "s")  # the parameters of a block that a stride behind its use sets
GROUPS = ("bracket", "braces")
_MODULE = ("module", "modules", "block", "blocks", "layer", "layers")  # behind a block's name


class Uses(Numerals, ABC):
    """Reads blocks in use; `blocks` are those that there are."""

    def __init__(self, source: Source, names: Collection[str], blocks: Blocks) -> None:
        super().__init__(source, names)
        self.blocks = blocks
        self.repeat: Given | None = None
        self.stride: Given | None = None

    @abstractmethod
    def group(self, part: Part, kind: str | None = None) -> Group:
        """The lines between brackets or braces; of a join where a kind is given."""

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
            if name and (words not in known or (grouped and grouped[0].kind in GROUPS)):
                return name, taken
            if words in known:
                return None, 0
        if found := FUSED.fullmatch(part.text):
            return self.blocks.spelled(found[1]), 0
        return None, 0

    def begins_link(self, parts: Sequence[Part], begin: int, at: int) -> bool:
        """Whether behind the sign at a place another link of the chain begins, of which the first
        stands at `begin`: a block, which is no argument of one in front of it."""
        front, _ = self.block_at(parts, begin)
        name, taken = self.block_at(parts, at + 1)
        sign, first = parts[at], parts[at + 1]
        if name is None:
            return False
        stem = FUSED.fullmatch(first.text)
        own = self.blocks.parameter_names(front) if front else ()
        if first.text in own or (stem and stem[1] in own):
            return False
        if sign.kind == "join":
            return taken == 0 and sign.text == "-" and is_tight(parts, at)
        behind = parts[at + 1 + max(1, taken) :][:1]
        return not (behind and behind[0].kind in ("equals", "colon"))

    def use(self, name: str, parts: Sequence[Part], first: Part, last: Part) -> tuple[Use, int]:
        """A block with its arguments and its group; and how many parts they take.

        Its words stand from `first` to `last`. Arguments stand in parentheses; or between commas,
        by name (`k3x3`, `kernel_size: 5`) or by place. Digits of the block's word are its first.
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
        if len(parts) > taken and parts[taken].kind == "parens":
            parens = parts[taken]
            inside: Sequence[Part] = parens.inside  # type: ignore[assignment]
            given = expressions.split(inside)
            if inside and len(given) != 1 + sum(p.kind == "comma" for p in inside):
                raise self.fail("an argument is missing beside a comma", parens, "strike one")
            own = self.blocks.parameter_names(name)
            inner = [self.argument(one, own) for one in given]
            if arguments and any(argument.name is None for argument in inner):
                # Is 2 in `fire2(16, 64)` an argument, as 6 in `MBConv6(k=3)`, or part of a name?
                shown = self.source.plain[parens.start : parens.end]
                raise self.fail(
                    f"are the digits of `{first.text}` an argument, or part of a name?",
                    first,
                    f"write `{first.text}: {name}{shown}` for a name, "
                    "or all arguments in parentheses",
                )
            arguments += inner
            taken += 1
        named = {argument.name.text for argument in arguments if argument.name is not None}
        places = sum(argument.name is None for argument in arguments)
        free = list(self.blocks.parameter_names(name))[places:]
        free = [parameter for parameter in free if parameter not in named]
        while taken < len(parts):
            self.check_sign((last, *parts), taken + 1)
            joins = parts[taken].kind in ("comma", "join") or parts[taken].text.lower() in NOISE
            found_at = taken + joins
            more = self.word_argument(parts[found_at:], free, arguments)
            if not more:
                break
            taken = found_at + more
        if taken:
            end = parts[taken - 1].end
        body = None
        if taken < len(parts) and parts[taken].kind in GROUPS:
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
            spelled = ("_".join(words), *([part.text] if taken == 1 else []))
            name = next((p for p in spelled if p in (*free, *STRIDES)), None)
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
        if free[0] in STRIDES:
            raise self.fail(
                f"is `{part.text}` the stride of the block?", part, "write `stride 2`, or name it"
            )
        self.named_argument(free[0], self.before_repeat(part), part, free, arguments)
        return 1

    def before_repeat(self, part: Part) -> Part:
        """The argument in `24 x 2`, which is a number and a repeat; `3 x 3` is asked about."""
        numbers = self.size(part) if part.kind == "size" else ()
        if len(numbers) != 2 or self.repeat is not None or not re.search(r"\s", part.text):
            return part
        if numbers[0] == numbers[1]:
            self.tight(part)
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
            free[:] = [parameter for parameter in free if parameter != name]
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

    def argument(self, parts: Sequence[Part], own: Collection[str]) -> Argument:
        """An argument in parentheses, of a block with the parameters `own`."""
        start, end = parts[0].start, parts[-1].end
        found = FUSED.fullmatch(parts[0].text) if len(parts) == 1 else None
        if found and parts[0].text not in self.names and found[1] in own:  # `k3x3`
            digits = Part("size", found[2], start + len(found[1]), end)
            return Argument(Part("word", found[1], start, end), self.one_number(digits), start, end)
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
