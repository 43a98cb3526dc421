"""The terms in which layers are described: shapes, values, windows, calls, errors."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Shape = tuple[int, ...]
Value = int | float | str | bool | tuple[int, ...]
Values = Mapping[str, Any]  # the attributes of a layer as a text gives them


class LayerError(Exception):
    """A layer is not possible: a short fact, and what to write. The caller adds the place."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class Misfit(LayerError):
    """A layer does not fit its input. The caller also shows where the input comes from."""


class Call(NamedTuple):
    """A call of a torch.nn constructor: pytorch/source.py prints it, pytorch/module.py executes it.

    `own`: the class is in pytorch/extra_modules.py, because torch.nn lacks it.
    """

    name: str
    args: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    own: bool = False

    def __str__(self) -> str:
        arguments = [repr(a) for a in self.args]
        arguments += [f"{name}={value!r}" for name, value in self.options]
        return f"{'' if self.own else 'nn.'}{self.name}({', '.join(arguments)})"


class Disputed(NamedTuple):
    """An attribute whose default papers or frameworks disagree about, and what `others` have.

    `decided` and `instead` are texts in place of `KIND with ATTRIBUTE VALUE` and `ATTRIBUTE …`.
    """

    attribute: str
    others: str
    decided: str = ""
    instead: str = ""


Reads = Callable[[int], tuple[int, int]]


class Window(NamedTuple):
    """The part of the input that one output position reads, per axis.

    If the layer enlarges its map, kernel, stride and padding are measured on a finer grid, which
    has `up` positions for each input position.

    Without a sliding window, as in a resize to a given size, `reads` maps an output position to
    the range (start, end) that it reads, per axis. The range repeats every `up` positions,
    `stride` input positions further on; kernel, padding and dilation are not used.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]
    up: tuple[int, ...] = ()
    reads: tuple[Reads, ...] = ()


class Kept(NamedTuple):
    """What autograd keeps of a layer's forward pass for its backward pass.

    `extra` is in bytes, at float32 and batch 1, in addition to the input and the output.
    `passing`: the input is kept only to compute its own gradient, so not if it needs none.
    """

    input: bool = False
    output: bool = False
    extra: int = 0
    passing: bool = False
    branches: tuple[bool, ...] = ()  # which inputs of a join are kept; empty for all of them


def times(values: tuple[int, ...]) -> str:
    """Sizes as papers write them: `3x3`."""
    return "x".join(map(str, values))


def show(value: object) -> str:
    """A value as texts write it."""
    return times(value) if isinstance(value, tuple) else str(value)


def brief(value: object) -> str:
    """A value for a label: a float to six digits, a negative number in parentheses."""
    text = f"{value:g}" if isinstance(value, float) else show(value)
    return f"({text})" if text.startswith("-") else text
