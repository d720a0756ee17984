"""The learning-rate finder, from Python and on the command line."""

import subprocess
import sys

import numpy as np
import pytest

import nbtrainer as nbt
from nbtrainer.engine.find_learning_rate import curve_of

NUCLEI = nbt.samples.path("nuclei2d")


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


@pytest.mark.parametrize(("steps", "factor"), [(40, 5), (100, 3)])
def test_seeds_agree_on_a_rate_in_the_falling_part(steps, factor):
    suggested = []
    for seed in range(5):
        config = nbt.Config.preset("binary_2d")
        config.data.datasets = [{"images": str(NUCLEI / "images"), "labels": str(NUCLEI / "labels")}]
        config.update(
            sampling={"patch_size": [48, 48]},
            model={"features": [4, 8]},
            training={"batch_size": 4, "precision": "float32", "memory_format": "contiguous", "seed": seed},
        )
        curve = nbt.find_learning_rate(config, steps=steps)
        loss = np.interp(np.log(curve.suggested), np.log(curve.rates), curve.losses)
        start, lowest = np.median(curve.losses[: steps // 4]), min(curve.losses[: steps - steps // 10])
        assert 0.25 < (start - loss) / (start - lowest) < 0.75
        suggested.append(curve.suggested)
    assert max(suggested) < factor * min(suggested)


def _rates(steps):
    return np.geomspace(1e-6, 1, steps).tolist()


def test_a_curve_that_falls_in_one_place_is_suggested_there():
    rates = _rates(100)
    noise = np.random.default_rng(0).normal(0, 0.05, 100)
    losses = 1.5 - 1 / (1 + (0.01 / np.array(rates)) ** 2) + noise
    losses[0] += 1  # the first batch alone was hard
    losses[-3:] = [0.9, 1.5, 6.0]  # and the last ones explode
    assert 0.005 < curve_of(rates, losses=losses.tolist()).suggested < 0.02


def test_noise_alone_suggests_nothing():
    rng = np.random.default_rng(0)
    curves = [curve_of(_rates(100), losses=(1 + 0.1 * rng.standard_normal(100)).tolist()) for _ in range(100)]
    assert sum(curve.suggested is not None for curve in curves) <= 5


def test_a_loss_that_explodes_at_once_suggests_nothing():
    assert curve_of(_rates(20)[:3], losses=[1.0, 2.0, 3.5]).suggested is None
    assert curve_of([], losses=[]).suggested is None


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
