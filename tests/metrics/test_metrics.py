import numpy as np
import pytest
import torch

from nbtrainer import metrics
from nbtrainer.catalog import METRICS

PIXELS = [name for name, entry in METRICS.items() if entry.of == "pixels"]


def _counts(probability, truth, threshold=0.5):
    """Counts of a foreground, of any shape."""
    return metrics.count(
        metrics.PixelPredictions(*(a[None, None] for a in (probability, probability > threshold, truth)))
    )


def _tally(probability, truth):
    return metrics.MetricState({"pixels": _counts(probability, truth)})


def test_scores_are_those_of_counts_made_by_hand():
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    probability = np.array([0.9, 0.8, 0.7, 0.1, 0.6, 0.2, 0.2, 0.2, 0.2, 0.2])
    found = metrics.scores(_tally(probability, truth), PIXELS)
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
    one = _counts(probability, truth, 0.4).plain()
    other = _counts(torch.tensor(probability), torch.tensor(truth), 0.4).plain()
    assert all(one[name] == pytest.approx(other[name]) for name in one)


def test_nothing_to_find_and_nothing_found_is_perfect():
    empty = _tally(np.zeros((4, 4)), np.zeros((4, 4), bool))
    names = ["dice", "iou", "precision", "recall"]
    assert metrics.scores(empty, names) == dict.fromkeys(names, 1)


def test_nothing_found_of_something_and_something_found_in_nothing_are_worth_nothing():
    none, all_ = np.zeros((4, 4)), np.ones((4, 4))
    names = ["dice", "iou", "precision", "recall", "f2"]
    assert metrics.scores(_tally(none, all_ > 0), names) == dict.fromkeys(names, 0)
    assert metrics.scores(_tally(all_, none > 0), names) == dict.fromkeys(names, 0)


def _classes(predicted, truth, count=3):
    own, true = (np.stack([array == each for each in range(count)])[None] for array in (predicted, truth))
    return metrics.MetricState({"pixels": metrics.count(metrics.PixelPredictions(own * 1.0, own, true * 1.0))})


def test_of_several_classes_the_mean_leaves_out_background_and_absent_ones():
    truth = np.array([0, 0, 0, 1, 1, 1])
    found = metrics.scores(
        _classes(np.array([0, 0, 1, 1, 1, 0]), truth), ["dice", "accuracy"], classes=["axon", "myelin"]
    )
    assert found["dice"] == found["dice (axon)"] == pytest.approx(2 / 3)
    assert np.isnan(found["dice (myelin)"])
    assert found["accuracy"] == pytest.approx(4 / 6)


def test_overall_each_class_is_averaged_over_the_images_that_hold_it():
    one = _classes(np.array([1, 1, 2, 2]), np.array([1, 1, 2, 1]))
    other = _classes(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]))
    found = metrics.overall([one, other], ["dice"], classes=["axon", "myelin"])
    assert found["dice (axon)"] == pytest.approx((0.8 + 1) / 2)
    assert found["dice (myelin)"] == pytest.approx(2 / 3)
    assert found["dice"] == pytest.approx((0.9 + 2 / 3) / 2)


def test_errors_and_losses_are_better_when_lower():
    assert metrics.higher_is_better("validation_dice")
    assert not metrics.higher_is_better("train_loss")
    assert not metrics.higher_is_better("validation_mean_squared_error")
