"""`--layers` shows what is not the default."""

from __future__ import annotations

import pytest
from facets import CASES, case

import archdsl
from archdsl.layers import Layer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bn eps 0.001", "bn, eps 0.001"),
        ("bn momentum 0.01 no affine", "bn, momentum 0.01, no affine"),
        ("bn", "bn"),
        ("bn eps 1e-5", "bn"),
        ("conv3-8, groups 4", "conv 3x3, 8, groups 4"),
        ("conv3-8, dilation 2", "conv 3x3, 8, dilation 2"),
        ("conv3-8", "conv 3x3, 8"),
        ("dw conv 3x3", "dw conv 3x3, 8"),
        ("avgpool 3x3/2 pad 1 exclude padding", "avg pool 3x3/2, exclude padding"),
        ("avgpool 3x3/2 pad 1", "avg pool 3x3/2"),
        ("maxpool 3x3/2 ceil", "max pool 3x3/2, ceil"),
        ("gn 4 eps 0.01", "gn 4, eps 0.01"),
        ("ln eps 1e-6", "ln, eps 1e-06"),
        ("approximate gelu", "gelu, approximate tanh"),
        ("channel-wise prelu", "prelu, channel wise"),
        ("lrn size 3", "LRN, size 3"),
        ("hard tanh from 0 to 20", "hardtanh, from 0, to 20"),
    ],
)
def test_details_of_layers(text: str, shown: str):
    net = archdsl.loads(f"input 8x8x8\nconv1-8\n{text}\nconv1-8")
    assert net.layers[1].notation == shown


@pytest.mark.parametrize(("kind", "example"), CASES)
def test_every_detail_is_a_field_with_a_default(kind: type[Layer], example: str):
    assert {*kind.details} <= {*kind.defaults}
    if kind.details:
        assert case(kind, example).op.described
