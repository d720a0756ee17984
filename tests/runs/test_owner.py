import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from nbtrainer.config import Config
from nbtrainer.engine.trainer import started_event
from nbtrainer.errors import UserError
from nbtrainer.runs import RunDirectory, attach, owner
from nbtrainer.runs.journal import Journal
from nbtrainer.runs.owner import OWNER_FILE, take
from nbtrainer.runs.process import is_alive, this_process

_HOLD = """
import sys, time
from pathlib import Path
from nbtrainer.runs.owner import take
lease = take(Path(sys.argv[1]))
print(lease.owner.token, flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that owns the run in `tmp_path`, and its token."""
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    yield process, process.stdout.readline().strip()
    process.kill()
    process.wait()


@pytest.fixture
def quick(monkeypatch):
    """Hearts that beat and fall silent faster, so that nobody waits for 12 seconds."""
    monkeypatch.setattr(owner, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(owner, "SILENCE_SECONDS", 1.0)


def _elsewhere(folder, **changes):
    """Let the owner's file be that of a process on another machine."""
    path = folder / OWNER_FILE
    record = json.loads(path.read_text()) | {"host": "elsewhere", "machine": "m", "boot": "b"} | changes
    path.write_text(json.dumps(record))


def _started_by(folder, token):
    """A run in `folder` that the session with `token` trains."""
    directory = RunDirectory(folder)
    Config().save(directory.config)
    Journal(directory.events).append(started_event(False, token))
    return attach(folder)


def test_a_second_owner_is_refused_with_process_and_host(tmp_path):
    lease = take(tmp_path)
    with pytest.raises(UserError, match=rf"still going on, in process {os.getpid()} on {this_process().host}"):
        take(tmp_path)
    lease.release()
    assert not (tmp_path / OWNER_FILE).exists()
    take(tmp_path).release()


def test_a_run_that_another_process_owns_is_refused_and_free_at_once_when_it_is_killed(tmp_path, holder):
    process, token = holder
    run = _started_by(tmp_path, token)
    assert run.status == "running"
    with pytest.raises(UserError, match=f"in process {process.pid} on"):
        take(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run.status == "stopped"
    take(tmp_path).release()


def test_of_many_that_ask_at_the_same_moment_one_becomes_the_owner(tmp_path, holder):
    process, _ = holder
    process.kill()
    process.wait()  # its file is still there, so that all of them take over
    code = """
import sys, time
from pathlib import Path
from nbtrainer.runs.owner import take
print(flush=True)
sys.stdin.readline()
try:
    take(Path(sys.argv[1]))
except Exception as error:
    print(error)
else:
    print("mine", flush=True)
    time.sleep(600)
"""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    try:
        for racer in racers:
            racer.stdout.readline()
        for racer in racers:
            racer.stdin.write("\n")
            racer.stdin.flush()
        answers = [racer.stdout.readline().strip() for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    assert answers.count("mine") == 1
    assert sum("still going on" in answer for answer in answers) == 3


def test_on_another_machine_an_owner_lives_as_long_as_its_file_changes(tmp_path, holder):
    _, token = holder
    run = _started_by(tmp_path, token)
    here = json.loads((tmp_path / OWNER_FILE).read_text())
    _elsewhere(tmp_path)
    assert run.status == "running"
    # the process here goes on to beat, and says where it is
    with pytest.raises(UserError, match=r"still going on, in process \d+ on elsewhere"):
        take(tmp_path)
    assert json.loads((tmp_path / OWNER_FILE).read_text())["host"] == here["host"]


def test_on_another_machine_an_owner_whose_file_stands_still_is_gone(tmp_path, quick):
    lease = take(tmp_path)
    run = _started_by(tmp_path, lease.owner.token)
    lease.release()
    record = json.dumps({"token": lease.owner.token, "number": 1, "born": "1", "host": "elsewhere", "beat": 3})
    (tmp_path / OWNER_FILE).write_text(record)
    assert run.status == "running"  # it may still beat
    while run.status == "running":
        time.sleep(0.05)
    taken = take(tmp_path)
    assert run.status == "stopped"
    taken.release()


def test_a_file_of_yesterday_on_another_machine_is_not_waited_for(tmp_path):
    lease = take(tmp_path)
    run = _started_by(tmp_path, lease.owner.token)
    lease.release()
    (tmp_path / OWNER_FILE).write_text(json.dumps({"token": lease.owner.token, "number": 1, "host": "elsewhere"}))
    os.utime(tmp_path / OWNER_FILE, (1e9, 1e9))
    assert run.status == "stopped"


@pytest.mark.parametrize("content", ["", "[1, 2]", "\x00" * 50, '{"token": 5}'])
def test_an_owners_file_that_says_nothing_is_taken_over(tmp_path, quick, content):
    (tmp_path / OWNER_FILE).write_text(content)
    lease = take(tmp_path)
    assert json.loads((tmp_path / OWNER_FILE).read_text())["token"] == lease.owner.token
    lease.release()


def test_an_owner_notices_that_another_took_over_and_that_the_folder_is_gone(tmp_path, quick):
    folder = tmp_path / "run"
    folder.mkdir()
    lease = take(folder)
    _elsewhere(folder, token="another", number=7)
    while not lease.lost:
        time.sleep(0.01)
    assert lease.lost == "process 7 on elsewhere has taken this run over"
    lease.release()
    assert json.loads((folder / OWNER_FILE).read_text())["token"] == "another"

    (folder / OWNER_FILE).unlink()
    lease = take(folder)
    folder.rename(tmp_path / "moved")
    while not lease.lost:
        time.sleep(0.01)
    assert lease.lost == f"the folder {folder} is gone"


def test_a_removed_owners_file_is_made_again(tmp_path, quick):
    lease = take(tmp_path)
    (tmp_path / OWNER_FILE).unlink()
    while not (tmp_path / OWNER_FILE).exists():
        time.sleep(0.01)
    assert not lease.lost
    lease.release()


def test_a_process_is_known_by_its_birth_and_the_start_of_its_machine():
    own = this_process()
    assert is_alive(own, seen_from=own) is True
    assert is_alive(dataclasses.replace(own, born="1"), seen_from=own) is False  # its number is used again
    restarted = dataclasses.replace(own, machine="m", boot="another")
    assert is_alive(restarted, seen_from=dataclasses.replace(own, machine="m")) is False
    # two machines of one name, other containers and other hosts cannot be seen from here
    assert is_alive(restarted, seen_from=dataclasses.replace(own, machine="n")) is None
    assert is_alive(dataclasses.replace(own, namespace="other"), seen_from=own) is None
    assert is_alive(dataclasses.replace(own, host="elsewhere"), seen_from=own) is None


def test_a_killed_process_that_nobody_has_waited_for_is_dead():
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=subprocess.PIPE
    )
    child.stdout.readline()
    code = "import sys; from nbtrainer.runs.process import _born; print(_born(int(sys.argv[1])))"
    born = subprocess.run([sys.executable, "-c", code, str(child.pid)], capture_output=True, text=True).stdout.strip()
    process = dataclasses.replace(this_process(), number=child.pid, born=born)
    assert is_alive(process, seen_from=this_process()) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(process, seen_from=this_process()) is False
    child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the time of birth itself")
def test_a_clock_that_is_set_changes_nothing(tmp_path, holder):
    _, token = holder
    _started_by(tmp_path, token)
    code = """
import sys, psutil._pslinux as system
told = system.boot_time
system.boot_time = lambda *args, **options: told() + 3600  # what the system says when the clock was set an hour ahead
from nbtrainer.runs import attach
print(attach(sys.argv[1]).status)
"""
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert answer.stdout.strip() == "running", answer.stderr
