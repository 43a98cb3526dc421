"""Attributes next to words that could be something else: each pair gives the same network."""

from __future__ import annotations

import pytest

import archdsl

SAME = [
    # A flag of the layer before it.
    ("gelu tanh", "gelu approximate tanh"),
    ("gelu (tanh)", "gelu approximate tanh"),
    ("conv3-8-gelu tanh", "conv3-8 -> gelu approximate tanh"),
    ("gelu -> tanh", "gelu; tanh"),
    ("gelu, tanh", "gelu; tanh"),
    ("conv3-8 gelu tanh", "conv3-8 -> gelu approximate tanh"),
    # A stride after a kernel with its word.
    ("max pool kernel 2x2/3", "max pool 2x2 stride 3"),
    ("max pool size 3x3/2", "max pool 3x3 stride 2"),
    ("max pool window 3/2", "max pool 3x3 stride 2"),
    ("conv kernel 3x3/2 width 8", "conv 3x3/2 8"),
    ("conv kernel size 5x5/2, 8 filters", "conv 5x5/2 8"),
    ("conv kernel_size=3/2, 8 filters", "conv 3x3/2 8"),
    # A flag before an attribute with its sign.
    ("conv 3x3 8 bias padding=2", "conv 3x3 8 pad 2"),
    ("conv 3x3 8 bias stride=2", "conv 3x3 8 stride 2"),
    ("conv 3x3 8 bias dilation = 2", "conv 3x3 8 dilation 2"),
    ("conv 3x3 8 no bias padding=2", "conv 3x3 8 no bias pad 2"),
    ("conv 3x3 depthwise stride=2", "dw conv 3x3 stride 2"),
    ("conv 3x3 8 stride r = 2", "conv 3x3 8 stride 2"),
    ("conv 5x5 8 circular pad: 2", "conv 5x5 8 circular, pad 2"),
    ("conv 5x5 8 circular padding=2", "conv 5x5 8 circular, pad 2"),
    ("conv 5x5 8 circular pad = 1", "conv 5x5 8 circular, pad 1"),
    ("conv 5x5 8 reflect pad: 2", "conv 5x5 8 reflect, pad 2"),
    # A unit before a flag.
    ("input 8x8x9, 1 channels volume; conv 3x3x3 4",
     "input 8x8x9, volume, 1 channels; conv 3x3x3 4"),
    ("input 8x8x9, 2 channels volume; conv 3x3x3 4", "input 8x8x9x2; conv 3x3x3 4"),
    ("conv 3x3, 8 filters valid", "conv 3x3 8 valid"),
    ("conv 3x3, 8 filters dilation 2", "conv 3x3 8 dilation 2"),
    ("conv 3x3, 8 channels no bias", "conv 3x3 8 no bias"),
    ("conv 3x3, 8 filters reflect", "conv 3x3 8 reflect"),
]  # fmt: skip


def load(text: str) -> archdsl.Network:
    text = text.replace("; ", "\n")
    return archdsl.loads(text if text.startswith("input") else f"input 16x16x8\n{text}")


@pytest.mark.parametrize(("text", "plain"), SAME)
def test_an_attribute_goes_where_it_is_meant(text: str, plain: str):
    found = load(text).diff(load(plain))
    assert found.same, found


def test_did_you_mean_never_gives_the_word_itself():
    with pytest.raises(archdsl.ArchError) as caught:
        load("conv 5x5 8 foo pad: 2 : 3")
    assert "did you mean `pad`" not in (caught.value.help or "")
