"""Outlines that were drawn in other programs, as label images and regions."""

from nbtrainer.data.annotations.draw import draw_labels, draw_mask
from nbtrainer.data.annotations.outline import Outline
from nbtrainer.data.annotations.read import Contents, is_annotation, label_shape, read_contents, read_outlines

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
