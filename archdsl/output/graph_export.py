"""The layers of a network as a networkx graph, and as GraphML."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

from archdsl.extras import require

if TYPE_CHECKING:
    from networkx import DiGraph

    from archdsl.model import Model


def to_networkx(network: Model) -> DiGraph:
    """A node for the input, each primitive layer and each join, side heads included; an edge from
    each to every node that reads its value.

    Nodes are keyed by name and have the attributes `name`, `kind`, `notation`, `shape` (of their
    output, (C, H, W) or (C,)), `params` and `macs`. Raises ArchError without networkx.
    """
    require("Network.to_networkx()", "networkx")
    import networkx

    nodes, analysis = network.graph.nodes, network.analysis
    graph = networkx.DiGraph(name=network.name)
    for node, params, macs in zip(nodes, analysis.params, analysis.macs, strict=True):
        graph.add_node(
            node.name,
            name=node.name,
            kind=node.op.kind,
            notation=node.op.described,
            shape=node.shape,
            params=params,
            macs=macs,
        )
        graph.add_edges_from((nodes[i].name, node.name) for i in node.inputs)
    return graph


def graphml(network: Model) -> bytes:
    """The same graph as a GraphML file, with shapes as JSON: `[64, 224, 224]`."""
    graph = to_networkx(network)
    import networkx

    for _, attributes in graph.nodes(data=True):
        attributes["shape"] = json.dumps(attributes["shape"])
    file = BytesIO()
    networkx.write_graphml(graph, file)
    return file.getvalue()
