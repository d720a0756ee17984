"""The folder of a run: made, never overwritten, and where each thing lies in it."""

from __future__ import annotations

import re
from pathlib import Path

from nbtrainer.data.fold_record import is_cross_validation
from nbtrainer.disk import exists, is_folder, list_folder, make_folder, may_write
from nbtrainer.disk_errors import at_disk
from nbtrainer.errors import ModelError, SettingError, UserError


class RunDirectory:
    """Where each thing of a run lies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"
        self.events = path / "events.jsonl"
        self.history = path / "history.csv"
        self.log = path / "log.txt"
        self.curves = path / "curves.png"
        self.tiles = path / "tiles.json"
        self.set_aside = path / "set_aside.json"
        self.split = path / "split.json"
        self.environment = path / "environment.json"
        self.stop = path / "stop"
        self.pause = path / "pause"
        self.changes = path / "change.json"
        self.checkpoints = path / "checkpoints"
        self.previews = path / "previews"
        self.tensorboard = path / "tensorboard"
        self.last = self.checkpoints / "last.pt"

    @classmethod
    def create(cls, root: Path, *, data_task: str, name: str) -> RunDirectory:
        """A new folder `root/data_task/name`; an empty name takes the next free of run-001, run-002, ...

        Raises `UserError` if the name is taken or the folder cannot be made.
        """
        parent = root / data_task if data_task else root
        make_folder(parent, "output.root")
        with at_disk(parent / name, where="output.name" if name else "output.root", done="made"):
            directory = cls(make_folder_for(parent, name=name, numbered="run"))
            directory.make_folders()
        return directory

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """The folder of a run that exists; raises `UserError` if `path` is none."""
        with at_disk(path, done="entered"):
            directory = cls(path.resolve())
        if not exists(directory.events) or not exists(directory.config):
            wrong = "this is not the folder of a run" if is_folder(path) else "there is no such folder"
            remedy = "Give the folder that holds config.json and events.jsonl"
            if is_cross_validation(path):
                wrong = "this is the folder of a cross-validation, which has a run for each fold"
                remedy = "Give one of the folders in it; cross_validate(folder) goes on with all of them"
            raise ModelError(str(path), wrong, remedy)
        return directory

    def make_folders(self) -> None:
        """Make the folders in it that are missing: zip files, version control and cloud drives leave empty ones out."""
        self.checkpoints.mkdir(exist_ok=True)
        self.previews.mkdir(exist_ok=True)


def free_name_problem(root: Path, *, data_task: str, name: str) -> UserError | None:
    """Why `root/data_task/name` cannot become a new run, or None; touches nothing."""
    try:
        existing = next((folder for folder in (root / data_task / "x").parents if exists(folder, "output.root")), None)
        if existing is not None and not is_folder(existing, "output.root"):
            return SettingError("output.root", f"{existing} is a file, not a folder", "Choose another folder")
        if existing is not None and not may_write(existing):
            return SettingError("output.root", f"{existing} may not be written by you", "Choose another folder")
        if existing is not None:  # a name that this disk cannot have is refused where there is a folder
            exists(existing / (data_task or "."), "output.data_task")
            exists(existing / (name or "."), "output.name")
        if name and exists(root / data_task / name, "output.name"):
            return _taken(root / data_task / name)
    except UserError as error:
        return error
    return None


def make_folder_for(parent: Path, *, name: str, numbered: str) -> Path:
    """A new folder `name` in `parent`; of an empty name the next free of `<numbered>-001`, `<numbered>-002`, ...

    Raises `SettingError` if the name is taken.
    """
    if name:
        try:
            (parent / name).mkdir()
        except FileExistsError:
            raise _taken(parent / name) from None
        return parent / name
    while True:
        numbers = [
            int(match[1]) for path in list_folder(parent) if (match := re.fullmatch(rf"{numbered}-(\d+)", path.name))
        ]
        path = parent / f"{numbered}-{max(numbers, default=0) + 1:03d}"
        try:
            path.mkdir()
        except FileExistsError:  # another process was faster
            continue
        return path


def _taken(path: Path) -> UserError:
    return SettingError(
        "output.name",
        f"{path} exists already",
        "Choose another name, or leave it empty for the next free one",
        suggestions=("",),
    )
