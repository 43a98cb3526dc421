"""archdsl diff"""

import click
from archdsl.cli import output

from archdsl.output import diff


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@output.formats("table", "json")
@click.pass_context
def command(context: click.Context, a: str, b: str, format_: str) -> None:
    """Compare two networks as graphs, whatever their names and notation.

    A and B are networks like NETWORK elsewhere. Exits with 1 if they differ.
    """
    output.check_standard_input((a, b))
    found = output.load(a).diff(output.load(b))
    if format_ == "json":
        output.emit_json(found.to_dict())
    else:
        output.emit(diff.text(found, output.width(), output.colour()))
    if not found.same:
        context.exit(1)
