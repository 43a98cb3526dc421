"""What torch itself computes for a module: the ground truth for our formulas."""

from __future__ import annotations

import math
from typing import Any

import torch
from graphs import check_graph
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import archdsl
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.text.source import Source

CLOSE = 1e-10  # in double precision


def load(text: str, **options: Any) -> Network:
    """The network of a text, whose graph holds what its readers rely on."""
    net = archdsl.loads(text, **options)
    check_graph(net.graph)
    return net


def images(net: Network, number: int = 2) -> Tensor:
    """Random inputs of a network, in double precision."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(number, *net.input, generator=generator, dtype=torch.float64)


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Make every parameter and buffer random, with positive variances and activations of ordinary
    size.

    Fresh batch-norm statistics would hide a missing layer below 1e-5.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if not tensor.is_floating_point():
                tensor.fill_(7)
                continue
            fan_in = max(1, math.prod(tensor.shape[1:]))
            scale = 1.4 / math.sqrt(fan_in) if tensor.dim() > 1 else 0.3
            tensor.copy_(scale * torch.randn(tensor.shape, generator=generator))
            if "running_var" in name or (tensor.dim() == 1 and name.endswith("weight")):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))


def copy_state(source: nn.Module, target: nn.Module) -> None:
    """Copy all parameters and buffers, in the order in which the two modules hold them."""
    there, here = source.state_dict(), target.state_dict()
    assert [t.shape for t in there.values()] == [t.shape for t in here.values()]
    target.load_state_dict(dict(zip(here, there.values(), strict=True)))


def without_dropout(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0


def difference(ours: nn.Module, reference: nn.Module, x: Tensor) -> float:
    """The largest relative difference of outputs and parameter gradients, eval and train.

    Running statistics are compared too, which show the momentum. Side heads do not run in eval
    mode. The reference is randomised and copied into ours first; dropout is off.
    """
    randomise(reference)
    copy_state(reference, ours)
    worst = 0.0
    for mode in (False, True):
        results = []
        for module in (ours, reference):
            module.train(mode)
            without_dropout(module)
            module.zero_grad()
            torch.manual_seed(0)
            given = module(x)
            outputs = given if isinstance(given, tuple) else (given,)  # with side heads: several
            for one in outputs:
                weights = torch.linspace(-1, 1, one.numel()).view_as(one)
                (one * weights).sum().backward(retain_graph=True)
            gradients = [p.grad for p in module.parameters() if p.grad is not None]
            statistics = [b for b in module.buffers() if b.is_floating_point()]
            results.append([*(one.detach() for one in outputs), *gradients, *statistics])
        for a, b in zip(*results, strict=True):
            assert b.abs().max() > 0, "an output or gradient is all zero: nothing is compared"
            worst = max(worst, float((a - b).abs().max() / b.abs().max()))
    return worst


def macs(module: nn.Module, *x: Tensor) -> int:
    """Multiply-adds, as torch counts them."""
    module.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*x)
    return counter.get_total_flops() // 2


def kept_for_backward(module: nn.Module, *x: Tensor) -> int:
    """Bytes of the distinct tensors that autograd keeps in training mode, except parameters."""
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        key = tensor.untyped_storage().data_ptr()
        if key not in own:
            kept[key] = tensor  # held, so that no other tensor takes its place
        return tensor

    module.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = module(*x)
    outputs = output if isinstance(output, tuple) else (output,)
    assert all(one.requires_grad for one in outputs)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def named(name: str, text: str, input: tuple[int, ...] | None = None) -> Network:
    """The network of that name in a text."""
    (found,) = [network for network in parse(Source("spec", text)) if network.full_name == name]
    return Network(found, input=input)
