"""Everything that may happen to a patch, all at once: the same patches from the same seed, whoever makes them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_normalizer, make_preparation, make_sampler

from nbtrainer.augment.patches import Patches
from nbtrainer.config import TRANSFORMS
from nbtrainer.config.augmentation import Augmentation
from nbtrainer.data.images import Images
from nbtrainer.data.pair import Pair
from nbtrainer.data.prefetch import prefetch


def _patches(folder: Path, size: tuple[int, ...], seed: int = 5) -> Patches:
    rng = np.random.default_rng(0)
    shape = tuple(3 * length for length in size)
    tifffile.imwrite(folder / "image.tif", rng.integers(0, 4000, shape).astype(np.uint16), photometric="minisblack")
    tifffile.imwrite(folder / "label.tif", rng.integers(0, 90_000, shape).astype(np.uint32), photometric="minisblack")
    pairs = [Pair(folder / "image.tif", folder / "label.tif", use="auto")]
    dim = len(size)
    places = make_sampler(
        Images(pairs=pairs, normalizer=make_normalizer(), preparation=make_preparation(dim=dim)),
        [shape],
        size,
        seed=seed,
    )
    transforms = [model(probability=1.0) for model in TRANSFORMS.values() if dim in model.dims]
    return Patches(places, Augmentation(steps=transforms))


@pytest.mark.feature(115)
@pytest.mark.parametrize("size", [(48, 64), (8, 32, 32)], ids=["2D", "3D"])
def test_the_same_patches_whatever_the_number_of_workers(tmp_path, size):
    alone = list(prefetch(_patches(tmp_path, size).patch, range(3, 15), workers=0))
    for workers in (1, 4):
        together = list(prefetch(_patches(tmp_path, size).patch, range(3, 15), workers=workers))
        for one, other in zip(alone, together, strict=True):
            assert np.array_equal(one.image, other.image) and np.array_equal(one.label, other.label)
    assert all(np.isfinite(patch.image).all() and patch.image.dtype == np.float32 for patch in alone)
    assert all(patch.image.shape == (1, *size) and patch.label.shape == size for patch in alone)
    others = _patches(tmp_path, size, seed=6).patch(3)
    assert not np.array_equal(others.image, alone[0].image)
