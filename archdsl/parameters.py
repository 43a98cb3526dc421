"""The parameters of a network: `network wide(k=8, depth=28)`."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl import expressions
from archdsl.errors import ArchError, did_you_mean
from archdsl.expressions import Number
from archdsl.syntax import NetworkText, Part
from archdsl.vocabulary import is_word_of_a_layer


def values_of(network: NetworkText, given: Mapping[str, Number]) -> dict[str, Number]:
    """The values of the network's parameters: given, or its own defaults."""
    for key, value in given.items():
        # numpy's numbers are not Python's: they overflow, and JSON does not know them.
        if type(value) not in (int, float):
            raise ArchError(f"the parameter `{key}` is no number: {value!r}", help="give an int")
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
    own = ("in", "and", "or", "not", "if", "no", "bare", "x", *expressions.FUNCTIONS)
    if name.text in own or is_word_of_a_layer(name.text):
        raise ArchError(
            f"`{name.text}` means something already",
            network.span(name.start, name.end),
            help="choose another name",
        )
    return name.text
