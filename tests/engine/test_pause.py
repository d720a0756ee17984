"""Pausing a run and letting it go on, from Python and by a file in its folder."""

import time

import pytest
import torch

import nbtrainer as nbt
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events


def until(run, condition):
    ends = time.monotonic() + 60
    while not condition() and run.status in ("running", "paused"):
        assert time.monotonic() < ends, run.events[-1]
        time.sleep(0.01)


@pytest.mark.parametrize("free_memory", [False, True])
def test_a_run_that_paused_is_as_if_it_had_not(small_config, free_memory):
    small_config.update(training={"epochs": 6, "steps_per_epoch": 40}, compile={"optimizer": "adamw"})
    whole = nbt.train(small_config)
    run = nbt.start(small_config)
    until(run, lambda: any(isinstance(event, events.StepsDone) for event in run.events))
    run.pause(free_memory=free_memory)
    until(run, lambda: run.status == "paused")
    paused = run.events[-1]
    assert run.status == "paused" and run.last is not None
    assert nbt.attach(run.directory).status == "paused"
    step = next(event.step for event in reversed(run.events) if isinstance(event, events.Paused))
    assert load_checkpoint(run.last)["step"] == step < 240
    assert run.events[-1] == paused or free_memory
    # on a processor there is no other memory that could be free
    assert "is free" not in "".join(event.text for event in run.events if isinstance(event, events.Noted))
    run.unpause()
    run.wait()
    assert run.status == "finished", run.error
    one, other = load_checkpoint(whole.last), load_checkpoint(run.last)
    assert all(torch.equal(one["weights"][name], other["weights"][name]) for name in one["weights"])


def test_a_paused_run_can_be_changed_and_stopped(small_config):
    small_config.update(training={"epochs": 1000, "steps_per_epoch": 40})
    run = nbt.start(small_config)
    (run.directory / "pause").write_text("")  # by hand, in a file manager
    until(run, lambda: run.status == "paused")
    run.change(training={"epochs": 500})
    until(run, lambda: any(isinstance(event, events.SettingsChanged) for event in run.events))
    with pytest.raises(nbt.UserError):
        nbt.resume(run.directory)
    run.stop(now=True)
    run.wait()
    assert run.status == "stopped"
    assert not (run.directory / "pause").exists()


def test_a_pause_takes_no_time_of_the_budget(small_config):
    small_config.update(training={"epochs": 100_000, "max_minutes": 0.05})
    run = nbt.start(small_config)
    run.pause()
    until(run, lambda: run.status == "paused")
    assert run.status == "paused"
    run.unpause()
    run.wait()
    end = run.events[-1]
    paused = next(event.seconds for event in run.events if isinstance(event, events.Continued))
    assert isinstance(end, events.Finished)
    assert end.time - run.events[0].time > paused
    assert end.elapsed_seconds > 2.9


def test_steps_tell_how_much_memory_is_used(small_config):
    run = nbt.train(small_config)
    steps = [event for event in run.events if isinstance(event, events.StepsDone)]
    assert all(event.memory_bytes > 10**8 and event.device_memory_bytes == 0 for event in steps)
