"""The comparison of archdsl's reading of a text with the plain layers that it is meant to be."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from typing import Any

import torch
from drawn_networks import draw
from intended import Group, Intended, Join, Line, Link, Side, Use
from manual_rules import Reading
from oracle import kept_for_backward
from plain_layers import Plain, PlainModule, Refused
from torch import Tensor, nn

import archdsl
from archdsl.errors import ArchError
from archdsl.fmt.formatter import formatted
from archdsl.network import Network
from archdsl.output.paper_table import render
from archdsl.spec import parse
from archdsl.text.source import Source

CLOSE = 1e-9  # relative, in double precision

# How archdsl names layers that the plain network names more closely.
KINDS = {"dw": "conv", "upsample": "resize", **dict.fromkeys(("gap", "maxpool", "avgpool"), "pool")}
KINDS["subsample"] = "pool"


class Difference(Exception):
    """What the two readings do not share."""


def check(seed: int, deep: bool = True) -> None:
    """Draw a network and compare its two readings.

    Raises AssertionError with the seed, the smallest text found that shows a difference, and the
    first difference.
    """
    network, plain = draw(seed)
    found = difference(network, plain, deep)
    if found is None:
        return
    network, found = shrunk(network, found, deep)
    raise AssertionError(f"seed {seed}: {found}\n\n{network.text()}")


def difference(network: Intended, plain: Plain, deep: bool = True) -> str | None:
    """The first difference of two readings; None if there is none."""
    text = network.text()
    try:
        net = archdsl.loads(text)
    except ArchError as error:
        return f"refused: {error}"
    try:
        compare_figures(net, plain)
        compare_spellings(net, text)
        compare_table(net)
        if deep:
            compare_values(net, plain)
    except Difference as found:
        return str(found)
    return None


def same(what: str, ours: Any, theirs: Any) -> None:
    if ours != theirs:
        raise Difference(f"{what}: archdsl has {ours}, the manual means {theirs}")


def compare_figures(net: Network, plain: Plain) -> None:
    same("sizes of rows", [row.output for row in net.rows], plain.rows)
    same("outputs", list(net.outputs), [plain.nodes[end].shape for end in plain.outputs])
    graph = [(node.op.kind, node.inputs, node.shape) for node in net.graph.nodes]
    for index, pair in enumerate(zip(graph, graph_of(plain), strict=False)):
        same(f"layer {index}", *pair)
    same("number of layers", len(graph), len(plain.nodes))
    same("params", net.params, plain.params())
    same("macs", net.macs, plain.macs())


def graph_of(plain: Plain) -> list[object]:
    return [(KINDS.get(n.op, n.op.replace(" ", "")), n.inputs, n.shape) for n in plain.nodes]


def compare_spellings(net: Network, text: str) -> None:
    """The formatted text gives the same graph."""
    again = archdsl.loads(formatted(Source("drawn", text)))
    same("graph of the formatted text", content(again), content(net))


def content(net: Network) -> object:
    nodes = [(node.op, node.inputs, node.shape) for node in net.graph.nodes]
    return nodes, net.graph.outputs, [(side.weight, side.output) for side in net.sides]


def compare_values(net: Network, plain: Plain) -> None:
    """Outputs in eval and train mode, gradients, memory, the source, and the table."""
    reference, ours = PlainModule(plain).double(), net.module().double()
    theirs = list(reference.state_dict().items())
    state = ours.state_dict()
    same("shapes of parameters", [tuple(t.shape) for t in state.values()],
         [tuple(t.shape) for _, t in theirs])  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    values = [_random(name, tensor, generator) for name, tensor in theirs]
    reference.load_state_dict({name: v for (name, _), v in zip(theirs, values, strict=True)})
    ours.load_state_dict(dict(zip(state, values, strict=True)))
    for module in (*ours.modules(), *reference.modules()):
        if isinstance(getattr(module, "p", None), float):
            setattr(module, "p", 0.0)  # noqa: B010  # chance is not compared
    x = torch.rand(2, *net.input, generator=generator, dtype=torch.float64)
    ours.eval(), reference.eval()
    with torch.no_grad():
        compare_outputs("outputs", ours(x), reference(x))
        if net.sides:
            alone = net.module(dtype=x.dtype, weights=ours.state_dict(), sides=False).eval()
            compare_outputs("outputs without side heads", alone(x), reference(x))
            same(
                "params without side heads", sum(p.numel() for p in alone.parameters()), net.params
            )
        compare_source(net, state, values, ours, x)
    if any(node.op == "bn" and node.shape[1:].count(1) == len(node.shape) - 1
           for node in plain.nodes):  # fmt: skip
        return  # statistics of two values amplify rounding
    compare_training(ours, reference, x)
    if not _keeps_buffers(plain) and all(one.requires_grad for one in _tuple(ours(x))):
        memory = kept_for_backward(net.module(), x[:1].float())
        same("memory for backward", net.memory.backward, memory)


def _keeps_buffers(plain: Plain) -> bool:
    """Whether torch keeps more than values: its transposed convolution of clips writes the output
    into a buffer of the size of its input, if that is larger."""
    sizes = [(node, plain.nodes[node.inputs[0]].shape) for node in plain.nodes if node.inputs]
    return any(
        node.op == "upconv" and len(x) == 4 and math.prod(x) > math.prod(node.shape)
        for node, x in sizes
    )


def _random(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    if "running_var" in name or (tensor.dim() == 1 and name.endswith("weight")):
        return 0.5 + torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
    scale = 1.4 / max(1, tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else 0.3
    return scale * torch.randn(tensor.shape, generator=generator, dtype=torch.float64)


def compare_outputs(what: str, ours: Any, theirs: tuple[Tensor, ...]) -> None:
    outputs = _tuple(ours)
    same(f"number of {what}", len(outputs), len(theirs))
    for one, other in zip(outputs, theirs, strict=True):
        same(f"shapes of {what}", one.shape, other.shape)
        off = float((one - other).abs().max() / other.abs().max().clamp(min=1e-12))
        if not off < CLOSE:
            raise Difference(f"{what} differ by {off:.2g}")


def compare_training(ours: nn.Module, reference: nn.Module, x: Tensor) -> None:
    results = []
    for module in (ours, reference):
        module.train()
        outputs = _tuple(module(x))
        if not all(one.requires_grad for one in outputs):
            return  # without weights there is nothing to train
        loss = sum(((one * torch.linspace(-1, 1, one.numel()).view_as(one)).sum())
                   for one in outputs)  # fmt: skip
        assert isinstance(loss, Tensor)
        parameters = list(module.parameters())
        gradients = torch.autograd.grad(loss, parameters) if parameters else ()
        results.append((tuple(one.detach() for one in outputs), gradients))
    (outputs, gradients), (others, expected) = results
    compare_outputs("outputs in training", outputs, others)
    for one, other in zip(ours.buffers(), reference.buffers(), strict=True):
        if not torch.allclose(one, other, rtol=1e-9):
            raise Difference("statistics differ")
    for one, other in zip(gradients, expected, strict=True):
        if float((one - other).abs().max()) > 1e-7 * (1 + float(other.abs().max())):
            raise Difference("gradients differ")


def compare_source(net: Network, state: Any, values: Any, ours: nn.Module, x: Tensor) -> None:
    space: dict[str, Any] = {}
    exec(net.source(), space)
    made = [one for one in space.values() if isinstance(one, type) and one.__name__ == "Drawn"]
    module = made[0]().double()
    module.load_state_dict(dict(zip(state, values, strict=True)))
    module.eval()
    found = module(x)
    compare_outputs("outputs of the source", found, _tuple(ours(x)))


def compare_table(net: Network) -> bool:
    """Whether the network has a table; the table gives the same network."""
    try:
        text = render.markdown([net])
    except ArchError:
        return False
    try:
        (again,) = [Network(one) for one in parse(Source("table", text))]
    except ArchError as error:
        raise Difference(f"the table is refused: {error}\n{text}") from None
    same(f"graph of the table\n{text}", content(again), content(net))
    return True


def _tuple(outputs: Any) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


# Smaller texts.


def shrunk(network: Intended, found: str, deep: bool) -> tuple[Intended, str]:
    """A smaller network with a difference of the same kind."""
    kind = _kind(found)
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(network):
            try:
                plain = Reading(candidate).plain()
                other = difference(candidate, plain, deep)
            except (Refused, KeyError, IndexError, ValueError, AssertionError):
                continue
            if other is not None and _kind(other) == kind:
                if kind == "refused" and other.splitlines()[0] != found.splitlines()[0]:
                    continue
                network, found, smaller = candidate, other, True
                break
    return network, found


def _kind(found: str) -> str:
    return re.split(r":| differ| \d", found)[0]


def _smaller(network: Intended) -> Iterator[Intended]:
    """Copies of a network, each without something."""
    for name in ("stride_on", "shortcut", "activation", "padding"):
        if getattr(network, name):
            other = copy.deepcopy(network)
            setattr(other, name, "")
            yield other
    for index in range(len(network.rules)):
        other = copy.deepcopy(network)
        del other.rules[index]
        yield other
    if network.bracket is not None:
        other = copy.deepcopy(network)
        other.bracket = None
        yield other
    places = sum(1 for _ in _lists(network))
    for place in range(places):
        for index in reversed(range(len([*_lists(network)][place]))):
            other = copy.deepcopy(network)
            some = [*_lists(other)][place]
            if len(some) > 1 or some is other.blocks:
                del some[index]
                yield other
    links = sum(1 for _ in _links(network))
    for place in range(links):
        for name in ("repeat", "stride"):
            if getattr([*_links(network)][place], name) > 1:
                other = copy.deepcopy(network)
                setattr([*_links(other)][place], name, 1)
                yield other


def _lists(network: Intended) -> Iterator[list[Any]]:
    yield network.blocks
    yield network.lines
    for line in _all_lines(network):
        yield line.links
        for link in line.links:
            for name in ("lines", "layers"):
                if hasattr(link.step, name):
                    yield getattr(link.step, name)
            if isinstance(link.step, Use) and link.step.body is not None:
                yield link.step.body.lines


def _all_lines(network: Intended) -> Iterator[Line]:
    waiting = [*network.lines, *(line for block in network.blocks for line in block.lines)]
    while waiting:
        line = waiting.pop()
        yield line
        for link in line.links:
            step = link.step
            if isinstance(step, Group | Join | Side):
                waiting += step.lines
            elif isinstance(step, Use) and step.body is not None:
                waiting += step.body.lines


def _links(network: Intended) -> Iterator[Link]:
    for line in _all_lines(network):
        yield from line.links
