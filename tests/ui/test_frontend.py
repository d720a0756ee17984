"""Who calls flush: a timer in Jupyter, the page itself in Colab."""

import threading

from nbtrainer.ui import frontend


def test_a_timer_beats_until_it_is_stopped_from_within():
    beats = []
    over = threading.Event()

    def beat():
        beats.append(1)
        if len(beats) == 2:
            timer.stop()
            over.set()

    timer = frontend.driver(beat)
    timer.start()
    timer.start()

    assert isinstance(timer, frontend.Timer)
    assert over.wait(10)
    assert not over.wait(0) or len(beats) == 2


def test_colab_gets_a_heartbeat_from_the_page(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "google.colab", sys)
    beats = []

    loop = frontend.driver(lambda: beats.append(1))
    loop.start()

    assert isinstance(loop, frontend.Heartbeat)
    assert loop.widget.beating
    loop.widget._handle_custom_msg("tick", [])
    assert beats == [1]
    loop.stop()
    assert not loop.widget.beating


def test_the_choice_can_be_overridden(monkeypatch):
    monkeypatch.setenv("NBTRAINER_FRONTEND", "heartbeat")

    assert isinstance(frontend.driver(lambda: None), frontend.Heartbeat)
    assert isinstance(frontend.driver(lambda: None, kind="timer"), frontend.Timer)
