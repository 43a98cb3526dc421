"""The table of networks that `archdsl zoo` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archdsl.figures import hwc, number
from archdsl.output.table import Cell, Column, Table
from archdsl.syntax.ast import NetworkText

if TYPE_CHECKING:
    from archdsl.model import Model


def zoo_table(networks: Sequence[Model | NetworkText]) -> Table:
    """One row per network; a template, whose parameters have no values, has no numbers."""
    columns = (
        Column("name"),
        Column("input"),
        Column("params", "right"),
        Column("macs", "right"),
        Column("claims", "right"),
        Column("title", shrinks=True),
    )
    return Table(columns, tuple(map(_zoo_row, networks)))


def _zoo_row(n: Model | NetworkText) -> tuple[Cell, ...]:
    if isinstance(n, NetworkText):
        title = (n.header.title if n.header else None) or n.name
        what = f"{title} (a template: give it {', '.join(n.lacking)})"
        return (Cell(n.name, "cyan"), *[Cell("")] * 4, Cell(what))
    return (
        Cell(n.full_name, "cyan"),
        Cell(hwc(n.input)),
        Cell(number(n.params)),
        Cell(number(n.macs)),
        Cell(str(len(n.claims))),
        Cell(n.title),
    )
