"""Where a network runs, and what that device can do."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch
from torch import nn

from nbtrainer.catalog import DEVICE_NAMES, device_name
from nbtrainer.environment import release_memory
from nbtrainer.errors import SettingError
from nbtrainer.inference import xla

_Network = TypeVar("_Network", bound=nn.Module)

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

# devices that every machine has
_ANYWHERE = ("auto", "cpu")


def choose_device(name: str, *, where: str = "training.device") -> torch.device:
    """The device called `name`; `auto` is the first graphics card, else the processor: a TPU is taken where it is asked
    for. Raises `UserError`."""
    known = device_name(name)
    if known is None:
        raise SettingError(where, f"{name!r} is not a device", f"Choose {DEVICE_NAMES}", suggestions=_ANYWHERE)
    if known == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if known == "xla":
        return xla.open_device(where=where)
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
    elif device.type == "xla":
        states["xla"] = torch.tensor(xla.read_seed(device))
    return states


def set_random_state(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Go on from a `random_state`; what it holds of another kind of device is left out."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
    elif device.type == "xla" and "xla" in states:
        xla.set_seed(int(states["xla"]), device)


def seed_random_numbers(seed: int, device: torch.device) -> None:
    """Begin torch's random numbers anew, those of `device` too."""
    torch.manual_seed(seed)
    if device.type == "xla":  # torch forgets it
        xla.set_seed(seed, device)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which the network computes in `precision`."""
    # a TPU complains of float32 even where it is what the network computes in anyway
    dtype = torch.bfloat16 if device.type == "xla" else _DTYPES[precision]
    return torch.autocast(device.type, dtype=dtype, enabled=precision != "float32")


def for_any_size(network: _Network) -> _Network:
    """`network` where it can answer to images of any size at once: on a TPU, which would have to translate it for each, a
    copy on the processor."""
    on_tpu = next(network.parameters()).device.type == "xla"
    return copy.deepcopy(network).cpu() if on_tpu else network


def without_gradients(device: torch.device) -> AbstractContextManager[object]:
    """The context in which a network answers and keeps nothing: torch's inference mode, which a TPU cannot copy into."""
    return torch.no_grad() if device.type == "xla" else torch.inference_mode()


def precisions_of(device: torch.device) -> list[str]:
    """The precisions that a network may be trained in on `device`, the exact one first."""
    known = {"cuda": ["float32", "bfloat16", "float16"], "mps": ["float32"]}
    return known.get(device.type, ["float32", "bfloat16"])


def synchronize(device: torch.device) -> None:
    """Wait until `device` has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    elif device.type == "xla":
        xla.send(waits=True)


def end_step(device: torch.device) -> None:
    """Say that a step is complete: a TPU begins now, with all of it as one program. Nobody waits."""
    if device.type == "xla":
        xla.send()


def read_numbers(tensors: Sequence[torch.Tensor]) -> list[float]:
    """The values of single numbers on a device, in the order given; waits for them."""
    if tensors and tensors[0].device.type == "xla":  # stacked, each count of them would be a program of its own
        return [float(each) for each in tensors]
    return torch.stack(list(tensors)).tolist() if tensors else []


def on_processor(value: Any) -> Any:
    """`value`, tensors in dicts and lists, with those of a TPU brought to the processor: torch saves them in a form that only
    torch_xla reads. All others stay as they are."""
    if isinstance(value, torch.Tensor):
        return value.cpu() if value.device.type == "xla" else value
    if isinstance(value, dict):
        copied = copy.copy(value)  # a state_dict has versions besides
        for key, each in value.items():
            copied[key] = on_processor(each)
        return copied
    if isinstance(value, list | tuple):
        return type(value)(on_processor(each) for each in value)
    return value


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
    """Bytes that torch holds of `device`; 0 where nobody tells, and for the processor, whose memory is that of the process."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "xla":
        return xla.memory(device)[0]
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
            # a TPU
            "resource_exhausted",
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
