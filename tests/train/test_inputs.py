"""Augmentation and normalisation of a recipe reach the network, in training and afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archdsl
from archdsl.train import evaluate, recipe_of, resume, train
from archdsl.train.augment import Augmentation
from archdsl.train.checkpoint import trained
from archdsl.train.data.images import Pixels
from archdsl.train.data.pipeline import Form, split_of
from archdsl.train.inputs import prepare
from archdsl.train.recipe import Recipe, read_recipe

SMALL = "network small\ninput {input}\nFC-10\n"


def recipe(section: str) -> Recipe:
    text = f"{SMALL.format(input='8x8x1')}train on digits {{ {section} }}"
    return read_recipe(archdsl.loads(text).text)


def prepared(section: str, images: torch.Tensor):
    form = Form((1, 8, 8), "digits", 10, torch.device("cpu"))
    split = split_of(Pixels(images, torch.arange(len(images)) % 3), form)
    return split, prepare(split, recipe(section), 3)


IMAGES = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)


def test_without_settings_images_stay_as_they_are():
    split, normaliser = prepared("", IMAGES)
    assert normaliser is None
    inputs, labels = next(split.epoch())
    torch.testing.assert_close(inputs, IMAGES[:10] / 255)
    assert labels.tolist() == [number % 3 for number in range(10)]


def test_mixers_make_shares_of_classes():
    split, _ = prepared("augment mixup 1, cutmix, horizontal flip", IMAGES)
    _, targets = next(split.epoch(torch.Generator().manual_seed(0)))
    assert targets.shape == (10, 3)
    torch.testing.assert_close(targets.sum(1), torch.ones(10))
    assert ((targets > 0) & (targets < 1)).any()
    assert next(split.epoch())[1].ndim == 1  # images that are not trained on keep labels


def test_what_augmentations_measure_is_of_the_training_images(monkeypatch):
    seen = []

    def fit(self: Augmentation, images: torch.Tensor) -> Augmentation:
        seen.append(images)
        return self

    monkeypatch.setattr(Augmentation, "fit", fit)
    prepared("augment random shift 1", IMAGES)
    assert torch.equal(seen[0], IMAGES)


@pytest.mark.parametrize("input_", ["8x8x1", "64", "64x1", "4x8x8x1", "8x8 RGB"])
@pytest.mark.parametrize("section", ["to [-1; 1]", "per channel", "mean image"])
def test_a_run_normalises_wherever_it_is_used(section: str, input_: str, tmp_path: Path):
    """Training, measuring, evaluating and resuming see the same inputs."""
    text = SMALL.format(input=input_) + (
        f"train on digits {{ epochs 1, batch 128; normalise {section}; augment horizontal flip }}\n"
    )
    net = archdsl.loads(text)
    run, module = train(net, recipe_of(net), device="cpu", runs=tmp_path)
    result = evaluate(run.folder, "cpu")
    assert (result.loss, result.accuracy) == (
        run.record.epochs[-1].test_loss, run.record.epochs[-1].test_accuracy,
    )  # fmt: skip
    assert resume(run.folder)[0].record == run.record
    whole = trained(run.folder, "cpu").module
    x = torch.rand(3, *net.input)
    expected = module.eval()(2 * x - 1) if section == "to [-1; 1]" else None
    with torch.no_grad():
        assert not torch.allclose(whole(x), module(x))
        if expected is not None:
            torch.testing.assert_close(whole(x), expected)


@pytest.mark.parametrize("values", [3, [torch.ones(5), torch.ones(5)], ["a", "b"], [None]])
def test_a_crafted_normalisation(values, tmp_path: Path):
    net = archdsl.loads(SMALL.format(input="8x8x1") + "train { epochs 1; normalise to [-1; 1] }")
    run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path)
    saved = torch.load(run.checkpoint, weights_only=True)
    torch.save({**saved, "normaliser": values}, run.checkpoint)
    with pytest.raises(archdsl.ArchError, match="does not fit the network and recipe"):
        evaluate(run.folder, "cpu")
