"""Label arrays with every shape that is hard to find again."""

import numpy as np


def crowd() -> np.ndarray:
    """(Y, X) uint16: touching, ring-shaped, thin, single-pixel, nested and border-cut objects, each in one piece."""
    labels = np.zeros((96, 120), np.uint16)
    y, x = np.mgrid[:96, :120]

    def draw(where: np.ndarray) -> None:
        labels[where] = labels.max() + 1

    draw(np.hypot(y - 20, x - 20) <= 12)  # two that touch along a straight line
    draw((np.hypot(y - 20, x - 38) <= 12) & (labels == 0))
    ring = np.hypot(y - 60, x - 25)
    draw((ring <= 18) & (ring > 12))  # a ring, with an object inside that does not touch it
    draw(ring <= 6)
    thin = np.hypot(y - 60, x - 70)
    draw((thin <= 15.5) & (thin > 14))  # a thin ring
    draw((y == 5) & (x >= 60) & (x < 90))  # lines of one pixel: straight, oblique, and two side by side
    draw((y - 8 == x - 60) & (y >= 8) & (y < 30))
    draw((y == 12) & (x >= 80) & (x < 110))
    draw((y == 13) & (x >= 80) & (x < 110))
    draw((y == 40) & (x == 90))  # single pixels: alone, and side by side
    draw((y == 44) & (x == 90))
    draw((y == 44) & (x == 91))
    draw(np.hypot(y - 95, x - 100) <= 14)  # cut by the border, and by a corner
    draw(np.hypot(y - 50, x - 119) <= 10)
    draw((y < 4) & (x < 4))
    draw((y >= 22) & (y < 30) & (x >= 100) & (x < 108))  # four squares that meet in a point
    draw((y >= 22) & (y < 30) & (x >= 108) & (x < 116))
    draw((y >= 30) & (y < 38) & (x >= 100) & (x < 108))
    draw((y >= 30) & (y < 38) & (x >= 108) & (x < 116))
    return labels


def crowd3d() -> np.ndarray:
    """(Z, Y, X) uint16: balls that touch in the plane and across slices, a shell, an oblique line, single voxels."""
    labels = np.zeros((24, 40, 48), np.uint16)
    z, y, x = np.mgrid[:24, :40, :48]

    def draw(where: np.ndarray) -> None:
        labels[where & (labels == 0)] = labels.max() + 1

    draw(np.sqrt((z - 7) ** 2 + (y - 10) ** 2 + (x - 10) ** 2) <= 7)
    draw(np.sqrt((z - 7) ** 2 + (y - 10) ** 2 + (x - 22) ** 2) <= 7)
    draw(np.sqrt((z - 18) ** 2 + (y - 10) ** 2 + (x - 10) ** 2) <= 7)
    shell = np.sqrt((z - 12) ** 2 + (y - 28) ** 2 + (x - 12) ** 2)
    draw((shell <= 10) & (shell > 7.5))
    draw(shell <= 3)
    draw((z == y - 10) & (y == x - 20) & (z < 20))
    draw((z == 3) & (y == 35) & (x == 40))
    draw((z == 3) & (y == 35) & (x == 41))
    draw((z >= 20) & (y >= 32) & (x >= 40))
    return labels


def matched(truth: np.ndarray, found: np.ndarray) -> dict[int, float]:
    """The highest IoU of each object of `truth` with any of `found`."""
    best = {}
    for value in np.unique(truth[truth != 0]):
        own = truth == value
        ids, counts = np.unique(found[own], return_counts=True)
        iou = [
            count / (own.sum() + (found == other).sum() - count) if other else 0.0
            for other, count in zip(ids.tolist(), counts.tolist(), strict=True)
        ]
        best[int(value)] = max(iou)
    return best
