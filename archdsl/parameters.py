"""The parameters of a network: `network wide(k=8, depth=28)`."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl import expressions
from archdsl.errors import ArchError, did_you_mean
from archdsl.expressions import Number
from archdsl.syntax import NetworkText, Part
from archdsl.vocabulary import vocabulary


def values_of(network: NetworkText, given: Mapping[str, Number]) -> dict[str, Number]:
    """The values of the network's parameters: given, or its own defaults."""
    header = network.header
    parens = header.parameters if header else None
    values: dict[str, Number] = {}
    declared: list[str] = []
    for parts in expressions.split(parens.inside) if parens else ():  # type: ignore[arg-type]
        name = parts[0]
        if name.kind != "word" or (len(parts) > 1 and parts[1].kind != "equals") or len(parts) == 2:
            raise ArchError(
                "a parameter is a name with a default",
                network.span(parts[0].start, parts[-1].end),
                help="write `network wide(k=8)`; no parameter is named `x`",
            )
        if declarable(network, name) in declared:
            raise ArchError(
                f"two parameters are called `{name.text}`",
                network.span(name.start, name.end),
                help="strike one of the two",
            )
        declared.append(name.text)
        if name.text in given:
            values[name.text] = given[name.text]
        elif len(parts) > 2:
            default = expressions.read(network, parts[2:])
            values[name.text] = expressions.evaluate(default, values, network)
        else:
            raise ArchError(
                f"the parameter `{name.text}` has no value",
                network.span(name.start, name.end),
                help=f"give it one with `-p {name.text}=8`, or a default: `{name.text}=8`",
            )
    for name_given in given:
        if name_given not in declared:
            known = ", ".join(declared) or "none"
            raise ArchError(
                f"the network {network.name or network.source.name} has no parameter "
                f"`{name_given}`",
                help=did_you_mean(name_given, declared) or f"its parameters: {known}",
            )
    return values


def declarable(network: NetworkText, name: Part) -> str:
    """A name that may have a value. Raises ArchError for one that means something already."""
    word = (name.text.lower(),)
    spelling = word in vocabulary().layers or word in vocabulary().flags
    if spelling or name.text in ("in", "and", "or", "not", "if", *expressions.FUNCTIONS):
        raise ArchError(
            f"`{name.text}` means something already",
            network.span(name.start, name.end),
            help="choose another name",
        )
    return name.text
