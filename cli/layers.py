"""archdsl layers"""

import click
from archdsl.cli import output

from archdsl import catalogue


@click.command("layers")
@click.argument("words", metavar="[KIND]", nargs=-1)
@output.formats("table", "json", "markdown")
def command(words: tuple[str, ...], format_: str) -> None:
    """The layer kinds of the language; with KIND, in any spelling, one of them in full."""
    chosen = catalogue.find(" ".join(words)) if words else None
    if format_ == "json":
        output.emit_json(catalogue.as_dict(chosen or catalogue.kinds()))
    elif format_ == "markdown":
        output.emit(catalogue.markdown(chosen))
    elif chosen is None:
        output.emit(catalogue.index(output.width(), output.colour()))
    else:
        texts = (catalogue.explanation(k, output.width(), output.colour()) for k in chosen)
        output.emit("\n\n".join(texts))
