"""Changes of patches beyond their geometry."""

from nbtrainer.augment.select import select_transforms
from nbtrainer.augment.transforms import apply_transforms, sample_params

__all__ = ["apply_transforms", "sample_params", "select_transforms"]
