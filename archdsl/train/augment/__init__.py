"""The augmentations that a recipe can name, each on a whole batch at once."""

from archdsl.train.augment.base import Augmentation
from archdsl.train.augment.shift import Shift

__all__ = ["Augmentation", "Shift"]
