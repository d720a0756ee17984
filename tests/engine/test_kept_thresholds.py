"""Thresholds kept in a model."""

import pytest

from nbtrainer import api
from nbtrainer.errors import UserError
from nbtrainer.inference.checkpoint import load_checkpoint


@pytest.fixture
def run(trained):
    return trained


def test_a_threshold_is_written_into_the_best_model_and_into_nothing_else(run):
    before, last = load_checkpoint(run.best), run.last.read_bytes()

    file = api.set_thresholds(run.directory, threshold=0.3)

    after = load_checkpoint(run.best)
    assert file == str(run.best)
    assert api.load_model(run.directory).task.settings.threshold == 0.3
    assert after["task"]["settings"] == before["task"]["settings"] | {"threshold": 0.3}
    assert after.keys() == before.keys()
    assert run.last.read_bytes() == last


def test_a_run_that_goes_on_keeps_them(run):
    api.set_thresholds(run.directory, threshold=0.3)
    more = api.resume(run.directory, training={"epochs": 5})
    assert more.wait(timeout=120)
    assert more.status == "finished", more.error
    assert api.load_model(run.last).task.settings.threshold == 0.3


def test_an_unknown_threshold_is_refused_with_those_that_there_are(run):
    before = run.best.read_bytes()

    with pytest.raises(UserError, match="no threshold of that name \\(it has threshold\\)"):
        api.set_thresholds(run.directory, contour_threshold=0.3)

    assert run.best.read_bytes() == before


def test_a_value_out_of_bounds_is_refused(run):
    before = run.best.read_bytes()

    with pytest.raises(UserError, match="is too large"):
        api.set_thresholds(run.directory, threshold=1.5)

    assert run.best.read_bytes() == before


def test_the_images_of_a_run_are_listed_validation_first(run):
    assert [use for use, _ in api.images_of_run(run.directory)] == ["validation", "train", "train"]
    assert api.images_of_run(run.directory / "checkpoints") == []
