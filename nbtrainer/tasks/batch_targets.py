"""Targets of whole batches, in torch, on whatever device the labels are."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def foreground_target(labels: torch.Tensor, labels_of_interest: Sequence[int], *, ignored: int) -> torch.Tensor:
    """1 in the foreground of `labels` (B, [Z,] Y, X) int64, NaN where they are `ignored`: (B, 1, [Z,] Y, X) float32.

    Foreground are the `labels_of_interest`; all values but 0 if there are none.
    """
    inside = torch.zeros_like(labels, dtype=torch.bool) if labels_of_interest else labels != 0
    for value in labels_of_interest:
        inside = inside | (labels == value)
    return _known(inside, labels=labels, ignored=ignored)


def class_target(labels: torch.Tensor, class_values: Sequence[int], *, ignored: int) -> torch.Tensor:
    """The place of each of `labels` (B, [Z,] Y, X) int64 among `class_values`, 0 for every other value, NaN where they are
    `ignored`: (B, 1, [Z,] Y, X) float32."""
    classes = torch.zeros_like(labels)
    for number, value in enumerate(class_values):
        classes = torch.where(labels == value, number, classes)
    return _known(classes, labels=labels, ignored=ignored)


def _known(target: torch.Tensor, *, labels: torch.Tensor, ignored: int) -> torch.Tensor:
    return torch.where(labels == ignored, torch.nan, target.to(torch.float32)).unsqueeze(1)
