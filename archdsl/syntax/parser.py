"""Text to syntax: the grammar collects the parts of each phrase."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import takewhile
from typing import Any

from archdsl.errors import MOST_ERRORS, ArchError
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
    Option,
    Outputs,
    Padding,
    Paper,
    ParamsCount,
    Phrase,
    Reported,
    Rows,
    Shortcut,
    SizesDecide,
    Statement,
    StrideOn,
    Table,
    Token,
    Train,
    UseFile,
)
from archdsl.syntax.diagnose import (
    check_characters,
    check_depth,
    check_latex,
    check_listing,
    check_numbers,
    check_size,
    explain,
    tokens_of,
)
from archdsl.syntax.lalr import Parser, Unexpected
from archdsl.syntax.statements import FORMS
from archdsl.text.source import Source, Span

LARGEST = 16 * 2**20  # bytes of a spec; a larger file is refused unread


LEAST_ERRORS = 10  # syntax errors that are found in a text of any length


MOST_READ = 2**20  # characters that are read again to find further syntax errors


def parse_blocks(source: Source) -> tuple[Block | UseFile, ...]:
    """The blocks and `use` lines of a text that holds nothing else. Raises ArchError."""
    found: list[Block | UseFile] = []
    for statement in statements_of(source):
        if not isinstance(statement, Block | UseFile):
            raise ArchError(
                "a file that is used holds blocks alone, and `use` lines",
                statement_span(source, statement),
                help="a network is a file of its own, which uses this one; "
                f"a block is written so: `{FORMS['block']}`",
            )
        found.append(statement)
    return tuple(found)


def statements_of(source: Source) -> list[Statement]:
    """The statements of a text, networks or blocks, in order. Raises ArchError with every syntax
    error."""
    check_size(source)
    check_characters(source)
    check_latex(source)
    check_depth(source)
    check_listing(source)
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
            error, bad = explain(source, text, problem)
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
                check_numbers(source, statements, 0, len(text))
                return statements
            break
    raise ArchError.several(errors)


def cell_statements(source: Source, start: int, end: int) -> list[Statement]:
    """The statements of a table's cell. Raises ArchError."""
    try:
        statements: list[Statement] = _parser().parse(source.plain, start, end)
    except Unexpected as problem:
        alone = " " * start + source.plain[start:end]
        raise explain(source, alone, problem)[0] from None
    check_numbers(source, statements, start, end)
    return statements


def statement_span(source: Source, statement: Statement) -> Span:
    default = statement.start if isinstance(statement, Table) else 0
    start = next((token.start for token in tokens_of(statement)), default)
    return Span(source, *source.line(start))


class _ToSyntax:
    """Grammar rules to nodes: one method a rule.

    Its children are the parts of its terminals and what the methods of its rules returned.
    Keywords, `_NAMES` in the grammar, are left out.
    """

    def start(self, children: list[Any]) -> list[Statement]:
        return children

    def phrase(self, children: list[Any]) -> Phrase:
        return Phrase(tuple(children))

    def parens(self, children: list[Any]) -> Token:
        opening, *inside, closing = children
        return Token("parens", "(", opening.start, closing.end, tuple(inside))

    def bracket(self, children: list[Any]) -> Token:
        opening, *inside, closing = children
        return Token("bracket", "[", opening.start, closing.end, tuple(inside))

    def braces(self, children: list[Any]) -> Token:
        opening, *inside, closing = children
        return Token("braces", "{", opening.start, closing.end, tuple(inside))

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
        name, _, *tokens = children
        values: list[list[Token]] = [[]]
        for token in tokens:
            if token.kind == "word" and token.text == "or":
                values.append([])
            else:
                values[-1].append(token)
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
        return Option(Token("word", " ".join(words), children[0].start, children[-1].end))

    def output(self, children: list[Any]) -> Outputs:
        return Outputs(tuple(c for c in children if c.kind == "word"))

    def means(self, children: list[Any]) -> Means:
        return Means(*children)

    def table(self, children: list[Any]) -> Table:
        return Table(children[0].start)

    def rows(self, children: list[Any]) -> Rows:
        names = tuple(takewhile(lambda c: getattr(c, "kind", "") in ("string", "comma"), children))
        said = tuple(c for c in children if not isinstance(c, Token))
        return Rows(tuple(c for c in names if c.kind == "string"), said)

    def misprint(self, children: list[Any]) -> Misprint:
        *of, reason = children
        return Misprint(tuple(of), reason)

    def expect(self, children: list[Any]) -> Expect:
        return Expect(children[0])

    def reported(self, children: list[Any]) -> Reported:
        return Reported(" ".join(map(_string, children)))

    def setting(self, children: list[Any]) -> tuple[Token, ...]:
        return tuple(children)

    def train(self, children: list[Any]) -> Train:
        data = children[0] if children[0].kind == "word" else None
        settings = tuple(child for child in children if type(child) is tuple)
        tokens = [p for setting in settings for p in setting] + ([data] if data else [])
        start = min((p.start for p in tokens), default=0)
        return Train(data, settings, start, max((p.end for p in tokens), default=start))


def _string(token: Token) -> str:
    """The text of a part, without quotation marks."""
    return token.text[1:-1] if token.kind == "string" else token.text


@cache
def _parser() -> Parser:
    return Parser(_ToSyntax())
