"""Pasted tables with a second, plausible reading: each gives the graph of lines that spell it out.

Parameters cannot tell such readings apart, so graphs are compared, layer by layer.
"""

from __future__ import annotations

import pytest

import archdsl

Row = tuple[str, ...]


def table(header: str, *rows: str) -> str:
    """A table of Markdown; `|` separates the cells of a row."""
    count = header.count("|") + 1
    return "\n".join(f"| {row} |" for row in (header, "|".join(["---"] * count), *rows))


def load(text: str, table: str = "", blocks: str = "", below: str = "") -> archdsl.Network:
    """The network of lines, separated by `;`, and of the table that follows them."""
    head = [line.strip() for line in text.split(";") if line.strip()]
    if not any(line.startswith("input") for line in head):
        head.insert(0, "input 56x56x64")
    parts = [*([blocks] if blocks else []), "network n", *head, table, "", *below.split(";")]
    return archdsl.loads("\n".join(part.strip(" ") for part in parts))


def check(found: archdsl.Network, plain: archdsl.Network) -> None:
    difference = found.diff(plain)
    assert difference.same, difference


# A width column is the width of the row's convolution or connection, whatever layers follow it in
# the same cell.
WIDTHS = [
    ("conv 3x3, leaky relu", "64", "conv 3x3 64; leaky relu"),
    ("dw conv 3x3, leaky relu", "64", "dw conv 3x3 64; leaky relu"),
    ("conv 3x3, prelu", "16", "conv 3x3 16; prelu"),
    ("conv 3x3, gn", "96", "conv 3x3 96; gn"),
    ("dw conv 3x3, gn", "64", "dw conv 3x3 64; gn"),
    ("conv 3x3, dropout", "8", "conv 3x3 8; dropout"),
    ("conv 3x3-bn-elu", "8", "conv 3x3 8 no bias; bn; elu"),
    ("conv 3x3, celu", "8", "conv 3x3 8; celu"),
    ("deconv 2x2/2, leaky relu", "8", "deconv 2x2/2 8; leaky relu"),
    ("FC, leaky relu", "10", "FC-10; leaky relu"),
    ("FC, dropout", "10", "FC-10; dropout"),
    ("3x3, leaky relu", "10", "conv 3x3 10; leaky relu"),
    ("conv 3x3, leaky relu 0.2", "10", "conv 3x3 10; leaky relu 0.2"),
    ("bn-relu-conv 3x3", "10", "bn; relu; conv 3x3 10"),
    ("leaky relu, conv 3x3", "10", "leaky relu; conv 3x3 10"),
    ("conv3-16, leaky relu", "16", "conv 3x3 16; leaky relu"),
    ("Conv3x3, leaky relu", "16", "conv 3x3 16; leaky relu"),
    ("Conv3x3", "16", "conv 3x3 16"),
]


@pytest.mark.parametrize(("operator", "width", "plain"), WIDTHS)
@pytest.mark.parametrize("header", ["#out", "filters"])
def test_a_width_column_is_that_of_the_weight_layer(
    operator: str, width: str, plain: str, header: str
):
    found = load("", table(f"Operator | {header}", f"{operator} | {width}"))
    check(found, load(plain))
    # As a printed table says it too.
    assert archdsl.loads(printed(found)).diff(found).same


def printed(network: archdsl.Network) -> str:
    from archdsl.output.paper_table import render

    return render.markdown([network])


@pytest.mark.parametrize(
    ("head", "columns", "row", "plain"),
    [
        ("sizes decide stride", "Operator | #out | output size",
         "conv 3x3, leaky relu | 64 | 28x28x64", "conv 3x3/2 64; leaky relu"),
        ("sizes decide stride", "Operator | output size",
         "conv 3x3, leaky relu | 28x28x32", "conv 3x3/2 32; leaky relu"),
        ("sizes decide padding", "Operator | #out | output size",
         "conv 3x3, prelu | 8 | 54x54x8", "conv 3x3 valid 8; prelu"),
        ("sizes decide stride, padding", "Operator | #out | output size",
         "dw conv 5x5, gn | 64 | 28x28x64", "dw conv 5x5/2 64; gn"),
        ("", "Operator | groups | #out", "conv 3x3, gn | 2 | 96", "conv 3x3 96 groups 2; gn"),
        ("", "Operator | kernel size | #out", "conv, leaky relu | 5 | 8",
         "conv 5x5 8; leaky relu"),
        ("", "Operator | #out | activation", "conv 3x3, dropout | 8 | leaky relu",
         "conv 3x3 8; dropout; leaky relu"),
        ("", "type | #3x3 reduce | #3x3", "conv 3x3, leaky relu | 4 | 8",
         "conv 1x1 4; conv 3x3 8; leaky relu"),
    ],
)  # fmt: skip
def test_columns_are_about_the_main_layer_of_a_row(head: str, columns: str, row: str, plain: str):
    check(load(head, table(columns, row)), load(plain))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dw conv 3x3, leaky relu, 64", "is 64 the width of `conv`, or the slope of `leaky relu`"),
        ("dw conv 3x3, prelu, 16", "is 16 the width of `conv`, or the slope of `prelu`"),
        ("dw conv 3x3, gn, 8", "is 8 the width of `conv`, or the groups of `gn`"),
        ("dw conv 3x3, dropout, 8", "is 8 the width of `conv`, or the p of `dropout`"),
        ("deconv 2x2, elu, 8", "is 8 the width of `upconv`, or the alpha of `elu`"),
        ("fc, leaky relu, 10", "is 10 the width of `fc`, or the slope of `leaky relu`"),
    ],
)
def test_a_number_between_commas_asks(line: str, message: str):
    with pytest.raises(archdsl.ArchError) as caught:
        load(line)
    assert message in str(caught.value)


# A column of activations replaces the activation of the convention; the norm stays.
@pytest.mark.parametrize(
    ("head", "columns", "row", "plain"),
    [
        ("conv means conv-bn-relu", "Operator | #out | activation", "conv 3x3 | 8 | silu",
         "conv 3x3 8 no bias; bn; silu"),
        ("conv means conv-bn-relu", "type | kernel | filters | activation", "conv | 5x5 | 8 | tanh",
         "conv 5x5 8 no bias; bn; tanh"),
        ("conv means conv-relu", "Layer | Filters | Activation", "conv 3x3 | 8 | h-swish",
         "conv 3x3 8; hswish"),
        ("conv means conv-bn-relu", "Operator | n | #out | activation",
         "conv 3x3 | 2 | 8 | leaky relu",
         "conv 3x3 8 no bias; bn; leaky relu; conv 3x3 8 no bias; bn; leaky relu"),
        ("conv means conv-bn-relu", "Operator | #out | activation", "conv 3x3 | 8 | relu",
         "conv 3x3 8 no bias; bn; relu"),
        ("conv means relu-conv-bn", "Operator | #out | activation", "conv 3x3 | 8 | elu",
         "conv 3x3 8 no bias; bn; elu"),
        ("conv means conv-bn-relu", "Operator | #out", "conv 3x3-LN | 8", "conv 3x3 8; ln; relu"),
    ],
)  # fmt: skip
def test_a_column_of_activations_replaces_that_of_the_convention(
    head: str, columns: str, row: str, plain: str
):
    found = load(head, table(columns, row), below="gap;FC-2")
    check(found, load(f"{plain}; gap; FC-2"))


# The stride that a cell of a repeated row writes is that of the first repetition, as one from a
# column of strides is.
@pytest.mark.parametrize(
    ("columns", "row", "plain"),
    [
        ("type | patch size/stride | n | c", "conv | 3x3/2 | 3 | 64",
         "conv 3x3/2 64; conv 3x3 64; conv 3x3 64"),
        ("type | filter size/stride | repeat | #out", "dw conv | 3x3/2 | 2 | 64",
         "dw conv 3x3/2 64; dw conv 3x3 64"),
        ("type/stride | filter shape | n | c", "conv / s2 | 3x3 | 2 | 16",
         "conv 3x3/2 16; conv 3x3 16"),
        ("operator | n | c", "conv 3x3/2 | 2 | 16", "conv 3x3/2 16; conv 3x3 16"),
        ("operator | n | c", "conv 3x3, stride 2 | 2 | 16", "conv 3x3/2 16; conv 3x3 16"),
        ("type | size/stride | n | c", "conv | 3x3/2x1 | 2 | 16",
         "conv 3x3 stride 2x1 16; conv 3x3 16"),
        ("type | patch size/stride | n | c | activation", "conv | 5x5/2 | 2 | 16 | leaky relu",
         "conv 5x5/2 16; leaky relu; conv 5x5 16; leaky relu"),
        ("type | patch size/stride | n | c", "conv | 3x3/2 | 1 | 64", "conv 3x3/2 64"),
    ],
)  # fmt: skip
def test_a_stride_in_a_cell_is_that_of_the_first_repetition(columns: str, row: str, plain: str):
    check(load("", table(columns, row)), load(plain))


# Digits that number rows are a name, not an argument of their block.
STAGE = "block stage(g, c, stride=1) { conv3-(c) groups (g) stride (stride) }"
FIRE = "block fire(s, e=2) { conv1-(s); conv3-(s*e) }"


@pytest.mark.parametrize(
    ("block", "columns", "rows", "plain"),
    [
        (STAGE, "Stage | g | c | stride", ("Stage2 | 1 | 8 | 2", "Stage2 | 2 | 16 | 1"),
         "conv3-8 stride 2; conv3-16 groups 2"),
        (STAGE, "Layer | c | g", ("Stage2 | 8 | 2", "Stage2 | 16 | 4"),
         "conv3-8 groups 2; conv3-16 groups 4"),
        (STAGE, "Layer | g | c", ("Stage2 | 2 | 8", "Stage3 | 2 | 16", "Stage4 | 1 | 4"),
         "conv3-8 groups 2; conv3-16 groups 2; conv3-4"),
        (STAGE, "Layer | g | c", ("Stage 2 | 2 | 8", "Stage 2 | 2 | 8", "Stage 3 | 2 | 16"),
         "conv3-8 groups 2; conv3-8 groups 2; conv3-16 groups 2"),
        (STAGE, "Type | g | c", ("Stage2 | 2 | 8", "Stage3 | 2 | 16"),
         "conv3-8 groups 2; conv3-16 groups 2"),
        (FIRE, "Layer name | s", ("fire2 | 4", "fire3 | 4", "fire4 | 8"),
         "conv1-4; conv3-8; conv1-4; conv3-8; conv1-8; conv3-16"),
        (FIRE, "Operator | s", ("Fire2 | 4", "Fire2 | 4", "Fire3 | 8"),
         "conv1-4; conv3-8; conv1-4; conv3-8; conv1-8; conv3-16"),
        (FIRE.replace("fire", "res"), "Block name | s", ("res4 | 4", "res4 | 8"),
         "conv1-4; conv3-8; conv1-8; conv3-16"),
        # In a column of types, digits that do not count up are an argument.
        (FIRE.replace("fire", "mb"), "Operator | e", ("mb1 | 3", "mb6 | 3", "mb6 | 2"),
         "conv1-1; conv3-3; conv1-6; conv3-18; conv1-6; conv3-12"),
    ],
)  # fmt: skip
def test_digits_that_number_rows_are_a_name(block: str, columns: str, rows: Row, plain: str):
    check(load("", table(columns, *rows), blocks=block), load(plain))


# The name of a row, or the label of a line, gives the kind of its layer.
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        *((name, "max pool") for name in ("pool1", "Pool 1", "Pooling", "MaxPool", "max_pool_2",
                                          "S2 pooling", "MaxPooling2D_3", "stem pool")),
        *((name, "average pool") for name in ("AvgPool", "avgpool1", "Average Pooling 2",
                                              "AvgPool2d")),
        ("S2 subsampling", "subsampling"),
    ],
)  # fmt: skip
def test_the_name_of_a_row_or_line_gives_its_kind(name: str, layer: str):
    plain = load(f"input 55x55x8; {layer} 3x3 stride 2")
    check(
        load("input 55x55x8", table("name | output size | net", f"{name} | 27x27 | 3x3/2")), plain
    )
    if name != "stem pool":  # an unknown word as the type of a row
        check(load("input 55x55x8", table("layer | filter size/stride", f"{name} | 3x3/2")), plain)
    label = name.replace(" ", "_")
    check(load(f"input 55x55x8; {label}: 3x3, stride 2 => 27x27x8"), plain)
    check(
        load(f"input 55x55x8; {label}: 3x3, stride 2, relu"),
        load(f"input 55x55x8; {layer} 3x3 stride 2; relu"),
    )


@pytest.mark.parametrize(
    ("name", "cell", "plain"),
    [
        ("Deconv", "2x2, 8, stride 2", "deconv 2x2/2 8"),
        ("ConvTranspose2d", "2x2, 8, stride 2", "deconv 2x2/2 8"),
        ("conv2d_transpose_1", "2x2, 8, stride 2", "deconv 2x2/2 8"),
        ("UpConv2", "2x2, 8", "up conv 2x2 8"),
        ("Depthwise", "3x3, 64, stride 2", "dw conv 3x3/2 64"),
        ("Depthwise_conv", "3x3, 64", "dw conv 3x3 64"),
        ("DWConv2", "3x3", "dw conv 3x3"),
        ("conv_dw_3", "5x5, relu", "dw conv 5x5; relu"),
        ("Dense", "10", "FC-10"),
        ("fc6", "10", "FC-10"),
        ("FC layer 2", "10", "FC-10"),
        ("Conv1", "3x3, 8", "conv 3x3 8"),
        ("pool_proj", "1x1, 8", "conv 1x1 8"),
        ("Dense Block 1", "3x3, 8", "conv 3x3 8"),
        ("res2a", "3x3, 8", "conv 3x3 8"),
        ("pool2", "avg pool 2x2", "avg pool 2x2"),
        ("pool3", "conv3-8", "conv 3x3 8"),
        ("fc7", "conv7-8", "conv 7x7 8"),
        ("Depthwise_conv_2", "conv 3x3, 8", "conv 3x3 8"),
    ],
)
def test_the_cell_of_a_row_fills_in_what_its_name_says(name: str, cell: str, plain: str):
    found = load("", table("name | output size | net", f"{name} | - | {cell}"))
    check(found, load(plain))
    assert archdsl.loads(printed(found)).diff(found).same
    check(load(f"{name.replace(' ', '_')}: {cell}"), load(plain))


def decisions(network: archdsl.Network) -> list[str]:
    return [f"{one.where}: {one.decided}" for one in network.decisions if one.topic == "names"]


def test_what_a_name_leaves_open_or_contradicts_is_a_decision():
    found = load("pool1: 3x3/2; S2_pooling: 2x2; max_pool_3: 2x2; pool4: conv3-8; Depthwise: 3x3")
    assert decisions(found) == [
        "pool1: max pool",
        "S2_pooling: max pool",
        "pool4: conv, not max pool as the name says",
    ]
    found = load("", table("layer | kernel size/stride", "Pooling | 3x3/2", "MaxPool | 2x2"))
    assert decisions(found) == ["pool1: max pool"]
    found = load("", table("layer name | type | kernel", "pool1 | max pool | 2x2",
                           "Pool 2 | pool | 2x2", "Depthwise | conv | 3x3, 8",
                           "Conv | conv | 3x3, 8"))  # fmt: skip
    assert decisions(found) == [
        "pool_2: max pool",
        "conv1: conv, not depthwise conv as the name says",
    ]
    rows = ("pool1 | 28x28 | 2x2 max pool", "MaxPool | 14x14 | avg pool 2x2")
    found = load("", table("layer name | output size | net", *rows))
    assert decisions(found) == ["pool2: avgpool, not max pool as the name says"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pool1: 3x3, 64", "`3x3, 64` in a line named `pool1`"),
        ("gap: 3x3, 64", "`3x3, 64` in a line named `gap`"),
        ("relu1: 3x3, 64", "`3x3, 64` in a line named `relu1`"),
        ("fc6: 7x7, 4096", "`7x7, 4096` in a line named `fc6`"),
        ("dense1: 3x3, 64", "`3x3, 64` in a line named `dense1`"),
        ("Separable_conv: 3x3, 64", "`Separable_conv` is two layers"),
    ],
)
def test_a_name_and_sizes_that_contradict_each_other_ask(line: str, message: str):
    with pytest.raises(archdsl.ArchError) as caught:
        load(line)
    assert message in str(caught.value)


def test_the_pools_of_alexnet():
    found = load(
        "input 227x227x3; sizes decide stride, padding",
        table("layer name | output size | AlexNet", "conv1 | 55×55×96 | 11×11 stride 4",
              "pool1 | 27×27×96 | 3×3 stride 2"),
    )  # fmt: skip
    check(found, load("input 227x227x3; conv 11x11/4 96 valid; max pool 3x3/2"))


def test_rows_are_named_after_their_layers():
    rows = (
        "Conv1 | 3x3 | 8 | 1",
        "pool1 | 2x2 | | 2",
        "Conv 2 | 3x3 | 16 | 1",
        "Pool 2 | 2x2 | | 2",
        "Depthwise | 3x3 | | 1",
        "max_pool_3 | 2x2 | | 2",
        "Flatten | | | ",
        "Dense | | 10 | ",
    )
    found = load("", table("Layer | Kernel | Filters | Stride", *rows))
    plain = (
        "conv 3x3 8; max pool 2x2/2; conv 3x3 16; max pool 2x2/2; dw conv 3x3; max pool 2x2/2;"
        "flatten; FC-10"
    )
    check(found, load(plain))
    names = [section.name for section in found.graph.sections]
    assert names == ["conv1", "pool1", "conv_2", "pool_2", "conv3", "max_pool_3", "flatten1", "fc1"]


@pytest.mark.parametrize(
    "line",
    [
        "let k = 2; conv3-8 padding (k-2) x(k)",
        "let k = 2; conv3-8 dilation (k) x(k)",
        "let k = 2; conv3-8 groups k x k",
        "conv3-8 padding 0x2",
        "conv3-8 padding 0 x2",
        "conv 3x3 8, dilation 2x2 x3",
        "conv3-8 padding 0x2 -> conv3-8 dilation 2x2 x3",
        "[conv3-8 padding 0x2; conv3-8 dilation 2x2 x3] x 2",
    ],
)
def test_a_printed_table_keeps_values_and_repeats_apart(line: str):
    found = load(line)
    assert archdsl.loads(printed(found)).diff(found).same


def test_rows_of_one_name_keep_their_layers_in_a_printed_table():
    rows = (
        "AvgPool | - | 3x3/2",
        "AvgPool | - | 2x2",
        "Depthwise | - | 3x3",
        "Depthwise | - | 5x5",
    )
    found = load("", table("name | output size | net", *rows))
    check(found, load("avg pool 3x3/2; avg pool 2x2; dw conv 3x3; dw conv 5x5"))
    assert archdsl.loads(printed(found)).diff(found).same


def test_a_row_without_a_cell_may_be_a_layer_by_its_name():
    rows = ("Conv1 | 56x56 | 3x3, 8", "ReLU | 56x56 | ", "GAP | | -", "Flatten | 8 | ",
            "fc | 10 | 10", "Softmax | 10 | ")  # fmt: skip
    found = load("", table("name | output size | net", *rows))
    check(found, load("conv 3x3 8; relu; gap; flatten; FC-10; softmax"))
    for name in ("Conv", "Pool 1", "MaxPool", "FC", "Stem", "Upsample"):
        with pytest.raises(archdsl.ArchError, match="has no layer"):
            load("", table("name | output size | net", rows[0], f"{name} | 8 | "))


def test_numbers_after_hyphens_name_rows():
    rows = ("Conv-1 | 3 | 1 | 8", "Pool-1 | 2 | 2 | ", "Max-Pool-3 | 2 | 2 | ", "Dense-1 | | | 10")
    found = load("", table("layer | filter size | stride | #filters", *rows))
    check(found, load("conv 3x3 8; max pool 2x2; max pool 2x2; FC-10"))


def test_a_line_below_the_table_defines_a_type():
    rows = table("type | kernel | #out", "conv | 3x3 | 8", "pool | | 5")
    found = load("", rows, below="pool: conv 3x3")
    check(found, load("conv 3x3 8; conv 3x3 5"))


# Sizes that a whole table prints as C×H×W.
ALEXNET = ("layer name | output size | net", "conv1 | 96×55×55 | 11×11 stride 4",
           "pool1 | 96×27×27 | 3×3 stride 2")  # fmt: skip
AXES = [
    ("input 227x227x3; sizes decide stride, padding", ALEXNET,
     "input 227x227x3; conv 11x11/4 96 valid; max pool 3x3/2"),
    ("input 227x227x3", ("layer name | output size | net",
                         "conv1 | 96×55×55 | 11×11, 96, stride 4, valid",
                         "pool1 | 96×27×27 | 3×3 stride 2"),
     "input 227x227x3; conv 11x11/4 96 valid; max pool 3x3/2"),
    ("input 32x100x3", ("type | kernel | output shape | filters", "conv | 3x3 | 8x32x100 | 8",
                        "max pool | 2x2/2 | 8x16x50 | "),
     "input 32x100x3; conv 3x3 8; max pool 2x2/2"),
    ("input 32x32x3; sizes decide stride", ("type | kernel | output", "conv | 3x3 | 8x32x32",
                                            "conv | 3x3 | 16x16x16", "conv | 3x3 | 32x8x8"),
     "input 32x32x3; conv 3x3 8; conv 3x3/2 16; conv 3x3/2 32"),
    ("input 32x32x3; sizes decide stride", ("input size | type | kernel | #out",
                                            "3x32x32 | conv | 3x3 | 8", "8x16x16 | conv | 3x3 | 9"),
     "input 32x32x3; conv 3x3/2 8; conv 3x3 9"),
    ("input 16x16x1", ("type | kernel | output | #out", "conv | 3x3 | 8x16x16 | 8",
                       "GAP | | 8x1x1 | ", "FC | | 10x1x1 | 10"),
     "input 16x16x1; conv 3x3 8; gap; FC-10"),
    ("input 8x8x8x1 volume", ("type | kernel | output | #out", "conv | 3x3x3 | 4x8x8x8 | 4"),
     "input 8x8x8x1 volume; conv 3x3x3 4"),
]  # fmt: skip


@pytest.mark.parametrize(("head", "rows", "plain"), AXES)
def test_a_table_may_print_the_channels_first(head: str, rows: Row, plain: str):
    found = load(head, table(*rows))
    check(found, load(plain))
    assert {claim.verdict for claim in found.verify()} == {"holds"}
    decided = [one.decided for one in found.decisions if one.topic == "input"]
    assert decided and {*decided} == {"sizes as channels, height, width"}


@pytest.mark.parametrize(
    "rows",
    [
        ("type | kernel | output | #out", "conv | 3x3 | 8x8x8 | 8"),  # both fit
        ("type | kernel | output | #out", "conv | 3x3 | 8x8x9 | 9"),  # the channels are last
        ("type | kernel | output | #out", "conv | 3x3 | 9x8x8 | 9", "conv | 3x3 | 9x9x8 | 8"),
        ("type | kernel | output | #out", "conv | 3x3 | 9x8x8 | 7"),
        ("type | kernel | output | #out", "conv | 3x3 | 9x4x4 | 9"),
    ],
)
def test_other_tables_print_the_channels_last(rows: Row):
    found = load("input 8x8x8", table(*rows))
    assert not [one for one in found.decisions if one.topic == "input"]


def test_another_input_keeps_the_axes_of_the_table():
    head, rows, _ = AXES[0]
    lines = "\n".join(["network n", *head.split("; "), table(*rows)])
    found = archdsl.loads(lines, input=(131, 131))
    check(found, load("input 131x131x3; conv 11x11/4 96 valid; max pool 3x3/2"))


@pytest.mark.parametrize(
    "header", ["Module type", "Block type", "Operator Type", "Op type", "Unit type", "Layer kind"]
)
def test_a_column_of_types_has_many_names(header: str):
    check(load("", table(f"{header} | #out", "conv 3x3 | 8")), load("conv 3x3 8"))


@pytest.mark.parametrize(
    ("header", "help"),
    [
        ("What | #out", "if that is `What`, call it so"),
        ("Unit | kernel size", "if that is `Unit`, call it so"),
        ("type | exp size", "an expansion is an argument of a block"),
        ("Operator | Exp Size", "an expansion is an argument of a block"),
        ("type | expansion factor", "an expansion is an argument of a block"),
        ("type | expand ratio", "an expansion is an argument of a block"),
        ("type | exp_size", "an expansion is an argument of a block"),
    ],
)
def test_a_header_that_is_not_known_is_explained(header: str, help: str):
    with pytest.raises(archdsl.ArchError) as caught:
        load("", table(header, "conv 3x3 | 8"))
    assert help in str(caught.value)


def test_the_parameter_of_a_block_may_be_an_expansion():
    block = "block bneck(exp_size, c) { conv1-(exp_size); conv3-(c) }"
    found = load("", table("Operator | exp size | #out", "bneck | 16 | 24"), blocks=block)
    check(found, load("conv1-16; conv3-24"))
