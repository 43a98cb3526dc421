"""What each layer kind is, and how it is written: `archdsl layers`, told by the classes alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from archdsl.errors import ArchError, did_you_mean
from archdsl.figures import hwc, number
from archdsl.layers import JOINS, REGISTRY, Layer, Shape, Value
from archdsl.layers.base import Attribute, show
from archdsl.notation.ast import LayerText
from archdsl.notation.phrase import read as read_phrase
from archdsl.output.table import Cell, Column, Table, markdown_table, paint, text_table
from archdsl.spec import parse
from archdsl.syntax.expressions import Expression, evaluate
from archdsl.text.source import Source

MUST = "must be said"

# How a value may stand in a line without a word of its own.
_BARE = {
    "takes_size": "a bare size",
    "takes_number": "a bare number",
    "takes_suffix": "digits of the word",
}


# Examples.


def written(spec: str) -> LayerText:
    """The one layer of a line. Raises ArchError."""
    source = Source("example", spec)
    (network,) = parse(source)
    (item,) = network.statements
    reading = read_phrase(source, item.phrases[0])  # type: ignore[union-attr]
    (layer,) = reading.layers
    assert reading.repeat is None, spec
    return layer


def settled(spec: str, *xs: Shape) -> Layer:
    """The layer of a line, or the join, on inputs of these shapes. Raises ArchError, LayerError."""
    if spec in JOINS:
        return JOINS[spec]()
    layer = written(spec)
    given: dict[str, Any] = {name: one.value for name, one in layer.given.items()}
    for name, value in given.items():
        if isinstance(value, Expression):  # `scale (-1)`
            given[name] = evaluate(value, {}, Source("example", spec))
    return layer.kind.settle(given, xs[0], "same")


def split(example: str) -> tuple[str, tuple[Shape, ...]]:
    """An example of a layer kind, `maxpool on 4x8x8`: the line, and the shapes that enter."""
    spec, _, shapes = example.rpartition(" on ")
    return spec, tuple(tuple(map(int, shape.split("x"))) for shape in shapes.split())


class Shown(NamedTuple):
    """An example with its numbers; shapes are (C, H, W) or (C,)."""

    text: str
    inputs: tuple[Shape, ...]
    output: Shape
    params: int
    macs: int


def shown(example: str) -> Shown:
    spec, xs = split(example)
    op = settled(spec, *xs)
    return Shown(spec, xs, op.out(*xs), op.params(*xs), op.macs(*xs))


# What a class says.


def group(kind: type[Layer]) -> str:
    """What the kinds of its file are: the first words of the file."""
    text = sys.modules[kind.__module__].__doc__ or kind.__module__
    return re.split(r"[:.]", text)[0]


def name(kind: type[Layer]) -> str:
    """Its first spelling; that of a join is its kind."""
    return next(iter(kind.words), kind.kind)


def paragraphs(kind: type[Layer]) -> list[str]:
    """The docstring, without its line ends."""
    return [" ".join(text.split()) for text in re.split(r"\n\s*\n", kind.__doc__ or "")]


def summary(kind: type[Layer]) -> str:
    """What it is: the first sentence."""
    return re.split(r"(?<=\.)\s+(?=[A-Z`])", paragraphs(kind)[0])[0]


def spellings(kind: type[Layer]) -> Iterator[tuple[str, str]]:
    """Each spelling, with what it says beside the kind: `dw conv`, depthwise."""
    for words, preset in (kind.words or {kind.kind: {}}).items():
        yield words, ", ".join(_said(kind, *one) for one in preset.items())


def _said(kind: type[Layer], field: str, value: Value) -> str:
    attribute = kind.attributes[field]
    words = next((word for word, flag in attribute.flags.items() if flag == value), "")
    if value is not True:
        return words or f"{field} {show(value)}"
    return words or attribute.means or field


def compact(kind: type[Layer]) -> list[str]:
    """The forms of a whole layer in a word: `<width>C<kernel>`."""
    forms = []
    for regex, _ in kind.compact:
        form = re.sub(r"\(\?P<(\w+)>[^()]*\)", r"<\1>", regex)
        forms.append(re.sub(r"\(\?:([^()]*)\)\?", r"[\1]", form))
    return forms


def listings(kind: type[Layer]) -> list[str]:
    """The classes of torch that a PyTorch listing writes it by; `*` is the number of axes."""
    return [f"nn.{listing.name}" for listing in kind.listed]


def ways(kind: type[Layer], field: str) -> list[str]:
    """How an attribute is written: `stride …`, `… filters`, `no bias`, or bare."""
    attribute = kind.attributes[field]
    texts = [f"`{word} …`" for word in attribute.words]
    texts += [f"`… {unit}`" for unit in attribute.units]
    texts += [f"`{flag}`" for flag in attribute.flags]
    return texts + [text for where, text in _BARE.items() if getattr(kind, where) == field]


def values(attribute: Attribute) -> str:
    """What an attribute may be: the first sentence of its check."""
    text = (attribute.check.__doc__ or "a value").strip().partition("\n")[0]
    text = text.partition(". ")[0].rstrip(".")
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text


def default(kind: type[Layer], field: str) -> str:
    """What stands where the text says nothing."""
    attribute = kind.attributes[field]
    if attribute.otherwise:
        return attribute.otherwise
    if field not in kind.defaults:
        return MUST
    value = kind.defaults[field]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value in (None, ()) else show(value)


# Which kind a text means.


def find(text: str) -> list[type[Layer]]:
    """The kinds that a spelling, a compact form, a class of torch or a kind's own word means.

    Several for a word of several kinds: `pool`. Raises ArchError, with the nearest spelling.
    """
    words = " ".join(re.split(r"[\s_-]+", text.lower().strip()))
    fused = words.replace(" ", "")
    known: dict[str, list[type[Layer]]] = {}
    for kind in REGISTRY:
        for spelling, _ in spellings(kind):
            known.setdefault(spelling.lower(), []).append(kind)
        known.setdefault(kind.kind, []).append(kind)
    found = known.get(words) or [
        kind
        for spelling, those in known.items()
        if spelling.replace(" ", "") == fused
        for kind in those
    ]
    found = found or [kind for kind in REGISTRY if _is_otherwise(kind, text.strip())]
    if not found:
        raise ArchError(
            f"there is no layer kind `{text}`",
            help=did_you_mean(words, known) or "`archdsl layers` lists all",
        )
    return list(dict.fromkeys(found))


def _is_otherwise(kind: type[Layer], text: str) -> bool:
    if any(re.fullmatch(regex, text) for regex, _ in kind.compact):
        return True
    return any(
        re.fullmatch(f"(torch\\.)?{re.escape(one).replace(re.escape('*'), '[123*]')}", text)
        for one in listings(kind)
    )


# As tables.


def attributes_table(kind: type[Layer]) -> Table | None:
    """A row for each attribute that a text can set."""
    rows = []
    for field, attribute in kind.attributes.items():
        how = ways(kind, field)
        if how:
            texts = (field, ", ".join(how), values(attribute), default(kind, field))
            rows.append((*map(Cell, texts), Cell(attribute.means)))
    if not rows:
        return None
    means = any(row[-1].text for row in rows)
    titles = ("attribute", "written", "values", "without it", *(("meaning",) if means else ()))
    columns = tuple(Column(title, shrinks=title != "attribute") for title in titles)
    return Table(columns, tuple(row[: len(columns)] for row in rows))


def examples_table(kind: type[Layer]) -> Table:
    titles = ("example", "input", "output", "params", "macs")
    columns = tuple(
        Column(title, "right" if title in ("params", "macs") else "left") for title in titles
    )
    rows = []
    for one in map(shown, kind.examples):
        texts = (f"`{one.text}`", ", ".join(map(hwc, one.inputs)), hwc(one.output))
        figures = (number(n) if n else "" for n in (one.params, one.macs))
        rows.append(tuple(map(Cell, (*texts, *figures))))
    # Figures that none of them has are left out.
    filled = [i for i in range(len(titles)) if any(row[i].text for row in rows)]
    return Table(
        tuple(columns[i] for i in filled), tuple(tuple(row[i] for i in filled) for row in rows)
    )


def _facts(kind: type[Layer]) -> Iterator[tuple[str, str]]:
    """What else is said of a kind, each with its title; code in backticks."""
    alike: dict[str, list[str]] = {}
    for words, preset in spellings(kind):
        alike.setdefault(f"{preset}: " if preset else "", []).append(f"`{words}`")
    yield "written", "; ".join(preset + ", ".join(texts) for preset, texts in alike.items())
    if kind.compact:
        yield "in a word", ", ".join(f"`{form}`" for form in compact(kind))
    if kind.listed:
        yield "in listings", ", ".join(f"`{one}`" for one in listings(kind))
    if kind.weighs:
        yield "depth", "a weight layer"


# As text.


def index(width: int | None = None, colour: bool = False) -> str:
    """Every kind in a line: its name, its other spellings, what it is."""
    columns = (Column("layer"), Column("is", shrinks=True), Column("also written", shrinks=True))
    rows = []
    for kind in REGISTRY:
        others = [words for words, _ in spellings(kind)][1:]
        texts = (summary(kind).replace("`", ""), ", ".join(others))
        rows.append((Cell(name(kind), "cyan"), *map(Cell, texts)))
    return text_table(Table(columns, tuple(rows)), width, colour)


def explanation(kind: type[Layer], width: int | None = None, colour: bool = False) -> str:
    """One kind: what it is, how it is written, its attributes, its examples."""
    lines = [paint(name(kind), None, colour), ""]
    for text in paragraphs(kind):
        lines += [_filled(text, width), ""]
    lines += [_hanging(title, text, width) for title, text in _facts(kind)]
    if attributes := attributes_table(kind):
        lines += ["", paint("attributes", None, colour)]
        for field, how, values, without, *means in attributes.rows:
            lines.append(_hanging(field.text, how.text, width))
            said = [*(one.text for one in means), values.text]
            if without.text:
                said.append(without.text if without.text == MUST else f"else {without.text}")
            lines.append(_hanging("", "; ".join(filter(None, said)), width))
    examples = examples_table(kind)
    rows = (tuple(c._replace(text=c.text.replace("`", "")) for c in row) for row in examples.rows)
    lines += ["", text_table(examples._replace(rows=tuple(rows)), width, colour)]
    return "\n".join(lines)


def _filled(text: str, width: int | None, indent: str = "") -> str:
    """A paragraph; its code is not broken."""
    from textwrap import fill

    held = re.sub(r"`[^`]*`", lambda code: code[0][1:-1].replace(" ", "\xa0"), text)
    lines = fill(held, width or 100, subsequent_indent=indent, break_on_hyphens=False)
    return lines.replace("\xa0", " ")


def _hanging(title: str, text: str, width: int | None) -> str:
    """A title, and the text in a column beside it."""
    return _filled(f"{title:12}{text}", width, " " * 12)


# As Markdown.


def markdown(chosen: Sequence[type[Layer]] | None = None) -> str:
    """The reference of all kinds, or of those chosen, a section a file of archdsl/layers."""
    if chosen is not None:
        return "\n".join("\n".join(_section(kind, "#")) for kind in chosen).rstrip()
    lines = [
        "# The layers",
        "",
        "Every layer kind, as its class tells it. `archdsl layers --format markdown` prints this",
        "page, `archdsl layers conv` one kind; [the manual](language.md) says how lines are read.",
        "",
    ]
    heading = ""
    for kind in REGISTRY:
        if group(kind) != heading:
            heading = group(kind)
            members = (one for one in REGISTRY if group(one) == heading)
            links = ", ".join(f"[{name(one)}](#{name(one).replace(' ', '-')})" for one in members)
            lines.append(f"* {heading}: {links}")
    heading = ""
    for kind in REGISTRY:
        if group(kind) != heading:
            heading = group(kind)
            lines += ["", f"## {heading}"]
        lines += ["", *_section(kind, "###")]
    return "\n".join(lines).rstrip()


def _section(kind: type[Layer], heading: str) -> Iterator[str]:
    yield from (f"{heading} {name(kind)}", "")
    for text in paragraphs(kind):
        yield from (_marked(text), "")
    yield from (f"* {title}: {text}" for title, text in _facts(kind))
    for table in (attributes_table(kind), examples_table(kind)):
        if table is not None:
            yield from ("", _table(table))


def _table(table: Table) -> str:
    """A table whose cells hold code; only in code does no sign need a backslash."""
    return re.sub(
        r"\\`(.*?)\\`",
        lambda code: "`" + re.sub(r"\\([^|])", r"\1", code[1]) + "`",
        markdown_table(table),
    )


def _marked(text: str) -> str:
    """A docstring as Markdown: its code is code, and no sign outside it is markup."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        one if one.startswith("`") else re.sub(r"([*_<\[])", r"\\\1", one) for one in pieces
    )


# As JSON.


def as_dict(chosen: Iterable[type[Layer]]) -> dict[str, Any]:
    """archdsl.output.records.LayerKinds."""
    return {"kinds": [_record(kind) for kind in chosen]}


def _record(kind: type[Layer]) -> dict[str, Any]:
    return {
        "name": name(kind),
        "kind": kind.kind,
        "group": group(kind),
        "summary": summary(kind),
        "description": "\n\n".join(paragraphs(kind)),
        "spellings": [{"words": w, "sets": dict(p)} for w, p in kind.words.items()],
        "compact": compact(kind),
        "listings": listings(kind),
        "weight_layer": kind.weighs,
        "takes_size": kind.takes_size,
        "takes_number": kind.takes_number,
        "takes_suffix": kind.takes_suffix,
        "attributes": [
            {
                "name": field,
                "words": list(one.words),
                "units": list(one.units),
                "flags": dict(one.flags),
                "values": values(one),
                "default": default(kind, field),
                "means": one.means,
            }
            for field, one in kind.attributes.items()
        ],
        "examples": [
            {
                "text": one.text,
                "inputs": [list(x) for x in one.inputs],
                "output": list(one.output),
                "params": one.params,
                "macs": one.macs,
            }
            for one in map(shown, kind.examples)
        ],
    }
