"""Groups, joins and blocks, compared with modules written by hand."""

from __future__ import annotations

import itertools

import pytest
import torch
from oracle import CLOSE, difference, images, kept_for_backward, load, macs
from torch import Tensor, nn

import archdsl
from archdsl import spec_files
from archdsl.expand.context import MOST_LAYERS
from archdsl.layers import REGISTRY
from archdsl.network import Network
from archdsl.pytorch.module import Composite


def compare(net: Network, reference: nn.Module) -> float:
    return difference(net.module().double(), reference.double(), images(net))


def names(net: Network) -> list[str]:
    return [layer.name for layer in net.layers]


def kinds(net: Network) -> list[str]:
    return [layer.kind for layer in net.layers]


class Branches(nn.Module):
    """Branches that read one input, joined by a function."""

    def __init__(self, join, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        return self.join([branch(x) for branch in self.branches])


def cat(values: list[Tensor]) -> Tensor:
    return torch.cat(values, 1)


def unit(channels: int, width: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU())


# Joins.


def test_concat_puts_branches_in_the_order_of_the_text():
    net = load(
        "input 9x9x4\nconv means conv-bn-relu\n"
        "concat { conv1-3; conv1-2 -> conv3-5; maxpool 3x3/1 -> conv1-2 }\nFC-3"
    )
    reference = nn.Sequential(
        Branches(
            cat,
            unit(4, 3, 1),
            nn.Sequential(unit(4, 2, 1), unit(2, 5, 3)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), unit(4, 2, 1)),
        ),
        nn.Flatten(),
        nn.Linear(810, 3),
    )
    assert net.rows[0].output == (10, 9, 9)
    assert compare(net, reference) < CLOSE
    swapped = load(net.text.source.text.replace("conv1-3;", "").replace("-> conv1-2", "-> conv1-5"))
    assert swapped.rows[0].output == (10, 9, 9)


def test_a_gate_of_connections_multiplies_each_channel():
    """Squeeze-and-excitation, Hu et al. 2018, Fig. 2: `in` is the channels that enter the block."""
    net = load(
        "block excite(r) { multiply { identity; "
        "[ gap; fc (in // r); relu; fc (in); sigmoid ] } }\n"
        "input 7x7x8\nconv3-16\nexcite(4)\nexcite(r=2)\navgpool, 5-d fc"
    )

    def gate(r: int) -> nn.Sequential:
        squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 16 // r))
        return nn.Sequential(*squeeze, nn.ReLU(), nn.Linear(16 // r, 16), nn.Sigmoid())

    def scale(values: list[Tensor]) -> Tensor:
        return values[0] * values[1][:, :, None, None]

    reference = nn.Sequential(
        nn.Conv2d(8, 16, 3, padding=1),
        *(Branches(scale, nn.Identity(), gate(r)) for r in (4, 2)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    )
    assert compare(net, reference) < CLOSE
    # A gate reads the whole map; the trunk, and its receptive field, go around it.
    assert net.receptive_field == (3, 3)
    assert kept_for_backward(net.module(), images(net, 1).float()) == net.memory.backward


def test_joins_within_joins():
    net = load(
        "input 8x8x4\n"
        "add { concat { conv1-2; conv3-2 }; multiply { identity; conv1-4; conv3-4 }; identity }\n"
        "FC-2"
    )

    def product(values: list[Tensor]) -> Tensor:
        return values[0] * values[1] * values[2]

    def conv(width: int, kernel: int) -> nn.Conv2d:
        return nn.Conv2d(4, width, kernel, padding=kernel // 2)

    reference = nn.Sequential(
        Branches(
            sum,
            Branches(cat, conv(2, 1), conv(2, 3)),
            Branches(product, nn.Identity(), conv(4, 1), conv(4, 3)),
            nn.Identity(),
        ),
        nn.Flatten(),
        nn.Linear(256, 2),
    )
    assert compare(net, reference) < CLOSE


def test_the_activation_at_the_end_of_a_branch_moves_after_the_sum():
    text = "input 4x4x3\nconv means conv-bn-relu\nadd {{ {0}; {1} }}, activation after\nFC-2"
    both = load(text.format("conv3-3", "conv1-3"))
    assert kinds(both) == ["conv", "bn", "conv", "bn", "add", "relu", "flatten", "fc"]
    one = load(text.format("identity", "conv1-3"))
    assert kinds(one) == ["conv", "bn", "add", "relu", "flatten", "fc"]
    block = "input 4x4x3\nconv means conv-bn-relu\nresidual [ {0} ]\nFC-2"
    written = load(block.format("conv1-3 relu"))
    assert kinds(written) == ["conv", "bn", "relu", "add", "flatten", "fc"]
    removed = load(block.format("conv1-3 no relu"))
    assert kinds(removed) == ["conv", "bn", "add", "flatten", "fc"]
    # The last layer of a group, a block or a repeat is the end of the branch too.
    group = load(text.format("identity", "[ conv1-3 x2 ]"))
    assert kinds(group) == ["conv", "bn", "relu", "conv", "bn", "add", "relu", "flatten", "fc"]
    # An activation moves once: the inner sum keeps it.
    inner = load(block.format("add { identity; conv1-3 }, activation after"))
    assert kinds(inner) == ["conv", "bn", "add", "relu", "add", "flatten", "fc"]
    # In a concatenation nothing moves, nor with pre-activation.
    concat = load(
        text.format("identity", "conv1-3")
        .replace("add", "concat")
        .replace(", activation after", "")
    )
    assert kinds(concat) == ["conv", "bn", "relu", "concat", "flatten", "fc"]
    before = load(block.format("conv1-3").replace("conv-bn-relu", "bn-relu-conv"))
    assert kinds(before) == ["bn", "relu", "conv", "add", "flatten", "fc"]


def test_a_join_left_with_one_branch_is_that_branch():
    net = load(
        "block unit_(c) { add { identity if in == c; conv3-c } }\n"
        "input 4x4x3\nunit_(8)\nunit_(8)\nFC-2"
    )
    assert kinds(net) == ["conv", "conv", "add", "flatten", "fc"]
    assert names(net)[:3] == ["unit_1.conv", "unit_2.conv", "unit_2.add"]


def test_misaligned_branches_are_reported():
    aligned = load("input 9x9x1\nconcat { conv3-2 stride 2; conv 1x1 2 stride 2 }\nFC-2")
    assert aligned.misaligned == ()
    assert "not aligned" not in aligned.summary()
    net = load("input 8x8x1\nconcat { conv3-2 stride 2; maxpool }\nFC-2")
    assert net.misaligned == ("concat1.concat",)
    assert "not aligned" in net.summary()
    # The union of what the branches read: -1 … 1 and 0 … 1.
    assert net.rows[0].receptive_field == (3, 3)


# Blocks.

MOBILENET = """
block bottleneck(t, c, s=1) {
  add {
    identity if s == 1 and in == c
    [ conv 1x1 (t*in) if t != 1; conv 3x3 (t*in) groups (t*in) stride (s); conv 1x1 (c) no relu6 ]
  }
}
network mobilenet_v2
input 224x224 RGB
conv means conv-bn-relu6
conv3-32 stride 2
bottleneck(1, 16)
bottleneck(6, 24) x 2, stride 2
bottleneck(6, 32) x 3, stride 2
bottleneck(6, 64) x 4, stride 2
bottleneck(6, 96) x 3
bottleneck(6, 160) x 3, stride 2
bottleneck(6, 320)
conv1-1280
average pool, dropout(0.2), 1000-d fc, softmax
"""


def test_blocks_with_guards_are_mobilenet_v2():
    """Sandler et al. 2018, Tables 1 and 2."""
    net = load(MOBILENET)
    assert (net.params, net.macs) == (3_504_872, 300_774_272)


@pytest.mark.slow
def test_parity_of_mobilenet_v2():
    from archdsl.pytorch.vision import torchvision

    net = load(MOBILENET, input=(64, 64))
    assert compare(net, torchvision.models.mobilenet_v2()) < CLOSE
    broken = load(
        MOBILENET.replace("and in == c", "and in != c").replace(
            "identity if s == 1", "identity if s == 9"
        ),
        input=(64, 64),
    )
    assert compare(broken, torchvision.models.mobilenet_v2()) > 1e-3


def test_scope_of_a_body():
    """Names in the body are resolved where it is written, not where it is used."""
    net = load(
        "network outer(w=3)\n"
        "block twice(w) { conv1-w; body; body }\n"
        "block around(w) { twice(8) [ conv1-w ] }\n"
        "input 4x4x2\naround(5)\ntwice(7) [ conv3-w; conv1-w ]\nFC-2"
    )
    widths = [layer.output[0] for layer in net.layers if layer.kind == "conv"]
    assert widths == [8, 5, 5, 7, 3, 3, 3, 3]


def test_shared_blocks_do_not_see_the_names_of_a_network():
    text = "block unit_(w=4) { conv3-w }\nnetwork a(w=9)\ninput 8x8x1\nunit_\nFC-2\n"
    (row, _) = load(text).rows
    assert row.output == (4, 8, 8)
    inner = "network a(v=9)\nblock unit_(w=4) { conv3-v; conv3-w }\ninput 8x8x1\nunit_\nFC-2\n"
    assert [layer.output[0] for layer in load(inner).layers[:2]] == [9, 4]


def test_a_spec_may_define_its_own_shortcut():
    """`shortcut` is a block like any other: a spec may define its own."""
    net = load(
        "block shortcut_mean(width, stride) {\n"
        "  avgpool 2x2 if stride != 1\n  conv1-width if in != width\n}\n"
        "network a\ninput 8x8x4\nshortcut mean\n[] means residual\n"
        "[ conv3-8; conv3-8 ] x 2, stride 2\nFC-2"
    )
    assert kinds(net)[:5] == ["conv", "conv", "pool", "conv", "add"]
    named = load("input 8x8x4\nadd { shortcut A; conv3-8 stride 2 }\nFC-2")
    assert kinds(named)[:4] == ["conv", "pool", "channelpad", "add"]


def test_stride_goes_to_the_first_repetition():
    def strides(text: str) -> list[int]:
        net = load(f"input 32x32x4\n{text}\nFC-2")
        nodes = net.graph.nodes[1:]
        return [node.op.stride[0] for node in nodes if node.op.kind == "conv"]

    assert strides("[ conv1-4; conv3-4 ] x 2, stride 2") == [2, 1, 1, 1]
    assert strides("stride on 3x3\n[ conv1-4; conv3-4 ] x 2 stride 2") == [1, 2, 1, 1]
    assert strides("2x [ conv1-4; conv3-4 ], stride 2") == [2, 1, 1, 1]
    last = "stride on last\nblock u(c) { conv3-c }\n"
    assert strides(f"{last}[ conv1-4; conv3-4 x2 ] x 2 stride 2") == [1, 2, 1, 1, 1, 1]
    assert strides(f"{last}[ conv1-4; {{ conv3-4; conv3-4 }} ] stride 2") == [1, 1, 2]
    # Only layers that the group itself writes; a block's layers are its own.
    assert strides(f"{last}[ conv1-4; u(4) ] stride 2") == [2, 1]
    assert strides(f"{last}residual [ conv1-4; conv3-4; conv1-8 ] stride 2") == [1, 1, 2, 2]
    # The shortcut has the same stride as the body.
    assert strides("residual [ conv3-4; conv3-4 stride 2 ] x 2, stride 2")[:3] == [2, 2, 4]
    assert strides(
        "block unit_(c, s=1) { conv3-c; conv3-c stride (s) }\nunit_(4) x 2, stride 2"
    ) == [
        1,
        2,
        1,
        1,
    ]


# Names.


def test_names_of_branches_and_blocks():
    net = load(
        "block wide(c) { up: conv1-c; conv3-c }\n"
        "input 8x8x2\nconv means conv-relu\n"
        "wide(4)\nstage: residual [ conv3-4; out: conv1-4 ] x 2\nconcat { conv1-2; conv1-3 }\nFC-2"
    )
    assert names(net) == [
        "wide1.up.conv",
        "wide1.up.relu",
        "wide1.conv2.conv",
        "wide1.conv2.relu",
        "stage.0.body.conv1.conv",
        "stage.0.body.conv1.relu",
        "stage.0.body.out",
        "stage.0.add",
        "stage.0.relu",
        "stage.1.body.conv1.conv",
        "stage.1.body.conv1.relu",
        "stage.1.body.out",
        "stage.1.add",
        "stage.1.relu",
        "concat1.conv1.conv",
        "concat1.conv1.relu",
        "concat1.conv2.conv",
        "concat1.conv2.relu",
        "concat1.concat",
        "flatten",
        "fc1",
    ]
    module = net.module()
    assert isinstance(module.stage[1], Composite)
    assert set(names(net)) <= {name for name, _ in module.named_modules()}


def test_lines_without_layers_have_rows():
    net = load("network a(k=1)\ninput 8x8x2\nidentity\nconv3-4 if k > 1\nconv3-5\nFC-2")
    assert [(row.name, row.params) for row in net.rows][:2] == [("identity1", 0), ("conv1", 95)]
    assert load(net.text.source.text, parameters={"k": 2}).rows[1].output == (4, 8, 8)


# Repeats.


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "resnet18"])
def test_a_repeat_equals_the_lines_written_out(name: str):
    """A repeat is copied from its first repetitions; it must equal the text without repeats."""
    text = spec_files.read_source(spec_files.names()[name]).text
    net = load(text)
    lines = []
    for line in text.splitlines():
        head, times, rest = line.partition("] x ")
        if not times:
            lines.append(line)
            continue
        label, _, group = head.partition(": ")
        count, _, stride = rest.partition("=>")[0].partition(",")
        lines.append(f"{label}_0: {group}]{',' + stride if stride else ''}")
        lines += [f"{label}_{i}: {group}]" for i in range(1, int(count))]
    plain = load("\n".join(lines))
    assert len(net.rows) < len(plain.rows)
    for a, b in zip(net.graph.nodes, plain.graph.nodes, strict=True):
        assert (a.op, a.inputs, a.shape) == (b.op, b.inputs, b.shape)
        assert a.name.replace(".", "_") == b.name.replace(".", "_")


def test_claims_within_repetitions_are_judged_in_each():
    text = "input 8x8x2\n[ conv3-4 => 8x8x4, params 148; conv3-4 ] x 3\nFC-2"
    net = load(text)
    assert [(c.where, c.computed, c.verdict) for c in net.claims if c.quantity == "params"] == [
        ("group1.0.conv1", 76, "fails"),
        ("group1.1.conv1", 148, "holds"),
        ("group1.2.conv1", 148, "holds"),
    ]


@pytest.mark.slow
def test_a_network_too_large_is_refused_at_once():
    limit = rf"more than {MOST_LAYERS:,} layers"
    with pytest.raises(archdsl.ArchError, match=limit):
        load("input 8x8x2\n[ [ conv3-4; relu ] x 1000 ] x 1000\nFC-2")
    with pytest.raises(archdsl.ArchError, match=limit):
        load("input 8x8x2\nblock b { conv3-2 x 1000 }\nresidual [ b x 1000 ]\nFC-2")
    # A tower of blocks, each of which uses the next twice, contains no repeats.
    tower = "".join(f"block b{i} {{ b{i - 1}; b{i - 1} }}\n" for i in range(1, 41))
    with pytest.raises(archdsl.ArchError, match=limit):
        load(f"block b0 {{ relu }}\n{tower}network a\ninput 8x8x2\nb40\nFC-2")


def test_a_repeat_of_nothing_adds_nothing():
    tower = "".join(f"block b{i} {{ b{i - 1}; b{i - 1} }}\n" for i in range(1, 41))
    text = f"block b0 {{ identity }}\n{tower}network a\ninput 8x8x2\n"
    assert names(load(text + "b40\nFC-2")) == ["flatten", "fc1"]
    assert names(load("input 8x8x2\n[ identity ] x 999999999\nFC-2")) == ["flatten", "fc1"]


def test_a_block_used_again_equals_the_first_use():
    """The second use is copied; it must equal a block of another name with the same lines."""
    lines = "add { identity; [ conv1-(in); conv3-4 => 8x8x4 ] }; residual [ body; conv3-4 ]"
    text = (
        f"block one {{ {lines} }}\nblock two {{ {lines} }}\nnetwork a\ninput 8x8x4\n"
        "conv means conv-bn-relu\none [ conv1-2 ]\nUSED [ conv1-2 ]\nFC-2"
    )
    again, other = load(text.replace("USED", "one")), load(text.replace("USED", "two"))
    for a, b in zip(again.graph.nodes, other.graph.nodes, strict=True):
        assert (a.op, a.inputs, a.shape) == (b.op, b.inputs, b.shape)
        assert a.name.replace("one2", "two1") == b.name
    assert [c.where.replace("one2", "two1") for c in again.claims] == [
        c.where for c in other.claims
    ]
    assert len(again.claims) == 2


# Modules and sources.

COMPOSED = [
    "residual [ conv3-4; conv3-4 ] x 2",
    "concat { identity; conv3-4 } x 3",
    "add { [ maxpool 3x3/1; conv1-4 ]; conv3-4 -> relu; identity -> conv1-4 }",
    "multiply { conv3-4; conv1-4 -> sigmoid } -> conv1-3",
    "concat { add { identity; conv3-2 }; maxpool 3x3/1 }",
    "add { identity; identity; identity } -> conv1-2",
    "1: { conv3-4; 2nd: add { identity; conv3-4 } } x 2",
    "self: residual [ forward_: conv3-4 ]",
]
HEADS = ["FC-3", "gap, flatten, softmax", "conv1-3 -> softmax"]


@pytest.mark.parametrize(("body", "head"), [*itertools.product(COMPOSED, HEADS)])
def test_module_and_source_agree_with_the_analysis(body: str, head: str):
    net = load(f"input 8x8x2\nconv means conv-bn-relu\n{body}\n{head}")
    module = net.module()
    x = images(net)
    assert sum(p.numel() for p in module.parameters()) == net.params
    assert sum(b.numel() for b in module.buffers()) == net.buffers
    assert macs(module, x[:1].float()) == net.macs
    assert tuple(module(x.float()).shape[1:]) == net.output
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    made = space["Text"]()
    assert list(made.state_dict()) == list(module.state_dict())
    assert difference(made.double(), module.double(), x) == 0.0


def test_a_composite_frees_values_after_their_last_use():
    net = load("input 8x8x2\nblock b { concat { conv3-4; conv3-4 -> conv3-4 }; conv3-2 }\nb\nFC-2")
    composites = [m for m in net.module().modules() if isinstance(m, Composite)]
    assert composites
    for module in composites:
        freed = [i for *_, unused in module._steps for i in unused]
        assert len(freed) == len(set(freed))
        values = 1 + len(module._steps)
        assert set(freed) == set(range(values)) - set(module._outputs)


def test_every_join_is_registered():
    assert {"add", "concat", "multiply"} <= {kind.kind for kind in REGISTRY}


# Edge cases.


def test_copies_and_kinds_with_digits_share_no_name():
    load("block b { fc 5 }\nnetwork a\ninput 4x4x2\nconcat { b; b }\nFC-2").module()
    lines = "conv3-4\n" * 11
    load(
        f"block stage1 {{ conv1-4 }}\nblock stage {{ conv3-4 }}\nnetwork a\ninput 4x4x2\n{lines}"
        + "stage\n" * 11
        + "stage1\nFC-2"
    ).module()
    load("input 4x4x2\nconv3-4 relu relu relu relu relu relu relu6\nFC-2").module()


@pytest.mark.parametrize("label", ["done", "reads", "outputs", "self", "super", "x", "torch", "aµ"])
def test_any_label_makes_a_module_and_source_that_runs(label: str):
    if label == "x":
        return  # a repeat
    net = load(f"input 4x4x2\nadd {{ {label}: conv3-2; identity }}\n{label}: conv1-3\nFC-2")
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    assert list(space["Text"]().state_dict()) == list(net.module().state_dict())


def test_companions_in_a_chain_belong_to_the_adjacent_repetition():
    text = "input 4x4x2\nconv means conv-relu\n{}\nFC-2"
    after = load(text.format("conv3-4 x3 -> relu"))
    assert kinds(after)[:6] == ["conv", "relu", "conv", "relu", "conv", "relu"]
    front = load(text.format("relu -> conv3-4 x3"))
    assert kinds(front)[:6] == ["relu", "conv", "conv", "relu", "conv", "relu"]


@pytest.mark.parametrize(
    "body",
    [
        "multiply { identity; conv3-2 }",
        "multiply { conv3-2; identity; conv1-2 }",
        "conv3-2\nmultiply { identity; conv3-2; conv1-2 }",
    ],
)
def test_memory_of_products_whose_branches_need_no_gradient(body: str):
    net = load(f"input 8x8x2\n{body}\nFC-2")
    assert kept_for_backward(net.module(), images(net, 1).float()) == net.memory.backward


def test_a_flattened_map_lives_as_long_as_it_is_read():
    assert load("input 8x8x2\nfc 3000\nfc 2").memory.forward_peak == 4 * (128 + 3000)


def test_the_stride_of_a_group_reaches_the_first_convolution_wherever_it_is():
    def strides(text: str) -> list[int]:
        net = load(f"block u(c) {{ conv3-c; conv1-c }}\nnetwork a\ninput 16x16x4\n{text}\nFC-2")
        return [n.op.stride[0] for n in net.graph.nodes if n.op.kind == "conv"]

    assert strides("[ u(4); conv1-4 ], stride 2") == [2, 1, 1]
    assert strides("[ u(4); u(4) ] x 2, stride 2") == [2, 1, 1, 1, 1, 1, 1, 1]
    assert strides("[ residual [ conv3-4 ]; conv3-4 ], stride 2") == [2, 2, 1]
    twice = "block v { body; body }\n"
    net = load(f"{twice}network a\ninput 16x16x4\nv [ conv3-4 ], stride 2\nFC-2")
    assert net.rows[0].output == (4, 8, 8)


def test_lines_without_layers_do_not_hide_the_output():
    text = "input 4x4x3\nconv means conv-relu\nfc means fc-relu\n"
    for tail in ("identity", "{ identity }", "out"):
        net = load(f"block out {{ softmax }}\nnetwork a\n{text}FC-3\n{tail}")
        assert "relu" not in kinds(net)
    for branch in ("[ conv3-3; identity ]", "conv3-3 -> identity"):
        net = load(f"{text}add {{ identity; {branch} }}, activation after\nFC-2")
        assert kinds(net)[:3] == ["conv", "add", "relu"]


def test_the_stride_of_a_shortcut_follows_the_map_not_its_gate():
    for gate in ("[ maxpool; gap; fc 8; sigmoid ]; identity", "identity; [ gap; fc 8; sigmoid ]"):
        net = load(f"input 8x8x3\nadd {{ shortcut; [ conv3-8; multiply {{ {gate} }} ] }}\nFC-2")
        assert net.rows[0].output == (8, 8, 8)


def test_the_trunk_ends_where_all_branches_gather():
    net = load("input 8x8x2\nconv3-4\nconcat { gap; global max pool }\nFC-3")
    assert net.receptive_field == (3, 3)
    net = load("input 8x8x2\nconcat { flatten; [ maxpool; flatten ] }\nFC-3")
    assert net.rows[-1].receptive_field == (8, 8)


def refused(text: str, message: str) -> None:
    with pytest.raises(archdsl.ArchError, match=message):
        load(text)


def test_towers_are_refused_in_time():
    bodies = "".join(
        f"block b{i} {{ b{i - 1} [ body ]; b{i - 1} [ body ] }}\n" for i in range(1, 41)
    )
    top = "network a\ninput 8x8x2\n"
    assert kinds(load(f"block b0 {{ body }}\n{bodies}{top}b40 [ identity ]\nFC-2"))[-1] == "fc"
    refused(f"block b0 {{ body }}\n{bodies}{top}b40 [ relu ]\nFC-2", "more than 120,000 layers")
    empty = "".join(f"block b{i}(k) {{ b{i - 1}(2*k); b{i - 1}(2*k+1) }}\n" for i in range(1, 31))
    refused(f"block b0(k) {{ relu if k < 0 }}\n{empty}{top}b30(1)\nFC-2", "contain no layer")
    tower = "".join(f"block b{i} {{ b{i - 1} }}\n" for i in range(1, 200))
    refused(f"block b0 {{ relu }}\n{tower}{top}b199\nFC-2", "more than 100 deep")
    refused("input 4x4x2\nconv3-4" + " -> relu" * 5000, "a chain of more than 500 links")
    refused("input 4x4x2\nconv3-4" + " relu" * 5000, "more than 500 layers in a phrase")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("u(4) [ conv1-9 ] x 2, stride 2", "has no `body`"),
        ("u(4) + x 2", r"`\+` cannot follow a block"),
        ("u(4), , x 2", "`,` cannot follow a block"),
        ("u(,4)", "an argument is missing"),
        ("u(4,)", "an argument is missing"),
        ("u relu", "`relu` cannot follow a block"),
        ("2x u 4 x 3", "a second repeat"),
        ("2x u(4) x 3", "a second repeat"),
        ("conv3-4 u", "the block `u` next to something else"),
        ("[] means residual x 3", "a bracket can only mean a block"),
        ("[] means foo: residual", "a bracket can only mean a block"),
        ("conv3-4 => params 148 if 1", "`if` after the claims"),
    ],
)
def test_values_that_nothing_reads_are_refused(line: str, message: str):
    refused(f"block u(c) {{ conv3-c }}\nnetwork a\ninput 8x8x4\n{line}\nconv1-2\nFC-2", message)


@pytest.mark.parametrize("name", ["Add", "conv3", "Identity", "body", "in", "Network"])
def test_names_that_a_block_cannot_have(name: str):
    refused(f"block {name} {{ relu }}\nnetwork a\ninput 4x4x2\nFC-2", "already means something")
    if name in ("body", "in"):
        refused(f"network a({name}=3)\ninput 4x4x2\nFC-2", "already means something")


def test_equal_numbers_of_different_types_are_distinguished():
    text = "block b(k) { conv3-4 x (k) }\nnetwork a\ninput 4x4x2\n"
    refused(text + "b(4/2)\nb(0.5*4)\nFC-2", "a repeat of 2.0")


STRINGS = """
block c7s1(w) { conv 7x7 (w) -> relu }
block d(w) { conv 3x3 (w) stride 2 -> relu }
block R(w, p=0) { add { identity; [ conv 3x3 (w); relu; conv 3x3 (w) ] } }
input 16x16x3
"""


@pytest.mark.parametrize(
    ("line", "chain"),
    [
        ("c7s1-64,d128,R128", "c7s1(64) -> d(128) -> R(128)"),
        ("c7s1-64, d128, R128 x 2, d8", "c7s1(64) -> d(128) -> R(128) x 2 -> d(8)"),
        ("d64-d128-R128", "d(64) -> d(128) -> R(128)"),
        ("conv3-64, d128", "conv3-64 -> d(128)"),
        ("d64, R w=64, p=1, d8", "d(64) -> R(64, 1) -> d(8)"),
    ],
)
def test_blocks_in_a_string_are_a_chain(line: str, chain: str):
    strung, chained = archdsl.loads(STRINGS + line), archdsl.loads(STRINGS + chain)
    assert strung.diff(chained).same
    assert [row.name for row in strung.rows] == [row.name for row in chained.rows]


def test_an_argument_with_the_name_of_a_block():
    blocks = "block d(w) { conv1-(w) }\nblock unit(w, d) { conv3-(w) stride (d) }\n"
    one = archdsl.loads(f"{blocks}input 16x16x3\nunit 8, d2")
    assert one.output == (8, 8, 8)
