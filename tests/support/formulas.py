"""What layers compute, as formulas for those that are not simply a class of torch.nn.

Each formula takes the layer, its module (for parameters and mode) and the inputs (N, C, …). It
uses the layer's fields, so that a module that was built with other arguments differs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archdsl.layers import Layer

Formula = Callable[..., Tensor]
FORMULAS: dict[str, Formula] = {}  # by the class of the layer


# The initial parameters of PReLU and of the classes in pytorch/extra_modules.py.
INITIAL: dict[str, Callable[[Any], dict[str, float]]] = {
    "PReLU": lambda op: {"weight": op.slope},
    "LearnedScale": lambda op: {"factor": op.init},
    "Subsampling": lambda op: {"weight": 1 / math.prod(op.kernel), "bias": 0},
    "LayerNorm": lambda op: {"weight": 1, "bias": 0} if op.affine else {},
}


def per_channel(values: Tensor, x: Tensor) -> Tensor:
    """One value, or one for each channel, to broadcast with (N, C, …)."""
    return values.reshape(-1, *(1 for _ in x.shape[2:]))


def windows(x: Tensor, kernel: Any, stride: Any, dilation: Any) -> Tensor:
    """(N, C, …) as (N, C, positions …, kernel …)."""
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True), 2):
        x = x.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
    return x


def padded(x: Tensor, pad: Any, mode: str = "zeros") -> Tensor:
    sides = [p for p in reversed(pad) for _ in range(2)]
    mode = "constant" if mode == "zeros" else mode
    return nn.functional.pad(x, sides, mode) if any(sides) else x


def formula(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    FORMULAS[function.__name__] = function
    return function


@formula
def Scale(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return torch.einsum("n...,->n...", x, torch.tensor(op.factor).to(x))


@formula
def Complement(op: Layer, module: nn.Module, x: Tensor) -> Tensor:
    return torch.ones_like(x) - x


@formula
def StochasticDepth(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    """The choice of images is random, drawn as in the module; what happens to them is not."""
    if not module.training or op.p == 0:
        return x
    kept = torch.empty(len(x), *(1 for _ in x.shape[1:]), dtype=x.dtype).bernoulli_(1 - op.p)
    return torch.where(kept == 1, x / (1 - op.p), 0 * x)


@formula
def PReLU(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return x.clamp(min=0) + per_channel(module.weight, x) * x.clamp(max=0)


@formula
def Crop(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    for axis, size in enumerate(op.size, 2):
        x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
    return x


@formula
def ChannelPad(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    result = x.new_zeros(len(x), op.width, *x.shape[2:])
    result[:, op.front : op.front + x.shape[1]] = x
    return result


@formula
def Resize(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    """A matrix for each axis, (new size, old size)."""
    for axis, n in enumerate(x.shape[2:]):
        m = op.size[axis] if op.size else math.floor(n * op.factor[axis])
        step = n / m if op.size else 1 / op.factor[axis]
        matrix = np.zeros((m, n))
        for o, row in enumerate(matrix):
            for at, weight in _sources(op, o, step, n, m):
                row[min(max(at, 0), n - 1)] += weight
        result = torch.tensordot(x, torch.from_numpy(matrix).to(x), ([axis + 2], [1]))
        x = result.movedim(-1, axis + 2)
    return x


def _sources(op: Any, o: int, step: float, n: int, m: int) -> list[tuple[int, float]]:
    """The positions of an axis that a new value is computed from, and their weights."""
    if op.mode == "nearest":
        return [(math.floor(o * step + 1e-9), 1)]
    if op.mode == "nearest exact":
        return [(math.floor((o + 0.5) * step + 1e-9), 1)]
    if op.mode == "area":
        first, end = o * n // m, -(-(o + 1) * n // m)
        return [(at, 1 / (end - first)) for at in range(first, end)]
    if op.corners:
        place = o * (n - 1) / (m - 1) if m > 1 else 0.0
    else:
        place = (o + 0.5) * step - 0.5
    if op.mode == "bilinear":
        at = math.floor(max(place, 0))
        return [(at, 1 - (max(place, 0) - at)), (at + 1, max(place, 0) - at)]
    at = math.floor(place)
    return [(at + k, _cubic(abs(place - at - k))) for k in (-1, 0, 1, 2)]


def _cubic(t: float, a: float = -0.75) -> float:
    """The kernel of Keys 1981, with torch's a."""
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a


@formula
def Add(op: Layer, module: nn.Module, *xs: Tensor) -> Tensor:
    return torch.stack(xs).sum(0)


@formula
def Concat(op: Layer, module: nn.Module, *xs: Tensor) -> Tensor:
    return torch.hstack(xs)


@formula
def Multiply(op: Layer, module: nn.Module, *xs: Tensor) -> Tensor:
    rank = max(x.dim() for x in xs)
    full = torch.broadcast_tensors(*(x.reshape(*x.shape, *(1,) * (rank - x.dim())) for x in xs))
    return torch.stack(full).prod(0)


@formula
def LocalResponseNorm(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    """AlexNet, section 3.3: a sum over `size` neighbours, n // 2 of them before the channel."""
    squares, channels = x * x, x.shape[1]
    sums = [
        squares[:, max(0, c - op.size // 2) : c - op.size // 2 + op.size].sum(1)
        for c in range(channels)
    ]
    return x / (op.k + op.alpha * torch.stack(sums, 1)) ** op.beta


@formula
def Conv(op: Any, module: Any, x: Tensor) -> Tensor:
    """A weighted sum of each window; with connections, the other weights are zero."""
    if op.connections:
        table = [list(map(int, inputs.split())) for inputs in op.connections.split(",")]
        weight = x.new_zeros(op.width, x.shape[1], *op.kernel)
        bias = x.new_zeros(op.width)
        for conv in module.convs:
            outs = [o for o, inputs in enumerate(table) if len(inputs) == conv.weight.shape[1]]
            for o, kernels in zip(outs, conv.weight, strict=True):
                weight[o, table[o]] = kernels
            if op.bias:
                bias[outs] = conv.bias
    else:
        weight = module.weight
        bias = module.bias if op.bias else x.new_zeros(op.width)
    read = windows(padded(x, op.pad, op.mode), op.kernel, op.stride, op.dilation)
    read = read.unflatten(1, (op.groups, -1))
    weight = weight.unflatten(0, (op.groups, -1))
    places, kernel = "xyz"[: len(op.kernel)], "ijk"[: len(op.kernel)]
    result = torch.einsum(f"ngc{places}{kernel},gwc{kernel}->ngw{places}", read, weight)
    return result.flatten(1, 2) + per_channel(bias, x)


@formula
def LearnedScale(op: Any, module: Any, x: Tensor) -> Tensor:
    return per_channel(module.factor, x) * x


@formula
def Maxout(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return x.unfold(1, op.pieces, op.pieces).amax(-1)


@formula
def Slice(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    x = x.narrow(1, op.start, op.stop - op.start)
    for axis, step in enumerate(op.step, 2):
        x = x.index_select(axis, torch.arange(0, x.shape[axis], step))
    return x


@formula
def ScaledTanh(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    grown = torch.exp(2 * op.slope * x)
    return op.amplitude * (grown - 1) / (grown + 1)


@formula
def Subsampling(op: Any, module: Any, x: Tensor) -> Tensor:
    read = windows(x, op.kernel, op.stride, [1 for _ in op.kernel])
    sums = read.flatten(-len(op.kernel)).sum(-1)
    return per_channel(module.weight, x) * sums + per_channel(module.bias, x)


@formula
def LayerNorm(op: Any, module: Any, x: Tensor) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    result = centred / ((centred**2).mean(1, keepdim=True) + op.eps).sqrt()
    return (
        per_channel(module.weight, x) * result + per_channel(module.bias, x)
        if op.affine
        else result
    )


@formula
def RBF(op: Any, module: Any, x: Tensor) -> Tensor:
    return -((x[:, None] - module.codes) ** 2).sum(-1)


def gradient(op: Any, x: Tensor, smoothing: tuple[int, int, int]) -> Tensor:
    x = padded(x, op.pad)
    (height, width), (a, b, c) = x.shape[2:], smoothing
    across = x[..., 2:] - x[..., :-2]
    down = x[..., 2:, :] - x[..., :-2, :]
    along_x = sum(w * across.narrow(2, i, height - 2) for i, w in enumerate((a, b, c)))
    along_y = sum(w * down.narrow(3, i, width - 2) for i, w in enumerate((a, b, c)))
    maps = {"x": [along_x], "y": [along_y], "both": [along_x, along_y]}[op.direction]
    return torch.stack(maps, 2).flatten(1, 2)


@formula
def Sobel(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return gradient(op, x, (1, 2, 1))


@formula
def Scharr(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return gradient(op, x, (3, 10, 3))


@formula
def Laplacian(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    """The sum over neighbours of neighbour minus value."""
    rank = x.dim() - 2
    read = windows(padded(x, op.pad), [3] * rank, [1] * rank, [1] * rank)
    centre = read[(..., *[1] * rank)]
    places = itertools.product(range(3), repeat=rank)
    near = [p for p in places if op.neighbours > 2 * rank or sum(abs(i - 1) for i in p) == 1]
    return sum(read[(..., *place)] - centre for place in near)


@formula
def Gaussian(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    """Along one axis after the other."""
    x = padded(x, op.pad)
    for axis, (k, sigma) in enumerate(zip(op.kernel, op.sigma, strict=True), 2):
        powers = torch.distributions.Normal((k - 1) / 2, sigma).log_prob(torch.arange(k))
        x = x.unfold(axis, k, 1) @ powers.softmax(0).to(x)
    return x
