"""A run whose data moved says how to name the new place, and goes on there."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nbtrainer as nbt
from nbtrainer.errors import UserError


@pytest.fixture
def moved(small_config, tmp_path):
    """A run of one epoch whose images and labels have been moved to `elsewhere`."""
    small_config.training.epochs = 1
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    shutil.move(tmp_path / "set", tmp_path / "elsewhere")
    return run.directory


def test_the_new_place_is_asked_for_and_taken_in_python(moved, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="there is no folder or file") as caught:
        nbt.resume(moved, training={"epochs": 2})
    assert "data={'datasets[0].images': 'NEW/images', 'datasets[0].labels': 'NEW/labels'}" in str(caught.value)
    monkeypatch.chdir(tmp_path)  # a relative path is meant from here
    data = {"datasets[0].images": "elsewhere/images", "datasets[0].labels": tmp_path / "elsewhere" / "labels"}
    run = nbt.resume(moved, training={"epochs": 2}, data=data)
    assert run.wait(timeout=120) and run.status == "finished", run.error
    assert len(run.history) == 2
    assert nbt.Config.load(moved).data.datasets[0].images == str(tmp_path / "elsewhere" / "images")


@pytest.mark.slow
def test_the_command_that_is_told_works_once_the_new_place_is_in_it(moved, tmp_path):
    program = Path(sys.executable).parent / "nbtrainer"
    done = subprocess.run([program, "resume", moved, "training.epochs=2"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "If the data moved" in done.stderr
    command = done.stderr.split("say where they are now: ")[1].split(" (in Python")[0]
    words = [word.replace("NEW", str(tmp_path / "elsewhere")) for word in shlex.split(command)]
    assert words[:2] == ["nbtrainer", "resume"]
    done = subprocess.run(
        [program, *words[1:], "training.epochs=2"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_an_entry_of_a_list_of_settings_can_be_set(small_config):
    small_config.set("data.datasets[0].mask_filter", "_seg")
    assert small_config.data.datasets[0].mask_filter == "_seg"
    for path, told in (
        ("data.datasets[1].images", "there is no entry 1: the list has 1, counted from 0"),
        ("data.datasets[0].image", "Did you mean images?"),
        ("data.nothing[0].images", "unknown"),
    ):
        with pytest.raises(UserError, match=told.replace("?", r"\?")):
            small_config.set(path, "x")
