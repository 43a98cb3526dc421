"""Batches: their order, augmentation, normalisation, and passes that are continued."""

from __future__ import annotations

import torch
from torch import Tensor

from archdsl.train.augment import Augmentation, Shift
from archdsl.train.data import pipeline
from archdsl.train.data.fit import resized
from archdsl.train.data.images import Pixels
from archdsl.train.data.pipeline import Form, split_of
from archdsl.train.normalisation import PerChannel

CPU = torch.device("cpu")


def pixels(count: int, channels: int = 3, size: int = 8) -> Pixels:
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels, size, size)
    values = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return Pixels(values, torch.arange(count) % 5)


def form(shape: tuple[int, ...] = (3, 8, 8), **changes: object) -> Form:
    return Form(shape, "data", 16, CPU)._replace(**changes)  # type: ignore[arg-type]


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_in_order_the_images_are_as_they_are():
    data = pixels(50)
    split = split_of(data, form())
    batches = list(split.epoch())
    assert (split.images, split.steps, len(batches)) == (50, 4, 4)
    assert torch.equal(torch.cat([x for x, _ in batches]), data.values / 255)
    assert torch.equal(torch.cat([y for _, y in batches]), data.labels)


def test_a_random_pass_has_every_image_once():
    data = pixels(50)
    split = split_of(data, form(batch=7))  # the last one joins the batch before it
    x, y = (torch.cat(parts) for parts in zip(*split.epoch(seeded()), strict=True))
    order = torch.randperm(50, generator=seeded())
    assert torch.equal(x, data.values[order] / 255) and torch.equal(y, data.labels[order])


def test_a_pass_continues_bit_by_bit():
    """From the state of the generator at its beginning, and the number of batches done."""
    split = split_of(pixels(50), form(augment=(Shift(pixels=2),)))
    generator = seeded()
    whole = list(split.epoch(generator))
    for skip in range(5):
        again = seeded()
        rest = list(split.epoch(again, skip))
        assert len(rest) == max(0, 4 - skip)
        for (x, y), (a, b) in zip(whole[skip:], rest, strict=True):
            assert torch.equal(x, a) and torch.equal(y, b)
        assert torch.equal(again.get_state(), generator.get_state())


def test_a_smaller_last_batch_may_be_left_out():
    split = split_of(pixels(50), form(drop_last=True))
    assert split.steps == len(list(split.epoch(seeded()))) == 3
    assert sum(len(y) for _, y in split.epoch()) == 50
    assert split_of(pixels(5), form(drop_last=True)).steps == 1


def test_processes_share_each_batch():
    data = pixels(48)
    whole = list(split_of(data, form()).epoch(seeded()))
    parts = [split_of(data, form(rank=r, ranks=2)).epoch(seeded()) for r in (0, 1)]
    for (x, y), (a, b), (c, d) in zip(whole, *parts, strict=True):
        assert torch.equal(x, torch.cat((a, c))) and torch.equal(y, torch.cat((b, d)))


def test_normalisation():
    data = pixels(50)
    plain = split_of(data, form())
    found = PerChannel().fit(plain.raw(), 3)
    values = data.values.double() / 255
    mean = values.mean((0, 2, 3), keepdim=True)
    deviation = values.std((0, 2, 3), correction=0, keepdim=True)
    by_hand = (values - mean) / deviation
    for augment in ((), (Unchanged(),)):
        (x, _), *_ = split_of(data, form(batch=50, normalise=found, augment=augment)).epoch()
        assert torch.allclose(x, by_hand.float(), atol=1e-5)


class Unchanged(Augmentation):
    """An augmentation that only takes floats."""

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        assert images.is_floating_point() and images.max() <= 1
        return images


class Grows(Augmentation):
    """An augmentation that gives another size than it takes."""

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return images[..., 2:10, 2:10]


def test_augmentations_may_take_bytes_and_larger_images():
    data = pixels(32, size=12)
    split = split_of(data, form(load=(12, 12), augment=(Grows(), Unchanged())))
    x, _ = next(split.epoch(seeded()))
    order = torch.randperm(32, generator=seeded())[:16]
    assert torch.allclose(x, data.values[order][..., 2:10, 2:10] / 255)
    shown = split_of(data, form())
    x, _ = next(shown.epoch())
    assert torch.allclose(x, resized(data.values[:16], (8, 8)) / 255)


def test_mixers_give_soft_targets():
    def mix(images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        share = torch.rand((), generator=generator)
        return images.lerp(images.flip(0), share), targets.lerp(targets.flip(0), share)

    split = split_of(pixels(50), form(mix=mix, classes=5))
    _, y = next(split.epoch(seeded()))
    assert y.shape == (16, 5) and torch.allclose(y.sum(1), torch.ones(16))
    _, y = next(split.epoch())
    assert y.dtype == torch.int64


def test_grey_images_fill_three_channels_and_vectors_hold_colours():
    grey = pixels(16, 1)
    x, _ = next(split_of(grey, form()).epoch())
    assert torch.equal(x, (grey.values / 255).expand(-1, 3, -1, -1))
    colour = pixels(16, 3)
    x, _ = next(split_of(colour, form((192,))).epoch())
    assert torch.equal(x, (colour.values / 255).flatten(1))


def test_images_that_are_too_large_once_resized_are_resized_by_the_batch(monkeypatch):
    data = pixels(16)
    expected = next(split_of(data, form((3, 20, 20))).epoch())[0]
    monkeypatch.setattr(pipeline, "IN_MEMORY", 10_000)
    split = split_of(data, form((3, 20, 20)))
    assert split.values.shape == (16, 3, 8, 8)
    assert torch.equal(next(split.epoch())[0], expected)


def test_the_middle_of_a_photograph_is_kept():
    values = torch.zeros(1, 3, 20, 40)
    values[..., 10:30] = 1
    assert resized(values, (10, 10), whole=False).min() == 1
    assert resized(values, (10, 10)).min() == 0
