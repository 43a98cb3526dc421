"""What is a table and what is not, and layouts of tables that mean the same."""

from __future__ import annotations

import random
import re

import pytest
from paths import ROOT
from printed_tables import networks_of, text_of

import archdsl
from archdsl.compare.diff import diff
from archdsl.tables.columns import KNOWN
from archdsl.text import find_tables
from archdsl.text.latex import regions

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
def test_layouts(table: str):
    assert table != TABLE
    assert ops(HEAD + table) == ops(HEAD + TABLE)


def test_statements_directly_after_a_table():
    net = archdsl.loads(
        HEAD + TABLE + "expect channels 12\nflatten\n".replace("channels", "params")
    )
    assert [claim.quantity for claim in net.claims][-1] == "params"
    assert net.output == (12,)


def test_an_editor_strips_the_ends_of_lines():
    """Rows that one cell spans are then shorter; so they are if they alone end early."""
    stripped = "".join(line.rstrip() + "\n" for line in COLUMNS.splitlines())
    assert stripped != COLUMNS
    assert ops(HEAD + stripped) == ops(HEAD + COLUMNS)
    assert ops(HEAD + COLUMNS.replace("maxpool\t", "maxpool")) == ops(HEAD + COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "input\t32x32 RGB\nconv3-8\t\tstride 2\nconv3-16\trelu\nFC-10",
        "input 32x32 RGB\nconv 3x3\t8\tstride 2\nconv 3x3\t16\trelu\nFC-10",
        "input 32x32 RGB\nconv1:\tconv3-8\tstride 2\nconv2:\tconv3-16\trelu\nFC-10",
        "input 32x32 RGB\nconv3-8 stride 2\t# halves\nconv3-16 relu\t# and on\nFC-10",
        "input 32x32 RGB\nconv3-8,\tstride 2\n3x3, 16,\trelu\nFC-10",
        "input 32x32 RGB\n3x3 conv, 8\tstride 2\n16 3x3 filters\trelu\nFC-10",
        "input 32x32 RGB\npadding\tsame\nshortcut\tB\nconv3-8 stride 2\nconv3-16 relu\nFC-10",
        "input 32x32 RGB\n{\n\t\tconv3-8\tstride 2\n\t\tconv3-16\trelu\n}\nFC-10",
    ],
)
def test_tabs_in_place_of_blanks_are_not_a_table(text: str):
    plain = ops("input 32x32 RGB\nconv3-8 stride 2\nconv3-16 relu\nFC-10")
    assert ops(text) == plain


def test_tabs_within_braces_are_indentation():
    net = archdsl.loads(
        "input 16x16x1\nblock unit(c) {\n\tconv3-c\trelu\n\tconv1-c\trelu\n}\nunit(8)\nFC-10\n"
        "train on digits {\n\toptimizer\tsgd lr 0.1\n\tbatch\t32\n}\n"
    )
    assert net.weight_layers == 3


def test_rows_without_their_header_are_not_a_chain():
    """Read as layers with tabs for blanks, a row of networks would be one deep network."""
    rows = COLUMNS.partition("\n")[2].replace("<br>conv3-8", "")
    with pytest.raises(archdsl.ArchError, match="the layer `conv3-8` where the name"):
        archdsl.loads(HEAD + rows)


def test_a_row_of_one_cell_after_a_tab():
    """Its first cell is empty: it is not a line of all networks."""
    text = f"{HEAD}A\tB\nconv3-8\tconv3-16\n\tconv3-32\n\nFC-10"
    assert [net.weight_layers for net in networks_of(text).values()] == [2, 3]


def test_names_that_end_like_layers():
    text = HEAD + "A-LRN\tVGG BN\nconv3-8\tconv3-16\nFC-10\tFC-10"
    assert [*networks_of(text)] == ["net:A-LRN", "net:VGG_BN"]


@pytest.mark.parametrize("comment", ["#c2\tconv3-8\tconv3-8", "# c2\tconv3-8\tmaxpool", "#\t\tLRN"])
def test_a_row_that_is_commented_out(comment: str):
    rows = ["layer\tA\tB", "c1\tconv3-8\tconv3-16", "c3\tFC-10\tFC-10"]
    without = HEAD + "\n".join(rows)
    rows.insert(2, comment)
    assert ops(HEAD + "\n".join(rows)) == ops(without)


@pytest.mark.parametrize("name", ["# params", "#params", "# Parameters", "#Weight layers"])
def test_a_number_sign_that_counts(name: str):
    text = f"{HEAD}layer\tA\tB\nc1\tconv3-8\tconv3-16\n{name}\t224\t448"
    assert [len(net.claims) for net in networks_of(text).values()] == [1, 1]


def test_columns_that_count_filters():
    text = f"{HEAD}#out\ttype\t# params\n8\tconv3\t224"
    (claim,) = archdsl.loads(text).claims
    assert (claim.quantity, claim.verdict) == ("params", "holds")


@pytest.mark.parametrize("sign", "|\t")
def test_empty_cells_take_no_memory(sign: str):
    """A line of 16 MiB may contain as many."""
    (grid,) = find_tables.find(
        regions.read_latex(f"{sign} A {sign}{sign * 1000} B {sign}\n{sign} a {sign} b")
    )
    assert sum(cell.wide for cell in grid.rows[0]) > 1000
    assert len(grid.rows[0]) < 6


def test_the_manual_lists_every_header():
    manual = (ROOT / "docs" / "language.md").read_text("utf-8")
    (tables,) = re.findall(r"^### Tables\n(.*?)^### ", manual, re.MULTILINE | re.DOTALL)
    listed = {text.lower() for text in re.findall(r"`([^`\n]+)`", tables)}
    assert listed | {text.replace("-", " ") for text in listed} >= {*KNOWN}


ROWS = """\
| Type | Kernel size | Stride | Channels | n | Output size |
|---|---|---|---|---|---|
| conv | 3x3 | 2 | 8 | 1 | 16x16 |
| maxpool | 2x2 | 2 | - | 1 | 8x8 |
| conv | 1x1 | 1 | 16 | 2 | 8x8 |
"""


@pytest.mark.parametrize(
    ("header", "other"),
    [
        ("Type", "Operator $\\hat{\\mathcal{F}}_i$"),
        ("Type", "Layer name/type"),
        ("Kernel size", "KSize"),
        ("Kernel size", "Filter size (if not a pool)"),
        ("Kernel size", "kernel_size"),
        ("Kernel size", "Size/Stride"),
        ("Stride", "Stride s"),
        ("Channels", "#Channels $\\hat{C}_i$"),
        ("Channels", "#Channels Ĉi"),
        ("Channels", "# filters"),
        ("Channels", "Number of filters"),
        ("Channels", "Out Channels"),
        ("| n |", "| #Layers $\\hat{L}_i$ |"),
        ("| n |", "| Repeat n |"),
        ("Output size", "Output map size"),
        ("Output size", "Output shape (h, w)"),
        ("Output size", "Output size $H_i \\times W_i$"),
    ],
)
def test_headers_of_papers(header: str, other: str):
    assert header in ROWS
    assert ops(HEAD + ROWS.replace(header, other)) == ops(HEAD + ROWS)


@pytest.mark.parametrize(
    "header", ["Type A", "Model l", "Type (k=8)", "Channels (in)", "Model (A)"]
)
def test_headers_that_only_begin_like_known_ones(header: str):
    """A capital is the name of a network; a remark may mean that the widths differ."""
    for known in ("Channels", "Kernel size"):
        with pytest.raises(archdsl.ArchError):
            archdsl.loads(HEAD + ROWS.replace(known, header))


def test_attributes_and_activations_in_columns():
    table = """\
| Layer | Kernel | Stride | Padding | Groups | Filters | Activation | Param # |
|---|---|---|---|---|---|---|---|
| Conv1 | 5 | 1 | 0 | 1 | 8 | LeakyReLU | 608 |
| MaxPool1 | 2 | 2 | 0 | 1 | - | - | 0 |
| Conv2 | 3x3 | 2 | same | 2 | 8 | tanh | 296 |
| FC3 | - | 1 | 0 | - | 10 | Softmax | 3,930 |
"""
    lines = """\
conv1: 5x5 conv 8, pad 0, leaky relu
maxpool1: 2x2/2
conv2: 3x3 conv 8, stride 2, pad same, groups 2, tanh
fc3: fc 10 -> softmax
"""
    head = "network net\ninput 32x32 RGB\n\n"
    net = archdsl.loads(head + table)
    assert diff(net, archdsl.loads(head + lines)).same
    assert [row.name for row in net.rows] == ["conv1", "maxpool1", "conv2", "fc3"]
    assert {claim.verdict for claim in net.verify()} == {"holds"}


PARAMETERS = """\
network net
input 16x16x8

block bneck(k, exp_size, out, SE=0, s=1) {
  [ conv 1x1 (exp_size); conv kernel (k) width (exp_size), stride (s) ]
  squeeze_excitation if SE == 1
  conv 1x1 (out)
}

Operator	SE	#out	s	exp size
bneck, 3x3	-	8	2	16
bneck, 5x5	✓	12	1	24
bneck, 3x3	✗	12	1	24
"""


def test_columns_named_like_parameters():
    lines = (
        "bneck(3, 16, 8), stride 2\nbneck(k=5, exp_size=24, out=12, SE=1)\nbneck(3, 24, 12, SE=0)\n"
    )
    net = archdsl.loads(PARAMETERS)
    assert diff(net, archdsl.loads(PARAMETERS.partition("Operator")[0] + lines)).same
    gate = [node for node in net.graph.nodes if node.op and node.op.kind == "sigmoid"]
    assert len(gate) == 1


def test_blocks_before_the_first_network_have_parameters_too():
    head, block, table = re.split(r"\n\n", PARAMETERS, maxsplit=2)
    assert ops(f"{block}\n\n{head}\n\n{table}") == ops(PARAMETERS)


def test_names_of_networks_with_remarks():
    table = COLUMNS.replace("A\tB", "• ResNet-50\tResNeXt-50 (32×4d)")
    assert [*networks_of(HEAD + table)] == ["net:ResNet-50", "net:ResNeXt-50"]


def test_a_header_struck_through_removes_its_column():
    text = "input 8x8x3\n\n| type |{} c |\n|---|{}---|\n| conv 3x3 |{} 8 |\n"
    removed = archdsl.loads(text.format(" ~~# bits~~ |", "---|", " 6 bit, no layer |"))
    assert diff(removed, archdsl.loads(text.format("", "", ""))).same
    for header, other in (("  |", "c"), (" ~~bits~~ |", "A")):  # below networks it is damage
        with pytest.raises(archdsl.ArchError, match="this column has no header"):
            broken = text.format(header, "---|", " 6 bit, no layer |")
            archdsl.loads(broken.replace(" c |", f" {other} |").replace("type", "layer"))


def test_figures_with_raised_digits():
    """A row named `# params.` is not a comment."""
    table = "Layer\tA\tB\nconv\tconv3-8\tconv3-16\n# params.\t22.4×10¹\t4.5×10²\n"
    claims = [net.verify()[-1] for net in networks_of(HEAD + table).values()]
    assert [(claim.printed, claim.verdict) for claim in claims] == [
        ("22.4x10^1", "holds"),
        ("4.5x10^2", "holds"),
    ]


def test_the_last_of_several_columns_of_names_holds_layers():
    table = "| # | Layer | Filters | Output |\n|---|---|---|---|\n| 0 | conv3 | 8 | 32x32x8 |\n"
    net = archdsl.loads(HEAD + table)
    assert net.output == (8, 32, 32)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["vgg", "googlenet_table", "mobilenet_v2_table", "all_cnn"])
def test_damaged_texts_never_end_in_a_traceback(spec: str):
    """Stretches of a text are removed, or copied elsewhere."""
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
