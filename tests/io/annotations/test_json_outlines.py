import base64
import json

import imageio.v3 as imageio
import numpy as np
import pytest

from nbtrainer.errors import UserError
from nbtrainer.io.annotations import draw_labels, draw_mask, is_annotation, label_shape, read_outlines
from nbtrainer.io.annotations.coco import decode_runs


def _write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _ring(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def _feature(kind, coordinates, name="Tumor", **geometry):
    return {
        "type": "Feature",
        "id": "5d7e",
        "geometry": {"type": kind, "coordinates": coordinates, **geometry},
        "properties": {"objectType": "annotation", "classification": {"name": name, "color": [200, 0, 0]}},
    }


def test_geojson_of_qupath(tmp_path):
    features = [
        _feature("Polygon", [_ring(0, 0, 10, 10), _ring(2, 2, 5, 5)]),
        _feature("MultiPolygon", [[_ring(12, 0, 15, 3)], [_ring(20, 0, 24, 4), _ring(21, 1, 22, 2)]], "Stroma"),
    ]
    for name, content in {
        "a.geojson": {"type": "FeatureCollection", "features": features},
        "b.json": features,
    }.items():
        path = _write(tmp_path / name, content)
        assert is_annotation(path) and label_shape(path) is None
        labels = draw_labels(read_outlines(path), (12, 30))
        assert (labels == 1).sum() == 100 - 9 and not labels[2:5, 2:5].any()
        assert (labels == 2).sum() == 9 + 16 - 1
        assert draw_labels(read_outlines(path), (12, 30), "class", ["Stroma", "Tumor"])[0, 0] == 2
    (single,) = read_outlines(_write(tmp_path / "c.geojson", features[0]))
    assert single.class_name == "Tumor" and single.name == "5d7e" and single.z is None


def test_geojson_with_planes_and_without_classes(tmp_path):
    plain = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [_ring(0, 0, 3, 3)]}, "properties": {}}
    there = _feature("Polygon", [_ring(0, 0, 3, 3)], plane={"c": -1, "z": 2, "t": 0}, isEllipse=True)
    outlines = read_outlines(_write(tmp_path / "a.geojson", {"type": "FeatureCollection", "features": [plain, there]}))
    assert [outline.z for outline in outlines] == [0, 2]
    assert [outline.class_name for outline in outlines] == ["", "Tumor"]
    assert read_outlines(_write(tmp_path / "e.geojson", {"type": "FeatureCollection", "features": []})) == []


def _labelme(*shapes, **more):
    return {"version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": "..\\raw\\img 1.png", **more}


def _shape(label, points, kind="polygon", group=None, **more):
    return {"label": label, "points": points, "group_id": group, "shape_type": kind, **more}


def test_labelme(tmp_path):
    content = _labelme(
        _shape("cell", _ring(0, 0, 5, 4)[:-1], group=1),
        _shape("cell", [[12, 6], [8, 0]], "rectangle", group=1),
        _shape("12", [[30, 10], [30, 15]], "circle", group=1),
        imageHeight=20,
        imageWidth=40,
    )
    path = _write(tmp_path / "img 1.json", content)
    assert is_annotation(path) and label_shape(path) == (20, 40)
    outlines = read_outlines(path, "img 1.png")
    assert [outline.label for outline in outlines] == [None, None, 12]
    assert {outline.image for outline in outlines} == {"../raw/img 1.png"}  # as the file writes it
    labels = draw_labels(outlines, (20, 40))
    assert (labels == 1).sum() == 20 + 24  # one group is one object
    assert (labels == 2).sum() == pytest.approx(25 * np.pi, abs=4)
    assert np.argwhere(labels == 2).mean(axis=0) == pytest.approx([9.5, 29.5])
    assert read_outlines(path, "other.png") == []


def test_a_mask_in_labelme(tmp_path):
    mask = np.tri(4, 6, dtype=bool)
    png = imageio.imwrite("<bytes>", mask.astype(np.uint8) * 255, extension=".png")
    text = base64.b64encode(png).decode()
    path = _write(tmp_path / "a.json", _labelme(_shape("x", [[3, 2], [8, 5]], "mask", mask=text)))
    drawn = draw_mask(read_outlines(path), (10, 10))
    assert np.array_equal(drawn[2:6, 3:9], mask) and drawn.sum() == mask.sum()
    assert label_shape(path) is None


def _coco(*annotations, first=1):
    return {
        "images": [
            {"id": 7, "file_name": "train/a.png", "height": 8, "width": 10},
            {"id": 9, "file_name": "b.png", "height": 6, "width": 5},
        ],
        "categories": [{"id": first, "name": "cell"}, {"id": first + 1, "name": "nucleus"}],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category, "segmentation": what, "iscrowd": 0}
            for number, (image, category, what) in enumerate(annotations, 1)
        ],
    }


def _runs(mask):
    flat = mask.T.ravel()
    change = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *change, flat.size]).tolist()
    return [0, *runs] if flat[0] else runs


def _text(runs):
    """COCO's text as pycocotools writes it (rleToString)."""
    text = ""
    for number, run in enumerate(runs):
        value = run - (runs[number - 2] if number > 2 else 0)
        more = True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(bits + 48 + (32 if more else 0))
    return text


def test_coco_has_many_images_polygons_and_runs(tmp_path):
    mask = np.random.default_rng(0).random((6, 5)) < 0.5
    path = _write(
        tmp_path / "instances.json",
        _coco(
            (7, 2, [[1, 1, 4, 1, 4, 5, 1, 5], [6.0, 1.0, 8.0, 1.0, 8.0, 3.0, 6.0, 3.0]]),
            (9, 1, {"size": [6, 5], "counts": _runs(mask)}),
            (7, 1, [[0, 6, 2, 6, 2, 8, 0, 8]]),
        ),
    )
    assert is_annotation(path)
    assert label_shape(path, "a.png") == (8, 10) and label_shape(path, "b.png") == (6, 5)
    assert label_shape(path) is None
    labels = draw_labels(read_outlines(path, "a.png"), (8, 10))
    assert (labels == 1).sum() == 12 + 4 and (labels == 2).sum() == 4
    assert np.array_equal(draw_mask(read_outlines(path, "b.png"), (6, 5)), mask)
    assert [outline.class_name for outline in read_outlines(path)] == ["nucleus", "nucleus", "cell", "cell"]
    assert draw_labels(read_outlines(path, "a.png"), (8, 10), per="class").max() == 2


def test_a_file_that_changed_is_read_again(tmp_path):
    path = _write(tmp_path / "a.json", _coco((7, 1, [[1, 1, 4, 1, 4, 5, 1, 5]])))
    assert len(read_outlines(path)) == 1 and is_annotation(path)
    _write(path, {"something": "else, and of another length than before"})
    assert not is_annotation(path)
    with pytest.raises(UserError, match="no file with outlines"):
        read_outlines(path)


def test_categories_that_begin_at_0_are_not_lost_in_the_background(tmp_path):
    path = _write(tmp_path / "a.json", _coco((7, 0, [[1, 1, 4, 1, 4, 5, 1, 5]]), first=0))
    assert draw_labels(read_outlines(path), (8, 10), per="class").max() == 1


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_are_decoded_from_numbers_and_from_text(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((200, 150), bool)
    mask[rng.integers(0, 90) : rng.integers(100, 200), rng.integers(0, 70) : 130] = True
    mask ^= rng.random(mask.shape) < 0.01 * seed
    runs = _runs(mask)
    assert np.array_equal(decode_runs({"size": [200, 150], "counts": runs}), mask)
    assert np.array_equal(decode_runs({"size": [200, 150], "counts": _text(runs)}), mask)


def test_a_text_of_pycocotools_is_decoded():
    # what pycocotools 2.0 makes of these run lengths, with a negative difference in it
    runs = [6, 1, 40, 4, 5, 4, 5, 4, 21]
    expected = decode_runs({"size": [9, 10], "counts": runs})
    assert np.array_equal(decode_runs({"size": [9, 10], "counts": "61X13mN000`0"}), expected)
    assert _text(runs) == "61X13mN000`0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"type": "FeatureCollection", "features": [_feature("Point", [3, 4])]}, "'5d7e' is a Point"),
        ({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None}]}, "feature 1"),
        ({"type": "FeatureCollection", "features": [_feature("Polygon", [[[1, 2], [3, 4]]])]}, "has 2 points"),
        ({"type": "FeatureCollection", "features": [_feature("Polygon", [[[1, 2], [3, None], [4, 5]]])]}, "no numbers"),
        ({"type": "FeatureCollection", "features": [_feature("Polygon", 3)]}, "cannot be read"),
        ({"type": "FeatureCollection", "features": 3}, "cannot be read"),
        (_labelme(_shape("a", [[1, 2], [3, 4]], "line")), "shape 1 ('a') is of the kind line"),
        (_labelme(_shape("a", [[1, 2]], "circle")), "shape 1 ('a') is of the kind circle"),
        (_labelme({"label": "a"}), "cannot be read"),
        (_coco((7, 1, [])), "annotation 1 has no outline"),
        (_coco((8, 1, [[1, 1, 4, 1, 4, 5]])), "cannot be read"),
        (_coco((7, 1, [[1, 1, 4, 1, 4]])), "cannot be read"),
        (_coco((7, 1, [[1, 1, 4, 1]])), "has 2 points"),
        (_coco((7, 1, {"size": [6, 5], "counts": [3, 4]})), "do not fill 6 x 5"),
        (_coco((7, 1, {"size": [10**9, 10**9], "counts": [10**18]})), "do not fill"),
        ({"image": "a.tif", "images": ["a.tif"]}, "no file with outlines that is known"),
        ([1, 2], "no file with outlines that is known"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(content, message, tmp_path):
    path = _write(tmp_path / "some.json", content)
    with pytest.raises(UserError) as caught:
        read_outlines(path)
    assert message in str(caught.value) and "some.json" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_coco((7, 1, [[1, 1, 4, 1, 4, 5]]), (77, 1, [[1, 1, 4, 1, 4, 5]])), "annotation 2 cannot be read: it is of image 77, which"),
        (_coco((7, "cell", [[1, 1, 4, 1, 4, 5]])), "annotation 1 cannot be read: its category is 'cell'"),
        (_coco((7, 1, [[1, 1, 4, 1, 4]])), "annotation 1 cannot be read: a polygon of it is no list of pairs"),
        (_coco((7, 1, [[1, 1, 4, "x"]]), (7, 1, [3])), "annotation 1 cannot be read: its points are no pairs of numbers (x, y) (and 1 more"),
        (_coco((7, 1, {"size": [6, 5]})), "annotation 1 cannot be read: it has no 'counts'"),
        (_coco() | {"annotations": [3]}, "entry 1 cannot be read"),
        (_coco() | {"images": [{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}]}, "a.png and b.png have the same id, 1"),
        (_coco() | {"images": [{"file_name": "a.png"}]}, "the image a.png has no id"),
        (_labelme(_shape("a", [[1, 2], [3, 4], [5, 1]]), {"shape_type": "polygon"}), "shape 2 cannot be read: it has no 'label'"),
        (_labelme(_shape("a", [1, 2])), "shape 1 ('a') cannot be read: its points are no pairs"),
        (_labelme(_shape("a", [[1, 2]], "mask", mask="?")), "shape 1 ('a') cannot be read: it is not written as"),
        ([_feature("Polygon", [[[1, 2], "x"]])], "'5d7e' cannot be read: its points are no pairs"),
        ([_feature("Polygon", None)], "'5d7e' cannot be read: its coordinates are no lists"),
        ({"type": "FeatureCollection", "features": [7]}, "entry 1 cannot be read"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_named_in_a_sentence_not_in_pythons_words(content, message, tmp_path):
    with pytest.raises(UserError) as caught:
        read_outlines(_write(tmp_path / "some.json", content))
    assert message in str(caught.value) and "Error" not in str(caught.value)


def test_files_that_are_no_json_are_refused(tmp_path):
    (tmp_path / "cut.json").write_text('{"shapes": [')
    (tmp_path / "deep.geojson").write_text("[" * 100_000)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for name in ("cut.json", "deep.geojson", "binary.json"):
        with pytest.raises(UserError, match=rf"{name}: this is not a (JSON|text) file"):
            read_outlines(tmp_path / name)
    assert not is_annotation(tmp_path / "cut.json")
    with pytest.raises(UserError, match="size of the image"):
        label_shape(_write(tmp_path / "size.json", _labelme(imageHeight="x", imageWidth=3)))


def test_other_json_files_and_images_are_not_taken_for_outlines(tmp_path):
    sections = {"image": ["a.tif", "b.tif"], "height": 4, "width": 4, "depth": 2}
    assert not is_annotation(_write(tmp_path / "sections.json", sections))
    assert not is_annotation(_write(tmp_path / "config.json", {"task": {}, "images": [], "data": {}}))
    assert not is_annotation(tmp_path / "image.tif") and not is_annotation(tmp_path / "gone.json")
    with pytest.raises(UserError, match="there is no such file"):
        read_outlines(tmp_path / "gone.json")
