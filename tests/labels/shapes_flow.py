"""Shapes with distances that can be calculated, and label arrays that are hard to find again from fields."""

import numpy as np


def analytic_shapes():
    """name, mask, distance (0 half a pixel beyond the shape's edge), radius."""
    for radius, (cy, cx) in ((10, (0, 0)), (10.4, (0.3, 0.1)), (12.7, (0.3, 0.2)), (20, (0, 0)), (40, (0.5, 0.2))):
        y, x = _grid(int(radius) + 4, 2)
        r = np.hypot(y - cy, x - cx)
        yield f"disc {radius}", r <= radius, radius + 0.5 - r, radius
    for radius, degrees in ((10.5, 0), (10.5, 20), (10.2, 45), (12.3, 70)):
        y, x = _grid(42, 2)
        along = x * np.cos(np.deg2rad(degrees)) + y * np.sin(np.deg2rad(degrees))
        across = y * np.cos(np.deg2rad(degrees)) - x * np.sin(np.deg2rad(degrees))
        r = np.hypot(np.maximum(np.abs(along) - 25, 0), across)
        yield f"rod {radius} at {degrees}", r <= radius, radius + 0.5 - r, radius
    for inner, outer in ((15, 35), (10, 40)):
        y, x = _grid(44, 2)
        r = np.hypot(y, x)
        distance = np.minimum(outer + 0.5 - r, r - inner + 0.5)
        yield f"ring {inner} {outer}", (r > inner) & (r <= outer), distance, (outer - inner) / 2
    for radius, (cz, cy, cx) in ((10, (0, 0, 0)), (14.3, (0.3, 0.1, 0.2))):
        z, y, x = _grid(int(radius) + 4, 3)
        r = np.sqrt((z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2)
        yield f"ball {radius}", r <= radius, radius + 0.5 - r, radius


def touching(dim: int) -> np.ndarray:
    """Voronoi cells of random points, no background between them, cut by the borders."""
    rng = np.random.default_rng(4)
    shape = (96, 96) if dim == 2 else (32, 40, 40)
    points = rng.random((25, dim)) * shape
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return (((grid[..., None, :] - points) ** 2).sum(-1).argmin(-1) + 1).astype(np.uint16)


def ring_around_disc() -> np.ndarray:
    """A ring that touches the disc inside it, and another disc outside."""
    y, x = _grid(32, 2)
    r = np.hypot(y, x)
    labels = np.where(r <= 9, 1, np.where(r <= 20, 2, 0))
    labels[np.hypot(y, x - 26) <= 6] = 3
    return labels.astype(np.uint8)


def thin_lines() -> np.ndarray:
    """Lines one pixel wide: straight, slanted, a wave, a closed one; two pixels wide; three single pixels."""
    labels = np.zeros((64, 96), np.uint16)
    labels[4, 5:90] = 1
    labels[10:50, 5] = 2
    for step in range(35):
        labels[12 + step, 12 + step] = 3
    for x in range(50, 92):
        labels[round(20 + 5 * np.sin(x / 6)), x] = 4
    labels[35:55, 60:85] = 5
    labels[36:54, 61:84] = 0
    labels[58:60, 5:70] = 6
    labels[62, 3] = 7
    labels[45, 70] = 8
    labels[0, 0] = 9
    return labels


def crowd(rows: int, columns: int) -> np.ndarray:
    """Touching squares of 4 x 4 pixels, ids in random order."""
    ids = np.random.default_rng(0).permutation(rows * columns).reshape(rows, columns) + 1
    return np.kron(ids, np.ones((4, 4), np.int64)).astype(np.uint32)


def _grid(reach: int, dim: int) -> np.ndarray:
    return np.mgrid[(slice(-reach, reach + 1),) * dim].astype(float)
