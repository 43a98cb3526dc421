"""A text to its networks: those it writes, those of its tables, and those made from others,
`network wrn_28_10 = wrn(28, 10)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import takewhile

from archdsl.errors import ArchError, did_you_mean
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
from archdsl.text.source import Source, Span

MOST_LINES = 1_000_000  # of the derived networks of a file, together


OWN = (Paper, Expect, Reported, Train)  # what a derived network may say of itself


def parse(source: Source) -> tuple[NetworkText, ...]:
    """The networks of a text, in order.

    A text without a `network` line is one network without a name.
    Raises ArchError with every syntax error of the text.
    """
    return _networks(source, statements_of(source))


def _networks(source: Source, statements: list[Statement]) -> tuple[NetworkText, ...]:
    if not statements:
        raise ArchError(
            f"{source.name} holds no network",
            Span(source, 0, 0),
            help='begin with `network NAME "a title"` and `input 224x224 RGB`, then a layer a line',
        )
    found: list[tuple[Header | Derived | None, list[Statement]]] = []
    # Blocks in front of the first network belong to all of them.
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
            "these lines stand before the first `network`",
            statement_span(source, found[0][1][0]),
            help="put them behind a `network NAME` line",
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
    for header in headers:
        if header is None:
            continue
        if header.name.text in seen:
            raise ArchError(
                f"two networks are called `{header.name.text}`",
                Span(source, header.name.start, header.name.end),
                help="a file holds each name once",
            )
        seen.add(header.name.text)


def _derived(
    source: Source, drafts: Sequence[Draft], shared: tuple[Block | UseFile, ...]
) -> tuple[NetworkText, ...]:
    """The networks of a text, derived ones whole, in order.

    Raises ArchError for a base that is not in the text or leads back to its network, and for a
    derived network with layers of its own.
    """
    known = {draft.name: draft for draft in drafts}
    made: dict[str, NetworkText] = {}
    found = []
    lines = 0
    for draft in drafts:
        for one in reversed(_line(source, draft, known, made)):
            network = made[one.name] = _made(source, one, shared, made)
            if isinstance(one.header, Derived):
                lines += len(network.statements) + len(network.derived)
            if lines > MOST_LINES:
                assert one.header is not None
                raise ArchError(
                    f"derived networks of more than {MOST_LINES:,} lines together",
                    _span(source, one.header.name),
                    help="keep fewer networks in a file",
                )
        found.append(made[draft.name])
    return tuple(found)


def _line(
    source: Source, draft: Draft, known: dict[str, Draft], made: dict[str, NetworkText]
) -> list[Draft]:
    """A network, its base, the base of that, up to the first that is made already."""
    line: list[Draft] = []
    names: set[str] = set()
    while draft.name not in made:
        if draft.name in names:
            start = next(one for one in line if one.name == draft.name)
            assert start.header is not None
            way = " = ".join([one.name for one in line[line.index(start) :]] + [draft.name])
            raise ArchError(
                f"the network `{draft.name}` is made from itself: {way}",
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
                or "a network is made from another of its file",
            )
        draft = known[base.text]
    return line


def _made(
    source: Source,
    draft: Draft,
    shared: tuple[Block | UseFile, ...],
    made: dict[str, NetworkText],
) -> NetworkText:
    header, own = draft
    if header is not None:
        _check_commas(
            source, header.arguments if isinstance(header, Derived) else header.parameters
        )
    if not isinstance(header, Derived):
        lacking = tuple(
            tokens[0].text
            for tokens in _split(header.parameters if header else None)
            if not tokens[1:]
        )
        return NetworkText(source, header, own, shared, lacking=lacking)
    base = made[header.base.text]
    for statement in own:
        if not isinstance(statement, OWN):
            raise ArchError(
                f"`{header.name.text}` is `{header.base.text}` with other parameters: "
                "it has no layers or conventions of its own",
                Span(source, *source.line(_start(statement))),
                help=f"make what differs a parameter of `{header.base.text}`; "
                "`paper`, `expect`, `reported` and `train` may stand here",
            )
    kept = tuple(s for s in base.statements if _carries(s, base, own))
    places, names = 0, set()
    for tokens in _split(header.arguments):
        if len(tokens) > 1 and tokens[1].kind == "equals":
            names.add(tokens[0].text)
        else:
            places += 1
    parameters = [
        tokens[0].text for tokens in _split(base.header.parameters if base.header else None)
    ]
    given = {*parameters[:places], *names}
    # A name that is none of them is an error where the network is built: so it is no template.
    lacking = () if names - {*parameters} else tuple(n for n in base.lacking if n not in given)
    return NetworkText(
        source,
        Header(header.name, base.header.parameters if base.header else None, header.title),
        kept + own,
        shared,
        derived=(*base.derived, header),
        lacking=lacking,
        claimed=base.claimed and bool(base.lacking),
    )


def _carries(statement: Statement, base: NetworkText, own: tuple[Statement, ...]) -> bool:
    """Whether a statement of the base holds of what is made from it, which says `own` itself.

    The paper's figures are those of the network that they stand under. A template is no network
    yet: its figures are those of the networks made from it.
    """
    match statement:
        case Expect() | Reported():
            return bool(base.lacking)
        case Paper() | Train():
            return not any(type(s) is type(statement) for s in own)
        case _:
            return True


def _split(parens: Token | None) -> Iterator[list[Token]]:
    """The stretches between the commas of parentheses; one may be empty."""
    if parens is None or not parens.inside:
        return
    stretch: list[Token] = []
    for token in parens.tokens:
        if token.kind == "comma":
            yield stretch
            stretch = []
        else:
            stretch.append(token)
    yield stretch


def _check_commas(source: Source, parens: Token | None) -> None:
    """Raises ArchError where nothing stands beside a comma."""
    if parens is not None and not all(_split(parens)):
        raise ArchError(
            "an argument is missing beside a comma",
            source.span(parens.start, parens.end),
            help="strike the comma, or write what is missing",
        )


def _start(value: object) -> int:
    """Where a statement begins: at its first part."""
    if isinstance(value, Token | Table):
        return value.start
    inner = value if isinstance(value, tuple) else ()
    return next((s for s in map(_start, inner) if s >= 0), -1)


def _span(source: Source, token: Token) -> Span:
    return source.span(token.start, token.end)
