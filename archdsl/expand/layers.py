"""The layers of a phrase, with their conventions, appended to a graph."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from archdsl.errors import ArchError, Note
from archdsl.expand import printed_sizes
from archdsl.expand.choices import (
    BIAS,
    DEFAULT,
    GROUP_STRIDE,
    HELD,
    MULTIPLE,
    NO_PADDING,
    OTHER,
    PADDING,
    POOL,
    PRINTED,
    REPEATED_STRIDE,
    TWO_ACTIVATIONS,
    WRITTEN_FIRST,
    spelling,
    spelling_of,
)
from archdsl.expand.context import Context
from archdsl.expand.conventions import (
    NOTHING_WRITTEN,
    Applied,
    Companion,
    Surroundings,
    Written,
    without_bias,
)
from archdsl.expand.line_names import numbered
from archdsl.expand.scopes import Frame, Neighbours, Position
from archdsl.figures import counted
from archdsl.graph import Choice, Scope, Settled
from archdsl.layers import (
    Activation,
    Conv,
    Flatten,
    Input,
    Layer,
    LayerError,
    Misfit,
    Shape,
    Value,
)
from archdsl.layers.checks import check_elements
from archdsl.layers.conv import Filters
from archdsl.layers.terms import Disputed, show
from archdsl.layers.upconv import UpConv
from archdsl.notation import ast, keras_calls, pytorch_calls
from archdsl.notation.ast import LayerText, Naming, ValueText
from archdsl.syntax.ast import Padding, StrideOn

_POINTS = {rank: (1,) * rank for rank in (1, 2, 3)}  # kernels that need no padding, by their axes
Padded: TypeAlias = tuple[Choice, Mapping[str, str]] | None


class LayerExpander:
    """Turns the layers of phrases into nodes."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.graph = context.graph
        self.source = context.network.source
        self.widths = context.widths
        self.conventions = context.conventions
        # Layers that are alike share one object, so what is computed from it is computed once.
        self.settled: dict[object, tuple[Layer, Shape, Padded]] = {}

    def expand(
        self, layers: Sequence[LayerText], position: Position, neighbours: Neighbours | None
    ) -> None:
        """Append the layers of a phrase, each with its companions."""
        chain = self.with_companions(layers, position, neighbours)
        following = [*chain[1:], *neighbours.after[:1]] if neighbours else chain[1:]
        for index, (layer, after) in enumerate(zip(chain, following, strict=False)):
            if not layer.kind.weighs or "bias" in self.conventions.keeps:
                continue
            if after.kind.absorbs_bias:
                chain[index] = bare = without_bias(layer)  # a written `Conv-BN`
                if bare is not layer:
                    norm = spelling(after.kind)
                    self.context.decide(BIAS, position.path, layer, position.frame, norm=norm)
        if position.printed is not None:
            chain = self.sized(chain, position)
        if position.ends_branch:
            self.move_activation(chain, position.frame)
        if len(chain) == 1:
            self.append(chain[0], position.path, position.frame)
            return
        names = numbered([layer.kind.kind for layer in chain])
        self.graph.reserve(position.path, names)
        for layer, name in zip(chain, names, strict=True):
            self.append(layer, (*position.path, name), position.frame)

    def with_companions(
        self, layers: Sequence[LayerText], position: Position, neighbours: Neighbours | None
    ) -> list[LayerText]:
        """The layers with the companions that conventions add to them."""
        is_bare = position.last and "companions" not in self.conventions.keeps
        output = _output_layer(layers) if is_bare else None
        waiting = neighbours.waiting if neighbours is not None else []
        chain: list[LayerText] = []
        for index, written in enumerate(layers):
            layer = written
            if written.computed or position.stride is not None or written.kind.fits is not None:
                layer = self.complete(written, position, chain)
            if layer.naming is not None:
                self.decide_naming(layer, layer.naming, position)
            around = Surroundings(
                *_written_next_to(layers, index, neighbours),
                position.row_rules,
                index == output,
                position.frame.definition is not None,
                position.frame.names.get("in") or self.context.entry_channels(position),
            )
            # Within a repeat or a block the layers of the text come again.
            comes_again = position.within and layer is written
            apply = self.conventions.apply_again if comes_again else self.conventions.apply
            applied = apply(position.frame.source, layer, around)
            for kind, companion in applied.before:
                if all(one.kind is not kind for one in chain):  # an earlier phrase writes it
                    self.decide_order(kind, companion, layer, position)
            _extend(chain, waiting, layer, applied)
            for choice, values in applied.choices:
                self.context.decide(choice, position.path, layer, position.frame, **values)
        return chain

    def decide_repeated_stride(
        self, layers: Sequence[LayerText], count: int, position: Position
    ) -> None:
        """Record that a convolution that is repeated has its stride each time."""
        for layer in layers:
            if "stride" not in layer.given or layer.kind is not Conv:
                continue
            if layer.computed:
                names = self.context.names_at(position, layer.given.values())
                layer = ast.evaluated(position.frame.source, layer, names)
            stride = show(layer.given["stride"].value)
            if set(stride.split("x")) != {"1"}:
                values = {"stride": stride, "count": count}
                self.context.decide(REPEATED_STRIDE, position.path, layer, position.frame, **values)

    def decide_order(
        self, written: type[Layer], companion: LayerText, layer: LayerText, position: Position
    ) -> None:
        """Record that a chain writes a layer before a companion that a convention has before it."""
        values = {"written": spelling(written), "companion": spelling(companion.kind)}
        self.context.decide(WRITTEN_FIRST, position.path, layer, position.frame, **values)

    def decide_naming(self, layer: LayerText, naming: Naming, position: Position) -> None:
        """Record how the name of a line and the kind of its layer agree."""
        choice = {"open": POOL, "held": HELD, "other": OTHER}[naming.how]
        values = {"kind": naming.spelling, "written": spelling(layer.kind)}
        self.context.decide(choice, position.path, layer, position.frame, **values)

    def complete(
        self, layer: LayerText, position: Position, chain: Sequence[LayerText]
    ) -> LayerText:
        """The layer with everything that its place in the text decides: the values of names, the
        stride of its group, the size of the branch that it fits. `chain` are the layers of the
        phrase before it."""
        if layer.computed:
            names = self.context.names_at(position, layer.given.values())
            try:
                layer = ast.evaluated(position.frame.source, layer, names)
            except ArchError as error:
                self.explain_entry(error, layer, position)
                raise
        if position.stride is not None:
            layer = self.strided(layer, position, chain)
        is_listed = layer.listed is not None  # what it cuts off depends on the map
        if layer.kind.fits is not None and layer.kind.fits not in layer.given and not is_listed:
            layer = _fitted(layer, layer.kind.fits, position.frame)
        return layer

    def explain_entry(self, error: ArchError, layer: LayerText, position: Position) -> None:
        """Add what `in` is to the error of a value that is computed from it outside blocks."""
        text = position.frame.source.plain[layer.start : layer.end]
        if position.frame.definition is None and re.search(r"\bin\b", text):
            channels = self.context.entry_channels(position)
            what = f"`in` is what enters the line, here {counted(channels, 'channel')}"
            error.notes += (Note(f"{what}; in a block it is what enters the block"),)

    def strided(
        self, layer: LayerText, position: Position, chain: Sequence[LayerText]
    ) -> LayerText:
        """The layer with the stride of its group, if it is the one that carries it.

        A gate of one value for each channel does not carry it.
        """
        stride, frame = position.stride, position.frame
        if stride is None or not stride.may_go_to(layer, frame.source):
            return layer
        if not self.conventions.carries_stride(layer):
            return layer
        x = self.shape_after(chain, frame)
        if _is_point(x) and stride.products:
            return layer
        if _is_point(x) and not _is_point(stride.entering) and stride.value != 1:
            raise frame.fail(
                "the stride of the group reaches only a map of 1x1",
                stride.text,
                "write it at the layer that carries it, before the map is pooled",
            )
        stride.carried = True
        if stride.is_open and self.conventions.leaves_open(StrideOn):
            kernel = layer.given["kernel"].value if "kernel" in layer.given else ()
            of_all_axes = kernel if isinstance(kernel, tuple) else (kernel,) * (len(x) - 1)
            named = _with_kernel(layer, of_all_axes)
            self.context.decide(GROUP_STRIDE, position.path, layer, frame, layer=named)
        if "stride" in layer.given:
            raise frame.fail(
                "the layer that carries the stride of its group already has one",
                layer,
                "remove one of the two",
            )
        try:
            value = layer.kind.attributes["stride"].check(stride.value)
        except LayerError as problem:
            raise frame.fail(f"the stride of a group {problem.message}", stride.text) from None
        text = stride.text._replace(value=value)
        return layer._replace(given={**layer.given, "stride": text})

    def shape_after(self, chain: Sequence[LayerText], frame: Frame) -> Shape:
        """The shape that the layers of a phrase lead to."""
        x = self.graph.shape
        for layer in chain:
            if layer.kind.flattens:
                x = (math.prod(x),)
            x = self.settle(layer, x, frame).out(x)
        return x

    def sized(self, chain: list[LayerText], position: Position) -> list[LayerText]:
        """The layers of a line with what the printed size settles."""
        x, printed, conventions = self.graph.shape, position.printed, self.conventions
        assert printed is not None
        start, end = chain[0].start, chain[-1].end
        if self.context.paper_settings is not None:
            settled = self.context.paper_settings.of(position.path, start)
        else:
            settings = printed_sizes.settle(
                chain, x, printed, conventions.decides, conventions.padding
            )
            settled = Settled(position.path, settings, x, printed.text, start, end)
        if settled is None or not settled.settings:
            return chain
        self.graph.settled.append(settled._replace(path=position.path))
        values = {"what": settled.what, "printed": settled.printed}
        self.context.decide(PRINTED, position.path, chain[0], position.frame, **values)
        return printed_sizes.with_settings(chain, settled.settings)

    def move_activation(self, chain: list[LayerText], frame: Frame) -> None:
        """Take the conventional activation at the end of a branch of `add` out of the branch: it
        follows the sum."""
        end = len(chain) - 1
        while end > 0 and chain[end].kind.weakens:
            end -= 1
        if chain[end].conventional and issubclass(chain[end].kind, Activation):
            self.graph.activations.append((chain.pop(end), frame))

    def append(self, layer: LayerText, scope: Scope, frame: Frame) -> None:
        """Append one layer to the graph, flattening its input if it needs a vector."""
        if issubclass(layer.kind, Input):
            raise frame.fail("a second input", layer, "a network has one `input` line")
        if layer.listed is not None and layer.listed.framework == "Keras":
            self.append_keras(layer, layer.listed, scope, frame)
            return
        self.append_settled(layer, scope, frame)

    def append_keras(
        self, layer: LayerText, listed: ast.ListedCall, scope: Scope, frame: Frame
    ) -> None:
        """Append a layer of a Keras listing, with the padding or crop that its `same` needs."""
        graph = self.graph
        try:
            keras_calls.check_entering(layer, listed, graph.shape)
            layers = keras_calls.fitted(layer, listed, graph.shape)
        except LayerError as problem:
            raise self.misfit(problem, layer, frame) from None
        for one in layers:
            is_own = one.kind is layer.kind
            own = scope if is_own else graph.free_scope(scope[:-1], one.kind.kind)
            self.append_settled(one, own, frame)

    def append_settled(self, layer: LayerText, scope: Scope, frame: Frame) -> None:
        """Append a layer whose attributes do not depend on the map that it is on."""
        graph, x = self.graph, self.graph.shape
        if self.widths and scope in self.widths:
            layer = _widened(layer, self.widths[scope])
        is_own = frame.source is self.source
        place = (layer.start, layer.end) if is_own else frame.place
        try:
            if layer.listed is not None:
                pytorch_calls.check_entering(layer, x)
            if layer.ranked:
                _check_rank(layer.ranked, x)
            if layer.kind.flattens and len(x) > 1:
                flat = Flatten()
                flat_scope = graph.free_scope(scope[:-1], "flatten")
                graph.add(flat, (graph.current,), flat_scope, flat.out(x), place)
                x = graph.shape
            key = (layer.kind, x, *layer.given, *[text.value for text in layer.given.values()])
            known = self.settled.get(key)
            if known is None:
                op = self.settle(layer, x, frame)
                shape = check_elements(op.out(x))
                known = self.settled[key] = op, shape, self.padded(layer, op, x, shape)
            op, shape, padded = known
            if layer.listed is not None:
                pytorch_calls.check(layer, op, x)
        except LayerError as problem:
            raise self.misfit(problem, layer, frame) from None
        if "depthwise" in layer.given and is_own:
            self.decide_multiple(layer, op, scope, frame)
        if (padded or (is_own and op.disputed)) and graph.is_new(scope[0], id(op), layer.start):
            self.decide(layer, op, scope, frame, padded)
        if op.role == "activation" and (before := graph.nodes[graph.current].op).role == op.role:
            values = {"first": spelling(type(before)), "second": spelling(type(op))}
            self.context.decide(TWO_ACTIVATIONS, scope, layer, frame, **values)
        graph.add(op, (graph.current,), scope, shape, place)

    def decide_multiple(self, layer: LayerText, op: Layer, scope: Scope, frame: Frame) -> None:
        """Record that a depthwise convolution has several filters for each channel."""
        channels = self.graph.shape[0]
        if isinstance(op, Conv) and op.width != channels:
            values = {"count": op.width // channels, "width": op.width, "channels": channels}
            self.context.decide(MULTIPLE, scope, layer, frame, **values)

    def padded(self, layer: LayerText, op: Layer, x: Shape, shape: Shape) -> Padded:
        """The choice of a layer's padding and the values of its texts, if its line leaves it open:
        padded where the network declares nothing, or not padded where `same` cannot be, or where
        the map is not `stride` times as large after a transposed convolution."""
        if not layer.kind.weighs or layer.listed is not None or "pad" in layer.given:
            return None
        pad: tuple[int, ...] = getattr(op, "pad", ())
        is_plain = all(pad) or getattr(op, "kernel", pad) == _POINTS.get(len(pad))
        if not is_plain and self.conventions.padding == "same":
            reason = self.unpadded(op, x, shape)
            if reason and isinstance(op, Filters):
                part = "the even side of " if any(pad) else ""
                named = f"{part}{_with_kernel(layer, op.kernel)}"
                return NO_PADDING, {"layer": named, "reason": reason}
        return (PADDING, {}) if any(pad) and self.conventions.leaves_open(Padding) else None

    @staticmethod
    def unpadded(op: Layer, x: Shape, shape: Shape) -> str:
        """Why a layer that `padding same` seems to hold for is not padded; "" if it holds, or if
        its windows do not overlap or are the whole map."""
        if isinstance(op, Conv) and op.kernel != x[1:]:
            sides = zip(op.kernel, op.stride, strict=True)
            if any(k % 2 == 0 and k > s for k, s in sides):
                return "an even kernel has no `same`"
        if isinstance(op, UpConv) and max(x[1:]) > 1 and not any(op.pad):
            if shape[1:] != tuple(n * s for n, s in zip(x[1:], op.stride, strict=True)):
                return "its line has none"
        return ""

    def decide(
        self, layer: LayerText, op: Layer, scope: Scope, frame: Frame, padded: Padded
    ) -> None:
        """Record which defaults a layer has."""
        if padded is not None:
            self.context.decide(padded[0], scope, layer, frame, **padded[1])
        if layer.listed is None and frame.source is self.source:
            for one in layer.kind.disputed:
                name = one.attribute
                if name not in layer.given and op.matters(name, self.graph.shape):
                    texts = _default_texts(spelling(layer.kind), one, getattr(op, name))
                    self.context.decide(DEFAULT, scope, layer, frame, **texts)

    def settle(self, layer: LayerText, x: Shape, frame: Frame) -> Layer:
        """The layer that a text describes, on an input."""
        values: dict[str, Value] = {n: text.value for n, text in layer.given.items()}  # type: ignore[misc]
        try:
            return layer.kind.settle(values, x, self.conventions.padding)
        except LayerError as problem:
            raise self.misfit(problem, layer, frame) from None

    def misfit(self, problem: LayerError, layer: LayerText, frame: Frame) -> ArchError:
        """The error of a layer; if the layer does not fit its input, with where the input is from.

        It is raised while the current node is still the input.
        """
        graph, notes, help = self.graph, [], problem.help
        if isinstance(problem, Misfit):
            origin = self.context.network.span(*graph.places[graph.current])
            notes.append(Note(f"its input is {hwc(graph.shape)}, from here", origin))
        has_width = not {"width", "matrix"}.isdisjoint(layer.given)
        if "width" in layer.kind.attributes and not has_width and not notes:
            row = frame.source.row(layer.start)
            if row is not None:
                help = f'{help}, or set it for the row: `in "{row}" {{ conv means conv-(64) }}`'
        return ArchError(problem.message, frame.source.span(layer.start, layer.end), notes, help)


def _extend(
    chain: list[LayerText], waiting: list[Companion], layer: LayerText, applied: Applied
) -> None:
    """Put a layer with its companions at the end of a chain.

    A companion that goes before a written one is inserted there; if another phrase of the line
    writes that one, it comes first here. A companion that goes after a written one waits for it.
    """
    loose: list[LayerText] = []
    for kind, companion in applied.before:
        indexes = [index for index, other in enumerate(chain) if other.kind is kind]
        if indexes:
            chain.insert(indexes[-1], companion)
        else:
            loose.append(companion)
    chain += loose
    chain += applied.layers
    chain += [companion for kind, companion in waiting if kind is layer.kind]
    waiting[:] = [one for one in waiting if one.kind is not layer.kind]
    waiting += applied.after


@lru_cache(256, typed=True)  # a network has few different defaults
def _default_texts(kind: str, disputed: Disputed, value: Value) -> Mapping[str, str]:
    """The texts of the decision that an attribute has its default."""
    name, form = disputed.attribute, disputed.decided or "{kind} with {attribute} {value}"
    shown = str(value).replace("e-0", "e-")  # as texts write it: `1e-5`
    return {
        "decided": form.format(kind=kind, attribute=name, value=shown),
        "others": disputed.others,
        "instead": disputed.instead or f"{name} …",
    }


def _is_point(x: Shape) -> bool:
    """Whether a map has one position, or a shape is that of a vector."""
    return all(n == 1 for n in x[1:])


def _with_kernel(layer: LayerText, kernel: Sequence[object]) -> str:
    """A layer by its kind and its kernel: `conv 3x3`."""
    name = "dw conv" if "depthwise" in layer.given else spelling_of(layer)
    return f"{name} {show(tuple(kernel))}".rstrip()


def _fitted(layer: LayerText, field: str, frame: Frame) -> LayerText:
    """The layer with the size, (H, W), of the branch next to it."""
    if frame.target is None or len(frame.target.shape) == 1:
        raise frame.fail(
            f"`{layer.kind.kind}` has no {field}",
            layer,
            f"{layer.kind.form()[:-1]}`, or put it next to the branch that it fits",
        )
    size = ast.ValueText(frame.target.shape[1:], layer.start, layer.end)
    return layer._replace(given={**layer.given, field: size})


def _check_rank(word: str, x: Shape) -> None:
    """Raises Misfit if a word such as `conv1d` names another number of axes than the map has.

    `batchnorm1d` takes a vector too; a layer that needs a map reports a vector itself.
    """
    rank = int(word[-2])
    if rank != max(1, len(x) - 1):
        raise Misfit(
            f"`{word}` on {_a_map(x)}",
            f"write `{word[:-2]}`, which is of any rank"
            + ("" if len(x) == 1 else f", or `{word[:-2]}{len(x) - 1}d`"),
        )


def _a_map(x: Shape) -> str:
    if len(x) == 1:
        return "a vector"
    return "a map of 1 axis" if len(x) == 2 else f"a map of {len(x) - 1} axes"


def _written_next_to(
    layers: Sequence[LayerText], index: int, neighbours: Neighbours | None
) -> tuple[Written, Written]:
    """The companions that the line itself writes before a layer and after it, up to the next weight
    layer; before it only those of the first weight layer."""
    if neighbours is None and len(layers) == 1:
        return NOTHING_WRITTEN, NOTHING_WRITTEN
    beyond_before, beyond_after, _ = neighbours or _ALONE
    before = after = NOTHING_WRITTEN
    preceding = layers[:index]
    # Before a weight layer further left they would belong to that one.
    if not _weighs_any(preceding) and not _weighs_any(beyond_before):
        if preceding or beyond_before:
            before = Written(preceding[::-1], beyond_before[::-1])
    following = layers[index + 1 :]
    if following or beyond_after:
        near = _companions(following)
        after = Written(near, _companions(beyond_after) if len(near) == len(following) else ())
    return before, after


_ALONE = Neighbours((), (), [])


def _weighs_any(layers: Sequence[LayerText]) -> bool:
    return any([layer.kind.weighs for layer in layers]) if layers else False


def _companions(layers: Sequence[LayerText]) -> Sequence[LayerText]:
    """The layers up to the first weight layer."""
    for index, layer in enumerate(layers):
        if layer.kind.weighs:
            return layers[:index]
    return layers


def _widened(layer: LayerText, width: int) -> LayerText:
    """The layer with another number of channels."""
    given = {name: text for name, text in layer.given.items() if name != "matrix"}
    given["width"] = ValueText(width, layer.start, layer.end)
    return layer._replace(given=given)


def _output_layer(layers: Sequence[LayerText]) -> int | None:
    """The index of the last weight layer, if all layers after it may follow the output layer."""
    for index in reversed(range(len(layers))):
        if layers[index].kind.weighs:
            return index
        if not layers[index].kind.trails:
            return None
    return None


def hwc(shape: Shape) -> str:
    """(C, H, W) as a text writes it: 7x7x512."""
    return "x".join(map(str, (*shape[1:], shape[0])))
