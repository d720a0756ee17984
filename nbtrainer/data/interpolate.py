"""A warped region read in one pass: the image by linear interpolation, the label by nearest neighbour."""

from __future__ import annotations

import numba
import numpy as np

# compiled once per machine and kept beside the package, or in the user's cache where that may not be written
_compiled = numba.njit(nogil=True, cache=True, fastmath=True, boundscheck=False)


@_compiled
def _mirrored(at: int, full: int) -> int:
    at = at % (2 * full)
    return at if at < full else 2 * full - 1 - at


@_compiled
def sample_plane(image, label, starts, full, centre, matrix, bend, out_image, out_label):  # type: ignore[no-untyped-def]
    """Fill `out_image` (C, Y, X) float32 and `out_label` (Y, X) uint32 from a region that begins at `starts`.

    `image` (C, H, W) float32 and `label` (H, W) uint32 are the region; `full` the size of the whole image, mirrored
    beyond its edge. Each pixel comes from `centre` + `matrix` @ (its offset from the patch's middle) + `bend` (2, Y, X),
    which may be empty.
    """
    channels, height, width = out_image.shape
    bends = bend.shape[1] > 0
    for i in range(height):
        down = i - (height - 1) / 2
        for j in range(width):
            right = j - (width - 1) / 2
            y = centre[0] + matrix[0, 0] * down + matrix[0, 1] * right
            x = centre[1] + matrix[1, 0] * down + matrix[1, 1] * right
            if bends:
                y += bend[0, i, j]
                x += bend[1, i, j]
            top, left = int(np.floor(y)), int(np.floor(x))
            fy, fx = np.float32(y - top), np.float32(x - left)
            y0, x0 = top - starts[0], left - starts[1]
            y1, x1 = y0 + 1, x0 + 1
            if top < 0 or left < 0 or top + 1 >= full[0] or left + 1 >= full[1]:
                y0 = _mirrored(top, full[0]) - starts[0]
                y1 = _mirrored(top + 1, full[0]) - starts[0]
                x0 = _mirrored(left, full[1]) - starts[1]
                x1 = _mirrored(left + 1, full[1]) - starts[1]
            a, b = (1 - fy) * (1 - fx), (1 - fy) * fx
            c, d = fy * (1 - fx), fy * fx
            for k in range(channels):
                out_image[k, i, j] = (
                    a * image[k, y0, x0] + b * image[k, y0, x1] + c * image[k, y1, x0] + d * image[k, y1, x1]
                )
            out_label[i, j] = label[y1 if fy >= 0.5 else y0, x1 if fx >= 0.5 else x0]


@_compiled
def sample_volume(image, label, starts, full, centre, matrix, bend, out_image, out_label):  # type: ignore[no-untyped-def]
    """As `sample_plane`, with a depth: (C, Z, Y, X), (Z, Y, X), `matrix` (3, 3), `bend` (3, Z, Y, X)."""
    channels, depth, height, width = out_image.shape
    bends = bend.shape[1] > 0
    for h in range(depth):
        deep = h - (depth - 1) / 2
        for i in range(height):
            down = i - (height - 1) / 2
            for j in range(width):
                right = j - (width - 1) / 2
                z = centre[0] + matrix[0, 0] * deep + matrix[0, 1] * down + matrix[0, 2] * right
                y = centre[1] + matrix[1, 0] * deep + matrix[1, 1] * down + matrix[1, 2] * right
                x = centre[2] + matrix[2, 0] * deep + matrix[2, 1] * down + matrix[2, 2] * right
                if bends:
                    z += bend[0, h, i, j]
                    y += bend[1, h, i, j]
                    x += bend[2, h, i, j]
                front, top, left = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
                fz, fy, fx = np.float32(z - front), np.float32(y - top), np.float32(x - left)
                z0, y0, x0 = front - starts[0], top - starts[1], left - starts[2]
                z1, y1, x1 = z0 + 1, y0 + 1, x0 + 1
                if front < 0 or front + 1 >= full[0]:
                    z0 = _mirrored(front, full[0]) - starts[0]
                    z1 = _mirrored(front + 1, full[0]) - starts[0]
                if top < 0 or top + 1 >= full[1]:
                    y0 = _mirrored(top, full[1]) - starts[1]
                    y1 = _mirrored(top + 1, full[1]) - starts[1]
                if left < 0 or left + 1 >= full[2]:
                    x0 = _mirrored(left, full[2]) - starts[2]
                    x1 = _mirrored(left + 1, full[2]) - starts[2]
                for k in range(channels):
                    near = (1 - fy) * ((1 - fx) * image[k, z0, y0, x0] + fx * image[k, z0, y0, x1]) + fy * (
                        (1 - fx) * image[k, z0, y1, x0] + fx * image[k, z0, y1, x1]
                    )
                    far = (1 - fy) * ((1 - fx) * image[k, z1, y0, x0] + fx * image[k, z1, y0, x1]) + fy * (
                        (1 - fx) * image[k, z1, y1, x0] + fx * image[k, z1, y1, x1]
                    )
                    out_image[k, h, i, j] = (1 - fz) * near + fz * far
                out_label[h, i, j] = label[z1 if fz >= 0.5 else z0, y1 if fy >= 0.5 else y0, x1 if fx >= 0.5 else x0]


@_compiled
def spread(values, first, weights, out):  # type: ignore[no-untyped-def]
    """`out` (A, L, B): each place l along the middle axis is the sum of four of `values` (A, K, B), from `first[l]` on,
    weighted by `weights` (L, 4). Without BLAS, whose threads cost more than this where others work too."""
    for a in range(out.shape[0]):
        for place in range(out.shape[1]):
            for b in range(out.shape[2]):
                total = np.float32(0)
                for tap in range(4):
                    total += weights[place, tap] * values[a, first[place] + tap, b]
                out[a, place, b] = total
