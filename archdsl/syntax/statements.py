"""The registry of statements: one entry for each kind of line that the grammar knows.

A statement is a rule of grammar/arch.lark and a node in archdsl/syntax/ast.py, registered under the
name of the rule with its form (an example), its fields from what the rule has read, and whether a
network may have several. A statement that archdsl writes again has a method `printed`. Which lines
begin a statement is in archdsl/text/statements.py, from the grammar itself.
"""

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
    build: Callable[[list[Any]], Any]


STATEMENTS: dict[str, Kind] = {}  # by the rule of the grammar
FORMS: dict[str, str] = {}  # an example by keyword, the first of several


def statement(
    rule: str,
    form: str = "",
    keyword: str | None = None,
    once: str = "",
    of: Callable[[list[Any]], tuple[Any, ...]] = tuple,
) -> Callable[[T], T]:
    """Registers the node of a rule of the grammar.

    `form` is an example, or several after `, or `; `keyword` by default its first word. `of`: the
    fields of the node from the tokens and nodes that the rule has read, by default these.
    """
    word = form.partition(" ")[0] if keyword is None else keyword

    def register(node: T) -> T:
        STATEMENTS[rule] = Kind(rule, node, form, word, once, lambda read: node(*of(read)))
        if word:
            FORMS.setdefault(word, form)
        return node

    return register


def kind_of(node: object) -> Kind:
    """The kind of a statement."""
    return next(kind for kind in STATEMENTS.values() if kind.node is type(node))
