"""The classifiers of a network: the layers that give one value for each class.

`vgg16(classes=10)`, or `-p classes=10`, sets the width of each: that of the network's output and
those of its side heads.
"""

from collections.abc import Mapping

from archdsl.errors import ArchError
from archdsl.graph import Graph, Scope

CLASSES = "classes"  # the parameter that every network with a classifier has
MOST_CLASSES = 10**7


def widths(graph: Graph, classes: float) -> Mapping[Scope, int]:
    """The width of each classifier of a graph for another number of classes, by its scope.

    Raises ArchError for a number that is not one of classes, or a network that does not end in a
    classifier.
    """
    if not isinstance(classes, int) or not 1 <= classes <= MOST_CLASSES:
        raise ArchError(
            f"`{CLASSES}={classes}` is not a number of classes", help=f"write `{CLASSES}=10`"
        )
    ends = [*graph.outputs, *(side.output for side in graph.sides)]
    return {graph.nodes[classifier(graph, end)].scope: classes for end in ends}


def classifier(graph: Graph, end: int) -> int:
    """The weight layer whose channels are the values of an output, after activations, pools and
    other layers that leave their number as it is."""
    node = end
    while not graph.nodes[node].op.weighs:
        inputs = graph.nodes[node].inputs
        if len(inputs) != 1 or graph.nodes[inputs[0]].shape[0] != graph.nodes[node].shape[0]:
            break
        (node,) = inputs
    found = graph.nodes[node]
    if not found.op.weighs or "width" not in type(found.op).attributes:
        raise ArchError(
            f"the network does not end in a classifier: `{found.name}` has no width",
            graph.origin.span(node),
            help=f"leave `{CLASSES}` out, or write a layer such as `FC-10` at the end",
        )
    return node


def check(graph: Graph, classes: float) -> None:
    """Raises ArchError unless all outputs of a graph have that number of classes."""
    for end in (*graph.outputs, *(side.output for side in graph.sides)):
        if graph.nodes[end].shape[0] != classes:
            raise ArchError(
                f"the output does not have {classes} channels with `{CLASSES}={classes}`",
                graph.origin.span(end),
                help=f"give the network a parameter: `network name({CLASSES}=1000)`, and write "
                f"`FC-({CLASSES})` at the end",
            )
