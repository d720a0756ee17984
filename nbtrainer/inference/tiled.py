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

from nbtrainer.augment.warp import flip_rotate_image
from nbtrainer.catalog import network_shape
from nbtrainer.deprecation import stacklevel_outside
from nbtrainer.errors import SettingError
from nbtrainer.inference.device import free_cached_memory, is_out_of_memory, without_gradients
from nbtrainer.io.axes import format_shape
from nbtrainer.progress import OnProgress, report_part

# a quarter of each tile is seen twice, so that no seam shows
_OVERLAP = 0.25
# eight tiles of 64^3 take 0.32 GB in the compact U-Net, training on two of them 0.46 GB
_MAX_BATCH = 8


def prediction_tile(tile: Sequence[int], *, shape: Sequence[int], divisors: Sequence[int]) -> list[int]:
    """The tile ([z,] y, x) in which an image of `shape` is predicted by a network that was trained on `tile`.

    It holds at most as many pixels as eight tiles of the training, and its sides end with the image. Networks that
    normalize over what they see answer more as they would on the whole image: on nerve fibres the labels agreed with
    those of the whole image to a Dice of 0.98 in tiles of 256 pixels, 0.99 in tiles of 512 (docs/quality.md).
    """
    sides, most = list(tile), _MAX_BATCH * math.prod(tile)
    while True:
        larger = {
            axis: [*sides[:axis], sides[axis] + divisors[axis], *sides[axis + 1 :]]
            for axis, full in enumerate(shape)
            if sides[axis] < full
        }
        fitting = [axis for axis, grown in larger.items() if math.prod(grown) <= most]
        if not fitting:
            return sides
        sides = larger[min(fitting, key=lambda axis: sides[axis] / tile[axis])]


def predict_tta(
    network: nn.Module,
    image: np.ndarray,
    tile: Sequence[int],
    device: torch.device,
    *,
    tta: int = 1,
    undo_flip_rotation: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda output, matrix: output,
    report: OnProgress | None = None,
    divisors: Sequence[int] | None = None,
    tell: Callable[[str], None] | None = None,
) -> np.ndarray:
    """As `predict_tiled`, averaged over the first `tta` ways to flip and turn the image, each turned back; in larger
    tiles than `tile`, that of the training (see `prediction_tile`).

    `undo_flip_rotation(output, matrix)` corrects what of an output has a direction, when it was turned back in place.

    A TPU sees tiles of the training, so that it has to translate the network once.

    When memory runs out, fewer tiles are seen at once, then those of the training; `tell` takes the
    sentence about other tiles (without it, a warning).
    """
    possible = [2**power for power in range(len(tile) + 2)]
    if tta not in possible:
        raise SettingError(
            "tta",
            f"{tta!r} is no number of ways to turn an image",
            f"Choose one of {', '.join(map(str, possible))}",
            suggestions=tuple(possible),
        )
    matrices = flips_and_rotations(len(tile))[:tta]
    divisors = divisors or (1,) * len(tile)

    def answer(tile: list[int], batch_size: int) -> np.ndarray:
        total: np.ndarray | None = None
        for number, matrix in enumerate(matrices):
            sides = np.abs(matrix).astype(int).T @ np.array(tile)
            own = report_part(report, number=number, count=len(matrices))
            output = predict_tiled(
                network,
                flip_rotate_image(image, matrix=matrix),
                sides.tolist(),
                device,
                report=own,
                divisors=divisors,
                batch_size=batch_size,
            )
            output = undo_flip_rotation(flip_rotate_image(output, matrix=matrix.T), matrix)
            total = output if total is None else total + output
        assert total is not None
        return np.ascontiguousarray(total / len(matrices))

    trained = list(network_shape(tile, divisors=divisors))
    if device.type == "xla":  # each size of a tile would be a program of its own
        return answer(trained, _MAX_BATCH)
    attempts = _attempts(trained, tile=prediction_tile(trained, shape=image.shape[1:], divisors=divisors))
    for number, (sides, batch_size) in enumerate(attempts):
        if number and sides != attempts[number - 1][0]:
            words = f"images are predicted in tiles of {format_shape(sides)} pixels instead of {format_shape(attempts[0][0])}"
            (tell or _warn)(f"memory ran out: {words}")
        try:
            return answer(sides, batch_size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or number == len(attempts) - 1:
                raise
        # outside the except block: the traceback held the memory that the next attempt needs
        free_cached_memory(device)
    raise AssertionError("the last attempt returns or raises")


def _warn(words: str) -> None:
    warnings.warn(words, UserWarning, stacklevel=stacklevel_outside())


def _attempts(trained: list[int], *, tile: list[int]) -> list[tuple[list[int], int]]:
    """Tiles, and how many at once, to try one after the other while memory runs out."""
    attempts = []
    batch_size = max(1, _MAX_BATCH * math.prod(trained) // math.prod(tile))
    while batch_size:
        attempts.append((tile, batch_size))
        batch_size //= 2
    # eight of those are as much as one of the largest
    return attempts if tile == trained else [*attempts, *((trained, count) for count in (4, 2, 1))]


def flips_and_rotations(dim: int) -> list[np.ndarray]:
    """The ways to flip and turn an image by quarters in the plane: 8 in 2D, 16 in 3D (also upside down); the one that
    changes nothing first, then flips, then turns."""
    matrices = []
    for swap in (np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])):
        for signs in product((1, -1), repeat=dim):
            plane = np.diag(signs[-2:]) @ swap
            matrices.append(
                plane if dim == 2 else np.block([[np.eye(1) * signs[0], np.zeros((1, 2))], [np.zeros((2, 1)), plane]])
            )
    return matrices


def predict_tiled(
    network: nn.Module,
    image: np.ndarray,
    tile: Sequence[int],
    device: torch.device,
    *,
    report: OnProgress | None = None,
    divisors: Sequence[int] | None = None,
    batch_size: int = _MAX_BATCH,
) -> np.ndarray:
    """Output (K, [Z,] Y, X) float32 of `network` for a normalised `image` (C, [Z,] Y, X).

    Images smaller than `tile` are mirrored at their edges; larger ones are seen in overlapping tiles, weighted by
    a Gaussian. `report(done, of)` is called after each `batch_size` tiles.

    Tiles start at multiples of `divisors` ([z,] y, x), those of the network. One that halves an image answers otherwise where the
    image is moved by a pixel, so that tiles with another start contradict each other: on nerve fibres the labels agreed
    with those of the whole image to a Dice of 0.94, and to 0.98 with starts at multiples.
    """
    shape = image.shape[1:]
    divisors = divisors or (1,) * len(shape)
    # a network that pads a tile could as well see the image there
    tile = [length if length > each else 2 * each for length, each in zip(tile, divisors, strict=True)]
    padded_shape = [
        max(length, -(-full // each) * each) for full, length, each in zip(shape, tile, divisors, strict=True)
    ]
    missing = [target - full for full, target in zip(shape, padded_shape, strict=True)]
    before = [gap // 2 // each * each for gap, each in zip(missing, divisors, strict=True)]
    padding = [(0, 0), *((first, gap - first) for first, gap in zip(before, missing, strict=True))]
    padded = np.pad(image, padding, mode="symmetric") if any(missing) else image
    done = 0
    steps = [
        max(each, int(length * (1 - _OVERLAP)) // each * each) for length, each in zip(tile, divisors, strict=True)
    ]
    total = len(dense_patch_slices(padded.shape[1:], tile, steps))

    def answer(tiles: torch.Tensor) -> torch.Tensor:
        nonlocal done
        output = network(tiles).float() if device.type != "xla" else _answer_of_tpu(network, tiles, device, batch_size)
        done += len(tiles)
        if report is not None:
            report(min(done, total), total)
        return output

    with without_gradients(device):
        batch = torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32))[None]
        output = sliding_window_inference(
            batch,
            # on a card are the tiles alone: the output of a whole volume can be larger than its memory
            sw_device=device if device.type != "xla" else torch.device("cpu"),
            device=torch.device("cpu"),
            roi_size=tuple(tile),
            sw_batch_size=batch_size,
            predictor=answer,
            # MONAI rounds down to the step: half a pixel more keeps it at ours
            overlap=[1 - (step + 0.5) / length for step, length in zip(steps, tile, strict=True)],
            mode="gaussian",
        )
    assert isinstance(output, torch.Tensor)
    inside = tuple(slice(first, first + full) for first, full in zip(before, shape, strict=True))
    return output[0].float().numpy()[(slice(None), *inside)]


def _answer_of_tpu(network: nn.Module, tiles: torch.Tensor, device: torch.device, batch_size: int) -> torch.Tensor:
    """Answers to `tiles` (B, C, [Z,] Y, X), all on the processor. The TPU sees `batch_size` of them, be they blank, as it
    translates the network for each number."""
    blank = tiles.new_zeros(batch_size - len(tiles), *tiles.shape[1:])
    answers: torch.Tensor = network(torch.cat([tiles, blank]).to(device))
    return answers.float().cpu()[: len(tiles)]
