"""The numbers of the dashboard, from events."""

import pytest
from journals import begun, epoch, planned

from nbtrainer.runs import events
from nbtrainer.ui.dashboard.run_state import LOG_LINES, RunState


def told(happened):
    story = RunState()
    for event in happened:
        story.take(event)
    return story


@pytest.mark.feature(143)
def test_the_time_left_follows_the_pace_so_far():
    story = told([*begun(), *epoch(1, dice=0.5, loss=1.0), *epoch(2, dice=0.6, loss=0.9)])

    assert story.fraction == pytest.approx(0.2)
    assert story.seconds_left == pytest.approx(80 * 0.5)


@pytest.mark.feature(143)
def test_a_time_budget_shortens_the_time_left():
    import dataclasses

    budget = dataclasses.replace(planned(step=0), max_minutes=0.2)
    story = told([begun()[0], budget, *epoch(1, dice=0.5, loss=1.0)])

    assert story.seconds_left == pytest.approx(0.2 * 60 - 5)
    assert story.fraction == pytest.approx(5 / 12)


def test_nothing_is_known_before_the_run_is_planned():
    story = told([begun()[0]])

    assert story.seconds_left is None
    assert story.fraction == 0
    assert story.epoch == 0


def test_the_best_score_is_the_highest_dice_and_the_lowest_loss():
    story = told([*begun(), *epoch(1, 0.5, 1.0), *epoch(2, 0.8, 0.7), *epoch(3, 0.6, 0.8)])

    assert story.best("validation_dice") == (2, 0.8)
    assert story.best("validation_loss") == (2, pytest.approx(0.8))
    assert story.best("validation_recall") is None


def test_epochs_that_are_done_again_after_a_resume_replace_the_old_ones():
    first = [*begun(), *epoch(1, 0.5, 1.0), *epoch(2, 0.6, 0.9), events.Stopped(step=20)]
    story = told([*first, begun()[0], planned(step=10)])

    assert list(story.rows) == [1]
    assert list(story.previews) == [1]
    assert max(story.loss_epochs) <= 1
    assert story.step == 10

    for event in epoch(2, 0.9, 0.3):
        story.take(event)
    assert story.scores("validation_dice") == ([1.0, 2.0], [0.5, 0.9])


def test_the_running_loss_stands_at_fractions_of_epochs():
    story = told([*begun(), *epoch(1, 0.5, 1.0)])

    assert story.loss_epochs == [0.25, 0.75]
    assert story.losses == [1.0, 1.0]


def test_the_monitored_metric_comes_first_and_the_loss_is_none():
    story = told([*begun(), *epoch(1, 0.5, 1.0)])

    assert story.metrics == ["dice", "iou"]


def test_what_the_engine_does_between_steps_is_said_in_words():
    story = told([*begun(), events.Activity(doing="validating", done=3, of=5)])

    assert story.activity == "validating 3 of 5"


def test_the_log_is_bounded():
    story = told([events.Warned(text=f"number {number}") for number in range(LOG_LINES + 50)])

    assert len(story.log) == LOG_LINES
    assert story.log[-1].words == f"number {LOG_LINES + 49}"
