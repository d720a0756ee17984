"""A run's log for other programs, made of its journal: TensorBoard, the files of Weights & Biases, and everything as a zip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from nbtrainer.config import Config
from nbtrainer.disk import make_folder, to_json, write_aside, write_json, write_text
from nbtrainer.errors import SettingError
from nbtrainer.runs import events
from nbtrainer.runs.directory import RunDirectory
from nbtrainer.runs.events import Event
from nbtrainer.runs.tensorboard import scalar_settings, write_tensorboard

LOG_FORMATS = ("tensorboard", "wandb")
# what every setting of it is compressed by already
_STORED = {".pt", ".png", ".zip"}


def export_log(directory: RunDirectory, happened: Sequence[Event], folder: Path, format: str) -> Path:
    """Write what `happened` in the run as `format` (tensorboard, wandb) to `folder`, and return it. Raises `UserError`."""
    if format not in LOG_FORMATS:
        raise SettingError(
            "format", f"{format!r} is unknown", f"Choose {' or '.join(LOG_FORMATS)}", suggestions=LOG_FORMATS
        )
    make_folder(folder)
    if format == "tensorboard":
        return write_tensorboard(directory, happened, folder)
    return _write_wandb(directory, happened, folder)


def save_zip(directory: RunDirectory, path: Path, *, model: Path | None, with_checkpoints: bool) -> Path:
    """Everything of a run in one file, which unpacks to its folder; of the checkpoints all, or the one of its `model`."""
    files = [file for file in sorted(directory.path.rglob("*")) if file.is_file() and file.resolve() != path.resolve()]
    if not with_checkpoints:
        files = [file for file in files if file.suffix != ".pt" or file == model]
    with write_aside(path) as aside, zipfile.ZipFile(aside, "w") as archive:
        for file in files:
            kind = zipfile.ZIP_STORED if file.suffix in _STORED else zipfile.ZIP_DEFLATED
            archive.write(file, Path(directory.path.name) / file.relative_to(directory.path), kind)
    return path


def _write_wandb(directory: RunDirectory, happened: Sequence[Event], folder: Path) -> Path:
    """The files that a run of Weights & Biases has: `config.yaml`, its history a line a step, and the last of each score."""
    began = happened[0].time if happened else 0.0
    lines: list[dict[str, float]] = []
    summary: dict[str, float] = {}
    for event in happened:
        if isinstance(event, events.Planned):  # what came after this step is done again
            lines = [line for line in lines if line["_step"] <= event.step]
        values = _values(event)
        if values:
            step = int(getattr(event, "step", lines[-1]["_step"] if lines else 0))
            lines.append({"_step": step, "_runtime": event.time - began, "_timestamp": event.time, **values})
            summary |= lines[-1]
    values_of = {path: {"value": value} for path, value in scalar_settings(Config.load(directory.config)).items()}
    write_text(folder / "config.yaml", json.dumps(values_of, indent=2) + "\n")  # JSON is YAML too
    write_text(folder / "wandb-history.jsonl", "".join(to_json(line, indent=None) + "\n" for line in lines))
    write_json(folder / "wandb-summary.json", summary)
    return folder


def _values(event: Event) -> dict[str, float]:
    match event:
        case events.StepsDone():
            return {"loss": event.loss, "learning_rate": event.learning_rate, "epoch": event.epoch}
        case events.Scored() | events.TestScored():
            return dict(event.scores)
    return {}
