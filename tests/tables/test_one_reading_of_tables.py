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
