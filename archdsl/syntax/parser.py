"""Text to syntax: the grammar collects the parts of each phrase."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import takewhile
from typing import Any

from archdsl.errors import MOST_ERRORS, ArchError, Source, Span
from archdsl.spec import Draft, networks
from archdsl.syntax.ast import (
    Block,
    ClaimText,
    Derived,
    Either,
    Expect,
    Header,
    Item,
    Let,
    Means,
    Misprint,
    NetworkText,
    Option,
    Outputs,
    Padding,
    Paper,
    ParamsCount,
    Part,
    Phrase,
    Reported,
    Rows,
    Shortcut,
    SizesDecide,
    Statement,
    StrideOn,
    Table,
    Train,
    UseFile,
)
from archdsl.syntax.lalr import Parser, Unexpected
from archdsl.text.grids import MARK
from archdsl.text.pytorch import program

LARGEST = 16 * 2**20  # bytes of a spec; a larger file is refused unread
LEAST_ERRORS = 10  # syntax errors that are found in a text of any length
MOST_READ = 2**20  # characters that are read again to find further syntax errors
DEEPEST = 50  # brackets and parentheses within each other

FORMS = {
    "network": 'network vgg16 "a title"',
    "paper": 'paper "Simonyan & Zisserman 2015" arXiv:1409.1556 "Table 1"',
    "let": "let n = (depth - 4) // 6",
    "reading": "reading s = 2 or 1",
    "padding": "padding same, or padding valid",
    "stride": "stride on first, or stride on 3x3",
    "shortcut": "shortcut B",
    "use": 'use "blocks.arch"',
    "sizes": "sizes decide stride, padding",
    "params": "params count K = 1024, no bias",
    "with": "with bn",
    "output": "output p5, p4, p3",
    "means": "conv means conv-bn-relu",
    "block": "block residual { add { shortcut; body } }",
    "expect": "expect params 138M, weight layers 16",
    "reported": 'reported top1 27.0 "single scale 256"',
    "train": "train on digits { optimizer adam lr 0.002; epochs 20 }",
    "=>": "conv1: conv 7x7/2 64   => 112x112x64, params 9,472",
}


def parse(source: Source) -> tuple[NetworkText, ...]:
    """The networks of a text, in order.

    A text without a `network` line is one network without a name.
    Raises ArchError with every syntax error of the text.
    """
    return _networks(source, statements_of(source))


def parse_blocks(source: Source) -> tuple[Block | UseFile, ...]:
    """The blocks and `use` lines of a text that holds nothing else. Raises ArchError."""
    found: list[Block | UseFile] = []
    for statement in statements_of(source):
        if not isinstance(statement, Block | UseFile):
            raise ArchError(
                "a file that is used holds blocks alone, and `use` lines",
                _statement_span(source, statement),
                help="a network is a file of its own, which uses this one; "
                f"a block is written so: `{FORMS['block']}`",
            )
        found.append(statement)
    return tuple(found)


def statements_of(source: Source) -> list[Statement]:
    """The statements of a text, networks or blocks, in order. Raises ArchError with every syntax
    error."""
    _check_size(source)
    _check_characters(source)
    _check_latex(source)
    _check_depth(source)
    _check_listing(source)
    with collector_paused():
        return _recovered(source)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without Python's cyclic collector: it makes work on a growing tree superlinear, because it
    visits the whole tree again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _recovered(source: Source) -> list[Statement]:
    """The statements of a text, or an error that shows every bad line."""
    text = source.marked
    errors: list[ArchError] = []
    read = 0
    while True:
        try:
            statements: list[Statement] = _parser().parse(text)
        except Unexpected as problem:
            error, bad = _explain(source, text, problem)
            errors.append(error)
            read += problem.offset
            if bad is None or len(errors) == MOST_ERRORS:
                break
            if read > MOST_READ and len(errors) >= LEAST_ERRORS:
                break
            # Blank the line out and go on: one run shows every bad line.
            text = text[: bad[0]] + " " * (bad[1] - bad[0]) + text[bad[1] :]
        else:
            if not errors:
                _check_numbers(source, statements, 0, len(text))
                return statements
            break
    raise ArchError.several(errors)


def _networks(source: Source, statements: list[Statement]) -> tuple[NetworkText, ...]:
    if not statements:
        raise ArchError(
            f"{source.name} holds no network",
            Span(source, 0, 0),
            help='begin with `network NAME "a title"` and `input 224x224 RGB`, then a layer a line',
        )
    found: list[tuple[Header | Derived | None, list[Statement]]] = []
    # Blocks in front of the first network belong to all of them.
    shared: tuple[Block | UseFile, ...] = ()
    if any(isinstance(s, Header | Derived) for s in statements):
        shared = tuple(takewhile(lambda s: isinstance(s, Block | UseFile), statements))  # type: ignore[arg-type]
    for statement in statements[len(shared) :]:
        if isinstance(statement, Header | Derived):
            found.append((statement, []))
        elif found:
            found[-1][1].append(statement)
        else:
            found.append((None, [statement]))
    if len(found) > 1 and found[0][0] is None:
        raise ArchError(
            "these lines stand before the first `network`",
            _statement_span(source, found[0][1][0]),
            help="put them behind a `network NAME` line",
        )
    _check_names(source, [header for header, _ in found])
    drafts = [Draft(header, tuple(body)) for header, body in found]
    if any(isinstance(s, Table | Rows) for s in statements):
        from archdsl.tables.networks import unfolded  # only where there are tables

        cell = partial(_cell, source)
        drafts = [n for draft in drafts for n in unfolded(source, draft, cell, shared)]
    _check_names(source, [draft.header for draft in drafts])  # columns are called by their headers
    return networks(source, drafts, shared)


def _check_names(source: Source, headers: Iterable[Header | Derived | None]) -> None:
    seen: set[str] = set()
    for header in headers:
        if header is None:
            continue
        if header.name.text in seen:
            raise ArchError(
                f"two networks are called `{header.name.text}`",
                Span(source, header.name.start, header.name.end),
                help="a file holds each name once",
            )
        seen.add(header.name.text)


def _cell(source: Source, start: int, end: int) -> list[Statement]:
    """The statements of a table's cell. Raises ArchError."""
    try:
        statements: list[Statement] = _parser().parse(source.plain, start, end)
    except Unexpected as problem:
        alone = " " * start + source.plain[start:end]
        raise _explain(source, alone, problem)[0] from None
    _check_numbers(source, statements, start, end)
    return statements


def _statement_span(source: Source, statement: Statement) -> Span:
    default = statement.start if isinstance(statement, Table) else 0
    start = next((part.start for part in parts_of(statement)), default)
    return Span(source, *source.line(start))


def parts_of(value: Any) -> Iterator[Part]:
    """The parts within a statement, in the order of the text."""
    if isinstance(value, Part):
        yield value
    if isinstance(value, tuple):
        for one in value:
            yield from parts_of(one)


class _ToSyntax:
    """Grammar rules to nodes: one method a rule.

    Its children are the parts of its terminals and what the methods of its rules returned.
    Keywords, `_NAMES` in the grammar, are left out.
    """

    def start(self, children: list[Any]) -> list[Statement]:
        return children

    def phrase(self, children: list[Any]) -> Phrase:
        return Phrase(tuple(children))

    def parens(self, children: list[Any]) -> Part:
        opening, *inside, closing = children
        return Part("parens", "(", opening.start, closing.end, tuple(inside))

    def bracket(self, children: list[Any]) -> Part:
        opening, *inside, closing = children
        return Part("bracket", "[", opening.start, closing.end, tuple(inside))

    def braces(self, children: list[Any]) -> Part:
        opening, *inside, closing = children
        return Part("braces", "{", opening.start, closing.end, tuple(inside))

    def line(self, children: list[Any]) -> Item:
        claims: tuple[ClaimText, ...] = ()
        if type(children[-1]) is tuple:
            claims = children.pop()
        phrases = tuple(takewhile(lambda child: isinstance(child, Phrase), children))
        return Item(phrases, claims, tuple(children[len(phrases) :]))

    def claim(self, children: list[Any]) -> ClaimText:
        erratum = _string(children.pop()) if children[-1].kind == "string" else None
        return ClaimText(tuple(children), erratum)

    def claims(self, children: list[Any]) -> tuple[ClaimText, ...]:
        return tuple(c for c in children if isinstance(c, ClaimText))

    def network(self, children: list[Any]) -> Header:
        name, *rest = children
        title = _string(rest.pop()) if rest and rest[-1].kind == "string" else None
        return Header(name, rest[0] if rest else None, title)

    def paper(self, children: list[Any]) -> Paper:
        return Paper(", ".join(map(_string, children)))

    def let(self, children: list[Any]) -> Let:
        name, _, *value = children
        return Let(name, tuple(value))

    def either(self, children: list[Any]) -> Either:
        name, _, *parts = children
        values: list[list[Part]] = [[]]
        for part in parts:
            if part.kind == "word" and part.text == "or":
                values.append([])
            else:
                values[-1].append(part)
        return Either(name, tuple(map(tuple, values)))

    def padding(self, children: list[Any]) -> Padding:
        return Padding(children[0])

    def stride(self, children: list[Any]) -> StrideOn:
        return StrideOn(children[0])

    def shortcut(self, children: list[Any]) -> Shortcut:
        return Shortcut(children[0])

    def block(self, children: list[Any]) -> Block:
        name, *parameters, body = children
        return Block(name, parameters[0] if parameters else None, body)

    def derived(self, children: list[Any]) -> Derived:
        name, _, base, *rest = children
        title = _string(rest.pop()) if rest and rest[-1].kind == "string" else None
        return Derived(name, base, rest[0] if rest else None, title)

    def use(self, children: list[Any]) -> UseFile:
        return UseFile(children[0])

    def sizes(self, children: list[Any]) -> SizesDecide:
        return SizesDecide(tuple(c for c in children if c.kind == "word"))

    def count(self, children: list[Any]) -> ParamsCount:
        return ParamsCount(tuple(children))

    def option(self, children: list[Any]) -> Option:
        words = [child.text for child in children if child.kind == "word"]
        return Option(Part("word", " ".join(words), children[0].start, children[-1].end))

    def output(self, children: list[Any]) -> Outputs:
        return Outputs(tuple(c for c in children if c.kind == "word"))

    def means(self, children: list[Any]) -> Means:
        return Means(*children)

    def table(self, children: list[Any]) -> Table:
        return Table(children[0].start)

    def rows(self, children: list[Any]) -> Rows:
        names = tuple(takewhile(lambda c: getattr(c, "kind", "") in ("string", "comma"), children))
        said = tuple(c for c in children if not isinstance(c, Part))
        return Rows(tuple(c for c in names if c.kind == "string"), said)

    def misprint(self, children: list[Any]) -> Misprint:
        *of, reason = children
        return Misprint(tuple(of), reason)

    def expect(self, children: list[Any]) -> Expect:
        return Expect(children[0])

    def reported(self, children: list[Any]) -> Reported:
        return Reported(" ".join(map(_string, children)))

    def setting(self, children: list[Any]) -> tuple[Part, ...]:
        return tuple(children)

    def train(self, children: list[Any]) -> Train:
        data = children[0] if children[0].kind == "word" else None
        settings = tuple(child for child in children if type(child) is tuple)
        parts = [p for setting in settings for p in setting] + ([data] if data else [])
        start = min((p.start for p in parts), default=0)
        return Train(data, settings, start, max((p.end for p in parts), default=start))


def _string(part: Part) -> str:
    """The text of a part, without quotation marks."""
    return part.text[1:-1] if part.kind == "string" else part.text


@cache
def _parser() -> Parser:
    return Parser(_ToSyntax())


def _explain(
    source: Source, text: str, problem: Unexpected
) -> tuple[ArchError, tuple[int, int] | None]:
    """A parser's complaint in the words of the language, and the line to leave out."""
    offset, shown = problem.offset, problem.text
    start, end = source.line(offset if shown else max(0, len(text.rstrip()) - 1))
    line = text[start:end]
    first = line.split(maxsplit=1)[0].lower() if line.strip() else ""
    form = FORMS.get("=>" if "=>" in text[start:offset] and first not in FORMS else first)
    if text[start:offset].rstrip().endswith("erratum"):
        form = 'params 2.7K erratum "the reason"'
    if first == "network" and "=" in line:
        form = "network wrn_28_10 = wrn(28, 10)"
    in_cell = source.cell(offset) is not None and text[offset : offset + 1] != MARK
    line_help = _PYTHON if shown == "." else _CELL if in_cell else _LINE
    help = f"write it so: `{form}`" if form else line_help
    help = _SIGNS.get(shown[:1], help)
    if not shown.strip(" \t\n;"):
        # The line, or the text, ended too early.
        opened = _unclosed(text, offset)
        if opened is not None:
            span = Span(source, opened, opened + 1)
            # The parenthesis of `nn.Sequential(` is a brace of the plain text.
            written = source.text[opened]
            sign = written if written in _OPENING else text[opened]
            closing = _OPENING[sign]
            error = ArchError(
                f"this `{sign}` is never closed", span, help=f"close it with `{closing}`"
            )
            return error, (source.line(opened)[0], end) if shown else None
        said = re.findall(r'^(?:"[^"]*"|[^"#])*', source.text[start:offset])[0]  # no comment
        stop = start + len(said.rstrip())
        span = Span(source, max(start, stop - 1), max(start + 1, stop))
        return ArchError("the line ends too early", span, help=help), (start, end)
    span = Span(source, offset, offset + len(shown))
    if text[offset] == '"' and line.count('"') % 2:
        message = "this quotation mark is never closed"
    elif text[offset] == '"':
        message = "a text in quotation marks cannot stand here"
    elif shown == MARK:
        message = "a table stands here"
        help = "put it into the body of the network, outside of brackets and braces"
    elif shown in _OPENING.values() and _unclosed(text, offset) is None:
        message = f"this `{shown}` closes nothing"
        opening = next(sign for sign in _OPENING if _OPENING[sign] == shown)
        help = f"strike it, or write the `{opening}` in front that it closes"
    elif shown == "\\":
        command = re.findall(r"\\(?:[A-Za-z]+|[^\s\w]?)", text[offset:])[0]
        message = f"`{command}` of LaTeX means nothing here"
        rest = "strike the rest: `~~…~~`" if in_cell else "`#` comments a formula out"
        help = f"`\\times`, `\\text{{…}}` and matrices are understood; {rest}"
    elif not problem.token and not _lexes(shown):
        message = f"`{_printable(shown)}` is no part of the language"
    else:
        message = f"`{shown}` cannot stand here"
    return ArchError(message, span, help=help), (start, end)


_PYTHON = "a line is a layer as papers write it, `conv3-64`, or a layer of PyTorch, `nn.ReLU()`"
_LINE = "a line is a layer such as `conv3-64`, or a statement; `#` begins a comment"
_CELL = "a cell holds layers such as `conv3-64`; strike what is none: `~~…~~`"


# What pasted text brings with it.
_SIGNS = {
    **dict.fromkeys("\N{MINUS SIGN}\N{NON-BREAKING HYPHEN}\N{EM DASH}", "write `-`"),
    **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}'", 'write `"`'),
    "\N{FULLWIDTH COMMA}": "write `,`",
    "\N{FULLWIDTH COLON}": "write `:`",
}


def _lexes(character: str) -> bool:
    return character.isalnum() or character in "_+-–*/%=<>()[]{},;:×\"'.~"


def _printable(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


_OPENING = {"(": ")", "[": "]", "{": "}"}


def _brackets(text: str) -> Iterator[tuple[int, str]]:
    """Offset and sign of every bracket outside strings and comments."""
    for found in re.finditer(r'#[^\n]*|"[^"\n]*"?|[()\[\]{}]', text):
        if found[0] in "()[]{}":
            yield found.start(), found[0]


def _unclosed(text: str, end: int) -> int | None:
    """The last bracket before an offset that is still open there."""
    open_at: list[int] = []
    for offset, bracket in _brackets(text):
        if offset >= end:
            break
        if bracket in _OPENING:
            open_at.append(offset)
        elif open_at:
            open_at.pop()
    return open_at[-1] if open_at else None


# Control characters move a terminal's cursor; marks of direction make text read as it is not.
# A set: a regex with characters so far apart takes a millisecond to compile.
_INVISIBLE = frozenset(
    chr(code)
    for first, last in ((0, 8), (11, 12), (14, 31), (127, 159), (0x202A, 0x202E), (0x2066, 0x2069))
    for code in range(first, last + 1)
)


def _check_size(source: Source) -> None:
    if source.beyond is not None:
        message, start = source.beyond
        raise ArchError(
            message,
            Span(source, start, start + 1),
            help="no network needs so much: say with `x 3`, blocks and parameters what repeats",
        )


def _check_characters(source: Source) -> None:
    if _INVISIBLE.isdisjoint(source.text):
        return
    offset = next(n for n, character in enumerate(source.text) if character in _INVISIBLE)
    raise ArchError(
        f"an invisible character, {_printable(source.text[offset])}",
        Span(source, offset, offset + 1),
        help="delete it: a spec is plain text",
    )


def _check_latex(source: Source) -> None:
    """Refuse tables of LaTeX that cannot be read, with all that is wrong in them."""
    if source.latex.faults:
        raise ArchError.several(
            [
                ArchError(fault.message, source.span(fault.start, fault.end), help=fault.help)
                for fault in source.latex.faults
            ]
        )


def _check_depth(source: Source) -> None:
    """Refuse texts nested so deep that a recursion over them would exhaust the stack."""
    if sum(map(source.plain.count, _OPENING)) <= DEEPEST:
        return
    depth = 0
    for offset, bracket in _brackets(source.plain):
        depth = depth + 1 if bracket in _OPENING else max(0, depth - 1)
        if depth > DEEPEST:
            raise ArchError(
                f"brackets within each other more than {DEEPEST} deep",
                Span(source, offset, offset + 1),
                help="write the inner ones as lines of their own",
            )


def _check_listing(source: Source) -> None:
    """Refuse Python that is more than a listing of layers, with one error for all of it."""
    place = program(source.text, source.plain)
    if place is not None:
        raise ArchError(
            "this is a Python program: archdsl reads a listing of layers",
            Span(source, *place),
            help="keep the layers alone, each written out in full where it stands, as lines "
            "`nn.ReLU()` or in `nn.Sequential( … )`: no classes, methods, variables or `...`",
        )


_LONG = re.compile(r"\d[\d,]{18}")


def _check_numbers(source: Source, statements: list[Statement], start: int, end: int) -> None:
    if not _LONG.search(source.text, start, end):
        return
    for statement in statements:
        for part in parts_of(statement):
            if re.search(r"\d{19}", part.text.replace(",", "")):
                raise ArchError(
                    "a number beyond 2^63",
                    Span(source, part.start, part.end),
                    help="write numbers of at most 18 digits",
                )
