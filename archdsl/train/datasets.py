"""The data sets that a recipe can name, as tensors of a network's input shape."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from archdsl.errors import ArchError
from archdsl.expand.layers import hwc
from archdsl.layers import Shape
from archdsl.network import Network
from archdsl.train.recipe import Recipe

CLASSES = {"digits": tuple("0123456789")}
TEST_SHARE = 0.2


class Data(NamedTuple):
    """Images in 0 … 1, as inputs (N, C, H, W), (N, L), (N, C, L) or (N, C, T, H, W) of a network,
    with labels (N,), for training and test."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def check(network: Network, recipe: Recipe) -> None:
    """Raise ArchError, with what to write instead, if a network does not fit the data."""
    data = recipe.data
    classes = len(CLASSES[data])
    if len(network.outputs) > 1:
        raise ArchError(
            f"the network {network.name} has {len(network.outputs)} outputs, training needs one",
            help="name one in `output`, and write the others as side heads",
        )
    heads = {f"the side head {s.section.name}": s.output for s in network.sides}
    for head, output in (heads | {f"the network {network.name}": network.graph.outputs[0]}).items():
        shape = network.graph.nodes[output].shape
        if shape != (classes,):
            end = f"`FC-{classes}`"
            if shape[0] == classes:
                end = "`flatten`, or with a pool of the whole map and `flatten`"
            raise ArchError(
                f"{data} has {classes} classes, {head} gives {hwc(shape)}",
                help=f"end it with {end}",
            )
    _, height, width = image_shape(network.input, data)
    for augmentation in recipe.augment:
        augmentation.check(height, width)
    nodes = network.graph.nodes
    alone = any(n.op.uses_batch_statistics and math.prod(n.shape[1:]) == 1 for n in nodes)
    if recipe.batch == 1 and alone:
        raise ArchError("a batch of 1 has no variance to normalise by", help="write `batch 32`")


def image_shape(shape: Shape, data: str) -> tuple[int, int, int]:
    """(C, H, W) of the images that an input shape stands for.

    A vector or a signal holds a square image row by row; a clip shows one image in every frame.
    """
    channels = shape[0] if len(shape) > 1 else 1
    side = math.isqrt(shape[-1])
    if channels in (1, 3) and len(shape) > 2:
        return channels, shape[-2], shape[-1]
    if channels in (1, 3) and side**2 == shape[-1]:
        return channels, side, side
    raise ArchError(
        f"{data} has grey images, but the input is {hwc(shape)}",
        help="write an input such as `input 32x32x1`, `input 32x32 RGB` or `input 64`; a signal, "
        "`input 1024x1`, is a square image row by row, a clip, `input 8x32x32x1`, one image in "
        "every frame",
    )


def digits(shape: Shape, split: int = 0) -> Data:
    """scikit-learn's 1,797 handwritten digits (8×8, Alpaydin & Kaynak), resized bilinearly.

    A stratified fifth is the test set; `split` is the seed of the split.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    indices = np.arange(len(bunch.target))
    train, test = train_test_split(
        indices, test_size=TEST_SHARE, stratify=bunch.target, random_state=split
    )
    images = torch.from_numpy(bunch.images / 16.0).float().unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    # The frames of a clip share one image in memory.
    return Data(
        fitted(images[train], shape), labels[train], fitted(images[test], shape), labels[test]
    )


def fitted(images: Tensor, shape: Shape, data: str = "digits") -> Tensor:
    """Images (N, C, H, W), or grey ones (N, 1, H, W), as a network's inputs (N, *shape).

    They are resized bilinearly, with antialiasing if they shrink.
    """
    channels, height, width = image_shape(shape, data)
    old = images.shape[2:]
    if (height, width) != old:
        images = interpolate(
            images,
            (height, width),
            mode="bilinear",
            align_corners=False,
            antialias=height < old[0] or width < old[1],
        )
    images = images.expand(-1, channels, -1, -1)
    if len(shape) == 4:
        return images.unsqueeze(2).expand(-1, *shape)
    return images.reshape(len(images), *shape)


def batches(order: Tensor, size: int) -> list[Tensor]:
    """Split an order into batches; a single last image joins the batch before it.

    Batch normalisation needs more than one image.
    """
    chunks = list(order.split(size))
    if size > 1 and len(chunks) > 1 and len(chunks[-1]) == 1:
        chunks[-2:] = [torch.cat(chunks[-2:])]
    return chunks
