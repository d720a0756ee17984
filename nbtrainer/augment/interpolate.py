"""A warped patch in one pass: bent, normalised, the image by linear interpolation, the label by nearest neighbour.

Everything between the stored pixels and the patch happens in one call, which lets go of Python's lock once: in a dozen
small calls other threads waited for the lock a third of the time.
"""

from __future__ import annotations

import numba
import numpy as np

# compiled once per machine and kept beside the package, or in the user's cache where that may not be written
_compiled = numba.njit(nogil=True, cache=True, fastmath=True, boundscheck=False)

_HALF = np.float32(0.5)


@_compiled
def sample_plane(image, label, levels, start, full, centre, matrix, displacement, out_image, out_label):  # type: ignore[no-untyped-def]
    """Fill `out_image` (C, Y, X) float32 and `out_label` (Y, X) from a region whose first pixel lies at `start` (y, x).

    `image` (C, H, W) and `label` (H, W) are the region as stored; `levels` (4, C) float32 how it is normalised: low, high,
    scale, offset. `full` is the size of the whole image, mirrored beyond its edges. A pixel `offset` from the middle comes
    from `centre` + `matrix` @ offset + its bend, which is given as knots (2, K, L) float32 and the `knot_weights` of both
    axes; without any knots nothing bends. An image without channels asks for the label alone.
    """
    channels, height, width = out_image.shape
    knots, rows, columns = displacement
    # small numbers keep their digits in float32, which takes half the time of float64
    base_y, base_x = int(np.floor(centre[0])), int(np.floor(centre[1]))
    begin_y, begin_x = centre[0] - base_y, centre[1] - base_x
    sheet = _spread_columns(knots.reshape(-1, knots.shape[2]), columns, width).reshape(2, -1, width)
    y, x = np.empty(width, np.float32), np.empty(width, np.float32)
    right = -(width - 1) / 2
    for i in range(height):
        down = i - (height - 1) / 2
        at_y = begin_y + matrix[0, 0] * down + matrix[0, 1] * right
        at_x = begin_x + matrix[1, 0] * down + matrix[1, 1] * right
        _row(at_y, matrix[0, 1], sheet[0], rows, i, y)
        _row(at_x, matrix[1, 1], sheet[1], rows, i, x)
        if channels == 0:
            for j in range(width):
                y0, y1, fy = _pair(y[j], base_y, start[0], full[0])
                x0, x1, fx = _pair(x[j], base_x, start[1], full[1])
                out_label[i, j] = label[y1 if fy >= _HALF else y0, x1 if fx >= _HALF else x0]
        # channel by channel: their levels in the innermost loop took a fifth of the time
        for k in range(channels):
            low, high, scale, offset = levels[0, k], levels[1, k], levels[2, k], levels[3, k]
            for j in range(width):
                y0, y1, fy = _pair(y[j], base_y, start[0], full[0])
                x0, x1, fx = _pair(x[j], base_x, start[1], full[1])
                a, b = _clipped(image[k, y0, x0], low, high), _clipped(image[k, y0, x1], low, high)
                c, d = _clipped(image[k, y1, x0], low, high), _clipped(image[k, y1, x1], low, high)
                above = a + fx * (b - a)
                out_image[k, i, j] = (above + fy * (c + fx * (d - c) - above)) * scale + offset
                if k == 0:
                    out_label[i, j] = label[y1 if fy >= _HALF else y0, x1 if fx >= _HALF else x0]


@_compiled
def sample_volume(image, label, levels, start, full, centre, matrix, displacement, out_image, out_label):  # type: ignore[no-untyped-def]
    """As `sample_plane`, with a depth: (C, Z, Y, X), (Z, Y, X), `matrix` (3, 3), knots (3, J, K, L)."""
    channels, depth, height, width = out_image.shape
    knots, slices, rows, columns = displacement
    base_z, base_y, base_x = int(np.floor(centre[0])), int(np.floor(centre[1])), int(np.floor(centre[2]))
    begin_z, begin_y, begin_x = centre[0] - base_z, centre[1] - base_y, centre[2] - base_x
    sheets = _spread_columns(knots.reshape(-1, knots.shape[3]), columns, width).reshape(3, knots.shape[1], -1)
    sheet = np.zeros((3, sheets.shape[2]), np.float32)
    z, y, x = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    right = -(width - 1) / 2
    for h in range(depth):
        deep = h - (depth - 1) / 2
        for axis in range(3):
            _row(0.0, 0.0, sheets[axis], slices, h, sheet[axis])
        bends = sheet.reshape(3, -1, width)
        for i in range(height):
            down = i - (height - 1) / 2
            at_z = begin_z + matrix[0, 0] * deep + matrix[0, 1] * down + matrix[0, 2] * right
            at_y = begin_y + matrix[1, 0] * deep + matrix[1, 1] * down + matrix[1, 2] * right
            at_x = begin_x + matrix[2, 0] * deep + matrix[2, 1] * down + matrix[2, 2] * right
            _row(at_z, matrix[0, 2], bends[0], rows, i, z)
            _row(at_y, matrix[1, 2], bends[1], rows, i, y)
            _row(at_x, matrix[2, 2], bends[2], rows, i, x)
            if channels == 0:
                for j in range(width):
                    z0, z1, fz = _pair(z[j], base_z, start[0], full[0])
                    y0, y1, fy = _pair(y[j], base_y, start[1], full[1])
                    x0, x1, fx = _pair(x[j], base_x, start[2], full[2])
                    out_label[h, i, j] = label[
                        z1 if fz >= _HALF else z0, y1 if fy >= _HALF else y0, x1 if fx >= _HALF else x0
                    ]
            for k in range(channels):
                low, high, scale, offset = levels[0, k], levels[1, k], levels[2, k], levels[3, k]
                for j in range(width):
                    z0, z1, fz = _pair(z[j], base_z, start[0], full[0])
                    y0, y1, fy = _pair(y[j], base_y, start[1], full[1])
                    x0, x1, fx = _pair(x[j], base_x, start[2], full[2])
                    a, b = _clipped(image[k, z0, y0, x0], low, high), _clipped(image[k, z0, y0, x1], low, high)
                    c, d = _clipped(image[k, z0, y1, x0], low, high), _clipped(image[k, z0, y1, x1], low, high)
                    near = a + fx * (b - a)
                    near += fy * (c + fx * (d - c) - near)
                    a, b = _clipped(image[k, z1, y0, x0], low, high), _clipped(image[k, z1, y0, x1], low, high)
                    c, d = _clipped(image[k, z1, y1, x0], low, high), _clipped(image[k, z1, y1, x1], low, high)
                    far = a + fx * (b - a)
                    far += fy * (c + fx * (d - c) - far)
                    out_image[k, h, i, j] = (near + fz * (far - near)) * scale + offset
                    if k == 0:
                        out_label[h, i, j] = label[
                            z1 if fz >= _HALF else z0, y1 if fy >= _HALF else y0, x1 if fx >= _HALF else x0
                        ]


def knot_weights(length: int, *, count: int, distance: float) -> np.ndarray:
    """For each of `length` pixels the first of the four knots that it lies between, and their weights: (length, 5) float32.

    `count` knots lie `distance` pixels apart about the middle, the outermost beyond the pixels. The weights are those of
    Catmull and Rom's cubic, which passes through the knots.
    """
    at = (np.arange(length) - (length - 1) / 2) / distance + (count - 1) / 2
    first = np.clip(np.floor(at).astype(int) - 1, 0, count - 4)
    t = at - first - 1
    cubic = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
    return np.stack([first, *(part / 2 for part in cubic)], 1).astype(np.float32)


@_compiled
def _spread_columns(control_points, columns, width):  # type: ignore[no-untyped-def]
    """(A, `width`) of `knots` (A, L): along the last axis first, while the others are short."""
    spread = np.empty((len(control_points), width), np.float32)
    for a in range(len(control_points)):
        for j in range(width):
            k = int(columns[j, 0])
            near = columns[j, 1] * control_points[a, k] + columns[j, 2] * control_points[a, k + 1]
            spread[a, j] = near + columns[j, 3] * control_points[a, k + 2] + columns[j, 4] * control_points[a, k + 3]
    return spread


@_compiled
def _row(begin, step, sheet, rows, i, out):  # type: ignore[no-untyped-def]
    """Fill `out` (X): from `begin` in steps, plus what `sheet` (K, X) has at row `i`."""
    first, slope = np.float32(begin), np.float32(step)
    for j in range(len(out)):
        out[j] = first + slope * np.float32(np.int32(j))
    if len(sheet):
        knot = int(rows[i, 0])
        for near in range(4):
            weight, line = rows[i, near + 1], sheet[knot + near]
            for j in range(len(out)):
                out[j] += weight * line[j]


@_compiled
def _pair(at, base, start, full):  # type: ignore[no-untyped-def]
    """The two pixels of a region (from `start`) that `base` + `at` lies between, and how far it is from the first."""
    floor = np.floor(at)
    place = np.int64(floor) + base
    # unsigned: a negative index would be counted from the end, and asking for it takes a third of the time
    if np.uint64(place) < np.uint64(full - 1):
        first = np.uint64(place - start)
        return first, first + np.uint64(1), at - floor
    return np.uint64(_mirrored(place, full) - start), np.uint64(_mirrored(place + 1, full) - start), at - floor


@_compiled
def _mirrored(at: int, full: int) -> int:
    # no division: few pixels lie outside, and it would cost all of them more than the rest of the work
    while at < 0 or at >= full:
        at = -1 - at if at < 0 else 2 * full - 1 - at
    return at


@_compiled
def _clipped(value, low, high):  # type: ignore[no-untyped-def]
    return min(max(np.float32(value), low), high)
