"""archdsl train"""

from __future__ import annotations

import sys
from contextlib import closing
from shlex import quote
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from archdsl.errors import ArchError
from archdsl.extras import require
from archdsl.figures import hwc, number
from . import output
from .stop import Stop

if TYPE_CHECKING:
    from rich.progress import Progress

    from archdsl.network import Network
    from archdsl.train import Epoch, Recipe, Run

KEPT = ("resume", "device", "data_dir")  # options that `--resume` may be combined with


@click.command("train")
@click.argument("network", metavar="[NETWORK]", required=False)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Replace a setting of the recipe: --set epochs=3.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="The same seed gives the same numbers on the same machine.",
)
@click.option(
    "--on",
    metavar="DATA",
    help="Train on other data than the recipe says: --on cifar-10, --on 'folder photos'.",
)
@output.data
@click.option(
    "--val-split",
    metavar="SHARE",
    help="Hold out a share of the training images to measure the epochs by: --val-split 0.2.",
)
@click.option(
    "--stream/--no-stream",
    default=None,
    help="Decode pictures anew in each epoch, or once into memory.  [default: by their size]",
)
@click.option("--device", help="cpu, cuda, cuda:1, …  [default: a GPU if there is one]")
@click.option("--channels-last", is_flag=True, help="Store maps pixel by pixel: often faster.")
@click.option("--compile", is_flag=True, help="Compile the network with torch.compile.")
@click.option(
    "--diagnose",
    is_flag=True,
    help="Write the gradients and activations of the layers, and draw them: do they vanish?",
)
@click.option("--runs", default="runs", show_default=True, help="The folder for runs.")
@click.option("--resume", metavar="RUN", help="Continue a stopped run, given by its folder.")
@output.changes
@click.pass_context
def command(
    context: click.Context,
    network: str | None,
    settings: tuple[str, ...],
    seed: int,
    on: str | None,
    data_dir: str | None,
    download: bool,
    val_split: str | None,
    stream: bool | None,
    device: str | None,
    channels_last: bool,
    compile: bool,
    diagnose: bool,
    runs: str,
    resume: str | None,
    input_: str | None,
    parameters: tuple[str, ...],
) -> None:
    """Train a network by the recipe of its spec, or continue a run.

    Writes the spec, the metrics, a checkpoint and the learning curves to runs/NETWORK/TIME/. Ctrl-C
    stops at the next step and prints the command that continues the run.
    """
    require("archdsl train", "train")
    net = None
    if resume is not None:
        _refuse_others(context)
    else:
        if network is None:
            raise click.UsageError("Missing argument 'NETWORK'.", context)
        net = output.load(network, input_, parameters)
        _check_folder(runs)
    with Stop() as stop, closing(_Bar(stop)) as bar:
        try:
            if resume is not None:
                from archdsl.train import resume as continue_run

                run, _ = continue_run(resume, device, bar, data_dir)
            else:
                assert net is not None
                # Late, so that an error in the spec does not wait a second for torch.
                from archdsl.train import train

                recipe = _recipe(net, settings, on, val_split)
                run, _ = train(
                    net, recipe, seed, device, runs, bar, data_dir, download, stream,
                    channels_last=channels_last, compile=compile, diagnose=diagnose,
                )  # fmt: skip
        except KeyboardInterrupt:
            bar.close()
            output.emit(bar.stopped())
            context.exit(stop.exit_code)
    _report(run)


def _check_folder(runs: str) -> None:
    if not runs:
        raise ArchError("`--runs` needs the name of a folder", help="write `--runs runs`")


def _recipe(
    network: Network, settings: tuple[str, ...], on: str | None, val_split: str | None
) -> Recipe:
    """The recipe of a network with what the options replace."""
    from archdsl.train import recipe_of
    from archdsl.train.data.name import named_by_option

    values = _settings(settings)
    if val_split is not None:
        values["val_split"] = val_split
    recipe = recipe_of(network, values)
    if on is not None:
        recipe = recipe.model_copy(update={"data": named_by_option(on)})
    return recipe


def _report(run: Run) -> None:
    """Print what a finished run has reached."""
    output.emit(
        f"test accuracy {run.accuracy:.2%} after epoch {run.record.kept.epoch}, "
        f"{run.seconds:.1f} s of training, in {run.folder}"
    )
    if run.record.diagnose:
        from archdsl.train import diagnosis

        readings = diagnosis.read(run.folder, len(run.record.epochs))
        output.emit(f"{diagnosis.finding(readings)}, see {run.folder / diagnosis.PICTURE}")


def _refuse_others(context: click.Context) -> None:
    """A run continues as it began: only its device and the place of its data may change."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if source is ParameterSource.COMMANDLINE and option.name not in KEPT:
            name = option.opts[0] if isinstance(option, click.Option) else "NETWORK"
            raise ArchError(
                f"`--resume` continues a run as it began and cannot be combined with {name}",
                help="leave one of the two out",
            )


def _settings(texts: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ArchError(f"`--set {text}` does not set anything", help="write `--set epochs=3`")
        values[name.strip()] = value.strip()
    return values


class _Bar:
    """A bar with loss and accuracy on a terminal, elsewhere one line per epoch."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.run: Run | None = None
        self.saved = 0  # epochs
        self.live: Progress | None = None

    def close(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def begin(self, run: Run) -> None:
        self.run = run
        self.saved = len(run.record.epochs)
        self.stop.check()
        record, recipe = run.record, run.record.recipe
        output.emit(
            f"{record.network}: {number(record.params)} params, input {hwc(record.input)}, "
            f"{recipe.data}, {recipe.epochs} epochs of batches of {recipe.batch}"
        )
        for note in () if self.saved else record.notes:
            output.emit(note)
        if record.finished:
            output.emit("the run is finished")
        elif self.saved:
            output.emit(f"continues after epoch {self.saved}")
        if sys.stdout is None or not sys.stdout.isatty() or record.finished:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.live = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.total:g}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:.2%}"),
            TimeRemainingColumn(),
            console=Console(),
        )
        self.task = self.live.add_task(
            "", total=recipe.epochs, completed=self.saved, epoch=self.saved + 1, loss=0, accuracy=0
        )
        self.live.start()

    def step(self, epoch: int, share: float, loss: float, accuracy: float) -> None:
        self.stop.check()
        self.show(epoch - 1 + share, epoch, loss, accuracy)

    def show(self, completed: float, epoch: int, loss: float, accuracy: float) -> None:
        if self.live is not None:
            self.live.update(
                self.task, completed=completed, epoch=epoch, loss=loss, accuracy=accuracy
            )

    def epoch(self, epoch: Epoch) -> None:
        assert self.run is not None
        self.saved = epoch.epoch
        total = self.run.record.recipe.epochs
        if self.live is not None:
            self.show(epoch.epoch, epoch.epoch, epoch.train_loss, epoch.train_accuracy)
        else:
            output.emit(
                f"epoch {epoch.epoch}/{total}  loss {epoch.train_loss:.4f}  "
                f"accuracy {epoch.train_accuracy:.2%}  test {epoch.test_accuracy:.2%}"
            )
        if epoch.epoch < total:
            self.stop.check()

    def stopped(self) -> str:
        """What is saved when training is stopped, and the command that continues it."""
        if self.run is None:
            return "stopped before the run began"
        total = self.run.record.recipe.epochs
        saved = f"epoch {self.saved} of {total} is saved" if self.saved else "no epoch is saved yet"
        command = f"archdsl train --resume {quote(str(self.run.folder))}"
        return f"stopped: {saved}; to continue:\n{command}"
