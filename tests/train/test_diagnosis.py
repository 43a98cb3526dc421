"""Gradients and activations by layer."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import archdsl
from archdsl.errors import ArchError
from archdsl.train import diagnosis, recipe_of, train
from archdsl.train.diagnosis import Diagnosis, Reading

TEXT = "input 8x8x1\nconv3-4 -> bn -> relu\nconv3-6, relu\nflatten\nFC-10"


def batch() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    return torch.rand(16, 1, 8, 8, generator=random), torch.arange(16) % 10


def readings_of(module: nn.Module, scale: float = 1.0) -> dict[str, Reading]:
    x, y = batch()
    found = Diagnosis(module)
    with found.reading(3, 7, scale):
        (scale * cross_entropy(module(x), y)).backward()
    assert all((r.epoch, r.step) == (3, 7) for r in found.readings)
    return {r.layer: r for r in found.readings}


@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_readings_are_those_of_torch(scale: float):
    torch.manual_seed(0)
    module = archdsl.loads(TEXT).module()
    found = readings_of(module, scale)
    # The same figures by hand: gradients from autograd, outputs by running the layers in turn.
    x, y = batch()
    module.zero_grad()
    cross_entropy(module(x), y).backward()
    for name, layer in module.named_modules():
        if list(layer.children()):
            continue
        x = layer(x).detach()
        own = list(layer.parameters())
        row = found[name]
        assert row.mean == pytest.approx(float(x.mean()), abs=1e-6)
        assert row.spread == pytest.approx(float(x.std(correction=0)), rel=1e-4)
        if own:
            squares = sum(float((p.grad**2).sum()) for p in own if p.grad is not None)
            assert row.gradient == pytest.approx(math.sqrt(squares), rel=1e-3)
            norm = math.sqrt(sum(float((p.detach() ** 2).sum()) for p in own))
            assert row.weight == pytest.approx(norm, rel=1e-4)
        else:
            assert math.isnan(row.gradient) and math.isnan(row.weight)


def test_dead_units_are_counted():
    module = archdsl.loads("input 8x8x1\nconv3-4\nrelu\nflatten\nFC-10").module()
    convolution = next(m for m in module.modules() if isinstance(m, nn.Conv2d))
    with torch.no_grad():
        convolution.bias[1:] = -100
        convolution.bias[0] = 100
    relu = next(r for r in readings_of(module).values() if r.layer.startswith("relu"))
    assert relu.dead == 0.75


def test_no_hook_stays():
    module = archdsl.loads(TEXT).module()
    readings_of(module)
    before = len(Diagnosis(module).readings)
    x, y = batch()
    cross_entropy(module(x), y).backward()
    assert before == 0
    assert not any(m._forward_hooks for m in module.modules())
    assert not any(p._backward_hooks for p in module.parameters())


def trained(activation: str) -> Diagnosis:
    """Nine convolutions with Glorot's initialisation, after one step."""
    torch.manual_seed(0)
    text = f"input 16x16x1\nconv means conv-{activation}\n[conv3-8] x 9\nglobal average pool\nFC-10"
    module = archdsl.loads(text).module()
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_normal_(parameter)
        else:
            nn.init.zeros_(parameter)
    found = Diagnosis(module)
    x = torch.rand(32, 1, 16, 16)
    with found.reading(1, 1):
        cross_entropy(module(x), torch.arange(32) % 10).backward()
    return found


def test_sigmoids_let_the_gradient_vanish_and_relus_do_not():
    assert diagnosis.finding(trained("sigmoid").readings).startswith(
        "the gradient vanishes: that of group1.0"
    )
    assert diagnosis.finding(trained("relu").readings).startswith("the gradient reaches group1.0")


def test_the_files_of_a_run(tmp_path: Path):
    found = trained("relu")
    found.readings += [reading._replace(epoch=2) for reading in found.readings]
    found.write(tmp_path)
    assert (tmp_path / "diagnosis.png").read_bytes()[:4] == b"\x89PNG"
    again = diagnosis.read(tmp_path, epochs=2)
    assert [str(r) for r in again] == [str(r) for r in found.readings]  # nan is not equal to nan
    assert {r.epoch for r in diagnosis.read(tmp_path, epochs=1)} == {1}
    assert diagnosis.read(tmp_path / "none", epochs=1) == []
    (tmp_path / "diagnosis.csv").write_text("epoch,step\n1,2\n")
    with pytest.raises(ArchError, match="is damaged"):
        diagnosis.read(tmp_path, epochs=1)


def test_the_first_step_and_about_ten_an_epoch_are_due():
    for steps in (1, 3, 10, 11, 99, 1000):
        due = [step for step in range(1, steps + 1) if Diagnosis.is_due(step, steps)]
        assert due[0] == 1 and min(steps, 10) <= len(due) <= 19


SIGMOIDS = """input 8x8x1
conv means conv-sigmoid
[conv3-4] x 7
global average pool
FC-10
train on digits { init glorot normal, bias 0; optimizer sgd lr 0.1; batch 512, epochs 2 }
"""


@pytest.mark.slow
def test_the_command_diagnoses_and_resumes(tmp_path: Path, archdsl_cli):
    spec, runs = tmp_path / "sigmoids.arch", tmp_path / "runs"
    spec.write_text(SIGMOIDS)
    code, out, err = archdsl_cli("train", str(spec), "--diagnose", "--runs", str(runs))
    assert (code, err) == (0, "")
    assert "the gradient vanishes: that of group1.0" in out and "diagnosis.png" in out
    (folder,) = (runs / "sigmoids").iterdir()
    readings = diagnosis.read(folder, 2)
    assert {r.epoch for r in readings} == {1, 2}
    # A run that is diagnosed has the same numbers as one that is not.
    archdsl_cli("train", str(spec), "--runs", str(tmp_path / "plain"))
    (plain,) = (tmp_path / "plain" / "sigmoids").iterdir()

    def losses(run: Path) -> list[list[str]]:
        lines = (run / "metrics.csv").read_text().splitlines()
        return [line.split(",")[:-1] for line in lines]  # without the seconds

    assert losses(folder) == losses(plain)
    code, _, err = archdsl_cli("train", str(spec), "--diagnose", "--compile", "--runs", str(runs))
    assert code == 2 and "a compiled network cannot be diagnosed" in err


@pytest.mark.slow
def test_readings_do_not_depend_on_accumulation(tmp_path: Path):
    """The loss of a batch is divided by the number of batches of a step."""
    text = SIGMOIDS.replace("batch 512", "batch 512, accumulate 2")
    found = []
    for one in (SIGMOIDS, text):
        network = archdsl.loads(one)
        run, _ = train(network, recipe_of(network), runs=tmp_path, device="cpu", diagnose=True)
        found.append(diagnosis.read(run.folder, 1)[0])
    assert found[0] == found[1]
