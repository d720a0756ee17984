"""The record that a checkpoint keeps of a run, and how a run goes on from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from nbtrainer.data.file_names import shortest_names
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.data.patch_sampler import PatchLocation
from nbtrainer.data.sampling_log import SamplingLog
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.engine.environment_record import versions
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.plateau import Plateau
from nbtrainer.engine.resumed_split import previous_split
from nbtrainer.inference.device import random_state, set_random_state
from nbtrainer.inference.golden_tile import golden_tile
from nbtrainer.models.recomputing import Recomputing
from nbtrainer.optimizers import load_optimizer_state
from nbtrainer.runs import events
from nbtrainer.runs.events import Event
from nbtrainer.wording import first_of_many


def checkpoint_record(
    job: TrainingJob, score: float | None, epoch_totals: dict[str, Any], happened: Sequence[Event] = ()
) -> dict[str, Any]:
    """The record to save: what prediction needs, and under `resume` what an exact continuation needs besides.

    `happened`: events that are told once the record is written; should the process be killed between, a resume
    tells them.
    """
    settings = job.config.model_dump()
    job.read_errors()
    job.settle()
    return {
        "format": 1,
        "versions": dict(versions()),
        "network": job.network_record,
        "weights": job.model.state_dict(),
        "task": {"name": job.task.name, "settings": job.task.as_record()},
        "normalization": job.patches.images.normalizer.as_record(),
        "preparation": job.survey.preparation.as_record(),
        "spacing": job.spacing,
        **job.about_images,
        "tile": list(job.config.sampling.patch_size),
        "config": settings,
        "step": job.clock.step,
        "epoch": job.clock.epoch,
        "monitor": job.monitor,
        "score": score,
        "self_check": golden_tile(job.model, job.check_tile),
        "resume": {
            "optimizer": job.stepper.optimizer.state_dict(),
            "scaler": job.stepper.scaler.state_dict(),
            # "weights" are the average then
            "trained_weights": None if job.averaged is None else job.network.state_dict(),
            "averaged_steps": 0 if job.averaged is None else int(job.averaged.n_averaged),
            "plateau": job.plateau.as_record(),
            "loaded": sorted(job.loaded),
            "random": random_state(job.device),
            "clock": job.clock.as_record(),
            "best": job.best.entries,
            "parts": job.stepper.micro_batches,
            "recomputes": isinstance(job.network, Recomputing) and job.network.recomputes,
            "sums": epoch_totals,
            "happened": [event.as_record() for event in happened],
            "ledger": job.sampling_log.as_record(),
            "split": job.split_record.as_record(),
            "wrong": [[error, place.as_record()] for error, place in job.patch_losses],
            "compared": job.baselines,
            "files": fingerprints.as_record() if (fingerprints := job.patches.images.fingerprints) else {},
            "hard": [place.as_record() for place in job.patches.sampler.hard],
        },
    }


def restore(job: TrainingJob, record: dict[str, Any]) -> dict[str, Any]:
    """Continue from a checkpoint; the sums of the epoch that was under way."""
    state = record["resume"]
    job.network.load_state_dict(state.get("trained_weights") or record["weights"])
    if job.averaged is not None:
        job.averaged.module.load_state_dict(record["weights"])
        job.averaged.n_averaged.fill_(state.get("averaged_steps", 0))
    job.plateau = Plateau.of(state.get("plateau", {}))
    job.loaded = frozenset(state.get("loaded", ()))
    load_optimizer_state(job.stepper.optimizer, state["optimizer"])
    job.stepper.scaler.load_state_dict(state["scaler"])
    random = state["random"]  # of before, that of the processor alone
    set_random_state(random if isinstance(random, dict) else {"cpu": random}, job.device)
    job.clock.restore(state["clock"])
    job.best.restore(state["best"], job.directory.last, record["step"])
    job.stepper.micro_batches = state["parts"]
    if isinstance(job.network, Recomputing):
        # what torch calculates once more on the way back, it cannot on a TPU
        job.network.recomputes = bool(state.get("recomputes")) and job.device.type != "xla"
    numbers = _numbers(job, previous_split(record))
    job.sampling_log = (
        SamplingLog.from_record(state["ledger"]).renumber(numbers) if "ledger" in state else SamplingLog()
    )
    hard = [PatchLocation.of(values) for values in state.get("hard", [])]
    job.patches.sampler.hard = [
        dataclasses.replace(place, index=numbers[place.index]) for place in hard if place.index in numbers
    ]
    job.baselines = {**job.baselines, **state.get("compared", {})}
    wrong = [(error, PatchLocation.of(values)) for error, values in state.get("wrong", [])]
    job.patch_losses = [
        (error, dataclasses.replace(place, index=numbers[place.index]))
        for error, place in wrong
        if place.index in numbers
    ]
    job.notes += _changed_files(job.patches.images.fingerprints, state.get("files", {}))
    sums = state["sums"]
    assert isinstance(sums, dict)
    return sums


def _numbers(job: TrainingJob, before: SplitRecord | None) -> dict[int, int]:
    """By the number that a training image had in the session before, the number that it has in this one."""
    train = job.survey.split.train
    if before is None:  # of an older version
        return {number: number for number in range(len(train))}
    return before.numbers(job.survey.listed, drawn=train)


def _changed_files(fingerprints: Fingerprints | None, record: dict[str, Any]) -> list[Event]:
    """A warning of files that are others than in the session before, if any are."""
    changed = fingerprints.changed_since(record) if fingerprints else []
    if not changed:
        return []
    which = first_of_many(shortest_names(changed))
    words = f"changed since the run was stopped: {which}. Training goes on with them as they are now"
    return [events.Warned(text=words)]
