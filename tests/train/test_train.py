"""Recipes, data and runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

import archdsl
from archdsl.train import Recipe, RunRecord, recipe_of, train
from archdsl.train.datasets import digits, shifted

SMALL = "network small\ninput 8x8x1\nconv3-4 stride 2\nrelu\nFC-10\n"
RECIPE = "train on digits { optimizer adam lr 0.01; batch 64, epochs 2; schedule one-cycle }\n"


def recipe(section: str, **settings: str) -> Recipe:
    return recipe_of(archdsl.loads(SMALL + section), settings)


def test_recipe_of_lenet5():
    assert recipe_of(archdsl.load("lenet5")) == Recipe(
        data="digits",
        optimizer="adam",
        lr=0.004,
        batch=32,
        epochs=20,
        schedule="one-cycle",
        shift=3,
    )


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("optimizer sgd lr 0.01 momentum 0.9 weight-decay 5e-4",
         {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}),
        ("learning rate: 0.1, batch size = 256", {"lr": 0.1, "batch": 256}),
        ("schedule constant", {"schedule": "constant"}),
        ("schedule cosine", {"schedule": "cosine"}),
        ("schedule one-cycle", {"schedule": "one-cycle"}),
        ("schedule divide lr by 10 every 30 epochs",
         {"schedule": "step", "factor": 0.1, "every": 30}),
        ("schedule times 0.96 every epoch", {"schedule": "step", "factor": 0.96, "every": 1}),
        ("schedule halve every 50 epochs", {"schedule": "step", "factor": 0.5, "every": 50}),
        ("augment random shift 4", {"shift": 4}),
        ("loss cross-entropy label-smoothing 0.1", {"label_smoothing": 0.1}),
        ("", {}),
    ],
)  # fmt: skip
def test_settings_of_a_recipe(setting: str, expected: dict[str, object]):
    assert recipe(f"train on digits {{ {setting} }}") == Recipe.model_validate(expected)


def test_settings_of_the_command_line_take_precedence():
    changed = recipe(RECIPE, epochs="7", label_smoothing="0.2", schedule="halve every 5 epochs")
    assert (changed.epochs, changed.label_smoothing, changed.lr) == (7, 0.2, 0.01)
    assert (changed.schedule, changed.factor, changed.every) == ("step", 0.5, 5)
    assert recipe_of(archdsl.loads(SMALL + RECIPE), {"random shift": "2"}).shift == 2


@pytest.mark.parametrize(
    ("section", "shown"),
    [
        ("", "the network small has no recipe"),
        ("train on digits { lr 0 }", "`lr` must be above 0, not 0"),
        ("train on digits { epochs 2.5 }", "`epochs` must be a whole number, not 2.5"),
        (
            "train on digits { optimizer adm }",
            "`optimizer` must be one of 'sgd' or 'adam'",
        ),
        ("train on digitz { }", "`data` must be one of 'digits'"),
        ("train on digits { momentun 0.9 }", "did you mean `momentum`?"),
        ("train on digits { lr }", "`lr` has no value"),
        ("train on digits { lr 1; lr 2 }", "`lr` is given twice"),
        ("train on digits { schedule sometimes }", "unknown schedule"),
        ("train on digits { schedule divide by 0 every epoch }", "`0` is not a valid factor"),
        ("train on digits { lr -0.1 }", "`lr` must be above 0, not -0.1"),
        ("train on digits { random shift -3 }", "`shift` must be at least 0"),
        ("train on digits { lr - - 0.1 }", "`lr` has no value"),
        ("train on digits { schedule times nan every epoch }", "`nan` is not a valid factor"),
        ("train on digits { lr 1 }; train on digits { lr 2 }", "a second `train`"),
        ("train on digits { schedule times 3 every epoch }", "`factor` must be at most 1"),
    ],
)
def test_bad_recipes_are_refused(section: str, shown: str):
    with pytest.raises(archdsl.ArchError) as caught:
        recipe(section)
    assert shown in str(caught.value)
    if section:
        assert "<text>:6:" in str(caught.value)


def test_bad_settings_of_the_command_line():
    for settings, shown in (
        ({"epoch": "3"}, "did you mean `epochs`"),
        ({"epochs": "many"}, "`epochs` must be a whole number, not many"),
        ({"momentum": "0.5"}, "`adam` does not take a momentum"),
        ({"factor": "0.5"}, "a recipe has no setting `factor`"),
    ):
        with pytest.raises(archdsl.ArchError) as caught:
            recipe(RECIPE, **settings)
        assert shown in str(caught.value) and "--> --set:1:" in str(caught.value)
    for value in ("3 }", "3; batch 8", "3 }\nconv3-8\nlet a = {"):
        with pytest.raises(archdsl.ArchError, match="is not a setting"):
            recipe(RECIPE, epochs=value)


def test_another_optimizer_drops_the_momentum_of_the_recipe():
    section = "train on digits { optimizer sgd lr 0.1 momentum 0.9 weight-decay 0.01 }"
    assert recipe(section, optimizer="sgd lr 0.2").momentum == 0.9
    adam = recipe(section, optimizer="adam")
    assert (adam.momentum, adam.lr, adam.weight_decay) == (0, 0.1, 0.01)


def test_the_split_of_digits_is_stratified():
    data = digits((1, 28, 28), split=3)
    assert (len(data.train_images), len(data.test_images)) == (1437, 360)
    assert data.train_images.shape[1:] == (1, 28, 28)
    assert 0 <= data.train_images.min() < data.train_images.max() <= 1
    shares = torch.bincount(data.test_labels) / torch.bincount(data.train_labels)
    assert shares.min() > 0.24 and shares.max() < 0.26
    assert torch.equal(data.test_labels, digits((1, 28, 28), split=3).test_labels)
    assert not torch.equal(data.test_labels, digits((1, 28, 28), split=4).test_labels)


def test_digits_are_resized_to_the_input():
    assert digits((3, 12, 16)).train_images.shape[1:] == (3, 12, 16)
    flat, square = digits((64,)).train_images, digits((1, 8, 8)).train_images
    assert torch.equal(flat, square.flatten(1))


def test_shifts_move_each_image_separately():
    """Every image moves by its own offset and is otherwise unchanged."""
    images = torch.arange(1.0, 1 + 200 * 16).view(200, 1, 4, 4)
    moved = shifted(images, 1, torch.Generator().manual_seed(0), images.shape[2:])
    seen = set()
    for image, after in zip(images[:, 0], moved[:, 0], strict=True):
        found = [
            (dy, dx)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if torch.equal(after, shifted_by_hand(image, dy, dx))
        ]
        assert len(found) == 1
        seen |= set(found)
    assert len(seen) == 9


def shifted_by_hand(image: torch.Tensor, dy: int, dx: int) -> torch.Tensor:
    result = torch.zeros_like(image)
    for y in range(4):
        for x in range(4):
            if 0 <= y + dy < 4 and 0 <= x + dx < 4:
                result[y, x] = image[y + dy, x + dx]
    return result


def run_small(folder: Path, seed: int = 0, text: str = SMALL + RECIPE, **settings: str):
    net = archdsl.loads(text)
    return train(net, recipe_of(net, settings), seed=seed, device="cpu", runs=folder)


def test_the_files_of_a_run(tmp_path: Path):
    run, module = run_small(tmp_path)
    assert run.folder.parent == tmp_path / "small"
    assert sorted(p.name for p in run.folder.iterdir()) == [
        "checkpoint.pt", "curves.png", "metrics.csv", "record.json", "spec.arch",
    ]  # fmt: skip
    assert (run.folder / "spec.arch").read_text() == SMALL + RECIPE
    assert (run.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    record = RunRecord.model_validate_json((run.folder / "record.json").read_text())
    assert record == run.record and record.finished and record.seed == 0
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["test_accuracy"]) == run.accuracy
    saved = torch.load(run.checkpoint, weights_only=True)
    for name, tensor in module.state_dict().items():
        assert torch.equal(saved["module"][name], tensor)


def test_the_reported_accuracy_is_that_of_the_module(tmp_path: Path):
    run, module = run_small(tmp_path, epochs="3")
    data = digits((1, 8, 8))
    module.eval()
    with torch.no_grad():
        right = (module(data.test_images).argmax(1) == data.test_labels).float().mean()
    assert run.accuracy == pytest.approx(float(right))


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path):
    text = SMALL.replace("relu", "relu\ndropout 0.2") + RECIPE.replace("}", "; random shift 1 }")
    runs = [run_small(tmp_path, seed, text) for seed in (0, 0, 1)]
    metrics = [[e.model_dump(exclude={"seconds"}) for e in run.record.epochs] for run, _ in runs]
    assert metrics[0] == metrics[1]
    assert metrics[0] != metrics[2]
    assert len({run.folder for run, _ in runs}) == 3


def test_training_does_not_change_the_random_state_of_the_caller(tmp_path: Path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run_small(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("name", ["constant", "cosine", "halve every 2 epochs"])
def test_learning_rates_of_schedules(name: str, tmp_path: Path):
    run, _ = run_small(tmp_path, schedule=name, epochs="5")
    rates = [round(e.lr, 6) for e in run.record.epochs]
    assert (
        rates
        == {
            "constant": [0.01] * 5,
            "cosine": [0.01, 0.009045, 0.006545, 0.003455, 0.000955],
            "halve every 2 epochs": [0.01, 0.01, 0.005, 0.005, 0.0025],
        }[name]
    )


@pytest.mark.slow
def test_sgd_momentum_and_smoothing_matter(tmp_path: Path):
    plain = run_small(tmp_path, optimizer="sgd")[0].record.epochs
    for settings in (
        {"momentum": "0.9"}, {"weight_decay": "0.1"}, {"label_smoothing": "0.3"}, {"shift": "2"},
    ):  # fmt: skip
        changed = run_small(tmp_path, optimizer="sgd", **settings)[0].record.epochs
        assert changed[-1].train_loss != plain[-1].train_loss


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (SMALL.replace("FC-10", "FC-5"), "end it with `FC-10`"),
        (SMALL.replace("FC-10", "conv1-10"), "end it with `flatten`"),
        (SMALL.replace("8x8x1", "8x8x2"), "write an input such as `input 32x32x1`"),
        (SMALL.replace("input 8x8x1\nconv3-4 stride 2", "input 65\nFC-4"), "has grey images"),
    ],
)
def test_networks_that_do_not_fit_the_data(text: str, shown: str, tmp_path: Path):
    with pytest.raises(archdsl.ArchError) as caught:
        run_small(tmp_path, text=text + RECIPE)
    assert shown in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_single_last_image_joins_the_preceding_batch(tmp_path: Path):
    text = SMALL.replace("relu", "FC-8-bn-relu") + RECIPE
    run, _ = run_small(tmp_path, text=text, batch="4")  # 1437 = 4 · 359 + 1
    assert run.record.finished
    with pytest.raises(archdsl.ArchError, match="a batch of 1 has no variance"):
        run_small(tmp_path, text=text, batch="1")


def test_a_shift_out_of_view(tmp_path: Path):
    with pytest.raises(archdsl.ArchError, match="out of view"):
        run_small(tmp_path, shift="8")


def test_too_large_for_memory(tmp_path: Path):
    text = SMALL.replace("FC-10", "FC-2000000000\nFC-10") + RECIPE
    with pytest.raises(archdsl.ArchError, match="not enough memory"):
        run_small(tmp_path, text=text)
    assert not list(tmp_path.iterdir())


def test_train_command(tmp_path: Path, monkeypatch, archdsl_cli):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.arch").write_text(SMALL + RECIPE)
    code, out, error = archdsl_cli("train", "small.arch", "--set", "epochs=3", "--device", "cpu")
    assert (code, error) == (0, "")
    first, *epochs, last = out.splitlines()
    assert first.startswith("small: 690 params, input 8×8×1, digits, 3 epochs")
    assert [line[:9] for line in epochs] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    (folder,) = (tmp_path / "runs" / "small").iterdir()
    record = json.loads((folder / "record.json").read_text())
    accuracy = record["epochs"][-1]["test_accuracy"]
    assert last.startswith(f"test accuracy {accuracy:.2%} after epoch 3, ")
    assert last.endswith(f"in {folder.relative_to(tmp_path)}")


def test_train_command_refuses_bad_arguments(tmp_path: Path, monkeypatch, archdsl_cli):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file in the way")
    for arguments, shown in (
        (["vgg16"], "the network vgg16 has no recipe"),
        (["lenet5", "--set", "epochs"], "write `--set epochs=3`"),
        (["lenet5", "--set", "epochs=0"], "`epochs` must be at least 1"),
        (["lenet5", "--device", "quantum"], "there is no device `quantum` here"),
        (["lenet5", "--device", "cpu"], "cannot make the folder runs/lenet5"),
    ):
        code, _, error = archdsl_cli("train", *arguments)
        assert code == 2 and shown in error and "help: " in error


@pytest.mark.slow
def test_lenet5_learns_digits(tmp_path: Path):
    net = archdsl.load("lenet5")
    run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path)
    assert run.accuracy >= 0.98


@pytest.mark.parametrize("name", ["n", "a"])
def test_a_train_section_belongs_to_the_network_before_it(name: str, tmp_path):
    path = tmp_path / "nets.arch"
    path.write_text(
        "network n(w=4)\ninput 16x16x1\nconv3-(w)\nFC-10\n"
        "network a = n(3)\nnetwork b = n(5)\ntrain on digits { epochs 1 }\n"
    )
    with pytest.raises(archdsl.ArchError, match="has no recipe") as caught:
        recipe_of(archdsl.load(f"{path}:{name}"))
    assert "belongs to the network before it, `b`" in str(caught.value)
    assert recipe_of(archdsl.load(f"{path}:b")).epochs == 1
