"""The digits as inputs of a network, for tests that compute with them themselves."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from archdsl.layers import Shape
from archdsl.train.data.base import Place
from archdsl.train.data.fit import fitted
from archdsl.train.data.images import Pixels, split
from archdsl.train.data.sets.digits import Digits


class Data(NamedTuple):
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def digits(shape: Shape, number: int = 0) -> Data:
    """Inputs (N, *shape) and labels (N,) of the split with a number."""
    contents = Digits("digits", Place(Path(), Path())).read()
    data = split(contents, "digits", None, number)
    assert isinstance(data.train, Pixels) and isinstance(data.test, Pixels)
    (train, labels), (test, test_labels) = data.train, data.test
    return Data(fitted(train, shape), labels, fitted(test, shape), test_labels)
