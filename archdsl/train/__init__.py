"""Training: a recipe in the spec, a short loop on torch's own parts, a run on disk.

>>> import archdsl
>>> from archdsl.train import recipe_of
>>> recipe_of(archdsl.load("lenet5")).epochs
20
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from archdsl.extras import require

if TYPE_CHECKING:
    from archdsl.train.evaluation import evaluate
    from archdsl.train.loop import Progress, resume, train
    from archdsl.train.not_finite import NotFinite
    from archdsl.train.prediction import predict
    from archdsl.train.recipe import Recipe, recipe_of
    from archdsl.train.record import Epoch, Run, RunRecord

# No module has the name of what it defines: once imported, it would hide the definition.
_MODULES = {
    "Epoch": "record",
    "NotFinite": "not_finite",
    "Progress": "loop",
    "Recipe": "recipe",
    "Run": "record",
    "RunRecord": "record",
    "evaluate": "evaluation",
    "predict": "prediction",
    "recipe_of": "recipe",
    "resume": "loop",
    "train": "loop",
}

__all__ = [
    "Epoch",
    "NotFinite",
    "Progress",
    "Recipe",
    "Run",
    "RunRecord",
    "evaluate",
    "predict",
    "recipe_of",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use: reading a recipe needs neither torch nor a data set.

    Raises ArchError if the name needs dependencies that are not installed.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _MODULES[name] != "recipe":
        require(f"{__name__}.{name}", "train")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
