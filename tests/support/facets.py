"""Comparisons of the facets of a layer kind with torch, which every example of every kind passes.

Each takes a Case and raises if its facet is wrong. tests/layers/test_layers.py runs them on every
class, tests/layers/test_layer_mutants.py on every class without one of its facets: one must fail.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from formulas import FORMULAS, INITIAL
from oracle import copy_state, kept_for_backward, macs, randomise
from torch import Tensor, nn

from archdsl.analysis.receptive_field import Fields
from archdsl.analysis.totals import Analysis
from archdsl.graph import Graph, Node
from archdsl.layers import (
    REGISTRY,
    Activation,
    Input,
    Join,
    Layer,
    LayerError,
    Shape,
)
from archdsl.layers.norm import GroupNorm, InstanceNorm
from archdsl.notation import pytorch_calls
from archdsl.output.layer_reference import parse_layer, settled, split
from archdsl.pytorch import source
from archdsl.pytorch.module import construct


class Case(NamedTuple):
    """An example of a kind: its line, the resulting layer, and the shapes of its inputs."""

    kind: type[Layer]
    spec: str
    op: Layer
    xs: tuple[Shape, ...]

    @property
    def x(self) -> Shape:
        return self.xs[0]

    def module(self) -> nn.Module:
        return construct(self.op.call(*self.xs))

    def batch(self, size: int = 3) -> list[Tensor]:
        """Inputs of both signs, the same at each call."""
        generator = torch.Generator().manual_seed(1)
        return [torch.randn(size, *x, generator=generator).requires_grad_() for x in self.xs]


def case(kind: type[Layer], example: str) -> Case:
    spec, xs = split(example)
    return Case(kind, spec, settled(spec, *xs), xs)


def counts(one: Case) -> None:
    """Shape, parameters, buffers, multiply-adds, and whether it is a weight layer."""
    op, xs = one.op, one.xs
    assert type(op) is one.kind
    if one.kind is Input:
        assert op.out(()) == one.x
        return
    module = one.module().eval()
    batch = [x.detach() for x in one.batch()]
    assert tuple(module(*batch).shape[1:]) == op.out(*xs)
    assert sum(p.numel() for p in module.parameters()) == op.params(*xs)
    assert sum(b.numel() for b in module.buffers()) == op.buffers(*xs)
    assert macs(module, *(x[:1] for x in batch)) == op.macs(*xs)
    if op.macs(*xs) and op.params(*xs):
        assert op.weighs


def printed(one: Case) -> None:
    """The printed source builds the same module: the same outputs and gradients."""
    if one.kind is Input:
        return
    module = one.module()
    call = one.op.call(*one.xs)
    if isinstance(one.op, Join):
        letters = list("abcdef"[: len(one.xs)])
        text = one.op.code(letters, list(one.xs))
        compare_modules(
            lambda *xs: eval(text, {"torch": torch, **dict(zip(letters, xs, strict=True))}),
            module,
            one,
        )
        return
    space: dict[str, Any] = {"torch": torch, "nn": nn}
    if call.own:  # its class must work without the rest of its file
        exec("\n".join(source._extra_module(call.name)), space)
    again = eval(str(call), space)
    assert repr(again) == repr(module)
    randomise(module)
    copy_state(module, again)
    compare_modules(again, module, one)


def compare_modules(ours: Callable[..., Tensor], reference: nn.Module, one: Case) -> None:
    """Compares outputs and gradients of inputs and parameters, in eval and in train mode."""
    for mode in (False, True):
        actual = []
        for module in (ours, reference):
            parameters: list[Tensor] = []
            if isinstance(module, nn.Module):
                module.train(mode)
                module.zero_grad()
                parameters = [p for p in module.parameters() if p.requires_grad]
            torch.manual_seed(0)
            batch = one.batch()
            output = module(*batch)
            leaves = [*batch, *parameters]
            weights = torch.linspace(-1, 1, output.numel()).view_as(output)
            actual.append([output, *torch.autograd.grad((output * weights).sum(), leaves)])
        for a, b in zip(*actual, strict=True):
            assert torch.equal(a, b)


def computes(one: Case) -> None:
    """The module computes the formula in formulas.py, or is a class of torch.nn with its name."""
    if one.kind is Input:
        return
    call = one.op.call(*one.xs)
    formula = FORMULAS.get(one.kind.__name__)
    if formula is None:
        assert not call.own and listing_of(one), f"{one.kind.__name__} has no formula"
        return
    module = one.module().double()
    initial = INITIAL.get(one.kind.__name__, lambda op: {})(one.op)
    assert not call.own or initial.keys() == {n for n, _ in module.named_parameters(recurse=False)}
    for name, value in initial.items():
        actual = getattr(module, name)
        torch.testing.assert_close(actual, torch.full_like(actual, value), rtol=1e-6, atol=0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(0.5, 1.5)
    for mode in (False, True):
        module.train(mode)
        batch = [x.double() for x in one.batch()]
        torch.manual_seed(0)
        actual = module(*batch)
        torch.manual_seed(0)
        torch.testing.assert_close(formula(one.op, module, *batch), actual, rtol=1e-6, atol=1e-6)


def listing_of(one: Case) -> str:
    """The layer as a call of a PyTorch listing, or "" if no listing has it."""
    call = one.op.call(*one.xs)
    if not one.kind.listed or call.own or call.name not in pytorch_calls._listings(len(REGISTRY)):
        return ""
    return str(call)


def is_listed(one: Case) -> None:
    """The layer as a call of a PyTorch listing is read back as the same layer.

    If it builds a class of torch.nn, its kind lists that class, or another kind does, as for a
    crop.
    """
    if isinstance(one.op, Input | Join):
        return
    call = one.op.call(*one.xs)
    names = [listing.name for kind in REGISTRY for listing in kind.listed]
    assert call.own or any(re.fullmatch(name.replace("*", "[123]"), call.name) for name in names)
    if text := listing_of(one):
        layer = parse_layer(text)
        given: dict[str, Any] = {name: value.value for name, value in layer.given.items()}
        again = layer.kind.settle(given, one.x, "valid")
        assert again == one.op
        pytorch_calls.check(layer, again, one.x)
        pytorch_calls.check_entering(layer, one.x)


def keeps(one: Case) -> None:
    """Autograd keeps as many bytes for backward as `kept` gives, if the inputs need gradients."""
    if one.kind is Input:
        return
    inner = one.module()
    # A batch norm of vectors has no variance at batch 1.
    size = 2 if isinstance(inner, nn.BatchNorm1d) and len(one.x) == 1 else 1
    images = [x.detach() for x in one.batch(size)]
    kept = one.op.kept(*one.xs)
    inputs = sum(map(math.prod, one.xs))
    tensors = inputs * kept.input + math.prod(one.op.out(*one.xs)) * kept.output
    scale = 4 * size * inputs  # the factors' gradients need the images
    actual = kept_for_backward(_Scaled(one.xs, inner), *images) - scale
    assert actual == 4 * size * tensors + kept.extra


class _Scaled(nn.Module):
    """A layer whose inputs are multiplied by parameters, so that they need gradients."""

    def __init__(self, xs: tuple[Shape, ...], layer: nn.Module) -> None:
        super().__init__()
        self.factors = nn.ParameterList(torch.ones(x) for x in xs)
        self.layer = layer

    def forward(self, *xs: Tensor) -> Tensor:
        return self.layer(*(x * f for x, f in zip(xs, self.factors, strict=True)))


def reads(one: Case) -> None:
    """What one output position reads is where its gradient is not zero; if it reads the whole map,
    the trunk ends."""
    if isinstance(one.op, Input | Join | GroupNorm | InstanceNorm):
        return  # the statistics of a map are not part of a receptive field
    op, x = one.op, one.x
    out = op.out(x)
    module = one.module().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(0.5, 1.0)
    if len(x) == 1:
        if out != x:  # only weight layers read a whole vector
            assert op.gathers(x) == op.weighs
        return
    if len(out) == 1:
        assert op.gathers(x)
        return
    middle = tuple(n // 2 for n in out[1:])
    positions = [middle]
    window = op.window(x)
    if window and window.reads:  # every position, and so a whole period
        longest = max(out[1:])
        positions = [tuple(min(i, n - 1) for n in out[1:]) for i in range(longest)]
    elif window and window.up and set(window.dilation) == {1}:
        # What neighbours read is periodic: check several of them.
        sizes = zip(middle, out[1:], strict=True)
        positions += zip(*(range(max(0, m - 4), min(n, m + 2)) for m, n in sizes), strict=False)
    fields = Analysis(_graph(one)).fields[-1]
    for position in positions:
        _check_field(fields, _reached(module, position, x, 64).any(0), position, x)
    if math.prod(x[1:]) > 1:
        # A maximum over the whole map reads one value: only its class knows if it ends the trunk.
        whole = math.prod(out[1:]) == 1
        reads_all = whole and bool(_reached(module, middle, x, 64).any(0).all())
        if op.gathers(x):
            assert reads_all
        else:
            assert not (whole and bool(_reached(module, middle, x, 1, channels=1).all()))
            assert not (reads_all and _is_global(one))


def _is_global(one: Case) -> bool:
    """Whether a larger map also becomes one position."""
    larger = (one.x[0], *(2 * n + 1 for n in one.x[1:]))
    try:
        out = settled(one.spec, larger).out(larger)
    except LayerError:
        return False
    return len(out) == len(larger) and math.prod(out[1:]) == 1


def _graph(one: Case) -> Graph:
    """The layer on its input."""
    entry = Node(Input(one.x[1:], one.x[0]), (), ("input",), one.x)
    layer = Node(one.op, (0,), (one.op.kind,), one.op.out(one.x))
    return Graph((entry, layer), outputs=(1,), end=1)


def _reached(
    module: nn.Module,
    position: tuple[int, ...],
    x: Shape,
    images: int,
    channels: int | None = None,
) -> Tensor:
    """The positions of each image that an output position depends on, of shape (images, *x[1:]).

    `channels`: only the first channels of the output position.
    """
    torch.manual_seed(0)
    batch = torch.rand(images, *x, requires_grad=True)  # a maximum depends on one input per image
    output = module(batch)[(slice(None), slice(channels), *position)]
    (output * torch.rand(output.shape)).sum().backward()
    assert batch.grad is not None
    return batch.grad.ne(0).any(1)


def _check_field(fields: Fields, reached: Tensor, position: tuple[int, ...], x: Shape) -> None:
    for axis, (field, at, size) in enumerate(zip(fields, position, x[1:], strict=True)):
        others = tuple(a for a in range(len(x) - 1) if a != axis)
        actual = (reached.any(others) if others else reached).nonzero().flatten()
        start, end = field.reads(at)
        assert int(actual.min()) == max(0, start)
        assert int(actual.max()) == min(size, end) - 1


# What labels leave out, to be short.
LEFT_OUT = {
    *("pad", "bias", "dilation", "groups", "more", "connections", "ceil", "counted"),
    *("eps", "momentum", "affine", "size", "alpha", "beta", "k", "sigma"),
    *("channelwise", "approximate", "amplitude", "slope", "low", "high", "lower", "upper"),
    *("threshold", "value"),
}


def is_labelled(one: Case) -> None:
    """The label is read back as the same layer, except for the attributes that labels leave out."""
    op = one.op
    assert op.label
    if isinstance(op, Input | Join):
        return
    again = settled(op.label.removesuffix(", connections"), one.x)  # a table below the line
    assert type(again) is one.kind
    different = {name for name in op.attributes if vars(again).get(name) != vars(op).get(name)}
    bare = {op.takes_number, op.takes_size, op.takes_suffix}  # never the main numbers
    assert different <= LEFT_OUT - bare, different


COMPARISONS = (counts, printed, computes, is_listed, keeps, is_labelled, reads)


# Comparisons over all the examples of a kind.


def spellings_agree(kind: type[Layer]) -> None:
    """Examples that compute the same on an input have one `plainest`, which computes it too."""
    if kind is Input:
        return
    others = [(other, *split(text)) for other in REGISTRY for text in other.examples]
    for one in (case(kind, example) for example in kind.examples):
        simplest = one._replace(op=one.op.plainest(*one.xs))
        assert _do_the_same(one, simplest)
        for other, spec, xs in others:
            known = other is kind or other.plainest is not Layer.plainest
            if xs == one.xs and spec != one.spec and known and other is not Input:
                op = settled(spec, *xs)
                if op.plainest(*xs) != simplest.op:
                    assert not _do_the_same(one, Case(other, spec, op, xs)), spec


def _do_the_same(one: Case, other: Case) -> bool:
    a, b = one.module(), other.module()
    if [t.shape for t in a.state_dict().values()] != [t.shape for t in b.state_dict().values()]:
        return False
    with torch.no_grad():
        for ours, theirs in zip(a.parameters(), b.parameters(), strict=True):
            theirs.copy_(ours.uniform_(0.5, 1.5))
    for mode in (False, True):
        outputs = []
        for module in (a, b):
            torch.manual_seed(0)
            outputs.append(module.train(mode)(*one.batch()))
        first, second = outputs
        if first.shape != second.shape or not torch.allclose(first, second, atol=1e-6):
            return False
    return True


SIZES = (6, 5, 4)


def other_inputs(kind: type[Layer]) -> None:
    """The line of each example is refused on other inputs, or is correct on them too.

    The inputs are vectors, signals, maps and volumes, with other channels and small maps. There is
    an example for each rank that is accepted, except for activations, which see single values; a
    fully connected layer flattens all maps.
    """
    if issubclass(kind, Join) or kind is Input:
        return
    examples = [split(example) for example in kind.examples]
    known = {len(xs[0]) for _, xs in examples}
    for spec, ((channels, *sizes),) in examples:
        shapes = [(channels, *SIZES[:rank]) for rank in range(4)]
        shapes += [(2 * channels + 1, *sizes), (1, *sizes), (channels, *(1 for _ in sizes))]
        for shape in shapes:
            if kind.flattens and len(shape) > 1:
                continue
            try:
                op = settled(spec, shape)
                op.out(shape)
            except LayerError:
                continue
            one = Case(type(op), spec, op, (shape,))
            counts(one)
            computes(one)
            is_listed(one)
            assert len(shape) in known or issubclass(kind, Activation), (spec, shape)


OVER_EXAMPLES = (spellings_agree, other_inputs)


# Every example of every kind.
CASES = [pytest.param(kind, example, id=example) for kind in REGISTRY for example in kind.examples]
