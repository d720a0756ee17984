import json

import h5py
import numpy as np
import pytest
from agreement import never_read_when_cut, opens_as

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


def test_the_only_dataset_is_found_and_a_path_goes_on_inside(tmp_path, volume):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("deep/vol", data=volume, chunks=(2, 16, 16), compression="gzip")
        dataset.attrs["element_size_um"] = [2, 0.5, 0.25]
        dataset.attrs["axes"] = "zyx"
        file["times"] = np.arange(5)
    for inside in ("", "deep/vol", "deep"):
        assert opens_as(path / inside, volume, "ZYX").spacing == {"z": 2.0, "y": 0.5, "x": 0.25}
    never_read_when_cut(path)
    with pytest.raises(UserError, match=r"there is no 'other' in this file. It holds deep/vol"):
        open_image(path / "other")


def test_of_several_datasets_the_usual_name_is_taken(tmp_path, volume):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["aside"], file["label"], file["raw"] = volume + 1, volume + 2, volume
    opens_as(tmp_path / "a.hdf5", volume, "???")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["one"], file["two"] = volume, volume
    with pytest.raises(UserError, match=r"several images: one, two.*b\.h5/one"):
        open_image(tmp_path / "b.h5")


def test_axes_come_from_tags_attributes_or_dimensions(tmp_path, volume):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in ("tags", "listed", "dimensions"):
            file[name] = volume
        file["tags"].attrs["axistags"] = json.dumps({"axes": [{"key": key} for key in "tyx"]})
        file["listed"].attrs["axes"] = ["c", "y", "x"]
        for k, label in enumerate("zyx"):
            file["dimensions"].dims[k].label = label
    for name, axes in (("tags", "TYX"), ("listed", "CYX"), ("dimensions", "ZYX")):
        assert open_image(tmp_path / "a.h5" / name).axes == axes


def test_this_process_can_write_the_file_again(tmp_path, volume):
    for offset in range(2):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["raw"] = volume + offset
        assert np.array_equal(open_image(tmp_path / "a.h5").read(), volume + offset)


def test_records_and_text_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["records"] = np.zeros((3, 3), [("a", "u1"), ("b", "f4")])
        file["words"] = np.full((3, 3), "x", h5py.string_dtype())
    for name in ("records", "words"):
        with pytest.raises(UserError, match="not plain numbers"):
            open_image(tmp_path / "a.h5" / name)


def test_words_for_axes_are_told_from_letters(tmp_path, volume):
    names = {
        ("slice", "row", "column"): "ZYX",
        ("x", "y", "depth"): "XYZ",
        ("frame", "y", "x"): "TYX",
        ("i", "j", "k"): "???",
    }
    for number, (words, letters) in enumerate(names.items()):
        path = tmp_path / f"{number}.h5"
        with h5py.File(path, "w") as file:
            file["raw"] = volume
            for axis, word in enumerate(words):
                file["raw"].dims[axis].label = word
        opens_as(path, volume, letters)
