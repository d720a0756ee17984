"""Outlines that were drawn in other programs, as label images and regions."""

from nbtrainer.io.annotations.draw import draw_labels, draw_mask
from nbtrainer.io.annotations.outline import Outline
from nbtrainer.io.annotations.read import Contents, is_annotation, label_shape, read_contents, read_outlines

__all__ = [
    "Contents",
    "Outline",
    "draw_labels",
    "draw_mask",
    "is_annotation",
    "label_shape",
    "read_contents",
    "read_outlines",
]
