import io
import os
import pickle

import numpy as np
import pytest

from nbtrainer.errors import UserError
from nbtrainer.io.annotations import draw_labels, is_annotation, read_outlines


def _masks(dtype="<u2"):
    masks = np.zeros((20, 30), dtype)
    masks[2:8, 3:9] = 4
    masks[4:6, 4:6] = 0
    masks[10:15, 10:25] = 200
    masks[18, 29] = 3
    return masks


def _seg(masks):
    """As Cellpose's io.masks_flows_to_seg writes it."""
    return {
        "outlines": masks.astype(np.uint16),
        "colors": np.random.default_rng(0).integers(0, 255, (3, 3)),
        "masks": masks,
        "chan_choose": [0, 0],
        "ismanual": np.zeros(3, bool),
        "filename": "C:\\data\\img_1.tif",
        "flows": [np.zeros((20, 30, 3), np.uint8), [np.float32(0.5)], None],
        "est_diam": np.float64(30.0),
        "model_path": 0,
    }


@pytest.mark.parametrize("dtype", ["<u2", ">i4", "<u4", "u1"])
def test_the_masks_of_cellpose_are_read(dtype, tmp_path):
    path = tmp_path / "img_1_seg.npy"
    np.save(path, _seg(_masks(dtype)))
    assert is_annotation(path)
    outlines = read_outlines(path, "img_1.tif")
    assert [outline.name for outline in outlines] == ["3", "4", "200"]
    labels = draw_labels(outlines, (20, 30))
    assert np.array_equal(np.array([0, 3, 4, 200])[labels], _masks())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL))
def test_older_pickles_and_stacks_are_read(protocol, tmp_path):
    stack = np.stack([_masks("<i4"), np.zeros((20, 30), "<i4"), _masks("<i4") * 2], axis=2).transpose(2, 0, 1)
    boxed = np.empty((), object)
    boxed[()] = _seg(np.asfortranarray(stack))
    path = tmp_path / "a_seg.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(boxed, file, protocol=protocol)
    labels = draw_labels(read_outlines(path), stack.shape)
    assert np.array_equal(labels > 0, stack > 0)
    assert labels[2, 3, 3] != labels[0, 3, 3]


class _Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_hostile_pickle_runs_nothing(tmp_path):
    path = tmp_path / "a_seg.npy"
    np.save(path, _seg(_masks()) | {"model_path": _Hostile(tmp_path / "made")})
    with pytest.raises(UserError, match=r"it would run posix.mkdir.*Save masks as PNG/TIF"):
        read_outlines(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy._core.multiarray\n_reconstruct\n}S'x'\nK\x01sb.",  # sets an attribute of what it named
        b"\x80\x04\x8c\x05numpy\x8c\x0bdtype.mro.x\x93.",
        b"P1\n.",
        b"",
        b"\x80\x04}.",
        b"\x80\x04]\x94.",
    ],
)
def test_crafted_pickles_are_refused(code, tmp_path):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    (tmp_path / "a_seg.npy").write_bytes(file.getvalue() + code)
    with pytest.raises(UserError, match="the masks in this Cellpose file cannot be read"):
        read_outlines(tmp_path / "a_seg.npy")


def test_files_without_masks_are_refused(tmp_path):
    path = tmp_path / "a_seg.npy"
    for content in (
        np.zeros((3, 3)),
        {"masks": 3},
        {"flows": []},
        {"masks": np.zeros((3, 3))},
        {"masks": np.array(["a"])},
    ):
        np.save(path, content)
        with pytest.raises(UserError, match="cannot be read"):
            read_outlines(path)
    path.write_bytes(b"\x93NUMPY")
    with pytest.raises(UserError, match="cannot be read"):
        read_outlines(path)
