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
