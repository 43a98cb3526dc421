"""Groups of spellings of equivalent.arch: those that mean the same, and those that do not."""

from __future__ import annotations

import re

from paths import DATA

FILE = DATA / "equivalent.arch"


def _groups(kind: str) -> list[tuple[str, str]]:
    """The spellings of each group of a kind, each with the first of its group."""
    groups = re.findall(rf"^# {kind}\n((?:[^\n]+\n)+)", FILE.read_text("utf-8"), re.MULTILINE)
    lines = [group.splitlines() for group in groups]
    return [(first, other) for first, *others in lines for other in others]


SAME, DIFFERENT = _groups("same"), _groups("different")
