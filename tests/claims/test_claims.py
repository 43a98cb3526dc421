"""Printed figures and verdicts."""

from __future__ import annotations

import re

import pytest

import archdsl
from archdsl.claims.figures import compare
from archdsl.claims.formulas import of_line, of_network
from archdsl.claims.parameter_count import Counting
from archdsl.quantities import QUANTITIES

FIGURES = [
    ("138M", 138_357_544, "rounds"),
    ("138357544", 138_357_544, "exactly"),
    ("138,357,544", 138_357_544, "exactly"),
    ("138,357,545", 138_357_544, None),
    ("1,792", 1792, "exactly"),
    ("1.516", 1516, "exactly"),  # a dot that groups three digits
    ("48.120", 48_120, "exactly"),
    ("1.516", 1517, None),
    ("2.7K", 2712, "rounds"),
    ("2.7K", 9408, None),
    ("1.8e9", 1_814_073_344, "rounds"),
    ("3.6e9", 3_663_761_408, "truncates"),
    ("3.8×10^9", 3_857_973_248, "truncates"),
    ("3.8×10^9", 4_089_184_256, None),
    ("7.6 x 10^9", 7_570_194_432, "rounds"),
    ("100K", 101_999, None),
    ("100K", 101_000, "within one unit"),
    ("100K", 99_000, "within one unit"),
    ("100K", 98_999, None),
    ("~140M", 138_357_544, "rounds"),
    ("~140M", 145_000_000, "rounds"),
    ("≈140M", 145_000_000, "rounds"),
    ("~140M", 145_000_001, None),
    ("~140M", 134_999_999, None),
    ("~100", 149, "rounds"),
    ("140M", 138_357_544, None),
    ("60 million", 60_965_224, "truncates"),
    ("1.4 billion", 1_350_000_000, "rounds"),
    ("1M", 762, None),  # one unit of a single digit is too coarse
    ("1K", 1_499, "rounds"),
    ("0.8M", 769_162, "rounds"),
    ("16", 16, "exactly"),
    ("16", 15, None),
    ("0", 0, "exactly"),
    ("0.500", 500, None),
    ("~0M", 500, None),
    ("5G", 5_499_999_999, "rounds"),
]


@pytest.mark.parametrize(("printed", "exact", "how"), FIGURES)
def test_printed_numbers_that_agree(printed: str, exact: int, how: str | None):
    assert compare(printed, exact) == how


# K and M of GoogLeNet's Table 1 are powers of 1024.
BINARY = [
    ("159K", 163_328, "truncates"),
    ("112K", 114_688, "exactly"),
    ("1000K", 1_024_000, "exactly"),
    ("437K", 448_512, "within one unit"),
    ("364K", 375_552, None),
    ("6.8M", 6_990_272, None),
    ("6.7M", 6_990_272, "rounds"),
    ("1G", 2**30, "exactly"),
    ("1.5 thousand", 1500, "exactly"),  # a word is taken literally
    ("1e3", 1000, "exactly"),
    ("1,024", 1024, "exactly"),
]


@pytest.mark.parametrize(("printed", "exact", "how"), BINARY)
def test_a_k_may_be_1024(printed: str, exact: int, how: str | None):
    assert compare(printed, exact, 1024) == how


def test_every_quantity_is_computed():
    analysis, counting = archdsl.load("lenet5").analysis, Counting()
    computed = of_network(analysis, counting)
    assert set(computed) == {quantity.name for quantity in QUANTITIES if quantity.of_network}
    computed |= of_line(analysis, counting, analysis.graph.sections[0])
    assert set(computed) == {quantity.name for quantity in QUANTITIES}


def net(claims: str, line: str = "") -> archdsl.Network:
    return archdsl.loads(f"input 8x8 RGB\nc: conv3-4 {line}\nmaxpool\nFC-10\n{claims}")


def verdicts(network: archdsl.Network) -> list[tuple[str, str, str, str | None]]:
    return [(c.where, c.quantity, c.verdict, c.how) for c in network.verify()]


def test_claims_of_lines_and_of_the_network():
    network = net(
        "expect params 762, weight layers 2, conv layers 1, receptive field 4x4, input 8x8x3",
        "=> 8x8x4, params 112, multiply-adds 6,912, flops 13,824, depth 1, "
        "receptive field 3, kernel 3x3",
    )
    assert {c.verdict for c in network.verify()} == {"holds"}
    assert len(network.verify()) == 12


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("=> 8x8x4", "holds"),
        ("=> 8×8×4", "holds"),
        ("=> 8 x 8", "holds"),
        ("=> 256", "holds"),
        ("=> 8x8x5", "fails"),
        ("=> 4x8x8", "fails"),  # papers print H×W×C
        ('=> 8x8x5 erratum "a slip"', "erratum"),
        ('=> 8x8x4 erratum "no slip at all"', "fails"),
        ("=> params 113", "fails"),
    ],
)
def test_verdict_of_each_claim(claim: str, verdict: str):
    (judged,) = net("", claim).verify()
    assert judged.verdict == verdict


def test_an_erratum_keeps_its_reason():
    (judged,) = net('expect params 2K erratum "the table counts 5 classes"').verify()
    assert (judged.verdict, judged.note) == ("erratum", "the table counts 5 classes")
    (held,) = net('expect params 762 erratum "none"').verify()
    assert held.verdict == "fails" and "but it holds" in (held.note or "")


def test_a_failed_claim_raises_nothing():
    assert verdicts(net("expect params 1M")) == [("network", "params", "fails", None)]


def test_claims_of_lines_inside_groups():
    network = archdsl.loads("input 8x8x1\n[ conv3-4 => 8x8x4; maxpool => 4x4x4 ]\nFC-2")
    assert verdicts(network) == [
        ("group1.conv1", "output size", "holds", "exactly"),
        ("group1.pool1", "output size", "holds", "exactly"),
    ]


def test_a_changed_network_is_not_judged():
    text = "network n(k=4)\ninput 8x8x1\nconv3-(k) => 8x8x4\nexpect params 40"
    assert {c.verdict for c in archdsl.loads(text).verify()} == {"holds"}
    for changed in (
        archdsl.loads(text, parameters={"k": 5}),
        archdsl.loads(text, input=(9, 9)),
    ):
        assert {c.verdict for c in changed.verify()} == {"not judged"}
        assert {c.how for c in changed.verify()} == {None}


@pytest.mark.parametrize("name", ["vgg16", "alexnet", "lenet5", "lenet_1x1"])
def test_the_zoo_holds(name: str):
    claims = archdsl.load(name).verify()
    assert claims
    assert {c.verdict for c in claims} <= {"holds", "erratum"}


def test_layers_are_counted_by_any_of_their_spellings():
    network = net(
        "expect convolution layers 1, fully connected layers 1, linear layers 1, max pool layers 1"
    )
    assert {c.verdict for c in network.verify()} == {"holds"}


def test_a_size_may_group_its_digits():
    network = archdsl.loads("input 32x32x1\nconv3-8 => 8,192\nconv3-8 => 8.192\nFC-2")
    assert {c.verdict for c in network.verify()} == {"holds"}


def test_a_size_in_brackets_is_claimed_of_the_layer_after_it():
    network = archdsl.loads("input 8x8x1\n[8x8x4] conv3-4 -> [4x4x4] maxpool\nFC-2")
    assert verdicts(network) == [
        ("conv1.conv1", "output size", "holds", "exactly"),
        ("conv1.pool1", "output size", "holds", "exactly"),
    ]


def test_a_unit_may_be_a_word_of_its_own():
    network = net("expect params 0.76 K, total params 762, trainable params 0.8 thousand")
    assert [(c.printed, c.how) for c in network.verify()] == [
        ("0.76 K", "rounds"), ("762", "exactly"), ("0.8 thousand", "rounds")
    ]  # fmt: skip


def test_channels_can_be_claimed():
    assert {c.verdict for c in net("", "=> channels 4").verify()} == {"holds"}
    assert {c.verdict for c in net("", "=> channels 5").verify()} == {"fails"}


def test_a_vector_is_also_a_map_of_one_position():
    network = archdsl.loads("input 8x8x1\naverage pool, 10-d fc, softmax => 1x1\nFC-2 => 1x1x2")
    assert {c.verdict for c in network.verify()} == {"holds"}


# How a paper counts its parameters.

COUNTED = "input 8x8x3\nconv means conv-bn-relu\nc: conv3-4 => params {}\nFC-10 => params {}"


@pytest.mark.parametrize(
    ("statement", "conv", "fc", "total", "declared"),
    [
        ("", 116, 2570, 2686, ""),
        ("params count no bias", 116, 2560, 2676, "without bias"),
        ("params count no bn", 108, 2570, 2678, "without bn"),
        ("parameters count no bn, no bias", 108, 2560, 2668, "without bias and bn"),
        ("params count K = 1024, no bias", 116, "2.5K", "2.61K", "without bias, K = 1024"),
        ("params count K = 1000", 116, "2.57K", "2.69K", ""),
    ],
)
def test_params_count_as_the_paper_counts(statement: str, conv, fc, total, declared: str):
    text = f"{COUNTED.format(conv, fc)}\n{statement}\nexpect params {total}, ops 9,472"
    network = archdsl.loads(text)
    assert {c.verdict for c in network.verify()} == {"holds"}
    # The network's own figures do not change.
    assert network.params == 2686
    assert [row.params for row in network.rows] == [116, 2570]
    assert str(network.counting) == network.to_dict()["params_count"] == declared
    assert ("printed params are counted" in network.summary()) == bool(declared)


def test_the_computed_figure_is_counted_as_the_paper_counts():
    network = archdsl.loads(f"{COUNTED.format(108, 2560)}\nparams count no bias, no bn")
    assert [c.computed for c in network.verify()] == [108, 2560]


def test_only_params_have_the_papers_k():
    network = net("params count K = 1024\nexpect ops 7.55K, params 0.744K")
    assert [(c.quantity, c.verdict) for c in network.verify()] == [
        ("macs", "holds"), ("params", "holds")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counting", "group", "conv", "fc", "sides", "total"),
    [
        ("", "{ conv3-4; side s { FC-2 => params 514 } }", 112, 1028, "1654", 1140),
        ("", "{ side s { FC-2 => params 386 }; conv3-4 }", 112, 1028, "1526", 1140),
        (
            "params count K = 1024, no bias",
            "{ conv3-4; side s { FC-2 => params 512 } }",
            *(108, "1K", "1.6K", 1132),
        ),
        (
            "params count K = 1024, no bias",
            "{ side s { FC-2 => params 384 }; conv3-4 }",
            *(108, "1K", "1516", 1132),
        ),
    ],
)
def test_side_heads_count_separately(counting, group, conv, fc, sides, total):
    text = (
        f"input 8x8x3\n{counting}\n{group} => params {conv}\nFC-4 => params {fc}\n"
        f"expect params {total}, params with sides {sides}"
    )
    claims = archdsl.loads(text).verify()
    assert len(claims) == 5 and {c.verdict for c in claims} == {"holds"}


def test_lines_inside_groups_count_separately():
    group = "[ conv3-4 => params 108; conv1-3 ] x 2 => params 240"
    text = f"input 8x8x3\nparams count no bias\n{group}\nFC-2"
    assert {c.verdict for c in archdsl.loads(text).verify()} == {"holds"}


@pytest.mark.parametrize(
    ("lines", "lengths"),
    [
        ("input 224x224x3; conv 7x7/2 96 valid => 111x111; maxpool 3x3/2 => 55x55", "227×227"),
        ("input 224x224x3; conv 11x11/4 96 valid => 55x55; FC-10", "227×227"),
        ("input 28x28x1; conv 5x5 6 valid => 28x28; maxpool 2x2 => 14x14", "32×32"),
        ("input 299x299x3; conv 3x3/2 8 valid => 111x111", None),
        ("input 32x100x1; conv 3x3 8 valid => 32x100", "34×102"),
        ("input 16x16x3; conv 3x3 8 => 16x16", None),
        ("input 16x16x3; conv 3x3 8 => 17x17; conv 3x3 8 => 19x19", None),
        ("input 40x4; conv kernel 3 width 8 valid => 40x8", "42"),
    ],
)
def test_the_input_that_gives_the_printed_sizes(lines: str, lengths: str | None):
    from archdsl.output.verification import verification

    text = verification([archdsl.loads(lines.replace("; ", "\n"))])
    found = re.findall(r"an input of (\S+) would give the printed sizes", text)
    assert found == ([lengths] if lengths else [])


def test_no_other_input_is_named_where_the_printed_one_is_a_claim_or_an_erratum():
    from archdsl.output.verification import verification

    text = """
input 224x224x3

| type | kernel | input size | output size | #out |
|---|---|---|---|---|
| conv | 3x3/2 | 224x224 | 113x113 | 8 |
"""
    assert "would give" not in verification([archdsl.loads(text)])
    text = 'input 16x16x3\nconv3-8 => 17x17 erratum "a misprint"\n'
    assert "would give" not in verification([archdsl.loads(text)])
