"""Joins: layers that combine several branches into one value."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from archdsl.layers.base import Layer, layer
from archdsl.layers.terms import Call, Kept, Misfit, Shape


class Join(Layer, ABC):
    """Base class of joins, which read one value from each branch and learn nothing.

    Their methods take the shapes of all branches, where those of other layers take one shape.
    """

    colour = "violet"
    trails = False
    ordered: ClassVar[bool] = False  # whether the order of the branches matters

    @abstractmethod
    def out(self, *xs: Shape) -> Shape:
        """Output shape. Raises Misfit if the branches do not fit together."""

    def params(self, *xs: Shape) -> int:
        return 0

    def buffers(self, *xs: Shape) -> int:
        return 0

    def macs(self, *xs: Shape) -> int:
        """Always 0: the sums and products of a join are not counted."""
        return 0

    def plainest(self, *xs: Shape) -> Layer:
        return self

    def kept(self, *xs: Shape, needs: Sequence[bool] = ()) -> Kept:
        """What autograd keeps if the branches in `needs` need gradients, by default all of them."""
        return Kept()

    def call(self, *xs: Shape) -> Call:
        return Call(type(self).__name__)  # a class of pytorch/module.py

    @abstractmethod
    def code(self, values: list[str], xs: list[Shape]) -> str:
        """The join of values as a Python expression, for `archdsl source`."""


@layer()
class Add(Join):
    """The sum of branches, which have the same shape (He et al. 2015, equation 1)."""

    examples = ("add on 4x8x8 4x8x8", "add on 7 7 7")

    def out(self, *xs: Shape) -> Shape:
        if any(x != xs[0] for x in xs):
            raise Misfit(
                "the branches of `add` have different shapes",
                "give them the same channels and strides; a 1x1 convolution can change both",
            )
        return xs[0]

    def code(self, values: list[str], xs: list[Shape]) -> str:
        return " + ".join(values)


@layer()
class Concat(Join):
    """The channels of all branches, one branch after the other (Szegedy et al. 2014, Fig. 2)."""

    ordered = True
    examples = ("concat on 4x8x8 3x8x8 2x8x8", "concat on 7 5")

    def out(self, *xs: Shape) -> Shape:
        if any(x[1:] != xs[0][1:] for x in xs):
            raise Misfit(
                "the branches of `concat` have maps of different sizes",
                "give them the same strides and padding, or crop the larger: `a -> crop`",
            )
        return (sum(x[0] for x in xs), *xs[0][1:])

    def code(self, values: list[str], xs: list[Shape]) -> str:
        return f"torch.cat(({', '.join(values)}), dim=1)"


@layer()
class Multiply(Join):
    """The product of branches, such as a gate and its value (Srivastava et al. 2015).

    A gate may also have one value for each channel, (C,) or (C, 1, 1), or for each position,
    (1, H, W).
    """

    examples = (
        "multiply on 4x8x8 4x8x8",
        "multiply on 4x8x8 4",
        "multiply on 4x1x1 4x8x8 1x8x8",
        "multiply on 7 7",
    )

    def out(self, *xs: Shape) -> Shape:
        rank = max(map(len, xs))
        full = [(*x, *(1,) * (rank - len(x))) for x in xs]
        shape = tuple(map(max, zip(*full, strict=True)))
        if any(a not in (1, b) for x in full for a, b in zip(x, shape, strict=True)):
            raise Misfit(
                "the branches of `multiply` have incompatible shapes",
                "give them the same shape; a gate may also have one value for each channel",
            )
        return shape

    def kept(self, *xs: Shape, needs: Sequence[bool] = ()) -> Kept:
        # A factor is kept for the gradient of the other; intermediate products are kept too.
        needs = needs or [True] * len(xs)
        branches = [needs[1], *(any(needs[:i]) for i in range(1, len(xs)))]
        extra, product = 0, xs[0]
        for x, follows in zip(xs[1:-1], needs[2:], strict=True):
            product = self.out(product, x)
            extra += 4 * math.prod(product) * follows
        return Kept(input=True, extra=extra, branches=tuple(branches))

    def code(self, values: list[str], xs: list[Shape]) -> str:
        rank = max(map(len, xs))
        factors = []
        for value, x in zip(values, xs, strict=True):
            missing = ", None" * (rank - len(x))
            factors.append(f"{value}[:, :{missing}]" if missing else value)
        return " * ".join(factors)


JOINS: dict[str, type[Join]] = {kind.kind: kind for kind in (Add, Concat, Multiply)}
