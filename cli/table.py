"""archdsl table"""

import click
from archdsl.cli import output

from archdsl import spec_files
from archdsl.network import Network
from archdsl.output.paper_table import render


@click.command("table")
@click.argument("networks", metavar="NETWORK...", nargs=-1, required=True)
@output.formats("markdown", "latex")
def command(networks: tuple[str, ...], format_: str) -> None:
    """Networks beside each other in a table, as papers print them; a spec as well.

    Of a file with several networks all stand in the table.
    """
    output.check_standard_input(networks)
    found = []
    for target in networks:
        texts = spec_files.find(target)
        # A template has no figures; where there is nothing else it is an error.
        found += [Network(t) for t in texts if not t.lacking] or [Network(texts[0])]
    write = render.markdown if format_ == "markdown" else render.latex
    output.emit(write(found))
