"""Tables of papers as lectures print them: rows are source text, every figure is judged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from printed_tables import (
    DEEP,
    LISTS,
    PASSAGES,
    assert_same,
    networks_of,
    signature,
    tables_of,
    text_of,
)

from archdsl import spec_files
from archdsl.compare.diff import diff
from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.quantities import QUANTITIES, claimed_quantity, table_quantity
from archdsl.spec import parse
from archdsl.text.source import Source


class Printed(NamedTuple):
    """The layout of a table: the headers of its columns of claims; the first column that is a
    network, or None in a table of one network; and how many of its figures do not hold."""

    claims: tuple[str, ...]
    networks: int | None = None
    errata: int = 0


TABLES = {
    "vgg": [Printed((), 0), Printed((), 1)],
    "resnet": [Printed(("output size",), 2)],
    "googlenet_table": [Printed(("output<br>size", "depth", "params", "ops"), errata=9)],
    "densenet_table": [Printed(("Output Size",), 2)],
    "inception_v3_table": [Printed(("input size",))],
    "mobilenet_v2_table": [Printed(("Input",))],
    "all_cnn": [Printed((), 0)],
    # One of the widths is a claim: an average pool keeps the channels.
    "cifar100_convblock": [Printed(("Res.", "RF Size"), errata=3)],
}


# Rows that claim something about each network: by their name, or in every cell.
OF_NETWORKS = re.compile(r"FLOPs|Number of parameters|\d+ weight layers")


def cells_of(table: str) -> list[list[str]]:
    """The rows of a table, without the rule of Markdown."""
    rows = []
    for line in table.splitlines():
        if not line.startswith("|"):
            rows.append([cell.strip() for cell in line.split("\t")])
        elif not re.fullmatch(r"[|\- ]+", line):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@pytest.mark.parametrize("spec", TABLES)
def test_the_rows_are_those_of_the_paper(spec: str):
    shipped = text_of(spec).encode()
    tables = tables_of(spec)
    assert tables
    for table in tables:
        assert f"\n{table}\n".encode() in shipped


def test_definitions_are_those_of_the_lecture():
    passage = (PASSAGES / "cifar100_convblock.txt").read_text("utf-8")
    start, end = passage.index("ConvBlock: 2x"), passage.index("\n\nNo. of. param")
    assert f"\n{passage[start:end]}\n" in text_of("cifar100_convblock")


def figures_of(table: str, printed: Printed) -> int:
    """How many figures a table claims, for each network that has a layer in the row."""
    rows = cells_of(table)
    start = next(i for i, row in enumerate(rows) if sum(map(bool, row)) > 1)
    header = rows[start]
    claims = [header.index(name) for name in printed.claims]
    count = 0
    for row in rows[start + 1 :]:
        if printed.networks is None:
            count += sum(bool(row[i]) for i in claims)
            continue
        filled = [i for i in range(printed.networks, len(row)) if row[i]]
        if OF_NETWORKS.match(row[0]):
            count += sum(len(header[i].split(",")) for i in filled)
        elif filled == [printed.networks]:  # one cell for all networks
            count += len(claims) * (len(header) - printed.networks)
        else:
            count += len(claims) * len(filled)
    return count


@pytest.mark.parametrize("spec", TABLES)
def test_every_figure_is_judged(spec: str):
    """Each cell with a figure becomes a claim that holds, or an erratum with a reason."""
    text = text_of(spec)
    networks = networks_of(text).values()
    for table, printed in zip(tables_of(spec), TABLES[spec], strict=True):
        start = text.index(table)
        found = Counter(
            claim.verdict
            for net in networks
            for claim in net.claims
            if start <= claim.span.start < start + len(table) and claim.quantity != "channels"
        )
        assert found.total() == figures_of(table, printed)
        assert found["erratum"] == printed.errata
        assert found["holds"] == found.total() - printed.errata
    assert all(c.note for net in networks for c in net.claims if c.verdict == "erratum")


@pytest.mark.parametrize(("column", "name"), LISTS.items())
def test_a_column_is_the_network_of_its_list(column: str, name: str):
    assert diff(Network(spec_files.find_one(column)), Network(spec_files.find_one(name))).same


@pytest.mark.parametrize("name", [name for name in LISTS if name.startswith("resnet")])
def test_weights_of_a_column_are_those_of_its_list(name: str):
    """Rows have the labels of the lists: every layer has the same name."""
    ours, other = (spec_files.find_one(one) for one in (name, LISTS[name]))
    assert [n.name for n in Network(ours).graph.nodes] == [
        n.name for n in Network(other).graph.nodes
    ]


def test_receptive_fields_of_the_lecture():
    net = Network(spec_files.find_one("cifar100_convblock"))
    rows = [row.receptive_field for row in net.rows[:6]]
    assert rows == [(5, 5), (9, 9), (11, 11), (19, 19), (27, 27), (31, 31)]


def test_optional_norms_of_the_lecture():
    """With `bn`, a norm follows each convolution and replaces its bias."""
    text = spec_files.find_one("cifar100_convblock")
    plain, with_bn = Network(text), Network(text, {"bn": 1})
    channels = 4 * 32 * 2 + 32 + 4 * 128 * 2 + 128
    assert (with_bn.params, with_bn.macs) == (plain.params + channels, plain.macs)


@pytest.mark.parametrize(
    "name",
    [
        *("all_cnn:Strided-CNN-C", "all_cnn:ConvPool-CNN-C", "all_cnn:All-CNN-C"),
        *("cifar100_convblock", "mobilenet_v2_table", "googlenet_table", "inception_v3_table"),
        *("resnet:18-layer", "densenet_table:DenseNet-121"),
    ],
)
def test_modules_of_columns_run(name: str):
    net = Network(spec_files.find_one(name))
    module = net.module().eval()
    out = module(torch.rand(2, *net.input))
    assert tuple(out.shape) == (2, *net.output)
    assert out.isfinite().all()


def in_tabs(table: str) -> str:
    return "\n".join("\t".join(row) for row in cells_of(table))


def in_markdown(table: str) -> str:
    first, *rows = (f"| {' | '.join(row)} |" for row in cells_of(table))
    return "\n".join([first, "|---" * (first.count("|") - 1) + "|", *rows])


@pytest.mark.parametrize("spec", TABLES)
def test_markdown_and_tabs_are_one_notation(spec: str):
    text = changed = text_of(spec)
    for table in tables_of(spec):
        other = in_tabs(table) if table.startswith("|") else in_markdown(table)
        assert other != table
        changed = changed.replace(table, other)
    assert_same(text, changed)


@pytest.mark.parametrize(
    ("spec", "passage"),
    [
        ("resnet", "resnet_tabs"),
        ("googlenet_table", "googlenet_tabs"),
        ("all_cnn", "all_cnn_tight"),
    ],
)
def test_lectures_that_print_the_same_table(spec: str, passage: str):
    text = text_of(spec)
    (theirs,) = tables_of(passage)
    ours = tables_of(spec)[0]
    assert text.count(ours) == 1 and theirs != ours
    assert_same(text, text.replace(ours, theirs))


def test_a_letter_next_to_networks_is_a_network():
    """VGG's `C` in lower case is not a column of widths, as MobileNetV2's `c` is."""
    text = text_of("vgg")
    small = re.sub(r"(?m)^(\| (?:A|Network) +\|.*\|) C( +\|)", r"\1 c\2", text)
    assert len(re.findall(r"\| c +\|", small)) == 3
    nets, others = networks_of(text), networks_of(small)
    assert list(others) == [name.replace(":C", ":c") for name in nets]
    assert diff(nets["vgg:C"], others["vgg:c"]).same
    assert others["vgg:c"].claims[1].computed == 133_638_952


def test_a_column_of_attributes_in_a_table_of_networks_is_refused():
    text = text_of("vgg").replace(
        "| B                             |", "| stride                        |"
    )
    with pytest.raises(ArchError, match="the column `stride` next to columns that are networks"):
        networks_of(text)


def mutations(text: str, spec: str) -> Iterator[tuple[str, str]]:
    """The text with the first, or the last, number of a cell changed; and the cell."""
    for table in tables_of(spec):
        at = text.index(table)
        for cell in re.finditer(r"[^|\t\n]+", table):
            if cell[0].strip().startswith(("#1", "#5")):
                continue  # arguments of a block by position, whatever the header
            numbers = list(re.finditer(r"\d+", cell[0]))
            for number in dict.fromkeys([*numbers[:1], *numbers[-1:]]):
                digit = at + cell.start() + number.start()
                other = str(int(text[digit]) % 9 + 1)
                yield text[:digit] + other + text[digit + 1 :], cell[0].strip()


@pytest.mark.parametrize(
    "spec", [pytest.param(s, marks=[pytest.mark.slow] if s in DEEP else []) for s in TABLES]
)
@pytest.mark.slow
def test_a_changed_digit_is_noticed(spec: str):
    """As an error, a claim that fails, another layer or another name; in an erratum, as another
    figure."""
    text = text_of(spec)
    own = {name: signature(net) for name, net in networks_of(text).items()}
    seen = 0
    for changed, cell in mutations(text, spec):
        seen += 1
        try:
            found = {name: signature(net) for name, net in networks_of(changed).items()}
        except ArchError:
            continue
        assert found != own, cell
    assert seen > 10


def test_a_rule_holds_for_whole_numbers():
    """`Stage 10` does not begin with `Stage 1`; the next cell may begin with a digit."""
    text = (
        'network net\ninput 8x8x3\nin "Stage 1" { conv means conv-relu }\n'
        "| layer | output | type |\n|---|---|---|\n"
        "| Stage 1 | 8x8 | conv3-8 |\n| Stage 10 | 8x8 | conv3-8 |\n"
    )
    (net,) = networks_of(text).values()
    assert [node.name for node in net.graph.nodes[1:]] == [
        "stage_1.conv",
        "stage_1.relu",
        "stage_10",
    ]


def test_a_side_head_keeps_its_name():
    text = (
        "network net\ninput 8x8x3\n| layer | A | B |\n|---|---|---|\n| c1 | conv3-8 | conv3-8 |\n"
        "| aux | side early { FC-10 } | side weight 0.3 { FC-10 } |\n| c2 | conv3-8 | conv3-8 |\n"
    )
    nets = networks_of(text).values()
    assert [net.graph.sides[0].section.name for net in nets] == ["early", "aux"]


def test_a_column_is_picked_by_its_name(tmp_path: Path):
    path = tmp_path / "family.arch"
    path.write_text("input 8x8x3\n| A* | WRN.2+ | 18-layer |\n| conv3-8 | conv3-9 | conv3-10 |\n")
    for name in ("A*", "WRN.2+", "18-layer"):
        (network,) = spec_files.find(f"{path}:{name}")
        assert network.name == name


def test_a_width_of_a_row_that_other_lines_define():
    text = (
        'network net\ninput 8x8x3\nin "stem" { conv3-8 -> conv3-9 }\n'
        "| name | type | c | n |\n|---|---|---|---|\n| stem | as before | 8 | 1 |\n"
    )
    (net,) = networks_of(text).values()
    (claim,) = net.claims
    assert (claim.where, claim.quantity, claim.verdict) == ("stem", "channels", "fails")


def test_a_rule_of_a_row_applies_within_its_block_only():
    """A block that another row uses in the same way is not copied, and has one activation."""
    text = (
        "network a\ninput 8x8x8\nconv means conv-relu\nblock unit(c) { conv3-(c); conv3-(c) }\n"
        'in "two" { conv means conv-bn-relu6 }\n\n'
        "| layer name | A | B |\n|---|---|---|\n"
        "| one | unit(8) | conv3-8 |\n| two | unit(8) | conv3-8 |\n| three | unit(8) | conv3-8 |\n"
        "\n10-d fc\n"
    )
    for network, times in zip(parse(Source("a", text)), (2, 1), strict=True):
        found: dict[str, list[str]] = {}
        for node in Network(network).graph.nodes:
            found.setdefault(node.scope[0], []).append(node.op.kind)
        assert found["one"] == found["three"] == ["conv", "relu"] * times
        assert found["two"] == ["conv", "bn", "relu6"] * times


@pytest.mark.parametrize(
    ("header", "quantity", "figure"),
    [
        ("trainable params", "trainable", "448"),
        ("Trainable Parameters", "trainable", "448"),
        ("# total params", "params", "448"),
        ("params (thousands)", "params", "0.448"),
        ("weight-layers", "weight layers", "1"),
        ("res", "output size", "32x32"),
        ("output map size", "output size", "32x32"),
        ("output shape", "output size", "32x32x16"),
        ("input shape", "input size", "32x32x3"),
        ("rf size", "receptive field", "3x3"),
    ],
)
def test_columns_read_the_words_of_claims(header: str, quantity: str, figure: str):
    text = f"input 32x32x3\n\n| type | {header} |\n|---|---|\n| conv3-16 | {figure} |\n"
    (claim,) = networks_of(text)[""].verify()
    assert (claim.quantity, claim.verdict) == (quantity, "holds")
    claimed = claimed_quantity(re.sub(r"\(.*\)|#", "", header))
    assert claimed is not None and claimed.name == quantity


def test_only_the_word_flops_means_another_quantity_in_tables():
    """Papers print multiply-adds below it; and `size` may be the size of a kernel."""
    words = [word for one in QUANTITIES for word in (*one.words, *one.in_claims, *one.in_tables)]
    pairs = {word: (table_quantity(word), claimed_quantity(word)) for word in words}
    differ = {word for word, (one, other) in pairs.items() if one and one is not other}
    assert differ == {"flops"}
    claims_alone = {word for word, (one, _) in pairs.items() if one is None}
    assert claims_alone == {"", "size", "channels", "kernel", "stride"}


def test_rows_of_networks_count_layers():
    """As a header `layers` names rows; as the name of a row it counts weight layers."""
    text = (
        "input 8x8x3\n\n| layers | A | B |\n|---|---|---|\n| c | conv3-8 | conv3-8; conv3-8 |\n"
        "| Layers | 1 | 2 |\n| trainable params | 224 | 808 |\n"
    )
    for net in networks_of(text).values():
        claims = [(one.quantity, one.verdict) for one in net.verify()]
        assert claims == [("weight layers", "holds"), ("trainable", "holds")]


def test_values_of_columns_are_those_of_a_line():
    """Columns give the layers, arguments, repeats and strides that a line of the same words has."""
    blocks = "block unit(w, k=3, e=1) { conv kernel (k) width (w*e) }\nnetwork t\ninput 16x16x3\n"
    table = (
        "| type | kernel size | c | e | activation | n | s |\n|---|---|---|---|---|---|---|\n"
        "| conv | 3x3 | 8 | - | relu | 2 | 2 |\n"
        "| unit, k5 | - | 4 | 2 | - | 2 | - |\n"
        "| avg pool | 2x2 | - | - | - | - | 2 |\n"
    )
    lines = "{conv 3x3, 8, relu} x 2, stride 2\nunit(w=4, k=5, e=2) x 2\navg pool 2x2, stride 2\n"
    (in_table,), (in_lines,) = (networks_of(blocks + text).values() for text in (table, lines))
    assert diff(in_table, in_lines).same
    notation = [row["notation"] for row in in_table.to_dict()["rows"]]
    assert notation[-1] == "avg pool 2x2, stride 2"
