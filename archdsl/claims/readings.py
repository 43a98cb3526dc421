"""Readings: what a network is under each way to understand what its paper leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import NamedTuple

from archdsl.analysis.totals import Analysis
from archdsl.claims import judge, parameter_count
from archdsl.claims.judge import Claim
from archdsl.claims.parameter_count import Counting
from archdsl.errors import ArchError
from archdsl.expand.network import expand
from archdsl.spec import parse
from archdsl.syntax.ast import Either, Let, NetworkText, Padding, Shortcut, Statement, StrideOn
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source

MOST_READINGS = 100  # of one network; beyond it one choice is varied at a time
MOST_LAYERS = 2_000_000  # of all readings together; beyond it so, too


class Axis(NamedTuple):
    """A choice: its ways, each a statement of the language, and the way without a statement."""

    ways: tuple[str, ...]
    usual: str

    def own(self, text: NetworkText) -> str:
        """What a text says, or what holds without a word."""
        return next((said for s in text.statements if (said := self.said(text, s))), self.usual)

    def said(self, text: NetworkText, statement: Statement) -> str | None:
        """A statement as this choice's ways are written; None for any other."""
        if not isinstance(statement, StrideOn | Shortcut | Padding):
            return None
        (way,) = _statements(self.ways[0])
        if type(way) is not type(statement):
            return None
        return statement.printed(lambda layer: text.span(layer.start, layer.end).text)

    def read(self, text: NetworkText, way: str) -> NetworkText:
        """The text with another way in place of its own."""
        if way == self.own(text):
            return text
        kept = tuple(s for s in text.statements if not self.said(text, s))
        return text._replace(statements=kept + _statements(way))


AXES = (
    Axis(("stride on first", "stride on 3x3", "stride on last"), "stride on first"),
    Axis(("shortcut A", "shortcut B", "shortcut C"), "shortcut B"),
    Axis(("padding same", "padding valid"), "padding same"),
    Axis(("max pool means max pool same", "max pool means max pool ceil"), ""),
)


class Values(NamedTuple):
    """A choice that a text itself leaves open: `reading s = 2 or 1`."""

    statement: Either
    ways: tuple[str, ...]  # `let s = 2`, `let s = 1`

    def own(self, text: NetworkText) -> str:
        return self.ways[0]

    def read(self, text: NetworkText, way: str) -> NetworkText:
        """The text with one of the values, at its place: lines behind it may need it."""
        either = self.statement
        let = Let(either.name, either.values[self.ways.index(way)])
        return text._replace(statements=tuple(let if s is either else s for s in text.statements))


def _left_open(text: NetworkText) -> list[Values]:
    """The choices that a text leaves open, in its order."""
    return [
        Values(
            s,
            tuple(f"let {s.name.text} = {text.span(v[0].start, v[-1].end).text}" for v in s.values),
        )
        for s in text.statements
        if isinstance(s, Either)
    ]


class Alternative(NamedTuple):
    """A network under one reading.

    `changes` are what it reads otherwise than the text says, or than holds without a word; none of
    the text's own reading. Of the `claims` that are no errata `holds` hold; `fails` are the others,
    and `errata` those errata that hold after all. `params` and `macs` are the network's.
    """

    changes: tuple[str, ...]
    claims: int
    holds: int
    fails: tuple[str, ...]
    errata: tuple[str, ...]
    params: int
    macs: int

    @property
    def all_hold(self) -> bool:
        return self.claims > 0 and not self.fails


class Readings(NamedTuple):
    """The readings of a network, its own first; then those under which the most claims hold.

    `said` is what the text says, or what holds without a word, of the choices that make a
    difference.
    """

    said: tuple[str, ...]
    alternatives: tuple[Alternative, ...]


def readings(text: NetworkText, parameters: Mapping[str, Number] | None = None) -> Readings:
    """Judge every printed number of a network under each reading that makes a difference.

    Readings that cannot be, because layers do not fit, are left out. Raises ArchError where the
    text's own cannot.
    """
    own = Analysis(expand(text, parameters))
    own_numbers = _numbers(own)
    every: tuple[Axis | Values, ...] = (*_left_open(text), *AXES)
    axes: list[tuple[Axis | Values, list[str]]] = []
    for axis in every:
        ways = [axis.own(text)]
        for way in axis.ways:
            analysis = _analysis(axis.read(text, way), parameters)
            if analysis is not None and _numbers(analysis) != own_numbers:
                ways.append(way)
        if len(ways) > 1:
            axes.append((axis, ways))
    own_counting = parameter_count.read(text)
    countings = _countings(own, own_counting)
    found: list[Alternative] = []
    most = min(MOST_READINGS, MOST_LAYERS // len(own.graph.nodes))
    for choice in _choices([ways for _, ways in axes], most):
        read = text
        changes: list[str] = []
        for (axis, ways), way in zip(axes, choice, strict=True):
            read = axis.read(read, way)
            changes += [way] if way != ways[0] else []
        analysis = _analysis(read, parameters)
        if analysis is not None:
            found += [
                _alternative(analysis, changes + _changed(own_counting, one), one)
                for one in countings
            ]
    first, *rest = found
    rest.sort(key=lambda a: (not a.all_hold, -a.holds, len(a.changes)))
    said = [ways[0] for _, ways in axes if ways[0]]
    if len(countings) > 1:
        said += [f"params {own_counting}"] if not own_counting.is_usual else []
    return Readings(tuple(said), (first, *rest))


def _analysis(text: NetworkText, parameters: Mapping[str, Number] | None) -> Analysis | None:
    try:
        return Analysis(expand(text, parameters))
    except ArchError:
        return None


def _numbers(analysis: Analysis) -> object:
    """What a choice may make a difference of."""
    judged = judge.judge(analysis)
    return analysis.total_params, analysis.total_macs, [(c.where, c.computed) for c in judged]


def _choices(ways: Sequence[Sequence[str]], most: int) -> list[tuple[str, ...]]:
    """A way of each choice, the text's own first: all of them, or where these are more than `most`
    one varied at a time."""
    if prod(map(len, ways)) <= most:
        return list(product(*ways))
    own = tuple(one[0] for one in ways)
    varied = [
        (*own[:index], way, *own[index + 1 :]) for index, one in enumerate(ways) for way in one[1:]
    ]
    return [own, *varied]


def _countings(analysis: Analysis, own: Counting) -> list[Counting]:
    """The ways to count parameters under which other claims hold, the text's own first."""
    choices = ((1000, 1024), (True, False), (True, False))
    every = [Counting(*values, own.unit) for values in product(*choices)]
    holds = {one: [c.how is not None for c in judge.judge(analysis, False, one)] for one in every}
    ways: list[list[int | bool]] = []
    for index, (said, values) in enumerate(zip(own[:3], choices, strict=True)):
        # What K is matters if it makes a claim hold under any way to count the rest.
        rest = [(one[:index] + one[index + 1 :], claimed) for one, claimed in holds.items()]
        matters = any(a == b and x != y for a, x in rest for b, y in rest)
        ways.append([said, *(v for v in values if v != said and matters)])
    return [
        own._replace(kilo=kilo, bias=bool(bias), bn=bool(bn)) for kilo, bias, bn in product(*ways)
    ]


def _changed(own: Counting, other: Counting) -> list[str]:
    """How a way to count differs from the text's."""
    tokens = [
        f"{'with' if now else 'without'} {name}"
        for name, was, now in (("bias", own.bias, other.bias), ("bn", own.bn, other.bn))
        if was != now
    ]
    tokens += [f"K = {other.kilo}"] if own.kilo != other.kilo else []
    return [f"params {', '.join(tokens)}"] if tokens else []


def _alternative(analysis: Analysis, changes: list[str], way: Counting) -> Alternative:
    judged = judge.judge(analysis, False, way)
    # An erratum is marked as one by its reason, whatever its verdict.
    errata = [c for c in judged if c.is_erratum]
    printed = [c for c in judged if not c.is_erratum]
    return Alternative(
        tuple(changes),
        len(printed),
        sum(c.how is not None for c in printed),
        tuple(_name(c) for c in printed if c.how is None),
        tuple(_name(c) for c in errata if c.how is not None),
        analysis.total_params,
        analysis.total_macs,
    )


def _name(claim: Claim) -> str:
    """`conv1 params 2.7K`, or of the network `params 138M`."""
    where = "" if claim.where == "network" else f"{claim.where} "
    return f"{where}{claim.quantity} {claim.printed}"


@cache
def _statements(way: str) -> tuple[Statement, ...]:
    (network,) = parse(Source("a reading", way))
    return network.statements
