"""archdsl verify"""

import click
from archdsl.cli import output

from archdsl import report, zoo
from archdsl.network import Network


@click.command("verify")
@click.argument("networks", metavar="[NETWORK]...", nargs=-1)
@output.formats("table", "json")
@click.pass_context
def command(context: click.Context, networks: tuple[str, ...], format_: str) -> None:
    """Judge every number that the papers printed: of the whole zoo, or of the networks named.

    Exits with 1 if a claim fails.
    """
    texts = [text for target in networks or zoo.names() for text in zoo.find(target)]
    judged = [Network(text) for text in texts]
    if format_ == "json":
        output.emit_json(
            {
                "networks": [
                    {"network": n.name, "claims": [report.claim_dict(c) for c in n.claims]}
                    for n in judged
                ]
            }
        )
    else:
        output.emit(report.verification(judged, output.width(), output.colour()))
    if any(claim.verdict == "fails" for net in judged for claim in net.claims):
        context.exit(1)
