"""PyTorch listings are read as torch builds them."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
import torch
from facets import CASES, case
from oracle import copy_state, randomise
from paths import DATA
from torch import nn

import archdsl
from archdsl.errors import ArchError
from archdsl.layers import Layer, LayerError
from archdsl.notation import phrase, pytorch_calls
from archdsl.spec import parse
from archdsl.text.source import Source

# The input, and a listing; `rate` is a name with a value.
LISTINGS = [
    # One layer per line, with a comma after the last.
    (
        "33x33x3",
        """nn.Conv2d(3, 12, kernel_size=5, stride=1, padding=2),
nn.ReLU(inplace=True),
nn.Conv2d(12, 9, kernel_size=1, stride=1, padding=0),
nn.ReLU(inplace=True),
nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
nn.Dropout(0.5),""",
    ),
    ("9x9x3", "`nn.MaxPool2d(2, 2)`"),
    ("9x9x3", "self.pool = nn.AvgPool2d(2, 2)"),
    ("9x9x3", "- `torch.nn.BatchNorm2d(3, momentum=0.01)`"),
    ("9x9x3", "torch.nn.Conv2d(3, 8, 3, stride=2), nn.Tanh()"),
    # One Sequential, several layers per line.
    (
        "8x8x3",
        """model = nn.Sequential(
    nn.Flatten(), nn.Linear(8*8*3, 20),
    nn.ReLU(), nn.Linear(20, 16),
    nn.ReLU(), nn.Linear(16, 10)
)""",
    ),
    (
        "20x20x1",
        """Net = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2),  # keeps the size
    nn.ReLU(),
    nn.MaxPool2d(2, 2),

    nn.Conv2d(6, 16, 5),
    nn.ReLU(), nn.MaxPool2d(2, 2),

    nn.Flatten(),
    nn.Linear(16*3*3, 12), nn.ReLU(),
    nn.Linear(12, 10)
)""",
    ),
    (
        "12x12x1",
        """model = nn.Sequential(  # comments (with brackets, and commas) are none of it
    nn.Conv2d(1, 8, kernel_size=3, padding='same', stride=1), nn.ReLU(),
    nn.Conv2d(8, 12, kernel_size=3, padding=1, stride=2), nn.Sigmoid(),
    nn.Flatten(), nn.Linear(6*6*12, 10)
)""",
    ),
    # Several in a row, with line breaks anywhere.
    (
        "16x16x3",
        """block1 = nn.Sequential(
    nn.Conv2d(3, 8, kernel_size=3, padding=1), nn.ReLU(inplace=True),
    nn.MaxPool2d(kernel_size=2, stride=2),
)
self.block2 = nn.Sequential(nn.Conv2d(8, 8, 3,
                                 stride=1, padding="same"),
                            nn.ReLU(), nn.BatchNorm2d(8))

block3 = nn.Sequential(nn.Conv2d(
  8, 12,
  3
  ),
nn.SiLU())
flatten = nn.Flatten()
head = nn.Linear(12
                 * 6 * 6, 5)""",
    ),
    (
        "16x16x3",
        """nn.Sequential(nn.Conv2d(3, 8, 3,
padding=1),
nn.ReLU(),
nn.BatchNorm2d(8),
nn.MaxPool2d(2, 2),
nn.Dropout(rate))""",
    ),
    # A norm does not remove the bias of the convolution before it; `bias=False` does.
    ("9x9x3", "nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(True)"),
    ("9x9x3", "nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8, 0.001, 0.01)"),
    # Every argument by position; one length per axis.
    ("9x12x4", "nn.Conv2d(4, 6, (3, 5), (2, 1), (1, 2), (1, 2), 2, False, 'zeros')"),
    ("9x9x4", "nn.Conv2d(4, 6, 2, padding='valid')"),
    ("9x9x4", "nn.MaxPool2d(3, 2, 1, 1, False, True), nn.AvgPool2d((2, 1), None, 0, True)"),
    ("9x9x4", "nn.MaxPool2d(3, 1), nn.AvgPool2d(3, 1)"),
    ("9x9x7", "nn.LocalResponseNorm(5), nn.LocalResponseNorm(3, 0.01, beta=0.5, k=2)"),
    ("9x9x4", "nn.AdaptiveAvgPool2d(1), nn.Flatten(1, -1), nn.Linear(4, 3, bias=False)"),
    ("9x9x4", "nn.AdaptiveMaxPool2d((1, 1)), nn.Flatten(), nn.Linear(4, 3)"),
    # The rank is part of the name.
    (
        "20, 3 channels",
        "nn.Conv1d(3, 4, 5), nn.BatchNorm1d(4), nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(1)",
    ),
    ("12", "nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(p=0.2)"),
    # What `archdsl source` writes.
    (
        "9x9x3",
        """self.conv1 = chain(
    conv=nn.Conv2d(3, 64, 3, bias=False),
    bn=nn.BatchNorm2d(64),
    relu=nn.ReLU(),
)
self.pool1 = nn.MaxPool2d(2)""",
    ),
]

# Printed ones, of tests/data/notation.json; LARGE has too many parameters for the fast tests.
PRINTED = json.loads((DATA / "notation.json").read_text("utf-8"))
SIZES = {
    **dict.fromkeys(("N52", "N60", "N71", "N75", "N76", "N77", "N78", "N80", "N83"), "32x32x3"),
    **dict.fromkeys(("N59", "N67", "N68", "N69"), "28x28x1"),
    **{"N66": "28x28x6", "N72": "7x7x512", "N73": "1x1x512", "N79": "16x16x32"},
}
LARGE = ("N72",)


def built(listing: str) -> nn.Sequential:
    """The module that Python and torch build from a listing."""
    listing = listing.strip("-` \n")
    names = {
        "nn": nn,
        "torch": torch,
        "rate": 0.5,
        "dropout_rate": 0.5,
        "self": SimpleNamespace(),
        "chain": lambda **layers: nn.Sequential(*layers.values()),
    }
    if re.search(r"^[\w.]+ = ", listing, re.MULTILINE):
        assigned: list[nn.Module] = []
        for statement in re.split(r"^(?=[\w.]+ = )", listing, flags=re.MULTILINE):
            exec(re.sub(r"^[\w.]+ = ", "assigned = ", statement), names)
            assigned += [names["assigned"]] if statement else []
        return nn.Sequential(*assigned)
    return eval(f"nn.Sequential({listing})", names)


@pytest.mark.parametrize(("size", "listing"), LISTINGS, ids=lambda v: v.split("\n")[0][:40])
@pytest.mark.parametrize("conventions", ["", "conv means conv-bn-relu\nfc means fc-relu\n"])
def test_listing(size: str, listing: str, conventions: str):
    compare(f"let rate = 0.5\npadding same\n{conventions}input {size}\n", listing)


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=[pytest.mark.slow] if n in LARGE else []) for n in sorted(SIZES)],
)
def test_printed_listing(number: str):
    head = f"let dropout_rate = 0.5\nconv means conv-bn-relu\ninput {SIZES[number]}\n"
    compare(head, PRINTED[number])


def compare(head: str, listing: str) -> None:
    net = archdsl.loads(head + listing)
    ours, reference = net.module(), built(listing)
    randomise(reference)
    copy_state(reference, ours)
    ours.eval()
    reference.eval()
    x = torch.randn(2, *net.input)
    assert torch.equal(ours(x), reference(x))
    assert tuple(reference(x).shape[1:]) == net.output
    # Not visible in outputs: the dropout rate, the momentum of statistics.
    for a, b in zip(leaves(ours), leaves(reference), strict=True):
        assert a == b or re.search("padding=(same|valid)", b)


def leaves(module: nn.Module) -> list[str]:
    """The layers of a module as torch prints them."""
    shown = [repr(leaf) for leaf in module.modules() if not list(leaf.children())]
    return [re.sub(r"inplace=True|output_size=\(1, 1\)|output_size=1", "", one) for one in shown]


@pytest.mark.parametrize(("kind", "example"), CASES)
def test_the_call_of_a_layer_is_read_back(kind: type[Layer], example: str):
    """`archdsl source` prints this call."""
    if not kind.listed:
        return
    one = case(kind, example)
    call = one.op.call(one.x)
    if call.own:
        return  # a module of our own, not of torch.nn
    assert read_back(str(call), one.x) == one.op
    # Every argument counts: with one changed it is another layer, or no layer.
    for name, value in call.options:
        other = {True: False, False: True}.get(value, 3) if isinstance(value, bool) else 0.7
        changed = call._replace(options=((name, other),))
        try:
            assert read_back(str(changed), one.x) != one.op
        except (ArchError, LayerError):
            pass


def read_back(text: str, x: tuple[int, ...]) -> Layer:
    source = Source("call", text)
    (network,) = parse(source)
    (item,) = network.statements
    (layer,) = phrase.read_phrase(source, item.phrases[0]).layers
    pytorch_calls.check_entering(layer, x)
    given = {name: g.value for name, g in layer.given.items()}
    op = layer.kind.settle(given, x, "same")
    pytorch_calls.check(layer, op, x)
    return op


@pytest.mark.parametrize("name", ["vgg16", "alexnet", "lenet5", "nin", "all_cnn_c"])
def test_the_source_of_a_chain_is_a_listing(name: str):
    net = archdsl.load(name)
    body = net.source().split("super().__init__()\n")[-1].partition("    def forward")[0]
    again = archdsl.loads(f"input {'x'.join(map(str, (*net.input[1:], net.input[0])))}\n{body}")
    ops = [node.op for node in net.graph.nodes if node.op.kind != "softmax"]
    assert [node.op for node in again.graph.nodes] == ops
    if "Sequential(" not in body:  # there names are numbers, and a listing counts by kind
        assert [*again.module().state_dict()] == [*net.module().state_dict()]


HEAD = "conv means conv-bn-relu\ninput 8x8x3\n"


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        # Conventions apply to written layers, not to listed ones.
        ("conv3-4\nnn.Conv2d(4, 8, 3)\nFC-2", "conv bn relu conv flatten fc"),
        ("conv3-4 -> nn.ReLU()\nFC-2", "conv bn relu flatten fc"),
        ("add { identity; { nn.Conv2d(3, 3, 1), nn.ReLU() } }\nFC-2", "conv relu add flatten fc"),
        ("[ nn.Conv2d(3, 4, 3); conv3-4 ] stride 2\nFC-2", "conv conv bn relu flatten fc"),
        ("nn.Conv2d(3, 3, 1) x2", "conv conv"),
        ("2x nn.Sequential(nn.Conv2d(3, 3, 1), nn.Tanh())", "conv tanh conv tanh"),
        (
            "block b(w) { nn.Conv2d(in, 2*w, 1); nn.BatchNorm2d(2*w) }\nb(2)\nb(4)",
            "conv bn conv bn",
        ),
        ("nn.Tanh()\nclass scores: FC-2\n# self.relu, ... (x)", "tanh flatten fc"),
    ],
)
def test_listings_among_other_lines(text: str, layers: str):
    nodes = archdsl.loads(HEAD + text).graph.nodes
    assert " ".join(node.op.kind for node in nodes[1:]) == layers


def test_claims_of_a_listed_layer():
    net = archdsl.loads(HEAD + "nn.Flatten()\nscores: nn.Linear(in, 2)   => 2, params 386")
    assert [claim.verdict for claim in net.claims] == ["holds", "holds"]
    with pytest.raises(ArchError, match="has in_features 384, but its input has 192"):
        archdsl.loads(HEAD + "nn.Flatten()\nnn.Linear(2 * in, 2)")


def test_a_stride_skips_a_listed_layer():
    net = archdsl.loads(HEAD + "[ nn.Conv2d(3, 4, 3, padding=1); conv3-4 ] stride 2\nFC-2")
    assert [n.op.stride for n in net.graph.nodes if n.op.kind == "conv"] == [(1, 1), (2, 2)]


def test_the_plain_text_is_as_long():
    for _, listing in LISTINGS:
        for end in range(0, len(listing), 7):  # even if it is incomplete
            source = Source("listing", listing[:end])
            assert len(source.plain) == end
            assert listing[:end].count("\n") >= source.plain.count("\n")


@pytest.mark.parametrize("layer", ["Softmax2d()", "UpsamplingBilinear2d(scale_factor=2)"])
@pytest.mark.parametrize("size", ["16x4 signal", "4x8x8x4 clip", "4"])
def test_a_class_for_images_reads_only_images(layer: str, size: str):
    """torch runs `nn.Softmax2d` over the batch of signals, and refuses the rest."""
    assert archdsl.loads(f"input 8x8x4\nnn.{layer}\nrelu").module() is not None
    with pytest.raises(archdsl.ArchError, match=r"needs a map|on a map of|on a vector"):
        archdsl.loads(f"input {size}\nnn.{layer}\nrelu")
