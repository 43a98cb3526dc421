"""Whether two texts mean the same, whatever their whitespace: what a formatter may not change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, zip_longest
from typing import Any

from archdsl.errors import ArchError
from archdsl.syntax.ast import Statement, Token
from archdsl.syntax.parser import statement_span, statements_of
from archdsl.text.source import Source, Span

_FREE = frozenset(("comma", "braces"))  # spaces around them mean nothing, unless at a hyphen


def first_difference(source: Source, ours: Sequence[Statement], text: str) -> Span | None:
    """The first place where a text differs in meaning from a source with the statements `ours`, or
    None.

    Compares the statements token by token, with the spaces between tokens; the tables cell by cell;
    the comments; and all characters that are not whitespace.
    """
    if text == source.written:
        return None
    other = Source(source.name, text, source.folder)
    try:
        theirs = statements_of(other)
    except ArchError as error:
        return source.span(0, min(1, len(source.text))) if error.span is None else error.span
    for one, two in zip_longest(ours, theirs):
        if not _same(one, two):
            return statement_span(source, one)
    whole = source.span(0, source.line(0)[1])
    for grid, grid_ in zip_longest(source.grids, other.grids):
        if grid is None or grid_ is None or _cells(source, grid) != _cells(other, grid_):
            return source.span(*source.line(grid.start)) if grid else whole
    if _comments(source) != _comments(other) or _signs(source) != _signs(other):
        return whole
    return None


def _same(one: Any, two: Any) -> bool:
    """Whether two nodes or tokens are the same except for their offsets."""
    if type(one) is not type(two):
        return False
    if isinstance(one, Token):
        # A size may contain spaces.
        alike = one.text == two.text or (
            one.kind != "string" and one.text.split() == two.text.split()
        )
        return alike and one.kind == two.kind and _same(one.inside, two.inside)
    if isinstance(one, tuple):
        return (
            len(one) == len(two)
            and all(isinstance(a, int) or _same(a, b) for a, b in zip(one, two, strict=True))
            and (type(one) is not tuple or _gaps(one) == _gaps(two))
        )
    return bool(one == two)


def _gaps(parts: tuple[Any, ...]) -> list[bool]:
    """Which tokens of a phrase have a space between them."""
    return [
        a.end < b.start
        for a, b in pairwise(parts)
        if type(a) is Token and type(b) is Token
        if b.kind == "join" or not _FREE & {a.kind, b.kind}
    ]


def _cells(source: Source, grid: Any) -> Any:
    """The cells of a Markdown table; any other table as it is written."""
    if grid.kind != "markdown":
        return grid.kind, source.text[grid.start : grid.end]
    text = source.text
    return [
        [(cell.column, cell.wide, text[cell.start : cell.end]) for cell in row] for row in grid.rows
    ]


def _comments(source: Source) -> list[str]:
    """The comments outside of tables and listings, in order."""
    found = re.findall(r'"[^"\n]*"|\b(?:arxiv|doi|https?):[^\s"]+|(#[^\n]*)', source.marked, re.I)
    return [comment.rstrip() for comment in found if comment]


def _signs(source: Source) -> str:
    """All characters that are not whitespace, nor lines of Markdown tables."""
    pieces = []
    here = 0
    for grid in source.grids:
        if grid.kind == "markdown":
            pieces += [source.text[here : grid.start]]
            pieces += [re.sub(r"[-|:]", "", source.text[grid.start : grid.end])]
            here = grid.end
    return re.sub(r"\s+", "", "".join([*pieces, source.text[here:]]))
