import numpy as np
import pytest
from shapes import tiles

from nbtrainer.labels.error_regions import worst_objects


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """(predicted, truth): nine squares of 8 x 8, of which 1 and 9 are found exactly."""
    truth = tiles(3, 3, 8, 4)
    predicted = truth.copy()
    predicted[truth == 2] = 0  # missed
    predicted[0:3, 24:32] = 70_000  # 3 is split, 24 and 40 pixels
    predicted[12:20, 0:20] = 4  # 4 and 5 are merged, with the gap: 160 pixels
    predicted[truth == 6] = 0
    predicted[12:20, 27:35] = 6  # shifted by 3: IoU 40 / 88
    predicted[truth == 7] = 0
    predicted[24:32, 0:7] = 7  # IoU 56 / 64
    predicted[0:2, 33:36] = 90  # invented
    return predicted, truth


def test_every_kind_of_mistake_is_told_with_its_place():
    predicted, truth = _scene()
    found = {(mistake.kind, mistake.id): mistake for mistake in worst_objects(predicted, truth, count=100)}
    assert set(found) == {("missed", 2), ("split", 3), ("merged", 4), ("poor", 6), ("invented", 90)}
    assert found["split", 3].partners == (3, 70_000) and found["split", 3].iou == pytest.approx(40 / 64)
    assert set(found["merged", 4].partners) == {4, 5} and found["merged", 4].iou == pytest.approx(64 / 160)
    assert found["merged", 4].box == ((12, 20), (0, 20))
    assert found["poor", 6].partners == (6,) and found["poor", 6].iou == pytest.approx(40 / 88)
    assert found["poor", 6].box == ((12, 20), (24, 32))  # of the true object
    assert found["missed", 2].box == ((0, 8), (12, 20)) and found["missed", 2].iou == 0
    assert found["invented", 90].box == ((0, 2), (33, 36))


def test_the_most_wrong_pixels_come_first_and_no_more_than_asked_for():
    predicted, truth = _scene()
    found = worst_objects(predicted, truth, count=3)
    assert [mistake.kind for mistake in found] == ["merged", "missed", "poor"]
    assert [mistake.wrong_pixels for mistake in found] == pytest.approx([96, 64, 64 * 48 / 88])


def test_what_counts_as_poor_is_a_choice():
    predicted, truth = _scene()
    assert ("poor", 7) in {(m.kind, m.id) for m in worst_objects(predicted, truth, count=100, poor_below=0.9)}


def test_a_perfect_prediction_and_an_empty_image_have_no_mistakes():
    truth = tiles(3, 3, 8, 1)
    assert worst_objects(truth, truth, count=10) == []
    assert worst_objects(np.zeros((4, 4), int), np.zeros((4, 4), int), count=10) == []


def test_objects_in_the_unknown_are_no_mistakes():
    predicted, truth = _scene()
    known = np.ones(truth.shape, bool)
    known[0:2, 33:36] = known[0:8, 12:20] = False
    kinds = {mistake.kind for mistake in worst_objects(predicted, truth, count=100, valid_mask=known)}
    assert kinds == {"split", "merged", "poor"}


def test_volumes_and_large_ids_have_boxes():
    truth = np.zeros((6, 20, 20), np.uint32)
    truth[1:4, 5:9, 6:10] = 2**32 - 1
    (mistake,) = worst_objects(np.zeros_like(truth), truth, count=5)
    assert (mistake.id, mistake.box) == (2**32 - 1, ((1, 4), (5, 9), (6, 10)))
