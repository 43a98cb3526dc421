"""The LaTeX commands that are typography: one table for lines, cells and what surrounds a table.

`\\texttt{conv3-64}` and `3\\times3` are understood wherever they appear. A command that is in no
table here is an error with its name.
"""

from __future__ import annotations

# Commands whose one argument, in braces, is text.
WRAPPING = tuple(
    "text textbf textit textrm textsf texttt textsc textsl textup textmd textnormal emph uline "
    "underline mathrm mathbf mathit mathsf mathtt operatorname boldsymbol bm hl mbox hbox "
    "ensuremath numprint".split()
)
_SIZES = " tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge"
_PLACES = " centering raggedright raggedleft noindent protect selectfont"

# Commands by the arguments that are typography too: `-` is one in braces, `?` one in brackets and
# `(` one in parentheses, which may be missing. Braces after these arguments hold text.
_BY_ARGUMENTS = {
    "": (
        " ".join(WRAPPING) + _SIZES + _PLACES + " mathcal"  # of symbols, never of layers
        " bf it rm sf tt "
        "em sl sc bfseries mdseries itshape slshape scshape upshape rmfamily sffamily ttfamily "
        "normalfont boldmath displaystyle textstyle scriptstyle arraybackslash strut mathstrut "
        "relax unskip ignorespaces leavevmode allowbreak xspace left right big Big bigg Bigg bigl "
        "Bigl biggl Biggl bigr Bigr biggr Biggr hline endhead endfirsthead endfoot endlastfoot "
        "morecmidrules"
    ),
    "?": "toprule midrule bottomrule addlinespace makecell thead shortstack footnotemark num",
    "-": (
        "cline hspace vspace ref eqref autoref cref Cref label phantom hphantom vphantom sout st "
        "arrayrulecolor hhline Xhline noalign tnote"
    ),
    "?(-": "cmidrule",
    "?-": "cellcolor columncolor color textcolor colorbox footnote footnotetext caption rotatebox",
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
ARGUMENTS = {name: form for form, names in _BY_ARGUMENTS.items() for name in names.split()}

# Commands that the language has a sign for, none of them longer than its command.
SIGNS = {
    "times": " x ",
    "texttimes": " x ",
    "cdot": " * ",
    "ast": " * ",
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
    **dict.fromkeys(("quad", "qquad", "enspace", "enskip", "thinspace", "space", "hfill"), " "),
    **dict.fromkeys(("hspace", "phantom", "hphantom"), " "),
}

# Commands that may surround a table.
AROUND = frozenset(
    f"{_SIZES} {_PLACES} setlength addtolength setcounter tabcolsep arraycolsep arrayrulewidth "
    "extrarowheight resizebox scalebox fontsize label vspace hspace smallskip medskip bigskip "
    "hfill par begingroup endgroup bgroup egroup arrayrulecolor rowcolors definecolor linespread "
    "captionsetup makeatletter makeatother newlength newpage clearpage".split()
)
# Those whose arguments hold prose or definitions, never a table.
CLOSED = {
    **{name: ARGUMENTS[name] for name in ("caption", "footnote", "footnotetext")},
    **{"captionof": "-?-", "newcolumntype": "-?-"},
    **{"newenvironment": "-??--", "renewenvironment": "-??--"},
}
