"""The axes of the sizes that a table prints: H×W×C, or C×H×W as PyTorch has them.

    | conv1 | 96x55x55 | 11x11, 96, stride 4 |
    | pool1 | 96x27x27 | 3x3 max pool/2      |

Read as H×W×C these sizes are not those of the layers; read as C×H×W all are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from archdsl.errors import ArchError
from archdsl.expand.choices import AXES
from archdsl.expand.printed_sizes import size_in
from archdsl.figures import numbers_of
from archdsl.graph import Decision, Graph
from archdsl.layers import Shape
from archdsl.syntax.ast import ClaimText, Item, NetworkText, Token

_SIZES = ("output size", "input size")


def with_axes(
    network: NetworkText, build: Callable[[NetworkText], Graph]
) -> tuple[NetworkText, Graph]:
    """The network with the sizes of its tables as H×W×C, and its graph.

    Its sizes are read as C×H×W if one of them cannot be H×W×C, and all can be C×H×W. Raises what
    `build` raises for the text as it is.
    """
    if not has_sizes_of_tables(network):
        return network, build(network)
    graph, problem = None, None
    try:
        graph = build(network)
    except ArchError as error:
        problem = error
    if graph is None or not _all_fit(graph):
        turned = _turned(network)
        with suppress(ArchError):
            other = build(turned)
            if _all_fit(other):
                return turned, _decided(other)
    if graph is None:
        assert problem is not None
        raise problem
    return network, graph


def has_sizes_of_tables(network: NetworkText) -> bool:
    """Whether a table prints a size with channels."""
    return any(True for _ in _in_tables(network))


def _in_tables(network: NetworkText) -> Iterator[tuple[Item, ClaimText]]:
    """The claims of sizes with channels in the rows of tables."""
    grids = network.source.grids
    for item in (s for s in network.statements if isinstance(s, Item)) if grids else ():
        for claim in item.claims:
            if any(grid.start <= claim.start < grid.end for grid in grids):
                if any(_has_channels(token) for token in claim.tokens):
                    yield item, claim


def _has_channels(token: Token) -> bool:
    return token.kind == "size" and len(numbers_of(token.text)) in (3, 4)


def _turned(network: NetworkText) -> NetworkText:
    """The network with its tables' sizes read as C×H×W, and written as H×W×C."""
    claims = {id(claim) for _, claim in _in_tables(network)}

    def of_token(token: Token) -> Token:
        if not _has_channels(token):
            return token
        channels, *lengths = numbers_of(token.text)
        return token._replace(text="x".join(map(str, (*lengths, channels))))

    def of_claim(claim: ClaimText) -> ClaimText:
        if id(claim) not in claims:
            return claim
        return claim._replace(tokens=tuple(map(of_token, claim.tokens)))

    statements = tuple(
        s._replace(claims=tuple(map(of_claim, s.claims))) if isinstance(s, Item) else s
        for s in network.statements
    )
    return network._replace(statements=statements)


def _of_sections(graph: Graph) -> Iterator[tuple[str, tuple[int, ...], Shape, ClaimText]]:
    """The sizes with channels that the rows of tables print: the name of the line, the numbers, and
    the shape of the map that they are about."""
    network = graph.origin.network
    of_tables = {id(claim) for _, claim in _in_tables(network)} if network is not None else set()
    for section, _, claims, _ in graph.origin.claims:
        for claim in claims:
            for quantity in _SIZES if id(claim) in of_tables else ():
                if (figure := size_in(claim, quantity)) is not None and _has_channels(figure):
                    node = section.entry if quantity == "input size" else section.exit
                    yield section.name, numbers_of(figure.text), graph.nodes[node].shape, claim


def _all_fit(graph: Graph) -> bool:
    """Whether every size with channels is H×W×C of its map; of a vector, 1×1×C."""
    for _, (*lengths, channels), shape, _ in _of_sections(graph):
        if channels != shape[0] or tuple(lengths) != (shape[1:] or (1,) * len(lengths)):
            return False
    return True


def _decided(graph: Graph) -> Graph:
    """The graph with the decision for each of its lines."""
    decisions = tuple(
        Decision(AXES, {}, (name,), claim.start, claim.end)
        for name, _, _, claim in _of_sections(graph)
    )
    origin = graph.origin._replace(decisions=(*graph.origin.decisions, *decisions))
    return graph._replace(origin=origin)
