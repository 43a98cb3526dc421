"""`archdsl fmt`: one layout, in which every text keeps its meaning."""

from __future__ import annotations

import random
import re

import pytest
from generated import spec
from paths import DATA, ROOT

from archdsl.errors import ArchError
from archdsl.fmt import formatter
from archdsl.fmt.formatter import formatted
from archdsl.fmt.same_meaning import first_difference
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.syntax.parser import statements_of
from archdsl.text.source import Source, Span

FOLDERS = (
    "specs",
    "archdsl/library",
    "tests/data",
    "tests/data/pasted",
    "tests/data/tables",
    "tests/data/latex",
)
FILES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).iterdir())
    if path.suffix in (".arch", ".txt", ".tex")
]


def texts() -> dict[str, str]:
    """Every valid spec of the repository: files, and code blocks of the documents."""
    found = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in FILES}
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        blocks = re.findall(r"^```arch[^\n]*\n(.*?)^```$", path.read_text("utf-8"), re.M | re.S)
        found |= {f"{path.name}:{number}": text for number, text in enumerate(blocks)}
    return {name: text for name, text in found.items() if reads(text)}


def reads(text: str) -> bool:
    try:
        statements_of(Source("text", text))
    except ArchError:
        return False
    return True


TEXTS = texts()


def of(text: str, name: str = "text") -> str:
    return formatted(Source(name, text))


def test_most_texts_are_tested():
    assert len(TEXTS) > 80
    assert sum(name.startswith("specs/") for name in TEXTS) == len(list(ROOT.glob("specs/*.arch")))
    assert {"tests/data/equivalent.arch", "tests/data/notation.arch", "language.md:3"} <= {*TEXTS}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_keeps_its_meaning(name: str):
    """`formatted` compares the two itself; the comparison is tested below, and here for rows."""
    text = TEXTS[name]
    once = of(text)
    assert of(once) == once
    assert difference(text, once) is None
    assert comments(once) == comments(text)
    assert re.sub(r"[\s|:-]", "", once) == re.sub(r"[\s|:-]", "", text)


def difference(text: str, other: str) -> Span | None:
    source = Source("text", text)
    return first_difference(source, statements_of(source), other)


def comments(text: str) -> list[str]:
    """The comments, except those after rows of tables."""
    return [one.rstrip() for one in re.findall(r"^(?! *\|)[^#\n]*(#.*)", text, re.M)]


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("specs/")])
def test_networks_are_the_same(name: str):
    seeds = random.Random(name)
    for text in (of(TEXTS[name]), of(untidy(TEXTS[name], seeds))):
        ours = [Network(one) for one in parse(Source(name, TEXTS[name])) if not one.lacking]
        theirs = [Network(one) for one in parse(Source(name, text)) if not one.lacking]
        assert [facts(net) for net in theirs] == [facts(net) for net in ours]


def facts(net: Network) -> object:
    claims = [claim._replace(span=None) for claim in net.claims]  # type: ignore[arg-type]
    settled = [(one.settings, one.input, one.printed) for one in net.settled]
    rows = [row._replace(notation="".join(row.notation.split())) for row in net.rows]
    return net.full_name, net.title, net.paper, rows, claims, net.reported, settled


def untidy(text: str, chance: random.Random) -> str:
    """The text with more spaces where they mean nothing; tables as they are."""
    lines = []
    for line in text.split("\n"):
        if not re.search(r"[|\t\\]", line):
            line = re.sub(r'"[^"]*"|#.*| ', lambda found: _blanks(found, chance), line)
            line = re.sub(r'"[^"]*"|#.*|[;{}]|->|, ', lambda found: _apart(found, chance), line)
            if not line.startswith(" "):
                line = chance.choice(["", " ", "      ", "\t"]) + line
            line += " " * chance.choice([0, 0, 3])
        lines.append(line)
    return "\n".join(lines)


def _blanks(found: re.Match[str], chance: random.Random) -> str:
    return " " * chance.choice([1, 1, 2, 5]) if found[0] == " " else found[0]


def _apart(found: re.Match[str], chance: random.Random) -> str:
    if found[0][0] in '"#':
        return found[0]
    around = [" " * chance.choice([0, 1, 3]) for _ in range(2)]
    return around[0] + found[0] + around[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_untidy_texts(seed: int):
    chance = random.Random(seed)
    tried = 0
    for name, text in TEXTS.items():
        ugly = untidy(text, chance)
        if reads(ugly):
            once = of(ugly, name)
            assert of(once) == once
            tried += 1
    assert tried > 80


@pytest.mark.slow
def test_random_texts():
    tried = 0
    for seed in range(2000):
        text = spec(random.Random(seed))
        if reads(text):
            once = of(text)
            assert of(once) == once
            ugly = untidy(text, random.Random(seed))
            assert not reads(ugly) or of(of(ugly)) == of(ugly)
            tried += 1
    assert tried > 1500


# What a formatter could do wrong, and must be noticed.


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("conv3-64 x 2", "conv3-64 x2"),
        ("conv3-64 x2", "conv3-64 x 2"),
        ("conv3-16 x k", "conv3-16x k"),
        ("conv 3x3", "conv 3x 3"),
        ("conv3-64", "conv3 -64"),
        ("conv3,-64", "conv3, -64"),
        ("scale (N - 1)", "scale (N -1)"),
        ("conv3-4 => params 1,792", "conv3-4 => params 1, 792"),
        ("conv3-4 => params 48, 120", "conv3-4 => params 48,120"),
        ("conv3-4  # a", "conv3-4"),
        ("conv3-4  # a b", "conv3-4  # a  b"),
        ("# a\nrelu\n# b", "# b\nrelu\n# a"),
        ('network a "a  b"', 'network a "a b"'),
        ('conv3-4 => params 4 erratum "a"', 'conv3-4 => params 4 erratum "b"'),
        ("relu; relu", "relu"),
        ("relu\nrelu", "relu -> relu"),
        ("conv3-4 if k > 1", "conv3-4 if k > 11"),
        ("reading s = 2 or 1", "reading s = 1 or 2"),
        ("train on digits { epochs 2 }", "train on digits { epochs 3 }"),
        ("| layer | size |\n|--|--|\n| relu | 8x8 |", "| layer | size |\n|--|--|\n| relu | 8 x8 |"),
        ("| a | b |\n|--|--|\n| relu | |", "| a | b |\n|--|--|\n| | relu |"),
        ("| a | b |\n# c\n|--|--|\n| relu | |", "| a | b |\n|--|--|\n| relu | |"),
        ("Type\tSize\nrelu\t8x8", "Type\tSize\nrelu\t 8x8"),
        ("nn.Conv2d(1, 6, 5)", "nn.Conv2d(1, 6, 55)"),
        ("relu", "(("),
    ],
)
def test_a_difference_is_noticed(text: str, other: str):
    assert difference(text, text + "\n") is None
    assert difference(text, other) is not None
    assert difference(f"relu\n{text}\n\nrelu", f"relu\n{other}\n\nrelu") is not None


def test_a_faulty_formatter_gives_nothing(monkeypatch: pytest.MonkeyPatch):
    """One that confuses `64 x 2` with `64 x2`."""
    text = "conv3-16\nconv3-64 x 2\n"
    assert of(text) == text
    aligned_lines = formatter.aligned_lines
    monkeypatch.setattr(
        formatter,
        "aligned_lines",
        lambda lines: (line.replace("x 2", "x2") for line in aligned_lines(lines)),
    )
    with pytest.raises(ArchError, match="would change what this means") as caught:
        of(text)
    assert caught.value.span.text == "conv3-64 x 2"


# The rules, each with a text before and after.

GOLDEN = DATA / "golden" / "fmt.txt"


def golden() -> list[tuple[str, str, str]]:
    """Name, text and formatted text of each example: `== name`, the text, `--`, the formatted.

    In the file `⇥` is a tab, and `·` a blank at the end of a line.
    """
    found = []
    for example in re.split(r"^== ", GOLDEN.read_text("utf-8"), flags=re.M)[1:]:
        name, _, rest = example.partition("\n")
        before, after = re.split(r"^--\n", rest, maxsplit=1, flags=re.M)
        before = before.replace("⇥", "\t").replace("·", " ")
        found.append((name, before, after))
    return found


@pytest.mark.parametrize(("before", "after"), [pytest.param(b, a, id=n) for n, b, a in golden()])
def test_golden_examples(before: str, after: str):
    assert of(before) == after
    assert of(after) == after


def test_tab_separated_tables_latex_and_listings_stay():
    tabs = "Type\tSize  \nconv3-4\t \t\n\nrelu\n"
    assert of(f"\n\n{tabs}\n\n\n") == tabs
    latex = "\\begin{tabular}{l|l}\nlayer  & size \\\\  \nconv3-4&  8x8\\\\\n\\end{tabular}  \n"
    assert of(f"  relu\n{latex}") == f"relu\n{latex}"
    macro = "\\newcommand{\\c}[1]{conv3-#1}\n" + latex.replace("conv3-4", "\\c{4}  ")
    assert of(macro) == macro
    listing = "features = nn.Sequential(\n    nn.Conv2d(1,6, 5),  nn.ReLU(),   # as printed\n)\n"
    assert of(f"input   8x8x1\n{listing}") == f"input 8x8x1\n{listing}"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("  with bn\u00a0", "with bn\u00a0"),  # this space makes it a line of layers
        ("a {let a=  3}\nb {\nlet a=  3\n}", "a { let a= 3 }\nb {\n  let a= 3\n}"),
        ("{->relu}\nrelu if ->k;->relu", "{ ->relu }\nrelu if ->k; ->relu"),
        ("->relu\n-# a", "->relu\n-# a"),
        ("conv3-4\t bn #\ta", "conv3-4\t bn #\ta"),
        ('paper "a" doi:10.1/a{b,c} "d"', 'paper "a" doi:10.1/a{b,c} "d"'),
        ("conv3-4  => params 48 ,120", "conv3-4  => params 48, 120"),
        ("conv3,-16", "conv3,-16"),
        ("3x3 conv.  ,4;(3x3 conv. )", "3x3 conv. , 4; (3x3 conv. )"),
        ("FC-4,096", "FC-4,096"),  # an error, which stays the same
        ("a {b(64,128)}", "a { b(64, 128) }"),
        (
            "| a | b |\n|---|\u3000---|\n| c | |",
            "| a   | b     |\n| --- | \u3000--- |\n| c   |       |",
        ),
        ('paper "a" https://a.org/b#c  # d', 'paper "a" https://a.org/b#c  # d'),
        ('network a "b,  \n  c"  \nrelu', 'network a "b,  \n  c"  \nrelu'),
        ("relu if a==>b", "relu if a==>b"),
        ("| a | b |\n\u2009|---|---|\n| c | |", "| a | b |\n\u2009|---|---|\n| c | |"),
        ("network a “b  c”", "network a “b  c”"),
        (f"|a|{'b' * 130}|\n|-|-|\n| c |  |\u2009", f"|a|{'b' * 130}|\n|-|-|\n| c |  |\u2009"),
    ],
)
def test_odd_texts_stay(text: str, after: str):
    assert of(text) == of(after) == f"{after}\n"


def test_invalid_texts_are_refused():
    with pytest.raises(ArchError, match="never closed"):
        of("conv3-4 (")
    assert of("") == of("\n \n") == ""
    assert of("# a comment alone  ") == "# a comment alone\n"
    assert of("block  a{relu}") == "block a { relu }\n"


def test_long_texts_are_formatted():
    lines = ["input 8x8x4", *(f"c{i}:conv3-4   bn=>8x8x4" for i in range(3000))]
    shown = of("\n".join(lines)).splitlines()
    assert len(shown) == 3001
    assert {line.index("=>") for line in shown[1:]} == {len("c2999:conv3-4 bn") + 2}
