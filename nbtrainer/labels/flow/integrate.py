"""Pixels moved along a flow: where each one ends (Euler integration)."""

from __future__ import annotations

from functools import cache

import numba
import numpy as np

_compiled = numba.njit(nogil=True, cache=True, boundscheck=False)

# percentiles between which the divergence is stretched to 0 ... 1, and how much faster pixels move in volumes
_PERCENTILES = (1, 99)
_SPEED = {2: 1.0, 3: 5.0}


def follow_suppressed(
    flow: np.ndarray, *, foreground: np.ndarray, size: np.ndarray | None = None, steps: int = 200
) -> np.ndarray:
    """Where the pixels of the foreground end, (n, d) float32 in pixels, n in reading order.

    Omnipose's suppressed integration: the flow is made one long and slowed where it converges (divergence stretched to 0
    ... 1), step t is divided by 1 + t and averaged with the one before; the nearest pixel's flow counts. So pixels
    gather along the middle line of their object and not in one point. `size` is that of a voxel, as in `flow_fields`.
    """
    dim = foreground.ndim
    size = np.ones(dim) if size is None else size
    velocity = _unit(flow, foreground=foreground)
    spread = divergence(velocity, size=size)[foreground]
    slow = np.zeros(foreground.shape, np.float32)
    if spread.size:
        low, high = np.percentile(spread, _PERCENTILES)
        slow[foreground] = _SPEED[dim] * np.clip((spread - low) / max(high - low, 1e-6), 0, 1)
    velocity *= slow / size.reshape(-1, *[1] * dim).astype(np.float32)
    return _follow_nearest(*_volume(velocity, foreground=foreground), _harmonic(steps))[:, 3 - dim :]


def integrate_smoothly(flow: np.ndarray, *, foreground: np.ndarray, size: np.ndarray | None, steps: int) -> np.ndarray:
    """As `follow_suppressed`, by steps of the flow itself, linear between pixels, neither slowed nor averaged."""
    dim = foreground.ndim
    size = np.ones(dim) if size is None else size
    velocity = (flow * foreground / size.reshape(-1, *[1] * dim)).astype(np.float32)
    return _follow_linear(*_volume(velocity, foreground=foreground), steps)[:, 3 - dim :]


def divergence(flow: np.ndarray, *, size: np.ndarray) -> np.ndarray:
    """Divergence of (d, [Z,] Y, X), ([Z,] Y, X): below 0 where the flow comes together."""
    total = np.zeros(flow.shape[1:], np.float32)
    for axis, component in enumerate(flow):
        if component.shape[axis] > 1:
            total += np.gradient(component, float(size[axis]), axis=axis)
    return total


def _unit(flow: np.ndarray, *, foreground: np.ndarray) -> np.ndarray:
    length = np.sqrt((flow**2).sum(axis=0))
    return (flow * (foreground / np.maximum(length, 1e-6))).astype(np.float32)


def _volume(velocity: np.ndarray, *, foreground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Velocity (Z, Y, X, 3) and the places of the foreground (n, 3); an image is one slice."""
    dim = foreground.ndim
    full = np.zeros((*(1,) * (3 - dim), *foreground.shape, 3), np.float32)
    full[..., 3 - dim :] = np.moveaxis(velocity, 0, -1)
    places = np.zeros((np.count_nonzero(foreground), 3), np.int32)
    places[:, 3 - dim :] = np.argwhere(foreground)
    return full, places


@cache
def _harmonic(steps: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(1 / np.arange(1, steps + 1))]).astype(np.float32)


@_compiled
def _follow_nearest(velocity, places, harmonic):  # type: ignore[no-untyped-def]
    depth, height, width = velocity.shape[:3]
    last = harmonic.size - 1
    half = np.float32(0.5)
    out = np.empty(places.shape, np.float32)
    for i in range(places.shape[0]):
        z, y, x = np.float32(places[i, 0]), np.float32(places[i, 1]), np.float32(places[i, 2])
        a, b, c = places[i, 0], places[i, 1], places[i, 2]
        v = velocity[a, b, c]
        vz, vy, vx = v[0], v[1], v[2]
        t = 0
        while t < last:
            v = velocity[a, b, c]
            # the rest of the way at this velocity does not leave the pixel: take it at once
            rest = harmonic[last] - harmonic[t]
            if (
                abs(z + rest * v[0] - a) < half
                and abs(y + rest * v[1] - b) < half
                and abs(x + rest * v[2] - c) < half
                and v[0] == vz
                and v[1] == vy
                and v[2] == vx
            ):
                z, y, x = z + rest * vz, y + rest * vy, x + rest * vx
                break
            part = half * (harmonic[t + 1] - harmonic[t])
            z = min(max(z + part * (v[0] + vz), np.float32(0)), np.float32(depth - 1))
            y = min(max(y + part * (v[1] + vy), np.float32(0)), np.float32(height - 1))
            x = min(max(x + part * (v[2] + vx), np.float32(0)), np.float32(width - 1))
            vz, vy, vx = v[0], v[1], v[2]
            a, b, c = np.int32(z + half), np.int32(y + half), np.int32(x + half)
            t += 1
        out[i, 0], out[i, 1], out[i, 2] = z, y, x
    return out


@_compiled
def _follow_linear(velocity, places, steps):  # type: ignore[no-untyped-def]
    shape = velocity.shape
    out = places.astype(np.float32)
    at = np.empty(3, np.float32)
    low = np.empty(3, np.int64)
    share = np.empty(3, np.float32)
    move = np.empty(3, np.float32)
    for i in range(places.shape[0]):
        at[:] = out[i]
        for _ in range(steps):
            for axis in range(3):
                low[axis] = min(np.int64(at[axis]), max(shape[axis] - 2, 0))
                share[axis] = at[axis] - low[axis]
            move[:] = 0
            for corner in range(8):
                dz, dy, dx = corner & 1, (corner >> 1) & 1, corner >> 2
                weight = share[0] if dz else np.float32(1) - share[0]
                weight *= share[1] if dy else np.float32(1) - share[1]
                weight *= share[2] if dx else np.float32(1) - share[2]
                if weight > 0:
                    for axis in range(3):
                        move[axis] += weight * velocity[low[0] + dz, low[1] + dy, low[2] + dx, axis]
            if move[0] ** 2 + move[1] ** 2 + move[2] ** 2 < np.float32(1e-6):
                break
            for axis in range(3):
                at[axis] = min(max(at[axis] + move[axis], np.float32(0)), np.float32(shape[axis] - 1))
        out[i] = at
    return out
