import zipfile

import numpy as np
import pytest
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi, roiwrite

from nbtrainer.errors import UserError
from nbtrainer.io.annotations import draw_labels, draw_mask, is_annotation, read_outlines


def _box(kind: ROI_TYPE, left: int, top: int, right: int, bottom: int, **more) -> ImagejRoi:
    return ImagejRoi(roitype=kind, left=left, top=top, right=right, bottom=bottom, **more)


def test_a_set_of_all_kinds_of_areas(tmp_path):
    traced = ImagejRoi.frompoints(np.array([[20, 2], [25, 2], [25, 7], [20, 7]]), name="traced")
    traced.roitype = ROI_TYPE.TRACED
    polygon = ImagejRoi.frompoints(np.array([[30.5, 2.0], [36.5, 2.0], [36.5, 8.0]]), name="sub-pixel", z=3)
    polygon.roitype = ROI_TYPE.POLYGON
    roiwrite(
        tmp_path / "RoiSet.zip",
        [
            _box(ROI_TYPE.RECT, 1, 2, 6, 5, name="box", group=4),
            _box(ROI_TYPE.OVAL, 8, 2, 18, 12, name="oval"),
            traced,
            polygon,
        ],
    )
    assert is_annotation(tmp_path / "RoiSet.zip")
    outlines = read_outlines(tmp_path / "RoiSet.zip")
    assert [outline.name for outline in outlines] == ["box", "oval", "traced", "sub-pixel"]
    assert [outline.kind for outline in outlines] == ["rectangle", "ellipse", "polygon", "polygon"]
    assert [outline.label for outline in outlines] == [4, None, None, None]
    assert [outline.z for outline in outlines] == [None, None, None, 3]
    labels = draw_labels(outlines, (20, 40))
    # ImageJ counts from the corner: the rectangle from 1 to 6 is pixels 1 to 5
    assert np.array_equal(np.argwhere(labels == 1).min(axis=0), [2, 1]) and (labels == 1).sum() == 15
    assert (labels == 2).sum() == pytest.approx(25 * np.pi, abs=4)
    assert (labels == 3).sum() == 25 and labels[2:7, 20:25].all()
    assert (labels == 4).sum() == pytest.approx(18, abs=3)


def test_a_composite_has_holes_and_parts(tmp_path):
    def ring(left, top, right, bottom):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return [0, *corners[0], *[number for corner in corners[1:] for number in (1, *corner)], 4]

    path = np.array([*ring(0, 0, 10, 10), *ring(3, 3, 6, 6), *ring(20, 0, 24, 4)], np.float32)
    roi = _box(ROI_TYPE.RECT, 0, 0, 24, 10, name="composite", shape_roi_size=len(path), multi_coordinates=path)
    roi.tofile(tmp_path / "composite.roi")
    (outline,) = read_outlines(tmp_path / "composite.roi")
    drawn = draw_mask([outline], (12, 30))
    assert drawn.sum() == 100 - 9 + 16 and not drawn[3:6, 3:6].any() and drawn[0:4, 20:24].all()


def test_curves_in_a_composite_are_followed(tmp_path):
    k = 10 * 0.5522847498  # four cubic curves that make a circle of radius 10 around (15, 15)
    circle = [0, 25, 15, 3, 25, 15 + k, 15 + k, 25, 15, 25, 3, 15 - k, 25, 5, 15 + k, 5, 15]
    circle += [3, 5, 15 - k, 15 - k, 5, 15, 5, 3, 15 + k, 5, 25, 15 - k, 25, 15, 4]
    path = np.array(circle, np.float32)
    _box(ROI_TYPE.RECT, 5, 5, 25, 25, shape_roi_size=len(path), multi_coordinates=path).tofile(tmp_path / "c.roi")
    drawn = draw_mask(read_outlines(tmp_path / "c.roi"), (30, 30))
    assert drawn.sum() == pytest.approx(100 * np.pi, rel=0.02)


def test_a_sub_pixel_rectangle_and_the_slice_of_a_stack(tmp_path):
    roi = _box(ROI_TYPE.RECT, 1, 1, 5, 5, options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION, position=7)
    roi.xd, roi.yd, roi.widthd, roi.heightd = 1.4, 1.4, 3.2, 3.2
    roi.tofile(tmp_path / "a.roi")
    (outline,) = read_outlines(tmp_path / "a.roi")
    assert outline.z == 6 and outline.name == "a"
    assert draw_mask([outline], (9, 9)).sum() == 16  # centres from 1.5 to 4.5


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        (ROI_TYPE.LINE, ROI_SUBTYPE.UNDEFINED),
        (ROI_TYPE.POINT, ROI_SUBTYPE.UNDEFINED),
        (ROI_TYPE.POLYLINE, ROI_SUBTYPE.UNDEFINED),
    ],
)
def test_what_encloses_no_area_is_refused_by_name(kind, subtype, tmp_path):
    roi = ImagejRoi.frompoints(np.array([[2, 3], [9, 9]]), name="stray")
    roi.roitype, roi.subtype = kind, subtype
    roi.tofile(tmp_path / "x.roi")
    with pytest.raises(UserError, match=f"'stray' is of the kind {kind.name.lower()}, which encloses no area"):
        read_outlines(tmp_path / "x.roi")


def test_broken_files_are_refused(tmp_path):
    roi = ImagejRoi.frompoints(np.array([[2, 3], [9, 3], [9, 9]]), name="good")
    roi.tofile(tmp_path / "good.roi")
    (tmp_path / "cut.roi").write_bytes((tmp_path / "good.roi").read_bytes()[:66])
    (tmp_path / "none.roi").write_bytes(b"not a roi" * 20)
    (tmp_path / "empty.roi").write_bytes(b"")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("__MACOSX/._a.roi", "hello")
    for name in ("cut.roi", "none.roi", "empty.roi", "bad.zip", "other.zip", "gone.roi"):
        with pytest.raises(UserError, match=name):
            read_outlines(tmp_path / name)
    assert not is_annotation(tmp_path / "other.zip") and not is_annotation(tmp_path / "bad.zip")
    assert not is_annotation(tmp_path / "gone.roi")


def test_a_broken_outline_in_a_set_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("broken.roi", b"Iout")
    with pytest.raises(UserError, match=r"broken\.roi cannot be read: it is not written as this format says"):
        read_outlines(tmp_path / "set.zip")
