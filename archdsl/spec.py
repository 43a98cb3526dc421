"""Networks that are made from others: `network wrn_28_10 = wrn(28, 10)`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, Source, Span, did_you_mean
from archdsl.syntax.ast import (
    Block,
    Derived,
    Expect,
    Header,
    NetworkText,
    Paper,
    Part,
    Reported,
    Statement,
    Table,
    Train,
    UseFile,
)

MOST_LINES = 1_000_000  # of the derived networks of a file, together
OWN = (Paper, Expect, Reported, Train)  # what a derived network may say of itself


class Draft(NamedTuple):
    """What stands under one `network` line, or in a text without one."""

    header: Header | Derived | None
    statements: tuple[Statement, ...]

    @property
    def name(self) -> str:
        return self.header.name.text if self.header else ""


def networks(
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
            parts[0].text
            for parts in _split(header.parameters if header else None)
            if not parts[1:]
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
    for parts in _split(header.arguments):
        if len(parts) > 1 and parts[1].kind == "equals":
            names.add(parts[0].text)
        else:
            places += 1
    parameters = [
        parts[0].text for parts in _split(base.header.parameters if base.header else None)
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


def _split(parens: Part | None) -> Iterator[list[Part]]:
    """The stretches between the commas of parentheses; one may be empty."""
    if parens is None or not parens.inside:
        return
    stretch: list[Part] = []
    for part in parens.inside:
        assert isinstance(part, Part)
        if part.kind == "comma":
            yield stretch
            stretch = []
        else:
            stretch.append(part)
    yield stretch


def _check_commas(source: Source, parens: Part | None) -> None:
    """Raises ArchError where nothing stands beside a comma."""
    if parens is not None and not all(_split(parens)):
        raise ArchError(
            "an argument is missing beside a comma",
            source.span(parens.start, parens.end),
            help="strike the comma, or write what is missing",
        )


def _start(value: object) -> int:
    """Where a statement begins: at its first part."""
    if isinstance(value, Part | Table):
        return value.start
    inner = value if isinstance(value, tuple) else ()
    return next((s for s in map(_start, inner) if s >= 0), -1)


def _span(source: Source, part: Part) -> Span:
    return source.span(part.start, part.end)
