"""Every layer kind, every example, every facet, against torch."""

from __future__ import annotations

import math

import pytest
import torch
from oracle import kept_for_backward, macs
from torch import nn

from archdsl import parts, phrases
from archdsl.analysis import Analysis, Fields
from archdsl.errors import Source
from archdsl.graph import Graph, Node
from archdsl.layers import JOINS, REGISTRY, Input, Join, Layer, Shape
from archdsl.layers.groupnorm import GroupNorm, InstanceNorm
from archdsl.module import construct
from archdsl.parse import parse

CASES = [pytest.param(kind, example, id=example) for kind in REGISTRY for example in kind.examples]


def graph_of(example: str) -> Graph:
    """The example's layer on its input; the layer is settled on the shape, of whatever rank.

    A join stands on several inputs.
    """
    spec, shapes = example.rsplit(" on ", 1)
    xs = [tuple(map(int, shape.split("x"))) for shape in shapes.split()]
    source = Source("example", spec)
    (network,) = parse(source)
    if spec in JOINS:
        op: Layer = JOINS[spec]()
    else:
        (item,) = network.statements
        (text,) = phrases.read(source, item.phrases[0]).layers
        op = text.kind.settle({name: g.value for name, g in text.given.items()}, xs[0], "same")
    entries = [Node(Input(x[1:], x[0]), (), (f"input{i}",), x, 0, 0) for i, x in enumerate(xs)]
    layer = Node(op, tuple(range(len(xs))), (op.kind,), op.out(*xs), 0, 0)
    return Graph(network, (*entries, layer), (), (), {}, (len(entries),), len(entries))


def node(example: str) -> tuple[Node, list[Shape]]:
    graph = graph_of(example)
    return graph.nodes[-1], [entry.shape for entry in graph.nodes[:-1]]


def test_every_kind_has_examples():
    assert REGISTRY
    for kind in REGISTRY:
        assert kind.examples, f"{kind.__name__} has no examples"
        assert kind.__doc__, f"{kind.__name__} says nothing of itself"
        assert {kind.takes_size, kind.takes_number, kind.takes_suffix} <= {*kind.attributes, None}


@pytest.mark.parametrize(("kind", "example"), CASES)
def test_facets(kind: type[Layer], example: str):
    layer, xs = node(example)
    op = layer.op
    assert type(op) is kind
    assert op.label
    if kind is Input:
        assert [layer.shape] == xs
        return
    module = construct(op.call(*xs))
    module.eval()
    batches = [torch.rand(2, *x) for x in xs]
    output = module(*batches)
    assert tuple(output.shape[1:]) == layer.shape
    assert sum(p.numel() for p in module.parameters()) == op.params(*xs)
    assert sum(b.numel() for b in module.buffers()) == op.buffers(*xs)
    assert macs(module, *(batch[:1] for batch in batches)) == op.macs(*xs)
    # The source printer writes what the module builder calls.
    if isinstance(op, Join):
        values = dict(zip("abcdef", batches, strict=False))
        code = op.code(list(values), xs)
        assert torch.equal(eval(code, {"torch": torch, **values}), output)
    else:
        assert repr(eval(str(op.call(*xs)), {"nn": nn, **vars(parts)})) == repr(module)


@pytest.mark.parametrize(("kind", "example"), CASES)
def test_memory_kept_for_backward(kind: type[Layer], example: str):
    """Each layer behind a convolution, so that its input needs a gradient."""
    if kind is Input:
        return
    layer, xs = node(example)
    # A batch norm of vectors has no variance at batch 1.
    batch = 2 if kind.kind == "bn" and len(xs[0]) == 1 else 1
    module = Scaled(xs, construct(layer.op.call(*xs)))
    images = [torch.rand(batch, *x) for x in xs]
    kept = layer.op.kept(*xs)
    inputs = sum(map(math.prod, xs))
    tensors = inputs * kept.input + math.prod(layer.shape) * kept.output
    scale = 4 * batch * inputs  # the factors' gradients need the images
    assert kept_for_backward(module, *images) - scale == 4 * batch * tensors + kept.extra


class Scaled(nn.Module):
    """A layer with a parameter in front of each input."""

    def __init__(self, xs: list[Shape], layer: nn.Module) -> None:
        super().__init__()
        self.factors = nn.ParameterList(torch.ones(x) for x in xs)
        self.layer = layer

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        return self.layer(*(x * f for x, f in zip(xs, self.factors, strict=True)))


@pytest.mark.parametrize(("kind", "example"), CASES)
def test_receptive_field_by_gradient(kind: type[Layer], example: str):
    """What one output position reads is where its gradient is not zero."""
    if kind is Input or issubclass(kind, Join):
        return
    if kind in (GroupNorm, InstanceNorm):
        return  # the statistics of a map are no part of a receptive field
    layer, (x,) = node(example)
    if len(x) < 2 or len(layer.shape) < 2:
        return
    fields = Analysis(graph_of(example)).fields[-1]
    module = construct(layer.op.call(x)).eval()
    middle = tuple(n // 2 for n in layer.shape[1:])
    positions = [middle]
    window = layer.op.window(x)
    if window and window.reads:  # every position, and so every turn
        longest = max(layer.shape[1:])
        positions = [tuple(min(i, n - 1) for n in layer.shape[1:]) for i in range(longest)]
    elif window and window.up and set(window.dilation) == {1}:
        # Neighbours read in turn: each of them.
        sizes = zip(middle, layer.shape[1:], strict=True)
        positions += zip(*(range(max(0, m - 4), min(n, m + 2)) for m, n in sizes), strict=False)
    for position in positions:
        check_field(fields, module, position, x)


def check_field(fields: Fields, module: nn.Module, middle: tuple[int, ...], x: Shape) -> None:
    reached = torch.zeros(x[1:], dtype=torch.bool)
    for seed in range(60):  # a maximum reaches one input at a time
        torch.manual_seed(seed)
        batch = torch.rand(1, *x, requires_grad=True)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.uniform_(0.5, 1.0)
        values = module(batch)[(0, slice(None), *middle)]
        (values * torch.rand(len(values))).sum().backward()  # their sum may be constant
        reached |= (batch.grad[0] != 0).any(0)
    for axis, (field, position, size) in enumerate(zip(fields, middle, x[1:], strict=True)):
        others = tuple(a for a in range(len(x) - 1) if a != axis)
        along = reached.any(others) if others else reached
        found = along.nonzero().flatten()
        start, end = field.reads(position)
        assert int(found.min()) == max(0, start)
        assert int(found.max()) == min(size, end) - 1


def test_a_kind_registered_late_is_read():
    """One class is all that a layer kind takes, whatever was loaded before it."""
    import archdsl
    from archdsl.layers.activation import Activation
    from archdsl.layers.base import Call, layer

    assert archdsl.loads("input 8\nrelu\nFC-2").params == 18

    @layer("clipped relu")
    class ClippedReLU(Activation):
        """min(max(0, x), 20)."""

        kind = "clippedrelu"

        def call(self, x: Shape) -> Call:
            return Call("Hardtanh", (0, 20))

    try:
        net = archdsl.loads("input 8\nfc means fc-clipped relu\nFC-3\nFC-2")
        assert isinstance(net.module().fc1.clippedrelu, nn.Hardtanh)
    finally:
        REGISTRY.remove(ClippedReLU)
