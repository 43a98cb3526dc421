"""Finds specs: in files, on standard input, and in the zoo that ships with archdsl."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence

import archdsl.specs
from archdsl.errors import ArchError, Errors, did_you_mean
from archdsl.spec import parse
from archdsl.syntax.ast import NetworkText
from archdsl.syntax.parser import LARGEST_TEXT
from archdsl.text.source import Source, Span

_NETWORK = r"^[ \t]*network[ \t]+([A-Za-z]\w*)"


def folder() -> str:
    """The folder of the zoo."""
    return str(archdsl.specs.__path__[0])


def names() -> dict[str, str]:
    """The file of every network of the zoo, in order; a column of a table is named `vgg:D`."""
    paths: dict[str, str] = {}
    for name, path in _named():
        paths.setdefault(name, path)
    return paths


def _named() -> Iterator[tuple[str, str]]:
    """The networks of the zoo with their files, in order; a file is read when its turn comes."""
    for path in _specs(folder()):
        text = read_source(path)
        own = re.findall(_NETWORK, text.written, re.MULTILINE)
        if text.grids:
            own = [network.full_name for network in parse(text)]
        yield from ((name, path) for name in own)


def _specs(folder: str) -> list[str]:
    """The specs in a folder, in order; none if it cannot be read."""
    try:
        files = sorted(os.listdir(folder or "."))
    except OSError:
        return []
    return [os.path.join(folder, file) for file in files if file.endswith(".arch")]


def find(target: str) -> tuple[NetworkText, ...]:
    """The networks that an argument of the command line names.

    A path or a name that ends in `.arch` is a file, `-` is standard input, anything else is a
    network of the zoo; `FILE:NET` picks one of several networks. Raises ArchError.
    """
    place, picked = _split(target)
    if place == "-" or _is_path(place):
        networks = parse(read_source(place, place))
    else:
        networks = _of_zoo(place)
    if picked is None:
        return networks
    for network in networks:
        if network.name == picked:
            return (network,)
    known = _listed(networks)
    raise ArchError(
        f"{place} holds no network `{picked}`",
        help=did_you_mean(picked, [n.name for n in networks]) or f"it holds {known}",
    )


def find_one(target: str) -> NetworkText:
    """The only network that an argument names. Raises ArchError if there are several."""
    return one(find(target), target)


def one(networks: tuple[NetworkText, ...], target: str) -> NetworkText:
    """The only network of a text. Raises ArchError if there are several."""
    if len(networks) == 1:
        return networks[0]
    # A template cannot be built.
    first = next((n for n in networks if not n.lacking), networks[0])
    raise ArchError(
        f"{target} holds {len(networks)} networks: {_listed(networks)}",
        help=f"pick one: `{target}:{first.name}`",
    )


def _listed(networks: tuple[NetworkText, ...]) -> str:
    names = [n.name for n in networks if n.name]
    return ", ".join(names[:10] + ["…"] * (len(names) > 10)) or "one without a name"


def _split(target: str) -> tuple[str, str | None]:
    place, colon, picked = target.rpartition(":")
    # A colon may belong to the path: `C:\nets\a.arch`, or a folder called `a:b`.
    if not colon or not place or not re.fullmatch(r"[\w.+*-]+", picked) or os.path.exists(target):
        return target, None
    if picked.endswith(".arch") or (len(place) == 1 and place != "-"):
        return target, None
    return place, picked


def _is_path(place: str) -> bool:
    return place.endswith(".arch") or any(s in place for s in (os.sep, os.altsep or os.sep))


def _of_zoo(name: str) -> tuple[NetworkText, ...]:
    # Usually there is a file of that name; then no other file is read.
    path = os.path.join(folder(), f"{name}.arch")
    if not (re.fullmatch(r"\w{1,100}", name) and os.path.isfile(path)):
        path = _path_of(name)
        if not path:
            help = did_you_mean(name, names())
            if len(name) < 200 and os.path.isfile(name):
                help = f"for the file of that name, write `.{os.sep}{name}`"
            raise ArchError(
                f"the zoo has no network `{name}`",
                help=help or "`archdsl zoo` lists them; a file's name ends in `.arch`",
            )
    networks = parse(read_source(path))
    return tuple(n for n in networks if n.name == name) or networks


def _path_of(name: str) -> str:
    """The file with a network, or else a table, of that name; empty if the zoo has neither."""
    of_table = ""
    for one, path in _named():
        if one == name:
            return path
        if not of_table and one.startswith(f"{name}:"):
            of_table = path
    return of_table


def files(targets: Sequence[str]) -> tuple[list[str], Errors]:
    """The files that arguments name, and an error for each folder without specs.

    A folder means the specs in it and in its subfolders. No file is returned twice.
    """
    paths: dict[str, None] = {}
    errors = Errors()
    for target in targets:
        if not os.path.isdir(target):
            paths[target] = None
            continue
        here = [
            path
            for place, inner, _ in os.walk(target)
            if not inner.sort()
            for path in _specs(place)
        ]
        paths |= dict.fromkeys(here)
        if not here:
            errors.append(
                ArchError(f"{target} holds no spec", help="a file's name ends in `.arch`")
            )
    return list(paths), errors


def read_source(path: str, shown: str | None = None) -> Source:
    """The text of a spec; `-` is standard input.

    Raises ArchError for a file that is missing, too large or not text.
    """
    if path == "-":
        return source(path, content(path))
    name = shown or _shown(path)
    return source(name, content(path, name), os.path.dirname(path) or os.curdir)


def content(path: str, shown: str | None = None) -> bytes:
    """The bytes of a file, or of standard input, up to one more than a spec may have.

    Raises ArchError.
    """
    if path == "-":
        if sys.stdin is None:
            raise ArchError("standard input is closed", help="name a file, or pipe a spec in")
        return sys.stdin.buffer.read(LARGEST_TEXT + 1)
    name = shown or _shown(path)
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            data = file.read(LARGEST_TEXT + 1)
            if not data and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise ArchError(
                    f"{name} is a pipe that nobody writes to", help="name a file, or pipe a spec in"
                )
            return data
    except FileNotFoundError:
        near = did_you_mean(_stem(path), [_stem(p) for p in _specs(os.path.dirname(path))])
        near = near and near.replace("`?", ".arch`?")
        raise ArchError(
            f"there is no file {name}", help=near or "`archdsl zoo` lists what ships"
        ) from None
    except IsADirectoryError:
        raise ArchError(f"{name} is a folder", help="name a file in it") from None
    except OSError as problem:
        raise ArchError(f"cannot read {name}: {problem.strerror}") from None


def source(name: str, data: bytes, folder: str | None = None) -> Source:
    """Decodes a spec; lines end with a newline alone. Raises ArchError if it is not text."""
    if len(data) > LARGEST_TEXT:
        raise ArchError(
            f"{name} is larger than {LARGEST_TEXT // 2**20} MiB",
            help="no network needs so much text",
        )
    if b"\0" in data:
        raise ArchError(f"{name} is not text: it holds a zero byte", help="a spec is UTF-8 text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        good = data[: problem.start].decode("utf-8-sig")
        text = good + "�"
        raise ArchError(
            f"this byte (0x{data[problem.start]:02x}) is not UTF-8",
            Span(Source(name, text), len(good), len(good) + 1),
            help="save the file as UTF-8 text",
        ) from None
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n"), folder)


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file; a pipe without waiting for a writer."""
    if sys.platform == "win32":  # where pipes are not files
        return os.open(path, flags)
    handle = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(handle, True)
    return handle


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _shown(path: str) -> str:
    """The path as a user would write it; a spec of the zoo by its folder and name."""
    place, file = os.path.split(path)
    return f"{os.path.basename(place)}/{file}" if place == folder() else path
