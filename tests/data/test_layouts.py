"""Data sets are found as people of the field keep them."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_naming

import nbtrainer as nbt
from nbtrainer.api import prepare_dataset
from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.layouts import LABEL_FOLDERS
from nbtrainer.data.views import whole
from nbtrainer.datasets import survey
from nbtrainer.errors import UserError


def _tiffs(folder: Path, *names: str, value: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        array = np.random.default_rng(list(name.encode())).integers(0, 200, (32, 32), np.uint8)
        array[4:9, 4:9] = value
        tifffile.imwrite(folder / name, array)


def _found(folder: Path, labels: Path | None = None, **naming) -> list[tuple[str, str, str]]:
    pairs = find_pairs(folder, labels, "d", make_naming(**naming), use="auto")
    return [
        (pair.image.relative_to(folder).as_posix(), pair.required_label.relative_to(folder).as_posix(), pair.use)
        for pair in pairs
    ]


@pytest.mark.parametrize("labels", ["masks", "labels", "annotations", "gt", "segmentation", "GT", "Masks"])
def test_a_divided_set_may_call_its_labels_otherwise(tmp_path, labels):
    for part in ("train", "valid", "Test"):
        _tiffs(tmp_path / part / "images", f"{part}.tif")
        _tiffs(tmp_path / part / labels, f"{part}.tif")
    assert _found(tmp_path) == [
        ("train/images/train.tif", f"train/{labels}/train.tif", "train"),
        ("valid/images/valid.tif", f"valid/{labels}/valid.tif", "validation"),
        ("Test/images/Test.tif", f"Test/{labels}/Test.tif", "test"),
    ]


def test_folders_of_images_and_labels_are_found_in_their_folder(tmp_path):
    _tiffs(tmp_path / "images", "a.tif", "b.tif")
    _tiffs(tmp_path / "masks", "a.tif", "b.tif")
    assert _found(tmp_path) == [("images/a.tif", "masks/a.tif", "auto"), ("images/b.tif", "masks/b.tif", "auto")]


@pytest.mark.parametrize("named", [None, "labels"])
def test_images_and_labels_may_be_divided_each(tmp_path, named):
    for part in ("train", "val"):
        _tiffs(tmp_path / "images" / part, f"{part}.tif")
        _tiffs(tmp_path / "labels" / part, f"{part}.tif")
    source, labels = (tmp_path, None) if named is None else (tmp_path / "images", tmp_path / "labels")
    pairs = find_pairs(source, labels, "d", make_naming(), use="auto")
    assert [(pair.image.name, pair.use) for pair in pairs] == [("train.tif", "train"), ("val.tif", "validation")]


def test_a_divided_set_may_mix_images_and_labels(tmp_path):
    for part in ("train", "valid"):
        _tiffs(tmp_path / part, "a.tif")
        coco = {"images": [{"id": 1, "file_name": "a.tif"}], "annotations": [], "categories": []}
        (tmp_path / part / "_annotations.coco.json").write_text(json.dumps(coco))
    assert _found(tmp_path) == [
        ("train/a.tif", "train/_annotations.coco.json", "train"),
        ("valid/a.tif", "valid/_annotations.coco.json", "validation"),
    ]


def test_several_folders_of_labels_are_a_question(tmp_path):
    for folder in ("images", "masks", "gt"):
        _tiffs(tmp_path / folder, "a.tif")
    with pytest.raises(UserError, match="holds masks and gt"):
        find_pairs(tmp_path, None, "d", make_naming(), use="auto")
    _tiffs(tmp_path / "labels", "a.tif")  # as it was before others were known
    assert _found(tmp_path) == [("images/a.tif", "labels/a.tif", "auto")]


def test_every_name_of_a_folder_of_labels_is_lower_case():
    assert all(name == name.lower() for name in LABEL_FOLDERS)


def _one_mask_an_object(root: Path, *names: str) -> None:
    for name in names:
        _tiffs(root / name / "images", f"{name}.tif")
        for number, box in enumerate((np.s_[2:8, 2:8], np.s_[2:8, 8:14], np.s_[20:30, 20:30])):
            mask = np.zeros((32, 32), np.uint8)
            mask[box] = 255
            (root / name / "masks").mkdir(exist_ok=True)
            tifffile.imwrite(root / name / "masks" / f"{name}{number}.tif", mask)


def test_one_mask_an_object_is_one_label_an_image(small_config, tmp_path):
    _one_mask_an_object(tmp_path / "dsb", "a", "b", "c", "d")
    small_config.update(task={"kind": "instance_flow"})
    small_config.data.datasets = [{"images": str(tmp_path / "dsb")}]
    assert [str(finding) for finding in nbt.check(small_config) if finding.level == "error"] == []
    assert [row["objects"] for row in nbt.pairs(small_config)] == [3, 3, 3, 3]
    found = survey(small_config)
    label = whole(found.preparation.open(found.pairs[0])[1])
    assert label[4, 4] and label[4, 10] and label[4, 4] != label[4, 10] and not label[15, 15]
    assert nbt.train(small_config).status == "finished"


def test_one_mask_an_object_can_be_prepared_and_found_again(tmp_path):
    _one_mask_an_object(tmp_path / "dsb", "a", "b", "c", "d")
    done = prepare_dataset(tmp_path / "dsb", tmp_path / "out", "x")
    assert sum(done.counts.values()) == 4
    pairs = find_pairs(done.folder, None, "d", make_naming(), use="auto")
    assert (
        all(pair.required_label.is_dir() and pair.required_label.name == pair.image.stem for pair in pairs)
        and len(pairs) == 4
    )
    lists = find_pairs(
        done.folder / "train" / "images.txt", done.folder / "train" / "labels.txt", "d", make_naming(), use="auto"
    )
    assert [pair.required_label.name for pair in lists] == [pair.image.stem for pair in lists]


@pytest.mark.parametrize("is_there", [False, True])
def test_an_image_without_masks_is_left_out_on_a_press(small_config, tmp_path, is_there):
    root = tmp_path / "dsb"
    _one_mask_an_object(root, "a", "b", "c")
    _tiffs(root / "d" / "images", "d.tif")
    if is_there:
        (root / "d" / "masks").mkdir()
    (root / "__MACOSX").mkdir()  # what a zip leaves behind
    (root / "__MACOSX" / "note.txt").write_text("x")
    small_config.data.datasets = [{"images": str(root)}]
    (told,) = (finding for finding in nbt.check(small_config) if finding.level == "error")
    assert (
        f"d.tif has no masks: the folder {root / 'd' / 'masks'} is {'empty' if is_there else 'not there'}" in told.wrong
    )
    nbt.fix_all(small_config)
    assert [row["name"] for row in nbt.pairs(small_config)] == ["a.tif", "b.tif", "c.tif"]


def test_masks_without_an_image_are_named(tmp_path):
    _one_mask_an_object(tmp_path, "a", "b")
    (tmp_path / "b" / "images" / "b.tif").unlink()
    with pytest.raises(UserError, match="b holds masks, but no image"):
        find_pairs(tmp_path, None, "d", make_naming(), use="auto")


def test_an_empty_folder_among_those_of_masks_leaves_only_its_image_without_a_label(tmp_path):
    _one_mask_an_object(tmp_path, "a", "b")
    _tiffs(tmp_path / "images", "a.tif", "b.tif", "c.tif")
    (tmp_path / "labels" / "c").mkdir(parents=True)
    for name in "ab":
        (tmp_path / name / "masks").rename(tmp_path / "labels" / name)
    with pytest.raises(UserError, match="No label was found for c"):
        find_pairs(tmp_path / "images", tmp_path / "labels", "d", make_naming(), use="auto")


def test_a_part_without_labels_misses_the_folder_that_the_others_have(tmp_path):
    _tiffs(tmp_path / "train" / "images", "a.tif")
    _tiffs(tmp_path / "train" / "masks", "a.tif")
    _tiffs(tmp_path / "val" / "images", "b.tif")
    with pytest.raises(UserError, match=r"val.masks"):
        find_pairs(tmp_path, None, "d", make_naming(), use="auto")


def test_a_mask_of_another_size_is_named(small_config, tmp_path):
    _one_mask_an_object(tmp_path / "dsb", "a")
    tifffile.imwrite(tmp_path / "dsb" / "a" / "masks" / "z.tif", np.ones((8, 8), np.uint8))
    small_config.data.datasets = [{"images": str(tmp_path / "dsb")}]
    assert "masks: its mask z.tif is 8 x 8, but the first is 32 x 32" in str(nbt.check(small_config)[0])


@pytest.mark.parametrize("beside", [False, True])
def test_an_image_without_a_label_is_told_and_left_out_on_a_press(small_config, tmp_path, beside):
    ending = "_masks" if beside else ""
    _tiffs(tmp_path / "raw", "a.tif", "b.tif", "c.tif")
    _tiffs(tmp_path / ("raw" if beside else "lab"), f"a{ending}.tif", f"b{ending}.tif")
    small_config.data.datasets = [{"images": str(tmp_path / "raw"), "labels": "" if beside else str(tmp_path / "lab")}]
    told = [finding for finding in nbt.check(small_config) if finding.level == "error"]
    assert len(told) == 1 and "c.tif" in str(told[0]) and told[0].fix == "leave_out"
    assert nbt.fix(small_config, told[0]) == "c.tif is left out of data.datasets[0]"
    assert small_config.data.datasets[0].exclude == ["c.tif"]
    assert [row["name"] for row in nbt.pairs(small_config)] == ["a.tif", "b.tif"] or len(nbt.pairs(small_config)) == 2


def test_a_label_without_an_image_is_left_out_too(small_config, tmp_path):
    _tiffs(tmp_path / "raw", "a.tif", "b.tif")
    _tiffs(tmp_path / "lab", "a.tif", "b.tif", "c.tif")
    small_config.data.datasets = [{"images": str(tmp_path / "raw"), "labels": str(tmp_path / "lab")}]
    (told,) = (finding for finding in nbt.check(small_config) if finding.level == "error")
    nbt.fix(small_config, told)
    assert sorted(row["name"] for row in nbt.pairs(small_config)) == ["a.tif", "b.tif"]


def test_an_image_is_left_out_without_those_of_its_name_in_other_folders(small_config, tmp_path):
    for folder in ("raw", "lab"):
        _tiffs(tmp_path / folder / "1", "a.tif", "b.tif")
        _tiffs(tmp_path / folder / "2", "a.tif", "b.tif")
    (tmp_path / "lab" / "2" / "a.tif").unlink()
    dataset = {"images": str(tmp_path / "raw"), "labels": str(tmp_path / "lab"), "look_one_level_down": True}
    small_config.data.datasets = [dataset]
    (told,) = (finding for finding in nbt.check(small_config) if finding.level == "error")
    nbt.fix(small_config, told)
    assert small_config.data.datasets[0].exclude == ["2/a.tif"]
    images = {Path(row["image"]).relative_to(tmp_path / "raw").as_posix() for row in nbt.pairs(small_config)}
    assert images == {"1/a.tif", "1/b.tif", "2/b.tif"}
