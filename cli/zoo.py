"""archdsl zoo"""

import click
from archdsl.cli import output

from archdsl import spec_files
from archdsl.network import Network
from archdsl.output.table import text_table
from archdsl.output.zoo import zoo_table


@click.command("zoo")
def command() -> None:
    """What ships, one line a network."""
    texts = map(spec_files.find_one, spec_files.names())
    networks = [text if text.lacking else Network(text) for text in texts]
    output.emit(text_table(zoo_table(networks), output.width(), output.colour()))
