"""Tables damaged in transcription: nothing is repaired, and nothing is read as something else.

A damaged cell is refused where it is, or claims of the table fail. Damage that neither reveals is
counted: the paper prints nothing that could reveal it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from paths import ROOT
from printed_notation import PRINTED
from printed_tables import DEEP, networks_of, signature, tables_of, text_of

from archdsl.errors import ArchError

BREAK = re.compile(r"<br>|\\\\(?= )")
BRACKET = re.compile(r"\\(?:begin|end)\{bmatrix\}")
REPEAT = re.compile(r"\\end\{bmatrix\} (\\times \d+)")

Rows = list[list[str]]  # a table; the rule of Markdown is a row without cells


def rows_of(table: str) -> Rows:
    rows = []
    for line in table.split("\n"):
        if re.fullmatch(r"[|\- ]+", line):
            rows.append([])
        else:
            cells = line.strip()[1:-1].split("|") if line.startswith("|") else line.split("\t")
            rows.append([cell.strip() for cell in cells])
    return rows


def text_with(spec: str, table: str, rows: Rows) -> str:
    """The text of a spec with the rows of a table replaced."""
    width = max(map(len, rows))
    if table.startswith("|"):
        lines = [f"| {' | '.join(row)} |" if row else f"|{'---|' * width}" for row in rows]
    else:
        lines = ["\t".join(row) for row in rows]
    text = text_of(spec)
    assert text.count(table) == 1
    return text.replace(table, "\n".join(lines))


def with_cell(rows: Rows, row: int, column: int, text: str) -> Rows:
    changed = [*rows[row][:column], text, *rows[row][column + 1 :]]
    return [*rows[:row], changed, *rows[row + 1 :]]


def outcome(text: str, own: dict[str, tuple]) -> str:
    """The outcome for a text: `refused`; `fails`, a claim; `same`, the layers of its `own`
    networks, though a figure or a name may be lost; else `silent`."""
    try:
        nets = networks_of(text)
        found = {name: signature(net) for name, net in nets.items()}
    except ArchError:
        return "refused"
    if any(claim.verdict == "fails" for net in nets.values() for claim in net.claims):
        return "fails"
    return "same" if layers(found) == layers(own) else "silent"


def layers(signatures: dict[str, tuple]) -> dict[str, list]:
    return {name: [one[1:] for one in found[0]] for name, found in signatures.items()}


def failing(text: str) -> set[tuple[str, str, str]]:
    """The networks, lines and quantities of claims that fail."""
    found = networks_of(text).values()
    claims = [(net.full_name, c) for net in found for c in net.claims if c.verdict == "fails"]
    return {(name.partition(":")[2], c.where, c.quantity) for name, c in claims}


def errors_of(text: str) -> list[tuple[str, str | None]]:
    """The message of each error, and its row and column."""
    with pytest.raises(ArchError) as caught:
        networks_of(text)
    error = caught.value
    return [(one.message, one.span.source.cell(one.span.start)) for one in (error, *error.others)]


# VGG's Table 1, N5: each `<br>` is a space, repeated layers and four of five pools are lost.

VGG = rows_of(PRINTED["N5"])
# The rows of the paper's table that the damaged rows come from.
VGG_ROWS = [0, 2, 3, 4, 5, 7, 9, 11, 13, 14, 15, 16, 17, 18]
LOST = {"A": 8, "A-LRN": 8, "B": 9, "C": 12, "D": 13, "E": 13}  # remaining weight layers


def test_the_damaged_vgg_fails_in_every_column():
    (table, _) = tables_of("vgg")
    nets = networks_of(text_with("vgg", table, VGG))
    assert {name.partition(":")[2]: net.weight_layers for name, net in nets.items()} == LOST
    for net in nets.values():
        depth, params = net.claims
        assert (depth.quantity, depth.verdict) == ("weight layers", "fails")
        assert depth.note == "the transcription of the table may be damaged"
        assert (params.quantity, params.verdict) == ("params", "fails")
        assert params.computed > 6e9


def words_of(cell: str) -> list[str]:
    """The words of a cell, without markup."""
    cell = re.sub(r"<br>|</?b>", " ", cell).replace("×", "x")
    return cell.replace("soft-max", "softmax").split()


@pytest.mark.slow
def test_each_cell_of_the_damaged_vgg():
    """Alone in the paper's table, a cell means the same as the paper's, or its column fails."""
    (table, _) = tables_of("vgg")
    paper = rows_of(table)
    own = {name: signature(net) for name, net in networks_of(text_of("vgg")).items()}
    found = Counter()
    for damaged, row in zip(VGG[1:], VGG_ROWS[1:], strict=True):
        for column, cell in enumerate(damaged):
            text = text_with("vgg", table, with_cell(paper, row, column, cell))
            if words_of(cell) == words_of(paper[row][column]):
                found["whole"] += 1
                assert outcome(text, own) == "same", cell
            else:
                found["damaged"] += 1
                assert (paper[2][column], "network", "weight layers") in failing(text), cell
    assert found == {"whole": 58, "damaged": 20}


def test_each_lost_row_of_the_damaged_vgg():
    """The paper prints no sizes: the parameters of the first fully connected layer show a pool."""
    (table, _) = tables_of("vgg")
    paper = rows_of(table)
    for row in sorted({*range(len(paper))} - {*VGG_ROWS, 1}):
        assert paper[row][0] == "maxpool"
        failed = failing(text_with("vgg", table, [*paper[:row], *paper[row + 1 :]]))
        assert failed == {(name, "network", "params") for name in LOST}


# ResNet's Table 1, N21: the header contains a layer, cells have moved, brackets are lost.

RESNET = rows_of(PRINTED["N21"])
# Each row without the cell that has no column, and the row of the paper's table that it is.
RESNET_ROWS = {"conv1": 2, "conv2.x": 4, "conv3.x": 5, "conv4.x": 6, "conv5.x": 7, "FLOPs": 9}
BRACKETS = "two groups next to each other"
NO_BRACKET = "a repeat of several layers without a bracket"
SIDE_BY_SIDE = "the kernel of `conv` is given twice"
# The outcome for each cell put alone into the paper's table, from the 18-layer column on.
CELLS = {
    "conv2.x": (BRACKETS, BRACKETS, NO_BRACKET, NO_BRACKET, NO_BRACKET),
    "conv3.x": (BRACKETS, BRACKETS, NO_BRACKET, NO_BRACKET, "fails"),  # it is empty
    "conv4.x": (BRACKETS, BRACKETS, SIDE_BY_SIDE, SIDE_BY_SIDE, SIDE_BY_SIDE),
    "conv5.x": (BRACKETS, BRACKETS, SIDE_BY_SIDE, SIDE_BY_SIDE, SIDE_BY_SIDE),
    "FLOPs": ("same",) * 5,
}


def resnet() -> tuple[str, Rows]:
    table = tables_of("resnet")[0]
    return table, rows_of(table)


def test_the_damaged_resnet_is_refused_at_its_header():
    table, _ = resnet()
    assert errors_of(text_with("resnet", table, RESNET)) == [
        (
            "the layer `7x7, 64, stride 2` where the name of a network is expected",
            "in the header, column 6",
        )
    ]


def test_with_that_cell_struck_out_a_column_has_no_header():
    table, _ = resnet()
    removed = with_cell(RESNET, 0, 5, "~~7×7, 64, stride 2~~")
    assert errors_of(text_with("resnet", table, removed)) == [
        ("this column has no header", "in row 1, column 6")
    ]


def test_without_that_cell_every_row_with_a_lost_bracket_is_refused():
    table, _ = resnet()
    moved = [[*RESNET[0][:5], *RESNET[0][6:]], *RESNET[1:]]
    errors = errors_of(text_with("resnet", table, moved))
    assert errors[:3] == [
        ("a cell without a column", "in row 5 (`conv4.x`), column 8"),
        ("a cell without a column", "in row 6 (`conv5.x`), column 8"),
        ("the row `conv1` has no layer", "in row 2, column `layer name`"),
    ]
    assert errors[3:] == [
        (NO_BRACKET, f"in row {row} (`conv{row - 1}.x`), column `{depth}-layer`")
        for row, depth in ((3, 50), (3, 101), (3, 152), (4, 50), (4, 101))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("row", CELLS)
def test_each_cell_of_the_damaged_resnet(row: str):
    """Each is refused in its row and column, or its column fails; complete figures hold."""
    table, paper = resnet()
    own = {name: signature(net) for name, net in networks_of(text_of("resnet")).items()}
    (damaged,) = (cells for cells in RESNET if cells[0] == row)
    at = RESNET_ROWS[row]
    for column, expected in enumerate(CELLS[row], 2):
        name = paper[0][column]
        text = text_with("resnet", table, with_cell(paper, at, column, damaged[column]))
        if expected in ("same", "fails"):
            assert outcome(text, own) == expected
            assert {one for one, _, _ in failing(text)} == (
                {name} if expected == "fails" else set()
            )
            continue
        ((message, place),) = errors_of(text)
        assert message == expected
        assert place is not None and place.endswith(
            f"(`{paper[at][0] or 'conv2_x'}`), column `{name}`"
        )


def test_emptied_rows_of_the_damaged_resnet():
    """The stem is in the header and below it, in a row without a name."""
    table, paper = resnet()
    assert RESNET[2][0] == "conv1" and not any(RESNET[2][2:])
    emptied = [*paper[:2], RESNET[2][:7], *paper[3:]]
    assert errors_of(text_with("resnet", table, emptied)) == [
        ("the row `conv1` has no layer", "in row 1, column `layer name`")
    ]


@pytest.mark.parametrize("repeat", ["$\\times 36$", "$\\times 3$"])
def test_a_repeat_that_has_left_its_cell(repeat: str):
    table, paper = resnet()
    text = text_with("resnet", table, with_cell(paper, 6, 6, repeat))
    assert errors_of(text) == [("a repeat of nothing", "in row 5 (`conv4_x`), column `152-layer`")]


# Every kind of damage, to every cell and row of intact tables.


def damages(rows: Rows) -> Iterator[tuple[str, str, Rows]]:
    """The kind of damage, what was damaged, and the damaged table."""
    header = next(i for i, row in enumerate(rows) if sum(map(bool, row)) > 1)
    body = [i for i, row in enumerate(rows) if row and i > header]
    yield "headers lost", "", [row for i, row in enumerate(rows) if i != header]
    for i in (header, *body):
        for j, cell in enumerate(rows[i]):
            if cell:
                yield f"{'header' if i == header else 'cell'} lost", cell, with_cell(rows, i, j, "")
    for i in body:
        row = rows[i]
        named = row[0] or row[1]
        yield "row lost", named, [*rows[:i], *rows[i + 1 :]]
        yield "row twice", named, [*rows[:i], row, *rows[i:]]
        yield "row shifted right", named, [*rows[:i], ["", *row[:-1]], *rows[i + 1 :]]
        yield "row shifted left", named, [*rows[:i], [*row[1:], ""], *rows[i + 1 :]]
        for j, (left, right) in enumerate(pairwise(row)):
            if left and right and left != right:
                swapped = with_cell(with_cell(rows, i, j, right), i, j + 1, left)
                yield "cells swapped", f"{left}, {right}", swapped
        for j, cell in enumerate(row):
            for found in BREAK.finditer(cell):
                yield "break lost", cell, with_cell(rows, i, j, _without(cell, *found.span()))
            for found in BRACKET.finditer(cell):
                yield "bracket lost", cell, with_cell(rows, i, j, _without(cell, *found.span()))
            if BRACKET.search(cell):
                yield "both brackets lost", cell, with_cell(rows, i, j, BRACKET.sub(" ", cell))
            if found := REPEAT.search(cell):
                yield "repeat lost", cell, with_cell(rows, i, j, _without(cell, *found.span(1)))
    for i, j in pairwise(body):
        if rows[i] != rows[j]:
            swapped = list(rows)
            swapped[i], swapped[j] = rows[j], rows[i]
            yield "rows swapped", f"{rows[i][0]}, {rows[j][0]}", swapped


def _without(cell: str, start: int, end: int) -> str:
    return f"{cell[:start]} {cell[end:]}"


# How many damages of each kind are refused, fail, leave the layers as they are, or go unnoticed.
TOLD: dict[str, dict[str, tuple[int, int, int, int]]] = {
    "vgg": {
        "headers lost": (2, 0, 0, 0),
        "header lost": (11, 0, 1, 0),
        "cell lost": (2, 38, 11, 1),
        "row lost": (2, 13, 1, 1),
        "row twice": (1, 13, 2, 1),
        "row shifted right": (2, 14, 0, 1),
        "row shifted left": (2, 14, 0, 1),
        "cells swapped": (1, 15, 3, 2),
        "break lost": (0, 0, 39, 0),
        "rows swapped": (2, 1, 1, 10),
    },
    "resnet": {
        "headers lost": (1, 0, 0, 0),
        "header lost": (6, 0, 1, 0),
        "cell lost": (4, 24, 11, 1),
        "row lost": (0, 7, 1, 0),
        "row twice": (1, 6, 1, 0),
        "row shifted right": (7, 1, 0, 0),
        "row shifted left": (8, 0, 0, 0),
        "cells swapped": (11, 15, 0, 0),
        "break lost": (32, 0, 0, 0),
        "bracket lost": (40, 0, 0, 0),
        "both brackets lost": (20, 0, 0, 0),
        "repeat lost": (0, 20, 0, 0),
        "rows swapped": (2, 5, 0, 0),
    },
    "googlenet_table": {
        "headers lost": (1, 0, 0, 0),
        "header lost": (11, 0, 1, 0),
        "cell lost": (88, 2, 50, 4),
        "row lost": (9, 8, 0, 2),
        "row twice": (9, 7, 0, 3),
        "row shifted right": (19, 0, 0, 0),
        "row shifted left": (19, 0, 0, 0),
        "cells swapped": (42, 55, 2, 1),
        "rows swapped": (0, 17, 0, 1),
    },
    "densenet_table": {
        "headers lost": (1, 0, 0, 0),
        "header lost": (5, 0, 1, 0),
        "cell lost": (15, 21, 11, 2),
        "row lost": (3, 11, 0, 0),
        "row twice": (6, 8, 0, 0),
        "row shifted right": (13, 1, 0, 0),
        "row shifted left": (14, 0, 0, 0),
        "cells swapped": (23, 5, 0, 0),
        "break lost": (0, 0, 16, 0),
        "bracket lost": (32, 0, 0, 0),
        "both brackets lost": (16, 0, 0, 0),
        "repeat lost": (0, 16, 0, 0),
        "rows swapped": (1, 9, 0, 3),
    },
    "mobilenet_v2_table": {
        "headers lost": (1, 0, 0, 0),
        "header lost": (5, 0, 1, 0),
        "cell lost": (29, 10, 27, 0),
        "row lost": (1, 10, 0, 0),
        "row twice": (6, 5, 0, 0),
        "row shifted right": (11, 0, 0, 0),
        "row shifted left": (11, 0, 0, 0),
        "cells swapped": (37, 12, 0, 0),
        "rows swapped": (0, 10, 0, 0),
    },
    "cifar100_convblock": {
        "headers lost": (1, 0, 0, 0),
        "header lost": (3, 0, 1, 0),
        "cell lost": (21, 0, 8, 0),
        "row lost": (3, 2, 0, 3),
        "row twice": (0, 6, 0, 2),
        "row shifted right": (8, 0, 0, 0),
        "row shifted left": (8, 0, 0, 0),
        "cells swapped": (17, 3, 0, 0),
        "rows swapped": (1, 5, 1, 0),
    },
}

# What no figure of the paper reveals, and why.
SILENT = {
    "vgg": {
        # No figure counts a pool, a softmax or a norm, and no size is printed: a pool that moves
        # does not change the parameters.
        *((kind, "soft-max") for kind in ("cell lost", "row lost", "row twice")),
        *((kind, "soft-max") for kind in ("row shifted right", "row shifted left")),
        ("rows swapped", "FC-1000, soft-max"),
        ("cells swapped", "conv3-64, conv3-64<br><b>LRN</b>"),
        ("rows swapped", "conv3-64, maxpool"),
        ("rows swapped", "maxpool, conv3-128"),
        ("rows swapped", "conv3-128, maxpool"),
        ("rows swapped", "maxpool, conv3-256<br>conv3-256"),
        ("rows swapped", "conv3-256<br>conv3-256, maxpool"),
        ("rows swapped", "maxpool, conv3-512<br>conv3-512"),
        ("rows swapped", "conv3-512<br>conv3-512, maxpool"),
        # One 1x1 more or less: Table 2 prints millions, too coarse to show half a million.
        (
            "cells swapped",
            "conv3-256<br>conv3-256<br><b>conv1-256</b>, "
            "conv3-256<br>conv3-256<br><b>conv3-256</b>",
        ),
    },
    # The size that determines the padding of the pool, whose output is then 55x55.
    "resnet": {("cell lost", "56×56")},
    "googlenet_table": {
        # The default window replaces the lost one: 2x2/2 gives the printed sizes too.
        ("cell lost", "3×3/2"),
        ("cell lost", "7×7/1"),
        ("row twice", "avg pool"),  # its map is 1x1
        *(
            (f"row {how}", layer)
            for how in ("lost", "twice")
            for layer in ("dropout (40%)", "softmax")
        ),
        # The sum of the widths is the same, and the parameters of (4a) are an erratum anyway.
        ("cells swapped", "48, 64"),
        ("rows swapped", "inception (4b), inception (4c)"),
    },
    "densenet_table": {
        # An empty name repeats the one above, and its rules.
        ("cell lost", "Transition Layer (2)"),
        ("cell lost", "Transition Layer (3)"),
        # Both rows print one size, and the table no parameters.
        *(("rows swapped", f"Dense Block ({n}), Transition Layer ({n})") for n in (1, 2, 3)),
    },
    "mobilenet_v2_table": set(),
    "cifar100_convblock": {
        # The average is of the whole map, whatever its size, and its parameters are an erratum.
        ("row lost", "Sub"),
        *((f"row {how}", layer) for how in ("lost", "twice") for layer in ("AvgPool", "Linear")),
    },
}
OUTCOMES = ("refused", "fails", "same", "silent")


@pytest.mark.parametrize(
    "spec", [pytest.param(s, marks=[pytest.mark.slow] if s in DEEP else []) for s in TOLD]
)
@pytest.mark.slow
def test_damage_of_every_kind(spec: str):
    own = {name: signature(net) for name, net in networks_of(text_of(spec)).items()}
    found: dict[str, Counter[str]] = {}
    silent = set()
    for table in tables_of(spec):
        for kind, what, rows in damages(rows_of(table)):
            became = outcome(text_with(spec, table, rows), own)
            found.setdefault(kind, Counter())[became] += 1
            if became == "silent":
                silent.add((kind, what))
    assert {kind: tuple(one[o] for o in OUTCOMES) for kind, one in found.items()} == TOLD[spec]
    assert silent == SILENT[spec]


def test_how_much_damage_is_noticed():
    """The figures of the manual."""
    outcomes = Counter()
    for kinds in TOLD.values():
        for counts in kinds.values():
            outcomes.update(dict(zip(OUTCOMES, counts, strict=True)))
    assert dict(outcomes) == {"refused": 647, "fails": 409, "same": 191, "silent": 39}
    manual = (ROOT / "docs" / "notation.md").read_text("utf-8")
    assert f"{outcomes['silent']} of these {outcomes.total():,} changes" in manual
