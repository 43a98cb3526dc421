"""Optional layers: `Conv-(BN)-Relu` has its batch norm if the network declares `with bn`."""

from __future__ import annotations

import re

import pytest
import torch
from graphs import check_graph
from oracle import difference
from torch import nn

import archdsl

# The model of a lecture on CIFAR-100: totals without and with its batch norms, and their biases.
LECTURE = """
network cifar100
input 32x32 RGB
conv means conv bias

block ConvBlock(c) {
  2x [Conv(1x3)-(c)-(BN)-Relu-Conv(3x1)-(c)-(BN)-Relu]
}
block Sub(c) {
  Conv(3x3, stride=2)-(c)-(BN)-Relu
}
ConvBlock(32) x 2
Sub(32)
ConvBlock(128) x 2
Sub(128)
average pool, linear 100
expect params 549,156, macs 125,350,400, receptive field 31

network cifar100_bn = cifar100(bn=1)
expect params 552,036, macs 125,350,400, receptive field 31
"""


def kinds(text: str, **parameters: int) -> str:
    net = archdsl.loads(f"input 8x8x3\n{text}", parameters)
    check_graph(net.graph)
    return " ".join(node.op.kind for node in net.graph.nodes[1:])


def refused(text: str, message: str, **parameters: int) -> None:
    with pytest.raises(archdsl.ArchError, match=message):
        kinds(text, **parameters)


def networks(text: str) -> list[archdsl.Network]:
    from archdsl.spec import parse
    from archdsl.text.source import Source

    return [archdsl.Network(network) for network in parse(Source("<text>", text))]


def test_the_model_of_the_lecture():
    for net, params in zip(networks(LECTURE), (549_156, 552_036), strict=True):
        assert net.params == params
        assert {claim.verdict for claim in net.verify()} == {"holds"}
        assert sum(p.numel() for p in net.module().parameters()) == params


def by_hand(slope: float = 0.0) -> nn.Module:
    """The lecture's model with its norms; with another `slope` of its activations a mutation."""
    layers: list[nn.Module] = []

    def step(c: int, width: int, kernel: tuple[int, int], stride: int = 1) -> int:
        pad = (kernel[0] // 2, kernel[1] // 2)
        layers.append(nn.Conv2d(c, width, kernel, stride, pad))
        layers.extend([nn.BatchNorm2d(width), nn.LeakyReLU(slope)])
        return width

    c = 3
    for width in (32, 128):
        for kernel in ((1, 3), (3, 1)) * 4:
            c = step(c, width, kernel)
        c = step(c, width, (3, 3), 2)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 100))


def test_parity_with_the_model_of_the_lecture():
    net = networks(LECTURE)[1]
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    found = [difference(net.module().double(), by_hand(s).double(), x) for s in (0.0, 0.01)]
    assert found[0] < 1e-9 and found[1] > 1e-6


def test_a_convention_gives_widths_to_the_lectures_line():
    text = "conv means conv-(in)\nConvBlock: 2x [Conv(1x3)-(BN)-Relu-Conv(3x1)-(BN)-Relu]\nFC-2"
    net = archdsl.loads(f"input 8x8x4\n{text}", {"bn": 1})
    assert [row.name for row in net.rows] == ["ConvBlock", "fc1"]
    found = [n.op for n in net.graph.nodes if n.op.kind == "conv"]
    written = [(op.kernel, op.width, op.bias) for op in found]
    assert written == [((1, 3), 4, False), ((3, 1), 4, False)] * 2


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("conv3-4-<bn>-relu", "conv3-4-relu"),
        ("conv3-4 <BN> relu", "conv3-4 relu"),
        ("conv3-4, <batch norm>, relu", "conv3-4, relu"),
        ("conv3-4 -> <bn> -> relu", "conv3-4 -> relu"),
        ("conv3-4-<Batch-Norm>-relu x 2", "conv3-4-relu x 2"),
        ("[ conv3-4-<bn>; relu; <bn> ] x 2", "[ conv3-4; relu ] x 2"),
        ("conv means conv-<bn>-relu; conv3-4; FC-2", "conv means conv-relu; conv3-4; FC-2"),
        ("block u(w) { conv3-(w)-<bn> }; u(4)", "block u(w) { conv3-(w) }; u(4)"),
        ("a: <bn> -> conv3-4", "a: conv3-4"),
        ("<bn>; conv3-4", "conv3-4"),
        ("add { identity; conv3-3-<bn> }", "add { identity; conv3-3 }"),
        ("add { <bn>; conv3-3 }", "add { identity; conv3-3 }"),
        ("conv3-4-<bn>-relu, 2x2/2 maxpool", "conv3-4-relu, 2x2/2 maxpool"),
    ],
)
def test_optional_layers_equal_written_or_absent_ones(text: str, without: str):
    optional = text.replace("<", "(").replace(">", ")").replace("-) ", "-> ")
    plain = text.replace("<", "").replace("->", "@").replace(">", "").replace("@", "->")
    assert nodes(optional) == nodes(optional, bn=0) == nodes(without)
    assert nodes(f"with bn; {optional}") == nodes(optional, bn=1) == nodes(plain)
    assert nodes(f"with bn; {optional}", bn=0) == nodes(without)
    assert nodes(plain) != nodes(without)


def nodes(text: str, **parameters: int):
    graph = archdsl.loads(f"input 8x8x3\n{text}", parameters).graph
    check_graph(graph)
    return [(node.op, node.inputs, node.shape, node.name) for node in graph.nodes]


def test_a_written_norm_removes_the_bias_if_it_is_used():
    ((_, without, *_), (_, with_it, *_)) = (nodes("conv3-4-(bn)", bn=on) for on in (0, 1))
    assert (without[0].bias, with_it[0].bias) == (True, False)
    assert nodes("conv3-4 bias-(bn)", bn=1)[1][0].bias


def test_each_kind_has_its_own_choice():
    text = "FC-4-(bn)-relu-(dropout(0.3))"
    assert kinds(text) == "flatten fc relu"
    assert kinds(text, dropout=1) == "flatten fc relu dropout"
    assert kinds(f"with dropout\n{text}", bn=1) == "flatten fc bn relu dropout"
    assert kinds("conv3-4-(maxpool 3x3/2)") == "conv"
    assert archdsl.loads("input 8x8x3\nwith maxpool\nconv3-4 (3x3 maxpool, stride 2)").output == (
        4,
        3,
        3,
    )


def test_an_argument_of_a_derived_network_overrides_with():
    text = "network a\ninput 8x8x3\nwith bn\nconv3-4-(bn)\nnetwork b = a(bn=0)\nnetwork c = b(bn=1)"
    assert [len(net.layers) for net in networks(text)] == [2, 1, 2]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("(2x2) max pooling", "pool"),
        ("FC-4 (class scores)", "flatten fc"),
        ("(3x3) (conv) 64", "conv"),  # a weight layer is never optional
        ("conv3-64 (stride 2)", "conv"),
        ("conv3-64-(relu)", "conv"),
        ("conv3-64, (relu)", "conv"),
        ("(relu)-conv3-64", "conv"),
        # `with`, `+` and `no` do not make a layer optional.
        ("conv3-64 (with ReLU)", "conv relu"),
        ("conv3-64 (with batch norm)", "conv bn"),
        ("conv3-64 (with BN and ReLU)", "conv bn relu"),
        ("conv3-64 (using ReLU)", "conv relu"),
        ("conv3-64 (+ ReLU)", "conv relu"),
        ("conv3-64 (+BN+ReLU)", "conv bn relu"),
        ("conv3-64 (with LReLU 0.2)", "conv leakyrelu"),
        ("conv3-64 (with leaky ReLU 0.2)", "conv leakyrelu"),
        ("conv3-64 (with BN and ReLU)", "conv bn relu"),
        ("conv3-64 (+ ReLU)", "conv relu"),
        ("conv3-64 (using ReLU activation)", "conv relu"),
        ("FC-4 (with sigmoid)", "flatten fc sigmoid"),
        ("conv means conv-relu; conv3-64 (no ReLU); conv3-4", "conv conv"),
        ("conv means conv-bn-relu; conv3-64 (without BN); conv3-4", "conv relu conv"),
        # The text chooses the optional layers of this kind.
        ("with relu; conv3-64 (relu)", "conv relu"),
        ("conv3-64 relu (dropout)", None),
    ],
)
def test_other_parentheses(text: str, layers: str | None):
    if layers is None:
        refused(text, "a layer inside the parentheses of another")
    else:
        assert kinds(text) == layers


@pytest.mark.parametrize(
    ("text", "fixes"),
    [
        ("fc 10 (sigmoid)", ("fc 10, sigmoid", "fc 10-(sigmoid)")),
        ("conv3-64 (relu)", ("conv3-64, relu", "conv3-64-(relu)")),
        ("conv3-8 (LReLU 0.2)", ("conv3-8, LReLU 0.2", "conv3-8-(LReLU 0.2)")),
        ("conv3-8 (BN)", ("conv3-8, BN", "conv3-8-(BN)")),
        ("conv 3x3, 64 (dropout 0.5)",
         ("conv 3x3, 64, dropout 0.5", "conv 3x3, 64-(dropout 0.5)")),
        ("conv3-8 (ReLU activation)", ("conv3-8, ReLU", "conv3-8-(ReLU)")),
        ("conv3-8 (w/ ReLU)", ("conv3-8, ReLU", "conv3-8-(ReLU)")),
        ("conv3-8 (followed by maxpool)", ("conv3-8, maxpool", "conv3-8-(maxpool)")),
    ],
)  # fmt: skip
def test_a_layer_in_parentheses_after_a_blank_asks(text: str, fixes: tuple[str, str]):
    with pytest.raises(archdsl.ArchError, match="a layer of this line, or an optional one") as seen:
        kinds(text)
    for fix in fixes:
        assert f"`{re.findall(r', [A-Za-z].*|-[(].*', fix)[0]}`" in (seen.value.help or "")
    layer, optional = map(kinds, fixes)
    assert len(layer.split()) == len(optional.split()) + 1


def test_invalid_choices_are_refused():
    refused("conv3-4", r"no layer `\(bn\)` is optional here", bn=1)
    refused("conv3-4-(dropout)", r"optional are `\(dropout\)`", bn=1)
    refused("conv3-4-(bn)", "an optional layer is either on or off", bn=2)
    refused("conv3-4-(bn)", "does not take `bnn`", bnn=1)
    refused("with bn; with BN; conv3-4-(bn)", "`with BN` is given twice")
    refused("with foo; conv3-4-(bn)", "there is no layer `foo`")
    refused("with bn; conv3-4", "no layer")
    refused("(bn)-3x3, 64", "`3x3` does not belong to a layer")
    refused("conv3-64-(relu 3x3/2 maxpool)", "several layers in parentheses")
    refused("conv3-8-(maxpool) stride 2 stride 2", "given twice")
    refused("conv means (bn)-relu; conv3-4; FC-3", "must have `conv` exactly once")
    refused("[ (bn) ]; conv3-4", "an empty group")
