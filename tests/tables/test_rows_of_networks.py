"""Rows of tables whose columns are networks: whose layers a row with a single layer has."""

from __future__ import annotations

import pytest
from printed_tables import networks_of

import archdsl

HEAD = "network n\ninput 16x16x16\n\n"
TAIL = "\n\nglobal average pool, 10-d fc\n"


def networks(table: str) -> dict[str, archdsl.Network]:
    return networks_of(HEAD + table + TAIL)


def kinds(net: archdsl.Network) -> list[str]:
    return [node.op.kind for node in net.graph.nodes][1:-3]


def shown(net: archdsl.Network) -> list[str]:
    return [one.where for one in net.decisions if one.topic == "tables"]


MARKDOWN = "| layer | A | B |\n|---|---|---|\n| conv1 | conv3-16 | conv3-16 |\n"


@pytest.mark.parametrize(
    ("table", "a", "b", "decided"),
    [
        # Empty cells may be those of a cell that spans them: shown.
        (MARKDOWN + "| norm1 | LRN | |", "conv norm", "conv norm", ["norm1"]),
        (MARKDOWN + "| norm1 | LRN | |\n| pool1 | maxpool | |", "conv norm pool",
         "conv norm pool", ["norm1", "pool1"]),
        ("A\tB\nconv3-16\tconv3-16\nLRN\t\nconv3-8\tconv3-8", "conv norm conv", "conv norm conv",
         ["norm1"]),
        # An editor may have cut the tabs off.
        ("A\tB\nconv3-16\tconv3-16\nLRN\nconv3-8\tconv3-8", "conv norm conv", "conv norm conv",
         ["norm1"]),
        # A row of one cell spans all.
        ("| A | B |\n|---|---|\n| conv3-16 | conv3-16 |\n| LRN |", "conv norm", "conv norm", []),
        (MARKDOWN + "| norm1 | LRN | LRN |", "conv norm", "conv norm", []),
        # A dash is no layer; so is an empty cell of another network.
        (MARKDOWN + "| norm1 | LRN | - |", "conv norm", "conv", []),
        (MARKDOWN + "| norm1 | LRN | – |", "conv norm", "conv", []),
        (MARKDOWN + "| norm1 | LRN | — |\n| conv2 | - | conv3-8 |", "conv norm", "conv conv", []),
        (MARKDOWN + "| norm1 | | LRN |", "conv", "conv norm", []),
        (MARKDOWN + "| norm1 | - | LRN |", "conv", "conv norm", []),
        # LaTeX says which cells span columns.
        ("\\begin{tabular}{ll}\nA & B \\\\\n\\hline\nconv3-16 & conv3-16 \\\\\nLRN & \\\\\n"
         "\\end{tabular}", "conv norm", "conv", []),
    ],
)  # fmt: skip
def test_a_row_with_the_layer_of_the_first_network(table: str, a: str, b: str, decided: list[str]):
    found = networks(table)
    assert [kinds(net) for net in found.values()] == [a.split(), b.split()]
    assert [shown(net) for net in found.values()] == [decided, decided]


def test_what_the_decision_names_instead():
    """The dash leaves the others out."""
    (decision,) = [
        one
        for one in networks(MARKDOWN + "| norm1 | LRN | |")["n:A"].decisions
        if one.topic == "tables"
    ]
    assert decision.instead == ("for the first network alone, write `-` in the other cells",)


def test_a_column_with_the_title_of_its_network():
    text = 'network n "A"\ninput 16x16x16\n\n' + MARKDOWN + TAIL
    assert [net.title for net in networks_of(text).values()] == ["A", "A, B"]


def test_a_row_that_ends_between_networks_is_refused():
    """A cell may be lost, or those that follow the name may span all."""
    three = "| A | B | C |\n|---|---|---|\n| conv3-8 | conv3-8 | conv3-8 |\n| LRN | LRN |"
    with pytest.raises(archdsl.ArchError, match="a row of 2 cells where the header has 3"):
        networks(MARKDOWN + "| norm1 | LRN |")
    with pytest.raises(archdsl.ArchError, match="a row of 2 cells where the header has 3"):
        networks(three)
