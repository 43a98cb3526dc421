"""The columns of a pasted table, by their headers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from archdsl.errors import ArchError, nearest
from archdsl.notation.vocabulary import vocabulary
from archdsl.quantities import TABLE_SPELLINGS, table_quantity, unit_letter
from archdsl.text.grids import Cell, Grid
from archdsl.text.source import Source

Role = Literal[
    "name",
    "type",
    "kernel",
    "width",
    "times",
    "stride",
    "attribute",
    "companion",
    "argument",
    "claim",
    "network",
    "struck",
]

# What such a column holds goes to the layer of its row.
FEEDING = ("kernel", "width", "times", "stride", "attribute", "companion", "argument")
# What a layer is told by name, by the header of the column.
ATTRIBUTES = {"padding": "pad", "pad": "pad", "groups": "groups", "dilation": "dilation"}
SIZES = ("kernel", "kernel size", "ksize", "filter size")  # of kernels: one number is a length
KNOWN: dict[str, Role] = {
    **{spelling: "claim" for spelling in TABLE_SPELLINGS},
    # A column `layers` names rows, though `layers` counts weight layers elsewhere.
    **dict.fromkeys(("layer name", "layers", "layer", "stage", "name", "network", "model"), "name"),
    **dict.fromkeys(("group name", "block name", "#"), "name"),
    **dict.fromkeys(("type", "operator", "operation", "layer type"), "type"),
    **dict.fromkeys(("layer name/type", "type/stride", "operator/stride"), "type"),
    **dict.fromkeys(
        (
            "patch size/stride",
            "patch size/stride or remarks",
            "size/stride",
            *(*SIZES, "kernel shape", "filter shape", "filter"),
            *("kernel size/stride", "filter size/stride"),
        ),
        "kernel",
    ),
    **dict.fromkeys(("c", "#ch", "#out", "#channels", "channels", "width"), "width"),
    **dict.fromkeys(("filters", "#filters", "out channels", "output channels"), "width"),
    **dict.fromkeys(("n", "repeat", "repeats", "#repeats", "#layers", "#blocks"), "times"),
    **dict.fromkeys(("s", "stride"), "stride"),
    **dict.fromkeys(ATTRIBUTES, "attribute"),
    **dict.fromkeys(("activation", "activation function", "nonlinearity"), "companion"),
    **dict.fromkeys(("t", "pool proj", "expansion"), "argument"),
}
# What may be said of either side of a layer: which, its table does not tell.
AMBIGUOUS = {
    "size": ("kernel size", "output size"),
    "resolution": ("input size", "output size"),
    "shape": ("kernel shape", "output shape"),
    "feature map": ("input size", "output size"),
    "feature map size": ("input size", "output size"),
    "feature maps": ("channels", "output size"),
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_LOOKS = "•◦○●†‡ "  # around the name of a network
# A symbol behind what it stands for: `Stage $i$`, `#Channels Ĉi`, `Resolution Ĥi × Ŵi`. A capital
# alone is none: `Type A` is a network.
_SYMBOL = r"(?:[c-t]|[A-Z]_?[a-z0-9]|(?:\\\w+|[{}])+[\w{}]*)"
_SYMBOLS = re.compile(rf"(.*?\w) {_SYMBOL}(?: ?x ?{_SYMBOL})*")
MOST_COLUMNS = 1000  # of a table
LONGEST = 100  # characters of a header in which more than what is known is looked for


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
    text = text.replace("×", "x").replace(";", " ")
    text = re.sub("[⁰¹²³⁴-⁹]+", lambda found: "^" + found[0].translate(_RAISED), text)
    text = re.sub(r"\^\{(\w+)\}", r"^\1", text)
    text = re.sub(r"(?<=[\d)]) ?x ?(?=\d)", "x", " ".join(text.split()))
    return re.sub(r" ?/ ?", "/", text)


def quantity_of(text: str) -> tuple[str, str] | None:
    """The quantity that a header or the name of a row is about, and the unit of its figures."""
    text = squeezed(text).lower().rstrip(".:")
    unit = ""
    if found := re.fullmatch(r"(.*?) ?\((?:in |x)?([\w^]+)\)", text):
        unit = unit_letter(found[2])
        text = found[1] if unit else text
    text = re.sub(r"^(?:number of|no\.? of|total|#) ?| #$", "", text)
    quantity = table_quantity(text)
    return (quantity.name, unit) if quantity else None


def columns(source: Source, grid: Grid, parameters: Collection[str] = ()) -> list[Column]:
    """The columns of a table, by number; `parameters` are those of the blocks in its file.

    Raises ArchError for a header that means nothing.
    """
    cells: dict[int, Cell] = {}
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
        cells |= dict.fromkeys(range(cell.column, cell.column + cell.wide), cell)
    _check_turned(source, grid)
    found = [_column(source, cells[index]) for index in sorted(cells)]
    if any(column.role == "network" for column in found):
        # Where layers stand below, a struck header is damage. Else its column is struck with it.
        found = [c._replace(role="name") if c.role == "struck" else c for c in found]
    _check_headers(source, grid, found)
    asked = {spelled(name) for name in parameters}
    given = [c._replace(role="argument") if _is_asked(c, asked) else c for c in found]
    if not any(column.role == "type" for column in found):
        if any(column.role == "network" for column in given):
            # Beside networks there is no layer of the row that such a column could feed.
            found = [_beside_networks(source, c) if c.role in FEEDING else c for c in found]
            return [_network(source, c) if c.role == "network" else c for c in found]
        # `Layer | Output size | Params`: the names are the layers, those next to what they do.
        named = [i for i, c in enumerate(given) if c.role == "name" and c.text]
        if named:
            given[named[-1]] = given[named[-1]]._replace(role="type")
    errors = [_unknown(source, c, parameters) for c in given if c.role == "network"]
    if errors:
        raise ArchError.several(errors)
    return given


def _is_asked(column: Column, asked: Collection[str]) -> bool:
    return column.role == "network" and spelled(column.text) in asked


def has_parameters(text: str) -> bool:
    """Whether parentheses behind a name give parameters; those of `ResNeXt-50 (32×4d)` do not."""
    _, opening, inside = text.partition("(")
    return bool(opening) and (
        "=" in inside or re.fullmatch(r" ?[A-Za-z_]\w* ?\)?", inside) is not None
    )


def spelled(name: str) -> str:
    """A name as headers and parameters share it: `exp size` is `exp_size`."""
    return re.sub(r"[\W_]", "", name.partition("(")[0]).lower()


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
    if not text:
        return Column("struck" if "~~" in source.span(*cell[1:3]).text else "name", text, cell)
    # One letter is a network, or a column in small letters: VGG's `C`, MobileNetV2's `c`.
    if len(text) == 1 and text.isupper():
        return Column("network", text, cell)
    known = known_header(text)
    if known in KNOWN and KNOWN[known] != "claim":
        return Column(KNOWN[known], known if KNOWN[known] == "attribute" else text, cell)
    if re.fullmatch(r"#\d+x\d+( reduce)?", known):
        return Column("argument", text, cell)
    if said := quantity_of(text) or quantity_of(known):
        return Column("claim", text, cell, *said)
    if known in AMBIGUOUS:
        one, other = AMBIGUOUS[known]
        raise ArchError(
            f"what is `{text}` of?",
            source.span(cell.start, cell.end),
            help=f"write `{one}`, or `{other}`",
        )
    return Column("network", text.strip(_LOOKS), cell)


def known_header(text: str) -> str:
    """A squeezed header in small letters; as the list of known ones has it, where only a symbol,
    `#Channels $C_i$`, or a remark, `filter size (if not a fire layer)`, stands behind that.

    A remark says which figures a column of claims holds, or whose widths: there it stays.
    """
    known = re.sub(r"^(?:number|no\.?|num\.?) of |^# ", "#", text.lower().replace("_", " "))
    known = known.rstrip(".:")
    if known in KNOWN or known in AMBIGUOUS or len(known) > LONGEST:
        return known
    if found := re.fullmatch(r"(.*?) ?\(\w+[\w ,'-]*\)", known):
        is_told = KNOWN.get(found[1]) in ("kernel", "times", "stride", "attribute", "type")
        return found[1] if is_told or _is_size(found[1]) else known
    if found := _SYMBOLS.fullmatch(_without_marks(text)):
        shorter = known_header(found[1])
        if (
            shorter in KNOWN and shorter not in ("network", "model", "name")
        ) or shorter in AMBIGUOUS:
            return shorter
    return known


def holds_names(column: Column) -> bool:
    """Whether a column of types is called as those of names are: `Layer`, `layer name/type`."""
    known = known_header(column.text)
    return KNOWN.get(known) == "name" or "name" in known


def _is_size(known: str) -> bool:
    quantity = table_quantity(known)
    return quantity is not None and quantity.name.endswith("size")


def _without_marks(text: str) -> str:
    """Letters without what stands above them: of `Ĉ` `C`."""
    from unicodedata import combining, normalize

    return "".join(sign for sign in normalize("NFKD", text) if not combining(sign))


def _check_headers(source: Source, grid: Grid, found: Sequence[Column]) -> None:
    """Refuse cells below no header, and two columns that a row can have but one of."""
    errors = []
    nameless = {i for i, c in enumerate(found) if i and not c.text and c.role != "struck"}
    below: dict[int, Cell] = {}  # the first filled cell of each such column
    for row in grid.rows[grid.header + 1 :] if nameless else ():
        for cell in row:
            if cell.is_filled:
                for index in nameless.intersection(range(cell.column, cell.column + cell.wide)):
                    below.setdefault(index, cell)
    for index, column in enumerate(found):
        if index in below:
            errors.append(
                ArchError(
                    "no header stands above this column",
                    source.span(below[index].start, below[index].end),
                    help="write one, and of headers in two rows the lower alone; only the "
                    "first column may have none, if it holds names",
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


def _check_turned(source: Source, grid: Grid) -> None:
    """Refuse a table whose columns are stages: `output map size | 32×32 | 16×16 | 8×8`."""
    others = [c for c in grid.rows[grid.header] if c.is_filled][1:]
    sizes = [_PLAIN_SIZE.fullmatch(squeezed(source.plain[c.start : c.end])) for c in others]
    if len(sizes) > 1 and all(sizes):
        raise ArchError(
            "this table lies on its side: its columns are stages",
            source.span(others[0].start, others[-1].end),
            help="write a row for each stage: `| 32x32 | [3x3, 16; 3x3, 16] x n |`",
        )


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
_PLAIN_SIZE = re.compile(r"\d+(?:x\d+)+")
_NAME = re.compile(r"[A-Za-z0-9][\w.+*-]*(?: [\w.+*-]+)*")


def _network(source: Source, column: Column) -> Column:
    text = column.text.partition("(")[0].rstrip()
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
    *(
        "padding",
        "activation",
        "#3x3",
        "#3x3 reduce",
        "pool proj",
        "depth",
        "params",
        "ops",
        "RF size",
    ),
)


def _unknown(source: Source, column: Column, parameters: Collection[str] = ()) -> ArchError:
    near = nearest(column.text, [known for known in KNOWN if len(known) > 1])
    known = ", ".join(f"`{one}`" for one in _SHOWN_OF_ROWS)
    help = f"did you mean `{near}`?" if near else f"known: {known}"
    if parameters:
        own = ", ".join(f"`{one}`" for one in sorted(parameters))
        help += f"; and what the blocks of this file are given: {own}"
    return ArchError(
        f"unknown header `{column.text}`",
        source.span(column.cell.start, column.cell.end),
        help=help,
    )
