"""Each optimizer of a recipe: ten steps against the update written out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archdsl
from archdsl.train import Recipe
from archdsl.train.clipping import ClipNorm
from archdsl.train.optimizers import (
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AlexNetSgd,
    Muon,
    Optimizer,
    RmsProp,
    Sgd,
)
from archdsl.train.parameters import groups_of
from archdsl.train.updates import MuonAndAdamW

LR, DECAY = 0.05, 0.02
State = dict[str, Tensor]
Update = Callable[[Tensor, Tensor, State, int], Tensor]


def remembered(state: State, name: str, like: Tensor, first: float = 0.0) -> Tensor:
    return state.setdefault(name, torch.full_like(like, first))


def sgd(momentum: float, nesterov: bool = False) -> Update:
    def update(w: Tensor, g: Tensor, state: State, t: int) -> Tensor:
        g = g + DECAY * w
        if momentum:
            v = state["v"] = momentum * remembered(state, "v", w) + g
            g = g + momentum * v if nesterov else v
        return w - LR * g

    return update


def alexnet(w: Tensor, g: Tensor, state: State, t: int) -> Tensor:
    v = 0.9 * remembered(state, "v", w) - DECAY * LR * w - LR * g
    state["v"] = v
    return w + v


def adam(decoupled: bool, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Update:
    def update(w: Tensor, g: Tensor, state: State, t: int) -> Tensor:
        if decoupled:
            w = w * (1 - LR * DECAY)
        else:
            g = g + DECAY * w
        m = state["m"] = b1 * remembered(state, "m", w) + (1 - b1) * g
        v = state["v"] = b2 * remembered(state, "v", w) + (1 - b2) * g**2
        return w - LR * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + eps)

    return update


def rmsprop(alpha: float, eps: float, momentum: float, inside: bool) -> Update:
    def update(w: Tensor, g: Tensor, state: State, t: int) -> Tensor:
        g = g + DECAY * w
        first = 1.0 if inside else 0.0
        s = state["s"] = alpha * remembered(state, "s", w, first) + (1 - alpha) * g**2
        step = g / ((s + eps).sqrt() if inside else s.sqrt() + eps)
        if not momentum:
            return w - LR * step
        if inside:
            v = state["v"] = momentum * remembered(state, "v", w) + LR * step
            return w - v
        v = state["v"] = momentum * remembered(state, "v", w) + step
        return w - LR * v

    return update


def adagrad(w: Tensor, g: Tensor, state: State, t: int) -> Tensor:
    g = g + DECAY * w
    s = state["s"] = remembered(state, "s", w) + g**2
    return w - LR * g / (s.sqrt() + 1e-10)


def adadelta(w: Tensor, g: Tensor, state: State, t: int) -> Tensor:
    g = g + DECAY * w
    s = state["s"] = 0.9 * remembered(state, "s", w) + 0.1 * g**2
    d = remembered(state, "d", w)
    step = (d + 1e-6).sqrt() / (s + 1e-6).sqrt() * g
    state["d"] = 0.9 * d + 0.1 * step**2
    return w - LR * step


@pytest.mark.parametrize(
    ("optimizer", "update"),
    [
        (Sgd(), sgd(0)),
        (Sgd(momentum=0.9), sgd(0.9)),
        (Sgd(momentum=0.9, nesterov=True), sgd(0.9, nesterov=True)),
        (AlexNetSgd(), alexnet),
        (Adam(), adam(False)),
        (Adam(betas=(0.5, 0.9), eps=1e-3), adam(False, 0.5, 0.9, 1e-3)),
        (AdamW(), adam(True)),
        (RmsProp(), rmsprop(0.99, 1e-8, 0, False)),
        (RmsProp(alpha=0.9, eps=1, momentum=0.9), rmsprop(0.9, 1, 0.9, False)),
        (RmsProp(alpha=0.9, eps=1, inside=True), rmsprop(0.9, 1, 0, True)),
        (RmsProp(alpha=0.9, eps=1, momentum=0.9, inside=True), rmsprop(0.9, 1, 0.9, True)),
        (Adagrad(), adagrad),
        (Adadelta(), adadelta),
    ],
    ids=lambda value: str(value) if isinstance(value, Optimizer) else "",
)
def test_ten_steps(optimizer: Optimizer, update: Update):
    torch.manual_seed(0)
    weights = [torch.randn(4, 3, dtype=torch.double), torch.randn(5, dtype=torch.double)]
    parameters = [nn.Parameter(weight.clone()) for weight in weights]
    unused = nn.Parameter(torch.ones(2))
    built = optimizer.build([{"params": [*parameters, unused], "weight_decay": DECAY}], LR)
    states: list[State] = [{}, {}]
    for t in range(1, 11):
        gradients = [torch.randn_like(weight) for weight in weights]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        built.step()
        weights = [update(*one, t) for one in zip(weights, gradients, states, strict=True)]
        for parameter, weight in zip(parameters, weights, strict=True):
            torch.testing.assert_close(parameter.data, weight, rtol=1e-9, atol=1e-12)
    assert torch.equal(unused.data, torch.ones(2))


NET = archdsl.loads("input 8x8x1\nconv3-4-bn-relu\nconv3-4-bn-relu\nFC-6\nrelu\nFC-10\n")


def test_norms_and_biases_do_not_decay_on_request():
    module = NET.module()
    (alike,) = groups_of(NET, module, Recipe(weight_decay=0.1))
    assert alike["weight_decay"] == 0.1 and len(alike["params"]) == len(list(module.parameters()))
    groups = groups_of(NET, module, Recipe(weight_decay=0.1, spare=True))
    spared = {id(p) for group in groups if not group["weight_decay"] for p in group["params"]}
    for name, parameter in module.named_parameters():
        assert (id(parameter) in spared) == (parameter.ndim == 1), name
    assert sum(len(group["params"]) for group in groups) == len(list(module.parameters()))


def test_muon_takes_the_hidden_weights_as_matrices():
    """Kernels and matrices by torch's Muon, the output layer, norms and biases by AdamW."""
    torch.manual_seed(0)
    module, recipe = NET.module(), Recipe(optimizer=Muon(), weight_decay=DECAY)
    groups = groups_of(NET, module, recipe)
    built = recipe.optimizer.build(groups, LR)
    assert isinstance(built, MuonAndAdamW)
    hidden = {id(p) for group in groups if group["hidden"] for p in group["params"]}
    named = dict(module.named_parameters())
    assert {name for name, p in named.items() if id(p) in hidden} == {
        name for name, p in named.items() if p.ndim > 1 and not name.startswith("fc2")
    }
    copies = {name: nn.Parameter(p.detach().clone()) for name, p in named.items()}
    flat = {
        name: nn.Parameter(p.detach().flatten(1).clone())
        for name, p in named.items()
        if id(p) in hidden
    }
    muon = torch.optim.Muon(
        flat.values(), lr=LR, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw"
    )
    others = [p for name, p in copies.items() if name not in flat]
    adamw = torch.optim.AdamW(others, lr=LR, weight_decay=DECAY)
    for step in range(10):
        if step == 5:  # a state that was saved continues
            state = built.state_dict()
            built = recipe.optimizer.build(groups_of(NET, module, recipe), LR)
            built.load_state_dict(state)
        for group in [*built.param_groups, *muon.param_groups, *adamw.param_groups]:
            group["lr"] = LR / (step + 1)
        for name, parameter in named.items():
            gradient = torch.randn_like(parameter)
            parameter.grad = gradient.clone()
            other = flat.get(name, copies[name])
            other.grad = gradient.reshape(other.shape)
        for one in (built, muon, adamw):
            one.step()
        built.zero_grad()
        assert all(parameter.grad is None for parameter in module.parameters())
    for name, parameter in named.items():
        expected = flat.get(name, copies[name]).reshape(parameter.shape)
        torch.testing.assert_close(parameter.data, expected.data)


def test_muon_with_a_loss_scale():
    """The scale is taken off the gradients of kernels, too."""
    modules = []
    for scale in (1.0, 4096.0):
        torch.manual_seed(0)
        module, recipe = NET.module(), Recipe(optimizer=Muon(), clip=ClipNorm(limit=0.1))
        built = recipe.optimizer.build(groups_of(NET, module, recipe), LR)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        for _ in range(2):
            scaler.scale(module(torch.rand(4, 1, 8, 8)).square().mean()).backward()
            scaler.unscale_(built)
            recipe.clip.apply(list(module.parameters()))
            scaler.step(built)
            scaler.update()
            built.zero_grad()
        modules.append(module)
    for one, other in zip(*(module.parameters() for module in modules), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_torch_without_muon(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(archdsl.ArchError, match="this version of torch has no Muon"):
        Muon().build([], LR)
