"""The plain install: a wheel without extras is small, complete, and names what is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import archdsl
from archdsl import extras

ROOT = Path(__file__).parent.parent
MEGABYTES = 40  # of site-packages
HEAVY = {"torch", "torchvision", "numpy", "scipy", "sklearn", "matplotlib", "PIL", "rich", "lark"}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the repository, so that the build leaves nothing in it."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "bench/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    options = ("-q", "--no-deps", "--no-build-isolation", "-w", ".")
    done = run(sys.executable, "-m", "pip", "wheel", *options, ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and its dependencies alone."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    options = ("--python", str(folder), "install", "-q", "--disable-pip-version-check")
    done = run(sys.executable, "-m", "pip", *options, str(wheel), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def program(environment: Path, name: str) -> Path:
    return environment / ("Scripts" if sys.platform == "win32" else "bin") / name


@pytest.mark.slow
def test_the_wheel_holds_every_file(wheel: Path):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    expected = {"archdsl/py.typed"}
    for folder, inside in (
        ("archdsl", "archdsl"),
        ("cli", "archdsl/cli"),
        ("grammar", "archdsl/grammar"),
        ("specs", "archdsl/specs"),
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".arch", ".lark"):
                expected.add(f"{inside}/{path.relative_to(ROOT / folder).as_posix()}")
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert f"archdsl-{archdsl.__version__}-" in wheel.name


@pytest.mark.slow
def test_the_plain_install_is_small(installed: Path):
    (site,) = installed.glob("[Ll]ib/**/site-packages")
    assert not HEAVY & {path.name for path in site.iterdir()}
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert size < MEGABYTES * 10**6


COMMANDS = {
    "summary vgg16": "138,357,544",
    "summary lenet5 --format json": '"network": "lenet5"',
    "verify": "all hold|claims",
    "verify --readings resnet18": "resnet18",
    "check lenet5 vgg16": "2 files, 2 networks: fine",
    "fmt --check small.arch": "1 file, none would change",
    "diff vgg16 resnet18": "conv",
    "table resnet18 resnet34": "conv1",
    "table vgg16 --format latex": "tabular",
    "zoo": "vgg16",
    "layers": "conv",
    "layers conv": "kernel",
    "source vgg16": "class Vgg16",
    "source lenet5_original": "class RBF",
    "draw vgg16 -o net.dot": "net.dot",
    "draw vgg16 -o net.mmd": "net.mmd",
    "draw vgg16 -o net.svg": "net.svg",
    "train --help": "Usage",
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_plain_install(command: str, installed: Path, tmp_path: Path):
    (tmp_path / "small.arch").write_text("input 8x8x1\nconv3-4\nFC-10\n")
    done = run(program(installed, "archdsl"), *command.split(), cwd=tmp_path)
    assert (done.returncode, done.stderr) in ((0, ""), (1, "")), done.stderr
    assert done.returncode == (command.startswith("diff"))
    assert re.search(COMMANDS[command], done.stdout), done.stdout
    if command.startswith("draw"):
        assert (tmp_path / command.split()[-1]).stat().st_size > 1000


MISSING = {
    "train lenet5": "`archdsl train` needs PyTorch: pip install 'archdsl[train]'",
    "train --resume run": "`archdsl train` needs PyTorch: pip install 'archdsl[train]'",
    "eval run": "`archdsl eval` needs PyTorch: pip install 'archdsl[train]'",
    "predict run 1.png": "`archdsl predict` needs PyTorch: pip install 'archdsl[train]'",
}


@pytest.mark.slow
@pytest.mark.parametrize("command", MISSING)
def test_a_missing_extra_is_one_line(command: str, installed: Path, tmp_path: Path):
    done = run(program(installed, "archdsl"), *command.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and done.stderr.endswith(f"{MISSING[command]}\n")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_missing_extras_in_python(installed: Path, tmp_path: Path):
    code = """
import archdsl
from archdsl.output.records import Summary
from archdsl.train import recipe_of
net = archdsl.load("lenet5")
assert Summary.model_validate(net.to_dict()).network == "lenet5"
assert recipe_of(net).epochs == 20
try:
    net.module()
except archdsl.ArchError as error:
    print(error)
try:
    from archdsl.train import evaluate
except archdsl.ArchError as error:
    print(error)
"""
    done = run(program(installed, "python"), "-c", code, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "error: `Network.module()` needs PyTorch: pip install 'archdsl[torch]'",
        "error: `archdsl.train.evaluate` needs PyTorch: pip install 'archdsl[train]'",
    ]


def test_every_extra_installs_the_modules_that_it_is_asked_for():
    """The names on package indexes, where they are not those of the modules."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    distributions = {"sklearn": "scikit-learn", "PIL": "pillow"}

    def names(extra: str) -> set[str]:
        found = set()
        for line in optional[extra]:
            if more := re.match(r"archdsl\[(.*)\]", line):
                found |= {name for one in more[1].split(",") for name in names(one)}
            else:
                found.add(re.split("[<>=]", line)[0])
        return found

    for extra, modules in extras.EXTRAS.items():
        assert {distributions.get(module, module) for module in modules} <= names(extra)
        extras.require("a test", extra)
    assert names("torch") | names("train") | names("networkx") == names("all")
