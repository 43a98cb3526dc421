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
    "tables",
    "library",
    "brackets",
    "activation of sums",
    "companions",
    "optional layers",
    "output layer",
    "depthwise",
    "repeats",
    "stride of groups",
    "shortcut",
    "padding",
    "bias",
    "defaults",
)
_EVERYWHERE = ("input", "defaults")  # where they apply is of less interest than that they do


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
        by_reason: dict[str, list[str]] = {}
        for (_, decided, because), names in items:
            where = f" in {_names(names, kinds)}" if names and topic not in _EVERYWHERE else ""
            by_reason.setdefault(because, []).append(f"{decided}{where}")
        if topic == "library":
            lines.append(_blocks(by_reason))
        else:
            shown = [f"{one}, {because}" for because, texts in by_reason.items() for one in texts]
            lines += ["; ".join(shown)] if topic == "defaults" else shown
    if len(lines) > MOST_LINES:
        count = len(lines) - MOST_LINES + 1
        lines[MOST_LINES - 1 :] = [f"{count} more: `--explain` shows each beside its line"]
    return lines


def _blocks(by_paper: Mapping[str, Sequence[str]]) -> str:
    """The blocks of the library in one line: `the blocks a in 1 and b in 2, from the library: P`,
    or with several papers `the blocks a in 1 (P) and b in 2 (Q), from the library`."""
    where, papers = zip(*(because.split(": ", 1) for because in by_paper), strict=True)
    texts = []
    for paper, blocks in zip(papers, by_paper.values(), strict=True):
        texts += [f"{text} ({paper})" if len(papers) > 1 else text for text in blocks]
    if len(texts) > 1 and all(text.startswith("the block ") for text in texts):
        *first, last = (text.removeprefix("the block ") for text in texts)
        texts = [f"the blocks {', '.join(first)} and {last}"]
    return f"{'; '.join(texts)}, {where[0]}" + (f": {papers[0]}" if len(papers) == 1 else "")


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
        return f"{', '.join(pieces[: MOST_NAMES - 1])} and {more} more lines"
    return ", ".join(pieces)


def explanation(network: Model) -> str:
    """Every decision below the line of the text that leaves it open, with what to write for another
    choice."""
    source = network.text.source
    kinds = {section.name: section.kind for section in network.graph.sections}
    parts = []
    decisions = sorted(network.decisions, key=lambda one: one.start)
    for (start, end), group in groupby(decisions, key=lambda one: source.line(one.start)):
        line, _ = source.position(start)
        text = source.text[start:end].strip()
        parts.append("\n".join([f"{source.name}:{line}: {text}", *_explained(group, kinds)]))
    return "\n\n".join(parts) or "the text leaves nothing open"


def _explained(decisions: Iterable[Decision], kinds: Mapping[str, str]) -> Iterator[str]:
    """The decisions of one line of text: each once, with the names of the lines that it is in."""
    same: dict[tuple[str, ...], list[Decision]] = {}
    for one in decisions:
        same.setdefault((one.decided, one.because, *one.instead), []).append(one)
    for (decided, because, *instead), group in same.items():
        names = [one.path[0] for one in group if one.path]
        where = group[0].where if len(group) == 1 else _names(names, kinds)
        yield f"  {where}: {decided}, {because}" if names else f"  {decided}, {because}"
        if instead:
            yield f"    instead: {' or '.join(instead)}"


def as_list(network: Model) -> list[dict[str, Any]]:
    """The decisions as `archdsl.output.records.Decision` describes them."""
    position = network.text.source.position
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for one in network.decisions:
        line = position(one.start)[0]
        key = (line, one.path[:1], one.topic, one.decided)
        fields = attributes(one, "where topic decided because instead")
        found.setdefault(key, {"line": line, **fields})
    return list(found.values())
