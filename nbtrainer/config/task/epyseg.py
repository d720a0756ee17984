"""Cells of a tissue by their outlines."""

from typing import ClassVar

from nbtrainer.config.section import field
from nbtrainer.config.task.settings import DECODING, LabelValues
from nbtrainer.config.task.shared import ObjectSettings, SeededSettings, TunedSettings


class EpysegSettings(ObjectSettings, SeededSettings, TunedSettings):
    """What labels show, and how cells are found in the seven channels."""

    label_values: ClassVar[LabelValues] = "cells_or_outlines"

    label_style: str = field(
        "auto",
        title="Labels show",
        old_names=("labels_show",),
        help="Cells, each with a value of its own, or the outlines between them; 'auto': outlines if there is just one value, and it fills less than half of the pixels.",
        choices={"auto": "auto", "cells": "cells", "outlines": "outlines"},
    )
    outline_threshold: float = field(
        0.5,
        title="Outlines above",
        help="Probability above which a pixel parts two cells.",
        gt=0,
        lt=1,
        advanced=True,
        group=DECODING,
    )
    without_seed: str = field(
        "auto",
        title="Areas without a seed",
        help="Whether an area within outlines in which no seed was found is a cell.",
        choices={"auto": "auto", "background": "background", "cell": "cell"},
        advanced=True,
        group=DECODING,
    )
    smallest_share: float = field(
        0.0,
        title="Smallest beside neighbours",
        help="Cells smaller than this share of their neighbours' median join the one they touch most; EPySeg's filter is 0.5.",
        ge=0,
        lt=1,
        advanced=True,
        group=DECODING,
    )
    touching_border: bool = field(
        True,
        title="Keep cells at the border",
        help="Whether cells stay that the edge of the image cuts.",
        advanced=True,
        group=DECODING,
    )

    @property
    def has_objects(self) -> bool:
        return True
