"""The signature of a class of torch.nn, and which field of a layer each of its arguments sets.

`listed_as("ELU", Argument("alpha", "alpha", 1.0), INPLACE)` is read in both directions: a PyTorch
listing's `nn.ELU(0.5)` becomes `elu(0.5)`, and the layer becomes the call that builds its module.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

REQUIRED: Any = object()
ENTERING = "in"  # an argument that gives the input channels, or input features

Arguments = tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]  # by position, by keyword


class Argument(NamedTuple):
    """An argument of a constructor in torch.nn.

    `sets` is the field of ours that it sets, or ENTERING. An argument that sets no field must have
    one of the values `only`; with no such values it may have any, as it changes nothing here.

    A call has required arguments by position and others by keyword, unless they are torch's
    defaults; `written` is how an argument is passed even then.
    """

    name: str
    sets: str = ""
    default: Any = REQUIRED
    only: tuple[Any, ...] = ()
    texts: tuple[str, ...] = ()  # the strings that it may be
    per: str = ""  # ours is torch's divided by this argument
    like: str = ""  # None means the value of this argument
    written: Literal["", "position", "keyword"] = ""


class Listing(NamedTuple):
    """A class of torch.nn and its arguments, in torch's order.

    A `*` in the name is the number of axes of the map: `Conv*d`. `presets` are the fields that the
    class itself sets; `builds` is the class that we build where torch has two for one thing, and
    `axes` the axes of the maps that the class itself reads, 0 if they may be any.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    presets: Mapping[str, Any] = {}
    builds: str = ""
    axes: int = 0

    def is_of(self, fields: Mapping[str, Any]) -> bool:
        """Whether a layer with these fields has the presets of the class."""
        return all(fields[name] == value for name, value in self.presets.items())

    def written(self, fields: Mapping[str, Any], entering: int) -> Arguments:
        """The arguments with which torch builds a layer of these fields on `entering` channels."""
        values = {one.name: _value(one, fields, entering) for one in self.arguments}
        by_position, by_keyword = [], []
        for one in self.arguments:
            value = values[one.name]
            if one.per:
                # Twelve digits: a listing's 0.0003 was divided by 3, and must be 0.0003 again.
                value = float(f"{value * values[one.per]:.12g}")
            default = values[one.like] if one.like else one.default
            if one.written == "position" or (default is REQUIRED and one.sets):
                by_position.append(value)
            elif one.written == "keyword" or value != default:
                by_keyword.append((one.name, value))
        return tuple(by_position), tuple(by_keyword)


def _value(argument: Argument, fields: Mapping[str, Any], entering: int) -> Any:
    """What a layer passes for an argument."""
    if argument.sets == ENTERING:
        return entering
    if not argument.sets:
        is_any = not argument.only or argument.default in argument.only
        return argument.default if is_any else argument.only[0]
    value = fields[argument.sets]
    return scalar_if_equal(value) if isinstance(value, tuple) else value


def scalar_if_equal(values: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number for equal axes, as is usual in torch."""
    return values[0] if len(set(values)) == 1 else values


INPLACE = Argument("inplace", default=False)


def fixed(name: str, value: Any) -> Argument:
    """An argument that has a meaning here only with torch's default."""
    return Argument(name, default=value, only=(value,))


def listed_as(name: str, *arguments: Argument) -> tuple[Listing, ...]:
    """The `listed` of a layer kind for which torch.nn has one class."""
    return (Listing(name, arguments),)
