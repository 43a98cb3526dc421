"""Labels as names of values: which of them a phrase may refer to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, Note, did_you_mean
from archdsl.notation.ast import Blocks, Reference
from archdsl.syntax.ast import Item, Phrase, Token
from archdsl.text.source import Source

KEYWORDS = ("identity", "body", "shortcut", "side")  # keywords, which never refer to a label


class HiddenLabel(NamedTuple):
    """A label that is not visible: on a line of a list around the phrase, or within a group."""

    label: Token
    is_around: bool


class Labels:
    """The labels that are visible at a line: those of the lines before it, in its own list and in
    the lists around it."""

    def __init__(self, items: Sequence[Item] = (), around: Labels | None = None) -> None:
        self.items = items
        self.around = around
        self.own: dict[str, Token] = {}
        self.sides: set[str] = set()
        self.everywhere: dict[str, Token] | None = None  # every label of the text, made when needed

    def __contains__(self, name: str) -> bool:
        return name in self.own or (self.around is not None and name in self.around)

    def add(self, label: Token) -> None:
        """Later lines may refer to the output of this label's line."""
        self.own[label.text] = label

    def add_side(self, name: str) -> None:
        """Nothing may refer to the output of a side head."""
        self.sides.add(name)

    def is_side(self, name: str) -> bool:
        return any(name in one.sides for one in self.lists())

    def lists(self) -> Iterator[Labels]:
        """This list of lines and those around it, the innermost first."""
        here: Labels | None = self
        while here is not None:
            yield here
            here = here.around

    def known(self) -> list[str]:
        return [name for one in self.lists() for name in one.own]

    def hidden(self, name: str) -> HiddenLabel | None:
        """The label of a name that is not visible here."""
        *_, root = self.lists()
        if root.everywhere is None:
            root.everywhere = {}
            for label in _labels_within(root.items):
                root.everywhere.setdefault(label.text, label)
        if name not in root.everywhere:
            return None
        for one in self.lists():
            for label in filter(None, map(label_of, one.items)):
                if label.text == name:
                    return HiddenLabel(label, True)
        return HiddenLabel(root.everywhere[name], False)

    def reference(self, source: Source, token: Token, blocks: Blocks) -> Reference:
        """The reference that a token is. Raises ArchError if no visible label has its name."""
        if token.text in self and token.text not in blocks:
            return Reference(token.text, token.start, token.end)
        raise self.refusal(source, token, blocks)

    def refusal(self, source: Source, token: Token, blocks: Blocks) -> ArchError:
        """The error of a name that does not refer to a value."""
        message, help, label = self.explain(token, blocks)
        what = "the label is here" if token.text in self else "it is here"
        notes = [] if label is None else [Note(what, source.span(label.start, label.end))]
        return ArchError(message, source.span(token.start, token.end), notes, help)

    def explain(self, token: Token, blocks: Blocks) -> tuple[str, str, Token | None]:
        """Why a name does not refer to a value, what to do, and its label if there is one."""
        name = token.text
        if self.is_side(name):
            help = "nothing may refer to the output of a side head"
            return f"`{name}` is a side head", help, None
        if name in self:
            label = next(one.own[name] for one in self.lists() if name in one.own)
            return f"`{name}` is a label and a block", "give the line another name", label
        if name in blocks:
            help = f"use it as a branch: `concat {{ identity; {name} }}`"
            return f"`{name}` is a block, not a label", help, None
        hidden = self.hidden(name)
        if hidden is None:
            help = f"write `{name}:` before the line whose output is meant"
            return f"there is no label `{name}`", did_you_mean(name, self.known()) or help, None
        label = hidden.label
        if not hidden.is_around:
            help = "only lines of that group may refer to it: label the group, and refer to that"
            return f"the label `{name}` is inside a group", help, label
        help = "a line refers to those before it"
        if label.start < token.start:
            return f"`{name}` is the line that contains this", help, label
        return f"the label `{name}` comes later", f"{help}: move the line up", label


def label_of(item: Item) -> Token | None:
    """The label of a line."""
    return _label(item.phrases[0])


def _label(phrase: Phrase) -> Token | None:
    begin = int(phrase.tokens[0].kind == "bracket")  # after a claimed size
    name = name_before_colon(phrase.tokens[begin:])
    if not name:
        return None
    return Token("label", "_".join(p.text for p in name), name[0].start, name[-1].end)


def name_before_colon(tokens: Sequence[Token]) -> Sequence[Token]:
    """The words of a label, or of an attribute; empty if no colon follows them."""
    for index, token in enumerate(tokens):
        if token.kind == "colon":
            return tokens[:index]
        if token.kind not in ("word", "mixed", "number"):
            break
    return ()


def _labels_within(items: Sequence[Item]) -> Iterator[Token]:
    """The labels of lines, of the links of their chains, and of the groups in them."""
    for item in items:
        for phrase in item.phrases:
            if label := _label(phrase):
                yield label
            for token in phrase.tokens:
                if token.kind in ("bracket", "braces"):
                    yield from _labels_within(token.items)
