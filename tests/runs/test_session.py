"""What is true of the runs of this process until it ends."""

import threading

from nbtrainer.runs import events
from nbtrainer.runs.session import Session, stop_all


class _Thread(threading.Thread):
    """A thread whose task may end only when something waits for the thread."""

    def __init__(self, task):
        super().__init__(target=task, daemon=True)
        self.is_awaited = threading.Event()

    def join(self, timeout=None):
        self.is_awaited.set()
        super().join(timeout)


def test_a_process_waits_for_the_thread_of_a_run_that_has_ended(tmp_path):
    """Else Python ends while the thread frees the memory of torch, and the system aborts the process."""
    session, is_free = Session("token", tmp_path), threading.Event()

    def end_and_free() -> None:
        session.end(events.Failed(reason="it broke"))
        session.thread.is_awaited.wait(10)
        is_free.set()

    session.thread = _Thread(end_and_free)
    session.thread.start()
    assert session.wait(10)
    stop_all("the test ends", 10)
    assert session.thread.is_awaited.is_set() and is_free.is_set()
