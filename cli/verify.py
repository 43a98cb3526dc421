"""archdsl verify"""

import click
from archdsl.cli import output

from archdsl import spec_files
from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.output import verification


@click.command("verify")
@click.argument("networks", metavar="[NETWORK]...", nargs=-1)
@click.option("--readings", is_flag=True, help="Try the ways to read what the papers leave open.")
@output.formats("table", "json")
@click.pass_context
def command(
    context: click.Context, networks: tuple[str, ...], readings: bool, format_: str
) -> None:
    """Judge every number that the papers printed: of the whole zoo, or of the networks named.

    Exits with 1 if a claim fails.
    """
    judged: list[Network] = []
    errors: list[ArchError] = []
    for target in networks or spec_files.names():
        try:
            found = spec_files.find(target)
            # A template is judged in the networks made from it; one that is named is an error.
            for text in [t for t in found if not t.lacking] or (found if networks else ()):
                try:
                    judged.append(Network(text))
                except ArchError as error:
                    errors += (error, *error.others)
        except ArchError as error:
            errors += (error, *error.others)
    # One bad spec hides no verdict of the others.
    if readings:
        read = [(net, net.readings()) for net in judged]
        if format_ == "json":
            output.emit_json({"networks": [verification.readings_dict(*one) for one in read]})
        elif read:
            output.emit(verification.readings(read, output.width(), output.colour()))
    elif format_ == "json":
        output.emit_json(verification.verification_dict(judged))
    elif judged:
        output.emit(verification.verification(judged, output.width(), output.colour()))
    if errors:
        raise ArchError.several(errors)
    if any(claim.verdict == "fails" for net in judged for claim in net.claims):
        context.exit(1)
