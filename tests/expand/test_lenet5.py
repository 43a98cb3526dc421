"""LeNet-5 as it was published: its connection table, its subsampling, its output codes."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import pytest
import torch
from oracle import difference, macs, randomise
from printed_notation import PRINTED
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl import spec_files
from archdsl.errors import ArchError
from archdsl.layers.connection_table import tables
from archdsl.output.paper_table.render import latex, markdown
from archdsl.output.records import Difference, Summary
from archdsl.pytorch import extra_modules
from archdsl.train import recipe_of, train

TEXT = spec_files.read_source(spec_files.names()["lenet5_original"]).text
# Table I of the paper, column by column.
PAPER = (
    "0 1 2, 1 2 3, 2 3 4, 3 4 5, 0 4 5, 0 1 5, 0 1 2 3, 1 2 3 4, 2 3 4 5, 0 3 4 5, 0 1 4 5, "
    "0 1 2 5, 0 1 3 4, 1 2 4 5, 0 2 3 5, 0 1 2 3 4 5"
)
# A lecture's transcription of it, N55 of the pieces of notation: cells have moved.
DECK = PRINTED["N55"].partition("\n\nTABLE I")[0]
PASTED = TEXT[TEXT.index("|   |") : TEXT.index("S4:")].rstrip()


def with_table(table: str) -> str:
    assert TEXT.count(PASTED) == 1
    return TEXT.replace(PASTED, table)


def inline(lists: str = PAPER) -> str:
    return with_table("").replace("connection table", f"connections ({lists})")


# The numbers of the paper.


def test_every_row_of_the_paper():
    net = archdsl.load("lenet5_original")
    assert {row.name: row.params for row in net.rows} == {
        **{"C1": 156, "S2": 12, "C3": 1_516, "S4": 32, "C5": 48_120, "F6": 10_164, "rbf1": 0}
    }
    assert net.params == 60_000
    assert net.buffers == 84 * 10
    assert all(claim.verdict == "holds" for claim in net.verify())


def test_connections_of_the_paper():
    """Section II.B counts lines into units, a bias among them: 340,908 in all."""
    net = archdsl.load("lenet5_original")
    rows = {row.name: row for row in net.rows}
    found = {}
    for name in ("C1", "C3", "C5", "F6"):  # a weight or a bias for each line into a unit
        found[name] = rows[name].params * math.prod(rows[name].output[1:])
    for name in ("S2", "S4"):
        found[name] = (2 * 2 + 1) * math.prod(rows[name].output)
    assert found == {
        **{"C1": 122_304, "C3": 151_600, "C5": 48_120, "F6": 10_164, "S2": 5_880, "S4": 2_000}
    }
    assert sum(found.values()) + net.buffers == 340_908


# The table.


def test_the_table_is_the_papers():
    net = archdsl.load("lenet5_original")
    (op,) = [n.op for n in net.graph.nodes if getattr(n.op, "connections", "")]
    assert op.connections == PAPER
    assert sum(map(len, tables(PAPER))) == 60


def rows_of(text: str) -> list[list[str]]:
    rows = [line.strip().strip("|").split("|") for line in text.strip().split("\n")]
    return [[cell.strip() for cell in row] for row in rows if "---" not in row[0]]


def tabbed(cells: list[list[str]]) -> str:
    return "\n".join("\t".join(row) for row in cells)


def counted_from_one(cells: list[list[str]]) -> list[list[str]]:
    head, *body = cells
    body = [[str(int(row[0]) + 1), *row[1:]] for row in body]
    return [[r"S2 \ C3", *(str(int(cell) + 1) for cell in head[1:])], *body]


def in_latex(cells: list[list[str]], mark: str = "X") -> str:
    rows = [" & ".join(row).replace("X", mark) + r" \\" for row in cells]
    body = "\n".join(rows)
    return f"\\begin{{tabular}}{{c|{'c' * 16}}}\n\\hline\n{body}\n\\end{{tabular}}"


def piped(cells: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


CELLS = rows_of(PASTED)
SPELLINGS = {
    "tabs": tabbed(CELLS),
    "tabs without those at the ends of lines": "\n".join(
        map(str.rstrip, tabbed(CELLS).split("\n"))
    ),
    "counted from 1": tabbed([["", *counted_from_one(CELLS)[0][1:]], *counted_from_one(CELLS)[1:]]),
    "with a corner": piped(counted_from_one(CELLS)).replace("\\ ", ""),
    "small letters": PASTED.replace("X", "x"),
    "ticks": PASTED.replace("X", "✓"),
    "dashes": PASTED.replace("|   ", "| - ").replace("| - | 0 | 1", "|   | 0 | 1"),
    "a title": "| Table I | | | | | | | | | | | | | | | | |\n" + PASTED,
    "LaTeX": in_latex(CELLS),
    "LaTeX with signs": in_latex(CELLS, r"$\times$"),
    "struck": PASTED.replace("| 5 |   |", "| 5 | ~~X~~ |"),
}


@pytest.mark.parametrize("table", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_the_table(table: str):
    own = archdsl.load("lenet5_original")
    other = archdsl.loads(with_table(table))
    assert other.params == 60_000
    assert own.diff(other).same


def test_the_table_in_words():
    assert archdsl.load("lenet5_original").diff(archdsl.loads(inline())).same


def test_two_tables_for_two_layers():
    small = "|   | 0 | 1 |\n|---|---|---|\n| 0 | X |   |\n| 1 | X | X |\n"
    other = "|   | 1 | 2 |\n|---|---|---|\n| 1 |   | X |\n| 2 | X |   |\n"
    head = "input 8x8x2\n"
    asked = "conv 3x3, connections -> relu -> conv 3x3, connections"
    net = archdsl.loads(f"{head}{asked}\n{small}\n{other}")
    ops = [n.op.connections for n in net.graph.nodes if "conv" in n.op.label]
    assert ops == ["0 1, 1", "1, 0"]
    lines = f"{head}conv 3x3, connections\n\n{small}\nconv 3x3, connections\n\n{other}relu\n"
    assert [
        n.op.connections for n in archdsl.loads(lines).graph.nodes if n.op.kind == "conv"
    ] == ops


def test_a_connection_table_next_to_a_table_of_layers():
    net = archdsl.loads(
        "input 8x8x2\nconv 3x3, connection table\n\n|   | 0 | 1 |\n|---|---|---|\n| 0 | X |   |\n"
        "| 1 | X | X |\n\n| Layer | Output |\n|---|---|\n| conv3-4 | 8x8 |\n| relu | 8x8 |\n"
    )
    assert [row.params for row in net.rows] == [3 * 9 + 2, 4 * 2 * 9 + 4, 0]


def test_damage_of_the_table_contradicts_a_figure():
    """62 X in place of 60: nothing is repaired, the paper's figure contradicts it."""
    net = archdsl.loads(with_table(DECK))
    assert DECK.count("X") == 62
    by_name = {row.name: row for row in net.rows}
    assert by_name["C3"].params == 62 * 25 + 16 == 1_566
    failed = [claim for claim in net.verify() if claim.verdict == "fails"]
    assert [(c.where, c.printed, c.computed) for c in failed] == [
        ("C3", "1.516", 1_566),
        ("network", "60,000", 60_050),
    ]
    assert {c.note for c in failed} == {"the transcription of the table may be damaged"}
    claims = archdsl.loads(inline(PAPER.replace("0 1 2, ", "0 1, ", 1))).verify()  # not pasted
    assert {c.note for c in claims if c.verdict == "fails"} == {None}


# The module.


class Dense(nn.Module):
    """The reference: a convolution that reads all maps, with zeros for the missing links."""

    def __init__(self, conv: nn.Module, lists: tuple[tuple[int, ...], ...], channels: int) -> None:
        super().__init__()
        self.conv = conv
        self.mask: Tensor
        self.register_buffer(
            "mask", torch.zeros(len(lists), channels, *(1 for _ in conv.kernel_size))
        )
        for out, inputs in enumerate(lists):
            self.mask[out, list(inputs)] = 1

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        return conv._conv_forward(x, conv.weight * self.mask, conv.bias)


def fill(dense: nn.Module, partial: extra_modules.PartialConv) -> None:
    """The weights of a convolution with a table, as those of one that reads all maps."""
    with torch.no_grad():
        dense.weight.zero_()
        for outs, conv in zip(partial.alike, partial.convs, strict=True):
            for row, out in enumerate(outs):
                dense.weight[out, list(partial.connections[out])] = conv.weight[row]
                if conv.bias is not None:
                    dense.bias[out] = conv.bias[row]


@pytest.mark.parametrize(
    ("lists", "shape", "options"),
    [
        (PAPER, (6, 14, 14), {}),
        ("1, 0 2, 0 1 2, 2", (3, 9, 8), {"stride": 2, "padding": 1}),
        ("0 1, 0 1", (2, 11), {"dilation": 2, "bias": False}),
        ("1, 0", (2, 5, 6, 7), {}),
    ],
)
def test_parity_with_a_masked_convolution(lists: str, shape: tuple[int, ...], options: dict):
    connections = tables(lists)
    rank = len(shape) - 1
    kernel = (5, 5) if rank == 2 and shape[0] == 6 else (3,) * rank
    partial = extra_modules.PartialConv(connections, kernel, **options).double()
    conv = getattr(nn, f"Conv{rank}d")(shape[0], len(connections), kernel, **options).double()
    dense = Dense(conv, connections, shape[0]).double()
    randomise(partial)
    fill(conv, partial)
    links = sum(map(len, connections))
    assert sum(c.weight.numel() for c in partial.convs) == links * math.prod(kernel)
    x = torch.randn(3, *shape, dtype=torch.float64, requires_grad=True)
    y = torch.randn(3, *shape, dtype=torch.float64)
    y.data = x.data.clone()
    y.requires_grad_()
    ours, theirs = partial(x), dense(y)
    assert torch.allclose(ours, theirs)
    weights = torch.randn_like(ours)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    assert torch.allclose(x.grad, y.grad)
    for outs, one in zip(partial.alike, partial.convs, strict=True):
        for row, out in enumerate(outs):
            found = conv.weight.grad[out, list(connections[out])]
            assert torch.allclose(one.weight.grad[row], found)
            if one.bias is not None:
                assert torch.allclose(one.bias.grad[row], conv.bias.grad[out])


def test_only_links_have_multiply_adds():
    net = archdsl.load("lenet5_original")
    module = net.module()
    x = torch.rand(1, *net.input)
    assert macs(module, x) == net.macs == 117_600 + 60 * 25 * 100 + 48_000 + 10_080 + 840


def test_subsampling_is_a_weighted_sum():
    module = extra_modules.Subsampling(3, (2, 2))
    x = torch.randn(2, 3, 6, 5)
    assert torch.allclose(module(x), functional.avg_pool2d(x, 2))  # before training: the mean
    randomise(module)
    sums = sum(x[:, :, i:6:2, j : j + 3 : 2] for i, j in product((0, 1), (0, 1)))
    expected = sums * module.weight + module.bias
    assert module(x).shape == (2, 3, 3, 2)
    assert torch.allclose(module(x), expected, atol=1e-6)


def test_scaled_tanh_maps_one_to_one():
    """Appendix A: f(1) = 1 and f(-1) = -1."""
    squash = archdsl.loads("input 3\nscaled tanh\n").module()
    x = torch.tensor([[1.0, -1.0, 0.3]])
    assert torch.allclose(squash(x)[0, :2], torch.tensor([1.0, -1.0]), atol=1e-4)
    assert torch.allclose(squash(x), 1.7159 * torch.tanh(2 / 3 * x))


# The codes.


def test_codes_are_bitmaps_of_digits():
    codes = extra_modules.RBF(84, 10).codes
    assert set(codes.flatten().tolist()) == {-1.0, 1.0}
    bitmaps = codes.view(10, 12, 7) > 0
    assert bitmaps[1].sum(1).max() == 5  # the foot of the 1
    for bitmap in bitmaps:
        assert bitmap.any(1).all() and bitmap.any(0).sum() >= 5  # no row is empty
    # 0 and 8 lie upright and are their own mirror images, 2 and 5 are not.
    assert torch.equal(bitmaps[0], bitmaps[0].flip(1)) and torch.equal(
        bitmaps[8], bitmaps[8].flip(1)
    )
    assert not torch.equal(bitmaps[2], bitmaps[2].flip(1))
    assert torch.cdist(codes, codes, p=1).add(torch.eye(10) * 1e3).min() >= 2 * 6


@pytest.mark.parametrize(
    ("inputs", "width"), [(84, 10), (84, 4), (84, 12), (9, 10), (64, 33), (2, 2)]
)
def test_rbf_is_a_squared_distance(inputs: int, width: int):
    module = extra_modules.RBF(inputs, width)
    assert len({tuple(code.tolist()) for code in module.codes}) == width
    assert set(module.codes.flatten().tolist()) == {-1.0, 1.0}
    x = 2 * torch.randn(5, inputs, dtype=torch.float64, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    ours = module.double()(x)
    theirs = -(y[:, None] - module.codes).square().sum(2)
    assert torch.allclose(ours, theirs)
    # Softmax of it: the posterior of Gaussians around the codes.
    gaussians = theirs.exp()
    assert torch.allclose(ours.softmax(1), gaussians / gaussians.sum(1, keepdim=True))
    (gradient,) = torch.autograd.grad(functional.cross_entropy(ours, torch.arange(5) % width), x)
    functional.cross_entropy(theirs, torch.arange(5) % width).backward()
    assert torch.allclose(gradient, y.grad)


def test_codes_recognise_themselves():
    module = extra_modules.RBF(84, 10)
    assert torch.equal(module(module.codes).argmax(1), torch.arange(10))
    assert torch.equal(module(module.codes).diagonal(), torch.zeros(10))


def test_hadamard_codes_are_far_apart():
    codes = extra_modules.RBF(64, 64).codes
    assert torch.equal(codes @ codes.T, 64 * torch.eye(64))


def test_the_output_layer_stays_bare():
    children = dict(archdsl.load("lenet5_original").module().named_children())
    assert isinstance(children["rbf1"], extra_modules.RBF)
    assert isinstance(children["F6"].scaledtanh, extra_modules.ScaledTanh)
    assert isinstance(children["S2"].scaledtanh, extra_modules.ScaledTanh)


# Source, weights, tables and differences.


def test_source_matches_the_module():
    net = archdsl.load("lenet5_original")
    space: dict[str, type[nn.Module]] = {}
    exec(net.source(), space)
    made, module = space["Lenet5Original"](), net.module()
    assert list(made.state_dict()) == list(module.state_dict())
    x = torch.rand(2, *net.input)
    codes = module.rbf1.codes.clone()
    assert difference(made, module, x) == 0.0
    assert torch.equal(space["Lenet5Original"]().rbf1.codes, codes)


def test_weights_hold_the_codes(tmp_path: Path):
    net = archdsl.load("lenet5_original")
    module = net.module()
    randomise(module)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    again = net.module(weights=tmp_path / "weights.pt")
    assert torch.equal(again.rbf1.codes, module.rbf1.codes)
    x = torch.rand(2, *net.input)
    assert torch.equal(again.eval()(x), module.eval()(x))
    moved = archdsl.loads(inline(PAPER.replace("0 1 2, ", "0 1, ", 1)))
    with pytest.raises(ArchError, match="do not fit the network"):
        moved.module(weights=tmp_path / "weights.pt")


@pytest.mark.parametrize("form", [markdown, latex])
def test_a_table_of_networks_keeps_the_connections(form):
    net = archdsl.load("lenet5_original")
    text = form([net])
    if form is latex:
        text = "\n".join(line.removeprefix("% ") for line in text.split("\n"))
    again = archdsl.loads(text)
    assert again.params == 60_000
    assert net.diff(again).same


def test_diff_shows_changed_connections():
    net = archdsl.load("lenet5_original")
    moved = archdsl.loads(inline(PAPER.replace("0 1 2, 1 2 3", "0 1 3, 1 2 3", 1)))
    found = net.diff(moved)
    assert not found.same
    (change,) = found.changes
    assert [(a.name, a.before[:7], a.after[:7]) for a in change.attributes] == [
        ("connections", "0 1 2, ", "0 1 3, ")
    ]
    Difference.model_validate(found.to_dict())


def test_json_holds_the_connections():
    summary = Summary.model_validate(archdsl.load("lenet5_original").to_dict())
    (c3,) = [row for row in summary.rows if row.name == "C3"]
    assert (c3.notation, c3.params, c3.macs) == ("conv 5x5 16, connection table", 1_516, 150_000)
    assert summary.totals.buffers == 840


@pytest.mark.slow
@pytest.mark.parametrize("split", ["0", "1"])
def test_it_learns_digits(tmp_path: Path, split: str):
    net = archdsl.load("lenet5_original")
    run, module = train(net, recipe_of(net, {"split": split}), device="cpu", runs=tmp_path)
    assert run.accuracy >= 0.97
    assert torch.equal(module.rbf1.codes, extra_modules.RBF(84, 10).codes)
