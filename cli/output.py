"""What the verbs share: arguments and options, and how text reaches the terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from archdsl import spec_files
from archdsl.errors import SHOWN, ArchError, render
from archdsl.network import Network
from archdsl.syntax.ast import NetworkText
from archdsl.syntax.expressions import Number

F = TypeVar("F", bound=Callable[..., Any])


network_argument = click.argument("network", metavar="NETWORK")
run_argument = click.argument("run", metavar="RUN")
device = click.option(
    "--device", help="cpu, cuda, cuda:1, …  [default: that of the training, if available]"
)


def data(function: F) -> F:
    """--data-dir and --download, which say where data is."""
    function = click.option(
        "--download", is_flag=True, help="Download the data set if it is missing."
    )(function)
    return click.option(
        "--data-dir",
        metavar="FOLDER",
        help="The folder of the data sets, in torchvision's layout.  [default: $ARCHDSL_DATA, or "
        "data]",
    )(function)


def changes(function: F) -> F:
    """--input and -p, which change the network of the text."""
    function = click.option(
        "--input",
        "input_",
        metavar="SIZE",
        help="Another input size: 320x320, with channels 320x320x1, or 8000 for a signal.",
    )(function)
    return click.option(
        "-p",
        "parameters",
        metavar="NAME=VALUE",
        multiple=True,
        help="Set a parameter of the network: -p k=8.",
    )(function)


def formats(*names: str) -> Callable[[F], F]:
    return click.option(
        "--format", "format_", type=click.Choice(names), default=names[0], show_default=True
    )


def load(target: str, input_: str | None = None, parameters: tuple[str, ...] = ()) -> Network:
    return network_of(spec_files.find_one(target), input_, parameters)


def network_of(
    text: NetworkText, input_: str | None = None, parameters: tuple[str, ...] = ()
) -> Network:
    """A network of a text, changed by --input and -p."""
    return Network(text, _parameters(parameters), _sizes(input_))


def check_standard_input(targets: Sequence[str]) -> None:
    """Raises ArchError if several networks are to be read from standard input."""
    if sum(target.partition(":")[0] == "-" for target in targets) > 1:
        raise ArchError(
            "standard input can be read only once", help="name files for the other networks"
        )


def _sizes(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,7}([x×]\d{1,7}){0,3}", text):
        raise ArchError(f"`--input {text}` is not a valid size", help="write `--input 320x320`")
    return tuple(int(n) for n in re.split("[x×]", text))


def _parameters(texts: tuple[str, ...]) -> dict[str, Number]:
    values: dict[str, Number] = {}
    for text in texts:
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=\s*(-?\d{1,18}(?:\.\d+)?)\s*", text)
        if not match:
            raise ArchError(f"`-p {text}` does not set a parameter", help="write `-p k=8`")
        if match[1] in values:
            raise ArchError(f"`-p {match[1]}` is given twice", help="remove one of the two")
        values[match[1]] = float(match[2]) if "." in match[2] else int(match[2])
    return values


def width() -> int | None:
    """Columns of the terminal, or None if the output goes to a file or a pipe."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def colour() -> bool:
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return width() is not None and not plain


def emit(text: str) -> None:
    """Print, and end quietly if the reader (`| head`) has gone."""
    if sys.stdout is None:
        return
    try:
        click.echo(text)
        sys.stdout.flush()
    except OSError as problem:
        # What is left in the buffer would raise again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(problem, BrokenPipeError):
            raise ArchError(f"cannot write the output: {problem.strerror}") from None


def emit_json(data: Any) -> None:
    import json

    emit(json.dumps(data, indent=1, ensure_ascii=False))


def show_error(error: ArchError, most: int | None = SHOWN) -> None:
    if sys.stderr is None:
        return
    text = render(error, most)
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        text = re.sub(r"^error:", click.style("error:", fg="red", bold=True), text, flags=re.M)
        text = re.sub(r"^help:", click.style("help:", fg="cyan", bold=True), text, flags=re.M)
        text = re.sub(r"^note:", click.style("note:", bold=True), text, flags=re.M)
    click.echo(text, err=True)
