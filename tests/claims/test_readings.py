"""Readings: the interpretations of a text under which its printed numbers hold."""

from __future__ import annotations

import json

import pytest
from googlenet_text import GOOGLENET

import archdsl
from archdsl import spec_files
from archdsl.claims import readings
from archdsl.claims.readings import Alternative
from archdsl.expand import choices
from archdsl.output.records import Readings


def under(net: archdsl.Network, *changes: str) -> Alternative:
    (found,) = [a for a in net.readings().alternatives if set(a.changes) == set(changes)]
    return found


def test_resnet50_has_the_stride_in_its_first_convolution():
    """3.8×10^9 needs the stride in the 1×1, 4.1×10^9 in the 3×3; the parameters are the same."""
    net = archdsl.load("resnet50")
    own, other = under(net), under(net, "stride on 3x3")
    assert (own.params, own.macs) == (25_557_032, 3_857_973_248)
    assert (other.params, other.macs) == (25_557_032, 4_089_184_256)
    assert own.all_hold and not other.all_hold
    assert other.fails == ("macs 3.8×10^9",)
    assert net.readings().said == ("stride on first", "shortcut B")
    assert net.readings().alternatives[0] == own


def test_a_printed_number_decides_between_readings():
    text = spec_files.read_source(spec_files.names()["resnet50"]).text + "\nexpect params 25.6M\n"
    holding = [a.changes for a in archdsl.loads(text).readings().alternatives if a.all_hold]
    bias = "`bias` next to norms"
    assert holding == [(), (bias,), ("activation before add",)]
    wrong = archdsl.loads(text.replace("stride on first", "stride on 3x3"))
    holding = [a.changes for a in wrong.readings().alternatives if a.all_hold]
    assert holding == [("stride on first",), ("stride on first", bias)]
    # Without a statement its default holds.
    silent = archdsl.loads(text.replace("stride on first", "").replace("shortcut B", ""))
    assert silent.readings().said == ("stride on first", "shortcut B")
    last = archdsl.loads(text.replace("stride on first", "stride on last"))
    assert last.macs == under(net := archdsl.load("resnet50"), "stride on last").macs > net.macs
    assert last.readings().said[0] == "stride on last"


def test_a_reading_equals_the_text_that_declares_it():
    text = spec_files.read_source(spec_files.names()["resnet18"]).text
    net = archdsl.loads(text)
    for option in "AC":
        written = archdsl.loads(text.replace("shortcut B", f"shortcut {option}"))
        one = under(net, f"shortcut {option}")
        assert (one.params, one.macs) == (written.params, written.macs)


def test_only_what_makes_a_difference_is_varied():
    plain = archdsl.loads("input 8x8x3\nconv1-4 => 8x8x4\nFC-2")
    assert plain.readings().said == ()
    assert [a.changes for a in plain.readings().alternatives] == [()]
    # In a basic block the first convolution is a 3×3.
    changes = {c for a in archdsl.load("resnet18").readings().alternatives for c in a.changes}
    assert changes == {
        *("stride on last", "shortcut A", "shortcut C", "max pool means max pool ceil"),
        *("activation before add", "`bias` next to norms"),
    }  # fmt: skip


def test_padding_and_pools_are_varied():
    text = "input 11x11x1\nconv3-4\nmaxpool 3x3/2 => {}\nFC-2"
    for size, expected in (
        ("5x5", ()),
        ("6x6", ("max pool means max pool same",)),
        ("4x4", ("padding valid",)),
    ):
        found = archdsl.loads(text.format(size)).readings().alternatives
        assert [a.changes for a in found if a.all_hold and len(a.changes) < 2] == [expected]
    net = archdsl.loads("input 12x12x1\nmaxpool 3x3/2 => 6x6\nFC-2")
    assert [a.changes for a in net.readings().alternatives if a.all_hold] == [
        ("max pool means max pool same",),
        ("max pool means max pool ceil",),
    ]


@pytest.mark.parametrize(
    ("text", "params", "reading"),
    [
        # A bias next to a norm, which a convention drops.
        ("input 8x8x3; conv means conv-bn; conv3-4; FC-2", 514 + 116 + 4, "`bias` next to norms"),
        ("input 8x8x3; Conv3-4-BN; FC-2", 514 + 108 + 8 + 4, "`bias` next to norms"),
        # The companions of the output layer.
        ("input 8x8x3; conv means conv-bn-elu; conv3-4", 108 + 8, "bn, elu after the output layer"),
        ("input 8; fc means fc-bn; fc 4; fc 2", 32 + 8 + 8 + 4, "bn after the output layer"),
        # Optional layers.
        ("input 8x8x3; conv3-4-(BN); FC-2", 514 + 108 + 8, "with bn"),
        ("input 8x8x3; conv3-4-(prelu); FC-2", 514 + 112 + 1, "with prelu"),
        ("input 8x8x3; with bn; conv3-4-(BN); FC-2", 514 + 112, "without bn"),
        # Channels first or last.
        ("input 3x32x100; conv3-4; gap; FC-2", 3600 + 4 + 10, "input 3x32, 100 channels"),
        ("input 1x30x50; conv3-4; gap; FC-2", 1800 + 4 + 10, "input 1x30, 50 channels"),
        # Pools that round up, padding, strides and shortcuts.
        ("input 8x8x3; maxpool 3x3/2; FC-2", 98, "max pool means max pool same"),
        ("input 8x8x3; conv3-4; FC-2", 112 + 290, "padding valid"),
        ("input 8x8x4; [] means residual; [3x3, 8] x 2; FC-2", 296 + 584 + 1026, "shortcut A"),
    ],
)  # fmt: skip
def test_a_printed_number_finds_the_other_reading(
    text: str, params: int, reading: str, archdsl_cli, tmp_path
):
    text = f"{text}; expect params {params}"
    net = archdsl.loads(text)
    own, *others = net.readings().alternatives
    assert not own.all_hold and own.params != params
    assert (reading,) in [one.changes for one in others if one.all_hold and one.params == params]
    # The text that says so has these parameters.
    spec = tmp_path / "n.arch"
    spec.write_text(text + "\n")
    code, out, _ = archdsl_cli("verify", "--readings", str(spec))
    assert code == 1 and reading in out


def test_choices_that_no_number_decides_are_readings_too():
    """An activation before a sum or after it changes neither parameters nor multiply-adds."""
    text = "input 8x8x4; conv means conv-relu; [] means residual; [3x3, 4] x 2; FC-2"
    net = archdsl.loads(text + "; expect params 810")
    own, *others = net.readings().alternatives
    assert (own.params, own.changes) == (810, ())
    assert [a.changes for a in others if a.all_hold] == [("activation before add",)]
    declared = archdsl.loads(f"{text}; expect params 810; activation before add")
    assert declared.readings().said == ("shortcut B", "activation before add")
    assert ("activation after add",) in [a.changes for a in declared.readings().alternatives]
    relu = archdsl.loads("input 4; fc means fc-relu; fc 3; fc 2; expect params 23")
    holding = [a.changes for a in relu.readings().alternatives if a.all_hold]
    assert holding == [(), ("relu after the output layer",)]


def test_every_statement_that_makes_a_choice_is_tried():
    """Readings take their statements from the choices of the expansion, and each is one."""
    for choice, convention in zip(choices.STATEMENTS, readings.CONVENTIONS, strict=True):
        assert convention.options == choice.options
        assert choice.default in ("", *choice.options)
        for option in choice.options:
            archdsl.loads(f"input 8x8x3; {option}; conv3-4; maxpool; FC-2")


def test_ways_to_count_params_are_varied():
    silent = archdsl.loads(GOOGLENET.replace("params count K = 1024, no bias\n", ""))
    found = silent.readings().alternatives
    assert [a.changes for a in found if a.all_hold] == [("params without bias, K = 1024",)]
    assert len({(a.params, a.macs) for a in found}) == 1
    found = archdsl.loads(GOOGLENET).readings()
    assert found.said == ("params without bias, K = 1024",)
    # Whether its pools round up or pad is a choice that no printed number decides.
    holding = [a.changes for a in found.alternatives if a.all_hold]
    assert holding == [(), ("max pool means max pool ceil",)]
    assert ("params with bias, K = 1000",) in [a.changes for a in found.alternatives]
    net = archdsl.loads("input 8x8x3\nconv means conv-bn\nconv3-4 => 8x8, params 108\nFC-2")
    assert [a.changes for a in net.readings().alternatives if a.all_hold] == [
        ("params without bn",)
    ]


def test_a_text_may_leave_a_value_open():
    """EfficientNet-B0's Table 1 once had two strides swapped: the multiply-adds decide."""
    net = archdsl.load("efficientnet_b0")
    own, other = under(net), under(net, "let stride5 = 1")
    assert (own.params, own.macs) == (5_288_548, 385_814_752)
    assert (other.params, other.macs) == (5_288_548, 516_350_752)
    assert own.all_hold and "macs 0.39e9" in other.fails
    assert net.readings().said[0] == "let stride5 = 2"
    # Biases next to the norms would not change a printed digit.
    holding = [a.changes for a in net.readings().alternatives if a.all_hold]
    assert holding == [(), ("`bias` next to norms",)]
    written = spec_files.read_source(spec_files.names()["efficientnet_b0"]).text.replace(
        "2 or 1", "1 or 2"
    )
    assert archdsl.loads(written).macs == other.macs


def test_an_open_value_is_any_expression_and_may_decide_which_lines_apply():
    text = (
        "network n(k=2)\ninput 8x8x1\nlet w = 2*k\nreading v = 0 or (w or 3) or w+1\n"
        "let u = v + 1\nconv1-(u)\nconv1-2 if v == 0\nFC-2\nexpect conv layers 1"
    )
    found = archdsl.loads(text).readings()
    assert found.said == ("let v = 0",)
    by_changes = {a.changes: (a.params, a.all_hold) for a in found.alternatives}
    assert by_changes == {
        (): (2 + 4 + 258, False),
        ("let v = (w or 3)",): (10 + 642, True),
        ("let v = w+1",): (12 + 770, True),
    }


def test_errata_that_hold_are_listed():
    found = archdsl.load("resnet50").readings().alternatives
    assert {a.changes: a.errata for a in found}[("shortcut A",)] == ("params 23M",)
    assert {a.changes: a.errata for a in found}[()] == ()


def test_impossible_readings_are_left_out():
    """Without padding the branches of a sum would have different sizes."""
    changes = {c for a in archdsl.load("resnet50").readings().alternatives for c in a.changes}
    assert "padding valid" not in changes


def test_too_many_choices_are_varied_one_at_a_time(monkeypatch: pytest.MonkeyPatch):
    everything = len(archdsl.load("resnet50").readings().alternatives)
    monkeypatch.setattr(readings, "MOST_READINGS", 5)
    found = archdsl.load("resnet50").readings().alternatives
    assert 1 < len(found) < everything
    assert max(len(a.changes) for a in found) == 1


def test_parameters_apply_to_every_reading():
    text = "network n(k=4)\ninput 8x8x3\nconv3-(k) => 8x8x4\nFC-2"
    assert archdsl.loads(text, parameters={"k": 5}).readings().alternatives[0].params == 782


def test_verify_command_shows_readings(archdsl_cli, tmp_path):
    code, out, error = archdsl_cli("verify", "--readings", "resnet50")
    assert (code, error) == (0, "")
    assert "resnet50: every claim holds under 5 of 37 readings" in out
    assert "as written: stride on first, shortcut B" in out
    assert "✓ 8 of 8  25,557,032  3,857,973,248" in out
    code, out, _ = archdsl_cli("verify", "--readings", "resnet50", "lenet5", "--format", "json")
    read = Readings.model_validate(json.loads(out))
    assert code == 0 and [n.network for n in read.networks] == ["resnet50", "lenet5"]
    assert [r.all_hold for r in read.networks[0].readings[:3]] == [True, True, True]
    wrong = tmp_path / "wrong.arch"
    wrong.write_text("input 12x12x1\nmaxpool 3x3/2 => 6x6\nFC-2\n")
    code, out, _ = archdsl_cli("verify", "--readings", str(wrong))
    assert code == 1 and "every claim holds under 2 of 3 readings" in out
    assert archdsl_cli("verify", "--readings", "nothing")[0] == 2


def test_long_tables_are_cut(archdsl_cli, tmp_path):
    spec = tmp_path / "open.arch"
    text = spec_files.read_source(spec_files.names()["resnet50"]).text
    spec.write_text(text.replace("pad 1 ", "").replace("expect params 23M", "expect params 23M #"))
    net = archdsl.load(str(spec))
    total = len(net.readings().alternatives)
    assert total > 12
    assert (
        f"and {total - 12} more, under which no more claims hold"
        in (archdsl_cli("verify", "--readings", str(spec))[1])
    )
