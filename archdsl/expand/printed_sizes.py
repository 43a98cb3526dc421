"""What printed sizes settle: strides, padding and widths that the text leaves out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from archdsl.graph import Setting, Settled
from archdsl.layers import LayerError, Shape, Value
from archdsl.layers.checks import LARGEST
from archdsl.layers.conv_base import unfolded
from archdsl.layers.padding import same
from archdsl.layers.torch_signature import scalar_if_equal
from archdsl.layers.windows import axes
from archdsl.notation.ast import (
    BlockUse,
    Group,
    LayerText,
    Line,
    ParsedPhrase,
    Reference,
    Side,
    ValueText,
)
from archdsl.quantities import claimed_quantity
from archdsl.syntax.ast import ClaimText, Token, numbers_of

WORDS = ("stride", "padding")  # what `sizes decide` may name


class Printed(NamedTuple):
    """A printed size as it stands: H×W, or H×W×C."""

    numbers: tuple[int, ...]
    text: str

    def lengths(self, rank: int) -> tuple[int, ...] | None:
        """The size of a map of `rank` axes; None where what is printed is none."""
        return self.numbers[:rank] if rank and len(self.numbers) - rank in (0, 1) else None

    def channels(self, rank: int) -> int | None:
        """The channels behind a map's axes, or of a vector, also as `1x1x1000`."""
        if not rank:
            return self.numbers[-1] if set(self.numbers[:-1]) <= {1} else None
        return self.numbers[rank] if len(self.numbers) == rank + 1 else None

    def is_of(self, shape: Shape) -> bool:
        """Whether a map has the printed H×W. Of a vector, and by a number, nothing is settled."""
        lengths = self.lengths(len(shape) - 1)
        return lengths is None or lengths == shape[1:]


class Kept:
    """What was settled on the input that the paper prints, for another input or other parameters:
    printed sizes do not hold there."""

    def __init__(self, settled: Sequence[Settled], renumbered: bool) -> None:
        self.known: dict[object, Settled] = {(one.path, one.start): one for one in settled}
        # Other parameters may number the lines anew: then the place and the repetitions tell.
        self.placed: dict[object, Settled] = {}
        for one in settled if renumbered else ():
            self.placed.setdefault((one.start, *_repetitions(one.path)), one)

    def of(self, path: tuple[str, ...], start: int) -> Settled | None:
        """What was settled of the line at a path and a place of its source."""
        exact = self.known.get((path, start))
        return exact or self.placed.get((start, *_repetitions(path)))


def _repetitions(path: tuple[str, ...]) -> list[str]:
    return [name for name in path if name.isdigit()]


def output_of(line: Line) -> Printed | None:
    """The size that is printed of a line's output; one marked as an erratum settles nothing."""
    if len(line.phrases) == 1 and (claimed := line.phrases[0].claimed) is not None:
        return _printed(claimed)
    return _claimed(line, "output size")


def input_of(line: Line) -> Printed | None:
    """The size that is printed of a line's input, where that is what the line in front gives."""
    if isinstance(line.phrases[0].composite, Reference | Side):
        return None
    return _claimed(line, "input size")


def size_in(claim: ClaimText, quantity: str = "output size") -> Token | None:
    """The figure of a claim of a quantity; None if it claims another, or is an erratum."""
    claimed = claimed_quantity(" ".join(t.text for t in claim.tokens if t.kind == "word"))
    figures = [token for token in claim.tokens if token.kind != "word"]
    if claimed and claimed.name == quantity and len(figures) == 1 and claim.erratum is None:
        return figures[0]
    return None


def _claimed(line: Line, quantity: str) -> Printed | None:
    for claim in line.item.claims:
        if (figure := size_in(claim, quantity)) is not None:
            return _printed(figure)
    return None


def _printed(token: Token) -> Printed | None:
    if token.kind != "size" and not re.fullmatch(r"\d{1,18}", token.text):
        return None
    return Printed(numbers_of(token.text), token.text)


def stride_of(x: Shape, printed: Printed) -> Value | None:
    """The stride that leads from a map to a printed size, ceil(in / out); None where it is 1."""
    lengths = printed.lengths(len(x) - 1)
    if lengths is None or 0 in lengths:
        return None
    stride = tuple(-(-i // o) for i, o in zip(x[1:], lengths, strict=True))
    return scalar_if_equal(stride) if max(stride) > 1 else None


def takes_stride(parsed: ParsedPhrase) -> bool:
    """Whether a phrase is a group or a block without a stride of its own."""
    match parsed.composite:
        case Group(kind="bracket" | "braces") | BlockUse():
            return parsed.stride is None
        case _:
            return False


def slides(layer: LayerText) -> bool:
    """Whether a layer has a window with a stride and a padding: not a global pool."""
    known = layer.kind.attributes
    if "stride" not in known or "pad" not in known or "everywhere" in layer.given:
        return False
    return _kernel(layer) is not None


def settle(
    layers: Sequence[LayerText], x: Shape, printed: Printed, words: Collection[str], padding: str
) -> tuple[Setting, ...]:
    """The attributes that a printed size gives to the layers of a line whose input is `x`.

    The width of the last weight layer that has none is the number of channels. The stride and the
    padding are those of the one layer whose window is open: the first that lead to the printed size
    win. What a layer says itself is never changed, and nothing is where nothing leads there.
    """
    layers = [_unfolded(layer, x) for layer in layers]
    widths = tuple(_width(layers, x, printed))
    layers = given(layers, widths)
    if _leads(layers, x, printed, padding):
        return widths
    index = _open_window(layers, words)
    if index is None:
        return widths
    try:
        for attributes in _candidates(layers[index], x, printed, words):
            settled = tuple(
                _setting(layers, index, name, value) for name, value in attributes.items()
            )
            if _leads(given(layers, settled), x, printed, padding):
                return widths + settled
    except LayerError:
        pass  # a kernel that does not fit its input: whoever makes the layer says so
    return widths


def given(layers: Sequence[LayerText], settings: Sequence[Setting]) -> list[LayerText]:
    """The layers with what was settled of them."""
    found = list(layers)
    for kind, nth, name, value in settings:
        indexes = [i for i, layer in enumerate(found) if layer.kind.kind == kind]
        if nth < len(indexes) and name not in found[indexes[nth]].given:
            layer = found[indexes[nth]]
            one = ValueText(value, layer.start, layer.end)
            found[indexes[nth]] = layer._replace(given={**layer.given, name: one})
    return found


def _setting(layers: Sequence[LayerText], index: int, name: str, value: Value) -> Setting:
    kind = layers[index].kind.kind
    nth = sum(layer.kind.kind == kind for layer in layers[:index])
    return Setting(kind, nth, name, value)


def _unfolded(layer: LayerText, x: Shape) -> LayerText:
    """A layer whose kernel holds its width, `3x3x3x32`, with what that says as attributes."""
    if not isinstance(layer.given.get("kernel", (None,))[0], tuple):
        return layer
    values: dict[str, Value] = {name: one.value for name, one in layer.given.items()}  # type: ignore[misc]
    try:
        told = unfolded(values, x)
    except LayerError:
        return layer  # whoever makes the layer says so
    return layer._replace(
        given={name: ValueText(value, layer.start, layer.end) for name, value in told.items()}
    )


def _width(layers: Sequence[LayerText], x: Shape, printed: Printed) -> Iterator[Setting]:
    for index in reversed(range(len(layers))):
        layer = layers[index]
        if layer.kind.weighs and "width" in layer.kind.attributes:
            rank = 0 if layer.kind.flattens else len(x) - 1
            channels = printed.channels(rank)
            said = {"width", "matrix"} & layer.given.keys()
            first = not any(before.kind.weighs for before in layers[:index])
            if first and "depthwise" in layer.given and channels == x[0]:
                return  # it has that width anyway
            if not said and channels and channels <= LARGEST:
                yield _setting(layers, index, "width", channels)
            return


def _open_window(layers: Sequence[LayerText], words: Collection[str]) -> int | None:
    """The layer whose stride or padding a size may settle: the only one with a window; of several
    the only one that is open and reads more than its own position."""
    sliding = [index for index, layer in enumerate(layers) if slides(layer)]
    if len(sliding) > 1:
        sliding = [i for i in sliding if _reads_more(layers[i])]
    is_open = [i for i in sliding if _open(layers[i], words)]
    return is_open[0] if len(is_open) == 1 else None


def _open(layer: LayerText, words: Collection[str]) -> set[str]:
    """The words of what a layer leaves out and sizes decide."""
    said = {"stride"} & layer.given.keys()
    if {"pad", "ceil"} & layer.given.keys():
        said.add("padding")
    return set(words) - said


def _candidates(
    layer: LayerText, x: Shape, printed: Printed, words: Collection[str]
) -> Iterator[Mapping[str, Value]]:
    """What may be settled of a layer, in order: the stride that it has, then ceil(in / out); with
    each the padding that it has, then none, then `same`, and of a pool rounding up."""
    left = _open(layer, words)
    strides: list[dict[str, Value]] = [{}]
    if "stride" in left and (stride := stride_of(x, printed)) is not None:
        strides.append({"stride": stride})
    paddings: list[dict[str, Value]] = [{}]
    if "padding" in left:
        rank = len(x) - 1
        dilation = layer.given["dilation"].value if "dilation" in layer.given else 1
        kept = same(axes(_kernel(layer), rank, "kernel"), axes(dilation, rank, "dilation"))
        paddings += [{"pad": 0}, {"pad": scalar_if_equal(kept)}]
        paddings += [{"ceil": True}] if "ceil" in layer.kind.attributes else []
    for stride_given in strides:
        for padding_given in paddings:
            yield {**stride_given, **padding_given}


def _leads(layers: Sequence[LayerText], x: Shape, printed: Printed, padding: str) -> bool:
    """Whether the layers give the printed size."""
    try:
        for layer in layers:
            values: dict[str, Value] = {n: g.value for n, g in layer.given.items()}  # type: ignore[misc]
            x = layer.kind.settle(values, x, padding).out(x)
    except LayerError:
        return False
    return printed.is_of(x)


def _kernel(layer: LayerText) -> Value | None:
    if "kernel" in layer.given:
        return layer.given["kernel"].value  # type: ignore[return-value]
    return getattr(layer.kind, "default_kernel", None)


def _reads_more(layer: LayerText) -> bool:
    kernel = _kernel(layer)
    return max(kernel if isinstance(kernel, tuple) else (kernel,)) > 1  # type: ignore[type-var, operator]
