"""A parser's complaint in the words of the language, and what no parser need look into."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archdsl.errors import ArchError
from archdsl.syntax.ast import Statement, tokens_of
from archdsl.syntax.lalr import Unexpected
from archdsl.syntax.statements import FORMS
from archdsl.text.grids import MARK
from archdsl.text.pytorch import program
from archdsl.text.source import Source, Span

DEEPEST = 50  # brackets and parentheses within each other


def explain(
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
        opened = unclosed(text, offset)
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
    elif shown in _OPENING.values() and unclosed(text, offset) is None:
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


def unclosed(text: str, end: int) -> int | None:
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


def check_size(source: Source) -> None:
    if source.beyond is not None:
        message, start = source.beyond
        raise ArchError(
            message,
            Span(source, start, start + 1),
            help="no network needs so much: say with `x 3`, blocks and parameters what repeats",
        )


def check_characters(source: Source) -> None:
    if _INVISIBLE.isdisjoint(source.text):
        return
    offset = next(n for n, character in enumerate(source.text) if character in _INVISIBLE)
    raise ArchError(
        f"an invisible character, {_printable(source.text[offset])}",
        Span(source, offset, offset + 1),
        help="delete it: a spec is plain text",
    )


def check_latex(source: Source) -> None:
    """Refuse tables of LaTeX that cannot be read, with all that is wrong in them."""
    if source.latex.faults:
        raise ArchError.several(
            [
                ArchError(fault.message, source.span(fault.start, fault.end), help=fault.help)
                for fault in source.latex.faults
            ]
        )


def check_depth(source: Source) -> None:
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


def check_listing(source: Source) -> None:
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


def check_numbers(source: Source, statements: list[Statement], start: int, end: int) -> None:
    if not _LONG.search(source.text, start, end):
        return
    for statement in statements:
        for token in tokens_of(statement):
            if re.search(r"\d{19}", token.text.replace(",", "")):
                raise ArchError(
                    "a number beyond 2^63",
                    Span(source, token.start, token.end),
                    help="write numbers of at most 18 digits",
                )
