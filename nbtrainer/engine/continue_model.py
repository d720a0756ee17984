"""A new run that goes on from a checkpoint of another: with its optimizer and its epoch, or with the epochs counted anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbtrainer.config import Config
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.datasets import Survey
from nbtrainer.engine.checkpoint import copy
from nbtrainer.engine.job import TrainingJob
from nbtrainer.engine.job_record import restore
from nbtrainer.engine.resumed_split import previous_split
from nbtrainer.errors import ModelError
from nbtrainer.inference.checkpoint import checkpoint_file
from nbtrainer.runs import events
from nbtrainer.runs.events import Event
from nbtrainer.wording import first_of_many


def continues(config: Config) -> bool:
    """Whether the run goes on from the model that it starts from with everything that is in it."""
    return bool(config.model.pretrained) and config.model.take_over == "everything"


def split_of_model(config: Config, record: dict[str, Any] | None, surveyed: Survey) -> SplitRecord | None:
    """The split that a run keeps because it goes on from `record`, if it has any image of it."""
    before = previous_split(record) if continues(config) else None
    if before is None or len(before.missing(surveyed.listed)) == len(before.entries):
        return None
    return before


def warn_of_known_images(record: dict[str, Any], surveyed: Survey) -> list[Event]:
    """A warning if images that are to judge trained the model in `record`."""
    before = previous_split(record)
    if before is None:
        return []
    trained = {str(Path(entry.image).resolve()) for entry in before.entries if entry.use == "train"}
    known = [pair.image.name for pair in surveyed.split.validation if str(pair.image.resolve()) in trained]
    if not known:
        return []
    words = f"the model that this run starts from was trained on images that validate here ({first_of_many(known)})"
    return [events.Warned(text=f"{words}: their scores flatter it. Start with everything of it, or keep its split")]


def go_on_from(job: TrainingJob, record: dict[str, Any]) -> None:
    """Take over optimizer, random numbers and clock of `record`, whose weights the network has already.

    With `model.start_epoch` the clock starts there, and no score of before counts; else the best models come along.
    Raises `ModelError` if the run is built in another way.
    """
    settings = job.config.model
    path = job.config.resolve(settings.pretrained)
    _require_same_shape(job, record)
    entries = record["resume"]["best"]
    if settings.start_epoch is None:
        folder = checkpoint_file(path).parent
        for file in (folder / entry["file"] for entry in entries):
            if file.exists():
                copy(file, target=job.directory.checkpoints / file.name)
    else:
        record = {**record, "resume": {**record["resume"], "best": [], "sums": {}}}
    totals = restore(job, record)
    if settings.start_epoch is not None:
        job.clock.set_epoch(settings.start_epoch)
    elif totals:
        # what the epoch summed is of another run: its last steps are done again
        job.clock.set_epoch(job.clock.step // job.clock.steps_per_epoch)
    if job.clock.step >= job.clock.total_steps:
        raise ModelError(
            "model.pretrained",
            f"{path} has done {job.clock.step:,} steps, and this run has {job.clock.total_steps:,}",
            "Give it more training.epochs, or a model.start_epoch, such as 0",
        )
    where = f"epoch {job.clock.step // job.clock.steps_per_epoch:,}"
    words = f"going on from {path} (step {record['step']:,}) with its optimizer, at {where}"
    job.notes.append(events.Noted(text=words))


def _require_same_shape(job: TrainingJob, record: dict[str, Any]) -> None:
    """Raise `ModelError` if weights or optimizer of `record` are not those of the run."""
    groups = [len(group["params"]) for group in record["resume"]["optimizer"]["param_groups"]]
    own = [len(group["params"]) for group in job.stepper.optimizer.param_groups]
    used, chosen = record["config"]["compile"]["optimizer"], job.config.compile.optimizer
    different = ""
    if record["network"] != job.network_record:
        different = "its network is built in another way, or for other images"
    elif used != chosen:
        different = f"it was trained with {used}, this run is with {chosen}"
    elif groups != own:
        different = "its learning rates were divided among the layers in another way (compile.layer_decay)"
    if different:
        raise ModelError("model.take_over", different, "Take over its weights alone", suggestions=("weights",))
