"""archdsl predict"""

import click

from archdsl.extras import require
from archdsl.output.table import Cell, Column, Table, text_table
from archdsl.text.printable import printable
from . import output


@click.command("predict")
@output.run_argument
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Classes to show for each image.",
)
@output.device
@output.formats("table", "json")
def command(run: str, images: tuple[str, ...], top: int, device: str | None, format_: str) -> None:
    """Show the most likely classes of pictures.

    RUN is the folder of a run (runs/NETWORK/TIME) or a checkpoint; IMAGE is a PNG, JPEG, GIF, BMP,
    TIFF, WebP or PPM file. Digits must be bright on a dark background.
    """
    require("archdsl predict", "train")
    from archdsl.train import predict

    result = predict(run, images, top, device)
    if format_ == "json":
        output.emit_json(result.model_dump())
        return
    columns = (Column("image", shrinks=True), Column("class"), Column("probability", "right"))
    rows = tuple(
        (
            Cell(printable(prediction.image) if rank == 0 else ""),
            Cell(likely.name, "cyan"),
            Cell(f"{likely.probability:.2%}"),
        )
        for prediction in result.predictions
        for rank, likely in enumerate(prediction.classes)
    )
    output.emit(text_table(Table(columns, rows), output.width(), output.colour()))
