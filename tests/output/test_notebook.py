"""What notebooks show: networks and diffs as tables, errors as their own text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import archdsl
from archdsl.output.diff import text

ONE = "input 8x8x3\nconv3-8\nmaxpool\nFC-10"


class Tables(HTMLParser):
    """The rows of every table of a page, and the tags that are not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.outside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.outside += data


def page(a: str, b: str) -> Tables:
    tables = Tables(archdsl.loads(a).diff(archdsl.loads(b))._repr_html_())
    assert not tables.open
    return tables


def test_a_diff_is_a_table():
    tables = page(ONE, ONE.replace("conv3-8", "conv3-8 stride 2"))
    assert ["~", "conv1", "conv: stride 1 → 2", "8×8×8 → 4×4×8", "", "−10,368"] in tables.rows
    assert ["params", "1,514", "554", "−960"] in tables.rows
    assert "not the same network" in tables.outside


def test_its_rows_are_those_of_the_terminal():
    a, b = archdsl.loads(ONE), archdsl.loads(ONE.replace("maxpool", "conv1-4 -> tanh"))
    shown = re.sub(r"\s+", " ", text(a.diff(b)))
    tables = Tables(a.diff(b)._repr_html_())
    assert len(tables.rows) > 6
    assert all(re.sub(r"\s+", " ", " ".join(filter(None, row))) in shown for row in tables.rows)


@pytest.mark.parametrize(
    ("a", "b", "shown"),
    [
        (ONE, ONE, "same networkparams 1,514, macs 15,104"),
        (ONE, ONE.replace("8x8", "6x6"), "input 8×8×3 → 6×6×3"),
        ("input 8x8x3\na: relu\nb: tanh\nconcat { a; b }",
         "input 8x8x3\na: relu\nb: tanh\nconcat { b; a }", "the wiring differs"),
    ],
)  # fmt: skip
def test_diffs_without_changed_layers(a: str, b: str, shown: str):
    assert shown in page(a, b).outside.replace("\n", "")


def test_texts_of_a_spec_are_escaped():
    found = archdsl.loads(ONE, name="<script>").diff(archdsl.loads(f"{ONE}\nrelu", name="a & b"))
    assert "<script>" not in found._repr_html_()
    assert "script → a &amp; b" in found._repr_html_()


def test_an_error_is_its_own_text():
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads("input 8x8x3\nconf3-8")
    lines = caught.value._render_traceback_()
    assert lines == str(caught.value).splitlines()
    assert lines[0].startswith("error: ") and "2 | conf3-8" in lines
