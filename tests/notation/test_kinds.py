"""Norms, activations, resizes and shuffles in texts: conventions, spellings, errors."""

from __future__ import annotations

import pytest
import torch
from oracle import difference
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl.errors import ArchError
from archdsl.layers.terms import LayerError
from archdsl.output.layer_reference import settled, split


def kinds(text: str) -> str:
    return " ".join(n.op.kind for n in archdsl.loads(f"input 8x8x64\n{text}\nFC-2").graph.nodes[1:])


# Conventions with every norm.

NORMS = {"gn": nn.GroupNorm(32, 64), "ln": None, "instance norm": nn.InstanceNorm2d(64)}


@pytest.mark.parametrize("norm", NORMS)
def test_a_convention_with_a_norm(norm: str):
    net = archdsl.loads(f"input 8x8x64\nconv means conv-{norm}-relu\nconv3-64\nFC-2")
    chain = [type(layer).__name__ for layer in net.module().conv1]
    assert chain[0] == "Conv2d" and chain[2] == "ReLU"
    assert NORMS[norm] is None or chain[1] == type(NORMS[norm]).__name__
    assert net.module().conv1.conv.bias is not None  # only a batch norm replaces the bias
    bare = archdsl.loads(f"input 8x8x64\nconv means conv-{norm}-relu\nconv3-64 no {norm}\nFC-2")
    assert [n.op.kind for n in bare.graph.nodes[1:3]] == ["conv", "relu"]


def test_a_group_norm_written_on_each_line_or_in_a_convention():
    convention = "conv means conv-gn 16-relu\nconv3-32 no bias\nconv3-32 no bias"
    written = "\n".join(["conv3-32-gn 16-relu, no bias"] * 2)
    head = "input 8x8x64\n"
    a, b = (archdsl.loads(f"{head}{text}\nFC-2").graph.nodes for text in (convention, written))
    assert [n.op for n in a] == [n.op for n in b]


def test_the_attributes_of_a_norm_belong_to_it():
    nodes = archdsl.loads("input 8x8x64\nconv3-64 groups 4 gn groups 16 eps 0.1, relu").graph.nodes
    assert (nodes[1].op.groups, nodes[2].op.groups, nodes[2].op.eps) == (4, 16, 0.1)


def test_optional_norms():
    text = "conv3-64-(GN)-(LN)-relu"
    assert kinds(text) == "conv relu flatten fc"
    assert kinds(f"with gn\n{text}") == "conv gn relu flatten fc"
    assert kinds(f"with ln\n{text}") == "conv ln relu flatten fc"


def test_params_without_norms():
    net = archdsl.loads(
        "input 8x8x32\nparams count no bn\nconv1-32 no bias\ngn\nln\nexpect params 1,024"
    )
    assert [claim.verdict for claim in net.claims] == ["holds"]


def test_a_layer_norm_of_a_map_normalises_the_channels():
    x = torch.randn(2, 6, 4, 5)
    ours = archdsl.loads("input 4x5x6\nln eps 0.01").module()
    expected = functional.layer_norm(x.permute(0, 2, 3, 1), (6,), eps=0.01).permute(0, 3, 1, 2)
    assert torch.allclose(ours(x), expected, atol=1e-6)


# Networks against independent code.


class Upscaler(nn.Module):
    """The sub-pixel network of Shi et al. 2016, with the activation of its figure."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 64, 5, padding=2), nn.Conv2d(64, 32, 3, padding=1)
        self.c3 = nn.Conv2d(32, 9, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c2(self.c1(x).tanh()).tanh()
        return functional.pixel_shuffle(self.c3(x), 3)


def test_a_network_with_a_pixel_shuffle():
    text = (
        "input 9x9x1\nconv means conv-tanh\nconv5-64\nconv3-32\nconv3-9 bare\npixel shuffle {}\n"
        "expect output size 27x27x1"
    )
    net = archdsl.loads(text.format("3"))
    assert [claim.verdict for claim in net.claims] == ["holds"]
    assert difference(net.module(), Upscaler(), torch.rand(2, 1, 9, 9)) < 1e-5
    other = archdsl.loads(text.format("1 -> upsample 3 -> conv1-1").replace("-9 bare", "-9"))
    assert other.output == net.output


@pytest.mark.parametrize("text", ["maxout 4", "glu", "layer scale 0.3", "rezero 2", "ln", "gn 4"])
def test_the_source_of_extra_modules_needs_no_archdsl(text: str):
    net = archdsl.loads(f"network small\ninput 6x6x8\nconv3-16\n{text}\nFC-2")
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    again, module = space["Small"](), net.module()
    assert list(again.state_dict()) == list(module.state_dict())
    assert difference(again, module, torch.rand(2, *net.input)) == 0.0


def test_initial_factors():
    module = archdsl.loads("input 6x6x8\nlayer scale\nlayer scale 0.5\nlearned scale").module()
    assert [(p.shape, p.flatten()[0].item()) for p in module.parameters()] == [
        ((8, 1, 1), pytest.approx(1e-6)),
        ((8, 1, 1), 0.5),
        ((), 0.0),
    ]


# Spellings.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("resize to 4x6", "interpolate size=(4, 6)"),
        ("upsample 2 nearest-exact", "upsample nearest exact"),
        ("resize factor 2x3", "upsample 2x3"),
        ("group norm, 16 groups", "GN16"),
        ("gelu approximate tanh", "nn.GELU(approximate='tanh')"),
        ("adaptive average pool 1", "global average pool"),
        ("adaptive max pool 1x1", "gmp: global max pool"),
        ("nn.AdaptiveAvgPool2d((1, 1))", "gap"),
        ("nn.UpsamplingBilinear2d(scale_factor=2)", "upsample bilinear align corners"),
        ("nn.UpsamplingNearest2d((5, 7))", "upsample to 5x7"),
        ("nn.Upsample((5, 7), mode='nearest-exact')", "upsample to 5x7 nearest-exact"),
        ("nn.PReLU()", "prelu"),
        ("nn.PReLU(64)", "channel-wise prelu"),
        ("nn.Softmax2d()", "softmax"),
        ("nn.Threshold(0.1, 20)", "thresholded relu 0.1 value 20"),
        ("nn.LayerNorm(2, 1e-6)", "ln eps 1e-6"),
        ("hard tanh from 0 to 6", "nn.Hardtanh(0, 6)"),
        ("space to depth 2", "nn.PixelUnshuffle(2)"),
        ("let alpha = 2\nmaxout (alpha)", "maxout 2"),
        ("let alpha = 2\nalpha dropout", "AlphaDropout"),
        ("let depth = 4\nmaxout (depth)", "maxout 4"),
    ],
)
def test_spellings_of_one_layer(one: str, other: str):
    front = "conv1-64\nflatten\nFC-2\n" if "LayerNorm" in one else ""
    a, b = (archdsl.loads(f"input 8x8x64\n{front}{text}").graph.nodes[-1] for text in (one, other))
    assert a.op == b.op


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ("group norm 3 on 8x4x4", "8 channels cannot be divided into 3 equal groups"),
        ("gn on 48x4x4", "48 channels cannot be divided into 32 equal groups"),
        ("gn 8 on 8", "each of 8 groups has one value"),
        ("instance norm on 3x1x1", "would be 0"),
        ("instance norm on 7", "needs a map"),
        ("resize 64x64 on 3x4x4", "the size of the new map, or a factor"),
        ("resize 2 to 8x8 on 3x4x4", "by a factor and to a size"),
        ("resize to 8x8x8 on 3x4x4", "3 axes"),
        ("resize 2 bicubic on 3x4", "a bicubic resize of a map of 1 axis"),
        ("resize 2 align corners on 3x4x4", "`align corners` with the mode nearest"),
        ("pixel shuffle 2 on 6x4x4", "of 6 channels"),
        ("pixel shuffle 2 on 8x4", "a pixel shuffle of a 4 map"),
        ("pixel unshuffle 2 on 2x4x5", "4x5 map"),
        ("channel shuffle 3 on 4x4x4", "into 3 equal groups"),
        ("channel shuffle on 4x4x4", "has no groups"),
        ("maxout 3 on 8x4x4", "8 channels cannot be divided into groups of 3"),
        ("glu on 7x4x4", "on 7 channels"),
        ("hard tanh from 2 to 1 on 3", "from 2 to 1"),
        ("rrelu lower 0.5 upper 0.1 on 3", "slopes cannot range from 0.5 to 0.1"),
        ("nn.PReLU(3) on 4x2x2", "3 slopes on 4 channels"),
        ("adaptive average pool on 3x4x4", "has no size"),
        ("adaptive average pool 2x2x2 on 3x4x4", "3 axes"),
    ],
)
def test_invalid_lines_are_refused(example: str, message: str):
    with pytest.raises(LayerError, match=message):
        spec, xs = split(example)
        settled(spec, *xs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nn.LayerNorm(64)", "`nn.LayerNorm` on a map of 2 axes"),
        ("nn.Upsample(scale_factor=2, mode='cubic')", "has no meaning here"),
        ("nn.GLU()", "the axis|has no meaning here"),
        ("conv3-64 no gn", "removes nothing"),
        ("resize to 1000003x999983", "more than [0-9,]+ phases"),
    ],
)
def test_misfits_in_a_network_are_refused(text: str, message: str):
    with pytest.raises(ArchError, match=message):
        archdsl.loads(f"input 64x64x64\n{text}\nconv3-8 -> conv3-8").receptive_field  # noqa: B018


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("upsample bilinear", "resize to 14x14 bilinear", True),
        ("resize 0.5 area", "adaptive average pool 3", True),
        ("resize 0.5 area", "resize to 3 area", True),
        ("resize 0.5 bilinear", "resize to 3 bilinear", False),  # half of 7 is not 3
        ("adaptive average pool 7x1", "average pool 1x7", True),
        ("adaptive max pool 3", "max pool 3x3/2", False),
    ],
)
def test_what_two_texts_compute(one: str, other: str, same: bool):
    a, b = (archdsl.loads(f"input 7x7x4\n{text}\nFC-2") for text in (one, other))
    assert a.diff(b).same == same
