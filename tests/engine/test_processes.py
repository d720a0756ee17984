"""Runs of several processes: the same run as in one, and none of them left when it ends, however it does."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

import nbtrainer as nbt
from nbtrainer.inference.checkpoint import load_checkpoint
from nbtrainer.runs import events
from tests.processes import usual_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

# The second process has memory for one patch and for small tiles only, and its 150th convolution of a training is no number
_FAULTY_RANK = """
import os, sys
import torch

convolve, calls = torch.nn.Conv2d.forward, []

def faulty(module, images):
    if os.environ["RANK"] == "1":
        if len(images) > 1 or (not module.training and images.shape[-1] > 48):
            raise torch.OutOfMemoryError("CUDA out of memory")
        calls.extend([1] * module.training)
        if module.training and len(calls) == 150:
            return torch.full_like(convolve(module, images), float("nan"))
    return convolve(module, images)

torch.nn.Conv2d.forward = faulty
from nbtrainer.cli.main import main
main()
"""


def train_with(config, processes, **training):
    config = config.model_copy(deep=True)
    config.update(training={"processes": processes, **training})
    run = nbt.train(config)
    assert run.status == "finished", run.error
    return run


def until(run, condition):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends and run.status in ("running", "paused"), (run.events[-1], run.error)
        time.sleep(0.02)


def ranks():
    """The living processes that this one started for runs, by their rank."""
    children = [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE]
    return {int(each.environ()["RANK"]): each for each in children if "nbtrainer.engine.rank_process" in each.cmdline()}


def assert_same(one, other):
    """Losses and scores, and weights: but for rounding, and for biases that a normalization takes out again."""
    assert len(one.history) == len(other.history)
    for row, twin in zip(one.history, other.history, strict=True):
        scores = {name: value for name, value in row.items() if name.startswith(("train_", "validation_"))}
        assert {name: twin[name] for name in scores} == pytest.approx(scores, rel=1e-5)
    first, second = load_checkpoint(one.last)["weights"], load_checkpoint(other.last)["weights"]
    for name, weights in first.items():
        if not name.endswith("conv.bias"):
            assert weights.numpy() == pytest.approx(second[name].numpy(), rel=1e-4, abs=1e-5), name


def python(*arguments):
    """A command of its own, such as `nbtrainer train`, and what it printed."""
    # names of machines are not to be asked for where all processes are on one
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0"}
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, timeout=120, env=environment, check=False
    )


def torchrun(*arguments):
    return python("torch.distributed.run", "--nproc-per-node", "2", "--standalone", *arguments)


def attach_named(config, name):
    return nbt.attach(config.resolve(config.output.root) / config.output.data_task / name)


@pytest.fixture
def config(small_config, write_pairs):
    """Five images train and three validate, each set an odd number for two processes."""
    small_config.update(data={"datasets": [write_pairs(count=8, name="eight")], "validation_fraction": 3 / 8})
    return small_config


@pytest.mark.feature(109, 118)
def test_two_processes_train_as_one_does(config):
    # batches of 3, which two processes cannot halve; 20 patches an epoch, so that the last has 2
    settings = {"iterations": 50, "steps_per_epoch": -1, "batch_size": 3, "validation_interval": 5, "save_interval": 5}
    one, two = train_with(config, 1, **settings), train_with(config, 2, **settings)
    assert_same(one, two)
    assert one.history[-1]["step"] == 50
    assert json.loads((one.directory / "tiles.json").read_text()) == json.loads(
        (two.directory / "tiles.json").read_text()
    )
    assert not ranks()


@pytest.mark.slow
def test_several_batches_a_step_are_shared_and_a_process_may_have_none(config):
    config.update(sampling={"hard_fraction": 0.5}, compile={"max_gradient_norm": 0.5})
    # five patches: batches of 2 and 2 in one step, and 1 in the next, of which the second process has none
    settings = {"epochs": 3, "steps_per_epoch": -1, "batch_size": 2, "batches_per_step": 2}
    assert_same(train_with(config, 1, **settings), train_with(config, 2, **settings))


@pytest.mark.slow
def test_batches_in_parts_for_want_of_memory_are_shared_too(config):
    settings = {"epochs": 2, "batch_size": 4}
    runs = [train_with(config, 1, **settings) for _ in range(2)]
    record = load_checkpoint(runs[1].last)
    record["resume"]["parts"] = 2
    torch.save(record, runs[1].last)
    for run, processes in zip(runs, (1, 2), strict=True):
        resumed = nbt.resume(run.directory, training={"epochs": 5, "processes": processes})
        assert resumed.wait(timeout=60)
        assert resumed.status == "finished", resumed.error
    assert load_checkpoint(runs[1].last)["resume"]["parts"] == 2
    assert_same(*map(nbt.attach, (run.directory for run in runs)))


def test_what_goes_wrong_in_another_process_is_mended_as_in_the_first(config, tmp_path):
    config.update(training={"batch_size": 4, "epochs": 12, "patience": 0}, output={"name": "faulty"})
    config.save(tmp_path / "config.json")
    (tmp_path / "faulty.py").write_text(_FAULTY_RANK)
    done = torchrun(str(tmp_path / "faulty.py"), "train", str(tmp_path / "config.json"))
    assert done.returncode == 0, done.stderr
    run = attach_named(config, "faulty")
    (split,) = [event for event in run.events if isinstance(event, events.BatchReduced)]
    (back,) = [event for event in run.events if isinstance(event, events.RolledBack)]
    assert split.parts == 2 and split.step == 0
    aside = json.loads((run.directory / "set_aside.json").read_text())["patches"]
    assert len(aside) == 4 and (run.directory / back.path).exists()
    assert [row["epoch"] for row in run.history] == list(range(1, 13))
    assert any("tiles" in event.text for event in run.events if isinstance(event, events.Warned))


def test_a_killed_process_fails_the_run_which_can_be_resumed(config):
    config.update(training={"processes": 2, "epochs": 100_000})
    run = nbt.start(config)
    until(run, lambda: run.last is not None)
    ranks()[1].kill()
    assert run.wait(timeout=60)
    assert run.status == nbt.attach(run.directory).status == "failed"
    assert "process 2 of 2" in run.error and "was killed" in run.error and "Resume" in run.error
    assert not ranks()
    step = load_checkpoint(run.last)["step"]
    resumed = nbt.resume(run.directory, training={"iterations": step + 3, "processes": 1})
    assert resumed.wait(timeout=60)
    assert resumed.status == "finished" and load_checkpoint(resumed.last)["step"] == step + 3


@pytest.mark.slow
def test_a_killed_rank_zero_is_reported_by_the_process_that_started_it(config):
    config.update(training={"processes": 2, "epochs": 100_000})
    run = nbt.start(config)
    until(run, lambda: run.last is not None)
    ranks()[0].kill()
    assert run.wait(timeout=60)
    assert run.status == "failed" and "process 1 of 2" in run.error
    assert not ranks()


def test_a_run_of_processes_is_paused_changed_and_stopped_like_any_other(config):
    config.update(training={"processes": 2, "epochs": 100_000})
    run = nbt.start(config)
    assert run.status == nbt.attach(run.directory).status == "running"
    with pytest.raises(nbt.UserError, match="still going on"):
        nbt.resume(run.directory)
    run.pause(free_memory=True)  # at once, before the processes are there
    until(run, lambda: run.status == "paused")
    run.change(training={"epochs": 50_000})
    run.unpause()
    until(run, lambda: any(isinstance(event, events.SettingsChanged) for event in run.events))
    until(run, lambda: isinstance(run.events[-1], events.StepsDone))
    run.stop()
    assert run.wait(timeout=60)
    assert run.status == "stopped" and not ranks()
    assert not (run.directory / "owner.json").exists()
    # and one process goes on where two have stopped
    step = load_checkpoint(run.last)["step"]
    resumed = nbt.resume(run.directory, training={"processes": 1, "iterations": step + 2})
    assert resumed.wait(timeout=60)
    assert resumed.status == "finished", resumed.error


@pytest.mark.slow
def test_processes_end_with_the_program_that_started_them(config, tmp_path):
    config.update(training={"processes": 2, "epochs": 100_000}, output={"name": "orphan"})
    config.save(tmp_path / "config.json")
    code = f"import nbtrainer as nbt; nbt.train(nbt.Config.load({str(tmp_path / 'config.json')!r}))"
    program = subprocess.Popen([sys.executable, "-c", code], **usual_signals())
    folder = config.resolve(config.output.root) / config.output.data_task / "orphan"
    ends = time.monotonic() + 60
    while not (folder / "checkpoints" / "last.pt").exists():
        assert time.monotonic() < ends and program.poll() is None
        time.sleep(0.05)
    started = psutil.Process(program.pid).children()
    program.kill()
    program.wait()
    run = nbt.attach(folder)
    assert run.wait(timeout=60)
    assert run.status == "stopped" and run.events[-1].reason == "the program that started it ended"
    assert not psutil.wait_procs(started, timeout=30)[1]


@pytest.mark.parametrize("by", ["torchrun", pytest.param("option", marks=pytest.mark.slow)])
def test_the_command_line_trains_with_processes(config, tmp_path, by):
    config.save(tmp_path / "config.json")
    train = ["train", str(tmp_path / "config.json"), "output.name=named", "training.epochs=2"]
    done = torchrun("-m", "nbtrainer", *train) if by == "torchrun" else python("nbtrainer", *train, "--processes", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished; results in") == 1
    planned = next(event for event in attach_named(config, "named").events if isinstance(event, events.Planned))
    assert planned.chosen["processes"] == "2 processes"


@pytest.mark.slow
def test_under_torchrun_a_mistake_is_reported_once_and_no_process_waits(config, tmp_path):
    config.save(tmp_path / "config.json")
    done = torchrun("-m", "nbtrainer", "train", str(tmp_path / "config.json"), "training.steps_per_epoch=0")
    assert done.returncode != 0
    assert done.stderr.count("nbtrainer: training.steps_per_epoch") == 1


@pytest.mark.slow
def test_sigterm_stops_a_run_of_processes_with_everything_saved(config, tmp_path):
    config.update(training={"epochs": 100_000})
    config.save(tmp_path / "config.json")
    command = ["nbtrainer", "train", str(tmp_path / "config.json"), "output.name=named", "--processes", "2"]
    program = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, **usual_signals())
    last = config.resolve(config.output.root) / config.output.data_task / "named" / "checkpoints" / "last.pt"
    ends = time.monotonic() + 60
    while not last.exists():
        assert time.monotonic() < ends and program.poll() is None
        time.sleep(0.05)
    program.send_signal(signal.SIGTERM)
    assert "stopped; results in" in program.communicate(timeout=60)[0]
    assert program.returncode == 0 and attach_named(config, "named").status == "stopped"


def test_more_processes_than_cards_or_on_other_devices_are_refused(config):
    config.update(training={"processes": 2, "device": "mps"})
    finding = next(each for each in nbt.check(config) if each.where == "training.processes")
    assert finding.level == "error" and "not on mps" in finding.wrong


def test_more_processes_than_cores_or_patches_are_warned_of(config):
    config.update(training={"processes": 1000, "device": "cpu"})
    wrong = [each.wrong for each in nbt.check(config) if each.where == "training.processes"]
    assert "processor cores" in wrong[0] and "998 have no patch" in wrong[1]


def test_a_run_of_one_process_knows_nothing_of_others():
    code = "import sys, nbtrainer.engine; assert not any('engine.rank' in n or 'engine.distributed' in n for n in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
