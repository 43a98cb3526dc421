"""Rates of dropout and stochastic depth that change while a network trains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archdsl.train.settings import Setting, Words

if TYPE_CHECKING:
    from torch import nn

Share = Annotated[float, Field(ge=0, lt=1)]


class Ramp(Setting):
    """The highest rate of the network's layers of a kind: one rate, or one that changes evenly from
    `start` to `rate` within the first epochs. Lower rates of other layers change in proportion."""

    kind = "ramp"
    forms = (
        "from <start> to <rate> over <duration> [epochs]",
        "from <start> to <rate> in <duration> [epochs]",
        "<rate>",
    )

    rate: Share
    start: Annotated[Share | None, Words(("from",), replace=True)] = None
    duration: Annotated[int, Field(ge=1, le=10**6), Words(("over",), replace=True)] = 1

    def at(self, epoch: int) -> float:
        """The rate of an epoch, counted from 1."""
        if self.start is None:
            return self.rate
        share = min(1.0, (epoch - 1) / self.duration)
        return self.start + (self.rate - self.start) * share


def set_rates(rates: Iterable[tuple[nn.Module, float]], highest: float) -> None:
    """Set the rates of layers, each given with its own, so that the highest is `highest`."""
    rates = list(rates)
    top = max((rate for _, rate in rates), default=0.0)
    for layer, rate in rates:
        layer.p = highest * rate / top if top else highest  # type: ignore[assignment]
