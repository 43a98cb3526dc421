"""Large texts that are read: work grows no faster than the text."""

from __future__ import annotations

import pytest

import archdsl
from archdsl.expand.context import MOST_LAYERS
from archdsl.output.table import Cell, Column, Table, text_table
from archdsl.syntax import diagnose


def test_the_most_specific_of_many_conventions_applies():
    lines = "".join(f"conv width {i} means conv-bn\n" for i in range(1, 300))
    net = archdsl.loads(
        f"input 8x8x4\n{lines}conv means conv-relu\n3x3 conv width 7 means conv-tanh\n"
        "conv3-6\nconv3-7\nconv1-7\nconv1-500\naverage pool, FC-2"
    )
    kinds = [node.op.kind for node in net.graph.nodes]
    assert kinds[1:9] == ["conv", "bn", "conv", "tanh", "conv", "bn", "conv", "relu"]


def test_the_last_of_equally_specific_conventions_applies():
    rules = "3x3 conv means conv-relu\nconv stride 2 means conv-tanh\n"
    net = archdsl.loads(f"input 8x8x4\n{rules}conv3-4 stride 2\nFC-2")
    assert net.graph.nodes[2].op.kind == "tanh"
    with pytest.raises(archdsl.ArchError, match="a second convention for the same layer"):
        archdsl.loads("input 8x8x4\n3x3 conv means conv-relu\nconv kernel 3 means conv-bn\nconv3-4")


def test_a_long_text_may_have_more_layers_than_a_short_one():
    line = "[ relu ] x 60000\n"
    with pytest.raises(archdsl.ArchError, match=f"more than {MOST_LAYERS:,} layers"):
        archdsl.loads(f"input 8\n{line * 3}")
    long = "# a remark that nobody reads, on a line of its own\n" * 16_000
    assert len(archdsl.loads(f"input 8\n{long}{line * 3}").graph.nodes) == 180_001


def test_cells_are_shortened_to_their_width():
    def shown(text: str, width: int) -> str:
        table = Table((Column("t", shrinks=True),), ((Cell(text),),))
        return text_table(table, width).split("\n")[1]

    assert shown("abcdef", 6) == "abcdef"
    assert shown("abcdef", 5) == "abcd…"
    assert shown("漢字漢字", 8) == "漢字漢字"
    assert shown("漢字漢字", 6) == "漢字…"
    assert len(shown("a" * 1_000_000, 80)) == 80


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_receptive_fields_after_a_resize(factor: int):
    """A position reads what a window on the enlarged map covers, counted one by one."""
    net = archdsl.loads(
        f"input 12x12x1\nconv3-2\nupsample {factor}\nconv3-2 dilation 2\nconv3-2 stride 2"
    )
    # Of one axis: the windows of the layers from the last to the first.
    sizes = set()
    for position in range(4, 10):
        last = [2 * position + j for j in (-1, 0, 1)]
        enlarged = [p + 2 * j for p in last for j in (-1, 0, 1)]
        small = {p // factor for p in enlarged}
        sizes.add(max(small) - min(small) + 3)
    assert net.receptive_field == (max(sizes),) * 2


def test_an_unclosed_parenthesis_is_reported_once(monkeypatch: pytest.MonkeyPatch):
    """Its line continues on the next one, where the error is found; it is not skipped twice."""
    explained = []
    explain = diagnose.explain
    monkeypatch.setattr(diagnose, "explain", lambda *args: explained.append(1) or explain(*args))
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads("input 8x8x1\nconv3-(4)(\nconv3-4\nconv3-4\nrelu ]\nFC-2")
    assert str(caught.value).count("error:") == len(explained) == 2
