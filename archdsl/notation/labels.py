"""Labels as names of values: which of them a phrase may refer to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, Note, did_you_mean
from archdsl.notation.ast import Blocks, Reference
from archdsl.syntax.ast import Item, Phrase, Token
from archdsl.text.source import Source

WORDS = ("identity", "body", "shortcut", "side")  # of the language, never references


class Place(NamedTuple):
    """Where a label stands that is not visible: in a list of lines around, or within a group."""

    label: Token
    around: bool


class Labels:
    """The labels that are visible at a line: those of the lines before it, in its own list and in
    the lists around it."""

    def __init__(self, items: Sequence[Item] = (), around: Labels | None = None) -> None:
        self.items = items
        self.around = around
        self.own: dict[str, Token] = {}
        self.sides: set[str] = set()
        self.places: dict[str, Place] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.own or (self.around is not None and name in self.around)

    def add(self, label: Token) -> None:
        """What leaves the line of this label can be named from here on."""
        self.own[label.text] = label

    def add_side(self, name: str) -> None:
        """Nothing reads what a side head gives."""
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

    def hidden(self, name: str) -> Place | None:
        """Where a label stands that is not visible here."""
        *_, root = self.lists()
        if root.places is None:
            root.places = {}
            for label in _labels_within(root.items):
                root.places.setdefault(label.text, Place(label, False))
        found = root.places.get(name)
        if found is None:
            return None
        for one in self.lists():
            for label in filter(None, map(label_of, one.items)):
                if label.text == name:
                    return Place(label, True)
        return found

    def reference(self, source: Source, token: Token, blocks: Blocks) -> Reference:
        """The reference that a part is. Raises ArchError where no visible label has its name."""
        name = token.text
        if name in self and name not in blocks:
            return Reference(name, token.start, token.end)
        raise self.refusal(source, token, blocks)

    def refusal(self, source: Source, token: Token, blocks: Blocks) -> ArchError:
        """Why a name refers to no value."""
        name, span = token.text, source.span(token.start, token.end)
        if self.is_side(name):
            help = "a side head changes nothing of what flows: nothing reads what it gives"
            return ArchError(f"`{name}` is a side head", span, help=help)
        if name in self:
            label = next(one.own[name] for one in self.lists() if name in one.own)
            note = Note("the label is here", source.span(label.start, label.end))
            return ArchError(
                f"`{name}` is a label and a block", span, [note], "give the line another name"
            )
        if name in blocks:
            help = f"use it as a branch: `concat {{ identity; {name} }}`"
            return ArchError(f"`{name}` is a block, not a label", span, help=help)
        place = self.hidden(name)
        if place is None:
            return ArchError(
                f"there is no label `{name}`",
                span,
                help=did_you_mean(name, self.known())
                or f"write `{name}:` in front of the line whose value is meant",
            )
        note = Note("it is here", source.span(place.label.start, place.label.end))
        if place.around:
            if place.label.start < token.start:
                return ArchError(
                    f"`{name}` is the line that this stands in",
                    span,
                    [note],
                    "a line refers to those before it",
                )
            return ArchError(
                f"the label `{name}` stands further down",
                span,
                [note],
                "a line refers to those before it: move the line up",
            )
        return ArchError(
            f"the label `{name}` stands inside a group",
            span,
            [note],
            "only the lines of that group see it: give the group a label, and refer to that",
        )


def label_of(item: Item) -> Token | None:
    """The label that a line begins with."""
    return _label(item.phrases[0])


def _label(phrase: Phrase) -> Token | None:
    begin = int(phrase.tokens[0].kind == "bracket")  # after a claimed size
    name = name_before_colon(phrase.tokens[begin:])
    if not name:
        return None
    return Token("label", "_".join(p.text for p in name), name[0].start, name[-1].end)


def name_before_colon(tokens: Sequence[Token]) -> Sequence[Token]:
    """The words of a label, or of an attribute; empty if no colon follows them."""
    kinds = [token.kind for token in tokens]
    name = tokens[: kinds.index("colon")] if "colon" in kinds else ()
    return name if all(token.kind in ("word", "mixed", "number") for token in name) else ()


def _labels_within(items: Sequence[Item]) -> Iterator[Token]:
    """The labels of lines, of the links of their chains, and of the groups in them."""
    for item in items:
        for phrase in item.phrases:
            if label := _label(phrase):
                yield label
            for token in phrase.tokens:
                if token.kind in ("bracket", "braces"):
                    yield from _labels_within(token.inside)  # type: ignore[arg-type]
