"""The folder of a run: made, never overwritten, and where each thing lies in it."""

from __future__ import annotations

import re
from pathlib import Path

from nbtrainer.errors import UserError


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
        self.stop = path / "stop"
        self.checkpoints = path / "checkpoints"
        self.previews = path / "previews"
        self.last = self.checkpoints / "last.pt"

    @classmethod
    def create(cls, root: Path, data_task: str, name: str) -> RunDirectory:
        """A new folder `root/data_task/name`; an empty name takes the next free of run-001, run-002, ...

        Raises `UserError` if the name is taken or the folder cannot be made.
        """
        parent = root / data_task if data_task else root
        try:
            parent.mkdir(parents=True, exist_ok=True)
            path = _make(parent, name)
            directory = cls(path)
            directory.checkpoints.mkdir()
            directory.previews.mkdir()
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(
                "output.root", f"{parent} cannot be written to ({reason.lower()})", "Choose another folder"
            ) from None
        return directory

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """The folder of a run that exists; raises `UserError` if `path` is none."""
        directory = cls(path.resolve())
        if not directory.events.exists() or not directory.config.exists():
            wrong = "this is not the folder of a run" if path.is_dir() else "there is no such folder"
            raise UserError(str(path), wrong, "Give the folder that holds config.json and events.jsonl")
        return directory


def free_name_problem(root: Path, data_task: str, name: str) -> UserError | None:
    """Why `root/data_task/name` cannot become a new run, or None; touches nothing."""
    if name and (root / data_task / name).exists():
        return _taken(root / data_task / name)
    existing = next((folder for folder in (root / data_task / "x").parents if folder.exists()), None)
    if existing is not None and not existing.is_dir():
        return UserError("output.root", f"{existing} is a file, not a folder", "Choose another folder")
    return None


def _make(parent: Path, name: str) -> Path:
    if name:
        try:
            (parent / name).mkdir()
        except FileExistsError:
            raise _taken(parent / name) from None
        return parent / name
    while True:
        numbers = [int(found[1]) for path in parent.iterdir() if (found := re.fullmatch(r"run-(\d+)", path.name))]
        path = parent / f"run-{max(numbers, default=0) + 1:03d}"
        try:
            path.mkdir()
        except FileExistsError:  # another process was faster
            continue
        return path


def _taken(path: Path) -> UserError:
    return UserError(
        "output.name", f"{path} exists already", "Choose another name, or leave it empty for the next free one"
    )
