"""Files whose blocks a network uses: `use "blocks.arch"`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from archdsl import spec_files
from archdsl.errors import ArchError, Note, nearest
from archdsl.expand.blocks import LIBRARY
from archdsl.syntax.ast import Block, NetworkText, Statement, Used, UseFile
from archdsl.syntax.parser import LARGEST_TEXT, parse_blocks
from archdsl.text.limits import Limit
from archdsl.text.source import Source, Span

_HELP = "put blocks that belong together into one file"
FILES = Limit(64, "more than {} files in use", _HELP)
DEPTH = Limit(8, "files that use files more than {} deep", _HELP)


def resolve(network: NetworkText) -> NetworkText:
    """The network with the blocks of the files that it uses.

    Raises ArchError for a file that is missing or outside the folder of the spec, for an error in
    a file, and for two files with blocks of the same name.
    """
    uses = list(_uses(network.shared)) + list(_uses(network.statements))
    if not uses:
        return network
    files = _Files(network)
    blocks = (tuple(files.read(network.source, use, 1)) for use in uses)
    return network._replace(used=tuple(map(Used, uses, blocks)))


def with_included_blocks(network: NetworkText) -> str:
    """The network's text, with its `use` lines replaced by the blocks of the files.

    Blocks that the network's own replace are left out.
    """
    text, place = network.source.written, network.source.latex.written
    own = _own(network)
    before: list[str] = []
    pieces: list[str] = []
    copied = 0  # the offset up to which the text is copied
    for use, blocks in sorted(network.used, key=lambda used: used.statement.file.start):
        written = [
            f"block {source.text[block.name.start : block.body.end]}\n"
            for source, block in blocks
            if block.name.text not in own
        ]
        pieces.append(text[copied : text.rindex("use", 0, place(use.file.start))])
        # Before the first network its names have no values in them, as in their own file.
        (before if network.header else pieces).extend(written)
        copied = place(use.file.end)
    return "".join([*before, *pieces, text[copied:]])


def _uses(statements: tuple[Statement, ...]) -> Iterator[UseFile]:
    return (s for s in statements if isinstance(s, UseFile))


def _own(network: NetworkText) -> set[str]:
    """The names of the blocks that the network's own file defines."""
    statements = (*network.shared, *network.statements)
    return {s.name.text for s in statements if isinstance(s, Block)}


class _Files:
    """The files that a network uses. Each is read only once, so files may use each other."""

    def __init__(self, network: NetworkText) -> None:
        self.own = _own(network)
        self.seen: set[str] = set()  # paths without symbolic links
        self.size = 0
        self.by_name: dict[str, tuple[Source, Block]] = {}

    def read(self, source: Source, use: UseFile, depth: int) -> list[tuple[Source, Block]]:
        """The blocks that a `use` line adds to those of the lines before it. Raises ArchError."""
        span = source.span(use.file.start, use.file.end)
        path = _path(use.file.text[1:-1], source.folder, span)
        if path in self.seen:
            return []
        self.seen.add(path)
        if len(self.seen) > FILES.most or depth > DEPTH.most:
            raise ArchError.beyond(FILES if depth <= DEPTH.most else DEPTH, span)
        inner = spec_files.read_source(path, _shown(path, source, use))
        self.size += len(inner.text)
        if self.size > LARGEST_TEXT:
            raise ArchError(
                f"the files in use are larger than {LARGEST_TEXT // 2**20} MiB together",
                span,
                help="no network needs so much text",
            )
        try:
            statements = parse_blocks(inner)
        except ArchError as error:
            error.notes += (Note("the file is used here", span),)
            raise
        blocks = []
        for statement in statements:
            if isinstance(statement, UseFile):
                blocks += self.read(inner, statement, depth + 1)
            elif self.is_new(inner, statement, use):
                blocks.append((inner, statement))
        return blocks

    def is_new(self, source: Source, block: Block, use: UseFile) -> bool:
        """Whether a block is the first of its name; it is kept if so."""
        name = block.name
        first = self.by_name.setdefault(name.text, (source, block))
        if first[1] is block:
            return True
        other = first[1].name
        if name.text not in self.own and first[0] is not source:
            raise ArchError(
                f"`{source.name}` and `{first[0].name}` both have a block `{name.text}`",
                source.span(name.start, name.end),
                [Note("the other is here", first[0].span(other.start, other.end))],
                "use one of the two files, or write the block that you mean into the network",
            )
        return first[0] is source  # two in one file are reported by Blocks


def _path(name: str, folder: str | None, span: Span) -> str:
    """The path of the file that a `use` line names: next to the spec, or in the library."""
    steps = name.split("/")
    if not name.endswith(".arch") and steps[-1] not in ("", "..", "."):
        stem = name.rpartition(".")[0] if "." in steps[-1] else name
        raise ArchError(
            f"`{name}` is not a file of blocks: their names end in `.arch`",
            span,
            help=f'write `use "{stem}.arch"`',
        )
    if not name.endswith(".arch") or re.search(r"[\\:]", name) or {"..", ""} & {*steps}:
        raise ArchError(
            "a spec can only use files of its own folder",
            span,
            help='write the path from this file down to an `.arch` file: `use "parts/blocks.arch"`',
        )
    for place in (folder, LIBRARY):
        if place is None:
            continue
        root, path = os.path.realpath(place), os.path.realpath(os.path.join(place, name))
        if not os.path.lexists(os.path.join(place, name)):
            continue
        if os.path.commonpath([root, path]) != root:
            raise ArchError(
                f"`{name}` leads out of the folder of the spec", span, help="copy the file there"
            )
        if not os.path.isfile(path):
            raise ArchError(f"`{name}` is not a file", span, help="name a file of blocks")
        return path
    help = "put it next to this file"
    if folder is None:
        help = "a text that is not in a file can only use the library: write the blocks into it"
    raise ArchError(f"there is no file `{name}`", span, help=_near(name, folder) or help)


def _near(name: str, folder: str | None) -> str | None:
    """A suggestion for a missing file: one with a similar name in its folder."""
    if folder is None:
        return None
    place, _, file = name.rpartition("/")
    with suppress(OSError):
        files = [f for f in os.listdir(os.path.join(folder, place)) if f.endswith(".arch")]
        near = nearest(file.removesuffix(".arch"), [f.removesuffix(".arch") for f in files])
        if near:
            return f"did you mean `{place + '/' if place else ''}{near}.arch`?"
    return None


def _shown(path: str, source: Source, use: UseFile) -> str:
    """The path as the author of the spec would write it."""
    if path.startswith(os.path.realpath(LIBRARY) + os.sep):
        return f"archdsl/library/{os.path.relpath(path, os.path.realpath(LIBRARY))}"
    place = os.path.dirname(source.name)
    return os.path.join(place, use.file.text[1:-1])
