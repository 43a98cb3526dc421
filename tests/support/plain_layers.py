"""Plain layers of torch, in order of definition: what a network is in the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Shape = tuple[int, ...]
Number = int | float
Values = dict[str, Any]
Make = Callable[[int, int, Values], nn.Module]  # of the channels and the axes of the input
CONVOLUTIONS = ("conv", "dw", "upconv")
WEIGHTS = (*CONVOLUTIONS, "fc")
# Layers of maps only.
MAPS = (*CONVOLUTIONS, "maxpool", "avgpool", "gap", "upsample", "pixel shuffle", "instance norm")
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky relu": nn.LeakyReLU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "hard swish": nn.Hardswish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
}


class Refused(Exception):
    """Steps that contradict each other, so that their text is refused too."""


@dataclass
class Node:
    op: str
    values: dict[str, Any]
    inputs: tuple[int, ...]
    shape: Shape


@dataclass
class Plain:
    """The layers in order of definition, and what they lead to."""

    nodes: list[Node]
    rows: list[Shape]
    outputs: list[int]
    sides: list[int]

    @property
    def main(self) -> list[int]:
        """The nodes that lead to the outputs, side heads left out."""
        needed: set[int] = set()
        waiting = list(self.outputs)
        while waiting:
            index = waiting.pop()
            if index not in needed:
                needed.add(index)
                waiting += self.nodes[index].inputs
        return sorted(needed)

    def macs(self) -> int:
        return sum(_macs(self.nodes, self.nodes[index]) for index in self.main)

    def params(self) -> int:
        return sum(_params(self.nodes, self.nodes[index]) for index in self.main)


def _params(nodes: Sequence[Node], node: Node) -> int:
    v = node.values
    if node.op in ("bn", "gn", "ln"):
        return 2 * node.shape[0]
    if node.op not in WEIGHTS:
        return 0
    c = nodes[node.inputs[0]].shape[0]
    window = 1 if node.op == "fc" else v["kernel"] ** (len(node.shape) - 1)
    return int(v["width"] * (c // v.get("groups", 1) * window + v["bias"]))


def _macs(nodes: Sequence[Node], node: Node) -> int:
    v = node.values
    if node.op not in WEIGHTS:
        return 0
    x = nodes[node.inputs[0]].shape
    if node.op == "fc":
        return x[0] * int(v["width"])
    positions = math.prod(x[1:]) if node.op == "upconv" else math.prod(node.shape[1:])
    kernel: int = v["kernel"] ** (len(x) - 1)
    return int(positions * kernel * (x[0] // v.get("groups", 1)) * v["width"])


# Shapes.


def shape_after(kind: str, x: Shape, v: Values) -> Shape:
    """The shape that a layer gives; Refused if it does not fit."""
    c, *lengths = x
    if kind in MAPS and not lengths:
        raise Refused(f"{kind} of a vector")
    if kind in CONVOLUTIONS:
        return _convolved(kind, x, v)
    if kind in ("maxpool", "avgpool"):
        return _pooled(kind, x, v)
    if kind in ("fc", "flatten"):
        return (v["width"] if kind == "fc" else math.prod(x),)
    if kind == "gap":
        return (c, *(1 for _ in lengths))
    if kind == "upsample":
        return (c, *(n * v["factor"] for n in lengths))
    if kind == "pixel shuffle":
        if c % v["factor"] ** 2 or len(lengths) != 2:
            raise Refused("channels")
        return (c // v["factor"] ** 2, *(n * v["factor"] for n in lengths))
    if kind == "gn" and (c % 2 or math.prod(x) == 2):
        raise Refused("a group of one value")
    if kind == "instance norm" and math.prod(lengths) == 1:
        raise Refused("a norm of one value")
    return x


def _convolved(kind: str, x: Shape, v: Values) -> Shape:
    width, k, s, groups = v["width"], v["kernel"], v.get("stride", 1), v.get("groups", 1)
    if x[0] % groups or width % groups:
        raise Refused("groups")
    if kind == "upconv":
        return (width, *((n - 1) * s + k for n in x[1:]))
    reach = v.get("dilation", 1) * (k - 1) + 1
    return (width, *((n + 2 * v["pad"] - reach) // s + 1 for n in x[1:]))


def _pooled(kind: str, x: Shape, v: Values) -> Shape:
    """Fills in what the pool leaves open: its stride is its window, and a pool with stride 1 and an
    odd window keeps the size."""
    k = v["kernel"]
    if kind == "avgpool" and len(x) == 4 and min(x[1:]) < k:
        raise Refused("torch refuses such windows")
    v.setdefault("stride", k)
    v.setdefault("pad", (k - 1) // 2 if v["stride"] == 1 and k % 2 else 0)
    return (x[0], *((n + 2 * v["pad"] - k) // v["stride"] + 1 for n in x[1:]))


# Modules.


def module_of(nodes: Sequence[Node], node: Node) -> nn.Module:
    """The torch module of a layer; an identity for what `PlainModule` computes itself."""
    x = nodes[node.inputs[0]].shape if node.inputs else node.shape
    make = MODULES.get(node.op)
    return nn.Identity() if make is None else make(x[0], len(x) - 1, node.values)


def _ranked(name: str, rank: int) -> Any:
    return getattr(nn, f"{name}{rank}d")


def _convolution(name: str) -> Make:
    def make(c: int, rank: int, v: Values) -> nn.Module:
        options = {key: v[key] for key in ("stride", "dilation", "groups", "bias") if key in v}
        module: nn.Module = _ranked(name, rank)(c, v["width"], v["kernel"], padding=v["pad"],
                                                **options)  # fmt: skip
        return module

    return make


def _pool(name: str) -> Make:
    return lambda c, rank, v: _ranked(name, rank)(v["kernel"], v["stride"], v["pad"])


def _activation(make: type[nn.Module]) -> Make:
    return lambda c, rank, v: make()


MODULES: dict[str, Make] = {
    "conv": _convolution("Conv"),
    "dw": _convolution("Conv"),
    "upconv": _convolution("ConvTranspose"),
    "fc": lambda c, rank, v: nn.Linear(c, v["width"], bias=v["bias"]),
    "bn": lambda c, rank, v: _ranked("BatchNorm", max(rank, 1))(c),
    "gn": lambda c, rank, v: nn.GroupNorm(2, c),
    "ln": lambda c, rank, v: ChannelNorm(c),
    "instance norm": lambda c, rank, v: _ranked("InstanceNorm", rank)(c),
    "dropout": lambda c, rank, v: nn.Dropout(v["p"]),
    "stochastic depth": lambda c, rank, v: StochasticDepth(v["p"]),
    "maxpool": _pool("MaxPool"),
    "avgpool": _pool("AvgPool"),
    "gap": lambda c, rank, v: _ranked("AdaptiveAvgPool", rank)(1),
    "flatten": lambda c, rank, v: nn.Flatten(),
    "upsample": lambda c, rank, v: nn.Upsample(scale_factor=v["factor"]),
    "pixel shuffle": lambda c, rank, v: nn.PixelShuffle(v["factor"]),
    **{kind: _activation(make) for kind, make in ACTIVATIONS.items()},
}


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = F.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, 1e-5)
        return y.movedim(-1, 1)


class StochasticDepth(nn.Module):
    """Drops all values of some images of a batch."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept.div_(1 - self.p)


class PlainModule(nn.Module):
    def __init__(self, plain: Plain) -> None:
        super().__init__()
        self.plain = plain
        self.layers = nn.ModuleList(module_of(plain.nodes, node) for node in plain.nodes)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        values: list[Tensor] = []
        for node, layer in zip(self.plain.nodes, self.layers, strict=True):
            read = [values[index] for index in node.inputs]
            match node.op:
                case "input":
                    y = x
                case "add":
                    y = sum(read[1:], read[0])
                case "concat":
                    y = torch.cat(read, 1)
                case "multiply":
                    y = read[0]
                    for other in read[1:]:
                        y = y * other
                case "scale":
                    y = read[0] * node.values["by"]
                case "complement":
                    y = 1 - read[0]
                case "subsample":
                    stride: Any = slice(None, None, node.values["stride"])
                    y = read[0][(..., *[stride] * (x.dim() - 2))]
                case "channelpad":
                    more = node.shape[0] - read[0].shape[1]
                    y = F.pad(read[0], [0, 0] * (x.dim() - 2) + [0, more])
                case _:
                    y = layer(read[0])
            assert tuple(y.shape[1:]) == node.shape, (node, y.shape)
            values.append(y)
        ends = [*self.plain.outputs, *(self.plain.sides if self.training else ())]
        return tuple(values[end] for end in ends)
