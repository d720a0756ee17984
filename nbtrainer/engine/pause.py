"""A run that waits: on request without the memory of its device, so that somebody else can use it meanwhile."""

from __future__ import annotations

import contextlib
import time

import torch

from nbtrainer.engine.change_settings import apply_changes
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.progress import Emit, ReadStop
from nbtrainer.engine.save import save_within_epoch
from nbtrainer.inference.device import free_cached_memory
from nbtrainer.runs import events
from nbtrainer.runs.pause import clear_pause, read_pause

_SECONDS_BETWEEN_LOOKS = 0.1


def wait_while_paused(job: TrainingJob, emit: Emit, stop_asked: ReadStop, epoch_totals: dict[str, object]) -> None:
    """Wait as long as a pause is asked for and no stop is; settings may be changed meanwhile.

    Everything is saved first: whoever pauses may close the laptop. The time counts for no budget.
    """
    if not read_pause(job.directory) or stop_asked():
        return
    began = time.monotonic()
    save_within_epoch(job, emit, epoch_totals, is_required=True)
    is_asked = is_freed = False
    emit(events.Paused(step=job.clock.step))
    while (asked := read_pause(job.directory)) and not stop_asked():
        if asked == "free" and not is_asked:
            is_asked, is_freed = True, _free_memory(job, emit)
        apply_changes(job, emit)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    with contextlib.suppress(OSError):  # after a stop, it shall not pause the next session
        clear_pause(job.directory)
    if is_freed:
        _move(job, job.device)
    job.clock.leave_out(time.monotonic() - began)
    emit(events.Continued(step=job.clock.step, seconds=time.monotonic() - began))


def _free_memory(job: TrainingJob, emit: Emit) -> bool:
    """Move off the device, and say so; whether that was possible."""
    if job.device.type == "xla":
        emit(events.Noted(text="paused: a TPU serves one process alone, so that its memory stays as it is"))
        return False
    if job.device.type == "cpu":  # the network is where it would be moved to
        return False
    _move(job, torch.device("cpu"))
    free_cached_memory(job.device)
    if job.ranks is not None:
        job.ranks.free_memory()
    emit(events.Noted(text=f"paused: the memory of {job.device} is free"))
    return True


def _move(job: TrainingJob, device: torch.device) -> None:
    """Everything that lives on the device, to `device`."""
    if device != job.device:  # what is compiled holds memory of its own
        job.compiled, job.stepper.forward = None, job.stepper.network
    job.network.to(device)
    job.model.to(device)
    job.stepper.loss.to(device)
    job.stepper.optimizer.zero_grad(set_to_none=True)
    for state in job.stepper.optimizer.state.values():
        for name, value in state.items():
            # the number of the step lies on the processor in most optimizers, whatever the device
            if isinstance(value, torch.Tensor) and value.ndim:
                state[name] = value.to(device)
