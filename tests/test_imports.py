"""What commands and packages may import: the core starts without torch, pydantic and lark."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import archdsl
from archdsl import spec_files

# Importing a forbidden module ends the process.
HOOK = """
import sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {forbidden!r}:
            sys.exit("forbidden import: " + name)
sys.meta_path.insert(0, Forbidden())
from archdsl.cli import main
main({arguments!r}, prog_name="archdsl")
"""
HEAVY = (
    *("torch", "torchvision", "networkx", "pydantic", "numpy", "matplotlib", "sklearn", "rich"),
    "lark",  # only needed to change the grammar
)
STATIC = [*HEAVY, "graphviz"]

VARIANTS = [
    (["summary", "vgg16"], STATIC),
    (["summary", "vgg16", "--layers"], STATIC),
    (["summary", "vgg16", "--format", "json"], STATIC),
    (["summary", "vgg16", "--format", "markdown"], STATIC),
    (["summary", "vgg16", "--input", "320x320"], STATIC),
    (["summary", "alexnet"], STATIC),
    (["verify"], STATIC),
    (["verify", "lenet5", "--format", "json"], STATIC),
    (["verify", "--readings", "resnet18"], STATIC),
    (["check", "unet", "mobilenet_v1"], STATIC),
    (["check", "unet", "--format", "json"], STATIC),
    (["check", "lenet5"], [name for name in STATIC if name != "pydantic"]),  # its recipe
    (["fmt", "--check", spec_files.folder()], STATIC),
    (["diff", "vgg16", "vgg16"], STATIC),
    (["zoo"], STATIC),
    (["layers"], STATIC),
    (["layers", "conv"], STATIC),
    (["layers", "--format", "json"], STATIC),
    (["layers", "--format", "markdown"], STATIC),
    (["source", "vgg16"], STATIC),
    (["table", "resnet18", "resnet50"], STATIC),
    (["table", "vgg16", "--format", "latex"], STATIC),
    (["draw", "vgg16", "-o", "{tmp}/vgg16.svg"], HEAVY),
    (["draw", "vgg16", "-o", "{tmp}/vgg16.png"], HEAVY),
    (["draw", "vgg16", "-o", "{tmp}/vgg16.pdf"], HEAVY),
    (["draw", "vgg16", "-o", "{tmp}/vgg16.dot"], HEAVY),
    (["draw", "vgg16", "-o", "{tmp}/vgg16.mmd"], STATIC),
    (["draw", "vgg16", "-o", "{tmp}/vgg16.graphml"], [n for n in STATIC if n != "networkx"]),
    (["--help"], STATIC),
    (["train", "--help"], STATIC),
    (["eval", "--help"], STATIC),
    (["predict", "--help"], STATIC),
    (["--version"], STATIC),
]


@pytest.mark.parametrize(("arguments", "forbidden"), VARIANTS, ids=lambda v: " ".join(v))
def test_command_imports_only_what_it_needs(arguments, forbidden, tmp_path: Path):
    arguments = [a.format(tmp=tmp_path) for a in arguments]
    code = HOOK.format(forbidden=set(forbidden), arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_hook_forbids():
    code = HOOK.format(forbidden={"click"}, arguments=["summary", "vgg16"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "forbidden import: click" in done.stderr


# The packages and modules of archdsl/ from the top down: each imports only what follows it here.
ORDER = (
    "contract check train network output pytorch compare model claims expand spec_files spec "
    "tables analysis fmt notation graph syntax atomic_files extras errors figures text "
    "quantities layers"
).split()


def test_import_direction():
    folder = Path(archdsl.__file__).parent
    found = {p.relative_to(folder).parts[0].removesuffix(".py") for p in folder.rglob("*.py")}
    assert found - {"__init__", "__pycache__"} == set(ORDER)
    for path in folder.rglob("*.py"):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for name in _imported(node):
                if name in ORDER and name != own:
                    assert ORDER.index(name) > ORDER.index(own), f"{path} imports {name}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and node.module == "archdsl":
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("archdsl."):
        return [str(node.module).split(".")[1]]
    if isinstance(node, ast.Import):
        return [a.name.split(".")[1] for a in node.names if a.name.startswith("archdsl.")]
    return []


def test_only_modules_and_training_import_torch():
    folder = Path(archdsl.__file__).parent
    for path in folder.rglob("*.py"):
        if path.relative_to(folder).parts[0] in ("pytorch", "train"):
            continue
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {a.name.split(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").split(".")[0])
        if path.name == "network.py":
            names.discard("torch")  # only for type checkers
        assert "torch" not in names, path


def test_nothing_needs_a_posix_system_to_be_imported():
    root = Path(archdsl.__file__).parent.parent
    posix = {"fcntl", "grp", "pwd", "resource", "termios", "tty"}
    for path in [*root.glob("archdsl/**/*.py"), *root.glob("cli/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not posix & {alias.name for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert node.module not in posix, path


# What `summary vgg16` imports beyond click: packages of ours, and a few modules of Python's.
OURS = (
    "analysis claims cli errors expand extras figures grammar graph layers model network "
    "notation output quantities spec spec_files specs syntax text"
).split()
OUTPUT = {"claims", "decisions", "plain_data", "summary", "table"}
PYTHONS = set("bisect copy dataclasses encodings gc locale string unicodedata".split())
LIST = """
import sys, click
before = set(sys.modules)
from archdsl.cli import main
try:
    main(["summary", "vgg16"], prog_name="archdsl")
finally:
    print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_summary_imports_no_more_than_it_needs():
    done = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True)
    modules = done.stderr.split()
    assert "archdsl.output.summary" in modules
    ours = [name.split(".")[1:] for name in modules if name.startswith("archdsl.")]
    assert {name[0] for name in ours} <= set(OURS)
    assert {name[1] for name in ours if name[0] == "output" and name[1:]} <= OUTPUT
    others = {name.split(".")[0] for name in modules} - {"archdsl"}
    assert {name for name in others if not name.startswith("_")} <= PYTHONS


def test_the_package_itself_imports_nothing():
    code = "import sys; b = set(sys.modules); import archdsl; print(*sorted(set(sys.modules) - b))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["archdsl"]


def test_public_names_resolve():
    assert set(archdsl.__all__) <= set(dir(archdsl))
    for name in archdsl.__all__:
        assert getattr(archdsl, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        archdsl.lod  # noqa: B018


# With `from __future__ import annotations`, a NamedTuple compiles the text of each annotation.
COMPILED = """
import typing
compiled = []
class ForwardRef(typing.ForwardRef, _root=True):
    def __init__(self, *arguments, **options):
        compiled.append(arguments[0])
        super().__init__(*arguments, **options)
typing.ForwardRef = ForwardRef
import archdsl.network, archdsl.output.summary
print(len(compiled))
"""


def test_a_start_compiles_few_annotations():
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True)
    assert 0 < int(done.stdout) < 100
