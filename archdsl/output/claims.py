"""Claims as text, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from archdsl.claims.judge import PARAMS, SHAPES, Claim, Verdict
from archdsl.claims.other_inputs import other_input
from archdsl.figures import hwc, number, times
from archdsl.output.plain_data import attributes
from archdsl.output.table import Cell, Column, Table, filled

if TYPE_CHECKING:
    from archdsl.model import Model

SIGNS: dict[Verdict, str] = {"holds": "✓", "erratum": "!", "fails": "✗", "not judged": "?"}
COLOURS = {"holds": "green", "erratum": "yellow", "fails": "red", "not judged": None}


def computed(claim: Claim) -> str:
    if isinstance(claim.computed, int):
        return number(claim.computed)
    return hwc(claim.computed) if claim.quantity in SHAPES else times(claim.computed)


def printed(claim: Claim) -> str:
    return claim.printed.replace("x", "×")


def _colour_of(claims: Sequence[Claim]) -> str | None:
    """The colour of the worst verdict."""
    worst = max((c.verdict for c in claims), key=list(SIGNS).index, default=None)
    return COLOURS[worst] if worst else None


def verdict(claim: Claim) -> str:
    """`holds (rounds)`, `erratum`, `fails`."""
    return f"holds ({claim.how})" if claim.verdict == "holds" else claim.verdict


def notes(claims: Iterable[Claim], width: int | None) -> list[str]:
    """One paragraph for each printed figure that comes with a reason."""
    return [
        filled(f"{SIGNS[c.verdict]} {c.where}, {c.quantity} {printed(c)}: {c.note}", width, "  ")
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
    rows = (
        (
            Cell(c.where, "cyan"),
            Cell(c.quantity),
            Cell(printed(c)),
            Cell(computed(c)),
            Cell(f"{SIGNS[c.verdict]} {verdict(c)}", COLOURS[c.verdict]),
        )
        for c in claims
    )
    return Table(columns, tuple(rows))


def row_cell(claims: Sequence[Claim], row: str, short: bool) -> Cell:
    """The figures printed for a row; if `short`, a size that holds is not repeated."""
    shown = []
    for claim in claims:
        if short and claim.verdict == "holds" and claim.quantity in SHAPES:
            shown.append(SIGNS["holds"] + " input" * (claim.quantity == "input size"))
            continue
        figure = printed(claim)
        name = "" if claim.quantity == "output size" else f"{claim.quantity} "
        if claim.where != row:
            name = f"{claim.where.removeprefix(row + '.')} {name}"
        shown.append(f"{SIGNS[claim.verdict]} {name}{figure}")
    return Cell("  ".join(shown), _colour_of(claims))


def total_cell(claims: Sequence[Claim]) -> Cell:
    """The figures printed for a total, with their verdicts."""
    text = ", ".join(
        f"{SIGNS[c.verdict]} {'' if c.quantity != 'trainable' else 'trainable '}{printed(c)} "
        f"{verdict(c)}"
        for c in claims
    )
    return Cell(text, _colour_of(claims))


def tally(claims: Sequence[Claim]) -> str:
    """`9 claims: 7 hold, 2 errata`."""
    counts = Counter(c.verdict for c in claims)
    words: dict[str, str] = {"holds": "hold", "erratum": "errata", "fails": "fail"}
    parts = [f"{n} {v if n == 1 else words.get(v, v)}" for v in SIGNS if (n := counts[v])]
    plural = "" if len(claims) == 1 else "s"
    return f"{len(claims)} claim{plural}" + (f": {', '.join(parts)}" if parts else "")


def counting_notes(network: Model) -> list[str]:
    """How printed params are counted, if not in the usual way."""
    judged = any(claim.quantity in PARAMS for claim in network.claims)
    if network.counting.is_usual or not judged:
        return []
    return [f"printed params are counted {network.counting}"]


def input_notes(network: Model) -> list[str]:
    """Another input with which all printed sizes would hold, if those of the text's do not."""
    if network.changed:
        return []
    lengths = other_input(network.text, network.claims, network.input)
    return [] if lengths is None else [f"an input of {times(lengths)} would give the printed sizes"]


def claim_dict(claim: Claim) -> dict[str, Any]:
    """A claim as `archdsl.output.records.Claim` describes it."""
    return attributes(claim, "where quantity printed computed verdict how note")
