"""Runs trials on one machine, each in a process of its own and with so much time, and writes what they found."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch

import nbtrainer as nbt
from nbtrainer.disk import write_json, write_text
from nbtrainer.environment import usable_cores
from nbtrainer.inference.device import choose_device

# a trial that cannot begin before that many seconds to the end is left out
_LEAST_SECONDS = 5.0


class Place(NamedTuple):
    """Where a trial runs: `folder` is empty and removed afterwards. `is_small`: no card is there, and sizes are small."""

    device: torch.device
    folder: Path
    is_small: bool


class LeftOutError(Exception):
    """This machine cannot do the trial; says why."""


@dataclass(frozen=True)
class Trial:
    """`run` gives a sentence of what went wrong (empty: nothing), or rows of what is measured, one after the other; those
    that it has when its `seconds` are over are kept."""

    name: str
    run: Callable[[Place], str | Iterable[dict[str, Any]]]
    seconds: float
    needs_card: bool = False


def run_trials(trials: Sequence[Trial], *, device: str, out: Path, minutes: float) -> list[dict[str, Any]]:
    """A row for each of the trials; after each, all so far stand in `out` as `gpu.json` and `gpu.md`.

    What a trial prints stands in `out/logs`. One that fails, ends its process or takes too long ends no other.
    """
    (out / "logs").mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + 60 * minutes
    machine = _in_a_process(_machine, (device,), seconds=120, log=out / "logs" / "machine.txt")["found"]
    if not isinstance(machine, dict):
        raise SystemExit(f"no device to train on: {machine}")
    print(json.dumps(machine), flush=True)
    has_card = machine["device"] != "cpu"
    rows: list[dict[str, Any]] = []
    for trial in trials:
        left = ends - time.monotonic()
        row: dict[str, Any] = {"trial": trial.name, "state": "left out", "seconds": 0.0}
        if trial.needs_card and not has_card:
            row["found"] = "needs a graphics card"
        elif left < _LEAST_SECONDS:
            row["found"] = f"no time was left of {minutes:g} minutes"
        else:
            log = out / "logs" / f"{trial.name.replace(' ', '_').replace('/', '_')[:60]}.txt"
            row |= _in_a_process(_do, (trial, device, not has_card), seconds=min(trial.seconds, left), log=log)
        rows.append(row)
        write_json(out / "gpu.json", {"machine": machine, "trials": rows})
        write_text(out / "gpu.md", as_table(machine, rows))
        print(json.dumps(row), flush=True)
    return rows


def as_table(machine: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: the machine, a table of all trials, and one for each that measured something."""
    lines = [" ".join(f"{name} {value}," for name, value in machine.items()).rstrip(","), ""]
    lines += ["| trial | | seconds | found |", "|---|---|---|---|"]
    for row in rows:
        below = f"{len(row['rows'])} rows below" if "rows" in row else ""
        found = "; ".join(filter(None, (row["found"], below))).replace("|", "/")
        lines.append(f"| {row['trial']} | {row['state']} | {row['seconds']} | {found} |")
    for row in rows:
        if "rows" in row:
            names = list(dict.fromkeys(name for each in row["rows"] for name in each))
            lines += ["", f"## {row['trial']}", "", f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
            lines += [f"| {' | '.join(str(each.get(name, '')) for name in names)} |" for each in row["rows"]]
    return "\n".join(lines) + "\n"


def _in_a_process(work: Callable[..., Any], arguments: tuple[Any, ...], *, seconds: float, log: Path) -> dict[str, Any]:
    """State, findings and seconds of `work`, done in a process that is ended, with all that it started, when its time is
    over. On Linux it is a copy of this one, which has not used the card and has imported all."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    began = time.monotonic()
    process = context.Process(target=_tell, args=(theirs, log, work, arguments))
    process.start()
    theirs.close()
    rows: list[Any] = []
    is_over = False
    state, found = "wrong", f"it took longer than {seconds:.0f} s, and was ended"
    try:
        while ours.poll(max(0.0, began + seconds - time.monotonic())):
            kind, found_now = ours.recv()
            if kind == "row":
                rows.append(found_now)
                continue
            state, found, is_over = kind, found_now, True
            break
    except EOFError:
        process.join()
        found = f"its process ended with {process.exitcode}"
    _end(process)
    if rows and not is_over:
        state = "cut off"
    result: dict[str, Any] = {"state": state, "found": found, "seconds": round(time.monotonic() - began, 1)}
    return result | {"rows": rows} if rows else result


def _end(process: Any) -> None:
    process.join(timeout=2)
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _tell(pipe: Connection, log: Path, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    with log.open("w", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            pipe.send(work(lambda row: pipe.send(("row", row)), *arguments))
        except LeftOutError as reason:
            pipe.send(("left out", str(reason)))
        except BaseException as error:
            traceback.print_exc()
            pipe.send(("wrong", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"))


def _do(tell: Callable[[dict[str, Any]], None], trial: Trial, device: str, is_small: bool) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        found = trial.run(Place(choose_device(device), Path(folder), is_small))
        if isinstance(found, str):
            return ("wrong" if found else "well"), found
        for row in found:
            print(row, flush=True)
            tell(row)
    return "well", ""


def _machine(tell: object, device: str) -> tuple[str, dict[str, Any]]:
    chosen = choose_device(device)
    facts = {"device": chosen.type, "card": "none at hand", "cores": usable_cores()}
    if chosen.type == "cuda":
        free, total = torch.cuda.mem_get_info(chosen)
        facts |= {
            "card": torch.cuda.get_device_name(chosen),
            "GB": round(total / 1e9, 1),
            "free GB": round(free / 1e9, 1),
        }
    versions = {"nbtrainer": nbt.__version__, "torch": torch.__version__, "Python": platform.python_version()}
    return "well", facts | versions | {"date": time.strftime("%Y-%m-%d")}
