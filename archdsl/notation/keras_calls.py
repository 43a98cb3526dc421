"""Reads one call of a Keras listing, `Conv2D(32, (3, 3), activation='relu')`.

It is exactly the layer that Keras would build, with Keras's defaults: no padding, and after it the
activation that it names. Keras's `same` padding puts what is odd at the end, and depends on the
size of the map: `fitted` writes it out once that is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from archdsl.errors import nearest
from archdsl.layers import REGISTRY, Conv, Layer, LayerError, Misfit, Shape, Value
from archdsl.layers.torch_signature import ENTERING, REQUIRED, Argument, Listing
from archdsl.notation.ast import LayerText, ListedCall, ValueText
from archdsl.notation.context import Context
from archdsl.notation.pytorch_calls import CallReader, CallValue
from archdsl.syntax.arguments import check_commas, entries_in
from archdsl.syntax.ast import Token
from archdsl.syntax.expressions import Expression

# Activations by the names that `activation=` takes: the kind, and what differs from our defaults.
_ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, Value]]] = {
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "leaky_relu": ("leakyrelu", {"slope": 0.2}),
    "sigmoid": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "softmax": ("softmax", {}),
    "log_softmax": ("logsoftmax", {}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
    "celu": ("celu", {}),
    "gelu": ("gelu", {}),
    "swish": ("silu", {}),
    "silu": ("silu", {}),
    "mish": ("mish", {}),
    "softplus": ("softplus", {}),
    "softsign": ("softsign", {}),
    "hard_sigmoid": ("hardsigmoid", {}),
    "hard_silu": ("hardswish", {}),
    "hard_swish": ("hardswish", {}),
    "log_sigmoid": ("logsigmoid", {}),
    "tanh_shrink": ("tanhshrink", {}),
}
_NO_ACTIVATION = "linear"

_WITHOUT_MEANING = tuple(
    Argument(name, default=None)
    for name in (
        "name dtype trainable seed kernel_initializer bias_initializer depthwise_initializer "
        "pointwise_initializer kernel_regularizer bias_regularizer activity_regularizer "
        "beta_initializer gamma_initializer moving_mean_initializer moving_variance_initializer "
        "alpha_initializer alpha_regularizer alpha_constraint kernel_constraint bias_constraint "
        "beta_constraint gamma_constraint beta_regularizer gamma_regularizer "
        "depthwise_regularizer pointwise_regularizer input_dim renorm fused"
    ).split()
)
_INPUT_SHAPE = Argument("input_shape", ENTERING, None)
_DATA_FORMAT = Argument("data_format", default=None, only=(None, "channels_last"))
_ACTIVATION = Argument("activation", "activation", None, texts=(*_ACTIVATIONS, _NO_ACTIVATION))
_PADDING = Argument("padding", "pad", "valid", texts=("valid", "same"))
_BIAS = Argument("use_bias", "bias", True)
_MULTIPLIER = Argument("depth_multiplier", "multiplier", 1)
_STRIDES = Argument("strides", "stride", 1)
_DILATION = Argument("dilation_rate", "dilation", 1)
_KERNEL = Argument("kernel_size", "kernel")
_FILTERS = Argument("filters", "width")
_SLOPE = ("alpha", "negative_slope")  # in Keras 2, and in Keras 3


class _Class(NamedTuple):
    """A class of Keras: our layer, its arguments in Keras's order, and what the class itself sets.

    `rank`: the axes of the map that it is for; 0 is any input, -1 a vector.
    """

    kind: str
    arguments: tuple[Argument, ...] = ()
    presets: Mapping[str, Value] = {}
    rank: int = 0


def _classes() -> dict[str, _Class]:
    """The classes of Keras that we have layers for."""
    return {**_PLAIN, **_ranked(1), **_ranked(2), **_ranked(3)}


# The classes without a number of axes in their names.
_PLAIN = {
    "Dense": _Class("fc", (Argument("units", "width"), _ACTIVATION, _BIAS), rank=-1),
    "Flatten": _Class("flatten", (_DATA_FORMAT,)),
    "Activation": _Class("", (_ACTIVATION._replace(default=REQUIRED),)),
    "Dropout": _Class(
        "dropout", (Argument("rate", "p"), Argument("noise_shape", only=(None,), default=None))
    ),
    "BatchNormalization": _Class(
        "bn",
        (
            Argument("axis", default=-1, only=(-1, 3)),
            Argument("momentum", "momentum", 0.99),
            Argument("epsilon", "eps", 1e-3),
            Argument("center", "center", True),
            Argument("scale", "affine", True),
        ),
    ),
    "LayerNormalization": _Class(
        "layernorm",
        (
            Argument("axis", default=-1, only=(-1, 3)),
            Argument("epsilon", "eps", 1e-3),
            Argument("center", "center", True),
            Argument("scale", "affine", True),
        ),
    ),
    "GroupNormalization": _Class(
        "gn",
        (
            Argument("groups", "groups", 32),
            Argument("axis", default=-1, only=(-1, 3)),
            Argument("epsilon", "eps", 1e-3),
            Argument("center", "center", True),
            Argument("scale", "affine", True),
        ),
    ),
    "PReLU": _Class("prelu", (Argument("shared_axes", "axes", None),), {"slope": 0.0}),
    "ReLU": _Class(
        "relu",
        (
            Argument("max_value", "max_value", None),
            Argument("negative_slope", default=0.0, only=(0,)),
            Argument("threshold", default=0.0, only=(0,)),
        ),
    ),
    "LeakyReLU": _Class(
        "leakyrelu",
        (
            Argument("alpha", "slope", None, like="negative_slope"),
            Argument("negative_slope", "", 0.3),
        ),
    ),
    "ELU": _Class("elu", (Argument("alpha", "alpha", 1.0),)),
    "Softmax": _Class("softmax", (Argument("axis", default=-1, only=(-1,)),)),
}


def _ranked(rank: int) -> dict[str, _Class]:
    """The classes whose names have a number of axes: `Conv2D`."""
    conv = (_FILTERS, _KERNEL, _STRIDES, _PADDING, _DATA_FORMAT, _DILATION)
    more = {
        "Conv": _Class("conv", (*conv, Argument("groups", "groups", 1), _ACTIVATION, _BIAS)),
        "SeparableConv": _Class("separable", (*conv, _MULTIPLIER, _ACTIVATION, _BIAS)),
        "DepthwiseConv": _Class("conv", (
            _KERNEL, _STRIDES, _PADDING, _MULTIPLIER, _DATA_FORMAT, _DILATION, _ACTIVATION,
            _BIAS,
        ), {"depthwise": True}),
        "ZeroPadding": _Class("pad", (Argument("padding", "margin", 1), _OVER),
                              {"mode": "zeros"}),
        "Cropping": _Class("crop", (Argument("cropping", "cut", 0 if rank == 2 else 1), _OVER)),
        "UpSampling": _Class("resize", (Argument("size", "factor", 2), _OVER, Argument(
            "interpolation", "mode", "nearest", texts=("nearest", "bilinear", "bicubic")))),
        "SpatialDropout": _Class("dropout", (Argument("rate", "p"),), {"channelwise": True}),
    }  # fmt: skip
    more |= _pools()
    more["Convolution"] = more["Conv"]
    if rank > 1:
        transposed = (
            _FILTERS, _KERNEL, _STRIDES, _PADDING,
            Argument("output_padding", default=None, only=(None,)),
            _DATA_FORMAT, _DILATION._replace(sets="", only=(1,)), _ACTIVATION, _BIAS,
        )  # fmt: skip
        more["Transposed"] = _Class("upconv", transposed)
    if rank == 3:
        del more["SeparableConv"], more["DepthwiseConv"]
    named = {f"{name}{rank}D": one._replace(rank=rank) for name, one in more.items()}
    if rank > 1:
        named[f"Conv{rank}DTranspose"] = named.pop(f"Transposed{rank}D")
    return named


_OVER = Argument("data_format", default=None, only=(None, "channels_last"))


def _pools() -> dict[str, _Class]:
    """The pools, by their names without the number of axes."""
    found: dict[str, _Class] = {}
    for name, kind in (("Max", "maxpool"), ("Average", "avgpool")):
        pool = _Class(kind, (
            Argument("pool_size", "kernel", 2),
            Argument("strides", "stride", None, like="pool_size"),
            _PADDING,
            _OVER,
        ))  # fmt: skip
        whole = _Class(kind, (_OVER, Argument("keepdims", "keepdims", False)),
                       {"everywhere": True})  # fmt: skip
        for word in ("Pool", "Pooling"):
            found[f"{name}{word}"] = pool
            found[f"Global{name}{word}"] = whole
        found[f"{name[:3]}Pool"] = pool
    return found


_CLASSES: dict[str, _Class] = {}
# What Keras has and we do not, with what to write.
_OTHERS = {
    "Reshape": "archdsl cannot reshape a value; `Flatten()` makes it a vector, and a global pool "
    "with `keepdims=True` keeps its map",
    "Permute": "archdsl cannot reorder the axes of a value",
    "RepeatVector": "archdsl cannot repeat a value",
    **dict.fromkeys(
        ("Add", "Multiply", "Concatenate"),
        "a join has its branches in braces: `add { identity; [ … ] }`, `concat { … }`, "
        "`multiply { … }`; or write the whole model, from `inputs = Input(shape=…)`",
    ),
    **dict.fromkeys(
        ("Average", "Maximum", "Minimum", "Subtract", "Dot"),
        "archdsl joins values with `add`, `concat` and `multiply`",
    ),
    **dict.fromkeys(
        "Embedding LSTM GRU SimpleRNN Bidirectional TimeDistributed Attention "
        "MultiHeadAttention".split(),
        "archdsl has no recurrent layers, embeddings or attention",
    ),
}
_PREPARES = "remove it: it prepares the images, and is not a part of the network"
_NAME = (
    r"[A-Z]\w*[123]D(?:Transpose)?|Dense|Flatten|Activation|(?:Gaussian|Alpha)?Dropout"
    r"|(?:Batch|Layer|Group|Unit)?Normalization|(?:Leaky|P)?ReLU|ELU|Softmax|Add|Multiply"
    r"|Concatenate|Average|Maximum|Minimum|Subtract|Dot|Reshape|Permute|GaussianNoise|Rescaling"
    r"|Resizing|Random[A-Z]\w*|CenterCrop|RepeatVector|Embedding|LSTM|GRU|SimpleRNN|Bidirectional"
    r"|TimeDistributed|(?:MultiHead)?Attention"
)


def is_call(tokens: Sequence[Token]) -> bool:
    """Whether tokens begin with the call of a class of Keras: `Conv2D(32, 3)`."""
    return (
        len(tokens) > 1
        and tokens[0].kind == "word"
        and tokens[1].kind == "parens"
        and tokens[0].end == tokens[1].start
        and tokens[0].text[0].isupper()
        and re.fullmatch(_NAME, tokens[0].text) is not None
    )


def read_call(context: Context, tokens: Sequence[Token]) -> tuple[LayerText, ...]:
    """The layers of a call, which is all that these tokens are. Raises ArchError."""
    if not _CLASSES:
        _CLASSES.update(_classes())
    word = tokens[0]
    if word.text not in _CLASSES:
        near = nearest(word.text, _CLASSES)
        help = _OTHERS.get(word.text) or (f"did you mean `{near}`?" if near else None)
        if re.fullmatch(r"Rescaling|Resizing|Normalization|Random\w+|CenterCrop", word.text):
            help = _PREPARES
        raise context.fail(f"there is no layer for Keras's `{word.text}`", word, help)
    return _KerasCallReader(context, word.text, _CLASSES[word.text]).read_all(tokens)


class _KerasCallReader(CallReader):
    """The call of a class of Keras."""

    framework = "Keras"

    def __init__(self, context: Context, name: str, keras: _Class) -> None:
        kind = _kind(keras.kind if keras.kind != "separable" else "conv") if keras.kind else Conv
        arguments = (*keras.arguments, _INPUT_SHAPE, *_WITHOUT_MEANING)
        super().__init__(context, name, kind, Listing(name, arguments))
        self.keras = keras
        self.shown = f"`{name}`"

    @property
    def form(self) -> str:
        shown = self.form_of(self.keras.arguments)
        return f"Keras's signature is `{self.name}({shown})`"

    def read_all(self, tokens: Sequence[Token]) -> tuple[LayerText, ...]:
        self.check_tokens(tokens, is_call)
        start, end = tokens[0].start, tokens[1].end
        given = self.arguments(tokens[1], start, end)
        listed = ListedCall(self.name, "", None, "", self.framework, self.keras.rank)
        if (shape := given["input_shape"]).value is not None:
            listed = listed._replace(entering=ValueText(shape.value, shape.start, shape.end))
        layers = [] if self.name == "Activation" else self.layers(given, start, end, listed)
        return (*layers, *self.activation(given, start, end, listed))

    def layers(
        self, given: Mapping[str, CallValue], start: int, end: int, listed: ListedCall
    ) -> list[LayerText]:
        """The layers of the class itself, without the activation after it."""
        values = {
            name: ValueText(preset, start, end) for name, preset in self.keras.presets.items()
        }
        same, multiplier = False, 1
        for argument in self.keras.arguments:
            value = given[argument.name]
            if argument.like and value.value is None:
                value = given[argument.like]
            match argument.sets:
                case "":
                    self.check_fixed(argument, value)
                case "activation" | "max_value" | "center" | "keepdims":
                    pass
                case "multiplier":
                    multiplier = self.multiplier(value)
                case "axes":
                    values["channelwise"] = ValueText(True, start, end)
                    listed = listed._replace(rank=self.shared_axes(value))
                case "cut":
                    listed = listed._replace(cut=self.cut(value))
                case "margin":
                    values |= self.margins(value, start, end)
                case "momentum":
                    values["momentum"] = self.momentum(argument, value)
                case "pad" if value.value == "same" or self.keras.kind == "upconv":
                    same = value.value == "same"
                case _:
                    values[argument.sets] = self.checked(argument, value)
        if "center" in given and given["center"].value != given["scale"].value:
            raise self.fail(
                "a norm with a scale alone, or with a shift alone", given["center"],
                "archdsl has both or neither: `scale=False, center=False`, or neither of the two",
            )  # fmt: skip
        computed = any(isinstance(value.value, Expression) for value in values.values())
        listed = listed._replace(same=same, multiplier=multiplier)
        place = start, end, computed
        if self.keras.kind == "separable":
            return self.separable(values, listed, *place)
        whole = [LayerText(self.kind_of(given), values, frozenset(), *place, listed=listed)]
        if "keepdims" in given and given["keepdims"].value is False:
            # A global pool gives a vector.
            flat = ListedCall(self.name, "", None, "", self.framework)
            whole.append(LayerText(_kind("flatten"), {}, frozenset(), start, end, listed=flat))
        return whole

    def kind_of(self, given: Mapping[str, CallValue]) -> type[Layer]:
        """The kind of the layer; `ReLU(max_value=6.0)` is one of its own."""
        most = given.get("max_value")
        if most is None or most.value is None:
            return self.kind
        if most.value != 6:
            raise self.fail("a `max_value` other than 6", most, "`ReLU(max_value=6.0)`")
        return _kind("relu6")

    def separable(
        self,
        values: Mapping[str, ValueText],
        listed: ListedCall,
        start: int,
        end: int,
        computed: bool,
    ) -> list[LayerText]:
        """A depthwise convolution without a bias, and a pointwise one."""
        sets = {"depthwise": True, "bias": False}
        depthwise = {
            **{name: value for name, value in values.items() if name != "width"},
            **{name: ValueText(value, start, end) for name, value in sets.items()},
        }
        pointwise = {name: values[name] for name in ("width", "bias")}
        pointwise["kernel"] = ValueText(1, start, end)
        after = ListedCall(self.name, "", None, "", self.framework, self.keras.rank)
        return [
            LayerText(Conv, depthwise, frozenset(), start, end, computed, listed=listed),
            LayerText(Conv, pointwise, frozenset(), start, end, computed, listed=after),
        ]

    def activation(
        self, given: Mapping[str, CallValue], start: int, end: int, listed: ListedCall
    ) -> list[LayerText]:
        """The activation that `activation=` names, as a layer."""
        value = given.get("activation")
        if value is None or value.value in (None, _NO_ACTIVATION):
            return []
        kind, sets = _ACTIVATIONS[value.value]
        place = (start, end) if self.name == "Activation" else (value.start, value.end)
        values = {name: ValueText(one, *place) for name, one in sets.items()}
        plain = ListedCall(self.name, "", None, "", self.framework)
        return [LayerText(_kind(kind), values, frozenset(), *place, listed=plain)]

    # The values of arguments.

    def value(self, argument: Argument, tokens: Sequence[Token]) -> CallValue:
        place = tokens[0].start, tokens[-1].end
        if not argument.sets and not argument.only and argument.name not in _SLOPE:
            return CallValue(None, *place)  # it changes nothing here
        last = tokens[-1]
        if argument.sets in ("margin", "cut") and last.kind == "parens":
            return CallValue(last, *place)
        if argument.name == "data_format" and last.text == "channels_first":
            raise self.fail(
                "`channels_first`", last,
                "archdsl computes what channels last would: leave `data_format` out, and write the "
                "input as height x width x channels",
            )  # fmt: skip
        if last.kind == "word" and last.text in (*argument.texts, *argument.only):
            return CallValue(last.text, *place)
        if last.kind == "word" and argument.texts and len(tokens) == 1 and last.text != "None":
            known = ", ".join(f"`{text}`" for text in argument.texts)
            message = f"`{argument.name}='{last.text}'` has no meaning here"
            raise self.fail(message, last, f"known: {known}")
        if last.kind == "size" and len(tokens) == 1:
            return CallValue(tuple(map(int, re.findall(r"\d+", last.text))), *place)
        return super().value(argument, tokens)

    def shared_axes(self, value: CallValue) -> int:
        """The axes of the map along which the slopes of PReLU are shared: all, or none, which is -1
        as only a vector has one slope for each channel then."""
        axes = value.value if isinstance(value.value, tuple) else (value.value,)
        if axes == (None,):
            return -1
        if sorted(axes) != [*range(1, len(axes) + 1)]:
            raise self.fail(
                "axes other than all those of the map", value,
                "write `shared_axes=[1, 2]`: one slope for each channel of an image",
            )  # fmt: skip
        return len(axes)

    def cut(self, value: CallValue) -> tuple[int, ...]:
        """What a crop cuts off both sides of each axis: `1`, `(1, 2)` or `((1, 1), (2, 2))`."""
        if type(value.value) is int and value.value >= 0:
            return (value.value,) * (2 * self.keras.rank)
        if not isinstance(value.value, Token):
            raise self.fail("a cropping must be a whole number", value)
        place = value.start, value.end
        last_first: Any = self.margins(value, *place)["backwards"].value
        pairs = [last_first[at : at + 2] for at in range(0, len(last_first), 2)]
        return tuple(n for pair in reversed(pairs) for n in pair)

    def multiplier(self, value: CallValue) -> int:
        if type(value.value) is not int or value.value < 1:
            raise self.fail("the depth_multiplier must be a whole number from 1", value)
        return value.value

    def momentum(self, argument: Argument, value: CallValue) -> ValueText:
        """torch's momentum is the weight of the new batch, Keras's that of the old ones."""
        if isinstance(value.value, int | float):
            value = value._replace(value=float(f"{1 - value.value:.12g}"))
        return self.checked(argument, value)

    def margins(self, value: CallValue, start: int, end: int) -> dict[str, ValueText]:
        """`1`, `(1, 2)`, one for each axis, or `((0, 1), (0, 1))`, the two sides of each."""
        if not isinstance(value.value, Token):
            return {"margin": self.checked(Argument("padding", "margin"), value)}
        check_commas(self.context.source, value.value, may_trail=True)
        axes = [self.numbers(entry.tokens) for entry in entries_in(value.value)]
        sides = [one if len(one) == 2 else one * 2 for one in axes]
        if len(axes) == 1 and len(axes[0]) == 1:
            sides *= self.keras.rank  # `(1)`
        elif self.keras.rank == 1 and len(axes) == 2:
            sides = [[axes[0][0], axes[1][0]]]  # `(2, 0)` of a signal
        if len(sides) != self.keras.rank or any(len(one) > 2 for one in axes):
            raise self.fail(
                "which sides are these?", value, "write `((top, bottom), (left, right))`"
            )
        backwards = tuple(n for one in reversed(sides) for n in one)
        return {"backwards": ValueText(backwards, start, end)}

    def numbers(self, tokens: Sequence[Token]) -> list[int]:
        """The whole numbers of `1` or `(0, 1)`."""
        inside = tokens[0].tokens if tokens[0].kind == "parens" else tokens
        values = [token for token in inside if token.kind != "comma"]
        for token in values:
            if not token.text.isdecimal():
                raise self.fail("a padding must be a whole number", token)
        return [int(token.text) for token in values]


def _kind(name: str) -> type[Layer]:
    return next(kind for kind in REGISTRY if name in (kind.kind, kind.__name__.lower()))


# What a call depends on the map for.


def check_entering(layer: LayerText, listed: ListedCall, x: Shape) -> None:
    """Raises Misfit if Keras would not run the listed layer on `x`."""
    rank = len(x) - 1
    is_flat = all(n == 1 for n in x[1:])
    if listed.name == "PReLU" and rank != max(0, listed.rank) and not is_flat:
        raise Misfit(
            "`PReLU` with a slope for each position of a map",
            f"for one slope for each channel write `PReLU(shared_axes={[*range(1, rank + 1)]})`",
        )
    if listed.rank < 0 and any(n > 1 for n in x[1:]):  # a map of one position is flattened
        width = layer.given["width"].value if "width" in layer.given else 10
        raise Misfit(
            f"`{listed.name}` on a map",
            "in Keras nothing is flattened: write `Flatten()` first; "
            f"for a layer at every position, `Conv{rank}D({width}, 1)`",
        )
    if listed.rank > 0 and listed.rank != rank:
        axes = f"a map of {rank} {'axis' if rank == 1 else 'axes'}" if rank else "a vector"
        help = f"write `{re.sub('[123]D', f'{rank}D', listed.name)}`" if rank else ""
        raise Misfit(f"`{listed.name}` on {axes}", help or "it needs a map: remove `Flatten()`")
    if listed.entering is not None:
        shape = listed.entering.value
        if shape not in ((*x[1:], x[0]), x[0] if rank == 0 else None):
            shown = "x".join(map(str, (*x[1:], x[0])))
            raise Misfit(f"`{listed.name}` has another input_shape", f"its input is {shown} here")


def fitted(layer: LayerText, listed: ListedCall, x: Shape) -> list[LayerText]:
    """A listed layer on a map `x`: with the width of a `depth_multiplier`, and with Keras's `same`
    padding in numbers; before it the padding, or after it the crop, of one side alone."""
    if listed.cut:
        return [_cropped(layer, listed.cut, x)]
    is_transposed = layer.kind is _kind("upconv")
    if not listed.same and listed.multiplier == 1 and not is_transposed:
        return [layer]
    place = layer.start, layer.end
    given = dict(layer.given)
    if listed.multiplier > 1:
        given["width"] = ValueText(listed.multiplier * x[0], *place)
    layer = layer._replace(given=given)
    if not listed.same and not is_transposed:
        return [layer]
    kernel, stride, dilation = (
        _axes(given, name, len(x) - 1) for name in ("kernel", "stride", "dilation")
    )
    plain = ListedCall(listed.name, "", None, "", listed.framework)
    if is_transposed:
        # The gradient of the convolution that would give the input.
        cut = [max(0, k - s) * listed.same for k, s in zip(kernel, stride, strict=True)]
        more = [max(0, s - k) for k, s in zip(kernel, stride, strict=True)]
        given["pad"] = ValueText(tuple(n // 2 for n in cut), *place)
        given["more"] = ValueText(tuple(more), *place)
        if not any(n % 2 for n in cut):
            return [layer]
        size = tuple(n * s for n, s in zip(x[1:], stride, strict=True))
        crop = {"size": ValueText(size, *place)}
        return [layer, LayerText(_kind("crop"), crop, frozenset(), *place, listed=plain)]
    pads = [
        max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        for n, k, s, d in zip(x[1:], kernel, stride, dilation, strict=True)
    ]
    given["pad"] = ValueText(tuple(n // 2 for n in pads), *place)
    if "ceil" in layer.kind.attributes:
        _fit_pool(given, pads, stride, place, layer.kind)
        return [layer]
    if not any(n % 2 for n in pads):
        return [layer]
    given["pad"] = ValueText((0,) * len(pads), *place)
    sides = tuple(side for n in reversed(pads) for side in (n // 2, n - n // 2))
    padding = {"backwards": ValueText(sides, *place), "mode": ValueText("zeros", *place)}
    return [LayerText(_kind("pad"), padding, frozenset(), *place, listed=plain), layer]


def _cropped(layer: LayerText, cut: Sequence[int], x: Shape) -> LayerText:
    """A crop to the centre of a map `x`, which may cut one more off the end of an axis."""
    pairs = [*zip(cut[::2], cut[1::2], strict=True)]
    if any(b - a not in (0, 1) for a, b in pairs):
        raise LayerError(
            "a cropping that leaves another part than the centre",
            "archdsl has `crop 24x24`, the centre of a map: write the same number for both sides",
        )
    size = tuple(n - a - b for n, (a, b) in zip(x[1:], pairs, strict=True))
    if any(n < 1 for n in size):
        raise Misfit("a cropping that leaves nothing", "write smaller numbers")
    place = layer.start, layer.end
    return layer._replace(given={**layer.given, "size": ValueText(size, *place)})


def _fit_pool(
    given: dict[str, ValueText],
    pads: Sequence[int],
    stride: Sequence[int],
    place: tuple[int, int],
    kind: type[Layer],
) -> None:
    """A pool whose last window may extend past the border, as Keras's `same` has it."""
    if any(n % 2 and s == 1 for n, s in zip(pads, stride, strict=True)):
        raise LayerError(
            "`padding='same'` of an even window at stride 1",
            "torch has no such pool: write an odd window, or `padding='valid'`",
        )
    if any(n % 2 for n in pads) and any(n and not n % 2 for n in pads):
        raise LayerError(
            "`padding='same'` that differs between the axes",
            "write `ZeroPadding2D(((0, 1), (0, 1)))` before the pool, and `padding='valid'`",
        )
    if any(n % 2 for n in pads):
        given["ceil"] = ValueText(True, *place)
    if "counted" in kind.attributes:
        given["counted"] = ValueText(False, *place)


def _axes(given: Mapping[str, ValueText], name: str, rank: int) -> tuple[Any, ...]:
    """The values of an attribute on each axis of a map."""
    value = given[name].value if name in given else 1
    values = value if isinstance(value, tuple) else (value,)
    return values if len(values) == rank else values[:1] * rank
