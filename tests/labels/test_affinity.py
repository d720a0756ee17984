import numpy as np
import pytest
from crowds import crowd, crowd3d, matched
from decoders import mutex_watershed
from shapes import tiles

from nbtrainer.labels.affinity import (
    LONG_RANGE_2D,
    affinities,
    long_range_offsets,
    nearest_offsets,
)


def _slowly(labels, offsets):
    result = np.zeros((len(offsets), *labels.shape))
    for channel, offset in enumerate(offsets):
        for place in np.ndindex(labels.shape):
            other = tuple(at + step for at, step in zip(place, offset, strict=True))
            inside = all(0 <= at < length for at, length in zip(other, labels.shape, strict=True))
            result[channel][place] = labels[place] > 0 and (not inside or labels[other] == labels[place])
    return result


@pytest.mark.parametrize("labels", [crowd()[40:70, 5:40], crowd3d()[:7, 4:20, 30:44]])
def test_affinities_are_what_comparing_pixels_says(labels):
    offsets = (*nearest_offsets(labels.ndim), *long_range_offsets(labels.ndim), (0, 1000, 3)[-labels.ndim :])
    found = affinities(labels, offsets)
    assert found.dtype == np.float32
    assert np.array_equal(found, _slowly(labels, offsets))


@pytest.mark.parametrize("dim", [2, 3])
def test_the_nearest_offsets_and_their_opposites_are_every_neighbour_once(dim):
    offsets = nearest_offsets(dim)
    both = {*offsets, *(tuple(-step for step in offset) for offset in offsets)}
    assert len(both) == 2 * len(offsets) == 3**dim - 1
    assert all(sum(map(abs, offset)) == 1 for offset in offsets[:dim])


def test_steps_across_thick_slices_are_shorter():
    offsets = long_range_offsets(3, (4.0, 1.0, 1.0))
    assert offsets[0] == (-2, 0, 0)
    assert offsets[1:] == tuple((0, *offset) for offset in LONG_RANGE_2D)
    assert long_range_offsets(3, (1.2, 1, 1)) == long_range_offsets(3)
    assert long_range_offsets(3, (50, 1, 1))[0] == (-2, 0, 0)


@pytest.mark.parametrize("labels", [crowd(), crowd3d()])
@pytest.mark.parametrize("long_range", [False, True])
def test_objects_of_any_thinness_come_back_exactly(labels, long_range):
    offsets = nearest_offsets(labels.ndim) + long_range_offsets(labels.ndim) * long_range
    found = mutex_watershed(affinities(labels, offsets), offsets, labels > 0)
    assert set(matched(labels, found).values()) == {1.0}
    assert found.max() == labels.max()


def test_70_000_objects_come_back_without_overflow():
    labels = tiles(280, 250, side=2, gap=0)
    offsets = nearest_offsets(2)
    found = mutex_watershed(affinities(labels, offsets), offsets, labels > 0)
    assert found.dtype == np.uint32 and found.max() == 70_000
    assert len(np.unique(found.astype(np.int64) * 100_000 + labels)) == 70_000


def test_a_weak_link_between_two_objects_does_not_join_them_against_a_strong_refusal():
    labels = np.zeros((20, 40), np.uint8)
    labels[4:16, 4:20], labels[4:16, 20:36] = 1, 2
    offsets = nearest_offsets(2) + LONG_RANGE_2D
    affinity = affinities(labels, offsets)
    affinity[:4, 9, 20] = 0.6  # one leak
    assert mutex_watershed(affinity[:4], offsets[:4], labels > 0).max() == 2
    affinity[:3, :, 20] = affinity[3, :, 19] = 0.55  # the whole edge: only pixels farther apart tell
    assert mutex_watershed(affinity[:4], offsets[:4], labels > 0).max() == 1
    assert mutex_watershed(affinity, offsets, labels > 0).max() == 2


def test_pieces_that_do_not_touch_are_never_joined():
    mask = np.zeros((30, 30), bool)
    mask[:5], mask[12:] = True, True
    offsets = nearest_offsets(2) + LONG_RANGE_2D
    assert mutex_watershed(np.ones((len(offsets), 30, 30)), offsets, mask).max() == 2


def test_an_image_smaller_than_the_offsets_and_an_empty_one():
    offsets = nearest_offsets(2) + LONG_RANGE_2D
    assert mutex_watershed(np.ones((10, 3, 3)), offsets, np.ones((3, 3), bool)).tolist() == [[1] * 3] * 3
    assert mutex_watershed(np.ones((10, 1, 1)), offsets, np.ones((1, 1), bool)).tolist() == [[1]]
    assert not mutex_watershed(np.ones((10, 4, 4)), offsets, np.zeros((4, 4), bool)).any()


def test_small_objects_go_or_join():
    labels = np.ones((10, 12), np.uint8)
    labels[4:6, 5:7] = 2
    offsets = nearest_offsets(2)
    affinity = affinities(labels, offsets)
    assert mutex_watershed(affinity, offsets, labels > 0, smallest=5).max() == 1
    assert mutex_watershed(affinity, offsets, labels > 0, smallest=5)[4, 5] == 0
    assert (mutex_watershed(affinity, offsets, labels > 0, smallest=5, small="neighbour") == 1).all()
    assert mutex_watershed(affinity, offsets, labels > 0, smallest=5, small="none").max() == 2
    with pytest.raises(ValueError, match="neighbour"):
        mutex_watershed(affinity, offsets, labels > 0, smallest=5, small="away")
