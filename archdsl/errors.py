"""The one error type for everything that is wrong with a spec, and its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from archdsl.text.limits import Limit
from archdsl.text.printable import printable
from archdsl.text.source import Span

MOST_ERRORS = 1000  # a text is not checked further after this many
SHOWN = 20  # errors in one message; `archdsl check` shows all
LONGEST_MESSAGE = 400  # characters of a message
MOST_COMPARED = 16  # known words that are compared with a misspelt one
EXCERPT = 110  # characters of the line that an error quotes


class Note(NamedTuple):
    """A further fact about an error, and the text that it is about, if any."""

    message: str
    span: Span | None = None


class ArchError(Exception):
    """What is wrong with a spec, where, and what to write instead.

    `help` is a text, or a function that gives it. `others` holds further errors of the same text:
    all are shown at once. `str(error)` is what the command line prints, `exit_code` its exit
    status.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        span: Span | None = None,
        notes: Sequence[Note] = (),
        help: str | Callable[[], str] | None = None,
        others: Sequence[ArchError] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.notes = tuple(notes)
        self._help = help
        self.others = tuple(others)

    @property
    def help(self) -> str | None:
        """What to write instead. A search for similar names is only made for errors that are shown,
        as a text may have thousands."""
        if callable(self._help):
            self._help = self._help()
        return self._help

    @help.setter
    def help(self, help: str | None) -> None:
        self._help = help

    @classmethod
    def several(cls, errors: Sequence[ArchError]) -> ArchError:
        """One error that carries all of them, without repetitions."""
        unique: dict[tuple[str, Span | None], ArchError] = {}
        for error in errors:
            unique.setdefault((error.message, error.span), error)
        first, *rest = unique.values()
        return cls(first.message, first.span, first.notes, first.help, rest)

    @classmethod
    def beyond(cls, limit: Limit, span: Span | None) -> ArchError:
        """The error for more than a limit allows."""
        return cls(limit.message, span, help=limit.help)

    def __str__(self) -> str:
        return render(self)

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show: the error is in a text, so no code is of interest."""
        return str(self).splitlines()


class Errors(list[ArchError]):
    """Errors that are kept, so that the user sees all at once.

    `with errors:` keeps the errors that its block raises; `errors.check()` raises all.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, ArchError):
            self.extend((error, *error.others))
        return isinstance(error, ArchError)

    def check(self) -> None:
        if self:
            raise ArchError.several(self[:MOST_ERRORS])


def render(error: ArchError, most: int | None = SHOWN) -> str:
    """The error as text: message, file:line:column, the line with carets, notes, help.

    Shows the first `most` of several errors, and how many there are.
    """
    errors = (error, *error.others)
    shown = [_render_one(one) for one in errors[:most]]
    if len(errors) > len(shown):
        shown.append(f"{len(shown)} of {len(errors)} errors: `archdsl check` shows all")
    elif error.others:
        shown.append(f"{len(shown)} errors")
    # The text may contain file names: no character may move the terminal's cursor.
    text = "\n\n".join(shown)
    return printable(text, keep="\n\t")


def _render_one(error: ArchError) -> str:
    lines = [f"error: {_cut(error.message)}"]
    if error.span is not None:
        lines += _excerpt(error.span)
        if cell := error.span.source.cell(error.span.start):
            lines.append(f"note: {cell}")
    for note in error.notes:
        cell = note.span.source.cell(note.span.start) if note.span else None
        shown = "" if cell is None or f"note: {cell}" in lines else f", {cell}"
        lines.append(f"note: {_cut(note.message)}{shown}")
        if note.span is not None:
            lines += _excerpt(note.span)
    if error.help:
        lines.append("help: " + _cut(error.help, keep="\n\t"))
    return "\n".join(lines)


def _cut(text: str, keep: str = "\t") -> str:
    """Shortens a message that quotes a very long word. A file name in it may have several lines; a
    help has those that are to be written."""
    text = printable(text, keep)
    half = LONGEST_MESSAGE // 2
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:half]}…{text[-half:]}"


def _excerpt(span: Span) -> list[str]:
    source = span.source
    number, _ = source.position(span.start)
    start, end = source.line(span.start)
    text = source.text[start:end]
    width = max(1, min(span.end, end) - span.start)
    column = span.start - start
    # A line may be megabytes long: show the part around the span.
    cut = max(0, min(column - EXCERPT // 3, len(text) - EXCERPT))
    shown = text[cut : cut + EXCERPT]
    if cut:
        shown = "…" + shown[1:]
    if cut + EXCERPT < len(text):
        shown = shown[:-1] + "…"
    column -= cut
    width = min(width, EXCERPT - column)
    # Control characters would move the carets, or the terminal's cursor.
    shown = printable(shown, keep="\t")
    blank = "".join("\t" if c == "\t" else " " for c in shown[:column])
    gutter = " " * len(str(number))
    return [
        f"{gutter}--> {span}",
        f"{gutter} |",
        f"{number} | {shown}",
        f"{gutter} | {blank}{'^' * width}",
    ]


def same_name(kind: str, name: str, span: Span, first: Span | None = None) -> ArchError:
    """The error for a second line, block or network with the name of another."""
    notes = [Note("the first is here", first)] if first else []
    help = f"give each {kind} a name of its own"
    return ArchError(f"two {kind}s are called `{name}`", span, notes, help)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is closest to a misspelt one, or None.

    A text may have thousands of names, and as many misspelt ones: of many words only those that
    share most pairs of letters with it are compared.
    """
    import difflib  # slow to import, needed only for a misspelt word

    options = frozenset(known)
    likely: Iterable[str] = options
    if len(options) > MOST_COMPARED:
        shared = Counter(one for pair in _pairs(word) for one in _by_pair(options).get(pair, ()))
        likely = [one for one, _ in shared.most_common(MOST_COMPARED)]
    spelled = {one.lower(): one for one in sorted(likely)}
    found = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def _pairs(word: str) -> Iterable[str]:
    """The pairs of adjacent letters of a word, in order, with its first letter and its last."""
    padded = f" {word.lower()} "
    return dict.fromkeys(padded[at : at + 2] for at in range(len(padded) - 1))


@lru_cache(4)
def _by_pair(words: frozenset[str]) -> Mapping[str, Sequence[str]]:
    """The words with each pair of letters."""
    found: dict[str, list[str]] = {}
    for word in sorted(words):
        for pair in _pairs(word):
            found.setdefault(pair, []).append(word)
    return found


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The help `did you mean X?`, or None if no known word is close."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else None
