"""A network as a networkx graph, and as a GraphML file that networkx reads back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import networkx
import pytest

import archdsl

NAMES = ["lenet5", "resnet18", "googlenet", "unet", "m5", "c3d"]
TWICE = "input 8x8x3\na: conv3-4\nside s { FC-2 }\nconcat { a; a }\nFC-2, softmax"


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_is_a_node(name: str):
    net = archdsl.load(name)
    graph = net.to_networkx()
    assert networkx.is_directed_acyclic_graph(graph)
    assert list(graph) == [node.name for node in net.graph.nodes]
    pairs = {(i, index) for index, node in enumerate(net.graph.nodes) for i in node.inputs}
    assert graph.number_of_edges() == len(pairs)
    assert sum(params for _, params in graph.nodes(data="params")) == net.params + net.side_params
    assert sum(macs for _, macs in graph.nodes(data="macs")) == net.macs + net.side_macs
    for row in net.layers:
        assert graph.nodes[row.name] == {
            "name": row.name,
            "kind": row.kind,
            "notation": row.notation,
            "shape": row.output,
            "params": row.params,
            "macs": row.macs,
        }


def test_edges_lead_from_a_layer_to_its_readers():
    graph = archdsl.loads(TWICE).to_networkx()
    assert set(graph.edges) == {
        ("input", "a"),
        ("a", "s.flatten"),
        ("s.flatten", "s.fc1"),
        ("a", "concat1.concat"),
        ("concat1.concat", "fc1.flatten"),
        ("fc1.flatten", "fc1.fc"),
        ("fc1.fc", "fc1.softmax"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_file_reads_back(name: str, archdsl_cli, tmp_path: Path):
    path = tmp_path / "net.graphml"
    assert archdsl_cli("draw", name, "-o", str(path)) == (0, f"{path}\n", "")
    read = networkx.read_graphml(path)
    graph = archdsl.load(name).to_networkx()
    assert read.graph["name"] == graph.graph["name"]
    assert list(read.edges) == list(graph.edges)
    for key, attributes in graph.nodes(data=True):
        shape = json.loads(read.nodes[key].pop("shape"))
        assert tuple(shape) == attributes.pop("shape")
        assert read.nodes[key] == attributes


def test_without_networkx_one_line_names_the_command(monkeypatch, archdsl_cli, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "networkx", None)
    path = tmp_path / "net.graphml"
    code, out, error = archdsl_cli("draw", "lenet5", "-o", str(path))
    assert (code, out) == (2, "")
    (line,) = error.splitlines()
    assert line.endswith("needs networkx: pip install 'archdsl[networkx]'")
    assert not path.exists()
