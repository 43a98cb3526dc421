"""The summary: golden texts, widths, Markdown, HTML, and the JSON contract."""

from __future__ import annotations

import json
import re

import pytest
from zoo_networks import NETWORKS

import archdsl
from archdsl import contract
from archdsl.output import summary, verification
from archdsl.output.records import Summary, Verification


@pytest.mark.parametrize("name", NETWORKS)
def test_summary(name, golden, archdsl_cli):
    code, out, error = archdsl_cli("summary", name)
    assert (code, error) == (0, "")
    golden(f"summary_{name.replace(':', '_')}.txt", out)


def test_layers(golden, archdsl_cli):
    code, out, _ = archdsl_cli("summary", "alexnet", "--layers")
    assert code == 0
    golden("layers_alexnet.txt", out)


def test_markdown(golden, archdsl_cli):
    code, out, _ = archdsl_cli("summary", "lenet5", "--format", "markdown")
    assert code == 0
    golden("summary_lenet5.md", out)


def test_zoo(golden, archdsl_cli):
    code, out, _ = archdsl_cli("zoo")
    assert code == 0
    golden("zoo.txt", out)


def test_verify(golden, archdsl_cli):
    code, out, _ = archdsl_cli("verify")
    assert code == 0
    golden("verify.txt", out)


@pytest.mark.parametrize("name", NETWORKS)
def test_printed_columns_sum_to_the_printed_totals(name: str):
    text = archdsl.load(name).summary()
    rows, totals = text.split("\n\n")[1:3]
    header, *lines = rows.splitlines()
    for column in ("params", "macs"):
        end = header.index(column) + len(column)  # numbers end where their header ends
        cells = [line[:end].split()[-1] for line in lines if line[end - 1 : end].isdigit()]
        total = sum(int(cell.replace(",", "")) for cell in cells)
        # Side heads have rows too: the total that includes them follows the main path's.
        assert f"{total:,}" in [t for t in totals.splitlines() if t.startswith(column)][-1]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.slow
def test_never_wider_than_the_terminal(name: str, width: int, layers: bool):
    net = archdsl.load(name)
    for colour in (False, True):
        text = summary.summary(net, layers, width, colour)
        plain = re.sub(r"\x1b\[[\d;]*m", "", text)
        assert max(map(len, plain.splitlines())) <= width
        assert ("\x1b[" in text) is colour
    verified = verification.verification([net], width)
    assert max(map(len, verified.splitlines())) <= width


def test_numbers_are_abbreviated_on_a_narrow_terminal():
    text = archdsl.load("vgg16").summary(width=64)
    assert "103M" in text and "102,764,544" not in text
    assert "138,357,544" in text  # totals stay exact


@pytest.mark.parametrize("name", NETWORKS)
def test_json_contract(name, archdsl_cli):
    code, out, _ = archdsl_cli("summary", name, "--format", "json")
    assert code == 0
    summary = Summary.model_validate(json.loads(out))
    totals = summary.totals
    assert sum(row.params for row in summary.rows) == totals.params + totals.side_params
    assert sum(row.macs for row in summary.rows) == totals.macs + totals.side_macs
    assert totals.flops == 2 * totals.macs
    assert json.loads(out) == archdsl.load(name).to_dict()


def test_json_of_vgg16(archdsl_cli):
    data = json.loads(archdsl_cli("summary", "vgg16", "--format", "json")[1])
    assert list(data) == [
        *("network", "title", "paper", "input", "outputs", "sides", "rows", "totals"),
        *("settled", "decisions", "params_count", "claims"),
    ]
    assert (data["network"], data["input"]) == ("vgg16", [3, 224, 224])
    assert data["rows"][0] == {
        "name": "conv1", "notation": "conv3-64 x2", "kind": "conv", "repeat": 2,
        "input": [3, 224, 224], "output": [64, 224, 224], "params": 38720, "macs": 1936392192,
        "receptive_field": [5, 5], "stride": [1, 1], "depth": 2,
    }  # fmt: skip
    totals = data["totals"]
    memory = totals.pop("memory")
    assert totals == {
        "params": 138357544, "trainable": 138357544, "buffers": 0, "macs": 15470264320,
        "flops": 30940528640, "side_params": 0, "side_macs": 0,
        "weight_layers": 16, "receptive_field": [212, 212], "misaligned": [],
    }  # fmt: skip
    assert set(memory) == {"parameters", "forward_peak", "backward"}
    claim = next(c for c in data["claims"] if c["printed"] == "138M")
    assert claim == {
        "where": "network", "quantity": "params", "printed": "138M", "computed": 138357544,
        "verdict": "holds", "how": "rounds", "note": None,
    }  # fmt: skip


def test_records_keep_their_former_name_for_a_release():
    assert contract.Summary is Summary


def test_json_of_verify(archdsl_cli):
    code, out, _ = archdsl_cli("verify", "vgg16", "alexnet", "--format", "json")
    assert code == 0
    verification = Verification.model_validate(json.loads(out))
    assert [n.network for n in verification.networks] == ["vgg16", "alexnet"]
    assert all(n.claims for n in verification.networks)


def test_changes_are_not_judged(archdsl_cli):
    code, out, _ = archdsl_cli("summary", "vgg16", "--input", "320x320", "--format", "json")
    assert code == 0
    summary = Summary.model_validate(json.loads(out))
    assert summary.input == [3, 320, 320]
    assert summary.rows[0].output == [64, 320, 320]
    assert {c.verdict for c in summary.claims} == {"not judged"}


def test_buffers_are_counted_separately():
    net = archdsl.loads("input 8x8x1\nconv means conv-bn-relu\nconv3-4\nFC-2")
    assert net.buffers == 9 and net.params == 36 + 8 + 4 * 64 * 2 + 2
    assert "buffers" in net.summary()


def test_every_claim_appears_in_the_summary():
    """Including those of the input line and of lines inside a group."""
    net = archdsl.loads(
        "input 8x8x1 => 9x9x1\n[ conv3-4 => 8x8x5; maxpool => 4x4x4 ]\nFC-2 => 3\nexpect params 7"
    )
    for text in (net.summary(), summary.markdown(net), net._repr_html_()):
        for figure in ("✗ 9×9×1", "✗ conv1 8×8×5", "✓ pool1 4×4×4", "✗ 3", "✗ 7"):
            assert figure in text


HOSTILE = '<script>alert("1")</script> & | `x`'


def test_html_escapes_text_of_the_spec():
    title = HOSTILE.replace('"', "'")
    net = archdsl.loads(f'network n "{title}"\npaper "{title}"\ninput 8x8x1\nconv3-4\nFC-2')
    html = net._repr_html_()
    assert "<script" not in html and "&lt;script&gt;" in html
    assert html.count("<tr>") == len(net.rows) + 1 + len(summary.totals_table(net).rows) + 1


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x9b", "\u202e"])
def test_control_characters_do_not_reach_the_terminal(character: str):
    with pytest.raises(archdsl.ArchError, match="an invisible character, U") as caught:
        archdsl.loads(f'network n "a{character}[31mred"\ninput 8x8x1\nconv3-4\nFC-2')
    assert character not in str(caught.value)


def test_markdown_escapes_text_of_the_spec():
    title = HOSTILE.replace('"', "'")
    net = archdsl.loads(f'network n "{title}"\npaper "{title}"\ninput 8x8x1\nconv3-4\nFC-2')
    text = summary.markdown(net)
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\\`x\\`" in text
