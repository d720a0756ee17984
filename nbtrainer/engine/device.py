"""Where a network trains, and what that device can do."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from nbtrainer.environment import release_memory
from nbtrainer.errors import UserError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` is the first graphics card, else the processor. Raises `UserError`."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            "training.device",
            f"{name} is not here: torch sees {torch.cuda.device_count()} NVIDIA cards",
            "Choose auto or cpu",
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("training.device", "mps is not available on this machine", "Choose auto or cpu")
    if device.type == "xla":
        raise UserError("training.device", "training on a TPU is not built yet", "Choose auto or cpu")
    return device


def usable_cores() -> int:
    """Cores that this process may use: affinity and cgroup limit, not what the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which the network computes in `precision`."""
    return torch.autocast(device.type, dtype=_DTYPES[precision], enabled=precision != "float32")


def memory_format(name: str, dim: int) -> torch.memory_format:
    """torch's memory format `name` for 2D or 3D networks."""
    return torch.channels_last_3d if name == "channels_last" and dim == 3 else _FORMATS[name]


def free_cached_memory(device: torch.device) -> None:
    """Give memory that torch keeps for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    else:
        release_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out: of a graphics card, or of the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in text
        for sign in (
            "out of memory",
            "can't allocate memory",
            "cannot allocate memory",
            "not enough memory",
            "bad_alloc",
            "could not create a memory object",
            # what oneDNN says when the memory for its own work is refused
            "could not create a primitive",
            "could not execute a primitive",
        )
    )
