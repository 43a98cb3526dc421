"""Trained networks on their test images and on pictures."""

from __future__ import annotations

import json
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from digits_data import digits
from PIL import Image

import archdsl
from archdsl import ArchError
from archdsl.output.records import Evaluation, Predictions
from archdsl.train import NotFinite, evaluate, predict, read_image, recipe_of, train
from archdsl.train.data.fit import fitted

TEXT = """network small
input 8x8x1
conv means conv-bn-relu
conv3-8
dropout 0.1
FC-10
train on digits { optimizer adam lr 0.01; batch 100, epochs 3; split 2 }
"""


def trained(folder: Path, text: str) -> Path:
    net = archdsl.loads(text)
    return train(net, recipe_of(net), device="cpu", runs=folder)[0].folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs"), TEXT)


def png(path: Path, image: torch.Tensor, size: int = 8) -> Path:
    """Save a digit as an 8-bit picture, each pixel as a square."""
    values = (image.view(8, 8) * 255).round().to(torch.uint8).numpy()
    Image.fromarray(np.kron(values, np.ones((size // 8, size // 8), np.uint8))).save(path)
    return path


def likeliest(run: Path, path: Path) -> list[tuple[str, float]]:
    (one,) = predict(run, [path]).predictions
    return [(c.name, c.probability) for c in one.classes]


# Test images.


@pytest.mark.slow
def test_evaluation_gives_the_numbers_of_the_last_epoch(run: Path):
    last = json.loads((run / "record.json").read_text())["epochs"][-1]
    before = torch.get_rng_state()
    found = evaluate(run)
    assert torch.equal(torch.get_rng_state(), before)
    assert (found.loss, found.accuracy) == (last["test_loss"], last["test_accuracy"])
    assert (found.epoch, found.images, found.split, found.data) == (3, 360, 2, "digits")
    assert evaluate(run / "checkpoint.pt").loss == found.loss


def test_the_accuracy_of_each_class(run: Path):
    found = evaluate(run)
    assert [c.name for c in found.classes] == list("0123456789")
    data = digits((1, 8, 8), 2)
    module = archdsl.load(run / "spec.arch").module(weights=run).eval()
    answers = module(data.test_images).argmax(1)
    for label, of_class in enumerate(found.classes):
        mine = data.test_labels == label
        right = int((answers[mine] == label).sum())
        assert of_class.images == int(mine.sum())
        assert of_class.accuracy == pytest.approx(right / of_class.images)
    assert len({c.accuracy for c in found.classes}) > 1


def test_eval_command(run: Path, archdsl_cli):
    code, out, error = archdsl_cli("eval", str(run), "--format", "json", "--device", "cpu")
    assert (code, error) == (0, "")
    found = Evaluation.model_validate_json(out)
    assert found == evaluate(run)
    code, out, error = archdsl_cli("eval", str(run / "checkpoint.pt"))
    assert (code, error) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "small after epoch 3, on 360 test images of digits"
    assert lines[1] == f"loss {found.loss:.4f}  accuracy {found.accuracy:.2%}"
    assert lines[3].split() == ["class", "images", "accuracy"]
    zero = found.classes[0]
    assert lines[4].split() == ["0", str(zero.images), f"{zero.accuracy:.2%}"]
    assert len(lines) == 14


def test_a_run_from_a_device_that_is_not_available(run: Path, tmp_path: Path, archdsl_cli):
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    state["record"]["device"] = "quantum"
    torch.save(state, tmp_path / "a.pt")
    assert evaluate(tmp_path / "a.pt", "cpu").loss == evaluate(run).loss
    assert evaluate(tmp_path / "a.pt").images == 360
    code, _, error = archdsl_cli("eval", str(run), "--device", "quantum")
    assert code == 2 and "there is no device `quantum` here" in error


def test_weights_that_are_not_finite(run: Path, tmp_path: Path, archdsl_cli):
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    state["module"]["conv1.bn.running_mean"][3] = math.nan
    path = tmp_path / "a.pt"
    torch.save(state, path)
    code, _, error = archdsl_cli("eval", str(path))
    assert code == 1
    assert error == (
        f"error: the test loss of {path} is nan; "
        "the first layer that is not finite is `conv1.bn`, in its running_mean\n"
    )
    digit = png(tmp_path / "0.png", digits((1, 8, 8)).test_images[0])
    with pytest.raises(
        NotFinite, match=r"does not compute finite numbers for .*0\.png; .*`conv1\.bn`"
    ):
        predict(path, [digit])


@pytest.mark.parametrize("command", [["eval"], ["predict", "x.png"]])
def test_runs_that_cannot_be_read(command: list[str], tmp_path: Path, monkeypatch, archdsl_cli):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("text.pt").write_text("hello")
    torch.save(archdsl.loads(TEXT).module().state_dict(), "weights.pt")
    for run, shown in (
        ("nothing", "there is no file nothing"),
        ("empty", "there is no file empty/checkpoint.pt"),
        ("text.pt", "text.pt is damaged, or was not saved by torch"),
        ("weights.pt", "weights.pt is not the checkpoint of a run"),
    ):
        code, out, error = archdsl_cli(command[0], run, *command[1:])
        assert (code, out) == (2, "") and error.startswith(f"error: {shown}")


# Pictures.


def test_a_picture_is_treated_like_the_training_images(run: Path, tmp_path: Path):
    """Test images, saved and read again, get the same answers as from the module."""
    data = digits((1, 8, 8))
    module = archdsl.load(run / "spec.arch").module(weights=run).eval()
    images = data.test_images[:10]
    paths = [png(tmp_path / f"{n}.png", image) for n, image in enumerate(images)]
    with torch.no_grad():
        shares = module(images).softmax(1)
    for one, path, share in zip(predict(run, paths).predictions, paths, shares, strict=True):
        assert one.image == str(path)
        assert [c.name for c in one.classes] == [str(int(n)) for n in share.topk(5).indices]
        found = [c.probability for c in one.classes]
        assert found == pytest.approx(share.topk(5).values.tolist(), abs=0.03)
        assert found == sorted(found, reverse=True)
    everything = predict(run, paths[:1], top=99).predictions[0].classes
    assert len(everything) == 10
    assert sum(c.probability for c in everything) == pytest.approx(1)


def test_predict_command(run: Path, tmp_path: Path, archdsl_cli):
    images = digits((1, 8, 8)).test_images
    paths = [str(png(tmp_path / f"{n}.png", images[n])) for n in range(2)]
    code, out, error = archdsl_cli("predict", str(run), *paths, "--top", "2", "--format", "json")
    assert (code, error) == (0, "")
    found = Predictions.model_validate_json(out)
    assert found == predict(run, paths, top=2)
    code, out, error = archdsl_cli("predict", str(run), *paths, "--top", "2", "--device", "cpu")
    assert (code, error) == (0, "")
    header, *rows = [line.split() for line in out.splitlines()]
    assert header == ["image", "class", "probability"] and len(rows) == 4
    for index, one in enumerate(found.predictions):
        best, second = one.classes
        assert rows[2 * index] == [one.image, best.name, f"{best.probability:.2%}"]
        assert rows[2 * index + 1] == [second.name, f"{second.probability:.2%}"]
    assert archdsl_cli("predict", str(run))[0] == 2
    assert archdsl_cli("predict", str(run), paths[0], "--top", "0")[0] == 2


@pytest.mark.parametrize(("line", "shape"), [("64", (64,)), ("12x10 RGB", (3, 12, 10))])
def test_pictures_fit_inputs_of_other_shapes(line: str, shape: tuple[int, ...], tmp_path: Path):
    layers = "FC-32\nrelu\nFC-10\n" if len(shape) == 1 else "conv3-8\nrelu\nFC-10\n"
    recipe = "train on digits { optimizer adam lr 0.01; batch 32, epochs 4 }\n"
    run = trained(tmp_path, f"network other\ninput {line}\n{layers}{recipe}")
    small, same = digits((1, 8, 8)), digits(shape)
    module = archdsl.load(run / "spec.arch").module(weights=run).eval()
    path = png(tmp_path / "digit.png", small.test_images[4])
    with torch.no_grad():
        share = module(same.test_images[4:5])[0].softmax(0)
    name, probability = likeliest(run, path)[0]
    assert name == str(int(share.argmax()))
    assert probability == pytest.approx(float(share.max()), abs=0.03)


GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
BLANK = np.zeros_like(GREY)


def as_grey(path: Path, image: Image.Image, **options) -> np.ndarray:
    """Save a picture and read it as one channel, in 0 … 255."""
    image.save(path, **options)
    values = read_image.read_image(path, 1)
    assert values.dtype == torch.float32 and values.shape[0] == 1
    return (values[0] * 255).numpy()


def test_every_mode_of_a_picture_gives_the_same_greys(tmp_path: Path):
    """Every kind of picture gives the same grey values."""
    colour = np.stack([GREY] * 3, 2)
    opaque = np.full_like(GREY, 255)
    palette = Image.fromarray(GREY)
    palette.putpalette([v for v in range(256) for _ in range(3)])
    for name, image in {
        "grey.png": Image.fromarray(GREY),
        "colour.png": Image.fromarray(colour),
        "colour.bmp": Image.fromarray(colour),
        "alpha.png": Image.fromarray(np.dstack([colour, opaque])),
        "grey_alpha.png": Image.fromarray(np.dstack([GREY, opaque])),
        "palette.png": palette,
        "palette.gif": palette,
        "grey.tiff": Image.fromarray(GREY),
        "grey.pgm": Image.fromarray(GREY),
        "16.png": Image.fromarray(GREY.astype(np.uint16) * 257),
        "16.tiff": Image.fromarray(GREY.astype(np.uint16) * 257),
        "big_endian.tiff": Image.fromarray((GREY.astype(np.uint16) * 257).astype(">u2")),
        "32.tiff": Image.fromarray(GREY.astype(np.int32) * 257),
    }.items():
        assert np.abs(as_grey(tmp_path / name, image) - GREY).max() < 0.51, name
    found = as_grey(tmp_path / "grey.webp", Image.fromarray(colour), lossless=True)
    assert np.abs(found - GREY).max() < 0.51
    found = as_grey(tmp_path / "grey.jpg", Image.fromarray(GREY), quality=100)
    assert np.abs(found - GREY).max() < 4
    cmyk = Image.fromarray(colour).convert("CMYK")
    assert np.abs(as_grey(tmp_path / "cmyk.jpg", cmyk, quality=100) - GREY).max() < 6
    bits = as_grey(tmp_path / "1.png", Image.fromarray(GREY > 100))
    assert np.array_equal(bits, (GREY > 100) * 255.0)


def test_transparent_pixels_are_black(tmp_path: Path):
    white = np.full_like(GREY, 255)
    for name, channels in (("a.png", [white, GREY]), ("b.png", [white, white, white, GREY])):
        found = as_grey(tmp_path / name, Image.fromarray(np.dstack(channels)))
        assert np.abs(found - GREY).max() <= 1
    for mode, transparent in (("L", 200), ("P", 200), ("1", 255)):
        image = Image.new(mode, (8, 6), 200 if mode != "1" else 1)
        if mode == "P":
            image.putpalette([v for v in range(256) for _ in range(3)])
        found = as_grey(tmp_path / f"{mode}.png", image, transparency=transparent)
        assert np.array_equal(found, BLANK), mode


def test_pictures_keep_their_colours(tmp_path: Path):
    path = tmp_path / "red.png"
    Image.new("RGB", (4, 2), (255, 0, 51)).save(path)
    red = read_image.read_image(path, 3)
    assert red.shape == (3, 2, 4)
    assert red[:, 0, 0].tolist() == pytest.approx([1, 0, 0.2])
    grey = read_image.read_image(path, 1)
    assert float(grey[0, 0, 0]) == pytest.approx(0.299 + 0.114 * 0.2, abs=0.003)
    Image.fromarray(GREY.astype(np.uint16) * 257).save(tmp_path / "16.png")
    deep = read_image.read_image(tmp_path / "16.png", 3)
    assert deep.shape == (3, 6, 8) and torch.equal(deep[0], deep[2])


def test_exif_orientation_is_applied(tmp_path: Path):
    turned = Image.fromarray(np.rot90(GREY).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90° to the right
    found = as_grey(tmp_path / "turned.png", turned, exif=exif)
    assert np.array_equal(found, GREY)


def test_shrinking_smooths(tmp_path: Path):
    """A fine pattern becomes its mean instead of some of its lines."""
    lines = torch.zeros(1, 1, 64, 64)
    lines[..., ::4] = 1
    small = fitted(lines, (1, 8, 8))
    assert (small - 0.25).abs().max() < 0.05
    large = fitted(small, (1, 16, 16))
    assert large.shape == (1, 1, 16, 16)


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def claiming(side: int, data: bytes) -> bytes:
    """A PNG whose header claims a larger size."""
    header = b"IHDR" + struct.pack(">II", side, side) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def test_pictures_that_cannot_be_read(run: Path, tmp_path: Path, monkeypatch, archdsl_cli):
    monkeypatch.chdir(tmp_path)
    png(Path("good.png"), digits((1, 8, 8)).test_images[0], 64)
    Path("cut.png").write_bytes(truncated(Path("good.png").read_bytes()))
    Image.open("good.png").save("good.jpg")
    Path("cut.jpg").write_bytes(truncated(Path("good.jpg").read_bytes()))
    Path("empty.png").write_bytes(b"")
    Path("text.png").write_text("hello")
    Path("program.eps").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    )
    Path("folder.png").mkdir()
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save("float.tiff")
    Image.fromarray(np.full((4, 4), 10**6, np.int32)).save("deep.tiff")
    Path("bomb.png").write_bytes(claiming(20_000, Path("good.png").read_bytes()))
    Path("large.png").write_bytes(claiming(9_000, Path("good.png").read_bytes()))
    for name, shown in (
        ("nothing.png", "cannot read nothing.png: No such file or directory"),
        ("folder.png", "cannot read folder.png: Is a directory"),
        ("empty.png", "empty.png is not a picture that can be read"),
        ("text.png", "text.png is not a picture that can be read"),
        ("program.eps", "program.eps is not a picture that can be read"),
        ("cut.png", "cannot read cut.png: "),
        ("cut.jpg", "cannot read cut.jpg: "),
        ("float.tiff", "cannot read float.tiff: floating-point pixels have no known range"),
        ("deep.tiff", "cannot read deep.tiff: pixels of 32 bits have no known range"),
        ("bomb.png", "bomb.png has too many pixels"),
        ("large.png", "large.png has too many pixels"),
    ):
        code, out, error = archdsl_cli("predict", str(run), "good.png", name)
        assert (code, out) == (2, "") and error.startswith(f"error: {shown}"), error
    with pytest.raises(ArchError, match="nothing"):
        predict(run, ["nothing"])


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 67_000_000), (40_000, 1), (32_769, 3)])
def test_long_pictures_are_refused(size: tuple[int, int], tmp_path: Path):
    path = tmp_path / "long.png"
    Image.new("L", size).save(path)
    with pytest.raises(archdsl.ArchError, match="pixels") as caught:
        read_image.read_image(path, 1)
    assert caught.value.help == "the limit is 32,768 on a side: crop or shrink it"
