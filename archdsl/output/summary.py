"""The summary of a network: for a terminal, as Markdown, as HTML, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from archdsl.analysis.totals import Row
from archdsl.claims.judge import PARAMS, Claim
from archdsl.figures import hwc, memory_size, number, times
from archdsl.output import decisions
from archdsl.output.claims import (
    claim_dict,
    computed,
    counting_notes,
    input_notes,
    notes,
    row_cell,
    tally,
    total_cell,
)
from archdsl.output.plain_data import attributes, plain_data
from archdsl.output.table import (
    Cell,
    Column,
    Table,
    escaped,
    filled,
    fit,
    html_table,
    markdown_table,
    natural_width,
    paint,
    text_table,
)

if TYPE_CHECKING:
    from archdsl.model import Model


def rows_table(rows: Iterable[Row], claims: Sequence[Claim], short: bool = False) -> Table:
    """One table row per row: its numbers, and what the paper printed about it.

    `short`: with abbreviated numbers, for a narrow terminal.
    """
    rows = list(rows)
    names = {row.name for row in rows}
    of_row: dict[str, list[Claim]] = {}
    for claim in claims:
        # The claims of a line inside a group are shown with the group if it has no row of its own.
        name = claim.where if claim.where in names else claim.where.partition(".")[0]
        if name in names:
            of_row.setdefault(name, []).append(claim)
    columns = (
        Column("name", shrinks=True),
        Column("notation", shrinks=True),
        Column("output"),
        Column("params", "right"),
        Column("macs", "right"),
        Column("receptive field", "right") if not short else Column("rf", "right"),
        *((Column("paper", shrinks=True),) if of_row else ()),
    )
    lines = []
    for row in rows:
        line = [
            Cell(row.name, "cyan"),
            Cell(row.notation),
            Cell(hwc(row.output)),
            Cell(number(row.params, short) if row.params else ""),
            Cell(number(row.macs, short) if row.macs else ""),
            Cell(times(row.receptive_field)),
        ]
        if of_row:
            line.append(row_cell(of_row.get(row.name, []), row.name, short))
        lines.append(tuple(line))
    return Table(columns, tuple(lines))


def totals_table(network: Model) -> Table:
    """The totals of a network, and the figures that the paper printed for them."""
    memory = network.memory
    with_sides: list[tuple[str, str, tuple[str, ...]]] = []
    if network.sides:
        params, macs = network.params + network.side_params, network.macs + network.side_macs
        with_sides = [
            ("params with side heads", number(params), ("params with sides",)),
            ("macs with side heads", number(macs), ("macs with sides",)),
        ]
    figures: list[tuple[str, str, tuple[str, ...]]] = [
        ("params", number(network.params), PARAMS),
        *([("buffers", number(network.buffers), ())] if network.buffers else []),
        ("macs (multiply-adds)", number(network.macs), ("macs",)),
        ("flops (2 · macs)", number(network.flops), ("flops",)),
        *with_sides,
        ("weight layers", str(network.weight_layers), ("weight layers", "depth")),
        ("receptive field", times(network.receptive_field) or "none", ("receptive field",)),
        ("memory: parameters", memory_size(memory.parameters), ()),
        ("memory: forward peak", memory_size(memory.forward_peak), ()),
        ("memory: for backward", memory_size(memory.backward), ()),
    ]
    own = [c for c in network.claims if c.where in ("network", "input")]
    shown = {q for _, _, quantities in figures for q in quantities}
    lines = []
    for name, value, quantities in figures:
        claims = [c for c in own if c.quantity in quantities and c.where == "network"]
        lines.append((Cell(name), Cell(value), total_cell(claims)))
    for claim in own:
        name = claim.quantity if claim.where == "network" else f"input, {claim.quantity}"
        if name not in shown:
            lines.append((Cell(name), Cell(computed(claim)), total_cell([claim])))
    columns = (Column("total"), Column("", "right"), Column("paper", shrinks=True))
    count = len(columns) if own else len(columns) - 1  # without printed totals, no column for them
    return Table(columns[:count], tuple(line[:count] for line in lines))


def with_values(network: Model) -> str:
    """`with depth = 28, k = 10`; empty for a network without parameters."""
    values = ", ".join(f"{name} = {value}" for name, value in network.values.items())
    return f"with {values}" if values else ""


def heading(network: Model) -> list[str]:
    """The lines above the tables: name, paper, parameters, input, outputs, side heads."""
    # The title of a table's column contains its name.
    named = network.title == network.name or network.full_name != network.name
    lines = [network.title if named else f"{network.name}: {network.title}"]
    if network.paper:
        lines.append(network.paper)
    if network.values:
        lines.append(with_values(network))
    lines.append(f"input {hwc(network.input)}")
    if network.output_names:
        outputs = zip(network.output_names, network.outputs, strict=True)
        lines.append("output " + ", ".join(f"{name} {hwc(shape)}" for name, shape in outputs))
    for side in network.sides:
        lines.append(f"side head {side.section.name}, weight {side.weight:g}")
    return lines


def summary(
    network: Model, layers: bool = False, width: int | None = None, colour: bool = False
) -> str:
    """The summary for a terminal of this width, or as wide as it needs to be."""
    rows = network.layers if layers else network.rows
    # Numbers are shortened before words are cut.
    table = rows_table(rows, network.claims)
    if width is not None and natural_width(table) > width:
        table = rows_table(rows, network.claims, short=True)
    first, *rest = heading(network)
    if width is not None:
        first, *rest = (fit(line, width) for line in (first, *rest))
    parts = [
        "\n".join([paint(first, None, bold=colour), *rest]),
        text_table(table, width, colour),
        text_table(totals_table(network), width, colour),
    ]
    parts += [filled(note, width) for note in _remarks(network)]
    parts += notes(network.claims, width)
    if network.reported:
        figures = "; ".join(network.reported)
        parts.append(filled(f"reported, for training to reach: {figures}", width))
    if network.claims:
        parts.append(filled(tally(network.claims), width))
    if decided := decisions.summary_lines(network):
        parts.append("\n".join(filled(f"decided: {line}", width) for line in decided))
    return "\n\n".join(parts)


def _remarks(network: Model) -> Iterator[str]:
    """What a reader of the numbers should know, one paragraph each."""
    if network.misaligned:
        names = ", ".join(network.misaligned[:5]) + (", …" if len(network.misaligned) > 5 else "")
        yield (
            f"branches of {names} are not aligned: they read places of the input with other "
            "centres, or other steps"
        )
    if network.settled:
        lines = (
            f"{s.where} {s.what.replace('x', '×')} "
            f"({times(s.input[1:]) or s.input[0]} → {s.printed.replace('x', '×')})"
            for s in network.settled
        )
        yield f"settled by printed sizes: {'; '.join(lines)}"
    yield from counting_notes(network)
    yield from input_notes(network)


def markdown(network: Model, layers: bool = False) -> str:
    """The summary in Markdown."""
    first, *rest = heading(network)
    rows = network.layers if layers else network.rows
    parts = [
        f"## {escaped(first)}",
        "  \n".join(map(escaped, rest)),
        markdown_table(rows_table(rows, network.claims)),
        markdown_table(totals_table(network)),
        *map(escaped, (*_remarks(network), *notes(network.claims, None))),
        *_listed(decisions.summary_lines(network)),
    ]
    return "\n\n".join(parts)


def _listed(lines: Sequence[str]) -> list[str]:
    """Decisions as a Markdown list, if there are any."""
    return ["Decided:\n\n" + "\n".join(f"* {escaped(line)}" for line in lines)] if lines else []


def html(network: Model) -> str:
    """The summary for a notebook; texts of the spec are escaped."""
    from html import escape

    first, *rest = heading(network)
    lines = "<br>".join(escape(line) for line in rest)
    decided = (f"decided: {line}" for line in decisions.summary_lines(network))
    remarks = (*_remarks(network), *notes(network.claims, None), *decided)
    return (
        f"<div><b>{escape(first)}</b><br>{lines}"
        f"{html_table(rows_table(network.rows, network.claims))}"
        f"{html_table(totals_table(network))}"
        f"{''.join(f'<p>{escape(note)}</p>' for note in remarks)}</div>"
    )


def as_dict(network: Model, layers: bool = False) -> dict[str, Any]:
    """The summary as `archdsl.output.records.Summary` describes it."""
    totals = "buffers macs flops side_params side_macs weight_layers receptive_field misaligned"
    return {
        "network": network.full_name,
        **attributes(network, "title paper input outputs"),
        "sides": [
            {
                "name": side.section.name,
                "weight": side.weight,
                "output": list(network.graph.nodes[side.output].shape),
                **attributes(network.analysis.row(side.section), "params macs"),
            }
            for side in network.sides
        ],
        "rows": plain_data(network.layers if layers else network.rows),
        "totals": {
            "params": network.params,
            "trainable": network.params,
            **attributes(network, f"{totals} memory"),
        },
        "settled": [attributes(one, "where what input printed") for one in network.settled],
        "decisions": decisions.as_list(network),
        "params_count": str(network.counting),
        "claims": [claim_dict(claim) for claim in network.claims],
    }
