"""Loading saved weights into a module."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

import archdsl
from archdsl import ArchError
from archdsl.train import recipe_of, train

TEXT = "network small\ninput 8x8x1\nconv means conv-bn-relu\nconv3-4 x2\nFC-10\n"
RECIPE = "train on digits { batch 256, epochs 1 }\n"


def net(text: str = TEXT) -> archdsl.Network:
    return archdsl.loads(text + RECIPE)


def same(a: nn.Module, b: nn.Module) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return list(one) == list(other) and all(torch.equal(one[n], other[n]) for n in one)


@pytest.mark.slow
def test_every_source_of_weights(tmp_path: Path):
    run, module = train(net(), recipe_of(net()), device="cpu", runs=tmp_path)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    torch.save(module.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for weights in (
        run.folder,
        str(run.folder),
        run.checkpoint,
        tmp_path / "weights.pt",
        tmp_path / "old.pt",
        module.state_dict(),
    ):
        assert same(net().module(weights=weights), module)
    assert not same(net().module(), module)
    half = net().module(weights=run.folder, dtype=torch.float16)
    assert half.fc1.weight.dtype == torch.float16
    assert torch.equal(half.fc1.weight, module.fc1.weight.half())


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        (
            TEXT.replace("FC-10", "FC-12\nFC-10"),
            "missing `fc2.weight`, `fc2.bias`; `fc1.weight` is 10×256, not 12×256; "
            "`fc1.bias` is 10, not 12",
        ),
        (
            TEXT.replace("x2", ""),
            "missing `conv1.conv.weight`, `conv1.bn.weight`, `conv1.bn.bias`, and 3 more; "
            "unexpected `conv1.0.conv.weight`, `conv1.0.bn.weight`, `conv1.0.bn.bias`, and 9 more",
        ),
        (
            TEXT.replace("conv3-4", "conv5-8"),
            "`conv1.0.conv.weight` is 4×1×3×3, not 8×1×5×5; `conv1.0.bn.weight` is 4, not 8; "
            "`conv1.0.bn.bias` is 4, not 8; and 8 more",
        ),
    ],
)
def test_weights_of_another_network(other: str, shown: str, tmp_path: Path):
    path = tmp_path / "weights.pt"
    torch.save(net().module().state_dict(), path)
    with pytest.raises(ArchError) as caught:
        net(other).module(weights=path)
    message = f"the weights in {path} do not fit the network: {shown}"
    assert caught.value.message == message


def test_a_module_keeps_its_weights_if_others_do_not_fit():
    from archdsl.pytorch.weights import load_into

    module = net().module()
    before = {name: t.clone() for name, t in module.state_dict().items()}
    state = dict(net().module().state_dict(), **{"fc1.bias": torch.zeros(3)})
    with pytest.raises(ArchError, match=r"the mapping do not fit .*`fc1\.bias` is 3, not 10"):
        load_into(state, module)
    assert all(torch.equal(t, before[name]) for name, t in module.state_dict().items())


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_files_without_weights(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("stopped").mkdir()
    Path("stopped/record.json").write_text("{}")
    Path("text.pt").write_text("hello\n")
    torch.save([torch.zeros(3)], "list.pt")
    torch.save({"fc1.weight": "many"}, "words.pt")
    torch.save({"fc1.weight": Harmful()}, "harmful.pt")
    torch.save(net().module(), "module.pt")
    data = Path("list.pt").read_bytes()
    Path("cut.pt").write_bytes(data[: len(data) // 2])
    for place, shown in (
        ("nothing.pt", "there is no file nothing.pt"),
        ("empty", "there is no file empty/checkpoint.pt"),
        ("stopped", "the run stopped has no checkpoint.pt"),
        ("text.pt", "text.pt is damaged, or was not saved by torch"),
        ("cut.pt", "cut.pt is damaged, or was not saved by torch"),
        ("list.pt", "in list.pt do not fit the network: it is not a state dict"),
        ("words.pt", "in words.pt do not fit the network: it is not a state dict"),
        ("harmful.pt", "harmful.pt contains more than tensors and plain values"),
        ("module.pt", "module.pt contains more than tensors and plain values"),
    ):
        with pytest.raises(ArchError) as caught:
            net().module(weights=place)
        assert shown in caught.value.message
    assert not Path("harmed").exists()


@pytest.mark.parametrize("change", ["meta", "sparse", "integer"])
def test_tensors_that_are_not_plain(change: str):
    network = archdsl.load("lenet5")
    changes = {
        "meta": lambda t: t.to("meta"),
        "sparse": lambda t: t.to_sparse(),
        "integer": lambda t: t.to(torch.int8),
    }
    state = {k: changes[change](v) for k, v in network.module().state_dict().items()}
    with pytest.raises(archdsl.ArchError, match="is not a plain tensor of numbers"):
        network.module(weights=state)
