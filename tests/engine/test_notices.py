"""What a run notices about itself, from its scores alone."""

import pytest

from nbtrainer.engine.notices import Notices


def look_at(rows, monitor="validation_dice", waited=0.0, seconds=1.0):
    notices = Notices(monitor=monitor)
    return [sentence for row in rows for sentence in notices.look(row, waited=waited, seconds=seconds)]


def rows(count, best_at, falling):
    return [
        {
            "validation_dice": 0.5 + 0.01 * min(k, best_at) - 0.001 * max(0, k - best_at),
            "train_loss": 1.0 / (k + 1) if falling else max(0.2, 1.0 - 0.1 * k),
        }
        for k in range(count)
    ]


def test_a_network_that_learns_by_heart_is_told_from_one_that_has_learned_all():
    (overfit,) = look_at(rows(30, 8, falling=True))
    assert "learns its images by heart" in overfit
    (plateau,) = look_at(rows(30, 9, falling=False))
    assert "as good as it gets" in plateau


@pytest.mark.parametrize(("count", "best_at"), [(30, 29), (30, 20), (9, 1)])
def test_a_score_that_still_rises_or_a_short_run_is_not_told(count, best_at):
    assert look_at(rows(count, best_at, falling=True)) == []


def test_a_lower_loss_is_better():
    course = [{"validation_loss": 1 / (k + 1), "train_loss": 1 / (k + 1)} for k in range(30)]
    assert look_at(course, "validation_loss") == []


def test_a_class_that_is_never_found_is_named_once():
    course = [
        {"validation_dice": 0.4 + k / 100, "validation_dice (axon)": 0.8, "validation_dice (myelin)": 0.0}
        for k in range(30)
    ]
    (said,) = look_at(course)
    assert said.startswith("myelin is not learned")


def test_waiting_for_patches_is_told_of_long_epochs_alone():
    assert look_at([{}], waited=40, seconds=60)[0].startswith("67 % of the time")
    assert look_at([{}, {}], waited=4, seconds=6) == []
    assert look_at([{}], waited=10, seconds=60) == []
