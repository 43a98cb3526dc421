"""The memory that a network needs, counted from its graph: nothing is run.

Sizes are bytes at float32 and batch 1.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from archdsl.graph import Graph, Node
from archdsl.layers import Join, Kept

FLOAT = 4  # bytes of a float32


class Memory(NamedTuple):
    """Bytes at float32 and batch 1.

    `parameters`: the trainable elements, side heads included. `forward_peak`: the most that
    activations occupy at one time in eval mode, if each is freed after its last use; without side
    heads. `backward`: what autograd keeps in training mode besides the parameters, side heads
    included.
    """

    parameters: int
    forward_peak: int
    backward: int


def last_uses(graph: Graph, sides: Collection[int]) -> list[int]:
    """The last node of the main path that reads the value of each node; itself if none does.

    Several outputs are in use until all nodes are computed. `sides` are the nodes of side heads.
    """
    nodes = graph.nodes
    last = list(range(len(nodes)))
    for index, node in enumerate(nodes):
        if index not in sides:
            for i in node.inputs:
                last[i] = index
    if len(graph.outputs) > 1:
        for i in graph.outputs:
            last[i] = len(nodes)
    return last


def forward_peak(graph: Graph, last_use: Sequence[int]) -> int:
    """Liveness analysis: a value lives from the node that computes it to the last that reads it."""
    nodes = graph.nodes
    computed = graph.computed(sides=False)
    last = list(last_use)
    for index in reversed(computed):
        if nodes[index].op.is_view:  # its input lives as long
            (i,) = nodes[index].inputs
            last[i] = max(last[i], last[index])
    freed: dict[int, list[int]] = {}
    for i in computed:
        freed.setdefault(last[i], []).append(i)
    alive = peak = 0
    for index in computed:
        alive += _allocated(nodes[index])
        peak = max(peak, alive)
        for i in freed.get(index, ()):
            alive -= _allocated(nodes[i])
    return peak


def backward(graph: Graph, params: Sequence[int]) -> int:
    """The distinct tensors that autograd keeps in training mode, parameters excluded.

    A node keeps nothing if no gradient passes it: if it has no parameters, nor has any node
    before it. `params` are the parameters of each node.
    """
    nodes = graph.nodes
    tensors: set[int] = set()
    total = 0
    has_gradient = [False] * len(nodes)
    for index in graph.computed(sides=True):
        node = nodes[index]
        inputs = [has_gradient[i] for i in node.inputs]
        has_gradient[index] = params[index] > 0 or any(inputs)
        if not has_gradient[index]:
            continue
        shapes = graph.shapes(node)
        if isinstance(node.op, Join):
            kept: Kept = node.op.kept(*shapes, needs=inputs)
        else:
            kept = node.op.kept(shapes[0])
        total += kept.extra
        if kept.input and (any(inputs) or not kept.passing):
            branches = kept.branches or (True,) * len(inputs)
            tensors |= {
                _storage(nodes, i)
                for i, is_kept in zip(node.inputs, branches, strict=True)
                if is_kept
            }
        if kept.output:
            tensors.add(_storage(nodes, index))
    return total + sum(FLOAT * math.prod(nodes[i].shape) for i in tensors)


def _allocated(node: Node) -> int:
    return 0 if node.op.is_view else FLOAT * math.prod(node.shape)


def _storage(nodes: Sequence[Node], index: int) -> int:
    """The node whose tensor holds the value of a node: flattening copies nothing."""
    while nodes[index].op.is_view:
        (index,) = nodes[index].inputs
    return index
