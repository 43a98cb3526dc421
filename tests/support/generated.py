"""Random specs over the whole language: most are networks, some are refused.

`spec(chance)` writes one from a `random.Random`; `specs()` is the same as a hypothesis strategy,
which shrinks what it finds. The spellings come from the layer kinds themselves, so that new kinds
are included. The writer tracks the current shape, so that most layers fit.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from hypothesis import strategies as st

from archdsl.errors import ArchError
from archdsl.layers import REGISTRY, Input, Layer, LayerError, Shape
from archdsl.layers.base import Attribute
from archdsl.notation import ast, phrase
from archdsl.spec import parse
from archdsl.syntax.ast import Item
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source

KINDS = [kind for kind in REGISTRY if kind is not Input and kind.words]
WEIGHTY = [kind for kind in KINDS if kind.weighs]
# Values to try for an attribute; its check decides which of them it takes.
VALUES = (1, 2, 3, 4, 5, 8, 16, 0, -1, 0.5, 0.25, 1e-3, 1.5, (3, 3), (1, 3), (2, 2), (3, 3, 3))
FLOWS = 20_000  # the most elements of a value: larger maps are pooled
WORDS = (
    "stem",
    "body_part",
    "c1",
    "c2",
    "p5",
    "unit",
    "head",
    "conv2_x",
    "block1",
    "gate",
    "résumé",
)
REMARKS = ("as in Table 1", "see §3.2 for k > 3", "perhaps: 3x3?", "50% of it", "", "ünïcode ×")


def specs() -> st.SearchStrategy[str]:
    return st.randoms(use_true_random=False).map(spec)


def spec(chance: random.Random) -> str:
    """The text of a file of one network or several."""
    return _Writer(chance).file()


class _Writer:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.names: dict[str, int] = {}  # names that have a value at this point
        self.blocks: dict[str, tuple[str, ...]] = {}  # blocks of the file, with their parameters
        self.fresh = count(1)
        self.labels: dict[str, Shape] = {}

    # Chance.

    def one(self, options: Sequence[Any]) -> Any:
        return options[self.chance.randrange(len(options))]

    def often(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def upto(self, most: int) -> int:
        return self.chance.randint(1, most)

    def some(self, options: Iterable[Any], percent: int) -> list[Any]:
        return [option for option in options if self.often(percent)]

    # Numbers, as numbers and as expressions.

    def number(self, value: int) -> str:
        """A value as a number, a name, or an expression in parentheses."""
        named = [name for name, known in self.names.items() if known == value]
        if named and self.often(40):
            return self.one(named)
        if self.often(15):
            return f"({self.expression(value, 2)})"
        return str(value)

    def expression(self, value: int, deep: int) -> str:
        """An expression of this value."""
        if not deep or self.often(20):
            named = [name for name, known in self.names.items() if known == value]
            return self.one(named) if named and self.often(70) else str(value)
        by = self.upto(9)

        def of(part: int) -> str:
            text = self.expression(part, deep - 1)
            return text if re.fullmatch(r"\w+", text) else f"({text})"

        forms = [
            lambda: f"{of(value - by)} + {of(by)}",
            lambda: f"{of(value + by)} - {of(by)}",
            lambda: f"{of(value * by)} // {of(by)}",
            lambda: f"{of(value * by)}/{of(by)}",
            lambda: f"max({of(value)}, {of(value - by)})",
            lambda: f"min({of(value + by)}, {of(value)}, {of(value)})",
            lambda: f"round({of(value)} + 0.25)",
            lambda: f"ceil({of(2 * value - 1)} / 2)",
            lambda: f"floor({of(value)} + 0.5)",
            lambda: f"-{of(-value)}",
        ]
        if value % by == 0:
            forms.append(lambda: f"{of(value // by)} * {of(by)}")
        if 0 <= value < by:
            forms.append(lambda: f"{of(value + 3 * by)} % {by}")
        return self.one(forms)()

    def condition(self, holds: bool, deep: int = 2) -> str:
        """A condition that holds, or does not."""
        if deep and self.often(40):
            other = self.often(50)
            return self.one(
                [
                    lambda: f"not ({self.condition(not holds, deep - 1)})",
                    lambda: f"{self.condition(holds, deep - 1)} and {self.condition(True, 0)}",
                    lambda: f"({self.condition(holds, deep - 1)} or {self.condition(False, 0)})",
                    lambda: (
                        f"({self.condition(other, deep - 1)}) "
                        f"{'==' if holds == other else '!='} {self.condition(True, 0)}"
                    ),
                ]
            )()
        value, by = self.upto(9), self.upto(3)
        left, right = self.expression(value, deep), self.expression(value + by, deep)
        return f"{left} {self.one(['<', '<=', '!='] if holds else ['>', '>=', '=='])} {right}"

    # Layers.

    def layer(self, x: Shape, kinds: Sequence[type[Layer]] = KINDS) -> tuple[str, Shape]:
        """A layer that fits the current shape, and its output shape; now and then a layer that does
        not fit."""
        for _ in range(6):
            text = self.spelling(self.one(kinds), x)
            if (shape := after(text, x, self.names)) is not None and elements(shape) <= FLOWS:
                return text, shape
            if self.often(1):
                return text, x
        return self.one(["identity", "relu", "bn" if len(x) > 1 else "dropout"]), x

    def spelling(self, kind: type[Layer], x: Shape) -> str:
        """A layer in one of its spellings, with some attributes."""
        if self.often(15):
            return str(self.one(kind.examples)).partition(" on ")[0]
        if kind.compact and self.often(10):
            regex, _ = self.one(kind.compact)
            return filled(regex, self.upto(4))
        word, preset = self.one(list(kind.words.items()))
        required = {
            name for name in kind.attributes if name not in kind.defaults and name not in preset
        }
        given = {
            name: self.value(attribute)
            for name, attribute in kind.attributes.items()
            if (attribute.words or attribute.units or attribute.flags)
            and ((name in required and self.often(60)) or self.often(12))
        }
        if kind.weighs:
            # Besides its word, such a kind needs a kernel and a width: give them in most lines.
            for name, values in (("kernel", (1, 3, 3, 3, 5, (3, 3))), ("width", (4, 6, 8, 16))):
                if name in kind.attributes and name not in preset:
                    given[name] = self.one(values)
        return self.phrase(kind, self.cased(word), given)

    def value(self, attribute: Attribute) -> Any:
        """A value that passes the check of an attribute; now and then one that does not."""
        for _ in range(8):
            value = self.one(VALUES)
            try:
                return attribute.check(value)
            except LayerError:
                if self.often(1):
                    return value
        return next(iter(attribute.flags.values()), 2)

    def cased(self, word: str) -> str:
        word = word.replace(" ", self.one([" ", " ", "-", "_"]) if self.often(30) else " ")
        return self.one([word, word, word, word.upper(), word.capitalize()])

    def phrase(self, kind: type[Layer], word: str, values: Mapping[str, Any]) -> str:
        """A layer's word with its attributes before it, within it and after it."""
        values = dict(values)
        before: list[str] = []
        after: list[str] = []
        kernel = values.get(kind.takes_suffix or "")
        if kernel and isinstance(kernel, int) and word[-1].isalpha() and self.often(50):
            del values[kind.takes_suffix or ""]
            word = f"{word}{kernel}"
            if isinstance(width := values.get(kind.takes_number or ""), int) and width > 0:
                del values[kind.takes_number or ""]
                word = f"{word}-{self.number(width)}"
        size = values.get(kind.takes_size or "")
        if size and size != 1 and self.often(75):
            del values[kind.takes_size or ""]
            sign = self.one(["x", "x", "×", " x "])
            spelled = sign.join(map(str, size if isinstance(size, tuple) else (size, size)))
            if isinstance(values.get("stride"), int) and self.often(40):
                spelled += f"/{values.pop('stride')}"
            (before if self.often(50) else after).append(spelled)
        number = values.get(kind.takes_number or "")
        if isinstance(number, int | float) and number >= 0 and self.often(75):
            del values[kind.takes_number or ""]
            if isinstance(number, float):
                after.append(f"({number})")
            else:
                after.append(self.number(number))
        for name, value in values.items():
            attribute = kind.attributes[name]
            after.append(self.attribute(attribute, value))
        if not after and self.often(4):
            after.append(f"({self.one(['the first', 'as before', 'class scores'])})")
        joint = self.one([" ", " ", ", "])
        if after and self.often(10) and not word[-1].isdigit():
            return f"{' '.join(before)} {word}({', '.join(after)})".strip()
        return joint.join([*before, word, *after])

    def attribute(self, attribute: Attribute, value: Any) -> str:
        """An attribute with its value."""
        flags = [words for words, flag in attribute.flags.items() if flag == value]
        if flags and (self.often(50) or not attribute.words):
            return self.one(flags)
        if isinstance(value, bool | str):
            return self.one(flags or list(attribute.flags) or ["same"])
        shown = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
        if isinstance(value, float) or (isinstance(value, int) and value < 0):
            shown = self.one([f"({shown})", shown])
        elif isinstance(value, int):
            shown = self.number(value)
        if attribute.units and self.often(40) and shown[0].isdigit():
            return f"{shown} {self.one(attribute.units)}"
        if not attribute.words:
            return shown
        return f"{self.one(attribute.words)}{self.one([' ', ' ', '=', ': ', ' = '])}{shown}"

    def listing(self, text: str, x: Shape) -> str | None:
        """The layer as a PyTorch listing writes it, or None if torch does not have it."""
        op = settled(text, x, self.names)
        if op is None or not op.listed:
            return None
        shown = str(op.call(x))
        return shown if shown.startswith("nn.") else None

    # Lines.

    def lines(
        self, x: Shape, most: int, deep: int, inside: bool = False
    ) -> tuple[list[str], Shape]:
        """Consecutive lines, and the output shape of the last."""
        found = []
        for _ in range(self.upto(most)):
            text, x = self.line(x, deep, inside)
            found.append(text)
        return found, x

    def line(self, x: Shape, deep: int, inside: bool) -> tuple[str, Shape]:
        entering = x
        seen = dict(self.labels)
        ways = [self.chain, self.chain, self.chain, self.chain]
        if deep:
            ways += [self.group, self.add, self.concat, self.multiply, self.use]
        if self.labels:
            ways.append(self.reference)
        text, x = self.one(ways)(x, deep)
        self.labels = seen
        if x == entering and self.often(12):
            times = self.one([1, 2, 3])
            signs = [f" x{times}", f" x {self.number(times)}", f" × {times}"]
            text = f"{times}x {text}" if self.often(20) else text + self.one(signs)
        if self.often(20):
            label = self.one(WORDS) if self.often(15) else f"row{next(self.fresh)}"
            text = f"{label}: {text}"
            self.labels[label] = x
        if x == entering and self.often(6):
            text += f" if {self.condition(self.often(50))}"
        if not inside and self.often(12):
            text += f"   => {self.claims(x)}"
        return text, x

    def chain(self, x: Shape, deep: int) -> tuple[str, Shape]:
        entering = x
        text, x = self.layer(x, WEIGHTY if self.often(40) else KINDS)
        if (listed := self.listing(text, entering)) and self.often(8):
            return listed, x
        for _ in range(self.one([0, 0, 0, 1, 1, 2])):
            more, x = self.layer(x)
            text += self.one([" -> ", ", ", " + ", "-", " → "]) + more
        if self.often(5):
            text += self.one(["-(BN)", "-(relu)"])
        if self.often(2):
            text += self.one([" no bn", " bare", " no activation", " no bias"])
        return text, x

    def group(self, x: Shape, deep: int) -> tuple[str, Shape]:
        lines, x = self.lines(x, 3, deep - 1, inside=True)
        text = self.braced(lines, "[]" if self.often(80) else "{}")
        if self.often(30):
            text += f" {self.one(['x', '×'])} {self.number(self.upto(3))}"
        return text, x

    def braced(self, lines: Sequence[str], signs: str) -> str:
        """Lines within braces or brackets, on one line or on several."""
        if self.often(70) and not any("\n" in line for line in lines):
            return f"{signs[0]} {'; '.join(lines)} {signs[1]}"
        inner = "\n".join(lines).replace("\n", "\n  ")
        return f"{signs[0]}\n  {inner}\n{signs[1]}"

    def branches(self, x: Shape, deep: int, keep: bool) -> list[str]:
        """Branches that preserve the size of the map, and its channels if `keep`."""
        channels = str(x[0])
        options = ["identity", f"conv1-{channels}", f"conv3-{channels} -> bn", "relu -> dropout"]
        if len(x) == 1:
            options = ["identity", f"FC-{channels}", "relu"]
        if not keep and len(x) == 3:
            options += [f"conv1-{self.upto(9)}", "maxpool 3x3/1", "conv 5x5 4 -> relu"]
        found = []
        for _ in range(self.one([2, 2, 3])):
            text = self.one(options)
            if deep > 1 and self.often(25):
                inner, shape = self.line(x, deep - 1, inside=True)
                if shape == x or (not keep and shape[1:] == x[1:]):
                    text = self.braced([inner], "[]") if self.often(50) else inner
            if self.often(5):
                text += f" if {self.condition(self.often(70))}"
            found.append(text)
        return found

    def add(self, x: Shape, deep: int) -> tuple[str, Shape]:
        return f"add {self.braced(self.branches(x, deep, keep=True), '{}')}", x

    def multiply(self, x: Shape, deep: int) -> tuple[str, Shape]:
        return f"multiply {self.braced(self.branches(x, deep, keep=True), '{}')}", x

    def concat(self, x: Shape, deep: int) -> tuple[str, Shape]:
        branches = self.branches(x, deep, keep=False)
        text = f"concat {self.braced(branches, '{}')}"
        return text, after_lines([text], x) or x

    def use(self, x: Shape, deep: int) -> tuple[str, Shape]:
        """A block of the file, or of the library."""
        width = x[0]
        if self.blocks and self.often(50):
            name, parameters = self.one(list(self.blocks.items()))
            named = ", ".join(f"{p}={self.number(width)}" for p in parameters)
            text = f"{name}({named})" if parameters else name
            return text, x
        options = [
            f"residual [ conv3-{width}; conv3-{width} ]",
            f"bottleneck({self.upto(3)}, {width})",
            "squeeze_excitation(2)",
            f"inverted bottleneck t=2, k=3, c={width}",
            "highway",
            f"full_preactivation({width})",
        ]
        if len(x) != 3:
            return "relu", x
        return self.one(options), x

    def reference(self, x: Shape, deep: int) -> tuple[str, Shape]:
        name, shape = self.one(list(self.labels.items()))
        if shape == x and self.often(70):
            return f"{self.one(['add', 'concat', 'multiply'])} {name}", x
        text, after = self.layer(shape)
        return self.one([(f"{name} -> {text}", after), (name, shape)])

    def claims(self, x: Shape) -> str:
        sizes = "x".join(map(str, (*x[1:], x[0])))
        options = [
            sizes,
            f"params {self.figure()}",
            f"ops {self.figure()}",
            f"channels {x[0]}",
            f"depth {self.upto(9)}",
            f'params {self.figure()} erratum "misprinted"',
            f"receptive field {self.upto(40)}",
            f"input size {sizes}",
        ]
        return ", ".join(self.some(options, 25) or [sizes])

    def figure(self) -> str:
        forms = (
            "{}",
            "{}K",
            "~{}M",
            "{}.5M",
            "{},024",
            "{}.3e3",
            "{}.1×10^4",
            "{} million",
            "≈{}K",
        )
        return str(self.one(forms)).format(self.upto(900))

    # Networks.

    def network(self, header: str | None) -> list[str]:
        """The lines of a network, after its header."""
        self.labels = {}
        self.names = {}
        found = []
        if header is not None:
            parameters = {f"{self.one('kmnw')}{i}": self.upto(4) for i in range(self.upto(3) - 1)}
            given = ", ".join(f"{name}={value}" for name, value in parameters.items())
            self.names |= parameters
            title = f' "{self.one(REMARKS)}"' if self.often(40) else ""
            found.append(f"network {header}{f'({given})' if given else ''}{title}")
        x = self.one([(3, 16, 16), (1, 8, 8), (3, 12, 9), (4, 16), (24,), (2, 32, 32)])
        opening = self.opening(x)
        self.chance.shuffle(opening)
        # A `let` may read those before it.
        found += [line for _, line in sorted((not f.startswith("let"), f) for f in opening)]
        if self.often(12) and len(x) == 3:
            found += self.table(x)
        else:
            body, x = self.lines(x, 9, 3)
            found += body
            if len(x) > 1 and self.often(50):
                found.append(f"average pool, {self.upto(10)}-d fc, softmax")
            if self.labels and self.often(10):
                found.append(f"output {', '.join(self.some(self.labels, 60) or ['row1'])}")
        found += self.closing()
        if "-(BN)" in "".join(found) and self.often(50):
            found.insert(header is not None, "with bn")
        return found

    def opening(self, x: Shape) -> list[str]:
        """The statements before the layers, the input first."""
        shown = "x".join(map(str, x[1:]))
        spelled = [f"{shown}x{x[0]}", f"{x[0]}x{shown}", f"{shown}, {x[0]} channels"]
        if len(x) == 1:
            spelled = [str(x[0])]
        elif len(x) == 2:
            spelled = [f"{x[1]}, {x[0]} channels"]
        elif x[0] == 3:
            spelled += [f"{shown} RGB", f"{shown} RGB image"]
        found = [f"input {self.one(spelled)}"]
        for _ in range(self.upto(3) - 1):
            name, value = f"v{next(self.fresh)}", self.upto(12)
            found.append(f"let {name} = {self.expression(value, 2)}")
        options = [
            self.convention(x),
            f"padding {self.one(['same', 'valid'])}",
            f"stride on {self.one(['first', 'last', '3x3'])}",
            f"shortcut {self.one('ABC')}",
            f"sizes decide {self.one(['stride', 'padding', 'stride, padding'])}",
            f"params count {self.one(['K = 1024', 'no bias', 'no bn', 'K = 1024, no bias'])}",
            f'paper "{self.one(REMARKS)}" arXiv:1512.03385 "Table 1"',
            f"reading r{next(self.fresh)} = {self.upto(3)} or {self.expression(4, 1)}",
            "[] means residual",
        ]
        return found + self.some(options, 15) + self.some([self.convention(x)], 35)

    def convention(self, x: Shape) -> str:
        kind = self.one(["conv", "conv", "1x1 conv", "fc", "up-conv", "3x3 conv"])
        stem = kind.split()[-1]
        added = [self.spelling(k, x) for k in self.some([k for k in KINDS if k.accompanies], 8)]
        added = added[:2] or [self.one(["relu", "bn", "bn-relu", "dropout(0.5)"])]
        text = "-".join([stem, *added])
        if self.often(15):
            text = "-".join([*added, stem])
        return f"{kind} means {text}"

    def closing(self) -> list[str]:
        """Statements after the layers."""
        options = [
            f"expect params {self.figure()}",
            f"expect weight layers {self.upto(20)}, ops {self.figure()}",
            f'expect receptive field {self.upto(99)} erratum "of another network"',
            f'reported top1 {self.upto(99)}.{self.upto(9)} "{self.one(REMARKS)}"',
            "train on digits {\n  optimizer sgd lr 0.1 momentum 0.9\n  batch 64, epochs 10\n}",
            f"side aux weight 0.{self.upto(9)} {{ average pool; FC-10 }}",
            "block unused(a, b=2) { conv3-(a*b); relu if b > 1 }",
        ]
        return self.some(options, 10)

    def block(self) -> str:
        """A block of the file that preserves the shape of its input."""
        name = f"unit{next(self.fresh)}"
        parameters = ("w",) if self.often(40) else ()
        width = "w" if parameters else "in"
        body = [
            f"conv3-({width})",
            "relu",
            "dropout 0.1 if in > 3",
            f"add {{ identity; [ conv1-({width}) -> bn ] }}",
        ]
        text = self.braced(self.some(body, 50) or ["relu"], "{}")
        self.blocks[name] = parameters
        return f"block {name}{'(w)' if parameters else ''} {text}"

    def table(self, x: Shape) -> list[str]:
        """A pasted table, whose rows are layers or whose columns are networks."""
        rows: list[list[str]] = []
        if self.often(60):
            header = ["layer", "type", "size/stride", "filters", "output size", "params"]
            for i in range(self.upto(5)):
                kernel, width = self.one([1, 3, 5]), self.one([4, 8, 16])
                kind = self.one(["conv", "convolution", "max pool"])
                size = f"{kernel}x{kernel}/{self.one([1, 1, 2])}"
                shape = f"{x[1]}×{x[2]}" if self.often(50) else ""
                figure = self.figure() if self.often(20) else ""
                filters = str(width) if kind[0] == "c" else ""
                rows.append([f"{kind[:4]}{i + 1}", kind, size, filters, shape, figure])
        else:
            header = ["layer name", "output size", *self.one([["A", "B"], ["net-18", "net-34"]])]
            for i in range(self.upto(4)):
                text, x = self.layer(x, WEIGHTY)
                other = text if self.often(60) else "[3x3, 8<br>3x3, 8] × 2"
                size = f"{x[1]}×{x[2]}" if len(x) == 3 and self.often(40) else ""
                rows.append([f"stage{i + 1}", size, text, other])
        return self.typeset([header, *rows])

    def typeset(self, rows: list[list[str]]) -> list[str]:
        """A table as Markdown, with tabs, or as LaTeX."""
        way = self.chance.randrange(3)
        if way == 0:
            lines = ["| " + " | ".join(row) + " |" for row in rows]
            return ["", lines[0], "|" + "---|" * len(rows[0]), *lines[1:], ""]
        if way == 1:
            return ["", *("\t".join(row) for row in rows), ""]
        tex = [" & ".join(row).replace("×", "$\\times$").replace("%", "\\%") for row in rows]
        tex = [row.replace("<br>", "; ").replace("_", "\\_") + " \\\\ \\hline" for row in tex]
        columns = "c|" * len(rows[0])
        return ["", f"\\begin{{tabular}}{{{columns}}}", *tex, "\\end{tabular}", ""]

    def file(self) -> str:
        lines: list[str] = []
        if self.often(20):
            lines.append(f"# {self.one(REMARKS)}")
        if self.often(10):
            lines.append(f'use "{self.one(["residual", "dense", "mobile", "inception"])}.arch"')
        for _ in range(self.one([0, 0, 1, 2])):
            lines.append(self.block())
        several = self.one([0, 1, 1, 1, 2, 3])
        for i in range(max(1, several)):
            lines += self.network(f"net{i + 1}" if several else None)
            if several and self.often(10):
                given = ", ".join(f"{name}={value + 1}" for name, value in self.names.items())
                lines.append(f'network net{i + 1}_wide = net{i + 1}({given}) "a wider one"')
        return self.decorated("\n".join(lines) + "\n")

    def decorated(self, text: str) -> str:
        """The text with what does not change its meaning: comments, blanks, typography."""
        found = []
        for line in text.split("\n"):
            plain = not re.search(r"[\t|\\&\"{}]", line) and line.strip()
            if plain and self.often(3):
                line = self.one(["- {}", "• {}", "$ {} $", "`{}`", "**{}**"]).format(line)
            if plain and self.often(2):
                line = line.replace("x", " \\times ", 1) if " x " in line else line
            if plain and self.often(4):
                line += f"   # {self.one(REMARKS)}"
            if plain and self.often(3):
                line = " " * self.upto(5) + line + self.one([" ", "\u00a0", ";", ""])
            found.append(line)
            if plain and self.often(3):
                found.append(self.one(["", "  # a remark", "#", "", "\n"]))
        return "\n".join(found)


def elements(x: Shape) -> int:
    total = 1
    for length in x:
        total *= length
    return total


def settled(text: str, x: Shape, names: Mapping[str, Number]) -> Layer | None:
    """The layer of a text, settled on an input; None if the text is not a single layer."""
    source = Source("layer", text)
    try:
        (network,) = parse(source)
        (item,) = network.statements
        if not isinstance(item, Item):
            return None
        (read,) = phrase.read_phrase(source, item.phrases[0], names=names).layers
        layer = ast.evaluated(source, read, names)
        given: dict[str, Any] = {name: one.value for name, one in layer.given.items()}
        return layer.kind.settle(given, x, "same")
    except (ArchError, LayerError, ValueError, AttributeError):
        return None


def after(text: str, x: Shape, names: Mapping[str, Number]) -> Shape | None:
    """The output shape of a layer; None if it does not fit or is not a single layer."""
    op = settled(text, x, names)
    try:
        return op.out(x) if op is not None else None
    except LayerError:
        return None


def after_lines(lines: Sequence[str], x: Shape) -> Shape | None:
    """The output shape of lines of layers; None if they do not fit."""
    from archdsl.network import loads

    entering = f"{'x'.join(map(str, x[1:]))}, {x[0]} channels" if len(x) > 1 else str(x[0])
    try:
        return loads("\n".join([f"input {entering}", *lines])).output
    except ArchError:
        return None


def filled(regex: str, number: int) -> str:
    """A word that a regex of a compact layer matches."""
    text = re.sub(r"\(\?:(.*?)\)\?$", r"\1", regex)
    return re.sub(r"\(\?P<\w+>\\d\+\)", str(number), text)
