"""What a user decides: one pydantic model a panel."""

from nbtrainer.config.augmentation import STRENGTHS
from nbtrainer.config.config import Config, Preset, presets
from nbtrainer.config.transforms import TRANSFORMS

__all__ = ["STRENGTHS", "TRANSFORMS", "Config", "Preset", "presets"]
