"""Who takes what: attributes on their way to the layers of a phrase.

A mention belongs to the nearest layer that takes it, left first; directly behind a size it stays
with that size.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from archdsl.errors import ArchError, Note
from archdsl.layers import REGISTRY, Conv, Layer, LayerError, Value
from archdsl.notation.ast import Blocks, LayerText, ValueText
from archdsl.notation.groups import Wholes
from archdsl.notation.labels import Labels
from archdsl.notation.numbers import Placed
from archdsl.notation.vocabulary import Words, fields_of, vocabulary
from archdsl.syntax.ast import Phrase, Token
from archdsl.syntax.expressions import Expression
from archdsl.text.source import Source


class Draft:
    """A layer that still gathers its attributes."""

    def __init__(
        self, kind: type[Layer], start: int, end: int, given: dict[str, ValueText] | None = None
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.given = given or {}
        self.spelled = frozenset(self.given)  # what the word itself sets, as `dw conv` does
        self.struck: set[str] = set()
        self.stands = True
        self.ranked = ""  # its word, where that says the axes of its map: `conv1d`

    def freeze(self) -> LayerText:
        return LayerText(
            self.kind,
            self.given,
            frozenset(self.struck),
            self.start,
            self.end,
            any(isinstance(given.value, Expression) for given in self.given.values()),
            ranked=self.ranked,
        )


class Mention:
    """An attribute that still looks for its layer.

    `how` is "attributes", "units", "flags", "size", "number", "suffix", "times", or "strike".
    `behind` layers stand in front of it; `only` is the layer inside whose parentheses it stands.
    """

    def __init__(
        self,
        how: str,
        words: Words,
        value: Value | Expression,
        start: int,
        end: int,
        behind: int,
        only: Draft | None,
    ) -> None:
        self.how = how
        self.words = words
        self.value = value
        self.start = start
        self.end = end
        self.behind = behind
        self.only = only
        self.beside: Mention | None = None  # `3x3/2`: the stride goes where the kernel goes
        self.layer: Draft | None = None  # where it went

    def fields(self, kind: type[Layer]) -> tuple[str, Value | Expression] | None:
        """The field of a layer kind that the mention sets, and its value there."""
        if self.how in ("size", "number", "suffix", "times"):
            name = getattr(kind, f"takes_{self.how}")
            return (name, self.value) if name else None
        how = "words" if self.how == "attributes" else self.how
        found = fields_of(kind, how).get(self.words)  # type: ignore[arg-type]
        if found is None:
            return None
        return found[0], self.value if found[1] is None else found[1]

    @property
    def text(self) -> str:
        return " ".join(self.words)


class Mentions(Wholes):
    """Gives the attributes of a phrase to its layers."""

    def __init__(
        self,
        source: Source,
        phrase: Phrase,
        names: Collection[str],
        blocks: Blocks,
        labels: Labels,
    ) -> None:
        super().__init__(source, phrase, names, blocks, labels)
        self.layers: list[Draft] = []
        self.mentions: list[Mention] = []
        self.strikes: list[Mention] = []
        self.beside_size: list[Words] = []  # units behind a size: `2x2 window`

    def mention(
        self,
        how: str,
        words: Words,
        value: Value | Expression,
        first: Token,
        last: Token,
        only: Draft | None,
    ) -> None:
        self.mentions.append(
            Mention(how, words, value, first.start, last.end, len(self.layers), only)
        )

    def imply(self, label: Token | None) -> None:
        """The layer of a phrase without a layer word: its label's, or what its sizes call for."""
        kind: type[Layer] | None = None
        if label is not None:
            words = tuple(re.sub(r"\d+$", "", label.text).lower().replace("_", " ").split())
            found = vocabulary().layers.get(words)
            kind = found[0] if found else None
        known = vocabulary().attributes
        for mention in self.mentions:
            if kind is None and mention.how == "units" and mention.words not in known:
                kind = next((k for k in REGISTRY if k.implied and mention.fields(k)), None)
        for words in self.beside_size:
            kind = kind or _with_unit(words)
        if kind is None and any(m.how == "size" for m in self.mentions):
            kind = Conv
        # Behind the label, which of a row of a table stands in another cell.
        kinds = [token.kind for token in self.phrase.tokens]
        first = self.phrase.tokens[kinds.index("colon") + 1 if label is not None else 0]
        if kind is None:
            text = self.source.text[first.start : self.phrase.end]
            raise ArchError(
                f"`{text if len(text) <= 60 else text[:57] + '…'}` names no layer",
                self.source.span(first.start, self.phrase.end),
                help="write `conv3-64`, `FC-4096`, …",
            )
        self.layers.append(Draft(kind, first.start, first.end))
        for mention in self.mentions:
            mention.behind = 1

    def imply_in_front(self) -> None:
        """The convolution in front of its companions, as in `3x3, 64, relu`."""
        sized = any(mention.how == "size" and not mention.behind for mention in self.mentions)
        if not sized or not all(layer.kind.accompanies for layer in self.layers):
            return
        first = self.mentions[0]
        self.layers.insert(0, Draft(Conv, first.start, first.end))
        for mention in (*self.mentions, *self.strikes):
            mention.behind += 1

    def candidates(self, mention: Mention) -> Iterator[Draft]:
        if mention.only is not None:
            yield mention.only
            return
        if mention.beside is not None and mention.beside.layer is not None:
            yield mention.beside.layer
            return
        standing = [layer for layer in self.layers[: mention.behind] if layer.stands]
        yield from reversed(standing)
        yield from (layer for layer in self.layers[mention.behind :] if layer.stands)

    def assign(self) -> None:
        for mention in self.mentions:
            self.place(mention)
        for strike in self.strikes:
            # What is struck accompanies a layer; it is not struck from another companion.
            layers = list(self.candidates(strike))
            if not layers:
                raise self.fail("it strikes nothing", strike, "the optional layer does not stand")
            layer = next((one for one in layers if not one.kind.accompanies), layers[0])
            layer.struck |= set(strike.words)

    def checked(self, kind: type[Layer], name: str, value: Value, where: Placed) -> Value:
        """The value of an attribute in its canonical form. Raises ArchError."""
        try:
            return kind.attributes[name].check(value)
        except LayerError as problem:
            raise self.fail(
                f"the {name} of `{kind.kind}` {problem.message}",
                where,
                problem.help or kind.form(),
            ) from None

    def place(self, mention: Mention) -> None:
        taken: tuple[Draft, str] | None = None
        behind = self.layers[mention.behind :]
        for layer in self.candidates(mention):
            found = mention.fields(layer.kind)
            if found is None or (taken is not None and layer not in behind):
                continue  # past a layer that has it, only what stands in front of the next goes on
            name, value = found
            if name in layer.spelled and layer.given[name].value == value:
                return  # MobileNet's `Conv dw / s1 3x3x32 dw`
            if name in layer.given:
                if taken is not None and layer in behind:
                    break
                taken = layer, name
                continue
            if not isinstance(value, Expression):
                value = self.checked(layer.kind, name, value, mention)
            layer.given[name] = ValueText(value, mention.start, mention.end)
            mention.layer = layer
            layer.start = min(layer.start, mention.start)
            layer.end = max(layer.end, mention.end)
            return
        shown = self.source.text[mention.start : mention.end]
        if taken:
            layer, name = taken
            first = layer.given[name]
            raise ArchError(
                f"the {name} of `{layer.kind.kind}` is given twice",
                self.source.span(mention.start, mention.end),
                notes=[Note("first given here", self.source.span(first.start, first.end))],
                help="strike one of the two; between two layers stands `;`, `->` or `<br>`",
            )
        nearest = next(self.candidates(mention), None)
        if nearest is None:
            raise self.fail(
                f"`{shown}` belongs to no layer", mention, "the optional layer does not stand"
            )
        attributes = nearest.kind.attributes.values()
        takes = [words[0] for one in attributes if (words := one.words or one.units)]
        raise self.fail(
            f"`{nearest.kind.kind}` takes no `{mention.text or shown}`",
            mention,
            f"it takes {', '.join(takes)}" if takes else "it takes no attributes",
        )


def _with_unit(words: Words) -> type[Layer] | None:
    """The first kind that a unit belongs to."""
    kinds = (k for k in REGISTRY if k.implied and words in fields_of(k, "units"))  # type: ignore[arg-type]
    return next(kinds, None)


def draft(kind: type[Layer], preset: Mapping[str, Value], start: int, end: int) -> Draft:
    """A layer with what its spelling sets, as `global` does."""
    given = {name: ValueText(value, start, end) for name, value in preset.items()}
    return Draft(kind, start, end, given)
