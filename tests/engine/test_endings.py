"""How runs end: whatever happens to the disk, the folder, the memory or the process, with a reason and resumable."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from processes import usual_signals

import nbtrainer as nbt
from nbtrainer.disk_errors import disk_error
from nbtrainer.engine import time_limits
from nbtrainer.engine.session import failure
from nbtrainer.engine.validate import Validator
from nbtrainer.inference import tiled
from nbtrainer.runs import RunDirectory, events
from nbtrainer.runs.owner import OWNER_FILE
from nbtrainer.runs.signals import stop_before_the_end

resource = pytest.importorskip("resource", reason="limits of files are set as on Unix")


def _weights(path):
    return torch.load(path, weights_only=True)["weights"]


def _same(one, other):
    first, second = _weights(one), _weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def _rows(run):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run.history]


def _until(run, happened):
    while run.status == "running" and not any(happened(event) for event in run.events):
        time.sleep(0.005)


def _epoch(number):
    return lambda event: isinstance(event, events.EpochEnded) and event.epoch >= number


@pytest.fixture
def limited_files():
    """Sets how large a file may become, which is how a disk can be full for one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_ends_the_run_as_failed_and_it_goes_on_when_there_is_room(
    small_config, limited_files
):
    small_config.update(training={"epochs": 100_000})
    run = nbt.start(small_config)
    _until(run, _epoch(1))
    limited_files(run.last.stat().st_size // 2)  # neither checkpoint nor, soon, journal and log
    assert run.wait(timeout=120)
    limited_files(resource.RLIM_INFINITY)
    assert run.status == "failed" and "cannot be written" in run.error and "larger than this disk allows" in run.error
    assert list((run.directory / "checkpoints").glob(".*")) == []  # nothing half-written is left
    epochs = torch.load(run.last, weights_only=True)["epoch"]  # the last whole one
    resumed = nbt.resume(run.directory, training={"epochs": epochs + 2})
    resumed.wait()
    assert resumed.status == "finished"
    assert [row["epoch"] for row in resumed.history] == list(range(1, epochs + 3))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_that(tmp_path, number):
    error = OSError(number, os.strerror(number))
    translated = disk_error(error, tmp_path / "x.pt", done="written")
    translated.__cause__ = error
    for each in (error, translated):
        assert f"the disk of {tmp_path} is full. Free some space" in failure(each, RunDirectory(tmp_path)).reason


def test_the_end_of_a_run_is_known_where_its_journal_cannot_hold_it(small_config):
    small_config.update(training={"epochs": 100_000})
    run = nbt.start(small_config)
    attached = nbt.attach(run.directory)
    _until(attached, _epoch(1))
    while run.directory.exists():  # the run goes on to write in it meanwhile
        shutil.rmtree(run.directory, ignore_errors=True)
    assert run.wait(timeout=60)
    for each in (run, attached):
        assert (each.status, each.error) == ("failed", f"the folder {run.directory} is gone")
        assert each.wait(timeout=5)


def test_another_process_says_of_a_run_whose_folder_is_gone_that_it_failed(small_config):
    run = nbt.train(small_config)
    path = run.directory / "events.jsonl"
    path.write_text("".join(line for line in path.open() if '"finished"' not in line))
    watched = nbt.attach(run.directory)
    # as it is in a process that knows nothing of the session
    watched._session = lambda: None
    assert watched.status == "stopped"
    shutil.rmtree(run.directory)
    assert watched.status == "failed" and "is gone" in watched.error


def test_a_thread_that_cannot_be_started_leaves_no_run_that_goes_on(small_config, monkeypatch):
    begin = threading.Thread.start

    def start(thread):
        if thread.name.startswith("nbtrainer"):
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    small_config.output.name = "dead"
    with pytest.raises(RuntimeError, match="new thread"):
        nbt.start(small_config)
    monkeypatch.undo()
    run = nbt.attach(Path(small_config.output.root) / small_config.output.data_task / "dead")
    assert run.status == "failed" and "can't start new thread" in run.error
    resumed = nbt.resume(run.directory)
    resumed.wait()
    assert resumed.status == "finished"


def test_images_that_are_in_memory_may_go_away(small_config):
    small_config.update(training={"epochs": 12})
    run = nbt.start(small_config)
    _until(run, _epoch(1))
    folder = Path(small_config.data.datasets[0].images).parent
    folder.rename(folder.with_name("elsewhere"))
    run.wait()
    assert (run.status, run.error) == ("finished", "")
    assert len(run.history) == 12


def test_what_breaks_in_a_validation_loses_no_step(small_config, monkeypatch):
    whole = nbt.train(small_config)
    answered = []
    answer = Validator.predict_array

    def fails_once(validator, image):
        answered.append(1)
        if len(answered) == 2:  # the first scores the weights at the start
            raise OSError(errno.EIO, "the drive is gone")
        return answer(validator, image)

    monkeypatch.setattr(Validator, "predict_array", fails_once)
    run = nbt.train(small_config)
    assert run.status == "failed" and "reports an error" in run.error
    assert torch.load(run.last, weights_only=True)["step"] == 2
    resumed = nbt.resume(run.directory)
    resumed.wait()
    assert _rows(resumed) == _rows(whole) and _same(resumed.last, whole.last)


def test_a_kill_between_the_last_checkpoint_and_its_copy_among_the_best_is_mended(small_config):
    small_config.update(training={"epochs": 2, "keep_best": -1})
    run = nbt.train(small_config)
    checkpoints = run.directory / "checkpoints"
    first, second = sorted(checkpoints.glob("best-*.pt"))
    lists = json.loads((checkpoints / "best.json").read_text())
    # the copy was not made, and the file of an epoch before was removed by somebody
    first.unlink()
    second.unlink()
    (checkpoints / "best.json").unlink()
    (checkpoints / "last.new").write_bytes(b"half")
    resumed = nbt.resume(run.directory, training={"epochs": 3})
    resumed.wait()
    assert (resumed.status, resumed.error) == ("finished", "")
    assert second.exists() and not first.exists()
    kept = {entry["file"] for entry in json.loads((checkpoints / "best.json").read_text())}
    assert kept == {entry["file"] for entry in lists if entry["epoch"] == 2} | {"best-epoch0003-step6.pt"}
    assert not (checkpoints / "last.new").exists()


def test_an_epoch_that_was_saved_but_not_told_is_told_by_the_resume(small_config):
    run = nbt.train(small_config)
    rows = run.history
    path = run.directory / "events.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    saved = next(number for number, line in enumerate(lines) if '"epoch_ended"' in line and '"epoch": 3' in line)
    path.write_text("".join(lines[:saved]))
    resumed = nbt.resume(run.directory, training={"epochs": 4})
    resumed.wait()
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3, 4]
    assert resumed.history[:3] == rows
    log = (run.directory / "log.txt").read_text()
    assert "the session before ended without a word: process" in log


def test_a_save_within_an_epoch_is_gone_on_from_bit_for_bit(small_config, tmp_path):
    small_config.update(training={"epochs": 2, "steps_per_epoch": 20})
    whole = nbt.train(small_config)
    small_config.update(training={"checkpoint_interval": 1e-6})
    run = nbt.start(small_config)
    _until(run, lambda event: isinstance(event, events.CheckpointSaved) and event.step > 3)
    os.link(run.last, tmp_path / "last.pt")  # it is replaced, never written to
    assert run.wait()
    # what a kill at that moment would have left
    killed = shutil.copytree(run.directory, tmp_path / "killed")
    shutil.copy(tmp_path / "last.pt", killed / "checkpoints" / "last.pt")
    step = torch.load(tmp_path / "last.pt", weights_only=True)["step"]
    lines = (killed / "events.jsonl").read_text().splitlines(keepends=True)
    saved = next(k for k, line in enumerate(lines) if '"checkpoint_saved"' in line and f'"step": {step},' in line)
    (killed / "events.jsonl").write_text("".join(lines[: saved + 1]))
    resumed = nbt.resume(tmp_path / "killed")
    resumed.wait()
    for each in (run, resumed):
        assert (each.status, each.error) == ("finished", "")
        assert _same(each.last, whole.last)
        assert _rows(each) == _rows(whole)


def test_a_run_gives_back_the_threads_and_random_numbers_of_the_kernel(small_config):
    small_config.training.threads = 3
    torch.set_num_threads(2)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    nbt.train(small_config)
    assert torch.get_num_threads() == 2
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [2]
    assert torch.equal(torch.rand(3), expected)


def test_a_stop_is_heard_after_the_last_step_and_a_resume_does_what_was_left(small_config, monkeypatch):
    whole = nbt.train(small_config)
    answer, answered = Validator.predict_array, []

    def stops_at_the_fifth(validator, image):
        answered.append(1)
        if len(answered) == 5:  # the weights at the start, three epochs, and now the report
            nbt.attach(Path(small_config.output.root) / small_config.output.data_task / "run-002").stop()
        return answer(validator, image)

    monkeypatch.setattr(Validator, "predict_array", stops_at_the_fifth)
    run = nbt.train(small_config)
    assert (run.status, len(run.history), len(answered)) == ("stopped", 3, 5)
    assert not (run.directory / "report.html").exists()
    resumed = nbt.resume(run.directory)
    resumed.wait()
    assert resumed.status == "finished" and _same(resumed.best, whole.best)
    assert (run.directory / "report.html").exists() and (run.directory / "audit.html").exists()


def test_a_time_budget_bounds_what_follows_the_last_step(small_config, monkeypatch):
    monkeypatch.setattr(time_limits, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(time_limits, "_FINISH_SHARE", 0.0)
    small_config.update(training={"max_minutes": 10})
    run = nbt.train(small_config)
    assert run.status == "finished"
    left_out = [event.text for event in run.events if isinstance(event, events.Warned)]
    assert any("the audit of the labels could not be made: the time budget is spent" in text for text in left_out)
    assert nbt.load_model(run.directory).path == run.best


def test_stopping_a_run_of_this_kernel_needs_no_disk(small_config):
    small_config.update(training={"epochs": 100_000})
    run = nbt.start(small_config)
    (run.directory / "stop").mkdir()
    nbt.attach(run.directory).stop(now=True)
    assert run.wait(timeout=60)
    assert run.status == "stopped"
    assert "(as asked)" in (run.directory / "log.txt").read_text().splitlines()[-1]


def test_signals_that_are_ignored_stay_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        stop_before_the_end()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


_SCRIPT = """
import sys, nbtrainer as nbt
run = nbt.start(nbt.Config.load(sys.argv[1]))
print(run.directory, flush=True)
if sys.argv[2] == "wait":
    run.wait()
else:
    sys.stdin.readline()  # and this program ends
"""


def _begun(small_config, tmp_path, *command):
    """A process that trains in one epoch without end, and its run after some steps."""
    small_config.update(training={"steps_per_epoch": 1_000_000})
    small_config.save(tmp_path / "config.json")
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, *command], **options, **usual_signals())
    folder = Path(small_config.output.root) / small_config.output.data_task / "run-001"
    while not (folder / "events.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    run = nbt.attach(folder)
    _until(run, lambda event: isinstance(event, events.StepsDone))
    assert run.status == "running"
    return process, run


@pytest.mark.parametrize(
    ("program", "ended_by", "status"),
    [
        ("command", signal.SIGTERM, 0),
        ("script", signal.SIGHUP, -signal.SIGHUP),
        ("script", None, 0),  # its last line is done
    ],
)
def test_what_ends_a_process_first_saves_within_the_epoch(small_config, tmp_path, program, ended_by, status):
    config = str(tmp_path / "config.json")
    command = ["-m", "nbtrainer", "train", config] if program == "command" else ["-c", _SCRIPT, config]
    process, run = _begun(
        small_config, tmp_path, *command, *([] if program == "command" else ["wait" if ended_by else ""])
    )
    with process:
        if ended_by:
            process.send_signal(ended_by)
        else:
            process.stdin.close()
        assert process.wait(timeout=120) == status
    assert run.status == "stopped"
    assert torch.load(run.last, weights_only=True)["step"] > 0
    assert not (run.directory / OWNER_FILE).exists()
    (stopped,) = [event for event in run.events if isinstance(event, events.Stopped)]
    assert stopped.reason


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_runs_killed_at_any_moment_by_any_signal_end_as_if_they_were_not(small_config, tmp_path):
    """Real processes, killed again and again until they finish; the last must equal one that was left alone."""
    small_config.update(
        training={"epochs": 4, "steps_per_epoch": 40, "keep_best": 2, "checkpoint_interval": 0.005},
        sampling={"patch_size": [64, 64]},
    )
    whole = nbt.train(small_config)
    small_config.output.name = "killed"
    small_config.save(tmp_path / "config.json")
    folder = Path(small_config.output.root) / small_config.output.data_task / "killed"
    rng, kills = random.Random(0), 0
    signals = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    command = ["train", str(tmp_path / "config.json")]
    while kills < 12:
        process = subprocess.Popen(
            [sys.executable, "-m", "nbtrainer", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **usual_signals(),
        )
        while not (folder / "events.jsonl").exists() and process.poll() is None:
            time.sleep(0.02)
        size = (folder / "events.jsonl").stat().st_size
        # from before the session's first event to some seconds of training
        while process.poll() is None and (folder / "events.jsonl").stat().st_size < size + 1:
            time.sleep(0.02)
        try:
            process.wait(timeout=rng.uniform(0, 6) if kills % 3 else rng.uniform(0, 1))
        except subprocess.TimeoutExpired:
            process.send_signal(signals[kills % len(signals)])
            process.wait()
            kills += 1
        run = nbt.attach(folder)
        assert run.status in ("stopped", "finished"), run.error
        if run.status == "finished":
            break
        command = ["resume", str(folder)]
    else:
        nbt.resume(folder).wait()
    assert kills
    run = nbt.attach(folder)
    assert run.status == "finished"
    assert _same(run.last, whole.last)
    assert _rows(run) == _rows(whole)


def test_smaller_tiles_of_a_validation_are_told_once_in_the_log(small_config, monkeypatch):
    predict = tiled.predict_tiled

    def with_little_memory(network, image, tile, *rest, **others):
        if max(tile) > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return predict(network, image, tile, *rest, **others)

    monkeypatch.setattr(tiled, "predict_tiled", with_little_memory)
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    told = [event.text for event in run.events if isinstance(event, events.Warned) and "memory ran out" in event.text]
    assert told == ["memory ran out: images are predicted in tiles of 32 x 32 pixels instead of 64 x 64"]
