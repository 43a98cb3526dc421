"""Values that are not finite, and the layer that gave the first."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archdsl.errors import ArchError


class NotFinite(ArchError):
    """A loss or a weight is nan or infinite.

    The spec and the command are fine, the training is not: the command line ends with 1.
    """

    exit_code = 1


@torch.no_grad()
def first_fault(module: nn.Module, x: Tensor) -> str | None:
    """The first layer whose weights or output are not finite on a batch, in words; None if none is.

    The batch (N, …) runs through the module in the mode that it is in.
    """
    found: list[str] = []

    def before(name: str, layer: nn.Module) -> None:
        if not found and (key := _unfinite(layer)):
            found.append(f"`{name}`, in its {key}")

    def after(name: str, output: Tensor) -> None:
        if not found and not _finite(output):
            found.append(f"`{name}`, in its output")

    hooks = []
    for name, layer in module.named_modules():
        if not list(layer.children()):
            hooks += [
                layer.register_forward_pre_hook(lambda layer, _, name=name: before(name, layer)),
                layer.register_forward_hook(lambda _, __, output, name=name: after(name, output)),
            ]
    try:
        module(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def told(fault: str | None) -> str:
    """The end of a message: where the first value came from that is not finite."""
    if fault is None:
        return "every layer is finite, what is computed from the last is not"
    return f"the first layer that is not finite is {fault}"


def first_fault_of_weights(module: nn.Module) -> str | None:
    """The first layer with a weight or a running statistic that is not finite, in words."""
    for name, layer in module.named_modules():
        if not list(layer.children()) and (key := _unfinite(layer)):
            return f"`{name}`, in its {key}"
    return None


def _unfinite(layer: nn.Module) -> str | None:
    return next((key for key, t in layer.state_dict().items() if not _finite(t)), None)


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())
