"""torch.jit.script compiles every module, and computes the same."""

from __future__ import annotations

import pytest
import torch
from oracle import randomise
from torch import Tensor, nn

import archdsl

# torch recommends its newer exporters; the older one is still in use.
pytestmark = pytest.mark.filterwarnings("ignore")

TEXTS = {
    "a chain": "input 16x16x3\nconv3-4 -> relu\nmaxpool\nfc 5",
    "a sum in a group": "input 8x8x3\n[] means residual\nconv means conv-bn-relu\n"
    "[3x3, 8; 3x3, 8] x 3\nfc 5",
    "gates": "input 8x8x3\nconv3-8\nsqueeze_excitation\n"
    "multiply { conv3-8; conv1-1, sigmoid }\nfc 5",
    "a gate first": "input 8x8x3\nconv3-8\n"
    "multiply { global average pool -> fc 8; identity; relu }",
    "dense blocks": "input 8x8x3\n[concat { identity; conv3-4 -> relu }] x 3\nfc 5",
    "several outputs": "input 8x8x3\nt: conv3-4\na: t -> fc 5\nb: t -> conv3-2\noutput a, b",
    "values through a group": "input 8x8x3\nblock pair { p: conv3-4; q: conv1-4; add p }\n"
    "pair\npair -> relu\nconv3-4",
    "channel norms": "input 8x8x3\nadd { conv3-4 -> ln; conv1-4 -> drop path 0.5 }\nmaxout 2\nfc 5",
    "signals": "input 64x3 signal\nadd { conv3-4; conv1-4 }\nmaxpool\nfc 5",
    "clips": "input 4x8x8x3 clip\nconcat { conv3-4; conv1-4 }\nfc 5",
}


def same(module: nn.Module, *shape: int) -> None:
    """The compiled module has the outputs and the state of the other, and keeps its names."""
    randomise(module)
    x = torch.rand(2, *shape)
    names = {*module.state_dict()}
    expected = module(x)
    compiled = torch.jit.script(module)
    for computed in (compiled(x), module(x)):
        one = isinstance(expected, Tensor)
        pairs = [(computed, expected)] if one else zip(computed, expected, strict=True)
        for a, b in pairs:
            assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)
    assert {*compiled.state_dict()} == {*module.state_dict()} == names


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str):
    net = archdsl.loads(TEXTS[name])
    same(net.module().eval(), *net.input)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"), [("resnet18", 64), ("googlenet", 224), ("unet", 188), ("efficientnet_b0", 64)]
)
def test_networks_of_the_zoo(name: str, size: int):
    net = archdsl.load(name, input=(size, size))
    same(net.module().eval(), *net.input)


def test_side_heads_run_if_they_are_compiled_in_training():
    text = "input 8x8x3\nconv3-4\nside weight 0.3 { fc 3 }\nadd { identity; conv3-4 }\nfc 5"
    net = archdsl.loads(text)
    same(net.module().train(), *net.input)
    same(net.module().eval(), *net.input)
    x = torch.rand(2, *net.input)
    assert len(torch.jit.script(net.module().train())(x)) == 2
    assert torch.jit.script(net.module().eval())(x).shape == (2, 5)


def test_a_compiled_module_trains():
    net = archdsl.loads(TEXTS["a sum in a group"])
    module = net.module()
    compiled = torch.jit.script(module)
    compiled(torch.rand(2, *net.input)).sum().backward()
    assert all(one.grad is not None for one in module.parameters())
