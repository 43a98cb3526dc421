"""Parameters: `network wide(k=8, depth=28)`, `block bottleneck(t, c, s=1) { … }`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from archdsl.errors import ArchError, Note, same_name
from archdsl.expand.classifiers import CLASSES
from archdsl.notation import optional_layers
from archdsl.notation.lookup import is_word, vocabulary
from archdsl.notation.optional_layers import Choice, Options
from archdsl.syntax import arguments, expressions
from archdsl.syntax.ast import Block, Derived, Header, NetworkText, Token
from archdsl.syntax.expressions import Expression, Number
from archdsl.text.source import Source, Span

Parameters = list[tuple[Token, Expression | None]]  # names, with their defaults
Argument = tuple[Number, Span | None]  # a value, and where the text gives it


def values_of(
    network: NetworkText, overrides: Mapping[str, Number]
) -> tuple[dict[str, Number], Options]:
    """The values of the network's parameters, and its choices of optional layers.

    The `overrides` win over the arguments of a derived network, and those over the defaults.
    Raises ArchError.
    """
    for key, value in overrides.items():
        # Numbers of numpy are refused: they overflow, and cannot be written as JSON.
        if type(value) not in (int, float):
            raise ArchError(f"the parameter `{key}` is not a number: {value!r}", help="give an int")
    parameters = declared(network.source, network.header) if network.header else []
    names = [name.text for name, _ in parameters]
    if CLASSES not in names and CLASSES in overrides:
        overrides = {name: value for name, value in overrides.items() if name != CLASSES}
    # Report a misspelt name before the missing value it causes.
    given = _arguments(network, names)
    for name, value in overrides.items():
        if name not in names and not _is_optional(name):
            owner = f"the network `{network.name or network.source.name}`"
            raise arguments.unknown_parameter(name, names, owner, None)
        given[name] = value, None
    if CLASSES not in names:
        given.pop(CLASSES, None)
    values = with_defaults(
        network.source,
        parameters,
        {name: value for name, (value, _) in given.items()},
        {},
        partial(_without_value, network),
    )
    choices = optional_layers.choices_of(network)
    choices += (_choice(name, *given[name]) for name in given if name not in values)
    return values, Options(choices)


def classes_of(network: NetworkText, overrides: Mapping[str, Number]) -> Number | None:
    """The number of classes that a network is to have, if its text or the overrides give one and
    it has no parameter of that name."""
    if CLASSES not in overrides and not network.derived:
        return None
    parameters = declared(network.source, network.header) if network.header else []
    names = [name.text for name, _ in parameters]
    if CLASSES in names:
        return None
    if CLASSES in overrides:
        return overrides[CLASSES]
    given = _arguments(network, names).get(CLASSES)
    return given[0] if given is not None else None


def with_defaults(
    source: Source,
    parameters: Parameters,
    values: Mapping[str, Number],
    names: Mapping[str, Number],
    without_value: Callable[[Token], ArchError],
) -> dict[str, Number]:
    """`names` with the values of the parameters; a default may read the names before it.

    Raises the error that `without_value` gives for a parameter without either.
    """
    found = dict(names)
    for name, default in parameters:
        if name.text in values:
            found[name.text] = values[name.text]
        elif default is not None:
            found[name.text] = expressions.evaluate(default, found, source)
        else:
            raise without_value(name)
    return found


def _without_value(network: NetworkText, name: Token) -> ArchError:
    source = network.source
    return ArchError(
        f"the parameter `{name.text}` has no value",
        source.span(name.start, name.end),
        [Note(f"`{one.name.text}` gives none", _span(source, one)) for one in network.derived],
        f"give it one with `-p {name.text}=8`, or a default: `{name.text}=8`",
    )


def _span(source: Source, derived: Derived) -> Span:
    return source.span(derived.base.start, (derived.arguments or derived.base).end)


def _is_built_in(name: str) -> bool:
    """Whether any network may have a parameter of that name."""
    return name == CLASSES or _is_optional(name)


def _is_optional(name: str) -> bool:
    return optional_layers.kind_of(name) is not None


def _choice(name: str, value: Number, span: Span | None) -> Choice:
    """Whether the optional layers of a kind are in the network: `bn=1`."""
    kind = optional_layers.kind_of(name)
    assert kind is not None
    if value not in (0, 1):
        raise ArchError(
            f"`{name}={value}`: an optional layer is either on or off",
            span,
            help=f"write `{name}=1`, or `{name}=0`",
        )
    return Choice(kind, name, bool(value), span)


def _arguments(network: NetworkText, parameters: Sequence[str]) -> dict[str, Argument]:
    """The arguments of a derived network, by name; the outermost wins."""
    source = network.source
    found: dict[str, Argument] = {}
    for derived in network.derived:
        entries = arguments.entries_in(derived.arguments)
        base = f"the network `{derived.base.text}`"
        bound = arguments.bind(source, entries, parameters, base, is_other=_is_built_in)
        for name, entry in bound.items():
            value = expressions.evaluate(expressions.read(source, entry.value), {}, source)
            found[name] = value, source.span(entry.start, entry.end)
    return found


PLACEHOLDERS = ("identity", "body", "shortcut")  # the placeholders of blocks
RESERVED = (*PLACEHOLDERS, *"in and or not if no bare x".split(), *expressions.FUNCTIONS)


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
            raise same_name("parameter", name.text, source.span(name.start, name.end))
        default = expressions.read(source, entry.value) if entry.name else None
        found[name.text] = name, default
    return list(found.values())


def form_of(block: Block) -> str:
    """How a block is used: `bottleneck(t, c, s)`."""
    names = ", ".join(one.tokens[0].text for one in arguments.entries_in(block.parameters))
    return f"`{block.name.text}({names})`" if names else f"`{block.name.text}`"


def declarable(source: Source, name: Token) -> str:
    """A name that may be given a value. Raises ArchError for one that already means something."""
    attribute = (name.text.lower(),) in vocabulary().attributes  # a block's `stride` may be one
    if name.text in RESERVED or (is_word(name.text) and not attribute):
        raise ArchError(
            f"`{name.text}` already means something",
            source.span(name.start, name.end),
            help="choose another name",
        )
    return name.text
