"""Keras's calls are read as Keras builds them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import archdsl
from archdsl.errors import ArchError

# A listing, and what it spells in words; the input is 28x28x4 unless a text has its own.
SAME = [
    ("Conv2D(8, (3,3))", "conv 3x3 8 valid"),
    ("Conv2D(8, 3)", "conv 3x3 8 valid"),
    ("conv means conv-bn-relu; Conv2D(8, 3); FC-2", "conv 3x3 8 valid; FC-2"),
    ("Conv2D(8, 5, strides=2)", "conv 5x5 8 stride 2 valid"),
    ("Conv2D(8, (3, 3), (2, 2), 'same')", "zero padding right 1 bottom 1 -> conv 3x3/2 8 valid"),
    ("Conv2D(8, 3, strides=(2, 2), padding='same', activation='relu')",
     "zero padding right 1 bottom 1 -> conv 3x3/2 8 valid -> relu"),
    ("input 27x27x4; Conv2D(8, 3, strides=2, padding='same')",
     "input 27x27x4; conv 3x3/2 8 pad 1"),
    ("Conv2D(8, 2, padding='same')", "zero padding right 1 bottom 1 -> conv 2x2 8 valid"),
    ("Conv2D(8, (1, 7), padding='same')", "conv 1x7 8 pad 0x3"),
    ("Conv2D(64, kernel_size=(3,3), padding='same', activation='relu')",
     "conv 3x3 64 -> relu"),
    ('Conv2D(64, kernel_size=(3,3), padding="same", activation="swish", name="c")',
     "conv 3x3 64 -> silu"),
    ("Conv2D(filters=8, kernel_size=[3, 3], dilation_rate=2, use_bias=False)",
     "conv 3x3 8 valid dilation 2 no bias"),
    ("Conv2D(8, 3, groups=2)", "conv 3x3 8 valid groups 2"),
    ("Conv2D(8, 3, kernel_initializer='he_normal', kernel_regularizer=keras.regularizers.l2(0.1))",
     "conv 3x3 8 valid"),
    ("Conv2D(8, 3x3)", "conv 3x3 8 valid"),
    ("let k = 4; Conv2D(2*k, 3)", "conv 3x3 8 valid"),
    ("tf.keras.layers.Conv2D(8, 3, activation=tf.nn.relu)", "conv 3x3 8 valid -> relu"),
    ("keras.layers.Conv2D(8, 3); layers.Flatten(); layers.Dense(3)", "conv 3x3 8 valid; FC-3"),
    ("model.add(Conv2D(8, 3)); ", "conv 3x3 8 valid"),
    ("c: Conv2D(4, 3, padding='same') x 2", "conv 3x3 4; conv 3x3 4"),
    ("Conv2D(8, 3), ReLU(), MaxPooling2D()", "conv 3x3 8 valid; relu; maxpool 2x2"),
    ("input 40x4; Conv1D(8, 3)", "input 40x4; conv kernel 3 width 8 valid"),
    ("input 6x9x8x4; Conv3D(8, 3)", "input 6x9x8x4; conv 3x3x3 8 valid"),
    # Pools.
    ("MaxPool2D((2))", "maxpool 2x2"),
    ("MaxPooling2D()", "maxpool 2x2"),
    ("MaxPooling2D(3, strides=1)", "maxpool 3x3 stride 1 valid"),
    ("MaxPooling2D((3, 3), strides=(2, 2), padding='same')", "maxpool 3x3/2 ceil"),
    ("input 27x27x4; MaxPooling2D(3, strides=2, padding='same')",
     "input 27x27x4; maxpool 3x3/2 pad 1"),
    ("AveragePooling2D(pool_size=(4, 4))", "avgpool 4x4"),
    ("AveragePooling2D(3, 2, 'same')", "avgpool 3x3/2 ceil"),
    ("AveragePooling2D(3, 1, padding='same')", "avgpool 3x3/1 exclude padding"),
    ("GlobalAveragePooling2D()", "global average pool; flatten"),
    ("GlobalMaxPooling2D(keepdims=True)", "global max pool"),
    ("conv3-8; GlobalAveragePooling2D(); Dense(3)", "conv3-8; gap; flatten; FC-3"),
    # Weight layers.
    ("fc means fc-relu; Flatten(); Dense(10, activation='softmax')", "FC-10; softmax"),
    ("Flatten(); Dense(units=10, use_bias=False)", "FC-10 no bias"),
    ("gap; Dense(10)", "gap; FC-10"),
    ("DepthwiseConv2D(3)", "dw conv 3x3 valid"),
    ("DepthwiseConv2D((3, 3), padding='same', depth_multiplier=2, use_bias=False)",
     "dw conv 3x3 8 no bias"),
    ("SeparableConv2D(8, 3, activation='relu')", "dw conv 3x3 valid no bias -> conv1-8 -> relu"),
    ("SeparableConv2D(8, 3, padding='same', use_bias=False)",
     "dw conv 3x3 no bias -> conv1-8 no bias"),
    ("Conv2DTranspose(8, 2, strides=2)", "up-conv 2x2 8"),
    ("Conv2DTranspose(8, 4, strides=2, padding='same')", "deconv 4x4 8 stride 2 pad 1"),
    ("Conv2DTranspose(8, 3, strides=2, padding='same')",
     "deconv 3x3 8 stride 2 -> crop 56x56"),
    ("Conv2DTranspose(8, 3, padding='same')", "deconv 3x3 8 pad 1"),
    # Others.
    ("BatchNormalization()", "bn eps 0.001 momentum 0.01"),
    ("BatchNormalization(momentum=0.9, epsilon=1e-5)", "bn eps 0.00001 momentum 0.1"),
    ("BatchNormalization(center=False, scale=False)", "bn no affine eps 0.001 momentum 0.01"),
    ("LayerNormalization(epsilon=1e-6)", "layer norm eps 0.000001"),
    ("LeakyReLU()", "leaky relu 0.3"),
    ("LeakyReLU(alpha=0.1)", "leaky relu 0.1"),
    ("LeakyReLU(0.2)", "leaky relu 0.2"),
    ("LeakyReLU(negative_slope=0.01)", "leaky relu 0.01"),
    ("ReLU(max_value=6.0)", "relu6"),
    ("ReLU(6.)", "relu6"),
    ("Activation('tanh')", "tanh"),
    ("Activation(tf.nn.elu)", "elu"),
    ("Activation('leaky_relu')", "leaky relu 0.2"),
    ("ELU(0.5)", "elu 0.5"),
    ("Dropout(rate=0.3)", "dropout 0.3"),
    ("SpatialDropout2D(0.3)", "spatial dropout 0.3"),
    ("UpSampling2D()", "upsample 2"),
    ("UpSampling2D(size=(2, 2), interpolation='bilinear')", "upsample 2 bilinear"),
    ("ZeroPadding2D()", "zero padding 1"),
    ("ZeroPadding2D((1, 2))", "zero padding 1x2"),
    ("ZeroPadding2D(padding=((0, 1), (2, 3)))", "zero padding top 0 bottom 1 left 2 right 3"),
    ("PReLU(shared_axes=[1, 2])", "channel-wise prelu(0)"),
    ("PReLU(alpha_initializer='zeros', shared_axes=(1, 2))", "channel-wise prelu(0)"),
    ("input 40x4; PReLU(shared_axes=[1])", "input 40x4; channel-wise prelu(0)"),
    ("gap; PReLU()", "gap; channel-wise prelu(0)"),
    ("Flatten(); Dense(3); PReLU()", "FC-3; channel-wise prelu(0)"),
    ("model.add(keras.layers.PReLU(shared_axes=[1, 2]))", "channel-wise prelu(0)"),
    ("GroupNormalization(2)", "group norm 2 eps 0.001"),
    ("GroupNormalization(groups=4, epsilon=1e-5)", "group norm 4"),
    ("GroupNormalization(1, -1, 1e-6, center=False, scale=False)", "gn 1 eps 0.000001 no affine"),
    ("Cropping2D(2)", "crop 24x24"),
    ("Cropping2D()", "crop 28x28"),
    ("Cropping2D((1, 3))", "crop 26x22"),
    ("Cropping2D(cropping=((1, 1), (2, 3)))", "crop 26x23"),
    ("input 40x4; Cropping1D()", "input 40x4; crop 38"),
    ("input 40x4; Cropping1D((2, 3))", "input 40x4; crop 35"),
    ("input 6x9x8x4; Cropping3D(1)", "input 6x9x8x4; crop 4x7x6"),
    # Models.
    ("""input 28x28x4
model = Sequential()
model.add(Conv2D(8, kernel_size=(3, 3),
                 activation='relu',
                 input_shape=(28, 28, 4)))
model.add(Flatten())
model.add(Dense(3))
model.add(Activation('softmax'))""", "conv 3x3 8 valid -> relu; FC-3; softmax"),
    ("""model = keras.Sequential([
    keras.Input(shape=(28, 28, 4)),   # an image
    layers.Conv2D(8, 3, strides=2,
                  padding="valid"), layers.ReLU(),
    layers.Dropout(0.5),
])""", "conv 3x3/2 8 valid; relu; dropout 0.5"),
    ("""model = tf.keras.models.Sequential()
model.add(tf.keras.layers.InputLayer(input_shape=(28, 28, 4)))
model.add(tf.keras.layers.Conv2D(8, 3))""", "conv 3x3 8 valid"),
    ("add { identity; keras.Sequential([Conv2D(4, 3, padding='same'), ReLU()]) }",
     "add { identity; [ conv3-4; relu ] }"),
    ("block unit(c) { Conv2D(c, 3, padding='same'); BatchNormalization() }; unit(4)",
     "conv3-4; bn eps 0.001 momentum 0.01"),
    # Spellings in words stay.
    ("conv2d 3x3 8", "conv3-8"),
    ("Conv2D 3x3, 8", "conv3-8"),
    ("3x3 Conv2D (8)", "conv3-8"),
    ("MaxPool2D 3x3/2", "maxpool 3x3/2"),
    ("dropout(0.3)", "dropout 0.3"),
    ("dense(10)", "FC-10"),
    ("nn.Conv2d(4, 8, 3)", "conv 3x3 8 valid"),
    ("block Dense2D(c) { conv3-(c) }; Dense2D(4)", "conv3-4"),
]  # fmt: skip


def load(text: str) -> archdsl.Network:
    text = text.replace("; ", "\n")
    if "block" in text:
        block, _, rest = text.replace("\n", "; ").partition("}; ")
        return archdsl.loads(f"{block}}}\nnetwork n\ninput 28x28x4\n{rest}")
    has_input = text.startswith("input") or "Input" in text
    return archdsl.loads(text if has_input else f"input 28x28x4\n{text}")


@pytest.mark.parametrize(("listing", "plain"), SAME, ids=[one for one, _ in SAME])
def test_a_listing_is_what_keras_builds(listing: str, plain: str):
    found = load(listing).diff(load(plain))
    assert found.same, found


@pytest.mark.parametrize(
    ("listing", "message", "help"),
    [
        ("Conv2D(3x3, 64)", "filters", "Keras's signature"),
        ("Conv2D(64)", "has no kernel_size", "Keras's signature is `Conv2D(filters, kernel_size"),
        ("Conv2D(64, 3, stride=2)", "does not take `stride`", "did you mean `strides`?"),
        ("Conv2D(64, 3, padding='full')", "`padding='full'` has no meaning", "`same`"),
        ("Conv2D(64, 3, activation='foo')", "has no meaning here", "`relu`"),
        ("Conv2D(64, 3, data_format='channels_first')", "channels_first", "height x width"),
        ("Conv2D(64, 3) 5x5", "after a layer of a listing", "the call is the whole layer"),
        ("Conv1D(64, 3)", "`Conv1D` on a map of 2 axes", "`Conv2D`"),
        ("Dense(10)", "`Dense` on a map", "Flatten()"),
        ("Flatten(); Conv2D(8, 3)", "`Conv2D` on a vector", "Flatten"),
        ("Conv2D(8, 3, input_shape=(32, 32, 3))", "another input_shape", "28x28x4"),
        ("Cropping2D(((2, 1), (0, 0)))", "another part than the centre", "both sides"),
        ("Cropping2D(14)", "leaves nothing", "smaller"),
        ("Cropping2D('all')", "", ""),
        ("PReLU()", "`PReLU` with a slope for each position", "PReLU(shared_axes=[1, 2])"),
        ("PReLU(shared_axes=[1])", "with a slope for each position", "PReLU(shared_axes=[1, 2])"),
        ("PReLU(shared_axes=[2, 3])", "axes other than all", "shared_axes=[1, 2]"),
        ("input 40x4; PReLU()", "a slope for each position", "PReLU(shared_axes=[1])"),
        ("GroupNormalization(3)", "4 channels cannot be divided", ""),
        ("Permute((2, 1, 3))", "no layer for Keras's `Permute`", "reorder the axes"),
        ("RepeatVector(3)", "no layer for Keras's `RepeatVector`", "repeat"),
        ("Rescaling(1./255)", "no layer for Keras's `Rescaling`", "remove it: it prepares"),
        ("layers.RandomFlip('horizontal')", "no layer for Keras's `RandomFlip`", "remove it"),
        ("GRU(32)", "no layer for Keras's `GRU`", "recurrent"),
        ("MultiHeadAttention(2, 3)", "no layer for Keras's", "attention"),
        ("Average()", "no layer for Keras's `Average`", "`concat`"),
        ("LeakyReLU(slope=0.1)", "does not take `slope`", ""),
        ("LocallyConnected2D(8, 3)", "no layer for Keras's", ""),
        ("Reshape((7, 7, 16))", "no layer for Keras's `Reshape`", "cannot reshape"),
        ("Multiply()", "without its branches", ""),
        ("Concatenate(axis=1)", "no layer for Keras's `Concatenate`", "concat {"),
        ("BatchNormalization(scale=False)", "a shift alone", "center=False"),
        ("ReLU(max_value=4)", "a `max_value` other than 6", ""),
        ("MaxPooling2D(2, strides=1, padding='same')", "even window", "odd window"),
        ("ZeroPadding2D((1, 2, 3))", "", ""),
        ("conv means Conv2D(8, 3)", "call in a convention", "in words"),
    ],
)  # fmt: skip
def test_what_keras_would_refuse_is_an_error(listing: str, message: str, help: str):
    with pytest.raises(ArchError) as caught:
        load(listing)
    assert message in caught.value.message
    assert help in (caught.value.help or "")


def _same(n: int, k: int, s: int, d: int = 1) -> tuple[int, int]:
    """The padding of TensorFlow's `same` on an axis: what is odd goes to the end."""
    total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
    return total // 2, total - total // 2


@pytest.mark.parametrize("n", [9, 10, 12])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("s", [1, 2, 3])
def test_same_padding_has_the_outputs_of_tensorflow(n: int, k: int, s: int):
    torch.manual_seed(0)
    x = torch.randn(2, 3, n, n)
    pad = (*_same(n, k, s),) * 2
    module = _module(f"input {n}x{n}x3\nConv2D(4, {k}, strides={s}, padding='same')")
    conv = _only(module, nn.Conv2d)
    expected = F.conv2d(F.pad(x, pad), conv.weight, conv.bias, stride=s)
    torch.testing.assert_close(module(x), expected)
    if k % 2 or s > 1 or k == 1:
        module = _module(f"input {n}x{n}x3\nMaxPooling2D({k}, {s}, 'same')")
        expected = F.max_pool2d(F.pad(x, pad, value=-torch.inf), k, s)
        torch.testing.assert_close(module(x), expected)
        module = _module(f"input {n}x{n}x3\nAveragePooling2D({k}, {s}, 'same')")
        ones = F.avg_pool2d(F.pad(torch.ones_like(x), pad), k, s)
        torch.testing.assert_close(module(x), F.avg_pool2d(F.pad(x, pad), k, s) / ones)
    module = _module(f"input {n}x{n}x3\nConv2DTranspose(4, {k}, strides={s}, padding='same')")
    conv = _only(module, nn.ConvTranspose2d)
    # It is the gradient of the convolution that would give its input.
    large = torch.zeros(2, 4, n * s, n * s, requires_grad=True)
    pad = (*_same(n * s, k, s),) * 2
    F.conv2d(F.pad(large, pad), conv.weight, stride=s).backward(x)
    expected = large.grad + conv.bias[:, None, None]
    torch.testing.assert_close(module(x), expected)


def _module(text: str) -> nn.Module:
    return archdsl.loads(text).module()


def _only(module: nn.Module, kind: type) -> nn.Module:
    (found,) = [one for one in module.modules() if isinstance(one, kind)]
    return found


# A functional model, and the lines that it is.
MODELS = {
    "a model in lines": ("""input 28x28x1
Conv2D(32, (3,3))
MaxPool2D((2))
Conv2D(64, kernel_size=(3,3))
Flatten()
Dense(10)
expect params 96,266
""", "input 28x28x1; conv 3x3 32 valid; maxpool 2x2; conv 3x3 64 valid; FC-10"),
    "a chain": ("""
inputs = keras.Input(shape=(28, 28, 1))
x = layers.Conv2D(8, 3, activation="relu")(inputs)
x = layers.MaxPooling2D(2)(x)
x = layers.Flatten()(x)
outputs = layers.Dense(10, activation="softmax")(x)
model = keras.Model(inputs=inputs, outputs=outputs)
""", "input 28x28x1; conv 3x3 8 valid -> relu; maxpool 2x2; FC-10; softmax"),
    "names of each step": ("""
img = Input((16, 16, 3), name='img')
c1 = Conv2D(4, 3, padding='same')(img)  # the first
b1 = BatchNormalization()(c1, training=False)

a1 = Activation('relu')(b1)
m = Model(img, a1)
""", "input 16x16x3; conv3-4; bn eps 0.001 momentum 0.01; relu"),
    "a residual": ("""
inputs = keras.Input(shape=(16, 16, 3))
x = layers.Conv2D(8, 3, padding="same")(inputs)
shortcut = x
x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
x = layers.Conv2D(8, 3, padding="same")(x)
x = layers.add([x, shortcut])
x = layers.ReLU()(x)
model = keras.Model(inputs, x)
""", "input 16x16x3; a: conv3-8; conv3-8 -> relu; conv3-8; add a; relu"),
    "two residuals of one variable": ("""
inputs = keras.Input(shape=(16, 16, 3))
x = Conv2D(8, 3, padding="same")(inputs)
y = Conv2D(8, 3, padding="same")(x)
x = Add()([x, y])
y = Conv2D(8, 3, padding="same")(x)
y = Conv2D(8, 1)(y)
x = Add(name="second")([y, x])
model = keras.Model(inputs, x)
""", "input 16x16x3; a: conv3-8; conv3-8; b: add { a; identity }; conv3-8; conv1-8; add b"),
    "a projection": ("""
inputs = keras.Input(shape=(16, 16, 8))
x = Conv2D(16, 3, strides=1, padding="same")(inputs)
x = Conv2D(16, 3, padding="same")(x)
s = Conv2D(16, 1)(inputs)
x = layers.Add()([x, s])
model = keras.Model(inputs, x)
""", "a: input 16x16x8; conv3-16; b: conv3-16; a -> conv1-16; add { b; identity }"),
    "the order of a concatenation": ("""
inputs = keras.Input(shape=(16, 16, 8))
a = Conv2D(4, 1)(inputs)
b = Conv2D(5, 1)(inputs)
c = Conv2D(6, 1)(inputs)
x = layers.Concatenate(axis=-1)([c, a, b])
y = layers.concatenate([a, x], axis=3, name="y")
model = keras.Model(inputs, y)
""", "i: input 16x16x8; a: conv1-4; b: i -> conv1-5; i -> conv1-6; concat { identity; a; b }; "
     "concat { a; identity }"),
    "a gate": ("""
inputs = keras.Input(shape=(16, 16, 8))
x = Conv2D(8, 3, padding="same")(inputs)
s = GlobalAveragePooling2D(keepdims=True)(x)
s = Conv2D(2, 1, activation="relu")(s)
s = Conv2D(8, 1, activation="sigmoid")(s)
x = Multiply()([x, s])
model = keras.Model(inputs, x)
""", "input 16x16x8; a: conv3-8; gap; conv1-2 -> relu; conv1-8 -> sigmoid; "
     "multiply { a; identity }"),
    "a U": ("""
inputs = Input(shape=(16, 16, 3))
c1 = Conv2D(4, (3, 3), activation='relu', padding='same')(inputs)
c1 = Dropout(0.1)(c1)
p1 = MaxPooling2D((2, 2))(c1)
c2 = Conv2D(
    8, (3, 3),
    activation='relu',   # inside
    padding='same',
)(p1)
u3 = Conv2DTranspose(4, (2, 2), strides=(2, 2), padding='same')(c2)
u3 = concatenate([u3, c1])
c3 = Conv2D(4, (3, 3), padding='same')(u3)
outputs = Conv2D(1, (1, 1), activation='sigmoid')(c3)
model = Model(inputs=[inputs], outputs=[outputs])
""", "input 16x16x3; conv3-4 -> relu; c: dropout 0.1; maxpool 2x2; conv3-8 -> relu; "
     "up-conv 2x2 4; concat { identity; c }; conv3-4; conv1-1; sigmoid"),
    "two outputs": ("""
inputs = Input(shape=(16, 16, 3))
x = Conv2D(4, 3, padding='same')(inputs)
y = Conv2D(5, 3, padding='same')(x)
model = Model(inputs, [x, y])
""", "input 16x16x3; a: conv3-4; b: conv3-5; output a, b"),
    "an output that is not the last": ("""
inputs = Input(shape=(16, 16, 3))
x = Conv2D(4, 3, padding='same')(inputs)
y = Conv2D(5, 3, padding='same')(x)
z = Add()([x, x])
model = Model(inputs, [z, y])
""", "input 16x16x3; a: conv3-4; b: conv3-5; c: add { a; a }; output c, b"),
    "three in a sum": ("""
inputs = Input(shape=(16, 16, 4))
x = Conv2D(4, 3, padding='same')(inputs)
y = Conv2D(4, 1)(x)
z = Add()([inputs, x, y])
model = Model(inputs, z)
""", "i: input 16x16x4; a: conv3-4; conv1-4; add i, a"),
    "a vector": ("""
inputs = keras.Input(shape=(784,), name="digits")
x = layers.Dense(64, activation="relu", name="dense_1")(inputs)
skip_1 = x
x = layers.Dense(64, activation="relu", name="dense_2")(x)
x = layers.Concatenate()([skip_1, x])
outputs = layers.Dense(10, name="predictions")(x)
""", "input 784; a: FC-64 -> relu; FC-64 -> relu; concat { a; identity }; FC-10"),
    "claims below it": ("""
inputs = Input(shape=(16, 16, 3))
x = Conv2D(4, 3, padding='same')(inputs)
model = Model(inputs, x)
expect params 112
""", "input 16x16x3; conv3-4"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_functional_model_is_what_keras_builds(name: str):
    model, lines = MODELS[name]
    found = archdsl.loads(model)
    assert found.diff(archdsl.loads(lines)).same
    assert all(claim.verdict == "holds" for claim in found.verify())


@pytest.mark.parametrize(
    "line",
    [
        "x = my_block(x, 16)",
        "x = x + inputs",
        "x += inputs",
        "for width in [8, 16]:",
        "x = layers.Conv2D(8, 3)(unknown)",
        "x = layers.Average()([x, inputs])",
        "x = layers.concatenate([x, inputs], axis=1)",
        "x = layers.concatenate([x, unknown])",
        "x = BatchNormalization()(Conv2D(8, 3)(x))",
        "x = MyLayer(3)(x)",
        "x = bottleneck(3)(x)",
        "dense = layers.Dense(8)",
        "x = unknown",
        "other = keras.Input(shape=(8, 8, 3))",
        "x = keras.Sequential([Conv2D(8, 3)])(x)",
        "y = layers.Conv2D(8, 3)(x)\nz = layers.Conv2D(8, 3)(x)",
        "x = layers.Reshape((4, 128))(x)",
        "x = layers.Lambda(lambda y: y)(x)",
    ],
)
def test_what_a_functional_model_cannot_be_read_with_is_an_error(line: str):
    text = f"""
inputs = keras.Input(shape=(16, 16, 8))
x = layers.Conv2D(8, 3, padding="same")(inputs)
{line}
x = layers.Conv2D(8, 3, padding="same")(x)
model = keras.Model(inputs, x)
"""
    with pytest.raises(ArchError):
        archdsl.loads(text)


def test_places_of_errors_in_a_functional_model():
    text = """inputs = keras.Input(shape=(16, 16, 8))
x = layers.Conv2D(8, 3, padding="same")(inputs)
x = layers.Conv2D(8, 3, stride=2)(x)
x = layers.add([x, inputs])
model = keras.Model(inputs, x)
"""
    with pytest.raises(ArchError) as caught:
        archdsl.loads(text)
    assert "does not take `stride`" in caught.value.message
    span = caught.value.span
    assert span is not None and text[span.start : span.end].startswith("stride")


@pytest.mark.parametrize("name", MODELS)
def test_a_functional_model_stays_as_it_is_when_formatted(name: str, archdsl_cli, tmp_path):
    path = tmp_path / "model.arch"
    path.write_text(MODELS[name][0].lstrip(), "utf-8")
    before = archdsl.load(path)
    assert archdsl_cli("fmt", str(path))[0] == 0
    assert archdsl.load(path).diff(before).same
