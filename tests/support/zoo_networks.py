"""The networks of the zoo that tests go over."""

from __future__ import annotations

from archdsl import spec_files

# One of each file: those made from a template have its rows.
NETWORKS = sorted(
    {
        path: name
        for name, path in reversed(spec_files.names().items())
        if not spec_files.find_one(name).lacking
    }.values()
)
