"""Intervals of 95 % confidence, for shares that were counted and for means over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

CONFIDENCE = 0.95
Z = 1.959964  # its quantile of a normal distribution


def wilson(right: int, count: int) -> tuple[float, float]:
    """The interval of a share of which `right` of `count` were seen (Wilson 1927)."""
    share = right / count
    middle = share + Z**2 / (2 * count)
    half = Z * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    total = 1 + Z**2 / count
    return max(0.0, (middle - half) / total), min(1.0, (middle + half) / total)


def half_width(values: Sequence[float]) -> float:
    """Half of the interval of a mean of independent values, by Student's t; nan for fewer than
    two."""
    if len(values) < 2:
        return math.nan
    from scipy.stats import t

    quantile = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return quantile * statistics.stdev(values) / math.sqrt(len(values))
