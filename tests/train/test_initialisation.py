"""Each initialisation by its statistics, and `init from`."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archdsl
from archdsl import ArchError, Network
from archdsl.train import recipe_of, resume, train
from archdsl.train.initialise import initialise
from archdsl.train.recipe import Recipe, read_recipe

TEXT = """network wide
input 8x8x1
conv means conv-bn-relu
stem: conv3-64, bias
middle: conv3-128, bias
middle2: conv3-100, bias
FC-400
relu
FC-10
"""
NET = archdsl.loads(TEXT)


def recipe(section: str) -> Recipe:
    return read_recipe(archdsl.loads(f"{TEXT}train {{ {section} }}").text)


def started(section: str, network: Network = NET) -> tuple[nn.Module, list[str]]:
    torch.manual_seed(0)
    module = network.module()
    return module, list(initialise(network, module, recipe(section).init))


def weight(module: nn.Module, name: str) -> Tensor:
    return module.get_parameter(f"{name}.weight").detach()


# The kernels of `middle` have 64 · 9 inputs and 128 · 9 outputs, 73,728 values.
IN, OUT = 64 * 9, 128 * 9


@pytest.mark.parametrize(
    ("section", "std", "bound"),
    [
        ("normal 0.01", 0.01, None),
        ("gaussian 0.02", 0.02, None),
        ("normal std 0.3", 0.3, None),
        ("normal fan in", 1 / math.sqrt(IN), None),
        ("normal fan out", 1 / math.sqrt(OUT), None),
        ("uniform 0.05", 0.05 / math.sqrt(3), 0.05),
        ("uniform 2.4 / fan in", 2.4 / IN / math.sqrt(3), 2.4 / IN),
        ("glorot", math.sqrt(2 / (IN + OUT)), math.sqrt(6 / (IN + OUT))),
        ("glorot uniform", math.sqrt(2 / (IN + OUT)), math.sqrt(6 / (IN + OUT))),
        ("xavier normal", math.sqrt(2 / (IN + OUT)), None),
        ("he", math.sqrt(2 / IN), None),
        ("he normal, fan out", math.sqrt(2 / OUT), None),
        ("kaiming uniform", math.sqrt(2 / IN), math.sqrt(6 / IN)),
        ("he uniform fan out", math.sqrt(2 / OUT), math.sqrt(6 / OUT)),
        ("truncated normal 0.1", 0.0880, 0.2),  # of N(0, 1) within ±2: 0.880
    ],
)
def test_the_distribution_of_weights(section: str, std: float, bound: float | None):
    module, _ = started(f"init {section}")
    values = weight(module, "middle.conv").flatten()
    assert values.mean().item() == pytest.approx(0, abs=4 * std / math.sqrt(len(values)))
    assert values.std().item() == pytest.approx(std, rel=0.02)
    largest = values.abs().max().item()
    if bound is not None:
        assert 0.99 * bound < largest <= bound
        return
    assert largest > 3.5 * std
    within = (values.abs() < std).float().mean().item()
    assert within == pytest.approx(0.6827, abs=0.01)  # of a normal distribution


def test_orthogonal_weights():
    matrix = weight(started("init orthogonal")[0], "fc1")
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(400), rtol=0, atol=1e-4)


def test_only_layers_with_weights_change():
    torch.manual_seed(0)
    plain = NET.module()
    module, _ = started("init normal 1, bias 0.5 in fc")
    for name, parameter in module.named_parameters():
        before = plain.get_parameter(name)
        if name in ("fc1.bias", "fc2.bias"):
            assert (parameter == 0.5).all()
        else:
            assert torch.equal(parameter, before) == (parameter.ndim == 1), name


def test_layers_by_name_below_a_name_and_by_kind():
    module, _ = started('init bias 1 in STEM, middle2, bias 2 in fc2, bias 3 in "middle.conv"')
    means = {
        name.removesuffix(".bias"): parameter.mean().item()
        for name, parameter in module.named_parameters()
        if name.endswith(".bias") and "bn" not in name
    }
    expected = {"stem.conv": 1, "middle2.conv": 1, "middle.conv": 3, "fc2": 2}
    assert {name: mean for name, mean in means.items() if name != "fc1"} == expected
    module, _ = started("init normal 0.001 in conv")
    assert weight(module, "stem.conv").std() < 0.002 < weight(module, "fc1").std()


def test_a_layer_that_is_not_there():
    with pytest.raises(ArchError, match="the network wide has no layer `middel` to initialise"):
        started("init bias 1 in middel")


def test_the_last_norm_of_residual_blocks():
    net = archdsl.load("resnet18")
    module = net.module()
    list(initialise(net, module, recipe("init zero last norm").init))
    zero = {
        name for name, p in module.named_parameters() if name.endswith("bn.weight") and not p.any()
    }
    assert len(zero) == 8 and all(name.endswith("body.conv2.bn.weight") for name in zero)
    x = torch.rand(2, 64, 8, 8)
    block = module.get_submodule("conv2_x.0").eval()
    assert torch.equal(block(x), x.relu())


def test_from_a_shallower_network_as_vgg(tmp_path: Path):
    """Configuration B from A: as many layers as fit, in order; the others by the lines before."""
    head = "input 32x32x1\nconv means conv-relu\n"
    shallow = archdsl.loads(
        f"network a\n{head}conv3-4\nmaxpool\nconv3-8\nmaxpool\nFC-16\nrelu\nFC-10"
    )
    deep = archdsl.loads(
        f"network b\n{head}conv3-4 x2\nmaxpool\nconv3-8 x2\nmaxpool\nFC-16\nrelu\nFC-10"
    )
    torch.manual_seed(1)
    source = shallow.module()
    path = tmp_path / "a.pt"
    torch.save(source.state_dict(), path)
    module = deep.module()
    section = f'init normal 0.01, bias 0, from "{path}"'
    notes = list(initialise(deep, module, recipe(section).init))
    assert notes[0] == f"4 of 6 layers begin with the weights in {path}"
    copied = [layer for layer in source.modules() if hasattr(layer, "weight")]
    layers = [layer for layer in module.modules() if hasattr(layer, "weight")]
    for mine, theirs in zip((layers[i] for i in (0, 2, 4, 5)), copied, strict=True):
        assert torch.equal(mine.weight, theirs.weight) and torch.equal(mine.bias, theirs.bias)
    assert layers[1].weight.std() < 0.02 and not layers[1].bias.any()
    names = [name for name, layer in module.named_modules() if hasattr(layer, "weight")]
    assert notes[1] == f"initialised anew: {names[1]}, {names[3]}"
    section = f'init from "{path}" in {names[0].split(".")[0]}'
    notes = list(initialise(deep, deep.module(), recipe(section).init))
    assert notes[0].startswith("1 of 2 layers")


def test_equal_names_decide_among_equal_shapes(tmp_path: Path):
    text = "input 8x8x1\nFC-16\nb: FC-16\nc: FC-16\nFC-10\n"
    net = archdsl.loads(text)
    source, module = net.module(), net.module()
    state = {name: t for name, t in source.state_dict().items() if not name.startswith("b.")}
    torch.save(state, tmp_path / "s.pt")
    list(initialise(net, module, recipe(f'init from "{tmp_path / "s.pt"}"').init))
    assert torch.equal(weight(module, "c"), weight(source, "c"))
    assert not torch.equal(weight(module, "b"), weight(source, "c"))


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (None, "there is no file"),
        (b"junk", "is damaged, or was not saved by torch"),
        ({"a": 3}, "does not hold weights"),
        ([torch.zeros(1)], "does not hold weights"),
        ({"conv1.weight": torch.zeros(3).to_sparse()}, "does not hold weights"),
    ],
)
def test_files_without_weights(content, shown: str, tmp_path: Path):
    path = tmp_path / "x.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ArchError, match=shown):
        started(f'init from "{path}"')


SMALL = "network small\ninput 8x8x1\nconv3-4 stride 2\nrelu\nFC-10\n"


def test_a_run_begins_with_the_weights_of_another(tmp_path: Path):
    """Its notes say so; resuming does not need the other run any more."""
    text = SMALL + "train { epochs 1 }\n"
    net = archdsl.loads(text)
    first, trained = train(net, recipe_of(net), device="cpu", runs=tmp_path / "a")
    settings = {"init": f'from "{first.folder}"', "lr": "1e-30"}
    second, module = train(net, recipe_of(net, settings), device="cpu", runs=tmp_path / "b")
    for name, tensor in trained.state_dict().items():
        assert torch.equal(module.state_dict()[name], tensor)
    assert second.record.notes == [f"2 of 2 layers begin with the weights in {first.checkpoint}"]
    first.checkpoint.unlink()
    assert resume(second.folder)[0].record == second.record
