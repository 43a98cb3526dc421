"""archdsl fmt"""

import click

from archdsl import spec_files
from archdsl.atomic_files import replace_whole
from archdsl.errors import ArchError
from archdsl.figures import counted
from archdsl.fmt.formatter import formatted
from archdsl.text.printable import printable
from . import output


@click.command("fmt")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Only list the files that would change.")
@click.option("--diff", is_flag=True, help="Only show what would change.")
@click.pass_context
def command(context: click.Context, files: tuple[str, ...], check: bool, diff: bool) -> None:
    """Format specs: spaces, indentation, aligned claims and tables. Spellings stay as they are.

    FILE is a spec, a file of blocks, a folder of them, or `-`, whose text is printed. With
    --check or --diff, exits with 1 if a file would change.
    """
    paths, errors = spec_files.files(files)
    changed = 0
    for path in paths:
        with errors:
            data = spec_files.content(path)
            new = formatted(spec_files.source(path, data)).encode()
            changed += new != data
            if diff and new != data:
                output.emit(_difference(path, data.decode(), new.decode()))
            elif check and new != data:
                output.emit(printable(path))
            elif path == "-" and not (check or diff):
                output.emit(new.decode().removesuffix("\n"))
            elif new != data:
                replace_whole(path, new)
                output.emit(printable(path))
    if errors:
        raise ArchError.several(errors)
    only_asked = check or diff
    if only_asked or paths != ["-"]:
        would = "would change" if only_asked else "changed"
        output.emit(f"{counted(len(paths), 'file')}, {changed or 'none'} {would}")
    context.exit(1 if only_asked and changed else 0)


def _difference(path: str, old: str, new: str) -> str:
    import difflib  # only needed here

    name = printable(path)
    lines = difflib.unified_diff(old.split("\n"), new.split("\n"), name, name, lineterm="")
    text = "\n".join(lines)
    # A file or a program gets the exact text, so that it can apply the difference.
    return text if output.width() is None else printable(text, keep="\n\t")
