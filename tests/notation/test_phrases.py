"""Spellings: which are equivalent, which are not, and which layers they stand for."""

from __future__ import annotations

import re

import pytest
from graphs import check_graph
from spellings import DIFFERENT, SAME

import archdsl


def ops(text: str):
    """The layers of a text, without names and positions."""
    if not re.match(r"input|block|8x8x6|\[8x8x6\] INPUT", text):
        text = f"input 8x8x6\n{text}"
    graph = archdsl.loads(text).graph
    check_graph(graph)
    return [(node.op, node.inputs, node.shape) for node in graph.nodes]


def test_there_are_many_spellings():
    assert len(SAME) >= 120 and len(DIFFERENT) >= 40


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_network(one: str, other: str):
    assert ops(one) == ops(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_near_misses_differ(one: str, other: str):
    assert ops(one) != ops(other)


def kinds(text: str) -> str:
    graph = archdsl.loads(text).graph
    return " ".join(node.op.kind for node in graph.nodes[1:])


HEAD = "input 8x8x1\nconv means conv-bn-relu\nfc means fc-relu-dropout(0.5)\n"


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("conv3-4\nFC-5\nFC-2", "conv bn relu flatten fc relu dropout fc"),
        ("conv3-4\nFC-5\nsoftmax", "conv bn relu flatten fc softmax"),
        ("conv3-4 no relu\nFC-2", "conv bn flatten fc"),
        ("conv3-4 no bn\nFC-2", "conv relu flatten fc"),
        ("conv3-4 bare\nFC-2", "conv flatten fc"),
        ("conv3-4 relu\nFC-2", "conv bn relu flatten fc"),  # written out: not added again
        ("conv3-4 x2", "conv bn relu conv"),  # the last repetition is the output layer
        ("[ conv3-4; maxpool ] x 2\nFC-2", "conv bn relu pool conv bn relu pool flatten fc"),
        ("conv3-4\navgpool\nflatten", "conv bn relu pool flatten"),
        ("1x1 conv means conv-sigmoid\nconv3-4\nconv1-4\nFC-2",
         "conv bn relu conv sigmoid flatten fc"),
        ("3x3 conv means bn-relu-conv\nconv3-4\nFC-2", "bn relu conv flatten fc"),
        ("conv3-4 -> relu\nFC-2", "conv bn relu flatten fc"),
        ("conv3-4 -> maxpool -> relu\nFC-2", "conv bn pool relu flatten fc"),
        ("bn -> relu -> conv3-4\nFC-2", "bn relu conv flatten fc"),
        ("conv3-4 relu bare\nFC-2", "conv relu flatten fc"),
        ("conv3-4\nconv3-10\n[ softmax ]", "conv bn relu conv softmax"),
        ("conv3-4\nconv3-10 -> [ flatten; softmax ]", "conv bn relu conv flatten softmax"),
        ("conv3-4-conv3-4-relu\nFC-2", "conv bn relu conv bn relu flatten fc"),
        ("conv3-4, maxpool, conv3-4\nFC-2", "conv bn relu pool conv bn relu flatten fc"),
    ],
)  # fmt: skip
def test_conventions(text: str, layers: str):
    assert kinds(HEAD + text) == layers


def test_the_output_layer_takes_attributes_but_no_companions():
    net = archdsl.loads("input 9x9x1\nconv means conv valid no bias-bn-relu\nconv3-4\nconv3-2")
    assert [row.output for row in net.rows] == [(4, 7, 7), (2, 5, 5)]
    assert [n.op.bias for n in net.graph.nodes if n.op.weighs] == [False, True]


def test_selectors_know_defaults():
    text = "input 9x9x1\nconv stride 1 means conv-relu\nconv3-4{}\nFC-2"
    assert "relu" in kinds(text.format(""))
    assert "relu" not in kinds(text.format(" stride 2"))


def test_a_norm_removes_the_bias_except_that_of_the_output_layer():
    net = archdsl.loads(HEAD + "conv3-4\nconv3-4 bias\nconv3-4 no bn\nFC-2")
    biases = [n.op.bias for n in net.graph.nodes if n.op.weighs]
    assert biases == [False, True, True, True]


@pytest.mark.parametrize(
    ("line", "bias"),
    [
        ("conv3-4-bn", False), ("conv3-4 -> bn", False), ("bn conv3-4", True), ("bn, fc 3", True),
        ("conv3-4\nbn", True), ("conv3-4 bias-bn", True), ("dropout-bn-conv3-4", True),
    ],
)  # fmt: skip
def test_a_written_norm_removes_the_bias_of_the_layer_before_it(line: str, bias: bool):
    net = archdsl.loads(f"input 8x8x1\n{line}")
    assert [n.op.bias for n in net.graph.nodes if n.op.weighs] == [bias]


def test_selectors_see_values_of_expressions():
    text = "network n(k=1)\ninput 8x8x1\n1x1 conv means conv-relu\nconv kernel k width 8\nFC-2"
    assert kinds(text) == "conv relu flatten fc"


def test_the_last_of_equal_conventions_applies():
    rules = "1x1 conv means conv-relu\nconv stride 1 means conv-tanh\n"
    assert kinds(f"input 8x8x1\n{rules}conv1-4\nFC-2") == "conv tanh flatten fc"


def test_in_is_the_number_of_input_channels_of_the_line():
    net = archdsl.loads("input 8x8x4\nconv1-(in//2) -> conv3-(in)\nconv1-(2*in) x 2\nFC-2")
    widths = [n.op.width for n in net.graph.nodes if n.op.kind == "conv"]
    assert widths == [2, 4, 8, 16]


def test_the_right_side_of_means_fills_gaps():
    net = archdsl.loads(
        "network n(k=4)\ninput 8x8x1\n1x1 conv means conv-(4*k) stride 2\n"
        "1x1 conv\n1x1 conv, 3\nconv3-(in//2)\nFC-2"
    )
    assert [row.output for row in net.rows] == [(16, 4, 4), (3, 2, 2), (1, 2, 2), (2,)]


def test_the_padding_convention_applies_only_to_convolutions():
    net = archdsl.loads("input 9x9x1\npadding valid\nconv3-4\nconv3-4 same\nmaxpool 3x3/1\nFC-2")
    assert [row.output[1:] for row in net.rows] == [(7, 7), (7, 7), (7, 7), ()]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("input 224x200 RGB", (3, 224, 200)),
        ("input 224 × 200 RGB image", (3, 224, 200)),
        ("Input 32x32 grey", (1, 32, 32)),
        ("input 28x28x1", (1, 28, 28)),
        ("input 1x28x28", (1, 28, 28)),
        ("input 8x8x8", (8, 8, 8)),
        ("input 20x30x3", (3, 20, 30)),
        ("input 784", (784,)),
        ("[227x227x3] INPUT", (3, 227, 227)),
    ],
)
def test_spellings_of_inputs(text: str, shape: tuple[int, ...]):
    assert archdsl.loads(f"{text}\nrelu").input == shape


def test_names_of_lines():
    net = archdsl.loads(
        "input 32x32x1\nconv3-4\nstem: conv3-4 x2\nmaxpool\n**MAX POOL2**: 2x2 filters\n"
        "conv3-4\n[ conv3-4; conv1-4; maxpool ] x 2\nFC-2"
    )
    assert [row.name for row in net.rows] == [
        "conv1", "stem", "pool1", "MAX_POOL2", "conv3", "group1", "fc1",
    ]  # fmt: skip
    inner = [n.name for n in net.graph.nodes if n.name.startswith("group1.1")]
    assert inner == ["group1.1.conv1", "group1.1.conv2", "group1.1.pool1"]


def test_parameters_have_defaults_and_take_values():
    text = (
        "network wide(k=2, depth=3)\nlet n = (depth - 1) // 2\ninput 8x8x1\nconv3-(8*k) x n\nFC-2"
    )
    assert archdsl.loads(text).rows[0].output == (16, 8, 8)
    assert archdsl.loads(text, parameters={"k": 4, "depth": 5}).rows[0].repeat == 2


def test_names_take_precedence_over_words():
    """A parameter may have the name of an attribute."""
    for line in ("conv3-k", "conv3-(k)", "conv 3x3 k"):
        net = archdsl.loads(f"network n(k=4, s=2)\ninput 8x8x1\n{line} stride s\nFC-2")
        assert net.rows[0].output == (4, 4, 4)
    assert archdsl.loads("network n(d=5)\ninput 8\nFC 4d").output == (20,)
    assert archdsl.loads("input 8\nFC 4d").output == (4,)
    assert len(archdsl.loads("network n(k=3)\ninput 8\nk x relu").layers) == 3


@pytest.mark.parametrize(
    "line",
    [
        "conv3-64 stride 2 x 3", "max pool 3x3/2 x 2", "conv3-64 pad 1 x 2", "weight norm",
        "conv3-8-weight norm-relu", "2 conv layers of 3x3", "global max pool, stride 2",
        "8x8 global average pool, stride 2", "maxpool no relu", "conv3-4 no maxpool",
        "conv3-4 no conv", "conv3-4 no rleu", "conv3-64 (x2)", "conv3-8 stride -2",
        "FC-10; LRN", "conv3-2*4", "let k = 1; let k = 2; relu",
        "padding same; padding valid; conv3-4", "conv means conv-relu; conv means conv; conv3-4",
        "[ input 4x4x1 ]", "conv3-4, input 4x4x1", "relu means relu-input 4; relu",
        "let in = 3; relu", "let relu = 3; relu", "let same = 1; conv3-4",
        "conv3-4-\n\n", "conv3-4 -;",
        "2x a: conv3-4", "conv 3x3 8 pad 1/2", "conv3-4 filters/2", "conv3-4 bare", "maxpool bare",
        "let x = 3; relu", "let filters = 3; relu", "FC-4,096", "conv3-4 no pad",
        "conv(3x3, 8, relu)",
        "conv means conv-relu; conv3-4 no bn-relu; FC-3", "conv no relu means conv-relu; conv3-4",
        "conv means conv-relu bare; conv3-4", "[3x3] conv means conv-relu; conv3-4",
        "relu => kernel 3", "expect foo layers 0; relu", "fc 10 => 10K", "fc 10 => ~10",
        "relu => params 0%", "maxpool 8x8 => 4.4", "[ relu ] [ relu ]",
        "2x conv3-4 x3", "2 x [conv3-4] x 3", "relu x (2.5)", "conv3-4 kernel 5",
        "input: conv3-4", "network: conv3-4", "class: conv3-4",
        "maxpool, conv3-8, 3x3", "conv3-8 relu conv3-16 stride 2 stride 2", "fc 10, 0.5",
        "dropout, fc 10, 0.5", "scale conv3-8 4", "8 filters of 3x3x1", "conv 64x4x3x3",
        "conv3-8 upsample x2", "bn: conv3-8\nbn", "conv3-64 (WN)", "conv3-64 (rellu)",
        "(bn, relu) conv3-4", "conv3-(min(8))", "conv3-4 => params 1K thousand",
        "conv 3x3 8 pad [3x3]", "separable -64", "separable 64, stride banana 2",
        "mbconv 6, 3, 24, 2", "mbconv 6, 3 x 3, 24",
        "conv3-8 no bias no bias", "conv3-8 same same", "conv 3x3 dw dw",
        "maxpool4", "avgpool10", "relu1", "separable6(64)", "MBConv6(3, 24)",
    ],
)  # fmt: skip
def test_refused_rather_than_misread(line: str):
    with pytest.raises(archdsl.ArchError):
        archdsl.loads(f"input 8x8x4\n{line}\nFC-2")


@pytest.mark.parametrize("header", ["n(k=4, k=8)", "n(in=4)", "n(max=4)", "n(k 4)", "n(3)"])
def test_bad_parameters_are_refused(header: str):
    with pytest.raises(archdsl.ArchError):
        archdsl.loads(f"network {header}\ninput 8\nFC-2")


def test_implicit_flattening_finds_a_free_name():
    for text in (
        "flatten: conv3-4\nFC-2",
        "flatten: [ conv3-4; relu ]\nFC-2",
        "[ flatten: relu; FC-3 ]",
        "FC-10 relu flatten softmax",
        "FC-10; flatten; FC-2",
    ):
        net = archdsl.loads(f"input 8x8x4\n{text}")
        assert sum(p.numel() for p in net.module().parameters()) == net.params


def test_large_numbers_are_refused():
    many = "9" * 5000
    for line in (
        f"conv3-({many})", f"FC {many}d", f"{many}x relu", f"relu => params {many}",
        f"relu => params 1e{many}", f"relu => {many}x3x3", f"[{many}x3x3] relu", f"conv{many}-3",
        f"let a = {many}", "relu => params 1e999999999", "conv3-1 stride 2147483647 x1000",
        "conv3-(2147483647 * 2147483647)", "conv3-99999999999", "relu x999999999",
        "[" * 45 + " relu " + "]x2" * 45,
    ):  # fmt: skip
        with pytest.raises(archdsl.ArchError) as caught:
            archdsl.loads(f"input 8x8x1\n{line}\nFC-2").to_dict()
        assert len(str(caught.value)) < 1500


def test_the_notation_of_groups_omits_claims_and_comments():
    net = archdsl.loads(
        "input 8x8x1\ng: [ conv3-4 => params 40   # a remark\n  [relu] x 2; "
        'maxpool => 4x4 erratum "a # b" ] x 2\nFC-2'
    )
    assert net.rows[0].notation == "[ conv3-4; [ relu ] x 2; maxpool ] x 2"


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("conv3-8 # first\n  + ReLU", "conv relu"),
        ("conv3-8 # first\n+ ReLU # second\n+ maxpool", "conv relu pool"),
        ("conv3-8 => 8x8x8 # c\nrelu", "conv relu"),
        ("conv means conv-bn # c\n+ relu\nconv3-8\nFC-2", "conv bn relu flatten fc"),
        ("# legend\n+ ReLU", "relu"),
        ("conv3-8 # a\nrelu", "conv relu"),
        ("conv3-16 \\\\[3x3, 32]\nrelu", "conv conv relu"),
        ("conv3-16 \\\\[-.1em] conv3-8", "conv conv"),
        ("conv3-8,\npadding valid\nconv3-8", "conv conv"),
        ("dropout 50\\%", "dropout"),
    ],
)
def test_continued_lines(text: str, layers: str):
    assert kinds(f"input 8x8x6\n{text}") == layers


def test_a_sign_that_begins_a_line_within_parentheses_is_not_a_bullet():
    net = archdsl.loads("let n = (\n- 4 + 8)\ninput 8x8x6\nconv3-n\nscale (\n- 2)")
    assert net.rows[0].output == (4, 8, 8)
    assert net.graph.nodes[-1].op.factor == -2


def test_statements_after_a_comma_are_statements():
    net = archdsl.loads("input 8x8x6\nconv3-8,\npadding valid\nconv3-8\nFC-2")
    assert [row.output for row in net.rows[:2]] == [(8, 6, 6), (8, 4, 4)]


def test_squares_of_sizes():
    assert archdsl.loads("input 32^2 x 3\nconv3-4").input == (3, 32, 32)
    assert archdsl.loads("input 32^2x3\nconv3-4 => 32^2 x 4").claims[0].verdict == "holds"


def test_values_of_names_reach_the_input():
    assert archdsl.loads("let k = 32\ninput k\nFC-2").input == (32,)


@pytest.mark.parametrize(
    "text", ["#" + ",#" * 40_000, "\\\\[" * 40_000, "nn.ReLU()\nrelu" + "," * 600_000]
)
def test_typography_is_linear(text: str):
    """Each of these once took more than eight seconds."""
    with pytest.raises(archdsl.ArchError):
        archdsl.loads(text)
