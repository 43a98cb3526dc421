"""Padding as a layer of its own."""

from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import count, margins, needs_map, whole
from archdsl.layers.padding import MODES, check_room, from_last_axis
from archdsl.layers.terms import Call, Kept, LayerError, Misfit, Shape, Value, Values, Window, show
from archdsl.layers.torch_signature import Argument, Listing, scalar_if_equal
from archdsl.layers.windows import axes, enlarged

SIDES = (("front", "back"), ("top", "bottom"), ("left", "right"))  # of each axis, in order
_NAMES = ("Zero", "Reflection", "Replication", "Circular")  # torch's, in the order of MODES


def _side(value: Value) -> Value:
    """The padding of one side, from 0."""
    if isinstance(value, tuple):
        raise LayerError(f"must be one number, not {show(value)}")
    return margins(value)


@layer(**{f"{n.lower()} padding": {"mode": m} for n, m in zip(_NAMES, MODES, strict=True)})
class Pad(Layer):
    """Adds a margin around a map: zeros, the mirrored map (`reflection padding 3`), its outermost
    values (`replication padding`), or the values at the opposite side (`circular padding`).

    A number is the margin of every side; `1x2` is one number for each axis (top and bottom 1, left
    and right 2). `left`, `right`, `top` and `bottom`, and for clips `front` and `back`, set single
    sides; the others have the number, or no margin: `zero padding right 1 bottom 1`. A signal has
    left and right. The layer must be alone on its line or between `->`; next to a convolution, it
    is an error, because it might be the padding of the convolution (`reflect padding 1`).
    """

    keeps_channels = True
    takes_size = "margin"
    takes_number = "margin"
    alone = True
    examples = (
        "zero padding 1 on 2x5x6",
        "zero padding 1x2 on 2x5x6",
        "zero padding left 1 right 0 top 2 bottom 0 on 2x5x6",
        "zero pad 1 left 3 on 2x5x6",
        "zero padding left 4 on 2x9",
        "zero padding 2 on 2x9",
        "zeropad3d 1x0x2 front 0 on 2x5x6x4",
        "reflection padding 3 on 2x9x8",
        "reflection padding 2 right 0 on 2x9",
        "reflection pad 1 back 2 on 2x4x5x6",
        "replication padding 2x1 on 2x5x6",
        "replication padding left 2 on 2x7",
        "replicationpad3d 1 on 2x4x5x6",
        "circular padding 2 on 2x7x8",
        "circular padding right 3 on 2x9",
        "circular pad top 2 bottom 1 on 2x4x5x6",
    )

    margin: tuple[int, ...] | None = attribute("pad", "padding", check=margins, default=None)
    left: int | None = attribute("left", check=_side, default=None)
    right: int | None = attribute("right", check=_side, default=None)
    top: int | None = attribute("top", check=_side, default=None)
    bottom: int | None = attribute("bottom", check=_side, default=None)
    front: int | None = attribute("front", check=_side, default=None)
    back: int | None = attribute("back", check=_side, default=None)
    # (before, after) of the first axis, then of the next; `backwards` starts with the last axis.
    sides: tuple[int, ...] = attribute(check=margins, default=())
    backwards: tuple[int, ...] | None = attribute(check=margins, default=None)
    mode: str = attribute(check=str, default="zeros")

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        rank = needs_map("padding", x)
        names = SIDES[-rank:]
        missing = [side for axis in SIDES[:-rank] for side in axis if side in values]
        if missing:
            known = " and ".join(side for axis in names for side in axis)
            rank_of = "1 axis" if rank == 1 else f"{rank} axes"
            raise Misfit(f"a map of {rank_of} has no {missing[0]}", f"it has {known}")
        mode = str(values.get("mode", "zeros"))
        if "backwards" in values:
            sides = _forwards(values["backwards"], rank)
        else:
            margin = values.get("margin", 0)
            if "margin" not in values and not any(n in values for axis in names for n in axis):
                raise LayerError("the padding has no size", cls.form())
            if isinstance(margin, tuple) and len(margin) != rank:
                example = " ".join(f"{one} 1" for axis in names for one in axis)
                raise LayerError(
                    f"which sides are {show(margin)}?",
                    f"write one number, one for each axis, or the sides: `zero padding {example}`",
                )
            each = zip(axes(margin, rank, "padding"), names, strict=True)
            sides = tuple(int(values.get(side, n)) for n, axis in each for side in axis)
        check_room(mode, list(zip(sides[::2], sides[1::2], strict=True)), x)
        return cls(sides=sides, mode=mode)

    def out(self, x: Shape) -> Shape:
        axes_of = zip(x[1:], self.sides[::2], self.sides[1::2], strict=True)
        return enlarged("padding", x, tuple(n + a + b for n, a, b in axes_of))

    def window(self, x: Shape) -> Window:
        ones = (1,) * (len(x) - 1)
        return Window(ones, ones, self.sides[::2], ones)

    def kept(self, x: Shape) -> Kept:
        return Kept(input=self.mode in ("reflect", "replicate"))

    listed = tuple(
        Listing(f"{name}Pad*d", (Argument("padding", "backwards"),), {"mode": mode})
        for name, mode in zip(_NAMES, MODES, strict=True)
    )

    def call(self, x: Shape) -> Call:
        name = _NAMES[MODES.index(self.mode)]
        return Call(f"{name}Pad{len(x) - 1}d", (scalar_if_equal(from_last_axis(self.sides)),))

    @property
    def label(self) -> str:
        name = _NAMES[MODES.index(self.mode)].lower()
        if len(set(self.sides)) == 1:
            return f"{name} padding {self.sides[0]}"
        names = (side for axis in SIDES[-len(self.sides) // 2 :] for side in axis)
        shown = (f"{side} {n}" for side, n in zip(names, self.sides, strict=True) if n)
        return f"{name} padding {' '.join(shown)}"


def _forwards(backwards: Value, rank: int) -> tuple[int, ...]:
    """The margins in the order of the axes; torch's start with the last axis. Raises Misfit."""
    if isinstance(backwards, int):
        return (backwards,) * (2 * rank)
    assert isinstance(backwards, tuple)
    if len(backwards) != 2 * rank:
        raise Misfit(
            f"a padding of {len(backwards)} numbers on a map of {rank} axes",
            f"torch takes one, or {2 * rank}: two for each axis, starting with the last",
        )
    return from_last_axis(backwards)


def _channels_before(value: Value) -> Value:
    """A whole number from 0, or `both`."""
    return value if value == "both" else whole(value)


@layer("channelpad", "channel padding")
class ChannelPad(Layer):
    """Adds channels of zeros after the others (He et al. 2015, section 3.3, option A).

    `front 8` puts 8 of them before the others, `both sides` half of them; of an odd number, the
    smaller half comes before.
    """

    takes_number = "width"
    examples = (
        "channelpad 8 on 3x5x4",
        "channel padding 7 channels on 4x9",
        "channelpad 9 on 5",
        "channelpad 3 on 3x2x2",
        "channelpad 4 on 3x2x2x2",
        "channelpad 8 both sides on 3x5x4",
        "channelpad 8 front 5 on 3x5",
        "channelpad 8 front 4 on 3x2x3x4",
        "channelpad 8 front 1 on 5",
    )

    width: int = attribute("width", units=("channels",), check=count)
    front: int = attribute("front", check=_channels_before, flags={"both sides": "both"}, default=0)

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        width, front = super().settle(values, x, padding).width, values.get("front", 0)
        if width < x[0]:
            raise Misfit(
                f"{x[0]} channels cannot be padded to {width}",
                "padding only adds channels; a 1x1 convolution or a `slice` removes some",
            )
        added = width - x[0]
        front = added // 2 if front == "both" else front
        if front > added:
            raise Misfit(
                f"{front} channels in front, but only {added} are added to {x[0]}",
                f"write at most `front {added}`",
            )
        return cls(width, front)

    def out(self, x: Shape) -> Shape:
        return (self.width, *x[1:])

    def call(self, x: Shape) -> Call:
        rank = len(x)
        # torch starts with the last axis; its classes do not check the rank, only the padding.
        inner = (0 for _ in range(2 * rank - 2))
        around = (*inner, self.front, self.width - x[0] - self.front)
        return Call(f"ZeroPad{min(rank, 3)}d", (around,))

    @property
    def label(self) -> str:
        front = f" front {self.front}" if self.front else ""
        return f"channelpad {self.width}{front}"
