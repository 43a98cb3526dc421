"""Values that are not finite, and the layer that computed the first of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archdsl.errors import ArchError


class NotFinite(ArchError):
    """A loss or a weight is nan or infinite.

    The spec and the command are fine but training fails, so the exit code is 1.
    """

    exit_code = 1


@torch.no_grad()
def first_fault(module: nn.Module, x: Tensor) -> str | None:
    """Describe the first layer whose weights or output are not finite on a batch, or None.

    Runs the batch (N, …) through the module in the module's current mode.
    """
    faults: list[str] = []

    def before(name: str, layer: nn.Module) -> None:
        if not faults and (key := _not_finite(layer)):
            faults.append(f"`{name}`, in its {key}")

    def after(name: str, output: Tensor) -> None:
        if not faults and not _finite(output):
            faults.append(f"`{name}`, in its output")

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
    return faults[0] if faults else None


def describe(fault: str | None) -> str:
    """The end of a message: where the first value that is not finite comes from."""
    if fault is None:
        return "every layer is finite, but the loss computed from their output is not"
    return f"the first layer that is not finite is {fault}"


def first_fault_of_weights(module: nn.Module) -> str | None:
    """Describe the first layer with a weight or running statistic that is not finite, or None."""
    for name, layer in module.named_modules():
        if not list(layer.children()) and (key := _not_finite(layer)):
            return f"`{name}`, in its {key}"
    return None


def _not_finite(layer: nn.Module) -> str | None:
    return next((key for key, t in layer.state_dict().items() if not _finite(t)), None)


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())
