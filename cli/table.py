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
    found = []
    for target in networks:
        texts = zoo.find(target)
        # A template has no figures; one that is named alone is an error.
        found += [Network(text) for text in texts if len(texts) == 1 or not text.lacking]
    write = typeset.markdown if format_ == "markdown" else typeset.latex
    output.emit(write(found))
