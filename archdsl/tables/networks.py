"""A pasted table is source: its rows become lines of layers, and claims.

A table with a column of types is one network, a row a layer. In any other each column that is
nothing known is a network. What the cells leave out is said of rows: `in "Dense Block" { … }`.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.errors import ArchError, did_you_mean
from archdsl.syntax.ast import (
    Block,
    Derived,
    Draft,
    Header,
    Item,
    Phrase,
    Rows,
    Statement,
    Table,
    Token,
)
from archdsl.syntax.expressions import split
from archdsl.tables.columns import Column, has_parameters
from archdsl.tables.connection_table import connected
from archdsl.tables.reader import MOST_LINES, Lines, Reader, is_labelled
from archdsl.tables.row_line import WIDTH
from archdsl.tables.row_rules import Rules
from archdsl.text.source import Source


def unfolded(
    source: Source, draft: Draft, lines: Lines, shared: Sequence[Statement] = ()
) -> list[Draft]:
    """The networks of a draft: one for each column of its tables; itself where it has none.

    `shared` are the blocks of its file that belong to all networks.
    Raises ArchError with the errors of all its tables.
    """
    draft = draft._replace(statements=connected(source, draft.statements))
    if not any(isinstance(s, Table) for s in draft.statements):
        for statement in draft.statements:
            if isinstance(statement, Rows):
                raise ArchError(
                    "a rule of rows, and no table",
                    source.span(statement.names[0].start, statement.names[-1].end),
                    help="a convention of the whole network stands alone: "
                    "`conv means conv-bn-relu`; the table stands under the `network` line",
                )
        return [draft]
    rules = Rules(source, [s for s in draft.statements if isinstance(s, Rows)])
    grids = {grid.start: grid for grid in source.grids}
    blocks = _parameters_of([s for s in (*shared, *draft.statements) if isinstance(s, Block)])
    read: dict[int, Reader] = {}
    errors: list[ArchError] = []
    for statement in draft.statements:
        if isinstance(statement, Table):
            try:
                reader = Reader(source, grids[statement.start], rules, lines, blocks)
                reader.read()
                read[statement.start] = reader
            except ArchError as error:
                errors += (error, *error.others)
    if errors:
        raise ArchError.several(errors)
    rules.check()
    draft = _with_words(draft, list(read.values()))
    names = _networks_of(source, list(read.values()))
    if not names:
        return [Draft(draft.header, _statements(draft, read, ""))]
    if len(names) * len(draft.statements) > MOST_LINES:
        raise ArchError(
            f"networks of more than {MOST_LINES:,} lines together",
            source.span(*next(iter(names.values())).cell[1:3]),
            help="keep fewer networks, or lines, around a table",
        )
    if isinstance(draft.header, Derived):
        return [draft]  # refused: a derived network has no layers of its own
    drafts = []
    for name, column in names.items():
        try:
            header = _header(source, draft.header, name, column, lines)
            drafts.append(Draft(header, _statements(draft, read, name)))
        except ArchError as error:
            errors.append(error)
    if errors:
        raise ArchError.several(errors)
    return drafts


def _parameters_of(blocks: Sequence[Block]) -> dict[str, list[str]]:
    """The parameters of blocks, by their names in small letters."""
    found: dict[str, list[str]] = {}
    for block in blocks:
        parameters = split(block.parameters.tokens if block.parameters else ())
        found[block.name.text.lower()] = [p[0].text for p in parameters if p[0].kind == "word"]
    return found


def _statements(draft: Draft, read: dict[int, Reader], name: str) -> tuple[Statement, ...]:
    """The statements of one network, those of its tables in their places."""
    found: list[Statement] = []
    for statement in draft.statements:
        if isinstance(statement, Table):
            found += read[statement.start].made.get(name, [])
        elif not isinstance(statement, Rows):
            found.append(statement)
    return tuple(found)


def _with_words(draft: Draft, readers: Sequence[Reader]) -> Draft:
    """The draft with a block for each line that defines a word of a table: `Sub: Conv(3x3)-Relu`.

    Its parameters are the columns that hold what blocks are given.
    """
    parameters = {word: names for reader in readers for word, names in reader.words.items()}
    found: list[Statement] = []
    for statement in draft.statements:
        if isinstance(statement, Item) and is_labelled(statement):
            first, *others = statement.phrases
            label, colon, *tokens = first.tokens
            if tokens and label.text in parameters:
                item = statement._replace(phrases=(Phrase(tuple(tokens)), *others))
                inside: list[Token] = []
                for name in parameters[label.text]:
                    inside += [colon._replace(kind="comma", text=",")] if inside else []
                    inside.append(label._replace(kind="word", text=name))
                places = colon.start, colon.end
                parens = Token("parens", "(", *places, tuple(inside)) if inside else None
                body = Token("braces", "{", item.start, item.end, (item,))
                found.append(Block(label, parens, body, widens=WIDTH in parameters[label.text]))
                continue
        found.append(statement)
    return draft._replace(statements=tuple(found))


def _networks_of(source: Source, readers: Sequence[Reader]) -> dict[str, Column]:
    """The networks that the columns of the tables are, in order."""
    found: dict[str, Column] = {}
    with_layers = [r for r in readers if r.has_layers] or readers
    for reader in with_layers:
        for column in reader.networks:
            for name in column.names:
                found.setdefault(name, column)
    if any(not reader.networks for reader in with_layers) and found:
        column = next(iter(found.values()))
        raise ArchError(
            "a table of one network beside a table of several",
            source.span(column.cell.start, column.cell.end),
            help="give each `network` line tables of one kind",
        )
    for reader in readers:
        for column in reader.networks:
            for name in column.names:
                if name not in found:
                    raise ArchError(
                        f"no table has layers of a network `{name}`",
                        source.span(column.cell.start, column.cell.end),
                        help=did_you_mean(name, found) or f"known: {', '.join(found)}",
                    )
    return found


def _header(
    source: Source, header: Header | None, name: str, column: Column, lines: Lines
) -> Header:
    """The header of a column's network: its parameters are the family's, and the column's own."""
    cell = column.cell
    parens = header.parameters if header else None
    plain = source.plain[cell.start : cell.end]
    if has_parameters(column.text):
        opening = cell.start + plain.index("(")
        try:
            (item,) = lines(opening, cell.end)
            assert isinstance(item, Item)
            ((own,),) = (phrase.tokens for phrase in item.phrases)
        except (ValueError, AssertionError, ArchError):
            own = Token("", "", opening, cell.end)
        if own.kind != "parens":
            raise ArchError(
                f"`{column.text}` names a network, with its parameters behind",
                source.span(cell.start, cell.end),
                help="write `DenseNet-121 (k = 32)`",
            )
        parens = _merged(own, parens)
    place = Token("word", name, cell.start, cell.end)
    if header is None:
        return Header(place, parens, None)
    return Header(place, parens, header.title, header.name.text)


def _merged(own: Token, family: Token | None) -> Token:
    """The parameters of a column, and those of its family that it does not give itself."""
    names = {token.text for token in own.tokens if token.kind == "word"}
    inside: list[Token] = []
    kept: list[Token] = []
    for token in (*(family.tokens if family else ()), Token("comma", ",", own.start, own.start)):
        kept.append(token)
        if token.kind == "comma":
            if kept[0].text not in names and len(kept) > 1:
                inside += kept
            kept = []
    return own._replace(inside=(*inside, *own.tokens))
