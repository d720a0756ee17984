"""Cells of a tissue by their outlines."""

from typing import Any, ClassVar

from pydantic import field_validator

from nbtrainer.config.section import Decoding, field
from nbtrainer.config.task.settings import DECODING, LabelValues
from nbtrainer.config.task.shared import PROBABILITIES, ObjectSettings, SeededSettings, TunedSettings


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
        decoding=Decoding(PROBABILITIES),
    )
    keep_unseeded: str = field(
        "auto",
        title="Keep areas without a seed",
        old_names=("without_seed",),
        help="Whether an area within outlines in which no seed was found is a cell, or background; 'auto': a cell if labels show outlines.",
        choices={"auto": "auto", "yes": "yes: they are cells", "no": "no: they are background"},
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )
    smallest_share: float = field(
        0.0,
        title="Smallest beside neighbours",
        help="Cells smaller than this share of their neighbours' median join the one they touch most; EPySeg's filter is 0.5.",
        ge=0,
        lt=1,
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )
    touching_border: bool = field(
        True,
        title="Keep cells at the border",
        help="Whether cells stay that the edge of the image cuts.",
        advanced=True,
        group=DECODING,
        decoding=Decoding(),
    )

    @field_validator("keep_unseeded", mode="before")
    @classmethod
    def _as_yes_or_no(cls, value: Any) -> Any:
        """What it was before it was called so (`without_seed`: "cell", "background"), and a switch, as other kinds have it."""
        return (
            {"cell": "yes", "background": "no", True: "yes", False: "no"}.get(value, value)
            if isinstance(value, str | bool)
            else value
        )

    @property
    def has_objects(self) -> bool:
        return True
