"""The names of lines, `conv1`, `fc6`, and their text as the paper writes it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from archdsl.errors import ArchError, same_name
from archdsl.notation.ast import (
    BlockUse,
    Composite,
    Group,
    LabelJoin,
    Line,
    Placeholder,
    Reference,
)
from archdsl.notation.labels import KEYWORDS
from archdsl.notation.reserved_names import is_reserved
from archdsl.syntax.ast import Phrase, Token, row_pieces
from archdsl.text.source import Source


def kind_of(line: Line, bracket: BlockUse | None) -> str:
    """What a line is named after: its block, else its first weight layer, else its first layer.

    `bracket` is the block that a bracket stands for.
    """
    kinds = []
    phrases = line.phrases
    if len(phrases) > 1 and isinstance(phrases[0].composite, Reference):
        phrases = phrases[1:]  # it is named after what follows the reference
    for parsed in phrases:
        if parsed.composite is not None:
            return _kind_of_composite(parsed.composite, bracket)
        kinds += [layer.kind for layer in parsed.layers]
    return next((kind.kind for kind in kinds if kind.weighs), kinds[0].kind)


def _kind_of_composite(composite: Composite, bracket: BlockUse | None) -> str:
    match composite:
        case Group(kind="bracket") if bracket is not None:
            return bracket.block
        case Group(kind="bracket" | "braces"):
            return "group"
        case (
            Group(kind=name) | LabelJoin(kind=name) | BlockUse(block=name) | Placeholder(word=name)
        ):
            return name
        case _:  # a reference, or a side head
            return type(composite).__name__.lower()


def names_of(
    source: Source, lines: Sequence[Line], kinds: Sequence[str], branches: bool = False
) -> list[str]:
    """The labels of lines, or `<kind><n>`, counted per kind; a branch that is the only one of its
    kind has no number. Raises ArchError for a label that cannot be used.
    """
    labels: dict[str, Token] = {}
    for label in (line.label for line in lines if line.label is not None):
        text, span = label.text, source.span(label.start, label.end)
        if text in labels:
            first = labels[text]
            raise same_name("line", text, span, source.span(first.start, first.end))
        message = f"no line can be called `{text}`"
        if text in KEYWORDS:
            raise ArchError(
                message, span, help=f"it means something in the language: write `{text}1`"
            )
        if is_reserved(text):
            raise ArchError(
                message, span, help=f"Python or torch uses the name: write `{text.strip('_')}1`"
            )
        labels[text] = label
    return _numbered(kinds, [line.label.text if line.label else "" for line in lines], branches)


def numbered(kinds: Sequence[str]) -> list[str]:
    """The kinds, numbered if there are several of one."""
    if len(set(kinds)) == len(kinds):
        return list(kinds)
    total = Counter(kinds)
    return _numbered(kinds, [kind if total[kind] == 1 else "" for kind in kinds], False)


def _numbered(kinds: Sequence[str], labels: Sequence[str], may_be_bare: bool) -> list[str]:
    """The labels, and for empty ones `<kind><n>`; the kind alone if no other is of it and it
    `may_be_bare`."""
    total = Counter(kinds) if may_be_bare else {}
    counts: Counter[str] = Counter()
    used = set(labels)
    names = []
    for kind, label in zip(kinds, labels, strict=True):
        counts[kind] += 1
        bare = may_be_bare and total[kind] == 1 and not is_reserved(kind)
        name = label or (kind if bare else f"{kind}{counts[kind]}")
        # A block `conv1` next to eleven convolutions: kinds may end in digits.
        while not label and name in used:
            counts[kind] += 1
            name = f"{kind}{counts[kind]}"
        used.add(name)
        names.append(name)
    return names


def notation(source: Source, line: Line) -> str:
    """A line as the paper writes it, without label, claims, guard, comments and typography."""
    return " -> ".join(
        _phrase(source, phrase, parsed.start)
        for phrase, parsed in zip(line.item.phrases, line.phrases, strict=True)
    )


def _phrase(source: Source, phrase: Phrase, start: int = 0) -> str:
    if phrase.columns is None:
        return _text(source, phrase.tokens, start)
    labelled = [token.kind for token in phrase.tokens[:2]] == ["word", "colon"]
    pieces = row_pieces(phrase.tokens[2:] if labelled else phrase.tokens, phrase.columns)
    texts = (one if isinstance(one, str) else _of_cells(source, one) for one in pieces)
    return _tidy(re.sub(r"(?<=\w) \(", "(", " ".join(texts)))


def _of_cells(source: Source, tokens: Sequence[Token]) -> str:
    """The text of tokens of a row of a table: its cells may be anywhere in the row."""
    pieces: list[str] = []
    for token in tokens:
        if token.kind in _CLOSING:
            pieces.append(_group(source, token))
        elif token.kind == "parens":
            pieces.append(f"({_of_cells(source, token.tokens)})")
        else:
            pieces.append("".join(token.text.split()) if token.kind == "size" else token.text)
    return _tidy(re.sub(r" (/) ", r"\1", " ".join(pieces)))


def _text(source: Source, tokens: Sequence[Token], start: int = 0) -> str:
    """The text of tokens; of a group, that of its lines."""
    pieces: list[str] = []
    here = max(start, tokens[0].start)
    for token in tokens:
        if token.kind in _CLOSING and token.start >= start:
            pieces += [source.plain[here : token.start], _group(source, token)]
            here = token.end
    pieces.append(source.plain[here : tokens[-1].end])
    return _tidy("".join(pieces))


def _group(source: Source, token: Token) -> str:
    """`[ conv3-64; conv3-64 ]`."""
    lines = []
    for item in token.items:
        chain = " -> ".join(_phrase(source, phrase) for phrase in item.phrases)
        lines.append(chain + (f" if {_text(source, item.guard)}" if item.guard else ""))
    return f"{token.text} {'; '.join(lines)} {_CLOSING[token.kind]}"


def _tidy(text: str) -> str:
    """The text with single spaces, without those that typography left before punctuation."""
    text = " ".join(_TIMES.sub("×", text).split())
    return text.replace(" ,", ",").replace(" )", ")").replace("( ", "(")


_TIMES = re.compile(r"(?<=\d) * x {4,}(?=\d)")  # LaTeX's sign between the numbers of a size
_CLOSING = {"bracket": "]", "braces": "}"}
