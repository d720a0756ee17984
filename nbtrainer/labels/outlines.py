"""Cells by their outlines, as EPySeg learns them: seven channels from cells or from drawn lines, and back to cells.

Everything happens in the plane; a stack is a series of independent images.
"""

from __future__ import annotations

import cv2
import edt
import fastremap
import numpy as np

from nbtrainer.labels.clean import dilate, without_small
from nbtrainer.labels.connected import contacts, label_components, plain, regions_of
from nbtrainer.labels.integers import bincount
from nbtrainer.labels.watershed import by_slice

# share of the largest value above which a pixel is on a drawn line
_LINE = 0.5


def outline_channels(cells: np.ndarray, background_is_line: bool = False) -> np.ndarray:
    """EPySeg's seven channels of labelled cells.

    Parameters
    ----------
    cells
        (Y, X) or (Z, Y, X) whole numbers, 0 is background. Cells touch, or have lines of background between them.
    background_is_line
        Whether all background is outline, as `cells_from_outlines` can leave it.

    Returns
    -------
    (7, [Z,] Y, X) float32, 0 or 1: the outline, one pixel wide; it dilated once; twice (neighbours share a face); what
    the second and third leave free; the seeds of the cells; what they leave free.

    The outline is background beside a cell, and where two cells touch the pixels of the one with the smaller id. A seed
    is where a cell is more than half as deep as at its deepest, without the outline if that leaves any of it, and only the
    largest part: every cell has one, however thin. (EPySeg erodes; it too keeps one seed a cell.)

    >>> outline_channels(np.array([[1, 1, 1, 2, 2]], np.uint8))[0]
    array([[0., 0., 1., 0., 0.]], dtype=float32)
    """
    cells = plain(cells)
    if cells.ndim == 3:
        return np.stack([outline_channels(plane, background_is_line) for plane in cells], axis=1)
    outline = (cells == 0).astype(np.uint8) if background_is_line else _outline(cells)
    once = dilate(outline)
    twice = dilate(once)
    seeds = _seeds(cells, outline=outline != 0)
    return np.stack([outline, once, twice, once == 0, twice == 0, seeds, ~seeds]).astype(np.float32)


def cells_from_outlines(lines: np.ndarray, *, keep_line: bool = False) -> np.ndarray:
    """The cells between drawn lines: every pixel belongs to one, lines go to the cell that is nearest within them.

    Parameters
    ----------
    lines
        (Y, X) or (Z, Y, X), lines of any width above half of the largest value; what they leave free connects
        through faces. A line that encloses nothing leaves no trace.
    keep_line
        Leave a line one pixel wide between two cells, in the middle of what was drawn.

    Returns
    -------
    Whole numbers 1, 2, 3 ... in reading order; 0 on lines that are kept, and where all is line. Outside the tissue is a cell too.

    >>> cells_from_outlines(np.array([[0, 0, 1, 0, 0]]), keep_line=True).tolist()
    [[1, 1, 0, 2, 2]]
    """
    from skimage.segmentation import watershed  # scikit-image's modules take long to load

    if lines.ndim == 3:
        return by_slice(lambda plane: cells_from_outlines(plane, keep_line=keep_line), lines)
    drawn = lines > _LINE * float(lines.max(initial=0))
    free = regions_of(~drawn, corners=False)
    # the way to the next cell, so that two cells meet in the middle of a line
    depth = edt.edt(drawn) if free.any() else np.zeros(drawn.shape, np.float32)
    return without_small(watershed(depth, free.astype(np.int32), watershed_line=keep_line), 0)


def cells_from_channels(
    channels: np.ndarray,
    *,
    outline_threshold: float,
    seed_threshold: float,
    keep_unseeded: bool,
    smallest: int,
    smallest_share: float,
    touching_border: bool,
) -> np.ndarray:
    """Cells from the seven channels as probabilities, by a watershed on the outline.

    Parameters
    ----------
    channels
        (7, [Z,] Y, X) probabilities as `outline_channels` orders them. The mean of the first three and of the inverted
        next two is the outline, highest in its middle; the mean of the sixth and the inverted last one the seed.
    outline_threshold
        Outline above which a pixel parts two regions.
    seed_threshold
        Probability above which a pixel is part of a seed. Several seeds in a region part it along the highest outline.
    keep_unseeded
        Whether a region without a seed is a cell whose seed was missed, or background.
    smallest
        Cells of fewer pixels become part of the neighbour that they touch most, or background if they touch none.
    smallest_share
        The same for cells smaller than this share of the median of their neighbours; 0.5 is EPySeg's local filter.
    touching_border
        Whether cells that are cut by the edge of the image stay.

    Returns
    -------
    ([Z,] Y, X) whole numbers: 0 and 1, 2, 3 ... Cells touch; the line between them goes to one of both.
    """
    from skimage.segmentation import watershed  # scikit-image's modules take long to load

    if channels.ndim == 4:
        return by_slice(
            lambda plane: cells_from_channels(
                plane,
                outline_threshold=outline_threshold,
                seed_threshold=seed_threshold,
                keep_unseeded=keep_unseeded,
                smallest=smallest,
                smallest_share=smallest_share,
                touching_border=touching_border,
            ),
            channels,
        )
    if not channels.size:
        return np.zeros(channels.shape[1:], np.uint8)
    outline = (channels[0] + channels[1] + channels[2] + (1 - channels[3]) + (1 - channels[4])) / 5
    seeds = regions_of((channels[5] + 1 - channels[6]) / 2 > seed_threshold)
    last = int(seeds.max())
    regions = regions_of(outline <= outline_threshold, corners=False)
    seeded = np.zeros(int(regions.max()) + 1, bool)
    seeded[regions[seeds != 0]] = True
    seeded[0] = True
    markers = np.where(seeds != 0, seeds, np.where(seeded[regions], 0, regions + np.uint32(last))).astype(np.int32)
    cells = watershed(outline, markers)
    if not keep_unseeded:
        cells[cells > last] = 0
        # both sides reach the line at once; beside a cell it was drawn on background
        cells[(channels[0] > outline_threshold) & (_outline((cells == 0).astype(np.uint8)) != 0)] = 0
    cells = _without_cut(cells) if not touching_border else cells
    cells = without_small(cells, smallest, "neighbour")
    return _without_locally_small(cells, smallest_share) if smallest_share > 0 else cells


def outline_mask(cells: np.ndarray) -> np.ndarray:
    """bool: the one-pixel outline of labelled cells, as `outline_channels` draws it.

    >>> outline_mask(np.array([[1, 1, 2, 2]], np.uint8))
    array([[False,  True, False, False]])
    """
    cells = plain(cells)
    return np.stack([_outline(plane) for plane in cells]) != 0 if cells.ndim == 3 else _outline(cells) != 0


def _outline(cells: np.ndarray) -> np.ndarray:
    """uint8: background that shares a face with a cell, and of two cells that share one the pixel with the smaller id."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    if not cells.size:
        return np.zeros(cells.shape, np.uint8)
    values = cells if cells.dtype != np.uint32 else cells.astype(np.float64)  # cv2 knows no uint32
    return (cv2.dilate(values, cross) > values).astype(np.uint8)


def _seeds(cells: np.ndarray, *, outline: np.ndarray) -> np.ndarray:
    """bool: one connected part in the depth of each cell."""
    if not cells.any():
        return np.zeros(cells.shape, bool)
    ids, _ = fastremap.renumber(cells, preserve_zero=True)
    count = int(ids.max())
    # the edge of the image counts as a boundary, so that the seed of a cell that it cuts lies inside
    depth = edt.edt(ids, black_border=True)
    free = bincount(ids[~outline], minlength=count + 1) > 0
    depth[outline & free[ids]] = 0
    deepest = np.zeros(count + 1, np.float32)
    np.maximum.at(deepest, ids.ravel(), depth.ravel())
    deep = (ids != 0) & (depth > 0) & (depth > deepest[ids] / 2)
    components, owners = label_components(ids * deep)
    sizes = bincount(components.ravel())
    order = np.lexsort((-sizes, owners))
    first = np.ones(len(order), bool)
    first[1:] = owners[order][1:] != owners[order][:-1]
    is_seed = np.zeros(len(owners), bool)
    is_seed[order[first]] = True
    is_seed[0] = False
    return is_seed[components]


def _without_cut(cells: np.ndarray) -> np.ndarray:
    """`cells` without those that reach the edge of the image."""
    edges = np.concatenate([cells[0], cells[-1], cells[:, 0], cells[:, -1]])
    return np.where(np.isin(cells, edges[edges != 0]), 0, cells)


def _without_locally_small(cells: np.ndarray, share: float) -> np.ndarray:
    """`cells` with each that is smaller than `share` of the median of its neighbours joined to the one it touches most."""
    pairs, faces = contacts(cells)
    sizes = bincount(cells.ravel())
    target = np.arange(len(sizes))
    both = np.concatenate([pairs, pairs[:, ::-1]]).astype(np.int64)
    shared = np.concatenate([faces, faces])
    order = np.argsort(both[:, 0], kind="stable")
    both, shared = both[order], shared[order]
    starts = np.flatnonzero(np.append(True, both[1:, 0] != both[:-1, 0])) if len(both) else np.zeros(0, int)
    ends = np.append(starts[1:], len(both))
    # the smallest first, and none joins one that has itself been joined
    for start, end in sorted(zip(starts, ends, strict=True), key=lambda span: int(sizes[both[span[0], 0]])):
        cell, neighbours = both[start, 0], both[start:end, 1]
        if sizes[cell] < share * np.median(sizes[neighbours]):
            target[cell] = neighbours[shared[start:end].argmax()]
    while not np.array_equal(target[target], target):
        target = target[target]
    return without_small(target[cells], 0)
