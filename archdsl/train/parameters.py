"""The parameters of a network in groups, as optimizers take them."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from archdsl.network import Network
from archdsl.train.optimizers import Groups
from archdsl.train.recipe import Recipe


def groups_of(network: Network, module: nn.Module, recipe: Recipe) -> Groups:
    """Parameters with the same decay together; hidden weights apart, if the optimizer asks.

    If the recipe spares norms and biases, whatever has fewer than two dimensions does not decay.
    Hidden weights are those of two or more dimensions but for the output layers'.
    """
    outputs = set(_output_weights(network)) if recipe.optimizer.splits_hidden else set()
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        matrix = parameter.ndim > 1
        decay = recipe.weight_decay if matrix or not recipe.spare else 0.0
        hidden = matrix and not name.startswith(tuple(outputs))
        groups.setdefault((decay, hidden and recipe.optimizer.splits_hidden), []).append(parameter)
    return [
        {"params": params, "weight_decay": decay, "hidden": hidden}
        for (decay, hidden), params in groups.items()
    ]


def _output_weights(network: Network) -> Iterator[str]:
    """The beginnings of the names of the last layers with parameters before each output."""
    nodes = network.graph.nodes
    todo = [*network.graph.outputs, *(side.output for side in network.sides)]
    seen: set[int] = set()
    while todo:
        index = todo.pop()
        if index in seen:
            continue
        seen.add(index)
        if nodes[index].op.weighs:
            yield f"{nodes[index].name}."
        else:
            todo += nodes[index].inputs
