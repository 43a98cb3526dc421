"""Texts that could be read as another network show it, or are errors that give both fixes.

`;` separates lines, as in test_one_reading.py.
"""

from __future__ import annotations

import pytest
from test_one_reading import BN_RELU, GATE, RESIDUAL, load

import archdsl

AFTER = "activation after add; "
PRE = "conv means bn-relu-conv; "
NONE = "no activation after the sum, as no branch has one to move"


def shown(text: str, topic: str) -> list[str]:
    """What is decided about a topic, with the reasons."""
    return [f"{d.decided}, {d.because}" for d in load(text).decisions if d.topic == topic]


# A sum after which its own text, its network or its block expects an activation.
SUMS = [
    *((BN_RELU + RESIDUAL + f"[ conv3-64; {end} ] x 2", decided) for end, decided in [
        ("conv3-64", "relu after the sum, as residual blocks do"),
        ("conv3-64; squeeze_excitation(4)", "relu after the sum, as residual blocks do"),
        ("conv3-64 no relu", NONE),
        ("conv3-64 bare", NONE),
        ("conv3-64 no activation; dropout", NONE),
        ("conv3-64 no relu; squeeze_excitation(4)", NONE),
        ("conv3-64; channel shuffle 4", "relu before the sum, as channel shuffle follows it"),
        ("conv3-64 -> channel shuffle 4", "relu before the sum, as channel shuffle follows it"),
        ("conv3-64; bn", "relu before the sum, as bn follows it"),
        ("conv3-64; maxpool 3x3/1; dropout", "relu before the sum, as maxpool follows it"),
        ("concat { conv3-32; conv3-32 }", "relu before the sum, as concat follows it"),
        ("add { conv3-64, relu; conv1-64, relu }", "relu before the sum, as add follows it"),
        ("multiply { conv3-64; conv1-64 bare -> sigmoid }",
         "relu before the sum, as multiply follows it"),
        ("conv3-64-relu", "relu before the sum, as the line writes it"),
        ("conv3-64 -> relu", "relu before the sum, as the line writes it"),
        ("conv3-64; relu; scale 0.5", "relu before the sum, as the line writes it"),
        ("conv3-64-relu; " + GATE, "relu before the sum, as the line writes it"),
        ("conv3-64-silu", "silu before the sum, as the line writes it"),
    ]),
    ("residual [ conv3-64; conv3-64 ]", NONE),
    (BN_RELU + "residual [ conv3-64; conv3-64 no relu ]", NONE),
    (BN_RELU + "dropout_residual(0.2) [ conv3-64; bn ]", "relu before the sum, as bn follows it"),
    ("block u(w) { add { identity; [ conv3-(w); conv3-(w) no relu ] }, activation after }; "
     + BN_RELU + "u(64) x 3", NONE),
    # Preactivated branches are plain: nothing follows their sums.
    (PRE + RESIDUAL + "[ conv3-64; conv3-64 ]", ""),
    (RESIDUAL + "[ bn-relu-conv3-64; bn-relu-conv3-64 ]", ""),
    (RESIDUAL + "[ bn -> relu -> conv3-64; bn -> relu -> conv3-64 ]", ""),
    (RESIDUAL + "[ bn; relu; conv3-64; squeeze_excitation(4) ]", ""),
    # The network's own statement.
    (BN_RELU + AFTER + "c1: conv3-64; conv3-64; add c1", ""),
    (BN_RELU + AFTER + "c1: conv3-64; c2: conv3-64; add c1; concat c2",
     "relu before the sum, as the joined values have it"),
    (BN_RELU + AFTER + "c1: conv3-64; conv3-64 -> add c1",
     "relu before the sum, as the joined values have it"),
    (BN_RELU + AFTER + "c1: conv3-64; c2: conv3-64; add { c1; c2 }",
     "relu before the sum, as the joined values have it"),
    (BN_RELU + AFTER + "c1: conv3-64; c2: conv3-64; add { c1; conv1-64 }; concat c2", ""),
    (BN_RELU + AFTER + "c1: conv3-64; conv3-64 no relu; add c1", NONE),
    (BN_RELU + AFTER + "c1: conv3-64; conv3-64; channel shuffle 4; add c1",
     "relu before the sum, as channel shuffle follows it"),
    (BN_RELU + AFTER + "c1: conv3-64; conv3-64; relu; add c1",
     "relu before the sum, as the line writes it"),
    (BN_RELU + AFTER + "bottleneck(6, 64)", NONE),
    (BN_RELU + AFTER + "add { identity; conv3-64 no relu }", NONE),
    (BN_RELU + AFTER + "add { conv3-64; conv3-64 -> relu }",
     "relu before the sum, as the line writes it"),
    (BN_RELU + AFTER + "concat { identity; conv3-64 no relu }", ""),
    (BN_RELU + "activation before add; residual [ conv3-64 no relu ]", ""),
    (BN_RELU + "add { identity; conv3-64 no relu }", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "decided"), SUMS)
def test_where_a_sum_has_its_activation_is_shown(text: str, decided: str):
    found = shown(text, "activation of sums")
    assert found == ([decided] if decided else [])


def test_a_block_in_a_block_shows_both_sums():
    text = BN_RELU + RESIDUAL + "[ conv3-64; residual [ conv3-64 ] ]"
    assert shown(text, "activation of sums") == [
        "relu after the sum, as residual blocks do",
        "relu before the sum, as it follows another sum",
    ]


@pytest.mark.parametrize(
    ("branch", "why"),
    [
        ("[ conv3-64; conv3-64 no relu ]", "moves nothing\n"),
        ("[ conv3-64; channel shuffle 4 ]; [ conv1-64 no relu ]", "as channel shuffle follows it"),
        ("conv3-64 no bn no relu -> conv3-64-bn no relu", "moves nothing\n"),
        ("[ conv3-64 no relu; squeeze_excitation(4) ]", "moves nothing\n"),
        ("[ conv3-64; channel shuffle 4 ]", "relu stays in its branch, as channel shuffle follows"),
        ("conv3-64, relu", "relu stays in its branch, as the line writes it"),
        ("conv3-64-silu", "silu stays in its branch, as the line writes it"),
        ("concat { conv3-32; conv3-32 }", "relu stays in its branch, as concat follows it"),
        ("residual [ conv3-64 ]", "as it follows another sum"),
    ],
)
def test_an_activation_after_a_sum_that_moves_nothing_is_an_error(branch: str, why: str):
    for group in ("", "residual [ conv1-64; ", "concat { identity; "):
        end = {"": "", "r": " ]", "c": " }"}[group[:1]]
        text = f"{BN_RELU}{group}add {{ identity; {branch} }}, activation after{end}"
        with pytest.raises(archdsl.ArchError, match="`activation after` moves nothing") as caught:
            load(text)
        assert why in str(caught.value)
        assert "`add { … } -> " in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "c1: conv3-64; c2: conv3-64; add { c1; c2 }, activation after",
        PRE + "add { identity; conv3-64 }, activation after",
        "add { identity; conv3-64 }, activation after",
        BN_RELU + "[ add { identity; conv3-64 bare }, activation after ] x 2",
    ],
)
def test_nothing_to_move_is_an_error_whatever_the_reason(text: str):
    with pytest.raises(archdsl.ArchError, match="`activation after` moves nothing"):
        load(text)


@pytest.mark.parametrize("conv", ["conv3-64 no relu", "conv3-64-bn no activation"])
def test_the_fix_for_a_sum_without_an_activation_works(conv: str):
    body = f"[ conv3-64; {conv} ]"
    written = load(f"{BN_RELU}add {{ identity; {body} }} -> relu")
    assert written.diff(load(f"{BN_RELU}residual [ conv3-64; conv3-64 ]")).same


POOLED = "global average pool -> conv1-4 -> relu -> conv1-64 bare -> sigmoid"
FIRST = "the stride in the first layer of the group ({}), as the text has no `stride on`"


@pytest.mark.parametrize(
    ("group", "plain", "carrier"),
    [
        ("squeeze_excitation; conv3-64", "squeeze_excitation; conv3-64 stride 2", ""),
        (GATE + "; conv3-64", GATE + "; conv3-64 stride 2", ""),
        ("multiply { identity; " + POOLED + " }; conv3-64",
         "multiply { identity; " + POOLED + " }; conv3-64 stride 2", ""),
        ("multiply { identity; [ gap, conv1-64 bare -> sigmoid ] }; conv3-64; conv1-8",
         "multiply { identity; [ gap, conv1-64 bare -> sigmoid ] }; conv3-64 stride 2; conv1-8",
         "conv 3x3"),
        ("gate; conv3-64; gate", "gate; conv3-64 stride 2; gate", ""),
        ("squeeze_excitation; squeeze_excitation(4); 3x3 dw conv; conv1-8",
         "squeeze_excitation; squeeze_excitation(4); 3x3 dw conv stride 2; conv1-8", "dw conv 3x3"),
        ("conv3-64; squeeze_excitation", "conv3-64 stride 2; squeeze_excitation", ""),
        ("conv3-64; conv1-8", "conv3-64 stride 2; conv1-8", "conv 3x3"),
        ("two(8); conv3-64", "conv 5x5 8 stride 2; conv1-8; conv3-64", "conv 5x5"),
        ("two(8)", "conv 5x5 8 stride 2; conv1-8", "conv 5x5"),
        ("conv3-64 x 2", "conv3-64 stride 2; conv3-64", ""),
        ("deconv 2x2 8; conv3-8", "deconv 2x2 8 stride 2; conv3-8", "transposed conv 2x2"),
    ],
)  # fmt: skip
def test_the_stride_of_a_group_never_goes_to_a_gate(group: str, plain: str, carrier: str):
    blocks = "block two(w) { conv 5x5 (w); conv1-(w) }; block gate { " + GATE + " }; " + BN_RELU
    text = f"{blocks}[ {group} ], stride 2"
    assert load(text).diff(load(f"{blocks}{plain}")).same
    assert shown(text, "stride of groups") == ([FIRST.format(carrier)] if carrier else [])


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("gap; conv1-16", "reaches only a map of 1x1"),
        ("gap, conv1-16", "reaches only a map of 1x1"),
        ("conv 56x56 8 valid stride 1 -> conv1-8", "already has one"),
        ("maxpool 56x56; conv3-8; conv3-8", "reaches only a map of 1x1"),
        ("squeeze_excitation", "no layer of the group carries the stride"),
        ("squeeze_excitation; maxpool 3x3/1", "no layer of the group carries the stride"),
    ],
)
def test_a_stride_that_no_map_can_take_is_an_error(group: str, message: str):
    with pytest.raises(archdsl.ArchError, match=message):
        load(f"[ {group} ], stride 2")


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("concat { identity; [conv1-8; conv3-64] x 3 }", True),
        ("concat { identity; [conv3-64] x 3 }", True),
        ("concat { [conv1-32; conv3-64]; [conv1-64] }", True),
        ("multiply { identity; [conv3-64; conv1-64, sigmoid] }", True),
        ("add { identity; [conv1-8; concat { conv1-32; conv3-32 }] }", True),
        ("block u { add { identity; [conv1-8; conv3-64] } }; u x 3", True),
        ("residual [ add { identity; [conv1-8; conv3-64] } ]", True),
        ("concat { identity; [conv3-64] }", False),
        ("multiply { identity; [gap; conv1-64 -> sigmoid] }", False),
        ("concat { identity; {conv1-8; conv3-64} x 3 }", False),
        ("concat { identity; residual [conv1-8; conv3-64] x 3 }", False),
        ("concat { identity; conv1-64 -> [conv1-8; conv3-64] x 3 }", False),
        ("[conv1-8; conv3-64] x 3", False),
        ("inception(8, 8, 8, 8, 8, 8)", False),
    ],
)
def test_a_bracket_that_is_a_branch_is_shown_as_a_group(text: str, is_shown: bool):
    found = "the bracket as a group, as it is a branch of a join"
    assert shown(RESIDUAL + text, "brackets") == [found] * is_shown
    assert shown(text, "brackets") == []


def test_a_residual_block_as_a_branch_is_written_with_its_name():
    stage = load(BN_RELU + RESIDUAL + "concat { identity; residual [conv1-8; conv3-64] x 3 }")
    unit = "conv1-8 no bias -> bn -> relu; conv3-64 no bias -> bn"
    units = " -> ".join([f"add {{ identity; [ {unit} ] }} -> relu"] * 3)
    assert stage.diff(load(f"concat {{ identity; [ {units} ] }}")).same


@pytest.mark.parametrize(
    ("join", "fix"),
    [
        ("add { conv3-64, conv1-64 }", "add { conv3-64; conv1-64 }"),
        ("add { conv3-64 and conv1-64 }", "add { conv3-64; conv1-64 }"),
        ("concat { maxpool 3x3/1, conv1-8 } x 2", "concat { maxpool 3x3/1; conv1-8 }"),
        ("concat { conv3-8, relu, conv1-8, bn }", "concat { conv3-8, relu; conv1-8, bn }"),
        ("concat { conv3-8 -> conv3-16, conv1-16 }", "concat { conv3-8 -> conv3-16; conv1-16 }"),
        ("multiply { conv3-64, sigmoid }", "multiply { conv3-64; sigmoid }"),
        ("[ conv1-8; add { a: conv3-8, conv1-8 } ]", "add { a: conv3-8; conv1-8 }"),
        ("{ concat { conv3-8, conv1-8 } if 1 > 0 }", "concat { conv3-8; conv1-8 }"),
    ],
)
def test_a_comma_in_the_only_branch_of_a_join_is_an_error(join: str, fix: str):
    with pytest.raises(archdsl.ArchError, match="does not separate branches") as caught:
        load(join)
    message = str(caught.value)
    assert f"`{fix}` for two branches" in message
    assert f"leave `{fix.split()[0]}` out" in message
    assert load(fix).output == (2,)


@pytest.mark.parametrize(
    ("join", "plain"),
    [
        ("concat { conv3-8, conv1-8; conv1-16 }", "concat { conv3-8 -> conv1-8; conv1-16 }"),
        ("concat { conv3-8, conv1-8\n conv1-16 }", "concat { conv3-8 -> conv1-8; conv1-16 }"),
        ("concat { [conv3-8, conv1-8] }", "conv3-8; conv1-8"),
        ("add { conv 3x3, 64, stride 1; identity }", "add { conv3-64; identity }"),
        ("concat { conv 3x3, 8, stride 2 }", "conv3-8 stride 2"),
        ("concat { conv3-8 -> conv1-8 }", "conv3-8; conv1-8"),
        (
            "block u(c) { add { identity if in == c; conv3-(c), dropout } }; u(8)",
            "conv3-8; dropout",
        ),
    ],
)
def test_a_join_of_one_branch_without_a_comma_is_that_branch(join: str, plain: str):
    assert load(join).diff(load(plain)).same


@pytest.mark.parametrize(
    "text",
    [
        "multiply { identity; [ gap; fc 4, relu; fc (in), sigmoid ] }",
        "[ conv1-8; conv3-(in) ] x 2",
        "{ conv1-8; conv3-(2*in) }",
        "conv1-8 -> [ conv3-(in) ]",
        "conv1-8 -> multiply { identity; conv1-(in) -> sigmoid }",
        "[ conv1-8; multiply { identity; conv1-(in) -> sigmoid } ]",
        "residual [ conv1-8; conv3-(in) ]",
        "[ conv1-8; residual [ conv3-(in) ] ]",
        "conv1-8; residual [ conv3-(in) ]; conv1-16; [ conv1-8; residual [ conv3-(in) ] ]",
        "[ conv1-8; separable(in) ]",
        "[ conv1-8; conv1-8 x (in//4) ]",
        "[ conv1-8; [ conv1-8 ] x (in//4) ]",
    ],
)
def test_channels_that_could_be_those_of_a_line_or_a_group_are_an_error(text: str):
    with pytest.raises(archdsl.ArchError, match=r"`in` could be \d+, for the line, or") as caught:
        load(text)
    assert "write the number" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("multiply { identity; gap -> fc (in//16), relu -> fc (in), sigmoid }",
         "multiply { identity; [ gap; fc 4, relu; fc 64, sigmoid ] }"),
        ("block se { multiply { identity; [ gap; fc (in//16), relu; fc (in), sigmoid ] } }; se",
         "multiply { identity; [ gap; fc 4, relu; fc 64, sigmoid ] }"),
        ("conv1-8 -> conv3-(in)", "conv1-8; conv3-64"),
        ("conv1-8; conv3-(in)", "conv1-8; conv3-8"),
        ("[ conv1-(in//2) ] x 2", "conv1-32; conv1-16"),
        ("[ conv1-(in//2); conv1-8 ] x 2", "conv1-32; conv1-8; conv1-4; conv1-8"),
        ("residual [ conv1-(in//4); conv3-64 ]", "residual [ conv1-16; conv3-64 ]"),
        ("[ conv3-64; conv1-(in) ]", "conv3-64; conv1-64"),
        ("block u { [ conv1-8; conv3-(in) ] }; u", "conv1-8; conv3-64"),
        ("concat { slice channels 0 to (in//2); [ slice channels (in//2) to (in); conv3-8 ] }",
         "concat { slice channels 0 to 32; [ slice channels 32 to 64; conv3-8 ] }"),
        ("1x1 conv means conv-(in//2); [ 1x1 conv; 3x3 conv, 8; 1x1 conv ]",
         "conv1-32; conv3-8; conv1-4"),
    ],
)  # fmt: skip
def test_channels_that_enter_are_those_of_the_line_or_the_block(text: str, plain: str):
    assert load(text).diff(load(plain)).same


EVEN = "no padding of {}, as an even kernel has no `same`"
DECONV = "no padding of {}, as its line has none"
BY_DEFAULT = "padding same, as the text declares none"


@pytest.mark.parametrize(
    ("line", "decided"),
    [
        ("conv 4x4 8 stride 2", EVEN.format("conv 4x4")),
        ("conv 2x2 8", EVEN.format("conv 2x2")),
        ("conv 6x6 8 stride 3 dilation 2", EVEN.format("conv 6x6")),
        ("conv 4x3 8", EVEN.format("the even side of conv 4x3")),
        ("4x4 dw conv, stride 2", EVEN.format("dw conv 4x4")),
        ("conv 4x4 8 stride 2 pad 1", ""),
        ("conv 4x4 8 stride 2 valid", ""),
        ("conv 4x4 8 stride 4", ""),  # windows that do not overlap, as in ConvNeXt
        ("conv 1x1 8 stride 2", ""),
        ("conv 56x56 8", ""),  # the whole map
        ("20C4", ""),
        ("deconv 4x4 8 stride 2", DECONV.format("transposed conv 4x4")),
        ("deconv 3x3 8 stride 2", DECONV.format("transposed conv 3x3")),
        ("deconv 3x3 8", DECONV.format("transposed conv 3x3")),
        ("deconv 4x4 8 stride 2 pad 1", ""),
        ("deconv 2x2 8 stride 2", ""),
        ("up-conv 2x2 8", ""),
        ("gap -> deconv 4x4 8", ""),  # the first layer of a generator
        ("nn.Conv2d(64, 8, 4, stride=2)", ""),
        ("nn.ConvTranspose2d(64, 8, 4, stride=2)", ""),
    ],
)
def test_padding_that_same_does_not_give_is_shown(line: str, decided: str):
    for start in ("padding same; ", ""):
        found = [one for one in shown(start + line, "padding") if one != BY_DEFAULT]
        assert found == ([decided] if decided else [])
    if "nn." not in line:
        assert shown(f"padding valid; {line}", "padding") == []


OTHERS = "no {} next to {}, as only `conv means` is given"


@pytest.mark.parametrize(
    ("text", "decided"),
    [
        (BN_RELU + "deconv 2x2 8 stride 2", OTHERS.format("bn or relu", "transposed conv")),
        (BN_RELU + "up-conv 2x2 8", OTHERS.format("bn or relu", "up-conv")),
        ("conv means conv-relu; [ transposed conv 2x2 8 stride 2 ] x 2",
         OTHERS.format("relu", "transposed conv")),
        ("conv means bn-relu-conv; up-conv 2x2 8", OTHERS.format("bn or relu", "up-conv")),
        (BN_RELU + "up-conv 2x2 8, relu", OTHERS.format("bn", "up-conv")),
        (BN_RELU + "up-conv 2x2 8, gn 2 -> silu", ""),
        (BN_RELU + "up-conv 2x2 8 -> bn -> relu", ""),
        (BN_RELU + "up-conv means up-conv-relu; up-conv 2x2 8", ""),
        (BN_RELU + "deconv means deconv; deconv 2x2 8 stride 2", ""),
        (BN_RELU + "up-conv 2x2 8; END", ""),  # the output layer
        (BN_RELU + "FC-8", ""),
        (BN_RELU + "3x3 dw conv; separable(8)", ""),
        (BN_RELU + "nn.ConvTranspose2d(64, 8, 2, stride=2)", ""),
        ("conv means conv; up-conv 2x2 8", ""),
        ("1x1 conv means conv-relu; up-conv 2x2 8", ""),
        ("fc means fc-relu; up-conv 2x2 8", ""),
    ],
)  # fmt: skip
def test_a_transposed_convolution_without_a_convention_is_shown(text: str, decided: str):
    found = [one for one in shown(text, "companions") if "next to" in one]
    assert found == ([decided] if decided else [])


@pytest.mark.parametrize(
    ("line", "write"),
    [
        ("bn momentum 0.99", "momentum 0.01"),
        ("conv3-8, bn(momentum 0.9)", "momentum 0.1"),
        ("batch norm momentum=0.997", "momentum 0.003"),
        ("bn momentum 90%", "momentum 0.1"),
        ("conv means conv-bn(momentum 0.99)-relu; conv3-8", "momentum 0.01"),
        ("block u(m) { bn momentum (m) }; u(0.9)", "momentum 0.1"),
    ],
)
def test_a_momentum_of_the_old_statistics_is_an_error(line: str, write: str):
    with pytest.raises(archdsl.ArchError, match="or of the old statistics") as caught:
        load(line)
    assert f"write `{write}`" in str(caught.value)
    assert "nn.BatchNorm2d(…, momentum=0.9" in str(caught.value)


@pytest.mark.parametrize("line", ["bn momentum 0.5", "bn momentum 0", "bn momentum 1e-3"])
def test_a_momentum_of_the_new_batch_is_read(line: str):
    assert load(line).output == (2,)


def test_a_listing_has_the_momentum_of_torch():
    net = load("nn.BatchNorm2d(64, momentum=0.99)")
    assert net.graph.nodes[1].op.described == "bn, momentum 0.99"
