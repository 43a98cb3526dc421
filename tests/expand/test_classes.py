"""`classes`, the parameter that every network with a classifier has."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl import spec_files
from archdsl.errors import ArchError
from archdsl.network import Network

PLAIN = "input 8x8x3\nconv3-4\nrelu\n"


def outputs(network: Network) -> set[tuple[int, ...]]:
    """The shapes of the network's outputs and of its side heads."""
    sides = [network.graph.nodes[side.output].shape for side in network.sides]
    return {*network.outputs, *sides}


@pytest.mark.parametrize(
    "text, shape",
    [
        (PLAIN + "FC-10", (7,)),
        (PLAIN + "FC-10\nsoftmax", (7,)),
        (PLAIN + "FC-10, dropout 0.5", (7,)),
        (PLAIN + "conv1-10\nglobal average pool\nsoftmax", (7, 1, 1)),
        (PLAIN + "conv1-10 -> bn -> relu -> global average pool -> flatten", (7,)),
        (PLAIN + "conv1-10\nupsample 2\nsigmoid", (7, 16, 16)),
        (PLAIN + "[ conv3-10 ] x 3\nglobal average pool", (7, 1, 1)),
        (PLAIN + "block head(n) { global average pool; FC-(n) }\nhead(10)", (7,)),
    ],
)
def test_the_last_weight_layer_is_widened(text: str, shape: tuple[int, ...]):
    network = archdsl.loads(text, parameters={"classes": 7})
    assert network.output == shape
    # Every other layer is as the text has it.
    own = archdsl.loads(text)
    assert [(n.name, type(n.op)) for n in own.graph.nodes] == [
        (n.name, type(n.op)) for n in network.graph.nodes
    ]
    widths = [
        node.name
        for node, other in zip(own.graph.nodes, network.graph.nodes, strict=True)
        if node.op.weighs and node.op != other.op
    ]
    assert len(widths) == 1


def test_side_heads_and_outputs_are_widened():
    text = PLAIN + "side aux { global average pool; FC-10 }\nconv3-8\nglobal average pool\nFC-10"
    assert outputs(archdsl.loads(text, parameters={"classes": 7})) == {(7,)}
    text = PLAIN + "c: conv3-4\na: FC-10\nc -> FC-20\nb: FC-10\noutput a, b"
    assert outputs(archdsl.loads(text, parameters={"classes": 7})) == {(7,)}


def test_a_derived_network_has_other_classes(tmp_path: Path):
    spec = tmp_path / "nets.arch"
    spec.write_text(f"network a\n{PLAIN}FC-10\n\nnetwork b = a(classes=3)\n")
    assert archdsl.load(f"{spec}:a").output == (10,)
    assert archdsl.load(f"{spec}:b").output == (3,)
    assert archdsl.load(f"{spec}:b", {"classes": 5}).output == (5,)  # the command line wins


def test_a_parameter_of_that_name_is_the_networks_own():
    text = "network a(classes=10)\ninput 8x8x3\nconv3-(classes)\nFC-100"
    network = archdsl.loads(text, parameters={"classes": 7})
    assert network.output == (100,)
    assert network.graph.nodes[1].shape[0] == 7


ZOO = [name for name in spec_files.names() if not spec_files.find_one(name).lacking]


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_every_network_of_the_zoo_takes_classes(name: str):
    network = archdsl.load(name, {"classes": 7})
    assert {shape[0] for shape in outputs(network)} == {7}


@pytest.mark.parametrize(
    "text, classes, message",
    [
        (PLAIN + "FC-10", 0, "`classes=0` is not a number of classes"),
        (PLAIN + "FC-10", 2.5, "`classes=2.5` is not a number of classes"),
        (PLAIN + "FC-10", 10**9, "is not a number of classes"),
        (PLAIN + "flatten", 7, "the network does not end in a classifier"),
        (PLAIN + "conv1-10\nflatten", 7, "the network does not end in a classifier"),
        (PLAIN + "concat { conv1-4; conv1-6 }", 7, "the network does not end in a classifier"),
    ],
)
def test_what_is_refused(text: str, classes: float, message: str):
    with pytest.raises(ArchError, match=message):
        archdsl.loads(text, parameters={"classes": classes})
