"""Scores of a partition: whether pixels of one object stay together, and those of two apart, without matching objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbtrainer.labels.integers import bincount
from nbtrainer.labels.match import Overlaps, count_overlaps


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Sums over the table of overlaps; adding pools images as if they lay side by side with ids of their own.

    Scores of the sum are then exact: information is weighted by pixels, Rand scores by pairs of pixels within an image.
    Blocks of one image, in which objects go on from block to block, are not pooled here: add their `Overlaps`.

    Attributes
    ----------
    pixels
        How many pixels count.
    split_bits, merge_bits
        Sum over pixels of the information in bits that one still lacks about the prediction when the truth is told,
        and about the truth when the prediction is told.
    pairs, predicted_pairs, true_pairs
        Ordered pairs of different pixels that lie together in both, in the prediction, in the truth.
    """

    pixels: float = 0.0
    split_bits: float = 0.0
    merge_bits: float = 0.0
    pairs: float = 0.0
    predicted_pairs: float = 0.0
    true_pairs: float = 0.0

    def __add__(self, other: Partition) -> Partition:
        return Partition(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def compare_partitions(
    predicted: np.ndarray, truth: np.ndarray, *, valid_mask: np.ndarray | None = None, with_background: bool = False
) -> Partition:
    """The sums of two label images ((Z, Y, X) or (Y, X) ids, 0 is background).

    `valid_mask`: boolean, same shape, where the truth is known.

    Only pixels of true objects count, as in SNEMI3D and CREMI; with `with_background` all do, and the background is
    an object as any other. Pixels that are not known never count.

    The prediction's background inside true objects always counts as one more object.

    >>> partition = compare_partitions(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]]))
    >>> round(vi_split(partition), 2), round(vi_merge(partition), 2)
    (1.0, 0.0)
    """
    return measure_partition(count_overlaps(predicted, truth, valid_mask), with_background)


def measure_partition(overlaps: Overlaps, with_background: bool = False) -> Partition:
    """The sums of a table of overlaps."""
    counts = with_background | overlaps.is_true_object[overlaps.truth]
    predicted, truth = overlaps.predicted[counts], overlaps.truth[counts]
    # squares of pixels leave the whole numbers of 64 bits for volumes of 3 billion voxels
    both = overlaps.pixels[counts].astype(float)
    predicted_sizes, true_sizes = bincount(predicted, both), bincount(truth, both)
    return Partition(
        pixels=float(both.sum()),
        split_bits=float((both * np.log2(true_sizes[truth] / both)).sum()),
        merge_bits=float((both * np.log2(predicted_sizes[predicted] / both)).sum()),
        pairs=_pairs(both),
        predicted_pairs=_pairs(predicted_sizes),
        true_pairs=_pairs(true_sizes),
    )


def variation_of_information(partition: Partition) -> float:
    """Information in bits that truth and prediction do not share, a pixel (Meilă 2007); 0 is perfect, nan: nothing to compare.

    >>> variation_of_information(compare_partitions(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])))
    1.0
    """
    return vi_split(partition) + vi_merge(partition)


def vi_split(partition: Partition) -> float:
    """Its part that splits cause: what the prediction says beyond the truth, H(prediction | truth) in bits."""
    return partition.split_bits / partition.pixels if partition.pixels else float("nan")


def vi_merge(partition: Partition) -> float:
    """Its part that merges cause: what the truth says beyond the prediction, H(truth | prediction) in bits."""
    return partition.merge_bits / partition.pixels if partition.pixels else float("nan")


def adapted_rand_error(partition: Partition) -> float:
    """1 - F1 of the pairs of pixels that lie together (SNEMI3D; Arganda-Carreras et al. 2015); 0 is perfect, nan: nothing to compare.

    >>> adapted_rand_error(compare_partitions(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])))
    0.5
    """
    together = (partition.predicted_pairs + partition.true_pairs) / 2
    return 1 - _share(partition.pairs, together, partition)


def rand_precision(partition: Partition) -> float:
    """Of the pairs of pixels that lie together in the prediction, the share that does in the truth; merges lower it.

    >>> rand_precision(compare_partitions(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])))
    1.0
    """
    return _share(partition.pairs, partition.predicted_pairs, partition)


def rand_recall(partition: Partition) -> float:
    """Of the pairs of pixels that lie together in the truth, the share that does in the prediction; splits lower it.

    >>> round(rand_recall(compare_partitions(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]]))), 2)
    0.33
    """
    return _share(partition.pairs, partition.true_pairs, partition)


def _pairs(sizes: np.ndarray) -> float:
    return float((sizes * (sizes - 1)).sum())


def _share(part: float, whole: float, partition: Partition) -> float:
    """`part / whole`; 1 if pixels count, but no two lie together; nan if none counts."""
    if whole:
        return part / whole
    return 1.0 if partition.pixels else float("nan")
