import numpy as np
import pytest
from scipy.ndimage import label

from nbtrainer.labels.connected import regions_of


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("dim", [2, 3])
def test_regions_are_those_of_scipy_whatever_the_shape(dim, corners):
    rng = np.random.default_rng(0)
    structure = np.ones((3,) * dim) if corners else None
    for _ in range(100):
        # odd sides: cc3d 4.1.1 is wrong in one of ten such images, if it is given booleans
        mask = rng.random(rng.integers(1, 60 if dim == 2 else 16, dim)) < rng.choice([0.1, 0.3, 0.6])
        for array in (mask, np.asfortranarray(mask), mask[..., ::-1]):
            found, (expected, count) = regions_of(array, corners), label(array, structure)
            assert found.max() == count
            assert len(np.unique(found.astype(np.int64) * (count + 1) + expected)) == count + (not array.all())


def test_nothing_has_no_regions():
    assert regions_of(np.zeros((0, 4), bool)).shape == (0, 4)
