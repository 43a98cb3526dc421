"""A run through the tokens of a phrase of layers."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.layers import Value
from archdsl.notation.attributes import LayerDraft, Mention, PhraseDraft
from archdsl.notation.cursor import Cursor
from archdsl.notation.lookup import Words
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression


class Scan(Cursor):
    """A cursor over tokens whose layers and attributes go into a draft: all tokens of a phrase, or
    those in the parentheses of `owner`."""

    __slots__ = ("context", "draft", "owner")

    def __init__(
        self,
        draft: PhraseDraft,
        tokens: Sequence[Token],
        owner: LayerDraft | None = None,
    ) -> None:
        super().__init__(tokens)
        self.context = draft.context
        self.draft = draft
        self.owner = owner

    def mention(
        self, form: str, value: Value | Expression, *tokens: Token, words: Words = ()
    ) -> Mention:
        """Add the attribute that is written from the first of these tokens to the last."""
        start, end = tokens[0].start, tokens[-1].end
        return self.draft.add(Mention(form, value, start, end, words, self.owner))
