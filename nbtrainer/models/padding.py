"""Images of any size for networks that halve them: what is missing is mirrored, and cut off again from the answer."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nbtrainer.catalog import network_shape


def pad_to_network(image: torch.Tensor, divisors: Sequence[int]) -> torch.Tensor:
    """(B, C, [Z,] Y, X), mirrored at its edges to the size that a network with these `divisors` computes on."""
    shape = tuple(image.shape[2:])
    for axis, (length, target) in enumerate(zip(shape, network_shape(shape, divisors=divisors), strict=True), 2):
        if length != target:
            place = torch.arange(target, device=image.device) - (target - length) // 2
            place = place % (2 * length)
            # as numpy's "symmetric": the pixel at the edge comes twice
            image = image.index_select(axis, torch.where(place < length, place, 2 * length - 1 - place))
    return image


def crop_to(answer: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """The middle of an answer (B, K, [Z,] Y, X) to a padded image: what belongs to the image of `shape`."""
    for axis, (length, full) in enumerate(zip(shape, answer.shape[2:], strict=True), 2):
        if length != full:
            answer = answer.narrow(axis, (full - length) // 2, length)
    return answer
