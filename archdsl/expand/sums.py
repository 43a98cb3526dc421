"""Activations that stay before a sum, and why.

In a residual block of `conv3-64; conv3-64; channel shuffle 4` with `conv means conv-bn-relu`, the
last relu stays before the sum, as channel shuffle follows it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archdsl.expand.choices import spelling
from archdsl.graph import Node
from archdsl.layers import Add, Layer, Multiply


class Branch(NamedTuple):
    """A branch of a join: the first node that may belong to it, and the node that it ends in."""

    first: int
    end: int


class Unmoved(NamedTuple):
    """A branch of a sum that no activation moves out of.

    `activation` is the one that stays after its last weight layer, for a `reason`; "" if there is
    none. `is_plain`: an activation precedes its first weight layer, so that none is expected after
    the last. `is_reference`: it is the value of another line.
    """

    activation: str = ""
    reason: str = ""
    is_plain: bool = False
    is_reference: bool = False


def unmoved(nodes: Sequence[Node], branch: Branch) -> Unmoved:
    """Why no activation moves out of a branch."""
    if branch.end < branch.first:
        op = nodes[branch.end].op
        if not _is_activation(op):
            return Unmoved()
        return Unmoved(spelling(type(op)), "the joined values have it", is_reference=True)
    path, follows = list(_back(nodes, branch.first, branch.end)), ""
    for index in path:
        op = nodes[index].op
        if _is_activation(op):
            reason = f"{follows} follows it" if follows else _why_last(nodes, index)
            return Unmoved(spelling(type(op)), reason)
        if op.weighs:
            break
        if not op.weakens and not _is_gated(nodes, index):
            follows = spelling(type(op))
    starts = [op for op in (nodes[index].op for index in path) if op.weighs or _is_activation(op)]
    return Unmoved(is_plain=bool(starts) and _is_activation(starts[-1]))


def _why_last(nodes: Sequence[Node], index: int) -> str:
    """Why an activation stays that nothing follows."""
    after_sum = isinstance(nodes[nodes[index].inputs[0]].op, Add)
    return "it follows another sum" if after_sum else "the line writes it"


def _is_activation(op: Layer) -> bool:
    return op.role == "activation"


def _back(nodes: Sequence[Node], first: int, end: int) -> Iterator[int]:
    """The nodes from `end` back to `first`; before a join those of the first map that it keeps."""
    while end >= first:
        yield end
        end = _map(nodes, end)


def _map(nodes: Sequence[Node], index: int) -> int:
    """The input of a node that has a map of its size, or else the first."""
    _, inputs, _, shape = nodes[index]
    if len(inputs) == 1:
        return inputs[0]
    return next((one for one in inputs if nodes[one].shape[1:] == shape[1:]), inputs[0])


def _is_gated(nodes: Sequence[Node], index: int) -> bool:
    """Whether a node is the product of a map and of a gate that is computed from it."""
    node = nodes[index]
    if not isinstance(node.op, Multiply):
        return False
    map_read = _map(nodes, index)
    others = [one for one in node.inputs if one != map_read]
    return all(map_read in _back(nodes, map_read, other) for other in others)
