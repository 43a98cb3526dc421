"""archdsl eval"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archdsl.extras import require
from archdsl.output.table import Cell, Column, Table, text_table
from . import output

if TYPE_CHECKING:
    from archdsl.output.records import Evaluation

MOST_CONFUSED = 3


@click.command("eval")
@click.argument("runs", metavar="RUN", nargs=-1, required=True)
@click.option(
    "--views",
    metavar="VIEW",
    help="What the network sees of each image: center crop, 10-crop, 144-crop, dense, each also "
    "with scales, 'dense scales 256, 384'.  [default: that of the recipe]",
)
@click.option("--on", metavar="DATA", help="Measure on other data: --on 'folder photos'.")
@output.data
@output.device
@output.formats("table", "json")
def command(
    runs: tuple[str, ...],
    views: str | None,
    on: str | None,
    data_dir: str | None,
    download: bool,
    device: str | None,
    format_: str,
) -> None:
    """Measure a trained network on its test images.

    RUN is the folder of a run (runs/NETWORK/TIME) or a checkpoint. Several runs, also of different
    networks, are measured as one: their probabilities are averaged.
    """
    require("archdsl eval", "train")
    from archdsl.train import evaluate

    result = evaluate(runs, device, on, data_dir, download, views)
    if format_ == "json":
        output.emit_json(result.model_dump())
        return
    several = len(result.runs) > 1
    who = f"{len(result.runs)} runs of {result.network}" if several else result.network
    after = "" if several else f" after epoch {result.epoch}"
    seen = "" if result.view == "center crop" else f", {result.view}"
    output.emit(
        f"{who}{after}, on {result.images} test images of {result.data}{seen}\n"
        f"loss {result.loss:.4f}  accuracy {result.accuracy:.2%}\n" + _details(result)
    )
    if several:
        output.emit(_runs(result))
    columns = (Column("class"), Column("images", "right"), Column("accuracy", "right"))
    rows = tuple(
        (Cell(c.name, "cyan"), Cell(str(c.images)), Cell(f"{c.accuracy:.2%}"))
        for c in result.classes
    )
    output.emit(text_table(Table(columns, rows), output.width(), output.colour()))


def _details(result: Evaluation) -> str:
    low, high = result.interval
    lines = [
        f"95 % interval {low:.2%} to {high:.2%}  top-5 {result.top5:.2%}  "
        f"calibration error {result.calibration:.2%}"
    ]
    names = [one.name for one in result.classes]
    confused = [
        (count, names[row], names[column])
        for row, counts in enumerate(result.confusion)
        for column, count in enumerate(counts)
        if row != column and count and len(names) == len(result.confusion)
    ]
    if confused:
        most = sorted(confused, key=lambda one: -one[0])[:MOST_CONFUSED]
        lines.append(
            "most confused: " + ", ".join(f"{row} as {column} ({n})" for n, row, column in most)
        )
    if result.reported:
        lines.append("reported: " + "; ".join(result.reported))
    return "\n".join(lines) + "\n"


def _runs(result: Evaluation) -> str:
    """The runs one by one, and their mean."""
    columns = (
        Column("run"),
        Column("network"),
        Column("epoch", "right"),
        Column("accuracy", "right"),
        Column("top-5", "right"),
    )
    rows = tuple(
        (
            Cell(one.checkpoint, "cyan"),
            Cell(one.network),
            Cell(str(one.epoch)),
            Cell(f"{one.accuracy:.2%}"),
            Cell(f"{one.top5:.2%}"),
        )
        for one in result.runs
    )
    table = text_table(Table(columns, rows), output.width(), output.colour())
    assert result.mean is not None and result.mean_interval is not None
    low, high = result.mean_interval
    return f"{table}\nmean of the runs {result.mean:.2%}, 95 % interval {low:.2%} to {high:.2%}\n"
