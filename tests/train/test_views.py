"""Views and measures of evaluation against loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from batches import functional as vision
from batches import images, seeded
from torch import Tensor, nn

from archdsl.errors import ArchError
from archdsl.layers import Shape
from archdsl.train import metrics
from archdsl.train.data.images import Pixels
from archdsl.train.data.pipeline import Form, split_of
from archdsl.train.evaluation import viewed
from archdsl.train.intervals import wilson
from archdsl.train.recipe import read_view
from archdsl.train.views import CenterView, Dense, GoogLeNetCrops, TenCrop, View
from archdsl.train.views.convolutional import fully_convolutional


def seen(view: View, network: nn.Module, batch: Tensor, shape: Shape = (3, 14, 14)) -> Tensor:
    load = (batch.shape[2], batch.shape[3])
    form = Form(shape, "data", 4, torch.device("cpu"), load=load)
    split = split_of(Pixels(batch, torch.zeros(len(batch), dtype=torch.long)), form)
    return viewed(view, network, split)


@pytest.fixture
def network() -> nn.Module:
    """VGG in small: convolutions, two fully connected layers; input 14x14."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6 * 5 * 5, 20),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(20, 10),
    ).eval()


def mean_over(network: nn.Module, batch: Tensor, crops: Callable[[Tensor], list[Tensor]]) -> Tensor:
    """The mean probabilities over crops, image by image and crop by crop."""
    rows = []
    for image in batch:
        each = [network(crop[None])[0].softmax(0) for crop in crops(image)]
        rows.append(sum(each) / len(each))
    return torch.stack(rows)


def resized(image: Tensor, side: int) -> Tensor:
    return vision.resize(image, [side], antialias=True)


def check(view: View, network: nn.Module, batch: Tensor, expected: Tensor) -> None:
    result = seen(view, network, batch)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(result.sum(1), torch.ones(len(batch)))


@torch.no_grad()
@pytest.mark.parametrize("height, width", [(14, 14), (20, 27), (31, 18)])
def test_the_center_crop(network: nn.Module, height: int, width: int) -> None:
    batch = images(6, 3, height, width)
    expected = mean_over(network, batch, lambda image: [vision.center_crop(image, [14, 14])])
    check(CenterView(), network, batch, expected)


@torch.no_grad()
@pytest.mark.parametrize("size", [(20, 27), (14, 14)])
def test_several_scales_are_averaged(network: nn.Module, size: tuple[int, int]) -> None:
    batch = images(6, 3, *size)
    expected = mean_over(
        network,
        batch,
        lambda image: [vision.center_crop(resized(image, s), [14, 14]) for s in (14, 18, 40)],
    )
    check(CenterView(scales=(14, 18, 40)), network, batch, expected)


@torch.no_grad()
@pytest.mark.parametrize("scales", [(), (16, 21)])
def test_ten_crop_is_that_of_torchvision(network: nn.Module, scales: tuple[int, ...]) -> None:
    batch = images(6, 3, 23, 29)
    expected = mean_over(
        network,
        batch,
        lambda image: [
            crop
            for side in scales or (16,)  # 14 * 256 / 224
            for crop in vision.ten_crop(resized(image, side), [14, 14])
        ],
    )
    check(TenCrop(scales=scales), network, batch, expected)


def googlenet(image: Tensor) -> list[Tensor]:
    crops = []
    for side in (16, 18, 20, 22):
        scaled = resized(image, side)
        height, width = scaled.shape[1:]
        for place in range(3):
            if height > width:
                top, left = (0, (height - side) // 2, height - side)[place], 0
            else:
                top, left = 0, (0, (width - side) // 2, width - side)[place]
            square = scaled[:, top : top + side, left : left + side]
            six = [*vision.five_crop(square, [14, 14]), vision.resize(square, [14, 14])]
            crops += six + [vision.horizontal_flip(crop) for crop in six]
    return crops


@torch.no_grad()
@pytest.mark.parametrize("size", [(23, 29), (33, 21)])
def test_googlenets_144_crops(network: nn.Module, size: tuple[int, int]) -> None:
    batch = images(3, 3, *size)
    assert len(googlenet(batch[0])) == 144
    check(GoogLeNetCrops(), network, batch, mean_over(network, batch, googlenet))
    assert sum(1 for side in (16, 18, 20, 22) for _ in GoogLeNetCrops().crops(
        vision.resize(batch, [side], antialias=True), (14, 14))) == 144  # fmt: skip


@torch.no_grad()
def test_square_images_have_one_square(network: nn.Module) -> None:
    batch = images(3, 3, 20, 20)
    check(GoogLeNetCrops(), network, batch, mean_over(network, batch, googlenet))


@torch.no_grad()
@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("scales", [(), (16, 23)])
def test_dense_evaluation_slides_the_fully_connected_layers_over_the_map(
    network: nn.Module, scales: tuple[int, ...], one_sided: bool
) -> None:
    batch = images(5, 3, 23, 29)
    features, classifier = network[:6], network[6:]
    rows = []
    for image in batch:
        probabilities = []
        for side in scales or (16,):
            for mirrored in (False,) if one_sided else (False, True):
                scaled = resized(image, side)
                scaled = scaled.flip(2) if mirrored else scaled
                whole = features(scaled[None])
                scores = [
                    classifier(whole[:, :, y : y + 5, x : x + 5])[0]
                    for y in range(whole.shape[2] - 4)
                    for x in range(whole.shape[3] - 4)
                ]
                probabilities.append((sum(scores) / len(scores)).softmax(0))
        rows.append(sum(probabilities) / len(probabilities))
    check(Dense(scales=scales, one_sided=one_sided), network, batch, torch.stack(rows))


@torch.no_grad()
def test_dense_evaluation_of_global_average_pooling() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 7, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(7, 12), nn.BatchNorm1d(12), nn.Linear(12, 10),
    ).eval()  # fmt: skip
    network[5].running_mean.normal_()
    batch = images(5, 3, 20, 25)
    expected = [network(x).softmax(1) for x in (batch, batch.flip(3))]
    check(Dense(scales=(20,)), network, batch, sum(expected) / 2)


def test_what_is_not_convolutional_is_not_evaluated_densely() -> None:
    network = nn.Sequential(
        nn.Flatten(), nn.Unflatten(1, (3, 196)), nn.Flatten(), nn.Linear(588, 10)
    )
    with pytest.raises(ArchError, match="it cannot be evaluated densely"):
        fully_convolutional(network.eval(), images(1, 3, 14, 14))
    with pytest.raises(ArchError, match="does not take images"):
        seen(Dense(), network, images(4, 3, 14, 14), (588,))


def test_the_network_itself_stays_as_it_was(network: nn.Module) -> None:
    before = str(network)
    fully_convolutional(network, images(1, 3, 14, 14))
    assert str(network) == before and not any(m._forward_pre_hooks for m in network.modules())


def test_the_crop_fits_into_the_image(network: nn.Module) -> None:
    with pytest.raises(ArchError, match="an image of 10x10 is smaller than the input, 14x14"):
        seen(TenCrop(scales=(10,)), network, images(2, 3, 20, 20))


@torch.no_grad()
def test_side_heads_do_not_count(network: nn.Module) -> None:
    class WithSide(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return network(x), x.flatten(1)

    batch = images(3, 3, 14, 14)
    check(CenterView(), WithSide(), batch, network(batch).softmax(1))


@pytest.mark.parametrize(
    "words, expected",
    [
        ("center crop", CenterView()),
        ("centre crop scale 256", CenterView(scales=(256,))),
        ("scales 224, 256, 384", CenterView(scales=(224, 256, 384))),
        ("10-crop", TenCrop()),
        ("ten crop at 256", TenCrop(scales=(256,))),
        ("10-crop scales 224, 256, 384, 480, 640", TenCrop(scales=(224, 256, 384, 480, 640))),
        ("144-crop", GoogLeNetCrops()),
        ("dense", Dense()),
        (
            "dense scales (256, 384, 512) without flip",
            Dense(scales=(256, 384, 512), one_sided=True),
        ),
    ],
)
def test_words_name_a_view(words: str, expected: View) -> None:
    assert read_view(words) == expected


def test_a_view_that_there_is_not() -> None:
    with pytest.raises(ArchError, match="there is no view `tencrop`"):
        read_view("tencrop")


# Measures


def answers(count: int = 400, classes: int = 7) -> tuple[Tensor, Tensor]:
    logits = torch.randn(count, classes, generator=seeded()) * 2
    return logits.softmax(1), torch.randint(0, classes, (count,), generator=seeded(5))


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_top_k(k: int) -> None:
    probabilities, labels = answers()
    expected = [
        int(label) in sorted(range(7), key=lambda c: -float(row[c]))[:k]
        for row, label in zip(probabilities, labels, strict=True)
    ]
    assert metrics.in_top(probabilities, labels, k).tolist() == expected


def test_the_confusion_matrix_counts_answers_by_class() -> None:
    probabilities, labels = answers()
    expected = [[0] * 7 for _ in range(7)]
    for row, label in zip(probabilities, labels, strict=True):
        expected[label][row.argmax()] += 1
    assert metrics.confusion(probabilities, labels).tolist() == expected


def test_the_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    probabilities, labels = answers()
    bins: dict[int, list[tuple[float, bool]]] = {}
    for row, label in zip(probabilities, labels, strict=True):
        confidence = float(row.max())
        place = min(math.ceil(confidence * 15), 15)
        bins.setdefault(place, []).append((confidence, bool(row.argmax() == label)))
    expected = sum(
        len(own) / 400 * abs(sum(r for _, r in own) / len(own) - sum(c for c, _ in own) / len(own))
        for own in bins.values()
    )
    assert metrics.calibration_error(probabilities, labels) == pytest.approx(expected)
    sure = torch.eye(3)[[0, 1, 2, 0]]
    assert metrics.calibration_error(sure, torch.tensor([0, 1, 2, 0])) == 0


@pytest.mark.parametrize(
    "right, count, low, high",
    [(0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (81, 263, 0.2553, 0.3662)],  # Newcombe 1998
)
def test_wilsons_interval(right: int, count: int, low: float, high: float) -> None:
    assert wilson(right, count) == pytest.approx((low, high), abs=1e-4)
