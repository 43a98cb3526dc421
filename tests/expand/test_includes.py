"""Files whose blocks a network uses: `use "blocks.arch"`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import archdsl
from archdsl import spec_files
from archdsl.expand import includes
from archdsl.expand.blocks import LIBRARY

NET = "input 8x8x3\n{}\nunit(4)\nFC-2\n"
UNIT = "block unit(w) { conv3-(w); relu }\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "specs"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(**files: str) -> None:
    for name, text in files.items():
        path = Path(f"{name}.arch")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def kinds(target: str = "net.arch") -> str:
    net = archdsl.load(target)
    net.graph.check()
    return " ".join(node.op.kind for node in net.graph.nodes[1:])


def refused(message: str, target: str = "net.arch") -> archdsl.ArchError:
    with pytest.raises(archdsl.ArchError, match=message) as caught:
        archdsl.load(target)
    assert caught.value.help or caught.value.notes
    return caught.value


def test_blocks_of_another_file(here: Path):
    write(net=NET.format('use "blocks.arch"'), blocks=UNIT)
    assert kinds() == "conv relu flatten fc"
    assert [row.name for row in archdsl.load("net.arch").rows] == ["unit1", "fc1"]
    assert kinds(str(here / "net.arch")) == kinds()  # from anywhere
    os.chdir("..")
    assert kinds("specs/net.arch") == "conv relu flatten fc"
    assert "unit" in archdsl.load("specs/net.arch").source()


def test_use_before_the_first_network_is_for_all_networks(here: Path):
    nets = "network a\ninput 8x8x3\nunit(4)\nnetwork b\ninput 8x8x3\nunit(5)\nnetwork c = b"
    write(net=f'use "blocks.arch"\n{nets}', blocks=UNIT)
    assert [archdsl.load(f"net.arch:{n}").output[0] for n in "abc"] == [4, 5, 5]
    write(net=nets.replace("unit(5)", 'use "blocks.arch"\nunit(5)').replace("unit(4)", "relu"))
    assert [archdsl.load(f"net.arch:{n}").output[0] for n in "abc"] == [3, 5, 5]


def test_files_use_files_of_their_own_folder(here: Path):
    write(net=NET.format('use "parts/units.arch"'))
    write(**{"parts/units": 'use "deep/base.arch"\nblock unit(w) { base(w) }\n'})
    write(**{"parts/deep/base": "block base(w) { conv1-(w) }\n"})
    assert kinds() == "conv flatten fc"
    (here / "parts" / "deep" / "base.arch").write_text("block base(w) { convv1-(w) }\n")
    error = refused("unknown layer `convv1`")
    assert str(error.span) == "parts/deep/base.arch:1:17"


def test_cycles_are_harmless(here: Path):
    write(net=NET.format('use "a.arch"; use "b.arch"'))
    write(a=f'use "b.arch"\nuse "a.arch"\n{UNIT}', b='use "a.arch"\nblock other { relu }\n')
    assert kinds() == "conv relu flatten fc"


def test_lookup_order_of_blocks(here: Path):
    # The network's own, then that of a file, then the library's.
    write(blocks="block unit(w) { FC-3 }\nblock residual { body; relu }\n")
    text = NET.format('use "blocks.arch"\n{}\nresidual [ conv1-4 ]')
    write(net=text.format(""))
    assert kinds() == "conv relu flatten fc fc"
    write(net=text.format("block unit(w) { conv3-(w); relu }"))
    assert kinds() == "conv relu conv relu flatten fc"
    write(net=text.format("block unit(w) { conv3-(w); relu }").replace('use "blocks.arch"', ""))
    assert "add" in kinds()


def test_own_block_replaces_one_that_blocks_of_a_file_use(here: Path):
    write(net=NET.format('use "blocks.arch"\nblock inner(w) { conv1-(w); tanh }'))
    write(blocks="block unit(w) { inner(w) }\nblock inner(w) { conv3-(w) }\n")
    assert kinds() == "conv tanh flatten fc"


def test_blocks_of_the_same_name_in_two_files(here: Path):
    write(net=NET.format('use "a.arch"\nuse "b.arch"'), a=UNIT, b=f"\n{UNIT}")
    error = refused("`b.arch` and `a.arch` both have a block `unit`")
    assert (str(error.span), str(error.notes[0].span)) == ("b.arch:2:7", "a.arch:1:7")
    write(net=NET.format(f'use "a.arch"\nuse "b.arch"\n{UNIT}'))
    assert kinds() == "conv relu flatten fc"  # the network decides which
    write(net=NET.format('use "a.arch"'), a=UNIT + UNIT)
    assert str(refused("two blocks are called `unit`").span) == "a.arch:2:7"


def test_names_of_the_network_have_no_values_in_a_file(here: Path):
    write(net="network n(k=4)\n" + NET.format('use "blocks.arch"'))
    write(blocks="block unit(w) { conv3-(k) }\n")
    refused("`k` has no value")


def test_optional_layers_and_conventions_apply_in_a_file(here: Path):
    write(net=NET.format('use "blocks.arch"\nconv means conv-tanh\nwith bn'))
    write(blocks="block unit(w) { conv3-(w)-(bn) }\n")
    assert kinds() == "conv tanh bn flatten fc"


@pytest.mark.parametrize(
    "path",
    [
        "../out.arch", "parts/../../out.arch", "/etc/out.arch", "a\\\\b.arch", "C:/out.arch", "",
        "parts//blocks.arch", "parts/", "~/../out.arch", "..", "parts/..",
    ],
)  # fmt: skip
def test_only_files_of_the_folder_can_be_used(here: Path, path: str):
    (here.parent / "out.arch").write_text(UNIT)
    (here / "out.txt").write_text(UNIT)
    write(net=NET.format(f'use "{path}"'), **{"parts/blocks": UNIT})
    refused("a spec can only use files of its own folder")
    write(net=NET.format('use "out.txt"'))
    refused("their names end in `.arch`")


def test_links_may_not_lead_out_of_the_folder(here: Path):
    (here.parent / "out.arch").write_text(UNIT)
    (here.parent / "outer").mkdir()
    (here.parent / "outer" / "units.arch").write_text(UNIT)
    (here / "link.arch").symlink_to(here.parent / "out.arch")
    (here / "outer").symlink_to(here.parent / "outer")
    (here / "blocks.arch").write_text(UNIT)
    (here / "inner.arch").symlink_to("blocks.arch")
    for name in ("link", "outer/units"):
        write(net=NET.format(f'use "{name}.arch"'))
        refused("leads out of the folder of the spec")
    write(net=NET.format('use "inner.arch"; use "blocks.arch"'))
    assert kinds() == "conv relu flatten fc"


def test_paths_that_are_not_files_are_refused(here: Path):
    for name in ("none.arch", "folder.arch", "pipe.arch", "dead.arch"):
        write(net=NET.format(f'use "{name}"'))
        (here / "folder.arch").mkdir(exist_ok=True)
        if name == "pipe.arch":
            os.mkfifo("pipe.arch")  # reading it would wait for ever
        if name == "dead.arch":
            Path("dead.arch").symlink_to("nothing.arch")
        missing = "there is no file `none.arch`"
        refused(missing if name == "none.arch" else f"`{name}` is not a file")
    (here / "zero.arch").write_bytes(b"\0")
    write(net=NET.format('use "zero.arch"'))
    refused("is not text")
    write(net=NET.format('use "large.arch"'))
    with (here / "large.arch").open("wb") as file:
        file.truncate(2**31)
    refused("larger than 16 MiB")


def test_a_text_without_a_folder_can_only_use_the_library(here: Path, archdsl_cli):
    write(blocks=UNIT)
    with pytest.raises(archdsl.ArchError, match="there is no file `blocks"):
        archdsl.loads(NET.format('use "blocks.arch"'))
    net = archdsl.loads('use "residual.arch"\ninput 8x8x3\nresidual [ conv3-3 ]\nFC-2')
    assert "add" in [node.op.kind for node in net.graph.nodes]


def test_a_used_file_may_only_hold_blocks(here: Path):
    write(net=NET.format('use "blocks.arch"'))
    for line in ("conv3-4", "network a", "input 8x8x3", "let k = 3", "conv means conv-relu"):
        write(blocks=f"{UNIT}{line}\n")
        error = refused("a file that is used may hold only blocks and `use` lines")
        assert str(error.span) == "blocks.arch:2:1"
        assert str(error.notes[-1].span) == "net.arch:2:5"


def test_limits_on_files_in_use(here: Path, monkeypatch: pytest.MonkeyPatch):
    many = includes.FILES.most + 1
    for number in range(many):
        write(**{f"f{number}": f"block b{number} {{ relu }}\n"})
    write(f0=UNIT, net=NET.format("\n".join(f'use "f{n}.arch"' for n in range(many))))
    refused(f"more than {includes.FILES.most} files in use")
    deep = includes.DEPTH.most + 1
    for number in range(1, deep + 1):
        write(**{f"f{number}": f'use "f{number + 1}.arch"\n{UNIT if number == 1 else ""}'})
    write(net=NET.format('use "f1.arch"'))
    refused(f"files that use files more than {includes.DEPTH.most} deep")
    monkeypatch.setattr(includes, "LARGEST_TEXT", 50)
    write(net=NET.format('use "a.arch"; use "b.arch"'), a=UNIT, b="block other { relu; relu }")
    refused("larger than 0 MiB together")


def test_every_library_file_can_be_used():
    for name in sorted(os.listdir(LIBRARY)):
        if name.endswith(".arch"):
            archdsl.loads(f'use "{name}"\ninput 8x8x3\nconv3-4')


SPECS = {
    "without a header": NET.format('use "blocks.arch"'),
    "inside": "network net(k=4)\n" + NET.format('relu; use "blocks.arch"; relu'),
    "in front": 'use "blocks.arch" # all\nnetwork net\n' + NET.format("relu") + "network b = net",
    "its own wins": "network net\n" + NET.format(f'use "blocks.arch"\n{UNIT}unit(3)'),
    "derived": 'use "blocks.arch"\nnetwork net = a(3)\nnetwork a(w)\ninput 8\nFC-(w)\nunit(4)',
    "another network's": 'network b\nuse "none.arch"\nrelu\nnetwork net\n'
    + NET.format('use "blocks.arch"'),
}


@pytest.mark.parametrize("kind", SPECS)
def test_spec_with_the_blocks_of_its_files(here: Path, kind: str):
    """A run keeps the same network, even without the files."""
    unit = "block unit(w) { other; FC-(w) }\n" if kind == "derived" else UNIT
    more = "block other { relu }  # {\nblock unused { FC 4d }\n"
    write(net=SPECS[kind], blocks=f'use "more.arch"\n{unit}', more=more)
    target = "net.arch:net" if "network" in SPECS[kind] else "net.arch"
    net = archdsl.load(target)
    os.remove("blocks.arch")
    os.remove("more.arch")
    Path("net.arch").write_text(net.spec)
    again = archdsl.load(target)
    assert (again.name, again.input) == (net.name, net.input)
    assert [(n.op, n.name, n.shape) for n in again.graph.nodes] == [
        (n.op, n.name, n.shape) for n in net.graph.nodes
    ]
    assert again.spec == net.spec


def test_names_of_the_network_have_no_values_in_blocks_copied_from_files(here: Path):
    """`4d` is a width of 4, or 4 · d if d is a parameter."""
    write(net="network net(d=5)\n" + NET.format('use "blocks.arch"'))
    write(blocks="block unit(w) { FC 4d }\n")
    net = archdsl.load("net.arch")
    write(net=net.spec)
    assert net.rows[0].output == archdsl.load("net.arch").rows[0].output == (4,)


def test_a_text_without_use_is_unchanged():
    for name in ("vgg16", "resnet18"):
        assert archdsl.load(name).spec == spec_files.read_source(spec_files.names()[name]).text


@pytest.mark.slow
@pytest.mark.parametrize("header", ["", "network net\n"])
def test_a_run_outlives_the_files(here: Path, header: str):
    import PIL.Image
    import torch

    from archdsl.train import evaluate, predict, recipe_of, resume, train

    recipe = "train on digits { optimizer adam lr 0.01; epochs 2; batch 128 }\n"
    head = f'{header}input 8x8x1\nuse "parts/blocks.arch"\n'
    write(net=f"{head}unit(4) x 2\navgpool; FC-10\n{recipe}")
    write(**{"parts/blocks": "block unit(w) { conv3-(w)-bn-relu }\n"})
    net = archdsl.load("net.arch")
    whole, module = train(net, recipe_of(net), device="cpu", runs="whole")

    class Stop:
        def __init__(self, epochs: int) -> None:
            self.epochs = epochs

        def begin(self, run):
            if self.epochs == 0:
                raise KeyboardInterrupt

        def step(self, *args): ...

        def epoch(self, epoch):
            if epoch.epoch == self.epochs:
                raise KeyboardInterrupt

    for epochs in (0, 1):  # before its first checkpoint, and after it
        with pytest.raises(KeyboardInterrupt):
            train(net, recipe_of(net), device="cpu", runs=f"run{epochs}", progress=Stop(epochs))
    (here / "parts" / "blocks.arch").unlink()
    (here / "net.arch").unlink()
    PIL.Image.new("L", (8, 8)).save("dark.png")
    for epochs in (0, 1):
        (folder,) = (here / f"run{epochs}" / "net").iterdir()
        run, resumed = resume(folder)
        for a, b in zip(module.state_dict().values(), resumed.state_dict().values(), strict=True):
            assert torch.equal(a, b)
        assert evaluate(folder).accuracy == run.accuracy == whole.accuracy
        assert predict(folder, ["dark.png"]).network == "net"
        spec = archdsl.load(str(folder / "spec.arch"))
        assert spec.module(weights=folder / "checkpoint.pt") is not None
