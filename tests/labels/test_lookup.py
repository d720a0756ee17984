import numpy as np
import pytest

from nbtrainer.errors import UserError
from nbtrainer.labels.labels_of_interest import LabelLookup


@pytest.mark.feature(49)
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([0, 2, 1], [0, 2, 1, 0]),  # unsorted: no chain of replacements
        ([2, 1], [0, 2, 1, 0]),  # 0 need not be listed
        ([2, 0, 1], [0, 2, 1, 0]),  # nor stand first
        ([0, 1, 2, 7], [0, 1, 2, 3]),  # exactly what the image holds
        ([7], [0, 0, 0, 1]),
        ([7, 7, 1], [0, 2, 0, 1]),
        ([5], [0, 0, 0, 0]),
        ([], [0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64, np.uint32])
def test_listed_values_become_ids_by_their_position(listed, expected, dtype):
    lookup = LabelLookup(listed)
    assert lookup.apply(np.array([[0, 1, 2, 7]], dtype)).tolist() == [expected]


def test_large_ids_need_no_large_table():
    lookup = LabelLookup([2**32 - 1, 3, 2**31])
    labels = np.array([3, 0, 2**32 - 1, 2**31, 4, 2**32 - 2], np.uint32)
    assert lookup.apply(labels).tolist() == [2, 0, 1, 3, 0, 0]
    assert lookup.apply(np.array([-1, 3])).tolist() == [0, 2]
    assert LabelLookup([1, 2]).apply(np.array([2**32 - 1, 2, -5])).tolist() == [0, 2, 0]
    assert LabelLookup([300, 2]).apply(np.array([255, 2], np.uint8)).tolist() == [0, 2]
    assert LabelLookup([1]).apply(np.array([True, False])).tolist() == [1, 0]


def test_ids_lead_back_to_values():
    lookup = LabelLookup([0, 900, 4])
    assert lookup.values.tolist() == [0, 900, 4] and len(lookup) == 3
    labels = np.array([[4, 0], [900, 5]])
    assert lookup.invert(lookup.apply(labels)).tolist() == [[4, 0], [900, 0]]


def test_70_000_listed_values():
    values = np.random.default_rng(0).permutation(np.arange(1, 70_001))
    ids = LabelLookup(values).apply(np.arange(70_001, dtype=np.uint32))
    assert ids.max() == 70_000 and np.array_equal(values[ids[1:] - 1], np.arange(1, 70_001))


@pytest.mark.parametrize("value", [-1, 2**32])
def test_impossible_values_are_refused(value):
    with pytest.raises(UserError, match=f"{value} is no label value"):
        LabelLookup([0, value])
