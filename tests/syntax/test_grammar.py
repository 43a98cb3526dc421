"""The shipped parse table is what lark computes from arch.lark, and parses like lark."""

from __future__ import annotations

import random
import re

import pytest
from lark import Token as LarkToken
from lark import Transformer
from lark.exceptions import GrammarError, UnexpectedCharacters, UnexpectedToken
from paths import ROOT

from archdsl.grammar import generate, tables
from archdsl.syntax.ast import Token
from archdsl.syntax.lalr import Parser, Unexpected
from archdsl.syntax.parser import CALLBACKS, statements_of
from archdsl.syntax.statements import STATEMENTS, Kind
from archdsl.text.source import Source

GRAMMAR = generate.GRAMMAR.read_text("utf-8")
FILES = sorted([*ROOT.glob("specs/*.arch"), *ROOT.glob("tests/data/errors/*.arch")])
TEXTS = [path.read_text("utf-8") for path in FILES]
MANUAL = re.findall(
    r"^```arch[^\n]*\n(.*?)^```$", (ROOT / "docs" / "language.md").read_text("utf-8"), re.M | re.S
)


def test_the_shipped_table_is_that_of_the_grammar():
    """`make grammar` updates the table. A grammar with conflicts raises an error here."""
    assert generate.TABLES.read_text("utf-8") == generate.tables(GRAMMAR)


@pytest.mark.parametrize(
    "rules",
    [
        "start: a A | b A\na: B\nb: B",  # two rules for one text
        "start: x\nx: x x | A",  # two groupings
    ],
)
def test_an_ambiguous_grammar_is_rejected(rules: str):
    with pytest.raises(GrammarError):
        generate.tables(f'{rules}\nA: "a"\nB: "b"\n_BLANK.9: " "\n%ignore _BLANK')


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ('start: A "a"\nA: "a"', "is kept here and dropped there"),
        ("!start: A\nA: /a/", "`!rule` is not supported"),
        ('start: A /b/\nA: "b"', "give it a priority"),
        ("start: A B\nA.2: /a/\nB: /b/\nC: / /\n%ignore C", "of the highest priority"),
    ],
)
def test_what_the_parser_does_not_support_is_rejected(rules: str, reason: str):
    with pytest.raises(SystemExit, match=re.escape(reason)):
        generate.tables(rules)


class Shaped(Transformer):
    """Applies our callbacks to lark's trees."""

    def __default_token__(self, token: LarkToken) -> Token:
        return Token(token.type.lower(), str(token), token.start_pos, token.end_pos)

    def __default__(self, rule, children, meta):
        return CALLBACKS[rule](children)


LARK = generate.built(GRAMMAR)
OURS = Parser(CALLBACKS)


def larks(text: str):
    try:
        return Shaped().transform(LARK.parse(text))
    except UnexpectedCharacters as problem:
        return problem.pos_in_stream, text[problem.pos_in_stream], False
    except UnexpectedToken as problem:
        if problem.token.type == "$END":
            return len(text), "", True
        return problem.token.start_pos, str(problem.token), True


def ours(text: str):
    try:
        return OURS.parse(text)
    except Unexpected as problem:
        return problem.offset, problem.text, problem.token


@pytest.mark.parametrize("text", [*TEXTS, *MANUAL, "", "\n", "  # nothing", "[", "conv3 ?"])
def test_texts_parse_as_in_lark(text: str):
    assert ours(text) == larks(text)


def mutated(text: str, chance: random.Random) -> str:
    """A few lines of a text, with pieces removed, doubled, moved or inserted."""
    lines = text.splitlines(keepends=True)
    first = chance.randrange(len(lines))
    text = "".join(lines[first : first + chance.randint(1, 8)])
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.randint(0, 6))
        piece = chance.choice(["", text[start:end] * 2, text[::-1][start:end], *MARKS])
        text = text[:start] + piece + text[end:]
    return text


# An example of every terminal, characters of none, and blanks.
MARKS = [
    *re.findall(r"[a-z]+(?=\\b)", " ".join(regex for _, regex, _ in tables.TERMINALS)),
    *'7x7,7 x 7,x2,×,~138M,1e9,15.5×10^9,25,1,000,0.5,1e-5,50%,64d,conv,arXiv:1,"text"'.split(","),
    *"// == <= < = -> → => - – + / : ; , ( ) [ ] { } ** $ . # ? \\ é ٣".split(" "),
    *" \n\t\r\u00a0\u2028", "if", "on", "same", "1,024", "a1,024", "-3", "3-", "9" * 20,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_mutated_texts_parse_as_in_lark(seed: int):
    chance = random.Random(seed)
    good = 0
    for _ in range(150):
        text = mutated(chance.choice([*TEXTS, *MANUAL]), chance)
        found = ours(text)
        assert found == larks(text), text
        good += isinstance(found, list)
    assert 10 < good < 140  # both ways are tried


def test_nesting_does_not_use_the_stack():
    assert ours("[" * 100_000) == (100_000, "", True)


def test_the_registry_holds_every_statement_of_the_grammar():
    (alternatives,) = re.findall(r"^\?statement:((?:[^/\n]|\n *\|)*)", GRAMMAR, re.M)
    assert {rule.strip() for rule in alternatives.split("|")} == set(STATEMENTS)


WRITTEN = [kind for kind in STATEMENTS.values() if kind.form]


def examples(kind: Kind) -> list[str]:
    return kind.form.split(", or ")


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.rule)
def test_the_example_of_a_statement_is_one(kind: Kind):
    for example in examples(kind):
        (found,) = statements_of(Source("<text>", example))
        assert type(found) is kind.node


@pytest.mark.parametrize("sign", [",", " -", " +", " ->"])
@pytest.mark.parametrize("kind", [k for k in WRITTEN if k.rule != "line"], ids=lambda k: k.rule)
def test_no_sign_at_the_end_of_a_line_continues_it_with_a_statement(kind: Kind, sign: str):
    """`a: conv3-64,` and `output a` on the next line are two statements."""
    for example in examples(kind):
        source = Source("<text>", f"a: conv3-64{sign}\n{example}\n")
        assert source.plain.splitlines()[1] == example
