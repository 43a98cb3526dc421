"""The input of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

from archdsl.layers.base import Layer, LayerError, Shape, attribute, layer, times
from archdsl.layers.checks import count, lengths

LARGEST = 2**20  # of one axis: larger images do not exist, larger signals are cut


SIGNAL, IMAGE, CLIP = 1, 2, 3  # by the axes of their maps
FEW = 16  # of a signal's two numbers the one up to this is the channels
_FORMS = (
    "a signal is `16000x1` (length x channels), an image `28x28x1` or `224x224 RGB`, "
    "a clip `16x112x112x3` (frames x height x width x channels)"
)


@layer("input")
class Input(Layer):
    """The shape that enters: `784`, `16000x1`, `224x224 RGB`, `28x28x1`, `16x112x112x3`.

    One number is a vector, or with channels a signal: `100, 3 channels`. Of a signal's two numbers
    the one up to 16 is the channels; `signal` says that the second is: `320x240 signal`. Of three
    numbers the channel axis is the one that differs, and if none or all do, the last. Four are a
    clip, frames first, or a volume: the channels are the last, or where the last two are equal,
    and not all, the first, `3x16x112x112`. `clip`, `video` and `volume` say that three numbers
    with channels are one, `16x112x112 RGB clip`. What could be two things is an error.
    """

    kind = "input"
    colour = "white"
    takes_size = "lengths"
    takes_number = "lengths"
    implied = False
    examples = (
        "input 224x224 RGB on 3x224x224",
        "input 28x28x1 on 1x28x28",
        "input 784 on 784",
        "input 100, 3 channels on 3x100",
        "input 16000x1 on 1x16000",
        "input 320x240 signal on 240x320",
        "input 16x112x112x3 on 3x16x112x112",
        "input 3x16x112x112 on 3x16x112x112",
        "input 16x112x112 RGB on 3x16x112x112",
        "input 32x32x32 grey volume on 1x32x32x32",
    )

    lengths: tuple[int, ...] = attribute("size", check=lengths)
    channels: int = attribute(
        "channels",
        units=("channels", "channel"),
        flags={"rgb": 3, "colour": 3, "color": 3, "grey": 1, "gray": 1, "grayscale": 1},
        check=count,
        default=0,
        otherwise="the number of the size that differs; none in a vector",
    )
    rank: int = attribute(
        check=count,
        flags={"signal": SIGNAL, "clip": CLIP, "video": CLIP, "volume": CLIP},
        default=0,
        otherwise="what the size says",
    )

    @classmethod
    def settle(cls, values: Mapping[str, Any], x: Shape, padding: str) -> Self:
        if "lengths" not in values:
            raise LayerError("the input has no size", cls.form())
        size = values["lengths"]
        sizes = size if isinstance(size, tuple) else (cast(int, size),)
        if max(sizes) > LARGEST:
            raise LayerError(f"an input axis of {max(sizes)}", f"at most {LARGEST:,} a side")
        if min(sizes) < 1:
            raise LayerError(f"an input of {times(sizes)}", "write sizes from 1, as in `320x320`")
        channels, rank = cast(int, values.get("channels", 0)), cast(int, values.get("rank", 0))
        if len(sizes) > 4:
            raise LayerError(f"the input {times(sizes)} has more than four numbers", _FORMS)
        if rank and len(sizes) not in (rank, rank + 1):
            what = {SIGNAL: "signal", IMAGE: "image", CLIP: "clip"}[rank]
            raise LayerError(f"the {what} {times(sizes)} has {_numbers(len(sizes))}", _FORMS)
        if len(sizes) == rank or (not rank and _leaves_out(sizes, channels)):
            if not channels:
                raise _no_channels(sizes)
            return cls(sizes, channels)
        if len(sizes) == 1:
            return cls(sizes, channels)  # a vector, or with channels a signal
        shape = (_signal, _image, _clip)[len(sizes) - 2](sizes, bool(rank))
        if channels and channels != shape[0]:
            raise LayerError(
                f"the input {times(sizes)} has {shape[0]} channels, not {channels}", _FORMS
            )
        return cls(shape[1:], shape[0])

    @property
    def shape(self) -> Shape:
        """(C, L), (C, H, W) or (C, T, H, W), or (N,) for a vector."""
        return (self.channels, *self.lengths) if self.channels else self.lengths

    def out(self, x: Shape) -> Shape:
        return self.shape


def _leaves_out(sizes: tuple[int, ...], channels: int) -> bool:
    """Whether the numbers are lengths alone, and the text says the channels apart.

    Raises LayerError where they may be either.
    """
    if len(sizes) == 2 and channels:
        if channels in sizes and channels <= FEW < max(sizes):
            raise LayerError(
                f"is `{times(sizes)}` with {_channels(channels)} an image or a signal?",
                f"write `{times(sizes)}x{channels}` for the image, "
                f"`{max(sizes)}x{channels}` for the signal",
            )
        return True
    if len(sizes) == 3 and channels and sizes[1] == sizes[2] and _image(sizes)[0] != channels:
        # `16x112x112 RGB`; but `1x28x28 RGB` and `3x224x224 grey` are rather mistakes.
        if sizes[0] in (1, 3):
            raise LayerError(
                f"is `{times(sizes)}` with {_channels(channels)} an image or a clip?",
                f"strike the {_channels(channels)} for the image, "
                f"write `{times(sizes)}x{channels} clip` for the clip",
            )
        return True
    return False


def _signal(sizes: tuple[int, ...], told: bool = False) -> Shape:
    """(C, L) of two numbers. Raises LayerError where they may be something else."""
    a, b = sizes
    first, last = a <= FEW < b, b <= FEW < a
    if first and told:
        raise LayerError(
            f"is the signal {times(sizes)} {a} long, or has it {_channels(a)}?",
            f"write `{b}x{a}` for {_channels(a)}, `{a}, {b} channels` for a length of {a}",
        )
    if not (first or last or told):
        raise _no_channels(sizes)
    return sizes if first else (b, a)


def _image(sizes: tuple[int, ...], told: bool = False) -> Shape:
    """(C, H, W) of three numbers: the channels are the one that differs."""
    a, b, c = sizes
    return (a, b, c) if b == c != a else (b, a, c) if a == c != b else (c, a, b)


def _clip(sizes: tuple[int, ...], told: bool = False) -> Shape:
    """(C, T, H, W) of four numbers. Raises LayerError where one may be a batch."""
    first = sizes[2] == sizes[3] and len(set(sizes)) > 1
    if first and sizes[1] in (1, 3):
        n, c, h, w = sizes
        raise LayerError(
            f"which number of {times(sizes)} is the channels?",
            f"batch is no part of an input: an image is `{c}x{h}x{w}`; "
            f"a clip of {n} frame{'s' * (n > 1)} is `{n}x{h}x{w}x{c}`",
        )
    if not first and sizes[0] in (1, 3) and sizes[3] not in (1, 3) and not told:
        c, t, h, w = sizes
        raise LayerError(
            f"which number of {times(sizes)} is the channels?",
            f"a clip of {t} frames is `{t}x{h}x{w}x{c}`; with {w} channels, `{times(sizes)} clip`",
        )
    if not first and sizes[0] == 1 and not told:
        raise LayerError(
            f"is the 1 of {times(sizes)} a batch?",
            f"batch is no part of an input: an image is `{times(sizes[1:])}`; "
            f"for a clip of one frame write `{times(sizes)} clip`",
        )
    return sizes if first else (sizes[3], *sizes[:3])


def _no_channels(sizes: tuple[int, ...]) -> LayerError:
    shown = times(sizes)
    forms = f"`input {shown} RGB`, `input {shown}x1`"
    if len(sizes) == 2:
        forms += f", or for a signal `input {shown} signal`"
    elif len(sizes) == 1:
        forms = f"`input {shown}x1`"
    return LayerError(f"the input {shown} has no channels", f"write {forms}")


def _channels(number: int) -> str:
    return f"{number} channel{'s' * (number > 1)}"


def _numbers(count: int) -> str:
    return f"{count} number{'s' * (count > 1)}"
