"""Against MONAI's panoptic quality, StarDist's definition written out slowly, and cases counted by hand."""

import time

import numpy as np
import pytest
import torch
from monai.metrics.panoptic_quality import compute_panoptic_quality
from scipy.optimize import linear_sum_assignment
from skimage.segmentation import relabel_sequential

from nbtrainer.labels.match import count_overlaps
from nbtrainer.metrics import objects as scores
from nbtrainer.metrics.objects import THRESHOLDS, ObjectMatches, compare_objects, count_matches

SHARES = (
    "ap_50",
    "ap_75",
    "mean_ap",
    "f1_50",
    "object_precision",
    "object_recall",
    "panoptic_quality",
    "mean_matched_iou",
)


def _squares(*corners: tuple[int, int], side: int = 10) -> np.ndarray:
    labels = np.zeros((64, 64), np.uint16)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + side, x : x + side] = number
    return labels


def _cells(seed: int, shape: tuple[int, ...] = (64, 64)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    seeds = rng.uniform(0, shape, (40, len(shape)))
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid[..., np.newaxis, :] - seeds, axis=-1)
    return relabel_sequential(np.where(distance.min(axis=-1) < 6, distance.argmin(axis=-1) + 1, 0))[0]


def _damaged(truth: np.ndarray, seed: int) -> np.ndarray:
    """`truth` shifted, with objects lost, merged, split and invented."""
    rng = np.random.default_rng(seed)
    table = np.arange(truth.max() + 1)
    table[rng.choice(truth.max(), 4, replace=False) + 1] = 0
    table[3], table[4] = table[5], table[6]
    predicted = np.roll(table[truth], 1, axis=-1)
    half = np.zeros(truth.shape, bool)
    half[..., ::2] = True
    predicted[(predicted == 9) & half] = truth.max() + 1
    predicted[..., :3, :3] = truth.max() + 2
    return relabel_sequential(predicted)[0]


CASES = [(_cells(seed), _damaged(_cells(seed), seed)) for seed in range(3)]
CASES.append((_cells(0, (12, 30, 30)), _damaged(_cells(0, (12, 30, 30)), 7)))


@pytest.mark.parametrize(("truth", "predicted"), CASES)
def test_counts_are_those_of_the_dense_assignment_at_every_threshold(truth, predicted):
    found = compare_objects(predicted, truth)
    rows, columns = range(1, predicted.max() + 1), range(1, truth.max() + 1)
    iou = np.array(
        [
            [np.sum((predicted == r) & (truth == c)) / np.sum((predicted == r) | (truth == c)) for c in columns]
            for r in rows
        ]
    )
    for place, threshold in enumerate(THRESHOLDS):
        reaches = (iou >= threshold) * 1.0
        matched = linear_sum_assignment(-reaches - reaches * iou / (2 * min(iou.shape)))
        tp = reaches[matched].sum()
        assert found.true_positive[place] == tp
        assert found.false_positive[place] == len(rows) - tp
        assert found.false_negative[place] == len(columns) - tp
        assert found.matched_iou[place] == pytest.approx((iou * reaches)[matched].sum())


@pytest.mark.parametrize(("truth", "predicted"), CASES)
def test_panoptic_quality_is_monais(truth, predicted):
    peer = {
        name: float(
            compute_panoptic_quality(torch.tensor(predicted), torch.tensor(truth), name, match_iou_threshold=0.5)
        )
        for name in ("pq", "sq", "rq")
    }
    matches = compare_objects(predicted, truth)
    assert scores.panoptic_quality(matches) == pytest.approx(peer["pq"], abs=1e-5)
    assert scores.mean_matched_iou(matches) == pytest.approx(peer["sq"], abs=1e-5)
    assert scores.f1_50(matches) == pytest.approx(peer["rq"], abs=1e-5)


def test_a_perfect_prediction_scores_1_whatever_its_ids():
    truth = _cells(1)
    matches = compare_objects(truth.max() + 5 - np.where(truth, truth, truth.max() + 5), truth)
    assert [getattr(scores, name)(matches) for name in SHARES] == [1.0] * len(SHARES)
    assert scores.splits(matches) == scores.merges(matches) == 0


def test_nothing_to_find_and_nothing_found_is_perfect():
    for matches in (ObjectMatches(), compare_objects(np.zeros((8, 8), int), np.zeros((8, 8), int))):
        assert [getattr(scores, name)(matches) for name in SHARES] == [1.0] * len(SHARES)


def test_all_missed_and_all_invented_score_0():
    nothing, something = np.zeros((64, 64), int), _cells(2)
    for matches in (compare_objects(nothing, something), compare_objects(something, nothing)):
        assert [getattr(scores, name)(matches) for name in SHARES] == [0.0] * len(SHARES)


@pytest.mark.parametrize(("shift", "found_until"), [(1, 0.8), (2, 0.65), (3, 0.5), (4, 0.0)])
def test_a_shifted_square_matches_up_to_its_iou(shift, found_until):
    # of 100 pixels 10 are lost a step: (100 - 10 s) / (100 + 10 s) = 0.818, 0.667, 0.538, 0.429
    matches = compare_objects(_squares((10, 10 + shift)), _squares((10, 10)))
    assert matches.true_positive.tolist() == [float(threshold <= found_until) for threshold in THRESHOLDS]
    assert scores.mean_ap(matches) == pytest.approx(np.mean([threshold <= found_until for threshold in THRESHOLDS]))


def test_scores_are_those_counted_by_hand():
    truth = _squares((0, 0), (0, 20), (0, 40), (20, 0))
    predicted = _squares((0, 0), (0, 22), (40, 40))  # one exact, one with IoU 80 / 120, one invented; two missed
    matches = compare_objects(predicted, truth)
    assert scores.ap_50(matches) == pytest.approx(2 / 5)
    assert scores.ap_75(matches) == pytest.approx(1 / 6)
    assert scores.mean_ap(matches) == pytest.approx((4 * 2 / 5 + 6 * 1 / 6) / 10)
    assert scores.f1_50(matches) == pytest.approx(4 / 7)
    assert scores.object_precision(matches) == pytest.approx(2 / 3)
    assert scores.object_recall(matches) == pytest.approx(2 / 4)
    assert scores.panoptic_quality(matches) == pytest.approx((1 + 2 / 3) / 3.5)
    assert scores.mean_matched_iou(matches) == pytest.approx((1 + 2 / 3) / 2)


def test_splits_and_merges_are_counted_once_an_object():
    truth = _squares((0, 0), (0, 20), (0, 30), (0, 40), (30, 30))
    predicted = _squares((0, 0), (30, 30))
    predicted[0:3, 0:10], predicted[3:6, 0:10] = 7, 8  # one object in three pieces
    predicted[0:10, 20:50] = 9  # three in one
    matches = compare_objects(predicted, truth)
    assert (scores.splits(matches), scores.merges(matches)) == (1, 1)


def test_images_are_pooled_by_adding():
    pairs = [(predicted, truth) for truth, predicted in CASES[:3]]
    total = sum((compare_objects(*pair) for pair in pairs), ObjectMatches())
    wide = [
        np.concatenate([pair[i] + 1000 * k * (pair[i] > 0) for k, pair in enumerate(pairs)], axis=1) for i in (0, 1)
    ]
    whole = compare_objects(*wide)
    for name in vars(whole):
        assert np.allclose(getattr(total, name), getattr(whole, name)), name


def test_blocks_of_an_image_are_added_as_overlaps():
    truth, predicted = CASES[0]
    blocks = count_overlaps(predicted[:30], truth[:30]) + count_overlaps(predicted[30:], truth[30:])
    found, whole = count_matches(blocks), compare_objects(predicted, truth)
    for name in vars(whole):
        assert np.allclose(getattr(found, name), getattr(whole, name)), name


def test_predictions_where_nothing_is_known_are_not_wrong():
    truth = _squares((10, 10))
    predicted = _squares((10, 10), (40, 40))
    known = np.ones_like(truth, bool)
    assert scores.ap_50(compare_objects(predicted, truth, valid_mask=known)) == 0.5
    known[40:60, 40:46] = False
    assert scores.ap_50(compare_objects(predicted, truth, valid_mask=known)) == 1
    # one that reaches into the unknown is judged by what is known of it
    known[10:20, 10:17] = False
    assert scores.panoptic_quality(compare_objects(predicted, truth, valid_mask=known)) == 1


def test_70_000_objects_take_seconds():
    side, columns = 9, 265
    ids = np.arange(1, columns**2 + 1, dtype=np.uint32).reshape(columns, columns)
    truth = np.zeros((columns * side, columns * side), np.uint32)
    truth.reshape(columns, side, columns, side)[:, :8, :, :8] = ids[:, np.newaxis, :, np.newaxis]
    start = time.perf_counter()
    matches = compare_objects(np.roll(truth, 1, axis=1), truth)
    # 0.5 s where it was written; a dense matrix of 70,000 x 70,000 would not fit the memory
    assert time.perf_counter() - start < 20
    assert matches.true_positive[0] == columns**2 and matches.true_positive[6] == 0
