"""archdsl eval"""

import click
from archdsl.cli import output

from archdsl.output.table import Cell, Column, Table, text_table


@click.command("eval")
@output.run_argument
@output.device
@output.formats("table", "json")
def command(run: str, device: str | None, format_: str) -> None:
    """Measure a trained network on its test images.

    RUN is a run's folder (runs/NETWORK/TIME) or a checkpoint.
    """
    from archdsl.train import evaluate

    found = evaluate(run, device)
    if format_ == "json":
        output.emit_json(found.model_dump())
        return
    output.emit(
        f"{found.network} after epoch {found.epoch}, "
        f"on {found.images} test images of {found.data}\n"
        f"loss {found.loss:.4f}  accuracy {found.accuracy:.2%}\n"
    )
    columns = (Column("class"), Column("images", "right"), Column("accuracy", "right"))
    rows = tuple(
        (Cell(c.name, "cyan"), Cell(str(c.images)), Cell(f"{c.accuracy:.2%}"))
        for c in found.classes
    )
    output.emit(text_table(Table(columns, rows), output.width(), output.colour()))
