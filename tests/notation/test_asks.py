"""What has two plausible meanings is an error that gives both, and both can be written."""

from __future__ import annotations

import pytest

import archdsl

INPUT = "input 56x56x64\n"


@pytest.mark.parametrize(
    ("text", "message", "meanings"),
    [
        # A factor, or the size of the new map?
        ("upsample 64x64", "a factor, or the size", ("upsample to 64x64", "upsample factor 64x64")),
        ("upsample 112x112", "a factor, or the size", ("upsample to 112x112",)),
        ("Upsampling 64 x 128", "a factor, or the size", ("upsample to 64x128",)),
        ("bilinear upsample 64x64", "a factor, or the size", ("upsample to 64x64",)),
        ("gap -> conv1-8 -> upsample 2x2 -> upsample 4x4", "a factor, or the size",
         ("upsample to 4x4", "upsample factor 4x4")),
        ("resize 64x64", "the size of the new map, or a factor", ("resize to 64x64",)),
        # A stride, or another width?
        ("3x3 conv 64/32", "is `64/32` the width 64", ("3x3 conv 64, stride 32", "3x3 conv 32")),
        ("conv3-64/32", "is `64/32` the width 64", ()),
        ("conv 5x5, 16/8", "is `16/8` the width 16", ()),
        ("1x1, 256/64", "is `256/64` the width 256", ("1x1, 256, stride 64", "1x1, 64")),
        ("deconv 4x4 64/32", "is `64/32` the width 64", ()),
        ("3x3 conv 64/32 -> relu", "is `64/32` the width 64", ()),
        # Repetitions, or another width?
        ("3x3 conv 64 x 64", "64 repetitions", ("3x3 conv 64 x64", "3x3 conv 64")),
        ("3x3 conv 64 x 128", "128 repetitions", ("3x3 conv 64 x128", "3x3 conv 128")),
        ("conv3-64 × 64", "64 repetitions", ()),
        ("conv 3x3, 32 x 32", "32 repetitions", ()),
        ("3x3, 16 x 16", "16 repetitions", ()),
        ("c: 5x5 conv 256 x 256", "256 repetitions", ()),
        # The window of a pool, or the size of the map after it?
        ("maxpool 28x28", "the window of the pool, or the size", ("maxpool 28x28 stride 28",
                                                                  "maxpool 2x2")),
        ("pool1: max pool, 28x28", "the window of the pool, or the size", ()),
        ("28x28 avgpool", "the window of the pool, or the size", ("28x28 avgpool stride 28",)),
        ("maxpool 2x2 -> maxpool 14x14", "the window of the pool, or the size", ()),
        ("max pool, size 28", "the window of the pool, or the size", ()),
    ],
)  # fmt: skip
def test_two_plausible_meanings_ask(text: str, message: str, meanings: tuple[str, ...]):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(INPUT + text)
    assert message in caught.value.message
    assert caught.value.help
    graphs = [archdsl.loads(INPUT + one).graph.nodes for one in meanings]
    assert len({tuple(node.op for node in nodes) for nodes in graphs}) == len(meanings)


@pytest.mark.parametrize(
    "text",
    [
        "upsample 2x2",
        "upsample 2",
        "gap -> upsample 7x7",  # either way the same
        "conv7-64/2",
        "3x3 conv 64/2",
        "conv 16x16 768/16",
        "3x3 conv 64 x 3",
        "conv3-64 x2",
        "maxpool 2x2",
        "avgpool 7x7",
        "avgpool 56x56",
        "maxpool 8x8",
    ],
)
def test_one_plausible_meaning_is_read(text: str):
    archdsl.loads(INPUT + text)


BOTH_OR_ONE = "input 56x56x64\nconv means conv-bn-relu\n"


@pytest.mark.parametrize(
    ("text", "both", "one"),
    [
        ("conv3-16 no bn relu", "conv3-16 no bn no relu", "conv3-16 relu no bn"),
        ("conv3-16 no bn, relu", "conv3-16 no bn no relu", "conv3-16 relu no bn"),
        ("conv3-16, no bn and relu", "conv3-16, no bn no relu", "conv3-16, relu no bn"),
        ("conv3-16 no bn or relu", "conv3-16 no bn no relu", "conv3-16 relu no bn"),
        ("conv3-16 no bn-relu", "conv3-16 no bn no relu", "conv3-16 relu no bn"),
        ("conv3-16 without bn, relu x 2", "conv3-16 no bn no relu x 2", "conv3-16 relu no bn x 2"),
        ("conv3-16 no relu, bn", "conv3-16 no relu no bn", "conv3-16 bn no relu"),
        ("3x3, 16, no batch norm relu", "3x3, 16, no bn no relu", "3x3, 16, relu no bn"),
    ],
)
def test_what_follows_a_removal(text: str, both: str, one: str):
    with pytest.raises(archdsl.ArchError, match="does `no` remove") as caught:
        archdsl.loads(f"{BOTH_OR_ONE}{text}\nFC-2")
    assert "to keep it" in str(caught.value)
    kinds = [
        [node.op.kind for node in archdsl.loads(f"{BOTH_OR_ONE}{line}\nFC-2").graph.nodes]
        for line in (both, one)
    ]
    assert len(kinds[0]) < len(kinds[1])


@pytest.mark.parametrize(
    "text",
    ["conv3-16 no bn, leaky relu 0.2", "conv3-16 no bn, maxpool", "conv3-16 no bn, stride 2",
     "conv3-16 no relu, silu", "conv3-16 no activation, silu", "conv3-16 no bn, ln",
     "conv3-16 no bias, relu", "conv3-16 no bn -> relu", "conv3-16 no relu, no bn"],
)  # fmt: skip
def test_what_cannot_be_removed_does_not_ask(text: str):
    archdsl.loads(f"{BOTH_OR_ONE}{text}\nFC-2")


@pytest.mark.parametrize(
    "text",
    ["conv1-1\nconv3-(in - 1)", "conv1-1\nconv3-(in // 2)", "conv1-1\n[conv3-(in // 2); conv1-4]"],
)  # fmt: skip
def test_what_enters_a_line_is_explained(text: str):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(f"input 16x16x16\n{text}\nFC-2")
    assert "`in` is what enters the line, here 1 channel" in str(caught.value)
