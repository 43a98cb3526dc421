"""Repeats of layers: what they repeat, and what may follow them."""

from __future__ import annotations

import pytest

import archdsl

HEAD = "input 32x32x16\nconv means conv-bn-relu\n"


def load(text: str) -> archdsl.Network:
    return archdsl.loads(f"{HEAD}{text}\nFC-2")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("conv3-16 x 2, no relu", "conv3-16 no relu x 2"),
        ("conv3-16 x2, no relu", "conv3-16 no relu x 2"),
        ("conv3-16 x 3, pad 1, no bias", "conv3-16 pad 1 no bias x 3"),
        ("conv3-16 x 2 valid", "conv3-16 valid x 2"),
        ("conv3-16 × 2, dilation 2", "conv3-16 dilation 2 x2"),
        ("3x3, 16 x 2, pad 1", "3x3, 16, pad 1 x2"),
        ("conv 3x3, 16 x2, groups 4", "conv 3x3, 16, groups 4 x2"),
        ("c: conv3-(16) x 2, no bn", "c: conv3-16 no bn x2"),
        ("upsample x3, bilinear", "upsample 3 bilinear"),
        ("upsample 2x", "upsample 2"),
        ("upsample 2x, bilinear", "bilinear upsample 2"),
        ("2x upsample", "upsample 2"),
        # A window, and what it is next to.
        ("maxpool 2 x 2, stride 2", "maxpool 2x2"),
        ("conv 3 x 3, 16, pad 1", "conv3-16"),
        ("conv3-16, relu x 2", "conv3-16 x 2"),
        ("conv3-16, scale 0.5 x2", "{ conv3-16, scale 0.5 } x 2"),
        ("conv3-16, stochastic depth 0.2 x 2", "{ conv3-16, stochastic depth 0.2 } x 2"),
        ("2x conv3-16 -> maxpool", "conv3-16 x2\nmaxpool"),
    ],
)
def test_attributes_after_a_repeat(text: str, plain: str):
    assert load(text).diff(load(plain)).same


@pytest.mark.parametrize(
    ("text", "message", "meanings"),
    [
        ("conv3-16 x 2, stride 2", "is `stride 2` that of each repetition, or of the first?",
         ("conv3-16 stride 2 x2", "{ conv3-16 } x 2, stride 2")),
        ("conv3-16 x2, stride 2", "is `stride 2` that of each", ()),
        ("3x3, 16 x 3, s2", "is `s2` that of each", ("3x3, 16 s2 x3",)),
        ("conv3-16 x 2, silu", "is `silu` repeated too?",
         ("{ conv3-16; silu } x 2", "conv3-16 x2 -> silu")),
        ("conv3-16 x2 dropout", "is `dropout` repeated too?", ()),
        ("conv3-16 x2, maxpool", "is `maxpool` repeated too?",
         ("{ conv3-16; maxpool } x 2", "conv3-16 x2 -> maxpool")),
        ("conv3-16, maxpool x 2", "is `maxpool` repeated alone?",
         ("conv3-16 -> maxpool x2", "{ conv3-16; maxpool } x 2")),
        ("conv3-16 maxpool x2", "is `maxpool` repeated alone?", ()),
        ("c: conv3-16 bn relu, 2x2 maxpool x 2", "is `2x2 maxpool` repeated alone?",
         ("conv3-16 bn relu -> 2x2 maxpool x2",)),
        ("2x conv3-16, maxpool", "is `conv3-16` repeated alone?",
         ("2x conv3-16 -> maxpool", "2x { conv3-16; maxpool }")),
        ("conv3-16, conv3-32 x 2", "is `conv3-32` repeated alone?", ()),
        ("fc 16 x 2", "inputs and width, or 2 repetitions?", ()),
        ("gap -> fc 16 x 2", "inputs and width, or 2 repetitions?", ("gap -> fc 16x2",
                                                                      "gap -> fc 16 x2")),
        ("gap, fc 16 x 2, relu", "inputs and width, or 2 repetitions?", ()),
        ("conv3-16 2x", "a repeat after its layer", ("2x conv3-16",)),
    ],
)  # fmt: skip
def test_a_repeat_with_two_meanings_asks(text: str, message: str, meanings: tuple[str, ...]):
    with pytest.raises(archdsl.ArchError) as caught:
        load(text)
    assert message in caught.value.message
    graphs = [tuple(node.op for node in load(one).graph.nodes) for one in meanings]
    assert len({*graphs}) == len(meanings)
    for one in meanings:
        # The help gives its part of the line.
        assert one.split("gap -> fc ")[-1] in (caught.value.help or "")


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("conv2d 1x1 16, NBN", "no batch norm: write `no bn`"),
        ("atrous conv 3x3 16", "write `dilation 2`"),
        ("conv3-16, activation silu", "`conv3-64, silu`"),
        ("sep conv 3x3 16", "`separable(64)`"),
        ("downsample 2", "`max pool 2x2`"),
    ],
)
def test_words_that_have_another_name(text: str, help: str):
    with pytest.raises(archdsl.ArchError) as caught:
        load(text)
    assert help in (caught.value.help or "")
