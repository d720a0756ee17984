"""What a user decides: one pydantic model a panel."""

from nbtrainer.config.augmentation import STEPS, STRENGTHS
from nbtrainer.config.config import Config, Preset, presets

__all__ = ["STEPS", "STRENGTHS", "Config", "Preset", "presets"]
