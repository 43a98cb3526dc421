"""Pieces of notation as they were printed."""

from __future__ import annotations

import json

from paths import DATA

PRINTED: dict[str, str] = json.loads((DATA / "notation.json").read_text("utf-8"))
