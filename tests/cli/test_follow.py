"""A run followed in the terminal: whom an interrupt is for."""

import signal

import pytest

from nbtrainer.cli.follow import follow
from nbtrainer.runs import Run, RunDirectory


class _InterruptedAsItEnds(Run):
    def wait(self, timeout: float | None = None) -> bool:
        signal.raise_signal(signal.SIGINT)
        return True


@pytest.fixture
def ending(trained):
    # who runs the tests in the background, or under nohup, may have let this signal be ignored
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield _InterruptedAsItEnds(RunDirectory.open(trained.directory))
    signal.signal(signal.SIGINT, inherited)


def test_an_interrupt_in_the_last_moment_of_a_run_is_heard_by_who_would_start_another(ending):
    with pytest.raises(KeyboardInterrupt):
        follow(ending, raises_interrupt=True)


def test_after_a_run_an_interrupt_is_no_longer_for_it(ending):
    before = signal.getsignal(signal.SIGINT)
    assert follow(ending) is ending
    assert signal.getsignal(signal.SIGINT) is before
