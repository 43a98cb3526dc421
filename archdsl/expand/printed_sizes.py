"""What printed sizes settle: strides, padding and widths that the text leaves out.

After a map of 56x56, `conv3-128 => 28x28x128` has stride 2 if `sizes decide stride`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from archdsl.figures import numbers_of
from archdsl.graph import Setting, Settled
from archdsl.layers import LayerError, Shape, Value
from archdsl.layers.checks import LARGEST_LENGTH
from archdsl.layers.conv import unfolded
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
from archdsl.syntax.ast import ClaimText, Token

DECIDABLE = ("stride", "padding")  # what `sizes decide` may name


class Printed(NamedTuple):
    """A size as the paper prints it: H×W, or H×W×C."""

    numbers: tuple[int, ...]
    text: str

    def lengths(self, rank: int) -> tuple[int, ...] | None:
        """The lengths of a map of `rank` axes, or None if the size is not that of such a map."""
        return self.numbers[:rank] if rank and len(self.numbers) - rank in (0, 1) else None

    def channels(self, rank: int) -> int | None:
        """The channels: after the axes of a map, or the length of a vector, also as `1x1x1000`."""
        if not rank:
            return self.numbers[-1] if set(self.numbers[:-1]) <= {1} else None
        return self.numbers[rank] if len(self.numbers) == rank + 1 else None

    def is_of(self, shape: Shape) -> bool:
        """Whether a map has the printed H×W. Always true of a vector, for which a size settles
        nothing."""
        lengths = self.lengths(len(shape) - 1)
        return lengths is None or lengths == shape[1:]


class PaperSettings:
    """What printed sizes settled on the paper's own input and parameters. With others the sizes no
    longer hold, but the settings do.

    `renumbered`: other parameters may number the lines anew, so that their names differ.
    """

    def __init__(self, settled: Sequence[Settled], renumbered: bool) -> None:
        self.by_path: dict[object, Settled] = {(one.path, one.start): one for one in settled}
        self.by_place: dict[object, Settled] = {}
        for one in settled if renumbered else ():
            self.by_place.setdefault((one.start, *_repetitions(one.path)), one)

    def of(self, path: tuple[str, ...], start: int) -> Settled | None:
        """What was settled in the line with this name that starts at this offset of its source."""
        exact = self.by_path.get((path, start))
        return exact or self.by_place.get((start, *_repetitions(path)))


def _repetitions(path: tuple[str, ...]) -> list[str]:
    return [name for name in path if name.isdigit()]


def output_of(line: Line) -> Printed | None:
    """The size that is printed for a line's output; one marked as an erratum settles nothing."""
    if len(line.phrases) == 1 and (claimed := line.phrases[0].claimed) is not None:
        return _printed(claimed)
    return _claimed(line, "output size")


def input_of(line: Line) -> Printed | None:
    """The size that is printed for a line's input, if that is the output of the line before."""
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
    """The stride that leads from a map to a printed size, ceil(in / out); None if it is 1."""
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
    """Whether a layer has a window with a stride and a padding, unlike a global pool."""
    attributes = layer.kind.attributes
    if "stride" not in attributes or "pad" not in attributes or "everywhere" in layer.given:
        return False
    return _kernel(layer) is not None


def settle(
    layers: Sequence[LayerText], x: Shape, printed: Printed, words: Collection[str], padding: str
) -> tuple[Setting, ...]:
    """The attributes that a printed size gives to the layers of a line whose input is `x`.

    In this order: the width of the last weight layer, if it has none, is the number of channels;
    nothing more if the layers then lead to the printed size; else the first stride and padding that
    lead there, of the one layer whose window is open; else nothing more. What the text gives is
    never changed.
    """
    layers = [_unfolded(layer, x) for layer in layers]
    widths = tuple(_width(layers, x, printed))
    layers = with_settings(layers, widths)
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
            if _leads(with_settings(layers, settled), x, printed, padding):
                return widths + settled
    except LayerError:
        pass  # a kernel that does not fit its input is reported where the layer is built
    return widths


def with_settings(layers: Sequence[LayerText], settings: Sequence[Setting]) -> list[LayerText]:
    """The layers with the attributes that are settled."""
    layers = list(layers)
    for kind, nth, name, value in settings:
        indexes = [i for i, layer in enumerate(layers) if layer.kind.kind == kind]
        if nth < len(indexes) and name not in layers[indexes[nth]].given:
            layers[indexes[nth]] = _with(layers[indexes[nth]], {name: value})
    return layers


def _with(layer: LayerText, attributes: Mapping[str, Value]) -> LayerText:
    texts = {name: ValueText(value, layer.start, layer.end) for name, value in attributes.items()}
    return layer._replace(given={**layer.given, **texts})


def _setting(layers: Sequence[LayerText], index: int, name: str, value: Value) -> Setting:
    kind = layers[index].kind.kind
    nth = sum(layer.kind.kind == kind for layer in layers[:index])
    return Setting(kind, nth, name, value)


def _unfolded(layer: LayerText, x: Shape) -> LayerText:
    """A layer whose kernel includes its width, `3x3x3x32`, with attributes of its own for both."""
    if not isinstance(layer.given.get("kernel", (None,))[0], tuple):
        return layer
    values: dict[str, Value] = {name: one.value for name, one in layer.given.items()}  # type: ignore[misc]
    try:
        return _with(layer._replace(given={}), unfolded(values, x))
    except LayerError:
        return layer  # reported where the layer is built


def _width(layers: Sequence[LayerText], x: Shape, printed: Printed) -> Iterator[Setting]:
    for index in reversed(range(len(layers))):
        layer = layers[index]
        if layer.kind.weighs and "width" in layer.kind.attributes:
            rank = 0 if layer.kind.flattens else len(x) - 1
            channels = printed.channels(rank)
            has_width = not {"width", "matrix"}.isdisjoint(layer.given)
            first = not any(before.kind.weighs for before in layers[:index])
            if first and "depthwise" in layer.given and channels == x[0]:
                return  # it has that width without a setting
            if not has_width and channels and channels <= LARGEST_LENGTH:
                yield _setting(layers, index, "width", channels)
            return


def _open_window(layers: Sequence[LayerText], words: Collection[str]) -> int | None:
    """The index of the layer whose stride or padding a size may settle: the only layer with a
    window, or if there are several, the only open one that reads more than its own position."""
    sliding = [index for index, layer in enumerate(layers) if slides(layer)]
    if len(sliding) > 1:
        sliding = [i for i in sliding if _reads_more(layers[i])]
    is_open = [i for i in sliding if _open(layers[i], words)]
    return is_open[0] if len(is_open) == 1 else None


def _open(layer: LayerText, words: Collection[str]) -> set[str]:
    """The attributes that sizes may decide and the layer leaves out: `stride`, `padding`."""
    closed = {"stride"} & layer.given.keys()
    if {"pad", "ceil"} & layer.given.keys():
        closed.add("padding")
    return set(words) - closed


def _candidates(
    layer: LayerText, x: Shape, printed: Printed, words: Collection[str]
) -> Iterator[Mapping[str, Value]]:
    """The settings to try for a layer, in order: the stride that it has, then ceil(in / out); with
    each the padding that it has, then none, then `same`, and for a pool rounding up."""
    left_out = _open(layer, words)
    strides: list[dict[str, Value]] = [{}]
    if "stride" in left_out and (stride := stride_of(x, printed)) is not None:
        strides.append({"stride": stride})
    paddings: list[dict[str, Value]] = [{}]
    if "padding" in left_out:
        rank = len(x) - 1
        dilation = layer.given["dilation"].value if "dilation" in layer.given else 1
        pad = same(axes(_kernel(layer), rank, "kernel"), axes(dilation, rank, "dilation"))
        paddings += [{"pad": 0}, {"pad": scalar_if_equal(pad)}]
        paddings += [{"ceil": True}] if "ceil" in layer.kind.attributes else []
    for stride_setting in strides:
        for padding_setting in paddings:
            yield {**stride_setting, **padding_setting}


def _leads(layers: Sequence[LayerText], x: Shape, printed: Printed, padding: str) -> bool:
    """Whether the layers lead from `x` to the printed size."""
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
