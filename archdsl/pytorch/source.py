"""Graph to readable PyTorch source: a class for the network, and one for each kind of block."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from archdsl.figures import hwc
from archdsl.graph import Graph, Node, Scope
from archdsl.layers import Join
from archdsl.pytorch.wiring import Step, Wiring, wirings

if TYPE_CHECKING:
    from archdsl.model import Model

_CHAIN = '''
def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, by name."""
    return nn.Sequential(OrderedDict(layers))
'''


def source(network: Model) -> str:
    """The text of a Python module that defines the network as a class, which returns logits, in
    training mode also those of side heads.

    Its state-dict keys are those of `network.module()`. Each block with branches is a class, one
    for each way of wiring it.
    """
    return _Source(network).text()


class _Source:
    def __init__(self, network: Model) -> None:
        self.network = network
        self.graph: Graph = network.graph
        self.wired = wirings(self.graph)
        self.own = _class_name(network.name)
        self.classes: dict[_Class, str] = {}
        calls = [n.op.call(*self.graph.shapes(n)) for n in self.graph.nodes[1:]]
        self.extra_modules = {call.name for call in calls if call.own}
        if self.own in self.extra_modules:
            self.own = f"Net{self.own}"

    def text(self) -> str:
        network = self.network
        rows = {row.name: row for row in network.rows}
        root = self.wired[()]
        body: list[str] = []
        for step in root.steps:
            if isinstance(step.child, Node) and isinstance(step.child.op, Join):
                continue
            row = rows.get(step.name)
            if row is not None:
                body.append(f"        # {_comment(row.notation)}: {hwc(row.output)}")
            text = self.constructor(step, (), indent=8)
            if _is_identifier(step.name):
                body.append(f"        self.{step.name} = {text}")
            else:
                body.append(f'        self.add_module("{step.name}", {text})')
        signature, *steps = self.steps(root)
        title = network.title.replace("\\", "\\\\").replace('"', '\\"')
        shape = ", ".join(map(str, network.input))
        # Every chain below the root is built by `chain`.
        nested = any("chain(" in line for line in body)
        lines = [
            *(["from collections import OrderedDict", ""] if nested else []),
            "import torch",
            "from torch import nn",
            *(["", *_CHAIN.splitlines()] if nested else []),
            *(
                line
                for name in sorted(self.extra_modules)
                for line in ("", "", *_extra_module(name))
            ),
            *(line for shape_, name in self.classes.items() for line in shape_.lines(name)),
            "",
            "",
            f"class {self.own}(nn.Module):",
            f'    """{title}"""',
            "",
            "    def __init__(self) -> None:",
            "        super().__init__()",
            *body,
            "",
            f"    {signature}",
            f'        """Input (N, {shape}), {self.gives()}."""',
            *(f"        {line}" for line in steps),
        ]
        return "\n".join(lines) + "\n"

    def gives(self) -> str:
        if self.graph.sides:
            names = ", ".join(side.section.name for side in self.graph.sides)
            return f"logits out; in training mode also those of {names}"
        return "logits out" if len(self.graph.outputs) == 1 else "a tuple out"

    # Constructors.

    def constructor(self, step: Step, scope: Scope, indent: int) -> str:
        if isinstance(step.child, Node):
            return str(step.child.op.call(*self.graph.shapes(step.child)))
        path = (*scope, step.name)
        wiring = self.wired[path]
        inner = {
            child.name: self.constructor(child, path, indent + 4)
            for child in wiring.steps
            if not (isinstance(child.child, Node) and isinstance(child.child.op, Join))
        }
        numbered = list(inner) == [str(i) for i in range(len(inner))]
        if wiring.is_chain and numbered:
            return _call("nn.Sequential", list(inner.values()), indent)
        name = "chain" if wiring.is_chain else self.class_of(path, wiring, list(inner))
        if all(map(_is_identifier, inner)):
            return _call(name, [f"{key}={text}" for key, text in inner.items()], indent)
        pairs = ", ".join(f'"{key}": {text}' for key, text in inner.items())
        return _call(name, ["**{" + pairs + "}"], indent)

    # Classes of blocks.

    def class_of(self, path: Scope, wiring: Wiring, children: Sequence[str]) -> str:
        """The class of a container with branches; containers with the same wiring share one."""
        shape = _Class(
            self.graph.blocks.get(path, path[-1]), tuple(children), tuple(self.steps(wiring))
        )
        if shape not in self.classes:
            name = base = _class_name(shape.block)
            number = 2
            while name in (*self.classes.values(), *self.extra_modules, self.own):
                name, number = f"{base}{number}", number + 1
            self.classes[shape] = name
        return self.classes[shape]

    # Forward passes.

    def steps(self, wiring: Wiring) -> list[str]:
        """The lines of a forward pass, beginning with its signature."""
        values = ["x"] if wiring.inputs == 1 else [f"x{i + 1}" for i in range(wiring.inputs)]
        arguments = ", ".join(f"{value}: torch.Tensor" for value in values)
        main = wiring.outputs[: len(wiring.outputs) - wiring.sides]
        gives = "torch.Tensor" if len(main) == 1 else "tuple[torch.Tensor, ...]"
        if wiring.sides and len(main) == 1:
            gives += " | tuple[torch.Tensor, ...]"
        lines = [f"def forward(self, {arguments}) -> {gives}:"]
        is_chain = wiring.is_chain
        used_names = set(values)
        for step in wiring.steps:
            reads = [values[i] for i in step.reads]
            name = "x" if is_chain else _variable(step.name, used_names)
            results = [name] if step.gives == 1 else [f"{name}_{i + 1}" for i in range(step.gives)]
            if isinstance(step.child, Node) and isinstance(step.child.op, Join):
                code = step.child.op.code(reads, self.graph.shapes(step.child))
            elif _is_identifier(step.name):
                code = f"self.{step.name}({', '.join(reads)})"
            else:
                code = f'self.get_submodule("{step.name}")({", ".join(reads)})'
            if step.side:
                nothing = "None" if step.gives == 1 else f"({', '.join(['None'] * step.gives)})"
                code += f" if self.training else {nothing}"
            lines.append(f"{', '.join(results)} = {code}")
            values += results
            used_names.update(results)
        returned = ", ".join(values[i] for i in wiring.outputs)
        if wiring.sides:
            alone = ", ".join(values[i] for i in main)
            alone = alone if len(main) == 1 else f"({alone})"
            returned = f"({returned}) if self.training else {alone}"
        lines.append(f"return {returned}")
        return lines


class _Class(NamedTuple):
    """A class in the source: its block, its children, its forward pass."""

    block: str
    children: tuple[str, ...]
    forward: tuple[str, ...]

    def lines(self, name: str) -> Iterator[str]:
        yield from ("", "", f"class {name}(nn.Module):")
        yield from (f'    """The block `{self.block}` of the spec."""', "")
        if all(map(_is_identifier, self.children)):
            arguments = "".join(f", {child}: nn.Module" for child in self.children)
            yield f"    def __init__(self{arguments}) -> None:"
            yield "        super().__init__()"
            yield from (f"        self.{child} = {child}" for child in self.children)
        else:
            yield "    def __init__(self, /, **layers: nn.Module) -> None:"
            yield "        super().__init__()"
            yield "        for name, layer in layers.items():"
            yield "            self.add_module(name, layer)"
        yield ""
        yield f"    {self.forward[0]}"
        yield from (f"        {line}" for line in self.forward[1:])


@cache
def _extra_modules() -> str:
    path = os.path.join(os.path.dirname(__file__), "extra_modules.py")
    with open(path, encoding="utf-8") as file:
        return file.read()


def _extra_module(name: str) -> list[str]:
    """The text of a class in extra_modules.py."""
    found = re.search(rf"^class {name}\(.*?(?=^\S|\Z)", _extra_modules(), re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[0].rstrip().splitlines()


def _variable(name: str, used_names: Collection[str]) -> str:
    """A name for the value of a child."""
    name = name if _is_identifier(name) else f"value{len(used_names)}"
    while name in used_names or name in ("torch", "nn"):
        name += "_"
    return name


def _call(name: str, items: Sequence[str], indent: int) -> str:
    line = f"{name}({', '.join(items)})"
    if len(line) + indent <= 88 and "\n" not in line:
        return line
    deeper = " " * (indent + 4)
    return f"{name}(\n" + "".join(f"{deeper}{item},\n" for item in items) + " " * indent + ")"


def _is_identifier(name: str) -> bool:
    # Python normalises identifiers outside ASCII: two of them may be one.
    plain = name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
    return plain and name not in ("self", "super")


def _class_name(name: str) -> str:
    words = "".join(
        w[:1].upper() + w[1:]
        for w in "".join(c if c.isalnum() and c.isascii() else "_" for c in name).split("_")
    )
    # The name must not be one that the source uses, whatever the network is called.
    plain = words[:1].isalpha() and words != "OrderedDict" and not keyword.iskeyword(words)
    return words if plain else f"Net{words}"


def _comment(text: str) -> str:
    """A text as one line of a comment."""
    return "".join(c if c.isprintable() else " " for c in text)
