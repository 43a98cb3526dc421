"""One call of a PyTorch listing, `nn.Conv2d(3, 64, 3, padding=1)`, as the layer that torch would
build: arguments by place or by torch's names, and torch's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from archdsl.errors import ArchError, Note, did_you_mean, nearest
from archdsl.layers import REGISTRY, Layer, LayerError, Misfit, Shape
from archdsl.layers.torch_signature import ENTERING, REQUIRED, Argument, Listing
from archdsl.notation.ast import LayerText, ListedCall, ValueText
from archdsl.syntax import expressions
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression
from archdsl.text.source import Source

_WORDS = {"True": True, "False": False, "None": None}


class _Value(NamedTuple):
    """What a listing gives for an argument: a value, an expression with names, or a word."""

    value: Any
    start: int
    end: int


def is_call(token: Token) -> bool:
    """Whether a part is a class of torch: `nn.Conv2d`."""
    return token.kind == "word" and token.text.startswith("nn.")


def read(source: Source, tokens: Sequence[Token]) -> LayerText:
    """The layer of a call, the only thing among these parts. Raises ArchError."""
    return _Reader(source, tokens[0].text[3:], tokens[0]).read(tokens)


def check(layer: LayerText, op: Layer, x: Shape) -> None:
    """Raises LayerError where torch would not build, or run, on `x` the layer that is listed."""
    listed = layer.listed
    if listed is None:
        return
    call = op.call(x)
    if call.own or call.name != listed.builds:
        axes = len(x) - 1
        what = f"a map of {axes} {'axis' if axes == 1 else 'axes'}" if axes else "a vector"
        raise Misfit(
            f"`nn.{listed.name}` on {what}",
            f"torch has no class for it: write `{op.kind}`"
            if call.own
            else f"its class in torch is `nn.{call.name}`",
        )
    pad = layer.given.get("pad")
    if pad is not None and pad.value == "same":
        window = op.window(x)
        if window is not None and set(window.stride) != {1}:
            raise LayerError(
                "`padding='same'` with a stride", "torch refuses it: write the padding as a number"
            )


def check_entering(layer: LayerText, x: Shape) -> None:
    """Raises Misfit where a listing says other channels, or features, than enter."""
    listed = layer.listed
    if listed is None:
        return
    if listed.name == "Linear" and len(x) > 1:
        raise Misfit(
            "`nn.Linear` on a map", "in a listing nothing is flattened: write `nn.Flatten()` first"
        )
    if listed.entering is not None and listed.entering.value != x[0]:
        raise Misfit(
            f"`nn.{listed.name}` says {listed.argument} {listed.entering.value}, {x[0]} enter",
            f"write {x[0]}, or change the layers in front of it",
        )


@cache
def _listings(kinds: int) -> Mapping[str, tuple[type[Layer], Listing]]:
    """The classes of torch that we have a layer for."""
    found = {}
    for kind in REGISTRY:
        for listing in kind.listed:
            ranks = "123" if "*" in listing.name else " "
            for rank in ranks:
                found[listing.name.replace("*", rank)] = (kind, listing)
    return found


class _Reader:
    def __init__(self, source: Source, name: str, token: Token) -> None:
        self.source = source
        self.name = name
        known = _listings(len(REGISTRY))
        if name not in known:
            near = nearest(name, known)
            raise self.fail(
                f"there is no layer for `nn.{name}`",
                token,
                f"did you mean `nn.{near}`?"
                if near
                else "read are the layers of docs/language.md by torch's names: "
                "`nn.Conv2d`, `nn.Linear`, …",
            )
        self.kind, self.listing = known[name]

    def fail(self, message: str, where: Token | _Value | ValueText, help: str | None) -> ArchError:
        return ArchError(message, self.source.span(where.start, where.end), help=help)

    @property
    def form(self) -> str:
        """The arguments in torch's order, for the help of an error."""
        arguments = []
        for argument in self.listing.arguments:
            default = argument.default
            if default is REQUIRED and argument.only:
                default = argument.only[0]
            shown = argument.like or repr(default)
            arguments.append(argument.name + ("" if default is REQUIRED else f"={shown}"))
        return f"torch has it so: `nn.{self.name}({', '.join(arguments)})`"

    def read(self, tokens: Sequence[Token]) -> LayerText:
        word = tokens[0]
        if len(tokens) < 2 or tokens[1].kind != "parens":
            raise self.fail(f"`{word.text}` without its parentheses", word, self.form)
        if len(tokens) > 2:
            raise self.fail(
                f"`{tokens[2].text}` behind a layer of a listing",
                tokens[2],
                "a comma is missing between the layers"
                if is_call(tokens[2])
                else "it is exactly what its parentheses say; other layers have lines of their own",
            )
        start, end = word.start, tokens[1].end
        values = self.values(tokens[1], start, end)
        given = {
            name: ValueText(preset, start, end) for name, preset in self.listing.presets.items()
        }
        entering, entering_name = None, ""
        for argument in self.listing.arguments:
            value = values[argument.name]
            if argument.like and value.value is None:
                value = values[argument.like]
            if argument.per:
                value = self.quotient(value, values[argument.per])
            if argument.sets == ENTERING:
                entering, entering_name = self.entering(argument, value), argument.name
            elif argument.sets and value.value is None and argument.default is None:
                continue  # as torch decides, and so do we
            elif argument.sets:
                given[argument.sets] = self.checked(argument, value)
            else:
                self.only(argument, value)
        listed = ListedCall(self.name, self.listing.builds or self.name, entering, entering_name)
        computed = any(isinstance(g.value, Expression) for g in (*given.values(), entering) if g)
        return LayerText(
            self.kind, given, frozenset(), start, end, computed=computed, listed=listed
        )

    # Arguments.

    def values(self, parens: Token, start: int, end: int) -> dict[str, _Value]:
        """The value of every argument, by torch's name."""
        arguments = self.listing.arguments
        values: dict[str, _Value] = {}
        inside: tuple[Token, ...] = parens.inside  # type: ignore[assignment]
        named = False
        for stretch in self.stretches(inside):
            if len(stretch) > 1 and stretch[0].kind == "word" and stretch[1].kind == "equals":
                named = True
                name, stretch = stretch[0], stretch[2:]
                argument = next((a for a in arguments if a.name == name.text), None)
                if argument is None:
                    hint = did_you_mean(name.text, [a.name for a in arguments])
                    raise self.fail(
                        f"`nn.{self.name}` takes no `{name.text}` here", name, hint or self.form
                    )
                if not stretch:
                    raise self.fail(f"`{name.text}` has no value", name, self.form)
            elif named:
                raise self.fail(
                    "a value without a name behind one with a name", stretch[0], self.form
                )
            elif len(values) == len(arguments):
                raise self.fail(f"`nn.{self.name}` takes no more values", stretch[0], self.form)
            else:
                argument = arguments[len(values)]
            value = self.value(argument, stretch)
            if argument.name in values:
                first = values[argument.name]
                note = Note("first given here", self.source.span(first.start, first.end))
                raise ArchError(
                    f"the {argument.name} of `nn.{self.name}` is given twice",
                    self.source.span(value.start, value.end),
                    [note],
                    "strike one of the two",
                )
            values[argument.name] = value
        for argument in arguments:
            if argument.name in values:
                continue
            if argument.default is REQUIRED:
                where = _Value(None, start, end)
                raise self.fail(f"`nn.{self.name}` has no {argument.name}", where, self.form)
            values[argument.name] = _Value(argument.default, start, end)
        return values

    def stretches(self, tokens: Sequence[Token]) -> list[list[Token]]:
        """The parts between commas; Python allows one comma behind the last."""
        stretches: list[list[Token]] = [[]]
        for token in tokens:
            if token.kind != "comma":
                stretches[-1].append(token)
            elif not stretches[-1]:
                raise self.fail("a value is missing in front of this comma", token, self.form)
            else:
                stretches.append([])
        return stretches if stretches[-1] else stretches[:-1]

    def value(self, argument: Argument, tokens: Sequence[Token]) -> _Value:
        first, last = tokens[0], tokens[-1]
        where = first.start, last.end
        inside: tuple[Token, ...] = first.inside  # type: ignore[assignment]
        texts = (*argument.texts, *(o for o in argument.only if isinstance(o, str)))
        if len(tokens) == 1 and first.kind == "word" and first.text in _WORDS:
            return _Value(_WORDS[first.text], *where)
        if first.kind == "word" and texts and self.quoted(first):
            text = self.source.text[slice(*where)]  # also `nearest-exact`
            if text not in texts:
                known = " or ".join(f"`{argument.name}='{text}'`" for text in texts)
                raise self.fail(
                    f"`{argument.name}='{text}'` has no meaning here",
                    _Value(None, *where),
                    f"known: {known}",
                )
            return _Value(text, *where)
        if len(tokens) == 1 and first.kind == "parens" and any(p.kind == "comma" for p in inside):
            numbers = tuple(self.number(one) for one in self.stretches(inside))
            named = next((n for n in numbers if isinstance(n, Expression)), None)
            if named is not None:
                raise self.fail(
                    f"the name `{named.text}` for one of several axes",
                    first,
                    "write a number for each axis, or one value for all",
                )
            return _Value(numbers, *where)
        if any(map(self.quoted, tokens)):
            where_ = _Value(None, *where)
            raise self.fail(
                f"the {argument.name} of `nn.{self.name}` is no text", where_, self.form
            )
        return _Value(self.number(tokens), *where)

    def quoted(self, token: Token) -> bool:
        """Whether a word stands in quotation marks; in the plain text they are blanks."""
        return self.source.text[token.start - 1] in "'\""

    def number(self, tokens: Sequence[Token]) -> Any:
        """The number of an expression; where it has names, the expression."""
        expression = expressions.read(self.source, tokens)
        if _has_names(expression):
            return expression
        return expressions.evaluate(expression, {}, self.source)

    # What they say.

    def entering(self, argument: Argument, value: _Value) -> ValueText:
        if not isinstance(value.value, Expression) and type(value.value) is not int:
            what = f"the {argument.name} of `nn.{self.name}`"
            raise self.fail(f"{what} must be a whole number", value, self.form)
        return ValueText(*value)

    def checked(self, argument: Argument, value: _Value) -> ValueText:
        """A value that has passed the check of the field that it sets."""
        if isinstance(value.value, Expression):
            return ValueText(*value)
        try:
            number = self.kind.attributes[argument.sets].check(value.value)
        except LayerError as problem:
            raise self.fail(
                f"the {argument.name} of `nn.{self.name}` {problem.message}", value, self.form
            ) from None
        return ValueText(number, value.start, value.end)

    def only(self, argument: Argument, value: _Value) -> None:
        """Raises ArchError where an argument that sets nothing has another value than it may."""
        plain = value.value
        if isinstance(plain, tuple) and len(set(plain)) == 1:
            plain = plain[0]
        # 1 is 1.0, and True is neither.
        if argument.only and not any(
            plain == one and isinstance(plain, bool) == isinstance(one, bool)
            for one in argument.only
        ):
            shown = re.sub(r"\s+", " ", self.source.text[value.start : value.end])
            raise self.fail(
                f"`{argument.name}={shown}` has no meaning here",
                value,
                f"known: `{argument.name}={argument.only[0]!r}`",
            )

    def quotient(self, value: _Value, divisor: _Value) -> _Value:
        """A value over another; both may still be expressions."""
        both = (value.value, divisor.value)
        if not any(isinstance(one, Expression) for one in both):
            if all(isinstance(one, int | float) for one in both) and divisor.value:
                # Fifteen digits: 0.0006 by 6 shall be the 0.0001 that texts say.
                return value._replace(value=float(f"{value.value / divisor.value:.15g}"))
            return value  # a check says what is wrong with the one or the other
        if any(isinstance(one, tuple) for one in both):
            return value
        operands = tuple(
            one.value
            if isinstance(one.value, Expression)
            else Expression("number", str(one.value), one.value, (), one.start, one.end)
            for one in (value, divisor)
        )
        where = value.start, value.end
        return _Value(Expression("/", "/", 0, operands, *where), *where)


def _has_names(expression: Expression) -> bool:
    return expression.sign == "name" or any(map(_has_names, expression.operands))
