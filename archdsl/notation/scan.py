"""The state of reading the tokens of a phrase of layers."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.layers import Value
from archdsl.notation.attributes import LayerDraft, Mention, PhraseDraft
from archdsl.notation.context import Context
from archdsl.notation.cursor import Cursor
from archdsl.notation.vocabulary import Words
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression


class Scan:
    """A run through tokens of a phrase: all of them, or those in the parentheses of `owner`."""

    __slots__ = ("context", "cursor", "draft", "owner")

    def __init__(
        self,
        context: Context,
        draft: PhraseDraft,
        tokens: Sequence[Token],
        owner: LayerDraft | None = None,
    ) -> None:
        self.context = context
        self.draft = draft
        self.cursor = Cursor(tokens)
        self.owner = owner

    def within(self, tokens: Sequence[Token], owner: LayerDraft | None) -> Scan:
        """A scan of tokens in parentheses."""
        return Scan(self.context, self.draft, tokens, owner)

    def mention(
        self,
        form: str,
        value: Value | Expression,
        first: Token,
        last: Token | None = None,
        words: Words = (),
    ) -> Mention:
        """Add the attribute that tokens give."""
        end = first.end if last is None else last.end
        return self.draft.mention(form, value, first.start, end, words, self.owner)
