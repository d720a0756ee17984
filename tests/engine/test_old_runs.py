"""Runs of every kind that were written before the names and the layout of the package changed (0.1.0, unreleased)."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt

RUNS = Path(__file__).parent.parent / "old_runs"
NAMES = sorted(folder.name for folder in RUNS.iterdir() if (folder / "config.json").exists())
LABELS = {"binary": "masks", "semantic": "classes"}

pytestmark = pytest.mark.filterwarnings("ignore:.*old name")


def _images(name):
    return RUNS / "data" / f"images_{name[-2:]}"


@pytest.fixture(params=NAMES)
def old_run(request, tmp_path):
    """The folder of an old run, as a copy that may be written in."""
    return Path(shutil.copytree(RUNS / request.param, tmp_path / request.param))


def test_there_is_one_run_of_each_kind():
    from nbtrainer.config import Config

    kinds = {Config.load(RUNS / name / "config.json").task.kind for name in NAMES}
    assert kinds == {"binary", "semantic", "instance_contour", "instance_flow", "epyseg", "unsupervised"}


def test_an_old_run_is_attached_with_its_whole_history(old_run):
    run = nbt.attach(old_run)
    assert run.status == "finished" and [row["epoch"] for row in run.history] == [1, 2]
    assert run.best.exists() and run.last.exists()


def test_an_old_model_predicts_what_it_predicted(old_run):
    model = nbt.load_model(old_run)
    image = _images(old_run.name) / "img_0.tif"
    np.testing.assert_allclose(model.predict_raw(image), np.load(old_run / "raw.npy"), atol=5e-3, rtol=5e-3)
    predicted = tifffile.imread(old_run / "predicted.tif")
    assert (model.predict(image) == predicted).mean() > 0.99  # other processors round in another way


def test_an_old_run_is_continued(old_run):
    labels = LABELS.get(old_run.name[:-3], "labels")
    data = {"datasets[0].images": str(_images(old_run.name))}
    if not old_run.name.startswith("unsupervised"):
        data["datasets[0].labels"] = str(RUNS / "data" / f"{labels}_{old_run.name[-2:]}")
    run = nbt.resume(old_run, data=data, training={"epochs": 3})
    run.wait()
    assert run.status == "finished", run.error
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
