"""Small data sets in the formats of the real ones, written by hand.

Images are squares whose brightness and place depend on the class, so that a network can learn them.
"""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]


def images(labels: Sequence[int], size: int, channels: int, seed: int = 0) -> Bytes:
    """(N, size, size, channels): dark noise, and for each class a bright bar of its own."""
    noise = np.random.default_rng(seed).integers(0, 60, (len(labels), size, size, channels))
    values = noise.astype(np.uint8)
    for image, label in zip(values, labels, strict=True):
        row, column = divmod(label % 64, 8)
        step = size // 8
        image[row * step : (row + 1) * step, :, 0] += 120
        image[:, column * step : (column + 1) * step, -1] += 75
    return values


def cycle(count: int, classes: int) -> list[int]:
    """Labels 0, 1, …, 0, 1, …"""
    return [index % classes for index in range(count)]


def write_idx(path: Path, values: Bytes, zipped: bool = False) -> None:
    """The format of MNIST: a magic number, the sizes (big endian), the bytes."""
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = head + values.tobytes()
    path.write_bytes(gzip.compress(data) if zipped else data)


def write_mnist(
    folder: Path, prefixes: Sequence[str], classes: int, first: int = 0, turned: bool = False
) -> None:
    """Training and test files; `turned`: columns and rows are exchanged, as in EMNIST."""
    for prefix, count in zip(prefixes, (6 * classes, 2 * classes), strict=True):
        labels = cycle(count, classes)
        values = images(labels, 28, 1)[..., 0]
        values = values.transpose(0, 2, 1) if turned else values
        write_idx(folder / f"{prefix}-images-idx3-ubyte", np.ascontiguousarray(values))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", np.array(labels, np.uint8) + first)


def write_cifar(source: Any, root: Path, key: str, monkeypatch: Any) -> None:
    """Pickles as in CIFAR's Python version, whose checksums torchvision is told."""
    classes = 100 if key == "fine_labels" else 10
    folder = root / source.base_folder
    folder.mkdir(parents=True)

    def written(name: str, content: object) -> str:
        data = pickle.dumps(content, protocol=2)
        (folder / name).write_bytes(data)
        return hashlib.md5(data).hexdigest()

    for attribute, count in (("train_list", 3 * classes), ("test_list", classes)):
        entries = []
        for number, (name, _) in enumerate(getattr(source, attribute)):
            labels = cycle(count, classes)
            values = images(labels, 32, 3, number).transpose(0, 3, 1, 2)
            content = {"data": values.reshape(count, -1), key: labels}
            entries.append([name, written(name, content)])
        monkeypatch.setattr(source, attribute, entries)
    meta = dict(source.meta)
    meta["md5"] = written(meta["filename"], {meta["key"]: [f"class {n}" for n in range(classes)]})
    monkeypatch.setattr(source, "meta", meta)


def write_svhn(source: Any, root: Path, monkeypatch: Any) -> None:
    """MATLAB files, version 5: X is (H, W, C, N), and the label of 0 is 10."""
    from scipy.io import savemat

    root.mkdir(parents=True, exist_ok=True)
    listed = {}
    for split, count in (("train", 60), ("test", 20)):
        labels = cycle(count, 10)
        path = root / f"{split}_32x32.mat"
        y = np.array([label or 10 for label in labels], np.uint8)[:, None]
        savemat(path, {"X": images(labels, 32, 3).transpose(1, 2, 3, 0), "y": y})
        listed[split] = ["", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(source, "split_list", listed)


def write_pictures(
    root: Path, classes: Sequence[str], count: int, size: int = 16, channels: int = 3
) -> None:
    """A folder of PNG and JPEG files for each class."""
    for label, name in enumerate(classes):
        folder = root / name
        folder.mkdir(parents=True)
        for number, values in enumerate(images([label] * count, size, channels, label)):
            picture = Image.fromarray(values if channels == 3 else values[..., 0])
            picture.save(folder / f"{number}.{'jpg' if number % 2 else 'png'}")
