"""archdsl zoo"""

import click
from archdsl.cli import output

from archdsl import report, zoo
from archdsl.network import Network


@click.command("zoo")
def command() -> None:
    """What ships, one line a network."""
    networks = [Network(zoo.find_one(name)) for name in zoo.names()]
    output.emit(report.text_table(report.zoo_table(networks), output.width(), output.colour()))
