"""The numbers of a phrase: sizes, values, repeats."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from archdsl.errors import ArchError, Source
from archdsl.notation.ast import Given
from archdsl.syntax import expressions
from archdsl.syntax.ast import Part, numbers_of

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
        for digits in re.findall(r"\d+", part.text):
            self.whole(digits, part)
        return numbers_of(part.text)

    def tight(self, part: Part) -> tuple[int, ...]:
        """A size as the value of an attribute; written `2 x 3` it could also be a repeat."""
        # In the plain text there are blanks in place of the signs of `2$\times$3`.
        written = self.source.text[part.start : part.end]
        if re.search(r"\s", part.text) and not re.fullmatch(r"\d\S*\d", written):
            numbers = self.size(part)
            raise self.fail(
                f"is `{' '.join(part.text.split())}` a size, or {numbers[0]} and a repeat?",
                part,
                f"write `{numbers[0]}x{numbers[-1]}` for the size, "
                f"`{numbers[0]} x{numbers[-1]}` for the repeat",
            )
        return self.size(part)

    def check_sign(self, parts: Sequence[Part], at: int) -> None:
        """Refuse a sign that looks like a minus: `scale -1`."""
        if (
            parts[at].text == "-"
            and 0 < at < len(parts) - 1
            and parts[at + 1].kind == "number"
            and parts[at - 1].end < parts[at].start
            and parts[at].end == parts[at + 1].start
        ):
            shown = f"-{parts[at + 1].text}"
            raise self.fail(
                f"is `{shown}` a negative number?",
                parts[at],
                f"write `({shown})`; a hyphen that joins has no blank in front of it",
            )

    def numbers(self, part: Part) -> tuple[int, ...]:
        """Numbers in parentheses, as Python writes a size: `(3, 3)`."""
        inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
        return tuple(self.whole(p.text, p) for p in inside if p.kind == "number")


def is_size(part: Part) -> bool:
    """Whether parentheses hold whole numbers with commas between them: `(3, 3)`."""
    if part.kind != "parens":
        return False
    inside: tuple[Part, ...] = part.inside  # type: ignore[assignment]
    kinds = [p.kind for p in inside]
    return (
        len(kinds) > 1
        and kinds == ["number", *["comma", "number"] * (len(kinds) // 2)]
        and all(p.text.isdigit() for p in inside if p.kind == "number")
    )
