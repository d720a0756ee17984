from pathlib import Path

import numpy as np
import pytest
import tifffile

import nbtrainer as nbt
from nbtrainer.checks.background import surrounding_value


@pytest.fixture
def objects() -> np.ndarray:
    """Twelve separate discs, numbered from 1."""
    label = np.zeros((64, 64), np.uint16)
    y, x = np.indices(label.shape)
    for number in range(12):
        label[np.hypot(y - 10 - 20 * (number % 3), x - 8 - 16 * (number // 3)) < 5] = number + 1
    return label


def _write_labels(config, *labels: np.ndarray) -> None:
    for number, label in enumerate(labels):
        tifffile.imwrite(Path(config.data.datasets[0].labels) / f"img_{number}.tif", label)


def _read_labels(config) -> list[np.ndarray]:
    listed = Path(config.data.datasets[0].labels).read_text().splitlines()
    return [tifffile.imread(line) for line in listed]


def _told(config, level: str) -> str:
    return "\n".join(str(finding) for finding in nbt.check(config) if finding.level == level)


@pytest.mark.parametrize("values", [(1, 2), (2, 1), (1, 255)])
def test_binary_labels_without_background_are_refused_until_the_foreground_is_named(small_config, objects, values):
    foreground, background = values
    _write_labels(
        small_config, *[np.where(np.roll(objects, k, 0) > 0, foreground, background).astype(np.uint8) for k in range(3)]
    )
    told = _told(small_config, "error")
    assert "no pixel of any label is 0, the background" in told
    assert f"{background} (" in told and f"data.labels_of_interest, such as {foreground}" in told
    small_config.data.labels_of_interest = [foreground]
    assert _told(small_config, "error") == ""


def test_classes_without_background_are_told(small_config, objects):
    small_config.task.kind = "semantic"
    _write_labels(small_config, *[np.where(np.roll(objects, k, 0) > 0, 2, 1).astype(np.uint8) for k in range(3)])
    assert _told(small_config, "error") == ""
    assert "each of 1 (" in _told(small_config, "warning")


def test_a_label_whose_classes_are_numbered_otherwise_than_the_others_is_told(small_config):
    small_config.task.kind = "semantic"
    classes = np.repeat(np.arange(4, dtype=np.uint8), 16)[None].repeat(64, 0)
    _write_labels(small_config, classes, classes + 1, np.where(classes == 0, 2, classes))
    told = _told(small_config, "warning")
    assert (
        "img_1.tif: no pixel of it is 0, the background, and it holds 4, which no label with a background does" in told
    )
    assert "img_2.tif: no pixel" not in told


@pytest.mark.parametrize("line", [0, 1])
def test_an_object_around_all_others_is_told_and_made_background(small_config, objects, line):
    small_config.task.kind = "instance_contour"
    labels = []
    for k in range(3):
        moved = np.roll(objects, k, 0)
        numbered = moved + 1
        if line:  # as watersheds leave it
            edge = moved != np.roll(moved, 1, 0)
            numbered[edge] = 0
        labels.append(numbered)
    _write_labels(small_config, *labels)
    assert "one object (1) lies around nearly all the others" in _told(small_config, "warning")
    said = "\n".join(nbt.api.fix_all(small_config))
    assert "have background where something lay around all objects" in said
    for found, label in zip(_read_labels(small_config), labels, strict=True):
        assert np.array_equal(found, np.where(label == 1, 0, label))


def test_cells_that_fill_the_image_have_no_background():
    y, x = np.indices((64, 64))
    cells = (y // 16) * 4 + x // 16 + 1
    assert surrounding_value(cells) is None
    large = cells.copy()
    large[:32] = 1  # touches many, but not all sides
    assert surrounding_value(large) is None
    assert surrounding_value(np.where(cells > 0, 1, 0)) is None


NEAR = {0: 0.0, 1: 0.9882, 2: 2.0235, 3: 3.0118, 9: 8.9882}


def _bars(values, dtype=np.float32) -> np.ndarray:
    label = np.zeros((64, 64), dtype)
    for number, value in enumerate(values):
        label[5 + 14 * number : 15 + 14 * number, 5:60] = value
    return label


def _repaired(config, *labels: np.ndarray) -> list[list[float]]:
    config.task.kind = "semantic"
    _write_labels(config, *labels)
    (finding, *_) = [each for each in nbt.check(config) if each.fix == "snap"]
    nbt.fix(config, finding)
    return [np.unique(label).tolist() for label in _read_labels(config)]


def test_values_near_whole_numbers_are_those_numbers(small_config):
    given = [_bars([NEAR[value] for value in values]) for values in ((1, 2, 3), (1, 9), (2, 3, 9))]
    _write_labels(small_config, *given)
    small_config.task.kind = "semantic"
    nbt.api.fix_all(small_config)
    assert [np.unique(label).tolist() for label in _read_labels(small_config)] == [
        [0, 1, 2, 3],
        [0, 1, 9],
        [0, 2, 3, 9],
    ]


def test_parts_of_255_are_taken_back(small_config):
    given = [_bars([1 / 255, 7 / 255]), _bars([3 / 255]), _bars([7 / 255])]
    small_config.task.kind = "semantic"
    _write_labels(small_config, *given)
    nbt.api.fix_all(small_config)
    assert [np.unique(label).tolist() for label in _read_labels(small_config)] == [[0, 1, 7], [0, 3], [0, 7]]


def test_a_number_by_order_is_the_same_in_labels_that_were_sound(small_config):
    found = _repaired(small_config, _bars([0.5, 1.0]), _bars([1], np.uint8), _bars([0.5]))
    assert found == [[0, 1, 2], [0, 2], [0, 1]]


def test_what_cannot_be_read_off_is_not_invented(small_config):
    many = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) % 500
    with pytest.raises(nbt.UserError, match="what these stand for here cannot be told"):
        _repaired(small_config, _bars([0.5, 1.0]), many, _bars([0.5]))


def test_what_nobody_annotated_stays_so_when_decimals_are_mended(small_config):
    small_config.data.ignore_value = -1
    found = _repaired(small_config, _bars([1.01, -1.0]), _bars([1.0, -1.0, 2.01]), _bars([1.01]))
    assert found[0] == [-1, 0, 1]
