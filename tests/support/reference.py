"""Exact totals, computed elsewhere."""

from __future__ import annotations

import csv

from paths import DATA

from archdsl.network import Network


def reference(title: str) -> dict[str, str]:
    with (DATA / "reference.csv").open() as file:
        return next(row for row in csv.DictReader(file) if row["network"] == title)


def check(net: Network, title: str) -> None:
    expected = reference(title)
    assert "x".join(map(str, net.input)) == expected["input"]
    assert net.params == int(expected["params"])
    assert net.macs == int(expected["macs"])
    field = tuple(map(int, expected["receptive_field"].split("x")))
    assert net.receptive_field == (field if len(field) > 1 else field * (len(net.input) - 1))
