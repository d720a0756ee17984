"""Scores of objects: how many are found, and how well, from matches of a predicted and a true label image.

All are 1 where there is nothing to find and nothing was found, but the counts of splits and merges.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nbtrainer.labels.match import Overlaps, count_overlaps, match_objects, merge_pairs, split_pairs

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def _zeros() -> np.ndarray:
    return np.zeros(len(THRESHOLDS))


@dataclass(frozen=True, eq=False, kw_only=True)
class ObjectMatches:
    """Objects found, invented and missed at each IoU of `THRESHOLDS`; adding pools images.

    Blocks of one image are not pooled here, where an object in two blocks would count twice: add their `Overlaps`.

    Attributes
    ----------
    true_positive, false_positive, false_negative
        (10,) objects that match, predicted ones that do not, true ones that do not.
    matched_iou
        (10,) sum of the IoU of those that match.
    splits
        True objects predicted in several pieces (`labels.match.split_pairs` says precisely).
    merges
        Predicted objects that hold several true ones.
    """

    true_positive: np.ndarray = field(default_factory=_zeros)
    false_positive: np.ndarray = field(default_factory=_zeros)
    false_negative: np.ndarray = field(default_factory=_zeros)
    matched_iou: np.ndarray = field(default_factory=_zeros)
    splits: int = 0
    merges: int = 0

    def __add__(self, other: ObjectMatches) -> ObjectMatches:
        return ObjectMatches(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def compare_objects(predicted: np.ndarray, truth: np.ndarray, *, valid_mask: np.ndarray | None = None) -> ObjectMatches:
    """The matches of two label images ((Z, Y, X) or (Y, X) ids, 0 is background).

    `valid_mask`: boolean, same shape, where the truth is known.

    Pixels that are not known enter no IoU. A predicted object that matches none and lies in them with more than half
    of its pixels is left out, neither right nor wrong (as Kirillov et al. 2019 do with void pixels).

    >>> matches = compare_objects(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]]))
    >>> ap_50(matches), round(f1_50(matches), 2)
    (0.5, 0.67)
    """
    return count_matches(count_overlaps(predicted, truth, valid_mask))


def count_matches(overlaps: Overlaps) -> ObjectMatches:
    """The matches of a table of overlaps."""
    matches = [match_objects(overlaps, threshold) for threshold in THRESHOLDS]
    invented = []
    for pairs in matches:
        unmatched = overlaps.is_predicted_object.copy()
        unmatched[overlaps.predicted[pairs]] = False
        invented.append(np.count_nonzero(unmatched))
    hits = np.array([len(pairs) for pairs in matches], float)
    return ObjectMatches(
        true_positive=hits,
        false_positive=np.array(invented, float),
        false_negative=np.count_nonzero(overlaps.is_true_object) - hits,
        matched_iou=np.array([overlaps.iou[pairs].sum() for pairs in matches]),
        splits=len(np.unique(overlaps.truth[split_pairs(overlaps)])),
        merges=len(np.unique(overlaps.predicted[merge_pairs(overlaps)])),
    )


def ap_50(matches: ObjectMatches) -> float:
    """Average precision TP / (TP + FP + FN) at an IoU of 0.5 (Data Science Bowl 2018, StarDist, Cellpose).

    >>> ap_50(compare_objects(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]])))
    0.5
    """
    return float(_average_precision(matches)[0])


def ap_75(matches: ObjectMatches) -> float:
    """TP / (TP + FP + FN) at an IoU of 0.75.

    >>> ap_75(compare_objects(np.array([[1, 1, 1]]), np.array([[1, 1, 0]])))
    0.0
    """
    return float(_average_precision(matches)[THRESHOLDS.index(0.75)])


def mean_ap(matches: ObjectMatches) -> float:
    """Mean of TP / (TP + FP + FN) at the IoUs 0.5, 0.55 ... 0.95.

    >>> mean_ap(compare_objects(np.array([[1, 1, 1]]), np.array([[1, 1, 0]])))  # an IoU of 0.67 reaches 4 of 10
    0.4
    """
    return float(_average_precision(matches).mean())


def f1_50(matches: ObjectMatches) -> float:
    """2 TP / (2 TP + FP + FN) at an IoU of 0.5."""
    tp, fp, fn = _at_half(matches)
    return _share(tp, tp + (fp + fn) / 2, matches)


def object_precision(matches: ObjectMatches) -> float:
    """Share of the predicted objects that match a true one at an IoU of 0.5; 0 where all is missed.

    >>> object_precision(compare_objects(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]])))
    0.5
    """
    tp, fp, _ = _at_half(matches)
    return _share(tp, tp + fp, matches)


def object_recall(matches: ObjectMatches) -> float:
    """Share of the true objects that match a predicted one at an IoU of 0.5; 0 where there are none, but some predicted.

    >>> object_recall(compare_objects(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]])))
    1.0
    """
    tp, _, fn = _at_half(matches)
    return _share(tp, tp + fn, matches)


def panoptic_quality(matches: ObjectMatches) -> float:
    """Sum of the IoU of matches / (TP + FP / 2 + FN / 2) at an IoU of 0.5 (Kirillov et al. 2019, CVPR).

    At exactly 0.5 a pair matches here, as at the other scores; Kirillov et al. ask for more than 0.5.

    >>> round(panoptic_quality(compare_objects(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]]))), 2)
    0.67
    """
    tp, fp, fn = _at_half(matches)
    return _share(float(matches.matched_iou[0]), tp + (fp + fn) / 2, matches)


def mean_matched_iou(matches: ObjectMatches) -> float:
    """Mean IoU of the objects that match at 0.5; 0 where none does.

    >>> mean_matched_iou(compare_objects(np.array([[1, 1, 1, 1]]), np.array([[1, 1, 1, 0]])))
    0.75
    """
    return _share(float(matches.matched_iou[0]), _at_half(matches)[0], matches)


def splits(matches: ObjectMatches) -> float:
    """How many true objects are predicted in several pieces; fewer is better.

    >>> splits(compare_objects(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])))
    1.0
    """
    return float(matches.splits)


def merges(matches: ObjectMatches) -> float:
    """How many predicted objects hold several true ones; fewer is better.

    >>> merges(compare_objects(np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])))
    1.0
    """
    return float(matches.merges)


def _average_precision(matches: ObjectMatches) -> np.ndarray:
    of = matches.true_positive + matches.false_positive + matches.false_negative
    return np.where(of > 0, matches.true_positive / np.maximum(of, 1), 1.0)


def _at_half(matches: ObjectMatches) -> tuple[float, float, float]:
    return float(matches.true_positive[0]), float(matches.false_positive[0]), float(matches.false_negative[0])


def _share(part: float, whole: float, matches: ObjectMatches) -> float:
    """`part / whole`; without a whole 1 if there are no objects at all, else 0."""
    return part / whole if whole else float(not any(_at_half(matches)))
