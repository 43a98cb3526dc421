"""Networks side by side: the rows of a table in the style of papers.

    conv1  112×112  7×7, 64, stride 2
    conv2  56×56    [3×3, 64; 3×3, 64] × 2   [3×3, 64; 3×3, 64] × 3

Consecutive lines that give maps of one size are a stage. Stages of one size are side by side, and
each line that all networks share is one row of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from archdsl.compare.alignment import common
from archdsl.errors import ArchError
from archdsl.notation.lookup import is_word_of_a_layer
from archdsl.notation.reserved_names import is_reserved
from archdsl.output.paper_table.ablation import ablation
from archdsl.output.paper_table.lines import Piece, Pieces, lone_words
from archdsl.output.paper_table.network_column import Entry, NetworkColumn
from archdsl.tables.columns import names_network, quantity_of

if TYPE_CHECKING:
    from archdsl.model import Model

MOST_LINES = 1_000  # of a network next to others
UNNAMED = "from"  # the name of a row without a label: a Python keyword, which cannot be one
IDENTITY: Pieces = (Piece("text", "identity"),)


class SheetRow(NamedTuple):
    """A row: its name and size, both empty if repeated from the row above, and the line of each
    network, if it has one. `spans`: one cell for all networks."""

    name: str
    size: str
    cells: tuple[Pieces | None, ...]
    spans: bool


class Sheet(NamedTuple):
    """A table of networks, and the statements that it needs.

    `blocks` precede the `network` line, `statements` follow it. `headers` are the names of the
    networks, with the parameters in which they differ; `conventions` are the statements that each
    has to itself, if they differ.
    """

    name: str
    title: str | None
    blocks: tuple[str, ...]
    statements: tuple[str, ...]
    headers: tuple[str, ...]
    conventions: tuple[tuple[str, ...], ...]
    rows: tuple[SheetRow, ...]
    params: tuple[int, ...]
    macs: tuple[int, ...]


def sheet(networks: Sequence[Model]) -> Sheet:
    """The table of networks, a column each. Raises ArchError for networks that cannot share one."""
    columns = [NetworkColumn(network) for network in networks]
    statements = ablation(columns)
    headers, lets = _bound(columns, _headers(columns))
    rows, rules = _rows(columns)
    title = networks[0].text.header.title if networks[0].text.header else None
    papers = {network.paper for network in networks}
    paper = papers.pop() if len(papers) == 1 else None
    return Sheet(
        _family(networks),
        title if len(networks) == 1 else None,
        statements.outer_blocks,
        (
            *([f'paper "{paper}"'] if paper else []),
            *statements.input,
            *lets,
            *statements.conventions,
            *statements.blocks,
            *rules,
        ),
        headers,
        statements.own if any(statements.own) else (),
        tuple(rows),
        tuple(network.params for network in networks),
        tuple(network.macs for network in networks),
    )


def _bound(
    columns: Sequence[NetworkColumn], headers: list[str]
) -> tuple[tuple[str, ...], list[str]]:
    """The headers with the values of the names in which the networks differ, and the statements
    with the values of the others."""
    bound = dict.fromkeys(name for column in columns for name in column.bound)
    values = {name: {column.names.get(name) for column in columns} for name in bound}
    shared = [name for name in bound if len(values[name]) == 1]
    for index, column in enumerate(columns):
        own = [f"{n} = {column.names[n]}" for n in bound if n not in shared and n in column.names]
        headers[index] += f" ({', '.join(own)})" * bool(own)
    return tuple(headers), [f"let {name} = {columns[0].names[name]}" for name in shared]


# Names.


def _headers(columns: Sequence[NetworkColumn]) -> list[str]:
    """The headers of the columns: the names of the networks, changed if they are those of known
    columns."""
    headers: list[str] = []
    for column in columns:
        name = column.network.name
        header = re.sub(r"[^\w.+*-]+", "_", name)
        if not names_network(header):
            header = f"{header} net"
        if not names_network(header):
            header = f"net {len(headers) + 1}"
        if header in headers:
            raise ArchError(f"two networks are called `{name}`", help="a table has each name once")
        headers.append(header)
    return headers


def _family(networks: Sequence[Model]) -> str:
    """A name for all: that of the table whose columns they are, or the common beginning of their
    names."""
    names = [network.name for network in networks]
    families = {n.full_name.partition(":")[0] for n in networks if ":" in n.full_name}
    if len(families) == 1 and all(":" in network.full_name for network in networks):
        return families.pop()
    if len(names) == 1:
        return names[0] if re.fullmatch(r"[A-Za-z]\w*", names[0]) else "net"
    end = next((i for i, letters in enumerate(zip(*names, strict=False)) if len({*letters}) > 1), 0)
    beginning = re.sub(r"[\W\d_]+$", "", names[0][:end])
    return beginning if re.fullmatch(r"[A-Za-z]\w*", beginning) else "networks"


# Rows.


class _RowCells(NamedTuple):
    """The lines of a row, one for each network. `begins` a stage: it is the first row. `sized`: all
    lines have the same size."""

    lines: tuple[Entry | None, ...]
    begins: bool
    sized: bool

    @property
    def own(self) -> list[Entry]:
        """The lines of networks, without those that only fill a cell."""
        return [line for line in self.lines if line is not None and not line.fills]

    @property
    def rules(self) -> tuple[str, ...]:
        """The conventions of the row. Raises ArchError if those of its lines differ."""
        rules = {line.rules for line in self.own}
        if len(rules) > 1:
            first, second = (f"`{'; '.join(one)}`" if one else "nothing" for one in [*rules][:2])
            raise ArchError(
                f"lines of one row with different conventions: {first} and {second}",
                help="give each network a table of its own",
            )
        return rules.pop()

    @property
    def spans(self) -> bool:
        keys = {line and line.key for line in self.lines}
        return len(keys) == 1 and None not in keys


def _cells(columns: Sequence[NetworkColumn]) -> Iterator[_RowCells]:
    """The rows of networks side by side."""
    flows: list[Entry | None] = [None] * len(columns)  # the last lines that are not side heads
    for stages in _stages([column.entries for column in columns]):
        for index, lines in enumerate(_of_stage(stages)):
            begins = index == 0
            alone = lines[0]
            if alone is None or len(lines) == 1 or any(lines[1:]):
                yield _RowCells(lines, begins, True)
            else:
                # The only cell of a row, if in the first column, would hold for all networks.
                other = next((i for i, stage in enumerate(stages) if i and stage), 1)
                filled = [*lines]
                filled[other] = alone._replace(pieces=IDENTITY, label=None, fills=True)
                # What fills the other cell gives the map that enters it, not that of a side head.
                flow = flows[other]
                sized = alone.kind != "side" and flow is not None and flow.size == alone.size
                if not sized and columns[0].decides:
                    filled[0] = alone.sized
                yield _RowCells(tuple(filled), begins, sized)
            flows = [
                line if line is not None and line.kind != "side" else flow
                for line, flow in zip(lines, flows, strict=True)
            ]


def _stages(columns: Sequence[tuple[Entry, ...]]) -> list[list[tuple[Entry, ...]]]:
    """For each stage the lines of every network, empty if a network does not have the stage."""
    merged: list[tuple[Hashable, list[tuple[Entry, ...]]]] = []
    for count, lines in enumerate(columns):
        if len(columns) > 1 and len(lines) > MOST_LINES:
            raise ArchError(
                f"a network of {len(lines):,} lines next to others",
                help=f"columns have at most {MOST_LINES:,} lines; print it alone",
            )
        own = [(key, tuple(stage)) for key, stage in groupby(lines, key=_stage)]
        known, merged, at = merged, [], 0
        pairs = common([key for key, _ in known], [key for key, _ in own])
        here = 0
        for index, place in (*pairs, (len(known), len(own))):
            merged += [(key, [*stages, ()]) for key, stages in known[at:index]]
            merged += [(key, [()] * count + [stage]) for key, stage in own[here:place]]
            if index < len(known):
                merged.append((known[index][0], [*known[index][1], own[place][1]]))
            at, here = index + 1, place + 1
    return [stages for _, stages in merged]


def _stage(line: Entry) -> Hashable:
    return line.lengths, line.is_vector


def _of_stage(stages: Sequence[tuple[Entry, ...]]) -> Iterator[tuple[Entry | None, ...]]:
    """The rows of a stage: the lines shared by all networks that have the stage, and between them
    the other lines."""
    present = [stage for stage in stages if stage]
    shared = [line.key for line in present[0]]
    for stage in present[1:]:
        shared = [shared[a] for a, _ in common(shared, [line.key for line in stage])]
    keys = [[line.key for line in stage] for stage in stages]
    # A line of the first network alone needs one before it in another, to fill the cell with.
    while shared and len(present) > 1 and stages[0]:
        first, *others = (own.index(shared[0]) for own in keys if own)
        if not first or any(others):
            break
        del shared[0]
    here = [0] * len(stages)
    for key in shared:
        places = [own.index(key, at) if own else 0 for own, at in zip(keys, here, strict=True)]
        runs = zip(stages, here, places, strict=True)
        yield from zip_longest(*(stage[start:end] for stage, start, end in runs))
        yield tuple(s[at] if s else None for s, at in zip(stages, places, strict=True))
        here = [place + 1 for place in places]
    yield from zip_longest(*(stage[at:] for stage, at in zip(stages, here, strict=True)))


# The names and the sizes of rows.


def _rows(columns: Sequence[NetworkColumn]) -> tuple[list[SheetRow], list[str]]:
    """The rows, and the statements with their own conventions."""
    cells = list(_cells(columns))
    places: dict[str, set[int]] = {}  # the rows of each label
    for index, row in enumerate(cells):
        for line in row.own:
            if line.label is not None:
                places.setdefault(line.label.lower(), set()).add(index)
    lone = {word.lower() for column in columns for word in lone_words(column.items)}
    rows: list[SheetRow] = []
    used: set[str] = set()
    for index, row in enumerate(cells):
        name, inside = _row_name(row.own, index, places, used, lone)
        used.add(name.lower())
        pieces = tuple(line and (line.labelled if inside else line.pieces) for line in row.lines)
        rows.append(SheetRow(name, _size(row), pieces, row.spans))
    rules = _rules(rows, cells)
    for index in range(1, len(rows)):
        if _heads(cells[index - 1], cells[index], rows[index]):
            rows[index - 1] = rows[index - 1]._replace(name=rows[index].name)
            rows[index] = rows[index]._replace(name="", size="")
    return rows, rules


def _rules(rows: Sequence[SheetRow], cells: Sequence[_RowCells]) -> list[str]:
    """The rules with the conventions of rows, by how the rows begin. Raises ArchError for rows that
    begin alike but have different conventions."""
    begins = [re.sub(r"\s", "", row.name + row.size).lower() for row in rows]
    names: dict[tuple[str, ...], list[str]] = {}
    known: dict[str, tuple[SheetRow, tuple[str, ...]]] = {}
    for row, begin, own in zip(rows, begins, cells, strict=True):
        if own.rules:
            names.setdefault(own.rules, []).append(f'"{f"{row.name} {row.size}".rstrip()}"')
            known.setdefault(begin, (row, own.rules))
    for row, text, own in zip(rows, begins, cells, strict=True) if known else ():
        for end in range(1, len(text) + 1):
            other, theirs = known.get(text[:end], (row, own.rules))
            if theirs != own.rules:
                raise ArchError(
                    f"the rows `{other.name}` and `{row.name}` begin alike, but have different "
                    "conventions",
                    help="give their lines other labels",
                )
    return [f"in {', '.join(of)} {{ {'; '.join(own)} }}" for own, of in names.items()]


def _row_name(
    lines: Sequence[Entry],
    index: int,
    places: Mapping[str, set[int]],
    used: Set[str],
    lone: Set[str],
) -> tuple[str, bool]:
    """The name of a row, and whether its lines have their labels in their cells instead.

    The name becomes a label in lower case, unless it spells a layer. `places` are the rows of each
    label, `used` the names of the rows above, `lone` the words that are a phrase of their own,
    which such a label would make references.
    """
    if any(line.is_reference for line in lines):
        return UNNAMED, True
    labels, names = {line.label for line in lines}, {line.name for line in lines}
    label = labels.pop() if len(labels) == 1 else ""
    if label is None and len(names) == 1 and not any(line.is_misnamed for line in lines):
        name = names.pop()
        if _is_name(name) and not any(name.lower() in known for known in (places, used, lone)):
            return name, False
    elif label and _is_name(label) and label.lower() not in used:
        small = label == label.lower() or not any(line.referred for line in lines)
        if small and places[label.lower()] == {index}:
            return label, False
    kind = lines[0].kind
    if not lines[0].rules and is_word_of_a_layer(kind) and quantity_of(kind) is None:
        return kind, label is not None
    return f"row {index + 1}", label is not None


def _is_name(name: str) -> bool:
    """Whether the name of a row is read back as this label, in lower case."""
    small = name.lower()
    return not (
        re.search(r"\W|^_|_$", name)
        or is_word_of_a_layer(small)
        or is_reserved(small)
        or quantity_of(name)
    )


def _heads(first: _RowCells, second: _RowCells, named: SheetRow) -> bool:
    """Whether a row, a pooling before the brackets of a stage, has the name of the next row, as in
    ResNet's tables."""
    return (
        first.begins
        and not second.begins
        and first.sized
        and second.sized
        and _size(first) == named.size
        and not (first.rules or second.rules)
        and not any(line.weighs or line.is_needed for line in first.own)
        and all(
            line.label == named.name and line.pieces[0].kind == "bracket" for line in second.own
        )
    )


def _size(row: _RowCells) -> str:
    """The size of all lines of a row."""
    if not row.sized:
        return ""
    sizes = {line.size for line in row.lines if line is not None}
    if len(sizes) > 1:
        raise ArchError(
            f"lines of one row whose sizes give different widths: {', '.join(sorted(sizes))}",
            help="write the widths into the lines, or give each network a table of its own",
        )
    return sizes.pop()
