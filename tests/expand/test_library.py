"""The blocks of the library, each compared with a module written by hand or torchvision's."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
import torch
from graphs import check_graph
from oracle import difference, randomise
from torch import Tensor, nn

import archdsl
from archdsl.expand.blocks import library
from archdsl.network import Network
from archdsl.pytorch import extra_modules

CLOSE = 1e-9  # in double precision

# A use of each block on 8 channels of 12×12, under the conventions of its networks.
USES = {
    "residual": "residual [ conv3-8 same; conv3-8 same ]",
    "shortcut_A": "shortcut_A(12, 2)",
    "shortcut_B": "shortcut_B(12, 2)",
    "shortcut_C": "shortcut_C(8, 1)",
    "scaled_residual": "scaled_residual [ conv3-8 same; conv3-8 same ]",
    "exclusive_gating": "exclusive_gating",
    "gated_shortcut": "gated_shortcut [ conv3-8 same; conv3-8 same ]",
    "projected_residual": "projected_residual [ conv3-8 same; conv3-8 same ]",
    "dropout_residual": "dropout_residual [ conv3-8 same; conv3-8 same ]",
    "original_unit": "original_unit(8)",
    "bn_after_addition": "bn_after_addition(8)",
    "relu_before_addition": "relu_before_addition(8)",
    "relu_preactivation": "relu_preactivation(8)",
    "full_preactivation": "full_preactivation(8)",
    "dense": "dense [ conv1-16; conv3-4 same ]",
    "dense_block": "dense_block(2, 4)",
    "transition": "transition",
    "highway": "highway(3)",
    "mlpconv": "mlpconv(5, 6, 4, 3)",
    "inception_naive": "inception_naive(2, 3, 4)",
    "inception": "inception(2, 3, 4, 5, 6, 7)",
    "inception_a": "inception_a(32)",
    "inception_b": "inception_b(16)",
    "inception_c": "inception_c",
    "reduction_a": "reduction_a",
    "reduction_b": "reduction_b",
    "separable": "separable(12, 2)",
    "inverted_bottleneck": "inverted_bottleneck(4, 5, 8)",
    "bottleneck": "bottleneck(4, 8)",
    "squeeze_excitation": "squeeze_excitation(4)",
    "mbconv": "mbconv(4, 5, 8)",
}


def block(use: str, conventions: Sequence[str] = ()) -> Network:
    return archdsl.loads("\n".join(["input 12x12x8", *conventions, use]))


def test_every_block_has_a_use():
    assert {*USES} == {*library()}


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("conventions", [(), ("padding valid",), ("conv means conv-bn-silu",)])
def test_blocks_expand_under_any_conventions(name: str, conventions: tuple[str, ...]):
    net = block(USES[name], conventions)
    check_graph(net.graph)
    assert net.rows[0].kind == name


def conv(x: int, width: int, kernel: int = 3, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(x, width, kernel, padding=kernel // 2, bias=bias)


def unit(order: str, x: int = 8) -> nn.Sequential:
    """Layers by their letters: Weights with a bias, weights without, norm, Relu."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "W": lambda: conv(x, x),
        "w": lambda: conv(x, x, bias=False),
        "n": lambda: nn.BatchNorm2d(x),
        "r": nn.ReLU,
    }
    return nn.Sequential(*(makers[letter]() for letter in order))


class Paths(nn.Module):
    """A module whose forward pass is a function of its input and of other modules."""

    def __init__(self, forward: Callable[..., Tensor], *modules: nn.Module) -> None:
        super().__init__()
        self.inner = nn.ModuleList(modules)
        self.join = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, *self.inner)


BODY = "wnrwn"  # two convolutions, each with its norm, an activation between them
BN_RELU = ("conv means conv-bn-relu",)

PEERS: dict[str, tuple[Sequence[str], Callable[[], nn.Module]]] = {
    "residual": (BN_RELU, lambda: Paths(lambda x, f: (x + f(x)).relu(), unit(BODY))),
    "scaled_residual": (
        BN_RELU,
        lambda: Paths(lambda x, f: (0.5 * x + 0.5 * f(x)).relu(), unit(BODY)),
    ),
    "exclusive_gating": (
        (),
        lambda: Paths(
            lambda x, g, f: (g(x).sigmoid() * f(x) + (1 - g(x).sigmoid()) * x).relu(),
            conv(8, 8, 1),
            unit(BODY),
        ),
    ),
    "gated_shortcut": (
        BN_RELU,
        lambda: Paths(
            lambda x, g, f: ((1 - g(x).sigmoid()) * x + f(x)).relu(), conv(8, 8, 1), unit(BODY)
        ),
    ),
    "projected_residual": (
        BN_RELU,
        lambda: Paths(
            lambda x, f, p: (p(x) + f(x)).relu(),
            unit(BODY),
            nn.Sequential(conv(8, 8, 1, bias=False), nn.BatchNorm2d(8)),
        ),
    ),
    "dropout_residual": (
        BN_RELU,
        lambda: Paths(lambda x, f: (x + f(x)).relu(), unit(BODY)),
    ),
    "original_unit": ((), lambda: Paths(lambda x, f: (x + f(x)).relu(), unit(BODY))),
    "bn_after_addition": (
        (),
        lambda: Paths(lambda x, f, n: n(x + f(x)).relu(), unit("wnrw"), unit("n")),
    ),
    "relu_before_addition": ((), lambda: Paths(lambda x, f: x + f(x), unit("wnrwnr"))),
    "relu_preactivation": ((), lambda: Paths(lambda x, f: x + f(x), unit("rwnrwn"))),
    "full_preactivation": ((), lambda: Paths(lambda x, f: x + f(x), unit("nrwnrw"))),
    "highway": (
        (),
        lambda: Paths(
            lambda x, t, h: t(x).sigmoid() * h(x).relu() + (1 - t(x).sigmoid()) * x,
            conv(8, 8),
            conv(8, 8),
        ),
    ),
    "dense": (
        ("conv means bn-relu-conv",),
        lambda: Paths(
            lambda x, f: torch.cat([x, f(x)], 1),
            nn.Sequential(
                *(nn.BatchNorm2d(8), nn.ReLU(), conv(8, 16, 1, bias=False)),
                *(nn.BatchNorm2d(16), nn.ReLU(), conv(16, 4, bias=False)),
            ),
        ),
    ),
    "transition": (
        ("conv means bn-relu-conv",),
        lambda: nn.Sequential(
            nn.BatchNorm2d(8), nn.ReLU(), conv(8, 4, 1, bias=False), nn.AvgPool2d(2)
        ),
    ),
    "inception_naive": (
        ("conv means conv-relu",),
        lambda: Paths(
            lambda x, a, b, c: torch.cat(
                [a(x).relu(), b(x).relu(), c(x).relu(), nn.MaxPool2d(3, 1, 1)(x)], 1
            ),
            *(conv(8, 2, 1), conv(8, 3, 3), conv(8, 4, 5)),
        ),
    ),
    "separable": (
        ("conv means conv-bn-relu",),
        lambda: nn.Sequential(
            nn.Conv2d(8, 8, 3, 2, padding=1, groups=8, bias=False),
            *(nn.BatchNorm2d(8), nn.ReLU(), conv(8, 12, 1, bias=False)),
            *(nn.BatchNorm2d(12), nn.ReLU()),
        ),
    ),
    "squeeze_excitation": (
        BN_RELU,
        lambda: Paths(
            lambda x, a, b: x * b(a(x.mean((2, 3), keepdim=True)).relu()).sigmoid(),
            *(conv(8, 2, 1), conv(2, 8, 1)),
        ),
    ),
}
MUTATED = {
    "residual": "residual [ conv3-8; conv3-8 no relu ]",
    "scaled_residual": "scaled_residual(0.5, 0.6) [ conv3-8 same; conv3-8 same ]",
    "gated_shortcut": "add { multiply { identity; conv1-8 bare -> sigmoid }; [ conv3-8 x 2 ] }",
    "highway": "add { multiply { identity; [ conv3-8 -> tanh ] }; conv3-8 }",
}


def compare(use: str, conventions: Sequence[str], peer: nn.Module) -> float:
    net = block(use + "\naverage pool 1x1/1", conventions)  # so that none is the output layer
    x = torch.randn(3, 8, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return difference(net.module().double(), peer.double(), x)


@pytest.mark.parametrize("name", PEERS)
def test_blocks_match_handwritten_modules(name: str):
    conventions, peer = PEERS[name]
    assert compare(USES[name], conventions, peer()) < CLOSE


@pytest.mark.parametrize("name", MUTATED)
def test_mutations_are_caught(name: str):
    conventions, peer = PEERS[name]
    assert compare(MUTATED[name], conventions, peer()) > 1e-3


def test_a_width_that_changes_is_projected():
    for name in ("original_unit", "bn_after_addition", "full_preactivation"):
        net = block(f"{name}(12, 2)", ("conv means conv no bias",))
        assert net.output == (12, 6, 6)
        assert net.params == 9 * 12 * (8 + 12) + 8 * 12 + 2 * sum(
            n.shape[0] for n in net.graph.nodes if n.op.kind == "bn"
        )


def kinds(net: Network) -> list[str]:
    return [node.op.kind for node in net.graph.nodes[1:]]


def test_no_activation_removes_any_activation():
    for activation in ("relu", "silu", "hard swish", "prelu"):
        net = block("conv3-8 no activation; conv3-4", (f"conv means conv-bn-{activation}",))
        assert kinds(net)[:2] == ["conv", "bn"]
    # In a block there may be nothing to remove.
    assert kinds(block("bottleneck(1, 8)")) == ["conv", "conv", "add"]
    assert "silu" in kinds(block("bottleneck(2, 4)", ("conv means conv-bn-silu",)))


def test_an_activation_moves_past_dropout_and_factors():
    for line in ("scale 0.5", "dropout(0.1)", "stochastic depth 0.2", "identity"):
        net = block(f"residual [ conv3-8; {line} ]\nconv1-2", BN_RELU)
        assert kinds(net)[-3:] == ["add", "relu", "conv"]
    net = block("residual [ conv3-8 -> scale 0.5 ]\nconv1-2", BN_RELU)
    assert kinds(net)[-4:] == ["scale", "add", "relu", "conv"]
    # Not past a pool.
    net = block("residual [ conv3-8; maxpool 3x3/1 ]\nconv1-2", BN_RELU)
    assert kinds(net)[-4:] == ["relu", "pool", "add", "conv"]


def test_dense_is_a_block_before_brackets_and_a_layer_elsewhere():
    net = block("[conv3-4] x 2; gap; dense 5", ("[] means dense",))
    assert [row.kind for row in net.rows] == ["dense", "pool", "fc"]
    assert net.rows[0].output == (16, 12, 12)


def test_depthwise_is_one_layer_in_every_spelling():
    spellings = ["3x3 dw conv", "conv dw 3x3", "depthwise conv 3x3", "conv 3x3 8 groups 8"]
    spellings += ["3x3x8 dw conv", "depthwise convolution kernel 3", "conv dw 3x3 in channels 8"]
    ops = {block(spelling + "\nrelu").graph.nodes[1].op for spelling in spellings}
    assert len(ops) == 1 and ops.pop().label == "dw conv 3x3, 8"
    # A convention selects it.
    net = block("3x3 dw conv; conv1-8; relu", ("dw conv means dw conv-bn",))
    assert kinds(net) == ["conv", "bn", "conv", "relu"]


def test_stochastic_depth_equals_torchvisions():
    from archdsl.pytorch.vision import torchvision

    x = torch.randn(6, 3, 4, 4)
    for p in (0.0, 0.3):
        torch.manual_seed(0)
        ours = extra_modules.StochasticDepth(p)(x)
        torch.manual_seed(0)
        theirs = torchvision.ops.StochasticDepth(p, "row")(x)
        assert torch.equal(ours, theirs)
        assert torch.equal(extra_modules.StochasticDepth(p).eval()(x), x)


def test_source_holds_the_modules_that_torch_lacks():
    net = archdsl.loads(
        "network made\ninput 12x12x8\nconv means conv-bn-relu\n"
        "add { identity; [ conv3-8; scale 0.5; stochastic depth 0.2 ] }\ngated_shortcut [conv3-8]"
    )
    space: dict[str, type[nn.Module]] = {}
    source = net.source()
    exec(source, space)
    assert re.findall(r"^class (\w+)\(", source, re.MULTILINE)[:3] == [
        "Complement",
        "Scale",
        "StochasticDepth",
    ]
    made = space["Made"]()
    module = net.module()
    randomise(module)
    made.load_state_dict(module.state_dict())
    x = torch.randn(2, 8, 12, 12)
    assert torch.equal(made.eval()(x), module.eval()(x))


def test_a_network_may_have_the_name_of_such_a_module():
    net = archdsl.loads("network scale\ninput 4\nscale 2\nFC-2")
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    x = torch.ones(1, 4)
    assert space["NetScale"]().scale1(x).tolist() == [[2.0] * 4]


def test_receptive_field_of_a_decoder():
    """After an upsampling neighbours are a fraction apart; a skip joins aligned maps."""
    net = archdsl.loads(
        "input 16x16x1\ntop: conv3-4\nmaxpool\nmid: conv3-8\nup-conv 2x2 4\nconcat top\nconv3-2"
    )
    rows = {row.name: row for row in net.rows}
    assert [rows[n].receptive_field[0] for n in ("top", "mid", "upconv1", "concat1")] == [
        3,
        8,
        8,
        8,
    ]
    assert net.rows[-1].receptive_field == (10, 10)
    assert rows["upconv1"].stride == net.rows[-1].stride == (1, 1)
    assert not net.analysis.misaligned
    net = archdsl.loads("input 8x8x1\nconv3-4\nupsample bilinear\nconv3-4")
    assert [row.stride[0] for row in net.rows] == [1, 0.5, 0.5]
    assert [row.receptive_field[0] for row in net.rows] == [3, 4, 5]


DECODERS = [
    "top: conv3-2\nmaxpool\nconv3-2\nup-conv 2x2 2\nconcat top\nconv3-2",
    "maxpool\ntop: conv3-2\nmaxpool\nupsample bilinear\nconcat top\nupsample\nconv3-2",
    "conv3-2 stride 2\ndeconv 3x3 2 stride 2 pad 1 output padding 1\nconv3-2 dilation 2",
    "upsample 3 bilinear\nconv 5x5/2 2\nmaxpool\nupsample 1.5 bilinear\nconv3-2",
    "conv3-2 stride 2\ndeconv 4x4 2 stride 3\nmaxpool\nadd { identity; [ maxpool; upsample ] }",
    "deconv 2x2 2 stride 3\nconv3-2\nresize 0.5",
]


@pytest.mark.parametrize("text", DECODERS)
def test_receptive_fields_after_upsampling(text: str):
    """Every position of the last map reads exactly its field; all weights are positive."""
    net = archdsl.loads(f"input 24x24x1\n{text.replace('maxpool', 'avgpool 2x2')}")
    module = net.module(dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(0.5, 1)
    x = torch.ones(1, *net.input, dtype=torch.float64, requires_grad=True)
    output = module(x)
    field = net.analysis.fields[-1][0]
    for position in range(output.shape[2]):
        x.grad = None
        output[0, :, position, position].sum().backward(retain_graph=True)
        rows = (x.grad[0, 0] != 0).any(1).nonzero().flatten().tolist()
        start, end = field.reads(position)
        if rows:  # near the border a window may contain nothing but padding
            assert (rows[0], rows[-1]) == (max(0, start), min(24, end) - 1)
        else:
            assert start >= end or end <= 0 or start >= 24
    widest = max(end - start for start, end in map(field.reads, range(output.shape[2])))
    assert field.size == widest
