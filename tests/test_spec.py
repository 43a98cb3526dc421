"""Networks that are made from others: `network wrn_28_10 = wrn(28, 10)`."""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl import spec_files
from archdsl.spec import parse
from archdsl.text.source import Source

# Wide residual networks for CIFAR-10 (Zagoruyko & Komodakis 2016, Table 1); their totals are those
# of units whose identity branch is activated too.
WRN = """
network wrn(depth, k) "Wide residual networks"
paper "Zagoruyko & Komodakis 2016" "Table 1"
let n = (depth - 4) // 6
input 32x32 RGB
conv means bn-relu-conv

block unit(c, s=1) {
  bn -> relu
  add {
    conv kernel (1) width (c) stride (s) bare no bias if s > 1 or in != c
    identity if s == 1 and in == c
    [ conv3-(c) stride (s) bare no bias; conv3-(c) ]
  }
}
conv1: 3x3, 16, bare no bias             => 32x32x16
conv2: unit(16*k) x n
conv3: unit(32*k) x n, stride 2          => 16x16
conv4: unit(64*k) x n, stride 2          => 8x8
bn -> relu -> average pool -> 10-d fc

train on digits { epochs 2 }

network wrn_16_8 = wrn(16, 8)
expect params 11.0M

network wrn_28_10 = wrn(28, k=10) "WRN-28-10"
expect params 36.5M
reported error 4.17
"""


def networks(text: str) -> dict[str, archdsl.Network]:
    texts = parse(Source("<text>", text))
    return {text.name: archdsl.Network(text) for text in texts if not text.lacking}


def refused(text: str, message: str) -> None:
    with pytest.raises(archdsl.ArchError, match=message):
        networks(text)


def test_wide_residual_networks():
    found = networks(WRN)
    assert list(found) == ["wrn_16_8", "wrn_28_10"]
    assert [net.params for net in found.values()] == [10_961_370, 36_479_194]
    assert [net.title for net in found.values()] == ["wrn_16_8", "WRN-28-10"]
    assert {net.paper for net in found.values()} == {"Zagoruyko & Komodakis 2016, Table 1"}
    # The figures of a template apply to every network made from it.
    for net in found.values():
        assert [c.printed for c in net.verify()][:3] == ["32x32x16", "16x16", "8x8"]
        assert {c.verdict for c in net.verify()} == {"holds"}
    assert found["wrn_28_10"].reported == ("error 4.17",)
    assert found["wrn_16_8"].reported == ()
    assert all(len(net.train_sections) == 1 for net in found.values())


BASE = """
network base(w=4, d=2)
paper "One"
input 8x8x3
conv3-(w) x d      => 8x8x4
FC-2
expect params 774
reported error 1
train on digits { epochs 2 }
"""


def test_statements_that_carry_over():
    text = BASE + 'network wide = base(8)\nnetwork other = base(d=3, w=8) "T"\npaper "Two"\n'
    found = networks(text + "expect params 2,224\nreported error 2\ntrain { epochs 3 }")
    base, wide, other = found.values()
    assert [c.verdict for c in base.verify()] == ["holds", "holds"]
    assert wide.verify() == () and wide.reported == () and wide.paper == "One"
    assert wide.train_sections == base.train_sections
    assert (wide.params, other.params) == (1834, 2418)
    assert [c.verdict for c in other.verify()] == ["fails"]
    assert (other.paper, other.reported, other.title) == ("Two", ("error 2",), "T")
    assert other.train_sections != base.train_sections


def test_a_network_made_from_a_derived_one():
    text = "network c = b(d=3)\nnetwork b = base(8)\n" + BASE + "network e = c\nnetwork f = c(5)"
    found = networks(text.strip())
    widths = {name: (net.rows[0].output[0], net.rows[0].repeat) for name, net in found.items()}
    assert widths == {"c": (8, 3), "b": (8, 2), "base": (4, 2), "e": (8, 3), "f": (5, 3)}


def test_defaults_are_computed_from_what_is_given():
    text = "network a(k=2, w=3*k)\ninput 8\nFC-(w)\nnetwork b = a(2 + 2)\nnetwork c = a(w=1)"
    assert [net.output for net in networks(text).values()] == [(6,), (12,), (1,)]


def test_parameters_from_outside_replace_what_is_given():
    (text,) = [t for t in parse(Source("<text>", WRN)) if t.name == "wrn_28_10"]
    net = archdsl.Network(text, {"k": 8, "depth": 16})
    assert net.params == 10_961_370
    assert {claim.verdict for claim in net.verify()} == {"not judged"}


def test_a_derived_template_and_its_claims():
    text = "network a(w, d)\ninput 8x8x3\nconv3-(w) x d\nFC-(w)\nexpect output 8\n"
    text += "network b = a(8)\nexpect weight layers 3\nnetwork c = b(d=2)\nnetwork d = c"
    found = networks(text)
    assert list(found) == ["c", "d"]
    assert [c.quantity for c in found["c"].verify()] == ["output size", "weight layers"]
    assert found["d"].verify() == ()


def test_invalid_derivations_are_refused():
    base = "network a(w=4)\ninput 8\nFC-(w)\n"
    for text, message in (
        (base + "network b = c", "there is no network `c`"),
        ("network b = vgg16", "there is no network `vgg16` in <text>"),
        ("network a = a", "derived from itself: a = a"),
        ("network a = b\nnetwork b = c\nnetwork c = b", "derived from itself: b = c = b"),
        (base + "network b = a(1, 2)", "more arguments than the network `a` has parameters"),
        (base + "network b = a(1, w=2)", "`w` of the network `a` is given twice"),
        (base + "network b = a(v=2)", "the network `a` does not take `v`"),
        (base + "network b = a(w)", "`w` has no value"),
        (base + "network b = a(w=)", "`w` has no value"),
        (base + "network b = a(8 8)", "unexpected `8` in an expression"),
        (base + "network b = a(bn=1)", r"no layer `\(bn\)` is optional"),
        (base + "network b = a(w=0)", "the width of `fc`"),
        (base + "network a = a", "two networks are called `a`"),
        *(
            (f"{base}network b = a\n{line}", "it has no layers or conventions of its own")
            for line in (
                "FC-3", "input 9", "let n = 2", "padding valid", "conv means conv-relu", "with bn",
                "block u { FC-3 }", "stride on first", "shortcut A", 'use "residual.arch"',
            )
        ),
    ):  # fmt: skip
        refused(text, message)


def test_many_derived_networks_are_refused_at_once():
    lines = "FC-2\n" * 10_000
    many = "".join(f"network a{n} = a\n" for n in range(1000))
    refused(f"network a\ninput 8\n{lines}{many}", "of more than 1,000,000 lines together")
    chain = "".join(f"network a{n + 1} = a{n}\n" for n in range(2000))
    refused(f"network a0\ninput 8\n{chain}", "of more than 1,000,000 lines together")


def test_on_the_command_line(archdsl_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("wrn.arch").write_text(WRN)
    code, out, _ = archdsl_cli("summary", "wrn.arch:wrn_28_10")
    assert code == 0 and "36,479,194" in out
    code, out, _ = archdsl_cli("summary", "wrn.arch:wrn", "-p", "k=8", "-p", "depth=16")
    assert code == 0 and "10,961,370" in out
    code, _, error = archdsl_cli("summary", "wrn.arch:wrn")
    assert code == 2 and "the parameter `depth` has no value" in error
    code, _, error = archdsl_cli("summary", "wrn.arch")
    assert "pick one: `wrn.arch:wrn_16_8`" in error
    # A template is passed over, unless it is named.
    code, out, error = archdsl_cli("verify", "wrn.arch")
    assert (code, error) == (0, "") and "2 networks, 8 claims: 8 hold" in out
    assert archdsl_cli("verify", "wrn.arch:wrn")[0] == 2


def test_derived_networks_in_the_zoo(archdsl_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "wrn.arch").write_text(WRN)
    (tmp_path / "small.arch").write_text(BASE.replace("base", "small"))
    monkeypatch.setattr(spec_files, "folder", lambda: str(tmp_path))
    assert list(spec_files.names()) == ["small", "wrn", "wrn_16_8", "wrn_28_10"]
    assert archdsl.load("wrn_28_10").params == 36_479_194
    assert archdsl.load("wrn", {"depth": 16, "k": 8}).params == 10_961_370
    code, out, _ = archdsl_cli("zoo")
    assert code == 0 and len(out.splitlines()) == 5
    (line,) = [line for line in out.splitlines() if line.startswith("wrn ")]
    assert line.split(None, 1)[1] == "Wide residual networks (a template: give it depth, k)"
    code, out, error = archdsl_cli("verify")
    assert (code, error) == (0, "") and "3 networks, 10 claims: 10 hold" in out
    read: list[str] = []
    monkeypatch.setattr(spec_files, "names", lambda: read.append("all"))
    archdsl.load("small")
    assert read == []  # the usual case reads one file


def test_everything_else_of_a_derived_network():
    net = networks(WRN)["wrn_16_8"]
    assert "class Wrn168" in net.source() or "wrn_16_8" in net.source()
    assert net.draw().render("svg")
    assert net.to_dict()["network"] == "wrn_16_8"
    assert sum(p.numel() for p in net.module().parameters()) == net.params


@pytest.mark.slow
def test_a_run_of_a_derived_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import PIL.Image
    import torch

    from archdsl.train import evaluate, predict, recipe_of, resume, train

    path = tmp_path / "nets.arch"
    path.write_text(
        "network base(w, d)\ninput 8x8x1\nconv means conv-(bn)-relu\nconv3-(w) x d\n"
        "avgpool; FC-10\ntrain on digits { optimizer adam lr 0.01; epochs 2; batch 128 }\n"
        "network tiny = base(4, d=1)\nnetwork tiny_bn = tiny(bn=1)\n"
    )
    net = archdsl.load(f"{path}:tiny_bn", {"d": 2})
    assert sum(row.op.kind == "bn" for row in net.graph.nodes) == 2
    runs = str(tmp_path / "runs")
    whole, module = train(net, recipe_of(net), device="cpu", runs=runs)
    path.unlink()

    class Stop:
        def begin(self, run): ...
        def step(self, *args): ...
        def epoch(self, epoch):
            raise KeyboardInterrupt

    path = whole.folder / "spec.arch"
    again = archdsl.load(f"{path}:tiny_bn", {"d": 2})
    with pytest.raises(KeyboardInterrupt):
        train(again, recipe_of(again), device="cpu", runs=runs, progress=Stop())
    (folder,) = [f for f in (tmp_path / "runs" / "tiny_bn").iterdir() if f != whole.folder]
    run, resumed = resume(folder)
    for a, b in zip(module.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert evaluate(folder).accuracy == run.accuracy
    PIL.Image.new("L", (8, 8)).save(tmp_path / "dark.png")
    assert predict(folder, [tmp_path / "dark.png"]).network == "tiny_bn"
