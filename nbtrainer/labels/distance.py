"""The depth of each pixel in its own object, as a share of the object's greatest depth."""

from __future__ import annotations

from collections.abc import Sequence

import edt
import fastremap
import numba
import numpy as np

from nbtrainer.labels.connected import plain


def relative_distance(labels: np.ndarray, spacing: Sequence[float] | None = None) -> np.ndarray:
    """Distance to the nearest pixel that is not the object's own, divided by the object's largest; -1 in the background.

    Parameters
    ----------
    labels
        (Y, X) or (Z, Y, X) whole numbers, 0 is background. Touching objects keep their own boundary.
    spacing
        Size of a pixel along each axis of `labels`, in any unit; None: the same along all.

    Returns
    -------
    float32, the shape of `labels`: over 0 to 1 in objects. The edge of the array is no boundary, save that of an
    object which fills the array.

    PyTorch Connectomics' target 5 (`seg_to_instance_edt`), not rounded to bins.

    >>> label = np.zeros((7, 7), np.uint8)
    >>> label[1:6, 1:6] = 1
    >>> relative_distance(label)[3]
    array([-1.        ,  0.33333334,  0.6666667 ,  1.        ,  0.6666667 ,
            0.33333334, -1.        ], dtype=float32)
    """
    labels = plain(labels)
    if not labels.size:
        return np.zeros(labels.shape, np.float32)
    sizes = tuple(float(size) for size in spacing) if spacing is not None else (1.0,) * labels.ndim
    if len(sizes) != labels.ndim:
        raise ValueError(f"spacing has {len(sizes)} numbers for {labels.ndim} axes")
    depth = edt.edt(labels, anisotropy=sizes)
    if not np.isfinite(depth).all():  # one object fills the array
        depth = edt.edt(labels, anisotropy=sizes, black_border=True)
    ids, _ = fastremap.renumber(labels, preserve_zero=True)
    _divide(depth.reshape(-1), ids.reshape(-1), int(ids.max()))
    return depth


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _divide(depth, ids, last):  # type: ignore[no-untyped-def]
    """Divide `depth` in place by its maximum over each id, 1 ... `last`; -1 where the id is 0."""
    deepest = np.zeros(last + 1, np.float32)
    for place in range(len(ids)):
        if depth[place] > deepest[ids[place]]:
            deepest[ids[place]] = depth[place]
    for place in range(len(ids)):
        depth[place] = depth[place] / deepest[ids[place]] if ids[place] else -1
