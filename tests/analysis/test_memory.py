"""Memory for backward: what layers keep next to each other is what autograd keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from oracle import kept_for_backward

import archdsl
from archdsl.layers import REGISTRY, Join

BEFORE = ("ln", "tanh shrink")  # a copy of the input; another tensor than in and output
AFTER = ("{unit}-2", "relu -> flatten -> fc 5", "tanh shrink -> fc 5")


def examples() -> Iterator[str]:
    """The examples of layers of one input, with several channels."""
    for kind in REGISTRY:
        # A batch norm needs a batch; without dropping anything a dropout is not there.
        if not issubclass(kind, Join) and not kind.uses_batch_statistics:
            for example in kind.examples:
                inputs = example.partition(" on ")[2]
                if " " not in inputs and not inputs.startswith("1x") and " p 0 " not in example:
                    yield example


def texts(example: str) -> Iterator[str]:
    """Networks in which a layer is between two others."""
    layer, _, shape = example.partition(" on ")
    channels, *lengths = shape.split("x")
    unit = "conv1" if lengths else "fc"
    forms = {0: "", 1: "signal", 2: "image", 3: "clip"}
    form = f"input {'x'.join((*lengths, channels))} {forms[len(lengths)]}"
    for before in BEFORE:
        for after in AFTER:
            yield f"{form}\n{unit}-{channels} -> {before}\n{layer}\n{after.format(unit=unit)}"


@pytest.mark.parametrize("example", [*examples()])
def test_neighbours_keep_what_autograd_keeps(example: str):
    counted = 0
    for text in texts(example):
        try:
            net = archdsl.loads(text)
        except archdsl.ArchError:  # the layer ends in a vector, or reads no such map
            continue
        counted += 1
        kept = kept_for_backward(net.module(), torch.rand(1, *net.input))
        assert kept == net.memory.backward, text
    assert counted or example.startswith(("input", "rbf", "RBF", "5 gaussian"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input 8x8x3\nconv1-2; tanh shrink; conv1-2", 1792),
        ("input 8x8x3\nconv3-8; ln; relu; fc 5", None),
        ("input 8x8x3\nconv3-8; ln; relu; flatten; relu; fc 5", None),
        ("input 8x8x3\nconv3-8; tanh shrink; tanh shrink; fc 5", None),
        ("input 8x8x3\na: conv3-8 -> ln\nmultiply { a -> tanh shrink; a -> sigmoid }\nfc 5", None),
        ("input 8x8x3\nadd { conv3-8 -> ln; conv1-8 -> tanh shrink }\nrelu\nfc 5", None),
        ("input 16x3 signal\nconv3-8; ln; maxpool; fc 5; ln; fc 3", None),
    ],
)
def test_networks(text: str, expected: int | None):
    net = archdsl.loads(text)
    kept = kept_for_backward(net.module(), torch.rand(1, *net.input))
    assert net.memory.backward == kept
    assert expected in (None, kept)
