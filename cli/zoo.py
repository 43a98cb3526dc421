"""archdsl zoo"""

import click

from archdsl import spec_files
from archdsl.figures import hwc, number
from archdsl.network import Network
from archdsl.output.table import Cell, Column, Table, text_table
from archdsl.syntax.ast import NetworkText
from . import output


@click.command("zoo")
def command() -> None:
    """List the networks that come with archdsl."""
    columns = (
        Column("name"),
        Column("input"),
        Column("params", "right"),
        Column("macs", "right"),
        Column("claims", "right"),
        Column("title", shrinks=True),
    )
    rows = tuple(_row(spec_files.find_one(name)) for name in spec_files.names())
    output.emit(text_table(Table(columns, rows), output.width(), output.colour()))


def _row(text: NetworkText) -> tuple[Cell, ...]:
    if text.lacking:  # a template has no numbers
        title = (text.header.title if text.header else None) or text.name
        what = f"{title} (a template: give it {', '.join(text.lacking)})"
        return (Cell(text.name, "cyan"), *[Cell("")] * 4, Cell(what))
    net = Network(text)
    return (
        Cell(net.full_name, "cyan"),
        Cell(hwc(net.input)),
        Cell(number(net.params)),
        Cell(number(net.macs)),
        Cell(str(len(net.claims))),
        Cell(net.title),
    )
