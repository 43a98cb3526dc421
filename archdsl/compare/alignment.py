"""Which layers of two networks that differ stand for each other: what a reader would compare.

Nothing here is needed for the verdict. Layers of one history are paired first, in whatever order
they stand, then the others along the order of the texts: convolutions, pools and joins, and the
norms and activations behind them.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from itertools import takewhile
from math import log2

from archdsl.compare.isomorphism import Palette, Plain, backward, coloured, forward
from archdsl.graph import Scope
from archdsl.layers import Activation, Layer, Shape

STEPS = 1_000_000  # in search of a common subsequence: the longest, up to thousands of layers
MOST_SLID = 1_000
CELLS = 4_000  # of a gap in which every pair of layers is weighed

Pairs = list[tuple[int, int]]


def align(a: Plain, b: Plain, scopes: tuple[Sequence[Scope], Sequence[Scope]]) -> dict[int, int]:
    """The layers of `a` that stand for layers of `b`; their scopes say where a repetition begins.

    A pair has one key, or differs in its attributes.
    """
    return _Alignment(a, b, scopes).pairs


class _Alignment:
    def __init__(self, a: Plain, b: Plain, scopes: tuple[Sequence[Scope], Sequence[Scope]]) -> None:
        self.a, self.b, self.scopes = a, b, scopes
        self.levels = _levels(a), _levels(b)
        self.pairs: dict[int, int] = {}
        self.back: dict[int, int] = {}
        before, after = self.histories()
        self.by_colour([list(zip(*both, strict=True)) for both in zip(before, after, strict=True)])
        self.by_colour(before)
        self.by_order(*(self.open(one, companions=False) for one in (a, b)))
        self.by_wiring(a.keys, b.keys)
        behind = [self.companions(one, way) for one, way in ((a, self.pairs), (b, self.back))]
        for owner, group in behind[0].items():
            self.by_order(group, behind[1].get(self.pairs[owner], []))
        self.by_colour(after)
        self.by_wiring(*([_family(op) for op in one.ops] for one in (a, b)))
        self.slide(a, scopes[0], self.pairs, self.back)
        self.slide(b, scopes[1], self.back, self.pairs)

    def put(self, x: int, y: int) -> None:
        self.pairs[x], self.back[y] = y, x

    def histories(self) -> tuple[list[Sequence[Hashable]], list[Sequence[Hashable]]]:
        """Colours of the layers of both: of what each is made of, and of what is made of it."""
        palette: Palette = {}
        before: list[Sequence[Hashable]] = []
        after: list[Sequence[Hashable]] = []
        for one in (self.a, self.b):
            keys = coloured(one.keys, palette)
            before.append(forward(one, keys, palette))
            after.append(backward(one, keys, palette))
        return before, after

    def by_colour(self, colours: Sequence[Sequence[Hashable]]) -> None:
        """Pair the layers of one colour that have no partner, in order."""
        found: dict[Hashable, list[int]] = {}
        for y in reversed(range(len(colours[1]))):
            if y not in self.back:
                found.setdefault(colours[1][y], []).append(y)
        for x, colour in enumerate(colours[0]):
            if x not in self.pairs and found.get(colour):
                self.put(x, found[colour].pop())

    def open(self, plain: Plain, companions: bool) -> list[int]:
        """The layers without a partner."""
        done = self.pairs if plain is self.a else self.back
        return [
            i for i, op in enumerate(plain.ops) if i not in done and op.accompanies == companions
        ]

    def by_order(self, xs: Sequence[int], ys: Sequence[int]) -> None:
        """Pair layers of one key and level along their order, between them those that are alike."""
        keys = [
            [(one.keys[i], level[i]) for i in places] for one, level, places in self.sides(xs, ys)
        ]
        found = common(*keys)
        i = j = 0
        for m, n in (*found, (len(xs), len(ys))):
            for x, y in self.alike(xs[i:m], ys[j:n]):
                self.put(xs[i + x], ys[j + y])
            if m < len(xs) and n < len(ys):
                self.put(xs[m], ys[n])
            i, j = m + 1, n + 1

    def sides(
        self, xs: Sequence[int], ys: Sequence[int]
    ) -> tuple[tuple[Plain, list[int], Sequence[int]], ...]:
        return (self.a, self.levels[0], xs), (self.b, self.levels[1], ys)

    def alike(self, xs: Sequence[int], ys: Sequence[int]) -> Pairs:
        """Pairs of one kind, in order: those that agree most."""
        if not xs or not ys:
            return []
        if len(xs) * len(ys) > CELLS:
            kinds = [
                [(_family(one.ops[i]), level[i]) for i in places]
                for one, level, places in self.sides(xs, ys)
            ]
            return common(*kinds)
        best = [[0.0] * (len(ys) + 1) for _ in range(len(xs) + 1)]
        for i in reversed(range(len(xs))):
            row, below = best[i], best[i + 1]
            for j in reversed(range(len(ys))):
                score = self.likeness(xs[i], ys[j])
                here = score + below[j + 1] if score else 0.0
                row[j] = max(here, below[j], row[j + 1])
        found: Pairs = []
        i = j = 0
        while i < len(xs) and j < len(ys):
            score = self.likeness(xs[i], ys[j])
            if score and best[i][j] == score + best[i + 1][j + 1]:
                found.append((i, j))
                i, j = i + 1, j + 1
            elif best[i][j] == best[i + 1][j]:
                i += 1
            else:
                j += 1
        return found

    def likeness(self, x: int, y: int) -> float:
        """0 of two kinds, and of layers with neither a level nor the name of a line in common."""
        p, q = self.a.ops[x], self.b.ops[y]
        close = self.levels[0][x] == self.levels[1][y]
        named = self.scopes[0][x][0] == self.scopes[1][y][0]
        if _family(p) != _family(q) or not (close or named):
            return 0.0
        equal = 0.0
        if type(p) is type(q) and p.attributes:
            mine, other = vars(p), vars(q)
            equal = sum(mine[n] == other[n] for n in p.attributes) / len(p.attributes)
        return 1 + equal + close + named + 2 * (self.a.keys[x] == self.b.keys[y])

    def by_wiring(self, ones: Sequence[Hashable], others: Sequence[Hashable]) -> None:
        """Pair layers that are the same to these lists, and read what stands for each other, from
        the input on."""
        a, b = self.a, self.b
        readers: dict[Hashable, list[int]] = {}
        for x in reversed(range(len(ones))):
            if x not in self.pairs:
                readers.setdefault((ones[x], a.reads(x)), []).append(x)
        for y, inputs in enumerate(b.inputs):
            if y in self.back or not all(i in self.back for i in inputs):
                continue
            read = [self.back[i] for i in inputs]
            left = readers.get((others[y], tuple(read if b.ordered(y) else sorted(read))))
            if left:
                self.put(left.pop(), y)

    def companions(self, plain: Plain, pairs: dict[int, int]) -> dict[int, list[int]]:
        """The companions without a partner, by the layer in front of them that has one."""
        behind: dict[int, list[int]] = {}
        owner: int | None = None
        for place, op in enumerate(plain.ops):
            if not op.accompanies:
                owner = place if place in pairs else None
            elif owner is not None and place not in pairs:
                behind.setdefault(owner, []).append(place)
        return behind

    def slide(
        self, plain: Plain, scopes: Sequence[Scope], own: dict[int, int], other: dict[int, int]
    ) -> None:
        """Let runs that only one network has begin where a line or a repetition does: of `a b a`
        that once was `a`, `b a` was added or `a b`."""
        keys, inputs = plain.keys, plain.inputs

        def shared(place: int) -> int:
            """How much of their scopes two neighbours share."""
            if not 0 < place < len(scopes):
                return 0
            pairs = zip(scopes[place - 1], scopes[place], strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

        def turns(early: int, late: int) -> bool:
            """Whether the partner of one of two layers may be the other's."""
            shift = late - early
            return keys[early] == keys[late] and inputs[late] == tuple(
                i + shift for i in inputs[early]
            )

        for start, end in list(_runs(len(keys), own)):
            length = end - start
            up = down = 0
            while up < MOST_SLID and start - up - 1 in own and turns(start - up - 1, end - up - 1):
                up += 1
            while down < MOST_SLID and end + down in own and turns(start + down, end + down):
                down += 1
            places = range(
                down, -up - 1, -1
            )  # of equals the last: more of the same is added behind
            slid = min(places, key=lambda s: shared(start + s) + shared(end + s))
            for step in range(abs(slid)):
                old = start - step - 1 if slid < 0 else end + step
                new = old + length if slid < 0 else old - length
                partner = own.pop(old)
                own[new], other[partner] = partner, new


def _runs(count: int, done: Container[int]) -> Iterator[tuple[int, int]]:
    """The stretches of layers without a partner."""
    start: int | None = None
    for place in range(count + 1):
        alone = place < count and place not in done
        if alone and start is None:
            start = place
        elif not alone and start is not None:
            yield start, place
            start = None


def _levels(plain: Plain) -> list[int]:
    """How often each map is halved, from the input on; of a vector −1."""
    entering = plain.shapes[0][1:]
    found: list[int] = []
    known: dict[Shape, int] = {}
    for shape in plain.shapes:
        if shape not in known:
            sizes = zip(entering, shape[1:], strict=False)
            known[shape] = max((round(log2(whole / size)) for whole, size in sizes), default=-1)
        found.append(known[shape])
    return found


def _family(op: Layer) -> Hashable:
    """What may stand for each other: layers of one kind, and all activations."""
    return "activation" if isinstance(op, Activation) else op.kind


def common(a: Sequence[Hashable], b: Sequence[Hashable]) -> Pairs:
    """The places of a common subsequence: the longest, by Myers 1986, unless the two are long and
    differ a lot. Then it is made of stretches, each followed as far as it leads."""
    found: Pairs = []
    most = max(32, STEPS // (len(a) + len(b) + 1))
    x = y = 0
    while x < len(a) and y < len(b):
        x, y, pairs = _stretch(a, b, (x, y), most)
        found += pairs
    return found


def _stretch(
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    start: tuple[int, int],
    most: int,
) -> tuple[int, int, Pairs]:
    """The way from `start` with the fewest steps that match nothing, to the end or for `most` of
    them: where it leads, and what it matches."""
    (left, top), (right, bottom) = start, (len(a), len(b))
    shift = left - top
    reach = {0: left}  # on each diagonal x - y - shift
    trace: list[dict[int, int]] = []  # as it was in front of each step

    def step(reach: dict[int, int], k: int) -> tuple[int, int] | None:
        """Where a step leads on a diagonal, and from which diagonal."""
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
            if found := step(before, k):
                reach[k] = follow(found[0], k)
    k = max(reach, key=lambda k: 2 * reach[k] - k)
    x = reach[k]
    pairs: Pairs = []
    to = x, x - shift - k
    for before in reversed(trace):
        found = step(before, k)
        assert found is not None
        pairs += ((i, i - shift - k) for i in reversed(range(found[0], x)))
        k = found[1]
        x = before[k]
    pairs += ((i, i - shift) for i in reversed(range(left, x)))
    return *to, pairs[::-1]
