"""A network applied to an image of any size, in blended tiles."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from monai.data.utils import dense_patch_slices
from monai.inferers.utils import sliding_window_inference
from torch import nn

from nbtrainer.augment.spatial import turn
from nbtrainer.catalog import network_shape
from nbtrainer.errors import UserError
from nbtrainer.inference.device import free_cached_memory, is_out_of_memory
from nbtrainer.io.axes import said

Report = Callable[[int, int], None]

# a quarter of each tile is seen twice, so that no seam shows
_OVERLAP = 0.25
# eight tiles of 64^3 take 0.32 GB in the compact U-Net, training on two of them 0.46 GB
_TILES_AT_ONCE = 8


def prediction_tile(tile: Sequence[int], shape: Sequence[int], multiples: Sequence[int]) -> list[int]:
    """The tile ([z,] y, x) in which an image of `shape` is predicted by a network that was trained on `tile`.

    It holds at most as many pixels as eight tiles of the training, and its sides end with the image. Networks that
    normalize over what they see answer more as they would on the whole image: on nerve fibres the labels agreed with
    those of the whole image to a Dice of 0.98 in tiles of 256 pixels, 0.99 in tiles of 512 (docs/quality.md).
    """
    sides, most = list(tile), _TILES_AT_ONCE * math.prod(tile)
    while True:
        larger = {
            axis: [*sides[:axis], sides[axis] + multiples[axis], *sides[axis + 1 :]]
            for axis, full in enumerate(shape)
            if sides[axis] < full
        }
        fitting = [axis for axis, grown in larger.items() if math.prod(grown) <= most]
        if not fitting:
            return sides
        sides = larger[min(fitting, key=lambda axis: sides[axis] / tile[axis])]


def predict_variants(
    network: nn.Module,
    image: np.ndarray,
    tile: Sequence[int],
    device: torch.device,
    variants: int = 1,
    turned: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda output, matrix: output,
    report: Report | None = None,
    multiples: Sequence[int] | None = None,
    tell: Callable[[str], None] | None = None,
) -> np.ndarray:
    """As `predict_tiled`, averaged over the first `variants` ways to flip and turn the image, each turned back; in larger
    tiles than `tile`, that of the training (see `prediction_tile`).

    `turned(output, matrix)` corrects what of an output has a direction, when it was turned back in place.

    When memory runs out, fewer tiles are seen at once, then those of the training; `tell` takes the
    sentence about other tiles (without it, a warning).
    """
    possible = [2**power for power in range(len(tile) + 2)]
    if variants not in possible:
        raise UserError(
            "variants",
            f"{variants!r} is no number of ways to turn an image",
            f"Choose one of {', '.join(map(str, possible))}",
        )
    matrices = turns(len(tile))[:variants]
    multiples = multiples or (1,) * len(tile)

    def answer(tile: list[int], at_once: int) -> np.ndarray:
        total: np.ndarray | None = None
        for number, matrix in enumerate(matrices):
            sides = np.abs(matrix).astype(int).T @ np.array(tile)
            own = _share(report, number, len(matrices))
            output = predict_tiled(network, turn(image, matrix), sides.tolist(), device, own, multiples, at_once)
            output = turned(turn(output, matrix.T), matrix)
            total = output if total is None else total + output
        assert total is not None
        return np.ascontiguousarray(total / len(matrices))

    trained = list(network_shape(tile, multiples))
    attempts = _attempts(trained, prediction_tile(trained, image.shape[1:], multiples))
    for number, (sides, at_once) in enumerate(attempts):
        if number and sides != attempts[number - 1][0]:
            words = f"images are predicted in tiles of {said(sides)} pixels instead of {said(attempts[0][0])}"
            (tell or _warn)(f"memory ran out: {words}")
        try:
            return answer(sides, at_once)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or number == len(attempts) - 1:
                raise
        # outside the except block: the traceback held the memory that the next attempt needs
        free_cached_memory(device)
    raise AssertionError("the last attempt returns or raises")


def _warn(words: str) -> None:
    warnings.warn(words, UserWarning, stacklevel=3)


def _attempts(trained: list[int], tile: list[int]) -> list[tuple[list[int], int]]:
    """Tiles, and how many at once, to try one after the other while memory runs out."""
    found = []
    at_once = max(1, _TILES_AT_ONCE * math.prod(trained) // math.prod(tile))
    while at_once:
        found.append((tile, at_once))
        at_once //= 2
    # eight of those are as much as one of the largest
    return found if tile == trained else [*found, *((trained, count) for count in (4, 2, 1))]


def turns(dim: int) -> list[np.ndarray]:
    """The ways to flip and turn an image by quarters in the plane: 8 in 2D, 16 in 3D (also upside down); the one that
    changes nothing first, then flips, then turns."""
    found = []
    for swap in (np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])):
        for signs in product((1, -1), repeat=dim):
            plane = np.diag(signs[-2:]) @ swap
            found.append(
                plane if dim == 2 else np.block([[np.eye(1) * signs[0], np.zeros((1, 2))], [np.zeros((2, 1)), plane]])
            )
    return found


def _share(report: Report | None, number: int, count: int) -> Report | None:
    if report is None or count == 1:
        return report
    return lambda done, of: report(number * of + done, count * of)


def predict_tiled(
    network: nn.Module,
    image: np.ndarray,
    tile: Sequence[int],
    device: torch.device,
    report: Report | None = None,
    multiples: Sequence[int] | None = None,
    at_once: int = _TILES_AT_ONCE,
) -> np.ndarray:
    """Output (K, [Z,] Y, X) float32 of `network` for a normalised `image` (C, [Z,] Y, X).

    Images smaller than `tile` are mirrored at their edges; larger ones are seen in overlapping tiles, weighted by
    a Gaussian. `report(done, of)` is called after each `at_once` tiles.

    Tiles start at `multiples` ([z,] y, x), those of the network. One that halves an image answers otherwise where the
    image is moved by a pixel, so that tiles with another start contradict each other: on nerve fibres the labels agreed
    with those of the whole image to a Dice of 0.94, and to 0.98 with starts at multiples.
    """
    shape = image.shape[1:]
    multiples = multiples or (1,) * len(shape)
    padded_shape = [
        max(length, -(-full // each) * each) for full, length, each in zip(shape, tile, multiples, strict=True)
    ]
    missing = [target - full for full, target in zip(shape, padded_shape, strict=True)]
    before = [gap // 2 // each * each for gap, each in zip(missing, multiples, strict=True)]
    padding = [(0, 0), *((first, gap - first) for first, gap in zip(before, missing, strict=True))]
    padded = np.pad(image, padding, mode="symmetric") if any(missing) else image
    done = 0
    steps = [
        max(each, int(length * (1 - _OVERLAP)) // each * each) for length, each in zip(tile, multiples, strict=True)
    ]
    total = len(dense_patch_slices(padded.shape[1:], tile, steps))

    def answer(tiles: torch.Tensor) -> torch.Tensor:
        nonlocal done
        output = network(tiles).float()
        done += len(tiles)
        if report is not None:
            report(min(done, total), total)
        return output

    with torch.inference_mode():
        batch = torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32))[None]
        output = sliding_window_inference(
            batch,
            # on a card are the tiles alone: the output of a whole volume can be larger than its memory
            sw_device=device,
            device=torch.device("cpu"),
            roi_size=tuple(tile),
            sw_batch_size=at_once,
            predictor=answer,
            # MONAI rounds down to the step: half a pixel more keeps it at ours
            overlap=[1 - (step + 0.5) / length for step, length in zip(steps, tile, strict=True)],
            mode="gaussian",
        )
    assert isinstance(output, torch.Tensor)
    inside = tuple(slice(first, first + full) for first, full in zip(before, shape, strict=True))
    return output[0].float().numpy()[(slice(None), *inside)]
