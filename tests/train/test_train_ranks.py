"""Training on signals and clips: their images, their accuracy, and resumed runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from digits_data import digits
from PIL import Image

import archdsl
from archdsl import ArchError
from archdsl.train import evaluate, predict, recipe_of, resume, train
from archdsl.train.augment import Shift
from archdsl.train.data.fit import fitted
from archdsl.train.data.images import Pixels
from archdsl.train.data.pipeline import Form, split_of

RECIPE = """
train on digits {
  optimizer adam lr 0.01
  batch 32, epochs 3
  schedule one-cycle
  augment random shift 1
}
"""
SIGNAL = f"""network signal
input 256x1
conv means conv-bn-relu
conv9-16 stride 2
maxpool 2
conv9-32 stride 2
conv3-32
10-d fc
{RECIPE}"""
CLIP = f"""network clip
input 4x16x16x1
conv means conv-bn-relu
conv 1x3x3 8 stride 1x2x2
conv 3x3x3 16 stride 2
conv3-32 stride 2
10-d fc
{RECIPE}"""
NETWORKS = pytest.mark.parametrize("text", [SIGNAL, CLIP], ids=["signal", "clip"])


def test_a_signal_is_the_image_row_by_row():
    image = torch.rand(3, 1, 8, 8)
    assert torch.equal(fitted(image, (1, 64)), image.view(3, 1, 64))
    coloured = fitted(image, (3, 64))
    assert coloured.shape == (3, 3, 64)
    assert all(torch.equal(coloured[:, c], image.view(3, 64)) for c in range(3))
    larger = fitted(image, (1, 256)).view(3, 1, 16, 16)
    assert torch.equal(larger, fitted(image, (1, 16, 16)))


def test_a_clip_shows_the_image_in_every_frame():
    image = torch.rand(3, 1, 8, 8)
    clip = fitted(image, (3, 5, 8, 8))
    assert clip.shape == (3, 3, 5, 8, 8)
    for frame in range(5):
        for channel in range(3):
            assert torch.equal(clip[:, channel, frame], image[:, 0])
    one, several = digits((1, 8, 8)), digits((1, 4, 8, 8))
    assert torch.equal(several.test_images[:, :, 2], one.test_images)
    assert torch.equal(several.test_labels, one.test_labels)
    # A long clip needs no more memory than an image.
    long = digits((1, 2**20, 8, 8)).train_images
    assert long.untyped_storage().nbytes() == one.train_images.untyped_storage().nbytes()


def batch_of(images: torch.Tensor, shape: tuple[int, ...], augment: tuple = ()) -> torch.Tensor:
    """All images as one batch of inputs."""
    form = Form(shape, "digits", len(images), torch.device("cpu"), augment=augment)
    split = split_of(Pixels(images, torch.arange(len(images))), form)
    inputs, order = next(split.epoch(torch.Generator().manual_seed(0)))
    return inputs[order.argsort()]


def test_rows_and_frames_move_with_their_image():
    """A shift moves the image in a signal, and all frames of a clip together."""
    images = torch.rand(20, 1, 8, 8)
    moved = [
        batch_of(images, shape, (Shift(pixels=2),))
        for shape in ((1, 8, 8), (64,), (1, 64), (3, 64), (1, 5, 8, 8), (3, 5, 8, 8))
    ]
    image, vector, signal, coloured, clip, video = moved
    assert not torch.equal(image, images)
    assert torch.equal(vector, image.view(20, 64))
    assert torch.equal(signal, image.view(20, 1, 64))
    assert torch.equal(coloured, signal.expand(-1, 3, -1))
    assert torch.equal(clip, image.unsqueeze(2).expand(-1, -1, 5, -1, -1))
    assert torch.equal(video, clip.expand(-1, 3, -1, -1, -1))


@NETWORKS
@pytest.mark.slow
def test_signals_and_clips_learn_digits(text: str, tmp_path: Path):
    net = archdsl.loads(text)
    run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path)
    assert run.accuracy > 0.9
    assert evaluate(run.folder).accuracy == run.accuracy
    again, _ = resume(run.folder)
    assert again.accuracy == run.accuracy
    # Pictures are converted to what the training images are.
    data = digits((1, 8, 8))
    paths = []
    for index in range(40):
        values = (data.test_images[index, 0] * 255).round().to(torch.uint8).numpy()
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(values).save(paths[-1])
    seen = [int(one.classes[0].name) for one in predict(run.folder, paths).predictions]
    right = sum(a == int(b) for a, b in zip(seen, data.test_labels, strict=False))
    assert right > 34


@pytest.mark.parametrize("input", ["16000x1", "256x2", "4x16x16x2", "4x16x16x4"])
def test_inputs_that_do_not_show_an_image(input: str):
    net = archdsl.loads(f"input {input}\n10-d fc\n{RECIPE}")
    with pytest.raises(ArchError, match="digits has images, but the input is") as caught:
        train(net, recipe_of(net))
    assert "row by row" in str(caught.value)
