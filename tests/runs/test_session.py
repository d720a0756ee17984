"""What is true of the runs of this process until it ends."""

import threading
import time

from nbtrainer.runs import events
from nbtrainer.runs.session import Session, stop_all


def test_a_process_waits_for_the_thread_of_a_run_that_has_ended(tmp_path):
    """Else Python ends while the thread frees the memory of torch, and the system aborts the process."""
    session, is_free = Session("token", tmp_path), threading.Event()

    def end_and_free() -> None:
        session.end(events.Failed(reason="it broke"))
        time.sleep(0.3)  # for what takes long to be freed
        is_free.set()

    session.thread = threading.Thread(target=end_and_free, daemon=True)
    session.thread.start()
    assert session.wait(10)
    stop_all("the test ends", 10)
    assert is_free.is_set()
