"""Notation as it was printed: each piece gives its layers, or an error; none is misread.

Tables are tested with the specs that hold them, those that are damaged in test_damaged.py.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from graphs import check_graph
from paths import DATA, ROOT
from printed_notation import PRINTED
from printed_tables import assert_same, tables_of, text_of

import archdsl


class Piece(NamedTuple):
    """A stanza of notation.arch."""

    number: str
    cells: bool
    head: str
    text: str
    tail: str
    layers: str


def _pieces() -> list[Piece]:
    stanzas = re.split(r"^#: ", (DATA / "notation.arch").read_text("utf-8"), flags=re.M)[1:]
    return [_piece(stanza) for stanza in stanzas]


def _piece(stanza: str) -> Piece:
    title, rest = stanza.split("\n", 1)
    number, kind, *_ = [*title.split(), ""]
    head, text, tail, layers = re.fullmatch(
        r"(.*?)^#<\n(.*?)\n(?:#\+\n(.*?))?^#=\n(.*)", rest, re.M | re.S
    ).groups("")  # type: ignore[union-attr]
    return Piece(number, kind == "cells", head, text, tail, layers)


PIECES = _pieces()


# A table, and its index among those of the spec that has the text around it.
TABLES = {
    **{"N1": ("vgg", 0), "N7": ("vgg", 1), "N8": ("vgg", 1)},
    **{
        "N9": ("googlenet_table", 0),
        "N10": ("googlenet_table", 0),
        "N13": ("inception_v3_table", 0),
    },
    **{"N19": ("resnet", 0), "N20": ("resnet", 0), "N27": ("densenet_table", 0)},
    **{"N31": ("mobilenet_v2_table", 0), "N33": ("all_cnn", 0), "N34": ("all_cnn", 0)},
    "N45": ("cifar100_convblock", 0),
}


PARTS = {"N11": "N9", "N32": "N31"}  # a header, a row


DAMAGED = {"N5", "N21", "N55"}  # N55, a connection table, in test_lenet5.py


READ = {piece.number for piece in PIECES} | {*TABLES, *PARTS} | DAMAGED


def ops(text: str) -> list[tuple]:
    graph = archdsl.loads(text).graph
    check_graph(graph)
    return [(node.op, node.inputs, node.shape) for node in graph.nodes]


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.number)
def test_a_piece_gives_its_layers(piece: Piece):
    assert ops(f"{piece.head}{piece.text}\n{piece.tail}") == ops(piece.layers)


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.number)
def test_a_piece_is_as_it_was_printed(piece: Piece):
    if piece.cells:
        cells = {cell.strip() for cell in re.split(r"[|\t\n]", PRINTED[piece.number])}
        assert cells.issuperset(piece.text.split("\n"))
    else:
        text = re.sub(r"^# ", "", piece.text, flags=re.M)
        assert text == PRINTED[piece.number]


@pytest.mark.parametrize("number", TABLES)
def test_a_table_is_as_it_was_printed(number: str):
    """In place of the table of its spec it gives the same networks, and the same verdicts."""
    spec, place = TABLES[number]
    text = text_of(spec)
    ours = tables_of(spec)[place]
    # Below its table the lecture prints definitions, which are read, and a claim.
    printed = PRINTED[number].partition("\n\nNo. of. param")[0].rstrip("\n")
    table, blank, definitions = printed.partition("\n\n")
    assert text.count(ours) == 1 and f"{blank}{definitions}" in text
    assert_same(text, text.replace(ours, table))


@pytest.mark.parametrize(("number", "table"), PARTS.items())
def test_a_part_of_a_table(number: str, table: str):
    assert PRINTED[number] in PRINTED[table]


def test_enough_pieces_are_understood():
    assert len({piece.number for piece in PIECES}) >= 38
    assert len(READ) >= 55


@pytest.mark.parametrize("number", sorted(PRINTED.keys() - READ))
@pytest.mark.parametrize(
    "head", ["", "input 32x32 RGB\n", "input 32x32 RGB\nconv means conv-(8)\n"]
)
def test_other_pieces_are_refused(number: str, head: str):
    """It does not specify layers, or not completely: an error, not a guess."""
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(head + PRINTED[number])
    assert "help: " in str(caught.value)


def test_the_manual_explains_why_the_rest_is_not_understood():
    manual = (ROOT / "docs" / "notation.md").read_text("utf-8")
    (rest,) = re.findall(r"^## What is not read\n(.*)", manual, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"\bN\d+\b", rest)) == PRINTED.keys() - READ
