"""Chains of phrases, `conv3-64 -> relu`: where their links begin, and which may be links."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.errors import ArchError
from archdsl.notation.ast import ParsedPhrase, Reference, Side
from archdsl.notation.block_uses import block_at
from archdsl.notation.context import Context
from archdsl.notation.cursor import Cursor
from archdsl.notation.numbers import FUSED
from archdsl.syntax.ast import Item, Phrase, Token


def linked(context: Context, phrases: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """The links of a chain. Commas and hyphens separate blocks too: `c7s1-64,d128,R256` (Zhu et
    al. 2017), `C64-C128` (Isola et al. 2017)."""
    links: list[Phrase] = []
    for phrase in phrases:
        tokens = phrase.tokens
        begin = 0
        separators = _separators(tokens) if phrase.is_text else ()
        if not separators:
            links.append(phrase)
            continue
        cursor = Cursor(tokens)
        for cursor.at in separators:
            if _begins_link(context, cursor, begin):
                links.append(Phrase(tokens[begin : cursor.at]))
                begin = cursor.at + 1
        links.append(Phrase(tokens[begin:]) if begin else phrase)
    return tuple(links)


def _separators(tokens: Sequence[Token]) -> Sequence[int]:
    """The commas and hyphens before a word."""
    return [
        at
        for at in range(1, len(tokens) - 1)
        if tokens[at].kind in ("comma", "join") and tokens[at + 1].kind == "word"
    ]


def _begins_link(context: Context, cursor: Cursor, begin: int) -> bool:
    """Whether a block follows the sign here that is not an argument of the link at `begin`."""
    tokens = cursor.tokens
    name, count = block_at(context, tokens, cursor.at + 1)
    if name is None:
        return False
    previous, _ = block_at(context, tokens, begin)
    parameters = context.blocks.parameter_names(previous) if previous else ()
    sign, first = cursor.peek(), cursor.peek(1)
    fused = FUSED.fullmatch(first.text)
    if first.text in parameters or (fused and fused[1] in parameters):
        return False
    if sign.kind == "join":
        return count == 0 and sign.text == "-" and cursor.is_tight()
    return cursor.peek(1 + max(1, count)).kind not in ("equals", "colon")


def check_flow(context: Context, parsed: ParsedPhrase, item: Item, is_first: bool) -> None:
    """Refuse references and side heads where the current value would be lost."""
    match parsed.composite:
        case Reference(label=name) if not is_first:
            message = f"the reference `{name}` in the middle of a chain: its input would be lost"
            help = f"begin the chain with it, or join the two: `concat {name}`"
        case Reference(label=name) if parsed.label is not None and len(item.phrases) == 1:
            message = f"a label before the reference `{name}`, which has one"
            help = f"write `{name}` alone, or continue from it: `{name} -> conv1-256`"
        case Side() if len(item.phrases) > 1:
            message, help = "a side head within a chain", "write it as a line of its own"
        case _:
            return
    raise ArchError(message, context.source.span(parsed.start, parsed.end), help=help)
