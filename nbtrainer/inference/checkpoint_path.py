"""Which checkpoint of a run's folder stands for the run, found without reading its journal."""

from __future__ import annotations

import os
import warnings
from pathlib import Path, PurePath
from typing import Any

from nbtrainer.disk import exists, is_folder, parse_json, read_text
from nbtrainer.errors import UserError

BEST_LIST = "best.json"


def best_checkpoint(run: Path) -> Path | None:
    """The checkpoint that stands for the run in folder `run` (or its `checkpoints` folder), or None.

    The best one, else the last; the other way round if the run's settings say `training.load_at_end = "last"`. A list
    or settings that cannot be read are told in a warning: the models beside them are as good as before.
    """
    folder = run / "checkpoints" if is_folder(run / "checkpoints") else run
    last = folder / "last.pt"
    candidates = [folder / name for name in _best_names(folder / BEST_LIST)] + [last]
    if _loads_last(folder.parent / "config.json"):
        candidates.insert(0, last)
    return next((file for file in candidates if exists(file)), None)


def _best_names(file: Path) -> list[str]:
    """The names of the best checkpoints, best first; of a list that is broken, those that lie there, newest first."""
    if not os.path.exists(file):
        return []
    try:
        # a name alone: what somebody else's list says does not lead out of the folder
        return [PurePath(entry["file"]).name for entry in _json(file)]
    except (TypeError, KeyError):
        there = sorted(file.parent.glob("best-*.pt"), key=_modified, reverse=True)
        return [checkpoint.name for checkpoint in there]


def _modified(file: Path) -> float:
    try:
        return os.stat(file).st_mtime
    except OSError:
        return 0.0


def _loads_last(file: Path) -> bool:
    settings = _json(file)
    training = settings.get("training") if isinstance(settings, dict) else None
    return isinstance(training, dict) and training.get("load_at_end") == "last"


def _json(file: Path) -> Any:
    """What a file holds; None if it is missing, or cannot be read, which a warning tells."""
    if not os.path.exists(file):
        return None
    try:
        return parse_json(read_text(file))
    except (UserError, ValueError) as error:
        wrong = error.wrong if isinstance(error, UserError) else "it is not valid JSON"
        words = f"{file} cannot be used ({wrong}); the models beside it can, and the newest counts as the best"
        warnings.warn(words, UserWarning, stacklevel=6)
        return None
