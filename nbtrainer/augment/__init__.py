"""Augmentation: transforms of training patches, image and label together."""

from nbtrainer.augment.pipeline import apply_transforms, sample_params, sample_spatial
from nbtrainer.augment.select import select_transforms

__all__ = ["apply_transforms", "sample_params", "sample_spatial", "select_transforms"]
