import numpy as np
import pytest

from nbtrainer.runs.advice import advice


def _rows(validation, train=None):
    train = validation if train is None else train
    return [
        {"epoch": epoch, "validation_dice": float(v), "train_dice": float(t)}
        for epoch, (v, t) in enumerate(zip(validation, train, strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("validation", "train", "says"),
    [
        (np.linspace(0.3, 0.9, 12), None, "training longer is worth it"),
        ([0.5, 0.7, *[0.8] * 10], [0.5, 0.8, *[0.97] * 10], "more annotated images"),
        ([0.5, 0.8, 0.81, *np.linspace(0.8, 0.7, 9)], None, "was best at epoch 3 and became worse"),
        ([0.5, 0.7, *[0.8] * 10], None, "more images would not help yet; train longer"),
    ],
)
def test_the_curves_say_how_to_go_on(validation, train, says):
    assert says in advice(_rows(validation, train), "validation_dice", lost_patience=False)


def test_a_score_that_is_better_when_lower_is_read_the_other_way():
    rows = [{"epoch": k, "validation_adapted_rand_error": value} for k, value in enumerate(np.linspace(0.9, 0.2, 12))]
    assert "training longer" in advice(rows, "validation_adapted_rand_error", lost_patience=False)


def test_short_curves_and_runs_without_validation_say_nothing():
    assert advice(_rows([0.1, 0.2, 0.3]), "validation_dice", lost_patience=False) == ""
    assert advice(_rows([0.1] * 9), "train_loss", lost_patience=False) == ""


@pytest.mark.parametrize("validation", [[*np.linspace(0.3, 0.9, 35), *[0.89] * 5], [0.5, 0.7, *[0.8] * 10]])
def test_a_run_that_lost_its_patience_is_not_told_to_train_longer(validation):
    assert "train" in advice(_rows(validation), "validation_dice", lost_patience=False)
    words = advice(_rows(validation), "validation_dice", lost_patience=True)
    assert "larger network" in words and "longer is" not in words and "train longer" not in words
