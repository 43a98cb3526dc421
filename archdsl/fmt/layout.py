"""Lines laid out: what stands behind layers is aligned, and so are the cells of Markdown.

A line is its layers, then what it claims (`=>`), then a comment. Widths are those of a terminal.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from archdsl.text.find_tables import between_pipes, is_rule

LONGEST = 60  # columns of a line that the claims and comments of its neighbours are moved for
WIDEST = 120  # columns of a table that is aligned


@dataclass
class Aligned:
    """What stands behind the layers of a line, and the column in which it was written."""

    text: str
    column: int


@dataclass
class LineParts:
    """A line in its parts. `stanza` is the same for lines that are aligned with each other.

    `front` stands in front of `text` in lines that may align their middle, `conv` of
    `conv means conv-relu`; `middle` is the sign there, `padded` says whether somebody has.
    """

    text: str
    stanza: Hashable = None
    front: str | None = None
    middle: str = ""
    padded: bool = False
    claims: Aligned | None = None
    comment: Aligned | None = None

    @property
    def is_blank(self) -> bool:
        return not (self.text or self.comment or self.front)


def laid(lines: Sequence[LineParts]) -> Iterator[str]:
    """The texts of lines."""
    _align_middles(lines)
    stanzas: defaultdict[Hashable, list[LineParts]] = defaultdict(list)
    for line in lines:
        stanzas[line.stanza].append(line)
    for stanza, together in stanzas.items():
        if stanza is not None:
            _append([(line, line.claims) for line in together if line.claims])
            comments = [(line, line.comment) for line in together if line.comment]
            if not _share(comments):
                # Those behind claims, and those in the column of claims.
                for has_claims in (True, False):
                    _append([one for one in comments if bool(one[0].claims) is has_claims])
            else:
                _append(comments)
    return (line.text for line in lines)


def _align_middles(lines: Sequence[LineParts]) -> None:
    """Align neighbours where one of them was aligned by hand: `fc   means fc-relu`."""
    run: list[LineParts] = []
    for line in [*lines, LineParts("")]:
        kind = line.stanza, line.middle
        if run and (line.front is None or kind != (run[0].stanza, run[0].middle)):
            fronts = [one.front or "" for one in run]
            column = max(map(width, fronts)) if any(one.padded for one in run) else 0
            for one, front in zip(run, fronts, strict=True):
                one.text = f"{padded(front, column)} {one.text}"
            run = []
        if line.front is not None:
            run.append(line)


def _append(marks: Sequence[tuple[LineParts, Aligned]]) -> None:
    """Put marks behind their lines: in the column that they share, else behind the longest line.

    A very long line moves no other.
    """
    widths = [width(line.text) for line, _ in marks]
    columns = [mark.column for _, mark in marks]
    if not _share(marks):
        ordinary = [i for i, wide in enumerate(widths) if wide <= LONGEST]
        longest = max((widths[i] for i in ordinary), default=0)
        shared = Counter(columns[i] for i in ordinary)
        column, count = shared.most_common(1)[0] if shared else (0, 0)
        if column < longest + 2 or (count < 2 and len(ordinary) > 1):
            column = longest + 2
        columns = [column] * len(marks)
    for (line, mark), wide, column in zip(marks, widths, columns, strict=True):
        line.text += " " * max(2, column - wide) + mark.text


def _share(marks: Sequence[tuple[LineParts, Aligned]]) -> bool:
    """Whether marks stand in one column, behind all lines."""
    columns = {mark.column for _, mark in marks}
    return not marks or (
        len(columns) == 1 and max(width(line.text) for line, _ in marks) + 2 <= min(columns)
    )


def table(lines: Sequence[str]) -> list[str]:
    """The lines of a table of Markdown with its cells below each other.

    Cells stay as they are but for the blanks around them. One that would be wider than WIDEST
    columns stays as it is.
    """
    rows = [_row(line) for line in lines]
    wides: list[int] = []
    rule = next((i for i, line in enumerate(lines) if is_rule(line)), None)
    for index, (cells, _) in enumerate(rows):
        for column, cell in enumerate(cells or ()):
            wides += [1] * (column == len(wides))
            if index != rule:
                wides[column] = max(wides[column], width(cell))
    # Another blank in front makes a row of what would be a rule.
    is_odd = any(line.lstrip(" \t") != line.lstrip() for line in lines)
    if is_odd or sum(wide + 3 for wide in wides) + 1 > WIDEST:
        return [line.rstrip(" \t") for line in lines]
    shown = []
    for index, (cells, behind) in enumerate(rows):
        if cells is None:
            shown.append(behind)
            continue
        if index == rule:
            inside = [_ruled(cell, wide + 2) for cell, wide in zip(cells, wides, strict=False)]
        else:
            inside = [f" {padded(cell, wide)} " for cell, wide in zip(cells, wides, strict=False)]
        shown.append("|".join(["", *inside, ""]) + (f"  {behind}" if behind else ""))
    return shown


def _row(line: str) -> tuple[list[str] | None, str]:
    """The cells of a line, none where it is a comment, and the comment behind them.

    Other blanks than ours stay: without them a row of `---` would be the rule.
    """
    if not line.lstrip().startswith("|"):
        return None, line.strip()
    places = between_pipes(line)
    last = places[-1][1] if places else 0
    return [line[start:end].strip(" \t") for start, end in places], line[last + 1 :].strip()


def _ruled(cell: str, wide: int) -> str:
    """A cell of the rule, with the colons that say how its column is set."""
    left, right = cell.startswith(":"), len(cell) > 1 and cell.endswith(":")
    return ":" * left + "-" * (wide - left - right) + ":" * right


def padded(text: str, wide: int) -> str:
    return text + " " * (wide - width(text))


def width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
