from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_naming

from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.listing import list_files, natural_order
from nbtrainer.data.pair_files import pair_files
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
    pairs = pair_files(
        list_files(tmp_path / "a", "i", look_one_level_down=False),
        list_files(tmp_path / "b", "l", look_one_level_down=False),
        "d",
        make_naming(),
        use="auto",
    )
    assert [(pair.image.name, pair.label.name) for pair in pairs] == [(n, n) for n in ("x1.tif", "x2.tif", "x10.tif")]
    assert len(images) == len(labels) == 3


@pytest.mark.feature(46)
def test_other_names_are_paired_in_natural_order(tmp_path):
    _files(tmp_path / "a", "raw_10.tif", "raw_9.tif")
    _files(tmp_path / "b", "seg_9.tif", "seg_10.tif")
    pairs = pair_files(
        list_files(tmp_path / "a", "i", look_one_level_down=False),
        list_files(tmp_path / "b", "l", look_one_level_down=False),
        "d",
        make_naming(),
        use="auto",
    )
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
        pair_files(images, labels, "data.datasets[0]", make_naming(), use="auto")


def test_a_source_may_be_a_file_a_wildcard_or_a_list(tmp_path):
    files = _files(tmp_path / "a b", "1.tif", "2.tif", "3.tif")
    assert list_files(files[0], "i", look_one_level_down=False) == [files[0]]
    assert list_files(tmp_path / "a b" / "[12].tif", "i", look_one_level_down=False) == files[:2]
    (tmp_path / "list.txt").write_text("# mine\na b/3.tif\n\na b/1.tif\n")
    assert list_files(tmp_path / "list.txt", "i", look_one_level_down=False) == [files[2], files[0]]


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere", "there is no folder or file"), ("*.tif", "nothing matches"), ("empty", "holds no images")],
)
def test_a_source_without_images_is_refused_with_the_field(source, message, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message) as caught:
        list_files(tmp_path / source, "data.datasets[0].images", look_one_level_down=False)
    assert caught.value.where == "data.datasets[0].images"


def test_natural_order_is_that_of_people():
    names = ["img10", "img2", "Img1"]
    assert [path.name for path in natural_order([Path(name) for name in names])] == ["Img1", "img2", "img10"]


def _names(pairs) -> list[tuple[str, str]]:
    return [(pair.image.name, pair.label.name) for pair in pairs]


@pytest.mark.feature(51, 53, 54)
def test_images_and_labels_in_one_folder_are_told_apart_by_the_end_of_their_names(tmp_path):
    _files(tmp_path, "a.tif", "a_masks.tif", "b.png.tif", "b.png_masks.tif", "a_flows.tif", "a_cp_masks.tif")
    assert _names(find_pairs(tmp_path, None, "d", make_naming(), use="auto")) == [
        ("a.tif", "a_masks.tif"),
        ("b.png.tif", "b.png_masks.tif"),
    ]
    _files(tmp_path / "f", "img_img_img.tif", "img_img_seg.tif", "other.tif")
    naming = make_naming(img_filter="_img", mask_filter="_seg")
    assert _names(find_pairs(tmp_path / "f", tmp_path / "f", "d", naming, use="auto")) == [
        ("img_img_img.tif", "img_img_seg.tif")
    ]
    with pytest.raises(UserError, match=r"no label was found beside a.tif"):
        find_pairs(tmp_path, None, "d", make_naming(mask_filter="_labels"), use="auto")


@pytest.mark.feature(53, 54)
def test_filters_work_on_two_folders_too(tmp_path):
    _files(tmp_path / "i", "x_img.tif", "y_img.tif", "y_dapi.tif")
    _files(tmp_path / "l", "x_masks.tif", "y_masks.tif")
    found = find_pairs(tmp_path / "i", tmp_path / "l", "d", make_naming(img_filter="_img"), use="auto")
    assert _names(found) == [("x_img.tif", "x_masks.tif"), ("y_img.tif", "y_masks.tif")]
    assert not any(pair.paired_by_order for pair in found)


@pytest.mark.feature(52)
def test_folders_inside_are_read_if_asked(tmp_path):
    _files(tmp_path / "i" / "day1", "a.tif")
    _files(tmp_path / "i", "b.tif")
    _files(tmp_path / "l" / "day1", "a.tif")
    _files(tmp_path / "l", "b.tif")
    found = find_pairs(tmp_path / "i", tmp_path / "l", "d", make_naming(look_one_level_down=True), use="auto")
    assert _names(found) == [("b.tif", "b.tif"), ("a.tif", "a.tif")]
    assert len(find_pairs(tmp_path / "i", tmp_path / "l", "d", make_naming(), use="auto")) == 1


@pytest.mark.feature(43)
def test_a_split_tree_says_what_each_image_is_for(tmp_path):
    for use, count in (("train", 3), ("val", 2), ("test", 1)):
        for kind in ("images", "labels"):
            _files(tmp_path / use / kind, *(f"{use}{k}.tif" for k in range(count)))
    found = find_pairs(tmp_path, None, "d", make_naming(), use="auto")
    assert [pair.use for pair in found] == ["train"] * 3 + ["validation"] * 2 + ["test"]
    assert all(pair.image.name == pair.label.name for pair in found)


@pytest.mark.feature(55)
def test_links_beside_an_image_are_found_without_a_switch(tmp_path):
    _files(tmp_path, "a.tif", "a_masks.tif", "b.tif", "b_masks.tif")
    (tmp_path / "a_links.txt").write_text("1,2\n")
    first, second = find_pairs(tmp_path, None, "d", make_naming(), use="auto")
    assert first.links == tmp_path / "a_links.txt" and second.links is None


def test_tissue_analyzer_keeps_the_label_in_a_folder_named_like_the_image(tmp_path):
    _files(tmp_path, "cells.tif")
    _files(tmp_path / "cells", "handCorrection.tif")
    assert _names(find_pairs(tmp_path, None, "d", make_naming(), use="auto")) == [("cells.tif", "handCorrection.tif")]


def test_what_is_excluded_is_left_out_with_its_label(tmp_path):
    _files(tmp_path / "i", "a.tif", "b.tif", "c.tif")
    _files(tmp_path / "l", "a.tif", "b.tif", "c.tif")
    naming = make_naming(exclude=("b.tif",))
    assert [pair.image.name for pair in find_pairs(tmp_path / "i", tmp_path / "l", "d", naming, use="auto")] == [
        "a.tif",
        "c.tif",
    ]
    (tmp_path / "l" / "b.tif").unlink()
    assert len(find_pairs(tmp_path / "i", tmp_path / "l", "d", naming, use="auto")) == 2


@pytest.mark.feature(46)
def test_names_that_differ_are_flagged_when_paired_by_order(tmp_path):
    _files(tmp_path / "i", "a.tif", "b.tif")
    _files(tmp_path / "l", "b.tif", "a2.tif")
    assert [
        pair.paired_by_order for pair in find_pairs(tmp_path / "i", tmp_path / "l", "d", make_naming(), use="auto")
    ] == [True, False]
    same = _files(tmp_path / "m", "a.tif", "b.tif")
    by_order = find_pairs(tmp_path / "i", tmp_path / "m", "d", make_naming(pair_by="order"), use="auto")
    assert [pair.label for pair in by_order] == same


@pytest.mark.feature(33, 60)
def test_a_list_may_hold_relative_and_absolute_paths_with_spaces(tmp_path):
    first, second = _files(tmp_path / "my images", "1 a.tif", "2 b.tif")
    (tmp_path / "list.txt").write_text(f"my images/2 b.tif\n{first}\n")
    assert list_files(tmp_path / "list.txt", "i", look_one_level_down=False) == [second, first]
