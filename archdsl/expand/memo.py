"""Results that are computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Memo(Generic[Result]):
    """The results of a function, by what it reads: objects of the text, and plain values.

    Layers and lines hold dictionaries and have no hash, so they are known by their `id`. The memo
    keeps them alive, because Python gives the `id` of a freed object to another.
    """

    def __init__(self) -> None:
        self.entries: dict[Hashable, tuple[Sequence[object], Result]] = {}

    def get(
        self, objects: Sequence[object], values: Hashable, compute: Callable[[], Result]
    ) -> Result:
        key = (values, *map(id, objects))
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = objects, compute()
        return entry[1]
