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


def compared(curves: Sequence[tuple[str, Sequence[Sequence[float]]]]) -> bytes:
    """Test accuracies by epoch, as a PNG file: for each name the mean of its runs, and a band from
    the lowest to the highest. Runs may have different numbers of epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, runs in curves:
        epochs = range(1, max(map(len, runs), default=0) + 1)
        values = [[run[e - 1] for run in runs if len(run) >= e] for e in epochs]
        (line,) = axes.plot(epochs, [sum(v) / len(v) for v in values], marker="o", markersize=3)
        line.set_label(name.replace("$", r"\$"))
        axes.fill_between(
            epochs, [min(v) for v in values], [max(v) for v in values], color=line.get_color(),
            alpha=0.15, linewidth=0,
        )  # fmt: skip
    axes.set_xlabel("epoch")
    axes.set_ylabel("test accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", fontsize="small")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
