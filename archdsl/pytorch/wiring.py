"""Which values each child of a module reads: the graph at one level of its tree of names."""

from collections.abc import Iterator
from typing import NamedTuple

from archdsl.graph import Graph, Node, Scope, Tree


class Step(NamedTuple):
    """A call of one child: it reads the values `reads` and appends `gives` new ones.

    A container's values are its inputs, then the outputs of its children, in order. A child that
    only the `side` heads need runs in training mode only.
    """

    name: str
    child: Tree | Node
    reads: tuple[int, ...]
    gives: int
    side: bool


class Wiring(NamedTuple):
    """A container: the number of its inputs, its steps, and the values that it returns.

    The last `sides` outputs of a network are those of its side heads, in training mode only.
    """

    inputs: int
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    sides: int = 0

    @property
    def is_chain(self) -> bool:
        """Whether each child reads the preceding one's output, and the last output is returned."""
        return (
            self.inputs == 1
            and all(
                s.reads == (i,) and s.gives == 1 and not s.side for i, s in enumerate(self.steps)
            )
            and self.outputs == (len(self.steps),)
        )


class Ports(NamedTuple):
    """The nodes whose values enter a container, and those whose values leave it."""

    enter: list[int]
    leave: list[int]


def wirings(graph: Graph, sides: bool = True) -> dict[Scope, Wiring]:
    """The wiring of every container in a graph's tree, by scope; () is the network.

    `sides`: include the side heads.
    """
    nodes = graph.nodes
    heads = graph.sides if sides else ()
    leave = [*graph.outputs, *(side.output for side in heads)]
    ports: dict[Scope, Ports] = {(): Ports([0], leave)}
    computed = graph.computed(sides)
    for index in computed:
        node = nodes[index]
        for i in node.inputs:
            _connect(ports, i, nodes[i].scope if i else (), node.scope)
    # The outputs of the network leave every container that they are in.
    for index in leave:
        scope = nodes[index].scope
        for depth in range(1, len(scope)):
            _add(ports.setdefault(scope[:depth], Ports([], [])).leave, index)
    index_of = {nodes[index].scope: index for index in computed}
    main_scopes: set[Scope] = set()
    for index in graph.computed(sides=False) if heads else ():
        scope = nodes[index].scope
        main_scopes.update(scope[:depth] for depth in range(1, len(scope) + 1))
    wired = dict(_wired(graph.tree(sides), (), ports, index_of, main_scopes if heads else None))
    wired[()] = wired[()]._replace(sides=len(heads))
    return wired


def _connect(ports: dict[Scope, Ports], source: int, made_in: Scope, read_in: Scope) -> None:
    """Let a value out of the containers that do not contain its reader, and into the reader's."""
    shared = 0
    while shared < min(len(made_in), len(read_in)) and made_in[shared] == read_in[shared]:
        shared += 1
    for depth in range(shared + 1, len(made_in)):
        _add(ports.setdefault(made_in[:depth], Ports([], [])).leave, source)
    for depth in range(shared + 1, len(read_in)):
        _add(ports.setdefault(read_in[:depth], Ports([], [])).enter, source)


def _add(values: list[int], value: int) -> None:
    if value not in values:
        values.append(value)


def _wired(
    tree: Tree,
    scope: Scope,
    ports: dict[Scope, Ports],
    index_of: dict[Scope, int],
    main_scopes: set[Scope] | None,
) -> Iterator[tuple[Scope, Wiring]]:
    """The wiring of a container and of those in it. `main_scopes` are the scopes of the main path,
    or None where everything runs whenever the container does."""
    enter, leave = ports[scope]
    slots = {node: slot for slot, node in enumerate(enter)}
    steps = []
    for name, child in tree.items():
        path = (*scope, name)
        is_side = main_scopes is not None and path not in main_scopes
        if isinstance(child, Node):
            reads, gives = list(child.inputs), [index_of[path]]
        else:
            reads, gives = ports[path]
            yield from _wired(child, path, ports, index_of, None if is_side else main_scopes)
        read = tuple(slots[node] for node in reads)
        steps.append(Step(name, child, read, len(gives), is_side))
        for node in gives:
            slots[node] = len(slots)
    yield scope, Wiring(len(enter), tuple(steps), tuple(slots[node] for node in leave))
