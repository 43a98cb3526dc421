"""The blocks of the library, as `archdsl layers` and docs/layers.md list them.

>>> from archdsl.output import block_reference
>>> print(block_reference.text_of("residual"))
# Figure 2: the body learns the difference from the identity.
block residual { add { shortcut; body }, activation after }
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.expand.blocks import library, library_block
from archdsl.output.table import Cell, Column, Table, paint, text_table


def find(text: str) -> str | None:
    """The block with this name, in any case and with hyphens or blanks for `_`, or None."""
    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    return next((name for name in library() if name.lower() == word), None)


def form(name: str) -> str:
    """How the block is used: `bottleneck(t, c, s=1)`."""
    return library_block(name).form


def text_of(name: str) -> str:
    """The text of a block, with the comment above it."""
    definition = library_block(name)
    return definition.comment + definition.text


def index(width: int | None = None, colour: bool = False) -> str:
    """One row per block: how it is used, and the paper that it is from."""
    columns = (Column("block of the library"), Column("paper", shrinks=True))
    rows = tuple((Cell(form(name), "cyan"), Cell(library_block(name).paper)) for name in library())
    return text_table(Table(columns, rows), width, colour)


def explanation(name: str, colour: bool = False) -> str:
    """A block in full: its paper and its text."""
    return f"{paint(form(name), None, colour)}\n\n{library_block(name).paper}\n\n{text_of(name)}"


def markdown(name: str | None = None) -> str:
    """All blocks, or one, as sections."""
    names = list(library()) if name is None else [name]
    lines = [] if name is not None else ["## Blocks of the library", "", _ABOUT, ""]
    for one in names:
        lines += _section(one)
    return "\n".join(lines).rstrip()


_ABOUT = (
    "A text may use these blocks without defining them; a block of the text with the same name "
    "comes first."
)


def _section(name: str) -> Iterator[str]:
    yield from (f"### {name} (block)", "", f"`{form(name)}`, from {library_block(name).paper}.", "")
    yield from ("```text", text_of(name), "```", "")


def as_list() -> list[dict[str, Any]]:
    """The blocks as `archdsl.output.records.LibraryBlock` describes them."""
    return [
        {
            "name": name,
            "form": form(name),
            "paper": library_block(name).paper,
            "text": text_of(name),
        }
        for name in library()
    ]
