"""A position among the tokens of a phrase."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.notation.lookup import Words, runs
from archdsl.syntax.ast import Token

END = Token("", "", -1, -1)  # what precedes the first token, and follows the last


class Cursor:
    """A position among tokens: looks ahead and back without leaving them, and takes tokens."""

    __slots__ = ("_padded", "at", "tokens")

    def __init__(self, tokens: Sequence[Token], at: int = 0) -> None:
        self.tokens = tokens
        self.at = at
        # No rule looks more than two tokens beyond an end; from the first, -1 wraps to an END.
        self._padded = (*tokens, END, END, END)

    def __bool__(self) -> bool:
        return self.at < len(self.tokens)

    @property
    def rest(self) -> Sequence[Token]:
        """The tokens that are not taken yet."""
        return self.tokens[self.at :]

    def peek(self, ahead: int = 0) -> Token:
        """The token at a distance, 0 the next, -1 the last one taken; END if there is none."""
        return self._padded[self.at + ahead]

    def take(self, count: int = 1) -> Token:
        """Move past tokens; the last of them."""
        self.at += count
        return self._padded[self.at - 1]

    def accept(self, *kinds: str) -> Token | None:
        """Take the next token if it is of one of these kinds."""
        return self.take() if self.peek().kind in kinds else None

    def runs(self, ahead: int = 0) -> list[tuple[Words, int]]:
        """The runs of words from a token on, longest first, each with its count of tokens."""
        return runs(self.tokens, self.at + ahead)

    def is_tight(self, ahead: int = 0) -> bool:
        """Whether a token touches both of its neighbours."""
        token = self.peek(ahead)
        return self.peek(ahead - 1).end == token.start and token.end == self.peek(ahead + 1).start
