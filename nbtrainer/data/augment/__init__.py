"""Changes of patches beyond their geometry."""

from nbtrainer.data.augment.changes import apply_changes, draw_changes
from nbtrainer.data.augment.choose import chosen_steps

__all__ = ["apply_changes", "chosen_steps", "draw_changes"]
