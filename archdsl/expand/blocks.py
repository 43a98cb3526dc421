"""Blocks: those of a spec, and those of the library that ships with archdsl."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import archdsl
from archdsl.errors import ArchError, Errors, same_name
from archdsl.expand.parameters import RESERVED, Parameters, declared
from archdsl.layers import JOINS
from archdsl.notation.ast import Line, widened
from archdsl.notation.block_uses import STRIDES
from archdsl.notation.labels import KEYWORDS
from archdsl.notation.lookup import is_word
from archdsl.notation.optional_layers import Options
from archdsl.notation.phrase import read_lines
from archdsl.syntax.ast import Block, NetworkText
from archdsl.syntax.parser import parse_blocks
from archdsl.syntax.statements import FORMS
from archdsl.text.source import Source

_PAPER = re.compile(r"^#.*?([A-Z][^:#\n]*? \d{4}), arXiv:", re.MULTILINE)
# `# Usual: t <= 12, s <= 4.`, `# Share: se.`, `# Divisor: r.` and `# Elsewhere: …` above a block of
# the library.
_USUAL = re.compile(r"^# Usual:(.*(?:\n#   .*)*)", re.MULTILINE)
_BOUND = re.compile(r"(\w+) (<=|>=) (\d+(?:\.\d+)?)")
_PART = re.compile(r"^# (Share|Divisor): (\w+)", re.MULTILINE)
_ELSEWHERE = re.compile(r"^# Elsewhere: (.*(?:\n#   .*)*)", re.MULTILINE)
LIBRARY = os.path.join(os.path.dirname(archdsl.__file__), "library")


class Definition(NamedTuple):
    """A block, and the source that its offsets count in.

    `inner`: the names of the network have values in it.
    """

    block: Block
    source: Source
    inner: bool

    @property
    def name(self) -> str:
        return self.block.name.text

    @property
    def ships(self) -> bool:
        """Whether it is a block of archdsl's library."""
        return self.source.name.startswith("archdsl/library/")

    @property
    def form(self) -> str:
        """How the block is used, with its defaults: `bottleneck(t, c, s=1)`."""
        end = (self.block.parameters or self.block.name).end
        return self.source.text[self.block.name.start : end]

    @property
    def text(self) -> str:
        """The block as it is written."""
        start = self.source.text.rindex("block", 0, self.block.name.start)
        return self.source.text[start : self.block.body.end]

    @property
    def comment(self) -> str:
        """The lines of comments directly above the block."""
        return _comment_above(self.source.text, self.block.name.start)

    @property
    def paper(self) -> str:
        """The paper of a block of the library: the last one that a comment above it names."""
        return _paper_above(self.source.text, self.block.name.start)

    def holds(self, source: Source, offset: int) -> bool:
        """Whether an offset of a source is within the block."""
        return source is self.source and self.block.name.start <= offset < self.block.body.end


class Blocks:
    """The blocks that a network may use: its own, then its file's, those of the files that it uses,
    and the library's."""

    def __init__(self, network: NetworkText, names: Collection[str], options: Options) -> None:
        self.names = names
        self.options = options
        self.own: dict[str, Definition] = {}
        self.cases: dict[str, str] = {}  # their names by lower-case names
        self.lines_of: dict[str, tuple[Line, ...]] = {}
        self.parameters_of: dict[str, Parameters] = {}
        errors = Errors()
        inner = [s for s in network.statements if isinstance(s, Block)]
        shared = [s for s in network.shared if isinstance(s, Block)]
        definitions = [Definition(block, network.source, False) for block in shared]
        definitions += [Definition(block, network.source, True) for block in inner]
        names_of_own = {definition.name for definition in definitions}
        for used in network.used:
            for source, block in used.blocks:
                if block.name.text not in names_of_own and not _ships(source, block):
                    definitions.append(Definition(block, source, False))
        for definition in definitions:
            with errors:
                self.add(definition)
        errors.check()

    def add(self, definition: Definition) -> None:
        name, source = definition.block.name, definition.source
        if name.text.lower() in (*JOINS, *FORMS, *RESERVED, *KEYWORDS) or is_word(name.text):
            raise ArchError(
                f"`{name.text}` already means something",
                source.span(name.start, name.end),
                help="choose another name for the block",
            )
        if name.text in self.own:
            first, place = self.own[name.text].block.name, self.own[name.text].source
            span = source.span(name.start, name.end)
            raise same_name("block", name.text, span, place.span(first.start, first.end))
        if not definition.block.items:
            raise ArchError(
                f"the block `{name.text}` has no lines",
                source.span(name.start, definition.block.body.end),
                help="write what it stands for: `block residual { add { shortcut; body } }`",
            )
        self.own[name.text] = definition
        self.cases.setdefault(name.text.lower(), name.text)

    def __contains__(self, name: str) -> bool:
        return name in self.own or name in library()

    def __getitem__(self, name: str) -> Definition:
        return self.own[name] if name in self.own else _of_file(library()[name])[name]

    def known(self) -> Collection[str]:
        return {*self.own, *library()}

    def spelled(self, name: str) -> str | None:
        """The block that a name means, ignoring case: the network's before the library's."""
        for names, cases in ((self.own, self.cases), (library(), _cases())):
            if name in names:
                return name
            if name.lower() in cases:
                return cases[name.lower()]
        return None

    def parameter_names(self, name: str) -> list[str]:
        """The parameters of a block, in order; none if its declaration is wrong."""
        try:
            return [parameter.text for parameter, _ in self.parameters(self[name])]
        except ArchError:
            return []  # reported where the block is read

    def lines(self, definition: Definition) -> tuple[Line, ...]:
        """The lines of a block, read once. Raises ArchError."""
        name = definition.name
        if name not in self.lines_of:
            parameters = (p.text for p, _ in self.parameters(definition))
            names = {"in", *parameters, *(self.names if definition.inner else ())}
            lines = read_lines(definition.source, definition.block.items, names, self)
            self.lines_of[name] = widened(lines) if definition.block.widens else lines
        return self.lines_of[name]

    def parameters(self, definition: Definition) -> Parameters:
        """The parameters of a block, with their defaults. Raises ArchError."""
        name = definition.name
        if name not in self.parameters_of:
            self.parameters_of[name] = declared(definition.source, definition.block)
        return self.parameters_of[name]

    def stride_of(self, name: str) -> str | None:
        """The parameter of a block that a stride after its use sets, or None."""
        names = [parameter.text for parameter, _ in self.parameters(self[name])]
        return next((one for one in STRIDES if one in names), None)

    def bounds_of(self, definition: Definition) -> Sequence[tuple[str, str, float]]:
        """The bounds that the library gives for the usual values of a block's parameters."""
        return _bounds(definition.comment)

    def parts_of(self, definition: Definition) -> Mapping[str, str]:
        """The parameters of a block of the library that are a part of the channels, each with how
        they give it: as a "share" of them or as their "divisor"."""
        return _parts(definition.comment)

    def elsewhere(self, definition: Definition) -> str:
        """What other papers mean by the word of a block of the library, and what to write for it;
        empty if the library does not say."""
        return _elsewhere(definition.comment)

    def read(self) -> None:
        """Read the blocks of the spec, used or not. Raises ArchError with all their errors."""
        errors = Errors()
        for definition in self.own.values():
            with errors:
                self.lines(definition)
        errors.check()


# What comments of the library say is found once for each block.


@cache
def _comment_above(text: str, start: int) -> str:
    """The lines of comments directly above a place in a text."""
    above = text[:start].rpartition("\n")[0]
    found = re.search(r"(?:^#[^\n]*(?:\n|\Z))*\Z", above, re.MULTILINE)
    return f"{found[0]}\n" if found and found[0] else ""


@cache
def _bounds(comment: str) -> Sequence[tuple[str, str, float]]:
    found = _USUAL.search(comment)
    bounds = _BOUND.findall(found[1]) if found else []
    return [(name, sign, float(bound)) for name, sign, bound in bounds]


@cache
def _parts(comment: str) -> Mapping[str, str]:
    return {name: how.lower() for how, name in _PART.findall(comment)}


@cache
def _elsewhere(comment: str) -> str:
    found = _ELSEWHERE.search(comment)
    return re.sub(r"\s*\n#\s*", " ", found[1]).strip(" .") if found else ""


@cache
def _paper_above(text: str, start: int) -> str:
    """The last paper that a comment names before a place in a text."""
    return _PAPER.findall(text, 0, start)[-1]  # type: ignore[no-any-return]


def _ships(source: Source, block: Block) -> bool:
    """Whether a block is the library's: those are available without `use`."""
    return block.name.text in library() and source.name.startswith("archdsl/library/")


@cache
def library() -> dict[str, str]:
    """The names of all blocks of the library, with their files."""
    return {
        name: file
        for file in sorted(os.listdir(LIBRARY))
        if file.endswith(".arch")
        for name in re.findall(r"^block[ \t]+([A-Za-z]\w*)", _text(file), re.MULTILINE)
    }


@cache
def _cases() -> dict[str, str]:
    """The names of the library's blocks by lower-case names."""
    return {name.lower(): name for name in library()}


def _text(file: str) -> str:
    with open(os.path.join(LIBRARY, file), encoding="utf-8") as text:
        return text.read()


def library_block(name: str) -> Definition:
    """A block of the library."""
    return _of_file(library()[name])[name]


@cache
def _of_file(file: str) -> dict[str, Definition]:
    source = Source(f"archdsl/library/{file}", _text(file))
    blocks = (s for s in parse_blocks(source) if isinstance(s, Block))
    return {block.name.text: Definition(block, source, False) for block in blocks}
