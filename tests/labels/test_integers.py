import numpy as np
import pytest

from nbtrainer.labels.integers import bincount, equals


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.int8, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32]
)
@pytest.mark.parametrize("value", [-1, 0, 1, 7, 300, 2**32 - 1, 2**40])
def test_part_of_a_larger_array_is_compared_with_any_number(dtype, value):
    # numpy 2.1 ended the process here: a crop of uint8 and the value of pixels that are ignored
    whole = np.full((96, 96), 7).astype(dtype)
    crop = whole[5:53, 7:55]
    assert equals(crop, value).sum() == (crop.size if value == (1 if dtype is bool else 7) else 0)


def test_nothing_equals_no_number():
    assert not equals(np.zeros(3), None).any()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint64])
def test_numbers_of_any_type_are_counted(dtype):
    index = np.array([[1, 0], [1, 1]]).astype(dtype)
    assert bincount(index).tolist() == [1, 3]
    assert bincount(index, np.array([[1.5, 2], [0, 0]]), 3).tolist() == [2, 1.5, 0]
