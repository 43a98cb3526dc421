"""The command line: one click command for each verb."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

import archdsl
from archdsl.errors import ArchError

VERBS = (
    *("summary", "verify", "check", "fmt", "diff", "table", "draw", "source"),
    *("train", "eval", "predict", "zoo", "layers"),
)


class _Verbs(click.Group):
    """Loads a verb's module when the verb is called: `summary` waits for nothing else."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"archdsl.cli.{name}").command
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in VERBS:
            from archdsl.errors import did_you_mean

            hint = did_you_mean(args[0], VERBS) or f"the commands: {', '.join(VERBS)}"
            raise ArchError(f"there is no command `{args[0]}`", help=hint)
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ArchError as error:
            from archdsl.cli.output import show_error

            show_error(error)
            context.exit(error.exit_code)
        except KeyboardInterrupt:
            context.exit(130)  # as shells count Ctrl-C


@click.command(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(archdsl.__version__)
def main() -> None:
    """Networks in the notation of their papers: checked, drawn, trained.

    NETWORK is a file (`specs/vgg16.arch`), `-` for standard input, `FILE:NET` for one of several
    in a file, or the name of a network of the zoo (`vgg16`).

    Exit codes: 0 fine, 1 a claim, a check or a training failed or two networks differ, 2 wrong
    usage or a bad spec.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks × or ✓ shows `?`, not a traceback.
        if stream is not None:  # closed
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
