"""archdsl zoo"""

import click

from archdsl import spec_files
from archdsl.network import Network
from archdsl.output.table import text_table
from archdsl.output.zoo import zoo_table
from . import output


@click.command("zoo")
def command() -> None:
    """List the networks that come with archdsl."""
    texts = map(spec_files.find_one, spec_files.names())
    networks = [text if text.lacking else Network(text) for text in texts]
    output.emit(text_table(zoo_table(networks), output.width(), output.colour()))
