"""Early stopping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from archdsl.train.settings import Setting, Words


class EarlyStopping(Setting):
    """Ends the training when the validation loss, or accuracy, has not become better by more than
    `threshold` for `patience` epochs. The weights of the best epoch are kept."""

    kind = "early stopping"
    forms = (
        "patience <patience> on validation <watched>",
        "patience <patience> on <watched>",
        "patience <patience>",
        "on validation <watched>",
        "on <watched>",
        "after <patience> [epochs]",
    )

    patience: Annotated[int, Field(ge=1, le=10**6)] = 10
    watched: Annotated[
        Literal["loss", "accuracy"], Words(("on validation", "on"), replace=True)
    ] = "loss"
    threshold: Annotated[float, Field(ge=0, le=100)] = 0.0

    def best(self, losses: Sequence[float], accuracies: Sequence[float]) -> int:
        """The best epoch so far, counted from 1; 0 if there is none."""
        values = losses if self.watched == "loss" else [-one for one in accuracies]
        best, found = math.inf, 0
        for epoch, value in enumerate(values, 1):
            if value < best - self.threshold:
                best, found = value, epoch
        return found

    def stops(self, losses: Sequence[float], accuracies: Sequence[float]) -> bool:
        return len(losses) - self.best(losses, accuracies) >= self.patience
