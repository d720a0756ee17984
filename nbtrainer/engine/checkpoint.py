"""The one checkpoint format, written so that no crash can spoil it; and the N best."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import torch

from nbtrainer.disk import write_aside, write_json
from nbtrainer.inference.checkpoint_path import BEST_LIST
from nbtrainer.inference.device import on_processor
from nbtrainer.runs.best import is_better


def write(record: dict[str, Any], path: Path) -> None:
    """Write `record` (tensors and plain values) to `path`: first beside it, synced, then renamed over it.

    Raises `UserError` if the disk refuses it, as when it is full; the checkpoint of before stays.
    """
    with write_aside(path) as aside, aside.open("wb") as file:
        target = _Target(file)
        try:
            torch.save(on_processor(record), cast("IO[bytes]", target))
        except RuntimeError:
            # torch only says that a position was not expected
            if target.refusal is not None:
                raise target.refusal from None
            raise


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written among the checkpoints; the run must be owned."""
    for path in (*folder.glob(".*.part"), *folder.glob("*.new")):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


class _Target:
    """A file for `torch.save` that remembers why the disk refused it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.refusal: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            return self._file.write(content)
        except OSError as error:
            self.refusal = error
            raise

    def flush(self) -> None:
        self._file.flush()


class BestCheckpoints:
    """The `keep` best checkpoints in a folder (-1: all), best first, by a score that is better `higher` or lower.

    Of equal scores the lower `loss` wins: many a score of objects is 0 for a while.
    """

    def __init__(self, folder: Path, keep: int, higher: bool, entries: list[dict[str, Any]] | None = None) -> None:
        self._folder = folder
        self._keep = keep if keep >= 0 else None
        self._higher = higher
        self.entries = entries or []

    @property
    def best(self) -> dict[str, Any] | None:
        """`file`, `score`, `epoch` and `step` of the best one."""
        return self.entries[0] if self.entries else None

    def earns_a_place(self, score: float, *, loss: float = math.inf) -> bool:
        return math.isfinite(score) and (
            self._keep is None
            or len(self.entries) < self._keep
            or self._is_better(score, loss=loss, other=self.entries[-1])
        )

    def is_best(self, score: float, *, loss: float = math.inf) -> bool:
        return math.isfinite(score) and (not self.entries or self._is_better(score, loss=loss, other=self.entries[0]))

    def enter(self, score: float, *, epoch: int, step: int, loss: float = math.inf) -> str:
        """Make a place for a checkpoint with `score`, and return the name of its file."""
        # the step keeps names apart where an epoch is done again with another result
        entry = {"file": f"best-epoch{epoch:04d}-step{step}.pt", "score": score, "epoch": epoch, "step": step}
        if math.isfinite(loss):
            entry["loss"] = loss
        self.entries = [other for other in self.entries if other["file"] != entry["file"]]
        place = next(
            (k for k, other in enumerate(self.entries) if self._is_better(score, loss=loss, other=other)),
            len(self.entries),
        )
        self.entries.insert(place, entry)
        return str(entry["file"])

    def settle(self) -> None:
        """Write the list, then remove the files that lost their place: in this order nothing listed is ever missing."""
        lost = [] if self._keep is None else self.entries[self._keep :]
        self.entries = self.entries[: self._keep]
        write_json(self._folder / BEST_LIST, self.entries)
        for entry in lost:
            (self._folder / entry["file"]).unlink(missing_ok=True)

    def restore(self, entries: Sequence[dict[str, Any]], last: Path, step: int) -> None:
        """Continue with the `entries` of the checkpoint `last` of `step`, as far as their files are there.

        A kill between `last` and its copy among the best leaves an entry without a file: `last` is that checkpoint.
        """
        self.entries = []
        for entry in entries:
            file = self._folder / entry["file"]
            if not file.exists() and entry["step"] == step and last.exists():
                copy(last, target=file)
            if file.exists():
                self.entries.append(entry)
        self.settle()

    def file_of_best(self) -> Path | None:
        """The best checkpoint that is there, or None."""
        files = (self._folder / entry["file"] for entry in self.entries)
        return next((file for file in files if file.exists()), None)

    def _is_better(self, score: float, *, loss: float, other: dict[str, Any]) -> bool:
        return is_better(
            score, loss=loss, other_score=other["score"], other_loss=other.get("loss", math.inf), higher=self._higher
        )


def copy(source: Path, *, target: Path) -> None:
    """`source` under a second name; costs nothing where the disk knows hard links. Raises `UserError` as `write`."""
    with write_aside(target) as aside:
        try:
            os.link(source, aside)
        except OSError:
            shutil.copyfile(source, aside)
