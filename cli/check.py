"""archdsl check"""

import click

from archdsl.check import as_dict, check
from archdsl.errors import ArchError
from archdsl.figures import counted
from . import output


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@output.formats("text", "json")
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], format_: str) -> None:
    """Report all errors in all files at once.

    FILE is a spec, a file of blocks, a folder of them, `-`, or a network in the zoo. The papers'
    claims are not judged; `archdsl verify` does that. Exits with 2 if there are errors.
    """
    checked = check(files)
    if format_ == "json":
        output.emit_json(as_dict(checked))
    elif checked.problems:
        output.show_error(ArchError.several([error for error, _ in checked.problems]), None)
    else:
        networks = counted(checked.networks, "network")
        output.emit(f"{counted(checked.files, 'file')}, {networks}: fine")
    context.exit(2 if checked.problems else 0)
