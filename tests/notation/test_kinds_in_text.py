"""Spellings of layer kinds in lines where they could be read as something else."""

from __future__ import annotations

import pytest
import torch
from oracle import kept_for_backward

import archdsl
from archdsl.output.paper_table import render

FRONT = "network a\ninput 16x16x8\n"


def labels(lines: str) -> list[str]:
    return [node.op.label for node in archdsl.loads(FRONT + lines).graph.nodes[1:]]


@pytest.mark.parametrize(
    ("line", "layers"),
    [
        ("conv3-64-IN-ReLU", ["conv 3x3, 64", "instance norm", "relu"]),
        ("conv3-64, IN, ReLU", ["conv 3x3, 64", "instance norm", "relu"]),
        ("conv3-64 IN relu", ["conv 3x3, 64", "instance norm", "relu"]),
        ("IN", ["instance norm"]),
        ("conv1-(in)-IN", ["conv 1x1, 8", "instance norm"]),
        ("conv3-64-(IN)-relu", ["conv 3x3, 64", "relu"]),
        ("with IN\nconv3-64-(IN)-relu", ["conv 3x3, 64", "instance norm", "relu"]),
        ("conv means conv-IN\nconv3-8\nconv3-8 no IN\nconv1-4",
         ["conv 3x3, 8", "instance norm", "conv 3x3, 8", "conv 1x1, 4"]),
        ("conv3-64 channel shuffle 4", ["conv 3x3, 64", "channel shuffle 4"]),
        ("conv3-64 channel dropout 0.2", ["conv 3x3, 64", "channel dropout 0.2"]),
        ("conv3-8 channel padding 16", ["conv 3x3, 8", "channelpad 16"]),
        ("conv3-64 channel-wise prelu", ["conv 3x3, 64", "prelu"]),
        ("conv 3x3, 64 channels, relu", ["conv 3x3, 64", "relu"]),
        ("conv3-64-(GN8)-relu", ["conv 3x3, 64", "relu"]),
        ("with gn\nconv3-64-(GN8)-relu", ["conv 3x3, 64", "gn 8", "relu"]),
        ("with group norm\nconv3-64-(gn 8)", ["conv 3x3, 64", "gn 8"]),
        ("with layer-norm  # declared once\nconv3-64 (LN) relu", ["conv 3x3, 64", "ln", "relu"]),
        ("zero padding: 1", ["zero padding 1"]),
        ("slice channels 0 to 4", ["slice channels 0 to 4"]),
    ],
)  # fmt: skip
def test_layers_of_a_line(line: str, layers: list[str]):
    assert labels(line) == layers


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("slice channels 4", "is `channels 4` the number of channels, or the first of them"),
        ("slice channels 2 channels from 3 to 4", "is `channels 2` the number of channels"),
        ("with foo bar\nconv3-64", "there is no layer `foo bar`"),
        ("with group norm\nconv3-64", r"no layer `\(group norm\)` is optional here"),
    ],
)
def test_ambiguous_lines(line: str, message: str):
    with pytest.raises(archdsl.ArchError, match=message):
        labels(line)


@pytest.mark.parametrize(
    "line",
    ["leaky relu slope (-0.25)", "thresholded relu (-1)", "learned scale (-0.5)", "prelu (-1)"],
)
def test_a_negative_number_of_a_label_is_read_back(line: str):
    (label,) = labels(line)
    assert "(-" in label
    assert labels(label) == [label]


@pytest.mark.parametrize("print_table", [render.markdown, render.latex])
@pytest.mark.parametrize(
    ("lines", "choices"),
    [
        ("with bn\nlet k = 1\nconv3-8\nconv3-8-(bn) if k == 2\nconv1-4", set()),
        ("with bn\nlet k = 1\n[ conv3-8-(bn) if k == 2; conv3-8 ] x 2\nconv1-4", set()),
        ("with bn\nwith gn\nlet k = 1\nconv3-8-(gn 4)\nconv3-8-(bn) if k == 2", {"gn"}),
        ("with group norm\nconv means conv-(gn 4)-relu\nconv3-8\nconv1-4", {"group norm"}),
        ("block b { conv3-8-(bn) }\nwith bn\nb\nconv1-4", {"bn"}),
        ("with bn\nadd { [ conv3-8-(bn) ]; identity }", {"bn"}),
    ],
)
def test_a_printed_table_keeps_needed_choices_of_optional_layers(print_table, lines, choices):
    """A choice without an optional layer could not be read back."""
    block, _, rest = lines.rpartition("}\n") if lines.startswith("block") else ("", "", lines)
    net = archdsl.loads(f"{block}}}\n{FRONT}{rest}" if block else FRONT + lines)
    table = print_table([net])
    text = "\n".join(line.removeprefix("% ") for line in table.split("\n"))
    again = archdsl.loads(text)
    assert again.diff(net).same
    found = (line.strip() for line in text.split("\n"))
    assert {line.removeprefix("with ") for line in found if line.startswith("with ")} == choices


def test_the_norm_of_a_listing_has_the_alpha_of_the_text():
    """0.0006 / 6 is not 1e-4 in floating point."""
    written = archdsl.loads(FRONT + "lrn size 6")
    listed = archdsl.loads(FRONT + "nn.LocalResponseNorm(6, alpha=0.0006, beta=0.75, k=2.0)")
    assert written.graph.nodes[1].op == listed.graph.nodes[1].op


@pytest.mark.parametrize("print_table", [render.markdown, render.latex])
@pytest.mark.parametrize(
    "line",
    ["sobel x", "[ scharr x; sobel x unpadded ]", "sobel x x 2", "sobel x 2", "sobel x -> relu"],
)
def test_the_direction_of_a_filter_is_read_back_from_a_table(print_table, line: str):
    net = archdsl.loads(FRONT + line)
    text = "\n".join(row.removeprefix("% ") for row in print_table([net]).split("\n"))
    assert archdsl.loads(text).diff(net).same


@pytest.mark.parametrize(
    "line",
    [
        "conv3-4 reflect",
        "conv3-4 stride 2 replicate",
        "conv3-4 circular",
        "conv 3x3 connections (0 1 2 3, 4 5 6 7)",
        "subsampling 3x3",
    ],
)
@pytest.mark.parametrize("front", ["", "conv1-8\n"])
def test_memory_of_a_layer_with_and_without_a_gradient_of_its_input(front: str, line: str):
    net = archdsl.loads(FRONT + front + line)
    images = torch.rand(1, *net.input)
    assert kept_for_backward(net.module(), images) == net.memory.backward


def test_maxout_of_an_empty_batch():
    net = archdsl.loads(FRONT + "maxout 4")
    assert net.module()(torch.rand(0, *net.input)).shape == (0, *net.output)


def test_an_error_lists_units_as_attributes():
    with pytest.raises(archdsl.ArchError, match="it takes pad, neighbours"):
        labels("laplacian 8")
