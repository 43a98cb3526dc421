"""What is said of the rows of a table: `in "Dense Block" { 3x3 conv means conv-(k) }`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from archdsl.errors import MOST_ERRORS, ArchError, did_you_mean
from archdsl.syntax.ast import Item, Means, Misprint, Rows, Token
from archdsl.tables.columns import TableColumn, quantity_of, squeezed
from archdsl.text.grids import Cell
from archdsl.text.source import Source

MOST_RULES = 1000  # rows that something is said of
MOST_COMPARED = 200  # beginnings of rows, with one that a rule names and no row has


class Row(NamedTuple):
    """A row with the name and the sizes that it has, printed or those of the row above."""

    cells: dict[int, Cell]  # by column
    name: str
    text: str  # the whole row, without blanks: what rules are found by
    ends: frozenset[int]  # where the cells end in it
    bears: bool  # the name: of several rows of one name the last that prints no size of its own
    label: Token | None = None  # the name, where lines can be called so

    def is_whole(self, end: int) -> bool:
        """Whether no number goes on where a beginning ends: of `stage 10` `stage 1` is none."""
        is_number = self.text[end - 1 : end].isdigit() and self.text[end : end + 1].isdigit()
        return not is_number or end in self.ends


class Rules:
    """What is said of rows, by how they begin."""

    def __init__(self, source: Source, statements: Sequence[Rows]) -> None:
        self.source = source
        self.said = [
            (pressed(squeezed(name.text[1:-1])), name, statement.said)
            for statement in statements
            for name in statement.names
        ]
        if len(self.said) > MOST_RULES:
            name = self.said[MOST_RULES][1]
            raise ArchError(
                f"rules for more than {MOST_RULES:,} rows",
                source.span(name.start, name.end),
                help="say what holds for many rows once, for how they all begin",
            )
        self.said.sort(key=lambda one: -len(one[0]))  # the more is said of a row, the nearer
        self.of_row: dict[tuple[str, frozenset[int]], list[Means | Misprint | Item]] = {}
        self.met: set[int] = set()
        self.marked: set[int] = set()
        self.rows: list[str] = []  # all that there are, for "did you mean"

    def of(self, row: Row) -> list[Means | Misprint | Item]:
        """What is said of a row, the longest beginning first."""
        key = row.text, row.ends
        if key not in self.of_row:
            found: list[Means | Misprint | Item] = []
            for begins, name, said in self.said:
                if row.text.startswith(begins) and row.is_whole(len(begins)):
                    self.met.add(name.start)
                    found += said
            self.of_row[key] = found
        return self.of_row[key]

    def erratum(self, row: Row, quantity: str, column: TableColumn | None) -> str | None:
        """Why a claim of a row is an erratum, where it is said to be one."""
        for one in self.of(row):
            if isinstance(one, Misprint) and self.is_of(one, quantity, column):
                self.marked.add(one.reason.start)
                return one.reason.text[1:-1]
        return None

    def is_of(self, one: Misprint, quantity: str, column: TableColumn | None) -> bool:
        texts = [token.text[1:-1] for token in one.of if token.kind == "string"]
        words = " ".join(token.text for token in one.of if token.kind != "string")
        words = re.sub(r" ([-–]) ", r"\1", words)
        if texts and (column is None or not {*texts} & {column.text, *column.names}):
            return False
        return (
            not words or (quantity_of(words) or (words.lower().replace("_", " "),))[0] == quantity
        )

    def check(self) -> None:
        """Raises ArchError for what is said of no row, or of no claim."""
        errors: list[ArchError] = []
        for _, name, said in self.said:
            if len(errors) == MOST_ERRORS:
                break
            if name.start not in self.met:
                rows = dict.fromkeys(self.rows[:MOST_COMPARED])
                near = did_you_mean(name.text[1:-1], rows)
                errors.append(
                    ArchError(
                        f"no row of a table begins with {name.text}",
                        self.source.span(name.start, name.end),
                        help=near or "write how the row begins, as it is printed",
                    )
                )
                continue
            for one in said:
                if isinstance(one, Misprint) and one.reason.start not in self.marked:
                    self.marked.add(one.reason.start)
                    first = one.of[0] if one.of else one.reason
                    errors.append(
                        ArchError(
                            "this erratum is of no claim of the row",
                            self.source.span(first.start, one.reason.end),
                            help='write `erratum params "the reason"`, or the column: '
                            '`erratum "50-layer" "the reason"`',
                        )
                    )
        if errors:
            raise ArchError.several(errors)


def pressed(text: str) -> str:
    return re.sub(r"\s", "", text).lower()
