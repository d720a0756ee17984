"""Which objects of two label images belong together: shared pixels, IoU, matches, splits and merges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, hstack
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from nbtrainer.labels.connected import plain
from nbtrainer.labels.integers import bincount

# a piece smaller than this share of the largest piece is debris, not the part of a split
_SMALLEST_PIECE = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class Overlaps:
    """Every pair of ids that meet in two label images, background (0) included, and how many pixels they share.

    Adding merges the tables of blocks of one image, in which an object bears the same id in every block. It is exact:
    scores of the sum are those of the whole image.

    Attributes
    ----------
    predicted_ids, truth_ids
        (p,) and (t,) ids in ascending order, 0 among them where there is background.
    predicted, truth
        (n,) what meets: positions in `predicted_ids` and `truth_ids`.
    pixels
        (n,) how many pixels each pair shares.
    hidden
        (p,) pixels of each predicted object of which the truth is unknown; they count nowhere else.
    """

    predicted_ids: np.ndarray
    truth_ids: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray
    pixels: np.ndarray
    hidden: np.ndarray

    def __add__(self, other: Overlaps) -> Overlaps:
        both = zip(self._pairs_by_id(), other._pairs_by_id(), strict=True)
        predicted, truth, pixels, hidden = (np.concatenate(rows) for rows in both)
        return _table(predicted, truth, pixels=pixels, hidden=hidden)

    @cached_property
    def predicted_sizes(self) -> np.ndarray:
        """(p,) known pixels of each predicted object."""
        return _sums(self.predicted, values=self.pixels, count=len(self.predicted_ids))

    @cached_property
    def truth_sizes(self) -> np.ndarray:
        """(t,) pixels of each true object."""
        return _sums(self.truth, values=self.pixels, count=len(self.truth_ids))

    @cached_property
    def iou(self) -> np.ndarray:
        """(n,) shared pixels by pixels of either, of each pair of objects; 0 for pairs with the background."""
        either = self.predicted_sizes[self.predicted] + self.truth_sizes[self.truth] - self.pixels
        return np.where(self._of_objects, self.pixels / either, 0.0)

    @property
    def is_predicted_object(self) -> np.ndarray:
        """(p,) which of `predicted_ids` count as objects: all but the background and those that lie in the unknown.

        An object lies in the unknown if more than half of its pixels do.
        """
        return (self.predicted_ids != 0) & (self.hidden <= self.predicted_sizes)

    @property
    def is_true_object(self) -> np.ndarray:
        """(t,) which of `truth_ids` are objects."""
        return self.truth_ids != 0

    @property
    def _of_objects(self) -> np.ndarray:
        return (self.predicted_ids[self.predicted] != 0) & (self.truth_ids[self.truth] != 0)

    def _pairs_by_id(self) -> tuple[np.ndarray, ...]:
        """(predicted id, true id, shared pixels, hidden pixels), a row a pair, then a row a predicted object that is hidden."""
        hidden = np.flatnonzero(self.hidden)
        nothing = np.zeros(len(hidden), np.int64)
        return (
            np.append(self.predicted_ids[self.predicted], self.predicted_ids[hidden]),
            np.append(self.truth_ids[self.truth], nothing.astype(self.truth_ids.dtype)),
            np.append(self.pixels, nothing),
            np.append(np.zeros_like(self.pixels), self.hidden[hidden]),
        )


def count_overlaps(predicted: np.ndarray, truth: np.ndarray, valid_mask: np.ndarray | None = None) -> Overlaps:
    """The table of overlaps of two label images.

    Parameters
    ----------
    predicted, truth
        (Z, Y, X) or (Y, X) ids up to 2**32 - 1, 0 is background.
    valid_mask
        Boolean, same shape: where the truth is known. Other pixels count for nothing, whatever `truth` says there.

    Raises
    ------
    ValueError
        If the shapes differ, or an array holds no ids.

    >>> overlaps = count_overlaps(np.array([[1, 1, 0]], np.uint8), np.array([[4, 4, 4]], np.uint8))
    >>> [(int(overlaps.predicted_ids[p]), int(overlaps.truth_ids[t])) for p, t in zip(overlaps.predicted, overlaps.truth)]
    [(0, 4), (1, 4)]
    >>> overlaps.pixels.tolist(), overlaps.iou.round(2).tolist()
    ([1, 2], [0.0, 0.67])
    """
    if predicted.shape != truth.shape or (valid_mask is not None and valid_mask.shape != truth.shape):
        raise ValueError(f"a prediction of {predicted.shape} cannot be compared with a truth of {truth.shape}")
    arrays = [plain(predicted).ravel(), plain(truth).ravel()]
    arrays.append(np.ones(1, bool) if valid_mask is None else np.ascontiguousarray(valid_mask, dtype=bool).ravel())
    # runs of equal pixels: of 90,000 objects of 14 x 14 the whole takes 1.0 s, sorting all pixels alone took 1.8 s
    change = np.zeros(truth.size, bool)
    change[:1] = True
    for array in arrays[: 2 if valid_mask is None else 3]:
        change[1:] |= array[1:] != array[:-1]
    starts = np.flatnonzero(change)
    lengths = np.diff(starts, append=truth.size)
    is_known = arrays[2][starts] if valid_mask is not None else np.ones(len(starts), bool)
    return _table(
        arrays[0][starts].astype(np.uint32),
        np.where(is_known, arrays[1][starts], 0).astype(np.uint32),
        pixels=np.where(is_known, lengths, 0),
        hidden=np.where(is_known, 0, lengths),
    )


def match_objects(overlaps: Overlaps, threshold: float) -> np.ndarray:
    """The pairs (positions in `overlaps.pixels`) that match one to one with an IoU of at least `threshold`, above 0.

    They are as many as possible, and of as many those with the largest sum of IoU (Weigert et al. 2020, StarDist).
    Beyond 0.5 no object can have two partners, and all pairs that reach the threshold match.

    >>> overlaps = count_overlaps(np.array([[1, 1, 2, 0]], np.uint8), np.array([[5, 5, 5, 0]], np.uint8))
    >>> len(match_objects(overlaps, 0.5)), len(match_objects(overlaps, 0.75))
    (1, 0)
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"an IoU to match at is above 0 and not above 1, not {threshold}")
    pairs = np.flatnonzero(overlaps.iou >= threshold)
    if threshold > 0.5:
        return pairs
    predicted, truth = overlaps.predicted[pairs], overlaps.truth[pairs]
    contested = (bincount(predicted)[predicted] > 1) | (bincount(truth)[truth] > 1)
    chosen = _most_pairs(predicted[contested], truth[contested], iou=overlaps.iou[pairs[contested]])
    return np.sort(np.append(pairs[~contested], pairs[contested][chosen]))


def split_pairs(overlaps: Overlaps) -> np.ndarray:
    """The pairs (positions in `overlaps.pixels`) of true objects that are split, and of their predicted pieces.

    A predicted object belongs to the true one, or to the background, with which it shares most pixels (of equals an
    object, then the smaller id). A true object to which two or more belong is split (Coelho et al. 2009, ISBI).
    Unlike there, pieces that cover less than a tenth of what the largest piece covers do not count: they are debris.

    >>> overlaps = count_overlaps(np.array([[1, 1, 2, 2]]), np.array([[5, 5, 5, 5]]))
    >>> overlaps.predicted_ids[overlaps.predicted[split_pairs(overlaps)]].tolist()
    [1, 2]
    """
    return _several_in_one(
        overlaps,
        part=overlaps.predicted,
        whole=overlaps.truth,
        is_part=overlaps.is_predicted_object,
        is_whole=overlaps.is_true_object,
    )


def merge_pairs(overlaps: Overlaps) -> np.ndarray:
    """The pairs (positions in `overlaps.pixels`) of predicted objects that merge several true ones, and of these.

    As `split_pairs`, with the parts of truth and prediction exchanged.

    >>> overlaps = count_overlaps(np.array([[5, 5, 5, 5]]), np.array([[1, 1, 2, 2]]))
    >>> overlaps.truth_ids[overlaps.truth[merge_pairs(overlaps)]].tolist()
    [1, 2]
    """
    return _several_in_one(
        overlaps,
        part=overlaps.truth,
        whole=overlaps.predicted,
        is_part=overlaps.is_true_object,
        is_whole=overlaps.is_predicted_object,
    )


def _table(predicted: np.ndarray, truth: np.ndarray, *, pixels: np.ndarray, hidden: np.ndarray) -> Overlaps:
    """The table of rows of (predicted id, true id, pixels, hidden pixels), in which a pair may have several rows."""
    predicted_ids, predicted = np.unique(predicted, return_inverse=True)
    hidden = _sums(predicted, values=hidden, count=len(predicted_ids))
    shares = pixels > 0
    truth_ids, truth = np.unique(truth[shares], return_inverse=True)
    keys, place = np.unique(predicted[shares] * np.int64(max(1, len(truth_ids))) + truth, return_inverse=True)
    first, second = np.divmod(keys, max(1, len(truth_ids)))
    return Overlaps(
        predicted_ids=predicted_ids,
        truth_ids=truth_ids,
        predicted=first,
        truth=second,
        pixels=_sums(place, values=pixels[shares], count=len(keys)),
        hidden=hidden,
    )


def _sums(place: np.ndarray, *, values: np.ndarray, count: int) -> np.ndarray:
    # floats are exact up to 2**53 pixels
    return bincount(place, values, count).astype(np.int64)


def _most_pairs(rows: np.ndarray, columns: np.ndarray, *, iou: np.ndarray) -> np.ndarray:
    """Which of the pairs to take, so that they are as many as possible, then of the largest IoU: boolean."""
    if not len(rows):
        return np.zeros(0, bool)
    row_ids, row = np.unique(rows, return_inverse=True)
    column_ids, column = np.unique(columns, return_inverse=True)
    count = len(row_ids)
    # a pair costs 1, less a share of its IoU that cannot outweigh another pair; to stay alone costs 2
    pair = coo_array((1 - iou / (2 * count), (row, column)), shape=(count, len(column_ids)))
    alone = coo_array((np.full(count, 2.0), (np.arange(count), np.arange(count))), shape=(count, count))
    partner = np.empty(count, np.int64)
    found_rows, found_columns = min_weight_full_bipartite_matching(hstack([pair, alone]).tocsr())
    partner[found_rows] = found_columns
    return partner[row] == column


def _several_in_one(
    overlaps: Overlaps, *, part: np.ndarray, whole: np.ndarray, is_part: np.ndarray, is_whole: np.ndarray
) -> np.ndarray:
    order = np.lexsort((whole, ~is_whole[whole], -overlaps.pixels, part))
    first = np.append(True, part[order][1:] != part[order][:-1])[: len(order)]
    belongs = order[first]
    belongs = belongs[is_part[part[belongs]] & is_whole[whole[belongs]]]
    largest = np.zeros(len(is_whole), np.int64)
    np.maximum.at(largest, whole[belongs], overlaps.pixels[belongs])
    belongs = belongs[overlaps.pixels[belongs] >= _SMALLEST_PIECE * largest[whole[belongs]]]
    return np.sort(belongs[bincount(whole[belongs], minlength=len(is_whole))[whole[belongs]] > 1])
