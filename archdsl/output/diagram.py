"""Diagrams: a box for each line of the spec, with repeats folded as its author wrote them."""

from __future__ import annotations

import subprocess
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.atomic_files import write_whole
from archdsl.errors import ArchError
from archdsl.figures import hwc, number
from archdsl.layers import REGISTRY, Join
from archdsl.output.summary import with_values
from archdsl.output.table import cut

if TYPE_CHECKING:
    from archdsl.analysis.totals import Row
    from archdsl.model import Model

PICTURES = ("svg", "png", "pdf")
TEXTS = ("dot", "mmd", "graphml")

FILLS = {  # by the colour of a layer kind
    "white": "#ffffff",
    "blue": "#d6e6f5",
    "red": "#f8d9cf",
    "green": "#d9efd5",
    "violet": "#e9e2f4",  # also groups and blocks
    "yellow": "#f4efcf",
    "grey": "#eeeeee",
}
INK = "#222222"
FAINT = "#666666"
LONGEST_NOTATION = 60  # characters of a notation
LONGEST_LINE = 300  # characters of a title, a paper, a name; `dot` refuses more than 16,384
MOST_DRAWN = 4_000  # boxes and arrows of a picture
LONGEST_LAYOUT = 60  # seconds; long arrows can take `dot` hours

TOO_LARGE = (
    "write a .dot, .mmd or .graphml file, which have no limit, or put lines that repeat into a "
    "group: it is one box"
)
MISSING = (
    "install graphviz (`apt install graphviz`, `brew install graphviz`), "
    "or write a .dot or .mmd file, which need no program"
)


class Diagram:
    """The diagram of a network. `dot` and `mermaid` are text; pictures need graphviz's `dot`."""

    def __init__(self, network: Model) -> None:
        self.network = network
        layers = (kind for kind in REGISTRY if not issubclass(kind, Join))
        self.colours = {kind.kind: kind.colour for kind in layers} | {"group": Join.colour}

    def dot(self) -> str:
        """The diagram in graphviz's language."""
        return self._dot()[0]

    def _dot(self) -> tuple[str, int]:
        """The diagram for `dot`, and how many boxes and arrows it has."""
        import graphviz

        network = self.network
        # A backslash at the end of a name would escape the closing quotation mark.
        graph = graphviz.Digraph(graphviz.escape(cut(network.name, LONGEST_LINE)))
        graph.attr(rankdir="TB", nodesep="0.3", ranksep="0.28", pad="0.2", bgcolor="white")
        graph.attr(labelloc="t", fontname="Helvetica", fontcolor=INK, label=self._title())
        graph.attr("node", shape="box", style="filled,rounded", fontname="Helvetica")
        graph.attr("node", color="#999999", fontcolor=INK, width="2.9", margin="0.12,0.05")
        graph.attr("edge", color="#777777", fontname="Helvetica", fontsize="10")
        graph.attr("edge", fontcolor=FAINT, arrowsize="0.7")
        graph.node("0", label="input", fillcolor=FILLS["white"], width="1.2", fontsize="12")
        edges = network.analysis.edges
        for index, row in enumerate(network.rows):
            if row.kind == "reference":
                continue
            graph.node(
                str(index + 1),
                label=self._label(row),
                fillcolor=FILLS[self.colours[self._family(row)]],
            )
            dashed = {"style": "dashed", "weight": "0"} if row.kind == "side" else {}
            for edge in edges[index]:
                label = "  " + hwc(edge.shape)
                graph.edge(str(edge.source + 1), str(index + 1), label=label, **dashed)
        for name, maker, label in self._ends():
            graph.node(name, label=label, shape="plaintext", style="", fontsize="10", height="0.2")
            graph.edge(str(maker + 1), name)
        return str(graph.source), len(graph.body)

    def _ends(self) -> list[tuple[str, int, str]]:
        """The results of the network: a name, the row that computes it, and its size."""
        network = self.network
        nodes, row_of = network.graph.nodes, network.analysis.row_of
        if not network.output_names:
            node = network.graph.end
            ends = [("end", row_of[node], hwc(nodes[node].shape))]
        else:
            outputs = zip(network.output_names, network.graph.outputs, strict=True)
            ends = [
                (f"end{i}", row_of[node], f"{cut(name, LONGEST_LINE)} {hwc(nodes[node].shape)}")
                for i, (name, node) in enumerate(outputs, 1)
            ]
        for side in network.sides:
            shape = nodes[side.output].shape
            ends.append((f"end_{side.section.name}", row_of[side.output], hwc(shape)))
        return ends

    def _title(self) -> str:
        network = self.network
        small = [cut(line, LONGEST_LINE) for line in (network.paper, with_values(network)) if line]
        lines = "".join(f'<BR/><FONT POINT-SIZE="10">{_html(line)}</FONT>' for line in small)
        title = (
            _html(cut(network.title, LONGEST_LINE)) or " "
        )  # graphviz refuses a tag around nothing
        return (
            f'<<B>{title}</B>{lines}<BR/><FONT POINT-SIZE="10" COLOR="{FAINT}">'
            f"{number(network.params)} params · {number(network.macs)} multiply-adds</FONT>"
            '<BR/><FONT POINT-SIZE="4"> </FONT>>'
        )

    def _label(self, row: Row) -> str:
        # The name of a group does not contain its block.
        shows_block = self._family(row) == "group" and not row.name.startswith(row.kind)
        small = _html(cut(row.name + (f" · {row.kind}" if shows_block else ""), LONGEST_LINE))
        small += f" · {number(row.params)} params" if row.params else ""
        return (
            f'<<FONT POINT-SIZE="12">{_html(cut(row.notation, LONGEST_NOTATION))}</FONT><BR/>'
            f'<FONT POINT-SIZE="9" COLOR="{FAINT}">{small}</FONT>>'
        )

    def _family(self, row: Row) -> str:
        """The kind of a row; "group" for a group, a join or a block."""
        return row.kind if row.kind in self.colours else "group"

    def mermaid(self) -> str:
        """The diagram in Mermaid's language."""
        network = self.network
        lines = [
            "---",
            f"title: {_yaml(cut(network.title, LONGEST_LINE))}",
            "---",
            "flowchart TD",
            f'  n0["input<br>{hwc(network.input)}"]',
        ]
        for index, row in enumerate(network.rows):
            if row.kind == "reference":
                continue
            small = f" · {number(row.params)} params" if row.params else ""
            lines.append(f'  n{index + 1}["{_mermaid(row.notation)}<br>{hwc(row.output)}{small}"]')
            arrow = "-.->" if row.kind == "side" else "-->"
            lines += [
                f"  n{edge.source + 1} {arrow} n{index + 1}"
                for edge in network.analysis.edges[index]
            ]
        families: dict[str, list[str]] = {kind: [] for kind in self.colours}
        for index, row in enumerate(network.rows):
            families[self._family(row)].append(f"n{index + 1}")
        for colour, fill in FILLS.items():
            for kind, members in families.items():
                if members and self.colours[kind] == colour != "grey":
                    lines.append(f"  classDef {kind} fill:{fill},stroke:#999")
                    lines.append(f"  class {','.join(members)} {kind}")
        return "\n".join(lines) + "\n"

    def render(self, format: str = "svg") -> bytes:
        """The picture as svg, png or pdf. Raises ArchError without graphviz's `dot`, and for more
        than it can lay out."""
        text, count = self._dot()
        if count > MOST_DRAWN:
            raise ArchError(
                f"a picture of {count:,} boxes and arrows; the limit is {MOST_DRAWN:,}",
                help=TOO_LARGE,
            )
        try:
            result = subprocess.run(
                ["dot", f"-T{format}", *(["-Gdpi=144"] if format == "png" else [])],
                input=text.encode(),
                capture_output=True,
                check=False,
                timeout=LONGEST_LAYOUT,
            )
        except subprocess.TimeoutExpired:
            raise ArchError(
                f"`dot` did not finish this picture in {LONGEST_LAYOUT} seconds", help=TOO_LARGE
            ) from None
        except FileNotFoundError:
            raise ArchError("graphviz's program `dot` is not installed", help=MISSING) from None
        except OSError as problem:
            raise ArchError(f"cannot run `dot`: {problem.strerror}", help=MISSING) from None
        if result.returncode:
            reason = result.stderr.decode(errors="replace").strip()
            raise ArchError(f"`dot` failed: {reason or f'exit code {result.returncode}'}")
        return result.stdout

    def save(self, path: str | Path) -> Path:
        """Write the drawing in the format of the file's ending: svg, png, pdf, dot, mmd; or the
        graph of the layers: graphml.

        The file is written whole or not at all. Raises ArchError.
        """
        path = Path(path)
        ending = path.suffix[1:].lower()
        if ending in PICTURES:
            data = self.render(ending)
        elif ending == "dot":
            data = self.dot().encode()
        elif ending == "mmd":
            data = self.mermaid().encode()
        elif ending == "graphml":
            from archdsl.output.graph_export import graphml

            data = graphml(self.network)
        else:
            raise ArchError(
                f"cannot draw to {path}: unknown format `{ending}`",
                help=f"end the name in {', '.join('.' + e for e in (*PICTURES, *TEXTS))}",
            )
        write_whole(path, data)
        return path

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.render("svg").decode(), "text/plain": self.mermaid()}
        except ArchError:
            return {"text/plain": self.mermaid()}


def _html(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in text))


def _mermaid(text: str) -> str:
    # Inside quotes only quotation marks and markup are special.
    return escape(cut(text, LONGEST_NOTATION)).replace("&quot;", "#quot;").replace("&#x27;", "'")


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
