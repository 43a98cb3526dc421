"""Normalisations against torch written out."""

from __future__ import annotations

import pytest
import torch
from batches import images, smooth
from torch import Tensor

from archdsl.errors import ArchError
from archdsl.train.normalisation import Given, Interval, MeanImage, Normalisation, PerChannel


def both(setting: Normalisation, training: Tensor, batch: Tensor) -> Tensor:
    """Normalised floats, after comparing them with normalised bytes."""
    normaliser = setting.fit(training.split(7), training.shape[1])
    result = normaliser.apply(batch)
    as_bytes = (batch * 255).round().to(torch.uint8)
    torch.testing.assert_close(normaliser.apply(as_bytes), result, atol=1e-5, rtol=0)
    assert normaliser.apply(as_bytes).dtype == torch.float32
    return result


@pytest.mark.parametrize("low, high", [(0, 1), (-1, 1), (-0.1, 1.175)])
def test_an_interval_begins_where_black_goes(low: float, high: float) -> None:
    batch = images(9, 3, 6, 6)
    result = both(Interval(interval=(low, high)), batch, batch)
    torch.testing.assert_close(result, batch * (high - low) + low)


def test_images_in_zero_to_one_stay_as_they_are() -> None:
    batch = images(9, 3, 6, 6)
    assert Interval().fit(batch.split(7), batch.shape[1]).apply(batch) is batch


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("byte", [False, True])
def test_channels_get_the_mean_and_the_deviation_of_the_training_images(
    channels: int, byte: bool
) -> None:
    training = smooth(40, channels, 8, 8)
    mean = training.double().mean((0, 2, 3), keepdim=True)
    deviation = training.double().std((0, 2, 3), correction=0, keepdim=True)
    batch = images(5, channels, 8, 8)
    measured = (training * 255).round().to(torch.uint8) if byte else training
    result = both(PerChannel(), measured, batch)
    torch.testing.assert_close(result, ((batch.double() - mean) / deviation).float())


def test_a_channel_with_one_value_alone_is_only_shifted() -> None:
    training = torch.full((4, 1, 3, 3), 0.25)
    assert torch.equal(
        PerChannel().fit(training.split(7), training.shape[1]).apply(training),
        torch.zeros(4, 1, 3, 3),
    )


@pytest.mark.parametrize("std", [(0.5,), (0.25, 0.5, 0.2)])
def test_given_values_are_for_each_channel_or_for_all(std: tuple[float, ...]) -> None:
    batch = images(5, 3, 4, 4)
    result = both(Given(mean=(0.5, 0.4, 0.3), std=std), batch, batch)
    expected = torch.stack(
        [
            (batch[:, c] - (0.5, 0.4, 0.3)[c]) / (std * 3)[c if len(std) > 1 else 0]
            for c in range(3)
        ],
        1,
    )
    torch.testing.assert_close(result, expected)


def test_the_values_are_as_many_as_the_channels() -> None:
    with pytest.raises(ArchError, match="`mean` has 3 values, the images have 1 channels"):
        Given(mean=(0.5, 0.4, 0.3), std=(1,)).fit([], 1)


@pytest.mark.parametrize("byte", [False, True])
def test_the_mean_image_is_subtracted_from_images_and_its_centre_from_crops(byte: bool) -> None:
    training = images(30, 3, 10, 8)
    mean = training.double().mean(0).float()
    measured = (training * 255).round().to(torch.uint8) if byte else training
    normaliser = MeanImage().fit(measured.split(7), measured.shape[1])
    batch = images(4, 3, 10, 8, seed=2)
    torch.testing.assert_close(normaliser.apply(batch), batch - mean, atol=1e-6, rtol=0)
    crop = batch[:, :, :6, :5]
    expected = crop - mean[:, 2:8, 1:6]
    torch.testing.assert_close(normaliser.apply(crop), expected, atol=1e-6, rtol=0)
    with pytest.raises(ArchError, match="the mean image is of 10x8, the images of 20x20"):
        normaliser.apply(images(2, 3, 20, 20))


def test_every_frame_of_a_clip_is_normalised_alike() -> None:
    batch = images(4, 3, 5, 5)
    clips = batch[:, :, None].expand(-1, -1, 7, -1, -1)
    for setting in (PerChannel(), MeanImage()):
        normaliser = setting.fit(batch.split(7), batch.shape[1])
        for frame in normaliser.apply(clips).unbind(2):
            torch.testing.assert_close(frame, normaliser.apply(batch))
