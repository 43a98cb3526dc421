"""Reads one call of a PyTorch listing, `nn.Conv2d(3, 64, 3, padding=1)`.

It is exactly the layer that torch would build: its arguments are given by position or by torch's
names, the others have torch's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from archdsl.errors import ArchError, nearest
from archdsl.layers import REGISTRY, Layer, LayerError, Misfit, Shape
from archdsl.layers.torch_signature import ENTERING, REQUIRED, Argument, Listing
from archdsl.notation.ast import LayerText, ListedCall, ValueText
from archdsl.notation.context import Context, Located
from archdsl.syntax import expressions
from archdsl.syntax.arguments import bind, check_commas, entries_in
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression

_WORDS = {"True": True, "False": False, "None": None}


class _Value(NamedTuple):
    """What a listing gives for an argument: a value, an expression with names, or a word."""

    value: Any
    start: int
    end: int


def is_call(token: Token) -> bool:
    """Whether a token is a class of torch: `nn.Conv2d`."""
    return token.kind == "word" and token.text.startswith("nn.")


def read_call(context: Context, tokens: Sequence[Token]) -> LayerText:
    """The layer of a call, which is all that these tokens are. Raises ArchError."""
    word = tokens[0]
    name, known = word.text[3:], _listings(len(REGISTRY))
    if name not in known:
        near = nearest(name, known)
        help = "docs/language.md lists the layers that are read by torch's names: `nn.Conv2d`, …"
        help = f"did you mean `nn.{near}`?" if near else help
        raise context.fail(f"there is no layer for `nn.{name}`", word, help)
    return _ListedCallReader(context, name, *known[name]).read(tokens)


def check(layer: LayerText, op: Layer, x: Shape) -> None:
    """Raises LayerError if torch would not build, or run, the listed layer on `x`."""
    listed = layer.listed
    if listed is None:
        return
    call = op.call(x)
    axes = len(x) - 1
    what = f"a map of {axes} {'axis' if axes == 1 else 'axes'}" if axes else "a vector"
    fitting = _listings(len(REGISTRY))[listed.name][1].axes
    if fitting not in (0, axes):
        raise Misfit(
            f"`nn.{listed.name}` on {what}",
            f"torch's class only reads maps of {fitting} axes: write `{op.label}`",
        )
    if call.own or call.name != listed.builds:
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
    """Raises Misfit if a listing declares other input channels, or features, than `x` has."""
    listed = layer.listed
    if listed is None:
        return
    if listed.name == "Linear" and len(x) > 1:
        raise Misfit(
            "`nn.Linear` on a map", "in a listing nothing is flattened: write `nn.Flatten()` first"
        )
    if listed.entering is not None and listed.entering.value != x[0]:
        declared = f"{listed.argument} {listed.entering.value}"
        raise Misfit(
            f"`nn.{listed.name}` has {declared}, but its input has {x[0]}",
            f"write {x[0]}, or change the layers before it",
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


class _ListedCallReader:
    """The call of a class of torch, by its name without `nn.`."""

    def __init__(self, context: Context, name: str, kind: type[Layer], listing: Listing) -> None:
        self.context = context
        self.name = name
        self.kind = kind
        self.listing = listing

    def fail(self, message: str, where: Located, help: str = "") -> ArchError:
        """An error; its help is the form of the call, unless it is given."""
        return self.context.fail(message, where, help or self.form)

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
        return f"torch's signature is `nn.{self.name}({', '.join(arguments)})`"

    def read(self, tokens: Sequence[Token]) -> LayerText:
        word = tokens[0]
        if len(tokens) < 2 or tokens[1].kind != "parens":
            raise self.fail(f"`{word.text}` without its parentheses", word)
        if len(tokens) > 2:
            help = "the call is the whole layer; other layers need lines of their own"
            if is_call(tokens[2]):
                help = "a comma is missing between the layers"
            raise self.fail(f"`{tokens[2].text}` after a layer of a listing", tokens[2], help)
        start, end = word.start, tokens[1].end
        arguments = self.arguments(tokens[1], start, end)
        presets = self.listing.presets
        values = {name: ValueText(preset, start, end) for name, preset in presets.items()}
        entering, entering_name = None, ""
        for argument in self.listing.arguments:
            value = arguments[argument.name]
            if argument.like and value.value is None:
                value = arguments[argument.like]
            if argument.per:
                value = self.quotient(value, arguments[argument.per])
            if argument.sets == ENTERING:
                entering, entering_name = self.entering(argument, value), argument.name
            elif not argument.sets:
                self.check_fixed(argument, value)
            elif value.value is not None or argument.default is not None:
                # None: as torch decides, and so do we.
                values[argument.sets] = self.checked(argument, value)
        listed = ListedCall(self.name, self.listing.builds or self.name, entering, entering_name)
        computed = any(isinstance(v.value, Expression) for v in (*values.values(), entering) if v)
        return LayerText(
            self.kind, values, frozenset(), start, end, computed=computed, listed=listed
        )

    def arguments(self, parens: Token, start: int, end: int) -> dict[str, _Value]:
        """The value of every argument, by torch's name; of a call from `start` to `end`."""
        arguments = {argument.name: argument for argument in self.listing.arguments}
        check_commas(self.context.source, parens, may_trail=True)
        entries = entries_in(parens)
        is_named = False
        for entry in entries:
            if entry.name is None and is_named:
                raise self.fail("a value without a name after one with a name", entry)
            is_named = entry.name is not None
        owner = f"`nn.{self.name}`"
        bound = bind(self.context.source, entries, arguments, owner, self.form)
        values = {name: self.value(arguments[name], e.value) for name, e in bound.items()}
        for argument in self.listing.arguments:
            if argument.name not in values:
                values[argument.name] = _Value(argument.default, start, end)
                if argument.default is REQUIRED:
                    where = values[argument.name]
                    raise self.fail(f"`nn.{self.name}` has no {argument.name}", where)
        return values

    def value(self, argument: Argument, tokens: Sequence[Token]) -> _Value:
        first = tokens[0]
        place = first.start, tokens[-1].end
        where, is_one = _Value(None, *place), len(tokens) == 1
        texts = (*argument.texts, *(o for o in argument.only if isinstance(o, str)))
        if is_one and first.kind == "word" and first.text in _WORDS:
            return _Value(_WORDS[first.text], *place)
        if first.kind == "word" and texts and self.is_quoted(first):
            text = self.context.source.text[slice(*place)]  # also `nearest-exact`
            if text not in texts:
                known = " or ".join(f"`{argument.name}='{text}'`" for text in texts)
                message = f"`{argument.name}='{text}'` has no meaning here"
                raise self.fail(message, where, f"known: {known}")
            return _Value(text, *place)
        if is_one and first.kind == "parens" and any(t.kind == "comma" for t in first.tokens):
            check_commas(self.context.source, first, may_trail=True)
            numbers = tuple(self.number(entry.tokens) for entry in entries_in(first))
            named = next((n for n in numbers if isinstance(n, Expression)), None)
            if named is not None:
                help = "write a number for each axis, or one value for all"
                raise self.fail(f"the name `{named.text}` for one of several axes", first, help)
            return _Value(numbers, *place)
        if any(map(self.is_quoted, tokens)):
            raise self.fail(f"the {argument.name} of `nn.{self.name}` is not a string", where)
        return _Value(self.number(tokens), *place)

    def is_quoted(self, token: Token) -> bool:
        """Whether a word is in quotation marks; in the plain text they are blanks."""
        return self.context.source.text[token.start - 1] in "'\""

    def number(self, tokens: Sequence[Token]) -> Any:
        """The number of an expression; if it has names, the expression."""
        expression = self.context.expression(tokens)
        if expressions.names_in(expression):
            return expression
        return expressions.evaluate(expression, {}, self.context.source)

    def entering(self, argument: Argument, value: _Value) -> ValueText:
        if not isinstance(value.value, Expression) and type(value.value) is not int:
            what = f"the {argument.name} of `nn.{self.name}`"
            raise self.fail(f"{what} must be a whole number", value)
        return ValueText(*value)

    def checked(self, argument: Argument, value: _Value) -> ValueText:
        """A value that has passed the check of the field that it sets."""
        if isinstance(value.value, Expression):
            return ValueText(*value)
        try:
            number = self.kind.attributes[argument.sets].check(value.value)
        except LayerError as problem:
            what = f"the {argument.name} of `nn.{self.name}`"
            raise self.fail(f"{what} {problem.message}", value) from None
        return ValueText(number, value.start, value.end)

    def check_fixed(self, argument: Argument, value: _Value) -> None:
        """Raises ArchError if an argument that sets nothing has a value that it may not have."""
        plain = value.value
        if isinstance(plain, tuple) and len(set(plain)) == 1:
            plain = plain[0]
        # 1 is 1.0, and True is neither.
        if argument.only and not any(
            plain == one and isinstance(plain, bool) == isinstance(one, bool)
            for one in argument.only
        ):
            shown = re.sub(r"\s+", " ", self.context.source.text[value.start : value.end])
            raise self.fail(
                f"`{argument.name}={shown}` has no meaning here",
                value,
                f"known: `{argument.name}={argument.only[0]!r}`",
            )

    def quotient(self, value: _Value, divisor: _Value) -> _Value:
        """A value divided by another; both may still be expressions."""
        both = (value.value, divisor.value)
        if any(isinstance(one, tuple) for one in both):
            return value
        if not any(isinstance(one, Expression) for one in both):
            if all(isinstance(one, int | float) for one in both) and divisor.value:
                # Fifteen digits: 0.0006 / 6 should be the 0.0001 that texts have.
                return value._replace(value=float(f"{value.value / divisor.value:.15g}"))
            return value  # a check reports which of the two is wrong
        operands = tuple(
            one.value
            if isinstance(one.value, Expression)
            else Expression("number", str(one.value), one.value, (), one.start, one.end)
            for one in (value, divisor)
        )
        place = value.start, value.end
        return _Value(Expression("/", "/", 0, operands, *place), *place)
