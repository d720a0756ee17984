"""The models in a folder: what each is for, and how well it did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbtrainer.disk import is_folder
from nbtrainer.errors import ModelError, UserError
from nbtrainer.inference.checkpoint import task_in
from nbtrainer.inference.checkpoint_path import best_checkpoint
from nbtrainer.inference.start_file import read_start
from nbtrainer.inference.start_package import open_package
from nbtrainer.inference.weights_file import StartFile
from nbtrainer.progress import OnProgress

# what Cellpose and Omnipose write has no suffix, and begins so
_SUFFIXES = (".pt", ".pth", ".ckpt", ".safetensors")
_NAMES = ("cellpose_residual", "CP_")


def list_models(folder: Path, report: OnProgress | None = None) -> list[dict[str, Any]]:
    """A row for each model below `folder`: runs (their best checkpoint), files of weights, and packages.

    Keys: `name` (below the folder), `path` (for `model.pretrained`), `format`, `kind`, `dim`, `channels`, `classes` (of the
    output), `network`, `score` and its `metric`, `problem` (why it cannot be read). None, or empty: it does not tell.
    Raises `UserError` if there is no such folder.
    """
    if not is_folder(folder):
        raise ModelError(str(folder), "there is no such folder", "Give a folder of models")
    paths = sorted(_models(folder))
    rows = []
    for number, path in enumerate(paths, 1):
        rows.append(_row(path, name=path.relative_to(folder).as_posix()))
        if report is not None:
            report(number, len(paths))
    return rows


def _models(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        here = Path(place)
        if _is_one_model(here):
            folders.clear()
            yield here
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = here / name
            if name.startswith("."):
                continue
            if path.suffix in _SUFFIXES or name.startswith(_NAMES) or (path.suffix == ".zip" and _is_one_model(path)):
                yield path


def _is_one_model(path: Path) -> bool:
    """Whether `path` is a run with a model, or a package."""
    if (path / "checkpoints").is_dir() and best_checkpoint(path) is not None:
        return True
    package = open_package(path)
    if package is None:
        return False
    with package:
        return True


def _row(path: Path, *, name: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(("dim", "channels", "classes", "score"))
    row |= {"name": name, "path": str(path), "format": "", "kind": "", "network": "", "metric": "", "problem": ""}
    try:
        start = read_start(path)
    except UserError as error:
        return row | {"problem": error.wrong}
    network = start.network
    row |= {
        "format": start.format,
        "kind": start.kind,
        "dim": network.get("dim"),
        "channels": network.get("input_channels"),
        "classes": network.get("output_channels"),
        "network": network.get("name", ""),
    }
    return row | _score(start)


def _score(start: StartFile) -> dict[str, Any]:
    record = start.record
    if record is None:
        return {}
    classes = len(getattr(task_in(record), "class_values", ())) or None
    return {
        "classes": classes or start.network["output_channels"],
        "score": record.get("score"),
        "metric": record.get("monitor", ""),
    }
