"""archdsl train"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from archdsl.cli import output

from archdsl.errors import ArchError
from archdsl.report import hwc, number

if TYPE_CHECKING:
    from archdsl.train import Epoch, Recipe


@click.command("train")
@output.network_argument
@click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="Replace a setting: epochs=3."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Same seed, same machine: same numbers.",
)
@click.option("--device", help="cpu, cuda, cuda:1, … [a GPU where there is one]")
@click.option("--runs", default="runs", show_default=True, help="Where runs are kept.")
@output.changes
def command(
    network: str,
    settings: tuple[str, ...],
    seed: int,
    device: str | None,
    runs: str,
    input_: str | None,
    parameters: tuple[str, ...],
) -> None:
    """Train a network by the recipe of its spec.

    Writes runs/NETWORK/TIME/: the spec, the metrics, a checkpoint and the learning curves.
    """
    net = output.load(network, input_, parameters)
    if not runs:
        raise ArchError("`--runs` names no folder", help="write `--runs runs`")
    # Only now: torch takes a second to import, and a bad spec should not wait for it.
    from archdsl.train import recipe_of, train

    recipe = recipe_of(net, _settings(settings))
    output.emit(
        f"{net.name}: {number(net.params)} params, input {hwc(net.input)}, "
        f"{recipe.data}, {recipe.epochs} epochs of batches of {recipe.batch}"
    )
    with _Bar(recipe) as bar:
        run, _ = train(net, recipe, seed, device, runs, bar)
    output.emit(
        f"test accuracy {run.accuracy:.2%} after epoch {recipe.epochs}, "
        f"{run.seconds:.1f} s of training, in {run.folder}"
    )


def _settings(texts: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ArchError(f"`--set {text}` sets nothing", help="write `--set epochs=3`")
        values[name.strip()] = value.strip()
    return values


class _Bar:
    """A bar with loss and accuracy on a terminal, a line an epoch elsewhere."""

    def __init__(self, recipe: Recipe) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.recipe = recipe
        self.live = sys.stdout.isatty()
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.total:g}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:.2%}"),
            TimeRemainingColumn(),
            console=Console(),
            disable=not self.live,
        )
        self.task = self.bar.add_task("", total=recipe.epochs, epoch=1, loss=0.0, accuracy=0.0)

    def __enter__(self) -> _Bar:
        self.bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.stop()

    def step(self, epoch: int, share: float, loss: float, accuracy: float) -> None:
        done = epoch - 1 + share
        self.bar.update(self.task, completed=done, epoch=epoch, loss=loss, accuracy=accuracy)

    def epoch(self, epoch: Epoch) -> None:
        self.bar.update(
            self.task,
            completed=epoch.epoch,
            epoch=epoch.epoch,
            loss=epoch.train_loss,
            accuracy=epoch.train_accuracy,
        )
        if not self.live:
            output.emit(
                f"epoch {epoch.epoch}/{self.recipe.epochs}  loss {epoch.train_loss:.4f}  "
                f"accuracy {epoch.train_accuracy:.2%}  test {epoch.test_accuracy:.2%}"
            )
