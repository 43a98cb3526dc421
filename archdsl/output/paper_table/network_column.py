"""A network as a column of a table: its lines, and the other statements that they need."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from archdsl.expand.blocks import Definition
from archdsl.expand.network import read as read_network
from archdsl.figures import hwc, times
from archdsl.layers import Conv, Shape
from archdsl.notation import ast
from archdsl.notation.ast import Line
from archdsl.notation.layer_names import is_separable, kind_named
from archdsl.notation.lookup import layers_among, vocabulary
from archdsl.output.paper_table import lines
from archdsl.output.paper_table.lines import YIELDS, Piece, Pieces, Printer
from archdsl.syntax.ast import Item, Means, Phrase, Printed, SizesDecide, StrideOn
from archdsl.tables.row_line import words_in

if TYPE_CHECKING:
    from archdsl.model import Model
    from archdsl.syntax.expressions import Number


class Convention(NamedTuple):
    """A convention as a table prints it. `kinds` are the layers that a `means` is about, of which
    a later one may be about the same: their order matters."""

    text: str
    kinds: frozenset[str]


class Entry(NamedTuple):
    """A line of one network.

    `label` is that of the text, `name` that of summaries. `referred`: other lines refer to the
    label. `implied`: the kind of the layer, if the label gives it. `is_misnamed`: the name is that
    of another layer than the line begins with. `lengths` is the size of the output, `size` as it is
    printed. `rules` are the conventions of its row in the table that it comes from. One that
    `fills` a cell is not a line of its network.
    """

    pieces: Pieces
    label: str | None
    referred: bool
    implied: str
    is_misnamed: bool
    name: str
    kind: str
    lengths: Shape
    is_vector: bool
    size: str
    weighs: bool
    is_reference: bool
    rules: tuple[str, ...]
    fills: bool = False

    @property
    def key(self) -> Hashable:
        return self.pieces, self.label, self.size, self.rules

    @property
    def is_needed(self) -> bool:
        """Whether the label does more than name the line."""
        return self.referred or bool(self.implied)

    @property
    def sized(self) -> Entry:
        """The line in a group, with a claim of its size unless it is a side head or a reference."""
        if self.kind == "side" or self.is_reference:
            return self
        pieces = [*self.pieces, YIELDS, Piece("size", self.size.replace("×", "x"), True)]
        if self.implied:  # a label names the group, not the line in it
            pieces = [Piece("text", self.implied), pieces[0]._replace(blank=True), *pieces[1:]]
        return self._replace(pieces=(Piece("braces", "", False, (tuple(pieces),)),))

    @property
    def labelled(self) -> Pieces:
        """The line after its label."""
        if self.label is None:
            return self.pieces
        first, *rest = self.pieces
        return Piece("text", f"{self.label}:"), first._replace(blank=True), *rest


class NetworkColumn:
    """One network: its statements and its lines."""

    def __init__(self, network: Model) -> None:
        self.network = network
        self.text = read_network(network.text, network.parameters)
        self.names: dict[str, Number] = dict(self.text.names)
        self.items = [line.item for line in self.text.lines]
        statements = network.text.statements
        means = [s for s in statements if isinstance(s, Means)]
        rules = [rule for item in self.items for rule in item.rules]
        self.sides_of_means = [Item((one.left, one.right), ()) for one in (*means, *rules)]
        self.decides = any(isinstance(s, SizesDecide) for s in statements)
        self.printer = Printer(network.text.source, self.names, self.text.blocks, self.decides)
        self.entries = tuple(self._entries())
        others = [s for s in statements if isinstance(s, Printed) and not isinstance(s, Means)]
        options = self.text.options
        words = {choice.kind: choice.word for choice in options.choices}
        left = self.optional()  # a choice without optional layers would be an error
        texts = (
            *(one.printed(self.plain) for one in others),
            *(f"with {words[kind]}" for kind, on in options.chosen.items() if on and kind in left),
        )
        self.conventions = (
            *(Convention(text, frozenset()) for text in texts),
            *(Convention(one.printed(self.plain), _kinds(one.left)) for one in means),
        )
        definitions = list(self.definitions())
        self.blocks = {one.name: self.block(one) for one in definitions}
        self.is_inner = {one.name: one.inner for one in definitions}

    # Its statements.

    def plain(self, phrase: Phrase) -> str:
        """A phrase as written, with its names."""
        without_names = Printer(self.network.text.source, {}, self.text.blocks)
        return lines.text(without_names.tokens(phrase.tokens))

    def optional(self) -> set[str]:
        """The kinds of the optional layers in what is printed."""
        blocks = [item for one in self.definitions() for item in one.block.items]
        return {
            *lines.optional_layers(self.items, self.printer.holds),
            *lines.optional_layers([*self.sides_of_means, *blocks]),
        }

    @property
    def input(self) -> str:
        """The statement of the input, as in the text unless the input was changed."""
        line, op = self.text.lines[0], self.network.graph.nodes[0].op
        if not self.network.changed:
            return lines.text(self.printer.written(line))
        channels, *lengths = op.out(())
        return f"input {times(lengths)}, {channels} channels" if lengths else f"input {channels}"

    def definitions(self) -> Iterator[Definition]:
        """The blocks that the lines and conventions use, and the blocks that those use."""
        used = [*lines.words([*self.items, *self.sides_of_means]), "shortcut"]
        waiting = list(self.text.blocks.own.values())
        names: set[str] = set()
        while True:
            text = _without_spaces(" ".join(used))
            new = [d for d in waiting if d.name not in names and is_used(d.name, text)]
            if not new:
                break
            for definition in new:
                names.add(definition.name)
                used += lines.words(definition.block.items)
        yield from (d for d in waiting if d.name in names)

    def block(self, definition: Definition) -> str:
        """The text of a block. One that a line below a table defines gets braces and widths."""
        block, source = definition.block, definition.source
        if source.text[block.body.start] == "{":
            return _block(definition)
        start, text = block.body.start, source.text[block.body.start : block.body.end]
        for end in sorted(ast.widened_at(self.text.blocks.lines(definition)), reverse=True):
            text = f"{text[: end - start]}-({ast.WIDTH}){text[end - start :]}"
        parameters = ", ".join(name.text for name, _ in self.text.blocks.parameters(definition))
        parens = f"({parameters})" * bool(parameters)
        return f"block {block.name.text}{parens} {{ {text} }}"

    @property
    def bound(self) -> list[str]:
        """The names with a value that occur in conventions or blocks, not only in lines."""
        used: set[str] = set()
        for definition in self.definitions():
            if definition.inner:
                own = {name.text for name, _ in self.text.blocks.parameters(definition)}
                parens = definition.block.parameters
                parameters = [Item((Phrase((parens,)),), ())] if parens else []
                used |= {*map(_name, lines.words([*definition.block.items, *parameters]))} - own
        strides = [s for s in self.network.text.statements if isinstance(s, StrideOn)]
        others = [*self.sides_of_means, *(Item((one.layer,), ()) for one in strides)]
        used |= {*map(_name, lines.words(others))}
        return [name for name in self.names if name in used]

    @property
    def input_label(self) -> str | None:
        label = self.text.lines[0].label
        return label.text if label is not None else None

    # Its lines.

    def _entries(self) -> Iterator[Entry]:
        network, graph = self.network, self.network.graph
        referred = {*ast.references(self.text.lines[1:]), *network.output_names}
        settled = sorted(
            one.start
            for one in graph.origin.settled
            if any(s.name == "width" for s in one.settings)
        )
        standing = [line for line in self.text.lines[1:] if self.printer.holds(line.item)]
        for line, section in zip(standing, graph.sections, strict=True):
            label = line.label.text if line.label is not None else None
            shape = graph.nodes[section.exit].shape
            nodes = graph.nodes[section.first : section.last]
            wide = bisect_left(settled, line.item.start) < bisect_left(settled, line.item.end)
            yield Entry(
                pieces=self.printer.line(line),
                label=label,
                referred=label in referred,
                implied=lines.word_of_label(line),
                is_misnamed=_is_misnamed(line, section.name),
                name=section.name,
                kind=section.kind,
                lengths=shape[1:] or shape,
                is_vector=len(shape) == 1,
                # The length of a signal alone would be read as a number of elements.
                size=hwc(shape) if wide or len(shape) == 2 else times(shape[1:] or shape),
                weighs=any(node.op.weighs for node in nodes),
                is_reference=line.is_reference,
                rules=tuple(rule.printed(self.plain) for rule in line.item.rules),
            )


def _kinds(left: Phrase) -> frozenset[str]:
    """The layers that the left side of a `means` is about; of a bracket, `[`."""
    kinds = {kind.kind for kind, *_ in layers_among(left.tokens)}
    return frozenset(kinds) or frozenset("[")


def _is_misnamed(line: Line, name: str) -> bool:
    """Whether a name is that of another layer than a line begins with. After `[] means dense` the
    line `3x3, 4 -> [3x3, 3]` is `dense1`, which as a label would make `3x3, 4` fully connected."""
    layers = [layer for layer in line.phrases[0].layers if not layer.kind.accompanies]
    named, known = kind_named(name), vocabulary().layers
    words = [words for words, _ in words_in(line.item.phrases[0].tokens)]
    is_written = any(not known[one][0].accompanies for one in words)
    if layers and is_separable(name):
        return not is_written
    if not layers or named is None or any(map(named.is_kind_of, layers)):
        return False
    # A line that writes its layer may have the name of a convolution, `conv2_x`.
    is_stage = named.kind is Conv and not named.preset
    return not (is_stage and is_written)


def _name(word: str) -> str:
    """The name in a word: `k` in `4k`."""
    return re.sub(r"^\d+", "", word)


def _without_spaces(text: str) -> str:
    return re.sub(r"[\s_]", "", text).lower()


def is_used(block: str, text: str) -> bool:
    """Whether a text may use a block; an unused block does no harm."""
    return block.startswith("shortcut_") or _without_spaces(block) in text


def _block(definition: Definition) -> str:
    """The text of a block without the indentation of its lines."""
    block, source = definition.block, definition.source
    first, *rest = source.text[block.name.start : block.body.end].expandtabs(2).split("\n")
    margin = len(rest[-1]) - len(rest[-1].lstrip()) if rest else 0
    rest = [line[min(margin, len(line) - len(line.lstrip())) :] for line in rest]
    return "\n".join((f"block {first}", *rest))
