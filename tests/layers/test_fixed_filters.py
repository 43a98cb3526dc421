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


def output_of(line: str, x: Tensor = IMAGE) -> Tensor:
    """The output of a line for a batch."""
    sizes = "x".join(map(str, x.shape[2:]))
    return archdsl.loads(f"input {sizes}, {x.shape[1]} channels\n{line}\n").module()(x)


def output_of_layer(kind: type[Layer], x: Tensor, **given: Value) -> Tensor:
    """The output of a layer for a batch of volumes."""
    shape = tuple(x.shape[1:])
    return construct(kind.settle(given, shape, "same").call(shape))(x)


def correlated(x: Tensor, kernel: list[list[float]]) -> Tensor:
    """Correlates every channel with a kernel as it is printed, with zeros outside the image."""
    height, width = len(kernel) // 2, len(kernel[0]) // 2
    padded = functional.pad(x, (width, width, height, height))
    total = torch.zeros_like(x)
    for i, row in enumerate(kernel):
        for j, number in enumerate(row):
            total += number * padded[:, :, i : i + x.shape[2], j : j + x.shape[3]]
    return total


# As OpenCV and lecture notes print them.
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
def test_filters_match_printed_kernels(line: str, kernel: list[list[float]]):
    assert torch.allclose(output_of(line), correlated(IMAGE, kernel))
    inside = correlated(IMAGE, kernel)[:, :, 1:-1, 1:-1]
    assert torch.allclose(output_of(f"padding valid\n{line}"), inside)
    assert torch.allclose(output_of(f"{line} no padding"), inside)


def test_gradients_are_positive_where_images_get_brighter():
    """Brighter to the right, and downwards, is positive."""
    across = torch.arange(6.0).repeat(6, 1)[None, None]
    assert (output_of("sobel x valid", across) == 8).all()
    assert (output_of("sobel y valid", across) == 0).all()
    assert (output_of("sobel y valid", across.mT) == 8).all()
    assert (output_of("scharr x valid", across) == 32).all()


@pytest.mark.parametrize("kind", ["sobel", "scharr"])
def test_both_directions_of_each_channel(kind: str):
    both = output_of(kind)
    assert both.shape == (2, 6, 8, 9)
    assert torch.equal(both[:, ::2], output_of(f"{kind} x"))
    assert torch.equal(both[:, 1::2], output_of(f"{kind} y"))


@pytest.mark.parametrize(("kind", "smooth"), [("sobel", (1, 2, 1)), ("scharr", (3, 10, 3))])
def test_gradients_are_separable(kind: str, smooth: tuple[int, ...]):
    """A weighted mean along one axis, and a difference along the other."""
    column = [[float(n)] for n in smooth]
    assert torch.allclose(
        output_of(f"{kind} x"), correlated(correlated(IMAGE, column), [[-1, 0, 1]])
    )
    row = [[float(n) for n in smooth]]
    assert torch.allclose(
        output_of(f"{kind} y"), correlated(correlated(IMAGE, row), [[-1], [0], [1]])
    )


@pytest.mark.parametrize(("size", "sigma"), [(3, 0.5), (5, 1.0), (7, 2.0)])
def test_gaussian_matches_its_formula(size: int, sigma: float):
    offsets = [i - (size - 1) / 2 for i in range(size)]
    bell = [math.exp(-(d**2) / (2 * sigma**2)) for d in offsets]
    bell = [b / sum(bell) for b in bell]
    square = [[a * b for b in bell] for a in bell]
    result = output_of(f"gaussian {size}x{size} sigma {sigma}")
    assert torch.allclose(result, correlated(IMAGE, square), atol=1e-5)
    separable = correlated(correlated(IMAGE, [bell]), [[b] for b in bell])
    assert torch.allclose(result, separable, atol=1e-5)
    flat = output_of(f"gaussian {size}x{size} sigma {sigma} valid", torch.ones(1, 1, 9, 9))
    assert torch.allclose(flat, torch.ones_like(flat))


def test_a_narrow_gaussian_of_even_size_is_the_mean_of_the_centre():
    """All values of the bell underflow to 0 in single precision."""
    (taps,) = output_of("gaussian 1x4 sigma 0.001 valid", torch.eye(4)[:, None, None, :]).unbind(3)
    assert taps.flatten().tolist() == [0, 0.5, 0.5, 0]


@pytest.mark.parametrize("sigma", ["0.0001", "1e-200", "1e7", "0"])
def test_an_extreme_sigma_is_refused(sigma: str):
    with pytest.raises(archdsl.ArchError, match="the sigma of `gaussian` must be"):
        output_of(f"gaussian 4 sigma {sigma}")


def test_gaussian_of_default_size():
    """OpenCV's sigma for a window of 5: 0.3 · ((5 - 1) / 2 - 1) + 0.8."""
    assert torch.equal(output_of("gaussian blur"), output_of("gaussian 5x5 sigma 1.1"))
    assert torch.equal(output_of("gaussian 3x3"), output_of("gaussian 3x3 sigma 0.8"))
    assert torch.equal(output_of("gaussian"), output_of("gaussian kernel 5"))


def test_signals_and_volumes():
    signal = IMAGE.flatten(2)
    second = output_of("laplacian valid", signal)
    assert torch.allclose(second, signal[..., 2:] - 2 * signal[..., 1:-1] + signal[..., :-2])
    volume = IMAGE.view(2, 3, 2, 4, 9).repeat(1, 1, 2, 1, 1)
    middle = volume[..., 1:-1, 1:-1, 1:-1]
    total = -6 * middle
    for axis in (2, 3, 4):
        for by in (-1, 1):
            total += volume.roll(by, axis)[..., 1:-1, 1:-1, 1:-1]
    assert torch.allclose(output_of_layer(Laplacian, volume, pad="valid"), total)
    cube = functional.avg_pool3d(volume, 3, 1) * 27 - 27 * middle
    assert torch.allclose(
        output_of_layer(Laplacian, volume, pad="valid", neighbours=26), cube, atol=1e-4
    )
    # A blur of a volume is a blur along each axis.
    expected = volume
    for axis in (2, 3, 4):
        line = expected.movedim(axis, 4)
        shape = line.shape
        blurred = output_of("gaussian 3 sigma 1", line.reshape(2, -1, shape[-1]))
        expected = blurred.view(shape).movedim(4, axis)
    assert torch.allclose(output_of_layer(Gaussian, volume, kernel=3, sigma=1), expected, atol=1e-5)


def test_nothing_is_learned():
    net = archdsl.loads("input 8x8x3\nsobel\nconv3-4\nscharr x\n5x5 gaussian\nFC-2\n")
    module = net.module()
    assert {name.partition(".")[0] for name, _ in module.named_parameters()} == {"conv1", "fc1"}
    assert net.params == sum(p.numel() for p in module.parameters())
    assert net.buffers == sum(b.numel() for b in module.buffers()) == 6 * 9 + 4 * 9 + 4 * 25
    assert {"sobel1.weight", "scharr1.weight", "gaussian1.weight"} < {*module.state_dict()}


def test_a_repeat_is_not_a_direction():
    twice = archdsl.loads("input 8x8x3\nsobel x 2\n")
    assert [node.op.label for node in twice.graph.nodes[1:]] == ["sobel", "sobel"]
    along = archdsl.loads("input 8x8x3\nsobel x x 2\n")
    assert [node.op.label for node in along.graph.nodes[1:]] == ["sobel x", "sobel x"]
    chain = archdsl.loads("input 8x8x3\nsobel x-relu-conv3-4\n")
    assert [node.op.label for node in chain.graph.nodes[1:]] == ["sobel x", "relu", "conv 3x3, 4"]


def test_source_matches_the_module():
    net = archdsl.loads(
        "network edges\ninput 12x12 RGB\nconcat { sobel; laplacian; scharr y; gaussian }\n"
        "conv3-8\nFC-10\n"
    )
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    again, module = space["Edges"](), net.module()
    again.load_state_dict(module.state_dict())
    x = torch.rand(2, 3, 12, 12)
    assert torch.equal(again(x), module(x))
    assert (
        net.diff(archdsl.loads(net.text.source.text.replace("scharr y", "scharr x"))).same is False
    )
