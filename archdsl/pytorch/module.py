"""Graph to nn.Module: a tree of modules by scope, so that names in the text are names in torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.graph import Graph, Node, Scope
from archdsl.layers import Call
from archdsl.pytorch import extra_modules
from archdsl.pytorch.wiring import Wiring, wirings


def build(
    graph: Graph, device: Any = None, dtype: torch.dtype | None = None, sides: bool = True
) -> nn.Module:
    """The module of a graph, freshly initialised by torch's defaults; it returns logits.

    The children are the lines of the spec: `net.conv1`, `net.fc3`; state-dict keys are scopes,
    `conv1.0.conv.weight`. Input (N, C, H, W), output (N, classes) or (N, C, H, W); a tuple of them
    for several outputs, and in training mode with side heads, whose logits stand behind.
    """
    with torch.device(device) if device is not None else torch.device(torch.get_default_device()):
        module = _module(graph, wirings(graph, sides), ())
    return module if dtype is None else module.to(dtype)


def _module(graph: Graph, wired: Mapping[Scope, Wiring], scope: Scope) -> nn.Module:
    wiring = wired[scope]
    children: dict[str, nn.Module] = {}
    for step in wiring.steps:
        child = step.child
        if isinstance(child, Node):
            children[step.name] = construct(child.op.call(*graph.shapes(child)))
        else:
            children[step.name] = _module(graph, wired, (*scope, step.name))
    if wiring.is_chain:
        return nn.Sequential(OrderedDict(children))
    return Composite(children, wiring)


def construct(call: Call) -> nn.Module:
    """The torch module of a call."""
    kind = _JOINS.get(call.name) or getattr(extra_modules if call.own else nn, call.name)
    module: nn.Module = kind(*call.args, **dict(call.options))
    return module


class Composite(nn.Module):
    """Children that read each other's values, as the branches of a residual block do.

    `forward` takes and gives as many tensors as the text's lines need: one, for most. Side heads
    work in training mode alone.
    """

    def __init__(self, children: Mapping[str, nn.Module], wiring: Wiring) -> None:
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)
        self._reads = [step.reads for step in wiring.steps]
        self._outputs = wiring.outputs
        self._several = [step.gives > 1 for step in wiring.steps]
        self._sides = [step.side for step in wiring.steps]
        self._main = len(wiring.outputs) - wiring.sides
        self._done = _done(wiring)

    def forward(self, *values: Tensor) -> Any:
        known: list[Any] = list(values)
        steps = zip(
            *(self._modules.values(), self._reads, self._several, self._sides, self._done),
            strict=True,
        )
        for child, reads, several, side, done in steps:
            assert child is not None
            idle = side and not self.training
            given: Any = None if idle else child(*[known[i] for i in reads])
            if several:
                known.extend(given)
            else:
                known.append(given)
            for i in done:
                known[i] = None
        outputs = self._outputs if self.training else self._outputs[: self._main]
        if len(outputs) == 1:
            return known[outputs[0]]
        return tuple(known[i] for i in outputs)


def _done(wiring: Wiring) -> list[tuple[int, ...]]:
    """The values that nothing reads after each step: what holds them longer wastes memory."""
    last: dict[int, int] = {}
    for index, step in enumerate(wiring.steps):
        last |= dict.fromkeys(step.reads, index)
    done: list[list[int]] = [[] for _ in wiring.steps]
    for value, index in last.items():
        if value not in wiring.outputs:
            done[index].append(value)
    return [tuple(values) for values in done]


class Add(nn.Module):
    """The sum of tensors of one shape."""

    def forward(self, *branches: Tensor) -> Tensor:
        return reduce(torch.add, branches)


class Concat(nn.Module):
    """Tensors (N, C, …) one behind the other along C."""

    def forward(self, *branches: Tensor) -> Tensor:
        return torch.cat(branches, dim=1)


class Multiply(nn.Module):
    """The product of tensors; a vector (N, C) holds for every position of a map (N, C, H, W)."""

    def forward(self, *branches: Tensor) -> Tensor:
        rank = max(branch.dim() for branch in branches)
        return reduce(torch.mul, [_widened(branch, rank) for branch in branches])


def _widened(tensor: Tensor, rank: int) -> Tensor:
    return tensor[(...,) + (None,) * (rank - tensor.dim())]


_JOINS = {"Add": Add, "Concat": Concat, "Multiply": Multiply}
