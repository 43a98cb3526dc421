"""Turns the punctuation of a pasted listing of PyTorch or Keras into ours, and recognizes programs.

`self.features = nn.Sequential(nn.ReLU(), …)` becomes `features: { nn.ReLU(); … }`: a sequence is a
group, an attribute a label, and lines break anywhere in parentheses.
"""

from __future__ import annotations

import re

from archdsl.text import keras

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

# What only a program contains. In the plain text the assignments of a listing are labels.
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
_TELLTALES = ("nn.", "self", "import ", "def ", "(x)", "keras", "model.", "layers.")


def unwrapped(text: str) -> str:
    """The text with the language's punctuation in its listings, in as many characters."""
    text = keras.unwrapped(text)
    return re.sub(_TOKEN, _Listing(text).replacement, text) if "nn." in text else text


def program(text: str, plain: str) -> tuple[int, int] | None:
    """The first place that only a program can contain, or None if the text is a listing.

    `plain`: the text without its typography.
    """
    if not any(telltale in text for telltale in _TELLTALES):
        return None
    # Comments and titles are not code.
    bare = re.sub(r'#[^\n]*|"[^"\n]*"', lambda kept: " " * len(kept[0]), plain)
    found = re.search(_PROGRAM, bare, re.MULTILINE)
    if found is None:
        return None
    start = found.end() - len(found[0].lstrip())
    return start, found.end()


class _Listing:
    """The brackets that are open in a listing, and what becomes of its tokens within them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.open: list[str] = []  # "sequence", "call", or a bracket inside one
        self.called = -1  # where a call outside of any sequence has ended

    def replacement(self, found: re.Match[str]) -> str:
        """What a token becomes, in as many characters."""
        token, kind = found[0], found.lastgroup
        inside = self.open[-1] if self.open else ""
        if kind is not None:
            return self._named(token, kind, inside)
        if token in "([{":
            if inside:
                self.open.append(token)
            return token
        if token in ")]}":
            return self._closing(token, inside, found.end())
        if token == ",":
            return self._comma(inside, found.start())
        return " " if inside and token == "\n" else token

    def _named(self, token: str, kind: str, inside: str) -> str:
        """What a token of a kind with a name becomes."""
        blanks = " " * len(token)
        match kind:
            case "comment":
                return blanks if inside else token
            case "string":
                return f" {token[1:-1]} " if inside else token
            case "label" if inside in ("", "sequence"):
                return f"{token[:-1].removeprefix('self.')}:".rjust(len(token))
            case "sequence":
                self.open.append(kind)
                return "{".rjust(len(token))
            case "call":
                self.open.append(kind)
                return token.removeprefix("torch.").rjust(len(token))
            case "torch":
                return blanks
            case _:
                return token

    def _closing(self, token: str, inside: str, end: int) -> str:
        if inside:
            self.open.pop()
        self.called = end if inside and not self.open else -1
        return "}" if inside == "sequence" and token == ")" else token

    def _comma(self, inside: str, start: int) -> str:
        """After a call a comma ends a line: each layer of a listing is one."""
        is_after_call = self.called >= 0 and not self.text[self.called : start].strip()
        self.called = -1
        return ";" if inside == "sequence" or is_after_call else ","
