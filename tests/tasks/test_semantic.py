import dataclasses

import numpy as np
import pytest
import torch
from factories import make_preparation

from nbtrainer import metrics
from nbtrainer.errors import UserError
from nbtrainer.tasks.semantic import Semantic


def _raw(task: Semantic, label: np.ndarray) -> np.ndarray:
    """Output of a network that is sure and right."""
    return (np.arange(task.output_channels)[:, None, None] == task.class_of(label)) * 20.0 - 10


@pytest.mark.feature(38, 133)
def test_encode_then_decode_gives_the_classes_back():
    label = np.array([[0, 3, 3], [9, 0, 9]], np.uint16)
    task = Semantic.create(values=[0, 3, 9])
    assert task.channels == ("background", "3", "9")
    assert task.encode(label).tolist() == [[[0, 1, 1], [2, 0, 2]]]
    assert np.array_equal(task.decode(_raw(task, label)), label)


@pytest.mark.feature(49)
@pytest.mark.parametrize(
    ("wanted", "expected"), [([0, 2, 1], [0, 2, 1, 0]), ([5, 9], [0, 0, 0, 0]), ([], [0, 1, 2, 3])]
)
def test_labels_of_interest_are_classes_in_their_order_and_the_rest_is_background(wanted, expected):
    task = Semantic.create(values=[0, 1, 2, 7], labels_of_interest=wanted)
    assert task.class_of(np.array([0, 1, 2, 7])).tolist() == expected


def test_a_list_that_holds_just_the_values_is_mapped_too():
    task = Semantic.create(values=[0, 5, 9], labels_of_interest=[0, 5, 9])
    assert task.class_of(np.array([0, 5, 9])).tolist() == [0, 1, 2]


def test_names_are_given_in_order_and_completed_by_values():
    task = Semantic.create(values=[0, 1, 2], class_names=["axon"])
    assert task.classes == ("axon", "2")


def test_what_is_ignored_enters_neither_target_nor_score():
    task = Semantic.create(values=[0, 1, 2, 255], ignored=255)
    label = np.array([[0, 1, 2, 255]], np.uint8)
    assert task.class_values == (0, 1, 2)
    assert np.isnan(task.encode(label)[0, 0, 3])
    wrong_there = _raw(task, np.array([[0, 1, 2, 1]]))
    assert (
        metrics.scores(task.tally(wrong_there, label=label, names=["dice", "accuracy"]), ["accuracy"])["accuracy"] == 1
    )


def test_scores_of_output_are_those_of_the_labels_it_decodes_to():
    rng = np.random.default_rng(0)
    task = Semantic.create(values=range(4))
    raw, label = rng.normal(size=(4, 20, 30)).astype(np.float32), rng.integers(0, 4, (20, 30)).astype(np.uint8)
    names = ["dice", "iou", "accuracy", "precision", "recall"]
    one = metrics.scores(task.tally(raw, label=label, names=names), names, classes=task.classes)
    other = metrics.scores(task.tally_labels(task.decode(raw), label, names), names, classes=task.classes)
    assert one == pytest.approx(other)
    guess = task.decode(raw)
    by_hand = [2 * ((guess == k) & (label == k)).sum() / ((guess == k).sum() + (label == k).sum()) for k in (1, 2, 3)]
    assert one["dice"] == pytest.approx(np.mean(by_hand))


def test_weights_from_the_data_favour_rare_classes_within_bounds():
    task = Semantic.create(values=[0, 1, 2], class_weights="auto", frequencies={0: 0.9, 1: 0.0999, 2: 0.0001})
    background, common, rare = task.class_weights
    assert background < common < rare <= 10 * background
    assert np.mean(task.class_weights) == pytest.approx(1)


def test_the_baseline_is_the_most_frequent_class_everywhere():
    task = Semantic.create(values=[0, 1, 2], frequencies={0: 0.2, 1: 0.5, 2: 0.3})
    assert (task.baseline(np.zeros((1, 4, 5))) == 1).all()


def test_a_task_of_classes_survives_its_record():
    task = Semantic.create(values=[0, 1, 2], class_names=["a", "b"], class_weights="auto", frequencies={0: 0.5, 1: 0.3})
    assert Semantic.from_record(task.as_record()) == task
    assert all(not isinstance(value, tuple) for value in task.as_record().values())


def test_maps_are_shares_that_sum_to_one():
    task = Semantic.create(values=[0, 1, 2])
    maps = task.probability_maps(np.random.default_rng(0).normal(size=(3, 5, 6)) * 50)
    assert list(maps) == ["background", "1", "2"]
    assert np.allclose(sum(maps.values()), 1, atol=1e-5)


def test_training_scores_are_of_the_batch():
    task = Semantic.create(values=[0, 1, 2])
    target = torch.from_numpy(np.stack([task.encode(np.array([[0, 1], [2, 2]]))] * 2))
    counts = metrics.count(
        task.pixels(torch.nn.functional.one_hot(target[:, 0].long(), 3).movedim(-1, 1) * 9.0, target)
    )
    assert counts.plain()["true_positive"] == [2, 2, 4]


def test_a_value_that_training_never_saw_is_background():
    task = dataclasses.replace(Semantic.create(values=[0, 4]))
    assert task.class_of(np.array([3, 4, 5, 2**31])).tolist() == [0, 1, 0, 0]


def test_classes_have_the_colours_that_are_given_and_others_for_the_rest():
    task = Semantic.create(values=[0, 1, 2], class_colours=["#ff8000"])
    assert task.colours[0] == (255, 128, 0) and len(set(task.colours)) >= 2
    with pytest.raises(UserError, match="'red' is no colour"):
        Semantic.create(values=[0, 1], class_colours=["red"])


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a", "a"], "'a' names two classes"),
        (["background"], "'background' names two classes"),
        (["a", "b", "c"], "3 names for 2"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, says):
    with pytest.raises(UserError, match=says):
        Semantic.create(values=[0, 1, 2], class_names=names)


def test_slices_of_classes_are_not_stitched():
    from nbtrainer.inference.prediction import Prediction

    prediction = Prediction(
        task=Semantic.create(values=[0, 1]), preparation=make_preparation(), parts=[], is_stack=True
    )
    with pytest.raises(UserError, match="finds no single objects that could be joined"):
        prediction.labels(stitch_above=0.5)
