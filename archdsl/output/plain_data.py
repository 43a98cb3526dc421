"""Records as dicts and lists, ready for JSON.

`attributes(row, "name params")` is `{"name": "conv1", "params": 1792}`. The JSON of commands is
built here and not by the classes of `archdsl.output.records`, which describe and check it: they
need pydantic, whose import takes longer than a whole summary.
"""

from __future__ import annotations

from typing import Any


def plain_data(value: Any) -> Any:
    """Named tuples become dicts and other tuples lists, at any depth."""
    if isinstance(value, tuple):
        if hasattr(value, "_fields"):
            return {name: plain_data(one) for name, one in zip(value._fields, value, strict=True)}
        return [plain_data(one) for one in value]
    return value


def attributes(value: object, names: str) -> dict[str, Any]:
    """The attributes with these names, separated by blanks, as plain data."""
    return {name: plain_data(getattr(value, name)) for name in names.split()}
