"""archdsl check"""

import click
from archdsl.cli import output

from archdsl.check import as_dict, check
from archdsl.errors import ArchError


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@output.formats("text", "json")
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], format_: str) -> None:
    """Show everything that is wrong with specs: all errors of all files at once.

    FILE is a spec, a file of blocks, a folder of them, `-`, or a network of the zoo. What the
    papers claim is not judged: `archdsl verify` does. Exits with 2 if anything is wrong.
    """
    checked = check(files)
    if format_ == "json":
        output.emit_json(as_dict(checked))
    elif checked.problems:
        output.show_error(ArchError.several([error for error, _ in checked.problems]), None)
    else:
        found = (output.counted(checked.files, "file"), output.counted(checked.networks, "network"))
        output.emit(f"{', '.join(found)}: fine")
    context.exit(2 if checked.problems else 0)
