"""What labels must be like where objects are told apart, and where values are classes."""

from pathlib import Path

import numpy as np
import pytest

from nbtrainer.checks.drawn_labels import is_blurred
from nbtrainer.checks.objects import check_objects
from nbtrainer.config.task import TaskSettings
from nbtrainer.data.pair import Pair
from nbtrainer.datasets.label_sample import Sample


def _objects() -> np.ndarray:
    """Twelve squares with a number each."""
    label = np.zeros((80, 100), np.uint16)
    for number, (y, x) in enumerate((y, x) for y in (5, 30, 55) for x in (5, 30, 55, 80)):
        label[y : y + 15, x : x + 15] = number + 1
    return label


def _told(label: np.ndarray, kind: str = "instance_flow") -> list[str]:
    sample = Sample(pair=Pair(Path("a.tif"), Path("label.tif"), use="auto"), label=label, shape=label.shape)
    findings = list(check_objects(TaskSettings(kind=kind), [sample]))
    assert all(finding.level == "warning" and finding.where == "label.tif" for finding in findings)
    return [f"{finding.wrong} [{finding.fix}]" for finding in findings]


def test_sound_objects_are_not_mentioned():
    assert _told(_objects()) == []
    touching = np.kron(np.arange(1, 13, dtype=np.uint16).reshape(3, 4), np.ones((20, 20), np.uint16))
    assert _told(touching) == []


def test_a_kind_without_objects_asks_for_none():
    assert _told((_objects() > 0).astype(np.uint8), "binary") == []


@pytest.mark.feature(66)
def test_a_mask_is_no_instance_label():
    (told,) = _told((_objects() > 0).astype(np.uint8))
    assert told == "it has 1 value, but 12 separate parts: it tells foreground from background, not objects [pieces]"


@pytest.mark.feature(40, 66)
def test_classes_are_no_instance_label():
    (told,) = _told((_objects() > 0) * (1 + (_objects() % 2)).astype(np.uint8))
    assert "it tells classes apart, not objects" in told


@pytest.mark.feature(66)
def test_an_object_in_pieces():
    label = _objects()
    label[label == 7] = 2
    assert _told(label) == ["object 2 is in 2 unconnected pieces [pieces]"]


def test_crumbs():
    label = _objects()
    label[24, 24] = 40
    assert _told(label) == ["object 40 has fewer than 11 pixels []"]


@pytest.mark.feature(66)
def test_holes():
    label = _objects()
    label[10, 10] = 0
    assert _told(label) == ["object 1 has holes [holes]"]


def test_every_number_has_its_noun():
    label = _objects().astype(np.uint32) + 67_108_864 * (_objects() > 0)
    first = 67_108_864
    for number in range(1, 6):
        y, x = (int(middle.mean()) for middle in np.nonzero(label == first + number))
        label[y, x] = 0
    (told,) = _told(label)
    assert told == f"5 objects have holes: objects {first + 1}, {first + 2}, {first + 3} and 2 more [holes]"


@pytest.mark.feature(66)
def test_gaps_between_neighbours():
    label = _objects()
    label[5:20, 20:29] = 1
    assert _told(label) == []  # one is true to life
    for row, number in ((30, 5), (55, 9)):
        label[row : row + 15, 20:29] = number
    (told,) = _told(label)
    assert told.startswith("3 pairs of objects leave a gap of one or two pixels (objects 1 and 2, ...)")


def test_volumes_are_measured_too():
    label = np.stack([_objects()] * 4)
    label[:, 10, 10] = 0
    label[1:3, 40:43, 40:43] = 0
    assert "object 6 has holes [holes]" in _told(label)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_objects_are_not_taken_for_blur(size):
    label = np.zeros((90, 90), np.uint16)
    numbers = iter(np.random.default_rng(0).permutation(400) + 1)
    for y in range(2, 85, 5):
        for x in range(2, 85, 5):
            label[y : y + size, x : x + size] = next(numbers)
    assert not is_blurred(label)


def test_thin_borders_between_cells_are_not_taken_for_blur():
    y, x = np.mgrid[:200, :200]
    seeds = np.random.default_rng(1).uniform(0, 200, (60, 2))
    cells = np.argmin((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2, axis=-1) + 1
    assert not is_blurred(cells.astype(np.uint16))
    borders = np.zeros(cells.shape, bool)
    borders[:-1] |= cells[:-1] != cells[1:]
    borders[:, :-1] |= cells[:, :-1] != cells[:, 1:]
    assert not is_blurred(np.where(borders, 0, cells).astype(np.uint16))
