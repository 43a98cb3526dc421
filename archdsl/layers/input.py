"""The input of a network."""

from typing import Self

from archdsl.layers.base import Layer, attribute, layer
from archdsl.layers.checks import count, lengths
from archdsl.layers.terms import LayerError, Shape, Values, times

LONGEST_AXIS = 2**20  # larger images do not exist, larger signals are cut
SIGNAL, IMAGE, CLIP = 1, 2, 3  # by the number of axes of their maps
MOST_CHANNELS = 16  # the most channels of a signal that are recognised without the word `signal`
_FORMS = (
    "a signal is `16000x1` (length x channels), an image `28x28x1` or `224x224 RGB`, "
    "a clip `16x112x112x3` (frames x height x width x channels)"
)


@layer("input")
class Input(Layer):
    """The input of a network: `784`, `16000x1`, `224x224 RGB`, `28x28x1`, `16x112x112x3`.

    One number is a vector, or with channels a signal: `100, 3 channels`. Two numbers are a signal,
    whose channels are the number up to 16, or with `signal` the second: `320x240 signal`. Of three
    numbers, the channels are the one that differs from the other two; if all differ, the last, or
    the first if only that is 1 or 3: `3x32x100`. Four numbers are a clip, frames first, or a
    volume; the channels are the last, or the first if the last two are equal and not all four:
    `3x16x112x112`. With `clip`, `video` or `volume`, three numbers and channels are one too:
    `16x112x112 RGB clip`. An ambiguous input is an error.
    """

    colour = "white"
    takes_size = "lengths"
    takes_number = "lengths"
    implied = False
    examples = (
        "input 224x224 RGB on 3x224x224",
        "input 28x28x1 on 1x28x28",
        "input 3x32x100 on 3x32x100",
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
        otherwise="the number of the size that differs; a vector has none",
    )
    rank: int = attribute(
        check=count,
        flags={"signal": SIGNAL, "clip": CLIP, "video": CLIP, "volume": CLIP},
        default=0,
        otherwise="implied by the size",
    )

    @classmethod
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        if "lengths" not in values:
            raise LayerError("the input has no size", cls.form())
        size = values["lengths"]
        sizes = size if isinstance(size, tuple) else (size,)
        if max(sizes) > LONGEST_AXIS:
            raise LayerError(
                f"an input axis of {max(sizes)}", f"write at most {LONGEST_AXIS:,} per axis"
            )
        if min(sizes) < 1:
            raise LayerError(f"an input of {times(sizes)}", "write sizes from 1, as in `320x320`")
        channels, rank = values.get("channels", 0), values.get("rank", 0)
        if len(sizes) > 4:
            raise LayerError(f"the input {times(sizes)} has more than four numbers", _FORMS)
        if rank and len(sizes) not in (rank, rank + 1):
            what = {SIGNAL: "signal", IMAGE: "image", CLIP: "clip"}[rank]
            raise LayerError(
                f"the {what} {times(sizes)} has {_plural(len(sizes), 'number')}", _FORMS
            )
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
    """Whether the sizes do not include the channels, which the text gives separately.

    Raises LayerError if that is ambiguous.
    """
    if len(sizes) == 2 and channels:
        if channels in sizes and channels <= MOST_CHANNELS < max(sizes):
            raise LayerError(
                f"is `{times(sizes)}` with {_plural(channels, 'channel')} an image or a signal?",
                f"write `{times(sizes)}x{channels}` for the image, "
                f"`{max(sizes)}x{channels}` for the signal",
            )
        return True
    if len(sizes) == 3 and channels and sizes[1] == sizes[2] and _image(sizes)[0] != channels:
        # `16x112x112 RGB`; but `1x28x28 RGB` and `3x224x224 grey` are probably mistakes.
        if sizes[0] in (1, 3):
            raise LayerError(
                f"is `{times(sizes)}` with {_plural(channels, 'channel')} an image or a clip?",
                f"remove the {_plural(channels, 'channel')} for the image, "
                f"write `{times(sizes)}x{channels} clip` for the clip",
            )
        return True
    return False


def _signal(sizes: tuple[int, ...], is_signal: bool = False) -> Shape:
    """(C, L) from two numbers. Raises LayerError if they may mean something else."""
    a, b = sizes
    first, last = a <= MOST_CHANNELS < b, b <= MOST_CHANNELS < a
    if first and is_signal:
        raise LayerError(
            f"does the signal {times(sizes)} have length {a} or {_plural(a, 'channel')}?",
            f"write `{b}x{a}` for {_plural(a, 'channel')}, `{a}, {b} channels` for length {a}",
        )
    if not (first or last or is_signal):
        raise _no_channels(sizes)
    return sizes if first else (b, a)


def _image(sizes: tuple[int, ...], is_image: bool = False) -> Shape:
    """(C, H, W) from three numbers: the channels are the one that differs; if all do, the first if
    it is 1 or 3 and the last is neither, `3x32x100`, else the last."""
    a, b, c = sizes
    first = len({*sizes}) == 3 and a in (1, 3) and c not in (1, 3) and not is_image
    if first or b == c != a:
        return sizes
    return (b, a, c) if a == c != b else (c, a, b)


def _clip(sizes: tuple[int, ...], is_clip: bool = False) -> Shape:
    """(C, T, H, W) from four numbers. Raises LayerError if one may be a batch size."""
    first = sizes[2] == sizes[3] and len(set(sizes)) > 1
    if first and sizes[1] in (1, 3):
        n, c, h, w = sizes
        raise LayerError(
            f"which number of {times(sizes)} is the channels?",
            f"the batch is not part of an input: write `{c}x{h}x{w}` for an image, "
            f"`{n}x{h}x{w}x{c}` for a clip of {_plural(n, 'frame')}",
        )
    if not first and sizes[0] in (1, 3) and sizes[3] not in (1, 3) and not is_clip:
        c, t, h, w = sizes
        raise LayerError(
            f"which number of {times(sizes)} is the channels?",
            f"write `{t}x{h}x{w}x{c}` for a clip of {t} frames, "
            f"or with {w} channels `{times(sizes)} clip`",
        )
    if not first and sizes[0] == 1 and not is_clip:
        raise LayerError(
            f"is the 1 of {times(sizes)} a batch?",
            f"the batch is not part of an input: write `{times(sizes[1:])}` for an image, "
            f"`{times(sizes)} clip` for a clip of one frame",
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


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number > 1)}"
