"""archdsl zoo"""

import click
from archdsl.cli import output

from archdsl import report, zoo
from archdsl.network import Network


@click.command("zoo")
def command() -> None:
    """What ships, one line a network."""
    texts = map(zoo.find_one, zoo.names())
    networks = [text if text.lacking else Network(text) for text in texts]
    output.emit(report.text_table(report.zoo_table(networks), output.width(), output.colour()))
