"""A graph that grows node by node, with rollback, and with copies of what was built before."""

from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

from archdsl.expand.scopes import Frame, LabelledValue
from archdsl.graph import Claimed, Decision, Graph, Node, Origin, Scope, Section, Settled, Side
from archdsl.layers import Layer, Shape
from archdsl.notation.ast import LayerText
from archdsl.syntax.ast import NetworkText

Place = tuple[int, int]  # start and end in the network's own source


class Mark(NamedTuple):
    """How far a graph had grown: the value that entered what came next, and the length of every
    list and dictionary of a GraphBuilder. They only grow, so these undo everything."""

    current: int
    labels: int
    empty_blocks: int
    nodes: int
    places: int
    sections: int
    claims: int
    inner_claims: int
    sides: int
    containers: int
    settled: int
    references: int
    activations: int
    decisions: int
    names: int
    built: int
    decided: int


class Stretch(NamedTuple):
    """What was built between two marks, at a path and a place."""

    path: Scope
    place: Place
    first: Mark
    last: Mark

    @property
    def size(self) -> int:
        """The number of nodes."""
        return self.last.nodes - self.first.nodes


class GraphBuilder:
    """A graph under construction. `current` is the node whose value enters what comes next."""

    def __init__(self) -> None:
        self.current = 0
        self.labels = 0  # how many labels have had a value
        self.empty_blocks = 0  # uses of blocks that added no node
        self.nodes: list[Node] = []
        self.places: list[Place] = []
        self.sections: list[Section] = []
        self.claims: list[Claimed] = []  # of sections
        self.inner_claims: list[Claimed] = []  # of lines within groups
        self.sides: list[Side] = []
        self.containers: list[tuple[Scope, str]] = []  # blocks and joins, outer ones first
        self.settled: list[Settled] = []
        self.references: list[LabelledValue] = []  # the values that references have read
        # Activations at the ends of the branches of an `add`, which move after the sum.
        self.activations: list[tuple[LayerText, Frame]] = []
        self.decisions: list[Decision] = []
        self.names: dict[Scope, None] = {}  # an ordered set of the names in use
        self.built: dict[Hashable, Stretch] = {}  # blocks, by all that they depend on
        self.decided: dict[tuple[object, ...], None] = {}  # an ordered set: lines and decisions
        self.contents = [getattr(self, name) for name in Mark._fields[3:]]

    @property
    def shape(self) -> Shape:
        """The shape that enters what comes next."""
        return self.nodes[self.current].shape

    @property
    def channels(self) -> int:
        return self.nodes[self.current].shape[0]

    # Growth.

    def add(
        self, op: Layer, inputs: tuple[int, ...], scope: Scope, shape: Shape, place: Place
    ) -> None:
        self.current = len(self.nodes)
        self.nodes.append(Node(op, inputs, scope, shape))
        self.places.append(place)

    def is_new(self, *key: object) -> bool:
        """Whether no decision was recorded under a key before; from now on there is one."""
        if key in self.decided:
            return False
        self.decided[key] = None
        return True

    def label(self) -> LabelledValue:
        """The current value, as a label names it."""
        self.labels += 1
        return LabelledValue(self.current, self.labels - 1)

    def reserve(self, path: Scope, names: Iterable[str]) -> None:
        for name in names:
            self.names[*path, name] = None

    def free_scope(self, path: Scope, name: str) -> Scope:
        """A scope of that name, numbered if the path has the name already."""
        free, number = name, 2
        while (*path, free) in self.names:
            free, number = f"{name}{number}", number + 1
        self.names[*path, free] = None
        return (*path, free)

    # Undo and copy.

    def mark(self) -> Mark:
        return Mark(self.current, self.labels, self.empty_blocks, *map(len, self.contents))

    def rollback(self, mark: Mark) -> None:
        """Undo everything since a mark."""
        self.current, self.labels, self.empty_blocks = mark[:3]
        for content, length in zip(self.contents, mark[3:], strict=True):
            if isinstance(content, list):
                del content[length:]
            else:
                while len(content) > length:
                    content.popitem()

    def copy(self, stretch: Stretch, path: Scope, place: Place) -> None:
        """Build a stretch once more, after the current value and at another path and place.

        What entered it is the current value; a reference to any other node before it stays.
        """
        first, last = stretch.first, stretch.last
        if not stretch.size:
            return
        begin, depth = first.nodes, len(stretch.path)
        shift, entered, enters = len(self.nodes) - begin, first.current, self.current

        def copied(node: int) -> int:
            if node >= begin:
                return node + shift
            return enters if node == entered else node

        for op, inputs, scope, shape in self.nodes[begin : last.nodes]:
            if len(inputs) == 1 and inputs[0] >= begin:
                inputs = (inputs[0] + shift,)
            else:
                inputs = tuple(map(copied, inputs))
            self.nodes.append(Node(op, inputs, path + scope[depth:], shape))
        old = stretch.place
        self.places += [place if p == old else p for p in self.places[first.places : last.places]]
        for scope, name in self.containers[first.containers : last.containers]:
            self.containers.append((path + scope[depth:], name))
        for settled in self.settled[first.settled : last.settled]:
            self.settled.append(settled._replace(path=path + settled.path[depth:]))
        if path[:1] != stretch.path[:1]:
            for decision in self.decisions[first.decisions : last.decisions]:
                copied_path = path + decision.path[depth:]
                start, end = place if (decision.start, decision.end) == old else decision[3:]
                key = ((start, end), path[0], decision.choice.decided, *decision.values.values())
                if self.is_new(*key):
                    moved = decision._replace(path=copied_path, start=start, end=end)
                    self.decisions.append(moved)
        for claimed in self.inner_claims[first.inner_claims : last.inner_claims]:
            section = claimed.section
            section = section._replace(
                name=".".join((*path, *section.name.split(".")[depth:])),
                first=section.first + shift,
                last=section.last + shift,
                entry=copied(section.entry),
                exit=copied(section.exit),
            )
            self.inner_claims.append(claimed._replace(section=section))
        for node, number in self.references[first.references : last.references]:
            self.references.append(LabelledValue(copied(node), number))
        self.current = copied(last.current)

    def reads_entry_by_label(self, begin: Mark) -> bool:
        """Whether anything since a mark reads the value that flows into it by an earlier label: a
        copy could not tell the two apart."""
        references = self.references[begin.references :]
        return any(one.node == begin.current and one.number < begin.labels for one in references)

    # What was built.

    def logits(self, node: int) -> int:
        """The node before a trailing softmax, which is left to the loss."""
        while self.nodes[node].op.left_to_loss:
            (node,) = self.nodes[node].inputs
        return node

    def entry_of(self, first: int, entry: int) -> int:
        """The node whose value enters the nodes from `first` on: the one that flows in, `entry`,
        unless they read only references."""
        if not self.references:
            return entry
        read = {i for node in self.nodes[first:] for i in node.inputs if i < first}
        if not self.nodes[first:]:
            return self.current
        return entry if entry in read or not read else max(read)

    def strides_between(self, entry: int, end: int) -> tuple[int, ...]:
        """How many positions of one node's map lie between neighbours of another's, per axis.

        If no path leads from one to the other, since a branch may begin with a reference, their
        steps in the input are compared. Empty if they are not multiples.
        """
        strides, reached = self._strides_back(entry, end)
        if reached != entry:
            own, other = self._strides_back(0, end)[0], self._strides_back(0, entry)[0]
            if len(own) != len(other):
                return ()
            strides = [(a * d, b * c) for (a, b), (c, d) in zip(own, other, strict=True)]
        if any(down % up for down, up in strides):
            return ()
        return tuple(down // up for down, up in strides)

    def _strides_back(self, entry: int, end: int) -> tuple[list[tuple[int, int]], int]:
        """The strides along the path back from `end` to `entry`, or to the first node before it:
        (numerator, denominator) per axis; and the node reached."""
        strides = [(1, 1)] * (len(self.nodes[end].shape) - 1)
        while end > entry:
            node = self.nodes[end]
            # Where a gate scales a map, follow the map.
            maps = [i for i in node.inputs if self.nodes[i].shape[1:] == node.shape[1:]]
            before = maps[0] if len(node.inputs) > 1 and maps else node.inputs[0]
            window = node.op.window(self.nodes[before].shape)
            if window is not None and len(window.stride) == len(strides):
                up = window.up or (1,) * len(strides)
                steps = zip(strides, window.stride, up, strict=True)
                strides = [(a * step, b * u) for (a, b), step, u in steps]
            end = before
        return strides, end

    def graph(self, network: NetworkText, ends: Iterable[int]) -> Graph:
        """The graph whose values leave it at `ends`."""
        # The block of a join alone has one scope with the join, and gives it its name.
        blocks: Mapping[Scope, str] = dict(reversed(self.containers))
        claims = (*self.claims, *self.inner_claims)
        return Graph(
            tuple(self.nodes),
            tuple(map(self.logits, ends)),
            self.current,
            tuple(self.sections),
            blocks,
            tuple(self.sides),
            Origin(network, self.places, claims, tuple(self.settled), tuple(self.decisions)),
        )
