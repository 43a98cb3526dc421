"""Notation as it was printed: each piece gives its layers, or an error; none is misread."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT

import archdsl

FOLDER = Path(__file__).parent
PRINTED: dict[str, str] = json.loads((FOLDER / "notation.json").read_text("utf-8"))


class Piece(NamedTuple):
    """A stanza of notation.arch."""

    number: str
    cells: bool
    head: str
    text: str
    tail: str
    layers: str


def _pieces() -> list[Piece]:
    stanzas = re.split(r"^#: ", (FOLDER / "notation.arch").read_text("utf-8"), flags=re.M)[1:]
    return [_piece(stanza) for stanza in stanzas]


def _piece(stanza: str) -> Piece:
    title, rest = stanza.split("\n", 1)
    number, kind, *_ = [*title.split(), ""]
    head, text, tail, layers = re.fullmatch(
        r"(.*?)^#<\n(.*?)\n(?:#\+\n(.*?))?^#=\n(.*)", rest, re.M | re.S
    ).groups("")  # type: ignore[union-attr]
    return Piece(number, kind == "cells", head, text, tail, layers)


PIECES = _pieces()


def ops(text: str) -> list[tuple]:
    graph = archdsl.loads(text).graph
    graph.check()
    return [(node.op, node.inputs, node.shape) for node in graph.nodes]


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.number)
def test_it_gives_its_layers(piece: Piece):
    assert ops(f"{piece.head}{piece.text}\n{piece.tail}") == ops(piece.layers)


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.number)
def test_it_stands_as_it_was_printed(piece: Piece):
    if piece.cells:
        cells = {cell.strip() for cell in re.split(r"[|\t\n]", PRINTED[piece.number])}
        assert cells.issuperset(piece.text.split("\n"))
    else:
        text = re.sub(r"^# ", "", piece.text, flags=re.M)
        assert text == PRINTED[piece.number]


def test_enough_of_it_is_understood():
    assert len({piece.number for piece in PIECES}) >= 38


@pytest.mark.parametrize("number", sorted(PRINTED.keys() - {piece.number for piece in PIECES}))
@pytest.mark.parametrize(
    "head", ["", "input 32x32 RGB\n", "input 32x32 RGB\nconv means conv-(8)\n"]
)
def test_the_rest_is_refused(number: str, head: str):
    """It denotes no layers, or too little of them: an error, not a guess."""
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(head + PRINTED[number])
    assert "help: " in str(caught.value)


def test_the_manual_says_why_the_rest_is_not_understood():
    manual = (ROOT / "docs" / "notation.md").read_text("utf-8")
    listed = set(re.findall(r"\bN\d+\b", manual))
    assert listed == PRINTED.keys() - {piece.number for piece in PIECES}
