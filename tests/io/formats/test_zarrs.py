import json
import shutil

import numpy as np
import pytest
import zarr
from agreement import opens_as

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image, version

VERSIONS = pytest.mark.parametrize("zarr_format", [2, 3])


def _create(group, name, array):
    created = group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=(2, 16, 16))
    created[:] = array
    return created


def _pyramid(path, volume, zarr_format):
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    units = {"z": "micrometer", "y": "nanometer", "x": "millimeter"}
    scale = [{"type": "scale", "scale": [2.0, 500.0, 0.00025]}]
    levels = {
        "axes": [{"name": name, "type": "space", "unit": unit} for name, unit in units.items()],
        "datasets": [{"path": "0", "coordinateTransformations": scale}, {"path": "1"}],
    }
    told = {"multiscales": [levels]} if zarr_format == 2 else {"ome": {"version": "0.5", "multiscales": [levels]}}
    for place, array in ((group, volume), (group.create_group("labels/nuclei"), volume + 1)):
        place.attrs.update(told)
        _create(place, "0", array)
        _create(place, "1", array[:, ::2, ::2])


@VERSIONS
def test_an_array_and_a_group_of_one_are_opened(tmp_path, volume, zarr_format):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=volume.shape, dtype="u2", chunks=(2, 16, 16), zarr_format=zarr_format
    )
    array[:] = volume
    opens_as(tmp_path / "a.zarr", volume, "???")
    _create(zarr.open_group(tmp_path / "g.zarr", mode="w", zarr_format=zarr_format), "deep/vol", volume)
    for inside in ("", "deep", "deep/vol"):
        opens_as(tmp_path / "g.zarr" / inside, volume, "???")
    with pytest.raises(UserError, match=r"there is no 'other' in this file. It holds deep/vol"):
        open_image(tmp_path / "g.zarr" / "other")


@VERSIONS
def test_ome_zarr_is_opened_at_full_resolution_with_its_spacing(tmp_path, volume, zarr_format):
    path = tmp_path / "a.ome.zarr"
    _pyramid(path, volume, zarr_format)
    shutil.make_archive(str(path), "zip", path)
    shutil.make_archive(str(tmp_path / "folder.zarr"), "zip", tmp_path, "a.ome.zarr")
    for store in (path, tmp_path / "a.ome.zarr.zip", tmp_path / "folder.zarr.zip"):
        for inside, whole in (("", volume), ("labels/nuclei", volume + 1), ("labels/nuclei/0", volume + 1)):
            opened = opens_as(store / inside, whole, "ZYX")
            assert opened.spacing == pytest.approx({"z": 2.0, "y": 0.5, "x": 0.25})


def test_the_names_of_dimensions_are_the_axes(tmp_path, volume):
    zarr.create_array(tmp_path / "a.zarr", shape=volume.shape, dtype="u2", dimension_names=["z", "y", "x"])
    assert open_image(tmp_path / "a.zarr").axes == "ZYX"


def test_chunks_that_were_not_written_are_the_fill_value(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", shape=(4, 8, 8), chunks=(1, 8, 8), dtype="u2", fill_value=7)
    assert (open_image(tmp_path / "a.zarr").read() == 7).all()


@VERSIONS
def test_a_chunk_that_is_cut_off_is_told(tmp_path, volume, zarr_format):
    path = tmp_path / "a.zarr"
    array = zarr.create_array(path, shape=volume.shape, dtype="u2", chunks=(6, 40, 50), zarr_format=zarr_format)
    array[:] = volume
    chunk = max((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"a\.zarr: this file cannot be read"):
        open_image(path).read()


@pytest.mark.parametrize("word", ["pickle", "pi\\u0063kle"])
def test_a_pickling_filter_is_refused_unread(tmp_path, word):
    path = tmp_path / "a.zarr"
    path.mkdir()
    told = {"zarr_format": 2, "shape": [2, 2], "chunks": [2, 2], "dtype": "<u2", "order": "C", "fill_value": 0}
    text = json.dumps({**told, "compressor": None, "filters": [{"id": "pickle"}]})
    (path / ".zarray").write_text(text.replace("pickle", word))
    with pytest.raises(UserError, match="pickled Python objects"):
        open_image(path)


def test_the_version_changes_when_a_chunk_does(tmp_path, volume):
    array = zarr.create_array(tmp_path / "a.zarr", shape=volume.shape, dtype="u2", chunks=(6, 40, 50))
    before = version(tmp_path / "a.zarr")
    array[:] = volume
    assert version(tmp_path / "a.zarr") != before
    assert version(tmp_path / "a.zarr" / "deeper") == (0, 0)


def test_an_ordinary_folder_is_no_zarr(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(UserError, match="holds no zarr array"):
        open_image(tmp_path / "a.zarr")
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    shutil.make_archive(str(tmp_path / "b"), "zip", tmp_path, "x.npy")
    with pytest.raises(UserError, match="holds no zarr array"):
        open_image(tmp_path / "b.zip")


@VERSIONS
def test_the_label_inside_an_image_is_read_as_its_label(tmp_path, volume, zarr_format):
    _pyramid(tmp_path / "a.zarr", volume, zarr_format)
    opens_as(tmp_path / "a.zarr", volume, "ZYX")
    opens_as(tmp_path / "a.zarr", volume + 1, "ZYX", for_label=True)


def test_axes_have_any_names_in_any_order_and_a_place(tmp_path, volume):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    names = [("x", "space"), ("fluor", "channel"), ("y", "space"), ("minute", "time")]
    axes = [{"name": name, "type": kind} | ({"unit": "micrometer"} if kind == "space" else {}) for name, kind in names]
    moves = [{"type": "scale", "scale": [0.5, 1, 2, 1]}, {"type": "translation", "translation": [10, 0, 30, 0]}]
    group.attrs["ome"] = {
        "multiscales": [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": moves}]}]
    }
    array = np.stack([volume] * 2)
    created = group.create_array("0", shape=array.shape, dtype=array.dtype)
    created[:] = array
    opened = opens_as(tmp_path / "a.zarr", array, "XCYT")
    assert opened.orientation.origin == pytest.approx((0.01, 0.03, 0))
    assert opened.orientation.steps["Y"] == pytest.approx((0, 0.002, 0))
