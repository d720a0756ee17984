"""Scores of probabilities against their formulas."""

import numpy as np
import pytest
import torch

from nbtrainer import metrics
from nbtrainer.catalog import METRICS, higher_is_better
from nbtrainer.config.compile import Compile
from nbtrainer.metrics import MetricState, PixelPredictions
from nbtrainer.metrics.probabilities import ProbabilitySums
from nbtrainer.tasks.binary import Binary
from nbtrainer.tasks.semantic import Semantic

NAMES = [name for name, entry in METRICS.items() if entry.of == "probabilities"]
BINARY = [name for name in NAMES if METRICS[name].suits("binary")]
CLASSES = [name for name in NAMES if METRICS[name].suits("semantic")]


def score(p, y, names):
    return metrics.scores(MetricState(metrics.of_pixels(PixelPredictions(p, p > 0.5, y), {"probabilities"})), names)


def both(p, y):
    return {
        "mean_squared_logarithmic_error": ((np.log1p(p) - np.log1p(y)) ** 2).mean(),
        "mean_absolute_percentage_error": 100 * (np.abs(p - y) / np.maximum(y, 1e-7)).mean(),
        "hinge": np.maximum(0, 1 - (2 * y - 1) * p).mean(),
        "squared_hinge": (np.maximum(0, 1 - (2 * y - 1) * p) ** 2).mean(),
        "poisson": (p - y * np.log(p)).mean(),
    }


def test_scores_of_a_foreground_are_their_formulas():
    rng = np.random.default_rng(0)
    p, y = rng.uniform(0.05, 0.95, (2, 1, 8, 9)), (rng.random((2, 1, 8, 9)) > 0.6) * 1.0
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    expected = both(p, y) | {
        "binary_crossentropy": entropy,
        "kullback_leibler_divergence": entropy,
        "cosine": (p * y).sum() / np.sqrt((p**2).sum() * (y**2).sum()),
    }
    assert score(p, y, BINARY) == pytest.approx(expected)
    assert score(torch.tensor(p), torch.tensor(y), BINARY) == pytest.approx(expected)


def test_scores_of_classes_are_their_formulas():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(8), (2, 5, 6)).transpose(0, 3, 1, 2)
    truth = rng.integers(0, 8, (2, 5, 6))
    y = np.eye(8)[truth].transpose(0, 3, 1, 2)
    true = (p * y).sum(1)
    top = np.argsort(-p, axis=1)[:, :5]
    expected = both(p, y) | {
        "categorical_crossentropy": -np.log(true).mean(),
        "kullback_leibler_divergence": -np.log(true).mean(),
        "cosine": (true / np.linalg.norm(p, axis=1)).mean(),
        "top_k_accuracy": (top == truth[:, None]).any(1).mean(),
    }
    assert score(p, y, CLASSES) == pytest.approx(expected)


def test_pixels_of_which_nothing_is_known_enter_no_score():
    rng = np.random.default_rng(0)
    p, y = rng.uniform(0, 1, (1, 1, 4, 6)), (rng.random((1, 1, 4, 6)) > 0.6) * 1.0
    holed, wrong = y.copy(), p.copy()
    holed[..., 4:], wrong[..., 4:] = np.nan, np.nan
    assert score(wrong, holed, BINARY) == pytest.approx(score(p[..., :4], y[..., :4], BINARY))
    nothing = score(p, np.full_like(y, np.nan), BINARY)
    assert np.isnan(nothing.pop("cosine")) and set(nothing.values()) == {0}


def test_parts_of_an_image_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    p, y = rng.uniform(0, 1, (1, 1, 4, 6)), (rng.random((1, 1, 4, 6)) > 0.6) * 1.0
    parts = [
        metrics.of_pixels(PixelPredictions(p[..., s], p[..., s] > 0.5, y[..., s]), {"probabilities"})
        for s in (slice(0, 2), slice(2, 6))
    ]
    assert metrics.scores(MetricState(parts[0]) + MetricState(parts[1]), BINARY) == pytest.approx(score(p, y, BINARY))


@pytest.mark.parametrize("y", [0.0, 1.0])
def test_certain_probabilities_have_finite_scores(y):
    truth = np.full((1, 1, 3, 3), y)
    for p in (np.zeros_like(truth), np.ones_like(truth)):
        found = score(p, truth, BINARY)
        # without a truth there is no angle
        assert found.pop("cosine") == pytest.approx(float((p == y).all()) if y else float("nan"), nan_ok=True)
        assert all(np.isfinite(value) for value in found.values())


def test_without_pixels_there_is_nothing_to_divide_by():
    assert all(METRICS.load(name)(ProbabilitySums()) == 0 for name in NAMES if name != "cosine")


def test_tasks_measure_them_of_outputs_and_of_labels():
    rng = np.random.default_rng(0)
    label = (rng.random((12, 12)) > 0.5).astype(np.uint8)
    raw = rng.normal(size=(1, 12, 12)).astype(np.float32)
    task = Binary.create()
    found = metrics.scores(task.tally(raw, label=label, names=["hinge", "dice"]), ["hinge", "dice"])
    p = 1 / (1 + np.exp(-raw[0].astype(float)))
    assert found["hinge"] == pytest.approx(np.maximum(0, 1 - (2.0 * label - 1) * p).mean(), rel=1e-5)
    assert "dice" in found
    own = metrics.scores(task.tally_labels(label, label, ["binary_crossentropy"]), ["binary_crossentropy"])
    assert own["binary_crossentropy"] < 1e-6
    classes = Semantic.create(values=(0, 1))
    raw = np.concatenate([raw, -raw])
    found = metrics.scores(classes.tally(raw, label=label, names=["top_k_accuracy"]), ["top_k_accuracy"])
    assert found == {"top_k_accuracy": 1.0}


def test_lower_is_better_of_errors_and_higher_of_shares():
    higher = [name for name in NAMES if higher_is_better(f"validation_{name}")]
    assert higher == ["cosine", "top_k_accuracy"]


def test_every_metric_of_epyseg_has_its_place():
    names = [
        "accuracy",
        "f1_score",
        "f2_score",
        "precision",
        "recall",
        "iou_score",
        "kullback_leibler_divergence",
        "mean_absolute_error",
        "mae",
        "mean_squared_error",
        "mse",
        "msle",
        "mean_absolute_percentage_error",
        "binary_accuracy",
        "binary_crossentropy",
        "categorical_accuracy",
        "categorical_crossentropy",
        "hinge",
        "squared_hinge",
        "poisson",
        "sparse_categorical_accuracy",
        "sparse_categorical_crossentropy",
        "sparse_top_k_categorical_accuracy",
        "top_k_categorical_accuracy",
        "cosine_proximity",
    ]
    assert len(names) == 25
    assert [name for name in names if METRICS.name_of(name) not in METRICS] == []
    assert Compile(metrics=["mae", "iou_score", "dice"]).metrics == ["mean_absolute_error", "iou", "dice"]
