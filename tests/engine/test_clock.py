import pytest

from nbtrainer.engine.clock import Clock


def _clock(**settings: object) -> Clock:
    defaults = {
        "epochs": 3,
        "iterations": None,
        "steps_per_epoch": -1,
        "batch_size": 4,
        "batches_per_step": 1,
        "max_minutes": None,
    }
    return Clock.from_settings(**{**defaults, "patches_per_pass": 10, **settings})


def _run(clock: Clock) -> list[list[int]]:
    """The patch numbers of each step until the clock is over."""
    shown = []
    while not clock.is_over:
        for step in clock.remaining():
            shown.append(list(clock.patch_numbers(step)))
            clock.step += 1
        clock.close_epoch()
    return shown


@pytest.mark.feature(96, 97, 98, 114)
def test_all_patches_are_shown_once_an_epoch_and_the_last_batch_is_smaller():
    shown = _run(_clock())
    assert [len(batch) for batch in shown] == [4, 4, 2] * 3
    assert sum(shown, []) == list(range(30))


def test_a_number_of_steps_makes_an_epoch():
    clock = _clock(steps_per_epoch=2)
    assert [len(batch) for batch in _run(clock)] == [4] * 6
    assert clock.epoch == clock.epochs == 3


@pytest.mark.feature(105)
def test_iterations_decide_instead_of_epochs():
    clock = _clock(iterations=7)
    assert len(_run(clock)) == 7
    assert clock.epoch == 3


def test_a_time_budget_ends_the_run_and_drives_the_progress():
    clock = _clock(max_minutes=1.0)
    clock.earlier_seconds = 30.0
    assert 0.5 <= clock.progress < 0.6
    assert not clock.is_over
    clock.earlier_seconds = 61.0
    clock.step = 1
    assert clock.is_out_of_time
    assert not clock.is_over  # the epoch is still to be closed
    clock.close_epoch()
    assert clock.is_over and clock.progress == 1.0


@pytest.mark.parametrize("stopped_at", range(10))
def test_a_restored_clock_goes_on_where_it_stopped(stopped_at):
    whole = _run(_clock())
    clock = _clock()
    shown = []
    while clock.step < stopped_at:
        for step in clock.remaining():
            shown.append(list(clock.patch_numbers(step)))
            clock.step += 1
            if clock.step == stopped_at:
                break
        else:
            clock.close_epoch()
    other = _clock()
    other.restore(clock.as_record())
    assert shown + _run(other) == whole
