"""What the kinds that find single objects share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

import numpy as np

from nbtrainer.config.task.shared import ObjectSettings
from nbtrainer.labels.clean import without_small
from nbtrainer.labels.connected import regions_of
from nbtrainer.tasks.probabilities import otsu
from nbtrainer.tasks.task import Links, Task

AnyObjects = TypeVar("AnyObjects", bound=ObjectSettings)


@dataclass(frozen=True, kw_only=True)
class ObjectTask(Task[AnyObjects]):
    """Every object by itself.

    Parts of one label value that do not touch are objects of their own, unless the value is linked.
    """

    outlines: ClassVar[Literal["objects", "foreground", "classes"]] = "objects"
    default_metrics: ClassVar[tuple[str, ...]] = ("ap_50", "f1_50", "dice")
    baseline_name: ClassVar[str] = "connected parts above Otsu's threshold"

    def objects(self, label: np.ndarray, links: Links = ()) -> np.ndarray:
        return self.separated(label, links)

    def baseline(self, image: np.ndarray) -> np.ndarray:
        return without_small(regions_of(otsu(image)), self.settings.min_object_size, "background")
