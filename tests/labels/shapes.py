"""Small label arrays whose measures can be told by counting."""

import numpy as np


def disc(radius: int, value: int = 1) -> np.ndarray:
    """(Y, X): a disc with one pixel of background around it."""
    y, x = np.ogrid[-radius - 1 : radius + 2, -radius - 1 : radius + 2]
    return (np.hypot(y, x) <= radius).astype(np.uint16) * np.uint16(value)


def tiles(rows: int, columns: int, side: int, gap: int) -> np.ndarray:
    """(Y, X): squares with ids 1, 2, 3 ... in reading order, `gap` pixels of background between them."""
    pitch = side + gap
    labels = np.zeros((rows * pitch, columns * pitch), np.uint32)
    ids = np.arange(1, rows * columns + 1, dtype=np.uint32).reshape(rows, columns)
    labels.reshape(rows, pitch, columns, pitch)[:, :side, :, :side] = ids[:, None, :, None]
    return labels
