"""A word that names a block of the library is shown, and asks where it cannot be meant."""

from __future__ import annotations

import pytest

import archdsl

INPUT = "input 56x56x64\n"


def decisions(text: str) -> list[archdsl.graph.Decision]:
    net = archdsl.loads(INPUT + text)
    return [decision for decision in net.decisions if decision.topic == "library"]


@pytest.mark.parametrize(
    ("text", "decided", "paper", "elsewhere"),
    [
        (
            "Reduction-A",
            "`Reduction-A` read as the block `reduction_a`",
            "Szegedy et al. 2016",
            "Inception-v4",
        ),
        (
            "reduction a",
            "`reduction a` read as the block `reduction_a`",
            "Szegedy et al. 2016",
            "Inception-v4",
        ),
        ("reduction_a", "the block `reduction_a`", "Szegedy et al. 2016", "Inception-v4"),
        (
            "Reduction-B",
            "`Reduction-B` read as the block `reduction_b`",
            "Szegedy et al. 2016",
            "Inception-v4",
        ),
        (
            "Inception-C",
            "`Inception-C` read as the block `inception_c`",
            "Szegedy et al. 2016",
            "Inception-v4",
        ),
        (
            "Bottleneck 6, 24",
            "`Bottleneck` read as the block `bottleneck(t, c, s=1)`",
            "Sandler",
            "ResNets",
        ),
        ("bottleneck(6, 24)", "the block `bottleneck(t, c, s=1)`", "Sandler", "ResNets"),
        ("bottleneck(t=64, c=256)", "the block `bottleneck", "Sandler", "ResNets"),
        ("MBConv3, k3x3, 64", "`MBConv` read as the block `mbconv(t", "Tan & Le 2019", "se=0"),
        ("MBConv(3, 3, 64)", "`MBConv` read as the block `mbconv(t", "Tan & Le 2019", "se=0"),
        (
            "Separable 64",
            "`Separable` read as the block `separable(c, s=1)`",
            "Howard et al. 2017",
            "",
        ),
        ("Dense Block 6", "`Dense Block` read as the block `dense_block(n, k=32)`", "Huang", ""),
        (
            "Squeeze-Excitation 8",
            "`Squeeze-Excitation` read as the block `squeeze_ex",
            "Hu, Shen & Sun",
            "width",
        ),
        (
            "Transition(0.5)",
            "`Transition` read as the block `transition(theta=0.5)`",
            "Huang",
            "width",
        ),
    ],
)
def test_a_word_of_the_library_is_a_decision(text: str, decided: str, paper: str, elsewhere: str):
    (decision,) = decisions(text)
    assert decision.decided.startswith(decided)
    assert paper in decision.because
    assert elsewhere in " ".join(decision.instead)


@pytest.mark.parametrize(
    ("text", "message", "fixes"),
    [
        ("Bottleneck 64, 256", "with t = 64?",
         ("bottleneck(t=64, c=256)", "residual [ 1x1, 64; 3x3, 64; 1x1, 256 ]")),
        ("bottleneck(64, 256)", "with t = 64?", ("bottleneck(t=64, c=256)",)),
        ("Bottleneck(128, 512) x 4", "with t = 128?", ("bottleneck(t=128, c=512)",)),
        ("bottleneck(6, 24, 64)", "with s = 64?", ("bottleneck(t=6, c=24, s=64)",)),
        ("MBConv64, k3x3, 128", "with t = 64?", ()),
        ("MBConv 3, 64, 128", "with k = 64?", ()),
        ("inverted bottleneck 64, 3, 24", "with t = 64?",
         ("inverted_bottleneck(t=64, k=3, c=24)",)),
        ("Transition 128", "with theta = 128?", ()),
        ("Highway 65", "with kernel = 65?", ("highway(kernel=65)",)),
        ("inception-b 5", "with c = 5?", ("inception_b(c=5)",)),
        ("Squeeze-Excitation(64)", "with r = 64?", ("squeeze_excitation(r=64)",)),
        ("original unit 3", "with width = 3?", ()),
        ("Separable 64, 128", "is `128` the stride of the block?", ()),
        ("separable(64, 128)", "with s = 128?", ()),
    ],
)  # fmt: skip
def test_values_that_the_paper_cannot_mean_ask(text: str, message: str, fixes: tuple[str, ...]):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(INPUT + text)
    assert message in caught.value.message
    for fix in fixes:
        assert f"`{fix}`" in (caught.value.help or "")
        archdsl.loads(INPUT + fix)


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("squeeze_excitation(0.25)", "`r` of `squeeze_excitation` is a divisor", "r=4"),
        ("squeeze_excitation(1/16)", "at least 1; not 0.0625", "r=16"),
        ("Squeeze-Excitation r=0.25", "is a divisor of the channels", "r=4"),
        ("squeeze_excitation(r = 0.5)", "not 0.5", "r=2"),
        ("[conv3-64; squeeze_excitation(0.25)] x 2", "is a divisor of the channels", "r=4"),
        ("mbconv(6, 3, 24, se=4)", "`se` of `mbconv` is a share of the channels, at most 1; not 4",
         "se=0.25"),
        ("MBConv6, k3x3, 24, se 16", "is a share of the channels", "se=0.0625"),
        ("transition(2)", "`theta` of `transition` is a share", "theta=0.5"),
        ("transition(theta=2)", "at most 1; not 2", "theta=0.5"),
        ("bottleneck(0.25, 64)", "with t = 0.25?", "bottleneck(t=0.25, c=64)"),
        ("inverted_bottleneck(0.5, 3, 64)", "with t = 0.5?", "there t is at least 1"),
    ],
)  # fmt: skip
def test_a_share_is_not_a_divisor(text: str, message: str, fix: str):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(INPUT + text)
    assert message in caught.value.message
    assert fix in (caught.value.help or "")


@pytest.mark.parametrize(
    "text",
    ["squeeze_excitation(r=4)", "squeeze_excitation(1)", "mbconv(6, 3, 24, se=0.25)",
     "mbconv(6, 3, 24, se=1)", "mbconv(6, 3, 24, se=0)", "transition(theta=0.5)",
     "bottleneck(t=0.25, c=64)", "bottleneck(1, 64)"],
)  # fmt: skip
def test_shares_and_divisors(text: str):
    archdsl.loads(INPUT + text)


@pytest.mark.parametrize("text", ["Bottleneck 6", "Inception-A", "Bottleneck(c=64)"])
def test_a_value_that_is_missing_names_the_other_family(text: str):
    with pytest.raises(archdsl.ArchError, match="has no value") as caught:
        archdsl.loads(INPUT + text)
    assert "ResNets" in str(caught.value) or "Inception-v4" in str(caught.value)


def test_a_block_of_the_text_is_not_the_librarys():
    text = "block bottleneck(w, c) { conv1-(w); conv1-(c) }\nnetwork n\n" + INPUT
    net = archdsl.loads(f"{text}Bottleneck 64, 256")
    assert not [one for one in net.decisions if one.topic == "library"]
