"""Tables of networks in the style of papers, as Markdown and as LaTeX, which are specs too.

| layer name | output size | resnet18 | resnet34 |
|---|---|---|---|
| conv1 | 112×112 | 7×7, 64, stride 2 |  |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from archdsl.model import Model
from archdsl.output.paper_table import lines
from archdsl.output.paper_table.lines import Piece, Pieces
from archdsl.output.paper_table.sheet import Sheet, SheetRow, sheet

NAME, SIZE, CONVENTIONS = "layer name", "output size", "conventions"


def markdown(networks: Sequence[Model]) -> str:
    """The table of networks, a column each, as Markdown that archdsl reads back.

    The statements that the table needs precede it as code. Raises ArchError for networks that
    cannot share a table.
    """
    table = sheet(networks)
    lines = [(NAME, SIZE, *table.headers)]
    if table.conventions:
        cells = (re.sub(r" *\* *", " * ", "<br>".join(own)) or "-" for own in table.conventions)
        lines.append((CONVENTIONS, "", *cells))
    for row in table.rows:
        lines.append((row.name, row.size, *_cells(row, _markdown)))
    lines += [(name, "", *figures) for name, figures in _figures(table)]
    head, *rest = (f"| {' | '.join(cells)} |" for cells in lines)
    code = (f"    {line}".rstrip() for line in _statements(table))
    return "\n".join([*code, "", head, "|---" * len(lines[0]) + "|", *rest])


def latex(networks: Sequence[Model]) -> str:
    """The table of networks, a column each, for LaTeX with booktabs.

    The statements that the table needs precede it as comments; uncommented, archdsl reads it back.
    Raises ArchError for networks that cannot share a table.
    """
    table = sheet(networks)
    count = len(table.headers)
    lines = [f"% {line}" for line in _statements(table) if line]  # not an empty comment
    lines += [f"\\begin{{tabular}}{{ll{'c' * count}}}", "\\toprule"]
    lines += [_line((NAME, SIZE, *map(_escaped, table.headers))), "\\midrule"]
    if table.conventions:
        cells = ["\\\\".join(map(_latex_statement, own)) or "-" for own in table.conventions]
        cells = [f"\\makecell{{{cell}}}" if "\\\\" in cell else cell for cell in cells]
        lines.append(_line((CONVENTIONS, "", *cells)))
    for row in table.rows:
        cells = _cells(row, _latex)
        if row.spans and count > 1:
            cells = [f"\\multicolumn{{{count}}}{{c}}{{{cells[0]}}}"]
        size = row.size.replace("×", "$\\times$")
        lines.append(_line((_escaped(row.name), size, *cells)))
    lines.append("\\midrule")
    lines += [_line((name, "", *figures)) for name, figures in _figures(table)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def _line(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _statements(table: Sheet) -> Iterator[str]:
    for block in table.blocks:
        yield from [*block.split("\n"), ""]
    yield f"network {table.name}" + f' "{table.title}"' * bool(table.title)
    for statement in table.statements:
        yield from statement.split("\n")


def _cells(row: SheetRow, typeset: Callable[[Pieces], str]) -> list[str]:
    """The cells of a row; only the first is filled if it spans all."""
    cells = row.cells[:1] + (None,) * (len(row.cells) - 1) if row.spans else row.cells
    return [typeset(cell) if cell else "" for cell in cells]


def _figures(table: Sheet) -> Iterator[tuple[str, list[str]]]:
    """The figures of the networks; in tables, FLOPs are multiply-adds."""
    for name, figures in (("params", table.params), ("FLOPs", table.macs)):
        yield name, [f"{figure:,}" for figure in figures]


# Markdown.


def _markdown(pieces: Pieces) -> str:
    text = lines.text(pieces, times="×", separator="<br>")
    return re.sub(r" *\* *", " * ", text)  # a star between spaces is not emphasis


# LaTeX.

_SPECIAL = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "_%&#${}"},
        **{sign: f"${sign}$" for sign in "<>"},
        **{"\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}"},
    }
)
_COMPOUND = re.compile(r"[A-Za-z]\w*(-\d+)?")  # `conv3-64`
_PLAIN = re.compile(r"[\d.,/() ]*")  # what mathematics sets as text does


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)


def _latex_statement(text: str) -> str:
    return _escaped(text).replace("-$>$", "$\\rightarrow$").replace("=$>$", "$=>$")


def _clear(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces whose repeats cannot be part of a size: in LaTeX spaces mean nothing."""
    clear: list[Piece] = []
    for piece in pieces:
        last = lines.text(clear).rpartition(" ")[2]
        if piece.kind != "times" or not last[-1:].isdigit() or _COMPOUND.fullmatch(last):
            clear.append(piece)
        elif last.isdigit() and (
            len(clear) == 1 or clear[-2].kind == "arrow" or clear[-2].text[1:].endswith(":")
        ):
            clear[-1] = clear[-1]._replace(kind="text", text=f"{last}x")  # `2x 3×3 conv`
        else:
            clear += [Piece("text", ","), piece._replace(blank=True)]
    return clear


def _latex(pieces: Pieces) -> str:
    """A line in text mode; its groups are in math mode, with their repeats."""
    texts = []
    for piece in _clear(pieces):
        text = f"${_group(piece)}$" if piece.kind in _GROUPS else _latex_piece(piece)
        texts.append(" " * piece.blank + text)
    return re.sub(r"(\\right(?:\]|\\\}))\$ ?\$\\times\$ ?(\d+)", r"\1\\times \2$", "".join(texts))


_GROUPS = {"bracket": ("[", "]"), "braces": ("\\{", "\\}")}


def _latex_piece(piece: Piece) -> str:
    match piece.kind:
        case "size" | "times":
            return piece.text.replace("x", "$\\times$")
        case "arrow":
            return "$\\rightarrow$"
        case "yields":
            return "$=>$"
        case _:
            return _escaped(piece.text)


def _group(piece: Piece) -> str:
    """A group in math mode: an array of its lines."""
    left, right = _GROUPS[piece.kind]
    lines = "\\\\".join(map(_in_math, piece.lines))
    return f"\\left{left}\\begin{{array}}{{c}}{lines}\\end{{array}}\\right{right}"


def _in_math(pieces: Pieces) -> str:
    """A line in math mode: figures as they are, words upright, groups as arrays."""
    texts = []
    for is_group, run in groupby(_clear(pieces), key=lambda piece: piece.kind in _GROUPS):
        if is_group:
            texts += [_group(piece) for piece in run]
            continue
        text = "".join(" " * piece.blank + _latex_piece(piece) for piece in run)
        bare = text.replace("$\\times$", "")
        figures = _PLAIN.fullmatch(bare)
        texts.append(text.replace("$", "") if figures else f"\\textrm{{{text}}}")
    return "".join(texts)
