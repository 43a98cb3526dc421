"""What every layer kind is: one frozen class whose fields are its arguments.

A class carries every facet of its kind: how papers spell it, the shape that it makes, its
parameters, multiply-adds and receptive-field window, the torch call that builds it, what autograd
keeps for it, and examples that a test compares with torch.

Shapes are (C, H, W), (C, L) or (C,); batch is never part of a shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, dataclass_transform

from archdsl.layers.torch_signature import Listing

Shape = tuple[int, ...]
Value = int | float | str | bool | tuple[int, ...]


class LayerError(Exception):
    """A layer that cannot be: a short fact and its fix. Whoever knows the text adds the place."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class Misfit(LayerError):
    """A layer that does not fit its input: whoever shows it also shows where the input is from."""


class Call(NamedTuple):
    """A constructor of torch.nn: `source.py` prints it, `module.py` calls it.

    `own`: the class is one of archdsl/pytorch/extra_modules.py, for what torch.nn lacks.
    """

    name: str
    args: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    own: bool = False

    def __str__(self) -> str:
        arguments = [repr(a) for a in self.args]
        arguments += [f"{name}={value!r}" for name, value in self.options]
        return f"{'' if self.own else 'nn.'}{self.name}({', '.join(arguments)})"


Reads = Callable[[int], tuple[int, int]]


class Window(NamedTuple):
    """The stretch of its input that one output position reads, per axis.

    Where a layer makes its map larger, `up` positions of the window's own grid lie between two of
    the input, and kernel, stride and padding count on that grid.

    Where no window slides, as in a resize to a size, `reads` gives for each axis the stretch
    (start, end) that a position reads. It moves by `stride` every `up` positions; kernel, padding
    and dilation say nothing then.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]
    up: tuple[int, ...] = ()
    reads: tuple[Reads, ...] = ()


class Kept(NamedTuple):
    """What autograd keeps of a layer's forward pass for its backward pass.

    `extra` counts bytes beside the input and the output, at float32 and batch 1. `passing`: the
    input is kept for its own gradient alone, and not where none flows on.
    """

    input: bool = False
    output: bool = False
    extra: int = 0
    passing: bool = False
    branches: tuple[bool, ...] = ()  # of a join: which of its inputs; empty for all or none


_MISSING: Any = object()


class Attribute(NamedTuple):
    """How papers write one argument of a layer."""

    words: tuple[str, ...]  # before the value: `stride 2`, `kernel_size=3`
    units: tuple[str, ...]  # behind it: `96 filters`, `4096 neurons`
    flags: Mapping[str, Value]  # instead of it: `RGB`, `ceil`, `no bias`
    check: Callable[[Value], Value]
    default: Any
    means: str = ""  # what it is, where its spellings do not say it
    otherwise: str = ""  # what stands where the text does not say it, where the default is not that


def attribute(
    *words: str,
    check: Callable[[Value], Value],
    units: tuple[str, ...] = (),
    flags: Mapping[str, Value] | None = None,
    default: Any = _MISSING,
    means: str = "",
    otherwise: str = "",
) -> Any:
    """A field of a layer class, with its spellings and the check that its value must pass.

    The first sentence of the check's docstring says what values there are; `means` and
    `otherwise` are for `archdsl layers` alone.
    """
    return Attribute(words, units, flags or {}, check, default, means, otherwise)


@dataclass_transform(frozen_default=True, field_specifiers=(attribute,))
class Layer:
    """Base of all kinds. Without overrides: the shape stays, nothing is learned or kept.

    A subclass's attributes are its fields, as in a frozen dataclass; making twenty of those would
    take a quarter of the time of a start.
    """

    kind: ClassVar[str]  # the word of names and diagrams: `conv` gives conv1, conv2, …
    words: ClassVar[Mapping[str, Mapping[str, Value]]]  # each spelling, with what it sets
    attributes: ClassVar[Mapping[str, Attribute]] = {}  # field -> its spellings
    defaults: ClassVar[Mapping[str, Any]] = {}  # of the fields that have one
    examples: ClassVar[tuple[str, ...]] = ()  # "SPEC on SHAPE", compared with torch by a test
    listed: ClassVar[tuple[Listing, ...]] = ()  # how PyTorch listings write it

    # A whole layer in a word, as a regex whose groups name what they set, with what else it sets.
    compact: ClassVar[tuple[tuple[str, Mapping[str, Value]], ...]] = ()
    bare: ClassVar[tuple[str, ...]] = ()  # the words that say that no convention adds anything
    takes_size: ClassVar[str | None] = None  # the field that a bare `3x3` sets
    takes_number: ClassVar[str | None] = None  # the field that a bare number sets
    takes_suffix: ClassVar[str | None] = (
        None  # the field that digits fused to the word set: `conv3`
    )

    fits: ClassVar[str | None] = None  # the field that takes the size of the branch beside it
    takes_times: ClassVar[str | None] = None  # the field that `x2` sets, where it is no repeat

    implied: ClassVar[bool] = True  # by one of its units, without its word: `64 filters`
    alone: ClassVar[bool] = False  # stands in a phrase of its own: beside others its words ask
    weighs: ClassVar[bool] = False  # a weight layer, counted in the depth of a network
    accompanies: ClassVar[bool] = False  # belongs to the weight layer beside it (bn, relu, …)
    normalises: ClassVar[bool] = False  # its parameters are those that `no bn` leaves out
    trails: ClassVar[bool] = False  # may stand behind the output layer of a network
    weakens: ClassVar[bool] = False  # weakens values: an activation may move past it
    flattens: ClassVar[bool] = False  # reads vectors: a map is flattened before it
    is_view: ClassVar[bool] = False  # its output is the memory of its input
    absorbs_bias: ClassVar[bool] = False  # its own shift makes a bias before it redundant
    uses_batch_statistics: ClassVar[bool] = False  # in training: one value has no variance
    left_to_loss: ClassVar[bool] = False  # modules leave it out at the end of a network
    colour: ClassVar[str] = "grey"  # in pictures, a name in output/diagram.py

    def __init_subclass__(cls) -> None:
        own = {n: value for n, value in vars(cls).items() if isinstance(value, Attribute)}
        cls.attributes = {**cls.attributes, **own}
        cls.defaults = {
            name: one.default for name, one in cls.attributes.items() if one.default is not _MISSING
        }
        for name in own:
            delattr(cls, name)  # only a layer has a value

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = vars(self)
        fields |= self.defaults
        fields.update(zip(self.attributes, values, strict=False))
        fields |= named

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *(vars(self)[name] for name in self.attributes)))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"

    @classmethod
    def settle(cls, given: Mapping[str, Value], x: Shape, padding: str) -> Self:
        """The layer that a text's attributes give on an input of shape `x`.

        `padding` is the network's convention, "same" or "valid". Raises LayerError.
        """
        for name in cls.attributes:
            if name not in given and name not in cls.defaults:
                raise LayerError(f"`{cls.kind}` has no {name}", cls.form())
        return cls(**given)

    @classmethod
    def form(cls) -> str:
        """How the layer is written, for the help of an error."""
        example = cls.examples[0].partition(" on ")[0]
        return f"write it so: `{example}`"

    def out(self, x: Shape) -> Shape:
        """Output shape."""
        return x

    def params(self, x: Shape) -> int:
        """Trainable elements."""
        return 0

    def buffers(self, x: Shape) -> int:
        """Elements of the state that training does not learn by gradient (running statistics)."""
        return 0

    def macs(self, x: Shape) -> int:
        """Multiply-adds for one input, as torch's FlopCounterMode / 2 counts them: no biases,
        normalisation or activation."""
        return 0

    def window(self, x: Shape) -> Window | None:
        """What one output position reads; None: its own position."""
        return None

    def gathers(self, x: Shape) -> bool:
        """Whether one output reads the whole map: here the trunk of a network ends."""
        return False

    def kept(self, x: Shape) -> Kept:
        """What autograd keeps for the backward pass, in training mode."""
        return Kept()

    def plainest(self, x: Shape) -> Layer:
        """The layer in the plainest of the spellings that do the same to such an input."""
        return self

    def call(self, x: Shape) -> Call:
        """The torch module: where a class says nothing else, the one of `listed`."""
        fitting = [one for one in self.listed if one.is_of(vars(self))]
        if not fitting:
            raise LayerError(f"`{self.kind}` has no module")
        listing = max(fitting, key=lambda one: len(one.presets))
        name = (listing.builds or listing.name).replace("*", str(max(1, len(x) - 1)))
        return Call(name, *listing.written(vars(self), x[0]))

    @property
    def label(self) -> str:
        """The layer in a few words, as diagrams and `--layers` show it."""
        return self.kind


REGISTRY: list[type[Layer]] = []
L = TypeVar("L", bound=type[Layer])


def layer(*words: str, **presets: Mapping[str, Value]) -> Callable[[L], L]:
    """Make a class a layer kind, written with any of these words.

    A keyword names a spelling, blanks as `_`, with the attributes that it sets:
    `conv_dw={"depthwise": True}`.
    """

    def register(cls: L) -> L:
        spellings = {word.replace("_", " "): preset for word, preset in presets.items()}
        cls.words = {word: {} for word in words} | spellings
        REGISTRY.append(cls)
        return cls

    return register


def elements(x: Shape) -> int:
    """Numbers in one input of this shape."""
    return math.prod(x)


def times(values: tuple[int, ...]) -> str:
    return "x".join(map(str, values))


def signed(value: float) -> str:
    """A number as labels write it: a negative one in parentheses."""
    return f"{value:g}" if value >= 0 else f"({value:g})"


def show(value: object) -> str:
    return times(value) if isinstance(value, tuple) else str(value)
