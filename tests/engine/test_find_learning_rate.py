"""The learning-rate finder, from Python and on the command line."""

import subprocess
import sys

import numpy as np
import pytest

import nbtrainer as nbt


@pytest.fixture
def config(small_config):
    small_config.update(compile={"optimizer": "sgd", "momentum": 0.9, "schedule": "constant"})
    return small_config


def test_the_loss_falls_at_the_suggested_rate_and_explodes_beyond(config):
    reported = []
    curve = nbt.find_learning_rate(
        config, steps=60, lowest=1e-5, highest=1e5, report=lambda *done: reported.append(done)
    )
    assert len(curve.rates) == len(curve.losses) == len(reported) < 60
    assert np.allclose(np.diff(np.log(curve.rates)), np.log(1e10) / 59)
    assert (
        curve.suggested is not None and curve.rates[0] < curve.suggested < curve.rates[int(np.argmin(curve.losses)) + 1]
    )
    assert curve._repr_png_().startswith(b"\x89PNG")

    def loss_after(rate):
        config.update(compile={"learning_rate": rate}, training={"epochs": 3, "steps_per_epoch": 10})
        return nbt.train(config).history[-1]["train_loss"]

    assert loss_after(curve.suggested) < loss_after(curve.suggested / 1000)


def test_nothing_of_it_is_kept(config):
    nbt.find_learning_rate(config, steps=20)
    assert not nbt.Config.of(config).resolve(config.output.root).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"lowest": 1.0, "highest": 0.1}, "1 to 0.1 is no range"), ({"steps": 5}, "5 steps give no curve")],
)
def test_what_gives_no_curve_is_refused(config, arguments, words):
    with pytest.raises(nbt.UserError, match=words):
        nbt.find_learning_rate(config, **arguments)


def test_the_command_line_writes_the_curve(config, tmp_path):
    file = config.save(tmp_path / "config.json")
    command = [sys.executable, "-m", "nbtrainer", "find-learning-rate", file, "--steps", "40", "--highest", "10"]
    done = subprocess.run([*command, "--out", tmp_path / "curve.png"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "suggested: compile.learning_rate=" in done.stdout
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
