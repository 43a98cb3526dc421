"""docs/recipes.md shows exactly what the settings of a recipe declare."""

from __future__ import annotations

import re

import pytest
from paths import ROOT

from archdsl.train import reference
from archdsl.train.recipe import FAMILIES, LISTS


def test_the_page_of_the_recipes(request: pytest.FixtureRequest):
    page, path = reference.markdown(), ROOT / "docs" / "recipes.md"
    if request.config.getoption("--update"):
        path.write_text(page, "utf-8")
    assert path.read_text("utf-8") == page, "write it anew: `make golden`"


def test_every_setting_is_on_the_page():
    page = reference.markdown()
    for family in {**FAMILIES, **LISTS}.values():
        for member in family.members.values():
            assert member is family or f"### {member.kind}\n" in page
            for form in member.forms:
                assert f" {form}`" in page
    assert not re.search(r"typing|pydantic|object at", page)
