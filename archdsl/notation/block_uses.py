"""Reads blocks in use: `bottleneck(64) x 2`, `MBConv6, k3x3, 24`, `dense growth 12 [ … ]`.

A name in any spelling, arguments in parentheses or after the name, by name or by position, and the
group that the block is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archdsl.errors import ArchError, did_you_mean
from archdsl.notation import numbers
from archdsl.notation.ast import Argument, BlockUse, Group, ValueText
from archdsl.notation.attributes import PhraseDraft
from archdsl.notation.context import Context
from archdsl.notation.cursor import Cursor
from archdsl.notation.lookup import NOISE, runs, vocabulary
from archdsl.notation.numbers import FUSED, REPEAT
from archdsl.syntax.arguments import Entry, check_commas, entries_in
from archdsl.syntax.ast import ColumnValue, Token
from archdsl.syntax.expressions import Expression

STRIDES = ("stride", "s")  # the parameters of a block that a stride after its use sets
GROUPS = ("bracket", "braces")
_MODULE = ("module", "modules", "block", "blocks", "layer", "layers")  # after a block's name
_VALUES = ("number", "size", "parens", "mixed")


def block_at(context: Context, tokens: Sequence[Token], at: int) -> tuple[str | None, int]:
    """The block that words name, longest run first, and their count of tokens.

    `Residual block` is the block residual_block. `MBConv6` is mbconv with an argument: its count
    is 0. A word that is also a layer's is a block only before a group: `dense [ … ]`.
    """
    token = tokens[at]
    if token.kind != "word":
        return None, 0
    layers = vocabulary().layers
    for words, count in runs(tokens, at):
        name = context.blocks.spelled(token.text if count == 1 else "_".join(words))
        following = tokens[at + count : at + count + 1]
        if name and (words not in layers or (following and following[0].kind in GROUPS)):
            return name, count
        if words in layers:
            return None, 0
    if fused := FUSED.fullmatch(token.text):
        return context.blocks.spelled(fused[1]), 0
    return None, 0


def unknown_block(context: Context, token: Token) -> ArchError:
    name = token.text
    hint = did_you_mean(name, context.blocks.known())
    return context.fail(
        f"there is no block `{name}`", token, hint or f"define it: `block {name} {{ … }}`"
    )


class BlockUseReader:
    """Reads the use of the block `name` at a cursor.

    A stride among its arguments, and the repeat of `24 x 2`, go into the draft.
    """

    def __init__(
        self,
        draft: PhraseDraft,
        cursor: Cursor,
        name: str,
        read_group: Callable[[Token], Group],
    ) -> None:
        self.context = draft.context
        self.draft = draft
        self.cursor = cursor
        self.name = name
        self.parameters = draft.context.blocks.parameter_names(name)
        self.free: list[str] = []  # the parameters without an argument, in order
        self.arguments: list[Argument] = []
        self.read_group = read_group
        columns = draft.phrase.columns or ()
        self.columns = [column for column in columns if column.role == "argument"]

    def read(self, count: int) -> BlockUse:
        """The block with its arguments and its group; its name has `count` tokens."""
        cursor = self.cursor
        first = cursor.peek()
        cursor.take(count)
        after_name = cursor.at
        if not count:
            self.read_digits(cursor.take())
        elif cursor.peek().text.lower() in _MODULE:
            cursor.accept("word")  # `inception module`
        has_name_alone = not cursor
        if (parens := cursor.accept("parens")) is not None:
            check_commas(self.context.source, parens)
            self.add_inner(first, [self.argument(entry) for entry in entries_in(parens)])
        elif has_name_alone:
            self.add_inner(first, [self.argument_of_row(one, one.name) for one in self.columns])
        named = {argument.name.text for argument in self.arguments if argument.name is not None}
        positional = sum(argument.name is None for argument in self.arguments)
        self.free = [name for name in self.parameters[positional:] if name not in named]
        while self.read_following():
            pass
        end = first.end if cursor.at == after_name else cursor.peek(-1).end
        if self.columns:
            end = self.columns[-1].tokens[-1].end
        if not has_name_alone:
            self.read_columns()
        body = None
        if (group := cursor.accept(*GROUPS)) is not None:
            body, end = self.read_group(group), group.end
        return BlockUse(self.name, tuple(self.arguments), body, first.start, end)

    def read_digits(self, word: Token) -> None:
        """Read the digits of the block's word, its first argument: `MBConv6`."""
        fused = FUSED.fullmatch(word.text)
        assert fused is not None
        digits = numbers.digits_of(fused, word)
        self.arguments.append(Argument(None, self.one_number(digits), digits.start, digits.end))

    def add_inner(self, first: Token, inner: Sequence[Argument]) -> None:
        """Add the arguments in parentheses, or in columns, directly after the name."""
        if self.arguments and any(argument.name is None for argument in inner):
            # Is 2 in `fire2(16, 64)` an argument, as 6 in `MBConv6(k=3)`, or part of a name?
            plain = self.context.source.plain
            shown = ", ".join(plain[argument.start : argument.end] for argument in inner)
            raise self.context.fail(
                f"are the digits of `{first.text}` an argument, or part of a name?",
                first,
                f"write `{first.text}: {self.name}({shown})` for a name, "
                "or all arguments in parentheses",
            )
        self.arguments += inner

    def argument_of_row(self, column: ColumnValue, name: str) -> Argument:
        start, end = column.tokens[0].start, column.tokens[-1].end
        word = Token("word", name, start, end) if name else None
        return Argument(word, self.context.expression(column.tokens), start, end)

    def read_columns(self) -> None:
        """Read the columns of a row after other arguments, `MBConv6, k3x3`: one without a name is
        the next parameter."""
        for column in self.columns:
            if column.name:
                self.arguments.append(self.argument_of_row(column, column.name))
            elif not self.read_positional(Cursor(column.tokens)):
                raise self.context.fail(
                    f"the block `{self.name}` does not take another argument",
                    column.tokens[0],
                    f"its parameters are {', '.join(self.parameters) or 'none'}",
                )

    def argument(self, entry: Entry) -> Argument:
        """An argument in parentheses: `64`, `k=3`, `k3x3`."""
        first, start, end = entry.tokens[0], entry.start, entry.end
        fused = FUSED.fullmatch(first.text) if len(entry.tokens) == 1 else None
        if fused and first.text not in self.context.names and fused[1] in self.parameters:
            digits = numbers.digits_of(fused, first)
            name = Token("word", fused[1], start, end)
            return Argument(name, self.one_number(digits), start, end)
        # Without a value, `k=`, the sign is an error of the expression.
        value = self.context.expression(entry.value or entry.tokens)
        return Argument(entry.name if entry.value else None, value, start, end)

    def read_following(self) -> bool:
        """Read an argument after the name or the parentheses: `, k3x3`, `kernel_size: 5`, `24`."""
        cursor = self.cursor
        start = cursor.at
        numbers.check_sign(self.context, cursor)
        if cursor.peek().kind in ("comma", "join") or cursor.peek().text.lower() in NOISE:
            cursor.take()
        if cursor and (self.read_named() or self.read_fused() or self.read_positional(cursor)):
            return True
        cursor.at = start
        return False

    def read_named(self) -> bool:
        """`kernel_size: 5`, `kernel size 5`."""
        cursor = self.cursor
        first = cursor.peek()
        for words, count in cursor.runs():
            spelled = ("_".join(words), *([first.text] if count == 1 else []))
            name = next((one for one in spelled if one in (*self.free, *STRIDES)), None)
            if name is None:
                continue
            count += cursor.peek(count).kind in ("equals", "colon")
            if cursor.peek(count).kind in _VALUES:
                self.add(name, first, self.before_repeat(cursor.take(count + 1)))
                return True
        return False

    def read_fused(self) -> bool:
        """`k3x3`, `s2`."""
        token = self.cursor.peek()
        fused = FUSED.fullmatch(token.text) if token.kind == "word" else None
        if (
            fused is None
            or token.text in self.context.names
            or fused[1] not in (*self.free, *STRIDES)
        ):
            return False
        self.add(fused[1], token, numbers.digits_of(fused, self.cursor.take()))
        return True

    def read_positional(self, cursor: Cursor) -> bool:
        """`24`, `(2*k)`, or a name that has a value."""
        token = cursor.peek()
        is_value = token.kind in _VALUES and not REPEAT.fullmatch(token.text)
        is_name = token.kind == "word" and token.text in self.context.names
        if not (is_value or is_name) or not self.free:
            return False
        if self.free[0] in STRIDES:
            text = self.context.source.plain[token.start : token.end]
            raise self.context.fail(
                f"is `{text}` the stride of the block?", token, "write `stride 2`, or name it"
            )
        self.add(self.free[0], token, self.before_repeat(cursor.take()))
        return True

    def before_repeat(self, token: Token) -> Token:
        """The argument of `24 x 2`, which is a number and a repeat; `3 x 3` is ambiguous."""
        pair = numbers.number_and_repeat(token)
        if pair is None or self.draft.repeat is not None:
            return token
        number, repeat = pair
        if number.text == repeat.text:
            numbers.tight_size(self.context, token)
        self.draft.repeat = numbers.value(self.context, repeat)
        return number

    def add(self, name: str, first: Token, value: Token) -> None:
        """Give a parameter its argument. A stride belongs to the first repetition."""
        number = self.one_number(value) if value.kind == "size" else None
        expression = number or self.context.expression([value])
        if name in self.free:
            self.free.remove(name)
        if name not in STRIDES:
            word = Token("word", name, first.start, value.end)
            self.arguments.append(Argument(word, expression, first.start, value.end))
            return
        self.draft.set_stride(ValueText(expression, first.start, value.end), value)

    def one_number(self, token: Token) -> Expression:
        """A size of equal sides as the number that a block's parameter is: `3x3` is 3."""
        axes = set(numbers.tight_size(self.context, token))
        if len(axes) > 1:
            raise self.context.fail(
                f"the size `{token.text}` where a block takes a number", token, "write one number"
            )
        (number,) = axes
        return Expression("number", str(number), number, (), token.start, token.end)
