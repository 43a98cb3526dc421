"""A text of another program, and a word of another vocabulary, are named in the error."""

from __future__ import annotations

import pytest

import archdsl

PASTED = {
    "what PyTorch prints": [
        "Sequential(\n  (0): Conv2d(3, 64, kernel_size=(3, 3))\n  (1): ReLU(inplace=True)\n)",
        "Net(\n  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))\n)",
        "ResNet(\n  (layer1): Sequential(\n    (0): BasicBlock(\n    )\n  )\n)",
    ],
    "a print-out of a model's summary": [
        'Model: "sequential"\n______________\n Layer (type)      Output Shape      Param #\n'
        "==============\n conv2d (Conv2D)   (None, 26, 26, 32)    320\nTotal params: 320",
        "-----------\n   Layer (type)     Output Shape     Param #\n===========\n"
        "   Conv2d-1   [-1, 64, 224, 224]   1,792\n",
        "=====\nLayer (type:depth-idx)     Output Shape    Param #\n=====\nVGG   [1, 10]   --",
    ],
    "a configuration of Darknet": [
        "[net]\nbatch=64\nwidth=416\n\n[convolutional]\nfilters=32\nsize=3\n",
        "input 32x32x3\n[convolutional]\nfilters=32\nsize=3\nstride=1",
        "[maxpool]\nsize=2\nstride=2",
    ],
    "a prototxt of Caffe": [
        'layer {\n  name: "conv1"\n  type: "Convolution"\n}',
        'name: "AlexNet"\nlayers {\n  type: CONVOLUTION\n}',
        'input 32x32x3\nlayer {\n  bottom: "data"\n}',
    ],
    "this is YAML": [
        "backbone:\n  # [from, number, module, args]\n  - [-1, 1, Conv, [64, 6, 2, 2]]\n",
        "head:\n  - [-1, 3, C3, [128]]",
        "layers:\n  - type: conv\n    filters: 64",
    ],
    "this is a Python program": [
        "class Net(nn.Module):\n    def __init__(self):\n        self.conv1 = nn.Conv2d(1, 6, 5)",
        "input 28x28x1\nConv2D(8, 3)\nmodel.compile(optimizer='adam')",
        "from tensorflow.keras import layers\nlayers.Conv2D(32, 3)",
        "inputs = keras.Input(shape=(28, 28, 1))\nx = conv_block(32, 3)(inputs)",
        "def build(x):\n    return layers.Dense(3)(x)",
    ],
}


@pytest.mark.parametrize(
    ("what", "text"), [(what, text) for what, texts in PASTED.items() for text in texts]
)
def test_a_text_of_another_program_is_named(what: str, text: str):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(text)
    assert what in caught.value.message
    assert not caught.value.others
    assert "layers" in (caught.value.help or "") or "code" in (caught.value.help or "")


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("exp size 16", "an expansion is an argument of a block"),
        ("expansion 6", "an expansion is an argument of a block"),
        ("Classifier", "`FC-1000`"),
        ("classifier 10", "`FC-1000`"),
        ("embedding 64", "out of its scope"),
        ("Embedding", "out of its scope"),
        ("multi-head attention", "out of its scope"),
        ("Multi-Head Self-Attention, 8 heads", "out of its scope"),
        ("transformer encoder", "out of its scope"),
        ("LSTM 128", "out of its scope"),
        ("GRU, 64 units", "out of its scope"),
        ("dropout keep 0.8", "`dropout 0.2` keeps 0.8"),
        ("fc 10, dropout (keep 0.8)", "`dropout 0.2` keeps 0.8"),
        ("SE", "squeeze_excitation"),
        ("conv3-8, SE", "squeeze_excitation"),
        ("d7x7, 64", "`dw conv 7x7`"),
        ("d3x3 64", "`dw conv 3x3`"),
        ("GlobalPool", "`global average pool`"),
        ("GMP", "`global max pool`"),
    ],
)
def test_a_word_of_papers_is_explained(text: str, help: str):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(f"input 56x56x64\n{text}")
    assert help in (caught.value.help or "")


@pytest.mark.parametrize(
    "recipe",
    [
        'train on "shapes" { epochs 3 }',
        'train on "shapes" {\n  epochs 3\n  optimizer adam lr 0.1\n}',
        'train on "my shapes" {\n  epochs 3\n}',
    ],
)
def test_a_data_set_in_quotation_marks_is_one_error(recipe: str):
    with pytest.raises(archdsl.ArchError, match="name of a data set in quotation marks") as caught:
        archdsl.loads(f"input 8x8x3\nFC-2\n{recipe}")
    assert not caught.value.others
    assert "write `train on " in (caught.value.help or "")


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("augment random perspective", "random perspective"),
        ("augment perspective", "perspective"),
        ("augment with elastic deformation 4", "elastic deformation"),
        ("augment color wash 0.1", "color wash"),
    ],
)
def test_an_augmentation_that_is_not_known_is_named_whole(setting: str, shown: str):
    from archdsl.train import recipe_of

    net = archdsl.loads(f"input 8x8x3\nFC-2\ntrain on digits {{ {setting}; epochs 3 }}")
    with pytest.raises(archdsl.ArchError) as caught:
        recipe_of(net)
    assert f"`{shown}`" in caught.value.message
    assert "`random " in (caught.value.help or "") or "`color jitter`" in (caught.value.help or "")


@pytest.mark.parametrize(
    ("text", "message", "help", "is_not"),
    [
        ("input 56x56x64\n\n| type | output size |\n|---|---|\n| poool, 2x2 | 28x28 |\n",
         "unknown layer `poool`", "", "below the table"),
        ("block u(c, s) { conv3-(c) stride (s) }\nnetwork n\ninput 56x56x64\nu(8)",
         "`s` of the block `u` has no value", "`s=1`", "$"),
        ("block u(c, stride) { conv3-(c) stride (stride) }\nnetwork n\ninput 56x56x64\nu(8)",
         "`stride` of the block `u` has no value", "`stride=1`", "$"),
        ("input 56x56x24\n\n| Operator | #Channels |\n|---|---|\n| MBConv4, k3x3, 0.25 | 64 |\n",
         "is `64` the stride of the block?", "", "`(`"),
        ("block u(c, s) { conv3-(c) stride (s) }\nnetwork n\ninput 56x56x64\nu 8, (2*1)",
         "is `(2*1)` the stride of the block?", "", "`(`"),
    ],
)  # fmt: skip
def test_help_works_where_it_is_followed(text: str, message: str, help: str, is_not: str):
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads(text)
    assert message in caught.value.message
    assert help in (caught.value.help or "")
    assert is_not not in f"{caught.value.message} {caught.value.help}"
