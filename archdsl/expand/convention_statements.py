"""Reads the statements that set conventions: `conv means conv-bn-relu`, `stride on first`."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.errors import ArchError, Errors, did_you_mean
from archdsl.expand import printed_sizes
from archdsl.expand.blocks import Blocks
from archdsl.expand.conventions import Conventions, Rule, Rules
from archdsl.notation import ast
from archdsl.notation.ast import BlockUse, ParsedPhrase
from archdsl.notation.lookup import BARE
from archdsl.notation.phrase import read_phrase
from archdsl.syntax.ast import (
    ActivationAt,
    Item,
    Keeps,
    Means,
    NetworkText,
    Padding,
    Phrase,
    Shortcut,
    SizesDecide,
    Statement,
    StrideOn,
    Token,
    second,
)
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source

_ONCE = "a statement holds for the whole network: write it once"


def read(network: NetworkText, names: Mapping[str, Number], blocks: Blocks) -> Conventions:
    """The conventions of a network. Raises ArchError with all their errors."""
    reader = _ConventionReader(network.source, names, blocks)
    errors = Errors()
    for statement in network.statements:
        with errors:
            match statement:
                case Padding(mode):
                    reader.once(statement)
                    reader.conventions.padding = mode.text
                case Shortcut():
                    reader.shortcut(statement)
                case StrideOn():
                    reader.stride_on(statement)
                case ActivationAt(place):
                    reader.once(statement)
                    reader.conventions.activation = place.text
                case Keeps(what):
                    reader.conventions.keeps |= {what}
                case SizesDecide():
                    reader.sizes_decide(statement)
                case Means():
                    reader.means(statement)
                case Item(rules=rules) if rules:
                    reader.row_rules(rules)
    errors.check()
    return reader.conventions


class _ConventionReader:
    def __init__(self, source: Source, names: Mapping[str, Number], blocks: Blocks) -> None:
        self.source = source
        self.names = names
        self.blocks = blocks
        self.conventions = Conventions(source, names)
        self.seen = self.conventions.declared

    def fail(self, message: str, where: Phrase | Token, help: str) -> ArchError:
        return ArchError(message, self.source.span(where.start, where.end), help=help)

    def once(self, statement: Statement) -> None:
        """Raises ArchError for a second statement of a kind."""
        if type(statement) in self.seen:
            raise second(self.source, statement)
        self.seen.add(type(statement))

    def read(self, phrase: Phrase) -> ParsedPhrase:
        return read_phrase(self.source, phrase, self.names.keys() | {"in"}, self.blocks)

    def shortcut(self, statement: Shortcut) -> None:
        name = statement.name
        self.once(statement)
        if f"shortcut_{name.text}" not in self.blocks:
            raise unknown_shortcut(self.source, self.blocks, name.text, name.start, name.end)
        self.conventions.shortcut = name.text

    def sizes_decide(self, statement: SizesDecide) -> None:
        self.once(statement)
        words: set[str] = set()
        for token in statement.what:
            word = token.text.lower()
            if word not in printed_sizes.DECIDABLE:
                raise self.fail(
                    f"sizes cannot decide `{token.text}`",
                    token,
                    did_you_mean(word, printed_sizes.DECIDABLE)
                    or "write `sizes decide stride, padding`",
                )
            if word in words:
                raise self.fail(f"`{token.text}` occurs twice", token, "write it once")
            words.add(word)
        self.conventions.decides = frozenset(words)

    def stride_on(self, statement: StrideOn) -> None:
        phrase = statement.layer
        self.once(statement)
        words = [token.text.lower() for token in phrase.tokens]
        if words in (["first"], ["last"]):
            self.conventions.stride_on_last = words == ["last"]
            return
        parsed = self.read(phrase)
        if len(parsed.layers) != 1 or parsed.repeat or parsed.label or parsed.claimed:
            raise self.fail(
                "`stride on` names one layer of a group",
                phrase,
                "write `stride on first`, or `stride on 3x3`",
            )
        layer = ast.evaluated(self.source, parsed.layers[0], self.names)
        if "stride" not in layer.kind.attributes:
            raise self.fail(
                f"`{layer.kind.kind}` does not take a stride", phrase, "write `stride on 3x3`"
            )
        self.conventions.stride_on = layer

    def means(self, statement: Means) -> None:
        left = statement.left.tokens
        if len(left) == 1 and left[0].kind == "bracket" and not left[0].inside:
            if Means in self.seen:  # of brackets: those of layers differ by what they select
                raise self.fail("a second convention for `[]`", statement.left, _ONCE)
            self.seen.add(Means)
            self.conventions.bracket = self.bracket(statement.right)
            return
        rule = self.rule(statement)
        if self.conventions.rules.has_like(rule):
            raise self.fail("a second convention for the same layer", statement.left, _ONCE)
        self.conventions.rules.add(rule)

    def bracket(self, phrase: Phrase) -> BlockUse:
        """The block that a bracket stands for."""
        name, *rest = phrase.tokens
        if name.text in self.blocks and not rest:
            # By its name alone `dense` is a block, though elsewhere it is also a layer.
            return BlockUse(name.text, (), None, name.start, name.end)
        if name.text not in self.blocks and all(token.kind == "parens" for token in rest):
            hint = did_you_mean(name.text, self.blocks.known())
            raise self.fail(
                f"there is no block `{name.text}`",
                name,
                hint or f"define it: `block {name.text} {{ … body … }}`",
            )
        right = self.read(phrase)
        use = right.composite
        more = right.repeat or right.stride or right.label or right.claimed
        if not isinstance(use, BlockUse) or use.body is not None or more:
            raise self.fail(
                "a bracket can only mean a block",
                phrase,
                "write `[] means residual`, or the name of a block of your own",
            )
        return use

    def row_rules(self, statements: tuple[Means, ...]) -> None:
        """The conventions of a table row; of two for the same layer, the more specific comes
        first."""
        if statements in self.conventions.rules_of_rows:
            return
        rules = Rules()
        for statement in statements:
            rule = self.rule(statement)
            if not rules.has_like(rule):
                rules.add(rule)
        self.conventions.rules_of_rows[statements] = rules

    def rule(self, statement: Means) -> Rule:
        left, right = self.read(statement.left), self.read(statement.right)
        if len(left.layers) != 1 or left.repeat or left.label:
            raise self.fail(
                "the left side of `means` selects one kind of layer",
                statement.left,
                "write `conv means conv-bn-relu`, or `1x1 conv means …`",
            )
        for side, parsed in ((statement.left, left), (statement.right, right)):
            if parsed.claimed or any(layer.removed - {BARE} for layer in parsed.layers):
                raise self.fail(
                    "a convention may contain only layers",
                    side,
                    "leave `no …`, `bare` and claims out",
                )
            if any(layer.listed for layer in parsed.layers):
                raise self.fail(
                    "a PyTorch call in a convention",
                    side,
                    "write it in words, as in `conv means conv-bn-relu`",
                )
        selector = ast.evaluated(self.source, left.layers[0], self.names)
        same = [layer for layer in right.layers if layer.kind is selector.kind]
        if len(same) != 1 or right.repeat or right.label:
            raise self.fail(
                f"the right side of `means` must have `{selector.kind.kind}` exactly once, "
                "in place of the selected layer",
                statement.right,
                f"write `{selector.kind.kind} means {selector.kind.kind}-bn-relu`, …",
            )
        return Rule(selector, right.layers)


def unknown_shortcut(source: Source, blocks: Blocks, name: str, start: int, end: int) -> ArchError:
    known = sorted(b.removeprefix("shortcut_") for b in blocks.known() if b[:9] == "shortcut_")
    return ArchError(
        f"there is no shortcut `{name}`",
        source.span(start, end),
        help=f"known: {', '.join(known)}; or define `block shortcut_{name}(width, stride) {{ … }}`",
    )
