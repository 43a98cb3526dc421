"""The cursor of the phrase reader."""

from __future__ import annotations

import pytest

from archdsl.notation.cursor import END, Cursor
from archdsl.syntax.parser import statements_of
from archdsl.text.source import Source


def cursor(text: str) -> Cursor:
    (item,) = statements_of(Source("text", text))
    return Cursor(item.phrases[0].tokens)


def test_peek_looks_beyond_both_ends():
    tokens = cursor("conv3-64 relu")
    assert tokens.peek().text == "conv3" and tokens.peek(1).text == "-"
    assert tokens.peek(-1) is END and tokens.peek(4) is END
    assert tokens.take(3).text == "64" and tokens.peek(-1).text == "64"
    assert tokens.take().text == "relu" and tokens.peek() is END and not tokens


def test_accept_takes_only_the_given_kinds():
    tokens = cursor("relu, bn")
    assert tokens.accept("comma", "join") is None and tokens.at == 0
    assert tokens.accept("word").text == "relu"
    assert [token.text for token in tokens.rest] == [",", "bn"]


@pytest.mark.parametrize(
    ("text", "is_tight"),
    [("conv3-64", True), ("conv3 -64", False), ("conv3- 64", False), ("conv3 - 64", False)],
)
def test_a_tight_sign_touches_both_neighbours(text: str, is_tight: bool):
    assert cursor(text).is_tight(1) is is_tight


def test_nothing_is_tight_at_an_end():
    tokens = cursor("64 -")
    assert not tokens.is_tight(0) and not tokens.is_tight(1) and not tokens.is_tight(2)


def test_runs_are_longest_first():
    runs = cursor("batch norm eps 0.1").runs()
    assert runs[0] == (("batch", "norm", "eps"), 3) and runs[-1] == (("batch",), 1)
