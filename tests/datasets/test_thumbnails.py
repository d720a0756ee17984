import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer import api
from nbtrainer.datasets.thumbnails import OUTLINE


def test_a_picture_is_small_and_shows_the_outline(small_config):
    small, scale = api.thumbnail(small_config, 0, size=32)
    assert small.shape == (32, 32, 3) and small.dtype == np.uint8 and scale == 2
    assert (small == OUTLINE).all(-1).sum() > 10
    plain, scale = api.thumbnail(small_config, 0, size=500, outlines=False)
    assert plain.shape == (64, 64, 3) and scale == 1 and not (plain == OUTLINE).all(-1).any()


def test_of_a_volume_the_middle_slice_is_shown(small_config, tmp_path):
    volume = np.zeros((9, 40, 60), np.uint8)
    volume[4, 10:30, 20:40] = 200
    for name in ("image", "label"):
        tifffile.imwrite(tmp_path / f"{name}.tif", volume)
    dataset = {"images": str(tmp_path / "image.tif"), "labels": str(tmp_path / "label.tif")}
    small_config.update(task={"dim": 3}, data={"datasets": [dataset], "validation_fraction": 0})
    pixels, _ = api.thumbnail(small_config, 0, outlines=False)
    assert pixels.shape == (40, 60, 3) and pixels[20, 30].tolist() == [255] * 3 and pixels[5, 5].tolist() == [0] * 3


@pytest.mark.parametrize("scope", ["image", "dataset"])
def test_a_histogram_shows_intensities_before_and_after(small_config, scope):
    small_config.update(normalization={"method": "rescaling", "range": [-1, 1], "outliers": "ignore", "scope": scope})
    found = api.histogram(small_config, 0)
    for shares, edges in found.values():
        assert shares.max() == 1 and len(edges) == len(shares) + 1
    image = tifffile.imread(nbt.pairs(small_config)[0]["image"])
    assert (found["before"][1][0], found["before"][1][-1]) == (image.min(), image.max())
    low, high = found["after"][1][[0, -1]]
    assert (low, high) == pytest.approx((-1, 1)) if scope == "image" else -1 <= low < high <= 1


@pytest.mark.feature(62)
def test_regions_are_told_in_pixels(small_config):
    region = {"points": [[0, 5], [-1, 20]], "name": "left"}
    small_config.data.datasets = [small_config.data.datasets[0].model_dump() | {"regions": [region]}]
    (found,) = api.regions(small_config, 0)
    assert found.name == "left" and found.box((64, 64)) == ((0, 64), (5, 21))


def test_an_image_whose_label_is_in_colours_is_shown_without_an_outline(small_config):
    path = nbt.pairs(small_config)[0]["label"]
    colours = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    tifffile.imwrite(path, colours, photometric="rgb")
    pixels, _ = api.thumbnail(small_config, 0)
    assert pixels.shape == (64, 64, 3)
    tifffile.imwrite(path, np.zeros((9, 9), np.uint8))
    assert api.thumbnail(small_config, 0)[0].shape == (64, 64, 3)
