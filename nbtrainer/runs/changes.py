"""Settings changed while a run trains: asked for by a file in its folder, as a stop is, and read by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbtrainer.config import Config, messages
from nbtrainer.disk import exists, parse_json, read_text, write_json
from nbtrainer.errors import SettingError, UserError
from nbtrainer.runs.directory import RunDirectory
from nbtrainer.wording import first_of_many

# what may be changed; everything else is what the run was built from
CHANGEABLE = (
    "compile.learning_rate",
    "training.epochs",
    "training.iterations",
    "training.max_minutes",
    "training.patience",
)


def request_changes(directory: RunDirectory, changes: Mapping[str, Any]) -> None:
    """Ask the run in `directory` to go on with other settings: `{"training.epochs": 40}`.

    What was asked before and not read yet stays asked. Raises `SettingError` for a setting that cannot be changed, or a
    value that it cannot have.
    """
    judged(Config.load(directory.config), changes)
    try:
        waiting = _read(directory.changes) if exists(directory.changes) else {}
    except (UserError, ValueError):
        waiting = {}
    write_json(directory.changes, {**waiting, **changes})


def clear_changes(directory: RunDirectory) -> None:
    """Forget what was asked for."""
    with suppress(OSError):
        directory.changes.unlink(missing_ok=True)


def take_changes(directory: RunDirectory) -> dict[str, Any]:
    """What was asked for, which is forgotten then; empty if nothing was.

    Raises `UserError` if the file cannot be understood; it is forgotten too.
    """
    if not exists(directory.changes):
        return {}
    try:
        return _read(directory.changes)
    except ValueError as error:
        raise SettingError(
            str(directory.changes), f"this is no JSON ({error})", 'Write {"training.epochs": 40}, or the like'
        ) from None
    finally:
        directory.changes.unlink(missing_ok=True)


def judged(config: Config, changes: Mapping[str, Any]) -> Config:
    """A copy of `config` with these changes. Raises `SettingError` if one is not possible."""
    refused = [path for path in changes if path not in CHANGEABLE]
    if refused:
        close = messages.nearest(refused[0], CHANGEABLE)
        guess = f"Did you mean {close}? " if close else ""
        raise SettingError(
            refused[0],
            "this cannot be changed while a run trains",
            f"{guess}Change {first_of_many(CHANGEABLE, len(CHANGEABLE))}; for anything else stop the run and resume it",
            suggestions=(close,) if close else (),
        )
    changed = config.model_copy(deep=True)
    for path, value in changes.items():
        changed.set(path, value)
    return changed.validated()


def _read(file: Path) -> dict[str, Any]:
    value = parse_json(read_text(file))
    if not isinstance(value, dict):
        raise ValueError("it holds no settings")
    changes: dict[str, Any] = {}
    for name, content in value.items():
        # in sections, as config.json is
        nested = {f"{name}.{field}": each for field, each in content.items()} if isinstance(content, dict) else None
        changes.update({name: content} if nested is None else nested)
    return changes
