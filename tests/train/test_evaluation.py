"""Evaluation of runs: several as one, and under views."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from digits_data import digits
from PIL import Image

import archdsl
from archdsl import ArchError
from archdsl.output.records import Evaluation
from archdsl.train import evaluate, predict, recipe_of, train

TEXT = """network {name}
input 8x8x1
conv3-8
flatten
FC-{width}, ReLU
FC-10
reported error 1.2 "10-crop"
train on digits {{ optimizer adam lr 0.01; batch 100, epochs 1; split {split} }}
"""


def trained(folder: Path, name: str, width: int, seed: int, split: int = 2) -> Path:
    net = archdsl.loads(TEXT.format(name=name, width=width, split=split))
    return train(net, recipe_of(net), seed=seed, device="cpu", runs=folder)[0].folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [trained(folder, "a", 16, 0), trained(folder, "a", 16, 1), trained(folder, "b", 20, 0)]


def module(run: Path) -> torch.nn.Module:
    return archdsl.load(run / "spec.arch").module(weights=run).eval()


def test_the_probabilities_of_several_runs_are_averaged(runs: list[Path]) -> None:
    data = digits((1, 8, 8), 2)
    modules = [module(run) for run in runs]
    rights, losses = 0, 0.0
    matrix = torch.zeros(10, 10, dtype=torch.long)
    with torch.no_grad():
        for image, label in zip(data.test_images, data.test_labels, strict=True):
            each = [one(image[None])[0].softmax(0) for one in modules]
            mean = sum(each) / len(each)
            matrix[label, mean.argmax()] += 1
            rights += int(mean.argmax() == label)
            losses -= float(mean[label].log())
    found = evaluate(runs)
    assert found.network == "a + b"
    assert found.checkpoint == ", ".join(str(run / "checkpoint.pt") for run in runs)
    assert found.accuracy == pytest.approx(rights / 360)
    assert found.loss == pytest.approx(losses / 360, rel=1e-4)
    assert found.confusion == matrix.tolist()
    assert found.reported == ["error 1.2 10-crop"]
    own = [evaluate(run) for run in runs]
    assert [one.accuracy for one in found.runs] == [one.accuracy for one in own]
    assert [one.top5 for one in found.runs] == [one.top5 for one in own]
    assert found.mean == pytest.approx(sum(one.accuracy for one in own) / 3)
    assert found.mean_interval is not None
    assert found.mean_interval[0] < found.mean < found.mean_interval[1]
    assert own[0].mean is None and own[0].interval[0] < own[0].accuracy < own[0].interval[1]


@pytest.mark.parametrize("view", ["10-crop at 12", "dense scale 12", "144-crop", "scales 8, 12"])
def test_a_run_under_a_view(runs: list[Path], view: str) -> None:
    found = evaluate(runs[0], views=view)
    assert found.images == 360 and 0.1 < found.accuracy <= 1
    assert found.view.split()[0] in ("10-crop", "dense", "144-crop", "center")
    assert found.loss != evaluate(runs[0]).loss


def test_a_view_of_one_scale_that_is_the_images_own_changes_nothing(runs: list[Path]) -> None:
    plain, found = evaluate(runs[0]), evaluate(runs[0], views="center crop scale 8")
    assert found.accuracy == plain.accuracy
    assert found.loss == pytest.approx(plain.loss, rel=1e-5)


def test_runs_of_different_splits_are_not_one(runs: list[Path], tmp_path: Path) -> None:
    other = trained(tmp_path, "a", 16, 0, split=3)
    with pytest.raises(ArchError, match=r"was trained on digits, split 2.*digits, split 3"):
        evaluate([runs[0], other])


def test_the_command(runs: list[Path], archdsl_cli) -> None:
    code, out, error = archdsl_cli(
        "eval", *map(str, runs), "--views", "10-crop", "--format", "json"
    )
    assert (code, error) == (0, "")
    assert Evaluation.model_validate_json(out) == evaluate(runs, views="10-crop")
    code, out, error = archdsl_cli("eval", *map(str, runs[:2]))
    assert (code, error) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "2 runs of a, on 360 test images of digits"
    assert "reported: error 1.2 10-crop" in lines
    assert any(line.startswith("mean of the runs ") for line in lines)
    code, out, error = archdsl_cli("eval", str(runs[0]), "--views", "many")
    assert code == 2 and "there is no view `many`" in error


AUGMENTED = """network c
input 8x8x1
conv3-8
flatten
FC-10
train on digits {
  optimizer adam lr 0.01; batch 100, epochs 2; split 2
  normalise per channel
  augment padded crop 1, rotation 10, scale 0.9 to 1.1, erasing 0.2, mixup 0.2, cutmix
}
"""


def test_a_run_is_normalised_in_training_evaluation_and_prediction(tmp_path: Path) -> None:
    net = archdsl.loads(AUGMENTED)
    run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path)
    found, last = evaluate(run.folder), run.record.epochs[-1]
    assert (found.loss, found.accuracy) == (last.test_loss, last.test_accuracy)
    data = digits((1, 8, 8), 2)
    kept = data.train_images
    inputs = (data.test_images - kept.mean()) / kept.std(correction=0)
    with torch.no_grad():
        logits = module(run.folder)(inputs)
    loss = torch.nn.functional.cross_entropy(logits, data.test_labels)
    assert found.loss == pytest.approx(float(loss), rel=1e-4)
    picture = tmp_path / "0.png"
    pixels = (data.test_images[0, 0] * 255).round().byte().numpy()
    Image.fromarray(pixels).save(picture)
    (one,) = predict(run.folder, [picture], top=10).predictions
    shown = (torch.from_numpy(pixels) / 255 - kept.mean()) / kept.std(correction=0)
    with torch.no_grad():
        expected = module(run.folder)(shown[None, None])[0].softmax(0)
    for likely in one.classes:
        assert likely.probability == pytest.approx(float(expected[int(likely.name)]), abs=1e-4)


def test_a_checkpoint_without_its_normalisation(runs: list[Path], tmp_path: Path) -> None:
    state = torch.load(runs[0] / "checkpoint.pt", weights_only=True)
    del state["normaliser"]
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(ArchError, match="does not hold how its images are normalised"):
        evaluate(tmp_path / "a.pt")
