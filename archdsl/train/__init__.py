"""Training: a recipe in the spec, a short loop on torch's own parts, a run that can be read again.

>>> import archdsl
>>> from archdsl.train import recipe_of
>>> recipe_of(archdsl.load("lenet5")).epochs
20
"""

from archdsl.recipe import Recipe, recipe_of
from archdsl.train.evaluate import evaluate
from archdsl.train.finite import NotFinite
from archdsl.train.loop import Progress, resume, train
from archdsl.train.predict import predict
from archdsl.train.record import Epoch, Run, RunRecord

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
