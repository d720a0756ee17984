"""Outlines lie on the slice that they were drawn on."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile

import nbtrainer as nbt
from nbtrainer.data.views import whole
from nbtrainer.datasets import survey

BOX = [(10, 10), (30, 10), (30, 20), (10, 20)]


def _rois(path: Path, *positions: dict[str, int]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number, position in enumerate(positions):
            roi = roifile.ImagejRoi.frompoints(np.add(BOX, (0.0, 25.0 * number)))
            roi.roitype = roifile.ROI_TYPE.POLYGON
            for name, value in position.items():
                setattr(roi, name, value)
            archive.writestr(f"{number}.roi", roi.tobytes())


def _stack(config, folder: Path, axes: str, shape: tuple[int, ...], dim: int = 2, **data) -> None:
    array = np.arange(np.prod(shape) * 4096).reshape(*shape, 64, 64).astype(np.uint16)
    tifffile.imwrite(folder / "s.tif", array, imagej=True, metadata={"axes": axes})
    config.data.datasets = [{"images": str(folder)}]
    config.update(task={"dim": dim}, data={"validation_fraction": 0, **data})


def _pixels(config) -> list[int]:
    found = survey(config)
    assert not found.problems
    labels = (whole(found.preparation.open(pair)[1]) for pair in sorted(found.pairs, key=lambda pair: pair.slice or 0))
    return [int(np.count_nonzero(label)) for label in labels]


@pytest.mark.parametrize(
    ("axes", "shape", "positions", "expected"),
    [
        ("ZYX", (4,), [{"position": 3}], [0, 0, 200, 0]),
        ("ZYX", (4,), [{"position": 1}, {"position": 3}], [200, 0, 200, 0]),
        ("ZYX", (3,), [{"z_position": 2, "t_position": 1, "c_position": 1}], [0, 200, 0]),
        ("ZCYX", (3, 2), [{"position": 4}], [0, 200, 0]),  # planes in a row: channels first
        ("ZCYX", (3, 2), [{"c_position": 2, "z_position": 3, "t_position": 1}], [0, 0, 200]),
        ("ZYX", (2,), [{}], [200, 200]),  # no position: shown on every slice
    ],
)
def test_each_slice_of_a_stack_gets_its_own(small_config, tmp_path, axes, shape, positions, expected):
    _stack(small_config, tmp_path, axes, shape)
    _rois(tmp_path / "s.zip", *positions)
    assert _pixels(small_config) == expected


def test_the_channel_of_an_outline_is_no_slice(small_config, tmp_path):
    _stack(small_config, tmp_path, "CYX", (2,))
    _rois(tmp_path / "s.zip", {"position": 2})
    assert _pixels(small_config) == [200]


def test_outlines_of_several_channels_are_those_of_the_channels_that_are_used(small_config, tmp_path):
    _stack(small_config, tmp_path, "CYX", (2,))
    _rois(tmp_path / "s.zip", {"c_position": 1, "z_position": 1}, {"c_position": 2, "z_position": 1})
    small_config.task.kind = "instance_contour"
    assert [row["objects"] for row in nbt.pairs(small_config)] == [2]
    assert any("drawn on 2 channels: all of them count" in finding.wrong for finding in nbt.check(small_config))
    small_config.data.channels = [1]
    assert [row["objects"] for row in nbt.pairs(small_config)] == [1]


def test_a_volume_gets_each_outline_on_its_slice(small_config, tmp_path):
    _stack(small_config, tmp_path, "ZCYX", (3, 2), dim=3)
    _rois(tmp_path / "s.zip", {"position": 4})
    found = survey(small_config)
    label = whole(found.preparation.open(found.pairs[0])[1])
    assert [int(np.count_nonzero(plane)) for plane in label] == [0, 200, 0]


def test_qupath_leaves_out_the_plane_of_the_first_slice(small_config, tmp_path):
    _stack(small_config, tmp_path, "ZYX", (3,))
    geometry = {"type": "Polygon", "coordinates": [[*BOX, BOX[0]]]}
    features = [
        {"type": "Feature", "properties": {}, "geometry": geometry},
        {"type": "Feature", "properties": {}, "geometry": geometry | {"plane": {"c": -1, "z": 2, "t": 0}}},
    ]
    (tmp_path / "s.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert _pixels(small_config) == [200, 0, 200]


def test_a_slice_that_the_stack_does_not_have_is_told(small_config, tmp_path):
    _stack(small_config, tmp_path, "ZYX", (2,))
    _rois(tmp_path / "s.zip", {"position": 3})
    told = "\n".join(map(str, nbt.check(small_config)))
    assert "s.zip: one lies on slice 3, but the stack has 2" in told


def test_outlines_that_do_not_say_their_slice_are_told(small_config, tmp_path):
    _stack(small_config, tmp_path, "ZYX", (2,))
    _rois(tmp_path / "s.zip", {})
    told = "\n".join(map(str, nbt.check(small_config)))
    assert "its outlines do not say on which slice of s.tif they lie: every slice gets all of them" in told
