"""torchvision, importable even if its compiled library cannot be loaded.

With a torch build that torchvision's wheel was not compiled for, `import torchvision` fails
("operator torchvision::nms does not exist"): it registers fake kernels for two operators that its
library should have declared. This module declares them, only if the library could not be loaded.
Everything that needs torchvision imports it from here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_DECLARATIONS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _declare() -> torch.library.Library | None:
    """Declare the operators unless torchvision's library does; return the declarations' owner."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return None
    for library in Path(spec.origin).parent.glob("_C*"):
        try:
            torch.ops.load_library(library)
        except OSError:
            continue
        return None
    owner = torch.library.Library("torchvision", "DEF")
    for declaration in _DECLARATIONS:
        owner.define(declaration)
    return owner


# The declarations exist as long as their owner.
_owner = _declare()

import torchvision  # noqa: E402
import torchvision.datasets  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

__all__ = ["torchvision", "v2"]
