"""Lines as a table prints them: as their text writes them, with values in place of names.

    let k = 2
    conv3-(16*k), stride 2     =>  `conv3-32, stride 2`

A line becomes pieces; each format has its own way to write sizes and groups.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import dropwhile
from typing import NamedTuple

from archdsl.expand.printed_sizes import size_in
from archdsl.figures import numbers_of
from archdsl.layers import Conv
from archdsl.notation.ast import Blocks, LayerText, Line, ParsedPhrase, Side, ValueText
from archdsl.notation.layer_names import kind_named
from archdsl.notation.lookup import is_word_of_a_layer, layers_among, runs, vocabulary
from archdsl.notation.numbers import number_and_repeat
from archdsl.syntax import expressions
from archdsl.syntax.ast import Item, Phrase, Token, row_pieces
from archdsl.syntax.expressions import Expression, Number
from archdsl.tables.connection_table import end_of_lists
from archdsl.text.source import Source


class Piece(NamedTuple):
    """A piece of a printed line.

    `kind` is "size", "times", "arrow", "yields", "bracket", "braces", "text", or "value" (of a
    name). `blank`: preceded by a space. `lines` are those of a group.
    """

    kind: str
    text: str
    blank: bool = False
    lines: tuple[Pieces, ...] = ()


Pieces = tuple[Piece, ...]

_ARROW = Piece("arrow", "->", True)
YIELDS = Piece("yields", "=>", True)


def text(pieces: Sequence[Piece], times: str = "x", separator: str = "; ") -> str:
    """Pieces as a spec writes them, with this sign of sizes and repeats and this separator of the
    lines of groups."""
    texts = []
    for index, piece in enumerate(pieces):
        inner = separator.join(text(line, times, separator) for line in piece.lines)
        match piece.kind:
            case "bracket":
                written = f"[{inner}]"
            case "braces":
                written = f"{{ {inner} }}"
            case "size" | "times":
                written = piece.text.replace("x", times)
            case _:
                written = piece.text
        texts.append(" " * (piece.blank and index > 0) + written)
    return "".join(texts)


class Printer:
    """Prints lines of one source, with the values of `names` in place of the names.

    `blocks` are the blocks in scope. `sizes`: also print the sizes that lines of groups claim.
    """

    def __init__(
        self, source: Source, names: Mapping[str, Number], blocks: Blocks, sizes: bool = False
    ) -> None:
        self.source = source
        self.names = names
        self.blocks = blocks
        self.sizes = sizes
        self.values: dict[int, tuple[int, str]] = {}  # (end, value) by the start of an expression

    def line(self, line: Line) -> Pieces:
        """A line without its label and its claims; later labels of a chain stay."""
        for expression in _expressions((line.phrases, line.guard)):
            self.evaluate(expression)
        is_chain = len(line.phrases) > 1
        chain: list[Piece] = []
        for index, (phrase, parsed) in enumerate(zip(line.item.phrases, line.phrases, strict=True)):
            tokens = _from(_after_label(phrase.tokens, parsed.label), parsed.start)
            if isinstance(parsed.composite, Side) and (name := parsed.composite.name) is not None:
                tokens = tuple(token for token in tokens if token.start != name.start)  # the label
            chain += [_ARROW] * (index > 0)
            if parsed.claimed is not None and is_chain and self.sizes:
                chain.append(Piece("text", "[", True))
                chain += [*_begun(self.tokens((parsed.claimed,))), Piece("text", "]")]
            if parsed.label is not None and index:
                chain.append(Piece("text", f"{parsed.label.text}:", True))
            pieces = self.phrase(tokens, phrase)
            if (word := _word_of_row(phrase, parsed)) is not None:
                pieces = [word, *_spaced(pieces)]
            if len(parsed.layers) > 1 or (is_chain and parsed is line.phrases[-1]):
                pieces = _grouped(pieces, parsed.repeat, tokens[-1], is_chain)
            chain += _spaced(pieces)
        return _begun(chain)

    def written(self, line: Line) -> Pieces:
        """A line of one phrase as written, with its label and the size claimed before it."""
        for expression in _expressions(line.phrases):
            self.evaluate(expression)
        return tuple(self.tokens(line.item.phrases[0].tokens))

    def evaluate(self, expression: Expression) -> None:
        """Record the value of an expression, or those of its operands that have one."""
        used = expressions.names_in(expression)
        if not used:
            return
        if used <= self.names.keys():
            value = expressions.evaluate(expression, self.names, self.source)
            self.values[expression.start] = expression.end, _number(value)
            return
        for operand in expression.operands:
            self.evaluate(operand)

    def holds(self, item: Item) -> bool:
        """Whether the guard of a line holds."""
        if not item.guard:
            return True
        guard = expressions.read(self.source, item.guard)
        return bool(expressions.evaluate(guard, self.names, self.source))

    def item(self, item: Item) -> Pieces:
        """A line within a group."""
        pieces: list[Piece] = []
        for index, phrase in enumerate(item.phrases):
            pieces += [*[_ARROW] * (index > 0), *_spaced(self.phrase(phrase.tokens, phrase))]
        for claim in item.claims if self.sizes else ():
            if size_in(claim):
                pieces += [YIELDS, *_spaced(self.tokens(claim.tokens))]
        return _begun(pieces)

    def phrase(self, tokens: tuple[Token, ...], phrase: Phrase) -> list[Piece]:
        """Tokens of a phrase, with the values of its row or the connections of its table."""
        if phrase.connections and (end := end_of_lists(tokens)) is not None:
            connections = Piece("text", f"({phrase.connections.replace(' ,', ',')})", True)
            return [*self.tokens(tokens[:end]), connections, *self.tokens(tokens[end:])]
        pieces: list[Piece] = []
        before: Token | None = None
        for one in row_pieces(tokens, phrase.columns or ()):
            blank = one not in (",", ")") and not (pieces and pieces[-1].text == "(")
            if isinstance(one, str):
                pieces.append(Piece("times" if one == "x" else "text", one, blank))
                before = Token("word" if one.isalpha() else "", one, 0, 0) if one != "(" else None
            else:
                value = self.tokens(one, before)
                pieces += _spaced(value) if blank else _begun(value)
        return _with_tight_counts(pieces)

    def tokens(self, tokens: Sequence[Token], before: Token | None = None) -> list[Piece]:
        """The pieces of tokens that follow the token `before`, with blanks where the text has
        some."""
        pieces: list[Piece] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            blank = at > 0 and token.kind != "comma" and self.are_spaced(tokens[at - 1], token)
            count, value = self.value(tokens, at)
            if token.kind == "times" and [piece.kind for piece in pieces] == ["value"]:
                # `2x 3 x 3`: a repeat that is not part of the spaced size.
                pieces = [Piece("text", f"{pieces[0].text}x", pieces[0].blank)]
            elif value is not None:
                is_negative = value.startswith("-") and token.kind != "parens"
                pieces.append(Piece("value", f"({value})" if is_negative else value, blank))
            elif token.kind == "parens":
                pieces += self.parens(token, tokens[at - 1] if at else before, blank)
            else:
                pieces.append(self.token(tokens, at, blank))
            at += count
        return _with_tight_counts(pieces)

    def token(self, tokens: Sequence[Token], at: int, blank: bool) -> Piece:
        """The piece of one token: a group, a size, a sign or a word."""
        token = tokens[at]
        if token.kind in ("bracket", "braces"):
            lines = tuple(self.item(item) for item in token.items if self.holds(item))
            if token.items and not lines:
                lines = ((Piece("text", "identity"),),)
            return Piece(token.kind, "", blank, lines)
        if token.kind == "size":
            return Piece("size", _size(token.text), blank)
        text = token.text.replace("×", "x")
        if token.kind == "times" and not _is_word(tokens, at):
            return Piece("times", text, blank)
        return Piece("text", f"'{text}'" if self.is_quoted(token) else text, blank)

    def parens(self, token: Token, before: Token | None, blank: bool) -> list[Piece]:
        """Parentheses, unless they hold a number alone that does not need them."""
        inside = self.tokens(token.tokens)
        is_value = [piece.kind for piece in inside] == ["value"]
        if is_value and (inside[0].text[0] == "(" or self.is_bare(before, inside[0])):
            return [inside[0]._replace(blank=blank)]
        return [Piece("text", "(", blank), *_begun(inside), Piece("text", ")")]

    def value(self, tokens: Sequence[Token], at: int) -> tuple[int, str | None]:
        """How many tokens the expression that begins at an index has, and its value, if known."""
        first = tokens[at]
        while first.kind == "parens" and first.inside and isinstance(first.inside[0], Token):
            first = first.inside[0]
        end, value = self.values.get(first.start, (0, None))
        if value is None or (first is not tokens[at] and end < tokens[at].end):
            return 1, None  # it is a part of what the parentheses hold
        count = 1
        while tokens[at + count - 1].end < end:
            count += 1
        return count, value

    def are_spaced(self, before: Token, token: Token) -> bool:
        """Whether there are blanks between two tokens, which quotation marks are not."""
        return before.end + self.is_quoted(before) != token.start - self.is_quoted(token)

    def is_quoted(self, token: Token) -> bool:
        """Whether a word is in quotation marks, which listings of PyTorch need."""
        around = self.source.text[max(0, token.start - 1) : token.end + 1]
        return token.kind == "word" and around[0] == around[-1] and around[0] in "'\""

    def is_bare(self, before: Token | None, value: Piece) -> bool:
        """Whether a value does not need its parentheses after a token."""
        if before is None or not value.text[0].isdigit():
            return False
        if before.kind != "word":
            return before.kind != "mixed"
        is_attribute = (before.text.lower(),) in vocabulary().attributes
        is_name = is_word_of_a_layer(before.text) or self.blocks.spelled(before.text)
        return is_attribute and not is_name


def _word_of_row(phrase: Phrase, parsed: ParsedPhrase) -> Piece | None:
    """The layer that only the name of a row of its table gives, if the row may get another: a
    label is its name again."""
    if not phrase.row_name or parsed.label:
        return None
    word = _word_of_name(phrase.row_name, phrase, parsed)
    return Piece("text", word) if word else None


def word_of_label(line: Line) -> str:
    """The layer that only the label of a line gives: `pool1: 3x3/2`."""
    parsed = line.phrases[0]
    label = parsed.label
    return _word_of_name(label.text, line.item.phrases[0], parsed) if label is not None else ""


def _word_of_name(name: str, phrase: Phrase, parsed: ParsedPhrase) -> str:
    """The layer of a phrase as its name spells it; empty if the phrase writes one."""
    if phrase.columns is not None or not parsed.layers:
        return ""
    named, layer = kind_named(name), parsed.layers[0]
    if named is None or layer.kind is not named.kind or (layer.kind is Conv and not named.preset):
        return ""
    written = [kind for kind, *_ in layers_among(_after_label(phrase.tokens, parsed.label))]
    is_written = any(kind is layer.kind or not kind.accompanies for kind in written)
    return "" if is_written else named.text


def _after_label(tokens: tuple[Token, ...], label: Token | None) -> tuple[Token, ...]:
    """The tokens after a label and its colon."""
    if label is None or tokens[0].start != label.start:
        return tokens
    return tuple(dropwhile(lambda token: token.kind != "colon", tokens))[1:] or tokens


def _from(tokens: Sequence[Token], start: int) -> tuple[Token, ...]:
    """The tokens from the one that begins at an offset. In a row of a table they may be in any
    order."""
    return tuple(dropwhile(lambda token: token.start != start, tokens))


def _grouped(
    pieces: list[Piece], repeat: ValueText | None, last: Token, is_link: bool
) -> list[Piece]:
    """Pieces with what their repeat repeats as a group: a table refuses to guess which of several
    layers, or links of a chain, are repeated. The `x2` of an upsampling stays in the group.

    A link of a chain has its repeat in front instead, `3x conv3-4, relu`: braces would hide from
    its conventions what the chain writes next to it. `last`: the last token of the phrase.
    """
    if any(piece.kind in ("bracket", "braces") for piece in pieces):
        return pieces
    pair = number_and_repeat(last)
    if pair is not None and repeat is not None and repeat.start == pair[1].start:
        number, count = (token.text for token in pair)
        times = [Piece("times", "x", True), Piece("text", count, True)]
        pieces = [*pieces[:-1], pieces[-1]._replace(text=number), *times]
    end = _start_of_repeat(pieces)
    if end < 1:
        return pieces
    if repeat is None:
        return [Piece("braces", "", True, (_begun(pieces),))]
    if not is_link:
        return [Piece("braces", "", True, (_begun(pieces[:end]),)), *_spaced(pieces[end:])]
    sign, *value = pieces[end:]
    if len(value) == 1:
        return [value[0]._replace(text=f"{value[0].text}x"), *_spaced(pieces[:end])]
    return [*value, sign._replace(blank=True), *_spaced(pieces[:end])]


def _start_of_repeat(pieces: Sequence[Piece]) -> int:
    """The index of the sign of the repeat that pieces end with, `x 3` or `x (in // 2)`; -1 if there
    is none."""
    end, depth = len(pieces) - 1, 0
    while end > 0:
        depth += (pieces[end].text == ")") - (pieces[end].text == "(")
        end -= 1
        if not depth:
            break
    return end if end >= 0 and pieces[end].kind == "times" else -1


def _begun(pieces: Sequence[Piece]) -> Pieces:
    """Pieces without a blank before the first."""
    return (pieces[0]._replace(blank=False), *pieces[1:]) if pieces else ()


def _spaced(pieces: Sequence[Piece]) -> Pieces:
    """Pieces with a blank before the first."""
    return (pieces[0]._replace(blank=True), *pieces[1:]) if pieces else ()


def _with_tight_counts(pieces: list[Piece]) -> list[Piece]:
    """Pieces with `64 x3` for a width and a repeat: `64 x 3` and `64x3` are sizes."""
    for index in range(2, len(pieces)):
        before, times, count = pieces[index - 2 : index + 1]
        is_count = count.kind == "value" or (
            count.kind == "text" and (count.text[0].isdigit() or count.text == "(")
        )
        if times.kind == "times" and before.text[-1:].isdigit() and is_count:
            pieces[index - 1 : index + 1] = times._replace(blank=True), count._replace(blank=False)
    return pieces


def _is_word(tokens: Sequence[Token], at: int) -> bool:
    """Whether `x` is a word of the layer before it: the direction of `sobel x`."""
    is_repeat = at + 1 < len(tokens) and tokens[at + 1].kind in ("number", "parens")
    counts = (count for words, count in runs(tokens, at - 1) if words in vocabulary().layers)
    return at > 0 and not is_repeat and 2 in counts


def _number(value: Number) -> str:
    return str(int(value)) if isinstance(value, int) else repr(value)


def _size(text: str) -> str:
    """A size with blanks on both sides of its signs, or none; `64 x 3` may be a repeat."""
    sign = " x " if any(map(str.isspace, text)) else "x"
    return sign.join(map(str, numbers_of(text)))


def _expressions(value: object) -> Iterator[Expression]:
    """The outermost expressions within parsed phrases."""
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, Item | Token) or (isinstance(value, LayerText) and not value.computed):
        return  # text that is not parsed, or numbers alone
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _expressions(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from _expressions(one)


def _tokens(items: Iterable[Item], holds: Callable[[Item], bool]) -> Iterator[Token]:
    """The tokens of the lines that hold, with those in columns, groups, parentheses and guards; the
    parentheses of guards are left out, which hold no layers."""
    for item in filter(holds, items):
        for phrase in item.phrases:
            columns = (token for column in phrase.columns or () for token in column.tokens)
            yield from _nested((*phrase.tokens, *columns), holds)
        yield from (token for token in _nested(item.guard, holds) if token.kind != "parens")


def _nested(tokens: Iterable[Token], holds: Callable[[Item], bool]) -> Iterator[Token]:
    for token in tokens:
        yield token
        if token.kind == "parens":
            yield from _nested(token.tokens, holds)
        elif token.inside:
            yield from _tokens(token.items, holds)


def words(items: Iterable[Item]) -> Iterator[str]:
    """The words of lines, also in groups."""
    tokens = _tokens(items, lambda item: True)
    return (token.text for token in tokens if token.kind in ("word", "mixed"))


def optional_layers(
    items: Iterable[Item], holds: Callable[[Item], bool] = lambda item: True
) -> Iterator[str]:
    """The kinds of the layers in parentheses, in the lines that hold."""
    for token in _tokens(items, holds):
        if token.kind == "parens":
            yield from (kind.kind for kind, *_ in layers_among(token.tokens))


def lone_words(items: Collection[Item]) -> Iterator[str]:
    """The words that are a phrase of their own, also in groups."""
    for item in items:
        for phrase in item.phrases:
            is_lone = len(phrase.tokens) == 1 and not phrase.columns
            if is_lone and phrase.tokens[0].kind in ("word", "mixed"):
                yield phrase.tokens[0].text
            for token in phrase.tokens:
                if token.kind in ("bracket", "braces"):
                    yield from lone_words(token.items)
