"""The one reader of every spelling: phrases, and lines of them.

Blanks, tight hyphens and commas join; a layer word begins a new layer; every other part belongs to
the nearest layer that takes it, left first. Every part is used exactly once: what nobody takes is
an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from archdsl.errors import MOST_ERRORS, ArchError, did_you_mean
from archdsl.layers import Layer
from archdsl.layers.padding import MODES
from archdsl.layers.zero_pad import SIDES
from archdsl.notation import pytorch_calls
from archdsl.notation.ast import (
    Blocks,
    Group,
    LayerText,
    Line,
    ParsedPhrase,
    Placeholder,
    Reference,
    Side,
    ValueText,
)
from archdsl.notation.attributes import Mention
from archdsl.notation.labels import WORDS, Labels, label_of
from archdsl.notation.numbers import FUSED, REPEAT
from archdsl.notation.optional_layers import Options
from archdsl.notation.vocabulary import runs, vocabulary, words_of
from archdsl.notation.words import VALUES, Scanner
from archdsl.syntax import expressions
from archdsl.syntax.ast import Item, Phrase, Token
from archdsl.syntax.statements import FORMS
from archdsl.text.source import Source

LONGEST = 500  # layers of a phrase, links of a chain
_LINES = "write a layer a line"


class NoBlocks:
    options = Options()

    def __contains__(self, name: str, /) -> bool:
        return False

    def known(self) -> Collection[str]:
        return ()

    def spelled(self, name: str) -> str | None:
        return None

    def parameter_names(self, name: str) -> Sequence[str]:
        return ()


def read(
    source: Source, phrase: Phrase, names: Collection[str] = (), blocks: Blocks | None = None
) -> ParsedPhrase:
    """The meaning of a phrase, in which `names` are the names that have values.

    Raises ArchError for a part that nothing takes.
    """
    return _Reader(source, phrase, names, blocks or NoBlocks(), {}, Labels()).read()


def read_lines(
    source: Source,
    items: Sequence[Item],
    names: Collection[str],
    blocks: Blocks,
    known: dict[str, ParsedPhrase] | None = None,
    around: Labels | None = None,
    branches: bool = False,
) -> tuple[Line, ...]:
    """The meaning of lines. Raises ArchError with the errors of all of them, up to a number.

    `known` holds what phrases have been read already, by their text: each is read once. References
    are not: what they mean depends on the labels in front of them, of these lines and of those
    `around`. A line of optional layers that do not stand is none; of `branches` it is `identity`.
    """
    known = {} if known is None else known
    labels = Labels(items, around)
    lines: list[Line] = []
    errors: list[ArchError] = []
    for item in items:
        phrases: list[ParsedPhrase] = []
        texts: list[Phrase] = []
        label: Token | None = None
        claimed: Token | None = None
        if len(item.phrases) > LONGEST:
            span = source.span(item.start, item.end)
            errors.append(ArchError(f"a chain of more than {LONGEST} links", span, help=_LINES))
            continue
        item = item._replace(phrases=_linked(source, item.phrases, names, blocks))
        # The labels of a chain's links are visible behind them, those of lines in other lines.
        links = Labels((), labels) if len(item.phrases) > 1 else labels
        for phrase in item.phrases:
            try:
                parsed = _Reader(source, phrase, names, blocks, known, links).read()
                _check_flow(source, parsed, item, bool(phrases))
            except ArchError as error:
                errors += (error, *error.others)
                label = label_of(item)
                continue
            if not parsed.layers and parsed.composite is None:
                label = label or parsed.label  # an optional layer that does not stand
                claimed = claimed or parsed.claimed
                continue
            if not phrases and label is not None and parsed.label is None:
                parsed = parsed._replace(label=label)
            if phrases and parsed.label is not None:
                links.add(parsed.label)
            phrases.append(parsed)
            texts.append(phrase)
        label = phrases[0].label if phrases else label
        if label is not None and phrases and isinstance(phrases[0].composite, Side):
            labels.add_side(label.text)
        elif label is not None:
            labels.add(label)
        guard = None
        if item.guard:
            try:
                guard = expressions.read(source, item.guard)
            except ArchError as error:
                errors.append(error)
        if len(errors) >= MOST_ERRORS:
            break
        if not phrases and not errors and (branches or label or claimed or item.claims):
            start, end = item.start, item.end
            nothing = Placeholder("identity", None, start, end)
            phrases = [ParsedPhrase(label, claimed, (), nothing, None, None, start, end)]
            texts = [item.phrases[0]]
        if len(texts) < len(item.phrases):
            item = item._replace(phrases=tuple(texts))
        if phrases:
            lines.append(Line(item, tuple(phrases), guard))
    if errors:
        raise ArchError.several(errors[:MOST_ERRORS])
    return tuple(lines)


def _linked(
    source: Source, phrases: tuple[Phrase, ...], names: Collection[str], blocks: Blocks
) -> tuple[Phrase, ...]:
    """The links of a chain. Blocks behind each other stand between commas or hyphens too:
    `c7s1-64,d128,R256` (Zhu et al. 2017), `C64-C128` (Isola et al. 2017)."""
    linked: list[Phrase] = []
    for phrase in phrases:
        tokens = phrase.tokens
        signs = _signs(tokens) if phrase.is_text else ()
        if not signs:
            linked.append(phrase)
            continue
        reader = _Reader(source, phrase, names, blocks, {}, Labels())
        begin = 0
        for at in signs:
            if reader.begins_link(tokens, begin, at):
                linked.append(Phrase(tokens[begin:at]))
                begin = at + 1
        linked.append(Phrase(tokens[begin:]) if begin else phrase)
    return tuple(linked)


def _signs(tokens: Sequence[Token]) -> list[int]:
    """The commas and hyphens behind which a word stands."""
    return [
        at
        for at in range(1, len(tokens) - 1)
        if tokens[at].kind in ("comma", "join") and tokens[at + 1].kind == "word"
    ]


def _check_flow(source: Source, parsed: ParsedPhrase, item: Item, behind: bool) -> None:
    """Refuse references and side heads where what flows would be lost, `behind` other links."""
    span = source.span(parsed.start, parsed.end)
    match parsed.composite:
        case Reference(label=name) if behind:
            raise ArchError(
                f"the reference `{name}` in the middle of a chain: what flows in would be lost",
                span,
                help=f"begin the chain with it, or join the two: `concat {name}`",
            )
        case Reference(label=name) if parsed.label is not None and len(item.phrases) == 1:
            raise ArchError(
                f"a label in front of the reference `{name}`, which has one",
                span,
                help=f"write `{name}` alone, or go on from it: `{name} -> conv1-256`",
            )
        case Side() if behind or len(item.phrases) > 1:
            raise ArchError(
                "a side head within a chain", span, help="write it as a line of its own"
            )


class _Reader(Scanner):
    def __init__(
        self,
        source: Source,
        phrase: Phrase,
        names: Collection[str],
        blocks: Blocks,
        known: dict[str, ParsedPhrase],
        labels: Labels,
    ) -> None:
        super().__init__(source, phrase, names, blocks, labels)
        self.known = known
        self.unknown = []

    def read(self) -> ParsedPhrase:
        tokens = list(self.phrase.tokens)
        claimed = self.take_claim(tokens)
        label = self.take_label(tokens)
        claimed = claimed or self.take_claim(tokens)
        while len(tokens) > 1 and tokens[0].kind == "parens" and self.remark(tokens[0].inside):  # type: ignore[arg-type]
            del tokens[0]  # `(b) Mlpconv layer`
        start, end = tokens[0].start, self.phrase.end
        columns = self.phrase.columns or ()
        if len(tokens) == 1 and not columns and self.refers(tokens[0]):
            to = self.labels.reference(self.source, tokens[0], self.blocks)
            return ParsedPhrase(label, claimed, (), to, None, None, start, end)
        text = self.source.plain[start:end]
        # Beside a label or a claim the same words may say something else: `FC6: 4096 neurons`.
        key = text if start == self.phrase.start else f":{text}"
        alone = self.phrase.is_text
        if alone and (parsed := self.known.get(key)) is not None:
            return _moved(parsed, label, claimed, start)
        composite = self.take_whole(tokens)
        if isinstance(composite, Side) and composite.name is not None:
            if label is not None:
                raise self.fail(
                    "a side head with two names", composite.name, "strike one of the two"
                )
            label = Token("label", composite.name.text, composite.name.start, composite.name.end)
        if composite is not None:
            return ParsedPhrase(label, claimed, (), composite, self.repeat, self.stride, start, end)
        self.take_repeat(tokens)
        self.repeat_by_row()
        if pytorch_calls.is_call(tokens[0]):
            others = [token for c in columns if c.role != "times" for token in c.tokens]
            listed = pytorch_calls.read(self.source, [*tokens, *others])
            return ParsedPhrase(label, claimed, (listed,), None, self.repeat, None, start, end)
        self.scan(tokens, None)
        self.scan_columns(columns)
        times = self.repeat is not None and any(one.kind.takes_times for one in self.layers)
        if self.repeat is not None and times and len(self.layers) > 1:
            raise self.fail(
                "is this a factor, or does it repeat the line?",
                Token("", "", self.repeat.start, self.repeat.end),
                "write `upsample 2` for the factor, or give each layer a line of its own",
            )
        if self.repeat is not None and times:
            value, first, last = self.repeat  # `upsample x2` is no repeat
            self.mentions.append(Mention("times", (), value, first, last, 1, None))
            self.repeat = None
        if len(self.layers) > LONGEST:
            raise self.fail(f"more than {LONGEST} layers in a phrase", self.phrase, _LINES)
        if self.unknown:
            raise self.unknown_words()
        self.check_alone(tokens)
        implied = not self.layers
        if implied:
            self.imply(label)
        else:
            self.imply_in_front()
        self.assign()
        layers = tuple(one.freeze() for one in self.layers if one.stands)
        parsed = ParsedPhrase(label, claimed, layers, None, self.repeat, None, start, end)
        computed = any(layer.computed for layer in layers) or self.repeat is not None
        if alone and not computed and not (implied and start != self.phrase.start):
            self.known[key] = parsed
        return parsed

    def check_alone(self, tokens: Sequence[Token]) -> None:
        """Refuse a layer that stands alone beside others: `conv3-64, zero padding 1`."""
        for one in self.layers:
            if one.kind.alone and (len(self.layers) > 1 or one.start != tokens[0].start):
                text = self.source.plain[one.start : one.end]
                raise self.fail(
                    f"is `{text}` a layer of its own, or does it belong to the one beside it?",
                    Token("", "", one.start, one.end),
                    "a layer of its own stands on its own line, or behind `->`; "
                    f"a convolution takes `pad 1`, and `{'` or `'.join(MODES[1:])}`",
                )

    def take_claim(self, tokens: list[Token]) -> Token | None:
        """A size or a number in a bracket of its own, in front of a layer, is a claim."""
        if len(tokens) < 2 or tokens[0].kind != "bracket":
            return None
        if tokens[1].kind in ("times", "bracket", "comma") or tokens[1].text.lower() == "stride":
            return None
        match tokens[0].inside:
            case (
                Item(phrases=(Phrase(tokens=(Token(kind="size" | "number") as size,)),), guard=()),
            ):
                del tokens[0]
                return size
        return None

    def take_label(self, tokens: list[Token]) -> Token | None:
        kinds = [token.kind for token in tokens]
        colon = kinds.index("colon") if "colon" in kinds else 0
        name = tokens[:colon]
        if not name or any(p.kind not in ("word", "mixed", "number") for p in name):
            return None
        value = tokens[colon + 1].kind if colon + 1 < len(tokens) else ""
        spelled = tuple(word for token in name for word in words_of(token))
        named = len(name) > 1 and spelled in vocabulary().layers  # `zero padding: 1`
        if value in VALUES and words_of(name[-1]) in vocabulary().attributes and not named:
            side = any(name[-1].text.lower() in axis for axis in SIDES)
            if len(name) > 1 or not side:
                return None  # `stride: 2`; but `top: 3x3 conv` is a label
        if REPEAT.fullmatch(name[0].text):
            raise self.fail(
                "a repeat in front of a label", name[0], "write it behind: `conv1: 2x conv3-64`"
            )
        del tokens[: colon + 1]
        if not tokens:
            raise self.fail("a label without a layer", name[0], "write `conv1: conv3-64`")
        for token in name if len(name) > 1 else ():
            if token.text in self.labels:
                raise self.fail(
                    f"the label `{token.text}` within another",
                    token,
                    f"for what leaves that line write `{token.text} -> …`",
                )
        text = "_".join(p.text for p in name)
        if "." in text:
            raise self.fail(f"`{text}` is no name", name[0], "use letters, digits and `_`")
        return Token("label", text, name[0].start, name[-1].end)

    def refers(self, token: Token) -> bool:
        """Whether a word alone is a reference.

        A visible label comes before a layer of its name, `conv4`. Where the label cannot be seen
        the word is an error, unless it is a layer without its digits.
        """
        name = token.text
        if token.kind not in ("word", "mixed") or name in WORDS:
            return False
        if name in self.labels:
            return True
        if name in self.names or name in self.blocks or words_of(token) in vocabulary().layers:
            return False
        return self.labels.is_side(name) or self.labels.hidden(name) is not None

    def group(self, token: Token, kind: str | None = None) -> Group:
        items: tuple[Item, ...] = token.inside  # type: ignore[assignment]
        joined = kind is not None
        lines = read_lines(
            self.source, items, self.names, self.blocks, self.known, self.labels, joined
        )
        return Group(kind or token.kind, lines, token.start, token.end)

    def take_repeat(self, tokens: list[Token]) -> None:
        """`x2` behind, or `2x` in front."""
        if len(tokens) > 2 and tokens[1].kind == "times" and self.counts(tokens[0]):
            self.repeat = self.value(tokens[:1])
            del tokens[:2]
        elif len(tokens) > 2 and tokens[-2].kind == "times" and not self.is_worded(tokens):
            self.check_product(tokens)
            self.repeat = self.value(tokens[-1:])
            del tokens[-2:]
        elif len(tokens) > 1 and (front := REPEAT.fullmatch(tokens[0].text)):
            self.repeat = ValueText(int(front[1]), tokens[0].start, tokens[0].end)
            del tokens[0]

    def is_worded(self, tokens: Sequence[Token]) -> bool:
        """Whether the sign in front of the last part is a word: `sobel x unpadded`."""
        taken = (count for words, count in runs(tokens, len(tokens) - 3) if count == 2)
        return not self.counts(tokens[-1]) and any(taken)

    def check_product(self, tokens: Sequence[Token]) -> None:
        """Refuse `16×k` at the end of a line: with nothing between them, a number times a name."""
        number, _, name = tokens[-3:]
        between = self.source.text[number.end : name.start]
        if number.kind == "number" and name.kind == "word" and not between[:1].isspace():
            first, second = number.text, name.text
            raise self.fail(
                f"is `{first}x{second}` a product, or {first} and a repeat?",
                Token("", "", number.start, name.end),
                f"write `({first}*{second})` for the product, `{first} x {second}` for the repeat",
            )

    def unknown_words(self) -> ArchError:
        first = self.unknown[0]
        if pytorch_calls.is_call(first):
            return self.fail(
                "a layer of a listing beside another", first, "give it a line of its own"
            )
        words = [p for p in self.phrase.tokens if p.kind == "word"]
        if len(self.unknown) > 2 and 2 * len(self.unknown) >= len(words):
            row = self.source.row(first.start)
            help = "comment it out with `#`"
            if row is not None:
                help = f'strike it, `~~…~~`, or say what the row stands for: `in "{row}" {{ … }}`'
            return self.fail("this reads as prose", self.phrase, help)
        if first.text in self.blocks:
            return self.fail(
                f"the block `{first.text}` beside something else",
                first,
                "a block stands on a line of its own, or behind `->`; its arguments in parentheses",
            )
        if words_of(first) in vocabulary().units:
            return self.fail(f"`{first.text}` without a number", first, "write `64 filters`, …")
        stem = FUSED.fullmatch(first.text)
        known = {*vocabulary().known, *self.blocks.known()}
        hint = did_you_mean(first.text, self.names) or did_you_mean(
            stem[1] if stem else first.text, known
        )
        names = sorted({*self.names} - {"in"})
        if hint is None and self.layers and names:
            hint = f"names with a value here: {', '.join(names)}"
        if kinds := _ending_in(first.text.lower()):
            hint = f"did you mean {' or '.join(f'`{spelling}`' for spelling in kinds)}?"
        product = re.fullmatch(r"(\d+)[x×]([A-Za-z_]\w*)", first.text)
        if product and product[2] in self.names:
            hint = f"write `({product[1]}*{product[2]})` for the product"
        begins = first is self.phrase.tokens[0]
        if begins and self.layers:
            label = f"a label ends in a colon: `{first.text}: …`"
            hint = label if stem or hint is None else f"{hint} {label[0].upper()}{label[1:]}"
        if begins and (form := FORMS.get(first.text.lower())):
            hint = f"write it so: `{form}`"
        if first.text.lower() == "causal":
            hint = "pad the front alone: `zero padding left 2 -> conv kernel 3 width 16 valid`"
        if first.text in self.labels:
            hint = f"`{first.text}` is a label: a chain begins from it, `{first.text} -> …`"
        if self.phrase.columns is not None and not self.layers:
            hint = f"{hint} or" if hint else "a layer is misspelt, or"
            hint += f" define it on a line below the table: `{first.text}: 3x3 conv-relu`"
        what = "word" if self.layers else "layer"
        if hint is None and self.layers:
            nearest = next(iter(self.layers[-1].kind.words))
            hint = f"`archdsl layers {nearest}` says what it takes; `#` begins a comment"
        hint = hint or "`archdsl layers` lists all; `#` begins a comment"
        return self.fail(f"unknown {what} `{first.text}`", first, hint)


def _ending_in(word: str) -> list[str]:
    """Of each kind the first spelling that ends in a word: `max pool`, `avg pool`; the longer
    ones, `adaptive max pool`, only where none is shorter."""
    found: dict[type[Layer], str] = {}
    for spelling, (kind, _) in vocabulary().layers.items():
        if len(spelling) > 1 and spelling[-1] == word:
            found.setdefault(kind, " ".join(spelling))
    fewest = min((spelling.count(" ") for spelling in found.values()), default=0)
    return [spelling for spelling in found.values() if spelling.count(" ") == fewest]


def _moved(
    parsed: ParsedPhrase, label: Token | None, claimed: Token | None, start: int
) -> ParsedPhrase:
    """What has been read, as it stands at another place."""
    by = start - parsed.start
    layers = []
    for kind, given, struck, begin, end, *_, ranked in parsed.layers:
        moved = {n: ValueText(value, a + by, b + by) for n, (value, a, b) in given.items()}
        layers.append(LayerText(kind, moved, struck, begin + by, end + by, ranked=ranked))
    return ParsedPhrase(label, claimed, tuple(layers), None, None, None, start, parsed.end + by)
