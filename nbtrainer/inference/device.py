"""Where a network runs, and what that device can do."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from nbtrainer.catalog import DEVICE_NAMES, device_name
from nbtrainer.environment import release_memory
from nbtrainer.errors import SettingError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

# devices that every machine has
_ANYWHERE = ("auto", "cpu")


def choose_device(name: str, *, where: str = "training.device") -> torch.device:
    """The device called `name`; `auto` is the first graphics card, else the processor. Raises `UserError`."""
    known = device_name(name)
    if known is None:
        raise SettingError(where, f"{name!r} is not a device", f"Choose {DEVICE_NAMES}", suggestions=_ANYWHERE)
    if known == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if known == "xla":
        raise SettingError(where, "TPUs are not supported yet", "Choose auto or cpu", suggestions=_ANYWHERE)
    device = torch.device(known)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingError(
            where,
            f"{name} is not here: torch sees {torch.cuda.device_count()} NVIDIA cards",
            "Choose auto or cpu",
            suggestions=_ANYWHERE,
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingError(where, "mps is not available on this machine", "Choose auto or cpu", suggestions=_ANYWHERE)
    return device


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's random numbers: of the processor, and of `device` if it has numbers of its own."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_state(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Go on from a `random_state`; what it holds of another kind of device is left out."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which the network computes in `precision`."""
    return torch.autocast(device.type, dtype=_DTYPES[precision], enabled=precision != "float32")


def precisions_of(device: torch.device) -> list[str]:
    """The precisions that a network may be trained in on `device`, the exact one first."""
    return {"cpu": ["float32", "bfloat16"], "cuda": ["float32", "bfloat16", "float16"]}.get(device.type, ["float32"])


def synchronize(device: torch.device) -> None:
    """Wait until `device` has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


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


def memory_held(device: torch.device) -> int:
    """Bytes that torch holds of `device`; 0 for the processor, whose memory is that of the process."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    return torch.mps.driver_allocated_memory() if device.type == "mps" else 0


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
