"""Pair the corresponding layers of two networks that differ: those that a reader would compare.

The verdict does not depend on it. Layers that are computed or used in the same way are paired
first, whatever their order. The others follow in the order of the texts: convolutions, pools and
joins, then the norms and activations after them.

Equal layers are paired twice: only those whose maps have been halved equally often, which tells the
stages of a network apart, and by their order alone, as a single stride resizes every map after it.
The pairs that leave the fewest differences are kept.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from copy import copy
from itertools import groupby
from math import log2

from archdsl.compare.isomorphism import ComparableGraph, Palette, backward, coloured, forward
from archdsl.graph import Scope
from archdsl.layers import Activation, Layer, Shape

STEPS = 1_000_000  # of a search for a common subsequence; enough for thousands of layers
MOST_SHIFTED = 1_000
MOST_COMPARED = 4_000  # pairs of layers in a gap that are all scored

Pairs = list[tuple[int, int]]
Scopes = tuple[Sequence[Scope], Sequence[Scope]]  # of the layers of both networks


def align(a: ComparableGraph, b: ComparableGraph, scopes: Scopes) -> dict[int, int]:
    """The layer of `b` for each layer of `a` that has one; scopes show where repetitions begin."""
    certain = _Alignment(a, b, scopes)
    by_level = certain.completed(in_stages=True)
    levels = {*certain.levels[0], *certain.levels[1]}
    if by_level.is_complete or len(levels) == 1:
        return by_level.pairs
    by_order = certain.completed(in_stages=False)
    return min(by_level, by_order, key=_Alignment.differences).pairs


class _Alignment:
    """Pairs of layers, at first of those that are computed in the same way.

    `in_stages`: the layers that are paired by their order have maps of the same level.
    """

    in_stages = True

    def __init__(self, a: ComparableGraph, b: ComparableGraph, scopes: Scopes) -> None:
        self.a, self.b, self.scopes = a, b, scopes
        self.levels = _levels(a), _levels(b)
        self.roles = [_role(op) for op in a.ops], [_role(op) for op in b.ops]
        self.pairs: dict[int, int] = {}
        self.reverse: dict[int, int] = {}
        before, self.after = self.histories()
        self.by_colour(
            [list(zip(*both, strict=True)) for both in zip(before, self.after, strict=True)]
        )
        self.by_colour(before)

    def completed(self, in_stages: bool) -> _Alignment:
        """A copy with the other pairs."""
        result = copy(self)
        result.pairs, result.reverse = self.pairs.copy(), self.reverse.copy()
        result.in_stages = in_stages
        result.pair_others()
        return result

    def pair_others(self) -> None:
        a, b = self.a, self.b
        self.by_order(_unpaired(a, self.pairs), _unpaired(b, self.reverse))
        self.by_wiring(a.keys, b.keys)
        companions = _companions(a, self.pairs), _companions(b, self.reverse)
        for owner, group in companions[0].items():
            partner = self.pairs[owner]
            self.by_order(group, companions[1].get(partner, []), self.shift(owner, partner))
        self.by_colour(self.after)
        self.by_wiring(*self.roles)
        self.shift_runs(a, self.scopes[0], self.pairs, self.reverse)
        self.shift_runs(b, self.scopes[1], self.reverse, self.pairs)

    @property
    def is_complete(self) -> bool:
        """Whether every layer of the smaller network has a partner."""
        return len(self.pairs) == min(len(self.a.ops), len(self.b.ops))

    def differences(self) -> int:
        """How much a reader has to look at: a pair that differs counts like a layer alone."""
        alone = len(self.a.ops) + len(self.b.ops) - 2 * len(self.pairs)
        return alone + sum(self.a.keys[x] != self.b.keys[y] for x, y in self.pairs.items())

    def shift(self, x: int, y: int) -> int:
        """How much more often the map of `y` has been halved than that of its partner."""
        return self.levels[1][y] - self.levels[0][x]

    def put(self, x: int, y: int) -> None:
        self.pairs[x], self.reverse[y] = y, x

    def histories(self) -> tuple[list[Sequence[Hashable]], list[Sequence[Hashable]]]:
        """Colours of the layers of both graphs: by how they are computed, by how they are used."""
        palette: Palette = {}
        before: list[Sequence[Hashable]] = []
        after: list[Sequence[Hashable]] = []
        for one in (self.a, self.b):
            keys = coloured(one.keys, palette)
            before.append(forward(one, keys, palette))
            after.append(backward(one, keys, palette))
        return before, after

    def by_colour(self, colours: Sequence[Sequence[Hashable]]) -> None:
        """Pair the layers of one colour that have no partner yet, in order."""
        unpaired: dict[Hashable, list[int]] = {}
        for y in reversed(range(len(colours[1]))):
            if y not in self.reverse:
                unpaired.setdefault(colours[1][y], []).append(y)
        for x, colour in enumerate(colours[0]):
            if x not in self.pairs and unpaired.get(colour):
                self.put(x, unpaired[colour].pop())

    def common(
        self, values: tuple[Sequence[Hashable], ...], xs: Sequence[int], ys: Sequence[int]
    ) -> Pairs:
        """A common subsequence of layers, by these values; within stages, by their levels too."""
        a, b = (
            [(value[i], level[i]) if self.in_stages else value[i] for i in places]
            for value, level, places in zip(values, self.levels, (xs, ys), strict=True)
        )
        return gathered(a, b, common(a, b))

    def by_order(self, xs: Sequence[int], ys: Sequence[int], shift: int = 0) -> None:
        """Pair layers of the same key in order, and between these the most alike.

        `shift` is that of the pair before the first of them.
        """
        pairs = self.common((self.a.keys, self.b.keys), xs, ys)
        i = j = 0
        for m, n in (*pairs, (len(xs), len(ys))):
            is_pair = m < len(xs) and n < len(ys)
            next_shift = self.shift(xs[m], ys[n]) if is_pair else shift
            for x, y in self.most_alike(xs[i:m], ys[j:n], (shift, next_shift)):
                self.put(xs[i + x], ys[j + y])
            if is_pair:
                self.put(xs[m], ys[n])
            i, j, shift = m + 1, n + 1, next_shift

    def most_alike(
        self, xs: Sequence[int], ys: Sequence[int], shifts: tuple[int, int] = (0, 0)
    ) -> Pairs:
        """Pairs of the same role, in order, that agree most in total.

        `shifts` are those of the pairs before and after these layers.
        """
        if not xs or not ys:
            return []
        if len(xs) * len(ys) > MOST_COMPARED:
            return self.common(self.roles, xs, ys)
        best = [[0.0] * (len(ys) + 1) for _ in range(len(xs) + 1)]
        for i in reversed(range(len(xs))):
            row, below = best[i], best[i + 1]
            for j in reversed(range(len(ys))):
                score = self.likeness(xs[i], ys[j], shifts)
                here = score + below[j + 1] if score else 0.0
                row[j] = max(here, below[j], row[j + 1])
        pairs: Pairs = []
        i = j = 0
        while i < len(xs) and j < len(ys):
            score = self.likeness(xs[i], ys[j], shifts)
            if score and best[i][j] == score + best[i + 1][j + 1]:
                pairs.append((i, j))
                i, j = i + 1, j + 1
            elif best[i][j] == best[i + 1][j]:
                i += 1
            else:
                j += 1
        return pairs

    def likeness(self, x: int, y: int, shifts: tuple[int, int]) -> float:
        """0 for layers of different roles, or with neither level nor name of the line in common."""
        p, q = self.a.ops[x], self.b.ops[y]
        close = self.shift(x, y) in shifts
        named = self.scopes[0][x][0] == self.scopes[1][y][0]
        if _role(p) != _role(q) or not (close or named):
            return 0.0
        equal = 0.0
        if type(p) is type(q) and p.attributes:
            mine, other = vars(p), vars(q)
            equal = sum(mine[n] == other[n] for n in p.attributes) / len(p.attributes)
        return 1 + equal + close + named + 2 * (self.a.keys[x] == self.b.keys[y])

    def by_wiring(self, ones: Sequence[Hashable], others: Sequence[Hashable]) -> None:
        """Pair layers with equal entries in these lists and corresponding inputs, from the input
        on."""
        a, b = self.a, self.b
        readers: dict[Hashable, list[int]] = {}
        for x in reversed(range(len(ones))):
            if x not in self.pairs:
                readers.setdefault((ones[x], a.reads(x)), []).append(x)
        for y, inputs in enumerate(b.inputs):
            if y in self.reverse or not all(i in self.reverse for i in inputs):
                continue
            read = [self.reverse[i] for i in inputs]
            left = readers.get((others[y], tuple(read if b.ordered(y) else sorted(read))))
            if left:
                self.put(left.pop(), y)

    def shift_runs(
        self,
        graph: ComparableGraph,
        scopes: Sequence[Scope],
        partners: dict[int, int],
        partners_of_other: dict[int, int],
    ) -> None:
        """Shift runs of unpaired layers to start where a line or a repetition starts.

        If `a` became `a b a`, either `b a` or `a b` was added.
        """
        keys, inputs = graph.keys, graph.inputs

        def shared(place: int) -> int:
            """How much of its scope a layer shares with the layer before it."""
            if not 0 < place < len(scopes):
                return 0
            return common_start(scopes[place - 1], scopes[place])

        def may_swap(first: int, second: int, paired: int) -> bool:
            """Whether the one of two layers that is not paired could take over the partner."""
            if paired not in partners or keys[first] != keys[second]:
                return False
            return inputs[second] == tuple(i + second - first for i in inputs[first])

        limit = range(MOST_SHIFTED)
        for start, end in list(_runs(len(keys), partners)):
            length = end - start
            fixed = (s for s in limit if not may_swap(start - s - 1, end - s - 1, start - s - 1))
            up = next(fixed, MOST_SHIFTED)
            fixed = (s for s in limit if not may_swap(start + s, end + s, end + s))
            down = next(fixed, MOST_SHIFTED)
            # Of equally good shifts, take the last: repetitions are usually added at the end.
            places = range(down, -up - 1, -1)
            shift = min(places, key=lambda s: shared(start + s) + shared(end + s))
            for step in range(abs(shift)):
                old = start - step - 1 if shift < 0 else end + step
                new = old + length if shift < 0 else old - length
                partner = partners.pop(old)
                partners[new], partners_of_other[partner] = partner, new


def _unpaired(graph: ComparableGraph, pairs: Container[int]) -> list[int]:
    """The layers without a partner, but for companions."""
    return [i for i, op in enumerate(graph.ops) if i not in pairs and not op.accompanies]


def _companions(graph: ComparableGraph, pairs: dict[int, int]) -> dict[int, list[int]]:
    """The unpaired companions (norms, activations), by the paired layer before them."""
    companions: dict[int, list[int]] = {}
    owner: int | None = None
    for place, op in enumerate(graph.ops):
        if not op.accompanies:
            owner = place if place in pairs else None
        elif owner is not None and place not in pairs:
            companions.setdefault(owner, []).append(place)
    return companions


def _runs(count: int, partners: Container[int]) -> Iterator[tuple[int, int]]:
    """The runs (start, end) of layers without a partner."""
    for is_unpaired, run in groupby(range(count), lambda place: place not in partners):
        if is_unpaired:
            start, *rest = run
            yield start, start + len(rest) + 1


def _levels(graph: ComparableGraph) -> list[int]:
    """How often the map of each layer has been halved since the input; -1 for a vector."""
    entering = graph.shapes[0][1:]
    levels: list[int] = []
    known: dict[Shape, int] = {}
    for shape in graph.shapes:
        if shape not in known:
            sizes = zip(entering, shape[1:], strict=False)
            known[shape] = max((round(log2(whole / size)) for whole, size in sizes), default=-1)
        levels.append(known[shape])
    return levels


def _role(op: Layer) -> Hashable:
    """What a layer must share with its partner: its kind; all activations are of one role."""
    return "activation" if isinstance(op, Activation) else op.kind


def common_start(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """How many elements two sequences share at their start."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((index for index, (x, y) in pairs if x != y), min(len(a), len(b)))


def common(a: Sequence[Hashable], b: Sequence[Hashable]) -> Pairs:
    """The indices of a common subsequence.

    It is the longest, by Myers 1986, unless the sequences are long and differ a lot; then the
    search is cut into stretches, each followed as far as it leads.
    """
    pairs: Pairs = []
    most = max(32, STEPS // (len(a) + len(b) + 1))
    x = y = 0
    while x < len(a) and y < len(b):
        x, y, more = _furthest(a, b, (x, y), most)
        pairs += more
    return pairs


def gathered(a: Sequence[Hashable], b: Sequence[Hashable], pairs: Pairs) -> Pairs:
    """A common subsequence of the same length with the same elements, in which an element that only
    `a` has is next to one that only `b` has, where that is possible.

    Of `c c c` and `x c c`, the pairs (0, 1), (1, 2) leave out `x` and the last `c`. Instead (1, 1),
    (2, 2) leave out `x` and the first `c`: one element that changed.
    """
    result: Pairs = []
    run: Pairs = []  # of pairs that follow each other, after a gap of these lengths
    gap = end = 0, 0
    for x, y in (*pairs, (len(a), len(b))):
        after = x - end[0], y - end[1]
        if any(after) and run:
            step = 0, 0
            if not gap[0] and not after[1] and gap[1]:
                step = next((s for s in ((after[0], 0), (0, -gap[1])) if _fits(a, b, run, s)), step)
            elif not gap[1] and not after[0] and gap[0]:
                step = next((s for s in ((0, after[1]), (-gap[0], 0)) if _fits(a, b, run, s)), step)
            result += ((i + step[0], j + step[1]) for i, j in run)
            run = []
            if step == after:  # that gap is closed, and the one before the run holds all
                gap = gap[0] + step[0], gap[1] + step[1]
            after = after[0] - step[0], after[1] - step[1]
        if any(after):
            gap = after
        run.append((x, y))
        end = x + 1, y + 1
    return [*result, *run[:-1]]


def _fits(a: Sequence[Hashable], b: Sequence[Hashable], run: Pairs, step: tuple[int, int]) -> bool:
    """Whether pairs are equal elements also after a step in both sequences."""
    return all(a[x + step[0]] == b[y + step[1]] for x, y in run)


def _furthest(
    a: Sequence[Hashable], b: Sequence[Hashable], start: tuple[int, int], most: int
) -> tuple[int, int, Pairs]:
    """The path from `start` with the fewest unmatched elements, to the end or until there are
    `most` of them: its end, and the pairs that it matches."""
    (left, top), (right, bottom) = start, (len(a), len(b))
    shift = left - top
    reach = {0: left}  # the largest x on each diagonal x - y - shift
    trace: list[dict[int, int]] = []  # `reach` before each step

    def step(reach: dict[int, int], k: int) -> tuple[int, int] | None:
        """The end of a step on a diagonal, and the diagonal that it comes from."""
        right_to, down_to = reach.get(k - 1, right) + 1, reach.get(k + 1, -1)
        if down_to - shift - k > bottom:
            down_to = -1
        if right_to > right or down_to >= right_to:
            return (down_to, k + 1) if down_to >= 0 else None
        return right_to, k - 1

    def follow(x: int, k: int) -> int:
        while x < right and (y := x - shift - k) < bottom and a[x] == b[y]:
            x += 1
        return x

    reach[0] = follow(left, 0)
    while reach.get(right - bottom - shift, -1) < right and len(trace) < most:
        trace.append(reach.copy())
        before, steps = trace[-1], len(trace)
        for k in range(-steps, steps + 1, 2):
            if move := step(before, k):
                reach[k] = follow(move[0], k)
    k = max(reach, key=lambda k: 2 * reach[k] - k)
    x = reach[k]
    pairs: Pairs = []
    to = x, x - shift - k
    for before in reversed(trace):
        move = step(before, k)
        assert move is not None
        pairs += ((i, i - shift - k) for i in reversed(range(move[0], x)))
        k = move[1]
        x = before[k]
    pairs += ((i, i - shift) for i in reversed(range(left, x)))
    return *to, pairs[::-1]
