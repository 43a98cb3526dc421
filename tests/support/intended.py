"""What a network is meant to be: a list of steps, the text that says it, and the plain torch module.

    steps            text                        plain layers
    Line(conv 3, 8)  conv means conv-bn-relu     Conv2d(3, 8, 3, padding=1, bias=False)
                     conv3-8                     BatchNorm2d(8), ReLU()

The rules of docs/language.md are written here a second time, without anything of archdsl, so that
two independent readings of the manual can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Shape = tuple[int, ...]
Number = int | float
CONVOLUTIONS = ("conv", "dw", "upconv")
WEIGHTS = (*CONVOLUTIONS, "fc")
NORMS = {"bn": "bn", "ln": "ln", "gn": "gn 2", "instance norm": "instance norm"}
ACTIVATIONS = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky relu": nn.LeakyReLU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "hard swish": nn.Hardswish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
}
WEAKENING = ("scale", "dropout", "stochastic depth")
ENDING = ("maxpool", "avgpool", "gap", *NORMS)  # weightless, but not after an output layer


class Refused(Exception):
    """The steps contradict each other, so that the text is refused too."""


# Steps. Values may be names and arithmetic in a text, `2*w`, which blocks give values.


@dataclass(eq=False)
class Layer:
    kind: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()  # after `no`; "*" for `bare`

    @property
    def role(self) -> str:
        return "activation" if self.kind in ACTIVATIONS else "norm" if self.kind in NORMS else ""


@dataclass(eq=False)
class Phrase:
    layers: list[Layer]
    sign: str = ", "

    def __str__(self) -> str:
        return self.sign.join(layer.text for layer in self.layers)


@dataclass(eq=False)
class Group:
    lines: list[Line]
    signs: str = "[]"

    def __str__(self) -> str:
        return f"{self.signs[0]} {'; '.join(map(str, self.lines))} {self.signs[1]}"


@dataclass(eq=False)
class Join:
    kind: str
    lines: list[Line]
    activation: str = ""  # "before" or "after", if the text says it here
    ships: bool = False  # in a block of the library

    def __str__(self) -> str:
        last = f", activation {self.activation}" if self.activation else ""
        return f"{self.kind} {{ {'; '.join(map(str, self.lines))} }}{last}"


@dataclass(eq=False)
class LabelJoin:
    kind: str
    labels: list[str]

    def __str__(self) -> str:
        return f"{self.kind} {', '.join(self.labels)}"


@dataclass(eq=False)
class Reference:
    label: str

    def __str__(self) -> str:
        return self.label


@dataclass(eq=False)
class Word:
    """`identity`, `body`, `shortcut`."""

    word: str
    option: str = ""

    def __str__(self) -> str:
        return f"{self.word} {self.option}".strip()


@dataclass(eq=False)
class Use:
    block: Block
    values: dict[str, Any]
    text: str
    body: Group | None = None

    def __str__(self) -> str:
        return self.text if self.body is None else f"{self.text} {self.body}"


@dataclass(eq=False)
class Side:
    name: str
    lines: list[Line]

    def __str__(self) -> str:
        return f"side {self.name} {{ {'; '.join(map(str, self.lines))} }}"


Step = Phrase | Group | Join | LabelJoin | Reference | Word | Use | Side


@dataclass(eq=False)
class Link:
    step: Step
    repeat: int = 1
    stride: int = 1

    def __str__(self) -> str:
        text = str(self.step)
        if self.repeat > 1:
            text += f" x{self.repeat}" if isinstance(self.step, Phrase) else f" x {self.repeat}"
        return text + (f", stride {self.stride}" if self.stride > 1 else "")


@dataclass(eq=False)
class Line:
    links: list[Link]
    label: str = ""

    def __str__(self) -> str:
        label = f"{self.label}: " if self.label else ""
        return label + " -> ".join(map(str, self.links))


@dataclass(eq=False)
class Block:
    name: str
    parameters: dict[str, Number | None]
    lines: list[Line]
    ships: bool = False

    def __str__(self) -> str:
        shown = [n if v is None else f"{n}={v}" for n, v in self.parameters.items()]
        shown = [f"({', '.join(shown)})"] if shown else [""]
        return f"block {self.name}{shown[0]} {{ {'; '.join(map(str, self.lines))} }}"


@dataclass(eq=False)
class Rule:
    """`1x1 conv means conv-bn-relu`: kernel 1, and the companions around the layer, None."""

    kind: str  # "conv" (which selects depthwise ones too), "upconv", "fc"
    kernel: int | None
    layers: list[Layer | None]
    bias: bool = False

    def __str__(self) -> str:
        word = "up-conv" if self.kind == "upconv" else self.kind
        left = f"{self.kernel}x{self.kernel} conv" if self.kernel else word
        right = "-".join(word if one is None else one.text for one in self.layers)
        return f"{left} means {right}" + (", bias" if self.bias else "")

    @property
    def place(self) -> int:
        return self.layers.index(None)


@dataclass(eq=False)
class Intended:
    """A network: its statements and its lines."""

    input: Shape  # channels first
    lines: list[Line] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    bracket: Block | None = None  # what `[]` means
    stride_on: str = ""  # "first", "last", "3x3"
    shortcut: str = ""
    activation: str = ""  # of sums
    padding: str = ""
    outputs: list[str] = field(default_factory=list)
    rows: bool = False  # whether the lines are the rows of a table

    def text(self) -> str:
        c, *lengths = self.input
        signal = " signal" if len(lengths) == 1 else " clip" if len(lengths) == 3 else ""
        found = [*map(str, self.blocks), "network drawn"]
        found.append(f"input {'x'.join(map(str, [*lengths, c]))}{signal}")
        found += map(str, self.rules)
        found += [f"[] means {self.bracket.name}"] if self.bracket else []
        found += [f"stride on {self.stride_on}"] if self.stride_on else []
        found += [f"shortcut {self.shortcut}"] if self.shortcut else []
        found += [f"activation {self.activation} add"] if self.activation else []
        found += [f"padding {self.padding}"] if self.padding else []
        found += self.table() if self.rows else map(str, self.lines)
        found += [f"output {', '.join(self.outputs)}"] if self.outputs else []
        return "\n".join(found) + "\n"

    def table(self) -> list[str]:
        """The lines as rows; each is one convolution, pool or connection, and its activation."""
        rows = ["", "| layer | kernel | stride | width | activation |", "|---|---|---|---|---|"]
        for number, line in enumerate(self.lines, 1):
            phrase = line.links[0].step
            assert isinstance(phrase, Phrase)
            layer, *rest = phrase.layers
            values = layer.values
            name = {"conv": "conv", "fc": "fc", "dw": "dw conv", "maxpool": "max pool"}
            size = "x".join([str(values.get("kernel"))] * (len(self.input) - 1))
            cells = [
                f"conv{number}" if layer.kind == "conv" and number % 2 else name[layer.kind],
                size if "kernel" in values else "",
                str(values.get("stride", 1)) if "kernel" in values else "",
                str(values["width"]) if "width" in values else "",
                rest[0].text if rest else "",
            ]
            rows.append(f"| {' | '.join(cells)} |")
        return rows


# The library, as its figures print it.


def act(kind: str) -> Layer:
    return Layer(kind, kind)


def conv(width: Any, kernel: Any = 1, bare: bool = False, **values: Any) -> Layer:
    values = {"kernel": kernel, "width": width, **values}
    return Layer("conv", "", values, ("*",) if bare else ())


def chain(*steps: Layer | Step) -> Line:
    return Line([Link(Phrase([one]) if isinstance(one, Layer) else one) for one in steps])


def braces(*lines: Line) -> Group:
    return Group(list(lines), "{}")


def _library() -> dict[str, Block]:
    def block(name: str, parameters: dict[str, Number | None], *lines: Line) -> None:
        found[name] = Block(name, parameters, list(lines), ships=True)

    def add(*lines: Line, activation: str = "") -> Line:
        return chain(Join("add", list(lines), activation, ships=True))

    found: dict[str, Block] = {}
    identity, gap = Word("identity"), Layer("gap", "")
    same = {"pad": "same"}
    block("residual", {}, add(chain(Word("shortcut")), chain(Word("body")), activation="after"))
    block(
        "projected_residual",
        {},
        add(chain(Word("shortcut", "C")), chain(Word("body")), activation="after"),
    )
    block("dense", {}, chain(Join("concat", [chain(identity), chain(Word("body"))], ships=True)))
    gate = braces(
        chain(gap),
        chain(conv("max(1, _in // r)", bare=True), act("relu")),
        chain(conv("_in", bare=True), act("sigmoid")),
    )
    block(
        "squeeze_excitation",
        {"r": 16},
        chain(Join("multiply", [chain(identity), chain(gate)], ships=True)),
    )
    dw = Layer("dw", "", {"kernel": 3, "stride": "s"})
    block("separable", {"c": None, "s": 1}, chain(dw), chain(conv("c")))
    narrow = Layer("conv", "", {"kernel": 1, "width": "c"}, ("activation",))
    keeps = chain(identity)
    keeps.only = "s == 1 and _in == c"  # type: ignore[attr-defined]
    wide = chain(conv("t*_in"))
    wide.only = "t != 1"  # type: ignore[attr-defined]
    block(
        "bottleneck",
        {"t": None, "c": None, "s": 1},
        add(
            keeps,
            chain(
                braces(
                    wide,
                    chain(Layer("dw", "", {"kernel": 3, "stride": "s", **same})),
                    chain(narrow),
                )
            ),
        ),
    )
    block(
        "inception",
        dict.fromkeys(("c1", "r3", "c3", "r5", "c5", "proj")),
        chain(
            Join(
                "concat",
                [
                    chain(conv("c1")),
                    chain(conv("r3"), conv("c3", 3, **same)),
                    chain(conv("r5"), conv("c5", 5, **same)),
                    chain(Layer("maxpool", "", {"kernel": 3, "stride": 1}), conv("proj")),
                ],
                ships=True,
            )
        ),
    )
    unit = (
        chain(conv("width", 3, True, stride="stride", **same), act("bn"), act("relu")),
        chain(conv("width", 3, True, **same), act("bn")),
    )
    block(
        "original_unit",
        {"width": None, "stride": 1},
        add(chain(Word("shortcut")), chain(braces(*unit))),
        chain(act("relu")),
    )
    block(
        "mlpconv",
        dict.fromkeys(("size", "width1", "width2", "width3")),
        chain(conv("width1", "size")),
        chain(conv("width2")),
        chain(conv("width3")),
    )
    block(
        "transition",
        {"theta": 0.5},
        chain(conv("int(theta * _in)")),
        chain(Layer("avgpool", "", {"kernel": 2})),
    )
    body = Group([chain(conv("4*k")), chain(conv("k", 3, **same))])
    layers = Link(Use(found["dense"], {}, "", body), "n")  # type: ignore[arg-type]
    block("dense_block", {"n": None, "k": 32}, Line([layers]))

    def gated(*steps: Layer | Step) -> Line:
        return chain(Join("multiply", [chain(*steps[:-1]), chain(steps[-1])], ships=True))

    start, gate_value = chain(identity), chain(conv("_in", "kernel", True, **same), act("sigmoid"))
    start.label, gate_value.label = "start", "gate"
    block(
        "highway",
        {"kernel": 3},
        start,
        gate_value,
        add(
            gated(
                Reference("start"),
                conv("_in", "kernel", True, **same),
                act("relu"),
                Reference("gate"),
            ),
            chain(
                Join(
                    "multiply",
                    [chain(Reference("start")), chain(Reference("gate"), Layer("complement", ""))],
                    ships=True,
                )
            ),
        ),
    )
    return found  # fmt: skip


LIBRARY = _library()


# Plain layers.


@dataclass
class Node:
    op: str
    values: dict[str, Any]
    inputs: tuple[int, ...]
    shape: Shape


@dataclass
class Plain:
    """The layers in order of definition, and what they lead to."""

    nodes: list[Node]
    rows: list[Shape]
    outputs: list[int]
    sides: list[int]

    @property
    def main(self) -> list[int]:
        """The nodes that lead to the outputs, side heads left out."""
        needed: set[int] = set()
        waiting = list(self.outputs)
        while waiting:
            index = waiting.pop()
            if index not in needed:
                needed.add(index)
                waiting += self.nodes[index].inputs
        return sorted(needed)

    def macs(self) -> int:
        return sum(_macs(self.nodes, self.nodes[index]) for index in self.main)

    def params(self) -> int:
        built = [self.nodes[index] for index in self.main]
        return sum(p.numel() for node in built for p in module_of(self.nodes, node).parameters())


def _macs(nodes: Sequence[Node], node: Node) -> int:
    v = node.values
    if node.op not in WEIGHTS:
        return 0
    x = nodes[node.inputs[0]].shape
    if node.op == "fc":
        return x[0] * int(v["width"])
    positions = math.prod(x[1:]) if node.op == "upconv" else math.prod(node.shape[1:])
    kernel = v["kernel"] ** (len(x) - 1)
    return positions * kernel * (x[0] // v.get("groups", 1)) * int(v["width"])


def module_of(nodes: Sequence[Node], node: Node) -> nn.Module:
    """The torch module of a layer."""
    v, op = node.values, node.op
    x = nodes[node.inputs[0]].shape if node.inputs else node.shape
    rank = len(x) - 1
    c = x[0]
    if op in ("conv", "dw", "upconv"):
        name = f"Conv{'Transpose' if op == 'upconv' else ''}{rank}d"
        options = {key: v[key] for key in ("stride", "dilation", "groups") if key in v}
        return getattr(nn, name)(
            c, v["width"], v["kernel"], padding=v["pad"], bias=v["bias"], **options
        )  # type: ignore[no-any-return]
    if op == "fc":
        return nn.Linear(c, v["width"], bias=v["bias"])
    if op in ACTIVATIONS:
        return ACTIVATIONS[op]()
    match op:
        case "bn":
            return getattr(nn, f"BatchNorm{max(rank, 1)}d")(c)  # type: ignore[no-any-return]
        case "gn":
            return nn.GroupNorm(2, c)
        case "ln":
            return ChannelNorm(c)
        case "instance norm":
            return getattr(nn, f"InstanceNorm{rank}d")(c)  # type: ignore[no-any-return]
        case "dropout":
            return nn.Dropout(v["p"])
        case "stochastic depth":
            return StochasticDepth(v["p"])
        case "maxpool":
            return getattr(nn, f"MaxPool{rank}d")(v["kernel"], v["stride"], v["pad"])  # type: ignore[no-any-return]
        case "avgpool":
            return getattr(nn, f"AvgPool{rank}d")(v["kernel"], v["stride"], v["pad"])  # type: ignore[no-any-return]
        case "gap":
            return getattr(nn, f"AdaptiveAvgPool{rank}d")(1)  # type: ignore[no-any-return]
        case "flatten":
            return nn.Flatten()
        case "upsample":
            return nn.Upsample(scale_factor=v["factor"])
        case "pixel shuffle":
            return nn.PixelShuffle(v["factor"])
        case "channel shuffle":
            return nn.ChannelShuffle(v["groups"])
    return nn.Identity()


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = F.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, 1e-5)
        return y.movedim(-1, 1)


class StochasticDepth(nn.Module):
    """Drops all values of some images of a batch."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept.div_(1 - self.p)


class PlainModule(nn.Module):
    def __init__(self, plain: Plain) -> None:
        super().__init__()
        self.plain = plain
        self.layers = nn.ModuleList(module_of(plain.nodes, node) for node in plain.nodes)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        values: list[Tensor] = []
        for node, layer in zip(self.plain.nodes, self.layers, strict=True):
            read = [values[index] for index in node.inputs]
            match node.op:
                case "input":
                    y = x
                case "add":
                    y = sum(read[1:], read[0])
                case "concat":
                    y = torch.cat(read, 1)
                case "multiply":
                    y = read[0]
                    for other in read[1:]:
                        y = y * other
                case "scale":
                    y = read[0] * node.values["by"]
                case "complement":
                    y = 1 - read[0]
                case "subsample":
                    y = read[0][(..., *[slice(None, None, node.values["stride"])] * (x.dim() - 2))]
                case "channelpad":
                    more = node.shape[0] - read[0].shape[1]
                    y = F.pad(read[0], [0, 0] * (x.dim() - 2) + [0, more])
                case _:
                    y = layer(read[0])
            assert tuple(y.shape[1:]) == node.shape, (node, y.shape)
            values.append(y)
        ends = [*self.plain.outputs, *(self.plain.sides if self.training else ())]
        return tuple(values[end] for end in ends)


# The rules.


@dataclass(eq=False)
class Carried:
    """The stride of a group, and the convolution that it goes to, if one is settled."""

    value: int
    carrier: Layer | None = None
    done: bool = False


@dataclass(frozen=True, eq=False)
class Place:
    """Where a line stands."""

    names: Mapping[str, Number] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    is_last: bool = False  # its last weight layer is an output layer
    ends: bool = False  # a conventional activation at its end follows a sum instead
    is_branch: bool = False
    carried: Carried | None = None
    ships: bool = False  # in a block of the library
    body: tuple[Group, Place, int] | None = None  # with the stride that it carries
    target: tuple[Shape, int] | None = None  # shape of the branch next to it, and its stride


class Reading:
    """Reads steps by the rules of the manual."""

    def __init__(self, network: Intended) -> None:
        self.network = network
        self.nodes = [Node("input", {}, (), network.input)]
        self.current = 0
        self.moved: list[Layer] = []  # activations on their way to after a sum
        self.sides: list[int] = []

    @property
    def shape(self) -> Shape:
        return self.nodes[self.current].shape

    def plain(self) -> Plain:
        rows: list[Shape] = []
        labels = self.lines(self.network.lines, Place(is_last=True), rows)
        outputs = [labels[name] for name in self.network.outputs] or [self.current]
        read = {0, self.current, *outputs, *self.sides}
        read.update(index for node in self.nodes for index in node.inputs)
        if len(read) < len(self.nodes):
            raise Refused("a value that nothing reads")
        # A softmax at the end is left to the loss.
        outputs = [self.before_softmax(end) for end in outputs]
        self.sides = [self.before_softmax(end) for end in self.sides]
        return Plain(self.nodes, rows, outputs, self.sides)

    def before_softmax(self, end: int) -> int:
        node = self.nodes[end]
        return self.before_softmax(node.inputs[0]) if node.op == "softmax" else end

    def put(self, op: str, values: dict[str, Any], inputs: tuple[int, ...], shape: Shape) -> None:
        if min(shape) < 1 or math.prod(shape) > 60_000:
            raise Refused(f"{op} gives {shape}")
        self.nodes.append(Node(op, values, inputs, shape))
        self.current = len(self.nodes) - 1

    # Lines.

    def lines(
        self, lines: Sequence[Line], place: Place, rows: list[Shape] | None = None
    ) -> dict[str, int]:
        lines = [one for one in lines if holds(one, place)]
        labels = dict(place.labels)
        last = self.output_lines(lines, rows is not None) if place.is_last else set()
        end = len(lines) - 1
        while end > 0 and self.passes(lines[end]):
            end -= 1
        sums = self.sums(lines)
        marks: dict[int, int] = {}
        for index, line in enumerate(lines):
            before = self.current
            ends = (place.ends and index == end) or index in sums
            if index in sums:
                marks[sums[index]] = len(self.moved)
            inner = replace(place, labels=labels, is_last=index in last, ends=ends, is_branch=False)
            self.line(line, inner, marks.get(index))
            if rows is not None:
                rows.append(self.shape)
            if isinstance(line.links[0].step, Side):
                self.sides.append(self.current)
                self.current = before
            if line.label:
                labels[line.label] = self.current
        return labels

    def sums(self, lines: Sequence[Line]) -> dict[int, int]:
        """With `activation after add`: the lines before `add c1`, whose activations follow it."""
        found = {}
        if self.network.activation == "after":
            for index, line in enumerate(lines):
                step = line.links[0].step
                if index and isinstance(step, LabelJoin) and step.kind == "add":
                    end = index - 1
                    while end > 0 and self.passes(lines[end]):
                        end -= 1
                    named = {one.label for one in lines[end:index]} - {""}
                    if not named & set(read_labels(lines[end + 1 :])):
                        found[end] = index
        return found

    def output_lines(self, lines: Sequence[Line], is_network: bool) -> set[int]:
        """The lines with an output layer: the last weight layer before each output, unless what it
        leads to is read again."""
        ends = [len(lines) - 1]
        if is_network and self.network.outputs:
            named = [i for i, line in enumerate(lines) if line.label in self.network.outputs]
            ends = [i for i in named if i + 1 == len(lines) or starts_anew(lines[i + 1])]
        found = set()
        for end in ends:
            index = end
            while index > 0 and self.trails(lines[index]):
                index -= 1
            named_here = {one.label for one in lines[index : end + 1]} - {""}
            if not named_here & set(read_labels(lines[index + 1 :])):
                found.add(index)
        return found

    def trails(self, line: Line) -> bool:
        """Whether a line has only weightless layers that may follow an output layer."""
        return all(self.step_trails(link.step) for link in line.links)

    def step_trails(self, step: Step) -> bool:
        match step:
            case Phrase(layers=layers):
                return all(one.kind not in (*WEIGHTS, *ENDING) for one in layers)
            case Group(lines=lines):
                return all(map(self.trails, lines))
            case Word(word="identity") | Side():
                return True
        return False

    def passes(self, line: Line) -> bool:
        """Whether an activation moves past a line: a factor, a dropout, a gate."""
        return all(self.step_passes(link.step) for link in line.links)

    def step_passes(self, step: Step) -> bool:
        match step:
            case Phrase(layers=layers):
                return all(one.kind in WEAKENING for one in layers)
            case Word(word="identity") | Side():
                return True
            case Group(lines=lines):
                return all(map(self.passes, lines))
            case Join(kind="multiply", lines=lines):
                return any(str(line) == "identity" for line in lines)
            case Use(block=block, body=None):
                return all(map(self.passes, block.lines))
        return False

    def line(self, line: Line, place: Place, mark: int | None = None) -> None:
        links = line.links
        if isinstance(links[0].step, Reference):
            if line.label and len(links) == 1:
                raise Refused("two labels of one value")
            self.current = place.labels[links[0].step.label]
            links = links[1:]
        if not links:
            return
        alone = len(links) == 1
        last = end = len(links) - 1
        while last > 0 and self.step_trails(links[last].step):
            last -= 1
        while end > 0 and self.step_passes(links[end].step):
            end -= 1
        index = 0
        while index < len(links):
            run = index + 1
            if isinstance(links[index].step, Phrase) and links[index].repeat == 1:
                while (
                    run < len(links)
                    and isinstance(links[run].step, Phrase)
                    and links[run].repeat == 1
                ):
                    run += 1  # fmt: skip
                inner = replace(
                    place,
                    is_last=place.is_last and index <= last < run,
                    ends=place.ends and index <= end < run,
                )
                self.run([link.step for link in links[index:run]], inner)  # type: ignore[misc]
            else:
                inner = replace(
                    place,
                    is_last=place.is_last and index == last,
                    ends=place.ends and index == end,
                    is_branch=place.is_branch and alone,
                )
                self.repeated(links[index], inner, mark)
            index = run

    def repeated(self, link: Link, place: Place, mark: int | None) -> None:
        repeat = value(link.repeat, place.names)
        for index in range(repeat):
            final = index + 1 == repeat
            inner = replace(place, is_last=place.is_last and final, ends=place.ends and final)
            self.once(link.step, inner, link.stride if index == 0 else 1, mark)

    def once(self, step: Step, place: Place, stride: int, mark: int | None = None) -> None:
        match step:
            case Phrase():
                self.run([step], place)
            case Group(signs="[]") if self.bracket(place) is not None:
                block = self.bracket(place)
                assert block is not None
                self.use(Use(block, {}, "", step), place, stride)
            case Group():
                self.group(step, place, stride)
            case Use():
                self.use(step, place, stride)
            case Word(word="body"):
                assert place.body is not None
                group, outer, inside = place.body
                inner = replace(outer, is_last=place.is_last, ends=place.ends, is_branch=False,
                                carried=place.carried)  # fmt: skip
                self.group(group, inner, inside)
            case Word(word="shortcut"):
                self.shortcut(step.option or self.network.shortcut or "B", place)
            case Word():
                pass
            case Side(lines=lines):
                self.lines(lines, replace(place, is_last=True, ends=False))
            case Join():
                self.join(step, place)
            case LabelJoin(kind=kind, labels=labels):
                ends = [self.current, *(place.labels[label] for label in labels)]
                if self.current in ends[1:]:
                    raise Refused("a join of the current value with itself")
                moved = [] if mark is None else self.moved[mark:]
                if moved:
                    del self.moved[mark:]
                self.joined(kind, ends)
                self.after_sum(moved)
            case Reference():
                raise AssertionError

    def bracket(self, place: Place) -> Block | None:
        return None if place.is_branch or place.ships else self.network.bracket

    # Groups and blocks.

    def group(self, group: Group, place: Place, stride: int) -> None:
        place = replace(place, is_branch=False)
        if stride == 1:
            self.lines(group.lines, place)
            return
        link = group.lines[0].links[0]
        if len(group.lines) == 1 and len(group.lines[0].links) == 1 and link.stride == 1:
            if isinstance(link.step, Group | Use) and leads_to_block(link.step):
                # Around a block: the block's.
                self.repeated(Link(link.step, link.repeat, stride), place, None)
                return
        carried = Carried(stride)
        if self.network.stride_on == "last":
            carried.carrier = [*convolutions(group.lines)][-1]
        self.lines(group.lines, replace(place, carried=carried))
        if not carried.done:
            raise Refused("no layer carries the stride")

    def use(self, use: Use, place: Place, stride: int) -> None:
        block = use.block
        names = {**block.parameters, **{n: value(v, place.names) for n, v in use.values.items()}}
        takes = next((name for name in ("stride", "s") if name in block.parameters), "")
        if takes and stride > 1:
            names[takes] = stride
            stride = 1
        names["_in"] = self.shape[0]
        inner = Place(
            names=names,
            is_last=place.is_last,
            ends=place.ends,
            carried=place.carried,
            ships=block.ships,
            body=None if use.body is None else (use.body, place, stride),
            target=place.target,
        )
        self.lines(block.lines, inner)

    def shortcut(self, option: str, place: Place) -> None:
        assert place.target is not None
        (width, *_), stride = place.target
        changes = stride != 1 or width != self.shape[0]
        if option == "A":
            if stride != 1:
                shape = (self.shape[0], *(-(-n // stride) for n in self.shape[1:]))
                self.put("subsample", {"stride": stride}, (self.current,), shape)
            if width < self.shape[0]:
                raise Refused("fewer channels")
            if width != self.shape[0]:
                self.put("channelpad", {}, (self.current,), (width, *self.shape[1:]))
        elif option == "C" or changes:
            # A projection ends without an activation, whatever the convention.
            layer = conv(width, stride=stride)
            waiting = len(self.moved)
            self.run([Phrase([layer])], Place(ends=True, ships=True))
            del self.moved[waiting:]

    # Joins.

    def join(self, join: Join, place: Place) -> None:
        entry, waiting = self.current, len(self.moved)
        lines = [line for line in join.lines if holds(line, place)]
        after = False
        if join.kind == "add":
            said = "" if join.ships else join.activation
            after = (said or self.network.activation or join.activation) == "after"
        labels = dict(place.labels)
        inner = replace(place, is_last=False, ends=after, is_branch=True, target=None)
        ends: dict[int, int] = {}
        # The shortcut comes last: it leads to the shape of the other branch.
        for index in sorted(range(len(lines)), key=lambda i: is_shortcut(lines[i])):
            self.current, branch = entry, replace(inner, labels=labels)
            if is_shortcut(lines[index]):
                (other,) = ends.values()
                stride = self.stride_between(entry, other)
                branch = replace(branch, carried=None, target=(self.nodes[other].shape, stride))
            self.line(lines[index], branch)
            ends[index] = self.current
        if len(lines) > 1:
            self.joined(join.kind, [ends[index] for index in range(len(lines))])
        moved = self.moved[waiting:]
        del self.moved[waiting:]
        self.after_sum(moved)

    def stride_between(self, start: int, end: int) -> int:
        before, after = self.nodes[start].shape[1:], self.nodes[end].shape[1:]
        node, stride = end, 1
        while node != start:  # along the first inputs
            stride *= self.nodes[node].values.get("stride", 1)
            if not self.nodes[node].inputs:
                raise Refused("not on the path")
            node = self.nodes[node].inputs[0]
        if tuple(-(-n // stride) for n in before) != after:
            raise Refused("a shortcut next to another stride")
        return stride

    def joined(self, kind: str, ends: Sequence[int]) -> None:
        shapes = [self.nodes[end].shape for end in ends]
        shape = shapes[0]
        if kind == "concat":
            if len({one[1:] for one in shapes}) > 1:
                raise Refused("sizes differ")
            shape = (sum(one[0] for one in shapes), *shape[1:])
        elif kind == "multiply":
            shape = max(shapes, key=math.prod)
            for one in shapes:
                if one != shape and not (one[0] == shape[0] and set(one[1:]) == {1}):
                    if not (one[0] == 1 and one[1:] == shape[1:]):
                        raise Refused("not a gate")
        elif len(set(shapes)) > 1:
            raise Refused("shapes differ")
        self.put(kind, {}, tuple(ends), shape)

    def after_sum(self, moved: Sequence[Layer]) -> None:
        if len({one.kind for one in moved}) > 1:
            raise Refused("branches end in different activations")
        if moved:
            self.layer(moved[0], True, {})

    # Layers.

    def run(self, phrases: Sequence[Phrase], place: Place) -> None:
        """The layers of phrases that a line chains, with their companions."""
        written = [(i, one) for i, phrase in enumerate(phrases) for one in phrase.layers]
        heavy = [i for i, (_, one) in enumerate(written) if one.kind in WEIGHTS]
        output = heavy[-1] if place.is_last and heavy else -1
        if any(one.kind in ENDING for _, one in written[output + 1 :]):
            output = -1
        found: list[tuple[Layer, bool, dict[str, Any]]] = [(one, False, {}) for _, one in written]
        for index in heavy:
            phrase, layer = written[index]
            until = next((i for i in heavy if i > index), len(written))
            near = [one for p, one in written[:until] if p == phrase and one is not layer]
            later = [one for p, one in written[index + 1 : until] if p > phrase]
            earlier = [one for p, one in written[:index] if p < phrase] if index == heavy[0] else []
            self.dress(found, layer, near, earlier, later, index == output, place)
        if place.ends:
            end = len(found) - 1
            while end > 0 and found[end][0].kind in WEAKENING:
                end -= 1
            if found[end][1] and found[end][0].role == "activation":
                self.moved.append(found.pop(end)[0])
        for index, (one, _, values) in enumerate(found):
            if one.kind in WEIGHTS:
                values = self.attributes(one, place, values)
                following = found[index + 1 : index + 2]
                if following and following[0][0].kind == "bn" and not following[0][1]:
                    values.setdefault("bias", False)
                values.setdefault("bias", True)
            else:
                values = {n: value(v, place.names) for n, v in one.values.items()}
            self.layer(one, False, values)

    def rule_of(self, layer: Layer, names: Mapping[str, Number]) -> Rule | None:
        found = [
            rule
            for rule in self.network.rules
            if rule.kind == ("conv" if layer.kind == "dw" else layer.kind)
            and rule.kernel in (None, value(layer.values.get("kernel"), names))
        ]
        return max(found, key=lambda r: r.kernel is not None) if found else None

    def dress(
        self,
        found: list[tuple[Layer, bool, dict[str, Any]]],
        layer: Layer,
        near: Sequence[Layer],
        earlier: Sequence[Layer],
        later: Sequence[Layer],
        is_output: bool,
        place: Place,
    ) -> None:
        """Put the companions of a convention around a layer."""
        rule = self.rule_of(layer, place.names)
        if rule is None:
            return
        kinds, roles = {one.kind for one in near}, {one.role for one in near} - {""}
        at = next(i for i, (one, *_) in enumerate(found) if one is layer)
        found[at] = layer, False, (options := {})
        if rule.bias and not is_output:
            options["bias"] = True

        def is_added(companion: Layer, follows: bool) -> bool:
            if companion.kind in kinds or companion.role in roles:
                return False
            if companion.kind in {one.kind for one in earlier}:
                return False
            if follows and companion.kind in {one.kind for one in later}:
                return False
            words = {"*", companion.kind}
            if companion.role == "activation":
                words.add("activation")
            return not words & set(layer.removed) and not is_output

        def index_of(one: Layer) -> int:
            return next(i for i, (other, *_) in enumerate(found) if other is one)

        def replaced(companion: Layer, sides: Sequence[Sequence[Layer]]) -> Layer | None:
            """What the line writes in place of a companion."""
            for number, side in enumerate(sides):
                for one in side:
                    if one.kind == companion.kind:
                        return one
                    if number == 0 and one.role and one.role == companion.role:
                        return one
                    others = [c for c in rule.layers if c is not None]
                    if not any(
                        c.kind == one.kind or (number == 0 and one.role and c.role == one.role)
                        for c in others
                    ):
                        return None  # what is beyond is not next to the layer
            return None

        after = [one for one in near if index_of(one) > index_of(layer)]
        norm = False
        previous: Layer = layer
        for companion in rule.layers[rule.place + 1 :]:
            assert companion is not None
            other = replaced(companion, (after, later))
            if is_added(companion, True):
                fresh = replace(companion)
                found.insert(index_of(previous) + 1, (fresh, True, {}))
                norm |= companion.kind == "bn"
                previous = fresh
            elif other is not None:
                previous = other
                norm |= other.kind == "bn"
        following: Layer = layer
        for companion in reversed(rule.layers[: rule.place]):
            assert companion is not None
            other = replaced(companion, ((), earlier[::-1]))
            if is_added(companion, False):
                fresh = replace(companion)
                found.insert(index_of(following), (fresh, True, {}))
                norm |= companion.kind == "bn"
                following = fresh
            elif other is not None:
                norm |= other.kind == "bn"
        if norm and not is_output:
            options.setdefault("bias", False)

    def attributes(
        self, layer: Layer, place: Place, conventional: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The attributes of a weight layer: what it prints wins over what the convention says."""
        names = {**place.names, "_in": place.names.get("_in", self.shape[0])}
        given = {name: value(one, names) for name, one in layer.values.items()}
        values = {**conventional, **given}
        carried = place.carried
        if carried is not None and not carried.done and layer.kind in CONVOLUTIONS:
            on = self.network.stride_on
            fits = layer.kind != "upconv" and values["kernel"] == 3 if on == "3x3" else True
            if fits and carried.carrier in (None, layer):
                if "stride" in given:
                    raise Refused("two strides")
                carried.done = True
                values["stride"] = carried.value
        if layer.kind == "dw":
            values.setdefault("width", self.shape[0])
            values["groups"] = self.shape[0]
        if layer.kind == "conv" or layer.kind == "dw":
            kernel, dilation = values["kernel"], values.get("dilation", 1)
            pad = values.get("pad")
            if pad is None:
                pad = self.network.padding or "same"
                pad = "valid" if kernel % 2 == 0 else pad
            same = dilation * (kernel - 1) // 2
            values["pad"] = {"same": same, "valid": 0}.get(pad, pad)
        elif layer.kind == "upconv":
            values["pad"] = 0
            values.setdefault("stride", 1)
        return values

    def layer(self, layer: Layer, is_plain: bool, values: dict[str, Any]) -> None:
        x, kind = self.shape, layer.kind
        c, *lengths = x
        v = dict(values) if not is_plain else dict(layer.values)
        shape: Shape = x
        if kind in CONVOLUTIONS:
            if not lengths:
                raise Refused("a convolution of a vector")
            width, k, s = v["width"], v["kernel"], v.get("stride", 1)
            groups = v.get("groups", 1)
            if c % groups or width % groups or isinstance(width, float):
                raise Refused("groups")
            if kind == "upconv":
                sizes = [(n - 1) * s + k for n in lengths]
            else:
                reach = v.get("dilation", 1) * (k - 1) + 1
                sizes = [(n + 2 * v["pad"] - reach) // s + 1 for n in lengths]
            shape = (width, *sizes)
        elif kind == "fc":
            if lengths:
                self.put("flatten", {}, (self.current,), (math.prod(x),))
            shape = (v["width"],)
        elif kind == "flatten":
            shape = (math.prod(x),)
        elif kind in ("maxpool", "avgpool"):
            if not lengths:
                raise Refused("a pool of a vector")
            k = v["kernel"]
            if kind == "avgpool" and len(lengths) == 3 and min(lengths) < k:
                raise Refused("torch refuses such windows")
            v.setdefault("stride", k)
            v.setdefault("pad", (k - 1) // 2 if v["stride"] == 1 and k % 2 else 0)
            shape = (c, *((n + 2 * v["pad"] - k) // v["stride"] + 1 for n in lengths))
        elif kind == "gap":
            if not lengths:
                raise Refused("a pool of a vector")
            shape = (c, *(1 for _ in lengths))
        elif kind == "upsample":
            shape = (c, *(n * v["factor"] for n in lengths))
            if not lengths:
                raise Refused("a vector")
        elif kind == "pixel shuffle":
            if c % v["factor"] ** 2 or len(lengths) != 2:
                raise Refused("channels")
            shape = (c // v["factor"] ** 2, *(n * v["factor"] for n in lengths))
        elif kind == "channel shuffle":
            if c % v["groups"] or not lengths:
                raise Refused("channels")
        elif kind == "gn" and (c % 2 or math.prod(x) == 2):
            raise Refused("channels")
        elif kind in ("instance norm",) and (not lengths or math.prod(lengths) == 1):
            raise Refused("one value")
        elif kind == "stochastic depth" and self.current == 0:
            raise Refused("the input")
        self.put(kind, v, (self.current,), shape)


def value(text: Any, names: Mapping[str, Number]) -> Any:
    """A number, or the value of arithmetic on names; `_in` is what a text writes as `in`."""
    if not isinstance(text, str) or text in ("same", "valid"):
        return text
    return eval(text, {"max": max, "min": min, "int": int}, dict(names))


def holds(line: Line, place: Place) -> bool:
    return bool(value(getattr(line, "only", "True"), place.names))


def is_shortcut(line: Line) -> bool:
    step = line.links[0].step
    return isinstance(step, Word) and step.word == "shortcut"


def starts_anew(line: Line) -> bool:
    return isinstance(line.links[0].step, Reference)


def leads_to_block(step: Group | Use) -> bool:
    """Whether a group holds one block with a stride of its own, and nothing else."""
    if isinstance(step, Use):
        return bool({"s", "stride"} & set(step.block.parameters))
    if len(step.lines) > 1 or len(step.lines[0].links) > 1 or step.lines[0].links[0].stride > 1:
        return False
    inner = step.lines[0].links[0].step
    return isinstance(inner, Group | Use) and leads_to_block(inner)


def convolutions(lines: Sequence[Line]) -> Iterator[Layer]:
    """The convolutions written in the lines of a group."""
    for step in (link.step for line in lines for link in line.links):
        match step:
            case Phrase(layers=layers):
                yield from (one for one in layers if one.kind in CONVOLUTIONS)
            case Group(lines=inner) | Use(body=Group(lines=inner)):
                yield from convolutions(inner)


def read_labels(lines: Sequence[Line]) -> Iterator[str]:
    for step in (link.step for line in lines for link in line.links):
        match step:
            case Reference(label=label):
                yield label
            case LabelJoin(labels=labels):
                yield from labels
            case Group(lines=inner) | Join(lines=inner) | Side(lines=inner):
                yield from read_labels(inner)
            case Use(body=Group(lines=inner)):
                yield from read_labels(inner)
