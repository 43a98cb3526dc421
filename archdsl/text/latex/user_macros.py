"""The macros that the source of a table defines: `\\newcommand{\\blk}[2]{[#1, #2]}`.

Unlike in TeX, a call is simply replaced by the text of the macro, with its arguments as they are
written: that is what macros in tables do. How much text they expand to is limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.text.grids import Fault
from archdsl.text.limits import Limit

_HELP = "write out what the table holds"
SIZE = Limit(2**20, "macros that expand to more than {} characters", _HELP)  # all calls together
CALLS = Limit(20_000, "more than {} calls of macros", _HELP)
DEPTH = Limit(
    20,
    "macros that use macros more than {} deep",
    "a macro may be using itself: write out what it stands for",
)

NAME = r"\\(?P<name>[A-Za-z@]+)\*?"
SKIPPED = r"%[^\n]*|\\."  # comments, and escaped signs
_SIGN = re.compile(rf"{SKIPPED}|[{{}}]", re.DOTALL)
_BLANKS = re.compile(r"(?:\s|%[^\n]*(?:\n|$))*")
_COMMENT = re.compile(r"(\\.)|%[^\n]*(?:\n[ \t]*)?", re.DOTALL)
_CALL = re.compile(rf"{NAME}|{SKIPPED}", re.DOTALL)

_OWN = r"[ \t]*(?:\{\s*\\(?P<braced>[A-Za-z@]+)\s*\}|\\(?P<bare>[A-Za-z@]+))\s*"
_COMMAND = re.compile(rf"{_OWN}(?:\[(?P<count>\d)\]\s*(?:\[(?P<default>[^\]]*)\]\s*)?)?(?=\{{)")
_DEF = re.compile(r"[ \t]*\\(?P<bare>[A-Za-z@]+)[ \t]*(?P<marks>(?:#\d)*)\s*(?=\{)")
_LET = re.compile(r"[ \t]*\\(?P<bare>[A-Za-z@]+)[ \t]*=?[ \t]*(?P<same>\\[A-Za-z@]+)")
DEFINITIONS = {
    **dict.fromkeys(("newcommand", "renewcommand", "providecommand"), _COMMAND),
    **dict.fromkeys(("DeclareRobustCommand", "DeclareMathOperator"), _COMMAND),
    **dict.fromkeys(("def", "gdef", "edef", "xdef"), _DEF),
    "let": _LET,
}


class Unreadable(Exception):
    """LaTeX that ends too early: nothing after it can be read."""

    def __init__(self, message: str, start: int, end: int, help: str) -> None:
        super().__init__(message)
        self.fault = Fault(message, start, end, help)


class Piece(NamedTuple):
    """A stretch of an expanded text: as written at `start`, or the expansion of the call there."""

    text: str
    start: int
    is_call: bool


class _Macro(NamedTuple):
    arguments_count: int
    default: str | None
    body: str


class Macros:
    """The macros that a text has defined so far."""

    def __init__(self) -> None:
        self.known: dict[str, _Macro] = {}
        self._left = SIZE.most
        self._calls = 0

    def defined(self, text: str, found: re.Match[str], stop: int) -> int | None:
        """Note the definition that a command begins and return its end, or None.

        Raises Unreadable.
        """
        name = found["name"]
        if name not in DEFINITIONS:
            return None
        own = DEFINITIONS[name].match(text, found.end(), stop)
        if own is None:
            raise Unreadable(
                f"this `\\{name}` cannot be read",
                *found.span(),
                r"definitions are `\newcommand{\name}[2]{… #1 … #2 …}` and `\def\name#1#2{…}`",
            )
        parts = own.groupdict()
        end = own.end()
        body = parts.get("same")
        if body is None:
            end = group(text, own.end(), stop)
            body = text[own.end() + 1 : end - 1]
        if name == "DeclareMathOperator":
            body = f"\\text{{{body}}}"
        count = int(parts.get("count") or len(parts.get("marks") or "") // 2)
        called = str(parts.get("braced") or parts["bare"])
        if name != "providecommand" or called not in self.known:
            self.known[called] = _Macro(count, parts.get("default"), body)
        return end

    def expanded(self, text: str, start: int, stop: int) -> list[Piece]:
        """The text from `start` to `stop` with every call replaced. Raises Unreadable."""
        return [piece for piece in self._pieces(text, start, stop, None) if piece.text]

    def _pieces(
        self, text: str, start: int, stop: int, place: tuple[int, int] | None, depth: int = 0
    ) -> Iterator[Piece]:
        """`place`: the outermost call, or None in the user's own text."""
        written = here = start
        while found := _CALL.search(text, here, stop):
            here = found.end()
            name = found["name"]
            try:
                end = self.defined(text, found, stop) if name else None
                body = None
                if name in self.known and end is None:
                    end, body = self._body(text, found, stop)
            except Unreadable as problem:
                if place is None:
                    raise
                # An error within a macro is one at its call.
                raise Unreadable(problem.fault.message, *place, problem.fault.help) from None
            if end is None:
                continue
            yield Piece(text[written : found.start()], written, False)
            written = here = end
            if body is None:
                continue
            call = place or (found.start(), end)
            if depth == DEPTH.most:
                raise Unreadable(DEPTH.message, *call, DEPTH.help)
            inner = self._pieces(body, 0, len(body), call, depth + 1)
            yield Piece("".join(piece.text for piece in inner), call[0], True)
        yield Piece(text[written:stop], written, False)

    def _body(self, text: str, found: re.Match[str], stop: int) -> tuple[int, str]:
        """The end of a call, and its macro's text with the arguments put in."""
        name = found["name"]
        macro = self.known[name]
        here = found.end("name")
        values: list[str] = []
        if macro.default is not None:
            values.append(macro.default)
            if text.startswith("[", here, stop):
                end = option(text, here, stop)
                values[0] = text[here + 1 : end - 1]
                here = end
        while len(values) < macro.arguments_count:
            begin = blanks(text, here, stop)
            here = argument(text, begin, stop)
            if here == begin:
                raise Unreadable(
                    f"`\\{name}` takes {macro.arguments_count} arguments",
                    found.start(),
                    found.end("name"),
                    f"write `\\{name}{'{…}' * macro.arguments_count}`",
                )
            is_group = text[begin] == "{"
            values.append(text[begin + is_group : here - is_group])
        if not macro.arguments_count:
            here = re.compile(r"(?:\{\}|[ \t]*)").match(text, here, stop).end()  # type: ignore[union-attr]
        size = len(macro.body) + sum(
            macro.body.count(f"#{number}") * len(one) for number, one in enumerate(values, 1)
        )
        self._left -= size
        self._calls += 1
        if self._left < 0 or self._calls > CALLS.most:
            limit = SIZE if self._left < 0 else CALLS
            raise Unreadable(limit.message, found.start(), here, limit.help)
        # `#3` without a third argument stays as it is; TeX rejects such a definition.
        numbered = dict(zip("123456789", values, strict=False)) | {"#": "#"}
        body = re.sub(r"#([1-9#])", lambda mark: numbered.get(mark[1], mark[0]), macro.body)
        return here, _COMMENT.sub(r"\1", body).replace("\n", " ")


def blanks(text: str, start: int, stop: int) -> int:
    """The end of blanks and comments."""
    return _BLANKS.match(text, start, stop).end()  # type: ignore[union-attr]


def arguments(text: str, start: int, stop: int, form: str) -> int:
    """The end of a command's arguments. Raises Unreadable.

    `form`: a sign for each argument: `-` is one in braces, `?` one in brackets and `(` one in
    parentheses, which may be missing.
    """
    here = start
    for one in form:
        if one == "-":
            here = argument(text, blanks(text, here, stop), stop)
        elif one == "?" and text.startswith("[", here, stop):
            here = option(text, here, stop)
        elif one == "(" and text.startswith("(", here, stop):
            here = max(here, text.find(")", here, stop) + 1)
    return here


def argument(text: str, start: int, stop: int) -> int:
    """The end of an argument: a group, a command or a character; `start` if there is none."""
    if start >= stop or text[start] in "}&" or text.startswith("\\\\", start):
        return start
    if text[start] == "{":
        return group(text, start, stop)
    found = _CALL.match(text, start, stop)
    return found.end() if found else start + 1


def option(text: str, start: int, stop: int) -> int:
    """The end of the bracket that begins at `start`. Raises Unreadable."""
    end = text.find("]", start, stop) + 1
    if not end:
        raise Unreadable("this `[` is never closed", start, start + 1, "close it with `]`")
    return end


def group(text: str, start: int, stop: int) -> int:
    """The end of the group that begins at `start`. Raises Unreadable."""
    depth = 0
    here = start
    while found := _SIGN.search(text, here, stop):
        here = found.end()
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
            if not depth:
                return here
    raise Unreadable(
        "this `{` is never closed",
        start,
        start + 1,
        "close it with `}`; a brace to print is `\\{`",
    )
