"""Tables of networks: a printed table is read back as the same networks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

import archdsl
from archdsl import spec_files
from archdsl.output.paper_table import render
from archdsl.spec import parse
from archdsl.text.source import Source

NAMES = [name for name in spec_files.names() if not spec_files.find_one(name).lacking]
FAMILIES = [
    ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"],
    ["resnet50_v1_5", "resnet101_v1_5", "resnet152_v1_5"],
    ["resnet20", "resnet32", "resnet44", "resnet56", "resnet110"],
    ["densenet121", "densenet169", "densenet201", "densenet161"],
    ["preact_resnet164", "preact_resnet1001"],
    ["wrn_16_4", "wrn_16_8", "wrn_28_10"],
]


def nets(*texts: str) -> list[archdsl.Network]:
    """The networks of texts; those without a name are a, b, …"""
    return [
        archdsl.Network(network)
        for name, text in zip("abcdefg", texts, strict=False)
        for network in parse(Source(name, text))
        if not network.lacking
    ]


def read(text: str) -> list[archdsl.Network]:
    return [archdsl.Network(network) for network in parse(Source("table", text))]


def content(net: archdsl.Network) -> object:
    """The graph without its names, its outputs, and its side heads."""
    nodes = [(node.op, node.inputs, node.shape) for node in net.graph.nodes]
    return nodes, net.graph.outputs, [(side.weight, side.output) for side in net.sides]


def assert_same(printed: Sequence[archdsl.Network], found: Sequence[archdsl.Network]) -> None:
    assert len(found) == len(printed)
    for net, again in zip(printed, found, strict=True):
        assert content(again) == content(net)
        # The labels are those of the text, in lower case.
        names = [row.name.lower() for row in net.rows if not row.name[-1].isdigit()]
        assert names == [n for row in again.rows if (n := row.name.lower()) in names]
        claims = again.verify()
        assert {claim.verdict for claim in claims} == {"holds"}
        figures = {c.quantity: c.computed for c in claims if c.where == "network"}
        assert figures == {"params": net.params, "macs": net.macs}


def table(printed: Sequence[archdsl.Network]) -> list[list[str]]:
    """The cells of the Markdown table of networks, after reading it back."""
    text = render.markdown(printed)
    assert_same(printed, read(text))
    return cells(text)


def cells(text: str) -> list[list[str]]:
    rows = [line.strip().split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    del rows[1]
    return [[cell.strip() for cell in row] for row in rows]


@pytest.mark.parametrize("names", [*([name] for name in NAMES), *FAMILIES], ids="+".join)
def test_the_zoo_is_read_back(names: list[str]):
    printed = [archdsl.load(name) for name in names]
    text = render.markdown(printed)
    found = read(text)
    assert_same(printed, found)
    # A table that was read is printed as it was, except for capital letters of labels.
    again = render.markdown(found)
    assert cells(again.lower()) == cells(text.lower())


def test_resnet_as_the_paper_prints_it():
    rows = [row[:5] for row in table([archdsl.load(name) for name in FAMILIES[0][:3]])]
    assert rows[0] == ["layer name", "output size", "resnet18", "resnet34", "resnet50"]
    assert rows[1] == ["conv1", "112×112", "7×7, 64, stride 2", "", ""]
    assert rows[2] == ["conv2_x", "56×56", "3×3 max pool, stride 2, pad 1", "", ""]
    assert rows[3] == [
        *("", ""),
        "[3×3, 64<br>3×3, 64] × 2",
        "[3×3, 64<br>3×3, 64] × 3",
        "[1×1, 64<br>3×3, 64<br>1×1, 256] × 3",
    ]
    assert rows[-2] == ["params", "", "11,689,512", "21,797,672", "25,557,032"]
    assert rows[-1][0] == "FLOPs" and rows[-1][4] == "3,857,973,248"


TEMPLATE = """
network net(n, k=4, deep=1)
input 16x16x3
block unit(c) { conv3-c; conv1-k }
conv means conv-relu
stem: conv3-(2*k)
conv3-k x n if deep == 1
unit(4*k) x (n - 1)
[ conv3-(k + in); conv1-k if deep == 0 ] x n
average pool, 10-d fc
"""


def test_names_are_replaced_by_values_and_conditions_are_decided():
    networks = TEMPLATE + "network two = net(2)\nnetwork three = net(3, deep=0)\n"
    text = render.markdown(nets(networks))
    assert "    let k = 4\n" in text
    rows = table(nets(networks))
    assert rows[0][2:] == ["two", "three"]
    assert [row[2:] for row in rows[1:-2]] == [
        ["conv3-8", ""],
        ["conv3-4 ×2", "unit(16) × 2"],
        ["unit(16) × 1", "[conv3-(4 + in)<br>conv1-4] × 3"],
        ["[conv3-(4 + in)] × 2", "identity"],
        ["average pool, 10-d fc", ""],
    ] or [row[2:] for row in rows[1:-2]]


def test_names_that_differ_are_in_the_headers():
    rows = table(nets(TEMPLATE + "network thin = net(2)\nnetwork wide = net(2, k=6)\n"))
    assert rows[0][2:] == ["thin (k = 4)", "wide (k = 6)"]
    assert rows[1][2:] == ["conv3-8", "conv3-12"]


def test_a_line_of_only_the_first_network_does_not_hold_for_all():
    short = "input 8x8x3\nconv3-4\nmaxpool\nFC-2\n"
    long = "input 8x8x3\nconv3-4\nconv3-6\nmaxpool\nconv3-4\nFC-2\n"
    assert [row[2:] for row in table(nets(long, short))[1:-2]] == [
        ["conv3-4", ""],
        ["conv3-6", "identity"],
        ["maxpool", ""],
        ["conv3-4", "identity"],
        ["FC-2", ""],
    ]
    assert [row[2:] for row in table(nets(short, long))[1:-2]][1] == ["", "conv3-6"]
    # Before the lines that both share, nothing gives the size of the row.
    before = "input 8x8x3\nconv1-4 stride 2\nconv3-4\nFC-2\n"
    after = "input 8x8x3\nmaxpool\nconv3-4\nFC-2\n"
    assert_same(nets(before, after), read(render.markdown(nets(before, after))))
    table(nets("input 8x8x3\nmaxpool\nconv3-4\nFC-2\n", "input 8x8x3\nconv3-4 stride 2\nFC-2\n"))


@pytest.mark.parametrize("statement", ["", "sizes decide stride, padding\n"])
def test_a_side_head_of_only_the_first_network(statement: str):
    """The cell next to it has the main flow, not the output of the side head."""
    heads = "side aux { average pool; FC-3 }\nside other { average pool; FC-3 }\n"
    for after in ("conv3-4\nFC-3\nrelu\n", "FC-5\nrelu\nFC-3\n"):
        one = f"input 8x8x3\n{statement}conv3-6\n{heads}{after}"
        other = one.replace("FC-3 }\nconv", "FC-4 }\nconv").replace("FC-3 }\nFC", "FC-4 }\nFC")
        rows = table(nets(one, other))
        filled = [row for row in rows if row[3] == "identity"]
        assert filled and not any(row[1] for row in filled)
        table(nets(other, one))
    # A line of the trunk next to a side head with an output of the same size.
    table(nets("input 8x8x3\nFC-3\nrelu\nFC-3\n", f"input 8x8x3\n{heads}FC-3\n"))
    table(nets("input 8x8x3\nFC-3\nrelu\nFC-3\n", f"input 8x8x3\n{heads}relu\nFC-3\n"))


@pytest.mark.parametrize("statement", ["", "sizes decide stride, padding\n"])
def test_a_stage_of_only_the_first_network(statement: str):
    one = f"input 16x16x3\n{statement}conv3-4\n[ conv3-4 ] => 8x8\nmaxpool => 4x4\nFC-2\n"
    other = f"input 16x16x3\n{statement}conv3-4\n[ conv3-4 ] => 4x4\nFC-2\n"
    if not statement:
        one, other = (re.sub(r" => (\d)x\d", "", text) for text in (one, other))
        one, other = (
            one.replace("conv3-4 ]", "maxpool ]"),
            other.replace("3-4 ]", "3-4 ], stride 4"),
        )
    rows = table(nets(one, other))
    alone = next(row for row in rows if row[3:] == ["identity"])
    assert alone[1] == ""  # the size holds only for the first network
    table(nets(other, one))


def test_labels_that_others_refer_to():
    text = """
    input 16x16x3
    Deep: conv3-4
    low: conv3-4
    pool: maxpool
    concat { low -> conv1-4, stride 2; identity }
    add { pool -> conv1-8; identity }
    relu: conv3-4
    pool
    concat { Deep -> maxpool; relu }
    """
    rows = table(nets(text + "FC-2\n"))
    assert [row[0] for row in rows[1:-3]] == [
        *("conv", "low", "pool", "concat1", "add1", "conv", "from", "concat2")
    ]
    assert rows[1][2] == "Deep: conv3-4" and rows[6][2] == "relu: conv3-4"
    table(nets(text + "deep2: conv3-2\noutput deep2, relu, Deep\n"))


def test_labels_of_networks_that_differ():
    one = "input 8x8x3\na: conv3-4\nb: conv3-5\nconcat a\nFC-2\n"
    other = "input 8x8x3\nb: conv3-4\na: conv3-6\nconcat b\nFC-2\n"
    rows = table(nets(one, other))
    assert rows[1][2:] == ["a: conv3-4", "b: conv3-4"]


def test_contents_of_cells():
    text = """
    network net "Everything"
    image: input 16x16x3
    with bn
    conv means conv-(bn)-relu
    conv3-8 -> mid: conv1-4 -> relu
    side aux weight 0.3 { average pool; FC-3 }
    add { identity; [ conv3-4; squeeze: conv1-4 ] } x 2
    nn.Conv2d(4, 8, 3, padding='same')
    reduced = nn.Sequential(nn.Conv2d(8, 6, 1), nn.ReLU())
    conv3-(2 * in) no relu
    concat image
    FC-(1 + 1)
    """
    rows = table(nets(text))
    assert [row[2] for row in rows[1:5]] == [
        "conv3-8 -> mid: conv1-4 -> relu",
        "side weight 0.3 { average pool<br>FC-3 }",
        "add { identity<br>[conv3-4<br>squeeze: conv1-4] } × 2",
        "nn.Conv2d(4, 8, 3, padding='same')",
    ]
    assert rows[2][:2] == ["aux", "3"]
    assert "    with bn\n" in render.markdown(nets(text))


@pytest.mark.parametrize(
    "line",
    [
        "fc 4 x2", "fc 4, x2", "fc k x n", "maxpool 2x2 x2", "maxpool 2 x2", "maxpool 3x3/2 x2",
        "crop 8 x2", "crop 8x8 x 2", "LRN size 5 x2", "scale 2 x2", "channelpad 8 x2",
        "conv 3x3x4x4 x2", "conv kernel 3 width 4 x2", "conv 3x3 4 stride 1 x2", "4 conv 3x3 x2",
        "conv 3x3 4 s: 2 x2", "3x3, 4 x2", "3x3, 4 x 2", "squeeze_excitation 2 x2",
        "n x 3 x 3 conv, 4", "2 x 3x3 conv 4", "conv1-6 -> 2 x 3x3 conv 4", "2x 2x2 max pool",
        "conv3-4 -> conv1-2 x2", "conv3-4 -> 3x3, 4 x 2", "{ conv3-4, conv1-2 } x2", 
        "conv3-4-relu x n",
        "conv3-4 -> m: conv1-2 x2", "conv1-6 -> upsample x2", "conv3-4 x2 -> relu",
        "[ fc 4 x2; fc 3 ] x 2", "concat { maxpool 2x2 x2; maxpool 4 }",
        "2x bn conv 4 3x3", "2x bn conv 4 3 x 3",
        "scale z", "scale (z)", "scale by z", "scale z x2", "scale (z * n) -> relu",
    ],
)  # fmt: skip
def test_numbers_next_to_repeats_and_minus_signs(line: str):
    printed = nets(f"input 32x32x4\nlet k = 4\nlet n = 2\nlet z = -1\n{line}\n")
    table(printed)
    assert_same(printed, read(re.sub(r"^% ?", "", render.latex(printed), flags=re.MULTILINE)))


@pytest.mark.parametrize(
    ("conventions", "line", "cell"),
    [
        ("conv means conv-bn-relu", "conv3-2-relu6 x3 -> bn", "3x conv3-2-relu6 -> bn"),
        ("conv means conv-bn-relu", "bn -> conv3-2 x3", "bn -> 3x conv3-2"),
        ("conv means bn-relu-conv", "relu -> 3x3, 4 x 3", "relu -> 3x 3×3, 4"),
        ("conv means relu-conv-bn", "conv3-4, silu x2 -> bn", "2x conv3-4, silu -> bn"),
        ("conv means conv-bn-silu", "bn -> dw conv 3x3 x2", "bn -> 2x dw conv 3×3"),
        ("conv means relu-conv", "relu -> conv3-4 x (in // 2)", "relu -> (in // 2) × conv3-4"),
        ("", "conv3-4, relu x (max(in, 2) - 1)", "{ conv3-4, relu } × (max(in, 2) - 1)"),
        ("fc means fc-bn-relu", "bn -> FC-4, silu x 2", "bn -> 2x FC-4, silu"),
        (
            "conv means leaky relu-conv-bn",
            "conv3-4, gn 2 x3 -> leaky relu -> 5x5 conv, 8",
            "3x conv3-4, gn 2 -> leaky relu -> 5×5 conv, 8",
        ),
    ],
)
def test_a_repeated_link_keeps_what_its_chain_writes(conventions: str, line: str, cell: str):
    printed = nets(f"input 8x8x4\n{conventions}\n{line}\n")
    assert table(printed)[1][2] == cell
    assert_same(printed, read(re.sub(r"^% ?", "", render.latex(printed), flags=re.MULTILINE)))


@pytest.mark.parametrize(
    ("before", "line", "name"),
    [
        ("[] means dense", "3x3, 4 -> [3x3, 3]", "dense"),
        ("[] means dense", "4 maps, 3x3 -> [3x3, 3]", "dense"),
        ("", "3x3, stride 2, 4 -> maxpool -> dense [3x3, 3]", "dense"),
        ("", "3x3, 4 -> separable(6)", "row 1"),
        ("", "4x4, 4, bn -> separable 6 -> relu", "row 1"),
        ("", "2x2 window -> FC-5", "fc"),
        ("", "2x2 window -> conv3-5", "conv"),
        ("block pooling(c) { conv3-c }", "3x3, stride 2, 4 -> pooling(4)", "row 1"),
        ("block pool3(c) { conv3-c }", "3x3, stride 2, 4 -> pool3(4)", "row 1"),
        # Names that agree with the line, or do not matter to it.
        ("[] means dense", "[3x3, 4] -> 3x3, 3", "dense1"),
        ("", "maxpool -> conv3-5", "conv1"),
        ("", "conv3-4 -> separable(6)", "separable1"),
        ("", "average pool -> relu", "pool1"),
        ("", "3x3, 4 -> 2x2 window", "conv1"),
    ],
)
def test_the_name_of_a_row_does_not_change_its_first_layer(before: str, line: str, name: str):
    printed = nets(f"input 8x8x4\n{before}\n{line}\n")
    assert table(printed)[1][0] == name
    assert_same(printed, read(re.sub(r"^% ?", "", render.latex(printed), flags=re.MULTILINE)))


@pytest.mark.parametrize(
    "line",
    [
        "conv kernel 3 width 4 no elu x2",
        "conv3-4 no elu x2",
        "3x3, 4 no bn x 2",
        "conv 3x3 4 no bn no elu x3",
        "dw conv kernel 3 no elu x2",
        "conv3-4 no bias no elu x2",
    ],
)
def test_repeats_of_layers_without_a_companion(line: str):
    printed = nets(f"input 8x8x4\nconv means conv-bn-elu\n{line}\nFC-2\n")
    assert_same(printed, read(render.markdown(printed)))


def test_used_blocks_are_printed(tmp_path):
    (tmp_path / "parts.arch").write_text(
        "block outer(c) {\n  # twice\n  inner(c)\n  inner(c)\n}\n"
        "block inner(c) { conv3-c }\nblock unused { relu }\n"
    )
    spec = tmp_path / "net.arch"
    spec.write_text('use "parts.arch"\nnetwork net\ninput 8x8x3\nouter(4)\nFC-2\n')
    text = render.markdown([archdsl.load(spec)])
    assert_same([archdsl.load(spec)], read(text))
    assert text.startswith("    block outer(c) {\n      # twice\n") and "inner(c) {" in text
    assert "unused" not in text and "use " not in text


def test_row_rules_of_a_table_that_was_read():
    text = """
network dense
input 32x32x3
[] means dense
in "Dense" { 1x1 conv means bn-relu-conv-(4*k); 3x3 conv means bn-relu-conv-(k) }
in "Transition" { 1x1 conv means bn-relu-conv-(in//2) }

| Layers | Output size | D-7 (k = 4) | D-9 (k = 6) |
|---|---|---|---|
| Convolution | 16×16 | 3×3 conv, 8, stride 2 | |
| Dense (1) | 16×16 | [1×1 conv<br>3×3 conv] × 2 | [1×1 conv<br>3×3 conv] × 3 |
| Transition | 16×16 | 1×1 conv | |
| | 8×8 | 2×2 average pool, stride 2 | |
| Classification | 10 | average pool, 10-d fc | |
"""
    printed = read(text)
    rows = table(printed)
    assert rows[0][2:] == ["D-7 (k = 4)", "D-9 (k = 6)"]
    assert rows[2] == [
        "dense_1",
        "16×16",
        "[1×1 conv<br>3×3 conv] × 2",
        "[1×1 conv<br>3×3 conv] × 3",
    ]


def test_rows_of_a_table_of_one_network():
    text = """
network net
input 32x32x3
conv means conv-bn-relu6

| input | operator | t | c | n | s |
|---|---|---|---|---|---|
| 32×32×3 | conv2d 3×3 | - | 8 | 1 | 2 |
| 16×16×8 | bottleneck | 1 | 4 | 1 | 1 |
| 16×16×4 | bottleneck | 6 | 6 | 2 | 2 |
| 8×8×6 | avgpool 8×8 | - | - | 1 | - |
| 1×1×6 | conv2d 1×1 | - | 5 | 1 | 1 |
"""
    rows = table(read(text))
    assert "bottleneck (6, 6) × 2, stride 2" in rows[3][2]


@pytest.mark.parametrize(
    "line",
    ["pool1: 3x3/2, ceil", "maxpool1: 3x3/2", "avgpool1: 2x2/2", "dwconv1: 3x3, 6, stride 2"],
)
def test_a_line_of_only_the_first_network_keeps_the_kind_that_its_label_gives(line: str):
    one = f"input 17x17x3\nsizes decide padding\nconv3-6\n{line}\nconv1-6\nFC-2\n"
    other = "input 17x17x3\nsizes decide padding\nconv3-6\nconv1-6\nFC-2\n"
    table(nets(one, other))
    table(nets(other, one))


BASE = "conv3-8; maxpool; [3x3, 8; 3x3, 8] x 2; average pool, 10-d fc"
STRIDED = "conv3-8; [1x1, 8; 3x3, 8; 1x1, 16] x 2, stride 2; FC-2"
UNIT = "add {{\n identity\n [ # twice\n  conv3-(c)\n  conv3-(c){} ]\n}}"
# What the networks have to themselves, by their names, and what they share.
ABLATIONS = {
    "with and without batch norm": (
        {"plain": "conv means conv-relu", "with_bn": "conv means conv-bn-relu"},
        "[] means residual; " + BASE,
    ),
    "activations": (
        {f"{act}_net": f"conv means conv-bn-{act}" for act in ("relu", "silu", "gelu", "elu")},
        "[] means residual; " + BASE,
    ),
    "norms": (
        {"bn_net": "conv means conv-bn-relu", "gn_net": "conv means conv-groupnorm(4)-relu"},
        BASE,
    ),
    "optional layers": (
        {"without": "", "with_norm": "with bn"}, "conv means conv-(bn)-relu; " + BASE,
    ),
    "shortcuts or none": (
        {"plain": "", "residual": "[] means residual"}, "conv means conv-relu; " + BASE,
    ),
    "projections": (
        {f"option_{x.lower()}": f"shortcut {x}" for x in "ABC"},
        "conv means conv-relu; [] means residual; " + STRIDED,
    ),
    "activation at the sum": (
        {"after_add": "", "before_add": "activation before add"},
        "conv means conv-relu; [] means residual; " + BASE,
    ),
    "place of the stride": (
        {"v1": "", "v1_5": "stride on 3x3"},
        "conv means conv-bn-relu; [] means residual; " + STRIDED,
    ),
    "padding": ({"same": "", "valid": "padding valid"}, "conv means conv-relu; conv3-8; FC-2"),
    "blocks": (
        {n: f"block unit(c) {{ {UNIT.format(more)} }}"
         for n, more in (("plain", ""), ("se", "\n  squeeze_excitation"))},
        "conv means conv-relu; conv3-8; unit(8) x 2; FC-2",
    ),
    "blocks outside of the networks": (
        {n: f"block unit(c) {{ conv3-(c){more} }}; network {n}"
         for n, more in (("plain", ""), ("norm", "; bn; relu"))},
        "conv3-8; unit(8) x 2; FC-2",
    ),
    "a block that uses another": (
        {n: f"block unit(c) {{ inner(c); inner(c) }}; block inner(c) {{ conv3-(c){more} }}; "
         f"network {n}" for n, more in (("plain", ""), ("norm", "; bn; relu"))},
        "conv3-8; unit(8) x 2; FC-2",
    ),
    "channels of the input": (
        {n: f"image: input 8x8 {n}" for n in ("grayscale", "RGB")},
        "conv3-4; concat image; FC-2",
    ),
    "a name in a convention": (
        {"plain": "conv means conv-relu", "gn_net": "let k = 4; conv means conv-groupnorm(k)-relu"},
        "conv3-8; FC-2",
    ),
    "conventions and parameters": (
        {"thin": "let k = 2; conv means conv-groupnorm(k)-relu",
         "wide": "let k = 4; conv means conv-groupnorm(k)-elu"},
        "conv3-8; FC-2",
    ),
    "the order of two conventions": (
        {"one": "3x3 conv means conv-relu; stride 2 conv means conv-bn",
         "other": "stride 2 conv means conv-bn; 3x3 conv means conv-relu"},
        "fc means fc-elu; conv3-4 stride 2; FC-3; FC-2",
    ),
    "one of two conventions": (
        {"one": "stride 2 conv means conv-bn; 3x3 conv means conv-relu",
         "other": "3x3 conv means conv-relu"},
        "conv3-4 stride 2; FC-2",
    ),
    "outputs": ({"both": "output low, high", "last": ""}, "low: conv3-4; high: conv3-4"),
    "sizes decide": (
        {"decided": "sizes decide stride", "written": ""},
        "conv3-4, stride 2 => 8x8; FC-2",
    ),
}  # fmt: skip


def ablated(own: dict[str, str], base: str) -> list[archdsl.Network]:
    """The networks of an ablation, each of a text of its own."""
    texts = []
    for name, statements in own.items():
        before, _, after = statements.rpartition(f"; network {name}")
        head = "" if "input" in statements else "input 16x16x3; "
        texts.append(f"{before}\nnetwork {name}\n{head}{after}; {base}\n".replace("; ", "\n"))
    return nets(*texts)


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_is_side_by_side(name: str):
    own, base = ABLATIONS[name]
    printed = ablated(own, base)
    rows = table(printed)
    assert [header.split(" (")[0] for header in rows[0][2:]] == list(own)
    assert rows[1][0] == "conventions" and len({*rows[1][2:]}) == len(own)
    # Whatever order the networks come in, and in LaTeX.
    table(printed[::-1])
    for networks in (printed, printed[::-1]):
        text = render.latex(networks)
        assert_same(networks, read(re.sub(r"^% ?", "", text, flags=re.MULTILINE)))


def test_only_what_differs_is_in_the_row_of_conventions():
    rows = table(ablated(*ABLATIONS["with and without batch norm"]))
    assert [row[2:] for row in rows[1:3]] == [
        ["conv means conv-relu", "conv means conv-bn-relu"],
        ["conv3-8", ""],
    ]
    rows = table(ablated(*ABLATIONS["optional layers"]))
    assert rows[1][2:] == ["-", "with bn"]
    rows = table(ablated(*ABLATIONS["padding"]))
    assert rows[1][2:] == ["padding same", "padding valid"]  # the default is written out
    (unit, gated) = table(ablated(*ABLATIONS["blocks"]))[1][2:]
    assert unit == "block unit(c) { add { identity; [ conv3-(c); conv3-(c) ] } }"
    assert gated == unit.replace("(c) ]", "(c); squeeze_excitation ]")


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [
        ["resnet50", "resnet50_v1_5"],
        ["vgg16", "vgg13_bn"],
        ["vgg16", "resnet50"],
        ["wrn_16_4", "preact_resnet164", "resnet20"],
        ["squeezenet1_1", "mobilenet_v1", "googlenet"],
        ["densenet121", "mobilenet_v2"],
        ["resnext50", "resnet50", "shufflenet_v2_x0_5"],
    ],
    ids="+".join,
)
def test_networks_of_the_zoo_with_other_conventions(names: list[str]):
    printed = [archdsl.load(name) for name in names]
    table(printed)
    assert_same(printed, read(re.sub(r"^% ?", "", latex(*names), flags=re.MULTILINE)))


def test_networks_with_inputs_of_other_lengths_cannot_share_a_table():
    with pytest.raises(archdsl.ArchError, match="share a table: their inputs differ") as found:
        render.markdown([archdsl.load(name) for name in ("resnet20", "resnet50")])
    message = str(found.value)
    assert "`input 32×32×3`" in message and "`input 224×224×3`" in message


def test_a_block_that_would_see_a_name_in_the_network():
    one = "block unit(c) { conv3-(c) -> k }\nblock k { relu }\n"
    texts = (
        f"{one}network a1\ninput 8x8x3\nlet k = 2\nunit(k)\nFC-2\n",
        f"{one.replace('relu', 'elu')}network b1\ninput 8x8x3\nunit(2)\nFC-2\n",
    )
    with pytest.raises(archdsl.ArchError, match="has a value for `k`"):
        render.markdown(nets(*texts))


@pytest.mark.parametrize("cell", ["conv3-8", "expect params 3K", "network other", "let k = 3"])
def test_the_row_of_conventions_holds_nothing_else(cell: str):
    text = f"""
network net
input 8x8x3

| layer name | output size | one | other |
|---|---|---|---|
| conventions | | {cell} | - |
| conv1 | 8×8 | conv3-4 | |
"""
    with pytest.raises(archdsl.ArchError, match="in the row `conventions`") as found:
        read(text)
    assert "rows of their own" in (found.value.help or "")


def test_names_of_columns():
    with pytest.raises(archdsl.ArchError, match="two networks are called `vgg16`"):
        render.markdown([archdsl.load("vgg16")] * 2)
    for name in ("model", "type", "stage", "params", "c"):
        rows = table(nets(f"network {name}\ninput 8x8x3\nconv3-4\nFC-2\n"))
        assert rows[0][2] == f"{name} net"


def test_columns_of_one_table_keep_its_name(archdsl_cli):
    _, out, _ = archdsl_cli("table", "tests/data/pasted/resnext.arch")
    assert "network resnext\n" in out
    assert [net.full_name for net in read(out)] == ["resnext:ResNet-50", "resnext:ResNeXt-50"]


def test_the_command(archdsl_cli, tmp_path):
    code, out, error = archdsl_cli("table", "specs/densenet.arch")
    assert (code, error) == (0, "")
    assert_same([archdsl.load(name) for name in FAMILIES[3]], read(out))
    code, out, _ = archdsl_cli("table", "vgg16", "--format", "latex")
    assert code == 0 and "\\begin{tabular}" in out
    code, _, error = archdsl_cli("table", "resnet20", "resnet50")
    assert code == 2 and "cannot share a table" in error
    assert archdsl_cli("table")[0] == 2
    assert "has no value" in archdsl_cli("table", "wrn")[2]
    templates = tmp_path / "templates.arch"
    templates.write_text("".join(f"network {n}(m)\ninput 8x8x1\nconv3-m\n" for n in "ab"))
    code, out, error = archdsl_cli("table", str(templates))
    assert (code, out) == (2, "") and "has no value" in error
    assert "standard input can be read only once" in archdsl_cli("table", "-", "-")[2]


# LaTeX.


def latex(*names: str) -> str:
    return render.latex([archdsl.load(name) for name in names])


@pytest.mark.parametrize("names", [*([name] for name in NAMES), *FAMILIES], ids="+".join)
def test_latex_is_well_formed(names: list[str]):
    text = latex(*names)
    body = text[text.index("\\begin{tabular}") :]
    assert all(line.startswith("%") for line in text[: len(text) - len(body)].splitlines())
    # Braces, environments and delimiters close in order.
    open_ = []
    for sign in re.findall(r"\\[{}]|\\(?:begin|end)\{\w+\}|\\(?:left|right)(?![a-z])|[{}]", body):
        if sign.startswith(("\\begin", "\\left")) or sign == "{":
            open_.append(sign)
        elif sign in ("\\{", "\\}"):
            continue
        else:
            expected = {"}": "{", "\\right": "\\left"}.get(sign, sign.replace("end", "begin"))
            assert open_.pop() == expected
    assert not open_
    columns = len(names) + 2
    for line in body.splitlines():
        assert line.replace("\\$", "").count("$") % 2 == 0
        bare = re.sub(r"\$[^$]*\$", "", line.removesuffix("\\\\"))
        assert not re.search(r"(?<!\\)[_#^%]|[×<>]", bare), line
        if line.endswith("\\\\"):
            wide = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
            outside = re.sub(r"\\begin\{array\}.*?\\end\{array\}", "", line)
            assert outside.replace("\\&", "").count("&") + 1 + wide == columns, line


@pytest.mark.parametrize("names", [*([name] for name in NAMES), *FAMILIES], ids="+".join)
@pytest.mark.slow
def test_latex_is_read_back(names: list[str]):
    """Uncommented, the LaTeX is a spec too."""
    text = re.sub(r"^% ?", "", latex(*names), flags=re.MULTILINE)
    assert_same([archdsl.load(name) for name in names], read(text))


def test_latex_as_papers_typeset_it():
    text = latex("resnet18", "resnet50")
    assert "conv1 & 112$\\times$112 & \\multicolumn{2}{c}{7$\\times$7, 64, stride 2} \\\\" in text
    assert (
        " &  & $\\left[\\begin{array}{c}3\\times3, 64\\\\3\\times3, 64\\end{array}\\right]"
        "\\times 2$ & "
        "$\\left[\\begin{array}{c}1\\times1, 64\\\\3\\times3, 64\\\\1\\times1, 256\\end{array}"
        "\\right]\\times 3$ \\\\" in text
    )
    assert "conv5\\_x" in text and "dropout (50\\%)" in latex("squeezenet1_1")
    assert "\\textrm{1$\\times$1 conv}" in latex("densenet121", "densenet161")
