"""File names and texts that would be code elsewhere are only text here."""

from __future__ import annotations

import ast
import xml.dom.minidom

import pytest

from archdsl.network import Network
from archdsl.output import summary
from archdsl.output.paper_table import render
from archdsl.spec import parse
from archdsl.text.source import Source

TEXT = "input 8x8x4\nconv3-4\nadd { identity; conv3-4 }\nFC-10\n"
NAMES = (
    'a"',
    '"""',
    '"""\nimport os\n"""',
    "'''",
    "a\\",
    'a\\"',
    "\x1b[31mred",
    "\u202eabc",
    "a\u2028b",
    "\\input{x}%&_#^~",
    "<script>alert(1)</script>",
    "</title>",
    "-->",
    '"; label="x',
)


def nets(name: str) -> tuple[Network, Network]:
    """A network named by its file, and one with the name as its title."""
    (one,) = parse(Source(f"{name}.arch", TEXT))
    quoted = "".join(c for c in name if c.isprintable() and c != '"')
    (other,) = parse(Source("plain.arch", f'network n "{quoted}"\n{TEXT}'))
    return Network(one), Network(other)


@pytest.mark.parametrize("name", NAMES)
def test_source_contains_only_classes(name: str):
    for net in nets(name):
        module = ast.parse(net.source())
        assert {type(one) for one in module.body} == {
            ast.Import,
            ast.ImportFrom,
            ast.ClassDef,
            ast.FunctionDef,
        } - ({ast.FunctionDef} if "def chain" not in net.source() else set())
        imported = [one.names[0].name for one in module.body if isinstance(one, ast.Import)]
        assert imported == ["torch"]
        (*_, last) = (one for one in module.body if isinstance(one, ast.ClassDef))
        shown = "".join(c for c in net.title if c.isprintable())
        assert ast.get_docstring(last, clean=False) == shown


@pytest.mark.parametrize("name", NAMES)
def test_outputs_contain_no_control_characters(name: str):
    for net in nets(name):
        for text in (
            net.summary(),
            summary.markdown(net),
            summary.html(net),
            net.source(),
            net.draw().dot(),
            net.draw().mermaid(),
            render.markdown([net]),
            render.latex([net]),
        ):
            assert all(c.isprintable() or c in "\n\t\N{NO-BREAK SPACE}" for c in text)


@pytest.mark.parametrize("name", NAMES)
def test_markup_is_escaped(name: str):
    for net in nets(name):
        assert "<script" not in summary.html(net)
        assert xml.dom.minidom.parseString(net.draw().render("svg"))
        table = [line for line in render.latex([net]).splitlines() if not line.startswith("%")]
        assert "\\input" not in "\n".join(table)
