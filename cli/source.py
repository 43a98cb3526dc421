"""archdsl source"""

import click

from . import output


@click.command("source")
@output.network_argument
@output.changes
def command(network: str, input_: str | None, parameters: tuple[str, ...]) -> None:
    """Print a network as readable PyTorch source."""
    output.emit(output.load(network, input_, parameters).source().rstrip())
