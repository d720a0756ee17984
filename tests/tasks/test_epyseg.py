import numpy as np
import pytest
import torch

from nbtrainer import metrics
from nbtrainer.config.compile import Compile
from nbtrainer.labels.outlines import outline_mask
from nbtrainer.losses.create import create
from nbtrainer.tasks.epyseg import Epyseg
from nbtrainer.tasks.tuning import tune_task


def _cells():
    ids = np.arange(1, 26, dtype=np.uint16).reshape(5, 5)
    return np.pad(np.kron(ids, np.ones((16, 16), np.uint16)), 8)


def _raw(target):
    return (np.nan_to_num(target) * 20 - 10).astype(np.float32)


def test_encode_then_decode_gives_the_cells_back():
    task = Epyseg.create(values=range(26))
    assert task.settings.label_style == "cells" and not task.keeps_unseeded
    target = task.encode(_cells())
    assert target.shape == (7, *_cells().shape) == (task.output_channels, *_cells().shape)
    found = task.decode(_raw(target))
    assert found.max() == 25
    assert np.mean((found > 0) == (_cells() > 0)) > 0.98
    names = ["ap_50", *task.default_metrics]
    assert metrics.scores(task.tally(_raw(target), label=_cells(), names=names), names)["ap_50"] == 1


def test_one_value_that_fills_most_of_the_image_is_the_inside_of_cells():
    task = Epyseg.create(values=[0, 255], frequencies={0: 0.2, 255: 0.8})
    assert task.settings.label_style == "cells" and not task.keeps_unseeded
    label = np.full((9, 12), 255, np.uint8)
    label[:, 5] = 0
    assert len(np.unique(task.objects(label))) == 3
    assert Epyseg.create(values=[0, 255], frequencies={0: 0.8, 255: 0.2}).settings.label_style == "outlines"


def test_labels_with_one_value_show_outlines():
    lines = outline_mask(_cells()).astype(np.uint8) * 255
    task = Epyseg.create(values=[0, 255])
    assert task.settings.label_style == "outlines" and task.keeps_unseeded
    assert task.objects(lines).max() == 26  # the outside is one
    assert np.mean(task.encode(lines)[0] == (lines > 0)) > 0.99
    assert not (task.encode(lines)[0] > lines).any()
    assert np.array_equal(task.encode(lines)[1], task.class_of(lines))
    assert task.decode(_raw(task.encode(lines))).max() == 26
    assert Epyseg.create(values=[0, 255], label_style="cells").settings.label_style == "cells"
    assert Epyseg.create(values=[0, 1, 2], labels_of_interest=[2]).settings.label_style == "outlines"


def test_pixel_scores_of_output_and_of_labels_agree_about_truth():
    task = Epyseg.create(values=range(26))
    names = ["dice", "accuracy"]
    scores = metrics.scores(task.tally(_raw(task.encode(_cells())), label=_cells(), names=names), names)
    assert scores["dice"] == 1
    again = metrics.scores(task.tally_labels(_cells(), _cells(), names), names)
    assert again["dice"] == 1


def test_nothing_is_learned_from_what_is_not_known():
    cells = _cells()
    cells[30:34, 30:34] = 999
    task = Epyseg.create(values=range(26), ignored=999)
    target = task.encode(cells)
    assert np.isnan(target[:, 27:37, 27:37]).all()
    assert np.isnan(target[0]).sum() == 100
    loss = create("bce_dice", {}, Compile().loss_parameters, may_ignore=True)
    assert torch.isfinite(loss(torch.zeros(1, *target.shape), torch.from_numpy(target)[None]))


def test_a_stack_is_a_series_of_images():
    stack = np.stack([_cells(), np.rot90(_cells()), _cells()])
    task = Epyseg.create(values=range(26))
    found = task.decode(_raw(task.encode(stack)))
    assert found.max() == 75
    assert len(np.unique(task.objects(stack))) == 76


def test_a_task_survives_its_record():
    task = Epyseg.create(values=[0, 255], smallest_share=0.5, touching_border=False)
    assert Epyseg.from_record(task.as_record()) == task


def test_thresholds_are_tuned():
    task = Epyseg.create(values=range(26), outline_threshold=0.95, seed_threshold=0.95)
    raw = _raw(task.encode(_cells())) * 0.12
    _, found = tune_task(
        task, raws=[raw], objects=[_cells()], score=lambda a, b: float(a[0].max() == len(np.unique(b[0])) - 1)
    )
    assert found.score == 1


@pytest.mark.parametrize("shape", [(60, 60), (2, 60, 60)])
def test_the_baseline_finds_dark_cells(shape):
    y, x = np.mgrid[:60, :60]
    image = np.broadcast_to((np.minimum(y % 20, x % 20) < 2) * 1.0, shape)[np.newaxis]
    found = Epyseg.create(values=[0, 1]).baseline(image)
    assert found.shape == shape and 4 <= found.max() <= 20 * (len(shape) - 1)
