"""The numbers of a phrase: sizes, values, repeats."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from archdsl.errors import ArchError
from archdsl.notation.ast import ValueText
from archdsl.syntax import expressions
from archdsl.syntax.ast import Token, numbers_of
from archdsl.text.source import Source

REPEAT = re.compile(r"(\d{1,18})[x×]")
FUSED = re.compile(r"([A-Za-z_]+?)(\d+(?:[x×]\d+)*)")  # digits at the end of a word


class Placed(Protocol):
    """Something with a place in the source."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


class Numerals:
    """Reads numbers; `names` are the names that have values."""

    def __init__(self, source: Source, names: Collection[str]) -> None:
        self.source = source
        self.names = names

    def fail(self, message: str, where: Placed, help: str | None = None) -> ArchError:
        return ArchError(message, self.source.span(where.start, where.end), help=help)

    def counts(self, token: Token) -> bool:
        return token.kind in ("number", "parens") or token.text in self.names

    def value(self, tokens: Sequence[Token]) -> ValueText:
        """A number, or an expression of one part."""
        (token,) = tokens
        if token.kind == "number":
            return ValueText(self.number(token), token.start, token.end)
        return ValueText(expressions.read(self.source, tokens), token.start, token.end)

    def number(self, token: Token) -> int | float:
        text = token.text
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return float(text) if set(text) & set(".eE") else self.composite(text, token)

    def composite(self, text: str, token: Token) -> int:
        if len(text) > 18:
            raise self.fail("a number beyond 2^63", token)
        return int(text)

    def size(self, token: Token) -> tuple[int, ...]:
        for digits in re.findall(r"\d+", token.text):
            self.composite(digits, token)
        return numbers_of(token.text)

    def tight(self, token: Token) -> tuple[int, ...]:
        """A size as the value of an attribute; written `2 x 3` it could also be a repeat."""
        # In the plain text there are blanks in place of the signs of `2$\times$3`.
        written = self.source.text[token.start : token.end]
        if re.search(r"\s", token.text) and not re.fullmatch(r"\d\S*\d", written):
            numbers = self.size(token)
            raise self.fail(
                f"is `{' '.join(token.text.split())}` a size, or {numbers[0]} and a repeat?",
                token,
                f"write `{numbers[0]}x{numbers[-1]}` for the size, "
                f"`{numbers[0]} x{numbers[-1]}` for the repeat",
            )
        return self.size(token)

    def check_sign(self, tokens: Sequence[Token], at: int) -> None:
        """Refuse a sign that looks like a minus: `scale -1`."""
        if (
            tokens[at].text == "-"
            and 0 < at < len(tokens) - 1
            and tokens[at + 1].kind == "number"
            and tokens[at - 1].end < tokens[at].start
            and tokens[at].end == tokens[at + 1].start
        ):
            shown = f"-{tokens[at + 1].text}"
            raise self.fail(
                f"is `{shown}` a negative number?",
                tokens[at],
                f"write `({shown})`; a hyphen that joins has no blank in front of it",
            )

    def numbers(self, token: Token) -> tuple[int, ...]:
        """Numbers in parentheses, as Python writes a size: `(3, 3)`."""
        inside: tuple[Token, ...] = token.inside  # type: ignore[assignment]
        return tuple(self.composite(p.text, p) for p in inside if p.kind == "number")


def is_size(token: Token) -> bool:
    """Whether parentheses hold whole numbers with commas between them: `(3, 3)`."""
    if token.kind != "parens":
        return False
    inside: tuple[Token, ...] = token.inside  # type: ignore[assignment]
    kinds = [p.kind for p in inside]
    return (
        len(kinds) > 1
        and kinds == ["number", *["comma", "number"] * (len(kinds) // 2)]
        and all(p.text.isdigit() for p in inside if p.kind == "number")
    )
