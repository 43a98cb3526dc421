"""Numbers to text: tables for a terminal, Markdown, HTML, and the JSON contract."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from archdsl.analysis.totals import Row
from archdsl.claims.judge import PARAMS, Claim, Verdict
from archdsl.syntax.ast import NetworkText

if TYPE_CHECKING:
    from archdsl.claims.readings import Alternative, Readings
    from archdsl.graph import Side
    from archdsl.network import Network

MOST_READINGS = 12  # shown on a terminal; JSON lists them all
SIGNS: dict[Verdict, str] = {"holds": "✓", "erratum": "!", "fails": "✗", "not judged": "?"}
COLOURS = {"holds": "green", "erratum": "yellow", "fails": "red", "not judged": None}

NAMES = {
    "macs": "macs (multiply-adds)",
    "flops": "flops (2 · macs)",
}


class Cell(NamedTuple):
    text: str
    colour: str | None = None


class Column(NamedTuple):
    title: str
    align: Literal["left", "right"] = "left"
    shrinks: bool = False  # may be cut with … where the terminal is narrow


class Table(NamedTuple):
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


# Figures as papers print them.


def times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def hwc(shape: Sequence[int]) -> str:
    """(C, H, W) as H×W×C."""
    return times((*shape[1:], shape[0]))


def number(value: int, short: bool = False) -> str:
    """`15,470,264,320`, or `15.5G` where there is no room."""
    if not value:
        return "0"
    if short:
        for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
            if value >= size:
                return (
                    f"{value / size:.3g}{unit}" if value < 1000 * size else f"{value // size}{unit}"
                )
    return f"{value:,}"


def memory_size(count: int) -> str:
    """Bytes as KiB or MiB."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


def computed(claim: Claim) -> str:
    if isinstance(claim.computed, int):
        return number(claim.computed)
    if claim.quantity in ("output size", "input size"):
        return hwc(claim.computed)
    return times(claim.computed)


# Tables.


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


def _printed(claim: Claim) -> str:
    return claim.printed.replace("x", "×")


def _paper_cell(claims: Sequence[Claim], row: str, short: bool = False) -> Cell:
    """The figures printed for a row; in short, a size that holds is not repeated."""
    shown = []
    for claim in claims:
        if short and claim.verdict == "holds" and claim.quantity in ("output size", "input size"):
            shown.append(SIGNS["holds"] + " input" * (claim.quantity == "input size"))
            continue
        figure = _printed(claim)
        name = "" if claim.quantity == "output size" else f"{claim.quantity} "
        if claim.where != row:
            name = f"{claim.where.removeprefix(row + '.')} {name}"
        shown.append(f"{SIGNS[claim.verdict]} {name}{figure}")
    return Cell("  ".join(shown), _colour(claims))


def _colour(claims: Sequence[Claim]) -> str | None:
    """That of the worst verdict."""
    order = list(SIGNS)
    worst = max((order.index(c.verdict) for c in claims), default=0)
    return COLOURS[order[worst]] if claims else None


def totals_table(network: Network) -> Table:
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
        f"{SIGNS[c.verdict]} {'' if c.quantity != 'trainable' else 'trainable '}{_printed(c)} "
        f"{verdict(c)}"
        for c in claims
    )
    return Cell(text, _colour(claims))


def verdict(claim: Claim) -> str:
    """`holds (rounds)`, `erratum`, `fails`."""
    return f"holds ({claim.how})" if claim.verdict == "holds" else claim.verdict


def notes(claims: Iterable[Claim], width: int | None) -> list[str]:
    """Why printed figures do not hold, in full, a paragraph each."""
    return [
        filled(
            f"{SIGNS[c.verdict]} {c.where}, {c.quantity} {_printed(c)}: {c.note}",
            width or 100,
            subsequent_indent="  ",
        )
        for c in claims
        if c.note and c.verdict != "not judged"
    ]


def claims_table(claims: Sequence[Claim]) -> Table:
    columns = (
        Column("where"),
        Column("quantity"),
        Column("printed", "right"),
        Column("computed", "right"),
        Column("verdict", shrinks=True),
    )
    return Table(
        columns,
        tuple(
            (
                Cell(c.where, "cyan"),
                Cell(c.quantity),
                Cell(_printed(c)),
                Cell(computed(c)),
                Cell(f"{SIGNS[c.verdict]} {verdict(c)}", COLOURS[c.verdict]),
            )
            for c in claims
        ),
    )


def tally(claims: Sequence[Claim]) -> str:
    """`9 claims: 7 hold, 2 errata`."""
    counts = Counter(c.verdict for c in claims)
    words: dict[str, str] = {"holds": "hold", "erratum": "errata", "fails": "fail"}
    # One holds, several hold.
    parts = [f"{n} {v if n == 1 else words.get(v, v)}" for v in SIGNS if (n := counts[v])]
    plural = "" if len(claims) == 1 else "s"
    return f"{len(claims)} claim{plural}" + (f": {', '.join(parts)}" if parts else "")


# Renderings of a table.


def filled(text: str, width: int, subsequent_indent: str = "") -> str:
    if len(text) <= width:
        return text
    from textwrap import fill  # slow to import, and most paragraphs are short

    return fill(text, width, subsequent_indent=subsequent_indent)


WIDEST = 300  # characters of a cell


def text_table(table: Table, width: int | None = None, colour: bool = False) -> str:
    """Columns side by side; cells are cut with … to fit the width, words before numbers."""
    # One line of a megabyte would make every row as wide.
    widths = [
        min(WIDEST, max([_width(c.title), *(_width(row[i].text) for row in table.rows)]))
        for i, c in enumerate(table.columns)
    ]
    gap = "  "
    if width is not None:
        room = width - len(gap) * (len(widths) - 1)
        words = [i for i, c in enumerate(table.columns) if c.shrinks]
        _shrink(widths, words, room, least=4)
        _shrink(widths, range(len(widths)), room, least=1)
        if sum(widths) > room:
            gap = ""  # a terminal too narrow for columns
            _shrink(widths, range(len(widths)), width, least=0)
    lines = []
    header = tuple(Cell(c.title) for c in table.columns)
    for index, row in enumerate((header, *table.rows)):
        cells = []
        for cell, column, room in zip(row, table.columns, widths, strict=True):
            text = _fit(cell.text, room)
            blank = " " * (room - _width(text))
            text = paint(text, cell.colour, bold=index == 0) if colour else text
            cells.append(blank + text if column.align == "right" else text + blank)
        lines.append(gap.join(cells).rstrip())
    return "\n".join(lines)


def _shrink(widths: list[int], columns: Iterable[int], room: int, least: int) -> None:
    """Take from the widest of the columns until all fit, or all are at their least."""
    columns = list(columns)
    while sum(widths) > room and columns:
        widest = max(columns, key=lambda i: widths[i])
        if widths[widest] <= least:
            return
        widths[widest] -= 1


def paint(text: str, colour: str | None, bold: bool) -> str:
    return click.style(text, fg=colour, bold=bold) if colour or bold else text


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fit(text: str, room: int) -> str:
    """A text cut to a width; of one of a megabyte only what is shown is looked at."""
    if len(text) <= room and _width(text) <= room:
        return text
    if room < 1:
        return ""
    wide = accumulate(map(_columns, text[:room]))
    return text[: sum(1 for _ in takewhile(lambda columns: columns < room, wide))] + "…"


def _escaped(text: str) -> str:
    """Text of a spec in Markdown: shown as it stands, never markup."""
    return re.sub(r"([\\`*\[\]<>|&])", r"\\\1", text)


def markdown_table(table: Table) -> str:
    """A table of Markdown."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(map(_escaped, cells)) + " |"

    rule = " | ".join("---:" if c.align == "right" else "---" for c in table.columns)
    rows = (line(cell.text for cell in row) for row in table.rows)
    return "\n".join((line(c.title for c in table.columns), f"| {rule} |", *rows))


def html_table(table: Table) -> str:
    from html import escape

    def cells(tag: str, texts: Iterable[str]) -> str:
        return "".join(
            f'<{tag} style="text-align:{c.align};padding:0.1em 0.7em">{escape(text)}</{tag}>'
            for c, text in zip(table.columns, texts, strict=True)
        )

    head = cells("th", (c.title for c in table.columns))
    rows = "".join(f"<tr>{cells('td', (c.text for c in row))}</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


# The reports of the commands.


def with_values(network: Network) -> str:
    """`with depth = 28, k = 10`; nothing of a network without parameters."""
    values = ", ".join(f"{name} = {value}" for name, value in network.values.items())
    return f"with {values}" if values else ""


def heading(network: Network) -> list[str]:
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
    network: Network, layers: bool = False, width: int | None = None, colour: bool = False
) -> str:
    """The summary for a terminal. Without a width it is as wide as it needs to be."""
    rows = network.layers if layers else network.rows
    # A line of the text may be larger than the terminal: numbers are shortened before words.
    table = rows_table(rows, network.claims)
    if width is not None and natural_width(table) > width:
        table = rows_table(rows, network.claims, short=True)
    first, *rest = heading(network)
    if width is not None:
        first, *rest = (_fit(line, width) for line in (first, *rest))
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


def _misaligned(network: Network) -> list[str]:
    if not network.misaligned:
        return []
    names = ", ".join(network.misaligned[:5]) + (", …" if len(network.misaligned) > 5 else "")
    return [
        f"branches of {names} are not aligned: they read places of the input with other centres, "
        "or other steps"
    ]


def _remarks(network: Network) -> list[str]:
    """What a reader of the numbers should know, a paragraph each."""
    return [*_misaligned(network), *_settled(network), *_counted(network)]


def _settled(network: Network) -> list[str]:
    if not network.settled:
        return []
    lines = (
        f"{s.where} {s.what.replace('x', '×')} "
        f"({times(s.input[1:]) or s.input[0]} → {s.printed.replace('x', '×')})"
        for s in network.settled
    )
    return [f"settled by printed sizes: {'; '.join(lines)}"]


def _counted(network: Network) -> list[str]:
    judged = any(claim.quantity in PARAMS for claim in network.claims)
    if network.counting.is_usual or not judged:
        return []
    return [f"printed params are counted {network.counting}"]


def natural_width(table: Table) -> int:
    return max(map(_width, text_table(table).splitlines()))


def markdown(network: Network, layers: bool = False) -> str:
    """The summary in Markdown."""
    first, *rest = heading(network)
    rows = network.layers if layers else network.rows
    parts = [
        f"## {_escaped(first)}",
        "  \n".join(map(_escaped, rest)),
        markdown_table(rows_table(rows, network.claims)),
        markdown_table(totals_table(network)),
        *map(_escaped, (*_remarks(network), *notes(network.claims, None))),
    ]
    return "\n\n".join(parts)


def html(network: Network) -> str:
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


def as_dict(network: Network, layers: bool = False) -> dict[str, Any]:
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
        "rows": [_plain(row._asdict()) for row in (network.layers if layers else network.rows)],
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


def _side_figures(network: Network, side: Side) -> dict[str, Any]:
    row = network.analysis.row(side.section)
    output = network.graph.nodes[side.output].shape
    return {"output": list(output), "params": row.params, "macs": row.macs}


def claim_dict(claim: Claim) -> dict[str, Any]:
    record = _plain(claim._asdict())
    del record["span"]
    return record


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in record.items()}


def verification(
    networks: Sequence[Network], width: int | None = None, colour: bool = False
) -> str:
    """Every claim of the networks, and the tally."""
    parts = []
    for network in networks:
        title = filled(f"{network.full_name}: {tally(network.claims)}", width or 100)
        lines = [paint(title, None, bold=colour)]
        if network.claims:
            lines.append(text_table(claims_table(network.claims), width, colour))
        lines += [filled(note, width or 100) for note in _counted(network)]
        parts.append("\n".join([*lines, *notes(network.claims, width)]))
    everything = [claim for network in networks for claim in network.claims]
    plural = "" if len(networks) == 1 else "s"
    total = f"{len(networks)} network{plural}, {tally(everything)}"
    parts.append(filled(total, width or 100))
    return "\n\n".join(parts)


def readings(
    found: Sequence[tuple[Network, Readings]], width: int | None = None, colour: bool = False
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


def readings_dict(network: Network, read: Readings) -> dict[str, Any]:
    """The readings as plain data, by `archdsl.output.records.NetworkReadings`."""
    return {
        "network": network.full_name,
        "said": list(read.said),
        "readings": [
            {**_plain(one._asdict()), "all_hold": one.all_hold} for one in read.alternatives
        ],
    }


def zoo_table(networks: Sequence[Network | NetworkText]) -> Table:
    """A row for each network; a template, whose parameters have no values, has no numbers."""
    columns = (
        Column("name"),
        Column("input"),
        Column("params", "right"),
        Column("macs", "right"),
        Column("claims", "right"),
        Column("title", shrinks=True),
    )
    return Table(columns, tuple(map(_zoo_row, networks)))


def _zoo_row(n: Network | NetworkText) -> tuple[Cell, ...]:
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
