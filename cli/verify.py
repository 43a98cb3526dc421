"""archdsl verify"""

import click

from archdsl import spec_files
from archdsl.errors import ArchError, Errors
from archdsl.network import Network
from archdsl.output import verification
from . import output


@click.command("verify")
@click.argument("networks", metavar="[NETWORK]...", nargs=-1)
@click.option("--readings", is_flag=True, help="Try every reading of what the papers leave open.")
@output.formats("table", "json")
@click.pass_context
def command(
    context: click.Context, networks: tuple[str, ...], readings: bool, format_: str
) -> None:
    """Check the numbers that the papers printed.

    Without NETWORK, checks those of the whole zoo. Exits with 1 if a claim fails.
    """
    judged: list[Network] = []
    errors = Errors()
    for target in networks or spec_files.names():
        with errors:
            texts = spec_files.find(target)
            # A template is judged in the networks made from it; naming one is an error.
            for text in [t for t in texts if not t.lacking] or (texts if networks else ()):
                with errors:
                    judged.append(Network(text))
    # A bad spec does not hide the verdicts of the others.
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
