"""How a paper counts its own parameters: `params count K = 1024, no bias`."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.figures import unit_letter
from archdsl.graph import Graph
from archdsl.syntax.arguments import duplicate_error, entries_of
from archdsl.syntax.ast import NetworkText, ParamsCount, Token

_FORM = (
    "write `params count K = 1024, no bias`: K is 1000 or 1024; `no bias`, `no bn`; `in millions`"
)


class Counting(NamedTuple):
    """How printed params are counted.

    `kilo` is the K of a printed figure (its M is K·K), `unit` that of a figure without one.
    Without `bias` or `bn`, the biases or the parameters of normalisation layers are left out.
    """

    kilo: int = 1000
    bias: bool = True
    bn: bool = True
    unit: str = ""

    def __str__(self) -> str:
        """`without bias, K = 1024`; empty for the usual way."""
        omitted = [word for word, counted in (("bias", self.bias), ("bn", self.bn)) if not counted]
        texts = [f"without {' and '.join(omitted)}"] if omitted else []
        texts += [f"K = {self.kilo}"] if self.kilo != 1000 else []
        return ", ".join(texts)

    @property
    def is_usual(self) -> bool:
        """Whether all parameters count, and K is 1000."""
        return self.bias and self.bn and self.kilo == 1000

    def params(self, graph: Graph, nodes: Iterable[int]) -> int:
        """The trainable elements of these nodes, counted this way."""
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


def read_counting(network: NetworkText) -> Counting:
    """The counting that a network's text declares. Raises ArchError."""
    counting = Counting()
    statement = network.only(ParamsCount)
    names: set[str] = set()
    for entry in entries_of(statement.tokens if statement else ()):
        name, counting = _with(network, counting, entry.tokens)
        if name in names:
            raise duplicate_error(f"`{name}`", network.span(entry.start, entry.end))
        names.add(name)
    return counting


def _with(
    network: NetworkText, counting: Counting, phrase: Sequence[Token]
) -> tuple[str, Counting]:
    """What a phrase sets, and the counting with it."""
    words = " ".join(token.text.lower() for token in phrase)
    if words == "no bias":
        return words, counting._replace(bias=False)
    if words == "no bn":
        return words, counting._replace(bn=False)
    if words in ("in thousands", "in millions", "in billions"):
        return "in", counting._replace(unit=unit_letter(words.removeprefix("in ")))
    span = network.span(phrase[0].start, phrase[-1].end)
    if [token.kind for token in phrase] != ["word", "equals", "number"] or phrase[0].text != "K":
        raise ArchError(f"`{span.text}` is not a way to count parameters", span, help=_FORM)
    if phrase[2].text not in ("1000", "1024"):
        raise ArchError(f"a K of {phrase[2].text}", span, help=_FORM)
    return "K", counting._replace(kilo=int(phrase[2].text))
