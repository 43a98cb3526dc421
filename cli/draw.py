"""archdsl draw"""

import click

from archdsl.text.printable import printable
from . import output


@click.command("draw")
@output.network_argument
@click.option(
    "-o", "--output", "path", help="The file to write, in any format.  [default: NETWORK.svg]"
)
@output.changes
def command(
    network: str, path: str | None, input_: str | None, parameters: tuple[str, ...]
) -> None:
    """Draw a network as .svg, .png, .pdf, .dot, .mmd (Mermaid) or .graphml.

    Pictures (.svg, .png, .pdf) need graphviz's program `dot`, and .graphml, the graph of the
    layers, needs networkx; the others are text.
    """
    net = output.load(network, input_, parameters)
    path = path or f"{net.name}.svg"
    net.draw(path)
    output.emit(printable(path))
