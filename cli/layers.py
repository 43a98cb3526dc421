"""archdsl layers"""

import click
from archdsl.cli import output

from archdsl.layers import REGISTRY
from archdsl.output import layer_reference


@click.command("layers")
@click.argument("words", metavar="[KIND]", nargs=-1)
@output.formats("table", "json", "markdown")
def command(words: tuple[str, ...], format_: str) -> None:
    """The layer kinds of the language; with KIND, in any spelling, one of them in full."""
    chosen = layer_reference.find(" ".join(words)) if words else None
    if format_ == "json":
        output.emit_json(layer_reference.as_dict(chosen or REGISTRY))
    elif format_ == "markdown":
        output.emit(layer_reference.markdown(chosen))
    elif chosen is None:
        output.emit(layer_reference.index(output.width(), output.colour()))
    else:
        texts = (layer_reference.explanation(k, output.width(), output.colour()) for k in chosen)
        output.emit("\n\n".join(texts))
