"""archdsl table"""

import click

from archdsl import spec_files
from archdsl.network import Network
from archdsl.output.paper_table import render
from . import output


@click.command("table")
@click.argument("networks", metavar="NETWORK...", nargs=-1, required=True)
@output.formats("markdown", "latex")
def command(networks: tuple[str, ...], format_: str) -> None:
    """Print networks side by side in a table, as papers do.

    The table is a spec itself. A file with several networks adds all of them.
    """
    output.check_standard_input(networks)
    columns = []
    for target in networks:
        texts = spec_files.find(target)
        # A template has no figures: skip it, unless there is nothing else, which is an error.
        columns += [Network(t) for t in texts if not t.lacking] or [Network(texts[0])]
    write = render.markdown if format_ == "markdown" else render.latex
    output.emit(write(columns))
