"""The one checkpoint format, written so that no crash can spoil it; and the N best."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from nbtrainer.inference.find import BEST_LIST
from nbtrainer.runs.best import is_better


def write(record: dict[str, Any], path: Path) -> None:
    """Write `record` (tensors and plain values) to `path`: first beside it, synced, then renamed over it."""
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        torch.save(record, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


class BestCheckpoints:
    """The `keep` best checkpoints in a folder, best first, by a score that is better `higher` or lower.

    Of equal scores the lower `loss` wins: many a score of objects is 0 for a while.
    """

    def __init__(self, folder: Path, keep: int, higher: bool, entries: list[dict[str, Any]] | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self._higher = higher
        self.entries = entries or []

    @property
    def best(self) -> dict[str, Any] | None:
        """`file`, `score`, `epoch` and `step` of the best one."""
        return self.entries[0] if self.entries else None

    def earns_a_place(self, score: float, loss: float = math.inf) -> bool:
        return math.isfinite(score) and (
            len(self.entries) < self._keep or self._is_better(score, loss, self.entries[-1])
        )

    def is_best(self, score: float, loss: float = math.inf) -> bool:
        return math.isfinite(score) and (not self.entries or self._is_better(score, loss, self.entries[0]))

    def enter(self, score: float, epoch: int, step: int, loss: float = math.inf) -> str:
        """Make a place for a checkpoint with `score`, and return the name of its file."""
        # the step keeps names apart where an epoch is done again with another result
        entry = {"file": f"best-epoch{epoch:04d}-step{step}.pt", "score": score, "epoch": epoch, "step": step}
        if math.isfinite(loss):
            entry["loss"] = loss
        self.entries = [other for other in self.entries if other["file"] != entry["file"]]
        place = next(
            (k for k, other in enumerate(self.entries) if self._is_better(score, loss, other)), len(self.entries)
        )
        self.entries.insert(place, entry)
        return str(entry["file"])

    def settle(self) -> None:
        """Write the list, then remove the files that lost their place: in this order nothing listed is ever missing."""
        lost = self.entries[self._keep :]
        self.entries = self.entries[: self._keep]
        temporary = self._folder / f"{BEST_LIST}.new"
        temporary.write_text(json.dumps(self.entries, indent=1), encoding="utf-8")
        os.replace(temporary, self._folder / BEST_LIST)
        for entry in lost:
            (self._folder / entry["file"]).unlink(missing_ok=True)

    def _is_better(self, score: float, loss: float, other: dict[str, Any]) -> bool:
        return is_better(score, loss, other["score"], other.get("loss", math.inf), self._higher)


def copy(source: Path, target: Path) -> None:
    """`source` under a second name; costs nothing where the disk knows hard links."""
    temporary = target.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
