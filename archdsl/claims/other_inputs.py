"""Which input gives the sizes that a paper prints where that of the text does not.

SqueezeNet's table has an input of 224×224 and 111×111 after a 7×7 convolution of stride 2 without
padding, which gives 109×109; on 227×227 it gives 111×111.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.analysis.totals import Analysis
from archdsl.claims.judge import SHAPES, Claim, judge
from archdsl.errors import ArchError
from archdsl.expand.network import expand
from archdsl.layers import Shape
from archdsl.syntax.ast import NetworkText

MOST_CLAIMS = 200  # a network with more claims is not built again
NEARBY = (1, -1, 2, -2, 3, -3, 4, -4)  # positions on each axis


def other_input(
    network: NetworkText, claims: Sequence[Claim], input: Shape
) -> tuple[int, ...] | None:
    """The lengths of an input, near that of the text, with which all printed sizes of maps hold.

    None if they hold already, or with no input near it. `input` is (C, H, W).
    """
    wrong = [c for c in claims if c.quantity in SHAPES and c.verdict == "fails" and c.how is None]
    if not wrong or len(input) < 2 or len(claims) > MOST_CLAIMS:
        return None
    for more in NEARBY:
        lengths = tuple(n + more for n in input[1:])
        if min(lengths) < 1:
            continue
        try:
            found = judge(Analysis(expand(network, None, lengths)))
        except ArchError:
            continue
        sizes = (
            one.how is not None
            for one, own in zip(found, claims, strict=True)
            if own.quantity in SHAPES and own.verdict != "erratum"
        )
        if all(sizes):
            return lengths
    return None
