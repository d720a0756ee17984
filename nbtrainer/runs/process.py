"""Which process it is, so that another can tell whether it still lives: numbers of processes are used again."""

from __future__ import annotations

import os
import socket
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """A process: its `number` on its `host`, and when it was born.

    `born`: since the machine was started, where that is known (Linux), because the time of day may be set at any moment.
    `boot`: which start of the machine that was; `machine`: which machine, where names are used twice; `namespace`: the
    container whose numbers these are.
    """

    number: int
    born: str
    host: str
    machine: str = ""
    boot: str = ""
    namespace: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ProcessIdentity:
        """The process in a record made of one; raises `KeyError`, `TypeError` or `ValueError` if there is none."""
        texts = {spec.name: str(record.get(spec.name, "")) for spec in fields(cls)}
        return cls(**(texts | {"number": int(record["number"])}))  # type: ignore[arg-type]


def this_process() -> ProcessIdentity:
    """The process that asks."""
    number = os.getpid()
    return ProcessIdentity(
        number=number,
        born=_born(number) or "",
        host=socket.gethostname(),
        machine=_machine(),
        boot=_boot(),
        namespace=_namespace(number),
    )


def is_alive(process: ProcessIdentity, *, seen_from: ProcessIdentity) -> bool | None:
    """Whether `process` lives; None if that cannot be seen from the process `seen_from`, this one."""
    if process.host != seen_from.host:
        return None
    if process.boot != seen_from.boot:
        # started again since, unless two machines bear one name
        return False if process.machine and process.machine == seen_from.machine else None
    if process.namespace != seen_from.namespace or not process.born:
        return None
    born = _born(process.number)
    return None if born is None else born == process.born


def _born(number: int) -> str | None:
    """When process `number` was born; empty if it is gone, None if that may not be seen."""
    if sys.platform == "linux":
        return _born_on_linux(number)
    try:
        process = psutil.Process(number)
        # here the system notes it at birth, and no later change of the clock moves it
        return "" if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error:
        return None


def _born_on_linux(number: int) -> str | None:
    try:
        # the name in brackets may hold anything
        after_name = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        state, ticks = after_name.split()[0], after_name.split()[19]
    except (OSError, IndexError):
        try:  # some machines hide the processes of others
            os.kill(number, 0)
        except ProcessLookupError:
            return ""
        except OSError:
            return None
        return None
    return "" if state in "ZX" else ticks


@lru_cache(maxsize=1)
def _boot() -> str:
    """Which start of the machine this is; empty where that is not told."""
    return _line("/proc/sys/kernel/random/boot_id")


@lru_cache(maxsize=1)
def _machine() -> str:
    """Which machine this is; empty where that is not told."""
    known = _line("/etc/machine-id")
    if known:
        return known
    node = uuid.getnode()
    return "" if node >> 40 & 1 else f"{node:012x}"  # that bit marks a number drawn by chance


def _namespace(number: int) -> str:
    try:
        return os.readlink(f"/proc/{number}/ns/pid")
    except OSError:
        return ""


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
