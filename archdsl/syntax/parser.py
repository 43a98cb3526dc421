"""Parses a text: from characters to the statements of archdsl/syntax/ast.py.

The grammar only collects the tokens of each phrase; archdsl/notation reads them.
"""

from __future__ import annotations

from functools import cache

from archdsl.errors import MOST_ERRORS, ArchError
from archdsl.syntax import diagnose
from archdsl.syntax.ast import (
    Block,
    Children,
    ClaimText,
    Misprint,
    Phrase,
    Statement,
    Table,
    Token,
    UseFile,
    tokens_of,
    unquoted,
)
from archdsl.syntax.lalr import Callback, Parser, Unexpected
from archdsl.syntax.statements import FORMS, STATEMENTS
from archdsl.text.collector import collector_paused
from archdsl.text.source import Source, Span

LARGEST_TEXT = 16 * 2**20  # bytes of a spec; a larger file is not read
LEAST_ERRORS = 10  # syntax errors that are found in a text of any length
MOST_READ = 2**20  # characters that are read again to find further syntax errors


def parse_blocks(source: Source) -> tuple[Block | UseFile, ...]:
    """The blocks and `use` lines of a text. Raises ArchError for anything else in it."""
    found: list[Block | UseFile] = []
    for statement in statements_of(source):
        if not isinstance(statement, Block | UseFile):
            raise ArchError(
                "a file that is used may hold only blocks and `use` lines",
                statement_span(source, statement),
                help="put the network into a file of its own, which uses this one; "
                f"a block is written `{FORMS['block']}`",
            )
        found.append(statement)
    return tuple(found)


def statements_of(source: Source) -> list[Statement]:
    """The statements of a text, in order. Raises ArchError with every syntax error."""
    diagnose.check_size(source)
    diagnose.check_characters(source)
    diagnose.check_latex(source)
    diagnose.check_depth(source)
    diagnose.check_listing(source)
    diagnose.check_pasted(source)
    with collector_paused():
        return _recovered(source)


def _recovered(source: Source) -> list[Statement]:
    """The statements of a text. Raises ArchError with an error for every bad line."""
    text = source.marked
    errors: list[ArchError] = []
    read = 0
    while True:
        try:
            statements: list[Statement] = _parser().parse(text)
        except Unexpected as problem:
            error, bad = diagnose.explain(source, text, problem)
            errors.append(error)
            read += problem.offset
            if bad is None or len(errors) == MOST_ERRORS:
                break
            if read > MOST_READ and len(errors) >= LEAST_ERRORS:
                break
            # Replace the line by blanks and parse again: one run finds every bad line.
            text = text[: bad[0]] + " " * (bad[1] - bad[0]) + text[bad[1] :]
        else:
            if not errors:
                diagnose.check_numbers(source, statements, 0, len(text))
                return statements
            break
    raise ArchError.several(errors)


def cell_statements(source: Source, start: int, end: int) -> list[Statement]:
    """The statements in a cell of a table. Raises ArchError."""
    try:
        statements: list[Statement] = _parser().parse(source.plain, start, end)
    except Unexpected as problem:
        cell = " " * start + source.plain[start:end]
        raise diagnose.explain(source, cell, problem)[0] from None
    diagnose.check_numbers(source, statements, start, end)
    return statements


def statement_span(source: Source, statement: Statement | None) -> Span:
    """The line on which a statement begins."""
    default = statement.start if isinstance(statement, Table) else 0
    start = next((token.start for token in tokens_of(statement)), default)
    return Span(source, *source.line(start))


def _enclosed(kind: str) -> Callback:
    """Makes one token of everything between two brackets."""

    def token(children: Children) -> Token:
        opening, *inside, closing = children
        return Token(kind, opening.text, opening.start, closing.end, tuple(inside))

    return token


def _claim(children: Children) -> ClaimText:
    erratum = unquoted(children.pop()) if children[-1].kind == "string" else None
    return ClaimText(tuple(children), erratum)


def _claims(children: Children) -> tuple[ClaimText, ...]:
    return tuple(child for child in children if isinstance(child, ClaimText))


# What becomes of each rule of the grammar. A rule has read the tokens of its terminals and what
# the callbacks of its rules returned; keywords, `_NAMES` in the grammar, are left out.
CALLBACKS: dict[str, Callback] = {
    "start": list,
    "phrase": lambda children: Phrase(tuple(children)),
    "parens": _enclosed("parens"),
    "bracket": _enclosed("bracket"),
    "braces": _enclosed("braces"),
    "claim": _claim,
    "claims": _claims,
    "misprint": lambda children: Misprint(tuple(children[:-1]), children[-1]),
    "setting": tuple,
    **{kind.rule: kind.build for kind in STATEMENTS.values()},
}


@cache
def _parser() -> Parser:
    return Parser(CALLBACKS)
