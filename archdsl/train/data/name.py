"""How recipes and options name data: `cifar-10`, `folder "photos"`, `cifar10 in grey`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, model_validator

import archdsl.train.data.sets  # noqa: F401  registers all data sets
from archdsl.errors import ArchError, did_you_mean
from archdsl.syntax.ast import NetworkText, Token
from archdsl.train.data.base import DATA_SETS, DataSet, key_of

MOST_WORDS = 3  # in the name of a data set
_GREY = re.compile(r"[\s_-]+in[\s_-]+gr[ea]y\s*$", re.IGNORECASE)


class DataName(BaseModel):
    """A data set: its name, the absolute path of a folder or file, and whether pictures in colour
    are made grey."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    path: str = ""
    grey: bool = False

    @model_validator(mode="after")
    def _is_known(self) -> DataName:
        name, kind = DATA_SETS.get(key_of(self.name), ("", None))
        if kind is None or name != self.name or bool(kind.path) != bool(self.path):
            raise ValueError(f"`{self}` is not a known data set")
        return self

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @property
    def kind(self) -> type[DataSet]:
        return DATA_SETS[key_of(self.name)][1]

    def __str__(self) -> str:
        path = f" {os.path.basename(self.path)}" if self.path else ""
        return self.name + path + (" in grey" if self.grey else "")


def named(words: str, path: str | None = None, folder: str = "") -> DataName:
    """The data set that words name, with the folder or file after them.

    A relative path counts from `folder`. Raises ArchError, without a place, if there is none of
    that name.
    """
    text = _GREY.sub("", words)
    grey = text != words
    entry = DATA_SETS.get(key_of(text))
    if entry is None:
        raise ArchError(f"`{text.strip()}` is not a known data set", help=_help(text))
    name, kind = entry
    if kind.path and not path:
        raise ArchError(f"`{name}` needs a {kind.path}", help=f"write `{example(kind)}`")
    if path and not kind.path:
        raise ArchError(f"`{name}` does not take a path", help=f"write `{name}`")
    where = os.path.abspath(os.path.join(folder, os.path.expanduser(path))) if path else ""
    return DataName(name=name, path=where, grey=grey)


def named_by_option(text: str) -> DataName:
    """The data set of `--on`, as in a recipe; a path needs no quotation marks. Raises ArchError."""
    words = _GREY.sub("", text).split()
    suffix = " in grey" if _GREY.search(text) else ""
    for count in range(min(MOST_WORDS, len(words) - 1), 0, -1):
        entry = DATA_SETS.get(key_of(" ".join(words[:count])))
        if entry is not None and entry[1].path:
            path = _GREY.sub("", text).strip()
            for word in words[:count]:
                path = path.removeprefix(word).lstrip()
            return named(entry[0] + suffix, path.strip("\"'"))
    try:
        return named(text)
    except ArchError as error:
        if os.path.isdir(text):
            error.help = f"to train on the pictures in it, write `--on 'folder {text}'`"
        raise


def read_data(text: NetworkText, tokens: Sequence[Token]) -> DataName:
    """The data set that the tokens of a `train` section name. Raises ArchError."""
    path = next((token.text[1:-1] for token in tokens if token.kind == "string"), None)
    words, end = "", tokens[0].start
    for token in tokens:
        if token.kind != "string":
            words += (" " if token.start > end else "") + token.text
        end = token.end
    try:
        return _named_in_spec(words, path, text.source.folder or os.getcwd())
    except ArchError as error:
        error.span = text.span(tokens[0].start, tokens[-1].end)
        raise


def _named_in_spec(words: str, path: str | None, folder: str) -> DataName:
    """The data set of a spec. A path in it leads from the folder of the spec down: a spec may come
    from anyone, so it decides about no other file. Raises ArchError."""
    data = named(words, path, folder)
    if path:
        root = os.path.realpath(folder)
        steps = re.split(r"[/\\]", path)
        inside = os.path.commonpath([root, os.path.realpath(data.path)]) == root
        if os.path.isabs(path) or ".." in steps or path.startswith("~") or not inside:
            raise ArchError(
                f"`{path}` leads out of the folder of the spec",
                help="a recipe can only name what is there; for other places write it on the "
                f"command line: `--on '{data.name} PATH'`",
            )
    return data


def example(kind: type[DataSet]) -> str:
    """How a recipe names a data set of a kind."""
    path = {"folder": ' "photos"', "file": ' "data.npz"', "": ""}[kind.path]
    return f"train on {kind.names[0]}{path}"


def _help(text: str) -> str:
    names: Sequence[str] = [name for name, _ in DATA_SETS.values()]
    listed = dict.fromkeys(kind.names[0] for _, kind in DATA_SETS.values())
    return did_you_mean(text, names) or f"data sets: {', '.join(listed)}"
