"""archdsl summary"""

import click

from archdsl.output import decisions, summary
from . import output


@click.command("summary")
@output.network_argument
@click.option("--layers", is_flag=True, help="Show one row for each primitive layer.")
@click.option("--explain", is_flag=True, help="Show what the text leaves open, line by line.")
@output.changes
@output.formats("table", "json", "markdown")
def command(
    network: str,
    layers: bool,
    explain: bool,
    input_: str | None,
    parameters: tuple[str, ...],
    format_: str,
) -> None:
    """Show shapes, params, macs and receptive fields.

    The figures that the paper printed are shown next to them.
    """
    net = output.load(network, input_, parameters)
    if explain and format_ == "table":
        output.emit(decisions.explanation(net))
    elif format_ == "json":
        output.emit_json(summary.as_dict(net, layers))
    elif format_ == "markdown":
        output.emit(summary.markdown(net, layers))
    else:
        output.emit(summary.summary(net, layers, output.width(), output.colour()))
