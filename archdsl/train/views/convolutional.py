"""A classifier as a fully convolutional network."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.errors import ArchError


def fully_convolutional(module: nn.Module, example: Tensor) -> nn.Module:
    """A module that gives class scores (B, classes, h, w) of larger images.

    Its fully connected layers are convolutions, the first one after a `flatten` with a kernel of
    the size of the map that the example, an input (1, C, H, W), gives there. Raises ArchError if
    this does not compute the same scores for the example.
    """
    maps = _maps_before(module, example)
    whole = copy.deepcopy(module)
    for name, layer in list(whole.named_modules()):
        if name in maps:
            parent, _, own = name.rpartition(".")
            whole.get_submodule(parent)._modules[own] = _convolutional(layer, maps[name])
    whole.eval()
    before = module(example)
    try:
        after = whole(example)
    except RuntimeError:  # a layer that takes vectors alone
        after = None
    first, second = (one[0] if isinstance(one, tuple) else one for one in (before, after))
    if second is None or second.dim() != 4 or not _same(first, second.flatten(1)):
        raise ArchError(
            "the network is not convolutional up to its fully connected layers, so it cannot be "
            "evaluated densely",
            help="evaluate `10-crop`",
        )
    return whole


def _same(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape and torch.allclose(first, second, rtol=1e-3, atol=1e-3)


def _maps_before(module: nn.Module, example: Tensor) -> dict[str, tuple[int, int]]:
    """Flattens and fully connected layers by name, with the map (h, w) that each one takes up."""
    found: dict[str, tuple[int, int]] = {}
    pending: dict[int, tuple[int, int]] = {}  # maps that were flattened, by their features
    hooks = []

    def watch(name: str, layer: nn.Module) -> None:
        def before(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            x = inputs[0]
            if isinstance(layer, nn.Flatten):
                found[name] = (1, 1)
                if x.dim() == 4:
                    pending[x[0].numel()] = (x.shape[2], x.shape[3])
            elif isinstance(layer, nn.Linear):
                found[name] = pending.pop(x.shape[-1], (1, 1))
            else:
                found[name] = (1, 1)

        hooks.append(layer.register_forward_pre_hook(before))

    for name, layer in module.named_modules():
        if isinstance(layer, (nn.Flatten, nn.Linear, nn.BatchNorm1d)):
            watch(name, layer)
    try:
        module(example)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _convolutional(layer: nn.Module, size: tuple[int, int]) -> nn.Module:
    """A layer of vectors as one of maps, with the same weights."""
    if isinstance(layer, nn.Flatten):
        return nn.Identity()
    if isinstance(layer, nn.BatchNorm1d):
        norm = nn.BatchNorm2d(layer.num_features, layer.eps, affine=layer.affine)
        norm.load_state_dict(layer.state_dict())
        return norm.to(next(layer.buffers()).device)
    assert isinstance(layer, nn.Linear)
    channels = layer.in_features // (size[0] * size[1])
    bias = layer.bias is not None
    convolution = nn.Conv2d(channels, layer.out_features, size, bias=bias).to(layer.weight)
    with torch.no_grad():
        convolution.weight.copy_(layer.weight.view_as(convolution.weight))
        if convolution.bias is not None:
            convolution.bias.copy_(layer.bias)
    return convolution
