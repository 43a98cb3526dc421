"""archdsl diff"""

import click

from archdsl.output import diff
from . import output


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@output.formats("table", "json")
@click.pass_context
def command(context: click.Context, a: str, b: str, format_: str) -> None:
    """Compare two networks as graphs.

    A and B are given like NETWORK in other commands; their names and notation do not matter. Exits
    with 1 if they differ.
    """
    output.check_standard_input((a, b))
    difference = output.load(a).diff(output.load(b))
    if format_ == "json":
        output.emit_json(difference.to_dict())
    else:
        output.emit(diff.text(difference, output.width(), output.colour()))
    if not difference.same:
        context.exit(1)
