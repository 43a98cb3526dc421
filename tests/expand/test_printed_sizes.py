"""What printed sizes settle, compared with texts that write it out and with exact totals."""

from __future__ import annotations

import pytest
from googlenet_text import GOOGLENET
from reference import check

import archdsl
from archdsl import spec_files
from archdsl.network import Network

STAGES = {
    "resnet18": ("3x3, {0}; 3x3, {0}", (2, 2, 2, 2), 1),
    "resnet34": ("3x3, {0}; 3x3, {0}", (3, 4, 6, 3), 1),
    "resnet50": ("1x1, {0}; 3x3, {0}; 1x1, {1}", (3, 4, 6, 3), 4),
    "resnet101": ("1x1, {0}; 3x3, {0}; 1x1, {1}", (3, 4, 23, 3), 4),
    "resnet152": ("1x1, {0}; 3x3, {0}; 1x1, {1}", (3, 8, 36, 3), 4),
}


RESNETS = {
    "resnet18": "ResNet-18 (paper: option B, stride on first conv)",
    "resnet34": "ResNet-34 (paper: option B, stride on first conv)",
    "resnet50": "ResNet-50 (paper: option B, stride on first conv)",
    "resnet101": "ResNet-101 (paper: option B, stride on first conv)",
    "resnet152": "ResNet-152 (paper: option B, stride on first conv)",
}


def resnet(name: str) -> str:
    """Table 1 of He et al. 2015 as lines, with only the strides and the padding that it prints."""
    bracket, counts, wider = STAGES[name]
    stages = "".join(
        f"conv{i + 2}_x: [{bracket.format(w := 64 * 2**i, w * wider)}] x {count}"
        f"  => {56 // 2**i}x{56 // 2**i}\n"
        for i, count in enumerate(counts)
    )
    return (
        f"network {name}\ninput 224x224 RGB\nconv means conv-bn-relu\n[] means residual\n"
        "stride on first\nshortcut B\nsizes decide stride, padding\n"
        "conv1: 7x7, 64, stride 2  => 112x112\npool1: 3x3 max pool, stride 2  => 56x56\n"
        f"{stages}average pool, 1000-d fc, softmax  => 1x1\n"
    )


def load(text: str, **options) -> Network:
    net = archdsl.loads(text, **options)
    net.graph.check()
    return net


def settled(net: Network) -> list[tuple[str, str, str]]:
    return [(s.where, s.what, s.printed) for s in net.settled]


def verdicts(net: Network) -> set[str]:
    return {claim.verdict for claim in net.claims}


def lines(
    text: str, header: str = "sizes decide stride, padding", size: str = "32x32x4"
) -> Network:
    return load(f"input {size}\n{header}\n{text}\nFC-2")


def same_layers(a: Network, b: Network) -> bool:
    return [(n.op, n.inputs, n.shape) for n in a.graph.nodes] == [
        (n.op, n.inputs, n.shape) for n in b.graph.nodes
    ]


@pytest.mark.parametrize("name", RESNETS)
def test_the_table_of_resnets_settles_itself(name: str):
    net = load(resnet(name))
    check(net, RESNETS[name])
    assert verdicts(net) == {"holds"}
    assert settled(net) == [
        ("pool1", "pad 1", "56x56"),
        ("conv3_x", "stride 2", "28x28"),
        ("conv4_x", "stride 2", "14x14"),
        ("conv5_x", "stride 2", "7x7"),
    ]
    assert same_layers(net, archdsl.load(name))


def test_the_table_of_googlenet_settles_itself():
    net = load(GOOGLENET)
    assert (net.params, net.macs) == (6_998_552, 1_582_671_872)
    assert verdicts(net) == {"holds"}
    assert settled(net) == [
        ("pool1", "pad 1", "56x56x64"),
        ("pool2", "pad 1", "28x28x192"),
        ("pool3", "pad 1", "14x14x480"),
        ("pool4", "pad 1", "7x7x832"),
        ("pool5", "pad 0", "1x1x1024"),
    ]


def test_alexnet_needs_no_written_padding():
    text = spec_files.read_source(spec_files.names()["alexnet"]).text
    bare = text.replace(", pad 0", "").replace(", pad 1", "").replace(", pad 2", "")
    assert "pad" not in bare
    net = load(bare + "sizes decide padding\n")
    assert same_layers(net, archdsl.load("alexnet"))
    # The pools give the sizes as they are: 55 to 27 rounds down, without padding.
    assert settled(net) == [("CONV1", "pad 0", "55x55x96")]


def test_sizes_of_alexnet_settle_strides_and_widths():
    text = spec_files.read_source(spec_files.names()["alexnet"]).text
    bare = text.replace(" at stride 1, pad 2", "").replace(" at stride 1, pad 1", "")
    bare = (
        bare.replace(": 256 5x5", ": 5x5").replace(": 384 3x3", ": 3x3").replace("256 3x3", "3x3")
    )
    bare = bare.replace("FC7**: 4096 neurons", "FC7**: fc")
    net = load(bare + "sizes decide padding\n")
    assert same_layers(net, archdsl.load("alexnet"))
    assert ("FC7", "width 4096", "4096") in settled(net)
    assert ("CONV2", "width 256", "27x27x256") in settled(net)


def test_all_cnn_needs_no_written_padding():
    text = spec_files.read_source(spec_files.names()["all_cnn_c"]).text
    assert text.count(" valid") == 1
    net = load(text.replace(" valid", "") + "sizes decide padding\n")
    assert same_layers(net, archdsl.load("all_cnn_c"))
    assert settled(net) == [("conv7", "pad 0", "6x6")]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("conv3-8 => 32x32", None),  # as it is by default
        ("conv3-8 => 30x30", "pad 0"),
        ("conv3-8 => 16x16", "stride 2"),
        ("conv3-8 => 16x16x8", "stride 2"),
        ("[16x16x8] conv3-8", "stride 2"),
        ("conv3-8 => output 16x16", "stride 2"),
        ("conv3-8 stride 3 => 10x10", "pad 0"),
        ("conv3-8 => 16x32", "stride 2x1"),
        ("conv3-8 dilation 2 => 28x28", "pad 0"),
        ("conv1-8 => 8x8", "stride 4"),
        ("maxpool 3x3/2 => 15x15", None),
        ("maxpool 3x3/2 => 16x16", "pad 1"),
        ("maxpool 2x2/2 => 16x16", None),
        ("maxpool 3x3/3 => 11x11", "pad 1"),
        ("maxpool 4x4/3 => 11x11", "ceil"),
        ("avg pool 7x7/1 => 26x26", "pad 0"),
        ("maxpool 3x3 => 16x16", "stride 2, pad 1"),
        ("global average pool => 1x1", None),
        ("conv 3x3 => 32x32x8", "width 8"),
        ("conv 3x3 => 16x16x8", "width 8, stride 2"),
        ("conv3-8 maxpool 3x3/2 pad 1 => 16x16", None),
        ("conv3-8 stride 1 pad 1 maxpool 3x3/2 => 16x16", "pad 1"),
        ("conv3-8 stride 1 conv1-8 => 30x30", "pad 0"),
        ("conv3-8 relu => 16x16", "stride 2"),
    ],
)
def test_settings_of_one_line(line: str, what: str | None):
    net = lines(line)
    assert [s.what for s in net.settled] == ([what] if what else [])
    assert verdicts(net) == {"holds"}


def test_only_what_the_statement_names_is_settled():
    for header, what in [
        ("", []),
        ("sizes decide stride", ["stride 2"]),
        ("sizes decide padding", []),
        ("sizes decide padding, stride", ["stride 2"]),
    ]:
        assert [s.what for s in lines("conv3-8 => 16x16", header).settled] == what
    assert [s.what for s in lines("conv3-8 => 30x30", "sizes decide stride").settled] == []
    assert verdicts(lines("conv3-8 => 30x30", "sizes decide stride")) == {"fails"}
    # A width is settled whatever sizes decide.
    assert lines("conv 3x3 => 32x32x8", "sizes decide stride").settled[0].what == "width 8"
    with pytest.raises(archdsl.ArchError, match="no width"):
        lines("conv 3x3 => 32x32x8", "")


def test_printed_attributes_win():
    for line in (
        "conv3-8 stride 1 pad 1 => 16x16",
        "conv3-8 stride 1 => 16x16",
        "maxpool 3x3/2 pad 0 => 16x16",
        "maxpool 3x3/3 ceil => 10x10",
        "[ conv3-8; conv3-8 ] x 2, stride 4 => 16x16",
        "conv 3x3 8 => 32x32x9",
    ):
        net = lines(line)
        assert settled(net) == [] and verdicts(net) == {"fails"}, line
    # A convention prints too: it fills the gap first.
    net = lines("conv3-8 => 30x30", "conv means conv pad 1\nsizes decide padding")
    assert settled(net) == [] and verdicts(net) == {"fails"}


def test_a_size_that_nothing_leads_to_changes_nothing():
    for line in (
        "conv3-8 => 13x13",
        "conv3-8 => 15x15",
        "[ conv3-8; maxpool ] => 11x11",
        "conv3-8 => 64x64",
    ):
        net = lines(line)
        assert settled(net) == [] and verdicts(net) == {"fails"}, line
        assert same_layers(net, lines(line.partition("=>")[0]))


def test_an_erratum_settles_nothing():
    net = lines('conv3-8 => 16x16 erratum "a slip"')
    assert settled(net) == [] and verdicts(net) == {"erratum"}


def test_nothing_is_guessed_for_several_windows():
    net = lines("conv3-8 maxpool 3x3/2 => 8x8")
    assert settled(net) == [] and verdicts(net) == {"fails"}
    # Of a chain with arrows the last link with a window.
    net = lines("conv3-8 -> maxpool 3x3/2 -> relu => 16x16")
    assert settled(net) == [("conv1.pool1", "pad 1", "16x16")]
    net = lines("[16x16x8] conv3-8 -> [8x8x8] maxpool 3x3/2")
    assert settled(net) == [
        ("conv1.conv1", "stride 2", "16x16x8"),
        ("conv1.pool1", "pad 1", "8x8x8"),
    ]


def test_settings_of_repeated_lines():
    net = lines("conv3-8 x3 => 16x16")
    assert [n.op.stride for n in net.graph.nodes[1:4]] == [(2, 2), (1, 1), (1, 1)]
    assert settled(net) == [("conv1.0", "stride 2", "16x16")]


def test_input_sizes_settle_the_line_before():
    """Inception v3's table prints what enters each line."""
    net = lines(
        "conv 3x3 32, stride 2\nconv 3x3 => input 149x149x32\n"
        "conv3-64 => input 147x147x32\nmaxpool 3x3/2 => input 147x147x64\n"
        "conv 3x3 80 => input 73x73x64\nconv1-8 => input 71x71x80",
        size="299x299x3",
    )
    assert verdicts(net) == {"holds"}
    assert settled(net) == [
        ("conv1", "pad 0", "149x149x32"),
        ("conv2", "width 32, pad 0", "147x147x32"),
        ("conv4", "pad 0", "71x71x80"),
    ]
    # A line's own output size comes first.
    net = lines("conv3-8 => 30x30\nconv1-8 => input 16x16x8")
    assert settled(net) == [("conv1", "pad 0", "30x30")]


BLOCKS = (
    "block down(c, s=1) { conv3-c stride (s); conv3-c }\n"
    "block wide(c, stride=1) { conv3-c stride (stride) }\n"
    "block plain_(c) { conv3-c }\nnetwork a\n"
)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("[ conv3-8; conv3-8 ] x 2 => 16x16", "stride 2"),
        ("{ conv3-8; conv3-8 } => 8x8", "stride 4"),
        ("[ conv3-8; maxpool ] x 2 => 8x8", None),  # as it is written
        ("residual [ conv3-8; conv3-8 ] x 2 => 16x16", "stride 2"),
        ("down(8) x 2 => 16x16", "stride 2"),
        ("down(c=8) => 16x16", "stride 2"),
        ("wide(8) => 16x16x8", "stride 2"),
        ("down(8, 2) => 16x16", None),
        ("[ conv3-8; [ conv3-8; conv3-8 ] => 16x16 ] => 16x16", "stride 2"),
        ("conv3-8 -> down(8) => 16x16", "stride 2"),
    ],
)
def test_settings_of_groups_and_blocks(line: str, what: str | None):
    text = f"{BLOCKS}input 32x32x4\nsizes decide stride, padding\n{line}\nFC-2"
    net = load(text)
    assert [s.what for s in net.settled] == ([what] if what else [])
    assert verdicts(net) == {"holds"}


@pytest.mark.parametrize(
    "line",
    [
        "plain_(8) => 16x16",  # does not take a stride
        "down(8, 1) => 16x16",  # has one
        "down(8, s=1) => 16x16",
        "add { conv3-8; conv1-8 } => 16x16",
        "identity => 16x16",
        "[ relu ] x 2 => 16x16",
    ],
)
def test_a_size_that_cannot_be_settled_fails_as_a_claim(line: str):
    net = load(f"{BLOCKS}input 32x32x4\nsizes decide stride, padding\n{line}\nFC-2")
    assert settled(net) == [] and verdicts(net) == {"fails"}


def test_a_stride_that_the_text_gives_is_not_doubled():
    text = "[ { conv3-8; conv3-8 } => 16x16; conv3-8 ] x 2, stride 2 => 16x16"
    net = lines(text)
    assert settled(net) == [] and verdicts(net) == {"holds"}


def test_sizes_decide_in_the_branches_of_joins():
    net = lines("concat { maxpool 3x3/2 => 16x16x4; conv3-4 => 16x16x4 }")
    assert [s.what for s in net.settled] == ["pad 1", "stride 2"]
    assert net.rows[0].output == (8, 16, 16)


def test_copies_of_repetitions_and_blocks_keep_settings():
    block = "block b { conv3-4 => 32x32x4; conv 3x3 => 32x32x4 }\nnetwork a\n"
    net = load(f"{block}input 32x32x4\nsizes decide stride, padding\nb x 3\nb\nFC-2")
    assert [s.path[:2] for s in net.graph.origin.settled] == [
        ("b1", "0"), ("b1", "1"), ("b1", "2"), ("b2", "conv2")
    ]  # fmt: skip
    assert len(net.settled) == 1  # one line of the text


def test_another_input_keeps_the_settings_of_the_papers_input():
    for name in ("resnet18", "resnet50"):
        changed, written = (
            load(resnet(name), input=(200, 160)),
            archdsl.load(name, input=(200, 160)),
        )
        assert changed.macs == written.macs
        assert settled(changed) == settled(load(resnet(name)))
        assert verdicts(changed) == {"not judged"}
    net = load(GOOGLENET, input=(320, 320))
    assert [r.output[1] for r in net.rows if r.kind == "pool"] == [80, 40, 20, 10, 4]


def test_other_parameters_keep_settings():
    text = (
        "network n(k=1, n=2)\ninput 32x32x4\nsizes decide stride, padding\n"
        "conv1-4 if k > 1\nconv3-(8*k) => 30x30x8\n[ conv3-8; conv3-8 ] x n => 15x15\n"
        "conv 3x3 => 13x13x6\nFC-2"
    )
    assert [s.what for s in load(text).settled] == ["pad 0", "stride 2", "width 6, pad 0"]
    wide = load(text, parameters={"k": 2, "n": 3})
    assert [row.output for row in wide.rows] == [
        (4, 32, 32), (16, 30, 30), (8, 15, 15), (6, 13, 13), (2,)
    ]  # fmt: skip
    small = load(text, parameters={"k": 2}, input=(20, 20))
    assert [row.output[1:] for row in small.rows[:4]] == [(20, 20), (18, 18), (9, 9), (7, 7)]


def test_other_parameters_may_make_another_line_the_output():
    text = (
        "network n(k=1)\ninput 32x32x4\nsizes decide stride\nconv means bn-relu-conv\n"
        "conv3-8 => 16x16\nconv1-2 if k == 1"
    )
    assert load(text).rows[0].output == (8, 16, 16)
    assert load(text, parameters={"k": 2}).rows[0].output == (8, 16, 16)


def test_a_block_used_at_two_sizes_keeps_the_settings_of_each():
    """A size settles something in one use and nothing in the other."""
    text = (
        "block b { maxpool 3x3/2 => 16x16 }\nnetwork a\ninput 32x32x4\nsizes decide padding\n"
        "concat { b; [ conv1-4 pad 1; conv 2x2 4; b ] }\nFC-2"
    )
    net = load(text)
    assert [s.what for s in net.settled] == ["pad 1"]
    pools = [n.op.pad for n in load(text, input=(64, 64)).graph.nodes if n.op.kind == "pool"]
    assert pools == [n.op.pad for n in net.graph.nodes if n.op.kind == "pool"] == [(1, 1), (0, 0)]


def test_the_inputs_of_mobilenet_settle_its_strides():
    """MobileNetV2's Table 2 without its column of strides."""
    net = load(
        "block bottleneck(t, c, s=1) {\n  add {\n    identity if s == 1 and in == c\n"
        "    [ conv 1x1 (t*in) if t != 1; conv 3x3 (t*in) groups (t*in) stride (s);"
        " conv 1x1 (c) no relu6 ]\n  }\n}\n"
        "network mobilenet_v2\ninput 224x224 RGB\nconv means conv-bn-relu6\nsizes decide stride\n"
        "conv3-32             => input 224x224x3\n"
        "bottleneck(1, 16)      => input 112x112x32\n"
        "bottleneck(6, 24) x 2  => input 112x112x16\n"
        "bottleneck(6, 32) x 3  => input 56x56x24\n"
        "bottleneck(6, 64) x 4  => input 28x28x32\n"
        "bottleneck(6, 96) x 3  => input 14x14x64\n"
        "bottleneck(6, 160) x 3 => input 14x14x96\n"
        "bottleneck(6, 320)     => input 7x7x160\n"
        "conv1-1280             => input 7x7x320\n"
        "avgpool 7x7            => input 7x7x1280\n"
        "conv1-1000             => input 1x1x1280\nflatten\n"
    )
    assert (net.params, net.macs) == (3_504_872, 300_774_272)
    assert verdicts(net) == {"holds"}
    assert {s.what for s in net.settled} == {"stride 2"} and len(net.settled) == 5


def test_a_parameter_without_a_default_changes_nothing_of_the_paper():
    text = "network n(k)\ninput 32x32x4\nsizes decide stride\nconv3-(k) => 16x16\nFC-2"
    assert load(text, parameters={"k": 3}).rows[0].output == (3, 16, 16)
    assert load(text, parameters={"k": 3}, input=(8, 8)).rows[0].output == (3, 4, 4)


def test_the_summary_shows_what_was_settled():
    net = load(resnet("resnet18"))
    remark = (
        "settled by printed sizes: pool1 pad 1 (112×112 → 56×56); conv3_x stride 2 (56×56 → 28×28)"
    )
    assert remark in net.summary(width=200)
    assert remark in net._repr_html_()
    assert net.to_dict()["settled"][0] == {
        "where": "pool1",
        "what": "pad 1",
        "input": [64, 112, 112],
        "printed": "56x56",
    }
    assert "settled" not in archdsl.load("resnet18").summary()


def test_hostile_sizes_are_refused_in_time():
    deep = "input 64x64x2\nsizes decide stride, padding\n" + "[ " * 40 + "relu" + " => 3x3 ]" * 40
    with pytest.raises(archdsl.ArchError, match="too many printed sizes that no stride leads to"):
        archdsl.loads(deep + "\nFC-2")
    for line in ("conv3-8 => 0x0", "[ conv3-8 ] => 0x0", "conv3-8 => 999999999999999999x1"):
        assert verdicts(lines(line)) == {"fails"}
    huge = "999999999999999999x999999999999999999x999999999999999999"
    with pytest.raises(archdsl.ArchError):
        lines(f"conv 3x3 => {huge}")


@pytest.mark.parametrize("line", ["conv 5x5x3x8", "conv 5x5x3, 8 filters"])
def test_kernels_that_include_a_width(line: str):
    head = "input 12x12 RGB\nsizes decide stride, padding\n"
    net = archdsl.loads(f"{head}{line} => 4x4x8\nFC 128x10 => 10\n")
    assert (net.params, net.output) == (5 * 5 * 3 * 8 + 8 + 1290, (10,))
    assert {claim.verdict for claim in net.verify()} == {"holds"}


def test_the_width_of_a_depthwise_convolution_is_not_settled():
    net = archdsl.loads("input 12x12x4\nsizes decide stride\n3x3 dw conv => 6x6x4\n")
    assert [one.name for found in net.settled for one in found.settings] == ["stride"]
    wider = archdsl.loads("input 12x12x4\nsizes decide stride\n3x3 dw conv => 6x6x8\n")
    assert wider.output == (8, 6, 6)
