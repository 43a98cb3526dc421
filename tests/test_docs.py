"""Every code block in the documents runs, and shows what it prints.

```arch      a spec; `arch part` is a few lines of one, tested between an input and an output layer;
             `arch tiny.arch` is also written to that file, for the commands of the document
```console   commands after `$ `, with their output; `…` alone on a line marks omitted lines
```pycon     a Python session; all sessions of a document are run as one
```sh        commands for setting up, checked by test_set_up_commands
```text, ```python are not run.
`pytest --update` rewrites the output in the console blocks.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from paths import ROOT

import archdsl
from archdsl.network import Network
from archdsl.spec import parse
from archdsl.text.source import Source

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/language.md",
    "docs/errors.md",
    "docs/notation.md",
    "docs/training.md",
]
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KINDS = {"arch", "arch part", "arch file", "console", "pycon", "sh", "text", "python"}
FILE = re.compile(r"arch (\w+\.arch)")


def blocks(document: str) -> list[tuple[str, str, int]]:
    """The kind, text and line number of each block."""
    text = (ROOT / document).read_text("utf-8")
    return [
        (FILE.sub("arch file", m[1]), m[2], text.count("\n", 0, m.start()) + 1)
        for m in BLOCK.finditer(text)
    ]


def files(document: str) -> dict[str, str]:
    """The specs in a document that name a file, by that name."""
    found = BLOCK.findall((ROOT / document).read_text("utf-8"))
    return {named[1]: text for kind, text in found if (named := FILE.fullmatch(kind))}


def cases(*kinds: str):
    """The blocks of these kinds in all documents, as test parameters."""
    return [
        pytest.param(
            document,
            text,
            id=f"{document}:{line}",
            marks=[pytest.mark.slow] if re.search(r"\$ archdsl (train|sweep)", text) else [],
        )
        for document in DOCUMENTS
        for kind, text, line in blocks(document)
        if kind in kinds
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_has_a_known_kind(document: str):
    found = {kind for kind, _, _ in blocks(document)}
    assert found <= KINDS
    assert found
    # An unclosed block would swallow the rest of the document.
    assert (ROOT / document).read_text("utf-8").count("```") == 2 * len(blocks(document))


@pytest.mark.parametrize(("document", "text"), cases("arch", "arch file"))
def test_specs_load_and_their_claims_hold(document: str, text: str):
    for network in parse(Source("<text>", text)):
        if not network.lacking:
            assert {c.verdict for c in Network(network).verify()} <= {"holds", "erratum"}


@pytest.mark.parametrize(("document", "text"), cases("arch part"))
def test_parts_of_specs_load_and_their_claims_hold(document: str, text: str):
    # The manual uses the names k, n and depth before it defines them.
    header = "" if text.startswith("network") else "network part(k=2, n=2, depth=28)\n"
    if not re.search(r"^input|INPUT", text, re.MULTILINE):
        text = re.sub(r"\A(network[^\n]*\n)?", r"\1input 64x64 RGB\n", text, count=1)
    net = archdsl.loads(f"{header}{text}\nFC-10\n")
    assert {c.verdict for c in net.verify()} <= {"holds", "erratum"}


def run(command: str, folder: Path) -> str:
    """What a shell command prints, to stdout and stderr together."""
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
    )
    return done.stdout


@pytest.mark.parametrize(("document", "text"), cases("console"))
def test_commands_print_what_is_shown(
    document: str, text: str, tmp_path: Path, request: pytest.FixtureRequest
):
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    for name, spec in files(document).items():
        (tmp_path / name).write_text(spec, "utf-8")
    shown = ""
    for step in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
        if not step:
            continue
        command, _, expected = step.partition("\n")
        shown += command + "\n"
        command = command.removeprefix("$ ")
        if command.startswith("make "):
            continue  # see test_set_up_commands
        printed = run(command, tmp_path)
        printed = "".join(line.rstrip() + "\n" for line in printed.splitlines())
        if "…\n" in expected.splitlines(keepends=True):
            pieces = re.split(r"^…\n", expected, flags=re.MULTILINE)
            pattern = r"(?s:.*?)".join(map(re.escape, pieces))
            assert re.fullmatch(pattern, printed), printed
            shown += expected
        else:
            shown += printed
    if request.config.getoption("--update"):
        path = ROOT / document
        path.write_text(path.read_text("utf-8").replace(text, shown), "utf-8")
        return
    assert text == shown


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_sessions(document: str, tmp_path: Path):
    sessions = "\n".join(text for kind, text, _ in blocks(document) if kind == "pycon")
    (tmp_path / "session.txt").write_text(sessions, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "doctest", "session.txt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "" and done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_docstrings(tmp_path: Path):
    """Doctests in every module."""
    code = (
        "import doctest, importlib, pkgutil, sys, archdsl\n"
        "tried = 0\n"
        "for m in pkgutil.walk_packages(archdsl.__path__, 'archdsl.'):\n"
        "    result = doctest.testmod(importlib.import_module(m.name))\n"
        "    tried += result.attempted\n"
        "    assert not result.failed, m.name\n"
        "tried += doctest.testmod(archdsl).attempted\n"
        "sys.exit(0 if tried >= 8 else f'only {tried} examples')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_make_demo(tmp_path: Path):
    """Run `make demo` in a copy of the tree, with the environment of the tests."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    environment = str(Path(sys.executable).parent.parent)
    out = run(f"make demo VENV={environment} -o {environment}/ready", tmp_path)
    assert "138,357,544" in out and "15,470,264,320" in out and "✓ 138M holds (rounds)" in out
    assert (tmp_path / "vgg16.svg").is_file()
    accuracy, seconds = re.search(
        r"test accuracy ([\d.]+)% .* ([\d.]+) s of training", out
    ).groups()
    assert float(accuracy) >= 98
    assert float(seconds) > 0


def test_set_up_commands():
    """Set-up commands refer to targets and files that exist; a test cannot run them."""
    plan = run("make -n test", ROOT)
    assert "-m pytest" in plan and "ruff check" in plan and "mypy" in plan
    assert "constraints.txt -e" in (ROOT / "Makefile").read_text()
    for kind, text, _ in blocks("README.md"):
        if kind == "sh":
            for word in re.findall(r"-c (\S+)", text):
                assert (ROOT / word).is_file()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    named = re.findall(r"archdsl\[(\w+)\]", (ROOT / "README.md").read_text("utf-8"))
    assert {"torch", "train", "networkx", "all"} == {*named} <= extras.keys()


def test_changelog_begins_with_this_version():
    releases = re.findall(
        r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert releases[0] in ("Unreleased", archdsl.__version__)


@pytest.mark.slow
def test_benchmarks_run():
    """The benchmarks named in the documents run, at whatever speed."""
    programs = re.findall(r"python (bench/\S+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    options = ["--rounds", "--rounds", "--mutants", "NAME", "--seeds"]
    for program, option in zip(programs, options, strict=True):
        assert option in run(f"python {program} --help", ROOT)
    lines = run("python bench/scale.py --rounds 1 --layers 1000", ROOT).splitlines()
    kinds = ["repeated", "written out", "parsed", "blocks"]
    assert [line.strip().partition("  ")[0] for line in lines[1:]] == kinds
    assert "0 fail" in run("python bench/fuzz.py --mutants 20", ROOT)
    assert "✗" not in run("python bench/bombs.py braces value", ROOT)


def test_readme_picture_shows_the_readme_spec():
    drawn = archdsl.load("vgg16").draw().render("svg").decode()
    kept = (ROOT / "docs" / "vgg16.svg").read_text("utf-8")
    texts = re.compile(r"<text[^>]*>([^<]*)</text>")
    assert texts.findall(kept) == texts.findall(drawn)


def test_readme_spec_is_the_file_in_specs():
    (spec,) = [text for kind, text, _ in blocks("README.md") if kind == "arch"]
    assert spec == (ROOT / "specs" / "vgg16.arch").read_text("utf-8")


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings of a file."""
    text = BLOCK.sub("", path.read_text("utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, "docs/layers.md", "docs/recipes.md", "CHANGELOG.md"]
)
def test_links_have_targets(document: str):
    path = ROOT / document
    text = BLOCK.sub("", path.read_text("utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        target, _, anchor = "".join(link).partition("#")
        if target.startswith("https:"):
            continue
        assert (path.parent / target).exists(), target
        if anchor:
            assert anchor in anchors(path.parent / target if target else path), anchor


@pytest.mark.parametrize("document", DOCUMENTS)
def test_modules_and_files_in_the_text_exist(document: str):
    text = (ROOT / document).read_text("utf-8")
    for name in re.findall(r"\barchdsl(?:\.[a-zA-Z_]+)+", text):
        value = archdsl
        for attribute in name.split(".")[1:]:
            if attribute == "arch":
                break  # a file
            if not hasattr(value, attribute):
                importlib.import_module(f"{value.__name__}.{attribute}")
            value = getattr(value, attribute)
    for name in re.findall(r"(?<![\w/])(?:archdsl|tests|grammar|bench)/[\w/]+\.\w+", text):
        assert (ROOT / name).is_file(), name
