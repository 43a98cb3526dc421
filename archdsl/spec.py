"""The networks of a text: those it writes, those in its tables, and those derived from others.

`network wrn(depth, k) …` followed by `network wrn_28_10 = wrn(28, 10)` are two networks; the
second has the statements of the first, with values for its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import takewhile

from archdsl.errors import ArchError, did_you_mean, same_name
from archdsl.syntax.arguments import check_commas, entries_in
from archdsl.syntax.ast import (
    Block,
    Derived,
    Draft,
    Expect,
    Header,
    NetworkText,
    Paper,
    Reported,
    Rows,
    Statement,
    Table,
    Token,
    Train,
    UseFile,
)
from archdsl.syntax.parser import cell_statements, statement_span, statements_of
from archdsl.text.limits import LINES_OF_NETWORKS
from archdsl.text.source import Source, Span

OWN = (Paper, Expect, Reported, Train)  # statements that a derived network may have


def parse(source: Source) -> tuple[NetworkText, ...]:
    """The networks of a text, in order.

    A text without a `network` line is one network without a name.
    Raises ArchError with every syntax error of the text.
    """
    statements = statements_of(source)
    if not statements:
        raise ArchError(
            f"{source.name} holds no network",
            Span(source, 0, 0),
            help='begin with `network NAME "a title"` and `input 224x224 RGB`, '
            "then write one layer per line",
        )
    found: list[tuple[Header | Derived | None, list[Statement]]] = []
    # Blocks before the first network belong to all networks.
    shared: tuple[Block | UseFile, ...] = ()
    if any(isinstance(s, Header | Derived) for s in statements):
        shared = tuple(takewhile(lambda s: isinstance(s, Block | UseFile), statements))  # type: ignore[arg-type]
    for statement in statements[len(shared) :]:
        if isinstance(statement, Header | Derived):
            found.append((statement, []))
        elif found:
            found[-1][1].append(statement)
        else:
            found.append((None, [statement]))
    if len(found) > 1 and found[0][0] is None:
        raise ArchError(
            "these lines come before the first `network`",
            statement_span(source, found[0][1][0]),
            help="put them after a `network NAME` line",
        )
    _check_names(source, [header for header, _ in found])
    drafts = [Draft(header, tuple(body)) for header, body in found]
    if any(isinstance(s, Table | Rows) for s in statements):
        from archdsl.tables.networks import unfolded  # only where there are tables

        cell = partial(cell_statements, source)
        drafts = [n for draft in drafts for n in unfolded(source, draft, cell, shared)]
    _check_names(source, [draft.header for draft in drafts])  # columns are called by their headers
    return _derived(source, drafts, shared)


def _check_names(source: Source, headers: Iterable[Header | Derived | None]) -> None:
    seen: set[str] = set()
    for name in (header.name for header in headers if header is not None):
        if name.text in seen:
            raise same_name("network", name.text, _span(source, name))
        seen.add(name.text)


def _derived(
    source: Source, drafts: Sequence[Draft], shared: tuple[Block | UseFile, ...]
) -> tuple[NetworkText, ...]:
    """The networks of a text in order, derived ones with the statements of their bases.

    Raises ArchError for a base that is not in the text or that is derived from its own network,
    and for a derived network with layers of its own.
    """
    known = {draft.name: draft for draft in drafts}
    finished: dict[str, NetworkText] = {}
    found = []
    lines = 0
    for draft in drafts:
        for one in reversed(_ancestry(source, draft, known, finished)):
            network = finished[one.name] = _network(source, one, shared, finished)
            if isinstance(one.header, Derived):
                lines += len(network.statements) + len(network.derived)
            if lines > LINES_OF_NETWORKS.most:
                assert one.header is not None
                raise ArchError.beyond(LINES_OF_NETWORKS, _span(source, one.header.name))
        found.append(finished[draft.name])
    return tuple(found)


def _ancestry(
    source: Source, draft: Draft, known: dict[str, Draft], finished: dict[str, NetworkText]
) -> list[Draft]:
    """A network, its base, the base of that, up to one that is in `finished` or not derived."""
    line: list[Draft] = []
    names: set[str] = set()
    while draft.name not in finished:
        if draft.name in names:
            start = next(one for one in line if one.name == draft.name)
            assert start.header is not None
            way = " = ".join([one.name for one in line[line.index(start) :]] + [draft.name])
            raise ArchError(
                f"the network `{draft.name}` is derived from itself: {way}",
                _span(source, start.header.name),
                help="one of them needs layers of its own",
            )
        line.append(draft)
        names.add(draft.name)
        if not isinstance(draft.header, Derived):
            break
        base = draft.header.base
        if base.text not in known:
            raise ArchError(
                f"there is no network `{base.text}` in {source.name}",
                _span(source, base),
                help=did_you_mean(base.text, known.keys() - names)
                or "a network is derived from another one of its file",
            )
        draft = known[base.text]
    return line


def _network(
    source: Source,
    draft: Draft,
    shared: tuple[Block | UseFile, ...],
    finished: dict[str, NetworkText],
) -> NetworkText:
    header, own = draft
    if header is not None:
        check_commas(source, header.arguments if isinstance(header, Derived) else header.parameters)
    if not isinstance(header, Derived):
        own_parameters = entries_in(header.parameters if header else None)
        lacking = tuple(one.tokens[0].text for one in own_parameters if len(one.tokens) == 1)
        return NetworkText(source, header, own, shared, lacking=lacking)
    base = finished[header.base.text]
    for statement in own:
        if not isinstance(statement, OWN):
            raise ArchError(
                f"`{header.name.text}` is `{header.base.text}` with other parameters: "
                "it has no layers or conventions of its own",
                statement_span(source, statement),
                help=f"make what differs a parameter of `{header.base.text}`; a derived network "
                "may have `paper`, `expect`, `reported` and `train`",
            )
    kept = tuple(s for s in base.statements if _carries(s, base, own))
    arguments = entries_in(header.arguments)
    names = {one.name.text for one in arguments if one.name}
    by_position = sum(one.name is None for one in arguments)
    declared = base.header.parameters if base.header else None
    parameters = [one.tokens[0].text for one in entries_in(declared)]
    given = {*parameters[:by_position], *names}
    # An unknown name is an error when the network is built, so the network is not a template.
    lacking = () if names - {*parameters} else tuple(n for n in base.lacking if n not in given)
    return NetworkText(
        source,
        Header(header.name, declared, header.title),
        kept + own,
        shared,
        derived=(*base.derived, header),
        lacking=lacking,
        claimed=base.claimed and bool(base.lacking),
    )


def _carries(statement: Statement, base: NetworkText, own: tuple[Statement, ...]) -> bool:
    """Whether a statement of the base holds for a network derived from it, with statements `own`.

    Printed figures are about the network that declares them. A template is not a network yet: its
    figures are about the networks derived from it.
    """
    match statement:
        case Expect() | Reported():
            return bool(base.lacking)
        case Paper() | Train():
            return not any(type(s) is type(statement) for s in own)
        case _:
            return True


def _span(source: Source, token: Token) -> Span:
    return source.span(token.start, token.end)
