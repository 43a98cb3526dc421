"""Random networks as steps, for a comparison of two readings of the manual.

`draw(seed)` gives the same network for the same seed. Everything that it draws has one reading by
docs/language.md; `constructs(network)` names what occurs in it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from intended import (
    LIBRARY,
    NORMS,
    Block,
    Group,
    Intended,
    Join,
    LabelJoin,
    Layer,
    Line,
    Link,
    Phrase,
    Reference,
    Rule,
    Side,
    Step,
    Use,
    Word,
    act,
)
from manual_rules import Place, Reading
from plain_layers import ACTIVATIONS, WEIGHTS, Plain, Refused, Shape

WIDTHS = (2, 4, 6, 8)
SPELLED = {"hard swish": ["hard swish", "h-swish"], "silu": ["silu", "swish"]}


def draw(seed: int) -> tuple[Intended, Plain]:
    """A network, and its plain layers."""
    chance = random.Random(seed)
    while True:
        try:
            network = _Drawing(chance).network()
            return network, Reading(network).plain()
        except Refused:
            pass


class _Drawing:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.labels: dict[str, Shape] = {}
        self.fresh = 0

    def one(self, options: Sequence[Any]) -> Any:
        return options[self.chance.randrange(len(options))]

    def often(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    # The network.

    def network(self) -> Intended:
        rank = self.one([2, 2, 2, 2, 1, 3])
        size = {1: (16, 24, 32), 2: (8, 9, 12, 16), 3: (6, 8)}[rank]
        lengths = [self.one(size)] * rank
        if rank == 2 and self.often(20):
            lengths[1] = self.one(size)
        channels = self.one({1: [1, 2, 3], 2: [3, 2, 4, 1, 3], 3: [3, 1]}[rank])
        found = self.found = Intended((channels, *lengths))
        self.rank = rank
        found.is_first = rank == 2 and channels in (1, 3) and self.often(15)
        found.rules = self.rules()
        if self.often(50):
            found.bracket = LIBRARY[self.one(["residual"] * 4 + ["projected_residual", "dense"])]
        found.stride_on = self.one(["", "", "first", "last", "3x3"])
        found.shortcut = self.one(["", "", "A", "B", "C"])
        found.activation = self.one(["", "", "", "before", "after"])
        found.padding = self.one(["", "", "", "same"])
        if self.often(12):
            found.padding, found.bracket = "valid", None
        found.rows = rank == 2 and self.often(12)
        if not found.rows and self.often(35):
            for name in self.one([["unita"], ["unita"], ["unita", "unitb"]]):
                found.blocks.append(self.block(name))
        if found.bracket is not None and self.often(20):
            found.bracket = self.own_residual()
            found.blocks.insert(0, found.bracket)
        self.shape = found.input
        for _ in range(self.one([1, 2, 3, 4, 5, 6])):
            if not found.rows and len(self.shape) > 1 and self.often(7):
                self.skip()
            else:
                self.append(self.row if found.rows else self.line)
        self.ending()
        return found

    def append(self, way: Callable[[], Line]) -> None:
        """A line that fits the current value."""
        for _ in range(12):
            line = way()
            if (shape := self.after([line])) is not None:
                self.keep(line, shape)
                return

    def keep(self, line: Line, shape: Shape) -> None:
        self.found.lines.append(line)
        if not isinstance(line.links[0].step, Side):
            self.shape = shape
        if line.label:
            self.labels[line.label] = self.shape

    def after(self, lines: Sequence[Line]) -> Shape | None:
        """The shape that lines lead to; None if they do not fit."""
        reading = Reading(replace(self.found, input=self.shape, rules=self.found.rules, outputs=[]))
        labels = {}
        for name, shape in self.labels.items():
            reading.put("label", {}, (), shape)
            labels[name] = reading.current
        reading.current = 0
        try:
            reading.lines(lines, Place(labels=labels))
        except Refused:
            return None
        return reading.shape if len(reading.nodes) < 150 else None

    # Conventions.

    def rules(self) -> list[Rule]:
        if self.often(15):
            return []
        orders = [
            ["norm", "act"],
            ["norm", "act"],
            ["norm", "act"],
            ["act"],
            ["norm"],
            ["act", "norm"],
            ["norm", "act", "drop"],
        ]
        before = [["norm", "act"], ["act"]]
        rules = [self.rule("conv", None, orders, before)]
        if self.often(20):
            rules.append(self.rule("conv", self.one([1, 3]), orders, before))
        if self.often(25):
            rules.append(self.rule("fc", None, [["act"], ["act", "drop"], ["norm", "act"]], []))
        if self.often(15):
            rules.append(self.rule("upconv", None, orders, []))
        return rules

    def rule(
        self,
        kind: str,
        kernel: int | None,
        after: Sequence[Sequence[str]],
        before: Sequence[Sequence[str]],
    ) -> Rule:
        activation = self.one(["relu", "relu", "relu", "relu6", "leaky relu", "silu", "elu"])
        norm = "bn" if self.often(85) else self.one(["ln", "gn"])
        layers = {
            "norm": lambda: Layer(norm, NORMS[norm]),
            "act": lambda: act(activation),
            "drop": lambda: Layer("dropout", "dropout(0.25)", {"p": 0.25}),
        }

        def companions(names: Sequence[str]) -> list[Layer | None]:
            return [layers[name]() for name in names]

        way = self.chance.randrange(10) if before else 9
        if way == 0:
            found = [*companions(["act"]), None, *companions(["norm"])]
        elif way < 3:
            found = [*companions(self.one(before)), None]
        else:
            found = [None, *companions(self.one(after))]
        has_bn = norm == "bn" and any(one is not None and one.kind == "bn" for one in found)
        return Rule(kind, kernel, found, bias=has_bn and self.often(8))

    # Layers.

    def companion(self) -> Layer | None:
        """One that a convention adds."""
        rules = self.found.rules
        found = [one for rule in rules for one in rule.companions if one.role]
        return replace(self.one(found)) if found else None

    def activation(self) -> Layer:
        kind = self.one([*ACTIVATIONS])
        return Layer(kind, self.one(SPELLED.get(kind, [kind])))

    def norm(self) -> Layer:
        kind = self.one(["bn", "bn", "ln", "gn", "instance norm"])
        return Layer(kind, NORMS[kind])

    def light(self) -> Layer:
        """A layer without weights that fits anywhere."""
        if self.often(20) and (companion := self.companion()) is not None:
            return companion
        return self.one(
            [
                self.activation,
                self.activation,
                self.norm,
                lambda: Layer("dropout", "dropout(0.5)", {"p": 0.5}),
                lambda: Layer("scale", "scale 0.5", {"by": 0.5}),
                lambda: Layer("stochastic depth", "stochastic depth 0.2", {"p": 0.2}),
            ]
        )()

    def weak(self) -> Layer:
        return self.one(
            [
                Layer("dropout", "dropout(0.5)", {"p": 0.5}),
                Layer("scale", "scale 0.5", {"by": 0.5}),
                Layer("stochastic depth", "stochastic depth 0.2", {"p": 0.2}),
            ]
        )

    def spell(self, kernel: int, width: Any, more: str) -> str:
        shown = f"({width})".replace("_in", "in") if isinstance(width, str) else str(width)
        forms = [f"conv{kernel}-{shown}", f"conv kernel {kernel} width {shown}"]
        if self.rank == 2:
            forms += [f"{kernel}x{kernel} conv, {shown}", f"{kernel}x{kernel}, {shown}"]
            if not more and not isinstance(width, str):
                forms.append(f"{width} {kernel}x{kernel} filters")
        return f"{self.one(forms)}{more}"

    def conv(
        self,
        width: Any = None,
        kernel: int | None = None,
        stride: Any = None,
        plain: bool = False,
    ) -> Layer:
        """A convolution: `plain` without what a group or a block could contradict."""
        kernel = kernel or self.one([1, 3, 3, 3, 5])
        width = width if width is not None else self.one(WIDTHS)
        more, values = "", {"kernel": kernel, "width": width}
        removed: tuple[str, ...] = ()
        if stride is not None:
            values["stride"] = stride
            more += f" stride {f'({stride})' if isinstance(stride, str) else stride}"
        elif not plain and self.often(15):
            values["stride"] = 2
            more += " stride 2"
        if not plain and self.often(6) and width != "_in" and not isinstance(width, str):
            values["groups"] = 2
            more += " groups 2"
        if not plain and self.often(6) and kernel > 1:
            values["dilation"] = 2
            more += " dilation 2"
        if not plain and self.often(6):
            values["pad"] = 1
            more += " pad 1"
        if self.often(5):
            values["bias"] = self.often(50)
            more += " bias" if values["bias"] else " no bias"
        if self.often(8):
            words = self.removals("conv", kernel)
            if words:
                word = self.one(words)
                removed = ("*",) if word == "bare" else (word,)
                more += " bare" if word == "bare" else f" no {word}"
        return Layer("conv", self.spell(kernel, width, more), values, removed)

    def removals(self, kind: str, kernel: int | None) -> list[str]:
        rules = [r for r in self.found.rules if r.kind == kind and r.kernel in (None, kernel)]
        if not rules:
            return []
        rule = max(rules, key=lambda r: r.kernel is not None)
        found = ["bare"]
        for one in rule.layers:
            if one is not None and one.kind in ("bn", "relu", "silu", "elu", "relu6"):
                found.append(one.kind)
            if one is not None and one.role == "activation":
                found.append("activation")
        return found

    def dw(self) -> Layer:
        stride = self.one([1, 1, 2])
        more = " stride 2" if stride == 2 else ""
        return Layer("dw", f"dw conv kernel 3{more}", {"kernel": 3, "stride": stride})

    def phrase(self, layer: Layer) -> Phrase:
        """A layer, and now and then what the line prints next to it."""
        layers = [layer]
        if self.often(30):
            layers.append(self.activation())
        elif self.often(20):
            layers.append(self.norm())
            if self.often(50):
                layers.append(self.activation())
        elif self.often(5) and "conv" in layer.text:
            layers.append(self.weak())
        is_role = layers[-1].role in ("norm", "activation")
        if len(layers) > 1 and is_role and layer.removed and " no " in layer.text:
            # `no bn, relu` asks whether relu is removed too: the removal comes last.
            text, _, word = layer.text.rpartition(" no ")
            if word == layer.removed[0]:
                last = layers[-1]
                layers[0] = replace(layer, text=text)
                layers[-1] = replace(last, text=f"{last.text} no {word}")
        tight = all(one.text.replace("-", "").isalnum() for one in layers)
        return Phrase(layers, self.one(["-", ", "]) if tight else ", ")

    # Lines.

    def line(self) -> Line:
        ways: list[Callable[[], Line]] = [self.heavy] * 6
        ways += [self.loose] * 2
        ways += [self.bracket] * 3
        ways += [self.join, self.join, self.library, self.library, self.unit, self.unit]
        ways += [self.labelled, self.pool, self.side, self.chained, self.chained, self.inside]
        if len(self.shape) == 1:
            ways = [self.connection, self.connection, self.loose]
        return self.one(ways)()

    def heavy(self) -> Line:
        """A convolution with what its line chains to it."""
        layer = self.conv()
        if self.often(12):
            layer = self.dw()
        elif self.often(6):
            width = self.one(WIDTHS)
            values = {"kernel": 2, "width": width, "stride": 2}
            layer = Layer("upconv", f"up-conv kernel 2 width {width} stride 2", values)
        links = [Link(self.phrase(layer))]
        if self.often(15):
            links = [Link(Phrase([self.light()])) for _ in range(self.one([1, 1, 2]))] + links
        if self.often(25):
            links += [Link(Phrase([self.light()])) for _ in range(self.one([1, 1, 2]))]
        if self.often(10):
            links.append(Link(self.phrase(self.conv())))
        if len(links) == 1 and "stride" not in layer.values and self.often(15):
            links[0].repeat = self.one([2, 3])
        return Line(links, self.label())

    def connection(self) -> Line:
        width = self.one(WIDTHS)
        removed: tuple[str, ...] = ()
        more = ""
        if self.often(8) and self.removals("fc", None):
            removed, more = ("*",), " bare"
        layer = Layer("fc", f"FC-{width}{more}", {"width": width}, removed)
        layers = [layer]
        if self.often(25):
            layers.append(self.activation())
        return Line([Link(Phrase(layers))])

    def loose(self) -> Line:
        return Line([Link(Phrase([self.light()])) for _ in range(self.one([1, 1, 2]))])

    def pool(self) -> Line:
        if self.often(15):
            if self.rank == 2 and self.often(50):
                return Line(
                    [Link(Phrase([Layer("pixel shuffle", "pixel shuffle 2", {"factor": 2})]))]
                )
            return Line([Link(Phrase([Layer("upsample", "upsample 2", {"factor": 2})]))])
        kind, word = self.one([("maxpool", "max pool"), ("avgpool", "average pool")])
        kernel, stride, pad = self.one([(2, 2, None), (3, 2, 1), (3, 2, None), (3, 1, None)])
        text = f"{word} kernel {kernel} stride {stride}"
        values = {"kernel": kernel, "stride": stride}
        if pad is not None:
            values["pad"], text = pad, f"{text} pad {pad}"
        elif kernel == 2 and kind == "maxpool":
            text = "maxpool"
        elif self.rank == 2:
            text = f"{kernel}x{kernel} {word}, stride {stride}"
        return Line([Link(Phrase([Layer(kind, text, values)]))])

    def label(self) -> str:
        if not self.often(15):
            return ""
        self.fresh += 1
        return f"v{self.fresh}"

    def side(self) -> Line:
        self.fresh += 1
        lines = [Line([Link(self.phrase(self.conv(plain=True)))])] if self.often(60) else []
        lines.append(Line([Link(Phrase([Layer("gap", "gap")]))]))
        lines.append(Line([Link(Phrase([Layer("fc", "FC-3", {"width": 3})]))]))
        if self.often(30):
            lines[-1].links[0].step.layers.append(act("sigmoid"))  # type: ignore[union-attr]
        return Line([Link(Side(f"side{self.fresh}", lines))])

    # Groups.

    def body(self, out: Any, most: int = 3, names: Sequence[str] = ()) -> list[Line]:
        """The lines of a group that ends with a width."""
        lines = []
        for _ in range(self.one([0, 1, 1, 2][:most])):
            width = self.one([*names, *WIDTHS]) if names else self.one(WIDTHS)
            lines.append(Line([Link(self.phrase(self.conv(width, self.one([1, 3]), plain=True)))]))
        last = self.conv(out, self.one([1, 3, 3]), plain=True)
        lines.append(Line([Link(self.phrase(last) if self.often(25) else Phrase([last]))]))
        if self.often(25):
            lines.append(Line([Link(self.tail())]))
        elif self.often(15):
            lines[-1].links.append(Link(self.tail()))
        return lines

    def tail(self) -> Step:
        """What an activation moves past."""
        if self.often(40):
            return Use(LIBRARY["squeeze_excitation"], {"r": 2}, "squeeze_excitation(2)")
        if self.often(30):
            return self.gate()
        return Phrase([self.weak()])

    def gate(self) -> Step:
        """A gate written out, with values of its own."""
        last = self.conv("_in", 1, plain=True)
        last.text = last.text.replace("(_in)", "(in)")
        if self.often(50):
            c = self.shape[0]
            lines = [Line([Link(Phrase([Layer("gap", "gap")]))])]
            lines.append(
                Line([Link(Phrase([Layer("conv", "conv1-2", {"kernel": 1, "width": 2})]))])
            )
            widen = Layer("conv", f"conv1-{c}", {"kernel": 1, "width": c})
            lines.append(Line([Link(Phrase([widen, act("sigmoid")]))]))
            branch: Step = Group(lines, self.one(["[]", "{}"]))
        else:
            layer = Layer("conv", "conv1-1", {"kernel": 1, "width": 1})
            branch = Phrase([layer, act("sigmoid")])
        identity = Line([Link(Word("identity"))])
        return Join("multiply", [identity, Line([Link(branch)])])

    def bracket(self) -> Line:
        c = self.shape[0]
        out = c if self.often(60) else self.one([c * 2, 8])
        stride = 2 if self.often(25) else 1
        repeat = self.one([1, 1, 2, 3])
        group = Group(self.body(out), "[]" if self.often(80) else "{}")
        if self.often(10):
            inner = Line([Link(Group(self.body(self.one([c, out]))), self.one([1, 2]))])
            group.lines.insert(self.one([0, len(group.lines)]), inner)
        if self.often(20):
            name = self.one(["residual", "projected_residual", "dense"])
            word = self.one([name, name.replace("_", " ")])
            group.signs = "[]"
            return Line([Link(Use(LIBRARY[name], {}, word, group), repeat, stride)])
        label = self.label()
        return Line([Link(group, repeat, stride)], label)

    def chained(self) -> Line:
        """A chain with groups, joins or blocks among its links."""
        lines = [self.one([self.bracket, self.join, self.library, self.unit, self.heavy])()]
        for _ in range(self.one([1, 1, 2])):
            ways = [self.loose, self.loose, self.heavy, self.bracket, self.join, self.library]
            lines.append(self.one(ways)())
        return Line([link for line in lines for link in line.links], self.label())

    def inside(self) -> Line:
        """A group that joins one of its own lines, or one of the lines around it."""
        c = self.shape[0]
        self.fresh += 1
        name = f"v{self.fresh}"
        lines = self.body(c)
        lines[0].label = name
        lines.append(Line([Link(Phrase([self.conv(c, plain=True)]))]))
        kind = self.one(["add", "add", "concat"])
        outer = [label for label, shape in self.labels.items() if shape == self.shape]
        read = self.one(outer) if outer and self.often(50) else name
        if self.often(50):
            lines.append(Line([Link(LabelJoin(kind, [read]))]))
        else:
            branches = [Line([Link(Reference(read))]), Line([Link(Word("identity"))])]
            if self.often(50):
                branches[0].links.append(Link(Phrase([self.conv(c, plain=True)])))
            lines.append(Line([Link(Join(kind, branches))]))
        repeat = self.one([1, 1, 2]) if kind == "add" else 1
        return Line([Link(Group(lines, self.one(["[]", "{}"])), repeat)], self.label())

    def join(self) -> Line:
        kind = self.one(["add", "add", "add", "concat", "multiply"])
        c = self.shape[0]
        out = c if kind != "concat" and self.often(70) else self.one(WIDTHS)
        lines = []
        labels = [name for name, shape in self.labels.items() if shape == self.shape]
        for index in range(self.one([2, 2, 3])):
            lines.append(self.branch(out, kind, labels, index))
        join = Join(kind, lines)
        if kind == "add" and self.often(25):
            join.activation = self.one(["before", "after"])
        repeat = self.one([1, 1, 1, 2]) if out == c and kind != "concat" else 1
        return Line([Link(join, repeat)], self.label())

    def branch(self, out: int, kind: str, labels: Sequence[str], index: int) -> Line:
        c = self.shape[0]
        ways: list[Callable[[], Line]] = [
            lambda: Line([Link(Phrase([self.conv(out, plain=True)]))]),
            lambda: Line([Link(self.phrase(self.conv(out, plain=True)))]),
            lambda: Line([Link(Group(self.body(out), self.one(["[]", "[]", "{}"])))]),
            lambda: Line([
                Link(Phrase([self.conv(plain=True)])), Link(Phrase([self.conv(out, plain=True)]))
            ]),
            lambda: Line([
                Link(Phrase([self.conv(out, plain=True)])), Link(Phrase([self.light()]))
            ]),
        ]  # fmt: skip
        if out == c:
            ways += [lambda: Line([Link(Word("identity"))])] * (3 if index == 0 else 1)
            ways.append(lambda: Line([Link(Phrase([self.conv(plain=True)])),
                                      Link(Group(self.body(out)))]))  # fmt: skip
        if labels:
            name = self.one(labels)
            ways.append(lambda: Line([Link(Reference(name)),
                                      Link(Phrase([self.conv(out, plain=True)]))]))  # fmt: skip
            if out == c:
                ways.append(lambda: Line([Link(Reference(name))]))
        return self.one(ways)()

    def skip(self) -> None:
        """A labelled line, others, and a join with its label."""
        self.fresh += 1
        name = f"v{self.fresh}"
        width = self.one(WIDTHS)

        def line() -> Line:
            layer = self.conv(width, self.one([1, 3]), plain=True)
            return Line([Link(self.phrase(layer) if self.often(30) else Phrase([layer]))])

        lines = [line() for _ in range(self.one([2, 2, 3]))]
        lines[0].label = name
        if self.often(30):
            lines.append(Line([Link(self.tail())]))
        names = [name]
        if len(lines) > 2 and self.often(30):
            lines[1].label = f"{name}b"
            names.append(f"{name}b")
        kind = self.one(["add", "add", "add", "concat", "multiply"])
        lines.append(Line([Link(LabelJoin(kind, names))]))
        shape = self.after(lines)
        if shape is not None:
            self.found.lines += lines
            self.shape = shape
            self.labels[name] = (width, *shape[1:])

    def labelled(self) -> Line:
        """`add c1`, of a value before the last line."""
        recent = self.found.lines[-1].label if self.found.lines else ""
        names = [n for n, shape in self.labels.items() if shape == self.shape and n != recent]
        if not names:
            return self.heavy()
        return Line([Link(LabelJoin(self.one(["add", "add", "concat"]), [self.one(names)]))])

    # Blocks.

    def library(self) -> Line:
        c = self.shape[0]
        width = self.one([c, *WIDTHS])
        name = self.one([
            "squeeze_excitation", "separable", "bottleneck", "bottleneck", "inception",
            "original_unit", "mlpconv", "transition", "dense_block", "highway",
        ])  # fmt: skip
        block, repeat = LIBRARY[name], self.one([1, 1, 2])
        stride = 2 if self.often(25) else 1
        match name:
            case "squeeze_excitation":
                return Line([Link(Use(block, {"r": 2}, "squeeze_excitation(2)"))])
            case "separable":
                use = Use(block, {"c": width}, f"separable({width})")
            case "bottleneck":
                t = self.one([1, 2])
                use = Use(block, {"t": t, "c": width}, f"bottleneck({t}, {width})")
            case "mlpconv":
                values = [3, 4, 2, width]
                named = dict(zip(block.parameters, values, strict=True))
                return Line([Link(Use(block, named, f"mlpconv(3, 4, 2, {width})"))])
            case "transition":
                return Line([Link(Use(block, {}, "transition"))])
            case "dense_block":
                return Line([Link(Use(block, {"n": 2, "k": 2}, "dense_block(2, 2)"))])
            case "highway":
                return Line([Link(Use(block, {}, "highway"), repeat)])
            case "original_unit":
                use = Use(block, {"width": width}, f"original_unit({width})")
            case _:
                values = [2, 4, 2, 2, 4, 2]
                named = dict(zip(block.parameters, values, strict=True))
                return Line([Link(Use(block, named, "inception(2, 4, 2, 2, 4, 2)"))])
        if self.often(30):
            return Line([Link(Group([Line([Link(use)])], "{}"), repeat, stride)])
        if self.often(20) and self.found.bracket is None:
            return Line([Link(Group([Line([Link(use)])]), repeat, stride)])
        return Line([Link(use, repeat, stride)])

    def block(self, name: str) -> Block:
        """A block of the file's own, with a width and perhaps a stride."""
        self.shape = (4, *[8] * self.rank)
        takes = self.often(50)
        lines = []
        if takes:
            layer = self.conv("w", 3, "s", plain=True)
            lines.append(Line([Link(self.phrase(layer))]))
        for _ in range(self.one([1, 1, 2])):
            lines.append(self.inner())
        return Block(name, {"w": None, **({"s": 1} if takes else {})}, lines)

    def own_residual(self) -> Block:
        """A block of the file's own that `[]` means."""
        branches = [Line([Link(Word("shortcut"))]), Line([Link(Word("body"))])]
        join = Join(self.one(["add", "add", "concat"]), branches)
        if join.kind == "concat":
            join.lines[0] = Line([Link(Word("identity"))])
        elif self.often(40):
            join.activation = self.one(["before", "after"])
        lines = [Line([Link(join)])]
        if self.often(30):
            lines.append(Line([Link(Phrase([self.light()]))]))
        return Block("mine", {}, lines)

    def inner(self) -> Line:
        """A line within a block."""
        ways: list[Callable[[], Line]] = [
            lambda: Line([Link(self.phrase(self.conv("w", plain=True)))]),
            lambda: Line([Link(Group(self.body("w", names=["w"])), self.one([1, 1, 2]))]),
            lambda: Line([Link(Group(self.body("w", names=["w"])), self.one([1, 1, 2]))]),
            lambda: Line([Link(Join("add", [
                Line([Link(Phrase([self.conv("w", plain=True)]))]),
                Line([Link(Group(self.body("w", names=["w"])))]),
            ]))]),
            lambda: Line([Link(Join("concat", [
                Line([Link(Word("identity"))]), Line([Link(Phrase([self.conv("w", plain=True)]))]),
            ]))]),
            lambda: Line([Link(Use(LIBRARY["residual"], {}, "residual",
                                   Group(self.body("w", names=["w"]))))]),
            lambda: Line([Link(Phrase([self.light()]))]),
            lambda: Line([Link(Use(self.found.blocks[0], {"w": "w"}, "unita(w)"))])
            if self.found.blocks else Line([Link(Phrase([self.conv("2*_in", plain=True)]))]),
            lambda: Line([Link(Use(LIBRARY["squeeze_excitation"], {"r": 2},
                                   "squeeze_excitation(2)"))]),
        ]  # fmt: skip
        return self.one(ways)()

    def unit(self) -> Line:
        if not self.found.blocks:
            return self.heavy()
        block = self.one(self.found.blocks)
        if "w" not in block.parameters:
            group = Group(self.body(self.shape[0]))
            return Line([Link(Use(block, {}, block.name, group), self.one([1, 2]))])
        width = self.one([self.shape[0], *WIDTHS])
        use = Use(block, {"w": width}, f"{block.name}({width})")
        repeat = self.one([1, 1, 2])
        stride = 2 if "s" in block.parameters and self.often(30) else 1
        if stride > 1 and self.often(30):
            return Line([Link(Group([Line([Link(use)])], "{}"), repeat, stride)])
        return Line([Link(use, repeat, stride)], self.label())

    # Tables, and how a network ends.

    def row(self) -> Line:
        width, stride = self.one(WIDTHS), self.one([1, 1, 2])
        kernel = self.one([1, 3, 3, 5])
        values = {"kernel": kernel, "width": width, "stride": stride}
        layer = Layer("conv", "", values)
        if self.often(15):
            layer = Layer("dw", "", {"kernel": 3, "stride": stride})
        elif self.often(20):
            return Line([Link(Phrase([Layer("maxpool", "", {"kernel": 2, "stride": 2})]))])
        rest = [self.activation()] if self.often(35) else []
        return Line([Link(Phrase([layer, *rest]))])

    def ending(self) -> None:
        found = self.found
        if found.rows:
            if self.often(70):
                rest = [act(self.one(["sigmoid", "relu"]))] if self.often(30) else []
                fc = Layer("fc", "", {"width": 5})
                found.lines.append(Line([Link(Phrase([fc, *rest]))]))
            elif not found.lines:
                raise Refused("no row")
            return
        if len(self.shape) > 1 and self.often(25):
            self.several_outputs()
            return
        if self.often(15) and found.lines:
            return  # however it ends
        width = self.one([3, 4, 8])
        if self.often(50):
            fc = Layer("fc", f"fc {width}", {"width": width})
            if len(self.shape) > 1 and self.often(70):
                gap = Layer("gap", self.one(["gap", "average pool"]))
                if self.often(50):
                    found.lines.append(Line([Link(Phrase([gap, fc]))]))
                    fc = Layer("", "")
                else:
                    found.lines.append(Line([Link(Phrase([gap]))]))
            if fc.kind:
                found.lines.append(Line([Link(Phrase([fc]))]))
        elif len(self.shape) > 1:
            kernel = self.one([1, 3])
            layer = Layer("conv", f"conv{kernel}-{width}", {"kernel": kernel, "width": width})
            line = Line([Link(Phrase([layer]))])
            if self.often(20):
                group = Group([Line([Link(Phrase([self.conv(plain=True)]))]), line], "{}")
                line = Line([Link(group)])
            found.lines.append(line)
        else:
            return
        for _ in range(self.one([0, 0, 1, 1, 2])):
            self.trailing(self.one([
                act("sigmoid"), act("tanh"), Layer("flatten", "flatten"),
                Layer("dropout", "dropout(0.5)", {"p": 0.5}),
                Layer("upsample", "upsample 2", {"factor": 2}),
                Layer("pixel shuffle", "pixel shuffle 2", {"factor": 2}), act("relu"),
            ]))  # fmt: skip
        if self.often(20):
            self.trailing(Layer("softmax", "softmax"))

    def trailing(self, layer: Layer) -> None:
        """A weightless layer after the output layer: on its line, chained, or on its own."""
        lines = self.found.lines
        way = self.one(["phrase", "chain", "line"])
        last = lines[-1].links[-1]
        if way == "phrase" and isinstance(last.step, Phrase):
            last.step.layers.append(layer)
            last.step.sign = ", "
        elif way == "chain" and last.repeat == 1:
            lines[-1].links.append(Link(Phrase([layer])))
        else:
            lines.append(Line([Link(Phrase([layer]))]))

    def several_outputs(self) -> None:
        found, width = self.found, self.one([3, 4])

        def head(label: str) -> Line:
            layer = Layer("conv", f"conv1-{width}", {"kernel": 1, "width": width})
            links = [Link(Phrase([layer]))]
            if self.often(30):
                links.append(Link(Phrase([act(self.one(["sigmoid", "tanh"]))])))
            return Line(links, label)

        found.outputs = ["outa", "outb"]
        if self.often(50):
            trunk = Line([Link(Phrase([self.conv(plain=True)]))], "trunk")
            found.lines += [trunk, head("outa")]
            second = head("outb")
            second.links.insert(0, Link(Reference("trunk")))
            found.lines.append(second)
        else:
            found.lines += [head("outa")]
            if self.often(50):
                found.lines.append(Line([Link(self.phrase(self.conv(plain=True)))]))
            found.lines.append(head("outb"))
        if self.often(30):
            found.outputs.reverse()


# What occurs.


def constructs(network: Intended) -> set[str]:
    """Names of what occurs in a network, for counts."""
    found = {f"input of {len(network.input) - 1} axes"}
    for rule in network.rules:
        word = "1x1 or 3x3" if rule.kernel else rule.kind
        order = "-".join("x" if one is None else one.role or one.kind for one in rule.layers)
        found.add(f"{word} means {order}")
    found |= {f"[] means {network.bracket.name}"} if network.bracket else set()
    found |= {f"stride on {network.stride_on}"} if network.stride_on else set()
    found |= {f"shortcut {network.shortcut}"} if network.shortcut else set()
    found |= {f"activation {network.activation} add"} if network.activation else set()
    found |= {"padding valid"} if network.padding == "valid" else set()
    found |= {"several outputs"} if network.outputs else set()
    found |= {"table"} if network.rows else set()
    found |= {"channels first"} if network.is_first else set()
    found |= {"own block"} if network.blocks else set()
    for line in [*network.lines, *(line for block in network.blocks for line in block.lines)]:
        found |= set(_occurring(line))
    return found


def _occurring(line: Line) -> Iterator[str]:
    if line.label:
        yield "label"
    if len(line.links) > 1:
        yield "chain"
    for link in line.links:
        step = link.step
        name = type(step).__name__.lower()
        if link.repeat != 1:
            yield f"{name} repeated"
        if link.stride != 1:
            yield f"{name} with a stride"
        yield from _named(step)
        inner = step.body if isinstance(step, Use) else step
        if isinstance(inner, Group | Join | Side):
            for one in inner.lines:
                yield from _occurring(one)


def _named(step: Step) -> Iterator[str]:
    match step:
        case Phrase(layers=layers):
            yield from _layers(layers)
        case Group(signs=signs):
            yield f"group {signs}"
        case Join(kind=kind, lines=lines, activation=activation):
            yield f"join {kind}"
            if activation:
                yield f"add {{ … }}, activation {activation}"
            if any(isinstance(one.links[0].step, Group) for one in lines):
                yield "group as a branch"
        case LabelJoin(kind=kind):
            yield f"{kind} of a label"
        case Use(block=block):
            yield f"block {block.name}" if block.ships else "own block used"
        case Side():
            yield "side head"
        case Reference():
            yield "reference"


def _layers(layers: Sequence[Layer]) -> Iterator[str]:
    heavy = any(one.kind in WEIGHTS for one in layers)
    for one in layers:
        yield f"layer {one.kind}"
        if one.removed:
            yield "no … / bare"
        if one.values.get("groups", 1) != 1:
            yield "groups"
        if heavy and one.role:
            yield f"{one.role} printed in the line of a layer"
