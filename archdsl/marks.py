"""A cell of a LaTeX table as plain text: what its commands look like is left out.

The plain text is as long as the cell, and every word stands where it was written, but for the
digits of `10^{9}` and `1{,}000`, which move to the left.
"""

from __future__ import annotations

import re

from archdsl.macros import Fault, arguments

LENGTH = r"[+-]?\s*[\d.]*\s*(?:pt|em|ex|mm|cm|in|bp|sp|\\[A-Za-z@]+)"
LINE_END = rf"\\\\\*?(?:[ \t]*\[\s*{LENGTH}\s*\])?|\\(?:tabularnewline|cr)(?![A-Za-z@])"

# Commands by the arguments that are typography too: `?` in brackets, `(` in parentheses, `-` in
# braces. What stands in braces behind them is kept.
_TYPOGRAPHY = {
    "": (
        "text textbf textit textrm textsf texttt textsc textsl textup textmd textnormal emph uline "
        "underline mathrm mathbf mathit mathsf mathtt mathcal operatorname boldsymbol bm hl mbox "
        "hbox ensuremath numprint bf it rm sf tt em sl sc bfseries mdseries itshape slshape "
        "scshape upshape rmfamily sffamily ttfamily normalfont boldmath tiny scriptsize "
        "footnotesize small normalsize large Large LARGE huge Huge centering raggedright "
        "raggedleft arraybackslash displaystyle textstyle scriptstyle selectfont strut mathstrut "
        "noindent hfill protect relax unskip ignorespaces leavevmode allowbreak quad qquad enspace "
        "enskip thinspace space xspace left right big Big bigg Bigg bigl Bigl biggl Biggl bigr "
        "Bigr biggr Biggr hline endhead endfirsthead endfoot endlastfoot morecmidrules"
    ),
    "?": "toprule midrule bottomrule addlinespace makecell thead shortstack footnotemark num",
    "-": (
        "cline hspace vspace ref eqref autoref cref Cref label phantom hphantom vphantom sout st "
        "arrayrulecolor hhline Xhline noalign tnote"
    ),
    "?(-": "cmidrule",
    "?-": "cellcolor columncolor color textcolor colorbox footnote footnotetext rotatebox",
    "?-??": "rowcolor",
    "??-": "cite citep citet",
    "--": "multicolumn fontsize resizebox",
    "-?": "scalebox",
    "-??": "raisebox",
    "???-": "parbox",
    "??": "makebox",
    "?--": "rule",
    "---": "specialrule",
    "?-?-?": "multirow",
}
_ARGUMENTS = {name: form for form, names in _TYPOGRAPHY.items() for name in names.split()}

# Commands that the language has a sign for.
_SIGNS = {
    "times": " x",
    "texttimes": " x",
    "cdot": "*",
    "ast": "*",
    "rightarrow": "->",
    "longrightarrow": "->",
    "to": "->",
    "textendash": "–",
    "textunderscore": "_",
    "textasciitilde": "~",
    "sim": "~",
    "approx": "≈",
    "lbrack": "[",
    "rbrack": "]",
    "newline": ";",
    "par": ";",
}
# Environments within a cell: their arguments, and the signs for their beginning and their end.
_ENVIRONMENTS = {
    **dict.fromkeys(("bmatrix", "Bmatrix", "pmatrix"), ("", "[", "]")),
    **dict.fromkeys(("matrix", "smallmatrix", "gathered", "aligned"), ("?", "", "")),
    **dict.fromkeys(("array", "tabular", "subarray"), ("?-", "", "")),
    **dict.fromkeys(("tabular*", "minipage"), ("???-", "", "")),
    **dict.fromkeys(("center", "flushleft", "flushright"), ("", "", "")),
}
ENVIRONMENT = r"\\(?:begin|end)\s*\{(?P<environment>[A-Za-z]+\*?)\}"

_TOKEN = re.compile(
    r"(?P<comment>%[^\n]*)"
    r"|(?<=\d)(?P<digits>(?:(?:\{,\}|\\,)\d{3})+)(?!\d)"
    r"|(?P<script>(?:[\^_]|\\textsuperscript)\{\w+\})"
    rf"|{ENVIRONMENT}"
    rf"|(?P<line>{LINE_END})"
    r"|(?P<delimiter>\\(?:left|right)\s*\.)"
    r"|(?P<mark>\^(?:\\d?dag(?:ger)?(?![A-Za-z])|\{?(?:\\d?dag(?:ger)?|\\ast|\*)\}))"
    r"|\\(?P<name>[A-Za-z@]+)\*?"
    r"|\\(?P<sign>.)"
    r"|(?P<dash>---?)"
    r"|(?P<blank>[{}$~\s])"
    r"|(?P<column>&)",
    re.DOTALL,
)
_POWER = re.compile(r"(?<=[\w)])[ ]*\^[ ]*(\w+)")
_FIGURE = re.compile(r"(?<=\d)[ ]*[x×*·][ ]*(10\^\d+)")


def plain(text: str) -> tuple[str, list[Fault]]:
    """The plain text of a cell, and the commands in it that mean nothing. Raises Unreadable."""
    pieces: list[str] = []
    faults: list[Fault] = []
    written = here = 0
    stop = len(text)
    while found := _TOKEN.search(text, here):
        here, sign = _read(text, found, stop, faults)
        pieces += [text[written : found.start()], sign.ljust(here - found.start())]
        written = here
    said = "".join([*pieces, text[written:]])
    said = _POWER.sub(lambda power: f"^{power[1]}".ljust(len(power[0])), said)
    said = _FIGURE.sub(lambda figure: f"x{figure[1]}".ljust(len(figure[0])), said)
    return said, faults


def _read(text: str, found: re.Match[str], stop: int, faults: list[Fault]) -> tuple[int, str]:
    """Where a mark ends with what belongs to it, and the sign for it."""
    kind, whole, end = found.lastgroup, found[0], found.end()
    if kind == "name":
        name = found["name"]
        if name in _SIGNS:
            return found.end("name"), _SIGNS[name]
        if name in _ARGUMENTS:
            return arguments(text, end, stop, _ARGUMENTS[name]), ""
    elif kind == "environment":
        name = found["environment"]
        if name in _ENVIRONMENTS:
            form, opening, closing = _ENVIRONMENTS[name]
            if whole.startswith("\\end"):
                return end, closing
            return arguments(text, end, stop, form), opening
    elif kind == "sign":
        return end, whole[1] if whole[1] in "_#%&{}" else ""
    elif kind == "column":
        message = "a `&` within a cell"
        help = "a table within a cell has one column; a sign to be seen is `\\&`"
        faults.append(Fault(message, found.start(), end, help))
        return end, ""
    else:
        return end, _sign(kind, whole)
    faults.append(
        Fault(
            f"`{whole}` of LaTeX means nothing here",
            found.start(),
            end,
            f"define it in front of the table, `\\newcommand{{\\{name}}}{{…}}`, "
            "or write what it stands for"
            if kind == "name"
            else "write its lines with `\\makecell{…}`",
        )
    )
    return end, ""


def _sign(kind: str | None, whole: str) -> str:
    if kind == "digits":
        return re.sub(r"\{,\}|\\,", ",", whole)
    if kind == "script":
        return whole[0].replace("\\", "^") + whole[whole.index("{") + 1 : -1]
    return {"line": ";", "dash": "–"}.get(kind or "", "")
