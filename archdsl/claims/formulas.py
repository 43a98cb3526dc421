"""The value of each quantity that papers print, for a line of a spec and for a whole network.

The keys are the names in `archdsl.quantities`, which has their spellings and the form of their
figures.
"""

from __future__ import annotations

from archdsl.analysis.totals import Analysis
from archdsl.claims.parameter_count import Counting
from archdsl.graph import Section

Computed = int | tuple[int, ...]
WITH_SIDES = " with sides"  # of an amount: side heads included


def of_line(analysis: Analysis, counting: Counting, section: Section) -> dict[str, Computed]:
    """Params count as the paper counts them; a line without a window has no kernel or stride."""
    row = analysis.row(section)
    params = row.params
    if not counting.is_usual:
        nodes = set(range(section.first, section.last))
        for head in analysis.heads_inside(section):
            nodes -= {*range(head.first, head.last)}
        params = counting.params(analysis.graph, nodes)
    return {
        "output size": row.output,
        "input size": row.input,
        "channels": row.output[0],
        "receptive field": row.receptive_field,
        "params": params,
        "trainable": params,
        "macs": row.macs,
        "flops": 2 * row.macs,
        "depth": row.depth,
        "weight layers": row.depth,
        **_window(analysis, section),
    }


def _window(analysis: Analysis, section: Section) -> dict[str, Computed]:
    """The kernel and the stride of the first layer of a line that has one."""
    graph = analysis.graph
    values: dict[str, Computed] = {}
    for node in graph.nodes[section.first : section.last]:
        if len(values) == 2:
            break
        if (window := node.op.window(graph.shapes(node)[0])) is not None:
            for name, value in (("kernel", window.kernel), ("stride", window.up or window.stride)):
                if name in node.op.attributes:
                    values.setdefault(name, value)
    return values


def of_network(analysis: Analysis, counting: Counting) -> dict[str, Computed]:
    """Amounts are those of the main path, and `with sides` those of the side heads too."""
    graph = analysis.graph
    params, side_params = analysis.total_params, analysis.side_params
    if not counting.is_usual:
        sides = analysis.side_nodes
        params = counting.params(graph, (i for i in range(len(graph.nodes)) if i not in sides))
        side_params = counting.params(graph, sides)
    amounts = {
        "params": (params, side_params),
        "trainable": (params, side_params),
        "macs": (analysis.total_macs, analysis.side_macs),
        "flops": (2 * analysis.total_macs, 2 * analysis.side_macs),
    }
    with_sides = {name + WITH_SIDES: sum(both) for name, both in amounts.items()}
    return {
        "output size": graph.nodes[graph.end].shape,
        "input size": graph.nodes[0].shape,
        "receptive field": analysis.receptive_field,
        **{name: main for name, (main, _) in amounts.items()},
        **(with_sides if graph.sides else {}),
        "depth": analysis.weight_layers,
        "weight layers": analysis.weight_layers,
    }
