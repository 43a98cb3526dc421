"""archdsl layers"""

import click

from archdsl.layers import REGISTRY
from archdsl.output import layer_reference
from . import output


@click.command("layers")
@click.argument("words", metavar="[KIND]", nargs=-1)
@output.formats("table", "json", "markdown")
def command(words: tuple[str, ...], format_: str) -> None:
    """List the layer kinds, or explain one.

    KIND is any spelling of a layer kind.
    """
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
