"""Label arrays whose numbers are not what was drawn: colours, alpha channels, values blurred by scaling or JPEG."""

from __future__ import annotations

import fastremap
import numpy as np

from nbtrainer.labels.integers import bincount

# share of the pixels of a value that lie in an even 3 x 3 neighbourhood, at least; of noise around edges it is 0 to 3 %
_EVEN_SHARE = 0.1
# lines too thin for an even neighbourhood: their value has at least this share of what is not background
_LINE_SHARE = 0.2
# in a blurred label, a value this near to another that fills far more is the other, off by JPEG's rounding
_ROUNDING = 3
_FAR_MORE = 5


def frequent_values(array: np.ndarray) -> np.ndarray:
    """The values that were probably drawn in a label that scaling, smoothing or JPEG has blurred: sorted integers.

    A value that was drawn fills areas: at least a tenth of its pixels have eight equal neighbours in the plane.
    Values in between line the edges. The value of thin lines is known by its number alone: a fifth of all pixels
    that do not have the most frequent value. `array` is (..., Y, X); floats are rounded.

    >>> label = np.repeat([[0] * 6 + [128] + [255] * 6], 6, axis=0)  # scaling put a value between background and object
    >>> frequent_values(label).tolist()
    [0, 255]
    """
    whole = _to_integers(array)
    values, index, counts = fastremap.unique(whole, return_inverse=True, return_counts=True)
    if not len(values):
        return values
    even = _evenly_surrounded(whole)
    even_counts = bincount(index.reshape(whole.shape)[even], minlength=len(values))
    rest = whole.size - counts.max()
    drawn = (even_counts >= _EVEN_SHARE * counts) & (even_counts > 0)
    drawn |= counts == counts.max()
    drawn |= counts >= max(1, _LINE_SHARE * rest)
    if np.count_nonzero(drawn) < len(values) / 2:
        drawn &= ~_rounding_of_others(values, even_counts=np.where(drawn, even_counts, 0))
    return values[drawn]


def snap_values(array: np.ndarray, *, values: np.ndarray) -> np.ndarray:
    """`array` (any shape, whole numbers or floats) with each value replaced by the nearest of `values`, the lower of two.

    What lies between two values is not told from a third that is nearer: an edge of 0 and 2 becomes 1 if 1 is among them.

    >>> snap_values(np.array([0, 3, 120, 250]), values=np.array([0, 127, 255]))
    array([  0,   0, 127, 255])
    """
    values = np.unique(values)
    if not len(values):
        raise ValueError("there are no values to choose from")
    middles = (values[1:].astype(np.float64) + values[:-1]) / 2
    if array.dtype.kind in "bu" and array.dtype.itemsize <= 2:
        table = values[np.searchsorted(middles, np.arange(2 ** (8 * array.dtype.itemsize)))]
        return table[array.view(np.uint8) if array.dtype.kind == "b" else array]
    return values[np.searchsorted(middles, array)]


def drop_alpha(image: np.ndarray) -> np.ndarray:
    """`image` without the transparency behind its colours (..., 4) or grey values (..., 2); others as they are.

    >>> drop_alpha(np.zeros((5, 6, 4), np.uint8)).shape
    (5, 6, 3)
    """
    if image.ndim > 2 and image.shape[-1] == 4:
        return image[..., :3]
    return image[..., 0] if image.ndim > 2 and image.shape[-1] == 2 else image


def pack_colours(image: np.ndarray) -> np.ndarray:
    """One uint32 a pixel for (..., 3 or 4) uint8 colours, red x 65536 + green x 256 + blue; the same in every image.

    >>> pack_colours(np.array([[255, 0, 16]], np.uint8))
    array([16711696], dtype=uint32)
    """
    red, green, blue = (image[..., channel].astype(np.uint32) for channel in range(3))
    return (red << 16) | (green << 8) | blue


def colours_to_ids(image: np.ndarray) -> np.ndarray:
    """Ids 0, 1, 2 ... for the colours of one image (..., 3 or 4) uint8, in the order of `pack_colours`.

    Background is black, or the most frequent colour where there is no black. The numbering is this image's own: for
    classes that several images share, use `pack_colours` and `LabelLookup`.

    >>> colours_to_ids(np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)).tolist()
    [0, 2, 1]
    """
    packed = pack_colours(image)
    values, index, counts = fastremap.unique(packed, return_inverse=True, return_counts=True)
    if not len(values):
        return packed
    background = 0 if values[0] == 0 else int(counts.argmax())
    numbers = np.arange(1, len(values) + 1)
    numbers[background:] -= 1
    numbers[background] = 0
    return numbers.astype(np.min_scalar_type(len(values)))[index].reshape(packed.shape)


def _to_integers(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f":
        return np.round(array).astype(np.int64)
    return array.view(np.uint8) if array.dtype.kind == "b" else array


def _rounding_of_others(values: np.ndarray, *, even_counts: np.ndarray) -> np.ndarray:
    """Which of the sorted `values` lie next to one with far more even pixels."""
    off = np.zeros(len(values), bool)
    for step in range(1, min(_ROUNDING, len(values) - 1) + 1):
        low, high = even_counts[:-step], even_counts[step:]
        near = values[step:].astype(np.int64) - values[:-step] <= _ROUNDING
        off[:-step] |= near & (high > _FAR_MORE * low)
        off[step:] |= near & (low > _FAR_MORE * high)
    return off


def _evenly_surrounded(array: np.ndarray) -> np.ndarray:
    """Where a pixel and its eight neighbours in the plane are equal; beyond the edge everything is equal."""
    columns = _equal_to_both(array, -2)
    even = _equal_to_both(array, -1) & columns
    even[..., 1:] &= columns[..., :-1]
    even[..., :-1] &= columns[..., 1:]
    return even


def _equal_to_both(array: np.ndarray, axis: int) -> np.ndarray:
    """Where the neighbours before and after along `axis` have the same value."""
    equal = np.ones(array.shape, bool)
    values, flags = np.moveaxis(array, axis, 0), np.moveaxis(equal, axis, 0)
    step = values[1:] == values[:-1]
    flags[1:] &= step
    flags[:-1] &= step
    return equal
