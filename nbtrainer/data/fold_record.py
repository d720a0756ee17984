"""The folder of a cross-validation: which image validates in which fold, and where the run of each fold lies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrainer.data.pair import Crop, Pair
from nbtrainer.disk import exists, parse_json, read_text, write_json
from nbtrainer.errors import DataError, ModelError

# its presence makes a folder that of a cross-validation
FOLDS = "folds.json"


@dataclass(frozen=True, kw_only=True)
class FoldImage:
    """An image (of a stack one slice, of a divided image one part), by name, and the fold in which it validates, from 1."""

    image: str
    dataset: int
    slice: int | None
    part: Crop | None
    fold: int

    @classmethod
    def of(cls, pair: Pair, *, fold: int) -> FoldImage:
        part = None if pair.crop is None else tuple((int(start), int(stop)) for start, stop in pair.crop)
        return cls(image=pair.image.name, dataset=pair.dataset, slice=pair.slice, part=part, fold=fold)


@dataclass(frozen=True, kw_only=True)
class FoldRecord:
    """Which image validates in which of the folds."""

    folds: int
    images: Sequence[FoldImage]

    def write(self, folder: Path) -> None:
        """Write it into the folder of a cross-validation. Raises `UserError` if the disk refuses it."""
        values = [vars(image) for image in self.images]
        write_json(folder / FOLDS, {"format": 1, "folds": self.folds, "images": values})

    @classmethod
    def read(cls, folder: Path) -> FoldRecord:
        """That of a folder; raises `UserError` if it cannot be read."""
        try:
            values: dict[str, Any] = parse_json(read_text(folder / FOLDS))
            images = [
                FoldImage(**(each | {"part": each["part"] and tuple(tuple(ends) for ends in each["part"])}))
                for each in values["images"]
            ]
            return cls(folds=int(values["folds"]), images=images)
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            raise ModelError(
                str(folder / FOLDS), "this file is damaged", "Start the cross-validation anew, under another name"
            ) from None

    def require_same(self, other: FoldRecord) -> None:
        """Raise `DataError` if `other`, of the data as they are now, has other images or other folds."""
        before, now = set(self.images), set(other.images)
        names = sorted({image.image for image in before ^ now})
        if names:
            raise DataError(
                "data.datasets",
                f"the images are others than when the folds were made ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})",
                "Put them back as they were, or start a new cross-validation under another name",
            )


def is_cross_validation(folder: Path) -> bool:
    """Whether `folder` is that of a cross-validation."""
    return exists(folder / FOLDS)


def fold_folder(folder: Path, fold: int) -> Path:
    """Where the run of a fold lies, counted from 1."""
    return folder / f"fold-{fold}"
