"""The checkpoint of a run: one file that holds its whole state."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from torch import nn

from archdsl.atomic_files import write_whole
from archdsl.errors import ArchError
from archdsl.network import Network
from archdsl.pytorch import weights
from archdsl.train.device import device_of, reproducible
from archdsl.train.normaliser import Normaliser
from archdsl.train.record import RunRecord, network_of


class Checkpoint(NamedTuple):
    """What was trained, how far, and everything that the next epoch depends on.

    `state` holds the states of the module, the optimizer, the schedule and the random numbers.
    """

    path: Path
    spec: str
    record: RunRecord
    state: dict[str, Any]

    def network(self) -> Network:
        """The network that was trained. Raises ArchError, naming the file, for a bad spec."""
        try:
            return network_of(self.spec, self.record)
        except ArchError as error:
            raise ArchError(f"cannot read the spec in {self.path}: {error.message}") from None


def save(checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing the previous one. Raises ArchError."""
    file = io.BytesIO()
    record = checkpoint.record.model_dump()
    torch.save({"spec": checkpoint.spec, "record": record, **checkpoint.state}, file)
    write_whole(checkpoint.path, file.getbuffer())


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises ArchError if it is missing, damaged, or another kind of file."""
    saved = weights.read(path)
    try:
        spec, record = saved.pop("spec"), RunRecord.model_validate(saved.pop("record"))
        if isinstance(spec, str) and record.epochs and isinstance(saved["module"], dict):
            return Checkpoint(path, spec, record, saved)
    except (KeyError, TypeError, AttributeError, ValidationError):
        pass
    raise ArchError(
        f"{path} is not the checkpoint of a run",
        help="`archdsl train` writes one, runs/…/checkpoint.pt",
    )


class Trained(NamedTuple):
    """A trained network: the module in eval mode, on its device, and how its images are
    normalised."""

    checkpoint: Checkpoint
    network: Network
    module: nn.Module
    device: torch.device
    normaliser: Normaliser


def trained(run: str | Path, device: str | None = None) -> Trained:
    """The trained network of a run's folder or checkpoint.

    It is put on `device`, by default the one that it was trained on, if that is available. Raises
    ArchError.
    """
    saved = read_checkpoint(weights.checkpoint_of(run))
    network = saved.network()
    try:
        where = device_of(device or saved.record.device)
    except ArchError:
        if device is not None:
            raise
        where = device_of(None)
    with reproducible(0, where):
        module = network.module(device=where)
    weights.load_into(saved.state["module"], module, str(saved.path))
    try:
        normaliser = Normaliser(**saved.state["normaliser"]).to(where)
    except (KeyError, TypeError, AttributeError):
        raise ArchError(f"{saved.path} does not hold how its images are normalised") from None
    return Trained(saved, network, module.eval(), where, normaliser)
