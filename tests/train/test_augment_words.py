"""How recipes spell augmentations and normalisations."""

from __future__ import annotations

import pytest

from archdsl.errors import ArchError
from archdsl.spec import parse
from archdsl.text.source import Source
from archdsl.train import Recipe
from archdsl.train.augment import (
    Augmentation,
    CenterCrop,
    ColourJitter,
    Cutmix,
    Cutout,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    HorizontalFlip,
    Mixup,
    PaddedCrop,
    PcaColour,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Scale,
    ScaleJitter,
    Shear,
    Shift,
    Translation,
    VerticalFlip,
)
from archdsl.train.normalisation import Given, Interval, MeanImage, Normalisation, PerChannel
from archdsl.train.recipe import read_recipe


def read(line: str) -> Recipe:
    text = f"network a\ninput 32x32x3\nconv 3x3 4\nFC-10\ntrain on digits {{\n  {line}\n}}"
    (network,) = parse(Source("a.arch", text))
    return read_recipe(network)


@pytest.mark.parametrize(
    "words, expected",
    [
        ("random crop 32 padding 4", PaddedCrop(size=32, padding=4)),
        ("random crop 32 pad 2", PaddedCrop(size=32, padding=2)),
        ("padded crop 4 reflect", PaddedCrop(padding=4, reflect=True)),
        ("random crop 28", PaddedCrop(size=28)),
        ("centre crop 24", CenterCrop(size=24)),
        ("center crop 24", CenterCrop(size=24)),
        ("random resized crop 24", RandomResizedCrop(size=24)),
        ("random resized crop area 0.2 to 1", RandomResizedCrop(area=(0.2, 1))),
        ("random resized crop scale (0.2, 1) ratio 1", RandomResizedCrop(area=(0.2, 1), ratio=1)),
        ("scale jitter [256; 512] crop 224", ScaleJitter(sides=(256, 512))),
        ("scale jitter 36 to 48 crop 32", ScaleJitter(sides=(36, 48), crop=32)),
        ("flip", HorizontalFlip()),
        ("horizontal flip p 0.5", HorizontalFlip()),
        ("random horizontal flip 30%", HorizontalFlip(p=0.3)),
        ("hflip probability 0.3", HorizontalFlip(p=0.3)),
        ("reflection", HorizontalFlip()),
        ("vertical flip 0.1", VerticalFlip(p=0.1)),
        ("translation 5 px", Shift(pixels=5)),
        ("random shift 4", Shift(pixels=4)),
        ("translation by 10%", Translation(share=0.1)),
        ("scale 0.8 to 1.2", Scale(factors=(0.8, 1.2))),
        ("scale (0.8, 1.2)", Scale(factors=(0.8, 1.2))),
        ("rotation 5", Rotation(degrees=5)),
        ("random rotation 5 degrees", Rotation(degrees=5)),
        ("shear 10", Shear(degrees=10)),
        (
            "random erasing p 0.75 scale 0.01 to 0.3 ratio 1 value 0",
            RandomErasing(p=0.75, area=(0.01, 0.3), ratio=1),
        ),
        ("erasing 0.25 value random", RandomErasing(p=0.25, value="random")),
        ("cutout 16", Cutout(length=16)),
        ("colour jitter 0.4", ColourJitter(strength=0.4)),
        (
            "color jitter brightness 0.4 contrast 0.3 saturation 0.2 hue 0.1",
            ColourJitter(brightness=0.4, contrast=0.3, saturation=0.2, hue=0.1),
        ),
        ("random greyscale 0.2", Grayscale(p=0.2)),
        ("random grayscale", Grayscale()),
        ("pca colour", PcaColour()),
        ("pca color 0.1 imagenet", PcaColour(imagenet=True)),
        ("gaussian blur sigma 0.1 to 2 p 0.5", GaussianBlur()),
        ("gaussian noise 0.1", GaussianNoise(std=0.1)),
        ("randaugment 2 9", RandAugment()),
        ("RandAugment n 3 m 5", RandAugment(count=3, magnitude=5)),
        ("mixup 0.4", Mixup(alpha=0.4)),
        ("cutmix", Cutmix()),
    ],
)
def test_words_name_an_augmentation(words: str, expected: Augmentation) -> None:
    recipe = read(f"augment {words}")
    assert recipe.augment == (expected,)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_a_line_names_several_augmentations() -> None:
    recipe = read("augment padded crop 2, flip, rotation 5, scale 0.8 to 1.2, mixup 0.2")
    kinds = [type(one) for one in recipe.augment]
    assert kinds == [PaddedCrop, HorizontalFlip, Rotation, Scale, Mixup]


@pytest.mark.parametrize(
    "words, expected",
    [
        ("normalise to [0, 1]", Interval()),
        ("normalize to [-1, 1]", Interval(interval=(-1, 1))),
        ("normalise per channel", PerChannel()),
        (
            "normalise mean (0.5, 0.4, 0.3) std (0.2, 0.2, 0.3)",
            Given(mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.3)),
        ),
        ("normalise mean 0.5 std 0.5", Given(mean=(0.5,), std=(0.5,))),
        ("normalise mean 0.5", Given(mean=(0.5,))),
        ("normalise mean image", MeanImage()),
    ],
)
def test_words_name_a_normalisation(words: str, expected: Normalisation) -> None:
    assert read(words).normalise == expected


@pytest.mark.parametrize(
    "words, message",
    [
        ("augment flipp", "there is no augment.* `flipp`"),
        ("augment rotation 500", "`degrees` must be at most 180, not 500"),
        ("augment scale 1.2 to 0.8", "a range begins with its smaller end, not 1.2 to 0.8"),
        ("augment flip p -1", "`p` must be at least 0, not -1"),
        ("augment mixup 0", "`alpha` must be above 0, not 0"),
        ("normalise to [1, 0]", "an interval begins with its smaller end"),
        ("normalise mean 0.5 std 0", "must be above 0, not 0"),
    ],
)
def test_what_is_out_of_range_is_refused_at_its_line(words: str, message: str) -> None:
    with pytest.raises(ArchError, match=message) as caught:
        read(words)
    assert "a.arch:6:" in str(caught.value)
