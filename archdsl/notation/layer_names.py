"""The kind of layer that a name is or holds: `pool1`, `ConvTranspose2d`, `S2 subsampling`.

A line or a row may leave the kind to its name: `Depthwise_conv: 3x3, 16`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from archdsl.layers import Conv, Layer, Value
from archdsl.layers.pool import MaxPool
from archdsl.notation.ast import LayerText
from archdsl.notation.lookup import Words, vocabulary

# `MaxPooling2D` is `max`, `pooling`; digits, and the dimensions after them, only number the layer.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+(?:[dD](?![A-Za-z]))?")
_POOL = ("pool", "pooling", "pools")  # of which kind is open: a max pool, as a decision
# Words with which a name is that of several layers, or of a pool of another kind.
_OTHERS = frozenset(
    "block blocks stage module unit branch group cell bottleneck transition residual res proj "
    "projection path separable squeeze excitation attention".split()
)
_OTHER_POOLS = frozenset(
    "global adaptive spatial pyramid roi attention stochastic mixed sum min median lp fractional "
    "power generalized".split()
)
_MOST = 100  # characters of a name that is searched for layers


class NamedKind(NamedTuple):
    """The kind that a name spells, with what its word sets, and its spelling.

    `is_whole`: the name is that word, but for digits and single letters. `is_open`: the word is
    `pool`, which leaves open of which kind.
    """

    kind: type[Layer]
    preset: Mapping[str, Value]
    words: Words
    is_whole: bool
    is_open: bool = False

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def is_kind_of(self, layer: LayerText) -> bool:
        """Whether a layer is of this kind; if it is open, of the kind of any pool."""
        is_kind = layer.kind.kind == self.kind.kind if self.is_open else layer.kind is self.kind
        return is_kind and all(
            name in layer.given and layer.given[name].value == value
            for name, value in self.preset.items()
        )


def is_separable(name: str) -> bool:
    """Whether a name is that of a separable convolution, which is two layers."""
    return "separable" in name.lower()


def kind_named(name: str) -> NamedKind | None:
    """The layer that a name is or holds; the last one, as `max pool` in `conv1 max pool`."""
    return _kind_named(name, len(vocabulary().layers)) if len(name) <= _MOST else None


@lru_cache(10_000)
def _kind_named(name: str, known: int) -> NamedKind | None:
    """`known`: the number of layer words, so that a new layer is found in names as well."""
    pieces = [piece for piece in _WORDS.findall(name) if not piece[0].isdigit()]
    words = tuple(piece.lower() for piece in pieces)
    found: list[NamedKind] = []
    rest: list[str] = []
    at = 0
    while at < len(words):
        longest = min(len(words) - at, vocabulary().longest)
        for count in range(longest, 0, -1):
            one = _spelled(words[at : at + count], words[:at])
            if one is not None and (one.kind.kind != "instancenorm" or count > 1):  # `in`
                found.append(one)
                at += count
                break
        else:
            rest.append(words[at])
            at += 1
    if not found:
        return None
    is_whole = len(found) == 1 and all(len(word) == 1 or word == "layer" for word in rest)
    if is_whole:
        return found[0]._replace(is_whole=True)
    main = [one for one in found if not one.kind.accompanies]
    if not main or _OTHERS & {*words}:
        return None
    # Of names that only hold a word, those of layers with weights or windows.
    last = main[-1]
    return last if last.kind.weighs or "kernel" in last.kind.attributes else None


def _spelled(words: Words, before: Words) -> NamedKind | None:
    layers = vocabulary().layers
    for spelling in (words, ("".join(words),)):
        if spelling in layers:
            return NamedKind(*layers[spelling], spelling, False)
    if len(words) == 1 and words[0] in _POOL and not _OTHER_POOLS & {*before}:
        return NamedKind(MaxPool, {}, ("max", "pool"), False, True)
    if words in (("depthwise",), ("dw",)):
        return NamedKind(Conv, {"depthwise": True}, ("depthwise", "conv"), False)
    return None
