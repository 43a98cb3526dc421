"""A pasted PyTorch listing as text: what of it is punctuation, and what makes it a program.

`nn.Sequential( … )` is a group, `self.pool = nn.…` a label; lines break anywhere in parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TORCH = r"(?:torch\.)?nn\."
# `chain( … )` is the Sequential with names that `archdsl source` writes.
_CHAIN = rf"\bchain\((?=\s*\w+=(?:{_TORCH}|chain\())"
_SEQUENCE = rf"\b{_TORCH}Sequential[ \t]*\(|{_CHAIN}"
_TOKEN = (
    r"(?P<comment>\#[^\n]*)"
    r"""|(?P<string>"[^"\n]*"|'[^'\n]*')"""
    rf"|(?P<label>(?:\bself\.)?\b\w+[ \t]*=(?=[ \t]*(?:{_TORCH}\w|{_CHAIN})))"
    rf"|(?P<sequence>{_SEQUENCE})"
    rf"|(?P<call>\b{_TORCH}\w+[ \t]*\()"
    rf"|(?P<torch>\btorch\.(?=nn\.))"
    r"|[()\[\]{},\n]"
)

# What only a program has. In the plain text the labels of a listing are no assignments any more.
_PROGRAM = (
    r"^[ \t]*(?:"
    r"class[ \t]+\w+[ \t]*(?:\([^)\n]*\)[ \t]*)?:[ \t]*$|(?:async[ \t]+)?def[ \t]+\w|@\w"
    r"|return\b(?![ \t]*:)|super[ \t]*\(|print[ \t]*\("
    r"|import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import\b|for[ \t]+\w+[ \t]+in\b"
    r"|[A-Za-z_][\w.]*[ \t]*\+?=[ \t]*[A-Za-z_][\w.]*[ \t]*\("  # x = conv_layer1(x)
    r"|\w+[ \t]*\+?=[ \t]*\["  # layers += [
    r"|x[ \t]*[=:][ \t]*(?:nn\.|\{)"  # x = nn.ReLU()(x)
    r"|(?!nn\.)[A-Za-z_]\w*\.[a-z_]\w*[ \t]*\("  # model.to(device)
    r"|\w+\(x\)[ \t]*$"
    r")"
    r"|\bself\.\w|\.\.\.|\)\(x\)|\bOrderedDict\b|\bnn\.Module"
    r"|\{[ \t]*\*\w"  # nn.Sequential(*layers)
)
_TELLTALES = ("nn.", "self", "import ", "def ", "(x)")


def unwrapped(text: str) -> str:
    """The text with the punctuation of its listings as the language's own, of the same length."""
    return "".join(_pieces(text)) if "nn." in text else text


def program(text: str, plain: str) -> tuple[int, int] | None:
    """Where a text is a program, not a listing: the first place that only a program has.

    `plain` is the text without its typography.
    """
    if not any(telltale in text for telltale in _TELLTALES):
        return None
    # Comments and titles are no code.
    bare = re.sub(r'#[^\n]*|"[^"\n]*"', lambda kept: " " * len(kept[0]), plain)
    found = re.search(_PROGRAM, bare, re.MULTILINE)
    if found is None:
        return None
    start = found.end() - len(found[0].lstrip())
    return start, found.end()


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces, each as long as what it stands for."""
    open_: list[str] = []  # "sequence", "call", or a bracket inside one
    here = 0
    called = -1  # where a call outside of any sequence has ended
    for found in re.finditer(_TOKEN, text):
        yield text[here : found.start()]
        here = found.end()
        whole, kind = found[0], found.lastgroup
        inside = open_[-1] if open_ else ""
        if kind == "comment":
            yield " " * len(whole) if inside else whole
        elif kind == "string":
            yield f" {whole[1:-1]} " if inside else whole
        elif kind == "label" and inside in ("", "sequence"):
            name = whole[:-1].removeprefix("self.")
            yield " " * (len(whole) - 1 - len(name)) + name + ":"
        elif kind == "sequence":
            open_.append(kind)
            yield " " * (len(whole) - 1) + "{"
        elif kind == "call":
            open_.append(kind)
            name = whole.removeprefix("torch.")
            yield " " * (len(whole) - len(name)) + name
        elif kind == "torch":
            yield " " * len(whole)
        elif whole in "([{":
            if inside:
                open_.append(whole)
            yield whole
        elif whole in ")]}":
            if inside:
                open_.pop()
            called = here if inside and not open_ else -1
            yield "}" if inside == "sequence" and whole == ")" else whole
        elif whole == ",":
            # Behind a call the comma ends a line: each layer of a listing is one.
            ends = inside == "sequence" or (called >= 0 and not text[called : here - 1].strip())
            called = -1
            yield ";" if ends else whole
        else:
            yield " " if inside and whole == "\n" else whole
    yield text[here:]
