"""The registry of statements: one entry for each kind of line that the grammar knows.

A statement is a rule of grammar/arch.lark and a node in archdsl/syntax/ast.py of the same
registered name. The node says how it is built from what the rule has read (`of`), how it is
written (`form`, an example), whether a network may have several, and, where it is printed again,
its text. Which lines begin a statement is in archdsl/text/statements.py, from the grammar itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T", bound=type)


class Kind(NamedTuple):
    """A kind of statement.

    `keyword`: its first word, empty if it has none of its own. `once`: how an error names a second
    one in a network, empty if there may be several.
    """

    rule: str
    node: Any
    form: str
    keyword: str
    once: str


STATEMENTS: dict[str, Kind] = {}  # by the rule of the grammar
FORMS: dict[str, str] = {}  # an example by keyword, the first of several


def statement(
    rule: str, form: str = "", keyword: str | None = None, once: str = ""
) -> Callable[[T], T]:
    """Registers the node of a rule of the grammar.

    `form` is an example, or several after `, or `; `keyword` by default its first word.
    """
    word = form.partition(" ")[0] if keyword is None else keyword

    def register(node: T) -> T:
        STATEMENTS[rule] = Kind(rule, node, form, word, once)
        if word:
            FORMS.setdefault(word, form)
        return node

    return register


def kind_of(node: object) -> Kind:
    """The kind of a statement."""
    return next(kind for kind in STATEMENTS.values() if kind.node is type(node))
