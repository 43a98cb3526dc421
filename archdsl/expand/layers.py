"""Layers with their conventions, appended to the nodes of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from archdsl.errors import ArchError, Note
from archdsl.expand import printed_sizes
from archdsl.expand.blocks import Blocks
from archdsl.expand.conventions import Apart, Conventions, Written, without_bias
from archdsl.expand.line_names import numbered
from archdsl.expand.printed_sizes import Kept
from archdsl.expand.scopes import Around, Frame, Named, Spot
from archdsl.graph import Node, Scope, Section, Settled, Side
from archdsl.layers import (
    Activation,
    Flatten,
    Input,
    Layer,
    LayerError,
    Misfit,
    Shape,
    Value,
)
from archdsl.layers.checks import check_elements
from archdsl.notation import ast, pytorch_calls
from archdsl.notation.ast import Argument, Composite, LayerText, ValueText
from archdsl.syntax.ast import Item, NetworkText, Phrase, Token
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source


class Stride:
    """A stride on its way to the layer of a group that carries it: the one at `place`, a source and
    an offset, or where there is none the first that may."""

    def __init__(
        self, given: ValueText, value: Value, place: tuple[Source, int] | None = None
    ) -> None:
        self.given = given
        self.value = value
        self.place = place
        self.taken = False


class Builder:
    """A graph that grows at `here`, the node whose value enters what comes next."""

    blocks: Blocks
    conventions: Conventions

    def __init__(self, network: NetworkText, names: dict[str, Number]) -> None:
        self.network = network
        self.names = names
        self.here = 0
        self.stride: Stride | None = None
        # Activations at the end of the branches of an `add`, each with where it stands.
        self.moved: list[tuple[LayerText, Frame]] = []
        self.late: list[Apart] = []  # companions that stand behind what the line writes
        self.within: list[str] = []  # what forbids side heads: joins, blocks, repeats
        self.taken: dict[Scope, set[str]] = {}  # names by scope
        self.settled: dict[object, tuple[Layer, Shape]] = {}
        self.nodes: list[Node] = []
        self.sections: list[Section] = []
        self.inner: list[Section] = []
        self.sides: list[Side] = []
        self.referred: list[Named] = []  # what has been referred to
        self.labelled = 0  # how many labels have had a value
        self.scopes: list[tuple[Scope, str]] = []  # of blocks and joins, outer ones first
        self.by_size: list[Settled] = []
        self.kept: Kept | None = None  # what the paper's own input settled

    def fail(
        self,
        message: str,
        where: Token | Phrase | LayerText | ValueText | Item | Composite | Argument,
        help: str | None = None,
        source: Source | None = None,
    ) -> ArchError:
        source = source or self.network.source
        return ArchError(message, source.span(where.start, where.end), help=help)

    def names_at(self, spot: Spot) -> Mapping[str, Number]:
        """What has a value; outside of blocks `in` is the channels that enter the line."""
        names = spot.frame.names
        return names if "in" in names else {**names, "in": spot.entry or self.channels}

    @property
    def channels(self) -> int:
        """The channels that enter what comes next."""
        return self.nodes[self.here].shape[0]

    def placed(self, where: LayerText | Composite, frame: Frame) -> tuple[int, int]:
        """The place in the network's own source."""
        if frame.source is self.network.source:
            return where.start, where.end
        return frame.place

    def expand_layers(self, layers: Sequence[LayerText], spot: Spot, around: Around | None) -> None:
        frame, path = spot.frame, spot.path
        source = frame.source
        output = _output_layer(layers) if spot.last else None
        chain: list[LayerText] = []
        for index, layer in enumerate(layers):
            if layer.computed:
                layer = ast.evaluated(source, layer, self.names_at(spot))
            if self.stride is not None:
                layer = self.strided(layer, source)
            if layer.kind.fits is not None and layer.kind.fits not in layer.given:
                layer = self.fitted(layer, layer.kind.fits, frame)
            written = _written_beside(layers, index, around)
            entry = frame.names.get("in") or spot.entry or self.channels
            in_block = frame.definition is not None
            # Of a repeat the layers of the text come again.
            comes_again = self.within and layer is layers[index]
            apply = self.conventions.again if comes_again else self.conventions.apply
            made, apart = apply(source, layer, written, index == output, entry, in_block)
            begin = len(chain)
            for one in apart:
                at = [i for i, other in enumerate(chain[:begin]) if other.kind is one.kind]
                if not one.behind and at:
                    chain.insert(at[-1], one.layer)
                    begin += 1
                elif not one.behind:
                    # What the line writes stands in another phrase.
                    chain.insert(begin, one.layer)
            chain += made
            # What waits for this layer, which the line writes, stands behind it.
            chain += [one.layer for one in self.late if one.kind is layer.kind]
            self.late = [one for one in self.late if one.kind is not layer.kind]
            self.late += [one for one in apart if one.behind]
        # A written `Conv-BN`: the norm directly behind takes over the bias.
        following = [*chain[1:], *around.behind[:1]] if around else chain[1:]
        for index, (layer, after) in enumerate(zip(chain, following, strict=False)):
            if layer.kind.weighs and after.kind.absorbs_bias:
                chain[index] = without_bias(layer)
        if spot.printed is not None:
            chain = self.settled_by_size(chain, spot)
        end = len(chain) - 1
        while end > 0 and chain[end].kind.weakens:
            end -= 1
        if spot.sums and chain[end].conventional and issubclass(chain[end].kind, Activation):
            self.moved.append((chain.pop(end), frame))
        if len(chain) == 1:
            self.append(chain[0], path, frame)
            return
        names = numbered([layer.kind.kind for layer in chain])
        self.taken.setdefault(path, set()).update(names)
        for layer, name in zip(chain, names, strict=True):
            self.append(layer, (*path, name), frame)

    def settled_by_size(self, chain: Sequence[LayerText], spot: Spot) -> list[LayerText]:
        """The layers of a line with what the printed size settles of them."""
        x, printed, conventions = self.nodes[self.here].shape, spot.printed, self.conventions
        assert printed is not None
        start, end = chain[0].start, chain[-1].end
        if self.kept is not None:
            settled = self.kept.of(spot.path, start)
        else:
            found = printed_sizes.settle(
                chain, x, printed, conventions.decides, conventions.padding
            )
            settled = Settled(spot.path, found, x, printed.text, start, end) if found else None
        if settled is None:
            return list(chain)
        self.by_size.append(settled._replace(path=spot.path))
        return printed_sizes.given(chain, settled.settings)

    def strided(self, layer: LayerText, source: Source) -> LayerText:
        """The layer with the stride of its group, if it is the one that carries it."""
        stride = self.stride
        if stride is None or stride.taken or layer.listed is not None:
            return layer
        if not self.conventions.carries_stride(layer):
            return layer
        if stride.place not in (None, (source, layer.start)):
            return layer
        stride.taken = True
        if "stride" in layer.given:
            raise self.fail(
                "the layer that carries the stride of its group has one already",
                layer,
                "strike one of the two",
                source,
            )
        try:
            value = layer.kind.attributes["stride"].check(stride.value)
        except LayerError as problem:
            raise self.fail(
                f"the stride of a group {problem.message}", stride.given, None, source
            ) from None
        given = stride.given._replace(value=value)
        return layer._replace(given={**layer.given, "stride": given})

    def fitted(self, layer: LayerText, field: str, frame: Frame) -> LayerText:
        """The layer with the size of the branch beside it, (H, W)."""
        if frame.target is None or len(frame.target.shape) == 1:
            raise self.fail(
                f"`{layer.kind.kind}` has no {field}",
                layer,
                f"{layer.kind.form()[:-1]}`, or put it beside the branch that it fits to",
                frame.source,
            )
        size = ValueText(frame.target.shape[1:], layer.start, layer.end)
        return layer._replace(given={**layer.given, field: size})

    def append(self, layer: LayerText, scope: Scope, frame: Frame) -> None:
        x = self.nodes[self.here].shape
        if issubclass(layer.kind, Input):
            raise self.fail("a second input", layer, "a network has one `input` line", frame.source)
        try:
            pytorch_calls.check_entering(layer, x)
            if layer.ranked:
                _check_rank(layer.ranked, x)
        except LayerError as problem:
            raise self.misfit(problem, layer, frame) from None
        if layer.kind.flattens and len(x) > 1:
            flat = Flatten()
            name = self.free("flatten", scope[:-1])
            self.add(flat, (self.here,), (*scope[:-1], name), flat.out(x), layer, frame)
            x = self.nodes[self.here].shape
        # Layers that are alike are one object: what is asked of them is asked once.
        key = (layer.kind, x, *[(name, given.value) for name, given in layer.given.items()])
        found = self.settled.get(key)
        if found is None:
            op = self.settle(layer, x, frame)
            try:
                found = op, check_elements(op.out(x))
            except LayerError as problem:
                raise self.misfit(problem, layer, frame) from None
            self.settled[key] = found
        op, shape = found
        try:
            pytorch_calls.check(layer, op, x)
        except LayerError as problem:
            raise self.misfit(problem, layer, frame) from None
        self.add(op, (self.here,), scope, shape, layer, frame)

    def free(self, name: str, scope: Scope) -> str:
        """The name, numbered where the scope has it already."""
        taken = self.taken.setdefault(scope, set())
        free, number = name, 2
        while free in taken:
            free, number = f"{name}{number}", number + 1
        taken.add(free)
        return free

    def add(
        self,
        op: Layer,
        inputs: tuple[int, ...],
        scope: Scope,
        shape: Shape,
        text: LayerText | Composite,
        frame: Frame,
    ) -> None:
        self.here = len(self.nodes)
        start, end = self.placed(text, frame)
        self.nodes.append(Node(op, inputs, scope, shape, start, end))

    def settle(self, layer: LayerText, x: Shape, frame: Frame) -> Layer:
        values: dict[str, Value] = {n: g.value for n, g in layer.given.items()}  # type: ignore[misc]
        try:
            return layer.kind.settle(values, x, self.conventions.padding)
        except LayerError as problem:
            raise self.misfit(problem, layer, frame) from None

    def misfit(self, problem: LayerError, layer: LayerText, frame: Frame) -> ArchError:
        """What is wrong with a layer; where it does not fit its input, with the input's origin."""
        notes = []
        if isinstance(problem, Misfit):
            origin = self.nodes[self.here]
            notes.append(
                Note(
                    f"its input is {hwc(origin.shape)}, from here",
                    self.network.span(origin.start, origin.end),
                )
            )
        help = problem.help
        said = {"width", "matrix"} & layer.given.keys()
        if "width" in layer.kind.attributes and not said and not notes:
            row = frame.source.row(layer.start)
            if row is not None:
                help = f'{help}, or say it of the row: `in "{row}" {{ conv means conv-(64) }}`'
        return ArchError(problem.message, frame.source.span(layer.start, layer.end), notes, help)


def _check_rank(word: str, x: Shape) -> None:
    """Raises Misfit where a word says another number of axes than the map has, `conv1d`.

    A vector is no map: `batchnorm1d` takes it, and what needs a map says so itself.
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


def _written_beside(layers: Sequence[LayerText], index: int, around: Around | None) -> Written:
    """The companions that the line itself writes for a layer: behind it, up to the next weight
    layer, and in front of the first weight layer."""
    if len(layers) == 1 and around is None:
        return Written((), ())
    front, behind = around or ((), ())
    front = (*front, *layers[:index])
    behind = (*layers[index + 1 :], *behind)
    if any(layer.kind.weighs for layer in front):
        front = ()
    return Written(front, tuple(takewhile(lambda layer: not layer.kind.weighs, behind)))


def _output_layer(layers: Sequence[LayerText]) -> int | None:
    """The last weight layer, if only softmax or a flattening follows it."""
    for index in reversed(range(len(layers))):
        if layers[index].kind.weighs:
            return index
        if not layers[index].kind.trails:
            return None
    return None


def hwc(shape: Shape) -> str:
    return "x".join(map(str, (*shape[1:], shape[0])))
