"""A spec in its standard layout: only whitespace changes, and the rules of Markdown tables.

    block unit( w ){                    block unit(w) {
      conv3-(w)  # twice         =>       conv3-(w)  # twice
      }                                 }

The spellings of the paper stay. Words and signs never change, and spaces are neither inserted nor
removed where they mean something: `64 x2` repeats, `64 x 2` is a size. Both texts are parsed and
compared before the new one is returned.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Hashable, Iterator

from archdsl.errors import ArchError
from archdsl.fmt.layout import Aligned, LineParts, aligned_lines, table, width
from archdsl.fmt.same_meaning import first_difference
from archdsl.syntax.parser import statements_of
from archdsl.syntax.statements import STATEMENTS
from archdsl.text.collector import collector_paused
from archdsl.text.pytorch import unwrapped
from archdsl.text.source import Source

INDENT = 2  # spaces for each open brace, bracket or parenthesis


def formatted(source: Source) -> str:
    """The text of a spec, or of a file of blocks, in its standard layout.

    Lines stay lines; indentation, spaces, and the columns of claims, comments and Markdown change.
    Tables with tabs, LaTeX, and listings of PyTorch stay as they are. Formatting is idempotent.
    Raises ArchError with the syntax errors of the text.
    """
    with collector_paused():
        statements = statements_of(source)
        text = "\n".join(aligned_lines(tuple(_Layout(source).lines()))).strip("\n")
        text = text + "\n" if text else ""
        place = first_difference(source, statements, text)
    if place is not None:
        raise ArchError(
            "formatting would change what this means: an error of archdsl, not of this text",
            place,
            help="the text stays as it is; please report this",
        )
    return text


_REFERENCE = r"(?:[aA][rR][xX][iI][vV]|[dD][oO][iI]|[hH][tT][tT][pP][sS]?):[^\s\"]+"
_CODE = re.compile(r'(?:"[^"\n]*"|[^"#])*(?:"[^"#]*)?')  # what precedes a comment
_CODE_OF_PAPER = re.compile(rf'(?:"[^"\n]*"|{_REFERENCE}|[^"#])*')
_STRING = re.compile(r'"[^"\n]*"?')
_BLANKS = re.compile(r"[ \t]+")
_TOKEN = re.compile(r'"[^"]*"|->|→|=>|[=!<>]=|[ \t]+|[{}()\[\];,]|[^\s"{}()\[\];,=→-]+|.')
_TOKEN_OF_PAPER = re.compile(f"{_REFERENCE}|{_TOKEN.pattern}")
_ENDS = " \t"  # stripped from both ends of a line; other whitespace is not, it ends `with bn`
_LISTED = re.compile(r"\bnn\.\w")
_BULLET = re.compile(r"(?:[-–•*·]|\d{1,2}[.)])(?![ \t])")
# The statements that give a name a value, `let n = 2`.
_NAMING = [kind.keyword for kind in STATEMENTS.values() if re.match(r"\w+ \w+ = ", kind.form)]
_NAMED = re.compile(rf"^((?:{'|'.join(_NAMING)})[ ]+\w+)[ ]*=[ ]*(?!=)")
_BRACKET = re.compile(r'"[^"]*"?|[()\[\]{}]')
_BRACES = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}


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
        self.shift = 0  # how far a line that continues has moved
        self.stanza = 0
        self.in_claims = False
        self.in_string = False

    def lines(self) -> Iterator[LineParts]:
        here = 0
        blank = False
        while here <= len(self.text):
            end = self.source.line(here)[1]
            if here in self.tables:
                end = self.source.line(self.tables[here].end)[1]
                yield from map(LineParts, table(self.text[here:end].split("\n")))
            elif (stop := self.end_of_verbatim(here, end)) is not None:
                end = stop
                yield from self.as_written(here, end)
            else:
                line = self.line(here, end)
                # Several empty lines become one.
                if not (line.is_blank and blank):
                    yield line
                blank = line.is_blank
                here = end + 1
                continue
            self.stanza += 1
            blank = False
            here = end + 1

    # What stays as it is.

    def end_of_verbatim(self, start: int, end: int) -> int | None:
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

    def as_written(self, start: int, end: int) -> Iterator[LineParts]:
        """Lines as the user wrote them, before the macros in them were expanded."""
        written = self.source.latex.written
        yield from map(LineParts, self.source.written[written(start) : written(end)].split("\n"))

    # Lines.

    def line(self, start: int, end: int) -> LineParts:
        text, plain = self.text[start:end], self.plain[start:end]
        is_paper = plain.lstrip(_ENDS).startswith("paper")
        code = (_CODE_OF_PAPER if is_paper else _CODE).match(plain)[0]  # type: ignore[index]
        depth = self.depth
        self.depth = depth if is_paper else max(0, depth + self.opened(code))
        continues = start > 0 and self.plain[start - 1] != "\n"
        was_in_string = self.in_string and continues
        self.in_string = was_in_string is (code.count('"') % 2 == 0)
        if was_in_string or self.in_string:
            return LineParts(text, self.stanza)  # a title that continues
        if not text.strip(_ENDS):
            if not continues:
                self.stanza += 1
                self.in_claims = False
            return LineParts("")
        if self.is_listing(start, end) or (continues and self.listing[start - 1] != "\n"):
            return LineParts(text.rstrip(_ENDS), self.stanza)
        indent = text[: len(text) - len(text.lstrip(_ENDS))]
        old = width(indent.expandtabs(8))
        if continues:
            new = max(0, old + self.shift)
        else:
            closed = re.match(r"[\s)\]}]*", code)[0]  # type: ignore[index]
            new = INDENT * max(0, depth - sum(map(closed.count, ")]}")))
            self.shift = new - old
            self.in_claims = False
        stanza = (self.stanza, depth if continues else new)
        return self.parts(text, plain, len(code), len(indent), new, stanza, continues)

    def parts(
        self,
        text: str,
        plain: str,
        stop: int,
        begin: int,
        new: int,
        stanza: Hashable,
        continues: bool,
    ) -> LineParts:
        """The parts of a line whose code begins at `begin` and ends at `stop`, before a comment;
        `new` is its indentation."""
        front = " " * new

        def column(offset: int) -> int:
            return new + width(text[begin:offset])

        comment = Aligned(text[stop:].rstrip(_ENDS), column(stop)) if text[stop:] else None
        code = text[begin:stop].rstrip(_ENDS)
        if not code and comment:
            return LineParts(front + comment.text, stanza)
        if _BULLET.match(code) or "\t" in text[stop:]:
            # A space after such a sign would make it the bullet of a list; tabs may make a table.
            return LineParts(front + text[begin:].rstrip(_ENDS), stanza)
        if code != plain[begin : begin + len(code)]:
            # Typography: the only safe change is to reduce several spaces to one.
            line = _with_single_spaces(code, plain[begin:])
            return LineParts(front + line, stanza, comment=comment)
        spaced = self.spaced(code, is_statement=new == 0)
        claims = None
        line = spaced.text
        if spaced.claims and not continues:
            old, start = spaced.claims
            claims = Aligned(line[start:], column(begin + old))
            line = line[:start].rstrip(" ")
        if spaced.middle and not continues:
            old, start = spaced.middle
            is_padded = code[:old].endswith("  ")
            head, line = front + line[:start].rstrip(" "), line[start:]
            kind = ":" if head.endswith(":") else line[0]
            return LineParts(line, stanza, head, kind, is_padded, claims, comment)
        return LineParts(front + line, stanza, claims=claims, comment=comment)

    def is_listing(self, start: int, end: int) -> bool:
        text = self.text[start:end]
        return bool(_LISTED.search(text)) or text != self.listing[start:end]

    @staticmethod
    def opened(code: str) -> int:
        """How many more brackets a line opens than it closes."""
        return sum(_BRACES[sign] for sign in _BRACKET.findall(code) if sign in _BRACES)

    def spaced(self, code: str, is_statement: bool) -> _Spacer:
        """Code with its spaces set; `is_statement`: no bracket is open before it."""
        spacer = _Spacer(code, self.in_claims)
        # A reference such as arXiv:1409.1556 is one word, whatever signs it contains.
        tokens = _TOKEN_OF_PAPER if code.startswith("paper") else _TOKEN
        for found in tokens.finditer(code):
            spacer.add(found[0], found.start())
        self.in_claims = spacer.in_claims
        text = spacer.text = "".join(spacer.pieces)
        if is_statement and (named := _NAMED.match(text)) is not None:
            spacer.text = f"{named[1]} = {text[named.end() :]}"
        if spacer.is_rows and spacer.depth != 0:
            spacer.middle = None  # its rules are below
        return spacer


class _Spacer:
    """Sets the spaces between the signs and words of a line, one after the other.

    `middle` and `claims` are where these begin, if the line has any: the offsets in the old and in
    the new text.
    """

    def __init__(self, code: str, in_claims: bool) -> None:
        self.text = ""  # once all are added
        self.pieces: list[str] = []
        self.length = 0
        self.middle: tuple[int, int] | None = None
        self.claims: tuple[int, int] | None = None
        self.in_claims = in_claims
        self.is_rows = re.match(r'in[ \t]*"', code) is not None
        self.depth = self.parens = 0  # open brackets of all kinds, and parentheses
        self.second = self.first = ""  # the last two signs
        self.blank = False  # whitespace follows the last sign
        self.is_divided = False  # by a semicolon
        self.has_guard = False

    def add(self, text: str, start: int) -> None:
        """Add the sign or word that begins at an offset of the code, or whitespace."""
        if not text.strip(_ENDS):
            self.blank = True
            return
        if text in ("=>", "expect", "reported"):
            self.in_claims = True
        sign = text
        if text in ("->", "→") and (self.has_guard or self.first in ("", *"{[(;,")):
            sign = text + " "  # not a link of a chain: nothing flows into it
        gap = bool(self.first) and self.is_spaced(sign)
        self.note_place(sign, start, self.length + gap)
        self.pieces += [" "] * gap + [text]
        self.length += gap + len(text)
        sign = ", " if sign == "," and self.blank else sign  # not a separator of thousands
        self.depth += _BRACES.get(sign, 0)
        self.parens += (sign == "(") - (sign == ")")
        self.is_divided = self.is_divided or (sign == ";" and self.depth <= 0)
        self.has_guard = (self.has_guard or sign == "if") and sign not in (";", "{", "}")
        if sign in (";", "{", "}"):
            self.in_claims = False
        self.second, self.first, self.blank = self.first, sign, False

    def note_place(self, sign: str, old: int, new: int) -> None:
        """Note where the claims and the middle of the line begin, which may be aligned."""
        if self.is_divided or self.claims is not None:
            return
        if sign == "=>" and self.depth <= 0:
            self.claims = old, new
        elif self.depth == 0 and self.middle is None:
            is_labelled = self.blank and not self.second and self.first.endswith(":")
            is_means = sign == "means" and self.blank
            if is_labelled or is_means or (sign == "{" and self.is_rows):
                self.middle = old, new

    def is_spaced(self, sign: str) -> bool:
        """Whether a space precedes a sign."""
        first, blank = self.first, self.blank
        if first in ("->", "→", "=>") or sign in ("->", "→", "=>"):
            return True
        if sign in (",", ";", ")"):
            return blank and first.endswith(".")  # `conv. ,` is valid, `conv.,` is not
        if first in (",", ", ") and sign[0] in "-–+":
            return blank  # `conv3,-16` has a width of 16, `conv3, -16` asks whether it is negative
        if first in (";", ", "):
            return True
        if first == ",":
            # `FC-4,096` is an error, and must stay the same one.
            separates = re.fullmatch(r"[~≈]?\d{1,3}", self.second) and re.fullmatch(r"\d{3}", sign)
            return blank or not separates or (self.parens > 0 and not self.in_claims)
        if first == "{":
            return sign != "}"
        if sign == "}" or (sign == "{" and first not in ("(", "[")):
            return True
        return blank and first != "("


def _with_single_spaces(code: str, plain: str) -> str:
    """Code with every run of spaces reduced to one, except in quotation marks."""
    pieces = []
    here = 0
    for found in _STRING.finditer(plain, 0, len(code)):
        pieces += [_BLANKS.sub(" ", code[here : found.start()]), code[found.start() : found.end()]]
        here = found.end()
    return "".join([*pieces, _BLANKS.sub(" ", code[here:])])


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, with those that overlap merged."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
