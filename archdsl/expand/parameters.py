"""Parameters: `network wide(k=8, depth=28)`, `block bottleneck(t, c, s=1) { … }`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.errors import ArchError, Note, did_you_mean
from archdsl.notation import optional_layers
from archdsl.notation.optional_layers import Choice, Options
from archdsl.notation.vocabulary import is_word, vocabulary
from archdsl.syntax import arguments, expressions
from archdsl.syntax.ast import Block, Derived, Header, NetworkText, Token
from archdsl.syntax.expressions import Expression, Number
from archdsl.text.source import Source, Span


def values_of(
    network: NetworkText, given: Mapping[str, Number]
) -> tuple[dict[str, Number], Options]:
    """The values of the network's parameters, and which optional layers stand.

    What is `given` by name comes first, then the arguments of a derived network, then the
    defaults. Raises ArchError.
    """
    for key, value in given.items():
        # numpy's numbers are not Python's: they overflow, and JSON does not know them.
        if type(value) not in (int, float):
            raise ArchError(f"the parameter `{key}` is no number: {value!r}", help="give an int")
    source = network.source
    own = declared(source, network.header) if network.header else []
    names = [name.text for name, _ in own]
    derived = _arguments(network, names)
    everything = {**derived, **{name: (value, None) for name, value in given.items()}}
    # A name that is misspelt comes before the value that lacks for it.
    for name_given, (_, span) in everything.items():
        if name_given not in names and optional_layers.kind_of(name_given) is None:
            owner = network.derived[0].base.text if span else network.name or source.name
            raise ArchError(
                f"the network {owner} has no parameter `{name_given}`",
                span,
                help=did_you_mean(name_given, names) or _known(names),
            )
    values: dict[str, Number] = {}
    for name, default in own:
        if name.text in given:
            values[name.text] = given[name.text]
        elif name.text in derived:
            values[name.text] = derived[name.text][0]
        elif default is not None:
            values[name.text] = expressions.evaluate(default, values, source)
        else:
            raise ArchError(
                f"the parameter `{name.text}` has no value",
                source.span(name.start, name.end),
                [
                    Note(f"`{d.name.text}` gives none", source.span(*_ends(d)))
                    for d in network.derived
                ],
                f"give it one with `-p {name.text}=8`, or a default: `{name.text}=8`",
            )
    choices = optional_layers.choices_of(network)
    for name_given, (value, span) in everything.items():
        if name_given in values:
            continue
        kind = optional_layers.kind_of(name_given)
        assert kind is not None
        if value not in (0, 1):
            raise ArchError(
                f"`{name_given}={value}`: a layer stands or does not",
                span,
                help=f"write `{name_given}=1`, or `{name_given}=0`",
            )
        choices.append(Choice(kind, name_given, bool(value), span))
    return values, Options(choices)


def _ends(derived: Derived) -> tuple[int, int]:
    return derived.base.start, (derived.arguments or derived.base).end


def _arguments(
    network: NetworkText, parameters: Sequence[str]
) -> dict[str, tuple[Number, Span | None]]:
    """What a derived network gives, by name, each with its place; the outermost wins."""
    source = network.source
    found: dict[str, tuple[Number, Span | None]] = {}
    for derived in network.derived:
        entries = arguments.entries_in(derived.arguments)
        base = f"the network `{derived.base.text}`"
        bound = arguments.bind(source, entries, parameters, base, _known(parameters))
        for name, entry in bound.items():
            value = expressions.evaluate(expressions.read(source, entry.value), {}, source)
            found[name] = value, source.span(entry.start, entry.end)
    return found


WORDS = ("identity", "body", "shortcut")  # what only blocks can say
RESERVED = (*WORDS, "in", "and", "or", "not", "if", "no", "bare", "x", *expressions.FUNCTIONS)

Parameters = list[tuple[Token, Expression | None]]  # names, with their defaults


def declared(source: Source, owner: Header | Block) -> Parameters:
    """The parameters of a network or a block, with their defaults. Raises ArchError."""
    form = "network wide(k=8)" if isinstance(owner, Header) else "block bottleneck(t, c, s=1)"
    found: dict[str, tuple[Token, Expression | None]] = {}
    for entry in arguments.entries_in(owner.parameters):
        name = entry.tokens[0]
        is_valid = bool(entry.name and entry.value) or len(entry.tokens) == 1
        if name.kind != "word" or not is_valid:
            raise ArchError(
                "a parameter is a name, with or without a default",
                source.span(entry.start, entry.end),
                help=f"write `{form}`; no parameter is named `x`",
            )
        if declarable(source, name) in found:
            raise ArchError(
                f"two parameters are called `{name.text}`",
                source.span(name.start, name.end),
                help="remove one of the two",
            )
        default = expressions.read(source, entry.value) if entry.name else None
        found[name.text] = name, default
    return list(found.values())


def bind(
    source: Source,
    block: Block,
    own: Parameters,
    places: Sequence[Number],
    given: Mapping[str, Number],
    outer: Mapping[str, Number],
) -> dict[str, Number]:
    """The names that hold in a block: those outside, and its parameters by place or by name.

    Raises ArchError without a place for a parameter that is unknown, missing or given twice;
    whoever calls knows where the block is used.
    """
    parameters = [name.text for name, _ in own]
    title = f"the block `{block.name.text}`"
    if len(places) > len(own):
        raise ArchError(
            f"{title} takes {len(own) or 'no'} argument{'' if len(own) == 1 else 's'}, "
            f"not {len(places)}",
            help=_known(parameters),
        )
    values = dict(zip(parameters, places, strict=False))
    for name, value in given.items():
        if name not in parameters:
            hint = did_you_mean(name, parameters) or _known(parameters)
            raise ArchError(f"{title} has no parameter `{name}`", help=hint)
        if name in values:
            raise arguments.given_twice(f"`{name}` of {title}")
        values[name] = value
    names = dict(outer)
    for parameter, default in own:
        name = parameter.text
        if name in values:
            names[name] = values[name]
        elif default is not None:
            names[name] = expressions.evaluate(default, names, source)
        else:
            raise ArchError(f"`{name}` of {title} has no value", help=f"write {form_of(block)}")
    return names


def form_of(block: Block) -> str:
    """How a block is used: `bottleneck(t, c, s)`."""
    names = ", ".join(one.tokens[0].text for one in arguments.entries_in(block.parameters))
    return f"`{block.name.text}({names})`" if names else f"`{block.name.text}`"


def _known(names: Mapping[str, Number] | Sequence[str]) -> str:
    return f"its parameters: {', '.join(names) or 'none'}"


def declarable(source: Source, name: Token) -> str:
    """A name that may have a value. Raises ArchError for one that means something already."""
    attribute = (name.text.lower(),) in vocabulary().attributes  # a block's `stride` may be one
    if name.text in RESERVED or (is_word(name.text) and not attribute):
        raise ArchError(
            f"`{name.text}` means something already",
            source.span(name.start, name.end),
            help="choose another name",
        )
    return name.text
