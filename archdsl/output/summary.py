"""Numbers to text: tables for a terminal, Markdown, HTML, and the JSON contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from archdsl.analysis.totals import Row
from archdsl.claims.judge import Claim

if TYPE_CHECKING:
    from archdsl.graph import Side
    from archdsl.model import Model
from archdsl.figures import hwc, memory_size, number, times
from archdsl.output.claims import (
    SIGNS,
    claim_dict,
    colour_of,
    computed,
    counting_notes,
    notes,
    printed,
    tally,
    verdict,
)
from archdsl.output.plain_data import plain_data
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

NAMES = {
    "macs": "macs (multiply-adds)",
    "flops": "flops (2 · macs)",
}


def rows_table(rows: Iterable[Row], claims: Sequence[Claim], short: bool = False) -> Table:
    """A row a line: numbers, with what the paper printed beside them."""
    rows = list(rows)
    names = {row.name for row in rows}
    beside: dict[str, list[Claim]] = {}
    for claim in claims:
        # A line inside a group stands beside the group, where it has no row of its own.
        name = claim.where if claim.where in names else claim.where.partition(".")[0]
        if name in names:
            beside.setdefault(name, []).append(claim)
    printed = bool(beside)
    columns = (
        Column("name", shrinks=True),
        Column("notation", shrinks=True),
        Column("output"),
        Column("params", "right"),
        Column("macs", "right"),
        Column("receptive field", "right") if not short else Column("rf", "right"),
        *((Column("paper", shrinks=True),) if printed else ()),
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
        if printed:
            line.append(_paper_cell(beside.get(row.name, []), row.name, short))
        lines.append(tuple(line))
    return Table(columns, tuple(lines))


def _paper_cell(claims: Sequence[Claim], row: str, short: bool = False) -> Cell:
    """The figures printed for a row; in short, a size that holds is not repeated."""
    shown = []
    for claim in claims:
        if short and claim.verdict == "holds" and claim.quantity in ("output size", "input size"):
            shown.append(SIGNS["holds"] + " input" * (claim.quantity == "input size"))
            continue
        figure = printed(claim)
        name = "" if claim.quantity == "output size" else f"{claim.quantity} "
        if claim.where != row:
            name = f"{claim.where.removeprefix(row + '.')} {name}"
        shown.append(f"{SIGNS[claim.verdict]} {name}{figure}")
    return Cell("  ".join(shown), colour_of(claims))


def totals_table(network: Model) -> Table:
    memory = network.memory
    with_sides: list[tuple[str, str, tuple[str, ...]]] = []
    if network.sides:
        params, macs = network.params + network.side_params, network.macs + network.side_macs
        with_sides = [
            ("params with side heads", number(params), ("params with sides",)),
            ("macs with side heads", number(macs), ("macs with sides",)),
        ]
    figures: list[tuple[str, str, tuple[str, ...]]] = [
        ("params", number(network.params), ("params", "trainable")),
        *([("buffers", number(network.buffers), ())] if network.buffers else []),
        (NAMES["macs"], number(network.macs), ("macs",)),
        (NAMES["flops"], number(network.flops), ("flops",)),
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
        lines.append((Cell(name), Cell(value), _total_cell(claims)))
    for claim in own:
        name = claim.quantity if claim.where == "network" else f"input, {claim.quantity}"
        if name not in shown:
            lines.append((Cell(name), Cell(computed(claim)), _total_cell([claim])))
    columns = (Column("total"), Column("", "right"), Column("paper", shrinks=True))
    # Without a printed total there is no column for it.
    count = len(columns) if own else len(columns) - 1
    return Table(columns[:count], tuple(line[:count] for line in lines))


def _total_cell(claims: Sequence[Claim]) -> Cell:
    text = ", ".join(
        f"{SIGNS[c.verdict]} {'' if c.quantity != 'trainable' else 'trainable '}{printed(c)} "
        f"{verdict(c)}"
        for c in claims
    )
    return Cell(text, colour_of(claims))


def with_values(network: Model) -> str:
    """`with depth = 28, k = 10`; nothing of a network without parameters."""
    values = ", ".join(f"{name} = {value}" for name, value in network.values.items())
    return f"with {values}" if values else ""


def heading(network: Model) -> list[str]:
    # The title of a table's column holds its name.
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
    """The summary for a terminal. Without a width it is as wide as it needs to be."""
    rows = network.layers if layers else network.rows
    # A line of the text may be larger than the terminal: numbers are shortened before words.
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
    parts += [filled(note, width or 100) for note in _remarks(network)]
    parts += notes(network.claims, width)
    if network.reported:
        figures = "; ".join(network.reported)
        parts.append(filled(f"reported, for training to reach: {figures}", width or 100))
    if network.claims:
        parts.append(filled(tally(network.claims), width or 100))
    return "\n\n".join(parts)


def _misaligned(network: Model) -> list[str]:
    if not network.misaligned:
        return []
    names = ", ".join(network.misaligned[:5]) + (", …" if len(network.misaligned) > 5 else "")
    return [
        f"branches of {names} are not aligned: they read places of the input with other centres, "
        "or other steps"
    ]


def _remarks(network: Model) -> list[str]:
    """What a reader of the numbers should know, a paragraph each."""
    return [*_misaligned(network), *_settled(network), *counting_notes(network)]


def _settled(network: Model) -> list[str]:
    if not network.settled:
        return []
    lines = (
        f"{s.where} {s.what.replace('x', '×')} "
        f"({times(s.input[1:]) or s.input[0]} → {s.printed.replace('x', '×')})"
        for s in network.settled
    )
    return [f"settled by printed sizes: {'; '.join(lines)}"]


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
    ]
    return "\n\n".join(parts)


def html(network: Model) -> str:
    """The summary for a notebook; text from the spec is escaped."""
    from html import escape

    first, *rest = heading(network)
    lines = "<br>".join(escape(line) for line in rest)
    remarks = (*_remarks(network), *notes(network.claims, None))
    return (
        f"<div><b>{escape(first)}</b><br>{lines}"
        f"{html_table(rows_table(network.rows, network.claims))}"
        f"{html_table(totals_table(network))}"
        f"{''.join(f'<p>{escape(note)}</p>' for note in remarks)}</div>"
    )


def as_dict(network: Model, layers: bool = False) -> dict[str, Any]:
    """The summary as plain data, by the contract of `archdsl.output.records.Summary`."""
    return {
        "network": network.full_name,
        "title": network.title,
        "paper": network.paper,
        "input": list(network.input),
        "outputs": [list(shape) for shape in network.outputs],
        "sides": [
            {"name": s.section.name, "weight": s.weight, **_side_figures(network, s)}
            for s in network.sides
        ],
        "rows": [plain_data(row._asdict()) for row in (network.layers if layers else network.rows)],
        "totals": {
            "params": network.params,
            "trainable": network.params,
            "buffers": network.buffers,
            "macs": network.macs,
            "flops": network.flops,
            "side_params": network.side_params,
            "side_macs": network.side_macs,
            "weight_layers": network.weight_layers,
            "receptive_field": list(network.receptive_field),
            "misaligned": list(network.misaligned),
            "memory": network.memory._asdict(),
        },
        "settled": [
            {"where": s.where, "what": s.what, "input": list(s.input), "printed": s.printed}
            for s in network.settled
        ],
        "params_count": str(network.counting),
        "claims": [claim_dict(claim) for claim in network.claims],
    }


def _side_figures(network: Model, side: Side) -> dict[str, Any]:
    row = network.analysis.row(side.section)
    output = network.graph.nodes[side.output].shape
    return {"output": list(output), "params": row.params, "macs": row.macs}
