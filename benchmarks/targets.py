"""Distance and flow targets: the processor's compiled threads against torch for a whole batch, on the same labels."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import edt
import numpy as np
import torch

from nbtrainer.environment import usable_cores
from nbtrainer.inference.device import choose_device, synchronize
from nbtrainer.labels.flow.fields import flow_fields

_CASES = ((8, 256, 256), (2, 64, 64, 64))


def targets(device: str, rounds: int) -> Iterator[dict[str, Any]]:
    """A row for each case: milliseconds a batch, medians of `rounds` that alternate."""
    found, threads = choose_device(device), usable_cores()
    for shape in _CASES:
        labels = _balls(shape)
        exact = np.stack([edt.edt(each) for each in labels])
        deepest = int(exact.max()) + 1
        with ThreadPoolExecutor(threads) as pool:
            ways: dict[str, Callable[[], Any]] = {
                "distance, one thread": lambda labels=labels: [edt.edt(each) for each in labels],
                "distance, threads": lambda labels=labels, pool=pool: list(pool.map(edt.edt, labels)),
                "distance, torch": lambda labels=labels, deepest=deepest: batch_distance(
                    torch.from_numpy(labels).to(found), deepest
                ),
                "flow, one thread": lambda labels=labels: [flow_fields(each) for each in labels],
                "flow, threads": lambda labels=labels, pool=pool: list(pool.map(flow_fields, labels)),
            }
            times: dict[str, list[float]] = {name: [] for name in ways}
            for way in ways.values():
                way()
            for _ in range(rounds):
                for name, way in ways.items():
                    synchronize(found)
                    began = time.monotonic()
                    way()
                    synchronize(found)
                    times[name].append(1000 * (time.monotonic() - began))
        medians = {name: round(statistics.median(values), 2) for name, values in times.items()}
        differs = np.abs(batch_distance(torch.from_numpy(labels).to(found), deepest).cpu().numpy() - exact).max()
        row: dict[str, Any] = {"batch": " x ".join(map(str, shape)), "device": found.type, "threads": threads}
        row |= medians | {"largest difference px": float(differs), "deepest px": deepest}
        yield row | {"torch / threads": round(medians["distance, torch"] / medians["distance, threads"], 1)}


def batch_distance(labels: torch.Tensor, deepest: int) -> torch.Tensor:
    """Exact distance of each pixel to the nearest of another label, as `edt.edt`: (B, [Z,] Y, X) whole numbers to float32.

    0 in the background; the edge is no boundary. Exact where it is below `deepest` pixels: axis after axis, the least of
    so many shifted squares (Saito and Toriwaki 1994).
    """
    far = torch.full(labels.shape, float(2 * deepest) ** 2, device=labels.device)
    squares = far
    for axis in range(labels.ndim - 1, 0, -1):
        nearest = squares.clone()
        for shift in range(1, min(deepest, labels.shape[axis] - 1) + 1):
            count = labels.shape[axis] - shift
            low, high = (slice_of(labels.ndim, axis, start, count) for start in (0, shift))
            for here, there in ((low, high), (high, low)):
                other = torch.where(labels[here] == labels[there], squares[there], 0) + shift**2
                nearest[here] = torch.minimum(nearest[here], other)
        squares = nearest
    return torch.where(labels == 0, 0, squares.sqrt())


def slice_of(ndim: int, axis: int, start: int, count: int) -> tuple[slice, ...]:
    """`count` places from `start` along `axis`, all along the others."""
    return tuple(slice(start, start + count) if each == axis else slice(None) for each in range(ndim))


def _balls(shape: tuple[int, ...]) -> np.ndarray:
    """(B, [Z,] Y, X) int32: touching balls, a fifth of the patch wide."""
    rng, size = np.random.default_rng(0), shape[1:]
    grid = np.indices(size, np.float32)
    labels = np.zeros(shape, np.int32)
    for label in labels:
        for value in range(1, 60):
            centre = [rng.uniform(0, length) for length in size]
            near = sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True))
            label[near < (size[-1] / 10) ** 2] = value
    return labels
