"""Labels that were drawn as outlines in other programs stand beside images like any others."""

import json
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile

import nbtrainer as nbt
from nbtrainer.data.views import whole
from nbtrainer.datasets import survey

SQUARE = [(10, 8), (30, 8), (30, 40), (10, 40)]  # x, y


def _imagej(folder: Path, name: str) -> None:
    roifile.ImagejRoi.frompoints(SQUARE).tofile(folder / f"{name}.roi")


def _geojson(folder: Path, name: str) -> None:
    geometry = {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {}}
    (folder / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))


def _labelme(folder: Path, name: str) -> None:
    shape = {"label": "cell", "points": SQUARE, "shape_type": "polygon", "group_id": None, "flags": {}}
    values = {"version": "5.0", "shapes": [shape], "imagePath": f"{name}.tif", "imageHeight": 64, "imageWidth": 64}
    (folder / f"{name}.json").write_text(json.dumps(values))


def _coco(folder: Path, name: str) -> None:
    file = folder / "all.json"
    values = json.loads(file.read_text()) if file.exists() else {"images": [], "annotations": [], "categories": []}
    values["categories"] = [{"id": 1, "name": "cell"}]
    number = len(values["images"]) + 1
    values["images"].append({"id": number, "file_name": f"{name}.tif", "height": 64, "width": 64})
    corners = [float(value) for point in SQUARE for value in point]
    annotation = {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "segmentation": [corners],
        "bbox": [10, 8, 20, 32],
    }
    values["annotations"].append(annotation | {"area": 640, "iscrowd": 0})
    file.write_text(json.dumps(values))


@pytest.mark.parametrize("write", [_imagej, _geojson, _labelme, _coco])
def test_outlines_train_like_label_images(small_config, tmp_path, write):
    (tmp_path / "drawn").mkdir()
    for path in sorted(Path(small_config.data.datasets[0].images).iterdir()):
        write(tmp_path / "drawn", path.stem)
    small_config.data.datasets = [small_config.data.datasets[0].model_dump() | {"labels": str(tmp_path / "drawn")}]
    assert [row["problem"] for row in nbt.pairs(small_config)] == ["", "", ""]
    assert [str(finding) for finding in nbt.check(small_config) if finding.level == "error"] == []
    found = survey(small_config)
    label = whole(found.preparation.open(found.pairs[0])[1])
    assert label.shape == (64, 64) and (label > 0).sum() == pytest.approx(20 * 32, rel=0.03)
    assert label[24, 20] == 1 and label[24, 35] == 0
    assert nbt.train(small_config).status == "finished"


@pytest.mark.feature(62)
@pytest.mark.parametrize("write", [_imagej, _geojson])
def test_regions_come_from_files_too(small_config, tmp_path, write):
    write(tmp_path, "cells")
    file = next(path for path in tmp_path.iterdir() if path.stem == "cells")
    dataset = small_config.data.datasets[0].model_dump() | {"region_files": str(file)}
    small_config.data.datasets = [dataset]
    shapes = {row["shape"] for row in nbt.pairs(small_config)}
    assert shapes <= {(32, 20), (33, 21)} and len(shapes) == 1


@pytest.mark.feature(55)
def test_linked_labels_count_as_one_object(small_config, tmp_path):
    label = np.zeros((64, 64), np.uint8)
    label[5:20, 5:20], label[5:20, 25:40], label[40:50, 40:50] = 1, 2, 3
    for number in range(3):
        tifffile.imwrite(tmp_path / f"c{number}.tif", np.arange(4096, dtype=np.uint16).reshape(64, 64))
        tifffile.imwrite(tmp_path / f"c{number}_masks.tif", label)
    (tmp_path / "c1_links.txt").write_text("1,2\n")
    small_config.data.datasets = [{"images": str(tmp_path)}]
    assert [row["objects"] for row in nbt.pairs(small_config)] == [3, 2, 3]


def test_outlines_of_a_renamed_pair_are_found_and_those_of_another_size_are_refused(small_config, tmp_path):
    (tmp_path / "drawn").mkdir()
    for path in sorted(Path(small_config.data.datasets[0].images).iterdir()):
        _labelme(tmp_path / "drawn", path.stem)
        file = tmp_path / "drawn" / f"{path.stem}.json"
        file.write_text(file.read_text().replace(path.name, "C:\\\\data\\\\old.tif"))
    small_config.data.datasets = [small_config.data.datasets[0].model_dump() | {"labels": str(tmp_path / "drawn")}]
    assert [row["objects"] for row in nbt.pairs(small_config)] == [1, 1, 1]
    told = "\n".join(map(str, nbt.check(small_config)))
    assert told.count("drawn on C:/data/old.tif, and are used for ") == 1 and "and so on in 3 files" in told
    file.write_text(file.read_text().replace('"imageHeight": 64', '"imageHeight": 128'))
    assert "drawn on an image of 128 x 64" in "\n".join(map(str, nbt.check(small_config)))


def test_cellpose_keeps_its_outlines_beside_the_image(small_config, tmp_path):
    for number in range(2):
        tifffile.imwrite(tmp_path / f"c{number}.tif", np.zeros((8, 8), np.uint8))
        masks = np.zeros((8, 8), np.uint16)
        masks[2:6, 2:6] = 1
        values = {"masks": masks, "outlines": masks * 0, "filename": f"c{number}.tif"}
        np.save(tmp_path / f"c{number}_seg.npy", values)
    small_config.data.datasets = [{"images": str(tmp_path)}]
    assert [(row["name"], row["objects"]) for row in nbt.pairs(small_config)] == [("c0.tif", 1), ("c1.tif", 1)]
