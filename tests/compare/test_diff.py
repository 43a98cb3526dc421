"""`archdsl diff`: which networks are the same, and where others differ."""

from __future__ import annotations

import io
import itertools
import random
import sys
from pathlib import Path

import pytest
from spellings import DIFFERENT, SAME

import archdsl
from archdsl import spec_files
from archdsl.compare import isomorphism
from archdsl.compare.alignment import common
from archdsl.compare.diff import Diff
from archdsl.compare.isomorphism import ComparableGraph, comparable, same
from archdsl.errors import ArchError
from archdsl.output.diff import text as shown
from archdsl.output.records import Difference

HEAD = "input 16x16x4\n"


def network(text: str, head: str = HEAD) -> archdsl.Network:
    named = text.startswith(("input", "network", "block", "8x8x6", "[8x8x6] INPUT"))
    return archdsl.loads(text if named else head + text)


def diff(a: str, b: str, head: str = HEAD) -> Diff:
    return network(a, head).diff(network(b, head))


def check(found: Diff) -> Diff:
    """Every diff gives a reason, and its changes add up to those of the totals."""
    a, b = found.a, found.b
    assert found.same == (not found.settings and not found.changes)
    if found.same:
        figures = [(n.params, n.macs, n.side_params, n.side_macs, n.outputs) for n in (a, b)]
        assert figures[0] == figures[1]
    else:
        everything = [(n.params + n.side_params, n.macs + n.side_macs) for n in (a, b)]
        assert sum(s.params for s in found.steps) == everything[1][0] - everything[0][0]
        assert sum(s.macs for s in found.steps) == everything[1][1] - everything[0][1]
        for net, places in (
            (a, [step.before for step in found.steps if step.before]),
            (b, [step.after for step in found.steps if step.after]),
        ):
            assert len({place.scope for place in places}) == len(places)
            assert len(places) == len(comparable(net.graph).nodes)
    record = Difference.model_validate(found.to_dict())
    assert record.same == found.same and len(record.changes) == len(found.changes)
    assert record.totals.params.change == b.params - a.params
    assert max(map(len, shown(found, 100).splitlines())) <= 100
    return found


# Same networks.


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_network(one: str, other: str):
    assert check(diff(one, other, "input 8x8x6\n")).same


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_near_misses_differ(one: str, other: str):
    assert not check(diff(one, other, "input 8x8x6\n")).same
    assert not check(diff(other, one, "input 8x8x6\n")).same


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ('network a "t"\ninput 16x16x4\nconv3-8 x2\nFC-10',
         'network b "u"\ninput 16x16x4\nu: conv3-8\nv: 3x3 conv, 8 filters\nout: 10-d fc'),
        ("conv3-8\nFC-10", "paper \"P\"\nconv3-8 => params 296\nFC-10\nexpect params 20,786"),
        ("maxpool", "maxpool 2x2/2 pad 0"),
        ("conv3-8; FC-10", "conv3-8; flatten; FC-10"),
        ("conv3-8; FC-10", "nn.Conv2d(4, 8, 3, padding=1); nn.Flatten(); nn.Linear(2048, 10)"),
        ("FC-10; relu; FC-3", "FC-10; relu; flatten; FC-3; flatten"),
        ("add { FC-3; FC-3 -> relu }", "a: flatten\nadd { FC-3; FC-3 -> relu }"),
        ("avgpool", "avgpool 16x16"),
        ("avgpool; FC-2", "avgpool 16x16/3; FC-2"),
        ("global max pool", "maxpool 16x16 pad 0"),
        ("maxpool 2x2 ceil", "maxpool 2x2"),
        ("LRN size 3 alpha 0.0001 beta 0.75 k 2", "nn.LocalResponseNorm(3, 0.0003, k=2)"),
        ("LRN size 7 alpha 2e-5 beta 0.75 k 2", "nn.LocalResponseNorm(7, 14e-5, k=2)"),
        ("add { conv3-4; conv1-4 -> relu }", "add { conv1-4 -> relu; conv3-4 }"),
        ("multiply { conv3-4; conv1-4 -> sigmoid }", "multiply { conv1-4 -> sigmoid; conv3-4 }"),
        ("e: relu\na: e -> conv3-4\nb: e -> conv1-4\nadd { a; b }",
         "e: relu\nb: e -> conv1-4\na: e -> conv3-4\nadd { a; b }"),
        ("e: relu\na: e -> conv3-4\nb: e -> conv1-4\nconcat { a; b }",
         "e: relu\nb: e -> conv1-4\na: e -> conv3-4\nconcat { a; b }"),
    ],
)  # fmt: skip
def test_equivalent_texts_are_the_same_network(a: str, b: str):
    assert check(diff(a, b)).same


@pytest.mark.parametrize(
    "name", [n for n in spec_files.names() if not spec_files.find_one(n).lacking]
)
def test_every_network_equals_itself(name: str):
    assert check(archdsl.load(name).diff(archdsl.load(name))).same


@pytest.mark.parametrize(
    ("a", "b", "what"),
    [
        ("conv3-8", "conv5-8", "kernel"),
        ("conv3-8", "conv3-9", "width"),
        ("conv3-8", "conv3-8 stride 2", "stride"),
        ("conv3-8", "conv3-8 pad 2", "pad"),
        ("conv3-8", "conv3-8 dilation 2", "dilation"),
        ("conv3-8", "conv3-8 groups 2", "groups"),
        ("conv3-8", "conv3-8 no bias", "bias"),
        ("up-conv 2x2 8", "up-conv 2x2 8 output padding 1", "output padding"),
        ("maxpool 3x3/2", "maxpool 3x3/2 ceil", "ceil"),
        ("maxpool 3x3/2", "maxpool 3x3/2 pad 1", "pad"),
        ("maxpool", "2x2 avgpool", "layer"),
        ("avgpool", "avgpool 8x8", "kernel"),
        ("bn", "bn eps 0.001", "eps"),
        ("bn", "bn momentum 0.01", "momentum"),
        ("dropout", "dropout 0.4", "p"),
        ("dropout", "channel dropout", "channelwise"),
        ("stochastic depth 0.2", "stochastic depth 0.3", "p"),
        ("lrelu(0.1)", "lrelu(0.2)", "slope"),
        ("prelu", "prelu per channel", "channelwise"),
        ("prelu", "prelu(0.1)", "slope"),
        ("elu", "elu(0.5)", "alpha"),
        ("relu", "gelu", "layer"),
        ("LRN", "LRN size 3", "size"),
        ("LRN", "LRN beta 0.5", "beta"),
        ("LRN", "LRN alpha 0.01", "alpha"),
        ("LRN", "LRN k 1", "k"),
        ("FC-8", "FC-8 no bias", "bias"),
        ("FC-8", "FC-9", "width"),
        ("channelpad 5", "channelpad 6", "width"),
        ("crop 8", "crop 6", "size"),
        ("upsample", "upsample 3", "factor"),
        ("upsample", "upsample bilinear", "mode"),
        ("scale 0.5", "scale 0.25", "by"),
    ],
)  # fmt: skip
def test_each_attribute_is_compared_and_named(a: str, b: str, what: str):
    # Alone, and between layers that occur twice.
    between = "FC-3\n{}\nFC-4 x2" if "FC" in a else "conv3-4 x2\nm: {}\nconv1-4 x2\nFC-3"
    for text in ("{}", between):
        found = check(diff(text.format(a), text.format(b)))
        assert not found.same
        names = [attribute.name for change in found.changes for attribute in change.attributes]
        assert names[0] == what


# Wiring.


def test_a_shared_layer_differs_from_two_equal_ones():
    found = check(diff("a: conv3-4\nadd { a; a -> relu }", "add { conv3-4; conv3-4 -> relu }"))
    assert [change.what for change in found.changes] == ["added"]


def test_only_the_wiring_differs():
    a = "a: conv3-4\nb: conv3-4\nc: conv3-4\nadd { c; a }"
    found = check(diff(a, a.replace("; a }", "; b }")))
    (change,) = found.changes
    assert [one.name for one in change.attributes] == ["reads"]
    assert (change.attributes[0].before, change.attributes[0].after) == ("c, a", "c, b")
    assert "the layers are the same, the wiring differs" in shown(found)


def test_the_order_of_a_concat_matters():
    found = check(diff("concat { conv3-4; conv1-4 }", "concat { conv1-4; conv3-4 }"))
    (change,) = found.changes
    assert change.place.kind == "concat"


def test_outputs_are_compared():
    text = "a: conv3-4\nb: conv3-4\n"
    found = check(diff(text + "output a, b", text + "output b, a"))
    assert [one.name for one in found.settings] == ["output"] and not found.changes
    assert not check(diff(text + "output a, b", text)).same


def test_shortened_values_still_differ():
    names = [f"branch_{i}" for i in range(20)]
    other = [*names[:9], *reversed(names[9:11]), *names[11:]]
    lines = "".join(f"{name}: conv3-4\n" for name in names)
    for statement, labels in (("output {}", 20), ("concat {}", 19)):
        texts = (lines + statement.format(", ".join(n[:labels])) for n in (names, other))
        found = check(diff(*texts))
        assert "…, branch_9, branch_10, … → …, branch_10, branch_9, …" in shown(found)
    heads = "".join(f"side head_{i} weight 0.{i} {{ FC-3 }}\n" for i in range(1, 7)) + "conv3-4"
    found = check(diff(heads, heads.replace("0.4", "0.7")))
    assert "…, head_4 weight 0.4, … → …, head_4 weight 0.7, …" in shown(found)
    short = check(diff(heads.replace("0.4", "0.7")[: heads.index("side head_5")], heads))
    assert max(map(len, shown(short, 80).splitlines())) <= 80
    found = check(diff("scale 0.123456789", "scale 0.1234567891"))
    assert "by 0.123456789 → 0.1234567891" in shown(found)


def test_a_softmax_at_the_end_is_part_of_the_text():
    found = check(diff("FC-3", "FC-3; softmax"))
    assert [change.place.kind for change in found.changes] == ["softmax"]


SIDE = "conv3-4\nside aux weight 0.3 { avgpool; FC-3 }\nconv1-4\nFC-3"


def test_side_heads_are_compared():
    found = check(diff(SIDE, SIDE.replace("0.3", "0.4")))
    assert [one.name for one in found.settings] == ["side heads"] and not found.changes
    assert check(diff(SIDE, SIDE.replace("aux", "other"))).same
    found = check(diff(SIDE, SIDE.replace("side aux weight 0.3 { avgpool; FC-3 }\n", "")))
    assert {change.what for change in found.changes} == {"removed"}
    assert not check(diff(SIDE, SIDE.replace("avgpool; FC-3 }", "avgpool; FC-4 }"))).same


def test_only_the_input_differs():
    found = check(archdsl.load("vgg16").diff(archdsl.load("vgg16", input=(256, 256))))
    assert [one.name for one in found.settings] == ["input"]
    # A flattened map has another number of features; all else is the same on any size.
    assert [change.place.name for change in found.changes] == ["fc1.fc"]
    assert len(shown(found).splitlines()) < 15


@pytest.mark.parametrize("seed", range(40))
def test_branches_of_a_sum_in_any_order(seed: int):
    chance = random.Random(seed)
    layers = ["conv3-4", "conv1-4", "relu", "bn", "maxpool 3x3/1", "conv5-4"]

    def grown(depth: int) -> list:
        count = chance.randrange(2, 5)
        return [
            grown(depth - 1) if depth and chance.random() < 0.4 else chance.choices(layers, k=2)
            for _ in range(count)
        ]

    def written(branches: list, shuffled: bool) -> str:
        parts = [
            " -> ".join(one) if isinstance(one[0], str) else written(one, shuffled)
            for one in branches
        ]
        if shuffled:
            chance.shuffle(parts)
        return f"add {{ {'; '.join(parts)} }}"

    tree = grown(3)
    text = written(tree, False)
    for _ in range(3):
        assert check(diff(text, written(tree, True))).same
    places = [i for i in range(len(text)) if text.startswith("relu", i)]
    if places:
        at = chance.choice(places)
        other = f"{text[:at]}tanh{text[at + 4 :]}"
        # One layer in one branch; if branches are alike, its neighbours may be listed too.
        assert 1 <= len(check(diff(text, other)).changes) <= 4
        assert not check(diff(other, written(tree, True))).same


# The bijection.


def brute(a: ComparableGraph, b: ComparableGraph) -> bool:
    count = len(a.nodes)
    if count != len(b.nodes):
        return False
    return any(
        isomorphism._is_isomorphism(a, b, (0, *image))
        for image in itertools.permutations(range(1, count))
    )


def graph(edges: list[tuple[int, int]], count: int) -> str:
    """A graph as a network: a vertex is a convolution, an edge the sum of two; all are alike."""
    convolutions = "".join(f"c{i}: e -> conv1-4\n" for i in range(count))
    sums = "".join(f"s{i}: add {{ c{a}; c{b} }}\n" for i, (a, b) in enumerate(edges))
    return f"e: relu\n{convolutions}{sums}add {{ {'; '.join(f's{i}' for i in range(len(edges)))} }}"


def test_verdicts_match_brute_force():
    """For every pair of some graphs, the verdict is that of trying every bijection."""
    every = [[(0, 1)], [(0, 1), (1, 2)], [(0, 1), (0, 1), (1, 2)], [(0, 1), (0, 2)], [(0, 0)]]
    nets = [
        comparable(network(graph(edges, 1 + max(max(e) for e in edges))).graph) for edges in every
    ]
    verdicts = [(same(a, b), brute(a, b)) for a in nets for b in nets]
    assert all(found == truth for found, truth in verdicts)
    assert sum(found for found, _ in verdicts) == len(nets) + 2


CYCLE6 = [(i, (i + 1) % 6) for i in range(6)]
TRIANGLES = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]


def test_graphs_that_colours_cannot_distinguish():
    """One ring of six and two of three: each layer has the same neighbours."""
    found = check(diff(graph(CYCLE6, 6), graph(TRIANGLES, 6)))
    assert not found.same
    for edges in (CYCLE6, TRIANGLES):
        for seed in range(5):
            names = random.Random(seed).sample(range(6), 6)
            other = [(names[b], names[a]) for a, b in edges]
            random.Random(seed).shuffle(other)
            assert check(diff(graph(edges, 6), graph(other, 6))).same


def regular(seed: int) -> list[tuple[int, int]]:
    """A random graph of ten vertices with three neighbours each."""
    chance = random.Random(seed)
    while True:
        ends = [i for i in range(10) for _ in range(3)]
        chance.shuffle(ends)
        edges = list(zip(ends[::2], ends[1::2], strict=True))
        if all(a != b for a, b in edges) and len({frozenset(e) for e in edges}) == 15:
            return edges


@pytest.mark.parametrize("seed", range(10))
def test_regular_graphs_need_a_search(seed: int):
    networkx = pytest.importorskip("networkx")
    edges = regular(seed)
    names = random.Random(seed).sample(range(10), 10)
    assert check(diff(graph(edges, 10), graph([(names[a], names[b]) for a, b in edges], 10))).same
    other = regular(seed + 100)
    truth = networkx.is_isomorphic(networkx.Graph(edges), networkx.Graph(other))
    assert check(diff(graph(edges, 10), graph(other, 10))).same == truth


def test_an_endless_search_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(isomorphism, "MOST_STEPS", 10)
    with pytest.raises(ArchError, match="too regular"):
        diff(graph(CYCLE6, 6), graph(TRIANGLES, 6))


# Differences.


def rows(found: Diff) -> list[str]:
    """The first three columns of each row of the table."""
    table = shown(found).split("\n\n")[1].splitlines()[1:]
    return [" ".join(line.split()) for line in table]


def test_a_deeper_network_has_more_of_the_same():
    found = check(archdsl.load("resnet18").diff(archdsl.load("resnet34")))
    added = [row for row in rows(found) if row.startswith("+")]
    assert [row.split()[1] for row in added] == [
        "conv2_x.2", "conv3_x.2…3", "conv4_x.2…5", "conv5_x.2",
    ]  # fmt: skip
    assert {change.what for change in found.changes} == {"added"}


def test_moved_strides_are_listed():
    found = check(archdsl.load("resnet50").diff(archdsl.load("resnet50_v1_5")))
    assert [(a.name, a.before, a.after) for c in found.changes for a in c.attributes] == [
        ("stride", (2, 2), (1, 1)),
        ("stride", (1, 1), (2, 2)),
    ] * 3


def test_repeated_differences_are_shown_once():
    found = check(diff("conv3-8 -> relu\nconv3-8 -> relu\nconv3-8 -> relu",
                       "conv3-8 -> tanh\nconv3-8 -> tanh\nconv3-8 -> tanh"))  # fmt: skip
    assert len(found.changes) == 3
    (row,) = [row for row in rows(found) if row.startswith("~")]
    assert "3 x relu → tanh" in row


@pytest.mark.parametrize(
    ("a", "b"),
    [("vgg16", "vgg13_bn"), ("densenet121", "densenet169"), ("mobilenet_v1", "mobilenet_v2"),
     ("googlenet", "inception_v3"), ("lenet5", "lenet_1x1"), ("alexnet", "vgg16"),
     ("wrn_16_4", "wrn_16_8"), ("unet", "highway"), ("preact_resnet164", "resnet110")],
)  # fmt: skip
def test_networks_of_the_zoo(a: str, b: str):
    one, other = archdsl.load(a), archdsl.load(b)
    assert not check(one.diff(other)).same
    assert not check(other.diff(one)).same


def test_a_long_common_subsequence_is_the_longest():
    def longest(a: list[int], b: list[int]) -> int:
        best = [0] * (len(b) + 1)
        for x in a:
            last = 0
            for j, y in enumerate(b, 1):
                last, best[j] = best[j], last + 1 if x == y else max(best[j], best[j - 1])
        return best[-1]

    for seed in range(300):
        chance = random.Random(seed)
        a, b = ([chance.randrange(4) for _ in range(chance.randrange(30))] for _ in range(2))
        found = common(a, b)
        assert all(a[i] == b[j] for i, j in found)
        assert all(p < q and s < t for (p, s), (q, t) in itertools.pairwise(found))
        assert len(found) == longest(a, b)


# Large networks.


@pytest.mark.slow
def test_large_networks_are_compared_in_time():
    chain = "".join(f"conv3-{8 + i % 57}\n" for i in range(8_000))
    assert diff(chain, chain).same
    found = diff(chain, chain + "conv3-8\n")
    assert [change.what for change in found.changes] == ["added"]
    branches = "add {\n" + "conv3-4 -> relu -> conv1-4\n" * 1_000 + "}\n"
    assert diff(branches, branches).same
    assert len(diff(branches, branches.replace("relu", "tanh", 1)).changes) == 1
    pairs = "add {\n" + "add { conv3-4; conv3-4 }\n" * 1_000 + "}\n"
    assert diff(pairs, pairs).same
    other = "".join(f"conv3-{random.Random(i).randrange(8, 65)}\n" for i in range(2_000))
    assert not diff(chain, other).same
    assert len(shown(diff(chain, other)).splitlines()) < 300


# The command.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.arch").write_text(
        "network a\ninput 8x8x1\nconv3-4\nFC-2\nnetwork b\ninput 8x8x1\nconv5-4\nFC-2\n"
    )
    return tmp_path


def test_diff_command(folder: Path, archdsl_cli, monkeypatch: pytest.MonkeyPatch):
    assert archdsl_cli("diff", "vgg16", "vgg16") == (
        0, "same network\nparams 138,357,544, macs 15,470,264,320\n", "",
    )  # fmt: skip
    code, out, error = archdsl_cli("diff", "two.arch:a", "two.arch:b")
    assert (code, error) == (1, "")
    assert "conv: kernel 3×3 → 5×5, pad 1 → 2" in out and "+64" in out
    code, out, _ = archdsl_cli("diff", "two.arch:a", "two.arch:b", "--format", "json")
    record = Difference.model_validate_json(out)
    assert code == 1 and not record.same
    assert [a.name for a in record.changes[0].attributes] == ["kernel", "pad"]
    code, out, _ = archdsl_cli("diff", "two.arch:a", "two.arch:a", "--format", "json")
    assert code == 0 and Difference.model_validate_json(out).same
    text = io.TextIOWrapper(io.BytesIO(b"input 8x8x1; conv3-4; 2 neurons"))
    monkeypatch.setattr(sys, "stdin", text)
    assert archdsl_cli("diff", "--", "-", "two.arch:a")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "-"], "standard input can be read only once"),
        (["-:a", "-"], "standard input can be read only once"),
        (["-:a", "-:b"], "standard input can be read only once"),
        (["two.arch:a", "two.arch"], "holds 2 networks"),
        (["vgg61", "vgg16"], "no network `vgg61`"),
        (["vgg16"], "Missing argument 'B'"),
        (["two.arch:a", "missing.arch"], "no file missing.arch"),
    ],
)
def test_diff_command_refuses_bad_input(
    folder: Path, archdsl_cli, arguments: list[str], message: str
):
    code, out, error = archdsl_cli("diff", "--", *arguments)
    assert (code, out) == (2, "") and message in error
