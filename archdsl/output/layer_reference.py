"""The reference of layer kinds that `archdsl layers` prints, generated from their classes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from archdsl.errors import ArchError, did_you_mean
from archdsl.figures import hwc, number
from archdsl.layers import JOINS, REGISTRY, Layer, Shape, Value
from archdsl.layers.base import Attribute
from archdsl.layers.terms import show
from archdsl.notation.ast import LayerText
from archdsl.notation.phrase import read_phrase
from archdsl.output.plain_data import attributes, plain_data
from archdsl.output.table import Cell, Column, Table, markdown_table, paint, text_table
from archdsl.spec import parse
from archdsl.syntax.expressions import Expression, evaluate
from archdsl.text.source import Source

MUST = "must be given"

# How a line may give a value without naming its attribute.
_BARE = {
    "takes_size": "a bare size",
    "takes_number": "a bare number",
    "takes_suffix": "digits of the word",
}


# Examples.


def parse_layer(spec: str) -> LayerText:
    """The only layer of a line. Raises ArchError."""
    source = Source("example", spec)
    (network,) = parse(source)
    (item,) = network.statements
    phrase = read_phrase(source, item.phrases[0])  # type: ignore[union-attr]
    (layer,) = phrase.layers
    assert phrase.repeat is None, spec
    return layer


def settled(spec: str, *xs: Shape) -> Layer:
    """The layer or join of a line, on inputs of these shapes. Raises ArchError, LayerError."""
    if spec in JOINS:
        return JOINS[spec]()
    layer = parse_layer(spec)
    values: dict[str, Any] = {name: one.value for name, one in layer.given.items()}
    for name, value in values.items():
        if isinstance(value, Expression):  # `scale (-1)`
            values[name] = evaluate(value, {}, Source("example", spec))
    return layer.kind.settle(values, xs[0], "same")


def split(example: str) -> tuple[str, tuple[Shape, ...]]:
    """The line and the input shapes of an example such as `maxpool on 4x8x8`."""
    spec, _, shapes = example.rpartition(" on ")
    return spec, tuple(tuple(map(int, shape.split("x"))) for shape in shapes.split())


class Example(NamedTuple):
    """An example of a layer kind with its numbers; shapes are (C, H, W) or (C,)."""

    text: str
    inputs: tuple[Shape, ...]
    output: Shape
    params: int
    macs: int


def example_of(example: str) -> Example:
    spec, xs = split(example)
    op = settled(spec, *xs)
    return Example(spec, xs, op.out(*xs), op.params(*xs), op.macs(*xs))


# What a class declares.


def group(kind: type[Layer]) -> str:
    """The title of its group: the first words of the docstring of its file."""
    text = sys.modules[kind.__module__].__doc__ or kind.__module__
    return re.split(r"[:.]", text)[0]


def name(kind: type[Layer]) -> str:
    """Its first spelling, or the kind of a join."""
    return next(iter(kind.words), kind.kind)


def paragraphs(kind: type[Layer]) -> list[str]:
    """The paragraphs of its docstring, each on one line."""
    return [" ".join(text.split()) for text in re.split(r"\n\s*\n", kind.__doc__ or "")]


def summary(kind: type[Layer]) -> str:
    """The first sentence of its docstring."""
    return re.split(r"(?<=\.)\s+(?=[A-Z`])", paragraphs(kind)[0])[0]


def spellings(kind: type[Layer]) -> Iterator[tuple[str, str]]:
    """Each spelling, with the attributes that it sets: `dw conv`, depthwise."""
    for words, preset in (kind.words or {kind.kind: {}}).items():
        yield words, ", ".join(_preset(kind, *one) for one in preset.items())


def _preset(kind: type[Layer], field: str, value: Value) -> str:
    attribute = kind.attributes[field]
    words = next((word for word, flag in attribute.flags.items() if flag == value), "")
    if value is not True:
        return words or f"{field} {show(value)}"
    return words or attribute.means or field


def compact(kind: type[Layer]) -> list[str]:
    """The forms of a layer in one word: `<width>C<kernel>`."""
    forms = []
    for regex, _ in kind.compact:
        form = re.sub(r"\(\?P<(\w+)>[^()]*\)", r"<\1>", regex)
        forms.append(re.sub(r"\(\?:([^()]*)\)\?", r"[\1]", form))
    return forms


def listings(kind: type[Layer]) -> list[str]:
    """Its classes in PyTorch listings; `*` is the number of axes."""
    return [f"nn.{listing.name}" for listing in kind.listed]


def ways(kind: type[Layer], field: str) -> list[str]:
    """How an attribute is written: `stride …`, `… filters`, `no bias`, or without a name."""
    attribute = kind.attributes[field]
    texts = [f"`{word} …`" for word in attribute.words]
    texts += [f"`… {unit}`" for unit in attribute.units]
    texts += [f"`{flag}`" for flag in attribute.flags]
    return texts + [text for where, text in _BARE.items() if getattr(kind, where) == field]


def values(attribute: Attribute) -> str:
    """The values of an attribute: the first sentence of its check's docstring."""
    text = (attribute.check.__doc__ or "a value").strip().partition("\n")[0]
    text = text.partition(". ")[0].rstrip(".")
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text


def default(kind: type[Layer], field: str) -> str:
    """The value of an attribute that the text does not give."""
    attribute = kind.attributes[field]
    if attribute.otherwise:
        return attribute.otherwise
    if field not in kind.defaults:
        return MUST
    value = kind.defaults[field]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value in (None, ()) else show(value)


# Lookup.


def find(text: str) -> list[type[Layer]]:
    """The kinds with this spelling, compact form, torch class or `kind`; a word such as `pool` has
    several. Raises ArchError, which suggests the nearest spelling."""
    words = " ".join(re.split(r"[\s_-]+", text.lower().strip()))
    fused = words.replace(" ", "")
    known: dict[str, list[type[Layer]]] = {}
    for kind in REGISTRY:
        for spelling, _ in spellings(kind):
            known.setdefault(spelling.lower(), []).append(kind)
        known.setdefault(kind.kind, []).append(kind)
    kinds = known.get(words) or [
        kind
        for spelling, of_spelling in known.items()
        if spelling.replace(" ", "") == fused
        for kind in of_spelling
    ]
    kinds = kinds or [kind for kind in REGISTRY if _is_spelled_otherwise(kind, text.strip())]
    if not kinds:
        raise ArchError(
            f"there is no layer kind `{text}`",
            help=did_you_mean(words, known) or "`archdsl layers` lists all",
        )
    return list(dict.fromkeys(kinds))


def _is_spelled_otherwise(kind: type[Layer], text: str) -> bool:
    patterns = [regex for regex, _ in kind.compact]
    for one in listings(kind):
        patterns.append("(torch\\.)?" + re.escape(one).replace(re.escape("*"), "[123*]"))
    return any(re.fullmatch(pattern, text) for pattern in patterns)


# As tables.


def attributes_table(kind: type[Layer]) -> Table | None:
    """One row per attribute that a text can give; None without any."""
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
    for one in map(example_of, kind.examples):
        texts = (f"`{one.text}`", ", ".join(map(hwc, one.inputs)), hwc(one.output))
        figures = (number(n) if n else "" for n in (one.params, one.macs))
        rows.append(tuple(map(Cell, (*texts, *figures))))
    # Columns that are empty in all rows are left out.
    filled = [i for i in range(len(titles)) if any(row[i].text for row in rows)]
    return Table(
        tuple(columns[i] for i in filled), tuple(tuple(row[i] for i in filled) for row in rows)
    )


def _facts(kind: type[Layer]) -> Iterator[tuple[str, str]]:
    """Titles and texts of the other facts about a kind; code is in backticks."""
    by_preset: dict[str, list[str]] = {}
    for words, preset in spellings(kind):
        by_preset.setdefault(f"{preset}: " if preset else "", []).append(f"`{words}`")
    yield "written", "; ".join(preset + ", ".join(texts) for preset, texts in by_preset.items())
    if kind.compact:
        yield "in a word", ", ".join(f"`{form}`" for form in compact(kind))
    if kind.listed:
        yield "in listings", ", ".join(f"`{one}`" for one in listings(kind))
    if kind.weighs:
        yield "depth", "a weight layer"


# As text.


def index(width: int | None = None, colour: bool = False) -> str:
    """One row per kind: its name, what it is, its other spellings."""
    columns = (Column("layer"), Column("is", shrinks=True), Column("also written", shrinks=True))
    rows = []
    for kind in REGISTRY:
        others = [words for words, _ in spellings(kind)][1:]
        texts = (summary(kind).replace("`", ""), ", ".join(others))
        rows.append((Cell(name(kind), "cyan"), *map(Cell, texts)))
    return text_table(Table(columns, tuple(rows)), width, colour)


def explanation(kind: type[Layer], width: int | None = None, colour: bool = False) -> str:
    """A kind in full: what it is, how it is written, its attributes, its examples."""
    lines = [paint(name(kind), None, colour), ""]
    for text in paragraphs(kind):
        lines += [_filled(text, width), ""]
    lines += [_hanging(title, text, width) for title, text in _facts(kind)]
    if attributes := attributes_table(kind):
        lines += ["", paint("attributes", None, colour)]
        for field, how, values, without, *means in attributes.rows:
            lines.append(_hanging(field.text, how.text, width))
            details = [*(one.text for one in means), values.text]
            if without.text:
                details.append(without.text if without.text == MUST else f"else {without.text}")
            lines.append(_hanging("", "; ".join(filter(None, details)), width))
    examples = examples_table(kind)
    rows = (tuple(c._replace(text=c.text.replace("`", "")) for c in row) for row in examples.rows)
    lines += ["", text_table(examples._replace(rows=tuple(rows)), width, colour)]
    return "\n".join(lines)


def _filled(text: str, width: int | None, indent: str = "") -> str:
    """A paragraph, wrapped; its code is not."""
    from textwrap import fill

    unbroken = re.sub(r"`[^`]*`", lambda code: code[0][1:-1].replace(" ", "\xa0"), text)
    lines = fill(unbroken, width or 100, subsequent_indent=indent, break_on_hyphens=False)
    return lines.replace("\xa0", " ")


def _hanging(title: str, text: str, width: int | None) -> str:
    """A title, and the text in a column next to it."""
    return _filled(f"{title:12}{text}", width, " " * 12)


# As Markdown.


def markdown(chosen: Sequence[type[Layer]] | None = None) -> str:
    """The reference of all kinds, one section per file of archdsl/layers, or of some kinds."""
    if chosen:
        return "\n".join("\n".join(_section(kind, "#")) for kind in chosen).rstrip()
    lines = [
        "# The layers",
        "",
        "All layer kinds, generated from their classes. `archdsl layers --format markdown` prints",
        "this page, `archdsl layers conv` one kind. [The manual](language.md) explains how lines",
        "are read.",
        "",
    ]
    groups = {heading: list(kinds) for heading, kinds in groupby(REGISTRY, group)}
    for heading, kinds in groups.items():
        links = ", ".join(f"[{name(one)}](#{name(one).replace(' ', '-')})" for one in kinds)
        lines.append(f"* {heading}: {links}")
    for heading, kinds in groups.items():
        lines += ["", f"## {heading}"]
        for kind in kinds:
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
    """A Markdown table whose cells contain code, in which only `|` is escaped."""
    return re.sub(
        r"\\`(.*?)\\`",
        lambda code: "`" + re.sub(r"\\([^|])", r"\1", code[1]) + "`",
        markdown_table(table),
    )


def _marked(text: str) -> str:
    """A docstring as Markdown: its code stays code, and nothing else is markup."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        one if one.startswith("`") else re.sub(r"([*_<\[])", r"\\\1", one) for one in pieces
    )


# As JSON.


def as_dict(chosen: Iterable[type[Layer]]) -> dict[str, Any]:
    """Layer kinds as `archdsl.output.records.LayerKinds` describes them."""
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
        **attributes(kind, "takes_size takes_number takes_suffix"),
        "attributes": [
            {
                "name": field,
                **attributes(one, "words units"),
                "flags": dict(one.flags),
                "values": values(one),
                "default": default(kind, field),
                "means": one.means,
            }
            for field, one in kind.attributes.items()
        ],
        "examples": [plain_data(example_of(text)) for text in kind.examples],
    }
