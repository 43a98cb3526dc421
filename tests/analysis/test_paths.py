"""What lies on the path of an analysis: parts of a concat that are cut away, and gates."""

from __future__ import annotations

import pytest
import torch
from facets import CASES, case
from oracle import randomise

import archdsl
from archdsl.layers import Layer

IMAGE = "input 41x41x4\n"
TALL = "conv3-6 -> conv 7x3 6 -> conv 5x1 6"
SMALL = "conv3-4 -> conv3-4"


def read_positions(net: archdsl.Network) -> list[int]:
    """How many rows and columns of the input the middle of the output reads, by its gradient."""
    module = net.module(dtype=torch.float64).eval()
    randomise(module)
    for parameter in module.parameters():
        parameter.data.abs_()
    x = torch.rand(1, *net.input, dtype=torch.float64, requires_grad=True)
    output = module(x)
    output[(0, slice(None), *(n // 2 for n in output.shape[2:]))].sum().backward()
    read = x.grad[0].ne(0).any(0)
    return [int(read.any(1 - axis).sum()) for axis in range(2)]


@pytest.mark.parametrize(
    "body",
    [
        f"concat {{ {SMALL}; {TALL} }}\nslice channels to 4",
        f"concat {{ {SMALL}; {TALL} }}\nslice channels from 4",
        f"concat {{ {SMALL}; {TALL} }}\nslice channels 3 to 5",
        f"concat {{ {SMALL}; {TALL} }}\nslice channels to 4\nconv3-4",
        f"concat {{ {SMALL}; {TALL} }}\nbn\nleaky relu\ndropout\nslice channels to 4\nconv3-4",
        f"concat {{ {SMALL}; {TALL} }}\navgpool 3x3/2\nslice channels to 4\nconv3-4",
        f"concat {{ {SMALL}; {TALL} }}\nslice step 2, channels to 3\nconv3-4",
        f"concat {{ concat {{ {SMALL}; {TALL} }}; identity }}\nslice channels to 4",
        f"concat {{ concat {{ {SMALL}; {TALL} }}; identity }}\nslice channels from 10\nconv3-4",
        f"concat {{ {SMALL}; {TALL} }}\nslice channels to 8\nslice channels to 4\nconv3-4",
        f"concat {{ {SMALL}; {TALL} }}\nslice channels to 8\nslice channels 5 to 8\nconv3-4",
        f"concat {{ {SMALL}; {TALL} }}\nconv1-8\nslice channels to 4",
        f"concat {{ {SMALL}; {TALL} }}\ncrop 31\nslice channels to 2\nconv3-4",
        f"c: concat {{ {SMALL}; {TALL} }}\n"
        "add { c -> slice channels to 4; c -> slice channels 1 to 5 }",
    ],
)  # fmt: skip
def test_a_slice_reads_the_branches_of_its_channels(body: str):
    net = archdsl.loads(IMAGE + body)
    assert read_positions(net) == [*net.receptive_field]


@pytest.mark.parametrize(("kind", "example"), CASES)
def test_layers_that_keep_channels_do(kind: type[Layer], example: str):
    if not kind.keeps_channels:
        return
    one = case(kind, example)
    (shape,) = one.xs
    module = archdsl.pytorch.module.construct(one.op.call(shape)).double().eval()
    x = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    output = module(x)
    assert output.shape[1] == shape[0]
    for channel in range(shape[0]):
        x.grad = None
        output[:, channel].sum().backward(retain_graph=True)
        others = [i for i in range(shape[0]) if i != channel]
        assert not x.grad[:, others].any()


SE = "global average pool; conv1-4, relu; conv1-16, sigmoid"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"conv3-16\nmultiply {{ identity; [{SE}] }}\nconv3-16\nfc 10", 3),
        ("conv3-16\nsqueeze_excitation\nconv3-16\nsqueeze_excitation\nfc 10", 3),
        ("conv3-16\nmultiply { identity; [global average pool; fc-4; fc-16, sigmoid] }\nfc 10", 2),
        ("[] means residual\nconv3-16\n[3x3, 16; 3x3, 16; squeeze_excitation] x 2\nfc 10", 6),
        ("conv3-16\nmultiply { identity; conv1-16, sigmoid }\nfc 10", 3),
        ("conv3-16\nmultiply { identity; conv1-1, sigmoid }\nfc 10", 3),
        ("conv3-16\nadd { identity; conv1-16 }\nfc 10", 3),
        ("fc 16\nmultiply { identity; fc 16 -> sigmoid }\nfc 10", 3),
        (
            "a: conv3-16\nb: a -> conv5-16\n"
            "s: add { a; b } -> global average pool -> fc-4 -> relu\n"
            "add { multiply { a; s -> fc-16 -> sigmoid }\n"
            "multiply { b; s -> fc-16 -> sigmoid } }\nfc 10",
            3,
        ),
    ],
)
def test_gates_of_channels_are_not_weight_layers(body: str, expected: int):
    assert archdsl.loads(f"input 16x16x8\n{body}").weight_layers == expected


def test_the_depths_of_papers():
    """SENet-154 and SE-ResNet-50 are named after their weight layers."""
    blocks = ((64, 3), (128, 8), (256, 36), (512, 3))
    for counts, depth in (([3, 8, 36, 3], 154), ([3, 4, 6, 3], 52)):
        lines = ["input 224x224x3", "conv means conv-bn-relu", "[] means residual"]
        lines += ["conv3-64, stride 2", "conv3-64", "conv3-128", "maxpool 3x3, stride 2"]
        for index, ((width, _), count) in enumerate(zip(blocks, counts, strict=True)):
            stride = ", stride 2" if index else ""
            lines.append(
                f"[1x1, {2 * width}; 3x3, {4 * width}, groups 64; 1x1, {4 * width}; "
                f"squeeze_excitation] x {count}{stride}"
            )
        net = archdsl.loads("\n".join([*lines, "global average pool", "dropout 0.2", "fc 1000"]))
        assert net.weight_layers == depth


@pytest.mark.parametrize("join", ["concat", "add", "multiply"])
def test_a_join_of_vectors_has_a_receptive_field(join: str):
    net = archdsl.loads(f"input 784\na: FC-64\nFC-64\n{join} {{ a; identity }}\nFC-10")
    assert net.rows[-1].receptive_field == ()
