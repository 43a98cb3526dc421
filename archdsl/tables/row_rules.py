"""Rules of the rows of a table: `in "Dense Block" { 3x3 conv means conv-(k) }`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, Errors, did_you_mean
from archdsl.syntax.ast import Item, Means, Misprint, Rows, Token
from archdsl.tables.columns import TableColumn, quantity_of, squeezed
from archdsl.text.grids import Cell
from archdsl.text.limits import Limit
from archdsl.text.source import Source

RULES = Limit(
    1000,
    "rules for more than {} rows",
    "write a rule for many rows once, with how they all begin",
)
MOST_COMPARED = 200  # names of rows that are compared with a name that no row has

Rule = Means | Misprint | Item


class TableRow(NamedTuple):
    """A row with its name and sizes, its own or those of the row above.

    Rules find it by how its `text`, the whole row without spaces, begins.
    """

    cells: dict[int, Cell]  # by column
    name: str
    text: str
    ends: frozenset[int]  # where the cells end in the text
    is_named: bool  # of rows with one name only the last, unless it prints a size of its own
    label: Token | None = None  # the name, if it can be a label
    own_name: str = ""  # the name, unless it is that of the row above
    has_empty: bool = False  # whether a cell of a network is empty, or has a dash
    has_dash: bool = False

    def begins_with(self, begin: str) -> bool:
        """Whether the row begins with a text that does not end within a number: `stage 10` does not
        begin with `stage 1`."""
        end = len(begin)
        is_number = self.text[end - 1 : end].isdigit() and self.text[end : end + 1].isdigit()
        return self.text.startswith(begin) and (not is_number or end in self.ends)


class RowRules:
    """The rules of all rows of a network, by how the rows begin."""

    def __init__(self, source: Source, statements: Sequence[Rows]) -> None:
        self.source = source
        self.rules = [
            (without_spaces(squeezed(name.text[1:-1])), name, statement.rules)
            for statement in statements
            for name in statement.names
        ]
        if len(self.rules) > RULES.most:
            name = self.rules[RULES.most][1]
            raise ArchError.beyond(RULES, source.span(name.start, name.end))
        self.rules.sort(key=lambda rule: -len(rule[0]))  # the longest beginning is the nearest
        self.of_row: dict[tuple[str, frozenset[int]], list[Rule]] = {}
        self.used: set[int] = set()  # names that a row begins with, by their offsets
        self.marked: set[int] = set()  # errata of a claim, by the offsets of their reasons
        self.rows: list[str] = []  # the beginnings of all rows, for "did you mean"

    def of(self, row: TableRow) -> list[Rule]:
        """The rules of a row, those of the longest beginning first."""
        key = row.text, row.ends
        if key not in self.of_row:
            found: list[Rule] = []
            for begin, name, rules in self.rules:
                if row.begins_with(begin):
                    self.used.add(name.start)
                    found += rules
            self.of_row[key] = found
        return self.of_row[key]

    def erratum(self, row: TableRow, quantity: str, column: TableColumn | None) -> str | None:
        """The reason why a claim of a row is an erratum, if a rule gives one."""
        for rule in self.of(row):
            if isinstance(rule, Misprint) and self.is_about(rule, quantity, column):
                self.marked.add(rule.reason.start)
                return rule.reason.text[1:-1]
        return None

    def is_about(self, rule: Misprint, quantity: str, column: TableColumn | None) -> bool:
        headers = [token.text[1:-1] for token in rule.of if token.kind == "string"]
        words = " ".join(token.text for token in rule.of if token.kind != "string")
        words = re.sub(r" ([-–]) ", r"\1", words)
        if headers and (column is None or not {*headers} & {column.text, *column.names}):
            return False
        named = quantity_of(words) or (words.lower().replace("_", " "),)
        return not words or named[0] == quantity

    def check(self) -> None:
        """Raises ArchError for a rule that no row matches, and for an erratum that no claim
        matches."""
        errors = Errors()
        for _, name, rules in self.rules:
            if name.start not in self.used:
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
            for rule in rules:
                if isinstance(rule, Misprint) and rule.reason.start not in self.marked:
                    self.marked.add(rule.reason.start)
                    first = rule.of[0] if rule.of else rule.reason
                    errors.append(
                        ArchError(
                            "the row has no claim that this erratum is about",
                            self.source.span(first.start, rule.reason.end),
                            help='write `erratum params "the reason"`, or the column: '
                            '`erratum "50-layer" "the reason"`',
                        )
                    )
        errors.check()


def without_spaces(text: str) -> str:
    """A text by which rows are found: in lower case, without spaces."""
    return re.sub(r"\s", "", text).lower()
