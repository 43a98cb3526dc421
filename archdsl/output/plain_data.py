"""Records as plain data, ready for JSON."""

from __future__ import annotations

from typing import Any


def plain_data(record: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in record.items()}
