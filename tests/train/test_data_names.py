"""How recipes and options name data."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl import ArchError
from archdsl.train import recipe_of
from archdsl.train.data.base import DATA_SETS, key_of
from archdsl.train.data.name import DataName, named_by_option

TEXT = "network small\ninput 8x8x1\nFC-10\n"


def data_of(name: str) -> DataName:
    return recipe_of(archdsl.loads(f"{TEXT}train on {name} {{ epochs 2 }}")).data


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("digits", "digits"), ("mnist 5k", "mnist 5k"), ("MNIST-5k", "mnist 5k"),
        ("mnist5k", "mnist 5k"), ("fashion-mnist", "fashion-mnist"),
        ("Fashion MNIST", "fashion-mnist"), ("cifar-10", "cifar-10"), ("cifar10", "cifar-10"),
        ("CIFAR-10", "cifar-10"), ("CIFAR 100", "cifar-100"), ("SVHN", "svhn"),
        ("emnist-letters", "emnist letters"), ("EMNIST balanced", "emnist balanced"),
        ("ImageNet", "imagenet"),
    ],
)  # fmt: skip
def test_spellings(written: str, name: str):
    assert data_of(written) == named_by_option(written) == DataName(name=name)
    assert str(data_of(f"{written} in grey")) == f"{name} in grey"
    assert named_by_option(f"{written} in gray").grey


def test_every_data_set_is_found_by_its_names():
    for key, (name, kind) in DATA_SETS.items():
        assert key == key_of(name) and kind.__doc__
        path = ' "a/b"' if kind.path else ""
        assert data_of(f"{name}{path}").name == name


def test_paths_count_from_the_spec_or_the_working_directory(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.arch").write_text(f'{TEXT}train on folder "my photos" {{ epochs 2 }}')
    data = recipe_of(archdsl.load("specs/a.arch")).data
    assert data.path == str(tmp_path / "specs" / "my photos")
    assert str(data) == "folder my photos"
    assert data_of('npz "x.npz" in grey') == DataName(
        name="npz", path=str(tmp_path / "x.npz"), grey=True
    )
    for text in ("folder my photos", 'Image-Folder "my photos"', "folder 'my photos'"):
        assert named_by_option(text).path == str(tmp_path / "my photos")
    assert named_by_option("folder /a/b in grey") == DataName(name="folder", path="/a/b", grey=True)
    assert named_by_option("hugging face ../x").path == str(tmp_path.parent / "x")
    monkeypatch.setenv("HOME", "/home/me")
    assert named_by_option("npz ~/x.npz").path == "/home/me/x.npz"


@pytest.mark.parametrize(
    ("written", "shown", "help"),
    [
        ("digitz", "`digitz` is not a known data set", "did you mean `digits`?"),
        ("cifar-11", "`cifar-11` is not a known data set", "did you mean `cifar-10"),
        ("zoo", "`zoo` is not a known data set", "data sets: cifar-10, cifar-100, digits"),
        ("folder", "`folder` needs a folder", 'write `train on folder "photos"`'),
        ('digits "x"', "`digits` does not take a path", "write `digits`"),
        ('folder "/etc"', "`/etc` leads out of the folder of the spec", "--on 'folder PATH'"),
        ('folder "a/../../b"', "leads out of the folder of the spec", "--on"),
        ('npz "~/x.npz"', "leads out of the folder of the spec", "--on"),
        ('folder "link"', "`link` leads out of the folder of the spec", "--on"),
    ],
)
def test_bad_names(written: str, shown: str, help: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(ArchError) as caught:
        data_of(written)
    assert shown in caught.value.message and help in (caught.value.help or "")
    assert "<text>:4:10" in str(caught.value)


def test_a_folder_is_no_data_set_by_itself(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(ArchError) as caught:
        named_by_option("photos")
    assert caught.value.help == "to train on the pictures in it, write `--on 'folder photos'`"


def test_records_hold_only_known_data():
    for bad in (
        {"name": "digitz"},
        {"name": "DIGITS"},
        {"name": "folder"},
        {"name": "digits", "path": "/etc"},
    ):
        with pytest.raises(ValueError, match="is not a known data set"):
            DataName.model_validate(bad)


@pytest.mark.slow
def test_options(tmp_path: Path, monkeypatch, archdsl_cli):
    """The data of the recipe, and the share that is held out, are replaced."""
    monkeypatch.chdir(tmp_path)
    Path("a.arch").write_text(f"{TEXT}train on cifar-100 {{ epochs 1 }}")
    options = ("train", "a.arch", "--device=cpu")
    code, out, _ = archdsl_cli(*options, "--on", "digits", "--val-split", "0.5")
    assert code == 0 and ", digits, 1 epochs" in out
    (run,) = Path("runs/small").iterdir()
    code, out, _ = archdsl_cli("eval", str(run))
    assert code == 0 and "on 899 test images of digits" in out
    code, _, error = archdsl_cli("eval", str(run), "--on", "digitz")
    assert code == 2 and "did you mean `digits`?" in error
    code, _, error = archdsl_cli(*options)
    assert code == 2 and "cifar-100 has 100 classes" in error and "`FC-100`" in error
    code, _, error = archdsl_cli(*options, "--on", "mnist", "--data-dir", "sets")
    assert code == 2 and "sets/MNIST/raw/train-images-idx3-ubyte does not exist" in error.replace(
        f"{tmp_path}/", ""
    )
    monkeypatch.setenv("ARCHDSL_DATA", "elsewhere")
    assert "elsewhere/MNIST" in archdsl_cli(*options, "--on", "mnist")[2]
    code, _, error = archdsl_cli(*options, "--on", "digits", "--val-split", "2")
    assert code == 2 and "`val split` must be below 1" in error
    code, _, error = archdsl_cli("train", "--resume", str(run), "--on", "mnist")
    assert code == 2 and "cannot be combined with --on" in error
    assert archdsl_cli("train", "--resume", str(run), "--data-dir", "x")[0] == 0


def test_the_number_of_classes_as_a_parameter(tmp_path: Path, monkeypatch, archdsl_cli):
    monkeypatch.chdir(tmp_path)
    text = "network small(classes=5)\ninput 8x8x1\nFC-(classes)\ntrain on digits { epochs 1 }"
    Path("a.arch").write_text(text)
    code, _, error = archdsl_cli("train", "a.arch", "--device=cpu")
    assert code == 2 and "or add `-p classes=10`" in error
    assert archdsl_cli("train", "a.arch", "--device=cpu", "-p", "classes=10")[0] == 0
