"""All errors of specs, for `archdsl check`. Their claims are not judged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from archdsl import spec_files
from archdsl.claims import parameter_count
from archdsl.errors import ArchError, Errors
from archdsl.expand import includes
from archdsl.expand.blocks import LIBRARY, Blocks
from archdsl.model import Model
from archdsl.notation.optional_layers import Options
from archdsl.syntax.ast import Block, NetworkText, Train, UseFile
from archdsl.text.source import Span


class Problem(NamedTuple):
    """An error, and the networks that have it; none if it concerns a whole file."""

    error: ArchError
    networks: tuple[str, ...]


class Checked(NamedTuple):
    """The number of files and networks checked, and their errors."""

    files: int
    networks: int
    problems: tuple[Problem, ...]


def check(targets: Sequence[str]) -> Checked:
    """The errors in files, folders, `-` and networks of the zoo; an error that several share, once.

    A template has no shapes: it is checked in the networks that are made from it. For each network
    only the first shape that does not fit is reported, since the shapes after it are unknown.
    """
    paths, errors = spec_files.files(targets)
    problems: dict[tuple[object, ...], Problem] = {}
    count = 0

    def add(errors: Sequence[ArchError], name: str = "") -> None:
        for error in sorted(errors, key=lambda one: one.span.start if one.span else 0):
            span = error.span and (error.span.source.name, error.span.start, error.span.end)
            one = problems.setdefault((error.message, span), Problem(error, ()))
            if name and name not in one.networks:
                problems[error.message, span] = one._replace(networks=(*one.networks, name))

    add(errors)
    for path in paths:
        try:
            networks = spec_files.find(path)
        except ArchError as error:
            add((error, *error.others))
            continue
        for network in networks:
            count += not _holds_blocks_alone(network)
            add(_errors(network), network.full_name)
    return Checked(len(paths), count, tuple(problems.values()))


def _holds_blocks_alone(text: NetworkText) -> bool:
    return text.header is None and all(isinstance(s, Block | UseFile) for s in text.statements)


def _errors(text: NetworkText) -> Errors:
    """The errors of a network, or of a file of blocks."""
    errors = Errors()
    if text.lacking:
        return errors
    if _holds_blocks_alone(text):
        with errors:
            _read_blocks(text)
        return errors
    with errors:
        Model(text)
    if errors:  # then `params count` was not read
        with errors:
            parameter_count.read_counting(text)
    if any(isinstance(statement, Train) for statement in text.statements):
        from archdsl.train import recipe  # imports pydantic

        with errors:
            recipe.read_recipe(text)
    return errors


def _read_blocks(text: NetworkText) -> None:
    """Read the blocks of a file, used or not. Raises ArchError."""
    if os.path.realpath(text.source.folder or "") != os.path.realpath(LIBRARY):
        Blocks(includes.resolve(text), (), Options()).read()
        return
    # A block of the library may have the name of a layer, which is an error elsewhere.
    blocks = Blocks(text._replace(statements=()), (), Options())
    for statement in text.statements:
        assert isinstance(statement, Block)
        blocks.lines(blocks[statement.name.text])


def as_dict(checked: Checked) -> dict[str, Any]:
    """The errors as `archdsl.output.records.Check` describes them."""
    return {
        "files": checked.files,
        "networks": checked.networks,
        "diagnostics": [
            {
                **_place(error.span),
                "message": error.message,
                "notes": [{**_place(note.span), "message": note.message} for note in error.notes],
                "help": error.help,
                "networks": list(networks),
            }
            for error, networks in checked.problems
        ],
    }


def _place(span: Span | None) -> dict[str, Any]:
    """The start of a span and the position after its end; lines and columns count from 1."""
    names = ("file", "line", "column", "end_line", "end_column")
    if span is None:
        return dict.fromkeys(names)
    source = span.source
    values = source.name, *source.position(span.start), *source.position(span.end)
    return dict(zip(names, values, strict=True))
