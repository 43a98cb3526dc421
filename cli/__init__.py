"""The command line: one click command for each verb, in a module of that name."""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Any

import click

import archdsl
from archdsl.errors import ArchError, did_you_mean
from archdsl.text.collector import collector_paused

VERBS = (
    *("summary", "verify", "check", "fmt", "diff", "table", "draw", "source"),
    *("train", "sweep", "runs", "eval", "predict", "zoo", "layers"),
)


class _Verbs(click.Group):
    """Imports the module of a verb when the verb is called, so that `summary` starts fast."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = f"{__name__}.{name}"
        if module not in sys.modules:
            with collector_paused():
                importlib.import_module(module)
            gc.freeze()  # what is imported stays to the end: the collector need not visit it
        command: click.Command = sys.modules[module].command
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in VERBS:
            hint = did_you_mean(args[0], VERBS) or f"commands: {', '.join(VERBS)}"
            raise ArchError(f"there is no command `{args[0]}`", help=hint)
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ArchError as error:
            from .output import show_error

            show_error(error)
            context.exit(error.exit_code)
        except KeyboardInterrupt:
            context.exit(130)  # the exit code that shells give for Ctrl-C


@click.command(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(archdsl.__version__)
def main() -> None:
    """Check, draw and train networks written in the notation of their papers.

    NETWORK is a file (`specs/vgg16.arch`), one of several networks in a file (`FILE:NET`),
    standard input (`-`), or the name of a network in the zoo (`vgg16`).

    Exit codes: 0 for success; 1 if a claim, a check or a training run fails, or two networks
    differ; 2 for wrong usage, a spec with errors, or a missing dependency.
    """
    for stream in (sys.stdout, sys.stderr):
        # On a terminal without × or ✓, show `?` instead of a traceback.
        if stream is not None:  # None: the stream is closed
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
