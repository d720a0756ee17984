"""The benchmark for a graphics card, which nobody watches: whatever a trial does, the others run, and all is written."""

import json
import os
import random
import threading

import numpy as np
import pytest

from benchmarks.gpu_run import LeftOutError, Trial, run_trials
from benchmarks.interruptions import draw_stops


def measure(place):
    yield {"ms": 1.5, "device": place.device.type}


def find_nothing_wrong(place):
    return ""


def fail(place):
    raise ValueError("broken | here")


def end_its_process(place):
    os._exit(7)


def hang_after_a_row(place):
    yield {"ms": 2.5}
    threading.Event().wait()


def leave_out(place):
    raise LeftOutError("no such cores")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="trials would be imported anew")
def test_no_trial_ends_another_and_all_of_them_are_written(tmp_path):
    trials = [
        Trial("fails", fail, 30),
        Trial("ends its process", end_its_process, 30),
        Trial("hangs", hang_after_a_row, 1),
        Trial("is left out", leave_out, 30),
        Trial("needs a card", fail, 30, needs_card=True),
        Trial("measures", measure, 30),
        Trial("finds nothing", find_nothing_wrong, 30),
    ]
    rows = run_trials(trials, device="cpu", out=tmp_path, minutes=5)
    assert [row["state"] for row in rows] == ["wrong", "wrong", "cut off", "left out", "left out", "well", "well"]
    found = {row["trial"]: row["found"] for row in rows}
    assert found["fails"] == "ValueError: broken | here" and found["is left out"] == "no such cores"
    assert "ended with 7" in found["ends its process"] and "longer than 1 s" in found["hangs"]
    # what was measured before is kept
    assert rows[2]["rows"] == [{"ms": 2.5}] and rows[5]["rows"] == [{"ms": 1.5, "device": "cpu"}]
    assert json.loads((tmp_path / "gpu.json").read_text())["trials"] == rows
    table = (tmp_path / "gpu.md").read_text()
    assert "| fails | wrong |" in table and "broken / here" in table and "| 1.5 | cpu |" in table
    assert "Traceback" in (tmp_path / "logs" / "fails.txt").read_text()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="trials would be imported anew")
def test_what_could_not_begin_in_time_is_left_out(tmp_path):
    (row,) = run_trials([Trial("measures", measure, 30)], device="cpu", out=tmp_path, minutes=0)
    assert row["state"] == "left out" and "no time" in row["found"]


def test_stops_are_drawn_without_repetition_from_the_whole_run():
    rng = random.Random(0)
    drawn = [draw_stops(rng, count=5) for _ in range(200)]
    assert all(np.diff(steps).min() > 0 for steps in drawn)
    together = np.concatenate(drawn)
    assert 1 <= together.min() < 10 and 230 < together.max() < 240
    assert (np.histogram(together, bins=4, range=(0, 240))[0] > 200).all()
