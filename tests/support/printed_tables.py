"""Tables as papers print them, and the networks that specs make of them."""

from __future__ import annotations

import re

from paths import DATA, ROOT

from archdsl.compare.diff import diff
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.text.source import Source

PASSAGES = DATA / "tables"


# The same networks as lists of layers.
LISTS = {
    "vgg:D": "vgg16",
    **{f"resnet:{depth}-layer": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    "googlenet_table": "googlenet",
    **{f"densenet_table:DenseNet-{n}": f"densenet{n}" for n in (121, 169, 201, 161)},
    "mobilenet_v2_table": "mobilenet_v2",
    "all_cnn:All-CNN-C": "all_cnn_c",
}


DEEP = ("densenet_table", "resnet")  # slow to mutate cell by cell


def text_of(spec: str) -> str:
    return (ROOT / "specs" / f"{spec}.arch").read_text("utf-8")


def tables_of(passage: str) -> list[str]:
    """The tables of a passage, without the text around them."""
    text = (PASSAGES / f"{passage}.txt").read_text("utf-8")
    found = re.findall(r"(?:^(?:\|.*|[^\n]*\t[^\n]*)\n)+", text, re.MULTILINE)
    return [one.rstrip("\n") for one in found]


def networks_of(text: str) -> dict[str, Network]:
    return {network.full_name: Network(network) for network in parse(Source("spec", text))}


def assert_same(text: str, other: str) -> None:
    """Asserts that two texts give networks with the same names, layers and claims."""
    ours, others = networks_of(text), networks_of(other)
    assert list(ours) == list(others)
    for name, net in ours.items():
        assert diff(net, others[name]).same, name
        assert signature(net) == signature(others[name])


def signature(net: Network) -> tuple[object, ...]:
    """What a table defines: layers, names, verdicts, and the printed text of errata."""
    layers = [(node.name, node.op, node.inputs) for node in net.graph.nodes]
    claims = [
        (c.where, c.quantity, c.verdict, c.printed if c.verdict == "erratum" else "")
        for c in net.claims
    ]
    return layers, claims
