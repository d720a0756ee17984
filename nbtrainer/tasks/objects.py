"""What the kinds that find single objects share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from nbtrainer.labels.clean import without_small
from nbtrainer.labels.connected import regions_of
from nbtrainer.tasks.task import Links, Task, otsu


@dataclass(frozen=True, kw_only=True)
class Objects(Task):
    """Every object by itself.

    Parts of one label value that do not touch are objects of their own, unless the value is linked.

    Attributes
    ----------
    min_object_size
        Size in pixels below which an object is dropped.
    """

    min_object_size: int = 16

    outlines: ClassVar[Literal["objects", "foreground", "classes"]] = "objects"
    default_metrics: ClassVar[tuple[str, ...]] = ("ap_50", "f1_50", "dice")
    baseline_name: ClassVar[str] = "connected parts above Otsu's threshold"

    def objects(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        return self.separated(label, links)

    def baseline(self, image: np.ndarray) -> np.ndarray:
        return without_small(regions_of(otsu(image)), self.min_object_size, "background")
