"""Measures of the probabilities that a network gives."""

from __future__ import annotations

import torch
from torch import Tensor


def in_top(probabilities: Tensor, labels: Tensor, k: int) -> Tensor:
    """Whether the class of each image, (N,), is among its k most likely ones."""
    best = probabilities.topk(min(k, probabilities.shape[1]), dim=1).indices
    return (best == labels[:, None]).any(1)


def confusion(probabilities: Tensor, labels: Tensor) -> Tensor:
    """How many images of each class (row) are taken for each class (column)."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(1)
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """The expected calibration error (Guo et al. 2017): how far, on average over the images, the
    accuracy of those whose highest probability is in a bin of equal width is from its mean."""
    confidence, answer = probabilities.double().max(1)
    right = (answer == labels).double()
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.float64, device=labels.device)
    gaps.index_add_(0, place, right - confidence)
    return float(gaps.abs().sum() / len(labels))
