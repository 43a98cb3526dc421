"""The networks of a text with pasted tables: rows become lines of layers, and claims.

A table with a column of types is one network whose rows are its layers. In any other table, each
column with an unknown header is a network. Rules define what the cells leave out:
`in "Dense Block" { … }`.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.errors import ArchError, Errors, did_you_mean
from archdsl.notation.ast import WIDTH
from archdsl.syntax.arguments import entries_in
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
from archdsl.tables.columns import TableColumn, has_parameters
from archdsl.tables.connection_table import connected
from archdsl.tables.reader import TableReader, is_labelled
from archdsl.tables.row_line import Lines
from archdsl.tables.row_rules import RowRules
from archdsl.text.limits import LINES_OF_NETWORKS
from archdsl.text.source import Source


def unfolded(
    source: Source, draft: Draft, lines: Lines, shared: Sequence[Statement] = ()
) -> list[Draft]:
    """The networks of a draft: one for each column of its tables; itself if it has no table.

    `shared` are the blocks of its file that belong to all networks.
    Raises ArchError with the errors of all its tables.
    """
    draft = draft._replace(statements=connected(source, draft.statements))
    if not any(isinstance(statement, Table) for statement in draft.statements):
        _check_no_rules(source, draft)
        return [draft]
    readers = _read_tables(source, draft, lines, shared)
    draft = _with_words(draft, list(readers.values()))
    names = _networks_of(source, list(readers.values()))
    if not names:
        return [Draft(draft.header, _statements(draft, readers, ""))]
    if len(names) * len(draft.statements) > LINES_OF_NETWORKS.most:
        raise ArchError.beyond(
            LINES_OF_NETWORKS, source.span(*next(iter(names.values())).cell[1:3])
        )
    if isinstance(draft.header, Derived):
        return [draft]  # refused later: a derived network has no layers of its own
    drafts: list[Draft] = []
    errors = Errors()
    for name, column in names.items():
        with errors:
            header = _header(source, draft.header, name, column, lines)
            drafts.append(Draft(header, _statements(draft, readers, name)))
    errors.check()
    return drafts


def _check_no_rules(source: Source, draft: Draft) -> None:
    for statement in draft.statements:
        if isinstance(statement, Rows):
            raise ArchError(
                "a rule of rows without a table",
                source.span(statement.names[0].start, statement.names[-1].end),
                help="a convention of the whole network has a line of its own: "
                "`conv means conv-bn-relu`; the table goes below the `network` line",
            )


def _read_tables(
    source: Source, draft: Draft, lines: Lines, shared: Sequence[Statement]
) -> dict[int, TableReader]:
    """The tables of a draft, by their offsets, read. Raises ArchError with all their errors."""
    rules = RowRules(source, [s for s in draft.statements if isinstance(s, Rows)])
    grids = {grid.start: grid for grid in source.grids}
    blocks = _parameters_of([s for s in (*shared, *draft.statements) if isinstance(s, Block)])
    items = [s for s in draft.statements if isinstance(s, Item) and is_labelled(s)]
    defined = {item.phrases[0].tokens[0].text for item in items}
    readers: dict[int, TableReader] = {}
    errors = Errors()
    for statement in draft.statements:
        if isinstance(statement, Table):
            with errors:
                args = grids[statement.start], rules, lines, blocks, defined
                reader = TableReader(source, *args)
                reader.read()
                readers[statement.start] = reader
    errors.check()
    rules.check()
    return readers


def _parameters_of(blocks: Sequence[Block]) -> dict[str, list[str]]:
    """The parameters of blocks, by the names of the blocks in lower case."""
    found: dict[str, list[str]] = {}
    for block in blocks:
        names = (entry.tokens[0] for entry in entries_in(block.parameters))
        found[block.name.text.lower()] = [name.text for name in names if name.kind == "word"]
    return found


def _statements(draft: Draft, readers: dict[int, TableReader], name: str) -> tuple[Statement, ...]:
    """The statements of one network, with those of its tables in place of the tables."""
    found: list[Statement] = []
    for statement in draft.statements:
        if isinstance(statement, Table):
            found += readers[statement.start].statements.get(name, [])
        elif not isinstance(statement, Rows):
            found.append(statement)
    return tuple(found)


def _with_words(draft: Draft, readers: Sequence[TableReader]) -> Draft:
    """The draft with a block for each line that defines a type of a table: `Sub: Conv(3x3)-Relu`.

    The columns of arguments are its parameters.
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


def _networks_of(source: Source, readers: Sequence[TableReader]) -> dict[str, TableColumn]:
    """The networks of the columns of the tables, in order."""
    found: dict[str, TableColumn] = {}
    with_layers = [r for r in readers if r.has_layers] or readers
    for reader in with_layers:
        for column in reader.networks.values():
            for name in column.names:
                found.setdefault(name, column)
    if any(not reader.networks for reader in with_layers) and found:
        column = next(iter(found.values()))
        raise ArchError(
            "a table of one network next to a table of several",
            source.span(column.cell.start, column.cell.end),
            help="give each `network` line tables of one kind",
        )
    for reader in readers:
        for column in reader.networks.values():
            for name in column.names:
                if name not in found:
                    raise ArchError(
                        f"no table has layers of a network `{name}`",
                        source.span(column.cell.start, column.cell.end),
                        help=did_you_mean(name, found) or f"known: {', '.join(found)}",
                    )
    return found


def _header(
    source: Source, header: Header | None, name: str, column: TableColumn, lines: Lines
) -> Header:
    """The header of a column's network, with the parameters of the family and of the column."""
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
                f"`{column.text}` is not a name with parameters",
                source.span(cell.start, cell.end),
                help="write `DenseNet-121 (k = 32)`",
            )
        parens = _merged(own, parens)
    place = Token("word", name, cell.start, cell.end)
    if header is None:
        return Header(place, parens, None)
    return Header(place, parens, header.title, header.name.text)


def _merged(own: Token, family: Token | None) -> Token:
    """The parameters of a column, after those of its family that it does not set itself."""
    names = {token.text for token in own.tokens if token.kind == "word"}
    inside: list[Token] = []
    one: list[Token] = []
    for token in (*(family.tokens if family else ()), Token("comma", ",", own.start, own.start)):
        one.append(token)
        if token.kind == "comma":
            if one[0].text not in names and len(one) > 1:
                inside += one
            one = []
    return own._replace(inside=(*inside, *own.tokens))
