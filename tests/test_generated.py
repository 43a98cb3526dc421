"""Random specs: each is a network for which every command works, or an ArchError."""

from __future__ import annotations

import ast
import json
import math
import random
from typing import Any

import pytest
from generated import KINDS, spec, specs
from hypothesis import HealthCheck, Phase, given, settings

from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.output import summary, verification
from archdsl.output.claims import claim_dict
from archdsl.output.paper_table import render
from archdsl.output.records import Difference, Readings, Summary, Verification
from archdsl.spec import parse
from archdsl.syntax.ast import NetworkText
from archdsl.text.source import Source

# Every run uses the same specs, so that a failure is reproducible. They are short already, and
# shrinking them takes minutes.
quick = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
long = settings(quick, max_examples=2000)


def texts_of(text: str) -> tuple[NetworkText, ...]:
    """The networks of a text that can be built; empty if the text is refused."""
    try:
        return tuple(n for n in parse(Source("spec", text)) if not n.lacking)
    except ArchError as error:
        assert str(error).startswith("error: ") and error.message
        return ()


def networks_of(text: str) -> list[Network]:
    found = []
    for network in texts_of(text):
        try:
            found.append(Network(network))
        except ArchError as error:
            assert str(error).startswith("error: ") and error.message
    return found


def or_refused(answer: Any) -> Any:
    """The result of a function, or None if it raises ArchError."""
    try:
        return answer()
    except ArchError as error:
        assert str(error).startswith("error: ")
        return None


def has_every_answer(net: Network) -> None:
    """Raises if an output is missing or breaks its contract."""
    assert net.rows and net.layers
    assert all(math.prod(row.output) > 0 for row in net.rows)
    assert sum(row.params for row in net.rows if row.kind != "side") == net.params
    data = json.loads(json.dumps(net.to_dict(), allow_nan=False))
    read = Summary.model_validate(data)
    assert [row.name for row in read.rows] == [row.name for row in net.rows]
    Summary.model_validate(summary.as_dict(net, layers=True))
    claims = [claim_dict(claim) for claim in net.verify()]
    verified = {"network": net.full_name, "params_count": str(net.counting), "claims": claims}
    Verification.model_validate({"networks": [verified]})
    assert net.summary() and net.summary(width=40) and verification.verification([net], 60)
    assert summary.markdown(net) and net._repr_html_()
    if (code := or_refused(net.source)) is not None:
        ast.parse(code)
    diagram = net.draw()
    assert diagram.dot().startswith("digraph") and diagram.mermaid()


def survives_a_round_trip(net: Network) -> None:
    """The table of a network is read back as that network."""
    or_refused(lambda: render.latex([net]))
    if (table := or_refused(lambda: render.markdown([net]))) is not None:
        for again in networks_of(table):
            assert net.diff(again).same, table


@pytest.mark.slow
@quick
@given(specs())
def test_random_specs_build_or_are_refused(text: str):
    for net in networks_of(text):
        has_every_answer(net)
        Difference.model_validate(net.diff(net).to_dict())
        assert net.diff(net).same


@pytest.mark.slow
@long
@given(specs())
def test_many_random_specs_build_or_are_refused(text: str):
    nets = networks_of(text)
    for net in nets:
        has_every_answer(net)
        survives_a_round_trip(net)
        if (read := or_refused(net.readings)) is not None:
            Readings.model_validate({"networks": [verification.readings_dict(net, read)]})
    for net in nets[1:]:
        found = nets[0].diff(net)
        Difference.model_validate(found.to_dict())
        assert found.same == net.diff(nets[0]).same


@pytest.mark.slow
def test_modules_of_random_specs():
    """The module of a generated network has the shapes and parameters that its text declares."""
    import torch

    built = 0
    for seed in range(400):
        for net in networks_of(spec(random.Random(seed))):
            if net.params > 3_000_000 or (module := or_refused(net.module)) is None:
                continue
            built += 1
            module.eval()
            with torch.no_grad():
                given = module(torch.rand(2, *net.input))
            outputs = given if isinstance(given, tuple) else (given,)
            assert [tuple(o.shape[1:]) for o in outputs] == list(net.outputs), seed
            found = sum(p.numel() for p in module.parameters())
            assert found == net.params + net.side_params, seed
    assert built > 200


def test_equal_seeds_write_equal_texts():
    assert [spec(random.Random(i)) for i in range(20)] == [
        spec(random.Random(i)) for i in range(20)
    ]


@pytest.mark.slow
def test_random_specs_cover_the_language():
    """Almost every layer kind occurs in a network that loads, and most networks load."""
    kinds: set[type] = set()
    texts = found = 0
    for seed in range(400):
        text = spec(random.Random(seed))
        nets = networks_of(text)
        texts += len(texts_of(text))
        found += len(nets)
        kinds |= {type(node.op) for net in nets for node in net.graph.nodes}
    assert found > 0.45 * texts
    missing = {kind.__name__ for kind in KINDS} - {kind.__name__ for kind in kinds}
    assert len(missing) <= len(KINDS) // 20, missing  # some fit few maps
