"""archdsl predict"""

import click
from archdsl.cli import output

from archdsl.output.table import Cell, Column, Table, text_table


@click.command("predict")
@output.run_argument
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="Classes of each image."
)
@output.device
@output.formats("table", "json")
def command(run: str, images: tuple[str, ...], top: int, device: str | None, format_: str) -> None:
    """Classify pictures: the likeliest classes with their probabilities.

    RUN is a run's folder (runs/NETWORK/TIME) or a checkpoint, IMAGE a PNG, JPEG, GIF, BMP, TIFF,
    WebP or PPM file. Digits are bright on dark.
    """
    from archdsl.train import predict

    found = predict(run, images, top, device)
    if format_ == "json":
        output.emit_json(found.model_dump())
        return
    columns = (Column("image", shrinks=True), Column("class"), Column("probability", "right"))
    rows = tuple(
        (
            Cell(_shown(one.image) if rank == 0 else ""),
            Cell(likely.name, "cyan"),
            Cell(f"{likely.probability:.2%}"),
        )
        for one in found.predictions
        for rank, likely in enumerate(one.classes)
    )
    output.emit(text_table(Table(columns, rows), output.width(), output.colour()))


def _shown(name: str) -> str:
    """A file's name on one line: nothing in it moves the terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in name)
