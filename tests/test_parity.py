"""Built modules against others' modules: outputs and gradients, eval and train.

Everything is randomised and copied; each comparison has mutations that it must catch.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from oracle import difference
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl import zoo
from archdsl.network import Network

CLOSE = 1e-5


class LeNet5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.f5 = nn.Linear(400, 120)
        self.f6 = nn.Linear(120, 84)
        self.f7 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.c1(x).relu(), 2)
        x = functional.max_pool2d(self.c3(x).relu(), 2)
        return self.f7(self.f6(self.f5(x.flatten(1)).relu()).relu())


class LeNet1x1(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 32, 3, padding=1)
        self.c2 = nn.Conv2d(32, 64, 3, padding=1)
        self.c3 = nn.Conv2d(64, 128, 7)
        self.c4 = nn.Conv2d(128, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.c1(x).relu(), 2)
        x = functional.max_pool2d(self.c2(x).relu(), 2)
        return self.c4(self.c3(x).relu()).flatten(1)


class AlexNet(nn.Module):
    """Section 3 of the paper in one column; its normalisation scales the sum, not the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(3, 96, 11, 4)
        self.c2 = nn.Conv2d(96, 256, 5, padding=2)
        self.c3 = nn.Conv2d(256, 384, 3, padding=1)
        self.c4 = nn.Conv2d(384, 384, 3, padding=1)
        self.c5 = nn.Conv2d(384, 256, 3, padding=1)
        self.f6 = nn.Linear(256 * 6 * 6, 4096)
        self.f7 = nn.Linear(4096, 4096)
        self.f8 = nn.Linear(4096, 1000)

    @staticmethod
    def norm(x: Tensor, k: float = 2.0, n: int = 5, alpha: float = 1e-4) -> Tensor:
        squares = functional.pad(x * x, (0, 0, 0, 0, n // 2, n // 2))
        neighbours = sum(squares[:, i : i + x.shape[1]] for i in range(n))
        return x / (k + alpha * neighbours) ** 0.75

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(functional.max_pool2d(self.c1(x).relu(), 3, 2))
        x = self.norm(functional.max_pool2d(self.c2(x).relu(), 3, 2))
        x = self.c5(self.c4(self.c3(x).relu()).relu()).relu()
        x = functional.max_pool2d(x, 3, 2).flatten(1)
        return self.f8(self.f7(self.f6(x).relu()).relu())


class NetworkInNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = [(3, 192, 5), (192, 160, 1), (160, 96, 1)]
        widths += [(96, 192, 5), (192, 192, 1), (192, 192, 1)]
        widths += [(192, 192, 3), (192, 192, 1), (192, 10, 1)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, k, padding=k // 2) for a, b, k in widths)

    def forward(self, x: Tensor) -> Tensor:
        for index, conv in enumerate(self.convs):
            x = conv(x).relu()
            if index == 2:
                x = functional.max_pool2d(x, 3, 2, padding=1)
            if index == 5:
                x = functional.avg_pool2d(x, 3, 2, padding=1)
        return x.mean((2, 3))


class AllCNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = [(3, 96, 3, 1), (96, 96, 3, 1), (96, 96, 3, 2)]
        layers += [(96, 192, 3, 1), (192, 192, 3, 1), (192, 192, 3, 2)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, k, s, padding=1) for a, b, k, s in layers)
        self.head = nn.ModuleList([nn.Conv2d(192, 192, 3), nn.Conv2d(192, 192, 1)])
        self.classes = nn.Conv2d(192, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        for conv in [*self.convs, *self.head, self.classes]:
            x = conv(x).relu()
        return x.mean((2, 3))


def of_torchvision(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        from archdsl.vision import torchvision

        return getattr(torchvision.models, name)()

    return build


def strided_first(name: str) -> Callable[[], nn.Module]:
    """torchvision's network with the stride where the paper has it."""

    def build() -> nn.Module:
        net = of_torchvision(name)()
        for block in net.modules():
            if hasattr(block, "conv3"):
                block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
        return net

    return build


class ZeroPadded(nn.Module):
    """Option A of He et al. 2015, section 3.3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.width - x.shape[1]))


def option_a() -> nn.Module:
    net = of_torchvision("resnet18")()
    for block in net.modules():
        if getattr(block, "downsample", None) is not None:
            block.downsample = ZeroPadded(block.conv2.out_channels)
    return net


def option_c() -> nn.Module:
    net = of_torchvision("resnet18")()
    for block in net.modules():
        if hasattr(block, "downsample") and block.downsample is None:
            width = block.conv2.out_channels
            conv = nn.Conv2d(width, width, 1, bias=False)
            block.downsample = nn.Sequential(conv, nn.BatchNorm2d(width))
    return net


REFERENCES = {
    "lenet5": LeNet5,
    "lenet_1x1": LeNet1x1,
    "alexnet": AlexNet,
    "vgg16": of_torchvision("vgg16"),
    "nin": NetworkInNetwork,
    "all_cnn_c": AllCNN,
    "resnet18": of_torchvision("resnet18"),
    "resnet34": of_torchvision("resnet34"),
    "resnet50": strided_first("resnet50"),
    "resnet101": strided_first("resnet101"),
    "resnet152": strided_first("resnet152"),
    "resnet50_v1_5": of_torchvision("resnet50"),
    "resnet101_v1_5": of_torchvision("resnet101"),
    "resnet152_v1_5": of_torchvision("resnet152"),
}

# What a careless hand would do to the spec; every change keeps all shapes.
MUTATIONS = {
    "lenet5": [
        ("relu                => 84", "sigmoid => 84"),
        ("maxpool             => 5x5x16", "avgpool 2x2         => 5x5x16"),
    ],
    "lenet_1x1": [
        ("conv3-64 ", "conv3-64 dilation 2 "),
        ("relu                   => 1x1x128", "sigmoid => 1x1x128"),
    ],
    "alexnet": [
        ("conv means conv-relu", "conv means conv"),
        ("Normalization layer\n[27x27x256]", "Normalization layer alpha 0.01\n[27x27x256]"),
        ("pad 1\n[13x13x256]", "pad 2 dilation 2\n[13x13x256]"),
    ],
    "vgg16": [("conv3-64 x2", "conv3-64 -> conv3-64 no relu")],
    "nin": [("3x3 average pool, stride 2, pad 1", "3x3 max pool, stride 2, pad 1")],
    "all_cnn_c": [("1x1 conv. 10 ReLU", "1x1 conv. 10")],
    "resnet18": [
        ("3x3, 64; 3x3, 64]", "3x3, 64; 3x3, 64 no relu]"),
        ("conv2_x: [3x3, 64; 3x3, 64] x 2", "conv2_x: { 3x3, 64; 3x3, 64 } x 2"),
    ],
    "resnet50": [("stride on first", "stride on 3x3")],
    "resnet50_v1_5": [("conv means conv-bn-relu", "conv means conv-bn eps 0.001-relu")],
}


def images(net: Network, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, *net.input, generator=generator).to(dtype)


def compare(name: str, text: str, reference: nn.Module) -> float:
    """The difference of a spec's module from a reference: of the deep ones, on small images and in
    double precision, where rounding hides nothing."""
    if "resnet" not in name:
        net = archdsl.loads(text)
        return difference(net.module(), reference, images(net))
    net = archdsl.loads(text, input=(96, 64))
    return difference(net.module().double(), reference.double(), images(net, torch.float64))


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCES)
def test_parity(name: str):
    text = zoo.read(zoo.names()[name]).text
    assert compare(name, text, REFERENCES[name]()) < CLOSE


def test_every_network_of_the_zoo_has_a_peer():
    assert set(REFERENCES) == set(zoo.names())


@pytest.mark.slow
@pytest.mark.parametrize(("option", "reference"), [("A", option_a), ("C", option_c)])
def test_parity_of_shortcuts(option: str, reference: Callable[[], nn.Module]):
    text = zoo.read(zoo.names()["resnet18"]).text
    changed = text.replace("shortcut B", f"shortcut {option}")
    assert compare("resnet18", changed, reference()) < CLOSE
    if option == "A":  # new channels in front of the old ones
        broken = reference()
        for module in broken.modules():
            if isinstance(module, ZeroPadded):
                module.forward = lambda x: x[:, :, ::2, ::2].repeat(1, 2, 1, 1)  # type: ignore
        assert compare("resnet18", changed, broken) > 100 * CLOSE


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mutation"), [(n, m) for n in MUTATIONS for m in MUTATIONS[n]])
def test_mutations_are_caught(name: str, mutation: tuple[str, str]):
    text = zoo.read(zoo.names()[name]).text
    assert mutation[0] in text
    changed = text.replace(mutation[0], mutation[1], 1)
    assert compare(name, changed, REFERENCES[name]()) > 100 * CLOSE


def test_parity_with_batch_norm():
    """Conventions put batch norm between convolution and activation, with its true statistics."""
    net = archdsl.loads(
        "input 12x12 RGB\nconv means conv-bn-relu\nconv3-8 x2\nmaxpool\n"
        "[ conv 3x3 8 stride 2; conv1-4 no relu ] x 2\navgpool, 5-d fc, softmax"
    )

    def unit(channels: int, width: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        return [conv, nn.BatchNorm2d(width), nn.ReLU()]

    reference = nn.Sequential(
        *unit(3, 8, 3),
        *unit(8, 8, 3),
        nn.MaxPool2d(2),
        *unit(8, 8, 3, 2),
        *unit(8, 4, 1)[:2],
        *unit(4, 8, 3, 2),
        *unit(8, 4, 1)[:2],
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )
    assert difference(net.module(), reference, images(net)) < CLOSE
    reference[4].eps = 0.1
    assert difference(net.module(), reference, images(net)) > 100 * CLOSE


@pytest.mark.parametrize("name", ["lenet5", "lenet_1x1", "resnet18", "resnet50", "nin"])
def test_source_is_the_module(name: str):
    net = archdsl.load(name, input=(64, 64) if "resnet" in name else None)
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    made = next(v for k, v in space.items() if k.lower() == net.name.replace("_", ""))()
    module = net.module()
    assert list(made.state_dict()) == list(module.state_dict())
    assert difference(made, module, images(net)) == 0.0


def test_module_names_are_the_names_of_the_text():
    net = archdsl.loads("input 8x8x1\nstem: conv3-4\nconv3-4 bare x2\nconv means conv-relu\nFC-2")
    assert list(net.module().state_dict()) == [
        "stem.conv.weight",
        "stem.conv.bias",
        "conv2.0.weight",
        "conv2.0.bias",
        "conv2.1.weight",
        "conv2.1.bias",
        "fc1.weight",
        "fc1.bias",
    ]


def test_module_takes_device_and_dtype():
    module = archdsl.load("lenet5").module(device="meta", dtype=torch.float64)
    assert {(p.device.type, p.dtype) for p in module.parameters()} == {("meta", torch.float64)}
