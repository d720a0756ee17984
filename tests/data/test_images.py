"""Images kept in memory: one budget for all sets, and no file that changes unnoticed."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_normalizer, make_preparation

from nbtrainer.data import images as module
from nbtrainer.data.cache import Cache
from nbtrainer.data.fingerprints import Fingerprints
from nbtrainer.data.images import Images
from nbtrainer.data.pair import Pair
from nbtrainer.errors import UserError

# of an image and its label: 64 x 64 bytes, and as many numbers of 4 bytes
_SIZE = 64 * 64 * 5


@pytest.fixture
def pairs(tmp_path) -> list[Pair]:
    found = []
    for number in range(6):
        for kind in ("image", "label"):
            array = np.full((64, 64), number * (kind == "image"), np.uint8)
            tifffile.imwrite(tmp_path / f"{kind}_{number}.tif", array)
        found.append(Pair(tmp_path / f"image_{number}.tif", tmp_path / f"label_{number}.tif", use="auto"))
    return found


def _read_all(images: Images) -> None:
    for index in range(len(images)):
        assert (images.raw(index)[0] == int(images.pairs[index].image.stem[-1])).all()


def test_all_sets_together_stay_within_one_budget(pairs):
    cache = Cache(3 * _SIZE)
    sets = [
        Images(
            pairs=pairs[start : start + 2], normalizer=make_normalizer(), preparation=make_preparation(), cache=cache
        )
        for start in (0, 2, 4)
    ]
    for _ in range(2):
        for images in sets:
            _read_all(images)
            assert 0 < cache.held <= cache.limit


def test_a_set_that_is_gone_leaves_its_room_to_others(pairs):
    cache = Cache(100 * _SIZE)
    training, form = (
        Images(pairs=pairs[:2], normalizer=make_normalizer(), preparation=make_preparation(), cache=cache),
        Images(pairs=pairs[2:], normalizer=make_normalizer(), preparation=make_preparation(), cache=cache),
    )
    _read_all(training)
    before = cache.held
    _read_all(form)
    assert cache.held > before
    del form
    gc.collect()
    assert cache.held == before
    _read_all(training)


def test_large_images_stay_and_those_that_no_longer_fit_are_read_from_the_file(pairs, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_KEPT", 10)
    cache = Cache(3 * _SIZE)
    images = Images(pairs=pairs, normalizer=make_normalizer(), preparation=make_preparation(), cache=cache)
    _read_all(images)
    first = images.views(0)[0]
    _read_all(images)
    assert images.views(0)[0] is first
    assert 0 < cache.held <= cache.limit


def _write_again(path: Path, array: np.ndarray) -> None:
    tifffile.imwrite(path.with_suffix(".new"), array)
    os.replace(path.with_suffix(".new"), path)


@pytest.mark.parametrize("kind", ["image", "label"])
def test_a_file_that_is_another_when_it_is_read_again_is_named(pairs, kind):
    files = Fingerprints(path for pair in pairs for path in pair.files)
    images = Images(
        pairs=pairs, normalizer=make_normalizer(), preparation=make_preparation(), cache=Cache(0), fingerprints=files
    )
    images.region(3, (slice(0, 8), slice(0, 8)))
    path = getattr(pairs[3], kind)
    _write_again(path, np.full((64, 64), 9, np.uint16))
    with pytest.raises(UserError, match=rf"{kind}_3\.tif: this file was changed while the run was reading it"):
        images.region(3, (slice(0, 8), slice(0, 8)))
    images.region(2, (slice(0, 8), slice(0, 8)))


def test_what_is_in_memory_is_not_read_again(pairs):
    images = Images(
        pairs=pairs,
        normalizer=make_normalizer(),
        preparation=make_preparation(),
        fingerprints=Fingerprints(path for pair in pairs for path in pair.files),
    )
    before = images.raw(3)[0]
    _write_again(pairs[3].image, np.full((64, 64), 9, np.uint16))
    assert images.raw(3)[0] is before or (images.raw(3)[0] == before).all()


def test_files_that_changed_between_two_sessions_are_known(pairs):
    record = Fingerprints([pairs[0].image, pairs[1].image]).as_record()
    _write_again(pairs[1].image, np.full((64, 64), 9, np.uint16))
    again = Fingerprints(pair.image for pair in pairs)
    assert again.changed_since(record) == [pairs[1].image]
