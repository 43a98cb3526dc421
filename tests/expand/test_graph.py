"""Graphs without a text: built by hand, counted, compared and turned into modules."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from graphs import check_graph

import archdsl
from archdsl.analysis.totals import Analysis
from archdsl.claims.judge import judge
from archdsl.compare.isomorphism import comparable, same
from archdsl.expand.graph_builder import GraphBuilder, Mark
from archdsl.graph import Graph, Node, Section
from archdsl.layers import JOINS, Conv, Flatten, FullyConnected, Input, Layer, Value
from archdsl.layers.pool import AvgPool
from archdsl.pytorch.module import build

TEXT = "input 8x8 RGB\nconv3-4\nadd { identity; conv3-4 }\nglobal average pooling\nFC-10\n"


def by_hand(width: int = 4) -> Graph:
    """The graph of TEXT under other names, layer by layer."""
    steps: list[tuple[type[Layer], tuple[int, ...], dict[str, Value]]] = [
        (Conv, (0,), {"kernel": (3, 3), "width": width}),
        (Conv, (1,), {"kernel": (3, 3), "width": width}),
        (JOINS["add"], (1, 2), {}),
        (AvgPool, (3,), {"everywhere": True}),
        (Flatten, (4,), {}),
        (FullyConnected, (5,), {"width": 10}),
    ]
    image = Input.settle({"lengths": (8, 8), "channels": 3}, (), "same")
    nodes = [Node(image, (), ("image",), image.shape)]
    for number, (kind, inputs, values) in enumerate(steps):
        shapes = [nodes[i].shape for i in inputs]
        op = kind.settle(values, shapes[0], "same") if len(inputs) == 1 else kind()
        nodes.append(Node(op, inputs, ("body", f"step{number}"), op.out(*shapes)))
    return Graph(tuple(nodes), outputs=(6,), end=6)


def test_totals_of_a_graph_without_a_text():
    graph, net = by_hand(), archdsl.loads(TEXT)
    check_graph(graph)
    analysis = Analysis(graph)
    assert analysis.total_params == net.params > 0
    assert analysis.total_macs == net.macs > 0
    assert analysis.receptive_field == net.receptive_field == (5, 5)
    assert analysis.memory == net.memory
    assert analysis.weight_layers == net.weight_layers == 3
    assert [row.output for row in analysis.layers] == [row.output for row in net.layers]
    assert judge(analysis) == ()
    assert graph.origin.span(1) is None


def test_a_section_of_a_graph_without_a_text_is_a_row():
    graph = by_hand()
    section = Section("body", "two convolutions", "group", 1, first=1, last=4, entry=0, exit=3)
    (row,) = Analysis(graph._replace(sections=(section,))).rows
    assert (row.notation, row.input, row.output, row.depth) == (
        "two convolutions",
        (3, 8, 8),
        (4, 8, 8),
        2,
    )


def test_a_graph_without_a_text_is_compared():
    expanded = comparable(archdsl.loads(TEXT).graph)
    assert same(comparable(by_hand()), expanded)
    assert not same(comparable(by_hand(width=5)), expanded)


def test_module_of_a_graph_without_a_text():
    graph = by_hand()
    module = build(graph)
    images = torch.randn(2, *graph.nodes[0].shape)
    assert module(images).shape == (2, *graph.nodes[graph.output].shape) == (2, 10)
    params = sum(parameter.numel() for parameter in module.parameters())
    assert params == Analysis(graph).total_params
    assert "body.step0.weight" in module.state_dict()


def test_rollback_undoes_everything(monkeypatch: pytest.MonkeyPatch):
    """A size that no stride leads to is tried with lines of every sort, and then undone."""
    head = "input 16x16x4\nsizes decide stride\nconv means conv-relu\na: conv3-4\n"
    lines = (
        "block twice(w) { conv3-w; conv3-w }\n"
        "{ b: conv3-4; residual [ conv3-4; twice(4) ] => 16x16x4; add b; side { gap; FC-2 } }"
    )
    graph = archdsl.loads(f"{head}{lines}\nconcat a\ntwice(4)\ngap\nFC-2").graph
    undone: list[int] = []
    rollback = GraphBuilder.rollback

    def counted(self: GraphBuilder, mark: Mark) -> None:
        undone.append(len(self.nodes) - mark.nodes)
        rollback(self, mark)

    monkeypatch.setattr(GraphBuilder, "rollback", counted)
    tried = archdsl.loads(f"{head}{lines} => 5x5\nconcat a\ntwice(4)\ngap\nFC-2").graph
    assert tried[:-1] == graph[:-1]
    assert len(undone) == 2 and min(undone) > 10  # as it is written, and with the stride
    assert len(tried.origin.places) == len(tried.nodes)
    assert tried.origin.settled == graph.origin.settled == ()
    assert len(tried.origin.claims) == len(graph.origin.claims) + 1


def test_rollback_restores_each_part_of_a_builder():
    builder = GraphBuilder()
    builder.add(Flatten(), (), ("a",), (4,), (0, 1))
    builder.reserve((), ["a"])
    before, mark = deepcopy(vars(builder)), builder.mark()
    for name, value in [item for item in vars(builder).items() if item[0] != "contents"]:
        if isinstance(value, list):
            value.append(None)
        elif isinstance(value, dict):
            value["new"] = None
        else:
            setattr(builder, name, value + 1)
    assert all(before[name] != value for name, value in vars(builder).items())
    builder.rollback(mark)
    assert vars(builder) == before
    assert {*vars(builder)} == {*mark._fields, "contents"}, (
        "a mark keeps how far each part had grown"
    )
