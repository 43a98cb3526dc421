"""Tables in the LaTeX source of a paper."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from paths import DATA

from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.spec_files import folder
from archdsl.text.grids import Expanded
from archdsl.text.latex import cells, regions
from archdsl.text.latex.commands import ARGUMENTS, SIGNS, WRAPPING
from archdsl.text.source import Source

FOLDER = DATA / "latex"
SAME = [
    ("vgg", ["vgg", "vgg_params"]),
    ("googlenet_table", ["googlenet"]),
    ("resnet", ["resnet"]),
    ("resnet", ["resnet_booktabs"]),
    ("densenet_table", ["densenet"]),
    ("mobilenet_v2_table", ["mobilenet_v2"]),
    ("all_cnn", ["all_cnn"]),
    ("cifar100_convblock", ["cifar100"]),
    ("inception_v3_table", ["inception_v3"]),
]


def tex(name: str) -> str:
    return (FOLDER / f"{name}.tex").read_text("utf-8")


@pytest.mark.parametrize(("spec", "tables"), SAME, ids=str)
def test_latex_and_the_spec_give_the_same_networks(spec: str, tables: list[str]):
    """The spec with its tables replaced by LaTeX."""
    text = Path(folder(), f"{spec}.arch").read_text("utf-8")
    ours = text
    for name, grid in reversed(list(zip(tables, Source(spec, text).grids, strict=False))):
        ours = ours[: grid.start] + tex(name) + ours[grid.end :]
    assert ours.count("\\begin{tab") >= len(tables)
    printed, pasted = networks(text), networks(ours)
    assert list(pasted) == list(printed)
    for name, network in pasted.items():
        assert contents(network) == contents(printed[name])


def networks(text: str) -> dict[str, Network]:
    return {network.name: Network(network) for network in parse(Source("<text>", text))}


def contents(network: Network) -> object:
    """The graph with its shapes, and the summary without the spelling of lines."""
    found = network.to_dict()
    for row in found["rows"]:
        del row["notation"]
    # LaTeX says which cells span columns.
    found["decisions"] = [one for one in found["decisions"] if one["topic"] != "tables"]
    for decision in found["decisions"]:
        del decision["line"]
    nodes = [(node.op, node.inputs) for node in network.graph.nodes]
    return nodes, found


PLAIN = [
    (r"$3 \times 3$ conv.\ $96$ ReLU", "3 x 3 conv. 96 ReLU"),
    (r"$3{\times}3$, 64", "3 x 3, 64"),
    (r"7$\times$7, 64, stride~2", "7 x 7, 64, stride 2"),
    (r"\(7\times 7,\ 64\)", "7 x 7, 64"),
    (r"conv2\_x", "conv2_x"),
    (r"conv2$\_$x", "conv2_x"),
    (r"conv$3$-$64$", "conv3-64"),
    (r"\textbf{conv3}-64", "conv3-64"),
    (r"{\bf conv3-64}", "conv3-64"),
    (r"\small conv3-64", "conv3-64"),
    (r"\textcolor[rgb]{1,0,0}{conv3-64}", "conv3-64"),
    (r"\hline\multirow[t]{4}{2cm}[-2pt]{conv1}", "conv1"),
    (r"\multirow{2}*{conv1}", "conv1"),
    (r"\multicolumn{5}{c|}{\multirow{2}{*}{maxpool}}", "maxpool"),
    (r"\cmidrule(lr){2-3}\addlinespace[2pt]\rowcolor{gray!10} maxpool", "maxpool"),
    (r"dropout (40\%)", "dropout (40%)"),
    (r"\#3$\times$3 reduce", "#3 x 3 reduce"),
    (r"A \& B", "A & B"),
    (r"$1.8\times10^9$", "1.8x10^9"),
    (r"1.8$\times$10$^{9}$", "1.8x10^9"),
    (r"$1.8 \cdot 10^{9}$", "1.8x10^9"),
    (r"$224^{2}\times3$", "224^2 x 3"),
    (r"1{,}516{,}000 or 1\,516", "1,516,000 or 1,516"),
    ("conv3-64 % a remark & no cell\n  no relu", "conv3-64 no relu"),
    (r"\sout{LRN} conv3-64", "conv3-64"),
    (r"As in figure~\ref{fig:5}", "As in figure"),
    (r"DenseNet-121~\cite{huang}($k = 32$)", "DenseNet-121 (k = 32)"),
    (r"\begin{tabular}[t]{@{}c@{}}conv3-64\\[2pt]LRN\end{tabular}", "conv3-64; LRN"),
    (r"\makecell[l]{conv3-64\\ \textbf{LRN}}", "conv3-64; LRN"),
    (r"\shortstack{conv3-64\\LRN}", "conv3-64; LRN"),
    (
        r"$\left[\begin{array}{c}3\times3, 64\\1\times1, 8\end{array}\right]$",
        "[ 3 x 3, 64; 1 x 1, 8 ]",
    ),
    (
        r"$\begin{bmatrix} 1 \times 1 \text{ conv} \\ LRN \end{bmatrix} \times 6$",
        "[ 1 x 1 conv ; LRN ] x 6",
    ),
    (r"\left. 64 \right.", "64"),
    ("--", "–"),
    ("$-$", "-"),
]


@pytest.mark.parametrize(("written", "plain"), PLAIN)
def test_plain_text_of_a_cell(written: str, plain: str):
    found, faults = cells.plain(written)
    assert (" ".join(found.split()), faults) == (plain, [])
    assert len(found) == len(written)


def rows(text: str) -> list[list[str]]:
    """The cells of a text's only table; one that spans n columns is repeated n times."""
    source = Source("<text>", text)
    assert source.latex.faults == ()
    (grid,) = source.grids
    return [
        [" ".join(source.plain[c.start : c.end].split()) for c in row for _ in range(c.wide)]
        for row in grid.rows
    ]


def table(*lines: str) -> str:
    body = "\n".join(lines)
    return f"\\begin{{tabular}}{{ccc}}\n{body}\n\\end{{tabular}}"


@pytest.mark.parametrize(
    "text",
    [
        table(r"a & b \\ c & d"),
        table(r"\toprule[1pt] a & b \\[2pt] \midrule c & d \\ \bottomrule"),
        table(r"\hline a & b \\* \cline{1-2}", r"c & d \tabularnewline[1ex] & \\ & \\ \hline"),
        table(r"a & b % & x \\", r"\\ % a row", r"c & d"),
        "\\begin{tabular*}{3cm}[t]{@{}c | c@{}} a & b \\\\ c & d \\end{tabular*}",
        "\\begin{tabularx}\n  {\\linewidth} % wide\n  {XX} a & b \\\\ c & d \\end{tabularx}",
        "\\begin{longtable}[c]{cc}\\caption{A \\textbf{b} & c}\\label{t}\\\\ a & b \\\\\n"
        "\\endfirsthead \\multicolumn{2}{c}{(go on)} \\\\ a & b \\\\ \\endhead \\hline\n"
        "\\multicolumn{2}{c}{(next page)} \\\\ \\endfoot \\endlastfoot c & d \\end{longtable}",
    ],
)
def test_rows_and_cells(text: str):
    assert rows(text) == [["a", "b"], ["c", "d"]]


def test_cells_that_span_columns_or_hold_several_lines():
    text = table(
        r"\multicolumn{3}{|c|}{\textbf{All \& one}} \\",
        r"\makecell{a \\ b & } & \multicolumn{2}c{$\left[\begin{array}{c}1\\2\end{array}\right]$}",
    ).replace(" & }", "}")
    assert rows(text) == [["All & one"] * 3, ["a ; b", "[ 1; 2 ]", "[ 1; 2 ]"]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("% Table 1\n%\\begin{tabular}{c}\n", "% the end\n  % of it\n"),
        ("\\begin{table*}[t]\n\\centering\\small\n\\caption{A {b} \\emph{c}.}\n", "\\end{table*}"),
        ("\\begin{center}\\setlength\\tabcolsep{4pt}", "\\end{center}\\vspace{-1em}"),
        ("\\resizebox{\\linewidth}{!}{%\n", "}\n\\caption{Networks: {\\bf all} of them}"),
        ("{\\footnotesize\n", "\n}\n\\label{tab:x}"),
        ("\\tabcolsep=0.1cm\n\\renewcommand\\arraystretch{1.2}\n", ""),
        ("\\newcommand{\\style}[1]{\\setlength{\\tabcolsep}{#1}\\small}\n\\style{2pt}\n", ""),
    ],
)
def test_what_surrounds_a_table_is_not_a_layer(before: str, after: str):
    text = f"{before}{table(r'A & B', r'conv3-4 & conv1-4')}{after}\n# a comment\nFC-2\n"
    text = text.replace("A & B\n", "A & B \\\\\n")
    both = networks(f"network both\ninput 4x4x1\n{text}")
    assert list(both) == ["A", "B"]
    for network in both.values():
        assert [node.op.kind for node in network.graph.nodes][1:] == ["conv", "flatten", "fc"]


def test_two_tables_in_one_environment():
    one = table(r"A & B \\", r"conv3-4 & conv3-8")
    two = table(r"A & B \\", r"FC-2 & FC-3")
    text = f"network n\ninput 4x4x1\n\\begin{{table}}{one}\\qquad{two}\\end{{table}}"
    found = {name: network.params for name, network in networks(text).items()}
    assert found == {"A": 40 + 130, "B": 80 + 387}


def test_other_latex_and_comments_stay():
    lines = "$\\begin{bmatrix} 3 \\times 3, 64 \\end{bmatrix} \\times 2$\n\\textbf{conv3-64}\n"
    for text in (lines, f"# {table('a')[:30]}\nconv3-64", 'network n "\\begin{tabular}{c}"'):
        assert regions.read_latex(text) == Expanded(text, text)


MACROS = [
    (r"\newcommand{\c}[2]{conv#1-#2}", r"\c{3}{64}"),
    (r"\newcommand\c[2][3]{conv#1-#2}", r"\c{64}"),
    (r"\newcommand*{\c}[2][1]{conv#1-#2}", r"\c[3] {64}"),
    (r"\def\c#1#2{conv#1-#2}", r"\c3{64}"),
    ("\\providecommand{\\c}{conv%\n  3-}", r"\c 64"),
    (r"\newcommand{\c}{conv1-}\renewcommand{\c}{conv3-}\providecommand{\c}{fc}", r"\c{}64"),
    (r"\newcommand{\n}[1]{-#1}\newcommand{\c}[1]{conv3\n{#1}}", r"\c{64}"),
    (r"\DeclareMathOperator{\c}{conv3}\let\d\c", r"$\d{}$-64"),
    (r"\newcommand{\c}[1]{\multicolumn{1}{c}{conv3-#1} \\ \hline}", r"\c{64}"),
]


@pytest.mark.parametrize(("definition", "call"), MACROS)
def test_macros(definition: str, call: str):
    """Definitions come before the table, at the beginning of the text, or in a cell."""
    body = (r"\textbf{A} \\ \hline", call)
    for text in (
        f"{definition}\n{table(*body)}",
        f"{definition}\nnetwork n\n{table(*body)}",
        table(definition, *body),
    ):
        source = Source("<text>", text)
        (grid,) = source.grids
        (header,), (cell,) = grid.rows
        assert source.plain[header.start : header.end] == "A"
        assert source.plain[cell.start : cell.end].replace(" ", "") == "conv3-64"
        assert source.latex.written(header.start) == text.index("A} \\\\")
        assert source.written == text


def test_an_error_in_a_macro_is_at_its_call():
    text = "network n\ninput 8x8x1\n\\def\\c#1{conv3-#1, BN}\n" + table(
        r"A & B \\", r"\c{4} & conv3-4 \\", r"conv3-8 & convv3-8"
    )
    with pytest.raises(ArchError) as caught:
        networks(text)
    assert str(caught.value.span) == "<text>:7:11"
    assert caught.value.span.text == "convv3"
    good = text.replace("convv", "conv")
    (first, *_), (second, *_) = Source("<text>", good).grids[0].rows[1:]
    source = Source("<text>", good)
    assert [source.position(cell.start) for cell in (first, second)] == [(6, 1), (7, 1)]
    assert networks(good)["A"].spec == good


def test_macros_do_not_exhaust_the_machine():
    many = "\\newcommand{\\c}[1]{" + "#1" * 10**5 + "}" + table(r"\c{" + "a" * 10**5 + "}")
    deep = "\\newcommand{\\c}[1]{#1}" + table(r"\c{" * 30 + "a" + "}" * 30)
    calls = "\\newcommand{\\c}{}" + table(r"\c " * 10**5)
    for text, message in (
        (many, "macros that expand to more than 1,048,576 characters"),
        (deep, "macros that use macros more than 20 deep"),
        (calls, "more than 20,000 calls of macros"),
        (table("a") * 2000, "more than 1,000 tables"),
        ("{\\small" * 10**4 + table("a"), "LaTeX within LaTeX more than 50 deep"),
    ):
        assert [fault.message for fault in regions.read_latex(text).faults] == [message]


BITS = (
    *("\\", "{", "}", "&", "\\\\", "[", "]", "$", "%", "#", "^{", '"', "|", "\t", "\n", "(", "~"),
    *("\\begin{tabular}", "\\begin{tabular}{cc}", "\\end{tabular}", "\\end{table}", "\\endhead"),
    *("\\multicolumn{2}{c}{", "\\multirow{", "\\makecell[", "\\left[", "\\begin{array}{c}"),
    *("\\newcommand{\\x}[2]{", "\\def\\x#1{\\x{#1}}", "\\x{1}{2}", "\\blocka{", "\\resizebox{"),
)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_tables_are_read_or_refused(seed: int):
    """Pieces removed, doubled or moved: never a traceback, and offsets stay within the text."""
    chance = random.Random(seed)
    texts = [path.read_text("utf-8") for path in sorted(FOLDER.glob("*.tex"))]
    refused = 0
    for _ in range(40):
        text = chance.choice(texts)
        for _ in range(chance.choice((1, 1, 2, 4))):
            start = chance.randrange(len(text) + 1)
            end = min(len(text), start + chance.choice((1, 3, 20, 200)))
            text = chance.choice(
                (
                    text[:start],
                    text[start:],
                    text[:start] + text[end:],
                    text[:end] + text[start:],
                    text[:start] + chance.choice(BITS) + text[start:],
                )
            )
        source = Source("<text>", f"network n(k=8)\ninput 32x32 RGB\n[] means residual\n{text}")
        assert len(source.plain) == len(source.text)
        for grid in source.grids:
            for cell in (cell for row in grid.rows for cell in row):
                assert grid.start <= cell.start <= cell.end <= grid.end
        try:
            parse(source)
        except ArchError as error:
            assert str(error).startswith("error: ")
            refused += 1
    assert 0 < refused


@pytest.mark.parametrize("command", WRAPPING)
def test_a_wrapping_command_is_read_on_a_line_as_in_a_cell(command: str):
    """`\\texttt{conv3-64}` is `conv3-64` wherever it appears."""
    written = f"\\{command}{{conv3-64}}"
    assert Source("<text>", written).plain.split() == ["conv3-64"]
    assert cells.plain(written)[0].split() == ["conv3-64"]


@pytest.mark.parametrize("command", [name for name in SIGNS if name not in ARGUMENTS])
def test_a_command_is_one_sign_on_a_line_and_in_a_cell(command: str):
    written = f"a \\{command} b"
    assert Source("<text>", written).plain.split() == cells.plain(written)[0].split()
