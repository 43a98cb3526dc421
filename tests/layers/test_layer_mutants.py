"""Remove each facet of each layer kind in turn: a comparison in facets.py must fail.

If none fails, a layer kind with that facet wrong would pass all comparisons.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from facets import COMPARISONS, OVER_EXAMPLES, case

from archdsl.layers import REGISTRY, Input, Join, Layer, Shape
from archdsl.notation import lookup

pytestmark = pytest.mark.slow  # a minute for all kinds

METHODS = (
    *("settle", "out", "params", "buffers", "macs", "window", "gathers", "kept", "call"),
    *("plainest", "label", "code"),
)
DECLARED = (
    *("takes_size", "takes_number", "takes_suffix", "takes_times"),
    *("compact", "weighs", "listed", "keeps", "named"),
)

# Facets that may be removed unnoticed, because they repeat another facet or only refuse.
EQUIVALENT = {
    ("Conv", "depthwise"): "the groups imply it",
    ("InstanceNorm", "named"): "`instancenorm` is read as `instance norm`",
    ("Dropout", "settle"): "it only refuses channel dropout on a vector",
    ("AlphaDropout", "settle"): "it only refuses channel dropout on a vector",
    ("HardTanh", "call"): "it only passes both bounds by position",
    ("RReLU", "call"): "it only passes both bounds by position",
    ("HardTanh", "settle"): "it only refuses bounds in the wrong order",
    ("RReLU", "settle"): "it only refuses slopes in the wrong order",
}


def facets(kind: type[Layer]) -> list[str]:
    """The facets that a class defines itself."""
    base = Join if issubclass(kind, Join) else Layer
    names = [name for name in (*METHODS, *DECLARED) if hasattr(kind, name)]
    own = [name for name in names if _of(kind, name) is not _of(base, name)]
    if kind.named or all(case(kind, e).op.label == kind.kind for e in kind.examples):
        # The label of activations adds a number, which few of them have.
        own = [name for name in own if name != "label"]
    if _of(kind, "kept") is not _of(base, "kept"):
        own = [name for name in own if name != "keeps"]  # the method does not read it
    return own


def _of(kind: type[Layer], name: str) -> Any:
    found = getattr(kind, name)
    return getattr(found, "__func__", found)  # unwraps a class method


def attributes(kind: type[Layer]) -> list[str]:
    """The fields that `call` could forget: those that some example changes from the default."""
    if kind is Input:
        return []
    layers = [case(kind, example).op for example in kind.examples]
    return [n for n in kind.attributes if any(_forgotten(op, n) != op for op in layers)]


def _forgotten(op: Layer, name: str) -> Layer:
    """The layer with the default of a field, or with another value if it has no default."""
    value = op.defaults[name] if name in op.defaults else _another(vars(op)[name])
    return type(op)(**{**vars(op), name: value})


def _another(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_another, value))
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value / 2


def is_caught(kind: type[Layer]) -> bool:
    """Whether a comparison fails, or cannot run."""
    try:
        for example in kind.examples:
            one = case(kind, example)
            for compare in COMPARISONS:
                compare(one)
        for compare_all in OVER_EXAMPLES:
            compare_all(kind)
    except Exception:
        return True
    return False


def mutants(names: Any) -> list[Any]:
    return [
        pytest.param(kind, name, id=f"{kind.__name__}.{name}")
        for kind in REGISTRY
        for name in names(kind)
    ]


@pytest.mark.parametrize(("kind", "facet"), mutants(facets))
def test_a_missing_facet_is_caught(kind: type[Layer], facet: str, monkeypatch: pytest.MonkeyPatch):
    base = Join if issubclass(kind, Join) else Layer
    monkeypatch.setattr(kind, facet, inspect.getattr_static(base, facet))
    if facet == "kept":  # both say the same
        monkeypatch.setattr(kind, "keeps", base.keeps)
    if facet == "code":
        monkeypatch.setattr(kind, facet, lambda self, values, xs: values[0])
    lookup._vocabulary.cache_clear()
    try:
        assert is_caught(kind) != ((kind.__name__, facet) in EQUIVALENT)
    finally:
        monkeypatch.undo()
        lookup._vocabulary.cache_clear()


@pytest.mark.parametrize(("kind", "name"), mutants(attributes))
def test_a_forgotten_attribute_is_caught(
    kind: type[Layer], name: str, monkeypatch: pytest.MonkeyPatch
):
    whole = kind.call

    def call(self: Layer, *xs: Shape) -> Any:
        return whole(_forgotten(self, name), *xs)

    monkeypatch.setattr(kind, "call", call)
    assert is_caught(kind) != ((kind.__name__, name) in EQUIVALENT)
