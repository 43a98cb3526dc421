"""Alignment: claims and comments of neighbouring lines, and the cells of Markdown tables.

A line is its layers, then its claims (`=>`), then a comment. Widths are those of a terminal.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from archdsl.text.find_tables import between_pipes, is_rule

LONGEST_ALIGNED = 60  # columns of a line that still moves the claims and comments of its neighbours
WIDEST_TABLE = 120  # columns of a table that is aligned


@dataclass
class Aligned:
    """The claims, or the comment, of a line, and the column where they were written."""

    text: str
    column: int


@dataclass
class LineParts:
    """The parts of a line. Lines of one `stanza` are aligned with each other.

    A line that may align its middle, as `conv means conv-relu`, has what precedes it in `front`,
    and in `middle` the sign there; `padded`: the author aligned it.
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


def aligned_lines(lines: Sequence[LineParts]) -> Iterator[str]:
    """The texts of lines, aligned."""
    _align_middles(lines)
    stanzas: defaultdict[Hashable, list[LineParts]] = defaultdict(list)
    for line in lines:
        stanzas[line.stanza].append(line)
    for stanza, together in stanzas.items():
        if stanza is not None:
            _append([(line, line.claims) for line in together if line.claims])
            comments = [(line, line.comment) for line in together if line.comment]
            if not _share(comments):
                # The comments of lines with claims, and those of lines without.
                for has_claims in (True, False):
                    _append([one for one in comments if bool(one[0].claims) is has_claims])
            else:
                _append(comments)
    return (line.text for line in lines)


def _align_middles(lines: Sequence[LineParts]) -> None:
    """Align neighbours if the author aligned one of them: `fc   means fc-relu`."""
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


def _append(parts: Sequence[tuple[LineParts, Aligned]]) -> None:
    """Append claims or comments to their lines: in the column that they share, or else after the
    longest line. A very long line moves no others."""
    widths = [width(line.text) for line, _ in parts]
    columns = [one.column for _, one in parts]
    if not _share(parts):
        ordinary = [i for i, wide in enumerate(widths) if wide <= LONGEST_ALIGNED]
        longest = max((widths[i] for i in ordinary), default=0)
        shared = Counter(columns[i] for i in ordinary)
        column, count = shared.most_common(1)[0] if shared else (0, 0)
        if column < longest + 2 or (count < 2 and len(ordinary) > 1):
            column = longest + 2
        columns = [column] * len(parts)
    for (line, one), wide, column in zip(parts, widths, columns, strict=True):
        line.text += " " * max(2, column - wide) + one.text


def _share(parts: Sequence[tuple[LineParts, Aligned]]) -> bool:
    """Whether claims or comments are in one column, after all lines."""
    columns = {one.column for _, one in parts}
    return not parts or (
        len(columns) == 1 and max(width(line.text) for line, _ in parts) + 2 <= min(columns)
    )


def table(lines: Sequence[str]) -> list[str]:
    """The lines of a Markdown table with aligned columns.

    Only the spaces around cells change. A table that would be too wide stays as it is.
    """
    rows = [_row(line) for line in lines]
    wides: list[int] = []
    rule = next((i for i, line in enumerate(lines) if is_rule(line)), None)
    for index, (cells, _) in enumerate(rows):
        for column, cell in enumerate(cells or ()):
            wides += [1] * (column == len(wides))
            if index != rule:
                wides[column] = max(wides[column], width(cell))
    # After other whitespace, what would be the rule is a row.
    is_odd = any(line.lstrip(" \t") != line.lstrip() for line in lines)
    if is_odd or sum(wide + 3 for wide in wides) + 1 > WIDEST_TABLE:
        return [line.rstrip(" \t") for line in lines]
    shown = []
    for index, (cells, comment) in enumerate(rows):
        if cells is None:
            shown.append(comment)
            continue
        if index == rule:
            inside = [_ruled(cell, wide + 2) for cell, wide in zip(cells, wides, strict=False)]
        else:
            inside = [f" {padded(cell, wide)} " for cell, wide in zip(cells, wides, strict=False)]
        shown.append("|".join(["", *inside, ""]) + (f"  {comment}" if comment else ""))
    return shown


def _row(line: str) -> tuple[list[str] | None, str]:
    """The cells of a line, None if it is a comment, and the comment after them.

    Whitespace other than spaces and tabs stays: without it, a row of `---` would be the rule.
    """
    if not line.lstrip().startswith("|"):
        return None, line.strip()
    places = between_pipes(line)
    last = places[-1][1] if places else 0
    return [line[start:end].strip(" \t") for start, end in places], line[last + 1 :].strip()


def _ruled(cell: str, wide: int) -> str:
    """A cell of the rule, with the colons that align its column."""
    left, right = cell.startswith(":"), len(cell) > 1 and cell.endswith(":")
    return ":" * left + "-" * (wide - left - right) + ":" * right


def padded(text: str, wide: int) -> str:
    return text + " " * (wide - width(text))


def width(text: str) -> int:
    """The columns of a text on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
