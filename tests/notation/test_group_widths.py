"""Groups given by the channels of each, as RegNet's group width: `conv3-16 groups of 8`."""

from __future__ import annotations

import pytest

import archdsl

INPUT = "input 16x16x16\n"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("conv3-16 groups of 8", "conv3-16 groups 2"),
        ("conv3-16, groups of 4", "conv3-16 groups 4"),
        ("conv3-16 groups of size 8", "conv3-16 groups 2"),
        ("conv3-16 groups of 8 channels", "conv3-16 groups 2"),
        ("conv3-16, groups of 2 channels each", "conv3-16 groups 8"),
        ("conv3-16 group width 8", "conv3-16 groups 2"),
        ("conv3-16, group width: 8, stride 2", "conv3-16 groups 2 stride 2"),
        ("conv3-16 group_width=8", "conv3-16 groups 2"),
        ("conv3-16 group size 8", "conv3-16 groups 2"),
        ("conv3-16, 8 channels per group", "conv3-16 groups 2"),
        ("conv3-16 with 16 channels per group", "conv3-16"),
        ("conv3-16, channels per group 1", "conv3-16 groups 16"),
        ("3x3, 16, group width 8", "3x3, 16, groups 2"),
        ("deconv 4x4 16 stride 2 group width 8", "deconv 4x4 16 stride 2 groups 2"),
        ("gn groups of 4", "gn groups 4"),
        ("gn, 8 channels per group", "gn groups 2"),
        ("channel shuffle groups of 8", "channel shuffle 2"),
        # Still numbers of groups.
        ("conv3-16 groups 8", "conv3-16, 8 groups"),
        ("conv3-16 groups: 8", "conv3-16, 8 groups"),
        # Either way the same.
        ("conv3-24 groups of 8", "conv3-24 groups 2"),
    ],
)
def test_the_width_of_groups(text: str, plain: str):
    found, expected = (archdsl.loads(f"{INPUT}{one}\nFC-2") for one in (text, plain))
    assert found.diff(expected).same


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("conv3-32 groups of 8", "those of the 16 channels, or of the 32 filters?",
         "write `groups 2`, or `groups 4`"),
        ("conv3-16 groups of 5", "16 channels cannot be divided into groups of 5", "groups 5"),
        ("gn group width 3", "16 channels cannot be divided into groups of 3", "divides them"),
        ("conv3-16 groups 2 group width 8", "the groups are given twice", "remove one"),
        ("dw conv 3x3 group width 8", "a depthwise convolution has a group for each", "remove"),
    ],
)  # fmt: skip
def test_widths_of_groups_that_cannot_be(text: str, message: str, help: str):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(f"{INPUT}{text}\nFC-2")
    assert message in caught.value.message
    assert help in (caught.value.help or "")
