"""Networks that were written from the manual alone, with the facts of their papers.

Each text is the first version whose params and macs were right. Parameters and multiply-adds do not
show an activation in the wrong place, so outputs and gradients are compared, in double precision,
with torchvision's modules, or with plain ones written from the papers' text and figures.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from oracle import difference, macs
from paths import ROOT
from torch import Tensor, nn

import archdsl
from archdsl.output import decisions
from archdsl.pytorch.vision import torchvision

CLOSE = 1e-9
LEAKY = 0.01


class Unit(nn.Sequential):
    """A convolution, a batch norm and an activation."""

    def __init__(self, wide: int, out: int, kernel: int, stride: int = 1, act: str = "leaky"):
        acts = {"leaky": nn.LeakyReLU(LEAKY), "relu": nn.ReLU(), "": nn.Identity()}
        conv = nn.Conv2d(wide, out, kernel, stride, kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(out), acts[act])


class Darknet53(nn.Module):
    """Redmon & Farhadi 2018, Table 1: `x + activation(F(x))`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Unit(3, 32, 3)
        self.stages = nn.ModuleList()
        for width, times in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
            units = [
                nn.Sequential(Unit(width, width // 2, 1), Unit(width // 2, width, 3))
                for _ in range(times)
            ]
            self.stages.append(nn.ModuleList([Unit(width // 2, width, 3, 2), *units]))
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for down, *units in self.stages:
            x = down(x)
            for unit in units:
                x = x + unit(x)
        return self.fc(x.mean((2, 3)))


class Gate(nn.Sequential):
    def __init__(self, wide: int) -> None:
        narrow = wide // 16
        super().__init__(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, narrow, 1), nn.ReLU(),
            nn.Conv2d(narrow, wide, 1), nn.Sigmoid(),
        )  # fmt: skip


class SEBottleneck(nn.Module):
    """Hu et al. 2018, Figure 3: the gate before the sum, the activation after it."""

    def __init__(self, wide: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        changes = wide != out
        self.body = nn.Sequential(
            Unit(wide, width, 1, 1, "relu"),
            Unit(width, width, 3, stride, "relu"),
            Unit(width, out, 1, 1, ""),
        )
        self.gate = Gate(out)
        self.shortcut = Unit(wide, out, 1, stride, "") if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return torch.relu(self.shortcut(x) + y * self.gate(y))


class SEResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(Unit(3, 64, 7, 2, "relu"), nn.MaxPool2d(3, 2, 1))
        wide, units = 64, []
        for width, times, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for index in range(times):
                units.append(SEBottleneck(wide, width, 1 if index else stride))
                wide = 4 * width
        self.units = nn.Sequential(*units)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.units(self.stem(x)).mean((2, 3)))


class CSPStage(nn.Module):
    """Wang et al. 2020, Figure 2: half of the channels bypass the residual units."""

    def __init__(self, wide: int, width: int, times: int, stride: int) -> None:
        super().__init__()
        self.down = Unit(wide, wide, 3, stride) if stride > 1 else nn.Identity()
        self.expand = Unit(wide, 2 * width, 1, act="")
        self.units = nn.ModuleList(
            nn.Sequential(
                Unit(width, width // 2, 1), Unit(width // 2, width // 2, 3),
                Unit(width // 2, width, 1, act=""),
            )
            for _ in range(times)
        )  # fmt: skip
        self.after = Unit(width, width, 1)
        self.out = Unit(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        bypass, y = self.expand(self.down(x)).chunk(2, 1)
        for unit in self.units:
            y = nn.functional.leaky_relu(y + unit(y), LEAKY)
        return self.out(torch.cat([bypass, self.after(y)], 1))


class CSPResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(Unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1))
        shapes = ((64, 128, 3, 1), (128, 256, 3, 2), (256, 512, 5, 2), (512, 1024, 2, 2))
        self.stages = nn.Sequential(*(CSPStage(*shape) for shape in shapes))
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.stages(self.stem(x)).mean((2, 3)))


REFERENCES: dict[str, Callable[[], nn.Module]] = {
    "efficientnetv2_s": lambda: torchvision.models.efficientnet_v2_s(stochastic_depth_prob=0.0),
    "mobilenetv3_large": torchvision.models.mobilenet_v3_large,
    "se_resnet50": SEResNet50,
    "darknet53": Darknet53,
    "cspresnet50": CSPResNet50,
}


def load(name: str) -> archdsl.Network:
    return archdsl.load(str(ROOT / "tests/data/reader" / f"{name}.arch"))


@pytest.mark.parametrize("name", REFERENCES)
def test_the_decisions_fit_in_eight_lines(name: str):
    net = load(name)
    lines = decisions.summary_lines(net)
    assert 0 < len(lines) <= 8 and "more: " not in lines[-1]
    assert net.claims and all(claim.how is not None for claim in net.claims)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCES)
def test_outputs_and_gradients_are_those_of_the_reference(name: str):
    net, reference = load(name), REFERENCES[name]()
    assert net.params == sum(p.numel() for p in reference.parameters())
    assert net.macs == macs(reference, torch.rand(1, *net.input))
    ours, reference = net.module().double(), reference.double()
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert difference(ours, reference, x) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("darknet53", "activation before add\n", ""),
        ("se_resnet50", "stride on 3x3\n", "stride on 3x3\nactivation before add\n"),
        ("mobilenetv3_large", "conv1-(c) no activation", "conv1-(c)"),
    ],
)
def test_a_wrong_activation_changes_outputs_but_no_figure(name: str, before: str, after: str):
    text = (ROOT / "tests/data/reader" / f"{name}.arch").read_text("utf-8")
    assert before in text
    net = archdsl.loads(text.replace(before, after))
    assert all(claim.how is not None for claim in net.claims)
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert difference(net.module().double(), REFERENCES[name]().double(), x) > 1e-3
