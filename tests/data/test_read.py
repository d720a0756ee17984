import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile

from nbtrainer.data.read import as_integers, channels_first, label_facts, plain_label, read
from nbtrainer.errors import UserError


@pytest.mark.feature(56)
@pytest.mark.parametrize("name", ["a.tif", "a.tiff", "a.png"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_lossless_files_come_back_as_written(name, kind, tmp_path):
    array = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (9, 7)).astype(kind)
    (tifffile.imwrite if "tif" in name else imageio.imwrite)(tmp_path / name, array)
    assert np.array_equal(read(tmp_path / name), array)


def test_a_broken_file_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "cut.tif", np.zeros((200, 200), np.uint16))
    (tmp_path / "cut.tif").write_bytes((tmp_path / "cut.tif").read_bytes()[:100])
    (tmp_path / "text.png").write_text("not a picture")
    for name in ("cut.tif", "text.png", "gone.tif"):
        with pytest.raises(UserError, match=name):
            read(tmp_path / name)


def test_channels_are_the_last_axis_of_3_or_4_else_the_one_that_is_named():
    assert channels_first(np.zeros((20, 30)), 2, None).shape == (1, 20, 30)
    assert channels_first(np.zeros((20, 30, 3)), 2, None).shape == (3, 20, 30)
    assert channels_first(np.zeros((2, 20, 30)), 2, 0).shape == (2, 20, 30)
    assert channels_first(np.zeros((20, 30, 2)), 2, -1).shape == (2, 20, 30)
    with pytest.raises(ValueError, match="7 x 20 x 30"):
        channels_first(np.zeros((7, 20, 30)), 2, None)


def test_a_grey_label_saved_as_colours_is_a_label_and_a_coloured_one_is_not():
    grey = np.repeat(np.arange(16, dtype=np.uint8).reshape(4, 4, 1), 3, axis=2)
    assert np.array_equal(plain_label(grey, 2), grey[..., 0])
    grey[0, 0, 1] = 99
    with pytest.raises(ValueError, match="colour"):
        plain_label(grey, 2)


def test_facts_of_a_label_are_renewed_when_the_file_changes(tmp_path):
    path = tmp_path / "label.tif"
    tifffile.imwrite(path, np.array([[0, 3], [3, 7]], np.int32))
    assert label_facts(path, 2).values == (0, 3, 7)
    tifffile.imwrite(path, np.array([[0, 0.5], [1, 1]], np.float32))
    assert not label_facts(path, 2).whole


def test_integers_keep_their_values():
    for values in ([0, 255], [0, 65535], [0, 2**31]):
        assert as_integers(np.array(values, np.float64)).tolist() == values
