"""No regex backtracks without end: a long text that nearly matches takes linear time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 30  # against a hang: anything not linear takes hours
MANY = 40_000

# Texts that nearly match a pattern; each once took quadratic time or worse.
TEXTS = {
    "comments after a brace": f"{{{'% ' * MANY}\nx\n\\begin{{tabular}}{{c}}relu\\end{{tabular}}",
    "comment lines after a brace": (
        "{" + "%  \n  " * MANY + "x\n\\begin{tabular}{c}relu\\end{tabular}"
    ),
    "blanks in a multicolumn": (
        f"\\begin{{tabular}}{{cc}}layer & type \\\\ a & "
        f"\\multicolumn{{{' ' * MANY}{{}}x}}{{c}}{{relu}}\\end{{tabular}}"
    ),
    "digits in a header": f"layer name\tconv{'1' * MANY}x\na\trelu",
    "words in a header": f"| layer name | b ({'a' * MANY} |\n| a | relu |",
    "symbols in a header": f"| layer name | a c{' x c' * (MANY // 4)}! |\n| a | relu |",
    "braces in a header": f"| layer name | a {'{' * MANY}! |\n| a | relu |",
    "sizes": f"conv 3{' x 3' * (MANY // 8)}a 4",
    "a figure": f"relu => params {'1' * MANY}a",
    "dashes": f"| {'-' * MANY} x |\n| a |",
    "open quotation marks": 'erratum "' * 4_000,
    "open commands": "\\text{a" * 10_000,
    "signs that join": "relu" + ",\n" * MANY + "relu",
    "commands without an end": "\\newcommand{\\a}[1][\n" * 4_000
    + "\\begin{tabular}{c}relu\\end{tabular}",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_nearly_match(name: str, tmp_path: Path):
    path = tmp_path / "spec.arch"
    path.write_text(f"input 8x8x4\n{TEXTS[name]}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "archdsl.cli", "summary", str(path)],
        capture_output=True,
        timeout=SECONDS,
    )
    assert done.returncode in (0, 2), done.stderr
    assert b"Traceback" not in done.stderr


def test_long_common_prefixes_of_network_names():
    """A table is named by the common prefix of its columns' names, however long they are."""
    from archdsl import loads
    from archdsl.output.paper_table import render

    shared = f"a{'1_' * MANY}"
    nets = [loads(f"network {shared}{end}\ninput 8x8x4\nrelu") for end in ("b", "c")]
    assert "network a\n" in render.markdown(nets)
