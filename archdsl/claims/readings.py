"""Readings: a network under each interpretation of what its paper leaves open.

ResNet-50's paper does not say which convolution of a block has the stride. Under `stride on first`
its printed 3.8×10^9 multiply-adds hold, under `stride on 3x3` they do not.
"""

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
from archdsl.expand import choices
from archdsl.expand.network import expand
from archdsl.spec import parse
from archdsl.syntax.ast import (
    ActivationAt,
    Either,
    Item,
    Keeps,
    Let,
    NetworkText,
    Option,
    Padding,
    Shortcut,
    Statement,
    StrideOn,
)
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source

MOST_READINGS = 100  # of one network; beyond that, one choice is varied at a time
MOST_LAYERS = 2_000_000  # of all readings together; likewise


class Convention(NamedTuple):
    """A choice between statements of the language; `default` holds without any of them."""

    options: tuple[str, ...]
    default: str

    def chosen(self, text: NetworkText) -> str:
        """The option that a text declares, or the default."""
        declared = (self.declared(text, s) for s in text.statements)
        return next(filter(None, declared), self.default)

    def declared(self, text: NetworkText, statement: Statement) -> str | None:
        """The option that a statement declares; None for a statement about anything else."""
        if not isinstance(statement, type(_statements(self.options[0])[0])):
            return None
        if not isinstance(statement, StrideOn | Shortcut | Padding | ActivationAt):
            return None  # a convention is one of several
        return statement.printed(lambda layer: text.span(layer.start, layer.end).text)

    def apply(self, text: NetworkText, option: str) -> NetworkText:
        """The text with this option in place of its own."""
        if option == self.chosen(text):
            return text
        others = tuple(s for s in text.statements if not self.declared(text, s))
        return text._replace(statements=others + _statements(option))


CONVENTIONS = tuple(Convention(one.options, one.default) for one in choices.STATEMENTS)


class Addition(NamedTuple):
    """A choice that a statement makes, without which something is left out.

    `options` are texts of what to write, or of the statement itself.
    """

    options: tuple[str, ...]
    statements: tuple[Statement, ...]

    def chosen(self, text: NetworkText) -> str:
        """`without bn` for a text that has the statement `with bn`."""
        is_there = any(s in text.statements for s in self.statements)
        return self.options[0] if is_there else ""

    def apply(self, text: NetworkText, option: str) -> NetworkText:
        """The text with the statement."""
        added = self.statements if option else ()
        return text._replace(statements=(*text.statements, *added))


class Omission(NamedTuple):
    """A choice that a statement of the text makes, `with bn`: the other option lacks it."""

    statement: Option

    @property
    def options(self) -> tuple[str, ...]:
        return f"with {self.statement.word.text}", f"without {self.statement.word.text}"

    def chosen(self, text: NetworkText) -> str:
        return self.options[0]

    def apply(self, text: NetworkText, option: str) -> NetworkText:
        """The text with the statement, or without it."""
        if option == self.options[0]:
            return text
        others = tuple(s for s in text.statements if s is not self.statement)
        return text._replace(statements=others)


class InputLine(NamedTuple):
    """The choice which number of an input is the channels: `input 3x32, 100 channels`."""

    options: tuple[str, ...]
    place: int  # where the text has its own line

    def chosen(self, text: NetworkText) -> str:
        return ""

    def apply(self, text: NetworkText, option: str) -> NetworkText:
        """The text with another line in the same place."""
        if not option:
            return text
        (line,) = _statements(option)
        assert isinstance(line, Item)

        def replaced(statement: Statement) -> Statement:
            if isinstance(statement, Item) and statement.start <= self.place < statement.end:
                return statement._replace(phrases=line.phrases)
            return statement

        return text._replace(statements=tuple(map(replaced, text.statements)))


class OpenValue(NamedTuple):
    """A choice that the text itself leaves open: `reading s = 2 or 1`."""

    statement: Either
    options: tuple[str, ...]  # `let s = 2`, `let s = 1`

    def chosen(self, text: NetworkText) -> str:
        return self.options[0]

    def apply(self, text: NetworkText, option: str) -> NetworkText:
        """The text with one of the values in the same place: later lines may need it."""
        either = self.statement
        let = Let(either.name, either.values[self.options.index(option)])
        return text._replace(statements=tuple(let if s is either else s for s in text.statements))


Choice = Convention | Addition | Omission | InputLine | OpenValue


def _decided(text: NetworkText, analysis: Analysis) -> list[Choice]:
    """The choices that decisions about single lines make, each once for the whole network."""
    found: dict[object, Choice] = {}
    for one in analysis.graph.origin.decisions:
        key = one.topic, one.decided
        if one.choice == choices.BIAS:
            found[one.topic] = Addition(("`bias` next to norms",), (Keeps("bias"),))
        elif one.choice == choices.OUTPUT:
            companions = one.decided.removeprefix("no ").replace(" or ", ", ")
            kept = f"{companions} after the output layer"
            found[one.topic] = Addition((kept,), (Keeps("companions"),))
        elif one.choice == choices.OPTIONAL:
            found[key] = Addition(one.instead, _statements(one.instead[0]))
        elif one.choice == choices.CHANNELS:
            found[key] = InputLine(one.instead, one.start)
    used = [Omission(s) for s in text.statements if isinstance(s, Option)]
    return [*found.values(), *used]


def _open_values(text: NetworkText) -> list[OpenValue]:
    return [
        OpenValue(
            s,
            tuple(f"let {s.name.text} = {text.span(v[0].start, v[-1].end).text}" for v in s.values),
        )
        for s in text.statements
        if isinstance(s, Either)
    ]


class Alternative(NamedTuple):
    """A network under one reading.

    `changes` are the options that differ from those of the text; none for the text's own reading.
    Of the `claims` that are not errata, `holds` hold and `fails` do not; `errata` are the errata
    that hold after all. `params` and `macs` are the network's.
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
    """The readings of a network: first its own, then the others, most claims held first.

    `said` are the options of the text, declared or default, for the choices that make a
    difference.
    """

    said: tuple[str, ...]
    alternatives: tuple[Alternative, ...]


def readings(text: NetworkText, parameters: Mapping[str, Number] | None = None) -> Readings:
    """Judge every printed number of a network under each reading that makes a difference.

    Readings whose layers do not fit are left out. Choices that change the graph but none of its
    numbers are varied one at a time: no printed number decides them. Raises ArchError if the
    text's own does not fit.
    """
    own = Analysis(expand(text, parameters))
    varied, silent = _relevant_choices(text, parameters, own)
    own_counting = parameter_count.read_counting(text)
    countings = _countings(own, own_counting)
    alternatives: list[Alternative] = []
    most = min(MOST_READINGS, MOST_LAYERS // len(own.graph.nodes))
    for options in _combinations([options for _, options in varied], most):
        variant = text
        changes: list[str] = []
        for (choice, (declared, *_)), option in zip(varied, options, strict=True):
            variant = choice.apply(variant, option)
            changes += [option] if option != declared else []
        analysis = _analysis(variant, parameters)
        if analysis is not None:
            alternatives += [
                _alternative(analysis, changes + _changed(own_counting, counting), counting)
                for counting in countings
            ]
    alternatives += [
        _alternative(Analysis(expand(choice.apply(text, one), parameters)), [one], own_counting)
        for choice, (_, *others) in silent
        for one in others
    ]
    first, *rest = alternatives
    rest.sort(key=lambda a: (not a.all_hold, -a.holds, len(a.changes)))
    own_options = [options[0] for _, options in (*varied, *silent) if options[0]]
    if len(countings) > 1 and not own_counting.is_usual:
        own_options.append(f"params {own_counting}")
    return Readings(tuple(own_options), (first, *rest))


Options = list[tuple[Choice, list[str]]]  # choices, each with the text's own option first


def _relevant_choices(
    text: NetworkText, parameters: Mapping[str, Number] | None, own: Analysis
) -> tuple[Options, Options]:
    """The choices that change a number, and those that change only the graph."""
    varied: Options = []
    silent: Options = []
    own_numbers, own_nodes = _numbers(own), _nodes(own)
    every: tuple[Choice, ...] = (*_open_values(text), *CONVENTIONS, *_decided(text, own))
    for choice in every:
        chosen = choice.chosen(text)
        numbers, graphs = [chosen], [chosen]
        for option in choice.options:
            if option == chosen:
                continue
            analysis = _analysis(choice.apply(text, option), parameters)
            if analysis is None:
                continue
            if _numbers(analysis) != own_numbers:
                numbers.append(option)
            elif _nodes(analysis) != own_nodes:
                graphs.append(option)
        varied += [(choice, numbers)] if len(numbers) > 1 else []
        silent += [(choice, graphs)] if len(graphs) > 1 else []
    return varied, silent


def _nodes(analysis: Analysis) -> object:
    """The layers of a network in their simplest form, and what they read."""
    nodes = analysis.graph.nodes
    return [
        (node.op.plainest(nodes[node.inputs[0]].shape) if node.inputs else node.op, node.inputs)
        for node in nodes
    ]


def _analysis(text: NetworkText, parameters: Mapping[str, Number] | None) -> Analysis | None:
    try:
        return Analysis(expand(text, parameters))
    except ArchError:
        return None


def _numbers(analysis: Analysis) -> object:
    """The numbers that a choice may change."""
    judged = judge.judge(analysis)
    return analysis.total_params, analysis.total_macs, [(c.where, c.computed) for c in judged]


def _combinations(options: Sequence[Sequence[str]], most: int) -> list[tuple[str, ...]]:
    """One option per choice, the text's own first: all combinations, or, if these are more than
    `most`, one choice varied at a time."""
    if prod(map(len, options)) <= most:
        return list(product(*options))
    own = tuple(one[0] for one in options)
    varied = [
        (*own[:index], option, *own[index + 1 :])
        for index, one in enumerate(options)
        for option in one[1:]
    ]
    return [own, *varied]


def _countings(analysis: Analysis, own: Counting) -> list[Counting]:
    """The ways to count parameters under which other claims hold; the text's own first."""
    choices = ((1000, 1024), (True, False), (True, False))
    every = [Counting(*values, own.unit) for values in product(*choices)]
    holds = {one: [c.how is not None for c in judge.judge(analysis, False, one)] for one in every}
    options: list[list[int | bool]] = []
    for index, (declared, values) in enumerate(zip(own[:3], choices, strict=True)):
        # A choice matters if it changes which claims hold under any combination of the others.
        rest = [(one[:index] + one[index + 1 :], held) for one, held in holds.items()]
        matters = any(a == b and x != y for a, x in rest for b, y in rest)
        options.append([declared, *(v for v in values if v != declared and matters)])
    return [
        own._replace(kilo=kilo, bias=bool(bias), bn=bool(bn))
        for kilo, bias, bn in product(*options)
    ]


def _changed(own: Counting, other: Counting) -> list[str]:
    """How a counting differs from the text's, as a statement: `params with bias, K = 1000`."""
    texts = [
        f"{'with' if after else 'without'} {name}"
        for name, before, after in (("bias", own.bias, other.bias), ("bn", own.bn, other.bn))
        if before != after
    ]
    texts += [f"K = {other.kilo}"] if own.kilo != other.kilo else []
    return [f"params {', '.join(texts)}"] if texts else []


def _alternative(analysis: Analysis, changes: list[str], counting: Counting) -> Alternative:
    judged = judge.judge(analysis, False, counting)
    errata = [c for c in judged if c.is_erratum]
    claims = [c for c in judged if not c.is_erratum]
    return Alternative(
        tuple(changes),
        len(claims),
        sum(c.how is not None for c in claims),
        tuple(_name(c) for c in claims if c.how is None),
        tuple(_name(c) for c in errata if c.how is not None),
        analysis.total_params,
        analysis.total_macs,
    )


def _name(claim: Claim) -> str:
    """`conv1 params 2.7K`, or `params 138M` of the network."""
    where = "" if claim.where == "network" else f"{claim.where} "
    return f"{where}{claim.quantity} {claim.printed}"


@cache
def _statements(option: str) -> tuple[Statement, ...]:
    (network,) = parse(Source("a reading", option))
    return network.statements
