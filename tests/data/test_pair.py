from pathlib import Path

import numpy as np
import pytest
import tifffile

from nbtrainer.data.pair import list_files, natural_order, pair_files
from nbtrainer.errors import UserError


def _files(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        tifffile.imwrite(folder / name, np.zeros((4, 4), np.uint8))
    return [folder / name for name in names]


@pytest.mark.feature(30, 31)
def test_folders_with_the_same_names_are_paired_by_name(tmp_path):
    images = _files(tmp_path / "a", "x2.tif", "x10.tif", "x1.tif")
    labels = _files(tmp_path / "b", "x10.tif", "x1.tif", "x2.tif")
    pairs = pair_files(list_files(tmp_path / "a", "i"), list_files(tmp_path / "b", "l"), "d")
    assert [(pair.image.name, pair.label.name) for pair in pairs] == [(n, n) for n in ("x1.tif", "x2.tif", "x10.tif")]
    assert len(images) == len(labels) == 3


@pytest.mark.feature(46)
def test_other_names_are_paired_in_natural_order(tmp_path):
    _files(tmp_path / "a", "raw_10.tif", "raw_9.tif")
    _files(tmp_path / "b", "seg_9.tif", "seg_10.tif")
    pairs = pair_files(list_files(tmp_path / "a", "i"), list_files(tmp_path / "b", "l"), "d")
    assert [(pair.image.name, pair.label.name) for pair in pairs] == [
        ("raw_9.tif", "seg_9.tif"),
        ("raw_10.tif", "seg_10.tif"),
    ]


@pytest.mark.feature(29)
def test_unequal_numbers_are_refused_and_the_lonely_file_is_named(tmp_path):
    images = _files(tmp_path / "a", "1.tif", "2.tif", "3.tif")
    labels = _files(tmp_path / "b", "1.tif", "3.tif")
    with pytest.raises(
        UserError, match=r"data.datasets\[0\]: there are 3 images but 2 labels. No label was found for 2.tif"
    ):
        pair_files(images, labels, "data.datasets[0]")


def test_a_source_may_be_a_file_a_wildcard_or_a_list(tmp_path):
    files = _files(tmp_path / "a b", "1.tif", "2.tif", "3.tif")
    assert list_files(files[0], "i") == [files[0]]
    assert list_files(tmp_path / "a b" / "[12].tif", "i") == files[:2]
    (tmp_path / "list.txt").write_text("# mine\na b/3.tif\n\na b/1.tif\n")
    assert list_files(tmp_path / "list.txt", "i") == [files[2], files[0]]


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere", "there is no folder or file"), ("*.tif", "nothing matches"), ("empty", "holds no images")],
)
def test_a_source_without_images_is_refused_with_the_field(source, message, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message) as caught:
        list_files(tmp_path / source, "data.datasets[0].images")
    assert caught.value.where == "data.datasets[0].images"


def test_natural_order_is_that_of_people():
    names = ["img10", "img2", "Img1"]
    assert [path.name for path in natural_order([Path(name) for name in names])] == ["Img1", "img2", "img10"]
