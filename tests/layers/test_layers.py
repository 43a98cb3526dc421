"""Every layer kind, every example, every facet, against torch."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from facets import CASES, COMPARISONS, OVER_EXAMPLES, Case, case
from torch import nn

import archdsl
from archdsl.layers import REGISTRY, Layer, Shape
from archdsl.output.diagram import FILLS
from archdsl.pytorch import extra_modules

KINDS = [pytest.param(kind, id=kind.__name__) for kind in REGISTRY]


def named(function: Callable[..., None]) -> str:
    return function.__name__


def test_every_kind_has_examples():
    assert REGISTRY
    for kind in REGISTRY:
        assert kind.examples, f"{kind.__name__} has no examples"
        assert kind.colour in FILLS
        assert kind.__doc__, f"{kind.__name__} has no docstring"
        assert {kind.takes_size, kind.takes_number, kind.takes_suffix} <= {*kind.attributes, None}


@pytest.mark.parametrize(("kind", "example"), CASES)
@pytest.mark.parametrize("compare", COMPARISONS, ids=named)
def test_facets_match_torch(compare: Callable[[Case], None], kind: type[Layer], example: str):
    compare(case(kind, example))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compare", OVER_EXAMPLES, ids=named)
def test_examples_of_a_kind_agree(compare: Callable[[type[Layer]], None], kind: type[Layer]):
    compare(kind)


def test_every_extra_module_belongs_to_a_layer():
    """`computes` compares every class of pytorch/extra_modules.py with a formula."""
    built = set()
    for kind in REGISTRY:
        for one in (case(kind, example) for example in kind.examples if kind.kind != "input"):
            call = one.op.call(*one.xs)
            built |= {call.name} if call.own else set()
    classes = vars(extra_modules).values()
    own = {
        c.__name__ for c in classes if inspect.isclass(c) and c.__module__ == extra_modules.__name__
    }
    assert built == own


def test_spellings_with_synonyms_are_added():
    words = {kind.__name__: kind.words for kind in REGISTRY}
    averages = {f"global {a} {b}" for a in ("average", "avg") for b in ("pool", "pooling")}
    assert averages < words["AvgPool"].keys()
    assert {"group norm", "group normalization", "group normalisation"} < words["GroupNorm"].keys()
    assert words["Conv"]["depthwise convolution"] == {"depthwise": True}


def test_the_classes_of_torch_for_maps_are_spellings():
    words = {kind.__name__: kind.words for kind in REGISTRY}
    assert {"conv1d", "conv2d", "conv3d"} < words["Conv"].keys()
    assert words["Dropout"]["dropout2d"] == {"channelwise": True}
    assert words["Pad"]["replicationpad1d"] == {"mode": "replicate"}


NEW_KIND = '''
from archdsl.layers.activation import Activation
from archdsl.layers.base import layer
from archdsl.layers.terms import Call


@layer("clipped relu")
class ClippedReLU(Activation):
    """min(max(0, x), 20)."""

    kind = "clippedrelu"

    def call(self, x):
        return Call("Hardtanh", (0, 20))
'''


def test_a_kind_is_one_file(tmp_path: Path):
    """A file in archdsl/layers is all that a new kind takes; no list names it."""
    package = Path(archdsl.__file__).parent
    shutil.copytree(package, tmp_path / "archdsl", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(package.parent / "grammar", tmp_path / "archdsl" / "grammar")
    (tmp_path / "archdsl" / "layers" / "clipped.py").write_text(NEW_KIND)
    code = (
        "import archdsl; net = archdsl.loads('input 8; clipped relu; FC-2');"
        "print(archdsl.__file__, net.graph.nodes[1].op.label)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tmp_path}/archdsl/__init__.py clippedrelu\n"


def test_a_kind_registered_late_is_read():
    """A class is enough, even if it is registered after a text was read."""
    from archdsl.layers.activation import Activation
    from archdsl.layers.base import layer
    from archdsl.layers.terms import Call

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
