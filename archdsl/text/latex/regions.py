"""Tables of LaTeX: finds them in the source of a paper, and the plain text of their cells.

What surrounds a tabular belongs to its table: the environments and groups that it is in, and
commands and definitions of macros next to it. All of that is typography; a caption is prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.text.grids import Expanded, Fault, Place, Stretch, Tabular
from archdsl.text.latex import cells
from archdsl.text.latex.commands import AROUND, CLOSED
from archdsl.text.latex.user_macros import (
    DEFINITIONS,
    NAME,
    Macros,
    Unreadable,
    arguments,
    blanks,
    group,
    option,
)
from archdsl.text.limits import Limit

DEPTH = Limit(50, "LaTeX within LaTeX more than {} deep", "paste the table alone")
MOST_SPANNED = 1000  # columns that a cell may span
TABLES = Limit(1000, "more than {} tables", "divide the text into several files")
MOST_FAULTS = 1000  # errors of a text


def read_latex(text: str) -> Expanded:
    """The text with its LaTeX read. What cannot be read is among the faults."""
    if "\\" not in text or not _BEGINS.search(text):
        return Expanded(text, text)
    return _LatexReader(text).read()


_FORMS = {
    **dict.fromkeys(("tabular", "longtable", "supertabular", "xtabular"), "?-"),
    **dict.fromkeys(("tabular*", "tabularx", "tabulary", "xltabular"), "-?-"),
}
_TABULAR = "|".join(map(re.escape, _FORMS))
# Where a table, or what surrounds it, may begin.
_BEGINS = re.compile(
    rf"^[ \t]*(?:%|\\[A-Za-z@]|\{{\s*\\)|\\begin\s*\{{(?:{_TABULAR})\}}", re.MULTILINE
)
_EDGE = r"\\(?P<edge>begin|end)\s*\{(?P<environment>[A-Za-z]+\*?)\}"
_TOKEN = re.compile(rf"%[^\n]*|{_EDGE}|{NAME}|\\.|[{{}}]", re.DOTALL)
_AROUND = re.compile(rf"{_EDGE}|{NAME}|\{{(?=(?:\s|%[^\n]*+)*+\\)")
_MATRIX = re.compile(r"[A-Za-z]*(?:matrix|array|aligned|gathered)")  # lines of layers, not tables
_ASSIGNED = re.compile(rf"[ \t]*(?:=[ \t]*|(?=-?[\d.])){cells.LENGTH}")  # \tabcolsep=4pt
_LINE = re.compile(r"[^\n]*")
_COMMENTS = re.compile(r"(?:[ \t]*(?:\n[ \t]*)?%[^\n]*)*")

_SPLIT = re.compile(
    rf"%[^\n]*|(?P<line>{cells.LINE_END})|\\(?P<section>end(?:first)?head|end(?:last)?foot)\b"
    rf"|(?P<open>\\begin\s*\{{[^{{}}]*\}}|\{{)|(?P<close>\\end\s*\{{[^{{}}]*\}}|\}})|(?P<column>&)|\\.",
    re.DOTALL,
)
_WIDTH = re.compile(r"\\multicolumn\s*(?:\{([^{}]*)\}|(\d))")


class _Open(NamedTuple):
    """An environment or a group that is not closed yet; `body` is where its content begins."""

    name: str
    start: int
    body: int


class _LatexReader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.macros = Macros()
        self.pieces: list[str] = []  # of the expanded text
        self.done = 0  # how much of the text is in `pieces`
        self.shift = 0  # add to an offset for the expanded text
        self.stretches = [Stretch(0, 0, False)]
        self.regions: list[tuple[int, int]] = []  # what is LaTeX alone
        self.cells: list[tuple[int, str]] = []  # the plain text of each cell, and its offset
        self.tables: list[Tabular] = []
        self.seen = 0  # tables so far, those of the region that is being read included
        self.faults: list[Fault] = []

    def read(self) -> Expanded:
        here = 0
        try:
            while found := _BEGINS.search(self.text, here):
                start = found.end() - len(found[0].lstrip())
                line = self.text[self.text.rfind("\n", 0, start) + 1 : start]
                if "#" in line or line.count('"') % 2:  # a comment, or a title
                    here = start + len(_LINE.match(self.text, start)[0])  # type: ignore[index]
                else:
                    here = max(found.end(), _Region(self, start).read())
        except Unreadable as problem:
            self.faults.append(problem.fault.shifted(self.shift))
        text = "".join([*self.pieces, self.text[self.done :]])
        return Expanded(
            text,
            "".join(self.plain(text)),
            tuple(self.tables),
            tuple(self.faults[:MOST_FAULTS]),
            tuple(self.stretches),
            tuple(self.regions),
        )

    def plain(self, text: str) -> Iterator[str]:
        """The expanded text in pieces; only the cells remain of its regions."""
        here = 0
        cells = iter([*self.cells, (len(text), "")])
        cell, words = next(cells)
        for start, end in self.regions:
            yield text[here:start]
            here = start
            while cell < end:
                yield from (_blank(text[here:cell]), words)
                here = cell + len(words)
                cell, words = next(cells)
            yield _blank(text[here:end])
            here = end
        yield text[here:]

    # Where tables are.

    def finish(self, region: _Region) -> None:
        """Note a region, and its tables: each begins where the one before it ends."""
        begin = region.begin
        end = region.end + self.shift
        self.regions.append((begin, end))
        for number, (stop, rows) in enumerate(region.tables, 1):
            stop = end if number == len(region.tables) else stop
            self.tables.append(Tabular(begin, stop, rows))
            begin = stop

    def around(self, here: int, start: int) -> re.Match[str] | None:
        """The next token that may surround a table, outside of all environments and groups."""
        if here > start and self.text.startswith("{", here):
            return _TOKEN.match(self.text, here)  # an argument
        found = _AROUND.match(self.text, blanks(self.text, here, len(self.text)))
        if found is None:
            return None
        if name := found["name"]:
            macro = self.macros.known.get(name)
            is_quiet = macro is not None and _is_quiet(macro.body)
            return found if is_quiet or _is_command(name) else None
        return None if _MATRIX.fullmatch(found["environment"] or "") else found

    def command(self, found: re.Match[str], macros: Macros) -> int:
        """The end of a command, and of those of its arguments that are not read."""
        text, stop = self.text, len(self.text)
        if (end := macros.defined(text, found, stop)) is not None:
            return end
        here = found.end()
        if found["name"] in CLOSED:
            return arguments(text, here, stop, CLOSED[found["name"]])
        if found["name"] in AROUND:
            while text.startswith("[", here):
                here = option(text, here, stop)
            if assigned := _ASSIGNED.match(text, here):
                here = assigned.end()
        return here

    def columns(self, found: re.Match[str]) -> int:
        """Where the rows of a tabular begin: after its columns."""
        name, stop = found["environment"], len(self.text)
        here = arguments(self.text, found.end(), stop, _FORMS[name][:-1])
        here = blanks(self.text, here, stop)
        if not self.text.startswith("{", here):
            written = "{" + name + "}" + ("{\\textwidth}" if _FORMS[name][0] == "-" else "")
            raise Unreadable(
                f"this `\\begin{{{name}}}` does not declare its columns",
                *found.span(),
                f"write `\\begin{written}{{lccc}}`",
            )
        return group(self.text, here, stop)

    # What they hold.

    def rows(self, tabular: _Open, stop: int) -> list[list[Place]]:
        """The rows of a tabular that are not empty. Raises Unreadable."""
        self.seen += 1
        if self.seen > TABLES.most:
            raise Unreadable(TABLES.message, tabular.start, tabular.body, TABLES.help)
        begin = tabular.body + self.shift
        text = self.expanded(tabular.body, stop)
        head: list[list[tuple[int, int]]] = []
        rows: list[list[tuple[int, int]]] = []
        row: list[tuple[int, int]] = []
        here = depth = 0
        for found in _SPLIT.finditer(text):
            depth += (found["open"] is not None) - (found["close"] is not None)
            if depth < 0:
                break
            if depth:
                continue
            if section := found["section"]:
                # The heads of a longtable: the first, and that of further pages; then the feet.
                head = head or rows if section.endswith("head") else head
                rows = []
            elif found["line"] or found["column"]:
                row.append((here, found.start()))
                here = found.end()
            if found["line"]:
                rows.append(row)
                row = []
        if depth:
            message = "the macros of this table leave braces or environments open"
            place = begin - tabular.body + tabular.start, begin
            self.faults.append(Fault(message, *place, "each macro closes what it opens"))
            return []
        rows = [*head, *rows, [*row, (here, len(text))]]
        read = [[self.cell(text[start:end], begin + start) for start, end in row] for row in rows]
        filled = [row for row in read if any(start < end for start, end, _ in row)]
        if not filled:
            message = f"this `\\begin{{{tabular.name}}}` is empty"
            place = begin - tabular.body + tabular.start, begin
            self.faults.append(Fault(message, *place, "paste its rows too, or leave it out"))
        return filled

    def expanded(self, start: int, stop: int) -> str:
        """The content of a tabular, its macros expanded. Raises Unreadable."""
        pieces = self.macros.expanded(self.text, start, stop)
        text = "".join(piece.text for piece in pieces)
        if text != self.text[start:stop]:
            here = start + self.shift
            for piece in pieces:
                self.stretches.append(Stretch(here, piece.start, piece.is_call))
                here += len(piece.text)
            self.stretches.append(Stretch(here, stop, False))
            self.pieces += [self.text[self.done : start], text]
            self.done = stop
            self.shift += len(text) - (stop - start)
        return text

    def cell(self, written: str, start: int) -> Place:
        try:
            plain, faults = cells.plain(written)
            wide = _width(written)
        except Unreadable as problem:
            plain, wide, faults = "", 1, [problem.fault]
        self.faults += [fault.shifted(start) for fault in faults]
        words = plain.strip()
        begin = start + plain.find(words)
        if words:
            self.cells.append((begin, words))
        return begin, begin + len(words), wide


class _Region:
    """A stretch of LaTeX: tables, and the environments, groups and commands around them."""

    def __init__(self, reader: _LatexReader, start: int) -> None:
        self.reader = reader
        self.text = reader.text
        self.start = start
        self.begin = start + reader.shift  # in the expanded text
        self.here = start  # what is read
        self.end = start  # where everything was closed last
        self.open: list[_Open] = []
        self.tabular: _Open | None = None  # the outermost one that is open
        self.tables: list[tuple[int, list[list[Place]]]] = []  # the end and the rows of each
        self.is_plain = True  # commands alone so far: anything else belongs to a table, or is text

    def read(self) -> int:
        """Read on to the end of the region and return where to go on. Raises Unreadable."""
        while (found := self._next()) is not None:
            is_tight = found.start() == self.here > self.start
            self.here = found.end()
            if found["name"]:
                # What a tabular defines is defined while it is expanded.
                macros = Macros() if self.tabular else self.reader.macros
                self.here = self.reader.command(found, macros)
            elif found["edge"] == "begin" or found[0] == "{":
                self._opened(found, is_tight)
            elif found["edge"] == "end" or found[0] == "}":
                if not self._closed(found):
                    return self.here
            if not self.open:
                self.end = self.here
        if self.open and (self.tables or self.tabular):
            raise _never_closed(self.tabular or self.open[-1])
        if self.open:
            return len(self.text)
        if self.tables or (self.is_plain and self.end > self.start):
            self.end = _COMMENTS.match(self.text, self.end).end()  # type: ignore[union-attr]
            self.reader.finish(self)
        return blanks(self.text, self.end, len(self.text))  # no comment is read twice

    def _next(self) -> re.Match[str] | None:
        if self.open:
            return _TOKEN.search(self.text, self.here)
        return self.reader.around(self.here, self.start)

    def _opened(self, found: re.Match[str], is_tight: bool) -> None:
        """An environment or a group begins. `is_tight`: right after the token before it."""
        name = found["environment"] or ""
        self.is_plain = self.is_plain and (bool(self.open) or is_tight) and not name
        self.open.append(_Open(name, found.start(), found.end()))
        if name in _FORMS and self.tabular is None:
            self.here = self.reader.columns(found)
            self.tabular = self.open[-1] = self.open[-1]._replace(body=self.here)
        if len(self.open) > DEPTH.most:
            raise Unreadable(DEPTH.message, *found.span(), DEPTH.help)

    def _closed(self, found: re.Match[str]) -> bool:
        """An environment or a group ends. False: it is not of a region that holds a table."""
        last = self.open.pop() if self.open else None
        if last is None or last.name != (found["environment"] or ""):
            if not self.tables and not self.tabular:
                return False
            raise _unmatched(found, last)
        if last is self.tabular:
            rows = self.reader.rows(last, found.start())
            self.tables.append((self.here + self.reader.shift, rows))
            self.tabular = None
        return True


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _is_command(name: str) -> bool:
    return name in AROUND or name in CLOSED or name in DEFINITIONS


def _is_quiet(body: str) -> bool:
    """Whether a macro only sets lengths and fonts, as commands before a table do."""
    text = re.sub(r"%[^\n]*|\s|\{[^{}]*\}", "", body)
    names = re.findall(r"\\([A-Za-z@]+)", text)
    return bool(re.fullmatch(r"(?:\\[A-Za-z@]+\*?)+", text)) and all(map(_is_command, names))


def _width(cell: str) -> int:
    """The columns that a cell spans. Raises Unreadable."""
    found = _WIDTH.search(cell)
    if not found:
        return 1
    wide = (found[1] or found[2] or "").strip()
    if not re.fullmatch(r"[0-9]{1,4}", wide) or not 0 < int(wide) <= MOST_SPANNED:
        raise Unreadable(
            f"`{found[0]}` does not give a valid number of columns",
            *found.span(),
            f"write `\\multicolumn{{2}}{{c}}{{…}}`, up to {MOST_SPANNED:,} columns",
        )
    return int(wide)


def _never_closed(last: _Open) -> Unreadable:
    if not last.name:
        help = "close it with `}`; a brace to print is `\\{`"
        return Unreadable("this `{` is never closed", last.start, last.start + 1, help)
    message = f"this `\\begin{{{last.name}}}` is never closed"
    end = last.start + len("\\begin{}") + len(last.name)
    return Unreadable(message, last.start, end, f"close it with `\\end{{{last.name}}}`")


def _unmatched(found: re.Match[str], last: _Open | None) -> Unreadable:
    if last is not None and not last.name:
        return _never_closed(last)
    if last is None or found[0] == "}":
        help = "leave it out, or paste what it closes too"
        return Unreadable(f"this `{found[0]}` closes nothing", *found.span(), help)
    return Unreadable(
        f"this `{found[0]}` closes a `\\begin{{{last.name}}}`",
        *found.span(),
        f"close what is open first, with `\\end{{{last.name}}}`",
    )
