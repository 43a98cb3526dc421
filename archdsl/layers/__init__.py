"""Every layer kind, one class each. Importing the package registers them all."""

from archdsl.layers import activation, connected, conv, input, norm, pool  # noqa: F401
from archdsl.layers.activation import Softmax
from archdsl.layers.base import (
    REGISTRY,
    Call,
    Kept,
    Layer,
    LayerError,
    Misfit,
    Shape,
    Value,
    Window,
)
from archdsl.layers.connected import Flatten, FullyConnected
from archdsl.layers.conv import Conv
from archdsl.layers.input import Input
from archdsl.layers.norm import BatchNorm

__all__ = [
    "REGISTRY",
    "BatchNorm",
    "Call",
    "Conv",
    "Flatten",
    "FullyConnected",
    "Input",
    "Kept",
    "Layer",
    "LayerError",
    "Misfit",
    "Shape",
    "Softmax",
    "Value",
    "Window",
]
