"""Reads composites: groups, joins, blocks in use and the words of blocks.

`[3x3, 64; 3x3, 64] x 2, stride 2` is a group, its repeat and the stride of its first repetition;
`concat { … }` and `concat a, b` are joins, `side aux1 { … }` a side head, `residual(64)` a block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from archdsl.errors import ArchError
from archdsl.layers import JOINS
from archdsl.notation import numbers
from archdsl.notation.ast import (
    BlockUse,
    Composite,
    Group,
    LabelJoin,
    Line,
    Placeholder,
    Side,
    ValueText,
)
from archdsl.notation.attributes import PhraseDraft
from archdsl.notation.block_uses import GROUPS, BlockUseReader, block_at, unknown_block
from archdsl.notation.context import Context
from archdsl.notation.cursor import END, Cursor
from archdsl.notation.lookup import begins_attribute, vocabulary
from archdsl.notation.numbers import leading_repeat, repeat_of
from archdsl.syntax.ast import Token

# Reads the lines of a group: of a join where the flag is set.
LinesReader = Callable[[Context, Token, bool], tuple[Line, ...]]

_BEGINNINGS = ("word", *GROUPS)  # the tokens that a composite begins with, after its repeat
_SIDE_FORM = "write `side aux1 weight 0.3 { average pool 5x5/3; FC-10 }`"


class CompositeReader:
    """Reads a phrase that is one composite; its repeat and its stride go into the draft."""

    def __init__(
        self, draft: PhraseDraft, tokens: Sequence[Token], read_lines: LinesReader
    ) -> None:
        self.context = draft.context
        self.draft = draft
        self.cursor = Cursor(tokens)
        self.read_lines = read_lines
        self.activation = ""  # of a sum: before or after it

    def read(self) -> Composite | None:
        """The composite that the tokens are, or None if they are layers."""
        cursor = self.cursor
        first = cursor.peek()
        count = leading_repeat(self.context, cursor.tokens)
        cursor.at = count
        if cursor.peek().kind not in _BEGINNINGS:
            return None
        for rule in _COMPOSITES:
            if (composite := rule(self)) is not None:
                break
        else:
            return None
        if count:
            self.draft.set_repeat(repeat_of(self.context, first))
        while cursor:
            is_sum = isinstance(composite, Group) and composite.kind == "add"
            if not (is_sum and self.place_of_activation()) and not any(
                suffix(self) for suffix in _SUFFIXES
            ):
                raise self.unexpected(cursor.peek(), isinstance(composite, BlockUse))
        self.read_columns(isinstance(composite, BlockUse))
        if self.activation and isinstance(composite, Group):
            return composite._replace(activation=self.activation)
        return composite

    def read_columns(self, is_block: bool) -> None:
        """Read what the columns of a table give to the composite of a row."""
        read_repeat_of_row(self.draft)
        for column in self.draft.phrase.columns or ():
            value = column.tokens[0]
            if column.role == "attribute" and column.name == "stride":
                self.draft.set_stride(self.stride_value(value), value)
            elif column.role != "times" and not (is_block and column.role == "argument"):
                raise self.unexpected(value, is_block)

    # What a phrase may be: each rule reads it, or returns None and takes nothing.

    def group(self) -> Group | None:
        token = self.cursor.accept(*GROUPS)
        return None if token is None else self.group_of(token)

    def group_of(self, token: Token, join: str = "") -> Group:
        lines = self.read_lines(self.context, token, bool(join))
        return Group(join or token.kind, lines, token.start, token.end)

    def join(self) -> Group | LabelJoin | None:
        """Branches in braces; or what flows joined with labelled values, `concat conv4, conv3`."""
        cursor = self.cursor
        word = cursor.peek()
        kind = word.text.lower()
        if word.kind != "word" or kind not in JOINS:
            return None
        cursor.take()
        if (braces := cursor.accept("braces")) is not None:
            group = self.group_of(braces, kind)
            self.check_branches(group)
            return group
        names = [cursor.take()] if cursor else []
        while cursor.peek().kind == "comma" and cursor.peek(1) is not END:
            names.append(cursor.take(2))
        are_names = names and all(token.kind in ("word", "mixed") for token in names)
        if not are_names or cursor.peek().kind not in ("", "times"):
            raise self.context.fail(
                f"`{word.text}` without its branches",
                word,
                f"write `{word.text} {{ a; b }}`; "
                f"to join the current value with labelled ones, `{word.text} a, b`",
            )
        context = self.context
        references = tuple(
            context.labels.reference(context.source, token, context.blocks) for token in names
        )
        return LabelJoin(kind, references, word.start, names[-1].end)

    def check_branches(self, group: Group) -> None:
        """Raises ArchError for a join whose only branch has a comma between layers, which might be
        meant to separate branches; at best one that does not only add a norm or an activation."""
        if len(group.lines) != 1:
            return
        (line,) = group.lines
        phrases = line.item.phrases[-len(line.phrases) :]
        commas: list[tuple[bool, Token]] = []
        for parsed, phrase in zip(line.phrases, phrases, strict=True):
            for before, after in pairwise(parsed.layers):
                for token in phrase.tokens:
                    is_comma = token.kind == "comma" or token.text.lower() == "and"
                    if is_comma and before.start < token.start and token.end <= after.start:
                        commas.append((after.kind.accompanies, token))
        if commas:
            raise self.one_branch(group, line, min(commas, key=lambda pair: pair[0])[1])

    def one_branch(self, group: Group, line: Line, token: Token) -> ArchError:
        """The error of a comma, or an `and`, in the only branch of a join."""
        text, start, end = self.context.source.text, line.item.start, line.item.end
        first, rest = text[start : token.start].strip(), text[token.end : end].strip()
        branches = f"`{group.kind} {{ {first}; {rest} }}`"
        return self.context.fail(
            f"`{token.text}` does not separate branches, so `{group.kind}` has only one",
            token,
            f"write {branches} for two branches; for one layer after the other, leave "
            f"`{group.kind}` out",
        )

    def placeholder(self) -> Placeholder | None:
        """`identity`, `body`, or `shortcut` with the option it may name: `shortcut B`."""
        cursor, context = self.cursor, self.context
        word, option = cursor.peek(), None
        is_shortcut = word.text == "shortcut"
        if word.kind != "word" or not (
            is_shortcut or (word.text in ("identity", "body") and word.text not in context.names)
        ):
            return None
        last = cursor.take()
        following = cursor.peek()
        if (
            is_shortcut
            and following.kind == "word"
            and (
                f"shortcut_{following.text}" in context.blocks or not begins_attribute((following,))
            )
        ):
            last = option = cursor.take()
        return Placeholder(word.text, option, word.start, last.end)

    def side(self) -> Side | None:
        """A side head: `side aux1 weight 0.3 { a; b }`."""
        cursor, context = self.cursor, self.context
        first, name, weight = cursor.peek(), None, None
        if (first.kind, first.text) != ("word", "side") or "side" in context.names:
            return None
        cursor.take()
        if cursor.peek().text != "weight":
            name = cursor.accept("word", "mixed")
        if (cursor.peek().kind, cursor.peek().text) == ("word", "weight"):
            weight = self.weight()
        token = cursor.accept(*GROUPS)
        if token is None:
            raise context.fail("`side` without its lines", first, _SIDE_FORM)
        group = self.group_of(token)
        if cursor or not group.lines:
            last = cursor.tokens[-1]
            raise context.fail(
                f"`{last.text}` cannot follow a side head"
                if group.lines
                else "a side head without a line",
                last,
                _SIDE_FORM,
            )
        return Side(name, weight, group, first.start, group.end)

    def weight(self) -> ValueText:
        """The weight of a side head's loss."""
        cursor = self.cursor
        cursor.take()
        cursor.accept("equals", "colon")
        if not numbers.counts(self.context, cursor.peek()):
            raise self.context.fail("`weight` has no value", cursor.peek(-1), _SIDE_FORM)
        return numbers.value(self.context, cursor.take())

    def block_use(self) -> BlockUse | None:
        cursor = self.cursor
        first, following = cursor.peek(), cursor.peek(1)
        name, count = block_at(self.context, cursor.tokens, cursor.at)
        if name is not None:
            reader = BlockUseReader(self.draft, cursor, name, self.group_of)
            return reader.read(count)
        is_use = following.kind in GROUPS or (
            following.kind == "parens"
            and cursor.peek(2).kind in GROUPS
            and (first.text.lower(),) not in vocabulary().layers
        )
        if first.kind == "word" and is_use:
            raise unknown_block(self.context, first)
        return None

    # What may follow a composite: each rule takes it, or declines.

    def comma(self) -> bool:
        following = self.cursor.peek(1).kind
        return following in ("times", "word") and self.cursor.accept("comma") is not None

    def repeat(self) -> bool:
        cursor = self.cursor
        count = cursor.peek(1)
        if cursor.peek().kind != "times" or not numbers.counts(self.context, count):
            return False
        value = numbers.value(self.context, cursor.take(2))
        self.draft.set_repeat(value)
        return True

    def place_of_activation(self) -> bool:
        """`activation after`: where a sum has the activation of its branches."""
        cursor = self.cursor
        word, place = cursor.peek(), cursor.peek(1)
        if word.text.lower() != "activation" or place.text.lower() not in ("before", "after"):
            return False
        if self.activation:
            raise self.context.fail("a second `activation`", word, "remove one of the two")
        self.activation = place.text.lower()
        cursor.take(2)
        return True

    def stride(self) -> bool:
        cursor, context = self.cursor, self.context
        word = cursor.peek()
        if word.kind != "word" or word.text.lower() != "stride":
            return False
        cursor.take()
        cursor.accept("equals", "colon")
        value = cursor.peek()
        if value.kind != "size" and not numbers.counts(context, value):
            raise context.fail("`stride` has no value", word, "write `[ … ] x 3, stride 2`")
        cursor.take()
        self.draft.set_stride(self.stride_value(value), word)
        return True

    def stride_value(self, token: Token) -> ValueText:
        if token.kind != "size":
            return numbers.value(self.context, token)
        return ValueText(numbers.tight_size(self.context, token), token.start, token.end)

    def unexpected(self, token: Token, is_block: bool) -> ArchError:
        """The error of a token that cannot follow a composite."""
        message = f"`{token.text}` cannot follow a {'block' if is_block else 'group'}"
        if token.kind in GROUPS:
            message = "two groups next to each other"
            help = (
                "put each on a line, or write `->` between them; "
                "what is repeated together belongs in one: `[3x3, 64; 3x3, 64] x 2`"
            )
        elif not is_block:
            help = (
                "a group takes a repeat and a stride: `[ … ] x 3, stride 2`; "
                "a layer needs a line of its own, or follows `->`"
            )
        elif token.kind == "word" and token.text.lower() in ("no", "bare"):
            help = (
                "remove it in the block, on its layer; if only some uses go without, "
                "by a parameter: `block unit(w, norm=1) { conv3-(w); bn if norm == 1 }`"
            )
        elif token.text == "-":
            help = (
                "it joins blocks that have digits, `C64-C128`; anything else follows `->`: "
                "`C64 -> C(512, 1)`, `C64 -> conv3-16`"
            )
        else:
            help = (
                "a block takes arguments in parentheses or by name, a repeat and a stride: "
                "`bottleneck(6, 24) x 2, stride 2`; a layer needs a line of its own, or "
                "follows `->`"
            )
        return self.context.fail(message, token, help)


def read_repeat_of_row(draft: PhraseDraft) -> None:
    """Read the repeat of a row of a table from its column."""
    for column in draft.phrase.columns or ():
        if column.role == "times":
            draft.set_repeat(numbers.value(draft.context, column.tokens[0]))


_COMPOSITES: tuple[Callable[[CompositeReader], Composite | None], ...] = (
    CompositeReader.group,
    CompositeReader.join,
    CompositeReader.placeholder,
    CompositeReader.side,
    CompositeReader.block_use,
)
_SUFFIXES: tuple[Callable[[CompositeReader], bool], ...] = (
    CompositeReader.comma,
    CompositeReader.repeat,
    CompositeReader.stride,
)
