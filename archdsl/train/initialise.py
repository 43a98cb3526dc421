"""Initialises a module as a recipe says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from archdsl.errors import ArchError, did_you_mean
from archdsl.layers.norm import Normalisation
from archdsl.network import Network
from archdsl.pytorch import weights
from archdsl.train.initialisation import Bias, FromRun, Initialisation, OfWeights, ZeroLastNorm

MOST_PAIRS = 1_000_000  # of layers that are compared to find those which fit
SAME_NAME = 1e-3  # how much more a pair counts; less than 1 / the number of layers that fit


@torch.no_grad()
def initialise(
    network: Network, module: nn.Module, settings: Sequence[Initialisation]
) -> Iterator[str]:
    """Change the parameters of a module in the order of the settings.

    Yields what the user should know. Raises ArchError if a setting names no layer, or a file cannot
    be read.
    """
    for setting in settings:
        layers = dict(_selected(network, module, setting))
        match setting:
            case OfWeights():
                for layer in layers.values():
                    setting.fill(layer.weight)  # type: ignore[arg-type]
            case Bias():
                for layer in layers.values():
                    if isinstance(layer.bias, Tensor):
                        nn.init.constant_(layer.bias, setting.value)
            case ZeroLastNorm():
                for name in _last_norms(network):
                    nn.init.zeros_(module.get_parameter(f"{name}.weight"))
            case FromRun():
                yield from _from_run(module, setting, layers)


def _selected(
    network: Network, module: nn.Module, setting: Initialisation
) -> Iterator[tuple[str, nn.Module]]:
    """The layers that a setting is about, by name: of FromRun and ZeroLastNorm all with parameters,
    of the others those with weights."""
    named = dict(_layers(module, any_parameters=isinstance(setting, FromRun)))
    if not setting.layers:
        yield from named.items()
        return
    kinds = {node.name: node.op.kind for node in network.graph.nodes}
    for wanted in setting.layers:
        found = [
            name
            for name in named
            if f"{name}.".lower().startswith(f"{wanted}.".lower())
            or kinds.get(name) == wanted.lower()
        ]
        if not found:
            near = did_you_mean(wanted, [name for full in named for name in (full.split(".")[0],)])
            raise ArchError(
                f"the network {network.name} has no layer `{wanted}` to initialise",
                help=near or f"its layers: {', '.join(list(named)[:8])}",
            )
        yield from ((name, named[name]) for name in found)


def _layers(module: nn.Module, any_parameters: bool) -> Iterator[tuple[str, nn.Module]]:
    for name, layer in module.named_modules():
        own = dict(layer.named_parameters(recurse=False))
        if any_parameters:
            if own:
                yield name, layer
        elif "weight" in own and own["weight"].ndim > 1:
            yield name, layer


def _last_norms(network: Network) -> Iterator[str]:
    """The names of norms whose output is added, in each sum the one after most layers."""
    nodes = network.graph.nodes
    depth: list[int] = []
    for node in nodes:
        depth.append(1 + max((depth[i] for i in node.inputs), default=0))
    for node in nodes:
        if node.op.kind != "add":
            continue
        last = max(node.inputs, key=depth.__getitem__)
        if isinstance(nodes[last].op, Normalisation):
            yield nodes[last].name


Shapes = tuple[tuple[str, torch.Size], ...]


def _from_run(
    module: nn.Module, setting: FromRun, layers: Mapping[str, nn.Module]
) -> Iterator[str]:
    """Copy what fits; yields which layers keep their own."""
    path = weights.checkpoint_of(setting.path)
    state = weights.state_of(weights.read(path))
    if not isinstance(state, Mapping) or not all(
        isinstance(tensor, Tensor) and weights.is_plain(tensor) for tensor in state.values()
    ):
        raise ArchError(
            f"{path} does not hold weights",
            help="name a run's folder, or a state dict that torch saved",
        )
    saved = _by_layer({str(key): tensor for key, tensor in state.items()})
    own = _by_layer({k: v for k, v in module.state_dict().items() if _layer(k) in layers})
    pairs = _pairs(
        [(name, _shapes(state)) for name, state in saved.items()],
        [(name, _shapes(state)) for name, state in own.items()],
    )
    for theirs, mine in pairs:
        for key, tensor in own[mine].items():
            tensor.copy_(saved[theirs][key])
    copied = {mine for _, mine in pairs}
    left = [name for name in own if name not in copied]
    yield f"{len(copied)} of {len(own)} layers begin with the weights in {path}"
    if left:
        yield f"initialised anew: {', '.join(left[:20])}" + (" …" if len(left) > 20 else "")


def _layer(key: str) -> str:
    return key.rpartition(".")[0]


def _by_layer(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        found.setdefault(_layer(key), {})[key.rpartition(".")[2]] = tensor
    return found


def _shapes(state: Mapping[str, Tensor]) -> Shapes:
    return tuple((key, tensor.shape) for key, tensor in sorted(state.items()))


def _pairs(
    saved: Sequence[tuple[str, Shapes]], own: Sequence[tuple[str, Shapes]]
) -> list[tuple[str, str]]:
    """The most layers of equal shapes in the same order, those with equal names if possible.

    The longest common subsequence; of very many layers those with equal names alone.
    """
    if len(saved) * len(own) > MOST_PAIRS:
        known = dict(saved)
        return [(name, name) for name, shapes in own if known.get(name) == shapes]
    rows = [[0.0] * (len(own) + 1) for _ in range(len(saved) + 1)]
    for i in reversed(range(len(saved))):
        for j in reversed(range(len(own))):
            best = max(rows[i + 1][j], rows[i][j + 1])
            rows[i][j] = max(best, rows[i + 1][j + 1] + _worth(saved[i], own[j]))
    found, i, j = [], 0, 0
    while i < len(saved) and j < len(own):
        worth = _worth(saved[i], own[j])
        if worth and rows[i][j] == rows[i + 1][j + 1] + worth:
            found.append((saved[i][0], own[j][0]))
            i, j = i + 1, j + 1
        elif rows[i][j] == rows[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _worth(saved: tuple[str, Shapes], own: tuple[str, Shapes]) -> float:
    if saved[1] != own[1]:
        return 0.0
    return 1 + SAME_NAME if saved[0] == own[0] else 1.0
