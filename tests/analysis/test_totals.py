"""Exact totals of the zoo, compared with figures computed elsewhere and with torch."""

from __future__ import annotations

import re

import pytest
import torch
from oracle import kept_for_backward, macs, named
from reference import check, reference

import archdsl
from archdsl import spec_files

NETWORKS = {
    "vgg16": "VGG D",
    "alexnet": "AlexNet cs231n single column",
    "lenet5": "LeNet modern (001)",
    "lenet5_original": "LeNet-5 as published (1998)",
    "lenet_1x1": "LeNet-like FC / 1x1-conv head",
    "nin": "NIN CIFAR-10",
    "all_cnn_c": "All-CNN-C",
    "resnet18": "ResNet-18 (paper: option B, stride on first conv)",
    "resnet34": "ResNet-34 (paper: option B, stride on first conv)",
    "resnet50": "ResNet-50 (paper: option B, stride on first conv)",
    "resnet101": "ResNet-101 (paper: option B, stride on first conv)",
    "resnet152": "ResNet-152 (paper: option B, stride on first conv)",
    "resnet50_v1_5": "ResNet-50 (torchvision: stride on 3x3)",
    "resnet101_v1_5": "ResNet-101 (torchvision: stride on 3x3)",
    "resnet152_v1_5": "ResNet-152 (torchvision: stride on 3x3)",
    "googlenet": "GoogLeNet (no aux)",
    "densenet121": "DenseNet-121",
    "densenet169": "DenseNet-169",
    "densenet201": "DenseNet-201",
    "densenet161": "DenseNet-161",
    "mobilenet_v1": "MobileNet v1 1.0 224",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_b0": "EfficientNet-B0",
    "highway": "Highway 19 layers CIFAR (authors prototxt as stored)",
    "inception_v3": "Inception v3 (no aux)",
    "wrn_16_4": "WRN-16-4 CIFAR-10",
    "wrn_16_8": "WRN-16-8 CIFAR-10",
    "wrn_28_10": "WRN-28-10 CIFAR-10",
    "resnet20": "ResNet-20 CIFAR-10 option A",
    "resnet32": "ResNet-32 CIFAR-10 option A",
    "resnet44": "ResNet-44 CIFAR-10 option A",
    "resnet56": "ResNet-56 CIFAR-10 option A",
    "resnet110": "ResNet-110 CIFAR-10 option A",
    "resnet1202": "ResNet-1202 CIFAR-10 option A",
    "preact_resnet164": "pre-activation ResNet-164 CIFAR-10",
    "preact_resnet1001": "pre-activation ResNet-1001 CIFAR-10",
    "resnext50": "ResNeXt-50 (32x4d)",
    "squeezenet1_1": "SqueezeNet 1.1",
    "unet": "U-Net",
    "mnasnet": "MnasNet-B1",
    "vgg13_bn": "VGG B with batch norm",
    "convnext_tiny": "ConvNeXt-T",
    "shufflenet_v2_x0_5": "ShuffleNetV2 0.5x",
    "shufflenet_v2_x1_0": "ShuffleNetV2 1x",
    "shufflenet_v2_x1_5": "ShuffleNetV2 1.5x",
    "shufflenet_v2_x2_0": "ShuffleNetV2 2x",
    **{f"vgg:{column}": f"VGG {column}" for column in ("A", "A-LRN", "B", "C", "D", "E")},
    **{
        f"resnet:{depth}-layer": f"ResNet-{depth} (paper: option B, stride on first conv)"
        for depth in (18, 34, 50, 101, 152)
    },
    **{f"densenet_table:DenseNet-{n}": f"DenseNet-{n}" for n in (121, 169, 201, 161)},
    "googlenet_table": "GoogLeNet (no aux)",
    "mobilenet_v2_table": "MobileNetV2",
    "all_cnn:Strided-CNN-C": "Strided-CNN-C",
    "all_cnn:ConvPool-CNN-C": "ConvPool-CNN-C (2 convs, as lectures print it)",
    "all_cnn:All-CNN-C": "All-CNN-C",
    "cifar100_convblock": "CIFAR-100 ConvBlock model (base)",
    "inception_v3_table": "Inception v3, Table 1 to the letter",
    "m5": "M5 (raw waveforms)",
    "c3d": "C3D (Sports-1M)",
}


# Thousands of layers: counted, not built.
DEEPEST = ("resnet1202", "preact_resnet1001")


# Replaced statements of a spec, and the reference for the result.
VARIANTS = [
    ("resnet18", "shortcut B", "shortcut A", "ResNet-18 option A (= plain-18 count)"),
    ("resnet18", "shortcut B", "shortcut C", "ResNet-18 option C"),
    ("resnet34", "shortcut B", "shortcut A", "ResNet-34 option A (= plain-34 count)"),
    ("resnet34", "shortcut B", "shortcut C", "ResNet-34 option C"),
    (
        "resnet50",
        "stride on first",
        "stride on 3x3",
        "ResNet-50 (torchvision: stride on 3x3)",
    ),
]


def test_every_network_of_the_zoo_has_a_reference():
    assert set(NETWORKS) == {
        name for name in spec_files.names() if not spec_files.find_one(name).lacking
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_totals_of_the_zoo_match_the_references(name: str):
    check(archdsl.load(name), NETWORKS[name])


@pytest.mark.parametrize(("name", "old", "new", "title"), VARIANTS)
def test_totals_of_variants_match_the_references(name: str, old: str, new: str, title: str):
    text = spec_files.read_source(spec_files.names()[name]).text
    assert text.count(old) == 1
    check(archdsl.loads(text.replace(old, new)), title)


def test_identity_shortcuts_have_no_parameters():
    """He et al. 2015, Fig. 4: a residual network has the parameters of its plain counterpart."""
    text = spec_files.read_source(spec_files.names()["resnet34"]).text.replace(
        "shortcut B", "shortcut A"
    )
    plain = text.replace("[] means residual", "").replace("shortcut A", "")
    assert archdsl.loads(text).params == archdsl.loads(plain).params


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_and_layers_sum_to_the_totals(name: str):
    net = archdsl.load(name)
    for rows in (net.rows, net.layers):
        assert sum(row.params for row in rows) == net.params + net.side_params
        assert sum(row.macs for row in rows) == net.macs + net.side_macs
    main = (row for row in net.rows if row.kind != "side")
    assert sum(row.depth for row in main) == net.weight_layers


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in DEEPEST])
def test_built_module_agrees(name: str):
    """Parameters and macs to the integer; memory kept for backward within 2 %."""
    net = archdsl.load(name)
    module = net.module()
    x = torch.rand(1, *net.input)
    assert sum(p.numel() for p in module.parameters()) == net.params + net.side_params
    assert macs(module, x) == net.macs
    batch = 2 if net.side_params else 1  # batch norms of 1x1 maps need two images
    kept = kept_for_backward(module, torch.rand(batch, *net.input)) / batch
    assert kept == pytest.approx(net.memory.backward, rel=0.02)
    assert tuple(module.eval()(x).shape[1:]) == net.output


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("googlenet", "GoogLeNet + 2 aux heads"),
        ("googlenet_table", "GoogLeNet + 2 aux heads"),
        ("inception_v3", "Inception v3 (+ aux)"),
    ],
)
def test_params_with_side_heads_match_the_references(name: str, title: str):
    net = archdsl.load(name)
    assert net.params + net.side_params == int(reference(title)["params"])


def test_vgg16_keeps_70_mebibytes_for_backward():
    assert archdsl.load("vgg16").memory.backward / 2**20 == pytest.approx(70.5, rel=0.02)


def test_forward_peak_by_hand():
    """8 → 16 → 8 channels of 4×4: input and the wide map, then the wide map and the output."""
    net = archdsl.loads("input 4x4x8\nconv1-16\nconv1-8\nflatten\nFC-2")
    assert net.memory.forward_peak == 4 * 16 * (16 + 8)
    assert net.memory.parameters == 4 * (8 * 16 + 16 + 16 * 8 + 8 + 128 * 2 + 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["googlenet", "mobilenet_v1", "mobilenet_v2", "densenet121", "wrn_16_8"]
)
def test_receptive_field_by_gradient(name: str):
    """A position of the trunk reads where its gradient is not zero, if all weights are positive,
    maxima are means, and there are no activations."""
    field = archdsl.load(name).analysis.fields[archdsl.load(name).analysis.trunk][0]
    side = field.size + 4 * field.stride  # room for a whole field
    text = spec_files.read_source(spec_files.names()[name]).text
    for old in ("avg pool 7x7/1 pad 0", "avg pool 7x7", "avgpool 7x7"):
        text = text.replace(old, "avgpool")
    text = re.sub(r"[78]x[78] (global )?average", "global average", text)
    text = re.sub(r"^side .*?^}$", "", text, flags=re.MULTILINE | re.DOTALL)
    net = named(name, text, (side, 65))
    module = net.module(dtype=torch.float64).eval()
    for scope, layer in list(module.named_modules()):
        if isinstance(layer, torch.nn.ReLU | torch.nn.ReLU6 | torch.nn.LocalResponseNorm):
            module.set_submodule(scope, torch.nn.Identity())
        elif isinstance(layer, torch.nn.MaxPool2d):
            size = layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode
            module.set_submodule(scope, torch.nn.AvgPool2d(*size))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_()
    trunk = net.graph.nodes[net.analysis.trunk]
    seen: list[torch.Tensor] = []
    module.get_submodule(trunk.name).register_forward_hook(lambda *a: seen.append(a[-1]))
    x = torch.ones(1, *net.input, dtype=torch.float64, requires_grad=True)
    module(x)
    middle = trunk.shape[1] // 2
    seen[0][0, :, middle].sum().backward()
    rows = (x.grad[0] != 0).any(0).any(1).nonzero().flatten()
    start, end = net.analysis.fields[net.analysis.trunk][0].reads(middle)
    assert end - start == field.size
    assert (int(rows.min()), int(rows.max())) == (start, end - 1)


def test_the_trunk_ends_before_a_map_is_read_as_one():
    """By a convolution, an average or a connection of the whole map."""
    trunk = "input 16x16x1\nconv3-4\nmaxpool\n"
    for head in ("FC-2", "conv 8x8 2 pad 0", "avgpool", "avgpool 8x8", "flatten"):
        assert archdsl.loads(trunk + head).receptive_field == (4, 4)
    # A padded convolution or a maximum of a small map is still part of the trunk.
    assert archdsl.loads("input 2x2x1\nconv3-4\nmaxpool\nFC-2").receptive_field == (4, 4)
    # Asymmetric kernels have one field per axis: H×W.
    assert archdsl.loads("input 9x9x1\nconv 1x3 4\nconv 1x3 4").receptive_field == (1, 5)


def test_rows_carry_field_and_effective_stride():
    net = archdsl.loads("input 64x64 RGB\nconv 7x7/2 8\nmaxpool 3x3/2\nconv3-8 x2")
    assert [(r.receptive_field[0], r.stride[0]) for r in net.rows] == [(7, 2), (11, 4), (27, 4)]
