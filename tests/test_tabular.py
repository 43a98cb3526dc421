"""What is a table and what is not, and looks of tables that change nothing."""

from __future__ import annotations

import random
import re

import pytest
from conftest import ROOT
from test_tables import networks_of, text_of

import archdsl
from archdsl.headers import KNOWN

HEAD = "network net\ninput 32x32 RGB\nconv means conv-relu\n\n"
TABLE = """\
| Input   | Operator   | t | c  | n | s |
|---------|------------|---|----|---|---|
| 32x32x3 | conv2d 3x3 | - | 8  | 1 | 2 |
| 16x16x8 | bottleneck | 6 | 12 | 2 | 2 |
| 8x8x12  | avgpool    | - | -  | - | - |
"""
COLUMNS = """\
A\tB
conv3-8\tconv3-8<br>conv3-8
maxpool\t
FC-10\t
"""


def ops(text: str) -> list[tuple]:
    """The layers of all networks of a text."""
    nets = networks_of(text).values()
    return [(net.name, node.op, node.inputs) for net in nets for node in net.graph.nodes]


@pytest.mark.parametrize(
    "table",
    [
        TABLE.replace("|---------|------------|---|----|---|---|", "|:--|:-:|--:|:---|---|---|"),
        TABLE.replace("|---------|------------|---|----|---|---|\n", ""),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("| 8x8x12", "# the end of it\n| 8x8x12"),
        TABLE.replace("2 |\n", "2 |   # halves\n"),
        TABLE.replace("| -", "| "),
        *(TABLE.replace("| -", f"| {dash}") for dash in "‐‑‒–—−－"),
        TABLE.replace("| 8  |", "| ８ |"),
        TABLE.replace("Operator  ", "**Operator**").replace("| bottleneck", "| **bottleneck**"),
    ],
)
def test_looks(table: str):
    assert table != TABLE
    assert ops(HEAD + table) == ops(HEAD + TABLE)


def test_statements_directly_behind_a_table():
    net = archdsl.loads(
        HEAD + TABLE + "expect channels 12\nflatten\n".replace("channels", "params")
    )
    assert [claim.quantity for claim in net.claims][-1] == "params"
    assert net.output == (12,)


def test_an_editor_strips_the_ends_of_lines():
    """The rows that one cell spans are shorter then; one short row among whole ones is an error."""
    stripped = "".join(line.rstrip() + "\n" for line in COLUMNS.splitlines())
    assert stripped != COLUMNS
    assert ops(HEAD + stripped) == ops(HEAD + COLUMNS)
    with pytest.raises(archdsl.ArchError, match="a row of 1 cells where the header has 2"):
        archdsl.loads(HEAD + COLUMNS.replace("maxpool\t", "maxpool"))


@pytest.mark.parametrize(
    "text",
    [
        "input\t32x32 RGB\nconv3-8\t\tstride 2\nconv3-16\trelu\nFC-10",
        "input 32x32 RGB\nconv 3x3\t8\tstride 2\nconv 3x3\t16\trelu\nFC-10",
        "input 32x32 RGB\nconv1:\tconv3-8\tstride 2\nconv2:\tconv3-16\trelu\nFC-10",
        "input 32x32 RGB\nconv3-8 stride 2\t# halves\nconv3-16 relu\t# and on\nFC-10",
        "input 32x32 RGB\n{\n\t\tconv3-8\tstride 2\n\t\tconv3-16\trelu\n}\nFC-10",
    ],
)
def test_tabs_for_blanks_are_no_table(text: str):
    plain = ops("input 32x32 RGB\nconv3-8 stride 2\nconv3-16 relu\nFC-10")
    assert ops(text) == plain


def test_tabs_within_braces_indent():
    net = archdsl.loads(
        "input 16x16x1\nblock unit(c) {\n\tconv3-c\trelu\n\tconv1-c\trelu\n}\nunit(8)\nFC-10\n"
        "train on digits {\n\toptimizer\tsgd lr 0.1\n\tbatch\t32\n}\n"
    )
    assert net.weight_layers == 3


def test_layers_without_their_header_are_no_chain():
    """Were a row of networks read as layers with tabs for blanks, it would be one deep network."""
    rows = COLUMNS.partition("\n")[2].replace("<br>conv3-8", "")
    with pytest.raises(archdsl.ArchError, match="the layer `conv3-8` where the name"):
        archdsl.loads(HEAD + rows)


def test_the_manual_lists_every_header():
    manual = (ROOT / "docs" / "language.md").read_text("utf-8")
    (tables,) = re.findall(r"^## Tables\n(.*?)^## ", manual, re.MULTILINE | re.DOTALL)
    listed = {text.lower() for text in re.findall(r"`([^`\n]+)`", tables)}
    assert listed >= {*KNOWN}


@pytest.mark.parametrize("spec", ["vgg", "googlenet_table", "mobilenet_v2_table", "all_cnn"])
def test_whatever_is_cut_out_there_is_no_traceback(spec: str):
    """Stretches of a text are cut out, or stand elsewhere too."""
    text = text_of(spec)
    choose = random.Random(spec)
    refused = 0
    for _ in range(80):
        start, other = choose.randrange(len(text)), choose.randrange(len(text))
        length = choose.choice((1, 2, 12, 80))
        piece = choose.choice(("", text[other : other + length], "|", "\t", "[", "}", "<br>", "#"))
        try:
            networks_of(text[:start] + piece + text[start + length :])
        except archdsl.ArchError as error:
            assert str(error).startswith("error: ")
            refused += 1
    assert 10 < refused < 80
