"""What the paper printed against what the text computes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from archdsl.analysis.totals import Analysis, Row
from archdsl.claims.parameter_count import Counting, read
from archdsl.errors import ArchError, did_you_mean
from archdsl.graph import Section
from archdsl.layers import Shape
from archdsl.notation.vocabulary import vocabulary
from archdsl.syntax.ast import ClaimText, Expect, Item, Token, numbers_of
from archdsl.text.source import Span

Verdict = Literal["holds", "erratum", "fails", "not judged"]
How = Literal["exactly", "rounds", "truncates", "within one unit"]

UNITS = {"K": 3, "M": 6, "G": 9, "thousand": 3, "million": 6, "billion": 9}

SYNONYMS = {
    "": "output size",
    "output": "output size",
    "size": "output size",
    "input": "input size",
    "parameters": "params",
    "param": "params",
    "total params": "params",
    "total parameters": "params",
    "trainable params": "trainable",
    "trainable parameters": "trainable",
    "ops": "macs",
    "madds": "macs",
    "mult adds": "macs",
    "multiply adds": "macs",
    "layers": "weight layers",
    "rf": "receptive field",
}

WITH_SIDES = " with sides"  # what `params with sides` counts beside the main path

PARAMS = {"params", "trainable"}  # what `params count` is about
# What a lost row or cell of a pasted table changes first.
DAMAGED = {"output size", "input size", "depth", "weight layers"}
COUNTED = {*PARAMS, "macs", "flops"}  # and a lost X of a table of connections
SIZES = {"output size", "input size", "receptive field", "kernel", "stride"}


class Claim(NamedTuple):
    """One printed figure and its verdict.

    `where` is the name of a line, or "network". `computed` is a number, or a size: (C, H, W) for
    shapes, (H, W) for a receptive field, a kernel, a stride; of `params` the figure counted as the
    paper counts. `how` says in which sense it holds,
    `note` why it is an erratum or fails.
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


def judge(
    analysis: Analysis, changed: bool = False, counting: Counting | None = None
) -> tuple[Claim, ...]:
    """The verdict of every claim of a network, in the order of its text.

    `changed`: the network is not the paper's (another input, other parameters); nothing is judged.
    `counting` is how figures of `params` count, by default as the text says. Raises
    ArchError for a claim that cannot be understood, never for one that fails.
    """
    graph, network = analysis.graph, analysis.graph.origin.network
    if network is None:
        return ()  # a graph without a text claims nothing
    counting = counting or read(network)
    judged: list[Claim] = []
    errors: list[ArchError] = []
    lines = (s for s in network.statements if isinstance(s, Item))
    tabled = {line.start for line in lines if line.is_tabled}

    def add(
        where: str,
        text: ClaimText | Token,
        value: Callable[[str], _Computed],
        follows: bool,
    ) -> None:
        try:
            judged.append(_judge(analysis, where, text, value, changed, counting, follows))
        except ArchError as error:
            errors.append(error)

    for (section, start), text in sorted(_of_lines(analysis), key=lambda claim: claim[1].start):
        row = analysis.row(section)

        def of_row(quantity: str, row: Row = row, section: Section = section) -> _Computed:
            if quantity in PARAMS and not counting.is_usual:
                beside = () if section.first in analysis.beside else analysis.beside
                nodes = (i for i in range(section.first, section.last) if i not in beside)
                return counting.params(graph, nodes)
            return _of_row(analysis, row, section, quantity)

        add(section.name, text, of_row, start in tabled)

    def of_network(quantity: str) -> _Computed:
        computed = _of_network(analysis, quantity)
        if _of_params(quantity) and computed is not None and not counting.is_usual:
            beside = analysis.beside if quantity in PARAMS else ()
            return counting.params(graph, (i for i in range(len(graph.nodes)) if i not in beside))
        return computed

    for statement in network.statements:
        if isinstance(statement, Expect):
            for text in statement.claims:
                add("network", text, of_network, bool(tabled))
    if errors:
        raise ArchError.several(errors)
    return tuple(judged)


_Computed = int | tuple[int, ...] | None


def _of_params(quantity: str) -> bool:
    return quantity.removesuffix(WITH_SIDES) in PARAMS


def _of_lines(analysis: Analysis) -> Iterator[tuple[tuple[Section, int], ClaimText | Token]]:
    """Each claim of a line, with its section and where the line starts."""
    origin = analysis.graph.origin
    if origin.network is None or not origin.network.claimed:
        return  # they were printed of the network that this one derives from
    for section, size, claims, start in origin.claims:
        for claim in (size, *claims):
            if claim is not None:
                yield (section, start), claim


def _of_row(analysis: Analysis, row: Row, section: Section, quantity: str) -> _Computed:
    match quantity:
        case "output size":
            return row.output
        case "channels":
            return row.output[0]
        case "input size":
            return row.input
        case "params" | "trainable":
            return row.params
        case "macs":
            return row.macs
        case "flops":
            return 2 * row.macs
        case "depth" | "weight layers":
            return row.depth
        case "receptive field":
            return row.receptive_field
        case "stride" | "kernel":
            graph = analysis.graph
            for node in graph.nodes[section.first : section.last]:
                window = node.op.window(graph.shapes(node)[0])
                if window is not None and quantity in node.op.attributes:
                    return (window.up or window.stride) if quantity == "stride" else window.kernel
    return None


def _of_network(analysis: Analysis, quantity: str) -> _Computed:
    graph = analysis.graph
    match quantity:
        case "input size":
            return graph.nodes[0].shape
        case "output size":
            return graph.nodes[graph.end].shape
        case "params" | "trainable":
            return analysis.total_params
        case "macs":
            return analysis.total_macs
        case "flops":
            return 2 * analysis.total_macs
        case "depth" | "weight layers":
            return analysis.weight_layers
        case "receptive field":
            return analysis.receptive_field
    if quantity.endswith(WITH_SIDES) and graph.sides:
        match quantity.removesuffix(WITH_SIDES):
            case "params" | "trainable":
                return analysis.total_params + analysis.side_params
            case "macs":
                return analysis.total_macs + analysis.side_macs
            case "flops":
                return 2 * (analysis.total_macs + analysis.side_macs)
    spelling = tuple(quantity.removesuffix(" layers").split())
    if quantity.endswith(" layers") and spelling in vocabulary().layers:
        return analysis.count(vocabulary().layers[spelling][0])
    return None


_FORM = "write a quantity and its figure: `params 138M`"
QUANTITIES = (
    "params",
    "trainable",
    "macs",
    "ops",
    "flops",
    "depth",
    "weight layers",
    "conv layers",
    "fc layers",
    "receptive field",
    "channels",
    "input",
    "kernel",
    "stride",
)


def _judge(
    analysis: Analysis,
    where: str,
    text: ClaimText | Token,
    value: Callable[[str], _Computed],
    changed: bool,
    counting: Counting,
    follows: bool,
) -> Claim:
    network = analysis.graph.origin.network
    assert network is not None
    span = network.span(text.start, text.end)
    tokens: Sequence[Token] = (text,) if isinstance(text, Token) else text.tokens
    erratum = None if isinstance(text, Token) else text.erratum
    scale = _unit_of(tokens)
    words = " ".join(
        p.text.lower().replace("_", " ") for p in tokens if p.kind == "word" and p is not scale
    )
    if "if" in words.split():
        raise ArchError("`if` behind the claims", span, help="write it in front of `=>`")
    figures = [p for p in tokens if p.kind in ("figure", "size", "number")]
    for index, token in enumerate(tokens):
        # `multiply-adds` is two words; any other sign would be lost.
        around = [p.kind for p in tokens[max(0, index - 1) : index + 2]]
        if token.kind == "join" and around != ["word", "join", "word"]:
            raise ArchError(f"`{token.text}` cannot stand in a claim", span, help=_FORM)
    unit = scale and _spelled(scale)
    if len(figures) != 1:
        what = "no figure" if not figures else "two figures"
        raise ArchError(f"a claim with {what}", span, help=_FORM)
    # Where typography stood, several blanks are left: `$8\times 8$`.
    figure = figures[0]._replace(text=" ".join(figures[0].text.split()))
    if unit and re.search(r"[KMGeE%^]", figure.text):
        raise ArchError("a figure with two units", span, help="strike one of the two")
    stem = words.removesuffix(WITH_SIDES)
    quantity = SYNONYMS.get(stem, stem) + words[len(stem) :]
    computed = value(quantity)
    if computed is None and stem != words:
        raise ArchError(
            f"`{where}` has no {words}" if stem in QUANTITIES else f"unknown quantity `{words}`",
            span,
            help="claim the params, macs or flops of a whole network that has side heads",
        )
    if computed is None and quantity in QUANTITIES:
        raise ArchError(
            f"`{where}` has no {quantity}",
            span,
            help="claim it of a line that has one, or strike it",
        )
    if computed is None:
        raise ArchError(
            f"unknown quantity `{words}`" if words else "a claim without a quantity",
            span,
            help=did_you_mean(words, QUANTITIES) or f"known: {', '.join(QUANTITIES)}",
        )
    printed = f"{figure.text} {unit}" if unit else figure.text
    if _of_params(quantity) and not unit and re.fullmatch(r"\d+(\.\d+)?", figure.text):
        printed += counting.unit
    exponent = re.search(r"(?:[eE]|\^)(\d+)", figure.text)
    if exponent and (len(exponent[1]) > 2 or int(exponent[1]) > 18):
        raise ArchError("a figure beyond 2^63", span, help="write a figure such as `3.8e9`")
    how: How | None
    if changed:
        return Claim(where, quantity, printed, computed, "not judged", None, erratum, span)
    if "%" in figure.text:
        raise ArchError("no quantity here is a share", span, help=_FORM)
    if isinstance(computed, tuple) and (unit or not _SIZE.fullmatch(figure.text)):
        raise ArchError(
            f"`{printed}` is no size", span, help="write it in full: `112x112x64`, `4,096`"
        )
    if isinstance(computed, tuple):
        how = _size_holds(printed, computed, quantity)
    elif figure.kind == "size":
        raise ArchError(
            f"a size where `{quantity}` is a number", span, help=f"write `{quantity} 138M`"
        )
    else:
        how = compare(printed, computed, counting.kilo if _of_params(quantity) else 1000)
    verdict: Verdict
    note = erratum
    if how and erratum is not None:
        verdict, note = "fails", f"marked as an erratum, but it holds: {erratum}"
    elif how:
        verdict = "holds"
    else:
        verdict = "fails" if erratum is None else "erratum"
    if verdict == "fails" and erratum is None:
        grids = span.source.grids
        within = any(grid.start <= span.start < grid.end for grid in grids)
        if (quantity in DAMAGED and within) or (quantity in COUNTED and follows):
            note = "the transcription of the table may be damaged"
    return Claim(where, quantity, printed, computed, verdict, how, note, span)


def _unit_of(tokens: Sequence[Token]) -> Token | None:
    """The unit that stands apart behind its figure: `60 million`, `9.4 K`."""
    for figure, token in pairwise(tokens):
        if token.kind == "word" and figure.kind != "word" and _spelled(token) in UNITS:
            return token
    return None


def _spelled(unit: Token) -> str:
    return unit.text if unit.text in UNITS else unit.text.lower()


def _size_holds(printed: str, computed: tuple[int, ...], quantity: str) -> How | None:
    """Sizes agree to the integer. Papers print H×W×C; a lone number may count all elements."""
    numbers = numbers_of(re.sub(r"[,.]", "", printed))
    forms: list[Shape] = [computed]
    if quantity in ("output size", "input size"):
        flat = tuple(n for n in computed if n != 1) or (1,)
        forms = [(*computed[1:], computed[0]), computed[1:], (math.prod(computed),)]
        if len(computed) == 1:
            # A vector is printed as 1×1×1000 too, or as a map of 1×1; of signals and clips alike.
            forms += [(*ones, *computed) for ones in ((1,), (1, 1), (1, 1, 1))]
            forms += [(1, 1), (1, 1, 1)]
        elif len(flat) == 1:
            forms += [flat]
    elif len(set(computed)) == 1:
        forms += [computed[:1]]
    return "exactly" if numbers and numbers in forms else None


_SIZE = re.compile(r"\d+(\^2)?(\s?[x×]\s?\d+)*|\d{1,3}([,.]\d{3})+")
_FIGURE = re.compile(
    r"(?P<about>[~≈])?\s*(?P<digits>\d[\d,]*)(\.(?P<decimals>\d+))?"
    r"(?:[eE](?P<e>\d+)|\s?[x×]\s?10\^(?P<power>\d+))?\s*(?P<unit>[KMG%]|thousand|million|billion)?"
)


def compare(printed: str, exact: int, kilo: int = 1000) -> How | None:
    """In which sense a printed figure holds of an exact number; None if it does not. The units K,
    M and G are powers of `kilo`.

    A number printed in full holds exactly. An abbreviated one (`138M`, `3.8e9`) holds when it
    rounds or truncates the exact value, or, printed with two digits or more, lies within one unit
    of the last; `~140M` when it lies within half a unit of its last digit that is not zero.

    >>> compare("138M", 138357544), compare("1.8e9", 1814073344), compare("61,706", 61706)
    ('rounds', 'rounds', 'exactly')
    >>> compare("3.6e9", 3663761408), compare("60M", 62378344)
    ('truncates', None)
    """
    match = _FIGURE.fullmatch(printed)
    assert match, printed
    digits = match["digits"].replace(",", "")
    decimals = match["decimals"] or ""
    unit = match["unit"] or ""
    power = int(match["e"] or match["power"] or 0)
    abbreviated = bool(match["e"] or match["power"] or unit)
    if len(decimals) == 3 and 0 < len(digits.lstrip("0")) <= 3 and not abbreviated:
        # A dot that groups three digits is a separator: LeNet-5's 1.516.
        digits, decimals = digits + decimals, ""
    abbreviated = abbreviated or bool(decimals)
    # One unit of the last printed digit, in steps so fine that everything is whole.
    exact *= 10 ** len(decimals)
    last = (kilo if unit in ("K", "M", "G") else 1000) ** (UNITS.get(unit, 0) // 3) * 10**power
    value = int(digits + decimals) * last
    if exact == value:
        return "exactly"
    if not value:
        return None
    if match["about"]:
        zeros = len(digits + decimals) - len((digits + decimals).rstrip("0"))
        return "rounds" if 2 * abs(exact - value) <= last * 10**zeros else None
    if not abbreviated:
        return None
    if (2 * exact + last) // (2 * last) * last == value:
        return "rounds"
    if exact // last * last == value:
        return "truncates"
    if len((digits + decimals).lstrip("0")) < 2:
        return None  # one unit of a single digit is the figure itself
    return "within one unit" if abs(exact - value) <= last else None
