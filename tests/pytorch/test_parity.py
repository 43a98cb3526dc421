"""Our modules against independent ones: outputs and gradients, in eval and training mode.

All weights are random and copied. Each comparison has mutations that it must detect.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from oracle import difference, named
from printed_tables import LISTS
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl import spec_files
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


class LeNet5Original(nn.Module):
    """Section II.B and Table I of the paper: C3 as loops over the table, and squared distances."""

    TABLE = (
        (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1),
        (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2),
        (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = nn.ParameterList((torch.ones(6, 1, 1), torch.zeros(6, 1, 1)))
        # The output maps that read three, four and all maps.
        self.c3 = nn.ModuleList(
            nn.Conv2d(maps * width, width, 5, groups=width)
            for maps, width in ((3, 6), (4, 9), (6, 1))
        )
        self.s4 = nn.ParameterList((torch.ones(16, 1, 1), torch.zeros(16, 1, 1)))
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.out = nn.Module()
        self.out.register_buffer("codes", torch.zeros(10, 84))

    @staticmethod
    def squash(x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 * x / 3)

    def subsample(self, x: Tensor, numbers: nn.ParameterList) -> Tensor:
        sums = x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]
        return self.squash(sums * numbers[0] + numbers[1])

    def maps(self, x: Tensor) -> Tensor:
        found = []
        for number, inputs in enumerate(self.TABLE):
            conv, row = ((self.c3[0], 0), (self.c3[1], 6), (self.c3[2], 15))[
                (number > 5) + (number > 14)
            ]
            weight, bias = conv.weight[number - row], conv.bias[number - row]
            # The weights of a row belong to its maps in ascending order.
            total = sum(
                functional.conv2d(x[:, i : i + 1], w[None, None])
                for i, w in zip(sorted(inputs), weight, strict=True)
            )
            found.append(total + bias)
        return torch.cat(found, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.subsample(self.squash(self.c1(x)), self.s2)
        x = self.subsample(self.squash(self.maps(x)), self.s4)
        x = self.squash(self.f6(self.squash(self.c5(x)).flatten(1)))
        return -(x[:, None] - self.out.codes).square().sum(2)


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
    """Section 3 of the paper in one column. Its normalisation scales the sum, not the mean."""

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


class Inception(nn.Module):
    """Fig. 2b of Szegedy et al. 2014."""

    def __init__(self, x: int, c1: int, r3: int, c3: int, r5: int, c5: int, proj: int) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(x, c1, 1)
        self.r3, self.c3 = nn.Conv2d(x, r3, 1), nn.Conv2d(r3, c3, 3, padding=1)
        self.r5, self.c5 = nn.Conv2d(x, r5, 1), nn.Conv2d(r5, c5, 5, padding=2)
        self.proj = nn.Conv2d(x, proj, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = functional.max_pool2d(x, 3, 1, padding=1)
        threes = self.c3(self.r3(x).relu())
        fives = self.c5(self.r5(x).relu())
        return torch.cat([self.c1(x), threes, fives, self.proj(pooled)], 1).relu()


class GoogLeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(3, 64, 7, 2, padding=3)
        self.r2, self.c2 = nn.Conv2d(64, 64, 1), nn.Conv2d(64, 192, 3, padding=1)
        rows = [(192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64)]
        rows += [(480, 192, 96, 208, 16, 48, 64), (512, 160, 112, 224, 24, 64, 64)]
        rows += [(512, 128, 128, 256, 24, 64, 64), (512, 112, 144, 288, 32, 64, 64)]
        rows += [(528, 256, 160, 320, 32, 128, 128), (832, 256, 160, 320, 32, 128, 128)]
        rows += [(832, 384, 192, 384, 48, 128, 128)]
        self.modules_ = nn.ModuleList(Inception(*row) for row in rows)
        self.modules_.insert(3, self.head(512))
        self.modules_.insert(7, self.head(528))
        self.fc = nn.Linear(1024, 1000)

    @staticmethod
    def head(x: int) -> nn.Module:
        """Section 5: a classifier on the modules 4a and 4d."""
        front = [nn.AvgPool2d(5, 3), nn.Conv2d(x, 128, 1), nn.ReLU(), nn.Flatten()]
        tail = [nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, 1000)]
        return nn.Sequential(*front, *tail)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        x = AlexNet.norm(functional.max_pool2d(self.c1(x).relu(), 3, 2, ceil_mode=True))
        x = AlexNet.norm(self.c2(self.r2(x).relu()).relu())
        sides = []
        for index, module in enumerate(self.modules_):
            if index in (0, 2, 9):
                x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
            if isinstance(module, Inception):
                x = module(x)
            elif self.training:
                sides.append(module(x))
        logits = self.fc(x.mean((2, 3)))
        return (logits, *sides) if self.training else logits


class UNet(nn.Module):
    """Figure 1 of Ronneberger et al. 2015."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            self.two(x, w) for x, w in [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
        )
        self.up = nn.ModuleList()
        for w in 512, 256, 128, 64:
            self.up.extend((nn.ConvTranspose2d(2 * w, w, 2, 2), self.two(2 * w, w)))
        self.classes = nn.Conv2d(64, 2, 1)

    @staticmethod
    def two(x: int, width: int) -> nn.Module:
        layers = [nn.Conv2d(x, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        copies = []
        for index, level in enumerate(self.down):
            x = level(functional.max_pool2d(x, 2) if index else x)
            copies.append(x)
        for index in range(4):
            x = self.up[2 * index](x)
            copy = copies[3 - index]
            top, left = ((copy.shape[i] - x.shape[i]) // 2 for i in (2, 3))
            cropped = copy[:, :, top : top + x.shape[2], left : left + x.shape[3]]
            x = self.up[2 * index + 1](torch.cat([cropped, x], 1))
        return self.classes(x)


class HighwayLayer(nn.Module):
    """Equation 3 of Srivastava et al. 2015."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(width, width, 3, padding=1)
        self.change = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        t = self.transform(x).sigmoid()
        return t * self.change(x).relu() + (1 - t) * x


class Highway(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        for x, width, layers in (3, 32, 4), (32, 80, 5), (80, 128, 5):
            self.parts.append(nn.Conv2d(x, width, 3, padding=1))
            self.parts.extend(HighwayLayer(width) for _ in range(layers))
        self.last, self.fc = nn.Conv2d(128, 100, 1), nn.Linear(100, 100)

    def forward(self, x: Tensor) -> Tensor:
        for index, part in enumerate(self.parts):
            if index in (5, 11):
                x = functional.max_pool2d(x, 2)
            x = part(x).relu() if isinstance(part, nn.Conv2d) else part(x)
        return self.fc(self.last(x).relu().mean((2, 3)))


class PreUnit(nn.Module):
    """A chain of BN-ReLU-conv; a unit that changes the shape projects the activated input."""

    def __init__(self, x: int, stride: int, *convs: tuple[int, int]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(x)
        width = convs[-1][0]
        self.project = nn.Conv2d(x, width, 1, stride, bias=False) if x != width else None
        layers: list[nn.Module] = []
        for index, (w, k) in enumerate(convs):
            if index:
                layers += [nn.BatchNorm2d(x), nn.ReLU()]
                stride = 1
            layers.append(nn.Conv2d(x, w, k, stride, padding=k // 2, bias=False))
            x = w
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x).relu()
        return self.body(y) + (x if self.project is None else self.project(y))


def preactivated(units: int, *stages: list[tuple[int, int]]) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False)]
    x = 16
    for stage, convs in enumerate(stages):
        for unit in range(units):
            layers.append(PreUnit(x, 2 if stage and not unit else 1, *convs))
            x = convs[-1][0]
    head = [nn.BatchNorm2d(x), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(x, 10)]
    return nn.Sequential(*layers, *head)


def wide() -> nn.Module:
    return preactivated(2, *([(w, 3), (w, 3)] for w in (128, 256, 512)))


def preact() -> nn.Module:
    return preactivated(18, *([(w // 4, 1), (w // 4, 3), (w, 1)] for w in (64, 128, 256)))


class CifarResNet(nn.Module):
    """Section 4.2 of He et al. 2015, with option A."""

    def __init__(self, n: int = 3) -> None:
        super().__init__()
        self.units = nn.ModuleList([nn.ModuleList([*self.unit(3, 16, 1)])])
        x = 16
        for width in 16, 32, 64:
            for _ in range(n):
                one, two = self.unit(x, width, width // x), self.unit(width, width, 1)
                self.units.append(nn.ModuleList([*one, *two]))
                x = width
        self.fc = nn.Linear(64, 10)

    @staticmethod
    def unit(x: int, width: int, stride: int) -> tuple[nn.Module, nn.Module]:
        return nn.Conv2d(x, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        conv, norm = self.units[0]
        x = norm(conv(x)).relu()
        for conv1, norm1, conv2, norm2 in self.units[1:]:
            y = norm2(conv2(norm1(conv1(x)).relu()))
            step = conv1.stride[0]
            more = y.shape[1] - x.shape[1]
            x = (y + functional.pad(x[:, :, ::step, ::step], (0, 0, 0, 0, 0, more))).relu()
        return self.fc(x.mean((2, 3)))


class M5(nn.Module):
    """Table 1 of Dai et al. 2016."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(1, 128, 80, 4, 38, bias=False)]
        for x, width in ((128, 128), (128, 256), (256, 512)):
            layers += [nn.BatchNorm1d(x), nn.ReLU(), nn.MaxPool1d(4)]
            layers += [nn.Conv1d(x, width, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm1d(512), nn.ReLU(), nn.MaxPool1d(4, ceil_mode=True)]
        self.features = nn.Sequential(*layers)
        self.classes = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(self.features(x).mean(2))


class C3D(nn.Module):
    """Figure 3 of Tran et al. 2015, for clips of 64x64."""

    def __init__(self) -> None:
        super().__init__()
        widths = [(3, 64), (64, 128), (128, 256), (256, 256), (256, 512), *[(512, 512)] * 3]
        self.convs = nn.ModuleList(nn.Conv3d(a, b, 3, padding=1) for a, b in widths)
        sizes = ((512 * 2 * 2, 4096), (4096, 4096), (4096, 487))
        self.fcs = nn.ModuleList(nn.Linear(a, b) for a, b in sizes)

    def forward(self, x: Tensor) -> Tensor:
        pools = {0: (1, 2, 2), 1: (2, 2, 2), 3: (2, 2, 2), 5: (2, 2, 2), 7: (2, 2, 2)}
        for index, conv in enumerate(self.convs):
            x = conv(x).relu()
            if index in pools:
                x = functional.max_pool3d(x, pools[index], ceil_mode=index == 7)
        x = self.fcs[0](x.flatten(1)).relu()
        return self.fcs[2](self.fcs[1](x).relu())


def mobilenet_v1() -> nn.Module:
    layers: list[nn.Module] = []

    def add(x: int, width: int, kernel: int, stride: int, groups: int = 1) -> None:
        pad = kernel // 2
        layers.append(nn.Conv2d(x, width, kernel, stride, pad, groups=groups, bias=False))
        layers.extend((nn.BatchNorm2d(width), nn.ReLU()))

    add(3, 32, 3, 2)
    widths = [64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    for x, width, stride in zip(
        [32, *widths], widths, [1, 2, 1, 2, 1, 2, *[1] * 5, 2, 1], strict=False
    ):
        add(x, x, 3, stride, groups=x)
        add(x, width, 1, 1)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000)]
    return nn.Sequential(*layers, *head)


def mobilenet_v2() -> nn.Module:
    """torchvision's, with a convolution as the last layer, as in the paper."""
    net = of_torchvision("mobilenet_v2")()
    head = [nn.AdaptiveAvgPool2d(1), nn.Dropout(), nn.Conv2d(1280, 1000, 1), nn.Flatten()]
    return nn.Sequential(net.features, *head)


def inception_v3() -> nn.Module:
    """torchvision's, with padding in the side head, for small images."""
    net = of_torchvision("inception_v3", transform_input=False, init_weights=False)()
    net.AuxLogits.conv1.conv.padding = (2, 2)
    return net


class InceptionOfTable(nn.Module):
    """Table 1 of Szegedy et al. 2016 to the letter, built from torchvision's modules."""

    def __init__(self) -> None:
        super().__init__()
        from archdsl.pytorch.vision import torchvision

        parts = torchvision.models.inception
        conv = parts.BasicConv2d
        self.stem = nn.Sequential(
            *(conv(3, 32, kernel_size=3, stride=2), conv(32, 32, kernel_size=3)),
            *(conv(32, 64, kernel_size=3, padding=1), nn.MaxPool2d(3, 2)),
            *(conv(64, 80, kernel_size=3), conv(80, 192, kernel_size=3, stride=2)),
            conv(192, 288, kernel_size=3, padding=1),
        )
        a, c = parts.InceptionA, parts.InceptionC
        self.modules_of_figures = nn.Sequential(
            *(a(288, pool_features=64) for _ in range(2)),
            parts.InceptionB(288),
            *(c(768, channels_7x7=width) for width in (128, 160, 160, 192)),
            *(parts.InceptionD(768), parts.InceptionE(1280), parts.InceptionE(2048)),
        )
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.modules_of_figures(self.stem(x)).mean((2, 3)))


class ConvBlocks(nn.Module):
    """The lecture's network for CIFAR-100, without norms."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for kind, channels in zip("CCSCCS", (32, 32, 32, 128, 128, 128), strict=True):
            if kind == "S":
                layers.append(nn.Conv2d(width, channels, 3, 2, padding=1))
            for _ in range(2 * (kind == "C")):
                layers.append(nn.Conv2d(width, channels, (1, 3), padding=(0, 1)))
                layers.append(nn.Conv2d(channels, channels, (3, 1), padding=(1, 0)))
                width = channels
        self.layers = nn.ModuleList(layers)
        self.fc = nn.Linear(128, 100)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        return self.fc(x.mean((2, 3)))


def of_torchvision(name: str, **options: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        from archdsl.pytorch.vision import torchvision

        return getattr(torchvision.models, name)(**options)

    return build


def strided_first(name: str) -> Callable[[], nn.Module]:
    """torchvision's network with the stride on the layer that has it in the paper."""

    def build() -> nn.Module:
        net = of_torchvision(name)()
        for block in net.modules():
            if hasattr(block, "conv3"):
                block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
        return net

    return build


class Pointwise(nn.Linear):
    """A linear layer on the last axis with the weight of a 1x1 convolution."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features)
        self.weight = nn.Parameter(self.weight[:, :, None, None].detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight[:, :, 0, 0], self.bias)


class ChannelScale(nn.Module):
    def __init__(self, scale: nn.Parameter) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def convnext_tiny() -> nn.Module:
    """torchvision's, with 1x1 convolutions for the linear layers of a block and its scale last."""
    net = of_torchvision("convnext_tiny", stochastic_depth_prob=0.0)()
    for block in net.modules():
        if hasattr(block, "layer_scale"):
            scale = block.layer_scale
            del block.layer_scale
            block.layer_scale = 1.0
            block.block[3] = Pointwise(block.block[3])
            block.block[5] = Pointwise(block.block[5])
            block.block.append(ChannelScale(scale))
    return net


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
    "lenet5_original": LeNet5Original,
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
    "googlenet": GoogLeNet,
    "densenet121": of_torchvision("densenet121"),
    "densenet161": of_torchvision("densenet161"),
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_b0": of_torchvision("efficientnet_b0", stochastic_depth_prob=0.0),
    "highway": Highway,
    "inception_v3": inception_v3,
    "wrn_16_8": wide,
    "resnet20": CifarResNet,
    "preact_resnet164": preact,
    "resnext50": of_torchvision("resnext50_32x4d"),
    "squeezenet1_1": of_torchvision("squeezenet1_1"),
    "unet": UNet,
    "mnasnet": of_torchvision("mnasnet1_0"),
    "vgg13_bn": of_torchvision("vgg13_bn"),
    "vgg:E": of_torchvision("vgg19"),
    "all_cnn:All-CNN-C": AllCNN,
    "cifar100_convblock": ConvBlocks,
    "inception_v3_table": InceptionOfTable,
    "convnext_tiny": convnext_tiny,
    "shufflenet_v2_x1_0": of_torchvision("shufflenet_v2_x1_0"),
    "m5": M5,
    "c3d": C3D,
}
# The deep ones are compared on small images, in double precision, so that rounding hides nothing.
SMALL = {
    **{name: (96, 64) for name in REFERENCES if name[-3:] in ("t18", "t34", "t50", "101", "152")},
    **{name: (96, 64) for name in REFERENCES if name.endswith("v1_5")},
    **dict.fromkeys(
        ("densenet121", "densenet161", "mobilenet_v1", "mobilenet_v2", "efficientnet_b0"), (96, 64)
    ),
    "mnasnet": (64, 32),
    "squeezenet1_1": (210, 224),  # a 13x13 map after three pools that round up
    "unet": (188, 204),
    "convnext_tiny": (96, 64),
    "shufflenet_v2_x1_0": (96, 64),
    "inception_v3": (171, 203),
    "inception_v3_table": (171, 203),
    **dict.fromkeys(("wrn_16_8", "resnet20", "preact_resnet164", "highway"), (32, 32)),
    "m5": (8000,),  # the last pool rounds up
    "c3d": (16, 64, 64),
}

# Mistakes that an author could make; none of them changes a shape.
MUTATIONS = {
    "lenet5": [
        ("relu                => 84", "sigmoid => 84"),
        ("maxpool             => 5x5x16", "avgpool 2x2         => 5x5x16"),
    ],
    "lenet5_original": [
        (  # an X moved
            "| 2 | X | X | X |   |   |   | X | X | X |   |    | X  |    | X  | X  | X  |\n| 3 |   ",
            "| 2 |   | X | X |   |   |   | X | X | X |   |    | X  |    | X  | X  | X  |\n| 3 | X ",
        ),
        ("subsampling-scaled tanh", "subsampling"),
        ("subsampling-scaled tanh", "subsampling-scaled tanh slope 0.6"),
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
    "googlenet": [("LRN", "relu")],
    "densenet121": [
        ("[] means dense", "[] means late\nblock late { concat { body; identity } }"),
        ("2x2 average pool, stride 2 }", "2x2 max pool, stride 2 }"),
    ],
    "mobilenet_v1": [("separable(512), stride 2", "conv dw 3x3 -> conv1-512 stride 2")],
    "mobilenet_v2": [
        ("conv-bn-relu6", "conv-bn-relu"),
        ("bottleneck(6, 320)", "conv1-960 -> dw conv 3x3 -> conv1-320"),
    ],
    "efficientnet_b0": [
        ("conv-bn-silu", "conv-bn-relu"),
        ("mbconv(6, 3, 320) ", "mbconv(6, 3, 320, 1, 0.25) -> relu"),
    ],
    "highway": [("8x8 average pool", "8x8 max pool")],
    "inception_v3": [
        ("eps 0.001", ""),
    ],
    "wrn_16_8": [("bn -> relu\n8x8", "bn -> silu\n8x8")],
    "resnet20": [("conv means conv-bn-relu", "conv means conv-bn-silu")],
    "preact_resnet164": [
        ("    identity\n    [\n      bn -> relu", "    relu\n    [\n      bn -> relu")
    ],
    "resnext50": [("stride on 3x3", "stride on first")],
    "squeezenet1_1": [
        ("squeeze: conv 1x1, (s1x1)", "squeeze: conv 1x1, (s1x1), no relu"),
        ("1x1 conv, 1000 ", "1x1 conv, 1000 no relu "),
    ],
    "unet": [
        ("{ down4 -> crop; identity }", "{ identity; down4 -> crop }"),
        ("conv means conv-relu", "up-conv means up-conv-relu\nconv means conv-relu"),
    ],
    "mnasnet": [
        ("bn(momentum 3e-4)", "bn"),
        ("(c), no activation\n}", "(c)\n}"),
    ],
    "vgg13_bn": [("conv3-64 x2", "conv3-64 -> conv3-64 no relu")],
    "vgg:E": [("conv means conv-relu ", "conv means conv-silu ")],
    "all_cnn:All-CNN-C": [("1x1 conv. 10 ReLU", "1x1 conv. 10")],
    "cifar100_convblock": [("stride=2)-(BN)-Relu", "stride=2)-(BN)")],
    "inception_v3_table": [("inception_c x 2", "inception_c; inception_c -> relu6")],
    "convnext_tiny": [
        ("gelu; 1x1, 96]", "silu; 1x1, 96]"),
        ("block downsample(c) { ln eps 1e-6;", "block downsample(c) { gn 1;"),
        (
            "{ identity; [ body; layer scale 1e-6 ] }",
            "{ identity; [ body; layer scale 1e-6; relu ] }",
        ),
    ],
    "shufflenet_v2_x1_0": [
        ("channel shuffle 2", "channel shuffle (in // 2)"),
        ("dw conv means dw conv-bn ", ""),
        ("    slice channels to (in // 2)", "    slice channels from (in // 2)"),
    ],
    "m5": [("conv3-256", "conv3-256 circular"), ("max pool 4x1 ceil", "avg pool 4x1 ceil")],
    "c3d": [
        ("conv4a: conv 3x3x3 512", "conv4a: conv 3x3x3 512 replicate"),
        ("pool2: max pool 2x2x2", "pool2: avg pool 2x2x2"),
    ],
}


def images(net: Network, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, *net.input, generator=generator).to(dtype)


def compare(name: str, text: str, reference: nn.Module) -> float:
    """The largest difference between the module of a spec and a reference."""
    if name not in SMALL:
        net = named(name, text)
        return difference(net.module(), reference, images(net))
    # The last pool covers the whole map, whatever the size of the images.
    text = re.sub(r"(avg|average) ?pool [78]x[78](/1 pad 0)?", "avgpool", text)
    text = re.sub("7x7 global average", "global average", text).replace(
        "conv5-768", "conv5-768 same"
    )
    net = named(name, text, SMALL[name])
    return difference(net.module().double(), reference.double(), images(net, torch.float64))


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCES)
def test_modules_match_references(name: str):
    text = spec_files.read_source(spec_files.names()[name]).text
    assert compare(name, text, REFERENCES[name]()) < CLOSE


# torchvision's changes: batch norm instead of local response norms and biases, a 2x2 pool, 3x3
# instead of 5x5.
AS_TORCHVISION = [
    ("conv means conv-relu", "conv means conv-bn eps 0.001-relu"),
    ("norm1: LRN", ""),
    ("norm2: LRN", ""),
    ("pool4: max pool 3x3/2 ceil", "pool4: max pool 2x2/2 ceil"),
    (
        "conv1: ",
        "block inception(c1, r3, c3, r5, c5, proj) {\n"
        "  concat { conv1-c1; conv1-r3 -> conv3-c3; conv1-r5 -> conv3-c5;\n"
        "           max pool 3x3/1 -> conv1-proj }\n}\nconv1: ",
    ),
]


@pytest.mark.slow
def test_parity_of_googlenet_with_torchvision():
    text = spec_files.read_source(spec_files.names()["googlenet"]).text
    text = re.sub(
        r"^side .*?^}$|=>([^\n]*,\n)*[^\n]*$|^expect.*?$", "", text, flags=re.MULTILINE | re.DOTALL
    )
    for old, new in AS_TORCHVISION:
        assert text.count(old) == 1
        text = text.replace(old, new)
    text = text.replace("avg pool 7x7/1 pad 0", "avgpool")
    build = of_torchvision("googlenet", aux_logits=False, transform_input=False, init_weights=False)
    net = archdsl.loads(text, input=(96, 64))
    assert net.params == sum(p.numel() for p in build().parameters()) == 6_624_904
    x = images(net, torch.float64)
    assert difference(net.module().double(), build().double(), x) < CLOSE
    broken = archdsl.loads(text.replace("2x2/2", "3x3/2"), input=(96, 64))
    assert difference(broken.module().double(), build().double(), x) > 100 * CLOSE


def test_every_network_of_the_zoo_has_a_peer():
    """Its own, that of a network from the same template, or, for a table, that of the list that
    defines the same network."""
    names = spec_files.names()
    assert set(REFERENCES) <= set(names)
    peers = {*REFERENCES, *(column for column, name in LISTS.items() if name in REFERENCES)}
    assert {names[name] for name in peers} == set(names.values())


@pytest.mark.slow
@pytest.mark.parametrize(("option", "reference"), [("A", option_a), ("C", option_c)])
def test_parity_of_shortcuts(option: str, reference: Callable[[], nn.Module]):
    text = spec_files.read_source(spec_files.names()["resnet18"]).text
    changed = text.replace("shortcut B", f"shortcut {option}")
    assert compare("resnet18", changed, reference()) < CLOSE
    if option == "A":  # new channels before the old ones
        broken = reference()
        for module in broken.modules():
            if isinstance(module, ZeroPadded):
                module.forward = lambda x: x[:, :, ::2, ::2].repeat(1, 2, 1, 1)  # type: ignore
        assert compare("resnet18", changed, broken) > 100 * CLOSE


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mutation"), [(n, m) for n in MUTATIONS for m in MUTATIONS[n]])
def test_mutations_are_detected(name: str, mutation: tuple[str, str]):
    text = spec_files.read_source(spec_files.names()[name]).text
    assert mutation[0] in text
    changed = text.replace(mutation[0], mutation[1], 1)
    assert compare(name, changed, REFERENCES[name]()) > 100 * CLOSE


def test_parity_with_batch_norm():
    """Conventions put batch norm between convolution and activation, with its real statistics."""
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["lenet5", "lenet_1x1", "resnet18", "resnet50", "nin", "mobilenet_v2", "highway", "m5"]
)
def test_source_matches_the_module(name: str):
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
