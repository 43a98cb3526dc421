"""How a paper counts its own parameters: `params count K = 1024, no bias`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.graph import Graph
from archdsl.syntax.arguments import entries_of, given_twice
from archdsl.syntax.ast import NetworkText, ParamsCount, Token

_FORM = (
    "write `params count K = 1024, no bias`: K is 1000 or 1024; `no bias`, `no bn`; `in millions`"
)
_UNITS = {"in thousands": "K", "in millions": "M", "in billions": "G"}


class Counting(NamedTuple):
    """What K is in a printed figure (M is K·K), the unit of a figure that has none, and what
    figures count."""

    kilo: int = 1000
    bias: bool = True
    bn: bool = True
    unit: str = ""

    def __str__(self) -> str:
        """`without bias, K = 1024`; of the usual way, nothing."""
        left = [word for word, counted in (("bias", self.bias), ("bn", self.bn)) if not counted]
        tokens = [f"without {' and '.join(left)}"] if left else []
        tokens += [f"K = {self.kilo}"] if self.kilo != 1000 else []
        return ", ".join(tokens)

    @property
    def is_usual(self) -> bool:
        """Whether figures count everything."""
        return self.bias and self.bn and self.kilo == 1000

    def params(self, graph: Graph, nodes: Iterable[int]) -> int:
        """The trainable elements of nodes, counted so."""
        total = 0
        for index in nodes:
            node = graph.nodes[index]
            op = node.op
            if len(node.inputs) != 1 or (op.normalises and not self.bn):
                continue
            if not self.bias and getattr(op, "bias", False) is True:
                op = type(op)(**{**vars(op), "bias": False})
            total += op.params(graph.nodes[node.inputs[0]].shape)
        return total


def read(network: NetworkText) -> Counting:
    """How a network's text says that its paper counts. Raises ArchError."""
    counting = Counting()
    statement = network.only(ParamsCount)
    seen: set[str] = set()
    for entry in entries_of(statement.tokens if statement else ()):
        name, counting = _with(network, counting, entry.tokens)
        if name in seen:
            raise given_twice(f"`{name}`", network.span(entry.start, entry.end))
        seen.add(name)
    return counting


def _with(
    network: NetworkText, counting: Counting, phrase: Sequence[Token]
) -> tuple[str, Counting]:
    """What a phrase is about, and the counting with it."""
    words = " ".join(token.text.lower() for token in phrase)
    if words == "no bias":
        return words, counting._replace(bias=False)
    if words == "no bn":
        return words, counting._replace(bn=False)
    if words in _UNITS:
        return "in", counting._replace(unit=_UNITS[words])
    span = network.span(phrase[0].start, phrase[-1].end)
    if [token.kind for token in phrase] != ["word", "equals", "number"] or phrase[0].text != "K":
        raise ArchError(f"`{span.text}` says nothing of how parameters count", span, help=_FORM)
    if phrase[2].text not in ("1000", "1024"):
        raise ArchError(f"a K of {phrase[2].text}", span, help=_FORM)
    return "K", counting._replace(kilo=int(phrase[2].text))
