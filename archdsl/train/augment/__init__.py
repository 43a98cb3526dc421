"""The augmentations that a recipe can name, each on a whole batch at once."""

from archdsl.train.augment.affine import Rotation, Scale, Shear, Translation
from archdsl.train.augment.base import Augmentation, Mixer
from archdsl.train.augment.colour import ColourJitter, Grayscale, PcaColour
from archdsl.train.augment.crop import CenterCrop, PaddedCrop, RandomResizedCrop, ScaleJitter
from archdsl.train.augment.erasing import Cutout, RandomErasing
from archdsl.train.augment.flip import HorizontalFlip, VerticalFlip
from archdsl.train.augment.mixers import Cutmix, Mixup
from archdsl.train.augment.noise import GaussianBlur, GaussianNoise
from archdsl.train.augment.rand_augment import RandAugment
from archdsl.train.augment.shift import Shift

__all__ = ["Augmentation", "CenterCrop", "ColourJitter", "Cutmix", "Cutout", "GaussianBlur"]
__all__ += ["GaussianNoise", "Grayscale", "HorizontalFlip", "Mixer", "Mixup", "PaddedCrop"]
__all__ += ["PcaColour", "RandAugment", "RandomErasing", "RandomResizedCrop", "Rotation"]
__all__ += ["Scale", "ScaleJitter", "Shear", "Shift", "Translation", "VerticalFlip"]
