"""A session of a run, in a thread of its own, from the first event to the last: whatever happens, it ends and says why."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nbtrainer.config import Config
from nbtrainer.disk import write_json
from nbtrainer.disk_errors import FULL, disk_error
from nbtrainer.engine.build import build
from nbtrainer.engine.checkpoint import remove_leftovers
from nbtrainer.engine.environment_record import environment_record
from nbtrainer.engine.global_state import kernel_as_it_was
from nbtrainer.engine.job_record import restore
from nbtrainer.engine.micro_batches import what_parts_change
from nbtrainer.engine.nan_loss import DivergedError
from nbtrainer.engine.progress import Emit
from nbtrainer.engine.set_aside import MOST_TIMES, set_aside
from nbtrainer.engine.trainer import started_event, train
from nbtrainer.environment import waits_politely
from nbtrainer.errors import UserError
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.inference.device import is_out_of_memory
from nbtrainer.runs import Run, RunDirectory, attach, events
from nbtrainer.runs.changes import clear_changes
from nbtrainer.runs.events import Event
from nbtrainer.runs.listeners import Emitter
from nbtrainer.runs.owner import Lease
from nbtrainer.runs.pause import clear_pause
from nbtrainer.runs.run import STATUS_EVENTS
from nbtrainer.runs.session import Session
from nbtrainer.runs.signals import stop_before_the_end
from nbtrainer.runs.stop import StopRequest, clear_stop, read_stop

if TYPE_CHECKING:
    from nbtrainer.engine.ranks import Ranks

_SECONDS_BETWEEN_LOOKS = 0.1
_IMPOLITE = "torch was loaded before nbtrainer: beside a busy browser, steps may take several times as long"


class RunLostError(Exception):
    """The run belongs to another process by now, or its folder is gone: nothing may be written there any more."""


def launch(
    directory: RunDirectory, lease: Lease, resumed: bool, *, ranks: Ranks | None = None, is_opened: bool = False
) -> Run:
    """Train the run in `directory`, which `lease` owns, in a background thread.

    `ranks`: other processes that take part. `is_opened`: whether the process that started this one has told that the session
    begins.
    """
    stop_before_the_end()
    work = _Work(directory, lease, resumed, ranks)
    try:
        work.begin(is_opened)
    except BaseException as error:
        work.fail(error)
        raise
    return Run(directory, work.session)


def forget_requests(directory: RunDirectory) -> None:
    """What was asked of an earlier session is not asked of the next."""
    clear_stop(directory)
    clear_pause(directory)
    clear_changes(directory)


@contextmanager
def report_failure(directory: RunDirectory) -> Iterator[None]:
    """What breaks before the session of a new run begins is told in its folder too."""
    try:
        yield
    except BaseException as error:
        with suppress(Exception):
            emit = Emitter(directory)
            emit(failure(error, directory))
            emit.close()
        raise


def failure(error: BaseException, directory: RunDirectory) -> events.Failed:
    """The event that tells why a run broke, in a sentence where that is known."""
    details = traceback.format_exc()
    if isinstance(error, RunLostError):
        return events.Failed(reason=str(error))
    if not directory.path.is_dir():
        return events.Failed(reason=f"the folder {directory.path} is gone", details=details)
    refused = error if isinstance(error, OSError) else error.__cause__
    if isinstance(refused, OSError) and refused.errno in FULL:
        reason = f"the disk of {directory.path} is full. Free some space, then resume the run: it goes on from its last checkpoint"
        return events.Failed(reason=reason, details=details)
    if isinstance(error, UserError):
        return events.Failed(reason=str(error))
    if is_out_of_memory(error):
        words = f" ({error})" if str(error) else ""
        reason = f"memory ran out{words}. Reduce the patch size or the batch size"
    elif isinstance(error, OSError):
        reason = str(disk_error(error, directory.path, done="written"))
    else:
        reason = f"{type(error).__name__}: {error}"
    return events.Failed(reason=reason, details=details)


def _tell_how_it_ended_before(happened: list[Event], emit: Emit) -> None:
    """Every end has a reason in the log; that of a process that was killed can only be told by the next."""
    life = [event for event in happened if isinstance(event, (events.RunStarted, *events.CLOSING))]
    # the newest is this session
    before = life[-2] if len(life) > 1 else None
    if isinstance(before, events.RunStarted):
        who = f"process {before.process} on {before.host}"
        emit(events.Noted(text=f"the session before ended without a word: {who} was killed, or the machine went down"))


def _complete(happened: list[Event], record: dict[str, Any], emit: Emit) -> None:
    """Tell what the process was killed for telling, between its checkpoint and its journal."""
    times = {event.time for event in happened}
    for entry in record["resume"].get("happened", []):
        event = events.from_record(entry)
        if event is None or isinstance(event, STATUS_EVENTS) or (event.time in times and event in happened):
            continue
        emit(event)


class _Work:
    """What the thread of a session does."""

    def __init__(self, directory: RunDirectory, lease: Lease, resumed: bool, ranks: Ranks | None) -> None:
        self.session = Session(lease.owner.token, directory.path)
        self._directory = directory
        self._lease = lease
        self._resumed = resumed
        self._ranks = ranks
        self._emitter: Emitter | None = None
        self._heard: StopRequest = ""
        self._read: StopRequest = ""
        self._looked_at = -math.inf

    def begin(self, is_opened: bool) -> None:
        """Open the journal, and start the thread."""
        if not is_opened:
            forget_requests(self._directory)
        remove_leftovers(self._directory.checkpoints)
        self._emitter = Emitter(self._directory)
        if not is_opened:
            self._emit(started_event(self._resumed, self._lease.owner.token))
        self.session.thread = threading.Thread(
            target=self._do, name=f"nbtrainer {self._directory.path.name}", daemon=True
        )
        self.session.thread.start()

    def fail(self, error: BaseException) -> None:
        """End because of `error`, and say so as far as the disk lets it."""
        closing = failure(error, self._directory)
        if not self._lease.lost and self._emitter is not None:  # else the journal is another's
            with suppress(Exception):
                self._emitter(closing)
        self._end(closing)

    def _do(self) -> None:
        """Build, train, and end; nothing escapes unreported."""
        try:
            with kernel_as_it_was():
                closing = self._train()
            if isinstance(closing, events.Stopped):
                closing = dataclasses.replace(closing, reason=self.session.why or "as asked")
            self._emit(closing)
        except BaseException as error:  # a thread's error would vanish: it is kept, whatever it is
            self.fail(error)
        else:
            self._end(closing)

    def _end(self, closing: Event) -> None:
        try:
            if self._ranks is not None:
                self._ranks.end(str(self._directory.path))
            if self._emitter is not None:
                self._emitter.close(copies=not self._lease.lost)
            self._lease.release()
        finally:
            self.session.end(closing)

    def _train(self) -> Event:
        emit = self._emit
        if not waits_politely():
            emit(events.Noted(text=_IMPOLITE))
        emit(events.Activity(doing="preparing: reading images, measuring what is fastest here"))
        closing = None
        times = 0
        while closing is None:
            closing = self._train_once(times)
            times += 1
        return closing

    def _train_once(self, times: int) -> Event | None:
        """Build what the run works with, from its last checkpoint if it goes on, and train; None if the loss was no number,
        and it is to be tried again from that checkpoint. `times`: how often it was by now."""
        emit = self._emit
        goes_on = (self._resumed or times > 0) and self._directory.last.exists()
        record = load_checkpoint(self._directory.last) if goes_on else None
        job = build(Config.load(self._directory.config), self._directory, record)
        job.config.save(self._directory.config)
        # for who looks at the run without torch; a resume keeps to that of its checkpoint
        write_json(self._directory.split, job.split_record.as_record())
        write_json(
            self._directory.environment,
            environment_record(job.device, job.patches.images.fingerprints),
            is_synced=False,
        )
        if self._emitter is not None:
            emitter = self._emitter
            job.uncopied = lambda: emitter.uncopied
        job.stepper.on_batch_split = lambda patches, parts: emit(
            events.BatchReduced(step=job.clock.step, tiles=patches, parts=parts, changes=what_parts_change(job.network))
        )
        if self._ranks is not None:
            self._ranks.prepare(job, record, emit)
        job.validator.tell = job.previewer.tell = _once(lambda words: emit(events.Warned(text=words)))
        sums = {}
        if record is not None:
            sums = restore(job, record)
        if self._resumed and not times:
            happened = attach(self._directory.path).events
            _tell_how_it_ended_before(happened, emit)
            if record is not None:
                _complete(happened, record, emit)
        try:
            return train(job, emit, self._stop_asked, sums)
        except DivergedError as error:
            if times >= MOST_TIMES:
                raise error.advice from None
            emit(set_aside(job, error))
            traceback.clear_frames(error.__traceback__)  # they hold the memory that the next try needs
        return None

    def _emit(self, event: Event) -> None:
        assert self._emitter is not None
        if self._lease.lost:
            raise RunLostError(self._lease.lost)
        self._emitter(event)

    def _stop_asked(self) -> StopRequest:
        """What was asked of the run, through its folder or in this process; told when it is heard."""
        if self._lease.lost:
            raise RunLostError(self._lease.lost)
        # asked at every step: a mounted drive takes its time to say that there is no file
        if time.monotonic() - self._looked_at > _SECONDS_BETWEEN_LOOKS:
            self._looked_at, self._read = time.monotonic(), read_stop(self._directory)
        asked = (self.session.asked, self._read)
        strongest: StopRequest = "now" if "now" in asked else "validation" if any(asked) else ""
        if strongest != self._heard:
            self._heard = strongest
            self._emit(events.StopAsked(now=strongest == "now"))
        return strongest


def _once(tell: Callable[[str], None]) -> Callable[[str], None]:
    """`tell` for what was not told yet: each validation meets the same."""
    reported: set[str] = set()

    def tell_once(words: str) -> None:
        if words not in reported:
            reported.add(words)
            tell(words)

    return tell_once
