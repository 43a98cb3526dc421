"""What a network is meant to be: a list of steps, and the text that says it.

    steps                text
    Rule(norm, relu)     conv means conv-bn-relu
    Line(conv 3, 8)      conv3-8

`manual_rules` reads the steps by the rules of docs/language.md, without anything of archdsl.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plain_layers import ACTIVATIONS, Number, Shape

NORMS = {"bn": "bn", "ln": "ln", "gn": "gn 2", "instance norm": "instance norm"}


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
    repeat: int | str = 1  # `n` in blocks of the library
    stride: int = 1

    def __str__(self) -> str:
        text = str(self.step)
        if self.repeat != 1:
            text += f" x{self.repeat}" if isinstance(self.step, Phrase) else f" x {self.repeat}"
        return text + (f", stride {self.stride}" if self.stride > 1 else "")


@dataclass(eq=False)
class Line:
    links: list[Link]
    label: str = ""
    only: str = "True"  # the condition of `if …`, in blocks of the library

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
    def before(self) -> list[Layer]:
        return [one for one in self.layers[: self.layers.index(None)] if one is not None]

    @property
    def after(self) -> list[Layer]:
        return [one for one in self.layers[self.layers.index(None) :] if one is not None]

    @property
    def companions(self) -> list[Layer]:
        return [*self.before, *self.after]


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
    is_first: bool = False  # whether the text gives the channels first

    def text(self) -> str:
        c, *lengths = self.input
        signal = " signal" if len(lengths) == 1 else " clip" if len(lengths) == 3 else ""
        found = [*map(str, self.blocks), "network drawn"]
        sizes = [c, *lengths] if self.is_first else [*lengths, c]
        found.append(f"input {'x'.join(map(str, sizes))}{signal}")
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


LIBRARY: dict[str, Block] = {}
_SAME: dict[str, Any] = {"pad": "same"}


def block(name: str, parameters: dict[str, Number | None], *lines: Line) -> None:
    """Add a block to the library."""
    LIBRARY[name] = Block(name, parameters, list(lines), ships=True)


def add(*lines: Line, activation: str = "") -> Line:
    return chain(Join("add", list(lines), activation, ships=True))


def gated(*steps: Layer | Step) -> Line:
    return chain(Join("multiply", [chain(*steps[:-1]), chain(steps[-1])], ships=True))


def _residual_blocks() -> None:
    identity = Word("identity")
    block("residual", {}, add(chain(Word("shortcut")), chain(Word("body")), activation="after"))
    block(
        "projected_residual",
        {},
        add(chain(Word("shortcut", "C")), chain(Word("body")), activation="after"),
    )
    block("dense", {}, chain(Join("concat", [chain(identity), chain(Word("body"))], ships=True)))


def _mobile_blocks() -> None:
    identity, gap = Word("identity"), Layer("gap", "")
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
    keeps = Line([Link(identity)], only="s == 1 and _in == c")
    wide = Line([Link(Phrase([conv("t*_in")]))], only="t != 1")
    block(
        "bottleneck",
        {"t": None, "c": None, "s": 1},
        add(
            keeps,
            chain(
                braces(
                    wide,
                    chain(Layer("dw", "", {"kernel": 3, "stride": "s", **_SAME})),
                    chain(narrow),
                )
            ),
        ),
    )


def _inception_and_units() -> None:
    block(
        "inception",
        dict.fromkeys(("c1", "r3", "c3", "r5", "c5", "proj")),
        chain(
            Join(
                "concat",
                [
                    chain(conv("c1")),
                    chain(conv("r3"), conv("c3", 3, **_SAME)),
                    chain(conv("r5"), conv("c5", 5, **_SAME)),
                    chain(Layer("maxpool", "", {"kernel": 3, "stride": 1}), conv("proj")),
                ],
                ships=True,
            )
        ),
    )
    unit = (
        chain(conv("width", 3, True, stride="stride", **_SAME), act("bn"), act("relu")),
        chain(conv("width", 3, True, **_SAME), act("bn")),
    )
    block(
        "original_unit",
        {"width": None, "stride": 1},
        add(chain(Word("shortcut")), chain(braces(*unit))),
        chain(act("relu")),
    )


def _plain_blocks() -> None:
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
    body = Group([chain(conv("4*k")), chain(conv("k", 3, **_SAME))])
    layers = Link(Use(LIBRARY["dense"], {}, "", body), "n")
    block("dense_block", {"n": None, "k": 32}, Line([layers]))


def _highway() -> None:
    identity = Word("identity")
    start, gate_value = chain(identity), chain(conv("_in", "kernel", True, **_SAME), act("sigmoid"))
    start.label, gate_value.label = "start", "gate"
    block(
        "highway",
        {"kernel": 3},
        start,
        gate_value,
        add(
            gated(
                Reference("start"),
                conv("_in", "kernel", True, **_SAME),
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


_residual_blocks()
_mobile_blocks()
_inception_and_units()
_plain_blocks()
_highway()
