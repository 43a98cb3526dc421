"""What `archdsl verify` prints: every claim, and the claims under each reading of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.claims.readings import Alternative, Readings
    from archdsl.model import Model
from archdsl.figures import number
from archdsl.output.claims import claims_table, counting_notes, notes, tally
from archdsl.output.plain_data import plain_data
from archdsl.output.table import Cell, Column, Table, filled, paint, text_table

MOST_READINGS = 12  # shown on a terminal; JSON lists them all


def verification(networks: Sequence[Model], width: int | None = None, colour: bool = False) -> str:
    """Every claim of the networks, and the tally."""
    parts = []
    for network in networks:
        title = filled(f"{network.full_name}: {tally(network.claims)}", width or 100)
        lines = [paint(title, None, bold=colour)]
        if network.claims:
            lines.append(text_table(claims_table(network.claims), width, colour))
        lines += [filled(note, width or 100) for note in counting_notes(network)]
        parts.append("\n".join([*lines, *notes(network.claims, width)]))
    everything = [claim for network in networks for claim in network.claims]
    plural = "" if len(networks) == 1 else "s"
    total = f"{len(networks)} network{plural}, {tally(everything)}"
    parts.append(filled(total, width or 100))
    return "\n\n".join(parts)


def readings(
    found: Sequence[tuple[Model, Readings]], width: int | None = None, colour: bool = False
) -> str:
    """The readings of networks: a table each, and under which of them every claim holds."""
    parts = []
    for network, read in found:
        alternatives = read.alternatives
        holding = sum(one.all_hold for one in alternatives)
        plural = "" if len(alternatives) == 1 else "s"
        title = filled(
            f"{network.full_name}: every claim holds under {holding} of {len(alternatives)} "
            f"reading{plural}",
            width or 100,
        )
        lines = [paint(title, None, bold=colour), text_table(readings_table(read), width, colour)]
        if (more := len(alternatives) - MOST_READINGS) > 0:
            lines.append(filled(f"and {more} more, under which no more claims hold", width or 100))
        lines += [
            filled(f"{', '.join(one.changes) or _OWN}: the erratum {name} holds", width or 100)
            for one in alternatives[:MOST_READINGS]
            for name in one.errata
            if one.all_hold
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


_OWN = "as the text says"


def readings_table(read: Readings) -> Table:
    """A reading a line, the text's own first, with the first claim that does not hold."""
    own = f"{_OWN}: {', '.join(read.said)}" if read.said else _OWN
    columns = (
        Column("reading", shrinks=True),
        Column("claims hold", "right"),
        Column("params", "right"),
        Column("macs", "right"),
        Column("does not hold", shrinks=True),
    )
    return Table(
        columns,
        tuple(
            (
                Cell(", ".join(one.changes) or own, "cyan"),
                Cell(_held(one), "green" if one.all_hold else None),
                Cell(number(one.params)),
                Cell(number(one.macs)),
                Cell(", ".join(one.fails[:3]) + (", …" if len(one.fails) > 3 else "")),
            )
            for one in read.alternatives[:MOST_READINGS]
        ),
    )


def _held(one: Alternative) -> str:
    return f"{'✓ ' if one.all_hold else ''}{one.holds} of {one.claims}"


def readings_dict(network: Model, read: Readings) -> dict[str, Any]:
    """The readings as plain data, by `archdsl.output.records.NetworkReadings`."""
    return {
        "network": network.full_name,
        "said": list(read.said),
        "readings": [
            {**plain_data(one._asdict()), "all_hold": one.all_hold} for one in read.alternatives
        ],
    }
