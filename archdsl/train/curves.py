"""Learning curves as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

from archdsl.train.record import Epoch


def curves(title: str, epochs: Sequence[Epoch]) -> bytes:
    """Loss and accuracy by epoch, for training and test images, as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    # Without pyplot there is no global state, and no display is needed.
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, parse_math=False)
    loss, accuracy = figure.subplots(1, 2)
    x = [e.epoch for e in epochs]
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        for split, colour in (("train", "#4878a8"), ("test", "#c8553d")):
            y = [getattr(e, f"{split}_{name}") for e in epochs]
            axes.plot(x, y, color=colour, label=split, marker="o", markersize=3)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    loss.set_yscale("log")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
