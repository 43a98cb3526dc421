"""archdsl table"""

import click
from archdsl.cli import output

from archdsl import typeset, zoo
from archdsl.network import Network


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
        texts = zoo.find(target)
        # A template has no figures; where there is nothing else it is an error.
        found += [Network(t) for t in texts if not t.lacking] or [Network(texts[0])]
    write = typeset.markdown if format_ == "markdown" else typeset.latex
    output.emit(write(found))
