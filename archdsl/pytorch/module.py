"""Graph to nn.Module: a tree of modules by scope, whose names are those of the text."""

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

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


class _Step(NamedTuple):
    """A call of a child: the values that it reads and how many it gives, whether it is a side head,
    and the values that nothing reads after it."""

    reads: tuple[int, ...]
    gives: int
    side: bool
    unused: tuple[int, ...]


class Composite(nn.Module):
    """A module whose children read each other's outputs, as in a residual block.

    `forward` takes and returns as many tensors as the lines of the text need, usually one. Side
    heads run in training mode only. `torch.jit.script` compiles `__prepare_scriptable__`'s module.
    """

    def __init__(self, children: Mapping[str, nn.Module], wiring: Wiring) -> None:
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)
        self._inputs = wiring.inputs
        self._outputs = wiring.outputs
        self._main = len(wiring.outputs) - wiring.sides
        self._steps = [
            _Step(step.reads, step.gives, step.side, unused)
            for step, unused in zip(wiring.steps, _last_reads(wiring), strict=True)
        ]

    def forward(self, *values: Tensor) -> Any:
        known: list[Any] = list(values)
        for child, (reads, gives, side, unused) in self._calls():
            skipped = side and not self.training
            output: Any = None if skipped else child(*[known[i] for i in reads])
            if gives > 1:
                known.extend([None] * gives if skipped else output)
            else:
                known.append(output)
            for i in unused:
                known[i] = None
        outputs = self._returned()
        if len(outputs) == 1:
            return known[outputs[0]]
        return tuple(known[i] for i in outputs)

    def _calls(self) -> Iterator[tuple[nn.Module, _Step]]:
        for child, step in zip(self._modules.values(), self._steps, strict=True):
            assert child is not None
            yield child, step

    def _returned(self) -> tuple[int, ...]:
        return self._outputs if self.training else self._outputs[: self._main]

    def __prepare_scriptable__(self) -> nn.Module:
        """The same calls as straight-line code, which TorchScript can read.

        Its results must have one type: the mode in which it is compiled decides whether side heads
        run.
        """
        graph = fx.Graph()
        known: list[Any] = [graph.placeholder(f"x{i}") for i in range(self._inputs)]
        names = iter(self._modules)
        for child, (reads, gives, side, _) in self._calls():
            name, read = next(names), [known[i] for i in reads]
            if side and not self.training:
                known += [None] * gives
                continue
            if isinstance(child, _Join):
                output = graph.call_function(child.join, (read,))
            else:
                output = graph.call_module(name, tuple(read))
            if gives > 1:
                known += (graph.call_function(operator.getitem, (output, i)) for i in range(gives))
            else:
                known.append(output)
        outputs = tuple(known[i] for i in self._returned())
        graph.output(outputs[0] if len(outputs) == 1 else outputs)
        module = fx.GraphModule(self, graph)
        for name, layer in self._modules.items():
            if name not in module._modules and not isinstance(layer, _Join):
                module.add_module(name, layer)  # a side head keeps its weights
        return module.train(self.training)


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


def add(branches: list[Tensor]) -> Tensor:
    total = branches[0]
    for branch in branches[1:]:
        total = total + branch
    return total


def concat(branches: list[Tensor]) -> Tensor:
    return torch.cat(branches, dim=1)


def multiply(branches: list[Tensor]) -> Tensor:
    rank = max([branch.dim() for branch in branches])
    factors: list[Tensor] = []
    for branch in branches:
        for _ in range(rank - branch.dim()):
            branch = branch.unsqueeze(-1)
        factors.append(branch)
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


class _Join(nn.Module):
    """Base class of joins. TorchScript, which has no `*branches`, takes their function."""

    join: Callable[[list[Tensor]], Tensor]

    def forward(self, *branches: Tensor) -> Tensor:
        return type(self).join([*branches])


class Add(_Join):
    """The sum of tensors of one shape."""

    join = staticmethod(add)


class Concat(_Join):
    """Tensors (N, C, …), concatenated along C."""

    join = staticmethod(concat)


class Multiply(_Join):
    """The product of tensors; a vector (N, C) scales every position of a map (N, C, H, W)."""

    join = staticmethod(multiply)


_JOINS = {"Add": Add, "Concat": Concat, "Multiply": Multiply}
