"""A diff as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from archdsl.compare.alignment import common_start
from archdsl.compare.diff import AttributeChange, Change, Diff
from archdsl.figures import counted, hwc, number, times
from archdsl.graph import Scope
from archdsl.layers import JOINS
from archdsl.output.plain_data import attributes
from archdsl.output.table import (
    Cell,
    Column,
    Table,
    cut,
    filled,
    html_table,
    natural_width,
    paint,
    text_table,
)

if TYPE_CHECKING:
    from archdsl.model import Model

MOST_ROWS = 200  # of the table; JSON lists all layers that differ
LONGEST_NAMES = 60  # characters of a block, or of the names of inputs
LONGEST_PATTERN = 12  # rows of a pattern that repeats
SIGNS = {"added": "+", "removed": "-", "changed": "~"}
COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}


class _DiffRow(NamedTuple):
    """A row of the table: a layer that differs, or a block or line that only one network has."""

    what: str
    row: str
    names: tuple[Scope, Scope]  # in both networks; for several layers of the first and the last
    text: str
    outputs: tuple[str, str]
    params: int
    macs: int
    times: int = 1

    def repeats(self, other: _DiffRow) -> bool:
        """Whether one row can represent both. Within a line of the text their sizes may differ."""
        return (self.what, self.text) == (other.what, other.text) and (
            self.row == other.row or self.outputs == other.outputs
        )


class _UnchangedRun(NamedTuple):
    """A run of layers that do not differ; maps of `resized` ones have another size."""

    layers: int
    resized: int
    params: int
    macs: int


class NetworkDiff(Diff):
    """What `Network.diff` returns: a diff that can be printed."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The diff as `archdsl.output.records.Difference` describes it."""
        a, b = self.a, self.b
        return {
            "a": a.full_name,
            "b": b.full_name,
            **attributes(self, "same settings"),
            "changes": [
                attributes(one, "what before after attributes params macs") for one in self.changes
            ],
            "totals": {
                name: {
                    "before": getattr(a, name),
                    "after": getattr(b, name),
                    "change": getattr(b, name) - getattr(a, name),
                }
                for name in ("params", "macs", "side_params", "side_macs")
            },
        }

    def __str__(self) -> str:
        return text(self)

    def _repr_html_(self) -> str:
        return html(self)


def text(diff: Diff, width: int | None = None, colour: bool = False) -> str:
    """The diff for a terminal of this width, or as wide as it needs to be."""
    if diff.same:
        title, figures = _same(diff.a)
        return f"{paint(title, 'green', bold=True) if colour else title}\n{figures}"
    title, *lines = _heading(diff)
    rest = (filled(line, width, "  ") for line in lines)
    parts = ["\n".join([paint(filled(title, width), None, bold=colour), *rest])]
    if _has_table(diff):
        table = _table(diff)
        if width is not None and natural_width(table) > width:
            table = _table(diff, short=True)
        parts.append(text_table(table, width, colour))
    parts.append(text_table(_totals(diff), width, colour))
    return "\n\n".join(parts)


def html(diff: Diff) -> str:
    """The diff for a notebook; texts of the specs are escaped."""
    title, *lines = _same(diff.a) if diff.same else _heading(diff)
    head = "<br>".join((f"<b>{escape(title)}</b>", *map(escape, lines)))
    tables = []
    if _has_table(diff):
        tables.append(_table(diff))
    if not diff.same:
        tables.append(_totals(diff))
    return f"<div>{head}{''.join(map(html_table, tables))}</div>"


def _same(network: Model) -> tuple[str, str]:
    figures = f"params {number(network.params)}, macs {number(network.macs)}"
    return "same network", figures + _side_totals(network)


def _heading(diff: Diff) -> list[str]:
    """The verdict, then what the table does not show."""
    lines = [f"{diff.a.full_name} → {diff.b.full_name}: not the same network"]
    lines += map(_difference, diff.settings)
    if not diff.changes and not diff.settings:
        lines.append("the layers are the same, and wired alike one by one, but not as a whole")
    elif diff.changes and all(
        one.what == "changed" and {c.name for c in one.attributes} == {"reads"}
        for one in diff.changes
    ):
        lines.append("the layers are the same, the wiring differs")
    return lines


def _has_table(diff: Diff) -> bool:
    return bool(diff.changes) or any(step.macs for step in diff.steps)


def _side_totals(network: Model) -> str:
    if not network.sides:
        return ""
    return f"; side heads: params {number(network.side_params)}, macs {number(network.side_macs)}"


def _difference(one: AttributeChange) -> str:
    """`kernel 3x3 → 1x1`."""
    before, after = (_value(one, value) for value in (one.before, one.after))
    if max(len(before), len(after)) > LONGEST_NAMES:
        before, after = (cut(one, LONGEST_NAMES) for one in _without_common(before, after))
    return f"{one.name} {before} → {after}"


def _without_common(before: str, after: str) -> list[str]:
    """Two lists of names without their common start and end, so that they differ when cut. At
    least one name of each is left."""
    lists = before.split(", "), after.split(", ")
    room = min(map(len, lists)) - 1
    first = min(common_start(*lists), room)
    last = min(common_start(*(names[::-1] for names in lists)), room - first)
    return [
        ", ".join(["…"] * (first > 0) + names[first : len(names) - last] + ["…"] * (last > 0))
        for names in lists
    ]


def _value(one: AttributeChange, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        if one.name == "input":
            return hwc(value)
        if not value:
            return "whole map"
        if one.name in ("kernel", "size") or len(set(value)) > 1:
            return times(value)
        return _figure(value[0])
    return _figure(value) if isinstance(value, float) else str(value)


def _figure(value: float) -> str:
    """A number with just enough digits to tell it from any other."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def signed(value: int, short: bool = False) -> str:
    """A signed number, abbreviated if `short`; empty for 0."""
    sign = "+" if value > 0 else "−"
    return f"{sign}{number(abs(value), short)}" if value else ""


def _table(diff: Diff, short: bool = False) -> Table:
    columns = (
        Column(""),
        Column("layer", shrinks=True),
        Column("what", shrinks=True),
        Column("output"),
        Column("params", "right"),
        Column("macs", "right"),
    )
    lines = _fold(_lines(diff))
    rows = [_row(line, short) for line in lines[:MOST_ROWS]]
    if len(lines) > MOST_ROWS:
        rest = lines[MOST_ROWS:]
        what = f"and {len(rest):,} more rows; --format json lists every layer"
        sums = (sum(line.params for line in rest), sum(line.macs for line in rest))
        rows.append(
            (Cell("…"), Cell(""), Cell(what), Cell(""), *(Cell(signed(s, short)) for s in sums))
        )
    return Table(columns, tuple(rows))


def _row(line: _DiffRow | _UnchangedRun, short: bool) -> tuple[Cell, ...]:
    figures = Cell(signed(line.params, short)), Cell(signed(line.macs, short))
    if isinstance(line, _UnchangedRun):
        some = f"{counted(line.layers, 'layer')} the same"
        if line.resized:
            which = "" if line.resized == line.layers else f"{line.resized:,} "
            some += f", {which}resized"
        return (Cell("…"), Cell(""), Cell(some), Cell(""), *figures)
    between = "→" if line.times == 1 else "…"
    first, last = line.outputs
    output = first if first == last else last if short else f"{first} {between} {last}"
    tint = COLOURS[line.what]
    what = line.text.replace(" → ", "→") if short else line.text
    return (
        Cell(SIGNS[line.what], tint),
        Cell(_name(*line.names, between), "cyan"),
        Cell(f"{line.times} x {what}" if line.times > 1 else what, tint),
        Cell(output),
        *figures,
    )


def _name(first: Scope, last: Scope, between: str) -> str:
    """`conv2.1…3.bn` for conv2.1.bn … conv2.3.bn."""
    others = [i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b]
    if len(first) != len(last) or len(others) > 1:
        return f"{'.'.join(first)} {between} {'.'.join(last)}"
    steps = (a if a == b else f"{a}{between}{b}" for a, b in zip(first, last, strict=True))
    return ".".join(steps)


def _totals(diff: Diff) -> Table:
    a, b = diff.a, diff.b
    figures = [("params", a.params, b.params), ("macs (multiply-adds)", a.macs, b.macs)]
    if a.sides or b.sides:
        figures += [
            ("params with side heads", a.params + a.side_params, b.params + b.side_params),
            ("macs with side heads", a.macs + a.side_macs, b.macs + b.side_macs),
        ]
    names = (a.full_name, b.full_name) if a.full_name != b.full_name else ("before", "after")
    columns = (
        Column("total"),
        Column(names[0], "right"),
        Column(names[1], "right"),
        Column("change", "right"),
    )
    rows = (
        (Cell(name), Cell(number(before)), Cell(number(after)), Cell(signed(after - before) or "0"))
        for name, before, after in figures
    )
    return Table(columns, tuple(rows))


# Differences in few rows.


def _lines(diff: Diff) -> list[_DiffRow | _UnchangedRun]:
    """A row for each layer that differs, and one for a block or line that only one network has."""
    exclusive = {what: _exclusive(diff.steps, what) for what in ("added", "removed")}
    notations = {
        "added": {row.name: row.notation for row in diff.b.rows},
        "removed": {row.name: row.notation for row in diff.a.rows},
    }
    lines: list[_DiffRow | _UnchangedRun] = []

    def key(one: tuple[int, Change]) -> tuple[str, Scope, int]:
        """What the steps of a line share; each layer that changed has a line of its own."""
        index, step = one
        scopes = exclusive.get(step.what)
        block = () if scopes is None else _outermost(step.place.scope, scopes)
        return step.what, block, index if step.what == "changed" else 0

    for (what, block, _), group in groupby(enumerate(diff.steps), key):
        run = [step for _, step in group]
        if what == "same":
            lines.append(_run(run))
        elif what == "changed":
            lines.append(_changed_line(run[0]))
        else:
            lines.append(_line_of_block(what, run, block, notations[what]))
    return lines


def _exclusive(steps: Iterable[Change], what: str) -> set[Scope]:
    """The scopes of which one network has every layer and the other none."""
    counts: Counter[Scope] = Counter()
    every: Counter[Scope] = Counter()
    for step in steps:
        place = step.after if what == "added" else step.before
        if place is not None:
            scope = place.scope
            for depth in range(1, len(scope)):
                every[scope[:depth]] += 1
                counts[scope[:depth]] += step.what == what
    return {scope for scope, count in counts.items() if count == every[scope]}


def _outermost(scope: Scope, exclusive: set[Scope]) -> Scope:
    """The outermost block around a layer that only one network has; else the layer itself."""
    prefixes = (scope[:depth] for depth in range(1, len(scope)))
    return next((prefix for prefix in prefixes if prefix in exclusive), scope)


def _run(run: Sequence[Change]) -> _UnchangedRun:
    resized = sum(
        step.before is not None
        and step.after is not None
        and step.before.output != step.after.output
        for step in run
    )
    return _UnchangedRun(len(run), resized, sum(s.params for s in run), sum(s.macs for s in run))


def _changed_line(step: Change) -> _DiffRow:
    before, after = step.before, step.after
    assert before is not None and after is not None
    outputs = hwc(before.output), hwc(after.output)
    if step.attributes[0].name == "layer":
        what = ", ".join(
            (f"{before.layer} → {after.layer}", *map(_difference, step.attributes[1:]))
        )
    else:
        what = f"{after.kind}: {', '.join(map(_difference, step.attributes))}"
    return _DiffRow(
        "changed", before.row, (before.scope, after.scope), what, outputs, step.params, step.macs
    )


def _line_of_block(
    what: str, run: Sequence[Change], scope: Scope, notations: dict[str, str]
) -> _DiffRow:
    layers = [step.place.layer for step in run]
    if len(scope) == 1:
        text = notations.get(scope[0], layers[0])
    elif len(layers) <= 3:
        text = "; ".join(layers)
    else:
        main = [step.place.layer for step in run if step.macs or step.place.kind in JOINS]
        text = cut(f"{len(layers)} layers: {'; '.join(main)}", LONGEST_NAMES)
    return _DiffRow(
        what,
        run[-1].place.row,
        (scope, scope),
        text,
        (hwc(run[-1].place.output),) * 2,
        sum(step.params for step in run),
        sum(step.macs for step in run),
    )


def _fold(lines: Sequence[_DiffRow | _UnchangedRun]) -> list[_DiffRow | _UnchangedRun]:
    """Show a pattern of rows that repeats once, and the runs between its repetitions as one."""
    rows: list[_DiffRow] = []
    same: list[list[_UnchangedRun]] = [[]]  # the runs before each row, and after the last
    for line in lines:
        if isinstance(line, _DiffRow):
            rows.append(line)
            same.append([])
        else:
            same[-1].append(line)
    folded: list[_DiffRow | _UnchangedRun] = []
    at = 0
    while at < len(rows) and len(folded) <= MOST_ROWS:
        length, turns = _repeats(rows, at)
        end = at + length * turns
        folded += same[at]
        folded += (_merged(rows[first:end:length]) for first in range(at, at + length))
        same[end] = _sum(chain.from_iterable(same[at + 1 : end + 1]))
        at = end
    # Beyond MOST_ROWS only the sums matter.
    return [*folded, *rows[at:], *chain.from_iterable(same[at:])]


def _merged(turns: Sequence[_DiffRow]) -> _DiffRow:
    """One row for the turns of a row that repeats."""
    first, last = turns[0], turns[-1]
    return first._replace(
        names=(first.names[0], last.names[len(turns) == 1]),
        outputs=(first.outputs[0], last.outputs[1]),
        params=sum(line.params for line in turns),
        macs=sum(line.macs for line in turns),
        times=len(turns),
    )


def _repeats(rows: Sequence[_DiffRow], at: int) -> tuple[int, int]:
    """The length of the pattern that starts here, and how often it occurs; 1, 1 without one."""
    best = 1, 1
    for length in range(1, min(LONGEST_PATTERN, (len(rows) - at) // 2) + 1):
        turns = 1
        while at + length * (turns + 1) <= len(rows) and all(
            rows[at + i].repeats(rows[at + length * turns + i]) for i in range(length)
        ):
            turns += 1
        if turns > 1 and length * turns > best[0] * best[1]:
            best = length, turns
    return best


def _sum(runs: Iterable[_UnchangedRun]) -> list[_UnchangedRun]:
    columns = list(zip(*runs, strict=True))
    return [_UnchangedRun(*map(sum, columns))] if columns else []
