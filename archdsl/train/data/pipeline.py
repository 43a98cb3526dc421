"""Batches of a network's inputs from the images of a data set.

Images that fit in memory lie on the training device as bytes; the rest of the work is done on whole
batches. Others are decoded by processes of their own, a batch ahead.
"""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.utils.data import DataLoader, Dataset

from archdsl.errors import ArchError
from archdsl.layers import Shape
from archdsl.network import Network
from archdsl.train.augment import Augmentation
from archdsl.train.augment.batch import Mix, as_floats, augmented
from archdsl.train.data.fit import as_inputs, image_shape, in_grey, resized
from archdsl.train.data.images import Images, Pictures, Pixels
from archdsl.train.data.name import DataName
from archdsl.train.normaliser import Normaliser
from archdsl.train.read_image import read_pixels

IN_MEMORY = 4 * 2**30  # bytes; more decoded pictures than that are read again in every epoch
CHUNK = 256  # images that are resized, or decoded into memory, at a time
MOST_WORKERS = 8
LARGEST_SEED = 2**62


class Form(NamedTuple):
    """What the batches of a network are like.

    `shape`: the input of the network. `data`: the name of the data, for errors. `grey`: pictures in
    colour are made grey. `whole`: pictures are resized as a whole, instead of cropped. `augment`
    and `mix` apply only to batches in random order. `load`: the size (H, W) that images have before
    the augmentations, by default that of the input. `drop_last`: a last batch that is smaller is
    left out of passes in random order. Of several `ranks`, processes with the same generator, each
    gets its own part of every batch.
    """

    shape: Shape
    data: str
    batch: int
    device: torch.device
    grey: bool = False
    whole: bool = True
    augment: Sequence[Augmentation] = ()
    mix: Mix | None = None
    classes: int = 0
    normalise: Normaliser | None = None
    load: tuple[int, int] | None = None
    drop_last: bool = False
    rank: int = 0
    ranks: int = 1

    @property
    def channels(self) -> int:
        return image_shape(self.shape, self.data)[0]

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of images in an input."""
        return image_shape(self.shape, self.data)[1:]

    @property
    def stored(self) -> tuple[int, int]:
        """(H, W) of images before the augmentations."""
        return self.load or self.size


def form_of(network: Network, data: DataName, batch: int, device: torch.device) -> Form:
    """The batches of a network that is trained on some data, without augmentation."""
    return Form(network.input, str(data), batch, device, data.grey, data.kind.whole)


class _Finish:
    """Makes inputs and targets from images on the device."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.channels, self.size, self.stored = form.channels, form.size, form.stored
        self.normalise = form.normalise and form.normalise.to(form.device)

    def __call__(
        self, images: Tensor, labels: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Inputs and targets, changed at random with a generator."""
        form = self.form
        images = resized(images, self.stored, form.whole).expand(-1, self.channels, -1, -1)
        targets = labels
        if generator is not None:
            images = augmented(images, form.augment, generator)
            if form.mix is not None:
                images = as_floats(images)
                targets = one_hot(labels, form.classes).to(images.dtype)
                images, targets = form.mix(images, targets, generator)
        images = self.normalised(resized(images, self.size, form.whole))
        if images.shape[1:] == form.shape:
            return images, targets
        return as_inputs(images, form.shape, form.data), targets

    def normalised(self, images: Tensor) -> Tensor:
        return as_floats(images) if self.normalise is None else self.normalise.apply(images)


class Split(ABC):
    """The images of one split, as batches of inputs (B, *input) on the training device and targets:
    labels (B,), or shares (B, classes) from a mixer.

    `images` is their number, `steps` that of the batches of an epoch.
    """

    def __init__(self, form: Form, labels: Tensor) -> None:
        self.form = form
        self.labels = labels
        self.finish = _Finish(form)
        self.images = len(labels)
        self.steps = len(batches(torch.arange(self.images), form.batch, form.drop_last))

    def epoch(
        self, generator: torch.Generator | None = None, skip: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass: with a generator in a new order and augmented, without one in order and as they
        are.

        The generator, on the CPU, is used only when the pass begins: for the order, and for a seed
        of each batch. So a pass with its state at that time, and with `skip`, continues one that
        was stopped after as many batches, bit by bit.
        """
        form, own = self.form, torch.Generator()
        if generator is None:
            order = torch.arange(self.images)
        else:
            order = torch.randperm(self.images, generator=generator)
            seeds = torch.randint(LARGEST_SEED, (self.steps,), generator=generator).tolist()
        drop_last = form.drop_last and generator is not None
        chunks = batches(order.to(self.labels.device), form.batch, drop_last)[skip:]
        if form.ranks > 1:
            chunks = [chunk.tensor_split(form.ranks)[form.rank] for chunk in chunks]
        for step, (images, labels) in enumerate(self.fetched(chunks), skip):
            random = None if generator is None else own.manual_seed(seeds[step] + form.rank)
            yield self.finish(images, labels, random)

    def change(self, form: Form) -> None:
        """Make other batches of the same images, loaded in the same size."""
        self.form, self.finish = form, _Finish(form)

    def plain(self) -> Iterator[Tensor]:
        """The images in order, normalised, in the size that they have before augmentations."""
        for images in self.raw():
            yield self.finish.normalised(as_floats(images))

    def raw(self) -> Iterator[Tensor]:
        """The images in order, as bytes or in 0 … 1, in that size."""
        form = self.form
        order = torch.arange(self.images, device=self.labels.device)
        for images, _ in self.fetched(batches(order, form.batch)):
            yield resized(images, form.stored, form.whole).expand(-1, form.channels, -1, -1)

    def close(self) -> None:  # noqa: B027  in memory there is nothing to end
        """End what the split needs to make batches; it makes no more of them."""

    @abstractmethod
    def fetched(self, chunks: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """The images of batches of indices, on the device, with labels."""


class InMemory(Split):
    """Images that lie on the training device."""

    def __init__(self, form: Form, pixels: Pixels) -> None:
        super().__init__(form, pixels.labels.to(form.device))
        self.values = pixels.values.to(form.device)

    def fetched(self, chunks: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        for chunk in chunks:
            # Many times as fast as indexing, which copies byte by byte.
            yield self.values.index_select(0, chunk), self.labels.index_select(0, chunk)


class Streamed(Split):
    """Pictures that are decoded and resized by other processes when their turn comes."""

    def __init__(self, form: Form, pictures: Pictures) -> None:
        super().__init__(form, pictures.labels)
        self.chunks: list[list[int]] = []
        self.loader = _loader(_Decoder(pictures, form), self.chunks, form.device)

    def close(self) -> None:
        del self.loader  # its processes end with it

    def fetched(self, chunks: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        self.chunks[:] = [chunk.tolist() for chunk in chunks]
        device = self.form.device
        for chunk, images in zip(chunks, _decoded(self.loader), strict=True):
            labels = self.labels[chunk]
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


def split_of(images: Images, form: Form, stream: bool | None = None) -> Split:
    """The split of a data set's images.

    Pictures are kept in memory if they take at most `IN_MEMORY` bytes there, or as `stream` says.
    Raises ArchError if they do not fit the network, or one in memory cannot be decoded.
    """
    channels, (height, width) = form.channels, form.stored
    if isinstance(images, Pictures):
        size = len(images.labels) * channels * height * width
        if size > IN_MEMORY if stream is None else stream:
            return Streamed(form, images)
        return InMemory(form, _all_decoded(images, form))
    values = images.values
    if channels == 1 and values.shape[1] == 3:
        if not form.grey:
            raise ArchError(
                f"{form.data} is in colour, but the input of the network has one channel",
                help="write an input with three, `input 32x32 RGB`, or train on "
                f"`{form.data} in grey`",
            )
        values = torch.cat([in_grey(chunk) for chunk in values.split(CHUNK)])
    if height * width * values.shape[1] * len(values) <= IN_MEMORY:  # otherwise batch by batch
        values = _resized_in_chunks(values, (height, width), form.whole)
    return InMemory(form, Pixels(values, images.labels))


def _resized_in_chunks(values: Tensor, size: tuple[int, int], whole: bool) -> Tensor:
    if values.shape[2:] == size:
        return values
    images = torch.empty((len(values), values.shape[1], *size), dtype=values.dtype)
    for old, new in zip(values.split(CHUNK), images.split(CHUNK), strict=True):
        new.copy_(resized(old, size, whole))
    return images


class _Decoder(Dataset[Any]):
    """The pictures of a batch, decoded and resized, as bytes (B, C, H, W)."""

    def __init__(self, pictures: Pictures, form: Form) -> None:
        self.files = pictures.files
        self.indices = pictures.indices
        self.form = form._replace(augment=(), mix=None)

    def __getitems__(self, chosen: Sequence[int]) -> Tensor | ArchError:
        channels, size = self.form.channels, self.form.stored
        images = torch.empty((len(chosen), channels, *size), dtype=torch.uint8)
        try:
            for place, index in enumerate(chosen):
                number = int(self.indices[index])
                name, file = self.files.name(number), self.files.file(number)
                picture = read_pixels(file, name, channels, self.form.grey)
                images[place] = resized(picture[None], size, self.form.whole)[0]
        except ArchError as error:
            return error  # an exception would come back with a traceback as its text
        return images


def _loader(decoder: _Decoder, chunks: Any, device: torch.device) -> DataLoader[Any]:
    return DataLoader(
        decoder,
        batch_sampler=chunks,
        collate_fn=_same,
        num_workers=min(MOST_WORKERS, _cores()),
        persistent_workers=True,
        worker_init_fn=_leave_group,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),  # otherwise it would use random numbers of the training
    )


def _leave_group(worker: int) -> None:
    """Signals to a whole process group, as Ctrl-C, are for the training alone, which then ends its
    processes."""
    if hasattr(os, "setsid"):
        os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _same(batch: Any) -> Any:
    return batch


def _decoded(loader: Iterable[Tensor | ArchError]) -> Iterator[Tensor]:
    for images in loader:
        if isinstance(images, ArchError):
            raise images
        yield images


def _all_decoded(pictures: Pictures, form: Form) -> Pixels:
    chunks = [chunk.tolist() for chunk in torch.arange(len(pictures.labels)).split(CHUNK)]
    decoder = _Decoder(pictures, form)
    if len(chunks) == 1:  # starting processes would take longer
        loader: Iterable[Tensor | ArchError] = [decoder.__getitems__(chunks[0])]
    else:
        loader = _loader(decoder, chunks, torch.device("cpu"))
    images = torch.empty((len(pictures.labels), form.channels, *form.stored), dtype=torch.uint8)
    for place, decoded in zip(images.split(CHUNK), _decoded(loader), strict=True):
        place.copy_(decoded)
    return Pixels(images, pictures.labels)


def batches(order: Tensor, size: int, drop_last: bool = False) -> list[Tensor]:
    """Split an order into batches; a single last image joins the batch before it.

    Batch normalisation needs more than one image. `drop_last` leaves out a last batch that is
    smaller, unless it is the only one.
    """
    chunks = list(order.split(size))
    if drop_last and len(chunks) > 1 and len(chunks[-1]) < size:
        return chunks[:-1]
    if size > 1 and len(chunks) > 1 and len(chunks[-1]) == 1:
        chunks[-2:] = [torch.cat(chunks[-2:])]
    return chunks
