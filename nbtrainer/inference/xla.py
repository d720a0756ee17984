"""TPUs, through torch_xla: the only file that names it, so that another library can take its place here."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import torch

from nbtrainer.errors import SettingError

_INSTALL = "pip install torch==2.9.0 'torch_xla[tpu]==2.9.0'"
_STATES = 2**64
_OR_ELSE = "or choose auto or cpu"


def open_device(*, where: str) -> torch.device:
    """The TPU of this process, or the processor where torch_xla finds no TPU. Raises `SettingError` without torch_xla."""
    if importlib.util.find_spec("torch_xla") is None:
        raise SettingError(
            where,
            "a TPU needs torch_xla, which is not installed",
            f"Take a TPU runtime in Colab or run {_INSTALL}, {_OR_ELSE}",
            suggestions=("auto", "cpu"),
        )
    try:
        device = _torch_xla().device()
    except ImportError as error:
        raise SettingError(
            where,
            f"torch_xla does not work with torch {torch.__version__} ({error})",
            f"Both must be of one version: {_INSTALL}, {_OR_ELSE}",
            suggestions=("auto", "cpu"),
        ) from None
    except RuntimeError as error:
        raise SettingError(
            where,
            f"the TPU does not answer ({str(error).splitlines()[0]})",
            f"Only one process can use it: restart the kernel that holds it, {_OR_ELSE}",
            suggestions=("auto", "cpu"),
        ) from None
    assert isinstance(device, torch.device)
    if not _learns_on(device):
        raise SettingError(
            where,
            "torch was trained with before it knew of the TPU, and cannot take it any more",
            f"Restart the kernel and choose the TPU first, {_OR_ELSE}",
            suggestions=("auto", "cpu"),
        )
    return device


def hardware() -> str:
    """What torch_xla computes on: `TPU`, or `CPU` where it finds none."""
    import torch_xla.runtime

    return str(torch_xla.runtime.device_type())


def send(*, waits: bool = False) -> None:
    """Hand what was asked of tensors since the last time to the device, as one program; `waits`: until it is done."""
    _torch_xla().sync(wait=waits)


def read_seed(device: torch.device) -> int:
    """Where the random numbers of `device` stand: 64 bits, with the sign that a tensor gives them."""
    state = int(_xla_model().get_rng_state(str(device)))
    return state - _STATES if state >= _STATES // 2 else state


def set_seed(seed: int, device: torch.device) -> None:
    """Go on with random numbers of `device` from `seed`."""
    _xla_model().set_rng_state(seed % _STATES, str(device))


def memory(device: torch.device) -> tuple[int, int]:
    """Bytes that are used on `device`, and how many it has; (0, 0) where nobody tells."""
    try:
        info = _xla_model().get_memory_info(str(device))
        return int(info["bytes_used"]), int(info["bytes_limit"])
    except (RuntimeError, KeyError, TypeError):  # the processor knows none
        return 0, 0


@functools.cache
def _learns_on(device: torch.device) -> bool:
    """Whether gradients can be calculated on `device`: torch counts the devices at the first one of a process."""
    try:
        torch.ones(1, device=device, requires_grad=True).sum().backward()
    except RuntimeError as error:
        if "device_ready_queues" not in str(error):
            raise
        return False
    return True


def _torch_xla() -> Any:
    import torch_xla  # takes seconds, and few have it

    return torch_xla


def _xla_model() -> Any:
    import torch_xla.core.xla_model

    return torch_xla.core.xla_model
