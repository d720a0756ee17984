"""Where a run runs: in a thread of this process, in processes that this one starts, or in those of torchrun.

Processes are started here and not by torchrun's launcher: it starts all again when one fails, and does not tell how it
ended. Each has a pipe from this process: through that of rank 0 comes what is asked of the run, and where it breaks, the
notebook is gone, and rank 0 stops the run with everything saved.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

import torch

from nbtrainer.config import Config
from nbtrainer.config.training import Training
from nbtrainer.engine import session as thread
from nbtrainer.engine.trainer import started_event
from nbtrainer.environment import child_environment, process_rank, usual_threads
from nbtrainer.errors import SettingError
from nbtrainer.inference.device import choose_device
from nbtrainer.runs import Run, RunDirectory, attach, events
from nbtrainer.runs.events import Event
from nbtrainer.runs.listeners import Emitter
from nbtrainer.runs.owner import Lease
from nbtrainer.runs.session import Session
from nbtrainer.runs.signals import stop_before_the_end

_SECONDS_BETWEEN_LOOKS = 0.1
# rank 0 tells why the run failed in this time after another is lost, or is ended too
_SECONDS_TO_FAIL = 20.0
# what ranks take to end once rank 0 has
_SECONDS_TO_END = 20.0
_MOST_PRINTED_BYTES = 4000


def require_processes(config: Config) -> None:
    """Raise `SettingError` if this machine has not the devices for `training.processes`."""
    asked = config.training.processes
    if asked == 1 or process_rank() is not None:  # torchrun has decided how many
        return
    device = choose_device(config.training.device)
    if device.type not in ("cpu", "cuda"):
        raise SettingError(
            "training.processes",
            f"several processes train on NVIDIA cards or processors, not on {device.type}",
            "Give 1, or set training.device to cpu",
            suggestions=(1,),
        )
    # one card that is named is for all of them
    cards = torch.cuda.device_count() if device.type == "cuda" and device.index is None else asked
    if asked > cards:
        raise SettingError(
            "training.processes",
            f"{asked} processes need {asked} cards, and there are {cards} NVIDIA cards here",
            f"Give {cards}, set training.device to cpu, or name one card for all, such as cuda:0",
            suggestions=(cards,),
        )


@contextmanager
def rank_zero_first() -> Iterator[Run | None]:
    """Nothing in a usual process, and on rank 0 of torchrun; on other ranks the run of rank 0, when it has ended.

    What rank 0 refuses to start is raised on the other ranks too.
    """
    rank = process_rank()
    if rank is None:
        yield None
        return
    from nbtrainer.engine.distributed import End, joined_group  # only runs of several processes need it

    group = joined_group()
    if rank:
        from nbtrainer.engine.rank_server import serve

        yield serve(group)
        return
    try:
        yield None
    except Exception as error:
        group.broadcast(End(error=error))
        raise


def launch_where_it_runs(directory: RunDirectory, lease: Lease, *, resumed: bool, training: Training) -> Run:
    """Train the run in `directory`, which `lease` owns, in as many processes as `training` asks for, or torchrun started."""
    if process_rank() is not None:
        from nbtrainer.engine.distributed import joined_group
        from nbtrainer.engine.ranks import Ranks

        return thread.launch(directory, lease, resumed, ranks=Ranks(joined_group()))
    if training.processes == 1:
        return thread.launch(directory, lease, resumed)
    stop_before_the_end()
    launcher = _Launcher(directory, lease, resumed)
    try:
        launcher.begin(training.processes, shares_card=":" in training.device)
    except BaseException as error:
        launcher.fail(error)
        raise
    return Run(directory, launcher.session)


@dataclass(kw_only=True)
class _Worker:
    """A process that this one started, and the file that takes what it prints."""

    rank: int
    of: int
    process: subprocess.Popen[bytes]
    printed: IO[bytes]

    def say(self, line: str) -> None:
        """Tell it something; one that is gone does not hear it."""
        assert self.process.stdin is not None
        with suppress(OSError, ValueError):
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()

    @property
    def is_lost(self) -> bool:
        return self.process.poll() not in (None, 0)

    def how_it_ended(self) -> str:
        status = self.process.returncode
        how = f"ended with status {status}"
        if status < 0:
            how = f"was ended by {signal.Signals(-status).name}"
        if -status == getattr(signal, "SIGKILL", None):
            how = "was killed, as systems do when memory runs out"
        return f"process {self.rank + 1} of {self.of} (number {self.process.pid}) {how}"

    def end_of_output(self) -> str:
        """The end of what it printed."""
        size = self.printed.seek(0, os.SEEK_END)
        self.printed.seek(max(0, size - _MOST_PRINTED_BYTES))
        return self.printed.read().decode(errors="replace")


class _Launcher:
    """Starts the processes of a run, hands on what is asked of it, and sees to it that all of them end."""

    def __init__(self, directory: RunDirectory, lease: Lease, resumed: bool) -> None:
        self.session = Session(lease.owner.token, directory.path)
        self._directory = directory
        self._lease = lease
        self._resumed = resumed
        self._workers: list[_Worker] = []

    def begin(self, count: int, *, shares_card: bool) -> None:
        """Tell that the session begins, start the processes, and the thread that follows them.

        `shares_card`: whether all of them are for the card that the settings name, and not each for its own.
        """
        thread.forget_requests(self._directory)
        emitter = Emitter(self._directory)
        emitter(started_event(self._resumed, self._lease.owner.token))
        emitter(events.Activity(doing=f"starting {count} processes"))
        emitter.close()
        port = _free_port()
        for rank in range(count):
            self._workers.append(self._start(rank, of=count, port=port, shares_card=shares_card))
        self.session.thread = threading.Thread(
            target=self._follow, name=f"nbtrainer {self._directory.path.name}", daemon=True
        )
        self.session.thread.start()

    def fail(self, error: BaseException) -> None:
        """End because the processes could not be started."""
        self._end_all()
        self._end(thread.failure(error, self._directory), is_in_journal=False)

    def _start(self, rank: int, *, of: int, port: int, shares_card: bool) -> _Worker:
        environment = child_environment() | {
            "RANK": str(rank),
            "WORLD_SIZE": str(of),
            "LOCAL_RANK": "0" if shares_card else str(rank),
            "LOCAL_WORLD_SIZE": "1" if shares_card else str(of),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "OMP_NUM_THREADS": str(max(1, usual_threads() // of)),
            "PYTHONUNBUFFERED": "1",
        }
        # names of machines are not to be asked for where all processes are on one
        loopback = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)
        if loopback:
            environment.setdefault("GLOO_SOCKET_IFNAME", loopback)
        printed = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        command = [sys.executable, "-m", "nbtrainer.engine.rank_process", str(self._directory.path)]
        command += [self._lease.owner.token, "resumed" if self._resumed else "new"]
        # a session of its own: Ctrl-C in a terminal is heard here, and asks rank 0 to stop
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=printed, stderr=printed, start_new_session=True
        )
        return _Worker(rank=rank, of=of, process=process, printed=printed)

    def _follow(self) -> None:
        """Look after the processes until all have ended, and say how."""
        first, *others = self._workers
        lost: _Worker | None = None
        asked, gives_up = "", float("inf")
        while first.process.poll() is None:
            if self.session.asked != asked:
                asked = self.session.asked
                first.say(f"stop {asked} {self.session.why}")
            if lost is None and (lost := next((each for each in others if each.is_lost), None)):
                first.say(f"lost {lost.how_it_ended()}")
                gives_up = time.monotonic() + _SECONDS_TO_FAIL
            if time.monotonic() > gives_up:
                first.process.kill()
            with suppress(subprocess.TimeoutExpired):
                first.process.wait(_SECONDS_BETWEEN_LOOKS)
        lost = lost or (first if first.is_lost else None)
        self._end_all()
        closing = self._closing_event()
        if closing is not None:
            self._end(closing, is_in_journal=True)
            return
        worker = lost or first
        reason = f"{worker.how_it_ended()}. Resume the run: it goes on from its last checkpoint"
        self._end(events.Failed(reason=reason, details=worker.end_of_output()), is_in_journal=False)

    def _closing_event(self) -> Event | None:
        """What rank 0 wrote at the end of this session, if it could."""
        with suppress(Exception):
            happened = attach(self._directory.path).events
            last = next(each for each in reversed(happened) if isinstance(each, (events.RunStarted, *events.CLOSING)))
            return None if isinstance(last, events.RunStarted) else last
        return None

    def _end_all(self) -> None:
        ends = time.monotonic() + _SECONDS_TO_END
        for worker in self._workers:
            with suppress(OSError):
                assert worker.process.stdin is not None
                worker.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, ends - time.monotonic()))
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()

    def _end(self, closing: Event, is_in_journal: bool) -> None:
        try:
            if not is_in_journal:
                with suppress(Exception):
                    emitter = Emitter(self._directory)
                    emitter(closing)
                    emitter.close()
            self._lease.release()
        finally:
            self.session.end(closing)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
