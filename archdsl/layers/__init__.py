"""Every layer kind, one class each. Importing the package registers them all."""

from archdsl.layers import (  # noqa: F401
    activation,
    adaptive,
    arithmetic,
    conv,
    crop,
    dropout,
    fixed_filters,
    fully_connected,
    groupnorm,
    input,
    join,
    maxout,
    norm,
    pool,
    rbf,
    resize,
    shrink,
    shuffle,
    slice,
    subsampling,
    upconv,
    zero_pad,
)
from archdsl.layers.activation import Activation, Softmax
from archdsl.layers.base import (
    REGISTRY,
    Call,
    Kept,
    Layer,
    LayerError,
    Misfit,
    Reads,
    Shape,
    Value,
    Window,
)
from archdsl.layers.conv import Conv
from archdsl.layers.fully_connected import Flatten, FullyConnected
from archdsl.layers.input import Input
from archdsl.layers.join import JOINS, Add, Concat, Join, Multiply
from archdsl.layers.norm import BatchNorm

__all__ = [
    "JOINS",
    "REGISTRY",
    "Activation",
    "Add",
    "BatchNorm",
    "Call",
    "Concat",
    "Conv",
    "Flatten",
    "FullyConnected",
    "Input",
    "Join",
    "Kept",
    "Layer",
    "LayerError",
    "Misfit",
    "Multiply",
    "Reads",
    "Shape",
    "Softmax",
    "Value",
    "Window",
]
