import json

import numpy as np
import pytest
import tifffile
import torch
from scipy.ndimage import zoom

import nbtrainer as nbt
from nbtrainer.errors import UserError
from nbtrainer.inference.size_model import SizeModel, fit_size_model, image_style
from nbtrainer.labels import mean_diameter
from nbtrainer.models.style_unet import style_unet

ZOOMS = (0.6, 1.0, 1.6)
# nothing that is chosen by a measurement, so that every run is the same
_PLAIN = {"precision": "float32", "torch_compile": "off", "memory_format": "contiguous"}


def test_sizes_that_follow_the_style_are_told():
    rng = np.random.default_rng(0)
    direction = rng.normal(0, 1, 16)
    styles = rng.normal(0, 1, (400, 16))
    diameters = 20 * np.exp(0.1 * styles @ direction + 0.3)
    model = fit_size_model(styles, diameters.tolist(), 20, side=64, multiple=8)
    told = [model.diameter(style) for style in styles]
    assert np.allclose(told, diameters, rtol=0.02)


def test_a_penalty_draws_sizes_to_the_mean():
    rng = np.random.default_rng(0)
    styles = rng.normal(0, 1, (30, 4))
    diameters = np.exp(rng.normal(3, 0.5, 30)).tolist()
    loose, strict = (fit_size_model(styles, diameters, 20, side=64, multiple=8, ridge=ridge) for ridge in (1e-9, 1e9))
    assert strict.diameter(styles[0]) == pytest.approx(np.exp(np.mean(np.log(diameters))), rel=1e-3)
    # without a penalty it is least squares with a constant
    design = np.concatenate([styles, np.ones((30, 1))], axis=1)
    best = np.linalg.lstsq(design, np.log(diameters), rcond=None)[0]
    assert loose.diameter(styles[0]) == pytest.approx(np.exp(design[0] @ best), rel=1e-4)


def test_no_object_is_smaller_than_5_pixels():
    model = SizeModel(
        weights=np.zeros(2, np.float32),
        mean_style=np.zeros(2, np.float32),
        mean_diameter=20.0,
        mean_log=-9.0,
        side=64,
        multiple=8,
    )
    assert model.diameter(np.zeros(2)) == 5


def test_files_and_records_give_it_back(tmp_path):
    model = SizeModel(
        weights=np.array([1.5, 2], np.float32),
        mean_style=np.array([0.5, 0.1], np.float32),
        mean_diameter=20.0,
        mean_log=0.25,
        side=64,
        multiple=8,
    )
    model.save(tmp_path, {"crops": 3})
    torch.save(model.as_record(), tmp_path / "record.pt")
    style = np.array([0.3, 0.9], np.float32)
    for other in (
        SizeModel.load(tmp_path),
        SizeModel.from_record(torch.load(tmp_path / "record.pt", weights_only=True)),
    ):
        assert other.diameter(style) == model.diameter(style) and (other.side, other.multiple) == (64, 8)
    assert json.loads((tmp_path / "size_model.json").read_text())["fitted"] == {"crops": 3}


@pytest.mark.parametrize("shape", [(7, 9), (64, 64), (100, 65)])
def test_an_image_of_any_size_has_a_style(shape):
    torch.manual_seed(0)
    network = style_unet(2, input_channels=1, output_channels=1, features=(4, 8)).eval()
    image = np.random.default_rng(0).random((1, *shape), np.float32)
    style = image_style(network, image, side=64, multiple=2)
    assert style.shape == (8,) and np.linalg.norm(style) == pytest.approx(1, abs=1e-5)
    if shape == (64, 64):
        assert np.allclose(style, network.style(torch.from_numpy(image)[None])[0].detach().numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = nbt.Config.preset("instance_flow_2d")
    samples = nbt.samples.path("nuclei2d")
    config.data.datasets = [{"images": str(samples / "images"), "labels": str(samples / "labels")}]
    config.update(
        task={"size_model": True},
        data={"diameter": 12.0, "validation_fraction": 0.25},
        model={"name": "style_unet", "features": [8, 16, 32]},
        sampling={"patch_size": [64, 64]},
        training={"epochs": 1, "steps_per_epoch": 120, "batch_size": 8, "threads": 1, **_PLAIN},
        output={"root": str(tmp_path_factory.mktemp("run"))},
    )
    run = nbt.train(config)
    assert run.status == "finished", run.error
    return run


class TestOnNuclei:
    @pytest.mark.feature(121)
    def test_estimates_follow_when_the_image_is_zoomed(self, run):
        model = nbt.load_model(run.directory)
        name = "nuclei_10.tif"
        image = tifffile.imread(nbt.samples.path("nuclei2d") / "images" / name).astype(np.float32)
        true = float(mean_diameter(tifffile.imread(nbt.samples.path("nuclei2d") / "labels" / name)))
        zoomed = [zoom(image, factor, order=1) for factor in ZOOMS]
        told = [model.estimate_diameter(each) for each in zoomed]
        assert told == sorted(told)
        # after 150 steps within a factor of 1.15
        for factor, own in zip(ZOOMS, told, strict=True):
            assert 1 / 1.3 < own / (factor * true) < 1.3, (factor, own, true)
        # the style alone tells the order, before anything is segmented
        first = [
            model.size_model.diameter(model.size_model.style_of(model.network, model.normalizer.measure(x).apply(x)))
            for x in (each[np.newaxis] for each in zoomed)
        ]
        assert first == sorted(first)

    def test_a_prediction_takes_the_estimate_unless_one_is_given(self, run):
        model = nbt.load_model(run.directory)
        image = nbt.samples.path("nuclei2d") / "images" / "nuclei_10.tif"
        estimated = model.estimate_diameter(image)
        prediction = model.prediction(image)
        assert prediction.parts[0].diameter == estimated
        assert np.array_equal(prediction.labels(), model.predict(image, diameter=estimated))
        given = model.prediction(image, diameter=18.0)
        assert given.parts[0].diameter == 18 and given.parts[0].raw.shape != prediction.parts[0].raw.shape

    @pytest.mark.feature(120)
    def test_it_lies_in_the_run_and_in_the_model(self, run):
        in_run, in_model = SizeModel.load(run.directory), nbt.load_model(run.best).size_model
        style = np.full(32, 32**-0.5, np.float32)
        assert in_run.diameter(style) == in_model.diameter(style)
        fit = json.loads((run.directory / "size_model.json").read_text())["fitted"]
        assert fit["validation"] < fit["validation_without"]
        assert "the size model learned from" in (run.directory / "log.txt").read_text()


def test_a_model_that_has_not_learned_sizes_says_so(run):
    model = nbt.load_model(run.directory)
    model.size_model = None
    with pytest.raises(UserError, match=r"task\.size_model"):
        model.estimate_diameter(np.zeros((64, 64), np.uint8))


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"model": {"name": "unet"}}, "model.name"),
        ({"task": {"dim": 3}, "sampling": {"patch_size": [32, 64, 64]}}, "task.size_model"),
        ({"data": {"diameter": 0.0}}, "data.diameter"),
        ({"data": {"resize": [64, 64]}}, "data.resize"),
    ],
    ids=str,
)
def test_what_a_size_model_needs_is_checked_before_a_run(settings, where):
    config = nbt.Config.preset("instance_flow_2d")
    samples = nbt.samples.path("nuclei2d")
    config.data.datasets = [{"images": str(samples / "images"), "labels": str(samples / "labels")}]
    config.update(task={"size_model": True}, data={"diameter": 12.0}, model={"name": "style_unet"})
    assert not [finding for finding in nbt.check(config) if finding.level == "error"]
    config.update(**settings)
    assert where in [finding.where for finding in nbt.check(config) if finding.level == "error"]
