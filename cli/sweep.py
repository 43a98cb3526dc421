"""archdsl sweep"""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING

import click

from archdsl import spec_files
from archdsl.errors import ArchError
from archdsl.extras import require
from archdsl.network import Network
from archdsl.output.table import text_table
from . import output
from . import runs as runs_command
from .stop import Stop

if TYPE_CHECKING:
    from archdsl.train import Epoch, Run


@click.command("sweep")
@click.argument("networks", metavar="NETWORK...", nargs=-1, required=True)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUES",
    multiple=True,
    help="Values of a setting of the recipe: --set lr=0.1,0.01. Several settings are combined.",
)
@click.option(
    "--seeds", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many."
)
@click.option("--on", metavar="DATA", help="Train on other data than the recipes say.")
@output.data
@click.option("--device", help="cpu, cuda, cuda:1, …  [default: a GPU if there is one]")
@click.option("--runs", default="runs", show_default=True, help="The folder for runs.")
@output.changes
@output.formats("table", "json")
@click.pass_context
def command(
    context: click.Context,
    networks: tuple[str, ...],
    settings: tuple[str, ...],
    seeds: int,
    on: str | None,
    data_dir: str | None,
    download: bool,
    device: str | None,
    runs: str,
    input_: str | None,
    parameters: tuple[str, ...],
    format_: str,
) -> None:
    """Train networks with several settings and seeds, and compare them.

    NETWORK may be a file with several networks, all of which are trained. The same command
    continues a sweep that was stopped: finished runs are not trained again.
    """
    require("archdsl sweep", "train")
    loaded = [net for name in networks for net in _networks(name, input_, parameters)]
    values = _values(settings)
    from archdsl.train import history
    from archdsl.train.data.name import named_by_option
    from archdsl.train.sweep import sweep, tasks

    data = None if on is None else named_by_option(on)
    work = tasks(loaded, values, range(seeds), data)
    found: list[Run] = []
    with Stop() as stop:
        try:
            for run in sweep(work, device, runs, _Stoppable(stop), data_dir, download):
                found.append(run)
                if format_ == "table":
                    accuracy = f"test accuracy {run.accuracy:.2%} in {run.folder}"
                    output.emit(f"{len(found)} of {len(work)}: {accuracy}")
        except KeyboardInterrupt:
            again = join(["archdsl", "sweep", *_arguments(context)])
            output.emit(f"stopped after {len(found)} of {len(work)} runs; to continue:\n{again}")
            context.exit(stop.exit_code)
    trials = history.trials(found)
    if format_ == "json":
        from archdsl.train.trial_records import as_records

        output.emit_json(as_records(trials).model_dump())
        return
    output.emit("")
    output.emit(text_table(runs_command.table(trials), output.width(), output.colour()))


def _networks(name: str, input_: str | None, parameters: tuple[str, ...]) -> list[Network]:
    """The networks that an argument names, without templates."""
    texts = [text for text in spec_files.find(name) if not text.lacking]
    if len(texts) < 2 or parameters:
        return [output.load(name, input_, parameters)]
    found = [output.network_of(text, input_, parameters) for text in texts]
    return [network for network in found if network.train_sections] or found


def _values(settings: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each setting; commas in parentheses belong to a value."""
    found: dict[str, list[str]] = {}
    for text in settings:
        name, equals, values = text.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise ArchError(
                f"`--set {text}` does not set anything", help="write `--set lr=0.1,0.01`"
            )
        found.setdefault(name.strip(), []).extend(_split(values))
    return found


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _arguments(context: click.Context) -> list[str]:
    """The arguments of this command, as they can be written again."""
    words: list[str] = []
    for option in context.command.params:
        value = context.params.get(option.name or "")
        if isinstance(option, click.Argument):
            words = [*(value or ()), *words]
        elif isinstance(value, bool):
            words += [option.opts[0]] if value else []
        elif isinstance(value, tuple):
            words += [word for one in value for word in (option.opts[0], one)]
        elif value is not None and value != option.get_default(context):
            words += [option.opts[0], str(value)]
    return words


class _Stoppable:
    """Stops between two steps when Ctrl-C was pressed."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop

    def begin(self, run: Run) -> None:
        self.stop.check()

    def step(self, epoch: int, share: float, loss: float, accuracy: float) -> None:
        self.stop.check()

    def epoch(self, epoch: Epoch) -> None:
        self.stop.check()
