import numpy as np
import pytest

from nbtrainer.io.axes import AxisHints, Layout, image_layout, label_layout
from nbtrainer.io.read import read_label


def _hints(**settings: object) -> AxisHints:
    return AxisHints(**{"channel_axis": None, "z_axis": None, **settings})


@pytest.mark.parametrize(
    ("shape", "axes", "dim", "settings", "expected"),
    [
        ((20, 30), "??", 2, {}, Layout(spatial=(0, 1))),
        ((20, 30, 3), "???", 2, {}, Layout(spatial=(0, 1), channel=2)),
        ((3, 20, 30), "SYX", 2, {}, Layout(spatial=(1, 2), channel=0)),
        ((2, 20, 30), "???", 2, {"channel_axis": 0}, Layout(spatial=(1, 2), channel=0)),
        ((20, 30, 2), "???", 2, {"channel_axis": -1}, Layout(spatial=(0, 1), channel=2)),
        ((2, 20, 30), "???", 2, {"label_shape": (20, 30)}, Layout(spatial=(1, 2), channel=0)),
        ((7, 20, 30), "???", 2, {}, Layout(spatial=(1, 2), slices=0)),
        ((7, 20, 30), "???", 2, {"label_shape": (7, 20, 30)}, Layout(spatial=(1, 2), slices=0)),
        ((20, 30, 7), "YXZ", 2, {}, Layout(spatial=(0, 1), slices=2)),
        ((20, 30, 7), "???", 2, {"z_axis": 2}, Layout(spatial=(0, 1), slices=2)),
        ((7, 20, 30, 3), "????", 2, {}, Layout(spatial=(1, 2), channel=3, slices=0)),
        ((7, 2, 20, 30), "ZCYX", 2, {}, Layout(spatial=(2, 3), channel=1, slices=0)),
        ((1, 20, 30), "???", 2, {}, Layout(spatial=(1, 2))),
        ((1, 1, 7, 20, 30), "TCZYX", 3, {}, Layout(spatial=(2, 3, 4))),
        ((7, 20, 30), "???", 3, {}, Layout(spatial=(0, 1, 2))),
        ((20, 30, 7), "???", 3, {"z_axis": 2}, Layout(spatial=(2, 0, 1))),
        ((2, 7, 20, 30), "????", 3, {"label_shape": (7, 20, 30)}, Layout(spatial=(1, 2, 3), channel=0)),
        ((7, 2, 20, 30), "ZCYX", 3, {}, Layout(spatial=(0, 2, 3), channel=1)),
        ((12, 20, 30), "TYX", 2, {"z_axis": 0}, Layout(spatial=(1, 2), slices=0)),
        # the user's word wins over the file
        ((2, 7, 20, 30), "TZYX", 3, {"channel_axis": 0}, Layout(spatial=(1, 2, 3), channel=0)),
        ((2, 7, 20, 30), "ZCYX", 3, {"channel_axis": 0, "z_axis": 1}, Layout(spatial=(1, 2, 3), channel=0)),
        ((3, 20, 30), "ZYX", 2, {"channel_axis": 0}, Layout(spatial=(1, 2), channel=0)),
        ((3, 20, 4), "???", 2, {"channel_axis": 0}, Layout(spatial=(1, 2), channel=0)),
        ((3, 20, 30), "CYX", 2, {"z_axis": 0}, Layout(spatial=(1, 2), slices=0)),
        # but one that cannot mean this file, or was found in another, does not
        ((3, 20, 30), "CYX", 2, {"channel_axis": 2}, Layout(spatial=(1, 2), channel=0)),
        ((2, 7, 20, 30), "CZYX", 3, {"channel_axis": 1, "is_given": False}, Layout(spatial=(1, 2, 3), channel=0)),
        # nor does a length of 3 or 4 against what the label says
        ((7, 20, 4), "???", 2, {"label_shape": (20, 4)}, Layout(spatial=(1, 2), channel=0)),
        ((2, 7, 20, 30), "?ZYX", 3, {"label_shape": (7, 20, 30)}, Layout(spatial=(1, 2, 3), channel=0)),
        # time points, and what has no name, at prediction
        ((5, 20, 30), "TYX", 2, {"with_frames": True}, Layout(spatial=(1, 2), frames=0)),
        ((7, 5, 20, 30), "ZTYX", 2, {"with_frames": True}, Layout(spatial=(2, 3), slices=0, frames=1)),
        ((5, 2, 7, 20, 30), "TCZYX", 3, {"with_frames": True}, Layout(spatial=(2, 3, 4), channel=1, frames=0)),
        ((5, 7, 20, 30), "?ZYX", 3, {"with_frames": True, "channel_count": 1}, Layout(spatial=(1, 2, 3), frames=0)),
        ((2, 7, 20, 30), "?ZYX", 3, {"with_frames": True, "channel_count": 2}, Layout(spatial=(1, 2, 3), channel=0)),
    ],
)
def test_axes_are_read_as_people_store_them(shape, axes, dim, settings, expected):
    assert image_layout(shape, axes, dim, _hints(**settings)) == expected


@pytest.mark.parametrize(
    ("shape", "axes", "dim", "said"),
    [
        ((12, 20, 30), "TYX", 2, "time series of 12 time points"),
        ((20, 30), "??", 3, "2 axes, but 3D training needs 3"),
        ((5, 6, 7, 20, 30), "?????", 3, "5 axes"),
        ((5, 7, 20, 30), "????", 2, "4 axes"),
        ((30,), "?", 2, "1 axes"),
    ],
)
def test_axes_that_do_not_fit_are_told(shape, axes, dim, said):
    with pytest.raises(ValueError, match=said):
        image_layout(shape, axes, dim, _hints())


def test_a_wrong_axis_is_named_with_what_is_possible():
    with pytest.raises(ValueError, match="no axis 5") as error:
        image_layout((2, 20, 30), "???", 2, _hints(channel_axis=5))
    assert error.value.args[1] == "Set data.channel_axis to 0 to 2"


def test_labels_have_no_channels_but_equal_colours_count_as_one():
    assert label_layout((20, 30, 3), "???", 2, z_axis=None) == Layout(spatial=(0, 1), channel=2)
    grey = np.repeat(np.arange(600).reshape(20, 30, 1) % 7, 3, axis=2).astype(np.uint8)
    assert np.array_equal(read_label(grey, 2, z_axis=None), grey[..., 0])
    grey[3, 4, 1] = 99
    with pytest.raises(Exception, match="colour image"):
        read_label(grey, 2, z_axis=None)


def test_what_is_arranged_has_channels_first():
    array = np.arange(2 * 7 * 20 * 30).reshape(7, 2, 20, 30)
    layout = image_layout(array.shape, "ZCYX", 3, _hints())
    assert np.array_equal(layout.arrange(array), array.transpose(1, 0, 2, 3))
    flat = image_layout(array.shape, "ZCYX", 2, _hints())
    assert np.array_equal(flat.arrange(array[4:5]), array[4])


@pytest.mark.parametrize(
    ("shape", "axes", "dim", "settings", "expected"),
    [
        ((3, 20, 30), "SYX", 2, {}, Layout(spatial=(1, 2), channel=0)),
        ((20, 30, 4), "???", 2, {"z_axis": 2}, Layout(spatial=(0, 1), slices=2)),
        ((20, 30, 4), "???", 3, {}, Layout(spatial=(0, 1, 2))),
        ((20, 30, 4), "YXZ", 2, {}, Layout(spatial=(0, 1), slices=2)),
        ((5, 20, 30), "CYX", 2, {"z_axis": 0}, Layout(spatial=(1, 2), slices=0)),
    ],
)
def test_axes_of_labels_are_read_by_name_before_length(shape, axes, dim, settings, expected):
    assert label_layout(shape, axes, dim, **({"z_axis": None} | settings)) == expected


def test_channels_of_a_label_are_told():
    with pytest.raises(ValueError, match="it has 2 channels, but a label has one number per pixel"):
        label_layout((2, 20, 30), "CYX", 2, z_axis=None)
