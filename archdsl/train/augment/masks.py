"""Changes of some images of a batch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def apply_chosen(
    images: Tensor, chosen: Tensor, change: Callable[..., Tensor], *parameters: Tensor
) -> Tensor:
    """Images (B, …) of which those chosen (B,), a mask on the CPU, are changed, each by its own of
    the parameters (B, …)."""
    index = chosen.nonzero()[:, 0]
    if not len(index):
        return images
    if len(index) == len(images):
        return change(images, *parameters)
    where = index.to(images.device)
    changed = change(images.index_select(0, where), *(values[index] for values in parameters))
    return images.index_copy(0, where, changed.to(images.dtype))
