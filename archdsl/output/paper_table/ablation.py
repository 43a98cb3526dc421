"""What networks next to each other share, and what they do not, as in an ablation.

[] means residual                       [] means residual
conv means conv-relu
                               =>       |             | plain              | with_bn           |
[] means residual                       | conventions | conv means conv-…  | conv means conv-… |
conv means conv-bn-relu
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from archdsl.compare.alignment import common
from archdsl.errors import ArchError, Note
from archdsl.figures import hwc
from archdsl.output.paper_table.network_column import Convention, NetworkColumn, is_used

# What holds without such a statement.
DEFAULTS = tuple(
    Convention(text, frozenset()) for text in ("padding same", "stride on first", "shortcut B")
)


class Ablation(NamedTuple):
    """The statements of networks: those that all share, with the blocks outside of and in the
    networks, and those that each network has to itself."""

    outer_blocks: tuple[str, ...]
    input: tuple[str, ...]
    conventions: tuple[str, ...]
    blocks: tuple[str, ...]
    own: tuple[tuple[str, ...], ...]


def ablation(columns: Sequence[NetworkColumn]) -> Ablation:
    """Separates what all networks share from the rest. Raises ArchError for inputs that cannot
    share a table."""
    _check_lengths(columns)
    inputs = {(column.network.input, column.input_label) for column in columns}
    unlabelled = {(shape, None) for shape, _ in inputs}
    labelled = [column for column in columns if column.input_label is not None] or columns
    has_one_input = len(unlabelled) == 1 and len(inputs - unlabelled) <= 1
    conventions = _with_defaults(columns)
    shared = _shared(conventions)
    blocks = _shared_blocks(columns)
    own = [
        (
            *(() if has_one_input else (column.input,)),
            *(_in_a_cell(column, name) for name in column.blocks if name not in blocks),
            *(one.text for one in conventions if one not in shared),
        )
        for column, conventions in zip(columns, conventions, strict=True)
    ]
    first = columns[0]
    return Ablation(
        tuple(first.blocks[name] for name in blocks if not first.is_inner[name]),
        (labelled[0].input,) if has_one_input else (),
        tuple(one.text for one in shared),
        tuple(first.blocks[name] for name in blocks if first.is_inner[name]),
        tuple(own),
    )


def _check_lengths(columns: Sequence[NetworkColumn]) -> None:
    """Maps of one size are side by side, so the inputs must have one."""
    first = columns[0].network
    for other in (column.network for column in columns[1:]):
        if first.input[1:] != other.input[1:]:
            raise ArchError(
                f"`{first.name}` and `{other.name}` cannot share a table: their inputs differ",
                notes=[Note(f"{n.name} has `input {hwc(n.input)}`") for n in (first, other)],
                help="give each a table of its own",
            )


def _with_defaults(columns: Sequence[NetworkColumn]) -> list[list[Convention]]:
    """The conventions of each network, with the defaults in whose place another one has a
    statement."""
    words = [{_word(one) for one in column.conventions} for column in columns]
    used = [default for default in DEFAULTS if any(_word(default) in own for own in words)]
    return [
        [*(default for default in used if _word(default) not in own), *column.conventions]
        for column, own in zip(columns, words, strict=True)
    ]


def _word(convention: Convention) -> str:
    """The first word of a statement other than `means`, whose first word is a layer's."""
    return "" if convention.kinds else convention.text.partition(" ")[0]


def _shared(conventions: Sequence[Sequence[Convention]]) -> list[Convention]:
    """The conventions that all networks have, of which none has to follow one that is not shared:
    of two that are about the same layers, the last holds."""
    shared = [one for one in conventions[0] if all(one in own for own in conventions)]
    shared = reduce(_in_order, conventions[1:], shared)
    while True:
        late = {one for own in conventions for one in _late(own, shared)}
        if not late:
            return shared
        shared = [one for one in shared if one not in late]


def _in_order(shared: list[Convention], own: Sequence[Convention]) -> list[Convention]:
    """The shared conventions, of those with an order only the ones in that of a network."""
    ordered = [one for one in shared if one.kinds]
    kept = {ordered[index] for index, _ in common(ordered, own)}
    return [one for one in shared if not one.kinds or one in kept]


def _late(own: Sequence[Convention], shared: Sequence[Convention]) -> Iterator[Convention]:
    """The shared conventions after one of the network's own that is about the same layers."""
    kinds: set[str] = set()
    for one in own:
        if one not in shared:
            kinds |= one.kinds
        elif kinds & one.kinds:
            yield one


def _shared_blocks(columns: Sequence[NetworkColumn]) -> list[str]:
    """The names of the blocks that all networks have alike, and that use no others."""
    texts: dict[str, set[tuple[str, bool]]] = {}
    for column in columns:
        for name, text in column.blocks.items():
            texts.setdefault(name, set()).add((text, column.is_inner[name]))
    first = columns[0].blocks
    shared = [name for name in first if all(name in column.blocks for column in columns)]
    shared = [name for name in shared if len(texts[name]) == 1]
    while True:
        others = texts.keys() - {*shared}
        kept = [n for n in shared if not any(is_used(other, first[n]) for other in others)]
        if kept == shared:
            return shared
        shared = kept


def _in_a_cell(column: NetworkColumn, name: str) -> str:
    """The text of a block on one line. Raises ArchError for one that would see names there."""
    text = column.blocks[name]
    if not column.is_inner[name]:
        seen = [one for one in column.names if re.search(rf"\b{re.escape(one)}\b", text)]
        if seen:
            raise ArchError(
                f"the block `{name}` of `{column.network.name}` is not that of the other networks, "
                f"and cannot move into the network, which has a value for `{seen[0]}`",
                help="give each network a table of its own",
            )
    text = re.sub(r"#[^\n]*", "", text)
    text = re.sub(r"[ \t]*\n\s*", "; ", text)
    return re.sub(r";(?= [\]}])|(?<=[\[{]);", "", text)
