"""Text to syntax: the grammar collects the parts of each phrase."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

import archdsl.grammar
from archdsl.errors import ArchError, Source, Span
from archdsl.syntax import (
    Block,
    ClaimText,
    Expect,
    Header,
    Item,
    Let,
    Means,
    NetworkText,
    Padding,
    Paper,
    Part,
    Phrase,
    Reported,
    Shortcut,
    Statement,
    StrideOn,
    Train,
)

LARGEST = 16 * 2**20  # bytes of a spec; a larger file is refused unread
MOST_ERRORS = 10  # syntax errors shown at once
DEEPEST = 50  # brackets and parentheses within each other

FORMS = {
    "network": 'network vgg16 "a title"',
    "paper": 'paper "Simonyan & Zisserman 2015" arXiv:1409.1556 "Table 1"',
    "let": "let n = (depth - 4) // 6",
    "padding": "padding same, or padding valid",
    "stride": "stride on first, or stride on 3x3",
    "shortcut": "shortcut B",
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
    return _networks(source, _statements(source))


def parse_blocks(source: Source) -> tuple[Block, ...]:
    """The blocks of a text that holds nothing else. Raises ArchError."""
    statements = _statements(source)
    for statement in statements:
        if not isinstance(statement, Block):
            raise ArchError(
                "a library holds blocks alone",
                _statement_span(source, statement),
                help=f"write it so: `{FORMS['block']}`",
            )
    return tuple(s for s in statements if isinstance(s, Block))


def _statements(source: Source) -> list[Statement]:
    _check_characters(source)
    _check_depth(source)
    # The cyclic collector makes lark superlinear: it revisits the growing tree.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _recovered(source)
    finally:
        if collecting:
            gc.enable()


def _recovered(source: Source) -> list[Statement]:
    """The statements of a text, or an error that shows every bad line."""
    text = source.text
    errors: list[ArchError] = []
    while True:
        try:
            statements: list[Statement] = _parser().parse(text)  # type: ignore[assignment]
        except _TooLong as problem:
            raise ArchError(
                "a number beyond 2^63",
                Span(source, *problem.args),
                help="write numbers of at most 18 digits",
            ) from None
        except UnexpectedInput as problem:
            error, bad = _explain(source, text, problem)
            errors.append(error)
            if bad is None or len(errors) == MOST_ERRORS:
                break
            # Blank the line out and go on: one run shows every bad line.
            text = text[: bad[0]] + " " * (bad[1] - bad[0]) + text[bad[1] :]
        else:
            if not errors:
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
    networks: list[tuple[Header | None, list[Statement]]] = []
    # Blocks in front of the first network belong to all of them.
    shared: tuple[Block, ...] = ()
    if any(isinstance(s, Header) for s in statements):
        shared = tuple(takewhile(lambda s: isinstance(s, Block), statements))  # type: ignore[arg-type]
    for statement in statements[len(shared) :]:
        if isinstance(statement, Header):
            networks.append((statement, []))
        elif networks:
            networks[-1][1].append(statement)
        else:
            networks.append((None, [statement]))
    if len(networks) > 1 and networks[0][0] is None:
        raise ArchError(
            "these lines stand before the first `network`",
            _statement_span(source, networks[0][1][0]),
            help="put them behind a `network NAME` line",
        )
    seen: dict[str, Header] = {}
    for header, _ in networks:
        if header and header.name.text in seen:
            raise ArchError(
                f"two networks are called `{header.name.text}`",
                Span(source, header.name.start, header.name.end),
                help="a file holds each name once",
            )
        if header:
            seen[header.name.text] = header
    return tuple(NetworkText(source, header, tuple(body), shared) for header, body in networks)


def _statement_span(source: Source, statement: Statement) -> Span:
    start = next((p.start for p in _walk(statement) if isinstance(p, Part | Phrase)), 0)
    return Span(source, *source.line(start))


def _walk(value: Any) -> Any:
    if isinstance(value, Part | Phrase):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _walk(one)


class _ToSyntax(Transformer[Token, list[Statement]]):
    """Grammar rules to nodes. Filtered keywords leave only the children that carry meaning."""

    def start(self, children: list[Any]) -> list[Statement]:
        return [c for c in children if c is not None]

    def phrase(self, children: list[Any]) -> Phrase:
        return Phrase(tuple(map(_part, children)))

    def parens(self, children: list[Any]) -> Part:
        opening, *inside, closing = children
        return Part("parens", "(", opening.start_pos, closing.end_pos, tuple(map(_part, inside)))

    def bracket(self, children: list[Any]) -> Part:
        opening, *inside, closing = children
        return Part("bracket", "[", opening.start_pos, closing.end_pos, tuple(inside))

    def braces(self, children: list[Any]) -> Part:
        opening, *inside, closing = children
        return Part("braces", "{", opening.start_pos, closing.end_pos, tuple(inside))

    def item(self, children: list[Any]) -> Item:
        claims: tuple[ClaimText, ...] = ()
        if type(children[-1]) is tuple:
            claims = children.pop()
        phrases = tuple(takewhile(lambda child: isinstance(child, Phrase), children))
        return Item(phrases, claims, tuple(map(_part, children[len(phrases) :])))

    def claim(self, children: list[Any]) -> ClaimText:
        erratum = _string(children.pop()) if children[-1].type == "STRING" else None
        return ClaimText(tuple(map(_part, children)), erratum)

    def claims(self, children: list[Any]) -> tuple[ClaimText, ...]:
        return tuple(c for c in children if isinstance(c, ClaimText))

    def network(self, children: list[Any]) -> Header:
        name, *rest = children
        title = _string(rest.pop()) if rest and isinstance(rest[-1], Token) else None
        return Header(_part(name), rest[0] if rest else None, title)

    def paper(self, children: list[Any]) -> Paper:
        return Paper(", ".join(_string(c) if c.type == "STRING" else str(c) for c in children))

    def let(self, children: list[Any]) -> Let:
        name, _, *value = map(_part, children)
        return Let(name, tuple(value))

    def padding(self, children: list[Any]) -> Padding:
        return Padding(_part(children[0]))

    def stride(self, children: list[Any]) -> StrideOn:
        return StrideOn(children[0])

    def shortcut(self, children: list[Any]) -> Shortcut:
        return Shortcut(_part(children[0]))

    def block(self, children: list[Any]) -> Block:
        name, *parameters, body = children
        return Block(_part(name), parameters[0] if parameters else None, body)

    def means(self, children: list[Any]) -> Means:
        return Means(*children)

    def expect(self, children: list[Any]) -> Expect:
        return Expect(children[0])

    def reported(self, children: list[Any]) -> Reported:
        return Reported(" ".join(_string(c) if c.type == "STRING" else str(c) for c in children))

    def setting(self, children: list[Any]) -> tuple[Part, ...]:
        return tuple(map(_part, children))

    def train(self, children: list[Any]) -> Train:
        data = _part(children[0]) if children[0].type == "WORD" else None
        settings = tuple(child for child in children if type(child) is tuple)
        parts = [p for setting in settings for p in setting] + ([data] if data else [])
        start = min((p.start for p in parts), default=0)
        return Train(data, settings, start, max((p.end for p in parts), default=start))


class _TooLong(Exception):
    """A number beyond 2^63."""


def _part(token: Any) -> Part:
    if isinstance(token, Part):
        return token
    start = token.start_pos
    if len(token) > 18 and _LONG.search(token.replace(",", "")):
        raise _TooLong(start, start + len(token))
    return Part(token.type.lower(), str(token), start, start + len(token))


def _string(token: Token) -> str:
    return str(token)[1:-1]


@cache
def _parser() -> Lark:
    # A namespace of the installed package: __path__ says where the file lies.
    path = Path(archdsl.grammar.__path__[0]) / "arch.lark"
    return Lark(
        path.read_text("utf-8"),
        parser="lalr",
        lexer="contextual",
        transformer=_ToSyntax(),
        maybe_placeholders=False,
        propagate_positions=False,
    )


def _explain(
    source: Source, text: str, problem: UnexpectedInput
) -> tuple[ArchError, tuple[int, int] | None]:
    """A parser's complaint in the words of the language, and the line to leave out."""
    if isinstance(problem, UnexpectedCharacters):
        offset = int(problem.pos_in_stream or 0)
        shown = text[offset]
    else:
        assert isinstance(problem, UnexpectedToken)
        ended = problem.token.type == "$END"
        offset = len(text) if ended else int(problem.token.start_pos or 0)
        shown = "" if ended else str(problem.token)
    start, end = source.line(offset if shown else max(0, len(text.rstrip()) - 1))
    line = text[start:end]
    first = line.split(maxsplit=1)[0].lower() if line.strip() else ""
    form = FORMS.get("=>" if "=>" in text[start:offset] and first not in FORMS else first)
    help = f"write it so: `{form}`" if form else _LINE
    if not shown.strip(" \t\n;"):
        # The line, or the text, ended too early.
        opened = _unclosed(text, offset)
        if opened is not None:
            span = Span(source, opened, opened + 1)
            closing = _OPENING[text[opened]]
            error = ArchError(
                f"this `{text[opened]}` is never closed", span, help=f"close it with `{closing}`"
            )
            return error, (start, end) if shown else None
        stop = start + len(source.text[start:offset].rstrip())
        span = Span(source, max(start, stop - 1), max(start + 1, stop))
        return ArchError("the line ends too early", span, help=help), (start, end)
    span = Span(source, offset, offset + len(shown))
    if text[offset] == '"' and line.count('"') % 2:
        message = "this quotation mark is never closed"
    elif text[offset] == '"':
        message = "a text in quotation marks cannot stand here"
    elif isinstance(problem, UnexpectedCharacters) and not _lexes(shown):
        message = f"`{_printable(shown)}` is no part of the language"
    else:
        message = f"`{shown}` cannot stand here"
    return ArchError(message, span, help=help), (start, end)


_LINE = "a line is a layer such as `conv3-64`, or a statement; `#` begins a comment"


def _lexes(character: str) -> bool:
    return character.isalnum() or character in "_+-–*/%=<>()[]{},;:×\"'.~"


def _printable(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


_OPENING = {"(": ")", "[": "]", "{": "}"}


def _scan(text: str, visit: Callable[[int, str], bool]) -> None:
    """Call visit(offset, bracket) for brackets outside strings and comments, until it is true."""
    offset, length = 0, len(text)
    while offset < length:
        character = text[offset]
        if character in '#"':
            stop = text.find("\n", offset)
            stop = length if stop < 0 else stop
            if character == '"':
                closing = text.find('"', offset + 1, stop)
                stop = closing if closing >= 0 else stop
            offset = stop
        elif character in "()[]{}" and visit(offset, character):
            return
        offset += 1


def _unclosed(text: str, end: int) -> int | None:
    """The last bracket before an offset that is still open there."""
    open_at: list[int] = []

    def visit(offset: int, bracket: str) -> bool:
        if offset >= end:
            return True
        if bracket in _OPENING:
            open_at.append(offset)
        elif open_at:
            open_at.pop()
        return False

    _scan(text, visit)
    return open_at[-1] if open_at else None


_LONG = re.compile(r"\d{19}")

# Control characters move a terminal's cursor; marks of direction make text read as it is not.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _check_characters(source: Source) -> None:
    found = _INVISIBLE.search(source.text)
    if found:
        raise ArchError(
            f"an invisible character, {_printable(found[0])}",
            Span(source, found.start(), found.end()),
            help="delete it: a spec is plain text",
        )


def _check_depth(source: Source) -> None:
    """Refuse texts nested so deep that a recursion over them would exhaust the stack."""
    if sum(map(source.text.count, _OPENING)) <= DEEPEST:
        return
    depth = 0

    def visit(offset: int, bracket: str) -> bool:
        nonlocal depth
        depth += 1 if bracket in _OPENING else -1
        if depth > DEEPEST:
            raise ArchError(
                f"brackets within each other more than {DEEPEST} deep",
                Span(source, offset, offset + 1),
                help="write the inner ones as lines of their own",
            )
        depth = max(0, depth)
        return False

    _scan(source.text, visit)
