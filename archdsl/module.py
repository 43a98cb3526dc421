"""Graph to nn.Module: a tree of modules by scope, so that names in the text are names in torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from archdsl.graph import Graph, Node, Tree
from archdsl.layers import Call

if TYPE_CHECKING:
    from archdsl.network import Network


def build(network: Network, device: Any = None, dtype: torch.dtype | None = None) -> nn.Module:
    """The module of a network, freshly initialised by torch's defaults; it returns logits.

    The children are the lines of the spec: `net.conv1`, `net.fc3`; state-dict keys are scopes,
    `conv1.0.conv.weight`. Input (N, C, H, W), output (N, classes) or (N, C, H, W).
    """
    graph = network.graph
    with torch.device(device) if device is not None else torch.device(torch.get_default_device()):
        module = _module(graph, graph.tree())
    return module if dtype is None else module.to(dtype)


def _module(graph: Graph, branch: Tree | Node) -> nn.Module:
    if isinstance(branch, Node):
        return construct(branch.op.call(graph.input_shape(branch)))
    children: Mapping[str, nn.Module] = {n: _module(graph, inner) for n, inner in branch.items()}
    return nn.Sequential(OrderedDict(children))


def construct(call: Call) -> nn.Module:
    """The torch module of a call."""
    module: nn.Module = getattr(nn, call.name)(*call.args, **dict(call.options))
    return module
