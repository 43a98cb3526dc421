"""Tables of papers that are not in the zoo, each after the few lines that it needs: every
printed figure holds, and the layers are those of the same network as a list."""

from __future__ import annotations

from collections import Counter

import pytest
from paths import DATA

import archdsl
from archdsl.compare.diff import diff
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.text.source import Source

PASTED = DATA / "pasted"
CLAIMS = {  # how many, for each network of a file
    "darknet19": [27],
    "efficientnet_b0": [11],
    "mobilenet_v1": [32],
    "resnext": [9, 9],
    "squeezenet": [39],
    "zfnet": [22],
}
LISTS = {
    "efficientnet_b0": "efficientnet_b0",
    "mobilenet_v1": "mobilenet_v1",
    "resnext": "resnext50",
}


def networks_of(name: str) -> list[Network]:
    text = (PASTED / f"{name}.arch").read_text("utf-8")
    return [Network(network) for network in parse(Source(name, text))]


def test_every_pasted_table_is_listed():
    assert {path.stem for path in PASTED.iterdir()} == {*CLAIMS}


@pytest.mark.parametrize("name", CLAIMS)
def test_every_figure_holds(name: str):
    nets = networks_of(name)
    assert [len(net.verify()) for net in nets] == CLAIMS[name]
    verdicts = Counter(claim.verdict for net in nets for claim in net.verify())
    assert verdicts == {"holds": sum(CLAIMS[name])}


@pytest.mark.parametrize("name", LISTS)
def test_a_table_is_the_same_network_as_the_list(name: str):
    assert diff(networks_of(name)[-1], archdsl.load(LISTS[name])).same


def test_totals_of_released_networks():
    """torchvision's squeezenet1_0, and Darknet-19 as YOLO's authors released it."""
    (squeezenet,) = networks_of("squeezenet")
    (darknet,) = networks_of("darknet19")
    assert squeezenet.params == 1_248_424
    assert darknet.params == 20_842_376


def test_numbered_rows_are_names():
    (net,) = networks_of("squeezenet")
    assert [row.name for row in net.rows[:4]] == ["conv1", "maxpool1", "fire2", "fire3"]
    assert archdsl.loads("input 8x8x3\nmaxpool1: 3x3/2").rows[0].name == "maxpool1"
