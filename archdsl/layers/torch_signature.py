"""How a layer stands in a PyTorch listing: the class of torch.nn, and what its arguments say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

REQUIRED: Any = object()
ENTERING = "in"  # an argument that says the channels, or features, that enter


class Argument(NamedTuple):
    """An argument of a constructor in torch.nn.

    `sets` is the field of ours that it sets, or ENTERING; an argument that sets nothing may have
    one of the values `only`, and of none any: it changes nothing that we compute.
    """

    name: str
    sets: str = ""
    default: Any = REQUIRED
    only: tuple[Any, ...] = ()
    texts: tuple[str, ...] = ()  # the strings that it may be
    per: str = ""  # ours is torch's divided by this argument
    like: str = ""  # None stands for the value of this argument


class Listing(NamedTuple):
    """A class of torch.nn, and its arguments in torch's order.

    A `*` in the name stands for the number of axes of the map: `Conv*d`. `presets` are the fields
    that the class itself sets; `builds` is the class that we build where torch has two for it.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    presets: Mapping[str, Any] = {}
    builds: str = ""


INPLACE = Argument("inplace", default=False)


def fixed(name: str, value: Any) -> Argument:
    """An argument that has a meaning for us at torch's default alone."""
    return Argument(name, default=value, only=(value,))
