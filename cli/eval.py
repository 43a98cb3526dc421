"""archdsl eval"""

import click

from archdsl.extras import require
from archdsl.output.table import Cell, Column, Table, text_table
from . import output


@click.command("eval")
@output.run_argument
@click.option("--on", metavar="DATA", help="Measure on other data: --on 'folder photos'.")
@output.data
@output.device
@output.formats("table", "json")
def command(
    run: str,
    on: str | None,
    data_dir: str | None,
    download: bool,
    device: str | None,
    format_: str,
) -> None:
    """Measure a trained network on its test images.

    RUN is the folder of a run (runs/NETWORK/TIME) or a checkpoint.
    """
    require("archdsl eval", "train")
    from archdsl.train import evaluate

    result = evaluate(run, device, on, data_dir, download)
    if format_ == "json":
        output.emit_json(result.model_dump())
        return
    output.emit(
        f"{result.network} after epoch {result.epoch}, "
        f"on {result.images} test images of {result.data}\n"
        f"loss {result.loss:.4f}  accuracy {result.accuracy:.2%}\n"
    )
    columns = (Column("class"), Column("images", "right"), Column("accuracy", "right"))
    rows = tuple(
        (Cell(c.name, "cyan"), Cell(str(c.images)), Cell(f"{c.accuracy:.2%}"))
        for c in result.classes
    )
    output.emit(text_table(Table(columns, rows), output.width(), output.colour()))
