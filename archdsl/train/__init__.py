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

__all__ = ["Epoch", "NotFinite", "Progress", "Recipe", "Run", "RunRecord"]
__all__ += ["evaluate", "predict", "recipe_of", "resume", "train"]

# No module has the name of what it defines: once imported, it would hide the definition.
_MODULES = {
    "recipe": ("Recipe", "recipe_of"),
    "record": ("Epoch", "Run", "RunRecord"),
    "not_finite": ("NotFinite",),
    "loop": ("Progress", "resume", "train"),
    "evaluation": ("evaluate",),
    "prediction": ("predict",),
}


def __getattr__(name: str) -> Any:
    """Import a name on first use: reading a recipe needs neither torch nor a data set.

    Raises ArchError if the name needs dependencies that are not installed.
    """
    for module, names in _MODULES.items():
        if name in names:
            if module != "recipe":
                require(f"{__name__}.{name}", "train")
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
