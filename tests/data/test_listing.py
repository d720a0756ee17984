from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_naming

from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.listing import list_files, natural_order
from nbtrainer.errors import UserError


def _tiffs(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        tifffile.imwrite(folder / name, np.zeros((4, 4), np.uint8))
    return [folder / name for name in names]


@pytest.mark.parametrize("folder", ["exp [final]", "a*b", "what?", "[1]"])
def test_folders_with_signs_of_wildcards_are_taken_as_they_are(tmp_path, folder):
    if folder != "what?":
        _tiffs(tmp_path / "exp f", "x.tif")  # what such a pattern would match
    files = _tiffs(tmp_path / folder, "a1.tif", "a2.tif", "b.tif")
    assert list_files(tmp_path / folder / "a*.tif", "i", look_one_level_down=False) == files[:2]
    assert list_files(tmp_path / folder / "a[2].tif", "i", look_one_level_down=False) == files[1:2]


def test_wildcards_reach_into_folders(tmp_path):
    first, second = *_tiffs(tmp_path / "day [1]", "a.tif"), *_tiffs(tmp_path / "day [2]" / "inner", "b.tif")
    assert list_files(tmp_path / "day*" / "*.tif", "i", look_one_level_down=False) == [first]
    assert list_files(tmp_path / "**" / "*.tif", "i", look_one_level_down=False) == [first, second]


def test_signs_of_wildcards_in_a_list_are_names(tmp_path):
    (file,) = _tiffs(tmp_path / "a [b]", "c[d].tif")
    (tmp_path / "list.txt").write_text("a [b]/c[d].tif\n")
    assert list_files(tmp_path / "list.txt", "i", look_one_level_down=False) == [file]


def test_digits_of_any_kind_can_be_sorted():
    names = ["x10", "x²", "x٣", "x2", "5²"]
    assert {path.name for path in natural_order([Path(name) for name in names])} == set(names)


@pytest.mark.parametrize(
    ("suffix", "told"),
    [
        (".bmp", "2 files end in .bmp, which cannot be read: save such images as TIFF or PNG"),
        (".dcm", "2 files end in .dcm, which cannot be read: convert DICOM to NIfTI"),
    ],
)
def test_files_of_unknown_kinds_are_named(tmp_path, suffix, told):
    if suffix == ".bmp" and _is_known(".bmp"):
        pytest.skip("such files can be read")
    (tmp_path / "raw").mkdir()
    for name in ("a", "b"):
        (tmp_path / "raw" / f"{name}{suffix}").write_bytes(b"BM")
    (tmp_path / "raw" / "notes.txt").write_text("mine")
    with pytest.raises(UserError) as caught:
        list_files(tmp_path / "raw", "data.datasets[0].images", look_one_level_down=False)
    assert caught.value.where == "data.datasets[0].images" and told in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.txt", "1 file ends in .txt: if these are labels for YOLO, export them as COCO"),
        ("a.xml", "1 file ends in .xml: if these are labels in Pascal VOC"),
        ("a", "1 file has no suffix: the first is a PNG: add .png to such names"),
        (".hidden", "It is empty."),
    ],
)
def test_a_folder_without_images_says_what_it_holds(tmp_path, name, told):
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UserError, match="holds no images") as caught:
        list_files(tmp_path, "data.datasets[0].labels", look_one_level_down=False)
    assert caught.value.remedy.startswith(told)


def test_labels_of_other_programs_beside_images_are_named(tmp_path):
    for image in _tiffs(tmp_path, "a.tif", "b.tif"):
        image.with_suffix(".txt").write_text("0 0.5 0.5 0.1 0.1")
    with pytest.raises(UserError, match=r"2 of them have a \.txt file: if these are labels for YOLO, export them"):
        find_pairs(tmp_path, None, "d", make_naming(), use="auto")


def test_a_folder_of_folders_says_where_its_images_are(tmp_path):
    _tiffs(tmp_path / "inner", "a.tif")
    with pytest.raises(UserError, match="There are images in the folder inner in it"):
        list_files(tmp_path, "i", look_one_level_down=False)


def test_an_image_that_cannot_be_read_is_named_where_its_label_has_no_partner(tmp_path):
    _tiffs(tmp_path / "raw", "a.tif")
    _tiffs(tmp_path / "lab", "a.tif", "b.tif")
    (tmp_path / "raw" / "b.dcm").write_bytes(b"DICM")
    with pytest.raises(UserError, match=r"No image was found for b.tif: 1 file ends in .dcm, which cannot be read"):
        find_pairs(tmp_path / "raw", tmp_path / "lab", "d", make_naming(), use="auto")


def _is_known(suffix: str) -> bool:
    from nbtrainer.io.formats import SUFFIXES

    return suffix in SUFFIXES
