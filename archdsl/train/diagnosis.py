"""Gradients and activations by layer over the time of a training: does the signal vanish?

A few times an epoch the norm of the gradient of each layer's weights is noted, the spread of the
layer's output, and the share of its units that are zero for the whole batch, as ReLUs may be. In a
deep network of sigmoids the norms fall by powers of ten towards the input (Glorot & Bengio 2010).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archdsl.atomic_files import write_whole
from archdsl.errors import ArchError

CSV, PICTURE = "diagnosis.csv", "diagnosis.png"
PER_EPOCH = 10  # measurements
VANISHING = 1e-3  # of the largest norm, from which on a gradient has vanished


class Reading(NamedTuple):
    """One layer in one step; a row of diagnosis.csv.

    `gradient` and `weight` are Euclidean norms over all parameters of the layer, nan without any;
    `mean` and `spread` (the standard deviation) are those of the output; `dead` is the share of its
    channels that are 0 for all images of the batch.
    """

    epoch: int
    step: int
    layer: str
    gradient: float
    weight: float
    mean: float
    spread: float
    dead: float


class Diagnosis:
    """Takes readings of the layers of a module while it is trained."""

    def __init__(self, module: nn.Module, readings: Sequence[Reading] = ()) -> None:
        self.layers = {
            name: layer for name, layer in module.named_modules() if not list(layer.children())
        }
        self.readings = list(readings)

    @staticmethod
    def is_due(step: int, steps: int) -> bool:
        """Whether a step of an epoch, counted from 1, is measured: the first and a few more."""
        return (step - 1) % max(1, steps // PER_EPOCH) == 0

    @contextmanager
    def reading(self, epoch: int, step: int, scale: float = 1.0) -> Iterator[None]:
        """Read what happens in this context: one forward and one backward pass. Gradients are those
        of the loss times `scale`."""
        outputs: dict[str, Tensor] = {}
        gradients: dict[str, list[Tensor]] = {}
        hooks = []
        for name, layer in self.layers.items():

            def after(_: nn.Module, __: object, output: Tensor, name: str = name) -> None:
                outputs[name] = _figures(output.detach())

            hooks.append(layer.register_forward_hook(after))
            for parameter in layer.parameters(recurse=False):
                if parameter.requires_grad:

                    def computed(gradient: Tensor, name: str = name) -> None:
                        gradients.setdefault(name, []).append(gradient.detach().norm())

                    hooks.append(parameter.register_hook(computed))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
        for name, layer in self.layers.items():
            if name in outputs:
                self.readings.append(
                    Reading(
                        epoch,
                        step,
                        name,
                        _norm(gradients.get(name, ())) / scale,
                        _norm([p.detach().norm() for p in layer.parameters(recurse=False)]),
                        *outputs[name].tolist(),
                    )
                )

    def write(self, folder: Path) -> None:
        """Write diagnosis.csv and diagnosis.png into the folder of a run."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(Reading._fields)
        table.writerows(self.readings)
        write_whole(folder / CSV, text.getvalue().encode())
        write_whole(folder / PICTURE, drawn(self.readings))


def finding(readings: Sequence[Reading]) -> str:
    """What the last gradients say, in one line."""
    last = [reading for reading in _of_step(readings, -1) if not math.isnan(reading.gradient)]
    if not last:
        return "no layer has a gradient"
    first, most = last[0], max(last, key=lambda one: one.gradient)
    if not most.gradient:
        return "the gradients are 0: the loss does not depend on the weights"
    share = first.gradient / most.gradient
    if share < VANISHING:
        return (
            f"the gradient vanishes: that of {first.layer} is {share:.1e} of that of {most.layer}"
        )
    return f"the gradient reaches {first.layer}: {share:.2g} of that of {most.layer}"


def read(folder: Path, epochs: int) -> list[Reading]:
    """The readings of the first epochs of a run. Raises ArchError for a damaged file."""
    path = folder / CSV
    try:
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        found = [
            Reading(
                int(row["epoch"]),
                int(row["step"]),
                row["layer"],
                *(float(row[name]) for name in Reading._fields[3:]),
            )
            for row in rows
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise ArchError(f"{path} is damaged", help="remove it: training writes a new one") from None
    return [reading for reading in found if reading.epoch <= epochs]


def _figures(output: Tensor) -> Tensor:
    """The mean and spread of an output (N, C, …), and the share of channels that are all zero."""
    values = output.float()
    axes = [axis for axis in range(values.ndim) if axis != 1]
    dead = (values == 0).all(dim=axes[0]) if len(axes) == 1 else (values == 0).flatten(2)
    if len(axes) > 1:
        dead = dead.all(dim=2).all(dim=0)
    return torch.stack((values.mean(), values.std(correction=0), dead.float().mean()))


def _norm(norms: Sequence[Tensor]) -> float:
    return float(torch.stack(list(norms)).norm()) if norms else math.nan


def _steps(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    return list(dict.fromkeys((r.epoch, r.step) for r in readings))


def _of_step(readings: Sequence[Reading], index: int) -> list[Reading]:
    steps = _steps(readings)
    return [r for r in readings if (r.epoch, r.step) == steps[index]] if steps else []


def drawn(readings: Sequence[Reading]) -> bytes:
    """Gradients, outputs and dead units by depth, at the beginning, the middle and the end, as a
    PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(10, 10), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1)
    shown = {0: "#9db7d5", len(_steps(readings)) // 2: "#4878a8", -1: "#c8553d"}
    for (field, name), axes in zip(
        (
            ("gradient", "gradient norm of the weights"),
            ("spread", "standard deviation of the output"),
            ("dead", "channels that are zero for the batch"),
        ),
        panels,
        strict=True,
    ):
        for index, colour in shown.items():
            rows = [r for r in _of_step(readings, index) if not math.isnan(getattr(r, field))]
            if not rows:
                continue
            label = f"epoch {rows[0].epoch}, step {rows[0].step}"
            values = [getattr(r, field) for r in rows]
            axes.plot(range(len(rows)), values, color=colour, marker="o", markersize=3, label=label)
            every = max(1, len(rows) // 30)
            ticks = range(0, len(rows), every)
            axes.set_xticks(ticks, [rows[i].layer for i in ticks], rotation=60, ha="right")
            axes.tick_params("x", labelsize=7)
        axes.set_title(name, loc="left", fontsize="medium")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    for axes in panels[:2]:
        if any(line.get_ydata().max() > 0 for line in axes.lines):
            axes.set_yscale("log")
    panels[2].yaxis.set_major_formatter(PercentFormatter(1.0))
    panels[2].set_ylim(-0.02, 1.02)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
