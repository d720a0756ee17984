"""A warped region read in one pass: the image by linear interpolation, the label by nearest neighbour."""

from __future__ import annotations

import numba
import numpy as np

# compiled once per machine and kept beside the package, or in the user's cache where that may not be written
_compiled = numba.njit(nogil=True, cache=True, fastmath=True, boundscheck=False)


@_compiled
def _mirrored(at: int, full: int) -> int:
    # no division: few pixels lie outside, and it would cost all of them more than the rest of the work
    while at < 0 or at >= full:
        at = -1 - at if at < 0 else 2 * full - 1 - at
    return at


@_compiled
def _pair(at, start, full, inside):  # type: ignore[no-untyped-def]
    """The two pixels of a region (from `start`) that a position lies between, and how far it is from the first."""
    floor = np.floor(at)
    share = at - floor
    # unsigned: a negative index would be counted from the end, and asking for it takes a third of the time
    if inside:
        first = np.uint64(np.int64(floor))
        return first, first + np.uint64(1), share
    place = np.int64(floor)
    return np.uint64(_mirrored(place, full) - start), np.uint64(_mirrored(place + 1, full) - start), share


@_compiled
def sample_plane(image, label, starts, full, inside, origin, matrix, bend, out_image, out_label):  # type: ignore[no-untyped-def]
    """Fill `out_image` (C, Y, X) float32 and `out_label` (Y, X) uint32 from a region that begins at `starts`.

    `image` (C, H, W) float32 and `label` (H, W) uint32 are the region; `full` the size of the whole image, mirrored
    beyond its edge unless all is `inside`. The first pixel comes from `origin`, each other from there + `matrix` @ (its
    offset) + `bend` (2, Y, X), which may be empty. All numbers are float32 or int32: half the time of 64 bits.
    """
    channels, height, width = out_image.shape
    bends = bend.shape[1] > 0
    for i in range(height):
        row_y = origin[0] + matrix[0, 0] * np.float32(i)
        row_x = origin[1] + matrix[1, 0] * np.float32(i)
        for j in range(width):
            y = row_y + matrix[0, 1] * np.float32(j)
            x = row_x + matrix[1, 1] * np.float32(j)
            if bends:
                y += bend[0, i, j]
                x += bend[1, i, j]
            y0, y1, fy = _pair(y, starts[0], full[0], inside)
            x0, x1, fx = _pair(x, starts[1], full[1], inside)
            for k in range(channels):
                above = image[k, y0, x0] + fx * (image[k, y0, x1] - image[k, y0, x0])
                below = image[k, y1, x0] + fx * (image[k, y1, x1] - image[k, y1, x0])
                out_image[k, i, j] = above + fy * (below - above)
            out_label[i, j] = label[y1 if fy >= 0.5 else y0, x1 if fx >= 0.5 else x0]


@_compiled
def sample_volume(image, label, starts, full, inside, origin, matrix, bend, out_image, out_label):  # type: ignore[no-untyped-def]
    """As `sample_plane`, with a depth: (C, Z, Y, X), (Z, Y, X), `matrix` (3, 3), `bend` (3, Z, Y, X)."""
    channels, depth, height, width = out_image.shape
    bends = bend.shape[1] > 0
    for h in range(depth):
        for i in range(height):
            row_z = origin[0] + matrix[0, 0] * np.float32(h) + matrix[0, 1] * np.float32(i)
            row_y = origin[1] + matrix[1, 0] * np.float32(h) + matrix[1, 1] * np.float32(i)
            row_x = origin[2] + matrix[2, 0] * np.float32(h) + matrix[2, 1] * np.float32(i)
            for j in range(width):
                z = row_z + matrix[0, 2] * np.float32(j)
                y = row_y + matrix[1, 2] * np.float32(j)
                x = row_x + matrix[2, 2] * np.float32(j)
                if bends:
                    z += bend[0, h, i, j]
                    y += bend[1, h, i, j]
                    x += bend[2, h, i, j]
                z0, z1, fz = _pair(z, starts[0], full[0], inside)
                y0, y1, fy = _pair(y, starts[1], full[1], inside)
                x0, x1, fx = _pair(x, starts[2], full[2], inside)
                for k in range(channels):
                    a = image[k, z0, y0, x0] + fx * (image[k, z0, y0, x1] - image[k, z0, y0, x0])
                    b = image[k, z0, y1, x0] + fx * (image[k, z0, y1, x1] - image[k, z0, y1, x0])
                    c = image[k, z1, y0, x0] + fx * (image[k, z1, y0, x1] - image[k, z1, y0, x0])
                    d = image[k, z1, y1, x0] + fx * (image[k, z1, y1, x1] - image[k, z1, y1, x0])
                    near = a + fy * (b - a)
                    out_image[k, h, i, j] = near + fz * (c + fy * (d - c) - near)
                out_label[h, i, j] = label[z1 if fz >= 0.5 else z0, y1 if fy >= 0.5 else y0, x1 if fx >= 0.5 else x0]


@_compiled
def spread(values, first, weights, out):  # type: ignore[no-untyped-def]
    """`out` (A, L, B): each place l along the middle axis is the sum of four of `values` (A, K, B), from `first[l]` on,
    weighted by `weights` (L, 4). Without BLAS, whose threads cost more than this where others work too."""
    for a in range(out.shape[0]):
        for place in range(out.shape[1]):
            knot = first[place]
            u, v, w, x = weights[place, 0], weights[place, 1], weights[place, 2], weights[place, 3]
            for b in range(out.shape[2]):
                out[a, place, b] = (
                    u * values[a, knot, b]
                    + v * values[a, knot + 1, b]
                    + w * values[a, knot + 2, b]
                    + x * values[a, knot + 3, b]
                )
