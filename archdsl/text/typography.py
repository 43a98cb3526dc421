"""Removes the typography of a pasted text: `**conv3-64** $\\times$ 2` becomes `conv3-64 x 2`.

Markup becomes blanks, or the sign that the language has for it, in as many characters: an offset
into the plain text is an offset into the text.
"""

from __future__ import annotations

import re
from functools import cache

from archdsl.text.latex.commands import ARGUMENTS, SIGNS, WRAPPING
from archdsl.text.pytorch import unwrapped
from archdsl.text.statements import BEGINS, MEANS

# Strings and comments stay as they are: every pattern matches them first.
_KEPT = r'"[^"\n]*"|#[^\n]*'

# LaTeX, HTML and Markdown, by the sign that replaces them.
_SIGNS = {
    "[": r"\\left[ \t]*\[|\\begin\{[bB]matrix\}",
    "]": r"\\right[ \t]*\]|\\end\{[bB]matrix\}",
    ";": r"\\\\(?:\[-?[\d.]+[ ]?(?:pt|em|ex|mm|cm|in)\])?|<br[ ]*/?>",
    ",": r"(?<=[a-z] )&(?= \d+ [a-z])",
    '"': r"[“”„]",
    "%": r"\\%",
    "": r"\\(?:begin|end)\{array\}(?:\{[^}\n]*\})?|\\[,;:! ]"
    r"|</?(?:b|i|em|strong)>|~~[^~\n]+~~|\*\*|[$‘’`]",
}
_COMMANDS = "|".join(name for name in SIGNS if name not in ARGUMENTS)
_COMMAND = rf"\\(?P<command>{_COMMANDS})(?![A-Za-z])"
_WRAPPED = (
    rf"\\(?:{'|'.join(WRAPPING)})\{{(?P<tex>[^{{}}\n]*)\}}"
    r"|'(?P<quoted>[^'\n]*)'"
)
_BULLET = r"^[ \t]*(?:[-–•*·][ \t]+)+(?:\d{1,2}[.)][ \t]+)?|^[ \t]*\d{1,2}[.)][ \t]+"
# A line continues on the next one if it ends in a sign that joins or in an open parenthesis, or if
# the next one begins with `+` or `)`; a statement always begins a new line.
_STATEMENT = rf"[ \t]*(?:{BEGINS}|{MEANS})"
_OPEN_END = (
    rf"(?P<sign>->|[-,+–→(])[ \t]*(?:#[^\n]*)?\n(?!{_STATEMENT})(?=[ \t]*[^\s#])"
    r"|(?:#[^\n]*)?\n(?=[ \t]*(?:\)|\+[ \t]))"
)

# Most texts contain none of these. The patterns compile fast, those of the markup do not.
_TELLTALES = ("\\", "<", "&", "'", "$", "`", "~~", "**", "“", "”", "„", "‘", "’")
_STRINGS = re.compile(_KEPT)
_BULLETS = re.compile(r"^[ \t]*(?:[^\w\s#]|\d{1,2}[.)])[ \t]", re.MULTILINE)
_ENDS = re.compile(r"[^\w\s;\])}\"'][ \t]*(?:#|\n)|\n[ \t]*[)+]")


def plain(text: str) -> str:
    """The text without its typography, in as many characters."""
    text = unwrapped(text)
    # Join continued lines first: a minus that begins the second one is not a bullet.
    if _ENDS.search(text):
        text = _open_ends().sub(_joined, text)
    bare = _STRINGS.sub("", text)  # `"Simonyan & Zisserman"` is no reason to compile them
    if any(map(bare.__contains__, _TELLTALES)) or _BULLETS.search(bare):
        text = _marks().sub(_plain, text)
    return text


def cell(text: str) -> str:
    """`plain` for a cell of a table, where `#` does not begin a comment."""
    if "\\" in text or any(map(text.__contains__, _TELLTALES)):
        text = _cell_marks().sub(_plain, text)
    return text


@cache
def _marks() -> re.Pattern[str]:
    return re.compile("|".join((_KEPT, *_signs(), f"(?P<bullet>{_BULLET})")), re.MULTILINE)


@cache
def _cell_marks() -> re.Pattern[str]:
    return re.compile("|".join(_signs()))


def _signs() -> tuple[str, ...]:
    signs = (f"(?P<s{n}>{pattern})" for n, pattern in enumerate(_SIGNS.values()))
    return (*signs, _COMMAND, _WRAPPED)


@cache
def _open_ends() -> re.Pattern[str]:
    return re.compile(rf'"[^"\n]*"|{_OPEN_END}|#[^\n]*')


def _plain(found: re.Match[str]) -> str:
    whole = found[0]
    group = found.lastgroup
    if group is None:
        return whole  # a string or a comment
    if group in ("tex", "quoted"):
        before = " " * (found.start(group) - found.start())
        inside = (plain if found.re is _marks() else cell)(found[group])
        return before + inside + " " * (found.end() - found.end(group))
    if group == "command":
        sign = SIGNS[found[group]]
    else:
        sign = "" if group == "bullet" else list(_SIGNS)[int(group[1:])]
    return sign + " " * (len(whole) - len(sign))


def _joined(found: re.Match[str]) -> str:
    if "\n" not in found[0]:
        return found[0]  # a string or a comment
    sign = found["sign"] or ""
    return sign + " " * (len(found[0]) - len(sign))
