"""Every data set, read from small files in its true format."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from data_files import (
    cycle,
    images,
    write_cifar,
    write_idx,
    write_mnist,
    write_pictures,
    write_svhn,
)
from PIL import Image

import archdsl
from archdsl import ArchError
from archdsl.pytorch.vision import torchvision
from archdsl.train import evaluate, predict, recipe_of, resume, train
from archdsl.train.data.base import DATA_SETS, Place
from archdsl.train.data.images import Contents, Pictures, Pixels

pytestmark = pytest.mark.slow  # they write data sets, or train

PETS = ("cat", "dog", "owl")


def text(data: str, classes: int, size: str = "28x28x1", settings: str = "") -> str:
    return (
        f"network small\ninput {size}\nconv3-8 stride 2\nrelu\nFC-{classes}\n"
        f"train on {data} {{ optimizer adam lr 0.02; batch 8, epochs 5{settings} }}\n"
    )


def trained(folder: Path, spec: str, **options: Any) -> Path:
    net = archdsl.loads(spec)
    run, _ = train(net, recipe_of(net), device="cpu", runs=folder / "runs", **options)
    return run.folder


def contents(name: str, root: Path, path: Path | str = "") -> Contents:
    spelled, kind = DATA_SETS[name]
    return kind(spelled, Place(root, Path(path))).read()


def write(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of one of torchvision's data sets."""
    sets = torchvision.datasets
    if name in ("mnist", "fashionmnist"):
        kind = {"mnist": "MNIST", "fashionmnist": "FashionMNIST"}[name]
        write_mnist(root / kind / "raw", ("train", "t10k"), 10)
    elif name.startswith("emnist"):
        part = name.removeprefix("emnist")
        first = 1 if part == "letters" else 0
        classes = {"letters": 26, "balanced": 47}.get(part, 10)
        prefixes = (f"emnist-{part}-train", f"emnist-{part}-test")
        write_mnist(root / "EMNIST" / "raw", prefixes, classes, first, turned=True)
    elif name == "svhn":
        write_svhn(sets.SVHN, root, monkeypatch)
    else:
        source, key = {
            "cifar10": (sets.CIFAR10, "labels"),
            "cifar100": (sets.CIFAR100, "fine_labels"),
        }[name]
        write_cifar(source, root, key, monkeypatch)


SETS = [
    ("mnist", 10, 1, "28x28x1", "0", "9"),
    ("fashion-mnist", 10, 1, "28x28x1", "T-shirt/top", "Ankle boot"),
    ("emnist letters", 26, 1, "28x28x1", "a", "z"),
    ("emnist-balanced", 47, 1, "28x28x1", "0", "t"),
    ("CIFAR-10", 10, 3, "32x32 RGB", "airplane", "truck"),
    ("cifar 100", 100, 3, "32x32 RGB", "apple", "worm"),
    ("svhn", 10, 3, "32x32 RGB", "0", "9"),
]


@pytest.mark.parametrize(("name", "classes", "channels", "size", "first", "last"), SETS)
def test_torchvision_sets(
    name: str,
    classes: int,
    channels: int,
    size: str,
    first: str,
    last: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Read, trained, evaluated, and predicted with its class names."""
    key = name.lower().replace("-", "").replace(" ", "")
    write(key, tmp_path / "data", monkeypatch)
    found = contents(key, tmp_path / "data")
    assert (found.classes[0], found.classes[-1], len(found.classes)) == (first, last, classes)
    assert isinstance(found.train, Pixels) and isinstance(found.test, Pixels)
    assert found.train.values.dtype == torch.uint8
    side = 28 if channels == 1 else 32
    assert found.train.values.shape[1:] == (channels, side, side)
    count = 2 * classes if channels == 1 else (classes if "CIFAR" in name.upper() else 20)
    assert found.test.labels.tolist() == cycle(count, classes)
    expected = images(cycle(count, classes), side, channels).transpose(0, 3, 1, 2)
    assert np.array_equal(found.test.values.numpy(), expected)
    run = trained(tmp_path, text(name, classes, size), data_dir=tmp_path / "data")
    measured = evaluate(run)
    assert measured.images == count and len(measured.classes) == classes
    picture = expected[1].transpose(1, 2, 0)
    Image.fromarray(picture if channels == 3 else picture[..., 0]).save(tmp_path / "one.png")
    if classes <= 10:
        assert measured.accuracy > 0.8
        (seen,) = predict(run, [tmp_path / "one.png"]).predictions
        assert seen.classes[0].name == found.classes[1]


def test_mnist_5k(tmp_path: Path):
    found = contents("mnist5k", tmp_path)
    assert isinstance(found.train, Pixels) and found.test is None
    assert found.train.values.shape == (5000, 1, 28, 28)
    assert torch.bincount(found.train.labels).tolist() == [500] * 10
    net = archdsl.loads(text("mnist 5k", 10))
    run, _ = train(net, recipe_of(net, {"epochs": "1"}), device="cpu", runs=tmp_path)
    assert run.record.data.images == 4000 and run.accuracy > 0.8
    assert evaluate(run.folder).images == 1000


def test_grey_images_become_three_channels_and_are_resized(tmp_path: Path, monkeypatch):
    write("mnist", tmp_path / "data", monkeypatch)
    run = trained(tmp_path, text("mnist", 10, "32x32 RGB"), data_dir=tmp_path / "data")
    assert evaluate(run).accuracy > 0.8


def test_colours_become_grey_only_if_asked(tmp_path: Path, monkeypatch):
    write("cifar10", tmp_path / "data", monkeypatch)
    with pytest.raises(ArchError, match="is in colour, but the input of the network") as caught:
        trained(tmp_path, text("cifar10", 10, "32x32x1"), data_dir=tmp_path / "data")
    assert "`cifar-10 in grey`" in (caught.value.help or "")
    run = trained(tmp_path, text("cifar10 in grey", 10, "32x32x1"), data_dir=tmp_path / "data")
    assert evaluate(run).data == "cifar-10 in grey"
    vector = text("cifar10", 10, "3072").replace("conv3-8 stride 2", "FC-32")
    assert evaluate(trained(tmp_path, vector, data_dir=tmp_path / "data")).accuracy > 0.5


# Folders of pictures.


@pytest.mark.parametrize("splits", [(), ("train", "val"), ("train", "test"), ("train",)])
def test_a_folder_of_pictures(splits: tuple[str, ...], tmp_path: Path, monkeypatch):
    """Class folders in one folder or in splits; the path counts from the folder of the spec."""
    for split in splits or (".",):
        write_pictures(tmp_path / "spec" / "photos" / split, PETS, 10)
    path = tmp_path / "spec" / "pets.arch"
    path.write_text(text('folder "photos"', 3, "16x16 RGB"))
    net = archdsl.load(path)
    run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs")
    assert run.record.data.classes == list(PETS)
    assert run.record.data.images == (30 if len(splits) == 2 else 24)
    measured = evaluate(run.folder)
    assert measured.accuracy > 0.9 and measured.data == "folder photos"
    owl = next((tmp_path / "spec").glob("photos/**/owl/1.jpg"))
    (seen,) = predict(run.folder, [owl]).predictions
    assert seen.classes[0].name == "owl"
    monkeypatch.chdir(tmp_path)
    again, _ = resume(run.folder)
    assert again.accuracy == run.accuracy


def test_three_splits(tmp_path: Path):
    """Epochs are measured on `val`, evaluation on `test`."""
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        write_pictures(tmp_path / "photos" / split, PETS, count)
    found = contents("folder", tmp_path, tmp_path / "photos")
    assert found.test is not None and found.held_out is not None
    assert (len(found.held_out.labels), len(found.test.labels)) == (6, 9)


def test_imagenet(tmp_path: Path):
    for split, count in (("train", 8), ("val", 3)):
        write_pictures(tmp_path / "imagenet" / split, ("n01440764", "n01443537"), count, 24)
    run = trained(tmp_path, text("imagenet", 2, "16x16 RGB"), data_dir=tmp_path)
    measured = evaluate(run)
    assert [c.name for c in measured.classes] == ["n01440764", "n01443537"]
    assert measured.images == 6
    with pytest.raises(ArchError, match=r"elsewhere/train does not exist") as caught:
        evaluate(run, data_dir=tmp_path / "elsewhere")
    assert "image-net.org" in (caught.value.help or "")


def test_streaming_gives_the_same_numbers_as_memory(tmp_path: Path):
    """Pictures that are decoded anew in each epoch, by other processes, train to the same bits."""
    write_pictures(tmp_path / "photos", PETS, 10, 20)
    spec = tmp_path / "pets.arch"
    spec.write_text(text('folder "photos"', 3, "16x16 RGB", "; augment random shift 2"))
    runs = []
    for stream in (False, True):
        net = archdsl.load(spec)
        recipe = recipe_of(net, {"epochs": "2"})
        run, module = train(net, recipe, device="cpu", runs=tmp_path / "runs", stream=stream)
        runs.append((run, module.state_dict()))
    (memory, weights), (streamed, other) = runs
    assert all(torch.equal(weights[name], other[name]) for name in weights)
    assert memory.accuracy == streamed.accuracy
    assert evaluate(streamed.folder).loss == evaluate(memory.folder).loss


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_streamed_training_ends_with_its_processes(number: int, code: int, tmp_path: Path):
    """Whether it is stopped, by a signal to its process group, or finishes."""
    write_pictures(tmp_path / "photos", PETS, 10)
    (tmp_path / "a.arch").write_text(text('folder "photos"', 3, "16x16 RGB"))
    command = [sys.executable, "-u", "-m", "archdsl.cli", "train", "a.arch", "--stream"]
    for epochs, expected in ((1000, code), (2, 0)):
        with subprocess.Popen(
            [*command, "--set", f"epochs={epochs}", "--device", "cpu"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ) as process:
            assert process.stdout is not None
            next(line for line in process.stdout if line.startswith("epoch 1/"))
            if expected:
                os.killpg(process.pid, number)
            rest = process.stdout.read()  # ends when all processes that write there have ended
        assert process.returncode == expected
        assert "Traceback" not in rest and "DataLoader" not in rest
        assert ("stopped: epoch" if expected else "test accuracy") in rest


# Arrays.


@pytest.mark.parametrize("form", ["NHW", "NHWC", "NCHW", "float", "one set", "medmnist", "named"])
def test_npz(form: str, tmp_path: Path):
    labels = np.array(cycle(60, 3))
    channels = 1 if form in ("NHW", "float", "one set") else 3
    values = images(labels.tolist(), 16, channels)
    if form == "NHW" or form == "one set":
        values = values[..., 0]
    if form == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    x: Any = values / 255 if form == "float" else values
    arrays = {"x_train": x, "y_train": labels, "x_test": x[:30], "y_test": labels[:30]}
    if form == "one set":
        arrays = {"x": x, "y": labels}
    if form == "medmnist":
        arrays = {"train_images": x, "train_labels": labels[:, None]}
        arrays |= {"test_images": x[:30], "test_labels": labels[:30, None]}
    if form == "named":
        arrays["classes"] = np.array(PETS)
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **arrays)
    size = "16x16x1" if channels == 1 else "16x16 RGB"
    (tmp_path / "a.arch").write_text(text('npz "data.npz"', 3, size))
    net = archdsl.load(tmp_path / "a.arch")
    run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs")
    measured = evaluate(run.folder)
    assert measured.accuracy > 0.9
    assert measured.images == (12 if form == "one set" else 30)
    names = list(PETS) if form == "named" else ["0", "1", "2"]
    assert [c.name for c in measured.classes] == names


class Unwanted:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"x_train": images(cycle(6, 3), 8, 1) / 2.0}, "has values of"),
        ({"x_train": images(cycle(6, 3), 8, 1).astype(np.int32)}, "is int32 of shape"),
        ({"x_train": np.full((6, 8, 8), np.nan)}, "has values of nan"),
        ({"x_train": np.zeros((6, 8, 8, 5), np.uint8)}, "is uint8 of shape (6, 8, 8, 5)"),
        ({"x_train": np.zeros((0, 8, 8), np.uint8), "y_train": np.zeros(0, int)}, "has no images"),
        ({"y_train": np.array(cycle(5, 3))}, "has 6 images, but 5 labels"),
        ({"y_train": np.eye(3)[cycle(6, 3)]}, "is float64 of shape (6, 3)"),
        ({"y_train": np.array([0, 1, -1, 0, 1, 2])}, "gives image 2 the label -1"),
        ({"y_test": np.array([0, 1, 7])}, "the label 7 is only in `y_test`"),
        ({"classes": np.array(["a", "b"])}, "the label 2 has no name"),
        ({"y_train": np.array([Unwanted()] * 6)}, "is damaged, or not a file of arrays"),
    ],
)
def test_arrays_that_cannot_be_trained_on(change: dict[str, Any], shown: str, tmp_path: Path):
    x = images(cycle(6, 3), 8, 1)
    labels = np.array(cycle(6, 3))
    arrays = {"x_train": x, "y_train": labels, "x_test": x[:3], "y_test": labels[:3]}
    np.savez(tmp_path / "a.npz", **(arrays | change))
    with pytest.raises(ArchError) as caught:
        contents("npz", tmp_path, tmp_path / "a.npz")
    assert shown in caught.value.message and str(tmp_path / "a.npz") in caught.value.message
    assert caught.value.help
    assert not Path("executed").exists()


def test_damaged_arrays(tmp_path: Path):
    path = tmp_path / "a.npz"
    np.savez(path, x=images(cycle(6, 3), 8, 1), y=np.array(cycle(6, 3)))
    whole = path.read_bytes()
    for data in (b"", b"hello", whole[:200], whole[:300] + b"?" * 40 + whole[340:]):
        path.write_bytes(data)
        with pytest.raises(ArchError, match=r"a\.npz is damaged"):
            contents("npz", tmp_path, path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ArchError, match=r"a\.npz has `a`, but no images and labels"):
        contents("npz", tmp_path, path)
    with pytest.raises(ArchError, match=r"b\.npz does not exist"):
        contents("npz", tmp_path, tmp_path / "b.npz")


def test_arrays_that_unpack_to_too_much(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("archdsl.train.data.sets.npz.LARGEST", 1000)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((9, 99, 99), np.uint8), y=np.zeros(9, int))
    with pytest.raises(ArchError, match=r"a\.npz unpacks to"):
        contents("npz", tmp_path, tmp_path / "a.npz")


# Hugging Face.


def saved_rows(folder: Path, name: str = "label", **splits: int) -> None:
    import datasets

    features = datasets.Features(
        {"image": datasets.Image(), name: datasets.ClassLabel(names=list(PETS))}
    )
    made = {}
    for split, count in splits.items():
        labels = cycle(count, 3)
        pictures = [Image.fromarray(one) for one in images(labels, 16, 3)]
        rows = {"image": pictures, name: labels}
        made[split] = datasets.Dataset.from_dict(rows, features=features)
    data = datasets.DatasetDict(made) if len(made) > 1 else made["train"]
    data.save_to_disk(str(folder))


@pytest.mark.slow
@pytest.mark.parametrize("splits", [{"train": 60}, {"train": 60, "test": 30}])
def test_hugging_face(splits: dict[str, int], tmp_path: Path):
    saved_rows(tmp_path / "pets", **splits)
    (tmp_path / "a.arch").write_text(text('hugging face "pets"', 3, "16x16 RGB"))
    net = archdsl.load(tmp_path / "a.arch")
    for stream in (False, True):
        run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs", stream=stream)
        measured = evaluate(run.folder)
        assert measured.images == splits.get("test", 12) and measured.accuracy > 0.9
        assert [c.name for c in measured.classes] == list(PETS)


@pytest.mark.slow
def test_hugging_face_folders_that_cannot_be_read(tmp_path: Path):
    import datasets

    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchError, match="empty is not a data set that can be read"):
        contents("huggingface", tmp_path, tmp_path / "empty")
    with pytest.raises(ArchError, match="none does not exist"):
        contents("huggingface", tmp_path, tmp_path / "none")
    datasets.Dataset.from_dict({"a": [1, 2]}).save_to_disk(str(tmp_path / "numbers"))
    with pytest.raises(ArchError, match="numbers has no column of images"):
        contents("huggingface", tmp_path, tmp_path / "numbers")
    saved_rows(tmp_path / "cut", train=30)
    (arrow,) = (tmp_path / "cut").glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:500])
    with pytest.raises(ArchError, match="cut"):
        contents("huggingface", tmp_path, tmp_path / "cut")


# Missing and damaged files.


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("fashionmnist", "FashionMNIST/raw/t10k-labels-idx1-ubyte"),
        ("emnistletters", "EMNIST/raw/emnist-letters-train-labels-idx1-ubyte"),
        ("cifar10", "cifar-10-batches-py/data_batch_3"),
        ("cifar100", "cifar-100-python/meta"),
        ("svhn", "test_32x32.mat"),
    ],
)
def test_missing_and_damaged_files_are_named(name: str, file: str, tmp_path: Path, monkeypatch):
    write(name, tmp_path, monkeypatch)
    path = tmp_path / file
    whole = path.read_bytes()
    for data in (whole[:-5], whole[:3], b"", b"hello" * 20):
        path.write_bytes(data)
        with pytest.raises(ArchError) as caught:
            contents(name, tmp_path)
        assert str(path) in caught.value.message and "damaged" in caught.value.message
        assert "--download" in (caught.value.help or "")
    path.unlink()
    with pytest.raises(ArchError) as caught:
        contents(name, tmp_path)
    assert f"{path} does not exist" in caught.value.message
    assert "`--download` gets it" in (caught.value.help or "")


def test_labels_out_of_range_and_of_other_images(tmp_path: Path, monkeypatch):
    write("mnist", tmp_path, monkeypatch)
    labels = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    write_idx(labels, np.array([*cycle(19, 10), 12], np.uint8))
    with pytest.raises(ArchError, match=r"t10k-labels-idx1-ubyte gives image 19 the label 12"):
        contents("mnist", tmp_path)
    write_idx(labels, np.array(cycle(7, 10), np.uint8))
    with pytest.raises(ArchError, match=r"t10k-labels-idx1-ubyte has 20 images, but 7 labels"):
        contents("mnist", tmp_path)
    for kind, values in (("images-idx3", np.zeros((0, 28, 28))), ("labels-idx1", np.zeros(0))):
        write_idx(labels.with_name(f"t10k-{kind}-ubyte"), values.astype(np.uint8))
    with pytest.raises(ArchError, match="t10k-images-idx3-ubyte is damaged"):
        contents("mnist", tmp_path)


def test_a_changed_pickle_is_never_executed(tmp_path: Path, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    write("cifar10", tmp_path, monkeypatch)
    path = tmp_path / "cifar-10-batches-py" / "data_batch_1"
    path.write_bytes(pickle.dumps(Unwanted()))
    with pytest.raises(ArchError, match="data_batch_1 is damaged"):
        contents("cifar10", tmp_path)
    assert not Path("executed").exists()


# Downloads.


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder, served on this machine, that torchvision downloads MNIST from."""
    mirror = tmp_path / "mirror"
    write_mnist(mirror, ("train", "t10k"), 10)
    resources = []
    for path in sorted(mirror.iterdir()):
        data = gzip.compress(path.read_bytes())
        path.with_name(f"{path.name}.gz").write_bytes(data)
        resources.append((f"{path.name}.gz", hashlib.md5(data).hexdigest()))
        path.unlink()
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    handler = partial(SilentHandler, directory=str(mirror))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        mirrors = [f"http://127.0.0.1:{server.server_port}/"]
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", mirrors)
        Thread(target=server.serve_forever, daemon=True).start()
        yield mirror
        server.shutdown()


def test_download(published: Path, tmp_path: Path, monkeypatch, archdsl_cli):
    monkeypatch.chdir(tmp_path)
    Path("a.arch").write_text(text("mnist", 10))
    code, _, error = archdsl_cli("train", "a.arch", "--device=cpu", "--data-dir=sets")
    assert code == 2 and not Path("sets").exists() and not Path("runs").exists()
    assert "mnist is not in" in error and "`--download` gets it" in error
    options = ("train", "a.arch", "--device=cpu", "--data-dir=sets", "--set", "epochs=1")
    code, out, _ = archdsl_cli(*options, "--download")
    assert code == 0 and "test accuracy" in out
    assert [path.name for path in Path("sets").iterdir()] == ["MNIST"]
    assert archdsl_cli(*options)[0] == 0


def test_a_download_that_fails_leaves_nothing(published: Path, tmp_path: Path):
    last = sorted(published.iterdir())[-1]
    kept = last.read_bytes()
    net = archdsl.loads(text("mnist", 10))
    for data in (None, b"an error page", kept[:20]):
        last.unlink(missing_ok=True)
        if data is not None:
            last.write_bytes(data)
        with pytest.raises(ArchError, match="cannot download mnist to"):
            train(net, recipe_of(net), runs=tmp_path, data_dir=tmp_path / "sets", download=True)
        assert not list((tmp_path / "sets").iterdir())
    last.write_bytes(kept)
    trained(tmp_path, text("mnist", 10), data_dir=tmp_path / "sets", download=True)


def test_archives_that_are_there_are_unpacked(published: Path, tmp_path: Path, monkeypatch):
    raw = tmp_path / "sets" / "MNIST" / "raw"
    shutil.copytree(published, raw)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["file:///nowhere/"])
    trained(tmp_path, text("mnist", 10), data_dir=tmp_path / "sets", download=True)
    assert (raw / "train-images-idx3-ubyte").exists()


# Folders that cannot be trained on.


def broken(root: Path, case: str) -> str:
    """Break a folder of pictures; what the error must show."""
    train, val = root / "train", root / "val"
    match case:
        case "no folder":
            shutil.rmtree(root)
            return f"the folder {root} is not there"
        case "a file":
            shutil.rmtree(root)
            root.write_text("")
            return f"the folder {root} is a file"
        case "no class folders":
            shutil.rmtree(train)
            train.mkdir()
            Image.new("RGB", (4, 4)).save(train / "a.png")
            return f"{train} has no class folders"
        case "an empty class":
            for path in (train / "dog").iterdir():
                path.unlink()
            (train / "dog" / "notes.txt").write_text("")
            return f"the class folder {train / 'dog'} has no pictures"
        case "a class only in val":
            (val / "emu").mkdir()
            shutil.copy(val / "cat" / "0.png", val / "emu")
            return f"there is a class folder {val / 'emu'}, but no {train / 'emu'}"
        case "two names":
            shutil.copytree(train / "dog", train / "Dog")
            return f"{train} has class folders `Dog` and `dog`"
        case "no pictures":
            for path in val.glob("*/*"):
                path.unlink()
            return f"the folder {val} has no pictures"
        case "not a picture":
            (train / "cat" / "0.png").write_bytes(b"hello")
            return f"{train / 'cat' / '0.png'} is not a picture that can be read"
        case "cut":
            path = train / "cat" / "1.jpg"
            path.write_bytes(path.read_bytes()[:-200])
            return f"cannot read {path}"
        case "a pipe":
            os.mkfifo(train / "cat" / "pipe.png")
            return f"{train / 'cat' / 'pipe.png'} is not a file"
        case "a loop":
            (train / "cat" / "again").symlink_to(train)
            return f"{train / 'cat' / 'again'} is a link to a folder that it is in"
        case "a bomb":
            path = train / "cat" / "0.png"
            Image.new("1", (20_000, 20_000)).save(path)
            return f"{path} has too many pixels"
    raise AssertionError(case)


BROKEN = (
    "no folder", "a file", "no class folders", "an empty class", "a class only in val",
    "two names", "no pictures", "not a picture", "cut", "a bomb", "a pipe", "a loop",
)  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_folders_that_cannot_be_trained_on(case: str, tmp_path: Path):
    root = tmp_path / "photos"
    for split in ("train", "val"):
        write_pictures(root / split, PETS, 4)
    shown = broken(root, case)
    (tmp_path / "a.arch").write_text(text('folder "photos"', 3, "16x16 RGB"))
    net = archdsl.load(tmp_path / "a.arch")
    with pytest.raises(ArchError) as caught:
        train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs")
    assert shown in caught.value.message
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch):
    write_pictures(tmp_path / "photos", PETS, 4)
    scan = os.scandir

    def refused(path: str | Path) -> Any:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr("archdsl.train.data.sets.folder.os.scandir", refused)
    with pytest.raises(ArchError, match=r"cannot read the folder .*dog: Permission denied"):
        contents("folder", tmp_path, tmp_path / "photos")


def test_a_broken_picture_is_named_while_streaming(tmp_path: Path):
    write_pictures(tmp_path / "photos", PETS, 5)
    shown = broken_copy(tmp_path / "photos")
    (tmp_path / "a.arch").write_text(text('folder "photos"', 3, "16x16 RGB"))
    net = archdsl.load(tmp_path / "a.arch")
    with pytest.raises(ArchError) as caught:
        train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs", stream=True)
    assert shown in caught.value.message


def broken_copy(root: Path) -> str:
    for path in (root / "owl").iterdir():  # all, so that one is certainly trained on
        path.write_bytes(b"hello")
    return f"{root / 'owl'}"


def test_too_few_pictures_to_hold_some_out(tmp_path: Path):
    write_pictures(tmp_path / "photos", PETS, 4)
    for path in list((tmp_path / "photos" / "owl").iterdir())[1:]:
        path.unlink()
    net = archdsl.loads(text("digits", 3, "16x16 RGB"))
    with pytest.raises(ArchError, match="1 images of the class owl"):
        from archdsl.train.data.name import named_by_option

        data = named_by_option(f"folder {tmp_path / 'photos'}")
        recipe = recipe_of(net).model_copy(update={"data": data})
        train(net, recipe, device="cpu", runs=tmp_path / "runs")


def test_a_grey_network_refuses_pictures_in_colour(tmp_path: Path):
    write_pictures(tmp_path / "photos", PETS, 5)
    write_pictures(tmp_path / "scans", PETS, 5, channels=1)
    for name in ("photos", "scans"):
        (tmp_path / f"{name}.arch").write_text(text(f'folder "{name}"', 3, "16x16x1"))
    net = archdsl.load(tmp_path / "photos.arch")
    with pytest.raises(ArchError, match=r"\.(png|jpg) is in colour") as caught:
        train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs")
    assert "`in grey`" in (caught.value.help or "")
    net = archdsl.load(tmp_path / "scans.arch")
    train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs")


def test_pictures_that_change_before_a_resume(tmp_path: Path, monkeypatch):
    write_pictures(tmp_path / "photos", PETS, 5)
    (tmp_path / "a.arch").write_text(text('folder "photos"', 3, "16x16 RGB"))
    net = archdsl.load(tmp_path / "a.arch")
    run, _ = train(net, recipe_of(net), device="cpu", runs=tmp_path / "runs")
    new = tmp_path / "photos" / "owl" / "new.png"
    shutil.copy(tmp_path / "photos" / "owl" / "0.png", new)
    with pytest.raises(ArchError, match=r"has 16 images .*, but had 15"):
        resume(run.folder)
    new.unlink()
    (tmp_path / "photos" / "owl").rename(tmp_path / "photos" / "emu")
    with pytest.raises(ArchError, match="`emu` is different"):
        evaluate(run.folder)


def test_hidden_files_are_not_pictures(tmp_path: Path):
    write_pictures(tmp_path / "photos", PETS, 4)
    (tmp_path / "photos" / ".cache").mkdir()
    (tmp_path / "photos" / "cat" / "._0.png").write_bytes(b"")
    found = contents("folder", tmp_path, tmp_path / "photos")
    assert found.classes == PETS and isinstance(found.train, Pictures)
    assert len(found.train.labels) == 12
