"""Syntax to text: lines as their text writes them, with the values of names in place of the names.

A line becomes marks, which know what is a size and what a group: each format writes them its way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import dropwhile
from typing import NamedTuple

from archdsl.expand.printed_sizes import size_in
from archdsl.notation.ast import Blocks, LayerText, Line, Side
from archdsl.notation.vocabulary import is_word_of_a_layer, layers_among, runs, vocabulary
from archdsl.syntax import expressions
from archdsl.syntax.ast import Item, Token, numbers_of
from archdsl.syntax.expressions import Expression, Number
from archdsl.text.source import Source


class Mark(NamedTuple):
    """A sign of a line: `kind` is "size", "times", "arrow", "yields", "bracket", "braces", "value"
    of a name, or "text". `blank`: one stands in front of it. `lines` are those of a group."""

    kind: str
    text: str
    blank: bool = False
    lines: tuple[Marks, ...] = ()


Marks = tuple[Mark, ...]

_ARROW = Mark("arrow", "->", True)
YIELDS = Mark("yields", "=>", True)


def text(marks: Sequence[Mark]) -> str:
    """Marks as a spec writes them."""
    return "".join(
        " " * (mark.blank and index > 0) + _text(mark) for index, mark in enumerate(marks)
    )


def _text(mark: Mark) -> str:
    lines = "; ".join(map(text, mark.lines))
    match mark.kind:
        case "bracket":
            return f"[{lines}]"
        case "braces":
            return f"{{ {lines} }}"
        case _:
            return mark.text


class Printer:
    """Prints lines of one source, in which `names` have values.

    `blocks` are those that there are. `sizes`: claims of sizes within lines are printed too.
    """

    def __init__(
        self, source: Source, names: Mapping[str, Number], blocks: Blocks, sizes: bool = False
    ) -> None:
        self.source = source
        self.names = names
        self.blocks = blocks
        self.sizes = sizes
        self.values: dict[int, tuple[int, str]] = {}  # by where an expression begins

    def line(self, line: Line) -> Marks:
        """A line without its label and its claims; of a chain, the later labels stay."""
        for expression in _expressions((line.phrases, line.guard)):
            self.evaluate(expression)
        is_chain = len(line.phrases) > 1
        chain: list[Mark] = []
        for index, (phrase, parsed) in enumerate(zip(line.item.phrases, line.phrases, strict=True)):
            tokens = _from(_behind_label(phrase.tokens, parsed.label), parsed.start)
            if isinstance(parsed.composite, Side) and (name := parsed.composite.name) is not None:
                tokens = tuple(token for token in tokens if token.start != name.start)  # the label
            chain += [_ARROW] * (index > 0)
            if parsed.claimed is not None and is_chain and self.sizes:
                chain.append(Mark("text", "[", True))
                chain += [*_begun(self.tokens((parsed.claimed,))), Mark("text", "]")]
            if parsed.label is not None and index:
                chain.append(Mark("text", f"{parsed.label.text}:", True))
            marks = self.tokens(tokens)
            if len(parsed.layers) > 1 or (is_chain and parsed is line.phrases[-1]):
                marks = _held(marks, parsed.repeat is not None)
            chain += _apart(marks)
        return _begun(chain)

    def composite(self, line: Line) -> Marks:
        """A line of one phrase as it stands, with its label and what is claimed in front."""
        for expression in _expressions(line.phrases):
            self.evaluate(expression)
        return tuple(self.tokens(line.item.phrases[0].tokens))

    def evaluate(self, expression: Expression) -> None:
        """Keep the value of an expression, or of those in it that have one."""
        used = set(_names(expression))
        if not used:
            return
        if used <= self.names.keys():
            value = expressions.evaluate(expression, self.names, self.source)
            self.values[expression.start] = expression.end, _number(value)
            return
        for operand in expression.operands:
            self.evaluate(operand)

    def stands(self, item: Item) -> bool:
        """Whether the guard of a line holds."""
        if not item.guard:
            return True
        guard = expressions.read(self.source, item.guard)
        return bool(expressions.evaluate(guard, self.names, self.source))

    def optional(self, items: Collection[Item]) -> Iterator[str]:
        """The kinds of layers in parentheses, in the lines that stand."""
        for item in filter(self.stands, items):
            for phrase in item.phrases:
                yield from in_parentheses(phrase.tokens, self.optional)

    def item(self, item: Item) -> Marks:
        """A line within a group."""
        marks: list[Mark] = []
        for index, phrase in enumerate(item.phrases):
            marks += [*[_ARROW] * (index > 0), *_apart(self.tokens(phrase.tokens))]
        for claim in item.claims if self.sizes else ():
            if size_in(claim):
                marks += [YIELDS, *_apart(self.tokens(claim.tokens))]
        return _begun(marks)

    def tokens(self, tokens: Sequence[Token]) -> list[Mark]:
        """Marks of the parts of a phrase, with blanks where the text has some."""
        marks: list[Mark] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            before = tokens[at - 1] if at else None
            blank = before is not None and self.are_apart(before, token)
            blank &= token.kind != "comma"
            taken, value = self.value(tokens, at)
            counts = value is not None or token.kind in ("number", "parens")
            if counts and marks and marks[-1].kind == "times" and _ends_in_digit(marks[:-1]):
                blank = False  # `64 x3` is a width and a repeat
            if token.kind == "times" and [mark.kind for mark in marks] == ["value"]:
                # `2x 3 x 3`: a repeat that the blanks of a size do not take in.
                marks = [Mark("text", f"{marks[0].text}x", marks[0].blank)]
            elif value is not None:
                minus = value.startswith("-") and token.kind != "parens"
                marks.append(Mark("value", f"({value})" if minus else value, blank))
            elif token.kind in ("bracket", "braces"):
                lines = tuple(self.item(item) for item in token.items if self.stands(item))
                if token.items and not lines:
                    lines = ((Mark("text", "identity"),),)
                marks.append(Mark(token.kind, "", blank, lines))
            elif token.kind == "parens":
                inside = self.tokens(token.tokens)
                if self.is_bare(before, inside) or (
                    [mark.kind for mark in inside] == ["value"] and inside[0].text[0] == "("
                ):
                    marks.append(inside[0]._replace(blank=blank))
                else:
                    marks += [Mark("text", "(", blank), *_begun(inside), Mark("text", ")")]
            elif token.kind == "size":
                marks.append(Mark("size", _size(token.text), blank))
            else:
                kind = token.kind if token.kind == "times" and not _is_word(tokens, at) else "text"
                said = token.text.replace("×", "x")
                marks.append(Mark(kind, f"'{said}'" if self.is_quoted(token) else said, blank))
            at += taken
        return marks

    def value(self, tokens: Sequence[Token], at: int) -> tuple[int, str | None]:
        """The value that stands for the parts from one on, and how many these are."""
        first = tokens[at]
        if first.start == first.end:
            return 1, None  # a comma that stands between cells
        while first.kind == "parens" and first.tokens:
            first = first.tokens[0]
        end, value = self.values.get(first.start, (0, None))
        if value is None or (first is not tokens[at] and end < tokens[at].end):
            return 1, None  # what is in parentheses
        taken = 1
        while tokens[at + taken - 1].end < end:
            taken += 1
        return taken, value

    def are_apart(self, before: Token, token: Token) -> bool:
        """Whether blanks stand between two parts: quotation marks are none."""
        begin, end = token.start - self.is_quoted(token), before.end + self.is_quoted(before)
        return begin != end or before.start == before.end or token.start == token.end

    def is_quoted(self, token: Token) -> bool:
        """Whether quotation marks stand around a word: listings ask for them."""
        around = self.source.text[max(0, token.start - 1) : token.end + 1]
        return token.kind == "word" and around[0] == around[-1] and around[0] in "'\""

    def is_bare(self, before: Token | None, inside: Sequence[Mark]) -> bool:
        """Whether parentheses behind a part hold a number alone that needs none."""
        if [mark.kind for mark in inside] != ["value"] or not inside[0].text[0].isdigit():
            return False
        if before is None or before.kind != "word":
            return before is not None and before.kind != "mixed"
        attribute = (before.text.lower(),) in vocabulary().attributes
        known = is_word_of_a_layer(before.text) or self.blocks.spelled(before.text)
        return attribute and not known


def _behind_label(tokens: tuple[Token, ...], label: Token | None) -> tuple[Token, ...]:
    """The parts behind a label and its colon; a label of a row may stand where its line does."""
    if label is None or tokens[0].start != label.start:
        return tokens
    return tuple(dropwhile(lambda token: token.kind != "colon", tokens))[1:] or tokens


def _from(tokens: Sequence[Token], start: int) -> tuple[Token, ...]:
    """The parts from the one on that begins at a place: cells of a table stand in any order."""
    return tuple(dropwhile(lambda token: token.start != start, tokens))


def _held(marks: list[Mark], repeats: bool) -> list[Mark]:
    """What a repeat behind it repeats, as a group: a table refuses to guess which layers these are,
    where a chain or several stand in front. The `x2` of an upsampling stands in the group."""
    if any(mark.kind in ("bracket", "braces") for mark in marks):
        return marks
    if repeats and marks[-1].kind == "size":  # of `64 x 2` the repeat is a part
        last, _, count = marks[-1].text.rpartition(" x ")
        repeat = [Mark("times", "x", True), Mark("text", count, True)]
        marks = [*marks[:-1], marks[-1]._replace(text=last), *repeat]
    if len(marks) < 3 or marks[-2].kind != "times":
        return marks
    end = -2 if repeats else len(marks)
    return [Mark("braces", "", True, (_begun(marks[:end]),)), *_apart(marks[end:])]


def _begun(marks: Sequence[Mark]) -> Marks:
    """Marks without a blank in front of the first."""
    return (marks[0]._replace(blank=False), *marks[1:]) if marks else ()


def _apart(marks: Sequence[Mark]) -> Marks:
    """Marks with a blank in front of the first."""
    return (marks[0]._replace(blank=True), *marks[1:]) if marks else ()


def _ends_in_digit(marks: Sequence[Mark]) -> bool:
    return bool(marks) and marks[-1].text[-1:].isdigit()


def _is_word(tokens: Sequence[Token], at: int) -> bool:
    """Whether a sign is a word of the layer in front of it: the direction of `sobel x`."""
    counts = at + 1 < len(tokens) and tokens[at + 1].kind in ("number", "parens")
    taken = (taken for words, taken in runs(tokens, at - 1) if words in vocabulary().layers)
    return at > 0 and not counts and 2 in taken


def _number(value: Number) -> str:
    return str(int(value)) if isinstance(value, int) else repr(value)


def _size(text: str) -> str:
    """A size with blanks on both sides of its signs, or without; `64 x 3` may be a repeat."""
    sign = " x " if any(map(str.isspace, text)) else "x"
    return sign.join(map(str, numbers_of(text)))


def _names(expression: Expression) -> Iterator[str]:
    if expression.sign == "name":
        yield expression.text
    for operand in expression.operands:
        yield from _names(operand)


def _expressions(value: object) -> Iterator[Expression]:
    """The expressions within readings, the outermost of each."""
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, Item | Token) or (isinstance(value, LayerText) and not value.computed):
        return  # what is written, not what is read of it; or numbers alone
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _expressions(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from _expressions(one)


def words(tokens: Sequence[Token]) -> Iterator[str]:
    """The words of parts, and of the lines in them."""
    for token in tokens:
        if token.kind in ("word", "mixed"):
            yield token.text
        if token.kind == "parens":
            yield from words(token.tokens)
        else:
            yield from words_of_lines(token.items)


def words_of_lines(items: Collection[Item]) -> Iterator[str]:
    for item in items:
        for phrase in item.phrases:
            yield from words(phrase.tokens)
        yield from words(item.guard)


def in_parentheses(
    tokens: Sequence[Token], of_lines: Callable[[Collection[Item]], Iterator[str]]
) -> Iterator[str]:
    """The kinds of layers in parentheses, and those that are found in the lines of groups."""
    for token in tokens:
        if token.kind == "parens":
            yield from (kind.kind for kind, *_ in layers_among(token.tokens))
        elif token.kind in ("bracket", "braces"):
            yield from of_lines(token.items)


def optional_of_lines(items: Collection[Item]) -> Iterator[str]:
    """The kinds of layers in parentheses, whatever conditions the lines have."""
    for item in items:
        for phrase in item.phrases:
            yield from in_parentheses(phrase.tokens, optional_of_lines)


def lone(items: Collection[Item]) -> Iterator[str]:
    """The phrases of one word, and those of the lines in groups."""
    for item in items:
        for phrase in item.phrases:
            if len(phrase.tokens) == 1 and phrase.tokens[0].kind in ("word", "mixed"):
                yield phrase.tokens[0].text
            for token in phrase.tokens:
                if token.kind in ("bracket", "braces"):
                    yield from lone(token.items)
