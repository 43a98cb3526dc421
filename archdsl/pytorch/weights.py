"""Load saved weights into a module."""

import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.errors import ArchError
from archdsl.figures import times

CHECKPOINT = "checkpoint.pt"  # in a run's folder
SHOWN = 3  # names of each kind that an error lists


def load_into(
    weights: str | Path | Mapping[str, Any],
    module: nn.Module,
    place: str = "the mapping",
    left_out: Collection[str] = (),
) -> None:
    """Load a run's folder, a checkpoint, a file with a state dict, or a state dict into a module.

    The weights of the lines and layers `left_out` are ignored. If names or shapes do not match,
    raises ArchError, naming the file or the mapping's `place`, and leaves the module as it was.
    """
    if isinstance(weights, Mapping):
        state: Any = weights
    else:
        path = checkpoint_of(weights)
        state, place = _state_of(read(path)), str(path)
    if left_out and isinstance(state, Mapping):
        heads = tuple(f"{name}." for name in left_out)
        state = {k: t for k, t in state.items() if not str(k).startswith(heads)}
    problems = _misfits(state, module.state_dict())
    if problems:
        raise ArchError(
            f"the weights in {place} do not fit the network: {'; '.join(problems)}",
            help="use the spec that they were trained with",
        )
    module.load_state_dict(state)


def checkpoint_of(run: str | Path) -> Path:
    """The checkpoint in a run's folder; any other path is returned as it is."""
    path = Path(run)
    if not path.is_dir():
        return path
    if not (path / CHECKPOINT).exists() and (path / "record.json").exists():
        raise ArchError(
            f"the run {path} has no {CHECKPOINT}",
            help="if it was stopped before its first epoch was saved, "
            f"`archdsl train --resume {path}` starts it again; otherwise put the file back",
        )
    return path / CHECKPOINT


def read(path: Path) -> Any:
    """The tensors and plain values that torch saved in a file, on the CPU, without running code.

    Raises ArchError if the file is missing, damaged, or contains anything else.
    """
    if path.exists() and not path.is_file():
        raise ArchError(f"{path} is not a file", help="name a checkpoint, or a run's folder")
    try:
        with path.open("rb") as file:
            # torch does not verify the checksums that it writes.
            if zipfile.is_zipfile(file) and (bad := zipfile.ZipFile(file).testzip()):
                raise zipfile.BadZipFile(bad)
            file.seek(0)
            return torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ArchError(
            f"there is no file {path}", help="runs are kept in `runs/NETWORK/TIME`"
        ) from None
    except Exception as problem:
        # A foreign file can be wrong in every way that zip, pickle and torch can detect.
        if isinstance(problem, OSError) and problem.filename is not None:
            raise ArchError(f"cannot read {path}: {problem.strerror}") from None
        if isinstance(problem, UnpicklingError) and "GLOBAL" in str(problem):
            raise ArchError(
                f"{path} contains more than tensors and plain values: archdsl runs no code in it",
                help="save the weights alone, `torch.save(module.state_dict(), path)`",
            ) from None
        raise ArchError(f"{path} is damaged, or was not saved by torch") from None


def _state_of(saved: Any) -> Any:
    """Only the weights of a checkpoint or a state dict."""
    if isinstance(saved, Mapping) and isinstance(saved.get("module"), Mapping):
        return saved["module"]
    return saved


def _misfits(state: Any, own: Mapping[str, Tensor]) -> list[str]:
    """The reasons why a state dict does not fit a module, in words."""
    if not isinstance(state, Mapping) or not all(isinstance(t, Tensor) for t in state.values()):
        return ["it is not a state dict, which maps names to tensors"]
    problems = []
    if missing := [name for name in own if name not in state]:
        problems.append(f"missing {_listed(missing)}")
    if unexpected := [name for name in state if name not in own]:
        problems.append(f"unexpected {_listed(unexpected)}")
    odd = [
        f"`{name}` is not a plain tensor of numbers"
        for name, tensor in state.items()
        if tensor.is_nested
        or tensor.layout is not torch.strided
        or tensor.is_meta
        or tensor.is_quantized
        or (name in own and tensor.is_floating_point() != own[name].is_floating_point())
    ]
    if odd:
        return [*problems, *odd[:SHOWN], *_more(odd)]
    wrong = [
        f"`{name}` is {_shape(state[name])}, not {_shape(tensor)}"
        for name, tensor in own.items()
        if name in state and state[name].shape != tensor.shape
    ]
    return [*problems, *wrong[:SHOWN], *_more(wrong)]


def _shape(tensor: Tensor) -> str:
    return times(tensor.shape) or "a single number"


def _listed(names: Sequence[Any]) -> str:
    return ", ".join([*(f"`{name}`" for name in names[:SHOWN]), *_more(names)])


def _more(names: Sequence[Any]) -> Iterable[str]:
    return [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
