"""What every graph fulfils."""

from archdsl.graph import Graph
from archdsl.layers import Input


def check_graph(graph: Graph) -> None:
    """Verify what every reader of a graph relies on; a failure is a defect of the program."""
    assert isinstance(graph.nodes[0].op, Input)
    names = {node.scope for node in graph.nodes}
    assert len(names) == len(graph.nodes), "two nodes share a name"
    for index, node in enumerate(graph.nodes):
        assert all(i < index for i in node.inputs), node
        assert node.inputs or index == 0, node
        assert node.shape == node.op.out(*graph.shapes(node)), node
    computed = set(graph.computed(sides=True))
    for index, node in enumerate(graph.nodes):
        assert index in computed or node.op.left_to_loss, f"nothing reads {node}"
    covered = 1
    for section in graph.sections:
        assert section.first == covered, section
        assert section.entry < section.first and section.exit < section.last, section
        covered = section.last
    assert not graph.sections or covered == len(graph.nodes), "a node is in no section"
