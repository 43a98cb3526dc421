"""Every layer kind, one class each. Importing the package registers them all.

A kind is registered because its module is in this folder; no other list names it.
"""

import os
from importlib import import_module

from archdsl.layers.activation import Activation, Softmax
from archdsl.layers.base import REGISTRY, Layer
from archdsl.layers.conv import Conv
from archdsl.layers.fully_connected import Flatten, FullyConnected
from archdsl.layers.input import Input
from archdsl.layers.join import JOINS, Add, Concat, Join, Multiply
from archdsl.layers.norm import BatchNorm
from archdsl.layers.slice import Slice
from archdsl.layers.terms import Call, Kept, LayerError, Misfit, Reads, Shape, Value, Window

# REGISTRY, and so `archdsl layers`, lists these modules first; the others follow by name.
_FIRST = ("input", "conv", "upconv", "pool", "fully_connected", "join")
_MODULES = sorted(file[:-3] for file in os.listdir(__path__[0]) if file.endswith(".py"))

for _module in _MODULES:
    if _module.isidentifier() and _module != "__init__":
        import_module(f"{__name__}.{_module}")
REGISTRY.sort(key=lambda kind: (*_FIRST, *_MODULES).index(kind.__module__.rpartition(".")[2]))

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
    "Slice",
    "Softmax",
    "Value",
    "Window",
]
