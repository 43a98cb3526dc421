"""Averaged weights, clipping, early stopping, rates of dropout, accumulation, mixed precision."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archdsl
from archdsl import ArchError
from archdsl.train import evaluate, recipe_of, resume, train
from archdsl.train.averaging import Averaging, Ema, Polyak, Swa
from archdsl.train.clipping import ClipNorm, ClipValue
from archdsl.train.early_stopping import EarlyStopping
from archdsl.train.ramps import Ramp, set_rates
from archdsl.train.recipe import Recipe
from archdsl.train.stepper import Stepper

pytestmark = pytest.mark.slow  # they write data sets, or train

NET = archdsl.loads("network n\ninput 8x8x1\nconv3-4-bn-relu\ndropout 0.2\nFC-10\n")
CPU = torch.device("cpu")


def walk(recipe: Recipe, batches: int = 4) -> tuple[Stepper, list[list[dict[str, Any]]]]:
    """A stepper after its epochs, and the states of the module after each step, by epoch."""
    torch.manual_seed(0)
    module = NET.module().train()
    stepper = Stepper(NET, module, recipe, CPU, batches)
    states: list[list[dict[str, Any]]] = []
    for epoch in range(1, recipe.epochs + 1):
        stepper.begin(epoch)
        states.append([])
        for batch in range(1, batches + 1):
            stepper.take(module(torch.rand(6, 1, 8, 8)).square().mean(), batch, epoch)
            states[-1].append(copy.deepcopy(module.state_dict()))
    return stepper, states


def expected(averaging: Averaging, states: list[list[dict[str, Any]]], name: str) -> torch.Tensor:
    steps = [state[name] for epoch in states for state in epoch]
    if isinstance(averaging, Swa):
        return torch.stack([epoch[-1][name] for epoch in states[averaging.start - 1 :]]).mean(0)
    if isinstance(averaging, Polyak):
        late = [state[name] for epoch in states[averaging.start - 1 :] for state in epoch]
        return torch.stack(late).mean(0)
    assert isinstance(averaging, Ema)
    average = steps[0]
    for n, step in enumerate(steps[1:], 1):
        decay = min(averaging.decay, (1 + n) / (10 + n)) if averaging.warm else averaging.decay
        average = decay * average + (1 - decay) * step
    return average


@pytest.mark.parametrize(
    "averaging",
    [Ema(decay=0.9), Ema(decay=0.9, warm=True), Polyak(), Polyak(start=2), Swa(start=2)],
    ids=str,
)
def test_averages(averaging: Averaging):
    stepper, states = walk(Recipe(average=averaging, epochs=3, lr=0.1))
    for name, parameter in stepper.averaged.named_parameters():
        torch.testing.assert_close(parameter.data, expected(averaging, states, name))
    for name, buffer in stepper.averaged.named_buffers():
        assert torch.equal(buffer, states[-1][-1][name])
    assert stepper.averaged is not stepper.module


def test_before_its_epoch_there_is_no_average():
    stepper, _ = walk(Recipe(average=Swa(start=3), epochs=2))
    assert stepper.averaged is stepper.module


SMALL = "network small\ninput 8x8x1\nconv3-4-bn-relu\ndropout 0.2\nFC-10\n"


def run(folder: Path, section: str, progress: Any = None, **options: Any):
    net = archdsl.loads(f"{SMALL}train on digits {{ {section} }}\n")
    return train(net, recipe_of(net), 0, "cpu", folder, progress, **options)


def test_the_average_is_evaluated_and_saved(tmp_path: Path):
    done, module = run(tmp_path, "sgd lr 0.1; epochs 2, batch 256; average ema 0.5")
    saved = torch.load(done.checkpoint, weights_only=True)
    assert all(torch.equal(t, saved["module"][name]) for name, t in module.state_dict().items())
    assert not torch.equal(saved["raw"]["fc1.weight"], saved["module"]["fc1.weight"])
    result = evaluate(done.folder, "cpu")
    assert (result.loss, result.accuracy) == (
        done.record.epochs[-1].test_loss, done.record.epochs[-1].test_accuracy,
    )  # fmt: skip


def test_the_average_of_epochs_has_statistics_of_its_own(tmp_path: Path):
    done, _ = run(tmp_path, "sgd lr 0.1; epochs 3, batch 256; swa from epoch 2")
    saved = torch.load(done.checkpoint, weights_only=True)
    name = next(name for name in saved["module"] if name.endswith("running_mean"))
    assert not torch.allclose(saved["module"][name], saved["raw"][name])
    assert evaluate(done.folder, "cpu").loss == done.record.epochs[-1].test_loss


def test_clipping():
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]

    def gradients(clipping: ClipNorm | ClipValue) -> list[float]:
        parameters[0].grad, parameters[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([-4.0])
        clipping.apply(parameters)
        return [*parameters[0].grad.tolist(), *parameters[1].grad.tolist()]

    assert gradients(ClipNorm(limit=2.5)) == pytest.approx([1.5, 0, -2])
    assert gradients(ClipNorm(limit=10)) == pytest.approx([3, 0, -4])
    assert gradients(ClipValue(limit=3.5)) == pytest.approx([3, 0, -3.5])
    stepper, _ = walk(Recipe(clip=ClipNorm(limit=1e-9), lr=1.0, epochs=1))
    fresh = walk(Recipe(epochs=1), batches=0)[0].module.state_dict()
    for name, parameter in stepper.module.named_parameters():
        torch.testing.assert_close(parameter.data, fresh[name], rtol=0, atol=1e-6)


def test_early_stopping_finds_the_best_epoch():
    losses, accuracies = [3.0, 2.0, 2.1, 1.99, 2.5], [0.1, 0.5, 0.7, 0.6, 0.7]
    assert EarlyStopping(patience=2).best(losses, accuracies) == 4
    assert EarlyStopping(patience=2, threshold=0.1).best(losses, accuracies) == 2
    accuracy = EarlyStopping(patience=2, watched="accuracy")
    assert accuracy.best(losses, accuracies) == 3
    stops = [accuracy.stops(losses[:n], accuracies[:n]) for n in range(1, 6)]
    assert stops == [False, False, False, False, True]


def test_early_stopping_keeps_the_best_weights(tmp_path: Path):
    """A rate that grows without bound makes later epochs worse."""
    section = "sgd lr 3; warm-up 8 epochs from 0.05; epochs 8, batch 64"
    done, module = run(tmp_path / "early", f"{section}; early stopping patience 2 on accuracy")
    accuracies = [epoch.test_accuracy for epoch in done.record.epochs]
    best = accuracies.index(max(accuracies)) + 1
    assert done.record.finished and done.record.best == best
    assert len(accuracies) == best + 2 < 8
    assert done.accuracy == max(accuracies)
    _, other = run(tmp_path / "plain", section.replace("epochs 8,", f"epochs {best},"))
    for name, tensor in other.state_dict().items():
        assert torch.equal(module.state_dict()[name], tensor), name
    result = evaluate(done.folder, "cpu")
    assert (result.epoch, result.accuracy) == (best, done.accuracy)
    again, same = resume(done.folder)
    assert again.record == done.record
    assert all(torch.equal(t, same.state_dict()[name]) for name, t in module.state_dict().items())


def test_rates_that_change():
    assert [Ramp(rate=0.3).at(epoch) for epoch in (1, 5)] == [0.3, 0.3]
    ramp = Ramp(start=0.5, rate=0.1, duration=4)
    assert [ramp.at(epoch) for epoch in (1, 2, 3, 5, 9)] == pytest.approx([0.5, 0.4, 0.3, 0.1, 0.1])
    layers = [nn.Dropout(0.2), nn.Dropout(0.5), nn.Dropout(0)]
    set_rates([(layer, layer.p) for layer in layers], 0.25)
    assert [layer.p for layer in layers] == pytest.approx([0.1, 0.25, 0])
    layers = [nn.Dropout(0), nn.Dropout(0)]
    set_rates([(layer, layer.p) for layer in layers], 0.25)
    assert [layer.p for layer in layers] == [0.25, 0.25]


def test_dropout_of_each_epoch():
    stepper, _ = walk(Recipe(dropout=Ramp(start=0, rate=0.8, duration=4), epochs=3))
    (dropout,) = (layer for layer in stepper.module.modules() if isinstance(layer, nn.Dropout))
    assert dropout.p == pytest.approx(0.4)
    with pytest.raises(ArchError, match="the network n has no stochastic depth whose rate"):
        Stepper(NET, NET.module(), Recipe(stochastic_depth=Ramp(rate=0.1)), CPU, 4)


def test_accumulated_batches_are_one_step():
    """Of 5 batches with `accumulate 2`, the last is a step of its own."""
    torch.manual_seed(0)
    net = archdsl.loads("input 8x8x1\nFC-10\n")
    module, other = net.module(), net.module()
    other.load_state_dict(module.state_dict())
    stepper = Stepper(net, module, Recipe(accumulate=2, lr=0.1), CPU, 5)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    batches = torch.rand(5, 6, 1, 8, 8)
    for number, x in enumerate(batches, 1):
        stepper.take(module(x).square().mean(), number, 1)
    for group in (batches[:2], batches[2:4], batches[4:]):
        optimizer.zero_grad()
        other(group.flatten(0, 1)).square().mean().backward()
        optimizer.step()
    for mine, theirs in zip(module.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert stepper.rates.time.step == 3 == stepper.rates.time.steps


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_mixed_precision(amp: str, tmp_path: Path):
    """Close to full precision, but not equal; the weights stay in 32 bits."""
    section = "sgd lr 0.1; epochs 2, batch 256"
    plain, _ = run(tmp_path / "plain", section)
    mixed, module = run(tmp_path / "mixed", f"{section}; amp {amp}")
    one, other = plain.record.epochs[-1].train_loss, mixed.record.epochs[-1].train_loss
    assert one != other == pytest.approx(one, rel=0.05)
    assert {p.dtype for p in module.parameters()} == {torch.float32}


def test_channels_last(tmp_path: Path):
    section = "sgd lr 0.1, momentum 0.9; epochs 2, batch 256"
    plain, _ = run(tmp_path / "plain", section)
    done, _ = run(tmp_path / "last", section, channels_last=True)
    assert done.record.channels_last and not plain.record.channels_last
    assert done.accuracy == pytest.approx(plain.accuracy, abs=0.03)


@pytest.mark.slow
def test_compile(tmp_path: Path):
    section = "sgd lr 0.1; epochs 1, batch 512"
    plain, _ = run(tmp_path / "plain", section)
    done, _ = run(tmp_path / "compiled", section, compile=True)
    assert done.record.compile
    assert done.record.epochs[0].train_loss == pytest.approx(plain.record.epochs[0].train_loss, 0.1)


def test_weights_of_side_heads(tmp_path: Path):
    text = (
        "network heads\ninput 8x8x1\nconv3-4-relu\nside early weight 0.5 { FC-10 }\nFC-10\n"
        "train on digits { epochs 1, batch 512 }\n"
    )
    net = archdsl.loads(text)
    losses = [
        train(net, recipe_of(net, settings), device="cpu", runs=tmp_path)[0]
        .record.epochs[0]
        .train_loss
        for settings in ({}, {"side_weight": "0.5"}, {"side_weight": "0"}, {"side heads": "2"})
    ]
    assert losses[0] == losses[1] > losses[2] and losses[3] > losses[0]
