"""Errors of syntax: why the parser stopped, in the terms of the language, and the checks that come
before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.errors import ArchError, Errors
from archdsl.syntax.ast import Statement, tokens_of
from archdsl.syntax.lalr import Unexpected
from archdsl.syntax.statements import FORMS, STATEMENTS
from archdsl.text.grids import MARK
from archdsl.text.limits import Limit
from archdsl.text.pytorch import program
from archdsl.text.source import Source, Span

DEPTH = Limit(
    50, "brackets within each other more than {} deep", "write the inner ones as lines of their own"
)


class _Stop(NamedTuple):
    """Where the parser stopped in a text, and the line from `start` to `end` that it is in."""

    source: Source
    text: str  # what the parser reads; bad lines that are already reported are blanked out
    offset: int
    shown: str  # the token that cannot be here, or a character that begins none; empty at the end
    is_token: bool
    start: int
    end: int

    @property
    def line(self) -> str:
        return self.text[self.start : self.end]

    @property
    def before(self) -> str:
        """The line up to here."""
        return self.text[self.start : self.offset]

    @property
    def is_in_cell(self) -> bool:
        return self.source.cell(self.offset) is not None and self.shown[:1] != MARK


def explain(
    source: Source, text: str, problem: Unexpected
) -> tuple[ArchError, tuple[int, int] | None]:
    """The parser's error in the terms of the language, and the line to skip to find further ones.

    None in place of a line if nothing after it can be read.
    """
    shown = problem.text
    place = problem.offset if shown else max(0, len(text.rstrip()) - 1)
    stop = _Stop(source, text, problem.offset, shown, problem.token, *source.line(place))
    if not shown.strip(" \t\n;"):
        return _ended_early(stop)
    explained = (explanation(stop) for explanation in _EXPLANATIONS)
    message, help = next(filter(None, explained), (f"unexpected `{shown}`", None))
    span = source.span(problem.offset, problem.offset + len(shown))
    return ArchError(message, span, help=help or _form(stop)), (stop.start, _end_of_braces(stop))


def _end_of_braces(stop: _Stop) -> int:
    """The end of the line, or of the braces that it opens."""
    if not stop.line.rstrip().endswith("{"):
        return stop.end
    depth = 0
    for offset, bracket in _brackets(stop.text[stop.start :]):
        depth += (bracket == "{") - (bracket == "}")
        if bracket == "}" and depth <= 0:
            return stop.source.line(stop.start + offset)[1]
    return stop.end


def _ended_early(stop: _Stop) -> tuple[ArchError, tuple[int, int] | None]:
    """The error where a line, or the text, ends within a statement."""
    source, start, end = stop.source, stop.start, stop.end
    opened = unclosed(stop.text, stop.offset)
    if opened is not None:
        # The parenthesis of `nn.Sequential(` is a brace of the plain text.
        written = source.text[opened]
        sign = written if written in _OPENING else stop.text[opened]
        span = source.span(opened, opened + 1)
        help = f"close it with `{_OPENING[sign]}`"
        error = ArchError(f"this `{sign}` is never closed", span, help=help)
        return error, (source.line(opened)[0], end) if stop.shown else None
    code = re.findall(r'^(?:"[^"]*"|[^"#])*', source.text[start : stop.offset])[0]  # no comment
    last = start + len(code.rstrip())
    span = source.span(max(start, last - 1), max(start + 1, last))
    return ArchError("the line ends too early", span, help=_form(stop)), (start, end)


def _form(stop: _Stop) -> str:
    """How the statement of the line is written, or what a line may be."""
    if (help := _SIGNS.get(stop.shown[:1])) is not None:
        return help
    first = stop.line.split(maxsplit=1)[0].lower() if stop.line.strip() else ""
    if stop.before.rstrip().endswith("erratum"):
        form: str | None = 'params 2.7K erratum "the reason"'
    elif first == "network" and "=" in stop.line:
        form = STATEMENTS["derived"].form
    else:
        form = FORMS.get("=>" if "=>" in stop.before and first not in FORMS else first)
    if form:
        return f"write it like this: `{form}`"
    if stop.shown == ".":
        return "a line is a layer as papers write it, `conv3-64`, or one of PyTorch, `nn.ReLU()`"
    if stop.is_in_cell:
        return _CELL
    return "a line is a layer such as `conv3-64`, or a statement; `#` begins a comment"


_CELL = "a cell holds layers such as `conv3-64`; strike out what is not one: `~~…~~`"
# Signs that pasted text brings with it.
_SIGNS = {
    **dict.fromkeys("\N{MINUS SIGN}\N{NON-BREAKING HYPHEN}\N{EM DASH}", "write `-`"),
    **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}'", 'write `"`'),
    "\N{FULLWIDTH COMMA}": "write `,`",
    "\N{FULLWIDTH COLON}": "write `:`",
}

# A message and a help (None: the form of the line), or None for another explanation.
Explanation = tuple[str, str | None] | None


def _quotation_mark(stop: _Stop) -> Explanation:
    if stop.text[stop.offset] != '"':
        return None
    if found := re.match(r'\s*train[ \t]+on[ \t]+"([^"\n]*)"', stop.line):
        name = re.sub(r"[^\w-]+", " ", found[1]).strip() or "digits"
        help = f'write `train on {name} {{ … }}`, or `train on folder "{found[1]}" {{ … }}`'
        return "the name of a data set in quotation marks", help
    if stop.line.count('"') % 2:
        return "this quotation mark is never closed", None
    return "unexpected text in quotation marks", None


def _table(stop: _Stop) -> Explanation:
    help = "put it into the body of the network, outside of brackets and braces"
    return ("unexpected table", help) if stop.shown == MARK else None


def _closing_bracket(stop: _Stop) -> Explanation:
    shown = stop.shown
    if shown not in _OPENING.values() or unclosed(stop.text, stop.offset) is not None:
        return None
    opening = next(sign for sign in _OPENING if _OPENING[sign] == shown)
    return f"this `{shown}` closes nothing", f"remove it, or write the `{opening}` that it closes"


def _latex(stop: _Stop) -> Explanation:
    if stop.shown != "\\":
        return None
    command = re.findall(r"\\(?:[A-Za-z]+|[^\sA-Za-z0-9]?)", stop.text[stop.offset :])[0]
    rest = "strike out the rest: `~~…~~`" if stop.is_in_cell else "`#` comments a formula out"
    help = f"`\\times`, `\\text{{…}}` and matrices are understood; {rest}"
    return f"`{command}` of LaTeX means nothing here", help


def _unknown_character(stop: _Stop) -> Explanation:
    known = stop.shown.isalnum() or stop.shown in "_+-–*/%=<>()[]{},;:×\"'.~"
    if stop.is_token or known:
        return None
    return f"`{_printable(stop.shown)}` is not part of the language", None


# The first that applies explains the error.
_EXPLANATIONS = (
    _quotation_mark,
    _table,
    _closing_bracket,
    _latex,
    _unknown_character,
)


def _printable(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


_OPENING = {"(": ")", "[": "]", "{": "}"}


def _brackets(text: str) -> Iterator[tuple[int, str]]:
    """The offset and the sign of every bracket outside of strings and comments."""
    for found in re.finditer(r'#[^\n]*|"[^"\n]*"?|[()\[\]{}]', text):
        if found[0] in "()[]{}":
            yield found.start(), found[0]


def unclosed(text: str, end: int) -> int | None:
    """The offset of the innermost bracket that is open at `end`, or None."""
    open_at: list[int] = []
    for offset, bracket in _brackets(text):
        if offset >= end:
            break
        if bracket in _OPENING:
            open_at.append(offset)
        elif open_at:
            open_at.pop()
    return open_at[-1] if open_at else None


# Control characters move a terminal's cursor; direction marks show text in another order than it
# is read. A set, as a regex with characters so far apart takes a millisecond to compile.
_INVISIBLE = frozenset(
    chr(code)
    for first, last in ((0, 8), (11, 12), (14, 31), (127, 159), (0x202A, 0x202E), (0x2066, 0x2069))
    for code in range(first, last + 1)
)


def check_size(source: Source) -> None:
    """Raises ArchError for a text that is larger than archdsl reads."""
    if source.beyond is not None:
        limit, start = source.beyond
        raise ArchError.beyond(limit, source.span(start, start + 1))


def check_characters(source: Source) -> None:
    """Raises ArchError for an invisible character."""
    if _INVISIBLE.isdisjoint(source.text):
        return
    offset = next(n for n, character in enumerate(source.text) if character in _INVISIBLE)
    raise ArchError(
        f"an invisible character, {_printable(source.text[offset])}",
        Span(source, offset, offset + 1),
        help="delete it: a spec is plain text",
    )


def check_latex(source: Source) -> None:
    """Raises ArchError with every error in the tables of LaTeX."""
    Errors(
        ArchError(fault.message, source.span(fault.start, fault.end), help=fault.help)
        for fault in source.latex.faults
    ).check()


def check_depth(source: Source) -> None:
    """Raises ArchError for brackets so deep that a recursion over them would exhaust the stack."""
    if sum(map(source.plain.count, _OPENING)) <= DEPTH.most:
        return
    depth = 0
    for offset, bracket in _brackets(source.plain):
        depth = depth + 1 if bracket in _OPENING else max(0, depth - 1)
        if depth > DEPTH.most:
            raise ArchError.beyond(DEPTH, source.span(offset, offset + 1))


def check_listing(source: Source) -> None:
    """Raises one ArchError for Python code that is more than a listing of layers."""
    place = program(source.text, source.plain)
    if place is not None:
        raise ArchError(
            "this is a Python program: archdsl reads a listing of layers",
            Span(source, *place),
            help="keep only the layers, each written out in full, as lines `nn.ReLU()` or in "
            "`nn.Sequential( … )`: no classes, methods, variables or `...`",
        )


_LAYERS = "paste its layers, one a line, as papers or PyTorch write them: `conv 3x3 64, stride 2`"
# Telltale, pattern, what it is, and what to do: texts of other programs.
_PASTED = (
    (
        "): ",
        r"^\s*\(\w+\): \w+\(",
        "this is what PyTorch prints of a model, without the order and the joins of its layers",
        "paste the code of the layers, in their order: `nn.Conv2d(3, 64, 3)`, `nn.ReLU()`, …",
    ),
    (
        "Layer (type",
        r"^(?!.*[|\t]).*Layer \(type.*Output Shape",
        "this is a print-out of a model's summary, without kernels and strides",
        "paste the code of the model, or make it a table with `|` and a column `kernel`: "
        "sizes and params are then checked",
    ),
    (
        "[",
        r"^\[(?:net|network|convolutional|maxpool|shortcut|route|yolo)\][ \t]*$",
        "this is a configuration of Darknet",
        f"{_LAYERS}; `[shortcut]` is `add NAME`, `[route]` is `concat NAME`",
    ),
    (
        "{",
        r"^\s*(?:layers?\s*\{\s*$|type:\s*\"\w+\"|convolution_param\s*\{)",
        "this is a prototxt of Caffe",
        f"{_LAYERS}; `bottom` is a label: `NAME -> conv1-64`",
    ),
    (
        "- ",
        r"^[ \t]*- \[[^\n\]]*, *\w+, *\["
        r"|^(?:backbone|head|layers|model|network):[ \t]*\n(?:[ \t]*#.*\n)*[ \t]*- ",
        "this is YAML",
        _LAYERS,
    ),
)


def check_pasted(source: Source) -> None:
    """Raises one ArchError for the text of another program."""
    for telltale, pattern, what, help in _PASTED:
        if telltale not in source.text:
            continue
        found = re.search(pattern, source.text, re.MULTILINE)
        if found is not None:
            start = found.end() - len(found[0].lstrip())
            raise ArchError(what, Span(source, start, found.end()), help=help)


_LONG = re.compile(r"\d[\d,]{18}")


def check_numbers(source: Source, statements: list[Statement], start: int, end: int) -> None:
    """Raises ArchError for a number that does not fit in 63 bits."""
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
