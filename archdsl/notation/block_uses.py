"""A block in use: its name in whatever spelling, its arguments, its group."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from archdsl.errors import ArchError, did_you_mean
from archdsl.notation.ast import Argument, Blocks, BlockUse, Group, ValueText
from archdsl.notation.numbers import FUSED, REPEAT, Numerals
from archdsl.notation.vocabulary import NOISE, is_tight, runs, vocabulary
from archdsl.syntax import expressions
from archdsl.syntax.ast import ColumnValue, Token
from archdsl.syntax.expressions import Expression
from archdsl.text.source import Source

STRIDES = ("stride", "s")  # the parameters of a block that a stride behind its use sets
GROUPS = ("bracket", "braces")
_MODULE = ("module", "modules", "block", "blocks", "layer", "layers")  # behind a block's name


class Uses(Numerals, ABC):
    """Reads blocks in use; `blocks` are those that there are."""

    def __init__(self, source: Source, names: Collection[str], blocks: Blocks) -> None:
        super().__init__(source, names)
        self.blocks = blocks
        self.repeat: ValueText | None = None
        self.stride: ValueText | None = None

    @abstractmethod
    def group(self, token: Token, kind: str | None = None) -> Group:
        """The lines between brackets or braces; of a join where a kind is given."""

    def block_at(self, tokens: Sequence[Token], at: int) -> tuple[str | None, int]:
        """The block that words name, longest run first, and the parts that they take.

        `Residual block` is the block residual_block, and `MBConv6` is mbconv with an argument. A
        word that is also a layer's is a block only in front of a group: `dense [ … ]`.
        """
        token = tokens[at]
        if token.kind != "word":
            return None, 0
        known = vocabulary().layers
        for words, taken in runs(tokens, at):
            name = self.blocks.spelled(token.text if taken == 1 else "_".join(words))
            grouped = tokens[at + taken : at + taken + 1]
            if name and (words not in known or (grouped and grouped[0].kind in GROUPS)):
                return name, taken
            if words in known:
                return None, 0
        if found := FUSED.fullmatch(token.text):
            return self.blocks.spelled(found[1]), 0
        return None, 0

    def begins_link(self, tokens: Sequence[Token], begin: int, at: int) -> bool:
        """Whether behind the sign at a place another link of the chain begins, of which the first
        stands at `begin`: a block, which is no argument of one in front of it."""
        front, _ = self.block_at(tokens, begin)
        name, taken = self.block_at(tokens, at + 1)
        sign, first = tokens[at], tokens[at + 1]
        if name is None:
            return False
        stem = FUSED.fullmatch(first.text)
        own = self.blocks.parameter_names(front) if front else ()
        if first.text in own or (stem and stem[1] in own):
            return False
        if sign.kind == "join":
            return taken == 0 and sign.text == "-" and is_tight(tokens, at)
        behind = tokens[at + 1 + max(1, taken) :][:1]
        return not (behind and behind[0].kind in ("equals", "colon"))

    def use(
        self,
        name: str,
        tokens: Sequence[Token],
        first: Token,
        last: Token,
        columns: Sequence[ColumnValue],
    ) -> tuple[BlockUse, int]:
        """A block with its arguments and its group; and how many parts they take.

        Its words stand from `first` to `last`. Arguments stand in parentheses; or between commas,
        by name (`k3x3`, `kernel_size: 5`) or by place; or in `columns` of a row. Digits of the
        block's word are its first.
        """
        arguments: list[Argument] = []
        taken, end = 0, first.end
        if tokens and tokens[0] is first:  # `MBConv6`
            found = FUSED.fullmatch(first.text)
            assert found is not None
            digits = Token("size", found[2], first.start + len(found[1]), first.end)
            arguments.append(Argument(None, self.one_number(digits), digits.start, digits.end))
            taken = 1
        elif tokens and tokens[0].kind == "word" and tokens[0].text.lower() in _MODULE:
            taken = 1  # `inception module`
        inner: list[Argument] = []
        has_name_alone = len(tokens) == taken
        if len(tokens) > taken and tokens[taken].kind == "parens":
            parens = tokens[taken]
            inside: Sequence[Token] = parens.inside  # type: ignore[assignment]
            given = expressions.split(inside)
            if inside and len(given) != 1 + sum(p.kind == "comma" for p in inside):
                raise self.fail("an argument is missing beside a comma", parens, "strike one")
            own = self.blocks.parameter_names(name)
            inner = [self.argument(one, own) for one in given]
            taken += 1
        elif has_name_alone:
            inner = [self.argument_of_row(column, column.name) for column in columns]
        if arguments and any(argument.name is None for argument in inner):
            # Is 2 in `fire2(16, 64)` an argument, as 6 in `MBConv6(k=3)`, or part of a name?
            shown = ", ".join(self.source.plain[one.start : one.end] for one in inner)
            raise self.fail(
                f"are the digits of `{first.text}` an argument, or part of a name?",
                first,
                f"write `{first.text}: {name}({shown})` for a name, "
                "or all arguments in parentheses",
            )
        arguments += inner
        named = {argument.name.text for argument in arguments if argument.name is not None}
        places = sum(argument.name is None for argument in arguments)
        free = list(self.blocks.parameter_names(name))[places:]
        free = [parameter for parameter in free if parameter not in named]
        while taken < len(tokens):
            self.check_sign((last, *tokens), taken + 1)
            joins = tokens[taken].kind in ("comma", "join") or tokens[taken].text.lower() in NOISE
            found_at = taken + joins
            more = self.word_argument(tokens[found_at:], free, arguments)
            if not more:
                break
            taken = found_at + more
        if taken:
            end = tokens[taken - 1].end
        for column in columns if not has_name_alone else ():
            # After other arguments, as `80` after `MBConv6, k3x3`: the next parameter.
            if column.name:
                arguments.append(self.argument_of_row(column, column.name))
            elif not self.word_argument(column.tokens, free, arguments):
                raise self.not_after(column.tokens[0], is_block=True)
        if columns:
            end = columns[-1].tokens[-1].end
        body = None
        if taken < len(tokens) and tokens[taken].kind in GROUPS:
            body = self.group(tokens[taken])
            end = tokens[taken].end
            taken += 1
        return BlockUse(name, tuple(arguments), body, first.start, end), taken

    def word_argument(
        self, tokens: Sequence[Token], free: list[str], arguments: list[Argument]
    ) -> int:
        """An argument of a block that stands outside of parentheses; the parts that it takes."""
        if not tokens:
            return 0
        token = tokens[0]
        for words, taken in runs(tokens, 0):
            spelled = ("_".join(words), *([token.text] if taken == 1 else []))
            name = next((p for p in spelled if p in (*free, *STRIDES)), None)
            signs = [p.kind for p in tokens[taken : taken + 2]]
            if name is None or not signs:
                continue
            taken += signs[0] in ("equals", "colon")
            if taken < len(tokens) and tokens[taken].kind in ("number", "size", "parens", "mixed"):
                value = self.before_repeat(tokens[taken])
                self.named_argument(name, value, token, free, arguments)
                return taken + 1
        if token.kind == "word" and token.text not in self.names:
            found = FUSED.fullmatch(token.text)
            if found is None or found[1] not in (*free, *STRIDES):
                return 0
            digits = Token("size", found[2], token.start + len(found[1]), token.end)
            self.named_argument(found[1], digits, token, free, arguments)
            return 1
        if token.kind not in ("number", "mixed", "parens", "size", "word") or not free:
            return 0
        if token.kind == "mixed" and REPEAT.fullmatch(token.text):
            return 0
        if free[0] in STRIDES:
            raise self.fail(
                f"is `{token.text}` the stride of the block?", token, "write `stride 2`, or name it"
            )
        self.named_argument(free[0], self.before_repeat(token), token, free, arguments)
        return 1

    def before_repeat(self, token: Token) -> Token:
        """The argument in `24 x 2`, which is a number and a repeat; `3 x 3` is asked about."""
        numbers = self.size(token) if token.kind == "size" else ()
        if len(numbers) != 2 or self.repeat is not None or not re.search(r"\s", token.text):
            return token
        if numbers[0] == numbers[1]:
            self.tight(token)
        self.repeat = ValueText(numbers[1], token.start, token.end)
        digits = len(str(numbers[0]))
        return Token("number", str(numbers[0]), token.start, token.start + digits)

    def named_argument(
        self, name: str, value: Token, first: Token, free: list[str], arguments: list[Argument]
    ) -> None:
        """Give an argument its value. A stride belongs to the first repetition."""
        number = self.one_number(value) if value.kind == "size" else None
        expression = number or expressions.read(self.source, [value])
        if name in STRIDES:
            if self.stride is not None:
                raise self.fail("a second stride", value, "strike one of the two")
            self.stride = ValueText(expression, first.start, value.end)
            free[:] = [parameter for parameter in free if parameter != name]
            return
        free.remove(name)
        named = Token("word", name, first.start, value.end)
        arguments.append(Argument(named, expression, first.start, value.end))

    def one_number(self, token: Token) -> Expression:
        """A size of equal sides as the number that a block's parameter is: `3x3` is 3."""
        numbers = set(self.tight(token))
        if len(numbers) > 1:
            raise self.fail(
                f"the size `{token.text}` where a block takes a number", token, "write one number"
            )
        (number,) = numbers
        return Expression("number", str(number), number, (), token.start, token.end)

    def argument(self, tokens: Sequence[Token], own: Collection[str]) -> Argument:
        """An argument in parentheses, of a block with the parameters `own`."""
        start, end = tokens[0].start, tokens[-1].end
        found = FUSED.fullmatch(tokens[0].text) if len(tokens) == 1 else None
        if found and tokens[0].text not in self.names and found[1] in own:  # `k3x3`
            digits = Token("size", found[2], start + len(found[1]), end)
            return Argument(
                Token("word", found[1], start, end), self.one_number(digits), start, end
            )
        if len(tokens) > 2 and tokens[0].kind == "word" and tokens[1].kind == "equals":
            value = expressions.read(self.source, tokens[2:])
            return Argument(tokens[0], value, start, end)
        return Argument(None, expressions.read(self.source, tokens), start, end)

    def argument_of_row(self, column: ColumnValue, name: str) -> Argument:
        start, end = column.tokens[0].start, column.tokens[-1].end
        word = Token("word", name, start, end) if name else None
        return Argument(word, expressions.read(self.source, column.tokens), start, end)

    @abstractmethod
    def not_after(self, token: Token, is_block: bool) -> ArchError:
        """The error of a token that cannot follow a block or a group."""

    def unknown_block(self, token: Token) -> ArchError:
        return self.fail(
            f"there is no block `{token.text}`",
            token,
            did_you_mean(token.text, self.blocks.known())
            or f"define it: `block {token.text} {{ … }}`",
        )
