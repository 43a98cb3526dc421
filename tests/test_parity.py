"""Built modules against others' modules: outputs and gradients, eval and train.

Everything is randomised and copied; each comparison has mutations that it must catch.
"""

from __future__ import annotations

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


def vgg16() -> nn.Module:
    from archdsl.vision import torchvision

    return torchvision.models.vgg16()


REFERENCES = {"lenet5": LeNet5, "lenet_1x1": LeNet1x1, "alexnet": AlexNet, "vgg16": vgg16}

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
}


def images(net: Network) -> Tensor:
    return torch.rand(2, *net.input, generator=torch.Generator().manual_seed(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCES)
def test_parity(name: str):
    net = archdsl.load(name)
    assert difference(net.module(), REFERENCES[name](), images(net)) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mutation"), [(n, m) for n in MUTATIONS for m in MUTATIONS[n]])
def test_mutations_are_caught(name: str, mutation: tuple[str, str]):
    text = zoo.read(zoo.names()[name]).text
    assert mutation[0] in text
    net = archdsl.loads(text.replace(mutation[0], mutation[1], 1))
    assert difference(net.module(), REFERENCES[name](), images(net)) > 100 * CLOSE


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


@pytest.mark.parametrize("name", ["lenet5", "lenet_1x1"])
def test_source_is_the_module(name: str):
    net = archdsl.load(name)
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
