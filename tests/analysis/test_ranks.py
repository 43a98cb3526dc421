"""Networks on signals and clips: everything that might break with one axis or three."""

from __future__ import annotations

import pytest
import torch
from oracle import copy_state, kept_for_backward, macs, randomise
from torch import nn

import archdsl
from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.output.paper_table import render
from archdsl.output.records import Summary
from archdsl.spec import parse
from archdsl.text.source import Source

SIGNAL = """network signal
input 4096x1
conv means conv-bn-relu
sizes decide stride, padding
conv1d kernel 9 width 16   => 1024x16, receptive field 9, stride 4
maxpool 4                  => 256, channels 16
conv3-32                   => 256x32, receptive field 53
[ conv3-64; conv3-64 ]     => 128x64
add { shortcut; [ conv3-48; conv3-48 ] }
upsample 2                 => 256x48
conv3-16 reflect, stride 2
zero padding left 2
slice channels 2 to 10
channel dropout(0.1)
stochastic depth 0.2
lrn
crop 60                    => 60x8
convtranspose1d kernel 4 width 8 stride 2
resize 0.5 bilinear
concat { conv3-4; maxpool1d 3/1; identity; avgpool 3/1 exclude padding }
squeeze_excitation(4)
global average pool, 10-d fc, softmax   => 1x10
expect receptive field 405
"""
CLIP = """network clip
input 8x32x32x3
conv means conv-bn-relu
sizes decide stride, padding
conv 3x5x5, 8              => 8x16x16x8, receptive field 3x5x5, stride 1x2x2
maxpool 1x2x2              => 8x8x8x8
[ 3x3x3, 16; 3x3x3, 16 ]   => 4x4x4x16, receptive field 9x31x31
add { shortcut; [ conv3-24; conv3-24 ] }
upsample 2                 => 8x8x8
conv3d 1x3x3 8 circular
zero padding front 2
slice channels 2 to 8 step 1x2x2   => 10x4x4x6
channel dropout(0.1)
stochastic depth 0.2
lrn
crop 4                     => 4x4x4x6
up-conv 2x2x2 8
resize 0.5 bilinear
concat { conv3-4; maxpool 3x3x3/1; identity; avgpool 3x3x3/1 exclude padding }
squeeze_excitation(4)
global average pool, 10-d fc, softmax   => 1x1x1x10
"""
NETWORKS = pytest.mark.parametrize("text", [SIGNAL, CLIP], ids=["signal", "clip"])


def of_source(net: Network) -> nn.Module:
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    return space[net.name.capitalize()]()


@NETWORKS
def test_claims_of_signals_and_clips_hold(text: str):
    claims = archdsl.loads(text).verify()
    assert len(claims) > 8
    assert {c.verdict for c in claims} == {"holds"}


@NETWORKS
def test_numbers_equal_those_of_torch(text: str):
    net = archdsl.loads(text)
    module = net.module()
    x = torch.rand(1, *net.input)
    assert sum(p.numel() for p in module.parameters()) == net.params
    assert sum(b.numel() for b in module.buffers()) == net.buffers
    assert macs(module, x) == net.macs
    assert kept_for_backward(net.module(), x) == net.memory.backward


@NETWORKS
def test_the_source_equals_the_module(text: str):
    net = archdsl.loads(text)
    module, again = net.module().eval(), of_source(net).eval()
    randomise(module)
    copy_state(module, again)
    x = torch.rand(2, *net.input)
    assert torch.equal(module(x), again(x))
    assert tuple(module(x).shape) == (2, 10)


@NETWORKS
def test_tables_read_back(text: str):
    net = archdsl.loads(text)
    for printed in (render.markdown([net]), uncommented(render.latex([net]))):
        (found,) = [Network(one) for one in parse(Source("table", printed))]
        assert net.diff(found).same
        assert {claim.verdict for claim in found.verify()} == {"holds"}


def uncommented(latex: str) -> str:
    return "\n".join(line.removeprefix("% ") for line in latex.splitlines())


@NETWORKS
def test_outputs_are_complete(text: str):
    net = archdsl.loads(text)
    summary = Summary.model_validate(net.to_dict())
    assert [len(row.receptive_field) for row in summary.rows[:-1]] == [
        len(net.input) - 1 for _ in net.rows[:-1]
    ]
    shown = "×".join(map(str, (*net.input[1:], net.input[0])))
    assert f"input {shown}\n" in net.summary()
    assert shown in net.draw().dot()


@NETWORKS
def test_diff_finds_changed_attributes(text: str):
    net = archdsl.loads(text)
    other = archdsl.loads(text.replace("exclude padding", "").replace("crop 4 ", "crop 3 "))
    assert net.diff(other).changes


def test_receptive_fields_agree_with_gradients():
    """The middle position of a trunk, on each axis."""
    for text in (
        "input 400x2\nconv5-3 stride 2\nmaxpool 3\nzero padding left 4\nconv3-4\nslice step 2",
        "input 9x40x30x2\nconv 3x5x5 3 stride 1x2x2\nmaxpool 1x2x2\nzero padding back 2\nconv3-4",
    ):
        net = archdsl.loads(text)
        module = net.module().eval()
        nn.ModuleList([module]).apply(positive)
        x = torch.rand(1, *net.input, requires_grad=True)
        reached = torch.zeros(net.input[1:], dtype=torch.bool)
        for seed in range(40):
            torch.manual_seed(seed)
            x = torch.rand(1, *net.input, requires_grad=True)
            middle = tuple(n // 2 for n in net.output[1:])
            module(x)[(0, slice(None), *middle)].sum().backward()
            reached |= (x.grad[0] != 0).any(0)
        sizes = []
        for axis in range(reached.dim()):
            others = tuple(a for a in range(reached.dim()) if a != axis)
            along = (reached.any(others) if others else reached).nonzero().flatten()
            sizes.append(int(along.max() - along.min()) + 1)
        assert tuple(sizes) == net.receptive_field


def positive(module: nn.Module) -> None:
    for parameter in module.parameters(recurse=False):
        nn.init.uniform_(parameter, 0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("16000x1", (1, 16000)),
        ("1x16000", (1, 16000)),
        ("16x300", (16, 300)),
        ("16000x1 signal", (1, 16000)),
        ("320x240 signal", (240, 320)),
        ("12x8 signal", (8, 12)),
        ("16000 signal, 2 channels", (2, 16000)),
        ("100, 3 channels", (3, 100)),
        ("224x4 RGB", (3, 224, 4)),
        ("28x28x1 grey", (1, 28, 28)),
        ("16x112x112x3", (3, 16, 112, 112)),
        ("16 x 112 x 112 x 3", (3, 16, 112, 112)),
        ("16x112x112x3 RGB", (3, 16, 112, 112)),
        ("3x16x112x112", (3, 16, 112, 112)),
        ("16x112x112 RGB", (3, 16, 112, 112)),
        ("16x64x48 RGB clip", (3, 16, 64, 48)),
        ("3x112x112 RGB video", (3, 3, 112, 112)),
        ("32x32x32, 1 channel", (1, 32, 32, 32)),
        ("32x32x32 grey volume", (1, 32, 32, 32)),
        ("32x32x32x32", (32, 32, 32, 32)),
        ("1x32x32x32", (1, 32, 32, 32)),
        ("1x224x224x3 clip", (3, 1, 224, 224)),
    ],
)
def test_spellings_of_inputs(text: str, shape: tuple[int, ...]):
    assert archdsl.loads(f"input {text}\nrelu").input == shape


@pytest.mark.parametrize(
    "text",
    [
        "320x240",
        "12x8",
        "16000 signal",
        "2x16000 signal",
        "16000x1, 1 channel",
        "28x28x3 grey",
        "1x28x28 RGB",
        "3x224x224 grey",
        "16x112x112 clip",
        "16x112x112x3 grey",
        "16x3x112x112",
        "1x3x224x224",
        "1x224x224x3",
        "3x16x64x48",
        "28x28 clip",
        "28x28x28 signal",
        "1x2x3x4x5",
        "0x1",
    ],
)
def test_ambiguous_inputs_are_refused(text: str):
    with pytest.raises(ArchError) as caught:
        archdsl.loads(f"input {text}\nrelu")
    assert caught.value.help


@pytest.mark.parametrize(
    ("text", "sizes", "shape"),
    [
        ("16000x1", (8000,), (1, 8000)),
        ("16000x1", (8000, 2), (2, 8000)),
        ("16000x1", (320, 240), (240, 320)),
        ("16x112x112x3", (8, 56, 56), (3, 8, 56, 56)),
        ("16x112x112x3", (3, 56, 56), (3, 3, 56, 56)),
        ("16x112x112x3", (8, 56, 56, 1), (1, 8, 56, 56)),
        ("28x28x1", (32, 1), (1, 32, 1)),
        ("28x28x1", (32, 32, 3), (3, 32, 32)),
        ("28x28x1", (4, 32, 32, 3), (3, 4, 32, 32)),
        ("784", (28, 28, 1), (1, 28, 28)),
        ("784", (100,), (100,)),
    ],
)
def test_input_sizes_given_in_python(text: str, sizes: tuple[int, ...], shape: tuple[int, ...]):
    assert archdsl.loads(f"input {text}\nrelu", input=sizes).input == shape


def test_invalid_input_sizes_are_refused(archdsl_cli, tmp_path):
    (tmp_path / "net.arch").write_text(CLIP)
    for sizes in ((), (1, 2, 3, 4, 5), (2.5,), (8, 0, 8), (2**21, 8, 8)):
        with pytest.raises(ArchError):
            archdsl.loads(CLIP, input=sizes)
    code, out, _ = archdsl_cli("summary", str(tmp_path / "net.arch"), "--input", "16x64x64x3")
    assert code == 0 and "input 16×64×64×3\n" in out
    code, _, error = archdsl_cli("summary", str(tmp_path / "net.arch"), "--input", "1x2x3x4x5")
    assert code == 2 and "is not a valid size" in error


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("conv1d kernel 3 width 4", "conv3-4"),
        ("convtranspose1d kernel 3 width 4", "deconv3-4"),
        ("maxpool1d 4", "maxpool 4"),
        ("avgpool1d 4", "avgpool 4"),
        ("batchnorm1d", "bn"),
        ("dropout1d", "channel dropout"),
    ],
)
def test_words_that_set_the_rank(line: str, same: str):
    net = archdsl.loads(f"input 64x2\n{line}\nrelu")
    assert net.graph.nodes[1].op == archdsl.loads(f"input 64x2\n{same}\nrelu").graph.nodes[1].op
    for input in ("8x8x2", "8x8x8x2"):
        with pytest.raises(ArchError, match="of any rank"):
            archdsl.loads(f"input {input}\n{line}\nrelu")
    twice = archdsl.loads(f"input 64x2\n{line}\n{line}\nrelu")  # read once, moved to the other line
    assert len(twice.layers) == 3
    volume = line.replace("1d", "3d").replace("kernel 3", "3x3x3")
    assert archdsl.loads(f"input 8x8x8x2\n{volume}\nrelu").layers
    with pytest.raises(ArchError, match="on a map of 1 axis"):
        archdsl.loads(f"input 64x2\nrelu\n{volume.replace('3x3x3', 'kernel 3')}\nrelu")
