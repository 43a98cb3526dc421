"""The spellings of all layer kinds, as runs of words: `('max', 'pool')` is a layer, `('stride',)`
an attribute."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from archdsl.layers import REGISTRY, Layer, Value
from archdsl.syntax.ast import Token

# Words between the others that change nothing, and those that do so at some places.
NOISE = {"at", "with", "and", "in", "use", "using", "image", "images"}
NOISE_AT_PLACES = {"of", "layer", "activation"}

ACTIVATION = "activation"  # `no activation` removes whichever a convention adds
BARE = "linear"  # removed by words such as `linear`: a layer without companions

Words = tuple[str, ...]

# Attributes whose value is lists of numbers: `connections (0 1 2, 1 2 3)`.
LISTS: frozenset[Words] = frozenset({("connections",), ("connection", "table")})


class Vocabulary(NamedTuple):
    """All spellings, each a run of words."""

    layers: dict[Words, tuple[type[Layer], Mapping[str, Value]]]
    attributes: set[Words]  # before a value
    units: set[Words]  # after a number
    flags: set[Words]  # in place of a value
    # A whole layer in one word: `20C4`.
    compact: list[tuple[re.Pattern[str], type[Layer], Mapping[str, Value]]]
    longest: int
    spellings: frozenset[Words]  # all of these, and words that change nothing
    known: frozenset[str]  # every spelling, for "did you mean"
    single_words: frozenset[str]  # the words of all spellings, and those that remove layers
    words: frozenset[str]  # the first words of the spellings of layers, flags and units


def vocabulary() -> Vocabulary:
    """The spellings of all kinds that are registered now."""
    return _vocabulary(len(REGISTRY))


@cache
def _vocabulary(kinds: int) -> Vocabulary:
    layers, attributes, units, flags = {}, set(), set(), set()
    compact = [
        (re.compile(regex), kind, preset) for kind in REGISTRY for regex, preset in kind.compact
    ]
    for kind in REGISTRY:
        for spelling, preset in kind.words.items():
            layers[tuple(spelling.split())] = (kind, preset)
            layers.setdefault((spelling.replace(" ", ""),), (kind, preset))  # GlobalAvgPool
        for attribute in kind.attributes.values():
            attributes |= {tuple(words.split()) for words in attribute.words}
            units |= {tuple(words.split()) for words in attribute.units}
            flags |= {tuple(words.split()) for words in attribute.flags}
    spellings = frozenset((*layers, *attributes, *units, *flags))
    known = frozenset(" ".join(s) for s in spellings)
    noise = {(word,) for word in NOISE | NOISE_AT_PLACES}
    named = [*layers, *flags, *(u for u in units - attributes if len(u[0]) > 1)]
    # `alpha` begins `alpha dropout`, but is an attribute too: a number may have that name.
    alone = {spelling[0] for spelling in named if len(spelling) == 1}
    free = {spelling[0] for spelling in attributes if len(spelling) == 1} - alone
    words = frozenset(spelling[0] for spelling in named) - free
    longest = max(map(len, spellings))
    single_words = frozenset(word for spelling in spellings for word in spelling) | {"no", "bare"}
    return Vocabulary(
        layers,
        attributes,
        units,
        flags,
        compact,
        longest,
        spellings | noise,
        known,
        single_words,
        words,
    )


@cache
def fields_of(kind: type[Layer], form: str) -> Mapping[Words, tuple[str, Value | None]]:
    """The spellings that set fields of a layer kind, by `form`; the field and a flag's value.

    `form` is "words", "units" or "flags".
    """
    found: dict[Words, tuple[str, Value | None]] = {}
    for name, attribute in kind.attributes.items():
        if form == "flags":
            found |= {tuple(w.split()): (name, value) for w, value in attribute.flags.items()}
        else:
            found |= {tuple(w.split()): (name, None) for w in getattr(attribute, form)}
    return found


def is_word_of_a_layer(name: str) -> bool:
    """Whether a name is the first word of the spelling of a layer, a flag or a unit."""
    return name.lower() in vocabulary().words


def is_word(name: str) -> bool:
    """Whether a name alone is a layer, also with its digits (`conv3`), a flag or a unit.

    The unit of one letter, `1000-d`, only follows digits: `d128` is something else.
    """
    known, word = vocabulary(), (name.lower(),)
    stem = (name.lower().rstrip("0123456789"),)
    return stem in known.layers or word in known.flags or (word in known.units and len(name) > 1)


def words_of(token: Token) -> Words:
    """The words of a token: `kernel_size` is two, `without bias` is `no bias`."""
    text = token.text.lower()
    if "_" not in text:
        return ("no",) if text == "without" else (text,)
    return tuple("no" if w == "without" else w for w in text.split("_") if w)


def is_tight(tokens: Sequence[Token], at: int) -> bool:
    """Whether a sign touches the tokens on both sides of it."""
    return tokens[at - 1].end == tokens[at].start and tokens[at].end == tokens[at + 1].start


def begins_attribute(tokens: Sequence[Token], at: int = 0) -> bool:
    """Whether the spelling of an attribute begins at a token."""
    return any(words in vocabulary().attributes for words, _ in runs(tokens, at))


def layers_among(
    tokens: Sequence[Token],
) -> list[tuple[type[Layer], Mapping[str, Value], int, int]]:
    """The layers that tokens spell: kind, preset values, index of the first token, count."""
    known = vocabulary().layers
    found = []
    at = 0
    while at < len(tokens):
        run = next((run for run in runs(tokens, at) if run[0] in known), None)
        if run is not None:
            found.append((*known[run[0]], at, run[1]))
        at += run[1] if run is not None else 1
    return found


def runs(tokens: Sequence[Token], at: int) -> list[tuple[Words, int]]:
    """The runs of words from a token on, longest first, each with its count of tokens.

    A hyphen between words reads as a blank: `soft-max`, `fully-connected`.
    """
    known = vocabulary()
    found: list[tuple[Words, int]] = []
    words: Words = ()
    here = at
    while here < len(tokens) and len(words) < known.longest:
        token = tokens[here]
        if token.kind == "word":
            words += words_of(token)
            found.append((words, here + 1 - at))
        elif token.kind == "times" and (*words, token.text) in known.layers:
            words += (token.text,)  # `sobel x`: here the sign is a word
            found.append((words, here + 1 - at))
        elif not (
            found
            and token.kind == "join"
            and token.text == "-"
            and here + 1 < len(tokens)
            and tokens[here + 1].kind == "word"
            and is_tight(tokens, here)
        ):
            break
        here += 1
    found.reverse()
    exact = (tokens[at].text,) if found else ()
    if exact and not exact[0].islower() and (exact in known.layers or exact in known.attributes):
        found.insert(-1, (exact, 1))  # `IN`, the instance norm, is not `in`; `C=32` is not `c`
    return found
