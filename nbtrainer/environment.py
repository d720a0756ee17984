"""What this process may use of the machine, and how it waits and takes memory: set before torch is loaded."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
from pathlib import Path

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# where the kernel tells the limits of the container or job that this process runs in
CGROUPS, OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")

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


def process_rank() -> int | None:
    """Which of several processes of one run this is, where torchrun or nbtrainer started it as one; else None."""
    names = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    if int(os.environ.get("WORLD_SIZE") or 1) == 1 or not all(os.environ.get(name) for name in names):
        return None
    return int(os.environ["RANK"])


def usable_cores() -> int:
    """Cores that this process may use: affinity and the limits of its containers, not what the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [_numbers(folder / "cpu.max") for folder in _cgroups("")]
    for folder in _cgroups("cpu"):  # the older kind of cgroups
        limits.append(_numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us"))
    whole = [int(limit[0] // limit[1]) for limit in limits if len(limit) == 2 and 0 < limit[0] < math.inf]
    return max(1, min([cores, *whole]))


def usual_threads() -> int:
    """Threads to calculate with where nobody chose a number here: what OMP_NUM_THREADS says, else every usable core."""
    setting = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # a list is for threads within threads
    return int(setting) if setting.isdecimal() and int(setting) else usable_cores()


def available_memory() -> int:
    """Bytes that this process may still take: what is free on the machine, and within its own limits and its containers'.

    What the kernel keeps of files and would give back at once counts as free.
    """
    free = [float(psutil.virtual_memory().available)]
    kinds = (
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    )
    for controller, limit, used, cached in kinds:
        for folder in _cgroups(controller):
            limits, taken = _numbers(folder / limit), _numbers(folder / used)
            if limits and taken:
                free.append(limits[0] - taken[0] + _entry(folder / "memory.stat", cached))
    if resource is not None:  # ulimit -v, which shared machines set
        limit_bytes, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit_bytes != resource.RLIM_INFINITY:
            free.append(limit_bytes - psutil.Process().memory_info().vms)
    return max(0, int(min(free)))


def _cgroups(controller: str) -> list[Path]:
    """The folders that tell the limits of this process: its own group first, then those around it.

    `controller`: `cpu` or `memory` of the older kind of cgroups, empty for the newer one.
    """
    root, path = CGROUPS / controller, Path()
    with contextlib.suppress(OSError, ValueError):
        for line in OWN_CGROUPS.read_text(encoding="utf-8").splitlines():
            _, names, own = line.split(":", 2)
            if controller in names.split(","):
                path = Path(own.lstrip("/"))
    if ".." in path.parts:  # seen from another container
        path = Path()
    return [root / each for each in (path, *path.parents)]


def _numbers(file: Path) -> list[float]:
    """The numbers in a file of a cgroup, `max` as infinity; none if there is no such file."""
    try:
        return [math.inf if word == "max" else float(word) for word in file.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return []


def _entry(file: Path, key: str) -> float:
    """The number beside `key` in a table of a cgroup; 0 if there is none."""
    try:
        lines = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
        return next((float(line[1]) for line in lines if line[0] == key), 0.0)
    except (OSError, ValueError, IndexError):
        return 0.0
