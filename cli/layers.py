"""archdsl layers"""

import click

from archdsl.errors import ArchError
from archdsl.layers import REGISTRY
from archdsl.output import block_reference, layer_reference
from . import output


@click.command("layers")
@click.argument("words", metavar="[KIND]", nargs=-1)
@output.formats("table", "json", "markdown")
def command(words: tuple[str, ...], format_: str) -> None:
    """List the layer kinds and the blocks of the library, or explain one.

    KIND is any spelling of a layer kind, or the name of a block.
    """
    width, colour = output.width(), output.colour()
    text = " ".join(words)
    block = block_reference.find(text)
    try:
        chosen = layer_reference.find(text) if words else []
    except ArchError:
        if block is None:
            raise
        chosen = []
    if format_ == "json":
        data = layer_reference.as_dict(chosen if words else REGISTRY)
        blocks = [one for one in block_reference.as_list() if not words or one["name"] == block]
        output.emit_json({**data, "blocks": blocks})
    elif format_ == "markdown":
        pages = [layer_reference.markdown(chosen)] if chosen or not words else []
        pages += [block_reference.markdown(block)] if block or not words else []
        output.emit("\n\n".join(pages))
    elif not words:
        output.emit(layer_reference.index(width, colour))
        output.emit(f"\n{block_reference.index(width, colour)}")
    else:
        texts = [layer_reference.explanation(kind, width, colour) for kind in chosen]
        texts += [block_reference.explanation(block, colour)] if block else []
        output.emit("\n\n".join(texts))
