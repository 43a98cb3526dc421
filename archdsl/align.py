"""Networks beside each other: the rows of a table in the style of papers.

Lines that follow each other and give maps of one size are a stage. Stages of one size stand beside
each other, and in them the lines that all networks share in one row each.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from archdsl import expand, printer, readings
from archdsl.blocks import Definition
from archdsl.errors import ArchError, Note
from archdsl.headers import names_network, quantity_of
from archdsl.layers import Shape
from archdsl.names import is_reserved
from archdsl.printer import YIELDS, Mark, Marks, Printer
from archdsl.readings import Line
from archdsl.report import hwc, times
from archdsl.syntax import (
    Means,
    Outputs,
    Padding,
    Part,
    Phrase,
    Shortcut,
    SizesDecide,
    Statement,
    StrideOn,
)
from archdsl.vocabulary import is_word_of_a_layer

if TYPE_CHECKING:
    from archdsl.expressions import Number
    from archdsl.network import Network

MOST_LINES = 1_000  # of a network that stands beside others
DEFAULTS = ("padding same", "stride on first", "shortcut B")  # what holds where nothing is said

UNNAMED = "from"  # a row's name that is no label: Python's word
IDENTITY: Marks = (Mark("text", "identity"),)


class Row(NamedTuple):
    """A row: its name and size, both empty where they are those of the row above, and the line of
    each network, None where it has none. `spans`: the first stands for all."""

    name: str
    size: str
    cells: tuple[Marks | None, ...]
    spans: bool


class Sheet(NamedTuple):
    """A table of networks, and the statements that it needs.

    `blocks` stand in front of the line of the network, `statements` behind it. `headers` are the
    names of the networks, with the parameters in which they differ.
    """

    name: str
    title: str | None
    blocks: tuple[str, ...]
    statements: tuple[str, ...]
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    params: tuple[int, ...]
    macs: tuple[int, ...]


class _Line(NamedTuple):
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
    def sized(self) -> _Line:
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


def sheet(networks: Sequence[Network]) -> Sheet:
    """The table of networks, a column each. Raises ArchError for networks whose conventions differ
    otherwise than in the values of names."""
    columns = [_Column(network) for network in networks]
    first = columns[0]
    for column in columns[1:]:
        first.check(column)
    headers = _headers(columns)
    bound = first.bound
    common = [name for name in bound if all(c.names[name] == first.names[name] for c in columns)]
    for index, column in enumerate(columns):
        own = ", ".join(f"{n} = {column.names[n]}" for n in bound if n not in common)
        headers[index] += f" ({own})" * bool(own)
    rows, rules = _rows(columns)
    lets = (f"let {name} = {first.names[name]}" for name in common)
    title = networks[0].text.header.title if networks[0].text.header else None
    papers = {network.paper for network in networks}
    paper = papers.pop() if len(papers) == 1 else None
    return Sheet(
        _family(networks),
        title if len(networks) == 1 else None,
        first.blocks(inner=False),
        (
            *([f'paper "{paper}"'] if paper else []),
            _input(columns),
            *lets,
            *first.conventions,
            *first.blocks(inner=True),
            *rules,
        ),
        tuple(headers),
        tuple(rows),
        tuple(network.params for network in networks),
        tuple(network.macs for network in networks),
    )


def _input(columns: Sequence[_Column]) -> str:
    """The statement of the input: one with a label, where a network refers to it."""
    labelled = [column for column in columns if column.input_label is not None]
    labels = {column.input_label: column for column in labelled}
    if len(labels) > 1:
        first, second = (f"`{column.network.name}`" for column in [*labels.values()][:2])
        raise ArchError(
            f"{first} and {second} have other names for their input",
            help="give each a table of its own",
        )
    return (labelled or columns)[0].input


class _Column:
    """One network: what it says, and its lines."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.text = expand.read(network.text, network.parameters)
        self.names: dict[str, Number] = dict(self.text.names)
        statements = network.text.statements
        self.decides = any(isinstance(s, SizesDecide) for s in statements)
        self.printer = Printer(network.text.source, self.names, self.text.blocks, self.decides)
        self.lines = tuple(self._lines())
        means = [s for s in statements if isinstance(s, Means)]
        others = [said for s in statements if (said := self.said(s)) is not None]
        options = self.text.options
        words = {choice.kind: choice.word for choice in options.choices}
        self.conventions = (
            *others,
            *(f"with {words[kind]}" for kind, stands in options.chosen.items() if stands),
            *(self.meaning(one) for one in means),
        )

    # What it says.

    def plain(self, phrase: Phrase) -> str:
        """A phrase as it stands, names and all."""
        unread = Printer(self.network.text.source, {}, self.text.blocks)
        return printer.text(unread.parts(phrase.parts))

    def meaning(self, statement: Means) -> str:
        return f"{self.plain(statement.left)} means {self.plain(statement.right)}"

    def said(self, statement: Statement) -> str | None:
        """A statement that says how lines are read, or which of them are outputs."""
        match statement:
            case Padding(mode):
                return f"padding {mode.text}"
            case StrideOn(layer):
                return f"stride on {self.plain(layer)}"
            case Shortcut(name):
                return f"shortcut {name.text}"
            case SizesDecide(what):
                return f"sizes decide {', '.join(part.text for part in what)}"
            case Outputs(labels):
                return f"output {', '.join(part.text for part in labels)}"
            case _:
                return None

    @property
    def input(self) -> str:
        """The statement of the input, as the text has it where it holds."""
        line, op = self.text.lines[0], self.network.graph.nodes[0].op
        if not self.network.changed:
            return printer.text(self.printer.whole(line))
        channels, *lengths = op.out(())
        return f"input {times(lengths)}, {channels} channels" if lengths else f"input {channels}"

    def definitions(self) -> Iterator[Definition]:
        """The blocks of the text that its lines and conventions use, and those that these use."""
        items = [line.item for line in self.text.lines]
        said = [*printer.words_of_lines(items), "shortcut"]
        rules = [rule for item in items for rule in item.rules]
        for statement in (*self.network.text.statements, *rules):
            if isinstance(statement, Means):
                said += printer.words((*statement.left.parts, *statement.right.parts))
        waiting = list(self.text.blocks.own.values())
        found: set[str] = set()
        while True:
            text = _pressed(" ".join(said))
            new = [d for d in waiting if d.name not in found and _is_said(d.name, text)]
            if not new:
                break
            for definition in new:
                found.add(definition.name)
                said += printer.words_of_lines(definition.block.items)
        yield from (d for d in waiting if d.name in found)

    def blocks(self, inner: bool) -> tuple[str, ...]:
        """The text of blocks, of those in which the network's names hold or of the others."""
        return tuple(_block(d) for d in self.definitions() if d.inner == inner)

    @property
    def bound(self) -> list[str]:
        """The names with a value that stand in conventions and blocks, not in lines alone."""
        used: set[str] = set()
        for definition in self.definitions():
            if definition.inner:
                own = {name.text for name, _ in self.text.blocks.parameters(definition)}
                said = printer.words_of_lines(definition.block.items)
                parens = definition.block.parameters
                used |= {*map(_name, said)} - own
                used |= {*map(_name, printer.words((parens,) if parens else ()))} - own
        rules = [rule for line in self.text.lines for rule in line.item.rules]
        for statement in (*self.network.text.statements, *rules):
            if isinstance(statement, Means):
                parts: tuple[Part, ...] = (*statement.left.parts, *statement.right.parts)
            elif isinstance(statement, StrideOn):
                parts = statement.layer.parts
            else:
                continue
            used |= {*map(_name, printer.words(parts))}
        return [name for name in self.names if name in used]

    def check(self, other: _Column) -> None:
        """Raises ArchError where another network says something else."""
        pairs = [
            ("inputs", [self.shown_input], [other.shown_input]),
            ("conventions", self.conventions, other.conventions),
            ("blocks", *(sorted(map(_block, c.definitions())) for c in (self, other))),
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
        return printer.lone([line.item for line in self.text.lines])

    def _lines(self) -> Iterator[_Line]:
        network, graph = self.network, self.network.graph
        lines = self.text.lines[1:]
        referred = {*readings.references(lines), *network.output_names}
        settled = {
            one.start for one in graph.settled if any(s.name == "width" for s in one.settings)
        }
        standing = [line for line in lines if self.printer.stands(line.item)]
        for line, section in zip(standing, graph.sections, strict=True):
            label = line.label.text if line.label is not None else None
            shape = graph.nodes[section.exit].shape
            nodes = graph.nodes[section.first : section.last]
            wide = any(line.item.start <= start < line.item.end for start in settled)
            yield _Line(
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
                rules=tuple(self.meaning(rule) for rule in line.item.rules),
            )


def _is_implied(line: Line) -> bool:
    """Whether the label says which layer it is: `FC6: 4096 neurons`."""
    reading = line.readings[0]
    return any(layer.start < reading.start for layer in reading.layers)


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


# Names.


def _headers(columns: Sequence[_Column]) -> list[str]:
    """What stands above the columns: the names of the networks, in words that name no column."""
    headers: list[str] = []
    for column in columns:
        name = column.network.name
        header = re.sub(r"[^\w.+*-]+", "_", name)
        if not names_network(header):
            header = f"{header} network"
        if not names_network(header):
            header = f"net {len(headers) + 1}"
        if header in headers:
            raise ArchError(
                f"two networks are called `{name}`", help="a table holds each name once"
            )
        headers.append(header)
    return headers


def _family(networks: Sequence[Network]) -> str:
    """A name for all of them: what their names begin with."""
    names = [network.name for network in networks]
    if len(names) == 1:
        return names[0] if re.fullmatch(r"[A-Za-z]\w*", names[0]) else "net"
    end = next((i for i, letters in enumerate(zip(*names, strict=False)) if len({*letters}) > 1), 0)
    shared = re.match(r"([A-Za-z]\w*?)[\d_]*$", names[0][:end])
    return shared[1] if shared else "networks"


# Rows.


class _Cells(NamedTuple):
    """The lines of a row, one a network; the first row of a stage begins it. `sized`: the size
    holds of all that stand there."""

    lines: tuple[_Line | None, ...]
    begins: bool
    sized: bool

    @property
    def own(self) -> list[_Line]:
        """The lines that networks have, without those that only fill a cell."""
        return [line for line in self.lines if line is not None and not line.fills]

    @property
    def rules(self) -> tuple[str, ...]:
        """The conventions of the row. Raises ArchError where those of its lines differ."""
        rules = {line.rules for line in self.own}
        if len(rules) > 1:
            first, second = (f"`{'; '.join(one)}`" if one else "nothing" for one in [*rules][:2])
            raise ArchError(
                f"lines beside each other for which other conventions hold: {first} and {second}",
                help="give each network a table of its own",
            )
        return rules.pop()

    @property
    def spans(self) -> bool:
        keys = {line and line.key for line in self.lines}
        return len(keys) == 1 and None not in keys


def _cells(columns: Sequence[_Column]) -> Iterator[_Cells]:
    """The rows of networks beside each other."""
    for stages in _stages([column.lines for column in columns]):
        for index, lines in enumerate(_of_stage(stages)):
            begins = index == 0
            if len(lines) == 1 or lines[0] is None or any(lines[1:]):
                yield _Cells(lines, begins, True)
                continue
            # The only cell of a row, in the first column, would stand for all networks.
            beside = next((i for i, stage in enumerate(stages) if i and stage), None)
            filled = [*lines]
            filled[beside or 1] = lines[0]._replace(marks=IDENTITY, label=None, fills=True)
            if beside is None and columns[0].decides:
                filled[0] = lines[0].sized
            yield _Cells(tuple(filled), begins, beside is not None)


def _stages(columns: Sequence[tuple[_Line, ...]]) -> list[list[tuple[_Line, ...]]]:
    """For each stage the lines of every network, none where a network has no such stage."""
    merged: list[tuple[Hashable, list[tuple[_Line, ...]]]] = []
    for count, lines in enumerate(columns):
        if len(columns) > 1 and len(lines) > MOST_LINES:
            raise ArchError(
                f"a network of {len(lines):,} lines beside others",
                help=f"at most {MOST_LINES:,} lines stand in columns; print it alone",
            )
        own = [(key, tuple(stage)) for key, stage in groupby(lines, key=_stage)]
        known, merged, at = merged, [], 0
        pairs = _common([key for key, _ in known], [key for key, _ in own])
        here = 0
        for index, place in (*pairs, (len(known), len(own))):
            merged += [(key, [*stages, ()]) for key, stages in known[at:index]]
            merged += [(key, [()] * count + [stage]) for key, stage in own[here:place]]
            if index < len(known):
                merged.append((known[index][0], [*known[index][1], own[place][1]]))
            at, here = index + 1, place + 1
    return [stages for _, stages in merged]


def _stage(line: _Line) -> Hashable:
    return line.lengths, line.is_vector


def _of_stage(stages: Sequence[tuple[_Line, ...]]) -> Iterator[tuple[_Line | None, ...]]:
    """The rows of a stage: the lines that all networks have that have the stage, and between them
    those that they do not share, from the first."""
    present = [stage for stage in stages if stage]
    shared = [line.key for line in present[0]]
    for stage in present[1:]:
        shared = [shared[a] for a, _ in _common(shared, [line.key for line in stage])]
    keys = [[line.key for line in stage] for stage in stages]
    # A row of the first column alone is filled up beside it, which needs a line in front.
    while shared and len(present) > 1 and stages[0]:
        fronts = [own.index(shared[0]) for own in keys if own]
        if not fronts[0] or any(fronts[1:]):
            break
        del shared[0]
    here = [0] * len(stages)
    for key in (*shared, None):
        places = [
            own.index(key, at) if key is not None and own else len(own)
            for own, at in zip(keys, here, strict=True)
        ]
        runs = [stage[a:b] for stage, a, b in zip(stages, here, places, strict=True)]
        yield from zip_longest(*runs)
        if key is not None:
            yield tuple(
                stage[at] if stage else None for stage, at in zip(stages, places, strict=True)
            )
        here = [place + 1 for place in places]


def _common(mine: Sequence[Hashable], theirs: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The places of a longest common subsequence of two lists."""
    longest = [[0] * (len(theirs) + 1) for _ in range(len(mine) + 1)]
    for i in reversed(range(len(mine))):
        row, below = longest[i], longest[i + 1]
        for j in reversed(range(len(theirs))):
            equal = mine[i] == theirs[j]
            row[j] = below[j + 1] + 1 if equal else max(below[j], row[j + 1])
    pairs = []
    i = j = 0
    while i < len(mine) and j < len(theirs):
        if mine[i] == theirs[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


# The names and the sizes of rows.


def _rows(columns: Sequence[_Column]) -> tuple[list[Row], list[str]]:
    """The rows, and the statements with the conventions of their own."""
    cells = list(_cells(columns))
    places: dict[str, set[int]] = {}  # of labels, by the rows in which they stand
    for index, row in enumerate(cells):
        for line in row.own:
            if line.label is not None:
                places.setdefault(line.label.lower(), set()).add(index)
    lone = {word.lower() for column in columns for word in column.lone_words()}
    rows: list[Row] = []
    taken: set[str] = set()
    for index, row in enumerate(cells):
        name, inside = _row_name(row.own, index, places, taken, lone)
        taken.add(name.lower())
        marks = tuple(line and (line.labelled if inside else line.marks) for line in row.lines)
        rows.append(Row(name, _size(row), marks, row.spans))
    rules = [
        f'in "{row.name} {row.size}" {{ {"; ".join(own.rules)} }}'
        for row, own in zip(rows, cells, strict=True)
        if own.rules
    ]
    for index in range(1, len(rows)):
        if _heads(cells[index - 1], cells[index], rows[index]):
            rows[index - 1] = rows[index - 1]._replace(name=rows[index].name)
            rows[index] = rows[index]._replace(name="", size="")
    return rows, rules


def _row_name(
    lines: Sequence[_Line],
    index: int,
    places: Mapping[str, set[int]],
    taken: Set[str],
    lone: Set[str],
) -> tuple[str, bool]:
    """What a row is called, and whether its lines have their labels in their cells instead.

    The reader makes a label of it, in small letters; where it is a word of layers it makes none.
    `places` are the rows of each label, `taken` the names of those above, `lone` what stands alone
    as a phrase, which such a label would make a reference.
    """
    if any(line.is_reference for line in lines):
        return UNNAMED, True
    labels, names = {line.label for line in lines}, {line.name for line in lines}
    label = labels.pop() if len(labels) == 1 else ""
    if label is None and len(names) == 1:
        name = names.pop()
        if _is_name(name) and name.lower() not in {*places, *taken, *lone}:
            return name, False
    elif label and _is_name(label) and label.lower() not in taken:
        small = label == label.lower() or not any(line.referred for line in lines)
        if small and places[label.lower()] == {index}:
            return label, False
    kind = lines[0].kind
    if is_word_of_a_layer(kind) and quantity_of(kind) is None:
        return kind, label is not None
    return f"row {index + 1}", label is not None


def _is_name(name: str) -> bool:
    """Whether the name of a row is read back as this label, in small letters."""
    small = name.lower()
    return not (
        re.search(r"\W|^_|_$", name)
        or is_word_of_a_layer(small)
        or is_reserved(small)
        or quantity_of(name)
    )


def _heads(first: _Cells, second: _Cells, named: Row) -> bool:
    """Whether a row, a pooling in front of a stage's brackets, is of the name of the row behind it,
    as in ResNet's tables."""
    return (
        first.begins
        and not second.begins
        and first.sized
        and second.sized
        and _size(first) == named.size
        and not (first.rules or second.rules)
        and not any(line.weighs or line.is_needed for line in first.own)
        and all(line.label == named.name and line.marks[0].kind == "bracket" for line in second.own)
    )


def _size(row: _Cells) -> str:
    """The size that all lines of a row give."""
    if not row.sized:
        return ""
    sizes = {line.size for line in row.lines if line is not None}
    if len(sizes) > 1:
        raise ArchError(
            f"lines beside each other whose sizes say their widths: {', '.join(sorted(sizes))}",
            help="write the widths into the lines, or give each network a table of its own",
        )
    return sizes.pop()
