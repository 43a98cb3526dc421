"""Decisions: what a text leaves open is shown with its line, its reason and what to write instead.

`;` separates lines. A text without an input begins with that of a map of 56x56x64.
"""

from __future__ import annotations

import json
import re

import pytest
from zoo_networks import NETWORKS

import archdsl
from archdsl import spec_files
from archdsl.errors import ArchError
from archdsl.expand import choices
from archdsl.expand.choices import Choice
from archdsl.fmt.formatter import formatted
from archdsl.graph import Decision
from archdsl.network import Network
from archdsl.output import decisions
from archdsl.output.records import Summary
from archdsl.text.source import Source

CBR = "conv means conv-bn-relu; "
RESIDUAL = "[] means residual; [3x3, 64; 3x3, 64] x 2"


def load(text: str) -> Network:
    start = "" if text.startswith("input") else "input 56x56x64; "
    return archdsl.loads(start + text)


def found(text: str, topic: str) -> list[Decision]:
    return [one for one in load(text).decisions if one.topic == topic]


# A topic, what is decided, a text that leaves it open, and texts that decide it.
CASES = [
    ("input", "3x32x100 read as 3 channels of 32x100", "input 3x32x100; conv3-4; FC-2",
     ("input 32x100, 3 channels; conv3-4; FC-2", "input 32x100x3; conv3-4; FC-2")),
    ("input", "1x32x100 read as 1 channel of 32x100", "input 1x32x100; conv3-4; FC-2",
     ("input 32x100, 1 channel; conv3-4; FC-2",)),
    ("input", "3x16x112x112 read as 3 channels of 16x112x112",
     "input 3x16x112x112; conv3-4; gap; FC-2",
     ("input 16x112x112x3; conv3-4; gap; FC-2",)),
    ("library", "the block `squeeze_excitation(r=16)`", "squeeze_excitation; FC-2",
     ("squeeze_excitation; block squeeze_excitation { conv1-(in) }; FC-2",)),
    ("library", "the block `bottleneck(t, c, s=1)`", "bottleneck 6, 64; FC-2",
     ("block bottleneck(a, b) { conv1-(a); conv3-(b) }; bottleneck 6, 64; FC-2",)),
    ("library", "`Reduction-A` read as the block `reduction_a`", "Reduction-A; FC-2",
     ("block reduction_a { conv3-8 stride 2 }; Reduction-A; FC-2",)),
    ("library", "the block `residual`", RESIDUAL + "; FC-2",
     ("block residual { add { identity; body } }; " + RESIDUAL + "; FC-2",)),
    ("brackets", "the bracket as a group",
     "[] means residual; concat { identity; [conv1-8; conv3-64] x 3 }; FC-2",
     ("[] means residual; concat { identity; residual [conv1-8; conv3-64] x 3 }; FC-2",
      "[] means residual; concat { identity; {conv1-8; conv3-64} x 3 }; FC-2",
      "concat { identity; [conv1-8; conv3-64] x 3 }; FC-2")),
    ("activation of sums", "relu after the sum", CBR + RESIDUAL + "; FC-2",
     (CBR + "activation before add; " + RESIDUAL + "; FC-2",
      CBR + "activation after add; " + RESIDUAL + "; FC-2")),
    ("activation of sums", "no activation after the sum",
     CBR + "residual [ conv3-64; conv3-64 no relu ]; FC-2",
     (CBR + "add { shortcut; [ conv3-64; conv3-64 no relu ] } -> relu; FC-2",
      CBR + "activation before add; residual [ conv3-64; conv3-64 no relu ]; FC-2")),
    ("activation of sums", "relu before the sum",
     CBR + "residual [ conv3-64; channel shuffle 4 ]; FC-2",
     (CBR + "add { shortcut; [ conv3-64 no relu; channel shuffle 4 ] } -> relu; FC-2",
      CBR + "activation before add; residual [ conv3-64; channel shuffle 4 ]; FC-2")),
    ("activation of sums", "relu before the sum",
     CBR + "add { identity; [ conv3-64; conv3-64 ] } -> relu; FC-2",
     (CBR + "add { identity; [ conv3-64; conv3-64 no relu ] } -> relu; FC-2",
      CBR + "activation before add; add { identity; [ conv3-64; conv3-64 ] }; FC-2",
      CBR + "add { identity; [ conv3-64; conv3-64, relu ] }; FC-2",
      CBR + "add { identity; conv3-64 -> relu }; FC-2",
      "add { identity; conv3-64 }; FC-2",
      "conv means bn-relu-conv; add { identity; conv3-64 }; FC-2")),
    ("activation of sums", "relu before the sum",
     CBR + "block unit(w) { add { shortcut; conv3-(w) } }; unit(8); FC-2",
     (CBR + "block unit(w) { add { shortcut; conv3-(w) no relu } }; unit(8); FC-2",)),
    ("companions", "silu in place of relu", CBR + "conv3-8-silu; FC-2", (CBR + "conv3-8; FC-2",)),
    ("companions", "layer norm in place of bn", CBR + "conv3-8-LN; FC-2",
     (CBR + "conv3-8; FC-2",)),
    ("companions", "relu, then silu", CBR + "conv3-8 -> silu; FC-2", ()),
    ("companions", "relu, then bn", "conv means bn-relu-conv; relu -> conv3-8; FC-2",
     ("conv means bn-relu-conv; relu, conv3-8; FC-2", "conv means bn-relu-conv; conv3-8; FC-2",
      "conv means bn-relu-conv; bn -> conv3-8; FC-2")),
    ("companions", "relu, then relu6", "conv3-8; relu; relu6; FC-2", ("conv3-8-relu6; FC-2",)),
    ("optional layers", "(bn) left out", "conv3-8-(BN); FC-2", ("with bn; conv3-8-(BN); FC-2",)),
    ("output layer", "no bn or relu", CBR + "conv3-8; conv1-2",
     (CBR + "conv3-8; conv1-2, bn, relu", CBR + "conv3-8; conv1-2 bare", CBR + "conv3-8; FC-2")),
    ("output layer", "no relu or dropout", "fc means fc-relu-dropout; FC-8; FC-2",
     ("fc means fc-relu-dropout; FC-8; FC-2, relu, dropout",)),
    ("stride of groups", "the stride in the first layer of the group (conv 1x1)",
     "[conv1-8; conv3-8] x 2, stride 2; FC-2",
     ("stride on 3x3; [conv1-8; conv3-8] x 2, stride 2; FC-2",
      "stride on first; [conv1-8; conv3-8] x 2, stride 2; FC-2",
      "[conv1-8; conv3-8 stride 2]; [conv1-8; conv3-8]; FC-2")),
    ("shortcut", "a projection where the shape changes", "residual [ conv3-8 ]; FC-2",
     ("shortcut B; residual [ conv3-8 ]; FC-2", "residual [ conv3-64 ]; FC-2")),
    ("padding", "padding same", "conv3-8; FC-2",
     ("padding same; conv3-8; FC-2", "conv3-8 valid; FC-2",
      "conv3-8 pad 1; FC-2", "conv1-8; FC-2")),
    ("depthwise", "4 filters for each of 16 channels", "input 8x8x16; dw conv 3x3 64; FC-2",
     ("input 8x8x16; dw conv 3x3 16; FC-2", "input 8x8x16; dw conv 3x3; FC-2",
      "input 8x8x16; conv 3x3 64 groups 16; FC-2")),
    ("depthwise", "2 filters for each of 16 channels",
     "input 8x8x16; [dw conv 3x3/2 32; conv1-16] x 2; FC-2", ()),
    ("defaults", "maxpool with the stride of its window", "maxpool 3x3; FC-2",
     ("maxpool 3x3/2; FC-2", "maxpool; FC-2", "maxpool 2x2; FC-2", "maxpool 3x3 stride 3; FC-2",
      "input 3x3x8; maxpool 3x3; FC-2")),
    ("defaults", "avgpool with the stride of its window", "avgpool 5; FC-2",
     ("avgpool 5/2; FC-2", "global average pool; FC-2")),
    ("repeats", "stride 2 in each of 2 repetitions", "conv3-8 stride 2 x2; FC-2",
     ("{ conv3-8 } x 2, stride 2; FC-2", "conv3-8 x2; FC-2", "conv3-8 stride 2; FC-2")),
    ("repeats", "stride 2x1 in each of 3 repetitions", "3x conv 3x3/2x1 8; FC-2",
     ("{ conv3-8 } x 3, stride 2x1; FC-2",)),
    ("companions", "bn and relu before conv, not after it, which keeps its bias",
     CBR + "bn-relu-conv3-8; FC-2",
     (CBR + "bn-relu-conv3-8-bn-relu; FC-2", CBR + "conv3-8; FC-2", "bn-relu-conv3-8; FC-2",
      CBR + "bn-relu-conv3-8 no bias; FC-2")),
    ("companions", "bn and relu before conv, not after it, which keeps its bias",
     CBR + "bn -> relu -> conv3-8; FC-2", ("bn -> relu -> conv3-8; FC-2",)),
    ("companions", "relu before conv, not after it", CBR + "relu, conv3-8; FC-2",
     (CBR + "relu; conv3-8; FC-2",)),
    ("companions", "relu after conv, not before it",
     "conv means bn-relu-conv; conv3-8-relu; FC-2",
     ("conv means bn-relu-conv; relu-conv3-8-relu; FC-2",
      "conv means bn-relu-conv; conv3-8; FC-2")),
    ("companions", "bn before conv, not after it, which keeps its bias",
     CBR + "bn, conv3-8, silu; FC-2", (CBR + "conv3-8, bn, silu; FC-2",)),
    ("padding", "no padding of conv 4x4", "conv 4x4 8 stride 2; FC-2",
     ("conv 4x4 8 stride 2 pad 1; FC-2", "padding valid; conv 4x4 8 stride 2; FC-2",
      "conv 4x4 8 stride 4; FC-2", "conv 4x4 8 stride 2 valid; FC-2")),
    ("padding", "no padding of transposed conv 4x4", "deconv 4x4 8 stride 2; FC-2",
     ("deconv 4x4 8 stride 2 pad 1; FC-2", "deconv 2x2 8 stride 2; FC-2", "up-conv 4x4 8; FC-2")),
    ("companions", "no bn or relu next to transposed conv", CBR + "deconv 2x2 8 stride 2; FC-2",
     (CBR + "deconv means deconv-bn-relu; deconv 2x2 8 stride 2; FC-2",
      CBR + "deconv 2x2 8 stride 2, bn, relu; FC-2", CBR + "FC-8; FC-2")),
    ("bias", "no bias next to bn", CBR + "conv3-8; FC-2",
     (CBR + "conv3-8 bias; FC-2", CBR + "conv3-8 no bias; FC-2",
      "conv means conv-relu; conv3-8; FC-2")),
    ("bias", "no bias next to bn", "Conv3-8-BN; FC-2", ("conv3-8; bn; FC-2",)),
    ("defaults", "bn with eps 1e-5", "conv3-8; bn; FC-2", ("conv3-8; bn eps 0.001; FC-2",)),
    ("defaults", "bn with momentum 0.1", "conv3-8; bn; FC-2", ("conv3-8; bn momentum 0.01; FC-2",)),
    ("defaults", "leaky relu with slope 0.01", "conv3-8, leaky relu; FC-2",
     ("conv3-8, lrelu(0.1); FC-2",)),
    ("defaults", "dropout with p 0.5", "FC-8; dropout; FC-2", ("FC-8; dropout(0.5); FC-2",)),
    ("defaults", "resize with mode nearest", "upsample 2; FC-2", ("upsample 2 bilinear; FC-2",)),
    ("defaults", "gelu in its exact form", "conv3-8, gelu; FC-2",
     ("conv3-8, gelu approximate tanh; FC-2",)),
    ("defaults", "maxpool rounding down", "maxpool 3x3/2; FC-2",
     ("maxpool 3x3/2 ceil; FC-2", "maxpool 2x2; FC-2", "input 9x9x3; maxpool 3x3/2; FC-2")),
    ("defaults", "avgpool counting the zeros of its padding", "avgpool 3x3/2 pad 1; FC-2",
     ("avgpool 3x3/2 pad 1 exclude padding; FC-2", "avgpool 3x3/2; FC-2", "avgpool; FC-2")),
    ("printed sizes", "stride 2", "sizes decide stride, padding; conv3-8 => 28x28; FC-2",
     ("sizes decide stride, padding; conv3-8 stride 2 => 28x28; FC-2", "conv3-8 => 28x28; FC-2")),
    ("printed sizes", "pad 1", "sizes decide padding; maxpool 3x3/2 => 28x28; FC-2",
     ("sizes decide padding; maxpool 3x3/2 pad 1 => 28x28; FC-2",)),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "decided", "text", "others"), CASES)
def test_what_a_text_leaves_open_is_recorded(
    topic: str, decided: str, text: str, others: tuple[str, ...]
):
    assert decided in [one.decided for one in found(text, topic)]
    for other in others:
        assert decided not in [one.decided for one in found(other, topic)], other


@pytest.mark.parametrize(("topic", "decided", "text", "others"), CASES)
def test_what_a_decision_names_instead_can_be_written(
    topic: str, decided: str, text: str, others: tuple[str, ...]
):
    """A statement is added, the input replaced; then the decision is gone, or the network is
    another."""
    net = load(text)
    (one, *_) = [d for d in net.decisions if (d.topic, d.decided) == (topic, decided)]
    assert one.instead
    for instead in one.instead:
        if instead.startswith("input"):
            changed = re.sub("^input [^;]*", instead, text)
        elif re.match("write|define|for ", instead):
            continue  # within a line: the cases above follow it
        else:
            changed = f"{instead}; {text}"
        try:
            other = load(changed)
        except ArchError as error:
            assert "does not fit" in str(error) or "cannot be padded" in str(error)
            continue
        assert not other.diff(net).same or (topic, decided) not in [
            (d.topic, d.decided) for d in other.decisions
        ]


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ("3x32x100", "only the first number is 1 or 3"),
        ("1x66x200", "only the first number is 1 or 3"),
        ("1x3x100", "the first number is 1 or 3 and the last is not"),
        ("3x224x224", "the last two numbers are equal"),
        ("64x3x64", "the first and the last number are equal"),
        ("3x1000", "only the first number is at most 16"),
        ("3x16x112x112", "the last two numbers are equal"),
    ],
)
def test_the_channels_of_an_input_are_decided_by_what_is_true_of_it(sizes: str, why: str):
    (decision,) = found(f"input {sizes}; conv3-4; gap; FC-2", "input")
    assert decision.because == f"as {why}"


def test_every_choice_of_the_expansion_has_a_case():
    every = [one for one in vars(choices).values() if isinstance(one, Choice)]
    assert {one.topic for one in every} - {"names", "tables"} <= {case[0] for case in CASES}
    assert {case[0] for case in CASES} <= {*decisions._ORDER, "printed sizes"}


def test_a_line_of_text_has_each_decision_once():
    """Also in repeats, in blocks, and where a line writes the same layer twice."""
    text = (
        "input 32x32x64\nconv means conv-bn-relu\n"
        "block unit(w) {\n  conv3-(w)\n  [conv3-(w); conv3-(w)] x 3\n}\n"
        "unit(64) x 4\nunit(64)\n[conv3-64; conv3-64] x 5\nFC-2"
    )
    net = archdsl.loads(text)
    listed = decisions.as_list(net)
    keys = [
        (one["line"], one["where"].split(".")[0], one["topic"], one["decided"]) for one in listed
    ]
    assert len(keys) == len(set(keys))
    padded = [key[:2] for key in keys if key[2] == "padding"]
    assert sorted(padded) == [
        *((line, unit) for line in (4, 5) for unit in ("unit1", "unit2")),
        (9, "group1"),
    ]
    explained = decisions.explanation(net)
    assert explained.count("padding same") == 3
    assert "<text>:5: [conv3-(w); conv3-(w)] x 3\n  unit1, unit2: no bias" in explained


def test_explanation_shows_each_line_once_with_what_to_write(archdsl_cli, tmp_path):
    spec = tmp_path / "n.arch"
    spec.write_text(
        "input 56x56x64\nconv means conv-bn-relu\n[] means residual\n\n[3x3, 64; 3x3, 64] x 2\n"
        "conv1-2\n"
    )
    code, out, error = archdsl_cli("summary", "--explain", str(spec))
    assert (code, error) == (0, "")
    heads = [line for line in out.splitlines() if line.startswith(str(spec))]
    assert heads == [f"{spec}:5: [3x3, 64; 3x3, 64] x 2", f"{spec}:6: conv1-2"]
    assert "relu after the sum, as residual blocks do\n    instead: activation before add" in out
    assert "no bn or relu, as it is the output layer\n    instead: write `, bn, relu` at" in out
    code, out, _ = archdsl_cli("summary", "--format", "json", str(spec))
    listed = Summary.model_validate(json.loads(out)).decisions
    assert code == 0
    assert [one.line for one in listed if one.topic == "output layer"] == [6]
    assert [one.instead for one in listed if one.topic == "activation of sums"] == [
        ["activation before add"]
    ]


def test_a_text_that_leaves_nothing_open_has_no_decisions():
    text = "input 8x8x3; padding valid; conv 3x3 4; relu; flatten; FC-2"
    net = archdsl.loads(text)
    assert net.decisions == () and decisions.summary_lines(net) == []
    assert decisions.explanation(net) == "the text leaves nothing open"


def test_a_long_list_is_cut_with_where_to_find_the_rest():
    text = "conv means conv-bn-relu; [] means residual; input 3x64x80; conv3-(BN)-8; "
    text += (
        "[conv3-8; conv3-8-silu] x 2, stride 2; conv3-8-LN; conv3-8 -> mish; squeeze_excitation;"
    )
    text += "dense_block(2); highway; conv3-8 -> tanh; conv1-2"
    net = archdsl.loads(text)
    lines = decisions.summary_lines(net)
    assert len(lines) == decisions.MOST_LINES
    assert re.fullmatch(r"\d+ more: `--explain` shows each beside its line", lines[-1])


def test_blocks_of_one_paper_share_a_line():
    (line,) = [
        one for one in decisions.summary_lines(archdsl.load("inception_v3")) if "library" in one
    ]
    assert line.startswith("the blocks `inception_a(proj)` in 5b to 5d, `reduction_a` in 6a, ")
    assert line.endswith(", from the library: Szegedy et al. 2016")


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_decisions_of_the_zoo_fit_in_eight_lines(name: str):
    lines = decisions.summary_lines(archdsl.load(name))
    assert len(lines) <= decisions.MOST_LINES
    assert not any("more: `--explain`" in line for line in lines)
    for line in lines:
        assert "{" not in line and "  " not in line and not line.endswith(("in", ","))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "inception_v3", "mobilenet_v2", "unet", "c3d"])
def test_decisions_do_not_depend_on_layout(name: str):
    source = spec_files.read_source(spec_files.names()[name])
    loose = re.sub(r"( => )", r"   \1", source.text).replace("\nconv", "\n\n\nconv")
    neat = formatted(Source(source.name, loose))
    a, b = (archdsl.loads(text) for text in (loose, neat))
    assert [d[:3] for d in a.decisions] == [d[:3] for d in b.decisions]
    assert decisions.summary_lines(a) == decisions.summary_lines(b)
