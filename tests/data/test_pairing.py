"""A file of outlines serves the images that it names, or one."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
from factories import make_naming

import nbtrainer as nbt
from nbtrainer.data.find_pairs import find_pairs
from nbtrainer.data.roi import IGNORED
from nbtrainer.data.views import whole
from nbtrainer.datasets import survey
from nbtrainer.errors import UserError

BOX = [(10, 10), (30, 10), (30, 20), (10, 20)]  # x, y: 200 pixels
OTHER = [(40, 40), (50, 40), (50, 50), (40, 50)]  # 100 pixels


def _images(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(list(name.encode())).integers(0, 4096, (64, 64), np.uint16)
        tifffile.imwrite(folder / name, values)


def _coco(path: Path, drawn: dict[str, list], **more) -> Path:
    """`drawn`: for each image its outlines, as points or as (points, category, iscrowd)."""
    images = [{"id": k, "file_name": name, "width": 64, "height": 64} for k, name in enumerate(drawn)]
    notes = []
    for k, shapes in enumerate(drawn.values()):
        for shape in shapes:
            points, category, crowd = shape if isinstance(shape, tuple) else (shape, 1, 0)
            ring = [float(number) for point in points for number in point]
            notes.append({"id": len(notes), "image_id": k, "category_id": category, "segmentation": [ring]})
            notes[-1]["iscrowd"] = crowd
    categories = [{"id": 1, "name": "cell"}, {"id": 2, "name": "nucleus"}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": notes, "categories": categories, **more}))
    return path


def _labelme(path: Path, image: str, *shapes: tuple[str, list]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"label": name, "points": points, "shape_type": "polygon", "group_id": None} for name, points in shapes]
    size = {"imageHeight": 64, "imageWidth": 64}
    path.write_text(json.dumps({"version": "5", "shapes": entries, "imagePath": image, **size}))
    return path


def _geojson(path: Path, *rings: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}}
        for ring in rings
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def _rois(path: Path, *rings: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, ring in enumerate(rings):
            roi = roifile.ImagejRoi.frompoints(np.array(ring, float))
            roi.roitype = roifile.ROI_TYPE.POLYGON
            archive.writestr(f"{number}.roi", roi.tobytes())
    return path


@pytest.fixture
def drawn(small_config, tmp_path) -> Callable[..., dict[str, int]]:
    """How many labelled pixels each image of the data set gets, by the end of its path."""

    def pixels(kind: str = "instance_contour", **dataset) -> dict[str, int]:
        given = {"images": str(tmp_path / "raw"), "labels": str(tmp_path / "lab")} | dataset
        small_config.update(task={"kind": kind}, data={"validation_fraction": 0})
        small_config.data.datasets = [{name: value for name, value in given.items() if value != ""}]
        found = survey(small_config)
        if found.problems:
            raise UserError.of(found.problems)
        labels = {pair: whole(found.preparation.open(pair)[1]) for pair in found.pairs}
        root = Path(given["images"])
        return {
            pair.image.relative_to(root).as_posix(): int(((label > 0) & (label != IGNORED)).sum())
            for pair, label in labels.items()
        }

    return pixels


def test_an_image_that_a_coco_file_lists_without_outlines_is_background(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif", "c.tif")
    _coco(tmp_path / "lab" / "all.json", {"a.tif": [BOX], "b.tif": [], "c.tif": []})
    assert drawn() == {"a.tif": 200, "b.tif": 0, "c.tif": 0}


def test_an_image_that_no_file_names_has_no_label(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif", "c.tif")
    _coco(tmp_path / "lab" / "all.json", {"a.tif": [BOX], "b.tif": [OTHER]})
    with pytest.raises(UserError, match=r"1 of 3 images has no label. No label was found for c.tif"):
        drawn()


def test_capitals_in_a_coco_file_need_not_be_those_of_the_images(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif", "c.tif")
    _coco(tmp_path / "lab" / "all.json", {"A.TIF": [BOX], "b.PNG": [OTHER], "C.tif": []})
    assert drawn() == {"a.tif": 200, "b.tif": 100, "c.tif": 0}


def test_a_coco_file_about_other_images_says_which(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif", "c.tif")
    _coco(tmp_path / "lab" / "all.json", {"x.tif": [BOX], "y.tif": [OTHER]})
    with pytest.raises(UserError, match=r"all.json names x.tif, y.tif, but no image is called so"):
        drawn()


@pytest.mark.parametrize("suffix", [".geojson", ".zip", ".roi", "_seg.npy"])
def test_a_file_that_names_no_image_serves_one(drawn, tmp_path, suffix):
    _images(tmp_path / "raw", "a.tif", "b.tif")
    (tmp_path / "lab").mkdir()
    label = tmp_path / "lab" / f"a{suffix}"
    if suffix == ".geojson":
        _geojson(label, BOX)
    elif suffix == "_seg.npy":
        np.save(label, {"masks": np.ones((64, 64), np.uint16)}, allow_pickle=True)
    elif suffix == ".roi":
        roifile.ImagejRoi.frompoints(np.array(BOX, float)).tofile(label)
    else:
        _rois(label, BOX)
    with pytest.raises(UserError, match=r"2 images but 1 label. No label was found for b.tif"):
        drawn()


def test_what_a_file_says_of_its_image_counts_more_than_its_name(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif")
    _labelme(tmp_path / "lab" / "1.json", "../raw/b.tif", ("cell", BOX))
    _labelme(tmp_path / "lab" / "2.json", "C:\\images\\a.tif", ("cell", OTHER))
    assert drawn() == {"a.tif": 100, "b.tif": 200}
    _labelme(tmp_path / "lab" / "1.json", "a.tif", ("cell", BOX)).rename(tmp_path / "lab" / "b.json")
    _labelme(tmp_path / "lab" / "2.json", "b.tif", ("cell", OTHER)).rename(tmp_path / "lab" / "a.json")
    assert drawn() == {"a.tif": 200, "b.tif": 100}


def test_two_files_about_one_image_are_told(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif")
    _coco(tmp_path / "lab" / "1.json", {"a.tif": [BOX], "b.tif": []})
    _coco(tmp_path / "lab" / "2.json", {"a.tif": [OTHER]})
    with pytest.raises(UserError, match=r"a.tif is named in 1.json and 2.json"):
        drawn()


def test_images_of_one_name_in_different_folders_are_different_images(drawn, tmp_path):
    _images(tmp_path / "raw", "day1/a.tif", "day2/a.tif")
    _coco(tmp_path / "lab" / "all.json", {"day2/a.tif": [BOX], "day1/a.tif": [OTHER]})
    assert drawn(look_one_level_down=True) == {"day1/a.tif": 100, "day2/a.tif": 200}


def test_a_name_that_may_mean_two_images_is_told(drawn, tmp_path):
    _images(tmp_path / "raw", "day1/a.tif", "day2/a.tif")
    _coco(tmp_path / "lab" / "all.json", {"a.tif": [BOX], "b.tif": []})
    with pytest.raises(UserError, match=r"names a.tif, and it is not clear which of .*day1/a.tif and .*day2/a.tif"):
        drawn(look_one_level_down=True)


def test_an_image_of_another_folder_than_named_is_not_meant(tmp_path):
    _images(tmp_path / "raw" / "train", "a.tif", "b.tif")
    _coco(tmp_path / "all.json", {"train/a.tif": [BOX], "val/b.tif": [OTHER]})
    with pytest.raises(UserError, match=r"No label was found for b.tif"):
        find_pairs(tmp_path / "raw" / "train", tmp_path / "all.json", "d", make_naming(), use="auto")


def test_outlines_beside_images_are_found(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif", "c.tif", "d.tif")
    _labelme(tmp_path / "raw" / "a.json", "a.tif", ("cell", BOX))
    _geojson(tmp_path / "raw" / "b.geojson", OTHER)
    _rois(tmp_path / "raw" / "c.zip", BOX, OTHER)
    tifffile.imwrite(tmp_path / "raw" / "d_masks.tif", np.ones((64, 64), np.uint8))
    assert drawn(labels="") == {"a.tif": 200, "b.tif": 100, "c.tif": 300, "d.tif": 4096}


def test_one_coco_file_beside_its_images_is_found(drawn, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif")
    _coco(tmp_path / "raw" / "_annotations.coco.json", {"a.tif": [BOX], "b.tif": []})
    assert drawn(labels="") == {"a.tif": 200, "b.tif": 0}


def test_a_crowd_is_not_one_object(drawn, small_config, tmp_path):
    _images(tmp_path / "raw", "a.tif")
    crowd = [(5, 5), (35, 5), (35, 25), (5, 25)]
    _coco(tmp_path / "lab" / "all.json", {"a.tif": [BOX, (crowd, 1, 1)]})
    assert drawn() == {"a.tif": 200}
    found = survey(small_config)
    label = whole(found.preparation.open(found.pairs[0])[1])
    assert np.unique(label).tolist() == [0, 1, IGNORED] and (label == IGNORED).sum() == 600 - 200
    assert found.pairs[0].has_crowd
    assert drawn("binary") == {"a.tif": 600}  # whose foreground it is


def test_numbers_of_objects_pass_over_the_ignore_value(drawn, small_config, tmp_path):
    _images(tmp_path / "raw", "a.tif")
    _rois(tmp_path / "lab" / "a.zip", BOX, OTHER)
    small_config.data.ignore_value = 2
    drawn()
    found = survey(small_config)
    assert np.unique(whole(found.preparation.open(found.pairs[0])[1])).tolist() == [0, 1, 3]


@pytest.mark.parametrize("write", [_labelme, _coco])
def test_a_class_has_one_number_in_all_images_of_all_datasets(small_config, tmp_path, write):
    for name in ("one", "two"):
        _images(tmp_path / name, "a.tif")
    if write is _labelme:
        _labelme(
            tmp_path / "one" / "a.json", "a.tif", ("axon", BOX), ("myelin", OTHER), ("axon", [(0, 0), (4, 0), (4, 4)])
        )
        _labelme(tmp_path / "two" / "a.json", "a.tif", ("myelin", BOX))
    else:
        categories = [{"id": 7, "name": "myelin"}, {"id": 1, "name": "axon"}]
        _coco(tmp_path / "one" / "a.json", {"a.tif": [(BOX, 1, 0), (OTHER, 7, 0)]}, categories=categories)
        categories = [{"id": 1, "name": "myelin"}]
        _coco(tmp_path / "two" / "a.json", {"a.tif": [(BOX, 1, 1)]}, categories=categories)
    small_config.task.kind = "semantic"
    small_config.data.datasets = [{"images": str(tmp_path / name)} for name in ("one", "two")]
    found = survey(small_config)
    first, second = (
        whole(found.preparation.open(pair)[1]) for pair in sorted(found.pairs, key=lambda pair: pair.dataset)
    )
    assert (first[15, 15], first[45, 45], second[15, 15]) == (1, 2, 2)
    rows = sorted(nbt.pairs(small_config), key=lambda row: row["dataset"])
    assert [row["class_names"] for row in rows] == [("axon", "myelin"), ("myelin",)]


def test_a_run_keeps_the_names_and_numbers_of_classes(small_config, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif")
    for name, shapes in (("a", (("myelin", BOX), ("axon", OTHER))), ("b", (("axon", BOX),))):
        _labelme(tmp_path / "lab" / f"{name}.json", f"{name}.tif", *shapes)
    small_config.task.kind = "semantic"
    small_config.data.datasets = [{"images": str(tmp_path / "raw"), "labels": str(tmp_path / "lab")}]
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert nbt.Config.load(run.directory).data.outline_classes == ["axon", "myelin"]
    model = nbt.load_model(run.directory)
    assert model.task.class_names == ("background", "axon", "myelin") and model.task.class_values == (0, 1, 2)
    # other images, of which none shows an axon: the number of the class is that of the training
    _images(tmp_path / "new", "c.tif")
    label = _labelme(tmp_path / "new" / "c.json", "c.tif", ("myelin", OTHER))
    truth = model.read_label(label, (64, 64), "c", tmp_path / "new" / "c.tif")
    assert np.unique(truth).tolist() == [0, 2]
    assert set(nbt.evaluate(model, tmp_path / "new")["overall"]) >= {"dice (axon)", "dice (myelin)"}


def test_classes_that_count_can_be_listed(drawn, small_config, tmp_path):
    _images(tmp_path / "raw", "a.tif")
    _labelme(tmp_path / "lab" / "a.json", "a.tif", ("cell", BOX), ("dirt", OTHER))
    small_config.data.outline_classes = ["cell"]
    assert drawn() == drawn("semantic") == {"a.tif": 200}
    told = [finding.wrong for finding in nbt.check(small_config)]
    assert any("outlines of the class dirt, which data.outline_classes does not list" in wrong for wrong in told)


def test_a_finding_about_one_image_of_a_shared_file_leaves_out_that_image(drawn, small_config, tmp_path):
    _images(tmp_path / "raw", "a.tif", "b.tif", "c.tif")
    _coco(tmp_path / "lab" / "all.json", {"a.tif": [], "b.tif": [BOX], "c.tif": [BOX]})
    drawn()
    found = [finding for finding in nbt.check(small_config) if finding.fix == "exclude"]
    assert {finding.files for finding in found} == {(str(tmp_path / "raw" / "a.tif"),)}
    assert nbt.fix(small_config, found[0]) == "a.tif is left out of data.datasets[0]"
    assert {row["name"] for row in nbt.pairs(small_config)} == {"b.tif", "c.tif"}
