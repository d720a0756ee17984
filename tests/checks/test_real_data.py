"""The sets of labelled images that the project is developed with: each loads with at most two settings.

They may not be passed on, so these tests run only where the folder is: `NBTRAINER_TEST_DATA`, else `shared/data` beside
the repository.
"""

import os
from pathlib import Path

import pytest

import nbtrainer as nbt

DATA = Path(os.environ.get("NBTRAINER_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")

# name, dimensions, pairs, shape of the first, channels, type, spacing of the first, most objects or classes in one label
SETS = [
    ("axonmyelin2d", 2, 6, (924, 1278), 1, "uint8", None, 2),
    ("bacteria2d", 2, 4, (281, 310), 1, "uint16", None, 182),
    ("em_membranes", 2, 22, (512, 512), 1, "uint8", None, 1),
    ("epithelia2d", 2, 10, (640, 768), 1, "uint16", None, 1),
    ("histology_rgb", 2, 10, (256, 320), 3, "uint8", None, 73),
    ("nuclei2d", 2, 80, (256, 256), 1, "uint8", None, 125),
    ("plate2d", 2, 1, (620, 1024), 1, "uint8", None, 1),
    ("retina_rgb", 2, 6, (960, 999), 3, "uint8", None, 1),
    ("brain3d_mni", 3, 2, (144, 64, 160), 1, "uint8", (1000, 1000, 1000), 2),
    ("brain_macaque3d", 3, 1, (128, 206, 168), 1, "int16", (500, 500, 500), 724),
    ("chloroplasts3d", 3, 1, (10, 1600, 1600), 1, "uint8", None, 27),
    ("mito3d", 3, 1, (20, 512, 512), 1, "uint8", None, 1),
    ("neurites3d", 3, 1, (110, 200, 200), 1, "uint8", None, 173),
    ("nuclei3d", 3, 1, (100, 100, 100), 1, "uint8", None, 54),
    ("nuclei3d_synthetic", 3, 1, (31, 61, 57), 1, "uint16", None, 51),
    ("spinalcord3d", 3, 3, (77, 76, 42), 1, "int16", (1000, 1000, 1000), 2),
    ("twochannel3d", 3, 1, (75, 75, 75), 2, "uint16", None, 11),
]
_NIFTI = ("brain3d_mni", "brain_macaque3d", "spinalcord3d")


def _with_features(each: tuple) -> object:
    """A set, with the features without which it would not load."""
    name, dim, channels = each[0], each[1], each[4]
    shown = {37: dim == 3, 47: name in _NIFTI, 57: channels > 1}
    numbers = [number for number, is_shown in shown.items() if is_shown]
    return pytest.param(*each, marks=[pytest.mark.feature(*numbers)] if numbers else [])


@pytest.mark.skipif(not DATA.is_dir(), reason="the sets are not here")
@pytest.mark.feature(30, 31)
@pytest.mark.parametrize(
    ("name", "dim", "count", "shape", "channels", "kind", "spacing", "most"), [_with_features(each) for each in SETS]
)
def test_every_set_loads_with_its_dimensions_as_the_only_setting(
    name, dim, count, shape, channels, kind, spacing, most
):
    config = nbt.Config()
    config.update(
        task={"dim": dim},
        data={
            "datasets": [{"images": str(DATA / name / "images"), "labels": str(DATA / name / "labels")}],
            "validation_fraction": 0,
        },
        sampling={"patch_size": [32] * dim},
    )
    rows = nbt.pairs(config)
    assert [row["problem"] for row in rows] == [""] * count
    first = rows[0]
    assert (first["shape"], first["channels"], first["dtype"]) == (shape, channels, kind)
    assert first["spacing"] == (None if spacing is None else pytest.approx(spacing))
    assert max(row["objects"] for row in rows) == most
    assert not [str(finding) for finding in nbt.check(config) if finding.level == "error"]


@pytest.mark.skipif(not DATA.is_dir(), reason="the sets are not here")
@pytest.mark.feature(51, 54)
def test_images_and_labels_in_one_folder():
    config = nbt.Config()
    config.data.datasets = [{"images": str(DATA / "bacteria2d")}]
    names = [(row["name"], Path(row["label"]).name) for row in nbt.pairs(config)]
    assert len(names) == 4 and all(label == image.replace(".tif", "_masks.tif") for image, label in names)
