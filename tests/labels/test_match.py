import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from nbtrainer.labels.match import count_overlaps, match_objects, merge_pairs, split_pairs


def _squares(*corners: tuple[int, int], side: int = 10) -> np.ndarray:
    labels = np.zeros((64, 64), np.uint16)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + side, x : x + side] = number
    return labels


def blobs(seed: int, shape: tuple[int, ...] = (48, 48), count: int = 25) -> np.ndarray:
    """Cells of random seeds, those far from their seed are background; ids with gaps between them."""
    rng = np.random.default_rng(seed)
    seeds = rng.uniform(0, shape, (count, len(shape)))
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid[..., np.newaxis, :] - seeds, axis=-1)
    return np.where(distance.min(axis=-1) < 5, 3 * distance.argmin(axis=-1) + 2, 0)


def _dense(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IoU of each predicted with each true object, one by one."""
    rows = [predicted == i for i in np.unique(predicted[predicted > 0])]
    columns = [truth == i for i in np.unique(truth[truth > 0])]
    return np.array([[(r & c).sum() / (r | c).sum() for c in columns] for r in rows]).reshape(len(rows), len(columns))


def test_the_table_holds_every_pair_that_meets():
    predicted, truth = blobs(0), blobs(1)
    table = count_overlaps(predicted, truth)
    found = {
        (int(table.predicted_ids[p]), int(table.truth_ids[t])): int(n)
        for p, t, n in zip(table.predicted, table.truth, table.pixels, strict=True)
    }
    pairs, counts = np.unique(np.stack([predicted.ravel(), truth.ravel()]), axis=1, return_counts=True)
    assert found == {(int(p), int(t)): int(n) for (p, t), n in zip(pairs.T, counts, strict=True)}
    assert table.predicted_sizes.tolist() == np.unique(predicted, return_counts=True)[1].tolist()
    assert table.truth_sizes.tolist() == np.unique(truth, return_counts=True)[1].tolist()


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.3, 0.5, 0.55, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_matches_are_as_many_as_the_dense_assignment_finds(seed, threshold):
    # StarDist's definition: maximise the number of pairs that reach the threshold, then the sum of IoU
    truth = blobs(seed, count=60)
    predicted = np.roll(truth, (2, 1), (0, 1)) if seed % 2 else blobs(seed + 100, count=60)
    iou = _dense(predicted, truth)
    reaches = iou >= threshold
    rows, columns = linear_sum_assignment(-1.0 * reaches - np.where(reaches, iou, 0) / (2 * min(iou.shape)))
    taken = reaches[rows, columns]
    table = count_overlaps(predicted, truth)
    pairs = match_objects(table, threshold)
    assert len(pairs) == taken.sum()
    assert table.iou[pairs].sum() == pytest.approx(iou[rows, columns][taken].sum())
    assert len(set(table.predicted[pairs])) == len(set(table.truth[pairs])) == len(pairs)


def test_two_halves_of_an_object_share_one_match_at_a_half():
    truth = np.ones((4, 4), int)
    predicted = truth.copy()
    predicted[2:] = 2
    assert len(match_objects(count_overlaps(predicted, truth), 0.5)) == 1


def test_more_matches_are_better_than_a_closer_one():
    # 1 is closest to B, but then 2 and A would be left over
    truth = np.array([[1] * 10 + [2] * 10 + [0] * 4])
    predicted = np.array([[0] * 6 + [1] * 12 + [2] * 6])
    table = count_overlaps(predicted, truth)
    assert table.iou.max() == pytest.approx(8 / 14)
    assert len(match_objects(table, 0.1)) == 2
    assert len(match_objects(table, 0.5)) == 1


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1, float("nan")])
def test_a_threshold_is_above_0_and_at_most_1(threshold):
    with pytest.raises(ValueError, match="above 0"):
        match_objects(count_overlaps(blobs(0), blobs(0)), threshold)


def test_arrays_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        count_overlaps(np.zeros((2, 3), int), np.zeros((3, 2), int))


def test_unknown_pixels_count_for_nothing():
    predicted, truth, known = blobs(2), blobs(3), np.random.default_rng(0).random((48, 48)) > 0.3
    table = count_overlaps(predicted, truth, known)
    assert table.pixels.sum() == known.sum()
    assert table.hidden.sum() == (~known).sum()
    other = np.where(known, truth, 65535)
    again = count_overlaps(predicted, other, known)
    assert np.array_equal(again.iou, table.iou) and np.array_equal(again.truth_ids, table.truth_ids)


def test_an_object_that_lies_mostly_in_the_unknown_is_no_object():
    predicted = _squares((0, 0), (20, 20), (40, 40))
    known = np.ones((64, 64), bool)
    known[0:6, 0:10] = False  # 60 of 100 pixels
    known[20:25, 20:30] = False  # just half
    table = count_overlaps(predicted, np.zeros_like(predicted), known)
    assert table.predicted_ids[table.is_predicted_object].tolist() == [2, 3]


@pytest.mark.parametrize("axis", [0, 1])
def test_tables_of_blocks_add_up_to_that_of_the_image(axis):
    predicted, truth, known = blobs(5), blobs(6), np.random.default_rng(1).random((48, 48)) > 0.1
    blocks = [
        count_overlaps(*parts)
        for parts in zip(*(np.array_split(array, 3, axis) for array in (predicted, truth, known)), strict=True)
    ]
    whole, total = count_overlaps(predicted, truth, known), blocks[0] + blocks[1] + blocks[2]
    for name, values in vars(whole).items():
        assert np.array_equal(values, getattr(total, name)), name


def _ids(table, pairs):
    return sorted(
        zip(
            table.predicted_ids[table.predicted[pairs]].tolist(),
            table.truth_ids[table.truth[pairs]].tolist(),
            strict=True,
        )
    )


def test_a_true_object_in_two_pieces_is_split_and_in_reverse_merged():
    truth = _squares((10, 10), (40, 40))
    predicted = truth.copy()
    predicted[10:14, 10:20] = 7
    table, reverse = count_overlaps(predicted, truth), count_overlaps(truth, predicted)
    assert _ids(table, split_pairs(table)) == [(1, 1), (7, 1)] and not len(merge_pairs(table))
    assert _ids(reverse, merge_pairs(reverse)) == [(1, 1), (1, 7)] and not len(split_pairs(reverse))


def test_an_object_shattered_into_many_pieces_is_split():
    # of more than 10 equal pieces none reaches an IoU of 0.1 (the criterion of Caicedo et al. 2019)
    truth = _squares((10, 10), side=20)
    predicted = np.where(truth > 0, np.arange(64)[np.newaxis], 0)
    table = count_overlaps(predicted, truth)
    assert len(split_pairs(table)) == 20


def test_debris_is_no_piece_and_neighbours_that_overlap_a_little_are_not_merged():
    truth = _squares((10, 10), (10, 20))
    predicted = _squares((10, 11), (10, 21))  # a column of each lies in the other
    predicted[10, 11:15] = 9
    table = count_overlaps(predicted, truth)
    assert not len(split_pairs(table)) and not len(merge_pairs(table))


def test_what_lies_mostly_in_the_background_belongs_to_no_object():
    truth = _squares((10, 10))
    predicted = truth.copy()
    predicted[10:14, 10:40] = 2  # 40 of 120 pixels in the object
    table = count_overlaps(predicted, truth)
    assert not len(split_pairs(table))


def test_empty_arrays_have_empty_tables():
    table = count_overlaps(np.zeros((0, 5), int), np.zeros((0, 5), int))
    assert not len(table.pixels) and not len(match_objects(table, 0.5)) and not len(split_pairs(table))
    assert not len((table + table).pixels)
