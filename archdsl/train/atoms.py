"""The tokens of a recipe as words, numbers, lists and strings.

`schedule -4% every 8 epochs` becomes the words `schedule`, `every`, `epochs` and the numbers `-4%`
and `8`; `one-cycle` the words `one`, `cycle`; `[256; 512]` and `(0.9, 0.999)` a list each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archdsl.syntax.ast import Token

NUMBERS = ("number", "size", "figure")


class Atom(NamedTuple):
    """A word in lower case, or a value; `kind` is "word", "number", "list", "string", "comma" or
    "sign". `values` are the numbers of a list."""

    kind: str
    text: str
    start: int
    end: int
    values: tuple[str, ...] = ()


def atoms_of(tokens: Sequence[Token]) -> list[Atom]:
    """The atoms of a line of a recipe."""
    found: list[Atom] = []
    at = 0
    while at < len(tokens):
        token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
        at += 1
        if token.kind == "word":
            found += _words(token)
        elif token.kind in NUMBERS:
            text, end = token.text, token.end
            if after is not None and after.text == "%":
                text, end, at = f"{text}%", after.end, at + 1
            found.append(_number(text, token.start, end))
        elif token.kind == "join":
            if after is not None and after.kind in NUMBERS and _is_sign(token, tokens[: at - 1]):
                found += atoms_of(tokens[at : at + 2] if _is_percent(tokens, at + 1) else [after])
                number = found.pop()
                found.append(number._replace(text=f"{token.text}{number.text}", start=token.start))
                at += 2 if _is_percent(tokens, at + 1) else 1
            elif at == 1 or tokens[at - 2].end < token.start:  # not the hyphen of `one-cycle`
                found.append(Atom("sign", token.text, token.start, token.end))
        elif token.kind == "mixed":
            found.append(Atom("word", token.text.lower(), token.start, token.end))
        elif token.kind == "string":
            found.append(Atom("string", token.text[1:-1], token.start, token.end))
        elif token.kind in ("parens", "bracket"):
            values = tuple(one.text for one in _inside(token) if one.kind == "number")
            found.append(Atom("list", token.text, token.start, token.end, values))
        elif token.kind == "comma":
            found.append(Atom("comma", ",", token.start, token.end))
        elif token.kind not in ("equals", "colon"):
            found.append(Atom("sign", token.text, token.start, token.end))
    return found


def _words(token: Token) -> Iterator[Atom]:
    for word in token.text.lower().split("_"):
        if word:
            yield Atom("word", word, token.start, token.end)


def _number(text: str, start: int, end: int) -> Atom:
    if "x" in text or "×" in text:
        values = tuple(part.strip() for part in text.replace("×", "x").split("x"))
        return Atom("list", text, start, end, values)
    return Atom("number", text, start, end)


def _is_percent(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and tokens[at].text == "%"


def _is_sign(token: Token, before: Sequence[Token]) -> bool:
    """Whether a `-` belongs to the number after it: it does not touch what precedes it."""
    return not before or before[-1].end < token.start or before[-1].kind not in ("word", *NUMBERS)


def _inside(token: Token) -> Iterator[Atom]:
    """The atoms between parentheses or brackets, also after `;`."""
    if token.kind == "parens":
        yield from atoms_of(token.tokens)
        return
    for item in token.items:
        for phrase in item.phrases:
            yield from atoms_of(phrase.tokens)
