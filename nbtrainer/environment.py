"""How torch's threads wait and how memory is taken: set before torch is loaded, for the process and its children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

# beside two busy processes (a browser is one) a step takes 2.4 instead of 7.6 times as long
_WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}

# activations are freed and taken again at every step: keeping them saves a tenth to a third of it
_MALLOC = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str((1 << 31) - 1),
}
_MALLOPT = {-8: 1, -3: 1 << 30, -1: (1 << 31) - 1}


def prepare_process() -> None:
    """Set the waiting policy and the allocator of this process, the policy only if torch is not loaded yet.

    What the user has set already stays. The allocator is glibc's only; elsewhere nothing is done.
    """
    if "torch" not in sys.modules:
        for name, value in _WAITING.items():
            os.environ.setdefault(name, value)
    if sys.platform == "linux" and not any(name in os.environ for name in _MALLOC):
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except AttributeError:  # musl
            return
        for parameter, amount in _MALLOPT.items():
            mallopt(parameter, amount)


def release_memory() -> None:
    """Give freed memory, which the allocator keeps for the next step, back to the machine (glibc only)."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def waits_politely() -> bool:
    """Whether torch's threads give way while they wait: if not, a busy browser slows training down several times."""
    return all(name in os.environ for name in _WAITING) or sys.platform != "linux"


def child_environment() -> dict[str, str]:
    """The environment for a child process that will train."""
    defaults = _WAITING | (_MALLOC if sys.platform == "linux" else {})
    return defaults | dict(os.environ)
