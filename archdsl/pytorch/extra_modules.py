"""The modules that torch.nn lacks.

source.py copies the text of a class into the source of a network that uses it, so each class
depends on nothing but torch.
"""

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
        kept = torch.empty([len(x)] + [1] * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * kept.bernoulli_(1 - self.p).div_(1 - self.p)

    def extra_repr(self) -> str:
        return str(self.p)


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of each position of a map.

    The result is contiguous, as that of other layers: flattening it copies nothing.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = x.movedim(1, -1)
        shape, weight, bias = self.normalized_shape, self.weight, self.bias
        normalised = nn.functional.layer_norm(last, shape, weight, bias, self.eps)
        return normalised.movedim(-1, 1).contiguous()


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
        made = x.shape[1] // self.pieces
        shape = list(x.shape)
        shape[1] = made
        shape.insert(2, self.pieces)
        return x.reshape(shape).max(dim=2).values

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


class ScaledTanh(nn.Module):
    """amplitude · tanh(slope · x)."""

    def __init__(self, amplitude: float, slope: float) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.amplitude * torch.tanh(self.slope * x)

    def extra_repr(self) -> str:
        return f"{self.amplitude}, {self.slope}"


class Subsampling(nn.Module):
    """The sum of each window, times a weight of its map, plus a bias of its map.

    It begins as the mean of the window.
    """

    def __init__(
        self, channels: int, kernel: tuple[int, ...], stride: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        self.pool = getattr(nn, f"AvgPool{len(kernel)}d")(kernel, stride)
        self.size = 1
        for length in kernel:
            self.size *= length
        shape = (channels, *(1 for _ in kernel))
        self.weight = nn.Parameter(torch.full(shape, 1 / self.size))
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sums: torch.Tensor = self.pool(x) * self.size
        return sums * self.weight + self.bias


class PartialConv(nn.Module):
    """A convolution each of whose output maps reads some of the input maps.

    `connections` names them, from 0, for each output map. Output maps that read equally many are
    one grouped convolution, so that there are weights, and multiply-adds, for what is connected.
    """

    def __init__(
        self,
        connections: tuple[tuple[int, ...], ...],
        kernel: tuple[int, ...],
        **options: object,
    ) -> None:
        super().__init__()
        self.connections = connections
        counts = sorted({len(inputs) for inputs in connections})
        self.alike = [[i for i, read in enumerate(connections) if len(read) == n] for n in counts]
        conv = getattr(nn, f"Conv{len(kernel)}d")
        self.convs = nn.ModuleList(
            conv(count * len(outs), len(outs), kernel, groups=len(outs), **options)
            for count, outs in zip(counts, self.alike, strict=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = x.unbind(1)
        made: dict[int, torch.Tensor] = {}
        for outs, conv in zip(self.alike, self.convs, strict=True):
            read = torch.stack([maps[i] for out in outs for i in self.connections[out]], 1)
            made.update(zip(outs, conv(read).unbind(1), strict=True))
        return torch.stack([made[i] for i in range(len(made))], 1)

    def extra_repr(self) -> str:
        return f"connections={self.connections}"


class RBF(nn.Module):
    """-sum((x - code)²) for the code of each class, of -1 and +1: logits.

    The codes do not learn. Those of 84 inputs and up to 10 classes are the digits as bitmaps of
    7x12 pixels, ink +1; others are a Hadamard code.
    """

    DIGITS = """
    ..###.. ...#... .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
    .#...#. ..##... #.....# #.....# ....##. #...... .#..... ......# #.....# #.....#
    #.....# .#.#... ......# ......# ...#.#. #...... #...... .....#. #.....# #.....#
    #.....# ...#... ......# ......# ...#.#. #...... #...... .....#. #.....# #.....#
    #.....# ...#... .....#. .....#. ..#..#. #.####. #.####. ....#.. .#...#. #.....#
    #.....# ...#... ....#.. ..###.. ..#..#. ##....# ##....# ....#.. ..###.. .#...##
    #.....# ...#... ...#... .....#. .#...#. ......# #.....# ...#... .#...#. ..###.#
    #.....# ...#... ..#.... ......# #....#. ......# #.....# ...#... #.....# ......#
    #.....# ...#... .#..... ......# ####### ......# #.....# ..#.... #.....# ......#
    #.....# ...#... #...... ......# .....#. ......# #.....# ..#.... #.....# ......#
    .#...#. ...#... #...... #.....# .....#. #.....# .#...#. .#..... #.....# .#...#.
    ..###.. .#####. ####### .#####. .....#. .#####. ..###.. .#..... .#####. ..###..
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        if inputs == 84 and width <= 10:
            rows = [line.split() for line in self.DIGITS.split("\n") if line.strip()]
            digits = ["".join(row[i] for row in rows) for i in range(width)]
            codes = torch.tensor([[1.0 if dot == "#" else -1.0 for dot in d] for d in digits])
        else:
            both = torch.arange(width)[:, None] & torch.arange(inputs)
            codes = torch.ones(width, inputs)
            for bit in range(width.bit_length()):
                codes *= 1 - 2 * ((both >> bit) & 1)
        self.codes: torch.Tensor
        self.register_buffer("codes", codes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        products = nn.functional.linear(x, self.codes)
        return 2 * products - x.square().sum(1, keepdim=True) - self.codes.square().sum(1)

    def extra_repr(self) -> str:
        return f"{self.codes.shape[1]}, {self.codes.shape[0]}"


class FixedFilter(nn.Module):
    """Each channel, cross-correlated with each of some kernels of numbers that do not learn.

    The maps of a channel stand beside each other.
    """

    def __init__(self, channels: int, *kernels: object, padding: int | tuple[int, ...] = 0) -> None:
        super().__init__()
        weight = torch.tensor(kernels, dtype=torch.get_default_dtype())[:, None]
        self.padding = padding
        self.channels = channels
        self.weight: torch.Tensor
        self.register_buffer("weight", weight.repeat(channels, *(1 for _ in weight.shape[1:])))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rank = self.weight.dim() - 2
        correlate = getattr(nn.functional, f"conv{rank}d")
        made: torch.Tensor = correlate(x, self.weight, padding=self.padding, groups=self.channels)
        return made

    def extra_repr(self) -> str:
        size = "x".join(map(str, self.weight.shape[2:]))
        kernels = len(self.weight) // self.channels
        return f"{self.channels}, {kernels} of {size}, padding={self.padding}"


class GaussianFilter(nn.Module):
    """Each channel, blurred by a Gaussian bell: samples of exp(-d² / (2 · sigma²)) that add up
    to 1, and that do not learn."""

    def __init__(
        self,
        channels: int,
        kernel: tuple[int, ...],
        sigma: tuple[float, ...],
        padding: int | tuple[int, ...] = 0,
    ) -> None:
        super().__init__()
        weight = torch.ones(())
        for size, width in zip(kernel, sigma, strict=True):
            squares = (torch.arange(size) - (size - 1) / 2) ** 2
            bell = torch.exp(-(squares - squares.min()) / (2 * width**2))  # the highest is 1
            weight = weight[..., None] * (bell / bell.sum())
        self.sigma = sigma
        self.padding = padding
        self.channels = channels
        self.weight: torch.Tensor
        self.register_buffer("weight", weight.expand(channels, 1, *kernel).clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        correlate = getattr(nn.functional, f"conv{len(self.sigma)}d")
        made: torch.Tensor = correlate(x, self.weight, padding=self.padding, groups=self.channels)
        return made

    def extra_repr(self) -> str:
        size = "x".join(map(str, self.weight.shape[2:]))
        return f"{self.channels}, {size}, sigma={self.sigma}, padding={self.padding}"
