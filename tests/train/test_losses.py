"""Each loss against its formula, with labels and with shares of the classes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from archdsl.train.evaluation import tally
from archdsl.train.losses import CrossEntropy, Loss, MaximumAPosteriori, MeanSquare


def cross_entropy(outputs: list[float], target: list[float], smoothing: float) -> float:
    total = math.log(sum(math.exp(one) for one in outputs))
    target = [(1 - smoothing) * one + smoothing / len(target) for one in target]
    return -sum(share * (one - total) for share, one in zip(target, outputs, strict=True))


def mean_square(outputs: list[float], target: list[float], _: float) -> float:
    return sum((a - b) ** 2 for a, b in zip(outputs, target, strict=True)) / len(outputs)


def codes(outputs: list[float], target: list[float], rubbish: float) -> float:
    """LeCun et al. 1998, equation 9, of the distances -outputs."""
    distances = [-one for one in outputs]
    right = sum(share * one for share, one in zip(target, distances, strict=True))
    return right + math.log(math.exp(-rubbish) + sum(math.exp(-one) for one in distances))


@pytest.mark.parametrize(
    ("loss", "formula", "argument"),
    [
        (CrossEntropy(), cross_entropy, 0.0),
        (CrossEntropy(label_smoothing=0.1), cross_entropy, 0.1),
        (MeanSquare(), mean_square, 0.0),
        (MaximumAPosteriori(), codes, 1.0),
        (MaximumAPosteriori(rubbish=3), codes, 3.0),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_losses(loss: Loss, formula, argument: float):
    torch.manual_seed(0)
    outputs = torch.randn(6, 5)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    one_hot = torch.eye(5)[labels]
    shares = 0.7 * one_hot + 0.3 * one_hot.roll(1, 0)

    def expected(targets: Tensor) -> float:
        pairs = zip(outputs.tolist(), targets.tolist(), strict=True)
        return sum(formula(*pair, argument) for pair in pairs) / len(outputs)

    assert loss.of(outputs, labels).item() == pytest.approx(expected(one_hot), rel=1e-5)
    assert loss.of(outputs, one_hot).item() == pytest.approx(expected(one_hot), rel=1e-5)
    assert loss.of(outputs, shares).item() == pytest.approx(expected(shares), rel=1e-5)


def test_what_is_measured_is_not_smoothed():
    assert CrossEntropy(label_smoothing=0.1).plain == CrossEntropy()
    assert MaximumAPosteriori(rubbish=2).plain == MaximumAPosteriori(rubbish=2)


def test_the_largest_share_counts_as_the_right_class():
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    shares = torch.tensor([[0.6, 0.4], [0.7, 0.3]])
    assert tally(torch.tensor(2.0), logits, shares).tolist() == [4.0, 1.0]
    assert tally(torch.tensor(2.0), logits, torch.tensor([0, 0])).tolist() == [4.0, 1.0]
