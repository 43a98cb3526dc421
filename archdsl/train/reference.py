"""The reference of all settings of a recipe, docs/recipes.md, generated from their classes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from archdsl.train.recipe import BARE, FAMILIES, LISTS, Recipe
from archdsl.train.settings import (
    Setting,
    alternatives,
    choices,
    is_flag,
    is_list,
    is_names,
    spellings,
)

_HEAD = """# Recipe settings

Everything that a `train` section can say, as the classes in archdsl/train declare it.
[Training](training.md) has examples. `<…>` is a value, and words in brackets may be left out. What
a table lists comes after the form, in any order, `sgd momentum 0.9 nesterov`, or on a line of its
own. `-`, `_` and a space are the same, and a comma may be written between any two settings.
"""


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD, "## Numbers and words of a recipe\n", _table(_own_fields(), "setting")]
    for name, family in {**FAMILIES, **LISTS}.items():
        parts.append(f"## {_shown(name)}\n")
        parts.append(f"{_sentence(family)}{_usage(name)}\n")
        for member in family.members.values():
            if member is not family:
                parts.append(f"### {member.kind}\n\n{_sentence(member)}\n")
            parts.append(", ".join(_code(f"{_shown(name)} {form}") for form in member.forms) + "\n")
            if fields := list(member.model_fields.items()):
                parts.append(_table(fields, "after it"))
    return "\n".join(parts)


def _usage(name: str) -> str:
    if name in LISTS:
        return f"\n\nSeveral follow each other between commas after one `{_shown(name)}`."
    if name in BARE:
        return f"\n\nThe word `{_shown(name)}` may be left out."
    return ""


def _own_fields() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in Recipe.model_fields.items():
        if name not in FAMILIES and name not in LISTS and name != "data":
            yield name, field


def _table(fields: Any, first: str) -> str:
    rows = [f"| {first} | takes | otherwise |", "|---|---|---|"]
    for name, field in fields:
        written = ", ".join(_code(" ".join(words)) for words in spellings(name, field))
        rows.append(f"| {written} | {_takes(field)} | {_default(field)} |")
    return "\n".join(rows) + "\n"


def _takes(field: FieldInfo) -> str:
    """The values of a field, in words."""
    if is_flag(field):
        return ""
    if words := choices(field):
        return " or ".join(_code(word) for word in words)
    if is_names(field):
        return "names of layers, or kinds"
    types = alternatives(field.annotation)
    what = "a number"
    if is_list(field):
        what = "numbers"
    elif int in types:
        what = "a whole number"
    elif str in types:
        what = "text in quotation marks"
    return ", ".join([what, *dict.fromkeys(_limits(field))])


def _limits(field: FieldInfo) -> Iterator[str]:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    for one in _metadata(field):
        for name, word in words.items():
            value = getattr(one, name, None)
            if value is not None and abs(value) < 1e6:
                yield f"{word} {value:g}"


def _metadata(field: FieldInfo) -> Iterator[Any]:
    """What annotates a field: `Annotated` may stand around it or within `… | None`."""
    for one in field.metadata:
        yield from getattr(one, "metadata", [one])
    for argument in get_args(field.annotation):
        if get_origin(argument) is not None:
            for one in getattr(argument, "__metadata__", ()):
                yield from getattr(one, "metadata", [one])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    if field.default is None or field.default == ():
        return ""
    if isinstance(field.default, bool):
        return "yes" if field.default else ""
    if isinstance(field.default, tuple):
        return ", ".join(f"{one:g}" for one in field.default)
    return f"{field.default:g}" if isinstance(field.default, (int, float)) else str(field.default)


def _sentence(setting: type[Setting]) -> str:
    return inspect.getdoc(setting) or ""


def _shown(name: str) -> str:
    return name.replace("_", " ")


def _code(text: str) -> str:
    return f"`{text.strip()}`"
