import numpy as np
import pytest
import torch

from nbtrainer import metrics
from nbtrainer.catalog import METRICS


@pytest.mark.feature(17, 18)
def test_scores_are_those_of_counts_made_by_hand():
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    probability = np.array([0.9, 0.8, 0.7, 0.1, 0.6, 0.2, 0.2, 0.2, 0.2, 0.2])
    found = metrics.scores(metrics.count(probability, truth, 0.5), list(METRICS))
    tp, fp, fn, tn = 3, 1, 1, 5
    assert found["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert found["iou"] == pytest.approx(tp / (tp + fp + fn))
    assert found["accuracy"] == pytest.approx((tp + tn) / 10)
    assert found["precision"] == pytest.approx(tp / (tp + fp))
    assert found["recall"] == pytest.approx(tp / (tp + fn))
    assert found["f2"] == pytest.approx(5 * tp / (5 * tp + 4 * fn + fp))
    assert found["mean_squared_error"] == pytest.approx(((probability - truth) ** 2).mean())
    assert found["mean_absolute_error"] == pytest.approx(np.abs(probability - truth).mean())


def test_tensors_count_like_arrays():
    rng = np.random.default_rng(0)
    probability, truth = rng.random((2, 1, 9, 9)), rng.random((2, 1, 9, 9)) > 0.5
    one = metrics.count(probability, truth, 0.4).plain()
    other = metrics.count(torch.tensor(probability), torch.tensor(truth), 0.4).plain()
    assert one == pytest.approx(other)


def test_nothing_to_find_and_nothing_found_is_perfect():
    empty = metrics.count(np.zeros((4, 4)), np.zeros((4, 4), bool), 0.5)
    assert metrics.dice(empty) == metrics.iou(empty) == 1


def test_errors_and_losses_are_better_when_lower():
    assert metrics.higher_is_better("validation_dice")
    assert not metrics.higher_is_better("train_loss")
    assert not metrics.higher_is_better("validation_mean_squared_error")
