"""What the columns of a pasted table are for, by their headers.

    | Input | Operator | t | c | n | s |

are the columns of a claim (the input size), of the type of each row's layer or block, of an
argument `t` of the block, and of its width, repeats and stride. In a table without a column of
types, a column with an unknown header is a network: `| layer name | output size | 18-layer |`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from archdsl.errors import ArchError, Errors, nearest
from archdsl.figures import unit_letter
from archdsl.notation.lookup import vocabulary
from archdsl.quantities import TABLE_SPELLINGS, table_quantity
from archdsl.text.grids import Cell, Grid
from archdsl.text.limits import Limit
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
    "ignored",
]

# Columns that give values to the layer of a row.
FEEDING = ("kernel", "width", "times", "stride", "attribute", "companion", "argument")
# The attribute of a layer that a column gives, by its header.
ATTRIBUTES = {"padding": "pad", "pad": "pad", "groups": "groups", "dilation": "dilation"}
KERNEL_SIZES = ("kernel", "kernel size", "ksize", "filter size")  # a number alone is a length
# Headers in lower case, without spaces around signs. Those of claims come first: above a column,
# `layers` means the names of rows, though it counts weight layers elsewhere.
HEADERS: dict[Role, tuple[str, ...]] = {
    "claim": TABLE_SPELLINGS,
    "name": (
        *("layer name", "layers", "layer", "stage", "name", "network", "model"),
        *("group name", "block name", "#"),
    ),
    "type": (
        *("type", "operator", "operation", "layer type", "layer name/type", "module type"),
        *("block type", "operator type", "op type", "unit type", "layer kind"),
        *("type/stride", "operator/stride"),
    ),
    "kernel": (
        *("patch size/stride", "patch size/stride or remarks", "size/stride", *KERNEL_SIZES),
        *("kernel shape", "filter shape", "filter", "kernel size/stride", "filter size/stride"),
    ),
    "width": (
        *("c", "#ch", "#out", "#channels", "channels", "width", "filters", "#filters"),
        *("out channels", "output channels"),
    ),
    "times": ("n", "repeat", "repeats", "#repeats", "#layers", "#blocks"),
    "stride": ("s", "stride"),
    "attribute": tuple(ATTRIBUTES),
    "companion": ("activation", "activation function", "nonlinearity"),
    "argument": ("t", "pool proj", "expansion"),
}
KNOWN = {header: role for role, headers in HEADERS.items() for header in headers}
# Headers that could be about either side of a layer, with what to write instead.
AMBIGUOUS = {
    "size": ("kernel size", "output size"),
    "resolution": ("input size", "output size"),
    "shape": ("kernel shape", "output shape"),
    "feature map": ("input size", "output size"),
    "feature map size": ("input size", "output size"),
    "feature maps": ("channels", "output size"),
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_DASHES = "-\u2010\u2011\u2012–—\u2212\uff0d"  # a cell of them alone is empty
_DECORATION = "•◦○●†‡ "  # around the name of a network
# A symbol after the words that it stands for: `Stage $i$`, `#Channels Ĉi`, `Resolution Ĥi × Ŵi`.
# A capital alone is not a symbol: `Type A` is a network.
_SYMBOL = r"(?:[c-t]|[A-Z]_?[a-z0-9]|(?:\\\w+|[{}])+[\w{}]*)"
_SYMBOLS = re.compile(rf"(.*?\w) {_SYMBOL}(?: ?x ?{_SYMBOL})*")
_SIZE = re.compile(r"\d+(?:x\d+)+")
_NAME = re.compile(r"[A-Za-z0-9][\w.+*-]*(?: [\w.+*-]+)*")
COLUMNS = Limit(
    1000, "a table of more than {} columns", "no paper prints so many networks side by side"
)
LONGEST_HEADER = 100  # characters of a header that is searched for more than the known headers


class TableColumn(NamedTuple):
    """A column: its role, and its header as one line of plain text.

    `quantity` is what a column of claims claims, `unit` the unit of its figures if the header gives
    one. `names` are the networks of a column of networks.
    """

    role: Role
    text: str
    cell: Cell
    quantity: str = ""
    unit: str = ""
    names: tuple[str, ...] = ()


def squeezed(text: str) -> str:
    """The text of a cell on one line, with single spaces, and none around signs between numbers."""
    if text.isascii() and text.isalnum():
        return text  # most cells are a number or a word
    text = text.replace("×", "x").replace(";", " ")
    text = re.sub("[⁰¹²³⁴-⁹]+", lambda found: "^" + found[0].translate(_RAISED), text)
    text = re.sub(r"\^\{(\w+)\}", r"^\1", text)
    text = re.sub(r"(?<=[\d)]) ?x ?(?=\d)", "x", " ".join(text.split()))
    return re.sub(r" ?/ ?", "/", text)


def cell_text(source: Source, cell: Cell) -> str:
    """The text of a cell on one line; empty for dashes alone."""
    text = squeezed(source.plain[cell.start : cell.end])
    return text if text.strip(_DASHES) else ""


def quantity_of(text: str) -> tuple[str, str] | None:
    """The quantity that a header or the name of a row names, and the unit of its figures."""
    text = squeezed(text).lower().rstrip(".:")
    unit = ""
    if found := re.fullmatch(r"(.*?) ?\((?:in |x)?([\w^]+)\)", text):
        unit = unit_letter(found[2])
        text = found[1] if unit else text
    text = re.sub(r"^(?:number of|no\.? of|total|#) ?| #$", "", text)
    quantity = table_quantity(text)
    return (quantity.name, unit) if quantity else None


def read_columns(source: Source, grid: Grid, parameters: Collection[str] = ()) -> list[TableColumn]:
    """The columns of a table, by number. A column may be named after one of the `parameters` of
    the blocks of its file.

    Raises ArchError for an unknown header.
    """
    columns = [_column(source, cell) for cell in _header_cells(source, grid)]
    if any(column.role == "network" for column in columns):
        # With layers below it, a struck-out header is damage; otherwise the column is ignored.
        columns = [c._replace(role="name") if c.role == "ignored" else c for c in columns]
    _check_headers(source, grid, columns)
    names = {normal_name(name) for name in parameters}
    with_arguments = [
        column._replace(role="argument")
        if column.role == "network" and normal_name(column.text) in names
        else column
        for column in columns
    ]
    if not any(column.role == "type" for column in columns):
        if any(column.role == "network" for column in with_arguments):
            first = next(column.text for column in with_arguments if column.role == "network")
            return [_with_networks(source, column, first) for column in columns]
        # `Layer | Output size | Params`: the rows are named after their layers.
        named = [i for i, c in enumerate(with_arguments) if c.role == "name" and c.text]
        if named:
            with_arguments[named[-1]] = with_arguments[named[-1]]._replace(role="type")
    unknown = (column for column in with_arguments if column.role == "network")
    Errors(_unknown(source, column, parameters) for column in unknown).check()
    return with_arguments


def _header_cells(source: Source, grid: Grid) -> list[Cell]:
    """The header of each column, by number. Raises ArchError for what cannot be the header of a
    table."""
    if not grid.rows:
        raise ArchError(
            "a table without rows",
            source.span(grid.start, grid.end),
            help="the rows follow the header and its rule",
        )
    *_, last = grid.rows[grid.header]
    if last.column + last.wide > COLUMNS.most:
        raise ArchError.beyond(COLUMNS, source.span(last.start, last.end))
    _check_turned(source, grid)
    return [cell for cell in grid.rows[grid.header] for _ in range(cell.wide)]


def has_parameters(text: str) -> bool:
    """Whether the parentheses after a name hold parameters, unlike those of
    `ResNeXt-50 (32×4d)`."""
    _, opening, inside = text.partition("(")
    return bool(opening) and (
        "=" in inside or re.fullmatch(r" ?[A-Za-z_]\w* ?\)?", inside) is not None
    )


def normal_name(name: str) -> str:
    """A name as headers and parameters share it: `exp size` is `exp_size`."""
    return re.sub(r"[\W_]", "", name.partition("(")[0]).lower()


def names_network(text: str) -> bool:
    """Whether a header is read as the name of a network."""
    source = Source("", text)
    try:
        column = _column(source, Cell(0, 0, len(text)))
        return column.role == "network" and bool(_network(source, column).names)
    except ArchError:
        return False


def _column(source: Source, cell: Cell) -> TableColumn:
    span = source.span(cell.start, cell.end)
    text = squeezed(source.plain[cell.start : cell.end])
    if not text:
        return TableColumn("ignored" if "~~" in span.text else "name", text, cell)
    # One letter is a network, or a column if it is in lower case: VGG's `C`, MobileNetV2's `c`.
    if len(text) == 1 and text.isupper():
        return TableColumn("network", text, cell)
    known = known_header(text)
    if known in KNOWN and KNOWN[known] != "claim":
        return TableColumn(KNOWN[known], known if KNOWN[known] == "attribute" else text, cell)
    if re.fullmatch(r"#\d+x\d+( reduce)?", known):
        return TableColumn("argument", text, cell)
    if quantity := quantity_of(text) or quantity_of(known):
        return TableColumn("claim", text, cell, *quantity)
    if known in AMBIGUOUS:
        one, other = AMBIGUOUS[known]
        raise ArchError(f"what is `{text}` of?", span, help=f"write `{one}`, or `{other}`")
    return TableColumn("network", text.strip(_DECORATION), cell)


def known_header(text: str) -> str:
    """A squeezed header in lower case; as in the list of known headers if only a symbol follows,
    `#Channels $C_i$`, or a remark, `filter size (if not a fire layer)`.

    A remark on claims or widths stays, since it tells which figures, or whose widths, these are.
    """
    known = re.sub(r"^(?:number|no\.?|num\.?) of |^# ", "#", text.lower().replace("_", " "))
    known = known.rstrip(".:")
    if known in KNOWN or known in AMBIGUOUS or len(known) > LONGEST_HEADER:
        return known
    if found := re.fullmatch(r"(.*?) ?\(\w+[\w ,'-]*\)", known):
        is_feeding = KNOWN.get(found[1]) in ("kernel", "times", "stride", "attribute", "type")
        quantity = table_quantity(found[1])
        is_size = quantity is not None and quantity.name.endswith("size")
        return found[1] if is_feeding or is_size else known
    if found := _SYMBOLS.fullmatch(_without_accents(text)):
        shorter = known_header(found[1])
        is_known = shorter in KNOWN and shorter not in ("network", "model", "name")
        if is_known or shorter in AMBIGUOUS:
            return shorter
    return known


def holds_names(column: TableColumn) -> bool:
    """Whether a column of types is headed as columns of names are: `Layer`, `layer name/type`."""
    known = known_header(column.text)
    return KNOWN.get(known) == "name" or "name" in known


def _without_accents(text: str) -> str:
    """`C` for `Ĉ`."""
    from unicodedata import combining, normalize

    return "".join(sign for sign in normalize("NFKD", text) if not combining(sign))


def _check_headers(source: Source, grid: Grid, columns: Sequence[TableColumn]) -> None:
    """Refuse filled cells below an empty header, and two columns where a row can have only one."""
    errors = Errors()
    nameless = {i for i, c in enumerate(columns) if i and not c.text and c.role != "ignored"}
    below: dict[int, Cell] = {}  # the first filled cell of each such column
    for row in grid.rows[grid.header + 1 :] if nameless else ():
        for cell in row:
            if cell.is_filled:
                for index in nameless.intersection(range(cell.column, cell.column + cell.wide)):
                    below.setdefault(index, cell)
    for index, column in enumerate(columns):
        if index in below:
            errors.append(
                ArchError(
                    "this column has no header",
                    source.span(below[index].start, below[index].end),
                    help="write one, and only the lower of headers in two rows; only the first "
                    "column may have none, if it holds names",
                )
            )
        first = next((one for one in columns[:index] if _are_alike(one, column)), None)
        if first is not None:
            errors.append(
                ArchError(
                    f"two columns for the same thing: `{first.text}` and `{column.text}`",
                    source.span(column.cell.start, column.cell.end),
                    help="remove one of the two",
                )
            )
    errors.check()


def _check_turned(source: Source, grid: Grid) -> None:
    """Refuse a table whose columns are stages: `output map size | 32×32 | 16×16 | 8×8`."""
    others = [c for c in grid.rows[grid.header] if c.is_filled][1:]
    sizes = [_SIZE.fullmatch(squeezed(source.plain[c.start : c.end])) for c in others]
    if len(sizes) > 1 and all(sizes):
        raise ArchError(
            "this table is transposed: its columns are stages",
            source.span(others[0].start, others[-1].end),
            help="write a row for each stage: `| 32x32 | [3x3, 16; 3x3, 16] x n |`",
        )


def _are_alike(one: TableColumn, other: TableColumn) -> bool:
    if one.role in ("type", "kernel", "width", "times", "stride"):
        return one.role == other.role and one.cell is not other.cell
    return one.role == "argument" and one.text.lower() == other.text.lower()


def _is_layer(name: str) -> bool:
    """Whether a name spells layers: `conv3-64`, `average pool`."""
    known = vocabulary().layers
    words = [word.lower() for word in re.split(r"[\W_\d]+", name) if word]
    return tuple(words) in known or (bool(words) and all((word,) in known for word in words))


def _with_networks(source: Source, column: TableColumn, first: str) -> TableColumn:
    """A column of a table whose columns are networks, of which the first is called `first`. A row
    has no layer of its own that the column could give a value to; if its header is one letter, it
    is a network: VGG's `c`."""
    if column.role in FEEDING and len(column.text) > 1:
        raise ArchError(
            f"the column `{column.text}` next to columns that are networks",
            source.span(column.cell.start, column.cell.end),
            help="a table whose rows are layers has a column `type`, or `operator`: "
            f"if that is `{first}`, call it so",
        )
    return _network(source, column) if column.role in ("network", *FEEDING) else column


def _network(source: Source, column: TableColumn) -> TableColumn:
    """The column with the names of its networks. Raises ArchError for what cannot be one."""
    text = column.text.partition("(")[0].rstrip()
    names = tuple(name.strip() for name in text.split(","))
    near = nearest(column.text, [known for known in KNOWN if len(known) > 3])
    if near is not None and _is_misspelt(column.text.lower(), near):
        raise _unknown(source, column)
    span = source.span(column.cell.start, column.cell.end)
    for name in names:
        if _is_layer(name) or _SIZE.match(name.removeprefix("[")):
            raise ArchError(
                f"the layer `{column.text}` where the name of a network is expected",
                span,
                help="the header is lost, or a cell has slid into it; strike it out, `~~…~~`, "
                "or write the header as the paper prints it",
            )
        if not _NAME.fullmatch(name) or not re.search("[A-Za-z]", name):
            raise ArchError(
                f"`{column.text}` is not a valid name of a network",
                span,
                help="a name is made of letters, digits, `.`, `-` and `_`; known columns are "
                f"{', '.join(f'`{known}`' for known in _EXAMPLES)}",
            )
    return column._replace(role="network", names=tuple(name.replace(" ", "_") for name in names))


def _is_misspelt(text: str, known: str) -> bool:
    import difflib

    return difflib.SequenceMatcher(None, text, known).ratio() > 0.8


_EXAMPLES = ("layer name", "output size", "input size", "params", "FLOPs")
_EXAMPLES_OF_ROWS = (
    *("type", "patch size/stride", "output size", "input size", "c", "n", "s", "t", "padding"),
    *("activation", "#3x3", "#3x3 reduce", "pool proj", "depth", "params", "ops", "RF size"),
)


_EXPANSION = re.compile(r"(?:exp|expan|expand|expansion)[ _]?(?:size|factor|ratio)?", re.IGNORECASE)


def _unknown(source: Source, column: TableColumn, parameters: Collection[str] = ()) -> ArchError:
    near = nearest(column.text, [known for known in KNOWN if len(known) > 1])
    known = ", ".join(f"`{one}`" for one in _EXAMPLES_OF_ROWS)
    help = f"did you mean `{near}`?" if near else f"known: {known}"
    if _EXPANSION.fullmatch(column.text):
        help = (
            "an expansion is an argument of a block, whose parameter has the name of the column: "
        )
        help += "`block bneck(exp_size, c) { … }`"
    if parameters:
        own = ", ".join(f"`{one}`" for one in sorted(parameters))
        help += f"; and the parameters of the blocks of this file: {own}"
    return ArchError(
        f"unknown header `{column.text}`",
        source.span(column.cell.start, column.cell.end),
        help=help,
    )
