"""What the text of a network leaves open, and what archdsl decides.

>>> import archdsl
>>> from archdsl.output import decisions
>>> print(decisions.summary_lines(archdsl.load("resnet18"))[1])
relu after the sum in conv2_x to conv5_x, as residual blocks do
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from archdsl.output.plain_data import attributes

if TYPE_CHECKING:
    from archdsl.graph import Decision
    from archdsl.model import Model

MOST_LINES = 8  # of a summary
MOST_NAMES = 4  # of lines of the network that one line of a summary names

# The topics of decisions, the most surprising first; what printed sizes settle has a paragraph of
# its own in summaries.
_ORDER = (
    "input",
    "names",
    "library",
    "activation of sums",
    "companions",
    "optional layers",
    "output layer",
    "stride of groups",
    "shortcut",
    "padding",
    "bias",
    "defaults",
)


def summary_lines(network: Model) -> list[str]:
    """The decisions in short, one line for each that several lines of the network share."""
    kinds = {section.name: section.kind for section in network.graph.sections}
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in network.decisions:
        if one.topic in _ORDER:
            names = groups.setdefault((one.topic, one.decided, one.because), [])
            names += [one.path[0]] if one.path else []
    lines: list[str] = []
    by_topic = sorted(groups.items(), key=lambda item: _ORDER.index(item[0][0]))
    for topic, items in groupby(by_topic, key=lambda item: item[0][0]):
        if topic == "defaults":
            # Where they apply is of less interest than that they do.
            lines.append("; ".join(f"{decided}, {because}" for (_, decided, because), _ in items))
            continue
        for (_, decided, because), names in items:
            where = f" in {_names(names, kinds)}" if names else ""
            lines.append(f"{decided}{where}, {because}")
    if len(lines) > MOST_LINES:
        count = len(lines) - MOST_LINES + 1
        lines[MOST_LINES - 1 :] = [f"{count} more: `--explain` shows each beside its line"]
    return lines


def _names(names: Sequence[str], kinds: Mapping[str, str]) -> str:
    """Names of lines, those that follow each other among the lines of their kinds as a range:
    `conv2_x to conv5_x`."""
    of_kinds = {kinds[name] for name in names if name in kinds}
    order = [name for name, kind in kinds.items() if kind in of_kinds]
    known = [index for index, name in enumerate(order) if name in names]
    if not known:
        return ", ".join(dict.fromkeys(names))
    pieces = []
    for _, run in groupby(enumerate(known), key=lambda pair: pair[1] - pair[0]):
        first, *rest = (order[index] for _, index in run)
        pieces += [f"{first} to {rest[-1]}"] if len(rest) > 1 else [first, *rest]
    if len(pieces) > MOST_NAMES:
        more = len(known) - MOST_NAMES + 1
        pieces[MOST_NAMES - 1 :] = [f"{more} more lines"]
    return ", ".join(pieces)


def explanation(network: Model) -> str:
    """Every decision below the line of the text that leaves it open, with what to write for another
    choice."""
    source = network.text.source
    parts = []
    decisions = sorted(network.decisions, key=lambda one: one.start)
    for (start, end), group in groupby(decisions, key=lambda one: source.line(one.start)):
        line, _ = source.position(start)
        text = source.text[start:end].strip()
        parts.append("\n".join([f"{source.name}:{line}: {text}", *_explained(group)]))
    return "\n\n".join(parts) or "the text leaves nothing open"


def _explained(decisions: Iterable[Decision]) -> Iterator[str]:
    for one in decisions:
        where = f"{one.where}: " if one.path else ""
        yield f"  {where}{one.decided}, {one.because}"
        if one.instead:
            yield f"    instead: {' or '.join(one.instead)}"


def as_list(network: Model) -> list[dict[str, Any]]:
    """The decisions as `archdsl.output.records.Decision` describes them."""
    position = network.text.source.position
    return [
        {"line": position(one.start)[0], **attributes(one, "where topic decided because instead")}
        for one in network.decisions
    ]
