"""Foreground and background."""

from typing import ClassVar

from nbtrainer.config.task.settings import LabelValues
from nbtrainer.config.task.shared import ForegroundSettings


class BinarySettings(ForegroundSettings):
    """Every pixel is foreground or background."""

    label_values: ClassVar[LabelValues] = "foreground"
