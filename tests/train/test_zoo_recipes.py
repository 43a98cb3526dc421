"""The recipes of the zoo: they say what the papers say, and they run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archdsl
from archdsl.train import recipe_of, train
from archdsl.train.augment import Shift
from archdsl.train.averaging import Ema, Polyak
from archdsl.train.clipping import ClipNorm
from archdsl.train.data.name import DataName
from archdsl.train.early_stopping import EarlyStopping
from archdsl.train.initialisation import Bias, He, Normal
from archdsl.train.losses import CrossEntropy
from archdsl.train.optimizers import AlexNetSgd, RmsProp, Sgd
from archdsl.train.schedules import Milestones, Plateau, Steps, WarmUp

MOMENTUM = Sgd(momentum=0.9)
ON_PLATEAU = Plateau(divisor=10, most=3)

# What Krizhevsky et al. 2012, Simonyan & Zisserman 2015, Szegedy et al. 2014 and 2016, He et al.
# 2015 and 2016, Zagoruyko & Komodakis 2016, Springenberg et al. 2015 and a lecture print.
FACTS = {
    "alexnet": {
        "optimizer": AlexNetSgd(momentum=0.9), "lr": 0.01, "weight_decay": 5e-4, "batch": 128,
        "schedule": ON_PLATEAU,
        "init": (
            Normal(std=0.01), Bias(value=0),
            Bias(value=1, layers=("CONV2", "CONV4", "CONV5", "FC6", "FC7")),
        ),
    },
    "vgg16": {
        "optimizer": MOMENTUM, "lr": 0.01, "weight_decay": 5e-4, "batch": 256,
        "schedule": ON_PLATEAU, "init": (Normal(std=0.01), Bias(value=0)), "epochs": 74,
    },
    "googlenet": {
        "optimizer": MOMENTUM, "schedule": Steps(percent=4, every=8), "average": Polyak(),
    },
    "inception_v3": {
        "optimizer": RmsProp(alpha=0.9, eps=1, inside=True), "lr": 0.045, "batch": 32,
        "epochs": 100, "schedule": Steps(percent=6, every=2), "clip": ClipNorm(limit=2),
        "loss": CrossEntropy(label_smoothing=0.1), "average": Ema(decay=0.9999, warm=True),
    },
    "resnet50": {
        "optimizer": MOMENTUM, "lr": 0.1, "weight_decay": 1e-4, "batch": 256, "init": (He(),),
        "schedule": Plateau(divisor=10),
    },
    "resnet20": {
        "optimizer": MOMENTUM, "lr": 0.1, "weight_decay": 1e-4, "batch": 128, "init": (He(),),
        "schedule": Milestones(divisor=10, milestones=(32000, 48000), unit="steps"),
    },
    "preact_resnet164": {"warm_up": WarmUp(duration=400, unit="steps", constant=0.01)},
    "wrn_28_10": {
        "optimizer": Sgd(momentum=0.9, nesterov=True), "lr": 0.1, "weight_decay": 5e-4,
        "batch": 128, "epochs": 200, "schedule": Milestones(factor=0.2, milestones=(60, 120, 160)),
    },
    "all_cnn_c": {
        "optimizer": MOMENTUM, "weight_decay": 1e-3, "epochs": 350,
        "schedule": Milestones(divisor=10, milestones=(200, 250, 300)),
    },
    "cifar100_convblock": {
        "optimizer": MOMENTUM, "lr": 0.01, "batch": 32, "schedule": Steps(every=50),
        "val_split": 0.2, "early_stopping": EarlyStopping(patience=20), "weight_decay": 0.0025,
        "loss": CrossEntropy(label_smoothing=0.1),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_a_recipe_says_what_its_paper_says(name: str):
    recipe = recipe_of(archdsl.load(name))
    assert {field: getattr(recipe, field) for field in FACTS[name]} == FACTS[name]


# Each recipe, on the smallest of its networks.
RUN = {
    "alexnet": 227,
    "vgg:A": 32,
    "vgg16": 32,
    "googlenet": 224,
    "inception_v3": 299,
    "resnet18": 64,
    "resnet:50-layer": 64,
    "densenet121": 224,
    "resnet20": 32,
    "preact_resnet164": 32,
    "wrn_16_4": 32,
    "nin": 32,
    "all_cnn_c": 32,
    "cifar100_convblock": 32,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_every_recipe_runs(name: str, tmp_path: Path):
    """An epoch on eight images in a file, with the recipe's batch, augmentation and all else."""
    side = RUN[name]
    net = archdsl.load(name)
    if net.input[1:] != (side, side):
        net = archdsl.load(name, input=(side, side))
    classes = net.graph.nodes[net.graph.outputs[0]].shape[0]
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, side, side, 3), dtype=np.uint8)
    labels = np.arange(8) % 4
    names = np.array([f"class {number}" for number in range(classes)])
    np.savez(
        tmp_path / "data.npz",
        x_train=images, y_train=labels, x_test=images, y_test=labels, classes=names,
    )  # fmt: skip
    data = DataName(name="npz", path=str(tmp_path / "data.npz"))
    recipe = recipe_of(net, {"epochs": "1"}).model_copy(update={"data": data, "val_split": None})
    run, _ = train(net, recipe, device="cpu", runs=tmp_path / "runs")
    assert run.record.finished


def test_the_recipe_of_a_lecture():
    """`translation 5 px` is a shift."""
    assert Shift(pixels=5) in recipe_of(archdsl.load("cifar100_convblock")).augment
