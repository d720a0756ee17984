"""What a kind of segmentation asks of labels."""

from __future__ import annotations


def is_instance_kind(kind: str) -> bool:
    """Whether labels number objects: each has a value of its own."""
    return kind in ("instance_contour", "instance_flow")


def is_class_kind(kind: str) -> bool:
    """Whether the values of labels are classes, each with a channel of its own."""
    return kind == "semantic"


def labels_are_optional(kind: str) -> bool:
    """Whether a network learns from images alone, so that labels only score it."""
    return kind == "unsupervised"
