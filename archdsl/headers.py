"""The columns of a pasted table, by their headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from archdsl.errors import ArchError, Source, nearest
from archdsl.tabular import Cell, Grid
from archdsl.vocabulary import vocabulary

Role = Literal["name", "type", "kernel", "width", "times", "stride", "argument", "claim", "network"]

# What the papers print above a column, in small letters, without the blanks around signs.
CLAIMS = {
    "output size": "output size",
    "output": "output size",
    "output shape": "output size",
    "res": "output size",
    "input size": "input size",
    "input": "input size",
    "input shape": "input size",
    "rf size": "receptive field",
    "rf": "receptive field",
    "receptive field": "receptive field",
    "params": "params",
    "param": "params",
    "parameters": "params",
    "ops": "macs",
    "flops": "macs",
    "macs": "macs",
    "madds": "macs",
    "mult-adds": "macs",
    "multiply-adds": "macs",
    "depth": "depth",
    "weight layers": "weight layers",
}
# What such a column holds goes to the layer of its row.
FEEDING: tuple[Role, ...] = ("kernel", "width", "times", "stride", "argument")
KNOWN: dict[str, Role] = {
    **dict.fromkeys(("layer name", "layers", "layer", "stage", "name", "network", "model"), "name"),
    **dict.fromkeys(("type", "operator", "operation", "layer type"), "type"),
    **dict.fromkeys(
        (
            "patch size/stride",
            "patch size/stride or remarks",
            "kernel",
            "kernel size",
            "filter size",
            "filter size/stride",
            "kernel size/stride",
        ),
        "kernel",
    ),
    **dict.fromkeys(("c", "#ch", "#out", "channels", "filters", "width"), "width"),
    **dict.fromkeys(("n", "repeat", "repeats", "#repeats"), "times"),
    **dict.fromkeys(("s", "stride"), "stride"),
    **dict.fromkeys(("t", "pool proj", "expansion"), "argument"),
    **dict.fromkeys(CLAIMS, "claim"),
}
_UNITS = {"k": "K", "m": "M", "g": "G", "thousands": "K", "millions": "M", "billions": "G"}
_UNITS |= {"10^3": "K", "10^6": "M", "10^9": "G"}


MOST_COLUMNS = 1000  # of a table


class Column(NamedTuple):
    """A column: what it is for, and its header as one line of plain text.

    `quantity` is what a column of claims claims, `unit` what its header says that its figures are
    in. `names` are the networks of a column of networks.
    """

    role: Role
    text: str
    cell: Cell
    quantity: str = ""
    unit: str = ""
    names: tuple[str, ...] = ()


def squeezed(text: str) -> str:
    """A cell on one line, with single blanks, and none where signs stand between numbers."""
    for sign, word in (("×", "x"), (";", " "), ("²", "^2")):
        text = text.replace(sign, word)
    text = re.sub(r"\^\{(\w+)\}", r"^\1", text)
    text = re.sub(r"(?<=[\d)]) ?x ?(?=\d)", "x", " ".join(text.split()))
    return re.sub(r" ?/ ?", "/", text)


def quantity_of(text: str) -> tuple[str, str] | None:
    """The quantity that a header or the name of a row is about, and the unit of its figures."""
    text = squeezed(text).lower().rstrip(".:")
    unit = ""
    if found := re.fullmatch(r"(.*?) ?\((?:in |x)?([\w^]+)\)", text):
        unit = _UNITS.get(found[2], "")
        text = found[1] if unit else text
    text = re.sub(r"^(?:number of|no\.? of|total|#) ?", "", text)
    quantity = CLAIMS.get(text)
    return (quantity, unit) if quantity else None


def columns(source: Source, grid: Grid) -> list[Column]:
    """The columns of a table, by number. Raises ArchError for a header that means nothing."""
    cells = {}
    if not grid.rows:
        raise ArchError(
            "a table without rows",
            source.span(grid.start, grid.end),
            help="below the header and its rule stand the rows",
        )
    *_, last = grid.rows[grid.header]
    if last.column + last.wide > MOST_COLUMNS:
        raise ArchError(
            f"a table of more than {MOST_COLUMNS:,} columns",
            source.span(last.start, last.end),
            help="no paper prints so many networks side by side",
        )
    for cell in grid.rows[grid.header]:
        for column in range(cell.column, cell.column + cell.wide):
            cells[column] = cell
    found = [_column(source, cells[index]) for index in sorted(cells)]
    _check_headers(source, grid, found)
    if not any(column.role == "type" for column in found):
        networks = [column for column in found if column.role == "network"]
        if not networks:
            # `Layer | Output size | Params`: the names are the layers.
            return [c._replace(role="type") if c.role == "name" else c for c in found]
        # Beside networks there is no layer of the row that such a column could feed.
        found = [_beside_networks(source, c) if c.role in FEEDING else c for c in found]
        return [_network(source, c) if c.role == "network" else c for c in found]
    errors = [_unknown(source, column) for column in found if column.role == "network"]
    if errors:
        raise ArchError.several(errors)
    return found


def names_network(text: str) -> bool:
    """Whether a header is read as the name of a network."""
    source, cell = Source("", text), Cell(0, 0, len(text))
    try:
        return bool(_network(source, _column(source, cell)).names) and (
            _column(source, cell).role == "network"
        )
    except ArchError:
        return False


def _column(source: Source, cell: Cell) -> Column:
    text = squeezed(source.plain[cell.start : cell.end])
    known = text.lower().rstrip(".")
    if not text:
        return Column("name", text, cell)
    # One letter is a network, or a column in small letters: VGG's `C`, MobileNetV2's `c`.
    if len(text) == 1 and text.isupper():
        return Column("network", text, cell)
    if known in KNOWN and KNOWN[known] != "claim":
        return Column(KNOWN[known], text, cell)
    if re.fullmatch(r"#\d+x\d+( reduce)?", known):
        return Column("argument", text, cell)
    if said := quantity_of(text):
        return Column("claim", text, cell, *said)
    return Column("network", text, cell)


def _check_headers(source: Source, grid: Grid, found: Sequence[Column]) -> None:
    """Refuse cells below no header, and two columns that a row can have but one of."""
    errors = []
    for index, column in enumerate(found):
        if index and not column.text:
            below = (c for row in grid.rows[grid.header + 1 :] for c in row if c.holds(index))
            if cell := next((cell for cell in below if cell.is_filled), None):
                errors.append(
                    ArchError(
                        "no header stands above this column",
                        source.span(cell.start, cell.end),
                        help="write one; the first column alone may have none, if it holds names",
                    )
                )
        first = next((one for one in found[:index] if _is_twice(one, column)), None)
        if first is not None:
            errors.append(
                ArchError(
                    f"two columns for one thing: `{first.text}` and `{column.text}`",
                    source.span(column.cell.start, column.cell.end),
                    help="strike one of the two",
                )
            )
    if errors:
        raise ArchError.several(errors)


def _is_twice(one: Column, other: Column) -> bool:
    if one.role in ("type", "kernel", "width", "times", "stride"):
        return one.role == other.role and one.cell is not other.cell
    return one.role == "argument" and one.text.lower() == other.text.lower()


def _is_layer(name: str) -> bool:
    """Whether a name is the spelling of layers: `conv3-64`, `average pool`."""
    known = vocabulary().layers
    words = [word.lower() for word in re.split(r"[\W_\d]+", name) if word]
    return tuple(words) in known or (bool(words) and all((word,) in known for word in words))


def _beside_networks(source: Source, column: Column) -> Column:
    """A column that would feed the layer of its row; of one letter it is a network: VGG's `c`."""
    if len(column.text) == 1:
        return column._replace(role="network")
    raise ArchError(
        f"`{column.text}` beside columns that are networks",
        source.span(column.cell.start, column.cell.end),
        help="a table whose rows are layers has a column `type`, or `operator`",
    )


_SIZE = re.compile(r"\[?\d+x\d+")
_NAME = re.compile(r"[A-Za-z0-9][\w.+*-]*(?: [\w.+*-]+)*")


def _network(source: Source, column: Column) -> Column:
    text = column.text.partition("(")[0]
    names = tuple(name.strip() for name in text.split(","))
    near = nearest(column.text, [known for known in KNOWN if len(known) > 3])
    if near is not None and _alike(column.text.lower(), near):
        raise _unknown(source, column)
    place = source.span(column.cell.start, column.cell.end)
    for name in names:
        if _is_layer(name) or _SIZE.match(name):
            raise ArchError(
                f"the layer `{column.text}` where the name of a network is expected",
                place,
                help="the header is lost, or a cell has slid into it; strike it, `~~…~~`, "
                "or write the header as the paper prints it",
            )
        if not _NAME.fullmatch(name) or not re.search("[A-Za-z]", name):
            raise ArchError(
                f"`{column.text}` is no name of a network",
                place,
                help="a name is made of letters, digits, `.`, `-` and `_`; known columns are "
                f"{', '.join(f'`{known}`' for known in _SHOWN)}",
            )
    return column._replace(names=tuple(name.replace(" ", "_") for name in names))


def _alike(text: str, known: str) -> bool:
    import difflib

    return difflib.SequenceMatcher(None, text, known).ratio() > 0.8


_SHOWN = ("layer name", "output size", "input size", "params", "FLOPs")
_SHOWN_OF_ROWS = (
    *("type", "patch size/stride", "output size", "input size", "c", "n", "s", "t"),
    *("#3x3", "#3x3 reduce", "pool proj", "depth", "params", "ops", "RF size"),
)


def _unknown(source: Source, column: Column) -> ArchError:
    near = nearest(column.text, [known for known in KNOWN if len(known) > 1])
    known = ", ".join(f"`{one}`" for one in _SHOWN_OF_ROWS)
    return ArchError(
        f"unknown header `{column.text}`",
        source.span(column.cell.start, column.cell.end),
        help=f"did you mean `{near}`?" if near else f"known: {known}",
    )
