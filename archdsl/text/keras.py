"""Turns the punctuation of a pasted Keras listing into ours.

`model.add(layers.Conv2D(32, (3, 3), activation="relu"))` becomes `Conv2D(32, (3, 3), activation=
relu )`: a sequence is a group, calls lose the module of their class, and lines break anywhere in
parentheses. archdsl/notation/keras_calls.py reads the calls.
"""

from __future__ import annotations

import re

from archdsl.text.keras_names import CLASS, MODULE

_NUMBER = r"[ \t]*(\d+)[ \t]*"
_SHAPE = rf"(?:(?:input_)?shape[ \t]*=[ \t]*)?\({_NUMBER},{_NUMBER}(?:,{_NUMBER})?,?[ \t]*\)"
_TOKEN = (
    r"(?P<comment>\#[^\n]*)"
    rf"|(?P<input>{MODULE}\bInput(?:Layer)?\([ \t]*{_SHAPE}[ \t]*\))"
    rf"|(?P<whole>^[ \t]*(?:\w+[ \t]*=[ \t]*)?{MODULE}\bSequential\(\s*(?:layers[ \t]*=[ \t]*)?\[)"
    rf"|(?P<sequence>{MODULE}\bSequential\(\s*(?:layers[ \t]*=[ \t]*)?\[)"
    rf"|(?P<model>^[ \t]*(?:\w+[ \t]*=[ \t]*)?{MODULE}\bSequential\([ \t]*\)(?=[ \t]*$))"
    r"|(?P<add>^[ \t]*\w+\.add\()"
    rf"|(?P<call>{MODULE}\b(?:{CLASS})\()"
    r"""|(?P<string>"[^"\n]*"|'[^'\n]*')"""
    r"|(?P<module>\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_]))"
    r"|(?P<point>(?<=\d)\.(?!\d))"
    r"|[()\[\]{},\n]"
)
_TELLTALES = (
    "1D(",
    "2D(",
    "3D(",
    "Dense(",
    "keras",
    "layers.",
    ".add(",
    "ation(",
    "LU(",
    "caling(",
)
_MODELS = ("", "add", "whole", "sequence")  # where calls are layers
_LEAD = re.compile(r"[ \t]*(?:[-*`]+[ \t]*)*(?:\w+[ \t]*[:=][ \t]*)?`?")


def unwrapped(text: str) -> str:
    """The text with the language's punctuation in its Keras calls, in as many characters."""
    if not any(map(text.__contains__, _TELLTALES)):
        return text
    from archdsl.text import keras_functional  # its patterns take 3 ms to compile

    text = keras_functional.unwrapped(text)
    return re.sub(_TOKEN, _Listing(text).replacement, text, flags=re.MULTILINE)


class _Listing:
    """The brackets that are open in a listing, and what becomes of its tokens within them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.open: list[str] = []  # "sequence", "add", "call", or a bracket inside one
        self.called = -1  # where a call that begins its line has ended
        self.is_first = False  # whether the call that is open begins its line
        self.braces = 0  # of the language itself that are open

    def replacement(self, found: re.Match[str]) -> str:
        """What a token becomes, in as many characters."""
        token, kind = found[0], found.lastgroup
        inside = self.open[-1] if self.open else ""
        match kind:
            case "comment":
                return " " * len(token) if inside else token
            case "input":
                shape = "x".join(filter(None, found.groups()[2:5]))
                return f"input {shape}".ljust(len(token))
            case "sequence" | "whole" | "add" | "model":
                return self._wrapper(token, kind)
            case "call":
                if inside in _MODELS:
                    self.is_first = inside != "" or self._begins_line(found.start())
                    self.open.append("call")
                    return token.rpartition(".")[2].rjust(len(token))
                self.open.append("(")
                return token
            case "string":
                return f" {token[1:-1]} " if inside not in _MODELS else token
            case "module" | "point":
                return " " * len(token) if inside not in _MODELS else token
            case _:
                return self._sign(token, inside, found)

    def _wrapper(self, token: str, kind: str) -> str:
        """What becomes of what encloses the layers of a model."""
        if kind == "model":
            return " " * len(token)
        if kind == "whole" and (self.open or self.braces):
            kind = "sequence"  # of a branch
        self.open.append(kind)
        return "{".rjust(len(token)) if kind == "sequence" else " " * len(token)

    def _begins_line(self, start: int) -> bool:
        if self.called >= 0 and self.text[self.called : start].strip() == ",":
            return True
        return _LEAD.fullmatch(self.text, self.text.rfind("\n", 0, start) + 1, start) is not None

    def _sign(self, sign: str, inside: str, found: re.Match[str]) -> str:
        """What becomes of a bracket, a comma or the end of a line."""
        if not inside:
            self.braces += (sign in "[{") - (sign in "]}")
            follows = self.called >= 0 and not self.text[self.called : found.start()].strip()
            return ";" if sign == "," and follows else sign
        if sign in "([{":
            self.open.append(sign)
            return "(" if sign == "[" and self._is_in_call() else sign
        if sign in ")]}":
            return self._closing(sign, inside, found)
        if sign == ",":
            return ";" if inside in _MODELS else sign
        return " " if sign == "\n" and inside not in ("whole", "sequence") else sign

    def _closing(self, sign: str, inside: str, found: re.Match[str]) -> str:
        is_in_call = self._is_in_call()
        self.open.pop()
        if inside == "add":
            return " "
        if inside in ("whole", "sequence"):
            self.open.append("add")  # of the two signs of `])`, the second is left out
            return "}" if inside == "sequence" else " "
        if inside == "call" and self.is_first and not self.open:
            self.called = found.end()
        return ")" if sign == "]" and is_in_call else sign

    def _is_in_call(self) -> bool:
        return "call" in self.open
