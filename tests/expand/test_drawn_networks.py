"""Random networks, read by archdsl and, independently, by the rules of the manual.

A difference shows a text that archdsl reads as another network than docs/language.md promises; the
message has its seed and the smallest text found that shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from drawn_networks import constructs, draw
from two_readings import check, difference

from archdsl.expand import lines as expand_lines
from archdsl.expand.block_uses import BlockExpander
from archdsl.expand.context import Context
from archdsl.expand.conventions import _Expanded
from archdsl.expand.groups import GroupExpander
from archdsl.expand.lines import LineExpander
from archdsl.layers import REGISTRY
from archdsl.notation.ast import BlockUse, Group, Placeholder

NETWORKS = 3000
MOST_TRIED = 1000  # networks, one of which must show that a rule was put back


@pytest.mark.parametrize("part", range(10))
def test_the_graphs_of_drawn_networks_are_those_of_the_manual(part: int):
    for seed in range(part * 20, (part + 1) * 20):
        check(seed, deep=seed % 20 == 0)


@pytest.mark.parametrize("seed", [7222, 12660, 33840, 38992, 56360, 70020])
def test_networks_whose_readings_once_differed(seed: int):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_drawn_networks_are_those_of_the_manual(part: int):
    size = NETWORKS // 20
    for seed in range(part * size, (part + 1) * size):
        check(seed)


@pytest.mark.slow
def test_drawn_networks_hold_every_construct():
    counts = Counter(one for seed in range(NETWORKS) for one in constructs(draw(seed)[0]))
    assert min(counts.values()) >= 20, sorted(counts.items(), key=lambda pair: pair[1])[:5]
    assert len(counts) >= 100


# Rules that archdsl had once, each put back: some drawn network shows it.

Patch = Callable[[pytest.MonkeyPatch], None]


def companions_by_kind(patch: pytest.MonkeyPatch) -> None:
    """`conv3-64-silu` keeps the relu of the convention."""
    for kind in REGISTRY:
        if kind.role:
            patch.setattr(kind, "role", "")


def gates_stop_activations(patch: pytest.MonkeyPatch) -> None:
    """The activation stays before a gate, not after the sum."""
    rule = LineExpander.lets_pass

    def lets_pass(self: LineExpander, parsed: Any) -> bool:
        gate = isinstance(parsed.composite, BlockUse) or (
            isinstance(parsed.composite, Group) and parsed.composite.kind == "multiply"
        )
        return not gate and rule(self, parsed)

    patch.setattr(LineExpander, "lets_pass", lets_pass)


def written_sums_move_activations(patch: pytest.MonkeyPatch) -> None:
    """`add { identity; conv3-64 }` has its relu after the sum."""
    patch.setattr(GroupExpander, "moves_activation", lambda self, group, _: group.kind == "add")


def only_softmax_and_flatten_trail(patch: pytest.MonkeyPatch) -> None:
    """A convolution before a last sigmoid has a norm and a relu."""
    for kind in REGISTRY:
        patch.setattr(kind, "trails", kind.kind in ("softmax", "flatten"))


def bracket_branches_are_blocks(patch: pytest.MonkeyPatch) -> None:
    """`[] means residual` holds for a branch of a join."""
    patch.setattr(
        LineExpander,
        "bracket_at",
        lambda self, position: self.context.bracket_of(position.frame),
    )


def brackets_in_blocks_are_groups(patch: pytest.MonkeyPatch) -> None:
    """`[] means residual` does not hold in the file's own blocks."""
    rule = Context.bracket_of
    patch.setattr(
        Context, "bracket_of", lambda self, frame: None if frame.definition else rule(self, frame)
    )


def first_layer_of_a_block_has_the_stride(patch: pytest.MonkeyPatch) -> None:
    """The stride after `{ bottleneck(6, 24) }` goes to its first convolution."""
    patch.setattr(GroupExpander, "with_stride", lambda *_: None)


def outputs_that_are_read_are_bare(patch: pytest.MonkeyPatch) -> None:
    """An output whose value is read again loses its norm and relu."""

    def output_lines(self: LineExpander, lines: Any, position: Any) -> set[int]:
        outputs = self.context.outputs if not position.path else ()
        named = [i for i, line in enumerate(lines) if line.label and line.label.text in outputs]
        ends = named or [len(lines) - 1]
        return {expand_lines._last_line(lines, end, self.may_trail) for end in ends}

    patch.setattr(LineExpander, "output_lines", output_lines)


def projections_keep_their_activation(patch: pytest.MonkeyPatch) -> None:
    """The repetition that changes the shape has a relu that the others lack."""
    rule = BlockExpander.enter

    def enter(self: BlockExpander, call: Any, position: Any) -> None:
        if isinstance(call.use, Placeholder):
            position = position._replace(ends_branch=False)
        rule(self, call, position)

    patch.setattr(BlockExpander, "enter", enter)


def chains_take_the_companions_before(patch: pytest.MonkeyPatch) -> None:
    """Under `relu-conv-bn`, `conv3-4 -> relu` has no relu before the convolution."""
    rule = _Expanded.__init__

    def init(self: _Expanded, layer: Any, around: Any, *rest: Any) -> None:
        rule(self, layer, around, *rest)
        self.beyond = self.beyond[1], self.beyond[1]

    patch.setattr(_Expanded, "__init__", init)


def chains_replace_by_role(patch: pytest.MonkeyPatch) -> None:
    """`conv3-8 -> silu` has no relu, as if it were `conv3-8, silu`."""
    rule = _Expanded.__init__

    def init(self: _Expanded, layer: Any, around: Any, *rest: Any) -> None:
        rule(self, layer, around, *rest)
        self.roles |= {one.kind.role for one in around.after.chain if one.kind.role}

    patch.setattr(_Expanded, "__init__", init)


def label_joins_keep_activations(patch: pytest.MonkeyPatch) -> None:
    """`activation after add` holds for `add { … }`, not for `add c1`."""
    patch.setattr(LineExpander, "sums", lambda *_: {})


@pytest.mark.slow
@pytest.mark.parametrize(
    "old",
    [
        companions_by_kind,
        gates_stop_activations,
        written_sums_move_activations,
        only_softmax_and_flatten_trail,
        bracket_branches_are_blocks,
        brackets_in_blocks_are_groups,
        first_layer_of_a_block_has_the_stride,
        outputs_that_are_read_are_bare,
        projections_keep_their_activation,
        chains_take_the_companions_before,
        chains_replace_by_role,
        label_joins_keep_activations,
    ],
    ids=lambda old: old.__name__,
)
def test_an_old_rule_is_seen(old: Patch, monkeypatch: pytest.MonkeyPatch):
    old(monkeypatch)
    assert any(difference(*draw(seed), deep=False) for seed in range(MOST_TRIED))
