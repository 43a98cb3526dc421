"""How an image is shown to a trained network: `evaluate 10-crop`."""

from archdsl.train.views.base import View
from archdsl.train.views.crops import CenterView, GoogLeNetCrops, TenCrop
from archdsl.train.views.dense import Dense

__all__ = ["CenterView", "Dense", "GoogLeNetCrops", "TenCrop", "View"]
