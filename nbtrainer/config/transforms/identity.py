"""The transform that changes nothing."""

from __future__ import annotations

from typing import Literal

from nbtrainer.config.section import field
from nbtrainer.config.transforms.transform import Transform, probability


class Identity(Transform):
    """Leaves the patch as it is: an entry that stands for no change where one entry is drawn for each patch."""

    kind: Literal["none"] = field("none", title="None")
    probability: float = probability(1.0)
