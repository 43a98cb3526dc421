"""Padding of convolutions and pools, padding layers, and slices."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archdsl
from archdsl.errors import ArchError


def op(line: str, input: str = "8x9x4") -> object:
    """The layer that a line describes."""
    return archdsl.loads(f"input {input}\n{line}\nrelu").graph.nodes[1].op


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("conv3-4 reflect", "conv3-4 padding mode reflect"),
        ("conv3-4 reflect", "conv3-4 reflect padding"),
        ("conv3-4 reflect padding 1", "conv 3x3 4 padding_mode=reflect pad 1"),
        ("conv3-4", "conv3-4 padding mode zeros"),
        ("conv1-4 circular", "conv1-4"),  # nothing is padded
        ("conv3-4 valid replicate", "conv3-4 valid"),
        ("conv3-4 circular", "nn.Conv2d(4, 4, 3, padding=1, padding_mode='circular')"),
        ("conv3-4 replicate", "nn.Conv2d(4, 4, 3, padding='same', padding_mode='replicate')"),
        ("zero padding 1", "zero pad 1x1"),
        ("zero padding 1", "zero padding left 1 right 1 top 1 bottom 1"),
        ("zero padding 1", "zero-padding 1"),
        ("zero padding 1", "ZeroPad2d 1"),
        ("zero padding 1", "nn.ZeroPad2d(1)"),
        ("zero padding 1x2", "zero padding 2, top: 1, bottom: 1"),
        ("zero padding left 1 top 3", "nn.ZeroPad2d((1, 0, 3, 0))"),
        ("zero padding right (4 - 3) bottom 2", "nn.ZeroPad2d((0, 1, 0, 2))"),
        ("reflection padding 3", "nn.ReflectionPad2d(3)"),
        ("replication padding right 2", "nn.ReplicationPad2d(padding=(0, 2, 0, 0))"),
        ("circular padding 1x2", "nn.CircularPad2d((2, 2, 1, 1))"),
        ("avgpool 3/2 pad 1 exclude padding", "nn.AvgPool2d(3, 2, 1, count_include_pad=False)"),
        ("avgpool 3/2 pad 1 count_include_pad=False", "avgpool 3/2 pad 1 exclude pad"),
        ("avgpool 3/2 pad 1", "nn.AvgPool2d(3, 2, 1, False, True)"),
        ("avgpool 3/2 exclude padding", "avgpool 3/2"),  # nothing is padded
        ("slice channels 0 to 2", "slice channels to 2"),
        ("slice channels from 1 to 4", "slice channels from 1"),
        ("slice step 2", "slice step 2x2"),
        ("channelpad 9 both sides", "channelpad 9 front 2"),
    ],
)
def test_spellings_of_one_layer(first: str, second: str):
    assert op(first) == op(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("conv3-4 reflect", "conv3-4"),
        ("conv3-4 reflect", "conv3-4 replicate"),
        ("zero padding left 1", "zero padding right 1"),
        ("zero padding 1", "replication padding 1"),
        ("avgpool 3/1 exclude padding", "avgpool 3/1"),
        ("channelpad 9 both sides", "channelpad 9"),
    ],
)
def test_similar_spellings_of_different_layers(first: str, second: str):
    nets = [archdsl.loads(f"input 8x9x4\n{line}\nconv3-2\nFC-2") for line in (first, second)]
    assert op(first) != op(second)
    assert not nets[0].diff(nets[1]).same


def test_values_after_padding():
    """Named sides, on an image of distinct pixels."""
    net = archdsl.loads("input 2x3x1\nzero padding left 1 bottom 2\nrelu")
    image = torch.arange(1.0, 7).view(1, 1, 2, 3)
    expected = torch.tensor([[0, 1, 2, 3], [0, 4, 5, 6], [0, 0, 0, 0], [0, 0, 0, 0]]).float()
    assert torch.equal(net.module()(image)[0, 0], expected)
    net = archdsl.loads("input 3x4x2x1 clip\nreplication padding front 2\nrelu")
    clip = torch.rand(1, 1, 3, 4, 2)
    assert torch.equal(net.module()(clip), clip[:, :, [0, 0, 0, 1, 2]])


def test_shortcut_option_a_from_slices_and_padding():
    """The subsampling and the new channels of He et al. 2015, written out."""
    block = "block a { add { [ slice step 2; channelpad 8 ]; [ conv3-8 stride 2; conv3-8 ] } }\n"
    ours = archdsl.loads(f"{block}input 9x8x4\na\n")
    theirs = archdsl.loads(
        "input 9x8x4\nshortcut A\n[] means residual\n[conv3-8; conv3-8], stride 2\n"
    )
    x = torch.rand(2, 4, 9, 8)
    module, other = ours.module(), theirs.module()
    other.load_state_dict(dict(zip(other.state_dict(), module.state_dict().values(), strict=True)))
    assert torch.allclose(module(x), other(x), atol=1e-6)


def test_channels_are_split_and_joined():
    net = archdsl.loads(
        "input 8x8x6\nconcat { slice channels from (in//2); slice channels to (in//2) }\nrelu"
    )
    x = torch.rand(1, 6, 8, 8)
    assert torch.equal(net.module()(x), x[:, [3, 4, 5, 0, 1, 2]])


def test_a_causal_convolution():
    """No output reads a later sample (van den Oord et al. 2016, Figure 3)."""
    net = archdsl.loads(
        "network causal(k=3)\ninput 40x1\nlet d = 4\n"
        "zero padding left ((k - 1) * d) -> conv kernel k width 2 dilation d valid\n"
    )
    assert net.output == (2, 40)
    x = torch.rand(1, 1, 40, requires_grad=True)
    net.module()(x)[0, :, 20].sum().backward()
    assert x.grad[0, 0].nonzero().flatten().tolist() == [12, 16, 20]


def test_conventions_with_padding():
    net = archdsl.loads("input 8x8x3\nconv means conv reflect-relu\nconv3-4\nconv3-4 zeros\nFC-2")
    modes = [m.padding_mode for m in net.module().modules() if isinstance(m, nn.Conv2d)]
    assert modes == ["reflect", "zeros"]
    assert "padding_mode='reflect'" in net.source()
    text = "input 8x8x3\nconv reflect means conv-bn\nconv3-4 reflect\nconv3-4\nFC-2"
    assert [n.op.kind for n in archdsl.loads(text).graph.nodes[1:4]] == ["conv", "bn", "conv"]


@pytest.mark.parametrize("name", ["left", "right", "top", "bottom", "front", "back"])
def test_names_of_sides_can_be_labels(name: str):
    net = archdsl.loads(f"input 8x8x3\n{name}: 3x3 conv, 4\n{name}2: conv3-4\nFC-2")
    assert net.rows[0].name == name


@pytest.mark.parametrize(
    "line",
    [
        "conv3-4 reflection padding 1",
        "conv3-4, zero padding 1",
        "zero padding 1, conv3-4",
        "3x3, 64, zero padding 1",
        "zero padding 1 relu",
        "conv3-4 (zero padding 1)",
    ],
)
def test_padding_next_to_a_layer_is_ambiguous(line: str):
    with pytest.raises(ArchError, match="a layer of its own"):
        op(line)
    op("zero padding 1 -> conv3-4")
    op("[ zero padding 1; conv3-4 ]")


@pytest.mark.parametrize(
    "line",
    [
        "zero padding",
        "zero padding (0, 1, 0, 1)",
        "zero padding 1x2x3",
        "zero padding left -1",
        "zero padding left (0 - 1)",
        "zero padding left 1.5",
        "zero padding left",
        "zero padding left 1 left 2",
        "zero padding front 1",
        "zero padding 9999999999999999999",
        "zero padding 2147483647",
        "reflection padding 8",
        "circular padding 9x0",
        "nn.ZeroPad2d(-1)",
        "nn.ZeroPad2d((0, 0, 0, 0, 0, 1))",
        "nn.ZeroPad1d(1)",
        "nn.CircularPad2d((1, 2, 3))",
        "conv 17x17 4 circular pad 9",
        "conv 17x17 4 reflect",
        "conv3-4 reflect replicate",
        "conv3-4 padding mode",
        "conv3-4 padding mode 1",
        "deconv3-4 circular",
        "nn.ConvTranspose2d(4, 4, 3, padding_mode='reflect')",
        "nn.Conv2d(4, 4, 3, padding_mode=1)",
        "maxpool 3x3 exclude padding",
        "nn.AvgPool2d(2, count_include_pad=2)",
        "slice",
        "slice 3",
        "slice channels",
        "slice channels 2 to 2",
        "slice channels 0 to 9",
        "slice channels -1 to 2",
        "slice channels 1.5",
        "slice step 0",
        "slice step 1x2x3",
        "channelpad 8 front 5",
        "channelpad 8 front -1",
    ],
)
def test_invalid_padding_is_refused(line: str):
    with pytest.raises(ArchError) as caught:
        op(line)
    assert caught.value.span is not None
