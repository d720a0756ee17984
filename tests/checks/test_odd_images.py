"""Images whose numbers are of an odd kind: they train, or a finding says why they cannot."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


def _images(folder):
    return sorted(Path(folder).iterdir())


@pytest.fixture
def config(small_config):
    small_config.update(training={"epochs": 1, "steps_per_epoch": 1})
    return small_config


@pytest.mark.parametrize(
    "values", [(-3.3e38, 3.3e38, np.float32), (0, 1e300, np.float64), (-3.4028235e38, 9, np.float32)]
)
def test_numbers_that_cannot_be_calculated_with_are_a_finding(config, values):
    low, high, dtype = values
    for path in _images(config.data.datasets[0].images):
        tifffile.imwrite(path, np.where(tifffile.imread(path) > 100, high, low).astype(dtype))
    findings = nbt.check(config)
    assert any("too large to calculate with" in each.wrong and each.level == "error" for each in findings)


def test_a_model_refuses_numbers_that_cannot_be_calculated_with(config):
    model = nbt.load_model(nbt.train(config).directory)
    with pytest.raises(UserError, match="too large to calculate with"):
        model.predict(np.full((64, 64), -3.4e38, np.float32))


@pytest.mark.parametrize("normalization", ["rescaling", "z_score", "percentile"])
def test_images_of_true_and_false_train_and_are_predicted(config, normalization):
    config.normalization.method = normalization
    images = config.data.datasets[0].images
    for path in _images(images):
        np.save(path.with_suffix(".npy"), tifffile.imread(path) > 100)
        path.unlink()
    run = nbt.train(config)
    assert run.status == "finished", run.error
    assert nbt.load_model(run.directory).predict(_images(images)[0]).shape == (64, 64)


def test_tiles_that_were_never_written_are_told(config):
    path = _images(config.data.datasets[0].images)[0]
    tifffile.imwrite(path, tifffile.imread(path), tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tif:
        for name in ("TileOffsets", "TileByteCounts"):
            tag = tif.pages[0].tags[name]
            tag.overwrite([0, *tag.value[1:]])
    assert not open_image(path).read()[:32, :32].any()
    findings = nbt.check(config)
    assert any(each.where == str(path) and "1 of its 4 tiles" in each.wrong for each in findings)
