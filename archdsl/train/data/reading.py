"""Reads the data of a recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from archdsl.errors import ArchError
from archdsl.expand.layers import hwc
from archdsl.extras import require
from archdsl.network import Network
from archdsl.train.augment.base import load_size
from archdsl.train.data.base import DataSet, Place, default_folder
from archdsl.train.data.fit import image_shape
from archdsl.train.data.images import Data, split
from archdsl.train.recipe import Recipe
from archdsl.train.record import DataRecord


def read(network: Network, recipe: Recipe, folder: str = "", download: bool = False) -> Data:
    """The data of a recipe, for a network that fits it.

    `folder` is that of `--data-dir`. Raises ArchError, with what to write instead, if the data is
    missing or damaged, or the network does not fit it.
    """
    name = recipe.data
    if name.kind.extra:
        require(f"train on {name.name}", name.kind.extra)
    place = Place(Path(folder or default_folder()).expanduser(), Path(name.path), download)
    source: DataSet = name.kind(name.name, place)
    if known := source.classes():
        check_classes(network, known, str(name))
    contents = source.read()
    if not known:
        check_classes(network, contents.classes, str(name))
    return split(contents, str(name), recipe.val_split, recipe.split)


def read_again(
    network: Network,
    recipe: Recipe,
    record: DataRecord,
    folder: str | Path | None = None,
    download: bool = False,
) -> Data:
    """The data of a run. Raises ArchError if it has changed, or cannot be read."""
    check(network, recipe)
    data = read(network, recipe, str(folder or record.folder), download)
    if list(data.classes) != record.classes:
        named = [c for c in (*data.classes, *record.classes) if c not in record.classes]
        named += [c for c in record.classes if c not in data.classes]
        raise ArchError(
            f"the classes of {recipe.data} are not those that the run was trained on"
            + (f": `{named[0]}` is different" if named else ""),
            help="give the data the same classes, or train again",
        )
    now = (len(data.train.labels), len(data.epochs.labels))
    if record.images and now != (record.images, record.held_out):
        raise ArchError(
            f"{recipe.data} has {sum(now)} images to train on and measure by, but had "
            f"{record.images + record.held_out} when the run began",
            help="put the same images back, or train again",
        )
    return data


def check_classes(network: Network, classes: Sequence[str], data: str) -> None:
    """Raise ArchError if a network does not end with one value for each class."""
    count = len(classes)
    if len(network.outputs) > 1:
        raise ArchError(
            f"the network {network.name} has {len(network.outputs)} outputs, training needs one",
            help="name one in `output`, and write the others as side heads",
        )
    heads = {f"the side head {s.section.name}": s.output for s in network.sides}
    for head, output in (heads | {f"the network {network.name}": network.graph.outputs[0]}).items():
        shape = network.graph.nodes[output].shape
        if shape == (count,):
            continue
        end = f"end it with `FC-{count}`, or add `-p classes={count}`"
        if shape[0] == count:
            end = "end it with `flatten`, or with a pool of the whole map and `flatten`"
        raise ArchError(f"{data} has {count} classes, {head} gives {hwc(shape)}", help=end)


def check(network: Network, recipe: Recipe) -> None:
    """Raise ArchError, with what to write instead, if a recipe does not fit a network, whatever is
    in its data."""
    _, *size = image_shape(network.input, str(recipe.data))
    height, width = load_size(recipe.augment, (size[0], size[1]))
    for augmentation in recipe.augment:
        augmentation.check(height, width)
        height, width = augmentation.size_after(height, width)
    nodes = network.graph.nodes
    alone = any(n.op.uses_batch_statistics and math.prod(n.shape[1:]) == 1 for n in nodes)
    if recipe.batch == 1 and alone:
        raise ArchError("a batch of 1 has no variance to normalise by", help="write `batch 32`")
