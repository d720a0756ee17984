import numpy as np
import pytest

from nbtrainer import metrics
from nbtrainer.io.read import read
from nbtrainer.samples import path
from nbtrainer.tasks.binary import Binary


def test_encode_then_decode_gives_the_foreground_back():
    label = np.array([[0, 3], [9, 0]], np.uint16)
    task = Binary.create(values=[0, 3, 9], labels_of_interest=[])
    raw = task.encode(label) * 20 - 10
    assert np.array_equal(task.decode(raw), [[0, 1], [1, 0]])


def test_predictions_write_the_value_of_the_training_labels_if_there_is_just_one():
    assert Binary.create(values=[0, 255], labels_of_interest=[]).foreground == 255
    assert Binary.create(values=[0, 1, 2], labels_of_interest=[]).foreground == 1
    assert Binary.create(values=[0, 1, 2], labels_of_interest=[2]).foreground == 2


@pytest.mark.feature(49)
def test_only_labels_of_interest_are_foreground():
    task = Binary.create(values=[0, 1, 2, 5], labels_of_interest=[5, 1])
    assert np.array_equal(task.is_foreground(np.array([0, 1, 2, 5])), [False, True, False, True])


def test_a_task_survives_its_record():
    task = Binary.from_record({"foreground": 7, "labels_of_interest": (7, 9), "threshold": 0.3})
    assert Binary.from_record(task.as_record()) == task


def test_the_threshold_decides():
    raw = np.log(np.array([[[0.25, 0.35, 0.6]]]) / (1 - np.array([[[0.25, 0.35, 0.6]]])))
    assert Binary.create(threshold=0.3).decode(raw).tolist() == [[0, 1, 1]]
    assert Binary.create(threshold=0.5).decode(raw).tolist() == [[0, 0, 1]]


def test_probabilities_of_extreme_outputs_stay_between_0_and_1():
    assert Binary.create().probability_maps(np.array([[[-1e4, 0, 1e4]]]))["foreground"].tolist() == [[0, 0.5, 1]]


def test_the_baseline_finds_most_of_the_nuclei():
    folder = path("nuclei2d")
    name = sorted(file.name for file in (folder / "images").iterdir())[0]
    image, label = read(folder / "images" / name), read(folder / "labels" / name)
    task = Binary.create()
    scores = metrics.scores(task.tally_labels(task.baseline(image[None]), label, ["dice"]), ["dice"])
    assert 0.7 < scores["dice"] < 0.99
    assert not task.baseline(np.zeros((1, 8, 8))).any()
