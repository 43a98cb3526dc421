"""A layer that changes early in a network is one changed line, whatever follows it."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

import archdsl
from archdsl.compare.alignment import common, gathered
from archdsl.compare.diff import Diff
from archdsl.output.diff import text as shown

HEAD = "input 64x64 RGB\nconv means conv-bn-relu\n"
BRANCHES = "concat { conv1-16; conv3-16; conv5-16 }\n"
NETWORKS = {
    "a chain": "conv3-16\nconv3-16\nmaxpool\nconv3-32 x2\nmaxpool\nconv3-64 x3\nmaxpool\n"
    "FC-64, relu\nFC-10",
    "a chain without pools": "conv3-16\nconv3-16\nconv3-32, stride 2\nconv3-32\n"
    "global average pool\nFC-10",
    "a change among equal layers": "conv3-16 x3\nconv3-16\nconv3-16 x12\nconv3-32 x12\nmaxpool\n"
    "conv3-32 x12\nmaxpool\nFC-10",
    "residual blocks": "[] means residual\nconv3-16\nconv7-16, stride 2\nmaxpool 3x3, stride 2\n"
    "[3x3, 16; 3x3, 16] x2\n[3x3, 32; 3x3, 32] x2, stride 2\n[3x3, 64; 3x3, 64] x2, stride 2\n"
    "global average pool\nFC-10",
    "bottlenecks": "[] means residual\nconv3-16\nconv3-16\n[1x1, 16; 3x3, 16; 1x1, 64] x3\n"
    "[1x1, 32; 3x3, 32; 1x1, 128] x3, stride 2\nglobal average pool\nFC-10",
    "joins": f"conv3-16\nconv3-16\n{BRANCHES}maxpool\n{BRANCHES}conv3-32 x2\nmaxpool\nFC-10",
    "dense blocks": "conv3-16\nconv3-16\n[concat { identity; conv3-8 }] x2\nconv3-16\nmaxpool\n"
    "[concat { identity; conv3-8 }] x2\nglobal average pool\nFC-10",
    "depthwise layers": "conv3-16\nconv3-16\ndw conv 3x3\nconv1-16\ndw conv 3x3\nconv1-16\n"
    "dw conv 3x3, stride 2\nconv1-32\nglobal average pool\nFC-10",
    "gates": "conv3-16\nconv3-16\nsqueeze_excitation\nconv3-16\nsqueeze_excitation\nmaxpool\n"
    "conv3-32\nsqueeze_excitation\nFC-10",
    "two outputs": "conv3-16\nconv3-16\nmaxpool\nt: conv3-32\na: t -> FC-10\nb: t -> conv3-4\n"
    "output a, b",
}
CHANGES = {
    "stride": "conv3-16, stride 2",
    "kernel": "conv5-16",
    "width": "conv3-24",
    "layer": "conv3-16, leaky relu",
    "pad": "conv3-16, pad 0",
    "dilation": "conv3-16, dilation 2",
    "bias": "conv3-16, bias",
}
DERIVED = {"channels", "inputs"}  # the shapes of weights that follow from the input
PADDED = {"kernel", "dilation"}  # decide the padding


def own(diff: Diff) -> list[str]:
    """The attributes that differ, but for those that only follow; `added`, `removed` layers."""
    found = []
    for change in diff.changes:
        names = [one.name for one in change.attributes if one.name not in DERIVED]
        if PADDED & {*names}:
            names = [name for name in names if name != "pad"]
        found += names if change.what == "changed" else [change.what]
    return found


@pytest.mark.parametrize(("name", "change"), [*product(NETWORKS, CHANGES)])
def test_one_attribute_is_one_change(name: str, change: str):
    body = NETWORKS[name]
    one = archdsl.loads(HEAD + body)
    other = archdsl.loads(HEAD + body.replace("conv3-16\n", f"{CHANGES[change]}\n", 1))
    assert own(one.diff(other)) == [change]
    assert own(other.diff(one)) == [change]


@pytest.mark.parametrize("name", NETWORKS)
def test_an_activation_of_the_convention_changes_every_line_alike(name: str):
    one = archdsl.loads(HEAD + NETWORKS[name])
    other = archdsl.loads((HEAD + NETWORKS[name]).replace("bn-relu", "bn-elu"))
    assert {*own(one.diff(other))} == {"layer"}


@pytest.mark.parametrize("name", NETWORKS)
def test_another_input_changes_no_layer(name: str):
    one = archdsl.loads(HEAD + NETWORKS[name])
    other = archdsl.loads(HEAD.replace("64x64", "96x96") + NETWORKS[name])
    assert own(one.diff(other)) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("a chain", "maxpool\n", "avgpool 2x2/2\n", ["layer"]),
        ("a chain", "maxpool\n", "maxpool 3x3, stride 2\n", ["kernel"]),
        ("a chain", "FC-64, relu", "FC-128, relu", ["width"]),
        ("joins", "conv1-16;", "conv1-24;", ["width"]),
        ("joins", "conv5-16 }", "conv3-16 -> conv3-16 }", ["kernel", *["added"] * 3]),
        ("residual blocks", "[3x3, 16; 3x3, 16] x2", "[5x5, 16; 3x3, 16] x2", ["kernel"] * 2),
        ("depthwise layers", "dw conv 3x3\n", "dw conv 5x5\n", ["kernel"]),
    ],
)
def test_changes_of_other_layers(name: str, old: str, new: str, expected: list[str]):
    one = archdsl.loads(HEAD + NETWORKS[name])
    other = archdsl.loads(HEAD + NETWORKS[name].replace(old, new, 1))
    assert sorted(own(one.diff(other))) == sorted(expected)


def test_the_lines_of_a_changed_stride():
    body = "conv3-16\nconv3-16\nmaxpool\nconv3-32 x2\nmaxpool\nFC-64, relu\nFC-10"
    text = f"input 32x32 RGB\nconv means conv-bn-relu\n{body}"
    other = text.replace("conv3-16\n", "conv3-16, stride 2\n", 1)
    lines = shown(archdsl.loads(text).diff(archdsl.loads(other))).splitlines()
    signs = [line.split()[:2] for line in lines if line[:1] in "+-~"]
    assert [sign for sign in signs if sign] == [["~", "conv1.conv"], ["~", "fc1.fc"]]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("ccc", "xcc", [(1, 1), (2, 2)]),
        ("xcc", "ccc", [(1, 1), (2, 2)]),
        ("ccc", "ccx", [(0, 0), (1, 1)]),
        ("abccc", "abxcc", [(0, 0), (1, 1), (3, 3), (4, 4)]),
        ("ababab", "xyabab", [(2, 2), (3, 3), (4, 4), (5, 5)]),
        ("abc", "xab", [(0, 1), (1, 2)]),
        ("", "ab", []),
        ("ab", "ab", [(0, 0), (1, 1)]),
    ],
)
def test_gaps_of_a_common_subsequence_meet(a: str, b: str, expected: list[tuple[int, int]]):
    assert gathered(a, b, common(a, b)) == expected


@pytest.mark.parametrize("seed", range(20))
def test_gathering_keeps_a_common_subsequence(seed: int):
    import random

    choose = random.Random(seed)
    for _ in range(100):
        a, b = ("".join(choose.choices("abc", k=choose.randrange(12))) for _ in "ab")
        pairs = common(a, b)
        moved = gathered(a, b, pairs)
        assert len(moved) == len(pairs)
        assert all(a[x] == b[y] for x, y in moved)
        assert all(p < q and r < s for (p, r), (q, s) in pairwise(moved))
