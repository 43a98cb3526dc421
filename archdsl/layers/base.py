"""The base class of all layer kinds. A kind is one class; its fields are the layer's arguments.

`conv 3x3, 64, stride 2` on a 3x32x32 input becomes
`Conv(width=64, kernel=(3, 3), stride=(2, 2), pad=(1, 1), ...)`.

A class has every facet of its kind: how papers spell it, its output shape, parameters,
multiply-adds and receptive-field window, the torch call that builds it, what autograd keeps for
it, and examples that a test compares with torch.

Shapes are (C, H, W), (C, T, H, W), (C, L) or (C,), without the batch.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, dataclass_transform

from archdsl.layers.terms import (
    Call,
    Disputed,
    Kept,
    LayerError,
    Shape,
    Value,
    Values,
    Window,
    brief,
)
from archdsl.layers.torch_signature import Listing

_MISSING: Any = object()


class Attribute(NamedTuple):
    """How papers write one argument of a layer."""

    words: tuple[str, ...]  # before the value: `stride 2`, `kernel_size=3`
    units: tuple[str, ...]  # after the value: `96 filters`, `4096 neurons`
    flags: Mapping[str, Value]  # words that are a value: `RGB`, `ceil`, `no bias`
    check: Callable[[Value], Value]
    default: Any
    means: str = ""  # what it is, if its spellings do not make it clear
    otherwise: str = ""  # what applies if it is not written, if that is not `default`
    doubt: Callable[[Value], None] | None = None  # of a text's value; not of a listing's


def attribute(
    *words: str,
    check: Callable[[Value], Value],
    units: tuple[str, ...] = (),
    flags: Mapping[str, Value] | None = None,
    default: Any = _MISSING,
    means: str = "",
    otherwise: str = "",
    doubt: Callable[[Value], None] | None = None,
) -> Any:
    """A field of a layer class, with its spellings and the check that its value must pass.

    `doubt` raises LayerError for a value that papers write for something else.

    `archdsl layers` prints `means`, `otherwise` and, for the values that are allowed, the first
    sentence of the check's docstring.
    """
    return Attribute(words, units, flags or {}, check, default, means, otherwise, doubt)


@dataclass_transform(frozen_default=True, field_specifiers=(attribute,))
class Layer:
    """Base class of all kinds. By default a layer keeps its shape and learns nothing.

    Subclasses work like frozen dataclasses, whose fields are the attributes; real dataclasses
    would slow down every start, since each of them compiles code when it is defined.
    """

    # Names layers in graphs and diagrams: conv1, conv2, … By default the class name in lower case.
    kind: ClassVar[str]
    named: ClassVar[str] = ""  # the label if it is not the kind; fields in braces: `fc {width}`
    words: ClassVar[dict[str, Mapping[str, Value]]]  # spelling -> the fields that it sets
    attributes: ClassVar[Mapping[str, Attribute]] = {}  # field -> its spellings
    defaults: ClassVar[Mapping[str, Any]] = {}  # of the fields that have one
    examples: ClassVar[tuple[str, ...]] = ()  # "SPEC on SHAPE", compared with torch by a test
    listed: ClassVar[tuple[Listing, ...]] = ()  # its classes in torch.nn
    keeps: ClassVar[Kept] = Kept()  # for the backward pass, if that does not depend on the input

    # Regexes of a whole layer in one word; a group sets the field of its name, the mapping others.
    compact: ClassVar[tuple[tuple[str, Mapping[str, Value]], ...]] = ()
    bare: ClassVar[tuple[str, ...]] = ()  # spellings to which no convention adds anything
    takes_size: ClassVar[str | None] = None  # the field that a bare `3x3` sets
    takes_number: ClassVar[str | None] = None  # the field that a bare number sets
    takes_suffix: ClassVar[str | None] = None  # the field that the digits of `conv3` set
    takes_times: ClassVar[str | None] = None  # the field that `x2` sets, instead of repeating

    details: ClassVar[tuple[str, ...]] = ()  # fields without a place in the label
    disputed: ClassVar[tuple[Disputed, ...]] = ()

    fits: ClassVar[str | None] = None  # the field that defaults to the size of the other branch

    implied: ClassVar[bool] = True  # a unit alone may mean it: `64 filters` is a convolution
    alone: ClassVar[bool] = False  # must be the only layer of its phrase
    weighs: ClassVar[bool] = False  # a weight layer, counted in the depth of a network
    accompanies: ClassVar[bool] = False  # belongs to an adjacent weight layer (bn, relu, …)
    role: ClassVar[str] = ""  # of companions: one that is written replaces a convention's
    normalises: ClassVar[bool] = False  # its parameters are not counted under `no bn`
    trails: ClassVar[bool] = True  # may follow the output layer of a network, if it is weightless
    weakens: ClassVar[bool] = False  # scales values down: an activation may move past it
    keeps_channels: ClassVar[bool] = False  # each is computed from the same one of the input
    flattens: ClassVar[bool] = False  # reads a vector: a map is flattened first
    is_view: ClassVar[bool] = False  # its output shares the memory of its input
    absorbs_bias: ClassVar[bool] = False  # a bias directly before it is redundant
    uses_batch_statistics: ClassVar[bool] = False  # so a batch must have several values
    left_to_loss: ClassVar[bool] = False  # not part of a module if it ends the network
    colour: ClassVar[str] = "grey"  # in drawings: a name in output/diagram.py

    def __init_subclass__(cls) -> None:
        own = {n: value for n, value in vars(cls).items() if isinstance(value, Attribute)}
        cls.attributes = {**cls.attributes, **own}
        cls.defaults = {
            name: one.default for name, one in cls.attributes.items() if one.default is not _MISSING
        }
        for name in own:
            delattr(cls, name)  # only instances have values

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
    def settle(cls, values: Values, x: Shape, padding: str) -> Self:
        """The layer with these attributes, as a text gives them, on an input of shape `x`.

        Computes defaults that depend on the input or on `padding`, the network's convention,
        "same" or "valid". Raises LayerError.
        """
        for name in cls.attributes:
            if name not in values and name not in cls.defaults:
                raise LayerError(f"`{cls.kind}` has no {name}", cls.form())
        self = cls(**values)
        self.check(x)
        return self

    def check(self, x: Shape) -> None:
        """Raises LayerError if the attributes do not fit together, or the input."""

    @classmethod
    def form(cls) -> str:
        """How to write the layer, for the help of an error."""
        example = cls.examples[0].partition(" on ")[0]
        return f"write, for example, `{example}`"

    def out(self, x: Shape) -> Shape:
        """Output shape."""
        return x

    def params(self, x: Shape) -> int:
        """Trainable elements."""
        return 0

    def buffers(self, x: Shape) -> int:
        """Elements of the state without gradients, such as running statistics."""
        return 0

    def macs(self, x: Shape) -> int:
        """Multiply-adds for one input, half of what torch's FlopCounterMode counts: without
        biases, normalisation and activations."""
        return 0

    def window(self, x: Shape) -> Window | None:
        """What one output position reads, or None if it is only its own position."""
        return None

    def gathers(self, x: Shape) -> bool:
        """Whether one output reads the whole map, which ends the trunk of a network."""
        return False

    def kept(self, x: Shape) -> Kept:
        """What autograd keeps for the backward pass, in training mode."""
        return self.keeps

    def matters(self, attribute: str, x: Shape) -> bool:
        """Whether the default of a disputed attribute makes a difference on such an input."""
        return True

    def plainest(self, x: Shape) -> "Layer":
        """The simplest layer that computes the same on such an input, to compare networks."""
        return self

    def call(self, x: Shape) -> Call:
        """The call that builds the torch module, by default that of a class in `listed`."""
        fitting = [one for one in self.listed if one.is_of(vars(self))]
        if not fitting:
            raise LayerError(f"`{self.kind}` has no torch module")
        listing = max(fitting, key=lambda one: len(one.presets))
        name = (listing.builds or listing.name).replace("*", str(max(1, len(x) - 1)))
        return Call(name, *listing.written(vars(self), x[0]))

    @property
    def label(self) -> str:
        """The layer in a few words, for diagrams and `--layers`."""
        shown = {name: brief(value) for name, value in vars(self).items()}
        return self.named.format_map(shown) or self.kind

    @property
    def described(self) -> str:
        """The label, and of the `details` those that are not the default: `bn, eps 0.001`."""
        parts = [self.label]
        for name in self.details:
            value, default = vars(self)[name], self.defaults[name]
            if isinstance(value, tuple):  # `default` is a length for every axis
                value, default = (set(value), set(default)) if value else (value, value)
            if value != default:
                parts.append(self._written(name))
        return ", ".join(parts)

    def _written(self, name: str) -> str:
        value, attribute = vars(self)[name], self.attributes[name]
        flags = [flag for flag, sets in attribute.flags.items() if sets == value]
        if flags and isinstance(value, bool):
            return flags[0]
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        return f"{attribute.words[0]} {brief(value)}"


REGISTRY: list[type[Layer]] = []
L = TypeVar("L", bound=type[Layer])

# Words with the same meaning in every spelling: `max pool` is also written `max pooling`.
_SYNONYMS = {
    "average": ["avg"],
    "conv": ["convolution"],
    "norm": ["normalization", "normalisation"],
    "normalization": ["normalisation"],
    "padding": ["pad"],
    "pool": ["pooling"],
    "subsampling": ["sub sampling"],
}


def _variants(spelling: str) -> Iterator[str]:
    """A spelling, and the same with synonyms."""
    return map(" ".join, product(*([w, *_SYNONYMS.get(w, ())] for w in spelling.split())))


def layer(*words: str, **presets: Mapping[str, Value]) -> Callable[[L], L]:
    """Registers a class as a layer kind that is written with any of these words.

    A keyword is a spelling, with `_` for spaces, and the fields that it sets:
    `conv_dw={"depthwise": True}`. Spellings with synonyms of the words, and the names of torch's
    classes for maps of 1 to 3 axes, such as `conv2d`, are added.
    """

    def register(cls: L) -> L:
        spellings: dict[str, Mapping[str, Value]] = {word: {} for word in words}
        cls.words = {
            variant: preset
            for word, preset in (spellings | presets).items()
            for variant in _variants(word.replace("_", " "))
        }
        for listing in cls.listed:
            if "*" in listing.name:
                for rank in "123":
                    cls.words[listing.name.lower().replace("*", rank)] = listing.presets
        if not hasattr(cls, "kind"):
            cls.kind = cls.__name__.lower()
        REGISTRY.append(cls)
        return cls

    return register
