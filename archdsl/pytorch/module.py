"""Graph to nn.Module: a tree of modules by scope, whose names are those of the text."""

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
    """The module of a graph, initialised by torch's defaults; it returns logits.

    The children are the lines of the spec, `net.conv1`, `net.fc3`; state-dict keys are scopes,
    `conv1.0.conv.weight`. The input is (N, C, H, W), the output (N, classes) or (N, C, H, W), or a
    tuple of them for several outputs. In training mode the logits of side heads come last.
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
    """A module whose children read each other's outputs, as in a residual block.

    `forward` takes and returns as many tensors as the lines of the text need, usually one. Side
    heads run in training mode only.
    """

    def __init__(self, children: Mapping[str, nn.Module], wiring: Wiring) -> None:
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)
        self._outputs = wiring.outputs
        self._main = len(wiring.outputs) - wiring.sides
        self._steps = [
            (step.reads, step.gives > 1, step.side, unused)
            for step, unused in zip(wiring.steps, _last_reads(wiring), strict=True)
        ]

    def forward(self, *values: Tensor) -> Any:
        known: list[Any] = list(values)
        steps = zip(self._modules.values(), self._steps, strict=True)
        for child, (reads, is_tuple, side, unused) in steps:
            assert child is not None
            skipped = side and not self.training
            output: Any = None if skipped else child(*[known[i] for i in reads])
            if is_tuple:
                known.extend(output)
            else:
                known.append(output)
            for i in unused:
                known[i] = None
        outputs = self._outputs if self.training else self._outputs[: self._main]
        if len(outputs) == 1:
            return known[outputs[0]]
        return tuple(known[i] for i in outputs)


def _last_reads(wiring: Wiring) -> list[tuple[int, ...]]:
    """For each step, the values that no later step reads: keeping them would waste memory."""
    last: dict[int, int] = {}
    for index, step in enumerate(wiring.steps):
        last |= dict.fromkeys(step.reads, index)
    unused: list[list[int]] = [[] for _ in wiring.steps]
    for value, index in last.items():
        if value not in wiring.outputs:
            unused[index].append(value)
    return [tuple(values) for values in unused]


class Add(nn.Module):
    """The sum of tensors of one shape."""

    def forward(self, *branches: Tensor) -> Tensor:
        return reduce(torch.add, branches)


class Concat(nn.Module):
    """Tensors (N, C, …), concatenated along C."""

    def forward(self, *branches: Tensor) -> Tensor:
        return torch.cat(branches, dim=1)


class Multiply(nn.Module):
    """The product of tensors; a vector (N, C) scales every position of a map (N, C, H, W)."""

    def forward(self, *branches: Tensor) -> Tensor:
        rank = max(branch.dim() for branch in branches)
        return reduce(torch.mul, [x[(...,) + (None,) * (rank - x.dim())] for x in branches])


_JOINS = {"Add": Add, "Concat": Concat, "Multiply": Multiply}
