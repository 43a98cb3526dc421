"""The verdict of every figure that a paper prints.

    c: conv3-4 => 8x8x4, params 112
    =>  Claim(where="c", quantity="params", printed="112", computed=112, verdict="holds", …)

A claim is read (`_read`), its quantity computed (`_compute`), the two compared (`_agreement`).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from archdsl.analysis.totals import Analysis
from archdsl.claims import parameter_count
from archdsl.claims.figures import How, compare, compare_size, is_size
from archdsl.claims.formulas import WITH_SIDES, Computed, of_line, of_network
from archdsl.claims.parameter_count import Counting
from archdsl.errors import ArchError, Errors, did_you_mean
from archdsl.figures import UNITS
from archdsl.notation.lookup import vocabulary
from archdsl.quantities import QUANTITIES, claimed_quantity
from archdsl.syntax.ast import ClaimText, Expect, Item, NetworkText, Token
from archdsl.text.source import Span

Verdict = Literal["holds", "erratum", "fails", "not judged"]

SHAPES = ("output size", "input size")
PARAMS = ("params", "trainable")  # what `params count` applies to

_AMOUNTS = tuple(one.name for one in QUANTITIES if one.figure == "amount")
_LAYERS = " layers"  # of a kind: `conv layers`
_KNOWN = (*(one.name for one in QUANTITIES), "conv layers", "fc layers")
_FORM = "write a quantity and its figure: `params 138M`"

# What changes first if a pasted table has lost a row or a cell; an X lost from a connection table
# changes only amounts.
_DAMAGED = (*SHAPES, "depth", "weight layers")


class Claim(NamedTuple):
    """One printed figure and its verdict.

    `where` is the name of a line, or "network". `computed` is a number or a size: (C, H, W) for an
    output or input size, per axis for a receptive field, a kernel, a stride; params are counted as
    the paper counts them. `how` is the sense in which the figure holds, `note` explains why it is
    an erratum or why it fails.
    """

    where: str
    quantity: str
    printed: str
    computed: int | tuple[int, ...]
    verdict: Verdict
    how: How | None
    note: str | None
    span: Span

    @property
    def is_erratum(self) -> bool:
        """Whether the text marks it as one, rightly or not."""
        return self.verdict == "erratum" or (self.verdict == "fails" and self.how is not None)


class _Subject(NamedTuple):
    """What a claim is about: a line, or the network (`analysis`), with its values by quantity.

    `has_table`: a connection table gives its weights.
    """

    where: str
    values: dict[str, Computed]
    counting: Counting
    has_table: bool
    analysis: Analysis | None = None


class _Written(NamedTuple):
    """A claim as the text writes it: `total params 60 million`."""

    words: str
    figure: Token
    unit: str
    erratum: str | None
    span: Span

    @property
    def printed(self) -> str:
        return f"{self.figure.text} {self.unit}" if self.unit else self.figure.text


def judge(
    analysis: Analysis, changed: bool = False, counting: Counting | None = None
) -> tuple[Claim, ...]:
    """The verdict of every claim of a network, in the order of its text.

    `changed`: the network is not the paper's (another input, other parameters); nothing is judged.
    `counting` is how printed params are counted, by default as the text declares. Raises ArchError
    for a claim that cannot be understood, never for one that fails.
    """
    network = analysis.graph.origin.network
    if network is None:
        return ()  # a graph without a text claims nothing
    judged: list[Claim] = []
    errors = Errors()
    for subject, text in _claims(
        analysis, network, counting or parameter_count.read_counting(network)
    ):
        with errors:
            written = _read(text, network.span(text.start, text.end))
            judged.append(_judge(subject, written, changed))
    errors.check()
    return tuple(judged)


def _claims(
    analysis: Analysis, network: NetworkText, counting: Counting
) -> Iterator[tuple[_Subject, ClaimText | Token]]:
    """The claims of the lines, then those of the network; each in the order of the text."""
    items = [s for s in network.statements if isinstance(s, Item)]
    tabled = {item.start for item in items if item.is_tabled}
    of_lines: list[tuple[_Subject, ClaimText | Token]] = []
    # The figures in a derived network's lines were printed for the network that it derives from.
    for section, size, claims, start in analysis.graph.origin.claims if network.claimed else ():
        values = of_line(analysis, counting, section)
        line = _Subject(section.name, values, counting, start in tabled)
        of_lines += ((line, text) for text in (size, *claims) if text is not None)
    yield from sorted(of_lines, key=lambda claim: claim[1].start)
    expected = [t for s in network.statements if isinstance(s, Expect) for t in s.claims]
    if expected:
        values = of_network(analysis, counting)
        whole = _Subject("network", values, counting, bool(tabled), analysis)
        yield from ((whole, text) for text in expected)


def _judge(subject: _Subject, written: _Written, changed: bool) -> Claim:
    quantity, computed = _compute(subject, written)
    is_params = quantity.removesuffix(WITH_SIDES) in PARAMS
    printed = written.printed
    if is_params and not written.unit and re.fullmatch(r"\d+(\.\d+)?", written.figure.text):
        printed += subject.counting.unit
    exponent = re.search(r"(?:[eE]|\^)(\d+)", written.figure.text)
    if exponent and (len(exponent[1]) > 2 or int(exponent[1]) > 18):
        help = "write a figure such as `3.8e9`"
        raise ArchError("a figure beyond 2^63", written.span, help=help)
    where, erratum, span = subject.where, written.erratum, written.span
    if changed:
        return Claim(where, quantity, printed, computed, "not judged", None, erratum, span)
    kilo = subject.counting.kilo if is_params else 1000
    how = _agreement(quantity, written, printed, computed, kilo)
    verdict: Verdict = "holds"
    note = erratum
    if how and erratum is not None:
        verdict, note = "fails", f"marked as an erratum, but it holds: {erratum}"
    elif not how and erratum is not None:
        verdict = "erratum"
    elif not how:
        verdict = "fails"
        if _may_be_damaged(subject, quantity, span):
            note = "the transcription of the table may be damaged"
    return Claim(where, quantity, printed, computed, verdict, how, note, span)


# Reading a claim.


def _read(text: ClaimText | Token, span: Span) -> _Written:
    """A claim, or the size in a bracket before a line. Raises ArchError."""
    tokens: Sequence[Token] = (text,) if isinstance(text, Token) else text.tokens
    unit = _unit(tokens)
    words = " ".join(t.text.lower() for t in tokens if t.kind == "word" and t is not unit)
    words = words.replace("_", " ")
    if "if" in words.split():
        raise ArchError("`if` after the claims", span, help="write it before `=>`")
    for index, token in enumerate(tokens):
        # `multiply-adds` is two words joined; any other sign would be lost.
        around = [t.kind for t in tokens[max(0, index - 1) : index + 2]]
        if token.kind == "join" and around != ["word", "join", "word"]:
            raise ArchError(f"`{token.text}` has no meaning in a claim", span, help=_FORM)
    figures = [t for t in tokens if t.kind in ("figure", "size", "number")]
    if len(figures) != 1:
        count = "two figures" if figures else "no figure"
        raise ArchError(f"a claim with {count}", span, help=_FORM)
    # Removed typography leaves several blanks: `$8\times 8$`.
    figure = figures[0]._replace(text=" ".join(figures[0].text.split()))
    if unit and re.search(r"[KMGeE%^]", figure.text):
        raise ArchError("a figure with two units", span, help="remove one of the two")
    erratum = None if isinstance(text, Token) else text.erratum
    return _Written(words, figure, _spelled(unit) if unit else "", erratum, span)


def _unit(tokens: Sequence[Token]) -> Token | None:
    """The unit that follows its figure as a word: `60 million`, `9.4 K`."""
    for figure, token in pairwise(tokens):
        if token.kind == "word" and figure.kind != "word" and _spelled(token) in UNITS:
            return token
    return None


def _spelled(unit: Token) -> str:
    return unit.text if unit.text in UNITS else unit.text.lower()


# Computing its quantity, and comparing.


def _compute(subject: _Subject, written: _Written) -> tuple[str, Computed]:
    """The quantity of a claim, by its name, and its value. Raises ArchError."""
    words, where = written.words, subject.where
    stem = words.removesuffix(WITH_SIDES)
    with_sides = words[len(stem) :]
    known = claimed_quantity(stem)
    name = known.name if known else stem
    computed = subject.values.get(name + with_sides)
    if computed is None and subject.analysis and words.endswith(_LAYERS):
        kinds = vocabulary().layers.get(tuple(words.removesuffix(_LAYERS).split()))
        computed = subject.analysis.count(kinds[0]) if kinds else None
    if computed is not None:
        return name + with_sides, computed
    message = f"unknown quantity `{words}`" if words else "a claim without a quantity"
    help = did_you_mean(words, _KNOWN) or f"known: {', '.join(_KNOWN)}"
    if name in _KNOWN:
        message = f"`{where}` has no {name}{with_sides}"
        help = "claim it of a line that has one, or remove it"
    if with_sides:
        help = "claim the params, macs or flops of a whole network that has side heads"
    raise ArchError(message, written.span, help=help)


def _agreement(
    quantity: str, written: _Written, printed: str, computed: Computed, kilo: int
) -> How | None:
    """How the figure agrees with the value. Raises ArchError for one that cannot be of its
    quantity."""
    figure, span = written.figure, written.span
    if "%" in figure.text:
        raise ArchError("no quantity here is a percentage", span, help=_FORM)
    if isinstance(computed, tuple):
        if written.unit or not is_size(figure.text):
            help = "write it in full: `112x112x64`, `4,096`"
            raise ArchError(f"`{printed}` is not a size", span, help=help)
        return compare_size(printed, computed, quantity in SHAPES)
    if figure.kind == "size":
        help = f"write `{quantity} 138M`"
        raise ArchError(f"a size where `{quantity}` is a number", span, help=help)
    return compare(printed, computed, kilo)


def _may_be_damaged(subject: _Subject, quantity: str, span: Span) -> bool:
    """Whether a claim may fail because a pasted table was damaged."""
    in_grid = any(grid.start <= span.start < grid.end for grid in span.source.grids)
    return (in_grid and quantity in _DAMAGED) or (subject.has_table and quantity in _AMOUNTS)
