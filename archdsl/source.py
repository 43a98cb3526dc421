"""Graph to readable PyTorch source: the lines of the spec as attributes, sizes as comments."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from archdsl.graph import Graph, Node, Tree
from archdsl.report import hwc

if TYPE_CHECKING:
    from archdsl.network import Network

_CHAIN = '''
def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, by name."""
    return nn.Sequential(OrderedDict(layers))
'''


def source(network: Network) -> str:
    """A module that defines the network as one class; it returns logits.

    Its state-dict keys are those of `network.module()`.
    """
    graph = network.graph
    branches = graph.tree()
    rows = {row.name: row for row in network.rows}
    body: list[str] = []
    steps: list[str] = []
    for name, branch in branches.items():
        row = rows.get(name)
        if row is not None:
            body.append(f"        # {_comment(row.notation)}: {hwc(row.output)}")
        text = _constructor(graph, branch, indent=8)
        if _is_identifier(name):
            body.append(f"        self.{name} = {text}")
            steps.append(f"        x = self.{name}(x)")
        else:
            body.append(f'        self.add_module("{name}", {text})')
            steps.append(f'        x = self.get_submodule("{name}")(x)')
    nested = any(isinstance(branch, dict) for branch in branches.values())
    title = network.title.replace("\\", "\\\\").replace('"""', "'''")
    lines = [
        *(["from collections import OrderedDict", ""] if nested else []),
        "import torch",
        "from torch import nn",
        "",
        *([*_CHAIN.splitlines(), ""] if nested else []),
        "",
        f"class {_class_name(network.name)}(nn.Module):",
        f'    """{title}"""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *body,
        "",
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:",
        f'        """Input (N, {", ".join(map(str, network.input))}), logits out."""',
        *steps,
        "        return x",
    ]
    return "\n".join(lines) + "\n"


def _constructor(graph: Graph, branch: Tree | Node, indent: int) -> str:
    if isinstance(branch, Node):
        return str(branch.op.call(graph.input_shape(branch)))
    deeper = " " * (indent + 4)
    inner = {name: _constructor(graph, b, indent + 4) for name, b in branch.items()}
    if list(inner) == [str(i) for i in range(len(inner))]:
        name, items = "nn.Sequential", list(inner.values())
    elif all(map(_is_identifier, inner)):
        name, items = "chain", [f"{key}={text}" for key, text in inner.items()]
    else:
        name = "chain"
        items = ["**{" + ", ".join(f'"{key}": {text}' for key, text in inner.items()) + "}"]
    line = f"{name}({', '.join(items)})"
    if len(line) + indent <= 88 and "\n" not in line:
        return line
    return f"{name}(\n" + "".join(f"{deeper}{item},\n" for item in items) + " " * indent + ")"


def _is_identifier(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _class_name(name: str) -> str:
    words = "".join(
        w[:1].upper() + w[1:]
        for w in "".join(c if c.isalnum() and c.isascii() else "_" for c in name).split("_")
    )
    # A class of its own, whatever the network is called.
    return words if words[:1].isalpha() and words != "OrderedDict" else f"Net{words}"


def _comment(text: str) -> str:
    """One line of text as part of a comment."""
    return "".join(c if c.isprintable() else " " for c in text)
