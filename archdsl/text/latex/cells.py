"""A cell of a LaTeX table as plain text: `\\textbf{7$\\times$7} conv` becomes `7 x 7 conv`.

The plain text is as long as the cell, and every word is where it was written. Markup within a word
has no width, as on paper: what follows it moves to the left, so `10$^9$` is `10^9`.
"""

from __future__ import annotations

import re

from archdsl.text.grids import Fault
from archdsl.text.latex.commands import ARGUMENTS, SIGNS
from archdsl.text.latex.user_macros import arguments

LENGTH = r"[+-]?\s*[\d.]*\s*(?:pt|em|ex|mm|cm|in|\\[A-Za-z@]+)"
LINE_END = rf"(?:\\\\\*?|\\(?:tabularnewline|cr)(?![A-Za-z@]))(?:[ \t]*\[\s*{LENGTH}\s*\])?"

_NOTHING = "\0"  # stands for markup without a sign; no text contains it
# Environments within a cell: the form of their arguments, and the signs for begin and end.
_ENVIRONMENTS = {
    **dict.fromkeys(("bmatrix", "Bmatrix", "pmatrix"), ("", "[", "]")),
    **dict.fromkeys(("matrix", "smallmatrix", "gathered", "aligned"), ("?", _NOTHING, _NOTHING)),
    **dict.fromkeys(("array", "tabular", "subarray"), ("?-", _NOTHING, _NOTHING)),
    **dict.fromkeys(("tabular*", "minipage"), ("???-", _NOTHING, _NOTHING)),
    **dict.fromkeys(("center", "flushleft", "flushright"), ("", _NOTHING, _NOTHING)),
}
ENVIRONMENT = r"\\(?:begin|end)\s*\{(?P<environment>[A-Za-z]+\*?)\}"

_TOKEN = re.compile(
    r"(?<=\d)(?P<digits>(?:(?:\{,\}|\\,)\d{3})+)(?!\d)"
    r"|(?P<blank>[~\s]+|\\[ ,;:>\n]|%[^\n]*)"
    r"|(?P<script>(?:[\^_]|\\textsuperscript)\{\w+\})"
    rf"|{ENVIRONMENT}"
    rf"|(?P<line>{LINE_END})"
    r"|(?P<nothing>[{}$]|\\(?:left|right)\s*\.|\^(?:\\d?dag(?:ger)?(?![A-Za-z])"
    r"|\{?(?:\\d?dag(?:ger)?|\\ast|\*)\}))"
    r"|\\(?P<name>[A-Za-z@]+)\*?"
    r"|\\(?P<sign>.)"
    r"|(?P<dash>---?)"
    r"|(?P<column>&)",
    re.DOTALL,
)
_JOINED = re.compile(rf"(?<=[\w^/#%()-]){_NOTHING}+(?=[\w^/,)%-])")
_FIGURE = re.compile(r"(?<=\d) *[x×*·] *(10\^\d+)")


def plain(text: str) -> tuple[str, list[Fault]]:
    """The plain text of a cell, and errors for unknown commands in it. Raises Unreadable."""
    pieces: list[str] = []
    faults: list[Fault] = []
    written = here = 0
    while found := _TOKEN.search(text, here):
        here, sign = _read(text, found, faults)
        width = here - found.start()
        # A sign that ends with a blank is padded with blanks: it stays between blanks.
        filled = sign.ljust(width, " " if sign.endswith(" ") else _NOTHING)
        pieces += [text[written : found.start()], filled]
        written = here
    words = "".join([*pieces, text[written:]])
    words = re.sub(r"\S+", lambda word: _JOINED.sub("", word[0]).ljust(len(word[0])), words)
    words = words.replace(_NOTHING, " ")
    words = _FIGURE.sub(lambda figure: f"x{figure[1]}".ljust(len(figure[0])), words)
    return words, faults


def _read(text: str, found: re.Match[str], faults: list[Fault]) -> tuple[int, str]:
    """The end of a piece of markup with its arguments, and the sign for it."""
    kind, whole, end = found.lastgroup, found[0], found.end()
    name = found["name"] or found["environment"]
    if kind == "name" and (name in SIGNS or name in ARGUMENTS):
        end = arguments(text, end, len(text), ARGUMENTS.get(name, ""))
        return end, SIGNS.get(name, _NOTHING)
    if kind == "environment" and name in _ENVIRONMENTS:
        form, opening, closing = _ENVIRONMENTS[name]
        if whole.startswith("\\end"):
            return end, closing
        return arguments(text, end, len(text), form), opening
    if kind == "name":
        help = f"define it before the table, `\\newcommand{{\\{name}}}{{…}}`, or write it out"
    elif kind == "environment":
        help = "write the lines of a cell with `\\makecell{…}`"
    elif kind == "column":
        help = "a table within a cell has one column; a sign to be seen is `\\&`"
    else:
        return end, _sign(kind, whole)
    message = f"`{whole}` of LaTeX means nothing here"
    faults.append(Fault(message, found.start(), end, help))
    return end, _NOTHING


def _sign(kind: str | None, whole: str) -> str:
    match kind:
        case "digits":
            return re.sub(r"\{,\}|\\,", ",", whole)
        case "script":
            return whole[0].replace("\\", "^") + whole[whole.index("{") + 1 : -1]
        case "sign" if whole[1] in "_#%&{}":
            return whole[1]
        case "blank":
            return " "
    return {"line": ";", "dash": "–"}.get(kind or "", _NOTHING)
