"""The output of `archdsl verify`: every claim, or how many hold under each reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archdsl.figures import counted, number
from archdsl.output.claims import (
    claim_dict,
    claims_table,
    counting_notes,
    input_notes,
    notes,
    tally,
)
from archdsl.output.plain_data import plain_data
from archdsl.output.table import Cell, Column, Table, filled, paint, text_table

if TYPE_CHECKING:
    from archdsl.claims.readings import Readings
    from archdsl.model import Model

MOST_READINGS = 12  # in a table; JSON lists them all


def verification(networks: Sequence[Model], width: int | None = None, colour: bool = False) -> str:
    """Every claim of the networks, and the tally."""
    parts = []
    for network in networks:
        title = filled(f"{network.full_name}: {tally(network.claims)}", width)
        lines = [paint(title, None, bold=colour)]
        if network.claims:
            lines.append(text_table(claims_table(network.claims), width, colour))
        remarks = (*counting_notes(network), *input_notes(network))
        lines += [filled(note, width) for note in remarks]
        parts.append("\n".join([*lines, *notes(network.claims, width)]))
    everything = [claim for network in networks for claim in network.claims]
    parts.append(filled(f"{counted(len(networks), 'network')}, {tally(everything)}", width))
    return "\n\n".join(parts)


def verification_dict(networks: Sequence[Model]) -> dict[str, Any]:
    """The claims as `archdsl.output.records.Verification` describes them."""
    return {
        "networks": [
            {
                "network": network.full_name,
                "params_count": str(network.counting),
                "claims": [claim_dict(claim) for claim in network.claims],
            }
            for network in networks
        ]
    }


def readings(
    networks: Sequence[tuple[Model, Readings]], width: int | None = None, colour: bool = False
) -> str:
    """A table of readings for each network, and under how many of them every claim holds."""
    parts = []
    for network, found in networks:
        alternatives = found.alternatives
        holding = sum(one.all_hold for one in alternatives)
        every = f"{holding} of {counted(len(alternatives), 'reading')}"
        title = filled(f"{network.full_name}: every claim holds under {every}", width)
        lines = [paint(title, None, bold=colour), text_table(readings_table(found), width, colour)]
        if (more := len(alternatives) - MOST_READINGS) > 0:
            lines.append(filled(f"and {more} more, under which no more claims hold", width))
        lines += [
            filled(f"{', '.join(one.changes) or _OWN}: the erratum {name} holds", width)
            for one in alternatives[:MOST_READINGS]
            for name in one.errata
            if one.all_hold
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


_OWN = "as written"


def readings_table(readings: Readings) -> Table:
    """One row per reading, the text's own first, with the first claims that do not hold."""
    own = f"{_OWN}: {', '.join(readings.said)}" if readings.said else _OWN
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
                Cell(
                    f"{'✓ ' * one.all_hold}{one.holds} of {one.claims}",
                    "green" if one.all_hold else None,
                ),
                Cell(number(one.params)),
                Cell(number(one.macs)),
                Cell(", ".join(one.fails[:3]) + (", …" if len(one.fails) > 3 else "")),
            )
            for one in readings.alternatives[:MOST_READINGS]
        ),
    )


def readings_dict(network: Model, readings: Readings) -> dict[str, Any]:
    """The readings as `archdsl.output.records.NetworkReadings` describes them."""
    return {
        "network": network.full_name,
        "said": list(readings.said),
        "readings": [
            {**plain_data(one), "all_hold": one.all_hold} for one in readings.alternatives
        ],
    }
