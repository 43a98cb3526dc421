"""Colours, noise, RandAugment and mixers against loops over the images."""

from __future__ import annotations

import pytest
import torch
from batches import functional as vision
from batches import images, seeded, smooth, transforms
from torch import Tensor

from archdsl.errors import ArchError
from archdsl.train.augment import (
    Augmentation,
    ColourJitter,
    Cutmix,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    Mixup,
    PcaColour,
    RandAugment,
    colours,
    draws,
    masks,
    rand_augment,
)
from archdsl.train.augment.batch import mix_of
from archdsl.train.augment.moments import moments


def close(ours: Tensor, theirs: Tensor, most: float = 1e-5) -> None:
    torch.testing.assert_close(ours, theirs, atol=most, rtol=0)


CHANGES = {
    "brightness": vision.adjust_brightness,
    "contrast": vision.adjust_contrast,
    "saturation": vision.adjust_saturation,
    "hue": vision.adjust_hue,
    "sharpness": vision.adjust_sharpness,
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_change_of_colour_is_that_of_torchvision(name: str, channels: int) -> None:
    batch = images(30, channels, 7, 9)
    factors = torch.linspace(-0.5, 0.5, 30) if name == "hue" else torch.linspace(0, 2, 30)
    result = getattr(colours, name)(batch, factors)
    for image, changed, factor in zip(batch, result, factors.tolist(), strict=True):
        close(changed, CHANGES[name](image, factor), 1 / 255 if name == "sharpness" else 1e-5)


@pytest.mark.parametrize("batch", [images(20, 3, 12, 9), smooth(20, 1, 8, 8), smooth(9, 3, 40, 40)])
def test_equalize_and_autocontrast_and_the_rest_are_those_of_torchvision(batch: Tensor) -> None:
    batch = batch.clone()
    batch[0] = 0.4  # one value alone
    as_bytes = (batch * 255).round().to(torch.uint8)
    count = len(batch)
    close(colours.equalize(batch), vision.equalize(as_bytes).float() / 255)
    close(colours.autocontrast(batch), vision.autocontrast(batch))
    for bits in (1, 4, 8):
        ours = colours.posterize(batch, torch.full((count,), bits))
        close(ours, vision.posterize(as_bytes, bits).float() / 255)
    for threshold in (0.0, 0.3, 1.0):
        ours = colours.solarize(batch, torch.full((count,), threshold))
        close(ours, vision.solarize(batch, threshold))


def test_colour_jitter_changes_each_image_in_an_order_of_its_own() -> None:
    batch = images(40, 3, 6, 6)
    jitter = ColourJitter(strength=0.4, contrast=0.2, hue=0.1)
    result = jitter.apply(batch, seeded())
    generator = seeded()
    factors = [draws.uniform(1 - s, 1 + s, 40, generator) for s in (0.4, 0.2, 0.4)]
    factors.append(draws.uniform(-0.1, 0.1, 40, generator))
    orders = torch.rand(40, 4, generator=generator).argsort(1)
    names = ["brightness", "contrast", "saturation", "hue"]
    for n, (image, changed) in enumerate(zip(batch, result, strict=True)):
        expected = image
        for number in orders[n].tolist():
            expected = CHANGES[names[number]](expected, float(factors[number][n]))
        close(changed, expected, 2e-5)
    assert len(orders.unique(dim=0)) > 10


def test_colour_jitter_without_strength_is_the_identity() -> None:
    batch = images(4, 3, 6, 6)
    assert torch.equal(ColourJitter().apply(batch, seeded()), batch)


def test_grayscale_is_that_of_torchvision() -> None:
    batch = images(100, 3, 5, 5)
    result = Grayscale(p=0.3).apply(batch, seeded())
    chosen = draws.chance(0.3, 100, seeded())
    for image, changed, grey in zip(batch, result, chosen, strict=True):
        close(changed, vision.rgb_to_grayscale(image, 3) if grey else image)


def test_pca_colour_adds_multiples_of_the_principal_components_of_the_training_images() -> None:
    training = smooth(50, 3, 10, 10)
    fitted = PcaColour().fit(training.split(20), 3)
    pixels = training.permute(0, 2, 3, 1).reshape(-1, 3).double()
    covariance = torch.from_numpy(__import__("numpy").cov(pixels.numpy().T, bias=True))
    values, vectors = torch.linalg.eigh(covariance)
    batch = smooth(30, 3, 8, 8) * 0.5 + 0.25
    result = fitted.apply(batch, seeded())
    alphas = torch.randn(30, 3, generator=seeded()) * 0.1
    for image, changed, alpha in zip(batch, result, alphas, strict=True):
        expected = image.clone()
        for value, vector, number in zip(values, vectors.T, alpha, strict=True):
            # A component has two directions.
            own = torch.tensor(fitted._vectors).T[len(values) - 1 - int((values > value).sum())]
            sign = torch.sign(own.double() @ vector)
            expected = expected + (number * value * sign * vector).float()[:, None, None]
        close(changed, expected.clamp(0, 1))
    as_bytes = PcaColour().fit([(training * 255).round().to(torch.uint8)], 3)
    close(torch.tensor(as_bytes._values), torch.tensor(fitted._values), 1e-8)


def test_pca_colour_of_imagenet_is_for_rgb_alone() -> None:
    batch = images(5, 3, 6, 6)
    colour = PcaColour(imagenet=True)
    assert colour.fit([batch], 3) is colour
    assert not torch.equal(colour.apply(batch, seeded()), batch)
    with pytest.raises(ArchError, match="are of 3 channels, the images have 1"):
        colour.apply(images(5, 1, 6, 6), seeded())


def test_moments_do_not_depend_on_chunks() -> None:
    training = images(21, 3, 4, 5)
    mean, covariance = moments([training], 3)
    for one, other in zip((mean, covariance), moments(training.split(4), 3), strict=True):
        close(one, other, 1e-12)
    close(mean, training.double().mean((0, 2, 3)))


def test_gaussian_blur_is_that_of_torchvision() -> None:
    batch = images(20, 3, 20, 17)
    result = GaussianBlur(sigma=(0.5, 2.0), p=0.7).apply(batch, seeded())
    generator = seeded()
    chosen = draws.chance(0.7, 20, generator)
    sigmas = draws.uniform(0.5, 2.0, 20, generator)
    for image, changed, blur, sigma in zip(batch, result, chosen, sigmas, strict=True):
        close(changed, vision.gaussian_blur(image, [13, 13], [float(sigma)] * 2) if blur else image)


def test_gaussian_noise_has_its_standard_deviation() -> None:
    batch = torch.full((10, 3, 40, 40), 0.5)
    change = GaussianNoise(std=0.05).apply(batch, seeded()) - batch
    assert abs(float(change.std()) - 0.05) < 0.001
    assert abs(float(change.mean())) < 0.001


# RandAugment


def torchvisions(name: str, image: Tensor, magnitude: int, sign: float) -> Tensor:
    """torchvision's RandAugment with one operation at a magnitude, with a sign."""
    own = transforms.RandAugment(num_ops=1, magnitude=magnitude)
    theirs = {
        "shear x": "ShearX",
        "shear y": "ShearY",
        "translate x": "TranslateX",
        "translate y": "TranslateY",
        "colour": "Color",
        "autocontrast": "AutoContrast",
    }.get(name, name.capitalize())
    magnitudes, _ = own._AUGMENTATION_SPACE[theirs]
    strength = magnitudes(own.num_magnitude_bins, *image.shape[-2:])
    value = 0.0 if strength is None else float(strength[magnitude])
    signed = own._AUGMENTATION_SPACE[theirs][1]
    return own._apply_image_or_video_transform(
        image, theirs, value * sign if signed else value, own.interpolation, own._fill
    )


@pytest.mark.parametrize("name", rand_augment.OPERATIONS)
@pytest.mark.parametrize("magnitude", [0, 9, 20])
def test_an_operation_of_randaugment_is_that_of_torchvision(name: str, magnitude: int) -> None:
    batch = smooth(6, 3, 24, 33)
    signs = torch.tensor([1.0, -1.0] * 3)
    change = rand_augment.operation(name, magnitude / 30, (24, 33))
    result = batch if change is None else change(batch, signs)
    on_bytes = name in ("equalize", "posterize")
    originals = (batch * 255).round().to(torch.uint8) if on_bytes else batch
    for image, changed, sign in zip(originals, result, signs.tolist(), strict=True):
        expected = torchvisions(name, image, magnitude, sign)
        expected = expected.float() / 255 if on_bytes else expected
        # Nearest pixels at the same distance may be chosen differently.
        differ = ((changed - expected).abs() > 1.01 / 255).float().mean()
        assert differ < (0.03 if name in ("rotate", "shear x", "shear y") else 1e-9)


def test_randaugment_gives_each_image_operations_of_its_own() -> None:
    batch = smooth(60, 3, 16, 16)
    result = RandAugment(count=2, magnitude=9).apply(batch, seeded())
    generator = seeded()
    expected = batch
    for _ in range(2):
        chosen = torch.randint(0, 14, (60,), generator=generator)
        signs = draws.signs(60, generator)
        changed = []
        for n, image in enumerate(expected):
            change = rand_augment.operation(rand_augment.OPERATIONS[chosen[n]], 0.3, (16, 16))
            one = image[None]
            changed.append(one if change is None else change(one, signs[n : n + 1]))
        expected = torch.cat(changed)
    close(result, expected, 1e-5)
    assert chosen.unique().numel() > 10
    assert torch.equal(RandAugment(count=0).apply(batch, seeded()), batch)


# Mixers


def one_hot(labels: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, 5).float()


def test_mixup_blends_images_and_targets_alike() -> None:
    batch, targets = images(50, 3, 6, 6), one_hot(torch.arange(50) % 5)
    result, shares = Mixup(alpha=0.4).mix(batch, targets, seeded())
    generator = seeded()
    other = torch.randperm(50, generator=generator)
    own = draws.beta(0.4, 50, generator)
    for n in range(50):
        share = float(own[n])
        close(result[n], share * batch[n] + (1 - share) * batch[other[n]])
        close(shares[n], share * targets[n] + (1 - share) * targets[other[n]])
    close(shares.sum(1), torch.ones(50))
    assert len(own.unique()) == 50


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_beta_has_the_moments_of_its_distribution(alpha: float) -> None:
    values = draws.beta(alpha, 40_000, seeded())
    assert values.min() >= 0 and values.max() <= 1
    assert abs(float(values.mean()) - 0.5) < 0.01
    assert abs(float(values.var()) - 1 / (4 * (2 * alpha + 1))) < 0.005


def test_beta_of_a_tiny_alpha_is_a_number() -> None:
    assert draws.beta(1e-4, 1000, seeded()).isfinite().all()


def test_cutmix_pastes_a_box_and_mixes_targets_by_the_area_that_remains() -> None:
    batch, targets = images(60, 3, 11, 8), one_hot(torch.arange(60) % 5)
    result, shares = Cutmix(alpha=1).mix(batch, targets, seeded())
    generator = seeded()
    other = torch.randperm(60, generator=generator)
    side = (1 - draws.beta(1, 60, generator)).sqrt()
    rows, columns = draws.whole(11, 60, generator), draws.whole(8, 60, generator)
    for n in range(60):
        half = int(side[n] * 11 / 2), int(side[n] * 8 / 2)
        expected, pasted = batch[n].clone(), 0
        for y in range(max(rows[n] - half[0], 0), min(rows[n] + half[0], 11)):
            for x in range(max(columns[n] - half[1], 0), min(columns[n] + half[1], 8)):
                expected[:, y, x] = batch[other[n], :, y, x]
                pasted += 1
        assert torch.equal(result[n], expected)
        share = 1 - pasted / 88
        close(shares[n], share * targets[n] + (1 - share) * targets[other[n]])


def test_the_mixers_of_a_recipe_take_turns() -> None:
    batch, targets = images(30, 3, 6, 6), one_hot(torch.arange(30) % 5)
    mix = mix_of([Mixup(alpha=1), Grayscale(), Cutmix()])
    assert mix is not None
    generator = seeded()
    kinds = set()
    for _ in range(20):
        result, shares = mix(batch, targets, generator)
        assert shares.shape == (30, 5)
        pasted = (result[:, None] == batch).flatten(2).any(2).any(1)
        kinds.add(bool(pasted.all()))
    assert kinds == {True, False}
    assert mix_of([Grayscale()]) is None
    one = mix_of([Grayscale(), Cutmix()])
    assert one is not None
    for ours, theirs in zip(
        one(batch, targets, seeded()), Cutmix().mix(batch, targets, seeded()), strict=True
    ):
        assert torch.equal(ours, theirs)


EVERY = [
    ColourJitter(strength=0.4, hue=0.1),
    Grayscale(p=0.5),
    PcaColour(imagenet=True),
    GaussianBlur(),
    GaussianNoise(std=0.1),
    RandAugment(),
]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.kind)
def test_the_images_of_a_batch_change_differently_and_by_the_generator_alone(
    one: Augmentation,
) -> None:
    same = smooth(1, 3, 12, 12).expand(32, -1, -1, -1)
    result = one.apply(same, seeded(3))
    assert len(result.flatten(1).unique(dim=0)) >= 2
    assert result.shape == same.shape and result.dtype == same.dtype
    assert 0 <= result.min() and result.max() <= 1
    torch.manual_seed(99)
    assert torch.equal(result, one.apply(same, seeded(3)))
    assert not torch.equal(result, one.apply(same, seeded(4)))


@pytest.mark.parametrize("one", [ColourJitter(strength=0.4, hue=0.1), RandAugment()])
def test_the_frames_of_a_clip_change_alike(one: Augmentation) -> None:
    clips = smooth(20, 3, 12, 12)[:, :, None].expand(-1, -1, 4, -1, -1)
    first, *others = one.apply(clips, seeded()).unbind(2)
    assert not torch.equal(first, clips[:, :, 0])
    for other in others:
        close(other, first)


@pytest.mark.parametrize("one", [ColourJitter(strength=0.4, hue=0.1), RandAugment(), Grayscale()])
def test_grey_images_stay_grey(one: Augmentation) -> None:
    batch = smooth(20, 1, 12, 12)
    assert one.apply(batch, seeded()).shape == batch.shape


def test_only_the_chosen_images_are_changed() -> None:
    batch = images(9, 1, 2, 2)
    chosen = torch.arange(9) % 2 == 0
    seen: list[int] = []

    def change(some: Tensor, factor: Tensor) -> Tensor:
        seen.append(len(some))
        return some * factor[:, None, None, None]

    result = masks.apply_chosen(batch, chosen, change, torch.arange(9))
    for n in range(9):
        assert torch.equal(result[n], batch[n] * n if n % 2 == 0 else batch[n])
    assert masks.apply_chosen(batch, chosen & False, change) is batch
    assert seen == [5]
