"""Every layer kind, every example, every facet, against torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from facets import CASES, COMPARISONS, OVER_EXAMPLES, Case, case
from torch import nn

from archdsl.layers import REGISTRY, Layer, Shape
from archdsl.pytorch import extra_modules

KINDS = [pytest.param(kind, id=kind.__name__) for kind in REGISTRY]


def named(function: Callable[..., None]) -> str:
    return function.__name__


def test_every_kind_has_examples():
    assert REGISTRY
    for kind in REGISTRY:
        assert kind.examples, f"{kind.__name__} has no examples"
        assert kind.__doc__, f"{kind.__name__} says nothing of itself"
        assert {kind.takes_size, kind.takes_number, kind.takes_suffix} <= {*kind.attributes, None}


@pytest.mark.parametrize(("kind", "example"), CASES)
@pytest.mark.parametrize("compare", COMPARISONS, ids=named)
def test_facets(compare: Callable[[Case], None], kind: type[Layer], example: str):
    compare(case(kind, example))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compare", OVER_EXAMPLES, ids=named)
def test_examples(compare: Callable[[type[Layer]], None], kind: type[Layer]):
    compare(kind)


def test_every_part_is_the_module_of_a_layer():
    """What `computes` compares with a formula are all the classes of parts.py."""
    made = set()
    for kind in REGISTRY:
        for one in (case(kind, example) for example in kind.examples if kind.kind != "input"):
            call = one.op.call(*one.xs)
            made |= {call.name} if call.own else set()
    classes = vars(extra_modules).values()
    own = {
        c.__name__ for c in classes if inspect.isclass(c) and c.__module__ == extra_modules.__name__
    }
    assert made == own


def test_a_kind_registered_late_is_read():
    """One class is all that a layer kind takes, whatever was loaded before it."""
    import archdsl
    from archdsl.layers.activation import Activation
    from archdsl.layers.base import Call, layer

    assert archdsl.loads("input 8\nrelu\nFC-2").params == 18

    @layer("clipped relu")
    class ClippedReLU(Activation):
        """min(max(0, x), 20)."""

        kind = "clippedrelu"

        def call(self, x: Shape) -> Call:
            return Call("Hardtanh", (0, 20))

    try:
        net = archdsl.loads("input 8\nfc means fc-clipped relu\nFC-3\nFC-2")
        assert isinstance(net.module().fc1.clippedrelu, nn.Hardtanh)
    finally:
        REGISTRY.remove(ClippedReLU)
