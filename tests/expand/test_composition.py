"""References, side heads and several outputs, compared with modules written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from oracle import CLOSE, copy_state, images, kept_for_backward, load, macs, randomise
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, max_pool2d

import archdsl
from archdsl.layers import REGISTRY, Layer, Shape
from archdsl.layers.base import layer
from archdsl.layers.terms import Call
from archdsl.network import Network
from archdsl.notation.lookup import _vocabulary
from archdsl.output.records import Summary


def distance(ours: nn.Module, reference: nn.Module, x: Tensor) -> float:
    """The largest relative difference of outputs, one or several, and of gradients, eval and train.

    The reference is randomised and copied into ours first.
    """
    ours, reference = ours.double(), reference.double()
    randomise(reference)
    copy_state(reference, ours)
    worst = 0.0
    for mode in (False, True):
        results = []
        for module in (ours, reference):
            module.train(mode)
            module.zero_grad()
            given = module(x)
            outputs = given if isinstance(given, tuple) else (given,)
            weights = [torch.linspace(-1, 1, o.numel()).view_as(o) for o in outputs]
            sum((o * w).sum() for o, w in zip(outputs, weights, strict=True)).backward()
            grads = [p.grad for p in module.parameters()]
            results.append([*(o.detach() for o in outputs), *grads])
        for a, b in zip(*results, strict=True):
            assert (a is None) == (b is None)
            if b is None:
                assert mode is False  # a side head is skipped
                continue
            assert b.abs().max() > 0, "an output or gradient is all zero: nothing is compared"
            worst = max(worst, float((a - b).abs().max() / b.abs().max()))
    return worst


def of_source(net: Network) -> nn.Module:
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    module = space[net.name[:1].upper() + net.name[1:]]()
    assert list(module.state_dict()) == list(net.module().state_dict())
    return module


def unit(channels: int, width: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU())


@pytest.fixture(autouse=True)
def doubled() -> Iterator[None]:
    """A layer for these tests that repeats every position along both axes."""
    _vocabulary.cache_clear()

    @layer("doubled")
    class Doubled(Layer):
        kind = "doubled"

        def out(self, x: Shape) -> Shape:
            return (x[0], 2 * x[1], 2 * x[2])

        def call(self, x: Shape) -> Call:
            return Call("Upsample", (), (("scale_factor", 2),))

    yield
    REGISTRY.remove(Doubled)
    _vocabulary.cache_clear()


# Networks of papers.

UNET = """
network unet
input 44x44x1
padding valid
conv means conv-relu
enc1: conv3-4 x2
maxpool
enc2: conv3-8 x2
doubled
conv1-4 bare
concat { enc1 -> crop; identity }
conv3-4 x2
conv1-2
"""


class UNet(nn.Module):
    """Ronneberger et al. 2015, Fig. 1, with two levels."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.enc2 = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.up = nn.Conv2d(8, 4, 1)
        self.dec1 = nn.Sequential(nn.Conv2d(8, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.classes = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.enc1(x)
        x = self.up(interpolate(self.enc2(max_pool2d(skip, 2)), scale_factor=2))
        return self.classes(self.dec1(torch.cat((skip[:, :, 4:36, 4:36], x), 1)))


def test_unet_matches_a_handwritten_module():
    net = load(UNET)
    assert [row.output for row in net.rows][-3:] == [(8, 32, 32), (4, 28, 28), (2, 28, 28)]
    assert distance(net.module(), UNet(), images(net)) < CLOSE
    assert distance(of_source(net), UNet(), images(net)) < CLOSE
    shifted = UNET.replace("enc1 -> crop", "enc1 -> crop 34x34 -> conv3-4 bare")
    with pytest.raises(AssertionError):  # other parameters
        distance(load(shifted).module(), UNet(), images(net))
    swapped = UNET.replace("enc1 -> crop; identity", "identity; enc1 -> crop")
    assert distance(load(swapped).module(), UNet(), images(net)) > 1e-3
    assert net.weight_layers == 8
    assert kept_for_backward(net.module(), images(net, 1).float()) == net.memory.backward
    # The skip is alive together with the widest map of the lower level.
    assert net.memory.forward_peak >= 4 * (4 * 40 * 40 + 8 * 18 * 18)


FPN = """
network fpn
input 32x32 RGB
conv means conv-bn-relu
[] means residual
stride on first
c2: [ 3x3, 8; 3x3, 8 ]
c3: [ 3x3, 8; 3x3, 8 ] x 2, stride 2
c4: [ 3x3, 16; 3x3, 16 ] x 2, stride 2
p4: conv1-8 bare
p3: add { c3 -> conv1-8 bare; p4 -> doubled }
p2: add { c2 -> conv1-8 bare; p3 -> doubled }
o4: p4 -> conv3-8
o3: p3 -> conv3-8
o2: p2 -> conv3-8
output o2, o3, o4
"""


class Residual(nn.Module):
    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(*unit(channels, width, 3, stride), *unit(width, width, 3)[:2])
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = unit(channels, width, 1, stride)[:2]

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.shortcut(x)).relu()


class FPN2(nn.Module):
    """Lin et al. 2017, Fig. 3, on a small ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.c2 = Residual(3, 8)
        self.c3 = nn.Sequential(Residual(8, 8, 2), Residual(8, 8))
        self.c4 = nn.Sequential(Residual(8, 16, 2), Residual(16, 16))
        self.p4 = nn.Conv2d(16, 8, 1)
        self.p3 = nn.Conv2d(8, 8, 1)
        self.p2 = nn.Conv2d(8, 8, 1)
        self.o4 = nn.Conv2d(8, 8, 3, padding=1)
        self.o3 = nn.Conv2d(8, 8, 3, padding=1)
        self.o2 = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        c2 = self.c2(x)
        c3 = self.c3(c2)
        p4 = self.p4(self.c4(c3))
        p3 = self.p3(c3) + interpolate(p4, scale_factor=2)
        p2 = self.p2(c2) + interpolate(p3, scale_factor=2)
        return self.o2(p2), self.o3(p3), self.o4(p4)


def test_fpn_matches_a_handwritten_module():
    net = load(FPN)
    assert net.outputs == ((8, 32, 32), (8, 16, 16), (8, 8, 8))
    assert net.output == net.outputs[0]
    assert distance(net.module(), FPN2(), images(net)) < CLOSE
    assert distance(of_source(net), FPN2(), images(net)) < CLOSE
    mutated = FPN.replace("add { c3 -> conv1-8 bare; p4", "add { p4 -> doubled -> conv1-8 bare; p4")
    assert distance(load(mutated).module(), FPN2(), images(net)) > 1e-3
    other = FPN.replace("output o2, o3, o4", "output o4, o3, o2")
    assert load(other).output == (8, 8, 8)
    # Ten convolutions of the trunk, p4, o4; the path through p2 has as many.
    assert net.weight_layers == 12
    assert net.memory.backward == kept_for_backward(Summed(net.module()), images(net, 1).float())
    shown = net.summary()
    assert "output o2 32×32×8, o3 16×16×8, o4 8×8×8" in shown
    assert Summary.model_validate(net.to_dict()).outputs == [[8, 32, 32], [8, 16, 16], [8, 8, 8]]


class Summed(nn.Module):
    """The sum of all outputs of a module."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return sum(output.sum() for output in self.module(x))


def test_a_gate_is_used_twice():
    """Highway layers, Srivastava et al. 2015, with the gate for both."""
    net = load(
        "block highway {\n  start: identity\n  T: conv3-(in) -> sigmoid\n"
        "  add { [ start -> conv3-(in); relu; multiply T ]; start -> multiply T }\n}\n"
        "input 6x6x3\nhighway\nhighway x 3\nFC-2"
    )

    class Highway(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Conv2d(3, 3, 3, padding=1)
            self.layer = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            gate = self.gate(x).sigmoid()
            return self.layer(x).relu() * gate + x * gate

    reference = nn.Sequential(*(Highway() for _ in range(4)), nn.Flatten(), nn.Linear(108, 2))
    assert distance(net.module(), reference, images(net)) < CLOSE
    assert net.memory.backward == kept_for_backward(net.module(), images(net, 1).float())


def test_long_skips_over_groups():
    net = load(
        "input 8x8x4\nconv means conv-relu\nstem: conv3-4\n"
        "{ conv3-4; { inner: conv1-4; conv3-4; add stem, inner } x 2; concat stem }\n"
        "conv1-4\nadd stem\nFC-3"
    )

    class Long(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(4, 4, 3, padding=1)
            self.first = nn.Conv2d(4, 4, 3, padding=1)
            self.pairs = nn.ModuleList(
                conv
                for _ in range(2)
                for conv in (nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1))
            )
            self.last = nn.Conv2d(8, 4, 1)
            self.classes = nn.Linear(256, 3)

        def forward(self, x: Tensor) -> Tensor:
            stem = self.stem(x).relu()
            x = self.first(stem).relu()
            for one, three in (self.pairs[:2], self.pairs[2:]):
                inner = one(x).relu()
                x = three(inner).relu() + stem + inner
            x = self.last(torch.cat((x, stem), 1)).relu() + stem
            return self.classes(x.flatten(1))

    assert distance(net.module(), Long(), images(net)) < CLOSE
    assert distance(of_source(net), Long(), images(net)) < CLOSE
    assert net.memory.backward == kept_for_backward(net.module(), images(net, 1).float())


# References.


def test_a_label_comes_before_a_layer_of_its_name():
    net = load("input 8x8x2\nconv4: conv3-3\nconv3-5\nconcat { conv4; identity }\nconv4-6\nFC-2")
    assert net.rows[2].output == (8, 8, 8)
    assert (net.layers[-3].kind, net.layers[-3].output[0]) == ("conv", 6)
    # Without the label it is a convolution of kernel 4.
    net = load("input 8x8x2\nconv means conv-relu\n4x4 conv means conv-(6)\nconv4\nFC-2")
    assert net.rows[0].output == (6, 5, 5)
    # A label out of scope does not replace the word of a layer.
    net = load("input 8x8x2\n[ relu: conv3-2 ]\nrelu\nFC-2")
    assert net.rows[1].kind == "relu"


def test_the_input_may_have_a_label():
    net = load("image: input 8x8x2\nconv3-2\nconcat image\nFC-2")
    assert net.rows[1].output == (4, 8, 8)


def test_lines_after_a_reference_read_its_value():
    net = load(
        "input 8x8x2\na: conv3-3\nb: conv3-5 -> maxpool\na -> conv 1x1 (in + 1) stride 2\n"
        "concat b\nFC-2"
    )
    assert [row.name for row in net.rows] == ["a", "b", "conv3", "concat1", "fc1"]
    assert (net.rows[2].input, net.rows[2].output) == ((3, 8, 8), (4, 4, 4))
    assert net.rows[2].depth == 1
    alone = load("input 8x8x2\na: conv3-3\nb: conv3-3\na\nconv1-3\nadd b\nFC-2")
    assert alone.rows[2].output == (3, 8, 8)
    assert [n.inputs for n in alone.graph.nodes][3:5] == [(1,), (3, 2)]


def test_activations_move_after_a_sum_of_references():
    text = "input 4x4x3\nconv means conv-relu\na: conv3-3\nb: conv3-3\n{}\nFC-2"
    kinds = [
        layer.kind
        for layer in load(text.format("add { a -> conv1-3; b }, activation after")).layers
    ]
    assert kinds[4:] == ["conv", "add", "relu", "flatten", "fc"]
    kinds = [layer.kind for layer in load(text.format("add a")).layers]
    assert kinds[2:5] == ["conv", "relu", "add"]


def test_a_shortcut_next_to_a_reference():
    """It leads from the current value to the shape of a branch that begins elsewhere."""
    net = load("input 16x16x2\na: conv3-4\nmaxpool\nadd { shortcut; a -> conv 3x3/4 8 }\nFC-2")
    shortcut = next(n.op for n in net.graph.nodes if n.name == "add1.shortcut")
    assert shortcut.stride == (2, 2)
    assert net.rows[2].output == (8, 4, 4)
    net = load("input 16x16x2\na: conv3-4\nmaxpool\nadd { a -> shortcut; conv3-8 }\nFC-2")
    assert net.rows[2].output == (8, 8, 8)


def test_labels_in_a_chain():
    net = load("input 8x8x2\nconv3-3 -> mid: conv3-4 -> conv3-5 -> concat mid -> conv1-3\nFC-2")
    assert net.rows[0].output == (3, 8, 8)
    assert net.layers[3].output == (9, 8, 8)


REPEATS = [
    "{ conv3-4; add a } x 4",
    "conv3-4\n{ conv3-4; add a } x 4",
    "{ e: identity; conv3-4; add e; add a } x 4",
    "conv3-4\n{ b: conv3-4; { conv1-4; add a, b } x 3; add b } x 3",
    "{ a -> conv1-4; b: conv3-4; conv3-4; add b } x 1",
    "conv3-4\nresidual [ conv3-4; add a ] x 3",
    "{ b: conv3-4; conv3-4; residual [ conv3-4; add b ]; residual [ conv3-4; add b ] } x 3",
    "conv3-4\nresidual [ add a; residual [ conv3-4; add a ]; residual [ conv3-4; add a ] ] x 3",
    "{ b: conv3-4; conv3-4; residual [ conv3-4; add b ] }\n"
    "{ b: conv1-4; conv3-4; residual [ conv3-4; add b ] }",
    "block wrap { residual [ body ]; residual [ body ] }\nwrap [ conv3-4; add a ] x 2",
]


@pytest.mark.parametrize("body", REPEATS)
def test_copies_keep_their_references(body: str):
    """Copies must equal what is expanded each time."""
    from archdsl.expand.graph_builder import GraphBuilder

    head = "network net\ninput 8x8x4\nconv means conv-relu\na: conv3-4\n"
    net = load(f"{head}{body}\nFC-2")
    with pytest.MonkeyPatch.context() as patch:
        # Every repetition and every use is then expanded anew.
        patch.setattr(GraphBuilder, "reads_entry_by_label", lambda self, begin: True)
        plain = load(f"{head}{body}\nFC-2")
    for a, b in zip(net.graph.nodes, plain.graph.nodes, strict=True):
        assert a == b
    module = net.module()
    assert sum(p.numel() for p in module.parameters()) == net.params
    assert macs(module, images(net, 1).float()) == net.macs
    assert kept_for_backward(module, images(net, 1).float()) == net.memory.backward
    assert distance(of_source(net), module, images(net)) == 0.0


def test_towers_of_references_are_refused_in_time():
    tower = "".join(
        f"block b{i} {{ e: identity; b{i - 1}; b{i - 1}; add e }}\n" for i in range(1, 41)
    )
    with pytest.raises(archdsl.ArchError, match="more than 120,000 layers"):
        load(f"block b0 {{ relu }}\n{tower}network a\ninput 8x8x2\nb40\nFC-2")


def test_branches_refer_to_earlier_branches():
    net = load("input 8x8x2\nconcat { a: conv1-3; a -> conv3-4; [ conv1-2; concat a ] }\nFC-2")
    assert net.rows[0].output == (3 + 4 + 5, 8, 8)


def test_the_trunk_follows_references():
    net = load("input 16x16x1\na: conv3-2\nconv3-2\nconcat a\nconv3-2\ngap, FC-2")
    assert net.receptive_field == (7, 7)
    # Each output has a head of its own: the trunk is what they share.
    net = load(
        "input 16x16x1\nt: conv3-2\nmaxpool\nh: gap -> FC-2\nt -> maxpool\nk: gap, FC-3\n"
        "output h, k"
    )
    assert net.receptive_field == (3, 3)


# Crops.


def test_a_crop_fits_the_other_branch():
    net = load("input 9x8x2\na: conv3-3\nmaxpool\nconcat { a -> [ crop; relu ]; identity }\nFC-2")
    assert net.rows[2].output == (6, 4, 4)
    net = load("input 9x8x2\nadd { crop 5x4; conv 5x5 2 pad 0 }\nFC-2")
    assert net.rows[0].output == (2, 5, 4)
    assert net.misaligned == ()


# Side heads.

TWO_HEADS = """
network two
input 16x16x1
conv means conv-bn-relu
fc means fc-relu
conv3-8
side aux weight 0.3 { average pool 4x4; conv1-4; FC-16; FC-10; softmax }
maxpool
{ conv3-8; side { gap; 10-d fc }; conv3-8 }
gap, FC-10, softmax
train on digits { epochs 2; batch 256; optimizer adam lr 0.01 }
"""


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = unit(1, 8, 3)
        self.aux = nn.Sequential(
            *(nn.AvgPool2d(4), unit(8, 4, 1), nn.Flatten()),
            *(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)),
        )
        self.c2 = unit(8, 8, 3)
        self.inner = nn.Linear(8, 10)
        self.c3 = unit(8, 8, 3)
        self.classes = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        x = self.c1(x)
        aux = self.aux(x) if self.training else None
        x = self.c2(max_pool2d(x, 2))
        inner = self.inner(x.mean((2, 3)))
        logits = self.classes(self.c3(x).mean((2, 3)))
        return (logits, aux, inner) if self.training else logits


def test_side_heads_match_a_handwritten_module():
    net = load(TWO_HEADS)
    assert distance(net.module(), TwoHeads(), images(net)) < CLOSE
    assert distance(of_source(net), TwoHeads(), images(net)) < CLOSE
    wrong = TWO_HEADS.replace("fc means fc-relu\n", "")
    assert distance(load(wrong).module(), TwoHeads(), images(net)) > 1e-3
    module = net.module()
    assert "aux.conv1.conv.weight" in module.state_dict()
    assert "group1.side1.fc1.weight" in module.state_dict()


def test_side_heads_are_counted_separately():
    net = load(TWO_HEADS)
    plain = "\n".join(
        line.replace("side { gap; 10-d fc };", "")
        for line in TWO_HEADS.splitlines()
        if not line.startswith("side")
    )
    main = load(plain)
    figures = ("params", "buffers", "macs", "weight_layers", "receptive_field", "output")
    for figure in figures:
        assert getattr(net, figure) == getattr(main, figure), figure
    assert net.memory.forward_peak == main.memory.forward_peak
    module, x = net.module(), images(net, 1).float()
    assert sum(p.numel() for p in module.parameters()) == net.params + net.side_params
    assert macs(module, x[:1]) == net.macs
    assert macs(InTraining(net.module()), x[:1]) == net.macs + net.side_macs
    assert net.memory.parameters == 4 * (net.params + net.side_params)
    assert kept_for_backward(Summed(module), x[:1]) == net.memory.backward
    without = net.module(sides=False, weights=module.state_dict())
    assert list(without.state_dict()) == list(main.module().state_dict())
    module.eval()
    assert torch.equal(without.eval()(x), module(x))


@pytest.mark.parametrize(
    ("lines", "main"),
    [
        (
            "v: conv1-2\nconv1-3\nside aux { gap }\nconcat { v }\nFC-2",
            "v: conv1-2\nFC-2",
        ),
        (
            "v: conv1-2\n[ conv3-3; conv3-3 ] x 2\nside aux { gap; FC-3 }\nv -> conv3-4\nFC-2",
            "v: conv1-2\nconv3-4\nFC-2",
        ),
        (
            "v: conv1-2\nadd { conv3-3; conv1-3 }\nside aux { gap; FC-3 }\nv\nFC-2",
            "v: conv1-2\nFC-2",
        ),
        (
            "{ v: conv1-2; conv3-3 -> conv1-3; side aux { gap; FC-3 }; v -> conv3-4 }\nFC-2",
            "{ conv1-2; conv3-4 }\nFC-2",
        ),
        (
            "v: conv1-2\nconv3-3 -> relu\nside one { gap; FC-3 }\nconv3-4\nside two { gap }\n"
            "v -> maxpool\nFC-2",
            "conv1-2\nmaxpool\nFC-2",
        ),
        (
            "v: conv1-2\nw: conv3-3\nconv3-3\nadd w\nside aux { gap; FC-3; softmax }\n"
            "v -> gap\nFC-2\nsoftmax",
            "conv1-2\ngap\nFC-2\nsoftmax",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of torch.jit
def test_layers_that_only_side_heads_need_are_theirs(lines: str, main: str):
    head = "network one\ninput 8x8x2\nconv means conv-bn-relu\n"
    net, alone = load(head + lines), load(head + main)
    for figure in ("params", "buffers", "macs", "weight_layers", "receptive_field", "output"):
        assert getattr(net, figure) == getattr(alone, figure), figure
    assert net.memory.forward_peak == alone.memory.forward_peak
    module, x = net.module(), images(net, 2).float()
    assert sum(p.numel() for p in module.parameters()) == net.params + net.side_params
    assert macs(module, x[:1]) == net.macs
    assert macs(InTraining(net.module()), x[:1]) == net.macs + net.side_macs
    without = net.module(sides=False, weights=module.state_dict()).eval()
    assert sum(p.numel() for p in without.parameters()) == net.params
    source = of_source(net)
    source.load_state_dict(module.state_dict())
    module.eval(), source.eval()
    scripted = torch.jit.script(module)
    for other in (without, source, scripted):
        assert torch.equal(other(x), module(x))
    assert len(module.train()(x)) == len(source.train()(x)) == 1 + len(net.sides)


class InTraining(nn.Module):
    """A module in training mode."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = [module.train()]

    def forward(self, x: Tensor) -> Tensor:
        return self.module[0](x)


def test_side_heads_are_shown():
    net = load(TWO_HEADS + f"expect params with sides {load(TWO_HEADS).params + 1_340}\n")
    assert net.side_params == 1_340
    assert [c.verdict for c in net.claims] == ["holds"]
    rows = [(row.name, row.kind) for row in net.rows]
    assert ("aux", "side") in rows and ("group1.side1", "side") in rows
    shown = net.summary()
    assert "side head aux, weight 0.3" in shown
    assert f"{net.params + net.side_params:,}" in shown
    record = Summary.model_validate(net.to_dict())
    assert [(side.name, side.weight, side.output) for side in record.sides] == [
        ("aux", 0.3, [10]),
        ("group1.side1", 1.0, [10]),
    ]
    assert record.totals.side_params == sum(side.params for side in record.sides) == 1_340
    assert record.totals.side_macs == sum(side.macs for side in record.sides) == net.side_macs
    drawing = net.draw().mermaid()
    assert "n1 -.-> n2" in drawing and "n1 --> n3" in drawing and "n2 -->" not in drawing
    assert "style=dashed" in net.draw().dot()


def test_a_block_cannot_be_called_side():
    with pytest.raises(archdsl.ArchError, match="already means something"):
        load("block side { relu }\nnetwork a\ninput 8\nFC-2")
    assert load("network a(side=3)\ninput 8\nFC-(side)").output == (3,)


def test_the_weight_of_a_side_head_may_be_computed():
    net = load("network a(w=0.5)\ninput 8\nside weight (w / 2) { FC-2 }\nFC-2")
    assert net.sides[0].weight == 0.25


@pytest.mark.slow
def test_training_adds_the_losses_of_side_heads(tmp_path, monkeypatch):
    from archdsl.train import evaluate, recipe_of, resume, train

    monkeypatch.chdir(tmp_path)
    net = load(TWO_HEADS)
    run, module = train(net, recipe_of(net), device="cpu")
    first, last = run.record.epochs
    assert last.train_loss < first.train_loss
    assert first.train_loss > 1.5 * first.test_loss  # three losses, not one
    state = module.state_dict()
    assert any(float(state[k].abs().sum()) > 0 for k in state if k.startswith("aux."))
    assert evaluate(run.folder).accuracy == run.accuracy
    _, again = resume(run.folder)
    assert all(
        torch.equal(a, b) for a, b in zip(again.state_dict().values(), state.values(), strict=True)
    )
    assert list(net.module(weights=run.folder, sides=False).state_dict())


def test_the_loss_of_training_is_the_weighted_sum():
    from archdsl.train.loop import _Training
    from archdsl.train.recipe import recipe_of
    from archdsl.train.stepper import Stepper

    net = load(TWO_HEADS)
    training = _Training.__new__(_Training)
    training.network, training.recipe, training.module = net, recipe_of(net), net.module()
    training.forward = training.module
    training.stepper = Stepper(net, training.module, training.recipe, torch.device("cpu"), 1)
    x, y = images(net, 4).float(), torch.tensor([1, 2, 3, 4])
    logits, loss = training.loss(x, y)
    main, aux, inner = (cross_entropy(o, y) for o in training.module(x))
    assert torch.allclose(loss, main + 0.3 * aux + inner)
    assert logits.shape == (4, 10)


def test_several_outputs_are_not_trained(archdsl_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    head = "input 16x16x1\nconv3-4\n"
    (tmp_path / "a.arch").write_text(
        f"{head}a: gap, FC-10\nb: a -> FC-10\noutput a, b\ntrain on digits {{ epochs 1 }}\n"
    )
    code, _, error = archdsl_cli("train", "a.arch")
    assert code == 2
    assert error == (
        "error: the network a has 2 outputs, training needs one\n"
        "help: name one in `output`, and write the others as side heads\n"
    )
    (tmp_path / "b.arch").write_text(
        f"{head}side {{ FC-3 }}\ngap, FC-10\ntrain on digits {{ epochs 1 }}\n"
    )
    code, _, error = archdsl_cli("train", "b.arch")
    assert code == 2
    assert error == (
        "error: digits has 10 classes, the side head side1 gives 3\n"
        "help: end it with `FC-10`, or add `-p classes=10`\n"
    )


# Several outputs.


def test_one_output_is_not_a_tuple():
    net = load("input 8x8x2\na: conv3-2\nb: a -> conv3-3\noutput b")
    assert net.module()(images(net).float()).shape == (2, 3, 8, 8)


def test_output_lines_stay_bare_and_leave_softmax_to_the_loss():
    net = load(
        "input 8x8x2\nconv means conv-relu\nt: conv3-4\nboxes: conv1-4\n"
        "scores: t -> conv1-3 -> softmax\noutput scores, boxes"
    )
    assert [layer.kind for layer in net.layers] == ["conv", "relu", "conv", "conv", "softmax"]
    module = net.module()
    scores, boxes = module(images(net).float())
    assert (scores.shape[1], boxes.shape[1]) == (3, 4)
    assert not any(isinstance(m, nn.Softmax) for m in module.modules())
    assert [line for line in net.draw().mermaid().splitlines() if "-->" in line] == [
        "  n0 --> n1",
        "  n1 --> n2",
        "  n1 --> n3",
    ]
