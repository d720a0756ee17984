"""Files of outlines that ask for more memory or time than their image can need."""

import json
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from nbtrainer.data.listing import list_files
from nbtrainer.errors import UserError
from nbtrainer.io.annotations import read_outlines
from nbtrainer.io.annotations.coco import decode_cropped, decode_runs
from nbtrainer.io.annotations.draw import draw_labels
from nbtrainer.io.annotations.outline import Outline


@pytest.fixture(autouse=True)
def little_memory():
    """No more than 64 MB beyond what was there."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


def _coco(path, segmentations, **image):
    annotations = [
        {"id": number, "image_id": 1, "category_id": 1, "segmentation": each}
        for number, each in enumerate(segmentations, 1)
    ]
    content = {"images": [{"id": 1, "file_name": "a.tif", **image}], "annotations": annotations}
    path.write_text(json.dumps({**content, "categories": [{"id": 1, "name": "cell"}]}))
    return path


def test_run_lengths_fill_the_image_that_they_were_drawn_on(tmp_path):
    runs = {"size": [2**15, 2**16], "counts": [2**31 - 4, 4]}
    with pytest.raises(UserError, match="but the image has 64 x 64"):
        read_outlines(_coco(tmp_path / "a.json", [runs], height=64, width=64))


def test_many_run_lengths_of_a_large_image_take_the_memory_of_their_objects_alone(tmp_path):
    side = 20_000
    runs = [
        {"size": [side, side], "counts": [number * side, 50, side * side - 50 - number * side]} for number in range(30)
    ]
    outlines = read_outlines(_coco(tmp_path / "a.json", runs))
    assert [outline.mask.shape for outline in outlines] == [(50, 1)] * 30


def test_cropped_run_lengths_are_those_of_the_whole_image():
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5, 0.97):
        mask = np.zeros((30, 40), bool)
        mask[5:20, 7:30] = rng.random((15, 23)) < share
        flat = mask.T.ravel()
        ends = np.flatnonzero(np.diff(flat, prepend=False, append=flat[-1]))
        runs = np.diff([0, *ends.tolist(), flat.size]).tolist()
        assert np.array_equal(decode_runs({"size": [30, 40], "counts": runs}), mask)
        _, part = decode_cropped({"size": [30, 40], "counts": runs})
        assert part.shape[1] <= 23


def test_a_number_that_never_ends_is_refused(tmp_path):
    runs = {"size": [64, 64], "counts": "o" * 300_000 + "0"}
    with pytest.raises(UserError, match="a number that never ends"):
        read_outlines(_coco(tmp_path / "a.json", [runs]))


def test_an_outline_in_a_zip_that_becomes_too_large_is_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.roi", "w", force_zip64=True) as member,
    ):
        for _ in range(100):
            member.write(bytes(2**20))
    with pytest.raises(UserError, match="which no outline has"):
        read_outlines(tmp_path / "a.zip")


def test_an_outline_that_zigzags_over_a_tall_image_is_drawn_in_parts():
    x = np.arange(4000.0)
    points = np.stack([np.where(x % 2, 0.0, 3000.0), x / 100], axis=1)
    labels = draw_labels([Outline(points=points, kind="polygon")], (3000, 60))
    assert 0 < labels.sum() < labels.size


def test_an_outline_is_drawn_the_same_in_many_parts(monkeypatch):
    rng = np.random.default_rng(1)
    outline = Outline(points=rng.uniform(-5, 70, (60, 2)), kind="polygon", holes=(rng.uniform(0, 60, (9, 2)),))
    whole = draw_labels([outline], (64, 64))
    monkeypatch.setattr("nbtrainer.io.annotations.draw._ROWS_AT_ONCE", 37)
    assert np.array_equal(draw_labels([outline], (64, 64)), whole) and whole.any()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("name", ["list.txt", "a.json", "a.geojson", "a.roi"])
def test_pipes_and_devices_are_no_lists_and_no_outlines(tmp_path, name):
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        path = tmp_path / name
        make(path)
        with pytest.raises(UserError):
            list_files(path, "images", look_one_level_down=False) if name == "list.txt" else read_outlines(path)
        path.unlink()
