"""Where patches are cut: everything once, each class as often, and it always ends."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_normalizer, make_preparation, make_sampler

from nbtrainer.data.images import Images
from nbtrainer.data.pair import Pair
from nbtrainer.data.patch_sampler import PatchLocation, PatchSampler, grid_centres
from nbtrainer.data.sampling_log import PatchContent, SamplingLog


def _places(folder: Path, labels: list[np.ndarray], dim: int = 2, **settings: object) -> PatchSampler:
    pairs = []
    for number, label in enumerate(labels):
        for kind, array in (("image", np.zeros(label.shape, np.uint8)), ("label", label)):
            tifffile.imwrite(folder / f"{kind}{number}.tif", array, photometric="minisblack")
        pairs.append(Pair(folder / f"image{number}.tif", folder / f"label{number}.tif", use="auto"))
    images = Images(pairs=pairs, normalizer=make_normalizer(), preparation=make_preparation(dim=dim))
    settings = {"patch_size": (16,) * dim, "class_of": lambda label: label.astype(np.uint8), **settings}
    return make_sampler(images, [label.shape for label in labels], **settings)


def _drawn(places: PatchSampler, count: int) -> list[PatchLocation]:
    return [places.locate(number, np.random.default_rng([1, number])) for number in range(count)]


def _class_at(places: PatchSampler, place: PatchLocation) -> int:
    label = places.images.raw(place.index)[1]
    return int(label[tuple(round(at) for at in place.centre)])


def _scene(shape: tuple[int, ...]) -> np.ndarray:
    label = np.zeros(shape, np.uint8)
    label[..., 10:60, 10:40] = 1
    label[..., 62, 5:25] = 2
    return label


@pytest.mark.parametrize("shape", [(80, 90), (12, 80, 90)])
def test_each_class_is_shown_as_often_even_with_20_pixels(tmp_path, shape):
    label = _scene(shape)
    if len(shape) == 3:
        label[1:][label[1:] == 2] = 0
    assert (label == 2).sum() == 20
    places = _places(tmp_path, [label], len(shape), method="balanced")
    shown = Counter(_class_at(places, place) for place in _drawn(places, 600))
    assert set(shown) == {0, 1, 2}
    assert all(abs(count / 600 - 1 / 3) <= 0.05 for count in shown.values())


def test_a_class_that_one_image_lacks_is_taken_from_another(tmp_path):
    without = _scene((80, 90))
    without[without == 2] = 0
    places = _places(tmp_path, [without, _scene((80, 90)), without], method="balanced")
    drawn = _drawn(places, 300)
    shown = Counter(_class_at(places, place) for place in drawn)
    assert all(abs(count / 300 - 1 / 3) <= 0.05 for count in shown.values())
    assert {place.index for place in drawn if _class_at(places, place) == 2} == {1}


@pytest.mark.parametrize("value", [0, 1])
def test_an_image_of_one_class_only_ends_too(tmp_path, value):
    places = _places(tmp_path, [np.full((80, 90), value, np.uint8)], method="balanced")
    assert len(_drawn(places, 50)) == 50
    rejecting = _places(tmp_path, [np.full((80, 90), value, np.uint8)], min_foreground=0.5, rejection_probability=1.0)
    assert {place.rejected for place in _drawn(rejecting, 20)} == ({50} if value == 0 else {0})


def test_patches_with_too_little_in_them_are_drawn_again(tmp_path):
    label = _scene((200, 300))
    shares = []
    for least in (0.0, 0.5):
        places = _places(tmp_path, [label], min_foreground=least, rejection_probability=1.0, max_attempts=200)
        shares.append(np.mean([places._content(0, place.centre)[1] >= 0.5 for place in _drawn(places, 60)]))
    assert shares[0] < 0.2 and shares[1] > 0.95


def _objects_around(label: np.ndarray, place: PatchLocation) -> int:
    y, x = (int(at - 7.5) for at in place.centre)
    return len(np.unique(label[y : y + 16, x : x + 16])) - 1


def test_tiles_with_too_few_objects_are_drawn_again(tmp_path):
    label = np.zeros((200, 200), np.uint8)
    for number in range(12):  # one on the left, pairs of neighbours on the right
        label[10 + 15 * number, 10] = 3 * number + 1
        label[10 + 15 * number, 150] = 3 * number + 2
        label[10 + 15 * number, 155] = 3 * number + 3
    enough = {}
    for chance in (0.0, 0.5, 1.0):
        places = _places(tmp_path, [label], min_objects=2, rejection_probability=chance, max_attempts=300)
        enough[chance] = np.mean([_objects_around(label, place) >= 2 for place in _drawn(places, 100)])
    assert enough[0.0] < 0.3 and enough[0.0] < enough[0.5] < 1 and enough[1.0] == 1


def test_where_no_tile_has_so_many_objects_the_one_with_most_is_taken_and_it_ends(tmp_path):
    label = np.zeros((200, 200), np.uint8)
    label[100:104, 100:104] = 1
    label[150:] = 255
    places = _places(tmp_path, [label], min_objects=3, rejection_probability=1.0, max_attempts=400)
    places.images.preparation = make_preparation(ignore_value=255)
    drawn = _drawn(places, 10)
    assert {place.rejected for place in drawn} == {400}
    assert all(_objects_around(np.where(label == 255, 0, label), place) == 1 for place in drawn)


@pytest.mark.feature(71)
def test_so_many_tiles_of_each_image(tmp_path):
    labels = [np.zeros((40, 40), np.uint8), np.zeros((160, 160), np.uint8)]
    places = _places(tmp_path, labels, samples_per_image=5)
    assert places.per_pass == 10
    assert Counter(place.index for place in _drawn(places, 10)) == {0: 5, 1: 5}
    by_size = _places(tmp_path, labels)
    assert by_size.per_pass == 6 + 100


@pytest.mark.feature(74)
def test_one_tile_of_each_image_and_other_places_in_the_next_pass(tmp_path):
    places = _places(tmp_path, [np.zeros((60, 60), np.uint8)] * 4, method="image")
    first, second = _drawn(places, 4), _drawn(places, 8)[4:]
    assert sorted(place.index for place in first) == sorted(place.index for place in second) == [0, 1, 2, 3]
    assert {place.centre for place in first} != {place.centre for place in second}


@pytest.mark.feature(67, 69)
def test_tiles_of_the_grid_overlap_and_slide_through_a_volume(tmp_path):
    assert [y for y, _ in grid_centres((40, 16), size=(16, 16), overlap=4)] == [7.5, 19.5, 31.5]
    places = _places(tmp_path, [np.zeros((20, 40, 40), np.uint8)], 3, method="grid", overlap=8, shuffle=False)
    seen = np.zeros((20, 40, 40), int)
    for place in _drawn(places, places.per_pass):
        corner = [round(at - 7.5) for at in place.centre]
        assert all(0 <= start <= full - 16 for start, full in zip(corner, seen.shape, strict=True))
        seen[tuple(slice(start, start + 16) for start in corner)] += 1
    assert seen.min() == 1


def test_hard_places_are_shown_again_in_the_share_asked_for(tmp_path):
    places = _places(tmp_path, [np.zeros((80, 90), np.uint8)], hard_fraction=0.4)
    places.hard = [PatchLocation(0, (33.0, 44.0))]
    shown = [place.centre == (33.0, 44.0) for place in _drawn(places, 500)]
    assert np.mean(shown) == pytest.approx(0.4, abs=0.06)


def test_the_ledger_counts_what_was_seen():
    sampling_log = SamplingLog()
    label = np.array([[0, 7], [7, 70_000]], np.uint32)
    sampling_log.add(
        PatchContent.of(PatchLocation(0, (0.0, 0.0), rejected=3), label, classes=(label > 0).astype(np.uint8))
    )
    sampling_log.add(PatchContent.of(PatchLocation(0, (0.0, 0.0)), label * 0, classes=np.zeros((2, 2), np.uint8)))
    summary = sampling_log.summary(["a.tif", "b.tif"])
    assert summary["patches"] == 2 and summary["never_drawn"] == ["b.tif"]
    assert summary["rejected"] == {"a.tif": 3} and summary["objects_seen"] == {"a.tif": 2}
    assert summary["share_of_pixels"] == {"0": 5 / 8, "1": 3 / 8}
    assert SamplingLog.from_record(sampling_log.as_record()) == sampling_log


def test_where_values_are_ignored_the_middle_of_a_tile_is_known(tmp_path):
    label = np.full((200, 200), 255, np.uint8)
    label[20:32, 150:162] = 0
    label[24:28, 154:158] = 1
    places = _places(tmp_path, [label])
    places.images.preparation = make_preparation(ignore_value=255)
    for place in _drawn(places, 50):
        assert label[tuple(int(at) for at in place.centre)] != 255


def test_what_is_ignored_is_in_no_ledger():
    sampling_log = SamplingLog()
    label = np.array([[0, 7], [255, 255]], np.uint8)
    sampling_log.add(
        PatchContent.of(PatchLocation(0, (0.0, 0.0)), label, classes=(label == 7).astype(np.uint8), ignored=255)
    )
    summary = sampling_log.summary(["a.tif"])
    assert summary["share_of_pixels"] == {"0": 0.5, "1": 0.5} and summary["objects_seen"] == {"a.tif": 1}
