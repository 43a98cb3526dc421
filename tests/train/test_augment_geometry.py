"""Crops, flips, affine maps and erasing against loops over the images."""

from __future__ import annotations

import math

import pytest
import torch
from batches import functional as vision
from batches import images, seeded, smooth, transforms
from torch import Tensor

from archdsl.errors import ArchError
from archdsl.train.augment import (
    Augmentation,
    CenterCrop,
    Cutout,
    HorizontalFlip,
    PaddedCrop,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Scale,
    ScaleJitter,
    Shear,
    Shift,
    Translation,
    VerticalFlip,
    draws,
    geometry,
)
from archdsl.train.augment.batch import augmented


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("byte", [False, True])
@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize("size", [None, 12, 20])
def test_a_padded_crop_is_a_window_of_the_padded_image(
    channels: int, byte: bool, reflect: bool, size: int | None
) -> None:
    batch = images(40, channels, 14, 17, byte=byte)
    result = PaddedCrop(padding=4, size=size, reflect=reflect).apply(batch, seeded())
    height, width = (14, 17) if size is None else (size, size)
    generator = seeded()
    top = draws.whole(14 + 8 - height + 1, 40, generator)
    left = draws.whole(17 + 8 - width + 1, 40, generator)
    for image, changed, y, x in zip(batch, result, top, left, strict=True):
        larger = vision.pad(image, [4], padding_mode="reflect" if reflect else "constant")
        assert torch.equal(changed, larger[:, y : y + height, x : x + width])
    assert result.dtype == batch.dtype


def test_every_place_of_a_padded_crop_is_as_likely() -> None:
    batch = torch.zeros(9000, 1, 8, 8)
    batch[:, :, 4, 4] = 1  # where it goes tells the offset
    moved = PaddedCrop(padding=1).apply(batch, seeded()).flatten(1).argmax(1)
    places, counts = moved.unique(return_counts=True)
    assert len(places) == 9
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert chi_square < 26.1  # p = 0.001 with 8 degrees of freedom


@pytest.mark.parametrize("flip, dim", [(HorizontalFlip, 2), (VerticalFlip, 1)])
@pytest.mark.parametrize("byte", [False, True])
def test_a_flip_reverses_the_chosen_images(
    flip: type[HorizontalFlip] | type[VerticalFlip], dim: int, byte: bool
) -> None:
    batch = images(200, 3, 5, 6, byte=byte)
    result = flip(p=0.3).apply(batch, seeded())
    chosen = draws.chance(0.3, 200, seeded())
    assert 40 < chosen.sum() < 80
    for image, changed, reverse in zip(batch, result, chosen, strict=True):
        assert torch.equal(changed, image.flip(dim) if reverse else image)
    assert torch.equal(flip(p=0).apply(batch, seeded()), batch)
    assert torch.equal(flip(p=1).apply(batch, seeded()), batch.flip(dim + 1))


@pytest.mark.parametrize("byte", [False, True])
def test_a_shift_moves_an_image_and_lets_zeros_in(byte: bool) -> None:
    batch = images(50, 3, 9, 7, byte=byte)
    result = Shift(pixels=3).apply(batch, seeded())
    top, left = torch.randint(0, 7, (2, 50), generator=seeded())
    for image, changed, y, x in zip(batch, result, top, left, strict=True):
        assert torch.equal(changed, vision.pad(image, [3])[:, y : y + 9, x : x + 7])
    assert Shift(pixels=0).apply(batch, seeded()) is batch


@pytest.mark.parametrize("size", [6, 8, 30])
def test_a_center_crop_is_that_of_torchvision(size: int) -> None:
    batch = images(3, 3, 14, 20)
    expected = vision.center_crop(batch, [size, size])
    assert torch.equal(CenterCrop(size=size).apply(batch, seeded()), expected)


@pytest.mark.parametrize("size", [None, 8, 40])
@pytest.mark.parametrize("area, ratio", [((0.08, 1), (3 / 4, 4 / 3)), ((0.9, 1), (3, 4))])
def test_a_random_resized_crop_is_that_of_torchvision(
    size: int | None, area: tuple[float, float], ratio: tuple[float, float]
) -> None:
    batch = images(60, 3, 24, 31)
    result = RandomResizedCrop(size=size, area=area, ratio=ratio).apply(batch, seeded())
    box = draws.boxes(60, (24, 31), area, ratio, seeded())
    assert box.fits.all() if ratio[0] < 1 else not box.fits.any()
    target = [24, 31] if size is None else [size, size]
    for n, (image, changed) in enumerate(zip(batch, result, strict=True)):
        sides = [int(side[n]) for side in box[:4]]
        if not box.fits[n]:
            sides = [(24 - 10) // 2, 0, 10, 31]  # the widest at a ratio of 3
        expected = vision.resized_crop(image, *sides, target, antialias=True)
        torch.testing.assert_close(changed, expected, atol=1e-5, rtol=0)


def test_the_boxes_of_a_random_resized_crop_are_distributed_as_torchvisions() -> None:
    box = draws.boxes(20_000, (300, 300), (0.08, 1.0), (3 / 4, 4 / 3), seeded())
    area = box.height * box.width / 300**2
    ratio = (box.width / box.height).log()
    assert 0.07 < area.min() and area.max() <= 1
    assert abs(float(ratio.mean())) < 0.01
    torch.manual_seed(0)
    crop = transforms.RandomResizedCrop(300)
    theirs = [crop.make_params([torch.empty(3, 300, 300)]) for _ in range(4000)]
    sizes = torch.tensor([p["height"] * p["width"] / 300**2 for p in theirs])
    corners = torch.tensor([float(p["top"]) for p in theirs])
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert abs(float(area.quantile(share) - sizes.quantile(share))) < 0.02
        assert abs(float(box.top.float().quantile(share) - corners.quantile(share))) < 5


def test_scale_jitter_crops_a_resized_image() -> None:
    batch = images(30, 3, 20, 26)
    result = ScaleJitter(sides=(16, 32), crop=14).apply(batch, seeded())
    generator = seeded()
    side = draws.whole(17, 30, generator) + 16
    top = draws.whole(side - 13, 30, generator)
    left = draws.whole(26 * side // 20 - 13, 30, generator)
    for image, changed, s, y, x in zip(batch, result, side, top, left, strict=True):
        larger = vision.resize(image, [int(s), 26 * int(s) // 20], antialias=True)
        expected = larger[:, y : y + 14, x : x + 14]
        torch.testing.assert_close(changed, expected, atol=1e-5, rtol=0)
    assert side.min() <= 17 and side.max() >= 31


def rotated(image: Tensor, angle: float) -> Tensor:
    mode = vision.InterpolationMode.BILINEAR
    return vision.rotate(image, math.degrees(angle), interpolation=mode)


def affine(image: Tensor, **settings: float | list[float]) -> Tensor:
    complete = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]} | settings
    return vision.affine(image, interpolation=vision.InterpolationMode.BILINEAR, **complete)


def test_a_rotation_is_that_of_torchvision() -> None:
    batch = smooth(20, 3, 21, 30)
    result = Rotation(degrees=40).apply(batch, seeded())
    angles = draws.uniform(-math.radians(40), math.radians(40), 20, seeded())
    for image, changed, angle in zip(batch, result, angles, strict=True):
        torch.testing.assert_close(changed, rotated(image, float(angle)), atol=2e-3, rtol=0)
    assert angles.min() < -0.5 and angles.max() > 0.5


def test_a_scale_is_that_of_torchvision() -> None:
    batch = smooth(20, 1, 24, 30)
    result = Scale(factors=(0.8, 1.2)).apply(batch, seeded())
    factors = draws.uniform(0.8, 1.2, 20, seeded())
    for image, changed, factor in zip(batch, result, factors, strict=True):
        torch.testing.assert_close(changed, affine(image, scale=float(factor)), atol=2e-3, rtol=0)


def test_a_shear_is_that_of_torchvision() -> None:
    batch = smooth(20, 3, 24, 30)
    result = Shear(degrees=20).apply(batch, seeded())
    angles = draws.uniform(-math.radians(20), math.radians(20), 20, seeded())
    for image, changed, angle in zip(batch, result, angles, strict=True):
        # torchvision's matrix is of the opposite sense than its angle.
        expected = affine(image, shear=[math.degrees(float(angle)), 0.0])
        torch.testing.assert_close(changed, expected, atol=2e-3, rtol=0)


def test_a_translation_moves_by_fractions_of_pixels() -> None:
    batch = smooth(20, 3, 12, 10)
    result = Translation(share=0.2).apply(batch, seeded())
    generator = seeded()
    xs = draws.uniform(-2, 2, 20, generator)
    ys = draws.uniform(-2.4, 2.4, 20, generator)
    for image, changed, dx, dy in zip(batch, result, xs.tolist(), ys.tolist(), strict=True):
        for row, column in ((6, 5), (0, 0), (11, 9), (3, 8)):
            expected = torch.zeros(3)
            y, x = row - dy, column - dx
            for j in (math.floor(y), math.floor(y) + 1):
                for i in (math.floor(x), math.floor(x) + 1):
                    if 0 <= j < 12 and 0 <= i < 10:
                        expected += image[:, j, i] * (1 - abs(y - j)) * (1 - abs(x - i))
            torch.testing.assert_close(changed[:, row, column], expected, atol=1e-4, rtol=0)


def test_adjacent_affine_maps_are_one_interpolation_in_their_order() -> None:
    batch = smooth(8, 3, 20, 20)
    maps = [Scale(factors=(0.4, 0.5)), Translation(share=0.2), Rotation(degrees=60)]
    result = augmented(batch, maps, seeded())
    generator, apart = seeded(), batch
    for one in maps:
        apart = one.apply(apart, generator)
    generator = seeded()
    first, second, third = (one.matrices(8, 20, 20, generator) for one in maps)
    backwards = geometry.warped(batch, third @ second @ first)
    assert (result - apart).abs().mean() < 0.4 * (result - backwards).abs().mean()
    # A map and its inverse leave the image, which two interpolations would blur and cut.
    there_and_back: list[Augmentation] = [Scale(factors=(4, 4)), Scale(factors=(0.25, 0.25))]
    sharp = images(8, 3, 20, 20)
    torch.testing.assert_close(augmented(sharp, there_and_back, seeded()), sharp)


@pytest.mark.parametrize("byte", [False, True])
@pytest.mark.parametrize("value", [0.0, 0.5, "random"])
def test_random_erasing_fills_a_box(byte: bool, value: float | str) -> None:
    batch = images(200, 3, 16, 12, byte=byte)
    erasing = RandomErasing(p=0.75, area=(0.01, 0.3), ratio=1, value=value)
    result = erasing.apply(batch, seeded())
    generator = seeded()
    chosen = draws.chance(0.75, 200, generator)
    box = draws.boxes(200, (16, 12), (0.01, 0.3), (1, 1), generator)
    assert 130 < chosen.sum() < 170
    noise = torch.rand(batch.shape, generator=generator) if value == "random" else None
    for n, (image, changed) in enumerate(zip(batch, result, strict=True)):
        expected = image.clone()
        y, x, h, w = (int(side[n]) for side in box[:4])
        if chosen[n] and box.fits[n]:
            fill = noise[n, :, y : y + h, x : x + w] if noise is not None else torch.tensor(value)
            expected[:, y : y + h, x : x + w] = (fill * (255 if byte else 1)).to(image.dtype)
        assert torch.equal(changed, expected)
    assert result.dtype == batch.dtype


def test_random_erasing_at_no_probability_is_the_identity() -> None:
    batch = images(20, 3, 16, 12)
    assert torch.equal(RandomErasing(p=0).apply(batch, seeded()), batch)


@pytest.mark.parametrize("length", [4, 5])
def test_cutout_erases_a_square_that_may_leave_the_image(length: int) -> None:
    batch = images(100, 3, 9, 11) + 1
    result = Cutout(length=length).apply(batch, seeded())
    generator = seeded()
    rows, columns = draws.whole(9, 100, generator), draws.whole(11, 100, generator)
    for image, changed, row, column in zip(batch, result, rows, columns, strict=True):
        expected = image.clone()
        for y in range(9):
            for x in range(11):
                inside_rows = row - length // 2 <= y < row - length // 2 + length
                if inside_rows and column - length // 2 <= x < column - length // 2 + length:
                    expected[:, y, x] = 0
        assert torch.equal(changed, expected)


EVERY = [
    PaddedCrop(padding=2),
    PaddedCrop(size=10),
    RandomResizedCrop(size=10),
    ScaleJitter(sides=(12, 20), crop=8),
    HorizontalFlip(),
    VerticalFlip(),
    Shift(pixels=2),
    Translation(share=0.2),
    Scale(factors=(0.8, 1.2)),
    Rotation(degrees=20),
    Shear(degrees=20),
    RandomErasing(p=1),
    Cutout(length=5),
]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.kind)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_images_of_a_batch_change_differently_and_by_the_generator_alone(
    one: Augmentation, channels: int
) -> None:
    same = images(1, channels, 12, 12).expand(32, -1, -1, -1)
    result = one.apply(same, seeded(3))
    assert len(result.flatten(1).unique(dim=0)) >= 2
    assert result.shape == (32, channels, *one.size_after(12, 12))
    assert result.dtype == same.dtype
    torch.manual_seed(99)
    assert torch.equal(result, one.apply(same, seeded(3)))
    assert not torch.equal(result, one.apply(same, seeded(4)))


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.kind)
def test_the_frames_of_a_clip_change_alike(one: Augmentation) -> None:
    batch = images(6, 3, 12, 12)
    clips = batch[:, :, None].expand(-1, -1, 4, -1, -1)
    expected = one.apply(batch, seeded())
    result = one.apply(clips, seeded())
    assert result.shape == (6, 3, 4, *expected.shape[2:])
    for frame in result.unbind(2):
        torch.testing.assert_close(frame, expected)


def test_bytes_stay_bytes_where_all_augmentations_take_them() -> None:
    batch = images(30, 3, 12, 12, byte=True)
    both: list[Augmentation] = [PaddedCrop(padding=2), HorizontalFlip(), RandomErasing()]
    result = augmented(batch, both, seeded())
    assert result.dtype == torch.uint8
    floats = augmented(batch.float() / 255, both, seeded())
    assert torch.equal(result.float() / 255, floats)
    turned = augmented(batch, [*both, Rotation(degrees=5)], seeded())
    assert turned.dtype == torch.float32
    assert turned.max() <= 1.001


@pytest.mark.parametrize(
    "one, message",
    [
        (PaddedCrop(size=40, padding=2), "a crop of 40 is larger than images of 32x32"),
        (PaddedCrop(padding=32, reflect=True), "images of 32x32 have no reflection of 32 pixels"),
        (ScaleJitter(sides=(200, 300)), "a crop of 224 does not fit into images resized to 200"),
        (Cutout(length=64), "a cutout of 64 covers images of 32x32"),
        (Shift(pixels=32), "a shift of 32 moves images of 32x32 out of view"),
    ],
    ids=lambda one: getattr(one, "kind", ""),
)
def test_sizes_that_make_no_sense_are_refused(one: Augmentation, message: str) -> None:
    with pytest.raises(ArchError, match=message):
        one.check(32, 32)


def test_weights_of_resampling_are_those_of_interpolation() -> None:
    image = images(1, 1, 30, 17)
    for size in ((7, 40), (30, 17), (61, 5)):
        zero = torch.zeros(1, dtype=torch.float64)
        both = [
            geometry.weights(new, old, zero, zero + old / new, zero, zero + old)
            for new, old in zip(size, (30, 17), strict=True)
        ]
        expected = torch.nn.functional.interpolate(
            image, size, mode="bilinear", align_corners=False, antialias=True
        )
        torch.testing.assert_close(geometry.resampled(image, *both), expected, atol=1e-5, rtol=0)
