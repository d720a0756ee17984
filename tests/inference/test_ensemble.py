"""Several models as one: what is averaged, where they differ, and with which thresholds."""

import dataclasses

import numpy as np
import pytest
import torch

import nbtrainer as nbt
from nbtrainer.inference import Ensemble, Predictor
from nbtrainer.inference.checkpoint import load_checkpoint

IMAGE = np.random.default_rng(0).integers(0, 255, (48, 64)).astype(np.uint8)


@pytest.fixture(scope="module", params=["semantic", "instance_flow", "instance_contour", "epyseg"])
def models(request, tmp_path_factory, make_small_config):
    """Three models of one kind: that of a run, and two with other weights."""
    config = make_small_config(tmp_path_factory.mktemp(request.param))
    config.task.kind = request.param
    config.update(training={"epochs": 1})
    run = nbt.train(config)
    assert run.status == "finished", run.error
    return [_with_noise(run.best or run.last, seed) for seed in range(3)]


def test_disagreement_is_of_the_foreground_or_of_the_class_that_is_chosen(models):
    raws = np.stack([model.predict_raw(IMAGE) for model in models])
    together = Ensemble(models)
    np.testing.assert_allclose(together.predict_raw(IMAGE), raws.mean(axis=0), atol=1e-4)
    kind = models[0].task.name
    if kind == "semantic":
        shares = np.exp(raws) / np.exp(raws).sum(axis=1, keepdims=True)
        chosen = raws.mean(axis=0).argmax(axis=0)
        probabilities = np.take_along_axis(shares, chosen[None, None], axis=1)[:, 0]
    elif kind == "instance_flow":
        probabilities = 1 / (1 + np.exp(models[0].task.settings.mask_threshold - raws[:, 2]))
    else:
        probabilities = 1 / (1 + np.exp(-raws[:, 0]))
    disagreement = together.disagreement(IMAGE)
    assert disagreement.shape == IMAGE.shape and disagreement.dtype == np.float32
    np.testing.assert_allclose(disagreement, np.std(probabilities, axis=0), atol=1e-4)
    assert 0 < disagreement.max() <= 0.5
    maps = together.prediction(IMAGE).probability_maps()
    np.testing.assert_array_equal(maps["disagreement"], disagreement)


def test_equal_models_answer_as_one_and_do_not_disagree(models):
    together = Ensemble([models[0]] * 3)
    assert not together.disagreement(IMAGE).any()
    np.testing.assert_allclose(together.predict_raw(IMAGE), models[0].predict_raw(IMAGE), atol=1e-5)


def test_one_model_has_no_disagreement_among_its_maps(models):
    assert "disagreement" not in models[0].prediction(IMAGE).probability_maps()


def test_a_stack_has_a_map_for_each_slice(models):
    stack = np.stack([IMAGE, IMAGE[::-1]])
    together = Ensemble(models)
    maps = together.disagreement(stack)
    assert maps.shape == stack.shape
    np.testing.assert_allclose(maps[0], together.disagreement(IMAGE), atol=1e-5)


def test_thresholds_that_differ_are_averaged(trained):
    models = [nbt.load_model(trained.directory) for _ in range(2)]
    for model, threshold in zip(models, (0.3, 0.6), strict=True):
        model.task = model.task.with_settings(threshold=threshold)
    assert Ensemble(models).task.settings.threshold == pytest.approx(0.45)


def test_models_of_other_preparations_are_refused(trained):
    one, other = (nbt.load_model(trained.directory) for _ in range(2))
    other.preparation = dataclasses.replace(other.preparation, resize=(32, 32))
    with pytest.raises(nbt.ModelError, match="preparation of images differ"):
        Ensemble([one, other])


def _with_noise(path, seed: int) -> Predictor:
    record = load_checkpoint(path)
    noise = torch.Generator().manual_seed(seed)
    record["weights"] = {
        name: weight + 0.2 * torch.randn(weight.shape, generator=noise) if weight.is_floating_point() else weight
        for name, weight in record["weights"].items()
    }
    record.pop("self_check", None)
    return Predictor(record, path)
