"""Tables of LaTeX: the cells of a tabular."""

from __future__ import annotations

from collections.abc import Iterator

# A cell: where its text begins and ends, and the columns that it spans.
Cells = list[tuple[int, int, int]]


def find(text: str) -> Iterator[tuple[int, int, list[Cells]]]:
    """The tables of a text: where each begins and ends, and its rows."""
    yield from ()
