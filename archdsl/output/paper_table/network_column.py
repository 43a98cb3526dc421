"""A network as a column of a table: what its text says beside its lines, and the lines."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from archdsl.errors import ArchError, Note
from archdsl.expand.blocks import Definition
from archdsl.expand.network import read as read_network
from archdsl.figures import hwc, times
from archdsl.layers import Shape
from archdsl.notation import ast
from archdsl.notation.ast import Line
from archdsl.output.paper_table import lines
from archdsl.output.paper_table.lines import YIELDS, Mark, Marks, Printer
from archdsl.syntax.ast import (
    Item,
    Means,
    Phrase,
    Printed,
    SizesDecide,
    StrideOn,
    Token,
)

if TYPE_CHECKING:
    from archdsl.model import Model
    from archdsl.syntax.expressions import Number

DEFAULTS = ("padding same", "stride on first", "shortcut B")  # what holds where nothing is said


class Entry(NamedTuple):
    """A line of one network.

    `label` is the text's own, `name` what summaries call it. `referred`: other lines refer to the
    label; `is_implied`: it says which layer this is. `lengths` is the size of the map that the line
    gives, `size` as it is shown. `rules` are the conventions of its row in the table that it comes
    from. One that `fills` a cell is no line of its network.
    """

    marks: Marks
    label: str | None
    referred: bool
    is_implied: bool
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
        return self.marks, self.label, self.size, self.rules

    @property
    def is_needed(self) -> bool:
        """Whether the label does more than to name the line."""
        return self.referred or self.is_implied

    @property
    def sized(self) -> Entry:
        """The line as a group that holds it and the size that it gives; a side head gives none."""
        if self.kind == "side" or self.is_reference:
            return self
        size = Mark("size", self.size.replace("×", "x"), True)
        return self._replace(marks=(Mark("braces", "", False, ((*self.marks, YIELDS, size),)),))

    @property
    def labelled(self) -> Marks:
        """The line with its label in front."""
        if self.label is None:
            return self.marks
        first, *rest = self.marks
        return Mark("text", f"{self.label}:"), first._replace(blank=True), *rest


class Column:
    """One network: what it says, and its lines."""

    def __init__(self, network: Model) -> None:
        self.network = network
        self.text = read_network(network.text, network.parameters)
        self.names: dict[str, Number] = dict(self.text.names)
        statements = network.text.statements
        self.decides = any(isinstance(s, SizesDecide) for s in statements)
        self.printer = Printer(network.text.source, self.names, self.text.blocks, self.decides)
        self.entries = tuple(self._entries())
        means = [s for s in statements if isinstance(s, Means)]
        others = [s for s in statements if isinstance(s, Printed) and not isinstance(s, Means)]
        options = self.text.options
        words = {choice.kind: choice.word for choice in options.choices}
        left = self.optional()  # a choice where nothing is left to choose would be an error
        self.conventions = (
            *(one.printed(self.plain) for one in others),
            *(f"with {words[kind]}" for kind, on in options.chosen.items() if on and kind in left),
            *(one.printed(self.plain) for one in means),
        )

    # What it says.

    def plain(self, phrase: Phrase) -> str:
        """A phrase as it stands, names and all."""
        unread = Printer(self.network.text.source, {}, self.text.blocks)
        return lines.text(unread.tokens(phrase.tokens))

    def optional(self) -> set[str]:
        """The kinds of which optional layers are left in what is printed."""
        items = [line.item for line in self.text.lines]
        found = {*self.printer.optional(items)}
        rules = [rule for item in items for rule in item.rules]
        for statement in (*self.network.text.statements, *rules):
            if isinstance(statement, Means):
                found |= {*lines.optional_of_lines([Item((statement.left, statement.right), ())])}
        for definition in self.definitions():
            found |= {*lines.optional_of_lines(definition.block.items)}
        return found

    @property
    def input(self) -> str:
        """The statement of the input, as the text has it where it holds."""
        line, op = self.text.lines[0], self.network.graph.nodes[0].op
        if not self.network.changed:
            return lines.text(self.printer.composite(line))
        channels, *lengths = op.out(())
        return f"input {times(lengths)}, {channels} channels" if lengths else f"input {channels}"

    def definitions(self) -> Iterator[Definition]:
        """The blocks of the text that its lines and conventions use, and those that these use."""
        items = [line.item for line in self.text.lines]
        said = [*lines.words_of_lines(items), "shortcut"]
        rules = [rule for item in items for rule in item.rules]
        for statement in (*self.network.text.statements, *rules):
            if isinstance(statement, Means):
                said += lines.words((*statement.left.tokens, *statement.right.tokens))
        waiting = list(self.text.blocks.own.values())
        found: set[str] = set()
        while True:
            text = _pressed(" ".join(said))
            new = [d for d in waiting if d.name not in found and _is_said(d.name, text)]
            if not new:
                break
            for definition in new:
                found.add(definition.name)
                said += lines.words_of_lines(definition.block.items)
        yield from (d for d in waiting if d.name in found)

    def blocks(self, inner: bool) -> tuple[str, ...]:
        """The text of blocks, of those in which the network's names hold or of the others."""
        return tuple(self.block(d) for d in self.definitions() if d.inner == inner)

    def block(self, definition: Definition) -> str:
        """The text of a block; of one that a line below a table defines, with braces and widths."""
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
        """The names with a value that stand in conventions and blocks, not in lines alone."""
        used: set[str] = set()
        for definition in self.definitions():
            if definition.inner:
                own = {name.text for name, _ in self.text.blocks.parameters(definition)}
                said = lines.words_of_lines(definition.block.items)
                parens = definition.block.parameters
                used |= {*map(_name, said)} - own
                used |= {*map(_name, lines.words((parens,) if parens else ()))} - own
        rules = [rule for line in self.text.lines for rule in line.item.rules]
        for statement in (*self.network.text.statements, *rules):
            if isinstance(statement, Means):
                tokens: tuple[Token, ...] = (*statement.left.tokens, *statement.right.tokens)
            elif isinstance(statement, StrideOn):
                tokens = statement.layer.tokens
            else:
                continue
            used |= {*map(_name, lines.words(tokens))}
        return [name for name in self.names if name in used]

    def check(self, other: Column) -> None:
        """Raises ArchError where another network says something else."""
        pairs = [
            ("inputs", [self.shown_input], [other.shown_input]),
            ("conventions", self.conventions, other.conventions),
            ("blocks", *(sorted(map(c.block, c.definitions())) for c in (self, other))),
        ]
        for what, mine, theirs in pairs:
            # The order tells only among `means`, which stand last.
            own = [said for said in mine if said not in DEFAULTS]
            others = [said for said in theirs if said not in DEFAULTS]
            means = [[s for s in said if " means " in s] for said in (own, others)]
            if {*own} == {*others} and means[0] == means[1]:
                continue
            here, there = _first_difference(own, others)
            raise ArchError(
                f"`{self.network.name}` and `{other.network.name}` cannot stand in one table: "
                f"their {what} differ",
                notes=[
                    Note(f"{column.network.name} says {said}")
                    for column, said in ((self, here), (other, there))
                ],
                help="give each a table of its own",
            )

    @property
    def shown_input(self) -> str:
        return f"input {hwc(self.network.input)}"

    @property
    def input_label(self) -> str | None:
        label = self.text.lines[0].label
        return label.text if label is not None else None

    # Its lines.

    def lone_words(self) -> Iterator[str]:
        """The phrases of one word: a label of that name would make them references."""
        return lines.lone([line.item for line in self.text.lines])

    def _entries(self) -> Iterator[Entry]:
        network, graph = self.network, self.network.graph
        lines = self.text.lines[1:]
        referred = {*ast.references(lines), *network.output_names}
        settled = sorted(
            one.start for one in graph.settled if any(s.name == "width" for s in one.settings)
        )
        standing = [line for line in lines if self.printer.stands(line.item)]
        for line, section in zip(standing, graph.sections, strict=True):
            label = line.label.text if line.label is not None else None
            shape = graph.nodes[section.exit].shape
            nodes = graph.nodes[section.first : section.last]
            wide = bisect_left(settled, line.item.start) < bisect_left(settled, line.item.end)
            yield Entry(
                marks=self.printer.line(line),
                label=label,
                referred=label in referred,
                is_implied=_is_implied(line),
                name=section.name,
                kind=section.kind,
                lengths=shape[1:] or shape,
                is_vector=len(shape) == 1,
                # A signal's length alone would read as a number of elements.
                size=hwc(shape) if wide or len(shape) == 2 else times(shape[1:] or shape),
                weighs=any(node.op.weighs for node in nodes),
                is_reference=line.is_reference,
                rules=tuple(rule.printed(self.plain) for rule in line.item.rules),
            )


def _is_implied(line: Line) -> bool:
    """Whether the label says which layer it is: `FC6: 4096 neurons`."""
    parsed = line.phrases[0]
    return any(layer.start < parsed.start for layer in parsed.layers)


def _name(word: str) -> str:
    """The name in a word: of `4k` it is k."""
    return re.sub(r"^\d+", "", word)


def _pressed(text: str) -> str:
    return re.sub(r"[\s_]", "", text).lower()


def _is_said(block: str, text: str) -> bool:
    """Whether a text may use a block: one too many does no harm."""
    return block.startswith("shortcut_") or _pressed(block) in text


def _block(definition: Definition) -> str:
    """The text of a block, its lines moved to the left."""
    block, source = definition.block, definition.source
    first, *rest = source.text[block.name.start : block.body.end].expandtabs(2).split("\n")
    margin = len(rest[-1]) - len(rest[-1].lstrip()) if rest else 0
    rest = [line[min(margin, len(line) - len(line.lstrip())) :] for line in rest]
    return "\n".join((f"block {first}", *rest))


def _first_difference(mine: Sequence[str], theirs: Sequence[str]) -> tuple[str, str]:
    """What each of two says that the other does not, the first of it."""
    if {*mine} == {*theirs}:
        pair = next((a, b) for a, b in zip_longest(mine, theirs, fillvalue="") if a != b)
        return f"`{pair[0]}` first", f"`{pair[1]}` first"
    found = []
    for said, other in ((mine, theirs), (theirs, mine)):
        found.append(next((one.partition("\n")[0] for one in said if one not in other), ""))
    # Where one says nothing, what holds then.
    for index, one in enumerate(found):
        word = found[1 - index].partition(" ")[0]
        default = next((d for d in DEFAULTS if d.partition(" ")[0] == word), "")
        found[index] = f"`{one or default}`" if one or default else "nothing of it"
    return found[0], found[1]
