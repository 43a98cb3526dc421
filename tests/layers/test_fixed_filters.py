"""Sobel, Scharr, Laplacian and Gaussian filters, against formulas written out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl.layers import Layer, Value
from archdsl.layers.fixed_filters import Gaussian, Laplacian
from archdsl.pytorch.module import construct

IMAGE = torch.arange(2 * 3 * 8 * 9, dtype=torch.float32).view(2, 3, 8, 9).square().remainder(17)


def made(line: str, x: Tensor = IMAGE) -> Tensor:
    """What a line gives for a batch."""
    sizes = "x".join(map(str, x.shape[2:]))
    return archdsl.loads(f"input {sizes}, {x.shape[1]} channels\n{line}\n").module()(x)


def of(kind: type[Layer], x: Tensor, **given: Value) -> Tensor:
    """What a layer gives for a batch of volumes."""
    shape = tuple(x.shape[1:])
    return construct(kind.settle(given, shape, "same").call(shape))(x)


def correlated(x: Tensor, kernel: list[list[float]]) -> Tensor:
    """Every channel with a kernel as it is printed, neighbours outside of the image zero."""
    height, width = len(kernel) // 2, len(kernel[0]) // 2
    padded = functional.pad(x, (width, width, height, height))
    total = torch.zeros_like(x)
    for i, row in enumerate(kernel):
        for j, number in enumerate(row):
            total += number * padded[:, :, i : i + x.shape[2], j : j + x.shape[3]]
    return total


# As OpenCV and the lectures print them.
SOBEL_X = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
SOBEL_Y = [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
SCHARR_X = [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]
SCHARR_Y = [[-3, -10, -3], [0, 0, 0], [3, 10, 3]]


@pytest.mark.parametrize(
    ("line", "kernel"),
    [
        ("sobel x", SOBEL_X),
        ("sobel y", SOBEL_Y),
        ("scharr x", SCHARR_X),
        ("scharr_y", SCHARR_Y),
        ("laplacian", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("laplacian, 8 neighbours", [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
    ],
)
def test_numbers(line: str, kernel: list[list[float]]):
    assert torch.allclose(made(line), correlated(IMAGE, kernel))
    inside = correlated(IMAGE, kernel)[:, :, 1:-1, 1:-1]
    assert torch.allclose(made(f"padding valid\n{line}"), inside)
    assert torch.allclose(made(f"{line} no padding"), inside)


def test_signs():
    """Brighter to the right, and downwards, is positive."""
    across = torch.arange(6.0).repeat(6, 1)[None, None]
    assert (made("sobel x valid", across) == 8).all()
    assert (made("sobel y valid", across) == 0).all()
    assert (made("sobel y valid", across.mT) == 8).all()
    assert (made("scharr x valid", across) == 32).all()


@pytest.mark.parametrize("kind", ["sobel", "scharr"])
def test_both_directions_of_each_channel(kind: str):
    both = made(kind)
    assert both.shape == (2, 6, 8, 9)
    assert torch.equal(both[:, ::2], made(f"{kind} x"))
    assert torch.equal(both[:, 1::2], made(f"{kind} y"))


@pytest.mark.parametrize(("kind", "smooth"), [("sobel", (1, 2, 1)), ("scharr", (3, 10, 3))])
def test_gradients_are_separable(kind: str, smooth: tuple[int, ...]):
    """A weighted mean along one axis, and a difference along the other."""
    column = [[float(n)] for n in smooth]
    assert torch.allclose(made(f"{kind} x"), correlated(correlated(IMAGE, column), [[-1, 0, 1]]))
    row = [[float(n) for n in smooth]]
    assert torch.allclose(made(f"{kind} y"), correlated(correlated(IMAGE, row), [[-1], [0], [1]]))


@pytest.mark.parametrize(("size", "sigma"), [(3, 0.5), (5, 1.0), (7, 2.0)])
def test_gaussian(size: int, sigma: float):
    away = [i - (size - 1) / 2 for i in range(size)]
    bell = [math.exp(-(d**2) / (2 * sigma**2)) for d in away]
    bell = [b / sum(bell) for b in bell]
    square = [[a * b for b in bell] for a in bell]
    found = made(f"gaussian {size}x{size} sigma {sigma}")
    assert torch.allclose(found, correlated(IMAGE, square), atol=1e-5)
    parted = correlated(correlated(IMAGE, [bell]), [[b] for b in bell])
    assert torch.allclose(found, parted, atol=1e-5)
    flat = made(f"gaussian {size}x{size} sigma {sigma} valid", torch.ones(1, 1, 9, 9))
    assert torch.allclose(flat, torch.ones_like(flat))


def test_a_narrow_gaussian_of_even_size_is_the_mean_of_the_middle():
    """No value of the bell itself is a number above 0 in single precision."""
    (taps,) = made("gaussian 1x4 sigma 0.001 valid", torch.eye(4)[:, None, None, :]).unbind(3)
    assert taps.flatten().tolist() == [0, 0.5, 0.5, 0]


@pytest.mark.parametrize("sigma", ["0.0001", "1e-200", "1e7", "0"])
def test_a_sigma_that_no_window_shows_is_refused(sigma: str):
    with pytest.raises(archdsl.ArchError, match="the sigma of `gaussian` must be"):
        made(f"gaussian 4 sigma {sigma}")


def test_gaussian_of_default_size():
    """OpenCV's sigma for a window of 5: 0.3 · ((5 - 1) / 2 - 1) + 0.8."""
    assert torch.equal(made("gaussian blur"), made("gaussian 5x5 sigma 1.1"))
    assert torch.equal(made("gaussian 3x3"), made("gaussian 3x3 sigma 0.8"))
    assert torch.equal(made("gaussian"), made("gaussian kernel 5"))


def test_signals_and_volumes():
    signal = IMAGE.flatten(2)
    second = made("laplacian valid", signal)
    assert torch.allclose(second, signal[..., 2:] - 2 * signal[..., 1:-1] + signal[..., :-2])
    volume = IMAGE.view(2, 3, 2, 4, 9).repeat(1, 1, 2, 1, 1)
    middle = volume[..., 1:-1, 1:-1, 1:-1]
    total = -6 * middle
    for axis in (2, 3, 4):
        for by in (-1, 1):
            total += volume.roll(by, axis)[..., 1:-1, 1:-1, 1:-1]
    assert torch.allclose(of(Laplacian, volume, pad="valid"), total)
    cube = functional.avg_pool3d(volume, 3, 1) * 27 - 27 * middle
    assert torch.allclose(of(Laplacian, volume, pad="valid", neighbours=26), cube, atol=1e-4)
    # A blur of a volume is one along each axis.
    expected = volume
    for axis in (2, 3, 4):
        line = expected.movedim(axis, 4)
        shape = line.shape
        blurred = made("gaussian 3 sigma 1", line.reshape(2, -1, shape[-1]))
        expected = blurred.view(shape).movedim(4, axis)
    assert torch.allclose(of(Gaussian, volume, kernel=3, sigma=1), expected, atol=1e-5)


def test_nothing_is_learned():
    net = archdsl.loads("input 8x8x3\nsobel\nconv3-4\nscharr x\n5x5 gaussian\nFC-2\n")
    module = net.module()
    assert {name.partition(".")[0] for name, _ in module.named_parameters()} == {"conv1", "fc1"}
    assert net.params == sum(p.numel() for p in module.parameters())
    assert net.buffers == sum(b.numel() for b in module.buffers()) == 6 * 9 + 4 * 9 + 4 * 25
    assert {"sobel1.weight", "scharr1.weight", "gaussian1.weight"} < {*module.state_dict()}


def test_a_repeat_is_no_direction():
    twice = archdsl.loads("input 8x8x3\nsobel x 2\n")
    assert [node.op.label for node in twice.graph.nodes[1:]] == ["sobel", "sobel"]
    along = archdsl.loads("input 8x8x3\nsobel x x 2\n")
    assert [node.op.label for node in along.graph.nodes[1:]] == ["sobel x", "sobel x"]
    chain = archdsl.loads("input 8x8x3\nsobel x-relu-conv3-4\n")
    assert [node.op.label for node in chain.graph.nodes[1:]] == ["sobel x", "relu", "conv 3x3, 4"]


def test_source_is_the_module():
    net = archdsl.loads(
        "network edges\ninput 12x12 RGB\nconcat { sobel; laplacian; scharr y; gaussian }\n"
        "conv3-8\nFC-10\n"
    )
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    made, module = space["Edges"](), net.module()
    made.load_state_dict(module.state_dict())
    x = torch.rand(2, 3, 12, 12)
    assert torch.equal(made(x), module(x))
    assert (
        net.diff(archdsl.loads(net.text.source.text.replace("scharr y", "scharr x"))).same is False
    )
