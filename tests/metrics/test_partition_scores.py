"""Against scikit-image, and cases whose information can be told."""

import math

import numpy as np
import pytest
from skimage import metrics as peer

from nbtrainer.labels.match import count_overlaps
from nbtrainer.metrics import partitions as scores
from nbtrainer.metrics.partitions import Partition, compare_partitions, measure_partition


def _random(seed: int, shape: tuple[int, ...] = (40, 50), values: int = 9) -> np.ndarray:
    """Regions of about 5 pixels a side with ids 0 to `values` - 1."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, values, [length // 5 for length in shape])
    return np.kron(coarse, np.ones([5] * len(shape), int))


CASES = [
    (_random(0), _random(1)),
    (_random(2), np.roll(_random(2), 2, axis=1)),
    (_random(3, (10, 20, 30)), np.roll(_random(3, (10, 20, 30)), 1, axis=0)),
    (_random(4, values=2), _random(5, values=30)),
]


@pytest.mark.parametrize(("predicted", "truth"), CASES)
def test_rand_scores_are_those_of_scikit_image(predicted, truth):
    error, by_truth, by_prediction = peer.adapted_rand_error(truth, predicted)
    found = compare_partitions(predicted, truth)
    assert scores.adapted_rand_error(found) == pytest.approx(error)
    # scikit-image 0.26 returns what its docstring calls recall before what it calls precision
    assert scores.rand_precision(found) == pytest.approx(by_prediction)
    assert scores.rand_recall(found) == pytest.approx(by_truth)


@pytest.mark.parametrize(("predicted", "truth"), CASES)
@pytest.mark.parametrize("with_background", [False, True])
def test_information_is_that_of_scikit_image(predicted, truth, with_background):
    ignored = () if with_background else (0,)
    split, merge = peer.variation_of_information(truth, predicted, ignore_labels=ignored)
    found = compare_partitions(predicted, truth, with_background=with_background)
    assert scores.vi_split(found) == pytest.approx(split)
    assert scores.vi_merge(found) == pytest.approx(merge)
    assert scores.variation_of_information(found) == pytest.approx(split + merge)


def test_an_object_cut_in_half_costs_one_bit_of_split_and_in_reverse_of_merge():
    whole = np.ones((8, 8), int)
    halves = whole.copy()
    halves[4:] = 2
    split, merge = compare_partitions(halves, whole), compare_partitions(whole, halves)
    assert (scores.vi_split(split), scores.vi_merge(split)) == (1, 0)
    assert (scores.vi_split(merge), scores.vi_merge(merge)) == (0, 1)
    assert scores.rand_precision(split) == scores.rand_recall(merge) == 1
    # of 64 x 63 pairs 2 x 32 x 31 stay together
    assert scores.rand_recall(split) == scores.rand_precision(merge) == pytest.approx(2 * 32 * 31 / (64 * 63))


def test_a_perfect_partition_has_no_error_whatever_its_ids():
    truth = _random(6)
    found = compare_partitions(100 - truth, truth)
    assert scores.adapted_rand_error(found) == scores.variation_of_information(found) == 0


def test_the_background_of_the_truth_counts_only_if_asked():
    truth = np.zeros((8, 8), int)
    truth[:4] = 1
    predicted = truth.copy()
    predicted[5:7] = 2
    assert scores.variation_of_information(compare_partitions(predicted, truth)) == 0
    assert scores.vi_split(compare_partitions(predicted, truth, with_background=True)) == pytest.approx(0.5)


def test_without_true_objects_nothing_is_measured():
    for found in (compare_partitions(np.ones((4, 4), int), np.zeros((4, 4), int)), Partition()):
        assert math.isnan(scores.variation_of_information(found)) and math.isnan(scores.adapted_rand_error(found))


def test_single_pixels_that_lie_with_no_other_are_right():
    truth = np.arange(16).reshape(4, 4)
    assert scores.adapted_rand_error(compare_partitions(truth, truth)) == 0
    assert scores.adapted_rand_error(compare_partitions(np.ones_like(truth), truth)) == 1


def test_unknown_pixels_do_not_count():
    predicted, truth = CASES[0]
    known = np.random.default_rng(0).random(truth.shape) > 0.4
    found = compare_partitions(predicted, np.where(known, truth, 3), valid_mask=known)
    assert found == compare_partitions(np.where(known, predicted, 0), np.where(known, truth, 0))


def test_images_pool_as_if_they_lay_side_by_side():
    pairs = CASES[:2]
    total = sum((compare_partitions(*pair) for pair in pairs), Partition())
    wide = [
        np.concatenate([pair[i] + 100 * k * ((pair[i] > 0) | (i == 0)) for k, pair in enumerate(pairs)]) for i in (0, 1)
    ]
    assert vars(total) == pytest.approx(vars(compare_partitions(*wide)))


def test_blocks_of_an_image_add_up_as_overlaps():
    predicted, truth = CASES[1]
    blocks = count_overlaps(predicted[:13], truth[:13]) + count_overlaps(predicted[13:], truth[13:])
    assert measure_partition(blocks) == compare_partitions(predicted, truth)
