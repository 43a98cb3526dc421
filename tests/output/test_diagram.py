"""Diagrams: their content, and files that are written whole or not at all."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from zoo_networks import NETWORKS

import archdsl

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: bytes) -> list[str]:
    return ["".join(t.itertext()).strip() for t in ET.fromstring(svg).iter(f"{SVG}text")]


SKIPS = {"unet": 4}  # arrows that skip other lines


@pytest.mark.parametrize("name", NETWORKS)
def test_every_line_of_the_spec_is_a_box(name: str):
    net = archdsl.load(name)
    svg = net.draw().render("svg")
    boxes = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "node"]
    arrows = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "edge"]
    ends = 1 + len(net.sides)
    assert len(boxes) == len(net.rows) + 1 + ends  # the input, and the sizes of the outputs
    assert len(arrows) == len(net.rows) + ends + SKIPS.get(name, 0)
    shown = texts(svg)
    assert net.title in shown
    for row in net.rows:
        start = row.notation[:59]  # long ones are cut
        assert any(text.startswith(start) for text in shown)
        assert "×".join(map(str, (*row.output[1:], row.output[0]))) in shown
    assert f"{net.params:,} params · {net.macs:,} multiply-adds" in shown


@pytest.mark.parametrize(
    ("ending", "magic"),
    [
        ("svg", b"<?xml"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("dot", b"digraph"),
        ("mmd", b"---"),
    ],
)
def test_formats(ending: str, magic: bytes, tmp_path: Path, archdsl_cli):
    path = tmp_path / f"net.{ending}"
    code, out, error = archdsl_cli("draw", "lenet5", "-o", str(path))
    assert (code, out, error) == (0, f"{path}\n", "")
    assert path.read_bytes().startswith(magic)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_texts_need_no_program(tmp_path: Path, monkeypatch, archdsl_cli):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert archdsl_cli("draw", "lenet5", "-o", str(tmp_path / "a.dot"))[0] == 0
    assert archdsl_cli("draw", "lenet5", "-o", str(tmp_path / "a.mmd"))[0] == 0
    code, _, error = archdsl_cli("draw", "lenet5", "-o", str(tmp_path / "a.svg"))
    assert code == 2
    assert error.startswith("error: graphviz's program `dot` is not installed\nhelp: install")
    assert not (tmp_path / "a.svg").exists()


def test_bad_places(tmp_path: Path, archdsl_cli):
    code, _, error = archdsl_cli("draw", "lenet5", "-o", str(tmp_path / "net.bmp"))
    assert code == 2 and "end the name in .svg, .png, .pdf, .dot, .mmd, .graphml" in error
    code, _, error = archdsl_cli("draw", "lenet5", "-o", str(tmp_path / "no" / "net.svg"))
    assert code == 2 and "No such file or directory" in error
    (tmp_path / "here.dot").mkdir()
    code, _, error = archdsl_cli("draw", "lenet5", "-o", str(tmp_path / "here.dot"))
    assert code == 2 and "Is a directory" in error
    assert [p.name for p in tmp_path.iterdir()] == ["here.dot"]


def test_text_of_the_spec_is_escaped():
    title = "<script>&'x'</script> \\N \\l"
    net = archdsl.loads(
        f'network n "{title}"\npaper "{title}"\ninput 8x8x1\nconv3-(4 * (2 < 3))\nFC-2'
    )
    assert title in texts(net.draw().render("svg"))
    assert b"<script" not in net.draw().render("svg")
    mermaid = net.draw().mermaid()
    assert "2 &lt; 3" in mermaid and "<script" not in mermaid.splitlines()[4]


def test_notebooks_show_the_picture():
    bundle = archdsl.load("lenet5").draw()._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<?xml")
