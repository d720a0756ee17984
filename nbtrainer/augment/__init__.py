"""Changes of patches beyond their geometry."""

from nbtrainer.augment.select import chosen_steps
from nbtrainer.augment.transforms import apply_changes, draw_changes

__all__ = ["apply_changes", "chosen_steps", "draw_changes"]
