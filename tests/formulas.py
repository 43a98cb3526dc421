"""What layers compute, written anew: for those that no class of torch.nn is named after.

Each formula takes the layer, its module (for the values of parameters, and the mode) and the
inputs (N, C, …); it uses the layer's own fields, so that a module built otherwise differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archdsl.layers import Layer

Formula = Callable[..., Tensor]
FORMULAS: dict[str, Formula] = {}  # by the class of the layer


def formula(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    FORMULAS[function.__name__] = function
    return function


@formula
def Scale(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return torch.einsum("n...,->n...", x, torch.tensor(float(op.factor)))


@formula
def Complement(op: Layer, module: nn.Module, x: Tensor) -> Tensor:
    return torch.ones_like(x) - x


@formula
def StochasticDepth(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    """Which images stay is the module's draw; what becomes of them is not."""
    if not module.training or op.p == 0:
        return x
    stay = torch.empty(len(x), *(1 for _ in x.shape[1:])).bernoulli_(1 - op.p)
    return torch.where(stay == 1, x / (1 - op.p), 0 * x)


@formula
def PReLU(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return x.clamp(min=0) + op.slope * x.clamp(max=0)


@formula
def Crop(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    for axis, size in enumerate(op.size, 2):
        x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
    return x


@formula
def ChannelPad(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    return torch.cat((x, x.new_zeros(len(x), op.width - x.shape[1], *x.shape[2:])), 1)


@formula
def Resize(op: Any, module: nn.Module, x: Tensor) -> Tensor:
    """One matrix an axis: the nearest value in front, or linear between the two around."""
    for axis, factor in enumerate(op.factor, 2):
        size = x.shape[axis]
        matrix = np.zeros((math.floor(size * factor), size), np.float32)
        for o, row in enumerate(matrix):
            if op.mode == "nearest":
                row[math.floor(o / factor)] = 1
            else:
                at = max((o + 0.5) / factor - 0.5, 0)
                low = math.floor(at)
                row[low] += 1 - (at - low)
                row[min(low + 1, size - 1)] += at - low
        x = torch.tensordot(x, torch.from_numpy(matrix), ([axis], [1])).movedim(-1, axis)
    return x


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
    """AlexNet, section 3.3: a sum over `size` neighbours, n // 2 of them in front."""
    squares, channels = x * x, x.shape[1]
    sums = [
        squares[:, max(0, c - op.size // 2) : c - op.size // 2 + op.size].sum(1)
        for c in range(channels)
    ]
    return x / (op.k + op.alpha * torch.stack(sums, 1)) ** op.beta
