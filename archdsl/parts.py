"""The modules that torch.nn lacks. The text of a class is copied into the source of networks that
use it (source.py): each stands alone, on torch."""

from __future__ import annotations

import torch
from torch import nn


class Scale(nn.Module):
    """Every value times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor

    def extra_repr(self) -> str:
        return str(self.factor)


class Complement(nn.Module):
    """1 - x."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1 - x


class StochasticDepth(nn.Module):
    """In training, each image of a batch to zero with probability p, else scaled by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.empty(len(x), *(1,) * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * kept.bernoulli_(1 - self.p).div_(1 - self.p)

    def extra_repr(self) -> str:
        return str(self.p)


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of each position of a map."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class LearnedScale(nn.Module):
    """Every value times a learned factor: one of all, or, of shape (C, 1, …), one a channel."""

    def __init__(self, shape: tuple[int, ...], init: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full(shape, float(init)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor

    def extra_repr(self) -> str:
        return f"shape={tuple(self.factor.shape)}"


class Maxout(nn.Module):
    """The largest of every few channels."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(len(x), -1, self.pieces, *x.shape[2:]).max(dim=2).values

    def extra_repr(self) -> str:
        return str(self.pieces)


class Slice(nn.Module):
    """The channels from `start` up to `stop`, and every n-th position of each axis."""

    def __init__(self, start: int, stop: int, *steps: int) -> None:
        super().__init__()
        self.part = (slice(None), slice(start, stop), *(slice(None, None, s) for s in steps))
        self.shown = ", ".join(map(str, (start, stop, *steps)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # A copy also of one image: what is kept of a part for backward is not the whole.
        return x[self.part].clone(memory_format=torch.contiguous_format)

    def extra_repr(self) -> str:
        return self.shown
