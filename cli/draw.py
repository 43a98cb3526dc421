"""archdsl draw"""

import click
from archdsl.cli import output


@click.command("draw")
@output.network_argument
@click.option("-o", "--output", "path", help="vgg16.svg, .png, .pdf, .dot, .mmd, .graphml. [NETWORK.svg]")
@output.changes
def command(
    network: str, path: str | None, input_: str | None, parameters: tuple[str, ...]
) -> None:
    """Draw a network. Pictures need graphviz's `dot`; .dot and .mmd (Mermaid) are text."""
    net = output.load(network, input_, parameters)
    path = path or f"{net.name}.svg"
    net.draw(path)
    output.emit(path)
