"""One file per kind of segmentation: labels to target, prediction to labels, its losses and scores."""

from nbtrainer.tasks.binary import Binary

__all__ = ["Binary"]
