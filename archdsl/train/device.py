"""The device that torch computes on, and reproducible numbers on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from archdsl.errors import ArchError


def device_of(name: str | None) -> torch.device:
    """The device with a name; without a name, a GPU if there is one. Raises ArchError."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).sum().item()
    # What torch raises depends on the device: NotImplementedError for those it was built without.
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        raise ArchError(
            f"there is no device `{name}` here", help="write `--device cpu`, or `cuda` with a GPU"
        ) from None
    return device


@contextmanager
def reproducible(seed: int, device: torch.device, threads: int = 0) -> Iterator[None]:
    """Make torch seeded and deterministic, on a number of threads unless that is 0; afterwards
    restore the caller's settings."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    devices = [device] if device.type == "cuda" else []
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices):
        try:
            torch.manual_seed(seed)
            torch.set_num_threads(threads or before)
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = False
            yield
        finally:
            torch.set_num_threads(before)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.backends.cudnn.benchmark = benchmark


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's random number generators: the CPU's, and that of the GPU in use."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Restore the random number generators; a GPU without a saved state keeps its own."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
