"""`archdsl layers` and docs/layers.md show exactly what the classes declare."""

from __future__ import annotations

import json
import re

import pytest
from paths import ROOT

from archdsl.errors import ArchError
from archdsl.expand.blocks import library
from archdsl.layers import REGISTRY, Layer
from archdsl.output import block_reference, layer_reference
from archdsl.output.records import LayerKinds

KINDS = [pytest.param(kind, id=kind.__name__) for kind in REGISTRY]


def test_the_page_of_the_layers(archdsl_cli, request: pytest.FixtureRequest):
    code, page, _ = archdsl_cli("layers", "--format", "markdown")
    path = ROOT / "docs" / "layers.md"
    if request.config.getoption("--update"):
        path.write_text(page, "utf-8")
    assert code == 0 and path.read_text("utf-8") == page, "write it anew: `make golden`"


def test_links_of_the_page_lead_to_its_headings():
    page = layer_reference.markdown()
    headings = re.findall(r"^### (.*)$", page, re.MULTILINE)
    assert len(set(headings)) == len(headings) == len(REGISTRY)
    links = re.findall(r"\]\(#([^)]*)\)", page)
    assert links == [heading.replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_is_explained(kind: type[Layer], archdsl_cli):
    code, text, _ = archdsl_cli("layers", *layer_reference.name(kind).split())
    assert code == 0
    flat = " ".join(text.split())
    marked = layer_reference.markdown([kind])
    for paragraph in layer_reference.paragraphs(kind):
        assert paragraph.replace("`", "") in flat
    for words in kind.words:
        assert words in flat and f"`{words}`" in marked
    for field, one in kind.attributes.items():
        for spelling in (*one.words, *one.units, *one.flags):
            assert spelling in flat and spelling in marked
        if layer_reference.ways(kind, field):
            assert f"\n{field} " in text and one.means in flat and one.otherwise in marked
            assert layer_reference.values(one).replace("`", "") in flat
    for example in map(layer_reference.example_of, kind.examples):
        assert f"\n{example.text} " in text and f"| `{example.text}` |" in marked


def test_possible_values_come_from_the_check():
    for kind in REGISTRY:
        for one in kind.attributes.values():
            assert one.check.__doc__, f"{one.check.__name__} does not describe the values it takes"


@pytest.mark.parametrize("kind", KINDS)
def test_every_spelling_finds_its_kind(kind: type[Layer]):
    for words in kind.words:
        for text in (words, words.upper(), words.replace(" ", "-"), words.replace(" ", "")):
            assert layer_reference.find(text) == [kind]
    assert kind in layer_reference.find(kind.kind)
    for listing in kind.listed:
        assert layer_reference.find(f"nn.{listing.name.replace('*', '2')}") == [kind]


def test_other_ways_to_name_a_kind():
    def found(text: str) -> list[str]:
        return [kind.__name__ for kind in layer_reference.find(text)]

    assert found("gap") == ["AvgPool"]
    assert found("pool")[:2] == ["MaxPool", "AvgPool"]
    assert found("20C4") == found("k3n64") == found("torch.nn.Conv3d") == ["Conv"]
    with pytest.raises(ArchError) as caught:
        layer_reference.find("max pol")
    assert "`max pol`" in str(caught.value) and "did you mean `max pool`?" in str(caught.value)


def test_an_unknown_kind(archdsl_cli):
    code, out, error = archdsl_cli("layers", "xyzzy", "plugh")
    assert (code, out) == (2, "")
    assert error == (
        "error: there is no layer kind `xyzzy plugh`\nhelp: `archdsl layers` lists all\n"
    )


def test_the_index_has_a_row_for_every_kind(archdsl_cli):
    lines = archdsl_cli("layers")[1].partition("\n\n")[0].splitlines()
    assert len(lines) == 1 + len(REGISTRY)
    for line, kind in zip(lines[1:], REGISTRY, strict=True):
        assert line.startswith(f"{layer_reference.name(kind)} ")
        assert all(words in line for words in kind.words)


def test_a_narrow_terminal():
    for kind in REGISTRY:
        prose, _, table = layer_reference.explanation(kind, width=40).rpartition("\n\n")
        assert max(map(len, table.splitlines())) <= 40
        assert all(len(line) <= 40 or "`" not in line for line in prose.splitlines())
    assert max(map(len, layer_reference.index(width=40).splitlines())) <= 40


def test_the_first_sentence_ends_at_its_full_stop():
    assert layer_reference.summary(next(k for k in REGISTRY if k.__name__ == "PReLU")) == (
        "x if positive, otherwise a · x with a learned slope a (He et al. 2015)."
    )


def test_json(archdsl_cli):
    every = LayerKinds.model_validate(json.loads(archdsl_cli("layers", "--format", "json")[1]))
    assert [one.name for one in every.kinds] == [layer_reference.name(k) for k in REGISTRY]
    code, text, _ = archdsl_cli("layers", "fc", "--format", "json")
    (one,) = LayerKinds.model_validate(json.loads(text)).kinds
    assert code == 0 and one.takes_number == "width" and one.weight_layer
    assert [a.name for a in one.attributes] == ["width", "inputs", "matrix", "bias"]
    assert (one.examples[0].text, one.examples[0].output) == ("FC-10", [10])
    assert (one.examples[0].params, one.examples[0].macs) == (130, 120)


@pytest.mark.parametrize("name", library())
def test_one_block_of_the_library_is_shown(name: str, archdsl_cli):
    """With its paper, and a text that can be read in place of the library's."""
    code, text, _ = archdsl_cli("layers", name)
    assert code == 0
    assert block_reference.form(name) in text and block_reference.text_of(name) in text
    assert re.search(r"^[A-Z][^:]* \d{4}$", text, re.MULTILINE)
    _, _, body = block_reference.text_of(name).rpartition(f"block {name}")
    assert body.count("{") == body.count("}") > 0


def test_all_blocks_are_listed(archdsl_cli):
    listed = archdsl_cli("layers")[1]
    assert all(block_reference.form(name) in listed for name in library())
    records = LayerKinds.model_validate(json.loads(archdsl_cli("layers", "--format", "json")[1]))
    assert [block.name for block in records.blocks] == list(library())
    assert not LayerKinds.model_validate_json(
        archdsl_cli("layers", "relu", "--format", "json")[1]
    ).blocks
    code, _, error = archdsl_cli("layers", "residuall")
    assert code and "there is no layer kind" in error
