"""A spec in its one layout: only blanks change, and the rules of tables of Markdown.

The paper's spellings stay. What stands between blanks is never touched, nor are blanks put where
there were none or taken away where they say something: `64 x2` repeats, `64 x 2` is a size. Both
texts are read and compared before the new one is given.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.fmt.layout import Line, Mark, laid, table, width
from archdsl.fmt.same_meaning import first_difference
from archdsl.syntax.parser import collector_paused, statements_of
from archdsl.syntax.statements import STATEMENTS
from archdsl.text.pytorch import unwrapped
from archdsl.text.source import Source

INDENT = 2  # blanks for each brace, bracket or parenthesis that is open


def formatted(source: Source) -> str:
    """The text of a spec, or of a file of blocks, in its one layout.

    Lines stay lines; indentation, blanks, and the columns of claims, comments and Markdown change.
    Tables of tabs and of LaTeX and listings of PyTorch stay as they are. Formatting twice changes
    nothing more. Raises ArchError with the syntax errors of the text.
    """
    with collector_paused():
        statements = statements_of(source)
        text = "\n".join(_without_empty_ends(laid(tuple(_Layout(source).lines()))))
        text = text + "\n" if text else ""
        place = first_difference(source, statements, text)
    if place is not None:
        raise ArchError(
            "this would say something else once formatted: an error of archdsl, not of this text",
            place,
            help="the text stays as it is; please report it",
        )
    return text


def _without_empty_ends(lines: Iterator[str]) -> list[str]:
    """The lines without empty ones at both ends."""
    found = list(lines)
    while found and not found[-1]:
        found.pop()
    first = next((i for i, line in enumerate(found) if line), 0)
    return found[first:]


_REFERENCE = r"(?:[aA][rR][xX][iI][vV]|[dD][oO][iI]|[hH][tT][tT][pP][sS]?):[^\s\"]+"
_CODE = re.compile(r'(?:"[^"\n]*"|[^"#])*(?:"[^"#]*)?')  # what stands in front of a comment
_CODE_OF_PAPER = re.compile(rf'(?:"[^"\n]*"|{_REFERENCE}|[^"#])*')
_STRING = re.compile(r'"[^"\n]*"?')
_BLANKS = re.compile(r"[ \t]+")
_TOKEN = re.compile(r'"[^"]*"|->|→|=>|[=!<>]=|[ \t]+|[{}()\[\];,]|[^\s"{}()\[\];,=→-]+|.')
_TOKEN_OF_PAPER = re.compile(f"{_REFERENCE}|{_TOKEN.pattern}")
_ENDS = " \t"  # what is no part of a line at its ends; other blanks are, `with bn` stops at them
_LISTED = re.compile(r"\bnn\.\w")
_BULLET = re.compile(r"(?:[-–•*·]|\d{1,2}[.)])(?![ \t])")
# The statements that give a name a value, `let n = 2`.
_NAMING = [kind.keyword for kind in STATEMENTS.values() if re.match(r"\w+ \w+ = ", kind.form)]
_NAMED = re.compile(rf"^((?:{'|'.join(_NAMING)})[ ]+\w+)[ ]*=[ ]*(?!=)")
_BRACKET = re.compile(r'"[^"]*"?|[()\[\]{}]')
_BRACES = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}


class _Spaced(NamedTuple):
    """The code of a line with its blanks set, and where in both texts a middle and a claim begin.

    A place is (in the line as it was, in the new text); none is None.
    """

    text: str
    middle: tuple[int, int] | None
    claims: tuple[int, int] | None


class _Layout:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.plain = source.plain
        self.listing = unwrapped(self.text)
        markdown = [grid for grid in source.grids if grid.kind == "markdown"]
        kept = [(grid.start, grid.end) for grid in source.grids if grid.kind != "markdown"]
        self.tables = {source.line(grid.start)[0]: grid for grid in markdown}
        self.kept = _merged([*kept, *source.latex.regions])
        self.starts = [start for start, _ in self.kept]
        self.depth = 0
        self.shift = 0  # how far the line has moved that goes on
        self.stanza = 0
        self.in_claims = False
        self.in_string = False

    def lines(self) -> Iterator[Line]:
        here = 0
        blank = False
        while here <= len(self.text):
            end = self.source.line(here)[1]
            if here in self.tables:
                end = self.source.line(self.tables[here].end)[1]
                yield from self.of_table(here, end)
            elif (stop := self.kept_until(here, end)) is not None:
                end = stop
                yield from self.as_written(here, end)
            else:
                line = self.line(here, end)
                # Of several empty lines one stays.
                if not (line.is_blank and blank):
                    yield line
                blank = line.is_blank
                here = end + 1
                continue
            self.stanza += 1
            blank = False
            here = end + 1

    # What is not looked at.

    def kept_until(self, start: int, end: int) -> int | None:
        """The end of the lines that stay as they are, where one begins."""
        stop = None
        while True:
            at = bisect(self.starts, end) - 1
            if at < 0 or self.kept[at][1] <= start:
                return stop
            start, end = end + 1, self.source.line(max(end, self.kept[at][1]))[1]
            if stop == end:
                return stop
            stop = end

    def as_written(self, start: int, end: int) -> Iterator[Line]:
        """Lines as the user wrote them, where the macros in them have not been expanded."""
        written = self.source.latex.written
        yield from map(Line, self.source.written[written(start) : written(end)].split("\n"))

    def of_table(self, start: int, end: int) -> Iterator[Line]:
        yield from map(Line, table(self.text[start:end].split("\n")))

    # Lines.

    def line(self, start: int, end: int) -> Line:
        text, plain = self.text[start:end], self.plain[start:end]
        is_paper = plain.lstrip(_ENDS).startswith("paper")
        code = (_CODE_OF_PAPER if is_paper else _CODE).match(plain)[0]  # type: ignore[index]
        depth = self.depth
        self.depth = depth if is_paper else max(0, depth + self.opened(code))
        goes_on = start > 0 and self.plain[start - 1] != "\n"
        was_in_string = self.in_string and goes_on
        self.in_string = was_in_string is (code.count('"') % 2 == 0)
        if was_in_string or self.in_string:
            return Line(text, self.stanza)  # a title that goes on
        if not text.strip(_ENDS):
            if not goes_on:
                self.stanza += 1
                self.in_claims = False
            return Line("")
        if self.is_listing(start, end) or (goes_on and self.listing[start - 1] != "\n"):
            return Line(text.rstrip(_ENDS), self.stanza)
        indent = text[: len(text) - len(text.lstrip(_ENDS))]
        old = width(indent.expandtabs(8))
        if goes_on:
            new = max(0, old + self.shift)
        else:
            closed = re.match(r"[\s)\]}]*", code)[0]  # type: ignore[index]
            new = INDENT * max(0, depth - sum(map(closed.count, ")]}")))
            self.shift = new - old
            self.in_claims = False
        stanza = (self.stanza, depth if goes_on else new)
        return self.marked(text, plain, len(code), len(indent), new, stanza, goes_on)

    def marked(
        self,
        text: str,
        plain: str,
        stop: int,
        begin: int,
        new: int,
        stanza: Hashable,
        goes_on: bool,
    ) -> Line:
        """A line whose code goes from `begin` to `stop`, in front of a comment."""
        front = " " * new

        def column(place: int) -> int:
            return new + width(text[begin:place])

        comment = Mark(text[stop:].rstrip(_ENDS), column(stop)) if text[stop:] else None
        code = text[begin:stop].rstrip(_ENDS)
        if not code and comment:
            return Line(front + comment.text, stanza)
        if _BULLET.match(code) or "\t" in text[stop:]:
            # Behind such a sign a blank makes it the mark of a list; tabs may make a table.
            return Line(front + text[begin:].rstrip(_ENDS), stanza)
        if code != plain[begin : begin + len(code)]:
            # Typography: nothing is certain but that several blanks are as one.
            line = _with_single_blanks(code, plain[begin:])
            return Line(front + line, stanza, comment=comment)
        spaced = self.spaced(code, is_statement=new == 0)
        claims = None
        line = spaced.text
        if spaced.claims and not goes_on:
            at, place = spaced.claims
            claims = Mark(line[place:], column(begin + at))
            line = line[:place].rstrip(" ")
        if spaced.middle and not goes_on:
            at, place = spaced.middle
            is_padded = code[:at].endswith("  ")
            head, line = front + line[:place].rstrip(" "), line[place:]
            kind = ":" if head.endswith(":") else line[0]
            return Line(line, stanza, head, kind, is_padded, claims, comment)
        return Line(front + line, stanza, claims=claims, comment=comment)

    def is_listing(self, start: int, end: int) -> bool:
        text = self.text[start:end]
        return bool(_LISTED.search(text)) or text != self.listing[start:end]

    @staticmethod
    def opened(code: str) -> int:
        """How many brackets a line opens more than it closes."""
        return sum(_BRACES[sign] for sign in _BRACKET.findall(code) if sign in _BRACES)

    def spaced(self, code: str, is_statement: bool) -> _Spaced:
        """Code with its blanks set; `is_statement`: no bracket is open in front of it."""
        pieces: list[str] = []
        size = 0
        middle = claims = None
        open_ = round_ = 0
        first = second = ""  # the sign in front, and that in front of it
        blank = is_divided = guarded = False
        is_rows = re.match(r'in[ \t]*"', code) is not None
        # A reference such as arXiv:1409.1556 is one word, whatever stands in it.
        tokens = _TOKEN_OF_PAPER if code.startswith("paper") else _TOKEN
        for found in tokens.finditer(code):
            sign = found[0]
            if not sign.strip(_ENDS):
                blank = True
                continue
            if sign in ("=>", "expect", "reported"):
                self.in_claims = True
            if sign in ("->", "→") and (guarded or first in ("", *"{[(;,")):
                sign = found[0] + " "  # no link of a chain: nothing in front of it flows
            gap = bool(first) and self.gap(second, first, sign, blank, is_argument=round_ > 0)
            place = found.start(), size + gap
            if sign == "=>" and open_ <= 0 and not is_divided and claims is None:
                claims = place
            if open_ == 0 and not is_divided and middle is None and claims is None:
                is_labelled = blank and not second and first.endswith(":")
                if (sign == "means" and blank) or (sign == "{" and is_rows) or is_labelled:
                    middle = place
            pieces += [" "] * gap + [found[0]]
            size += gap + len(found[0])
            sign = ", " if sign == "," and blank else sign  # no separator of thousands
            open_ += _BRACES.get(sign, 0)
            round_ += (sign == "(") - (sign == ")")
            is_divided = is_divided or (sign == ";" and open_ <= 0)
            guarded = (guarded or sign == "if") and sign not in (";", "{", "}")
            if sign in (";", "{", "}"):
                self.in_claims = False
            second, first, blank = first, sign, False
        if open_ != 0 and is_rows:
            middle = None  # its lines stand below
        text = "".join(pieces)
        if is_statement and (named := _NAMED.match(text)) is not None:
            text = f"{named[1]} = {text[named.end() :]}"
        return _Spaced(text, middle, claims)

    def gap(self, second: str, first: str, sign: str, blank: bool, is_argument: bool) -> bool:
        """Whether a blank stands in front of a sign; `is_argument`: between parentheses."""
        if first in ("->", "→", "=>") or sign in ("->", "→", "=>"):
            return True
        if sign in (",", ";", ")"):
            return blank and first.endswith(".")  # `conv. ,` is read, `conv.,` is not
        if first in (",", ", ") and sign[0] in "-–+":
            return blank  # `conv3,-16` is a width of 16, `conv3, -16` asks whether it is negative
        if first in (";", ", "):
            return True
        if first == ",":
            separates = re.fullmatch(r"[~≈]?\d{1,3}", second) and re.fullmatch(r"\d{3}", sign)
            # `FC-4,096` is an error, and stays the same one.
            return blank or not separates or (is_argument and not self.in_claims)
        if first == "{":
            return sign != "}"
        if sign == "}" or (sign == "{" and first not in ("(", "[")):
            return True
        return blank and first != "("


def _with_single_blanks(code: str, plain: str) -> str:
    """Code with one blank for several, but in its texts in quotation marks."""
    pieces = []
    here = 0
    for found in _STRING.finditer(plain, 0, len(code)):
        pieces += [_BLANKS.sub(" ", code[here : found.start()]), code[found.start() : found.end()]]
        here = found.end()
    return "".join([*pieces, _BLANKS.sub(" ", code[here:])])


def _merged(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
