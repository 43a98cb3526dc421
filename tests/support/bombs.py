"""Texts that would exhaust the machine if they were expanded as written, and the error for each.

They are functions because the texts are large. The error is a part of its message, or None if the
text is a valid network.
"""

from __future__ import annotations

from collections.abc import Callable

BIG = "9" * 40
TOP = "input 8x8x4\n"


def _nested(signs: str) -> Callable[[], str]:
    return lambda: TOP + signs[0] * 100_000 + signs[1] * 100_000


def _line(piece: str) -> Callable[[], str]:
    return lambda: TOP + piece * 1_000_000


def _numbered(line: str, times: int, last: str = "relu") -> Callable[[], str]:
    return lambda: TOP + "".join(line.format(i, i + 1) + "\n" for i in range(times)) + last


def _value(text: str) -> Callable[[], str]:
    return lambda: TOP + text


def _macros() -> str:
    names = [f"\\m{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(19)]
    doubling = "".join(
        f"\\newcommand{{{name}}}{{{inner * 10}}}\n"
        for name, inner in zip(names, ["relu; ", *names[:-1]], strict=True)
    )
    return (
        f"{doubling}{TOP}\\begin{{tabular}}{{cc}}layer & type \\\\ a & {names[-1]}\\end{{tabular}}"
    )


def _doubling(body: str, last: str = "relu") -> Callable[[], str]:
    return lambda: (
        TOP
        + "".join(f"block b{i} {{ {body.format(f'b{i + 1}')} }}\n" for i in range(60))
        + f"block b60 {{ {last} }}\nconv3-4\nb0"
    )


def _tower(front: str, back: str, deep: int) -> Callable[[], str]:
    return lambda: (
        TOP
        + "conv3-4\n"
        + "".join(front.format(i) for i in range(deep))
        + "relu"
        + "".join(back.format(i) for i in range(deep - 1, -1, -1))
    )


def _table(rows: int, columns: int) -> Callable[[], str]:
    def text() -> str:
        header = "| layer name | " + " | ".join(f"n{i}" for i in range(columns)) + " |\n"
        row = " | ".join(["conv3-8"] * columns)
        return TOP + header + "".join(f"| r{i} | {row} |\n" for i in range(rows))

    return text


PARTS = "more than 1,000,000 words and signs"
LINE, LINES = "a line of more than 100,000 characters", "more than 200,000 lines"
DEEP, LAYERS = "brackets within each other more than 50 deep", "more than 120,000 layers"
TEX = "LaTeX within LaTeX more than 50 deep"
CELLS, LARGE = "tables of more than 100,000 cells", "beyond 2^63"
WHOLE = "must be a whole number from 1 to 2,147,483,647"

BOMBS: dict[str, tuple[Callable[[], str], str | None]] = {
    # Brackets.
    "braces": (_nested("{}"), LINE),
    "brackets": (lambda: TOP + "[\n" * 100_000, DEEP),
    "parentheses": (lambda: TOP + "(\n" * 100_000, DEEP),
    "braces that open": (lambda: "{\n" * 100_000, DEEP),
    "brackets in LaTeX": (lambda: TOP + "\\begin{tabular}{c}" + "{\n" * 50_000, TEX),
    "tabulars": (lambda: TOP + "\\begin{tabular}{c}\n" * 20_000, TEX),
    "sums in sums": (_tower("add {{ identity; ", " }}", 40), None),
    "groups with references": (_tower("[ a{}: relu; ", "; add a{} ]", 40), None),
    "sums of references": (_tower("add {{ a{}: identity; ", "; a{} }}", 40), None),
    # Long lines and tokens.
    "semicolons": (_line(";"), LINE),
    "commas": (_line(","), LINE),
    "hyphens": (_line("-"), LINE),
    "arrows": (_line("-> relu"), LINE),
    "blanks": (lambda: TOP + "relu" + " " * 1_000_000 + "relu", LINE),
    "a word": (_line("a"), LINE),
    "digits": (_line("9"), LINE),
    "a comment": (lambda: TOP + "# " + "a" * 1_000_000 + "\nrelu", LINE),
    "words": (lambda: TOP + "relu " * 19_999, "more than 500 layers"),
    "a word of the longest line": (lambda: TOP + "a" * 99_999, "unknown layer"),
    "digits of the longest line": (lambda: TOP + "conv3-" + "9" * 99_990, LARGE),
    "sizes of the longest line": (lambda: TOP + "conv " + "x".join("3" * 49_000) + " 4", "3x3"),
    "figures of the longest line": (lambda: TOP + "relu => params " + "9" * 99_980, LARGE),
    "commas of the longest line": (lambda: TOP + "relu" + "," * 99_990, None),
    "labels of the longest line": (
        lambda: TOP + "a: " * 33_000 + "relu",
        "`:` does not belong to a layer",
    ),
    "consecutive parentheses": (
        lambda: TOP + "relu" + " (relu)" * 14_000,
        "inside the parentheses",
    ),
    "quotation marks": (lambda: TOP + '"' * 99_999, "quotation mark"),
    "bold": (lambda: TOP + "**a" * 33_000, ""),
    # Many lines.
    "newlines": (lambda: TOP + "\n" * 1_000_000 + "relu", None),
    "comments": (lambda: TOP + "#\n" * 300_000 + "relu", None),
    "labels": (_numbered("l{}: relu", 1_000_000), LINES),
    "semicolons in lines": (lambda: TOP + ("relu;" * 1000 + "\n") * 400, LINES),
    "commas in lines": (lambda: TOP + ("relu" + "," * 76 + "\n") * 190_000, PARTS),
    "words in lines": (lambda: TOP + ("relu " * 16 + "\n") * 190_000, PARTS),
    "parentheses in lines": (lambda: TOP + ("()" * 40 + "\n") * 190_000, PARTS),
    "unknown words": (_numbered("word{} more", 10_000), "unknown layer"),
    "signs": (_numbered("?{} more", 10_000), "not part of the language"),
    "conventions": (_numbered("conv width {1} means conv-relu", 1_500, "conv3-4"), None),
    "blocks": (_numbered("block n{} {{ relu }}", 5_000), None),
    "networks": (lambda: "".join(f"network n{i}\ninput 8\nrelu\n" for i in range(10_000)), "10000"),
    "derived networks": (
        lambda: (
            "network n0(a=1)\ninput 8\nrelu\n"
            + "".join(f"network n{i + 1} = n{i}(a=2)\n" for i in range(10_000))
        ),
        "networks of more than 1,000,000 lines",
    ),
    "claims": (lambda: TOP + "relu => " + ", ".join(["params 0"] * 9_000), None),
    "readings": (_numbered("reading s{} = 1 or 2", 2_000), None),
    # Tables.
    "a large table": (_table(1000, 900), CELLS),
    "small tables": (
        lambda: TOP + "".join(f"\n| layer | type |\n| a{i} | relu |\n" for i in range(50_000)),
        CELLS,
    ),
    "a row": (lambda: TOP + "|a" * 40_000 + "|\n", "a table of more than 1,000 columns"),
    "tables of LaTeX": (
        lambda: TOP + "\\begin{tabular}{cc}layer & type \\\\ a & relu\\end{tabular}\n" * 5_000,
        "more than 1,000 tables",
    ),
    # Short texts that expand to much.
    "repeats in repeats": (_value("[" * 5 + "relu" + "] x999999999" * 5), LAYERS),
    "blocks that double": (_doubling("{0}; {0}"), LAYERS),
    "blocks that repeat": (_doubling("{0} x 2"), LAYERS),
    "branches that double": (_doubling("add {{ {0}; {0} }}"), "more than 100 deep"),
    "blocks of nothing that double": (_doubling("{0}; {0}", "identity"), None),
    "guards that double": (_doubling("{0}; {0}", "relu if 1 == 2"), None),
    "macros that multiply": (_macros, "macros"),
    "a macro of itself": (
        lambda: TOP + "\\def\\a{\\a\\a}\n\\begin{tabular}{c}\\a\\end{tabular}",
        "macros",
    ),
    "values that square": (
        lambda: f"{TOP}let a0 = 9\n" + "".join(f"let a{i + 1} = a{i} * a{i}\n" for i in range(60)),
        "too large",
    ),
    "channels that double": (
        lambda: TOP + "concat { identity; identity }\n" * 70,
        "the output has more",
    ),
    "maps that grow": (_value("upsample 1000000 -> upsample 1000000"), "positions per axis"),
    "phases": (lambda: "input 32x32 RGB\nupsample 3000\nconv3-8 x400", "phases"),
    # Expressions.
    "powers": (_value(f"conv3-({' * '.join('9' * 60)})"), "too large"),
    "nots": (_value("relu if " + "not " * 20_000 + "1"), "more than 200 tokens"),
    "minus signs": (_value("conv3-(" + "- " * 40_000 + "1)"), "more than 200 tokens"),
    "parentheses in expressions": (_value("conv3-" + "(" * 60 + "1" + ")" * 60), DEEP),
    "arguments": (_value("conv3-(max(" + ",".join("3" * 20_000) + "))"), None),
    "arguments of a block": (
        _value("block b(a) { relu }\nb(" + ",".join("3" * 20_000) + ")"),
        "more arguments than the block `b` has parameters",
    ),
    # Numbers that are too large for any machine, wherever a number may appear.
    "input": (lambda: f"input {BIG}x{BIG} RGB\nrelu", LARGE),
    "axis": (lambda: "input 9999999x9999999 RGB\nrelu", "axis"),
    "kernel": (_value(f"conv {BIG}x{BIG} 4"), LARGE),
    "kernel of the word": (_value("conv99999999999-4"), WHOLE),
    "width": (_value("conv3-99999999999"), WHOLE),
    "stride": (_value(f"conv3-4 stride {BIG}"), LARGE),
    "padding": (_value("conv3-4 pad 99999999999"), WHOLE.replace("from 1", "from 0")),
    "groups": (_value("conv3-4 groups 99999999999"), WHOLE),
    "repeat": (_value(f"relu x{BIG}"), LARGE),
    "leading repeat": (_value("999999999999x relu"), LAYERS),
    "repeat by a name": (_value("let n = 999999999999\nrelu x n"), LAYERS),
    "connections": (_value("FC-2147483647\nFC-2147483647"), None),
    "share": (_value(f"dropout({BIG}%)"), LARGE),
    "exponent": (_value("dropout(1e999999)"), ""),
    "claim": (_value("relu\nexpect params 1e999999"), LARGE),
    "claim of powers": (_value("relu => params 3x10^9999999"), LARGE),
    "size claimed": (_value(f"relu => {BIG}x{BIG}"), LARGE),
    "default": (lambda: f"network n(k={BIG})\ninput 8x8x4\nrelu", LARGE),
    "value": (_value(f"let k = {BIG}\nrelu"), LARGE),
    "weight": (_value(f"conv3-4\nside a weight {BIG} {{ gap; FC-2 }}\nrelu"), LARGE),
    "figures of a convention": (_value("conv means conv-bn(eps 1e999)-relu\nconv3-4"), ""),
}
