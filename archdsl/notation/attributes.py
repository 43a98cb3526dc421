"""Assigns the attributes of a phrase to its layers.

In `conv3-64, stride 2, max pool 3x3` the stride belongs to the convolution and the size to the
pool: an attribute belongs to the nearest layer that takes it, a preceding one first; directly
after a size it stays with that size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from archdsl.errors import ArchError
from archdsl.layers import REGISTRY, Conv, Layer, Value
from archdsl.notation.ast import LayerText, Naming, ValueText, checked
from archdsl.notation.context import Context
from archdsl.notation.layer_names import is_separable, kind_named
from archdsl.notation.lookup import Words, fields_of, vocabulary
from archdsl.syntax.arguments import duplicate_error
from archdsl.syntax.ast import Phrase, Token
from archdsl.syntax.expressions import Expression


class LayerDraft:
    """A layer whose attributes are still being collected; `preset` is what its word itself sets,
    as `dw conv` does."""

    def __init__(
        self, kind: type[Layer], start: int, end: int, preset: Mapping[str, Value] | None = None
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.preset = preset or {}
        self.values = {name: ValueText(value, start, end) for name, value in self.preset.items()}
        self.removed: set[str] = set()
        self.is_used = True  # False of an optional layer that the network does not use
        self.ranked = ""  # its word, if that tells the axes of its map: `conv1d`
        self.naming: Naming | None = None

    def freeze(self) -> LayerText:
        return LayerText(
            self.kind,
            self.values,
            frozenset(self.removed),
            self.start,
            self.end,
            any(isinstance(value.value, Expression) for value in self.values.values()),
            ranked=self.ranked,
            naming=self.naming,
        )


@dataclass(eq=False)
class Mention:
    """An attribute in the text, before it is assigned to a layer.

    `form` is "words", "units", "flags", "size", "number", "suffix", "times", or "removal".
    `position` counts the layers that precede it; `owner` is the layer whose parentheses hold it.
    """

    form: str
    value: Value | Expression
    start: int
    end: int
    words: Words = ()
    owner: LayerDraft | None = None
    position: int = 0
    follows: Mention | None = None  # `3x3/2`: the stride goes where the kernel goes
    layer: LayerDraft | None = None  # to which it was assigned
    is_of_row: bool = False  # from a column of a table, which is about the row's main layer

    def field(self, kind: type[Layer]) -> tuple[str, Value | Expression] | None:
        """The field of a layer kind that the mention sets, and its value there."""
        if self.form in ("size", "number", "suffix", "times"):
            name = getattr(kind, f"takes_{self.form}")
            return (name, self.value) if name else None
        found = fields_of(kind, self.form).get(self.words)  # type: ignore[arg-type]
        if found is None:
            return None
        name, value = found
        return name, self.value if value is None else value


class EarlyRepeat(NamedTuple):
    """How many layers and attributes precede the repeat of a phrase, if more follows it."""

    layers: int
    mentions: int


class PhraseDraft:
    """What has been read of a phrase so far."""

    def __init__(self, context: Context, phrase: Phrase) -> None:
        self.context = context
        self.phrase = phrase
        self.layers: list[LayerDraft] = []
        self.mentions: list[Mention] = []
        self.removals: list[Mention] = []  # `no relu`, `bare`
        self.units_of_sizes: list[Words] = []  # units after a size: `2x2 window`
        self.unknown: list[Token] = []  # words without a meaning
        self.is_implied = False  # its one layer has no word
        self.repeat: ValueText | None = None
        self.early_repeat: EarlyRepeat | None = None
        self.stride: ValueText | None = None  # of a composite's first repetition

    def add(self, mention: Mention) -> Mention:
        """Add an attribute at this point of the phrase."""
        mention.position = len(self.layers)
        (self.removals if mention.form == "removal" else self.mentions).append(mention)
        return mention

    def set_repeat(self, count: ValueText) -> None:
        """Raises ArchError for a second repeat."""
        if self.repeat is not None:
            raise self.context.fail("a second repeat", count, "remove one of the two")
        self.repeat = count

    def set_stride(self, stride: ValueText, where: Token) -> None:
        """Raises ArchError for a second stride."""
        if self.stride is not None:
            raise self.context.fail("a second stride", where, "remove one of the two")
        self.stride = stride


class Assigner:
    """Gives each attribute of a phrase to one of its layers."""

    def __init__(self, draft: PhraseDraft) -> None:
        self.context = draft.context
        self.draft = draft
        self.layers = draft.layers

    def assign(self) -> None:
        for mention in self.draft.mentions:
            self.assign_one(mention)
        for mention in self.draft.mentions:
            if mention.follows is not None:
                self.check_stride_of_width(mention, mention.follows)
        for removal in self.draft.removals:
            # What is removed accompanies a layer; it is not removed from another companion.
            layers = list(self.candidates(removal))
            if not layers:
                raise self.context.fail(
                    "it removes nothing", removal, "the optional layer is not in use"
                )
            layer = next((one for one in layers if not one.kind.accompanies), layers[0])
            layer.removed |= set(removal.words)

    def imply_layer(self, label: Token | None) -> None:
        """Add the layer of a phrase without a layer word: the one its name names, or the one that
        its units and sizes call for."""
        # After the label: in a row of a table the layer may be in another cell.
        tokens = self.draft.phrase.tokens
        kinds = [token.kind for token in tokens]
        first = tokens[kinds.index("colon") + 1 if label is not None else 0]
        layer = self.named_layer(first, label)
        if layer is None:
            kind = self.implied_kind()
            layer = LayerDraft(kind, first.start, first.end) if kind is not None else None
        if layer is None:
            text = self.context.source.text[first.start : self.draft.phrase.end]
            raise ArchError(
                f"`{text if len(text) <= 60 else text[:57] + '…'}` does not name a layer",
                self.context.source.span(first.start, self.draft.phrase.end),
                help="write `conv3-64`, `FC-4096`, …",
            )
        self.layers.append(layer)
        for mention in self.draft.mentions:
            mention.position = 1

    def named_layer(self, first: Token, label: Token | None) -> LayerDraft | None:
        """The layer that the label of the phrase, or the name of its row, names: `FC6: 4096
        neurons`. None if the attributes before other layers are not such a layer's.

        Raises ArchError if the name is nothing but that of a layer of another kind.
        """
        name = self.draft.phrase.row_name or (label.text if label is not None else "")
        if is_separable(name):
            raise self.context.fail(
                f"`{name}` is two layers",
                first,
                "write the block, `separable(64)`, or both: `dw conv 3x3 -> conv1-64`",
            )
        named = kind_named(name)
        if named is None:
            return None
        mentions = [one for one in self.draft.mentions if not one.position]
        mentions = [one for one in mentions if one.form in ("size", "number", "units")]
        fields = [field[0] for one in mentions if (field := one.field(named.kind)) is not None]
        is_matrix = "matrix" in fields and len(mentions) > 1  # `fc6: 7x7, 4096`
        if len({*fields}) < len(mentions) or is_matrix:
            is_other = named.is_whole and named.kind is not Conv
            if is_other and any(one.form == "size" for one in mentions):
                text = self.context.source.plain[first.start : mentions[-1].end]
                raise self.context.fail(
                    f"`{text}` in a line named `{name}`",
                    mentions[-1],
                    f"write the layer: `{named.text} …`, or `conv {text}`",
                )
            return None
        layer = LayerDraft(named.kind, first.start, first.end, named.preset)
        is_implied = named.kind is Conv and not named.preset  # without the name too
        if named.is_open or not (named.is_whole or is_implied):
            layer.naming = Naming("open" if named.is_open else "held", named.text)
        return layer

    def implied_kind(self) -> type[Layer] | None:
        """The layer that units (`4096 neurons`, `2x2 window`) or sizes (`3x3, 64`) call for."""
        mentions, attributes = self.draft.mentions, vocabulary().attributes
        units = [m.words for m in mentions if m.form == "units" and m.words not in attributes]
        for words in (*units, *self.draft.units_of_sizes):
            for kind in REGISTRY:
                if kind.implied and words in fields_of(kind, "units"):  # type: ignore[arg-type]
                    return kind
        return Conv if any(mention.form == "size" for mention in mentions) else None

    def imply_leading_layer(self, label: Token | None) -> None:
        """Add the layer before its companions, as in `3x3, 64, relu`: a convolution, or the one
        that the name of the line names."""
        if not all(layer.kind.accompanies for layer in self.layers):
            return
        mentions = self.draft.mentions
        if not any(mention.form == "size" and not mention.position for mention in mentions):
            return
        first = mentions[0]
        place = Token("", "", first.start, first.end)
        layer = self.named_layer(place, label)
        self.draft.is_implied = True
        self.layers.insert(0, layer or LayerDraft(Conv, first.start, first.end))
        for mention in (*mentions, *self.draft.removals):
            mention.position += 1

    def candidates(self, mention: Mention) -> Iterator[LayerDraft]:
        """The layers that a mention may belong to, the most likely first."""
        if mention.owner is not None:
            yield mention.owner
            return
        if mention.follows is not None and mention.follows.layer is not None:
            yield mention.follows.layer
            return
        if mention.is_of_row:
            used = (one for one in self.layers if one.is_used)
            yield from sorted(used, key=lambda one: one.kind.accompanies)
            return
        yield from (one for one in reversed(self.layers[: mention.position]) if one.is_used)
        yield from (one for one in self.layers[mention.position :] if one.is_used)

    def assign_one(self, mention: Mention) -> None:
        occupied: tuple[LayerDraft, str] | None = None  # the first layer that has the field already
        following = self.layers[mention.position :]
        source = self.context.source
        for layer in self.candidates(mention):
            field = mention.field(layer.kind)
            if field is None or (occupied is not None and layer not in following):
                continue  # past a layer that has it, only what precedes the next layer is tried
            name, value = field
            may_repeat = name in layer.preset or mention.is_of_row or mention.words == ("width",)
            if may_repeat and name in layer.values and layer.values[name].value == value:
                return  # MobileNet's `Conv dw / s1 3x3x32 dw`; a column that repeats the type
            if name in layer.values:
                if occupied is not None:
                    break
                occupied = layer, name
                continue
            if layer.kind.accompanies:
                self.check_meant_for(layer, name, mention)
            if not isinstance(value, Expression):
                value = checked(source, layer.kind, name, value, mention.start, mention.end)
            layer.values[name] = ValueText(value, mention.start, mention.end)
            mention.layer = layer
            layer.start = min(layer.start, mention.start)
            layer.end = max(layer.end, mention.end)
            return
        raise self.unassigned(mention, occupied)

    def check_stride_of_width(self, mention: Mention, width: Mention) -> None:
        """Refuse `3x3 conv 64/32`: a stride after a width that is larger than the kernel."""
        layer, stride = mention.layer, mention.value
        if width.form != "number" or layer is None or width.layer is not layer:
            return
        kernel = layer.values.get("kernel")
        if kernel is None or isinstance(kernel.value, Expression) or "width" not in layer.values:
            return
        sides = [axes if isinstance(axes, tuple) else (axes,) for axes in (kernel.value, stride)]
        largest, steps = ([n for n in axes if isinstance(n, int)] for axes in sides)
        if max(steps, default=1) <= max(3, *largest):
            return
        text = self.context.source.plain
        number, after = text[width.start : width.end], text[mention.start : mention.end].strip("/ ")
        raise self.context.fail(
            f"is `{number}/{after}` the width {number} with a stride of {after}?",
            mention,
            f"write `{number}, stride {after}` for that, else one width: `{number}` or `{after}`",
        )

    def check_meant_for(self, layer: LayerDraft, name: str, mention: Mention) -> None:
        """Refuse a number between commas that may be the width of a weight layer as well:
        `dw conv 3x3, leaky relu, 64`."""
        value, plain = mention.value, self.context.source.plain
        is_bare = mention.form == "number" and mention.owner is None and layer.end < mention.start
        if not is_bare or "," not in plain[layer.end : mention.start]:
            return
        if isinstance(value, Expression) or not isinstance(value, int) or value < 2:
            return
        for other in self.layers[: mention.position]:
            if other.kind.weighs and other.kind.takes_number == "width":
                if not {"width", "matrix"} & {*other.values}:
                    word = plain[layer.start : layer.end]
                    raise self.context.fail(
                        f"is {value} the width of `{other.kind.kind}`, or the {name} of `{word}`?",
                        mention,
                        f"write `width {value}`, or `{word} {value}`",
                    )

    def unassigned(self, mention: Mention, occupied: tuple[LayerDraft, str] | None) -> ArchError:
        """The error of an attribute that no layer takes, or that a layer has already."""
        source = self.context.source
        text = source.text[mention.start : mention.end]
        if occupied is not None:
            layer, name = occupied
            first = layer.values[name]
            return duplicate_error(
                f"the {name} of `{layer.kind.kind}`",
                source.span(mention.start, mention.end),
                source.span(first.start, first.end),
                "remove one of the two; `;`, `->` or `<br>` separates two layers",
            )
        nearest = next(self.candidates(mention), None)
        if nearest is None:
            return self.context.fail(
                f"`{text}` does not belong to a layer", mention, "the optional layer is not in use"
            )
        attributes = nearest.kind.attributes.values()
        takes = [words[0] for one in attributes if (words := one.words or one.units)]
        return self.context.fail(
            f"`{nearest.kind.kind}` does not take `{' '.join(mention.words) or text}`",
            mention,
            f"it takes {', '.join(takes)}" if takes else "it does not take attributes",
        )
