"""Encode, then decode, on crops of the sets that the project is developed with, where they are (`NBTRAINER_TEST_DATA`)."""

import numpy as np
import pytest
from encoders import contour

from benchmarks.roundtrip_contour import DATA, pieces, real_labels, roundtrip

SETS = [
    *("nuclei2d", "bacteria2d", "histology_rgb", "neurites3d", "nuclei3d", "nuclei3d_synthetic", "chloroplasts3d"),
    *("twochannel3d", "brain_macaque3d"),
]
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the sets are not here")


def _crops(name: str) -> list[np.ndarray]:
    """At most three images of a set, the middle of each."""
    crops = []
    for _, (_, label) in zip(range(3), real_labels(name), strict=False):
        size = (256, 256) if label.ndim == 2 else (40, 64, 64)
        starts = [max(0, (length - wanted) // 2) for length, wanted in zip(label.shape, size, strict=True)]
        crops.append(
            pieces(label[tuple(slice(start, start + wanted) for start, wanted in zip(starts, size, strict=True))])
        )
    return [crop for crop in crops if crop.any()]


@needs_data
@pytest.mark.parametrize("name", SETS)
def test_every_object_comes_back_by_affinities(name):
    for labels in _crops(name):
        result = roundtrip(labels, "affinities")
        assert result.iou.min() == 1


@needs_data
@pytest.mark.parametrize(
    "name", ["nuclei2d", "bacteria2d", "histology_rgb", "nuclei3d", "nuclei3d_synthetic", "chloroplasts3d"]
)
def test_nearly_every_object_with_an_interior_comes_back_by_contour(name):
    for labels in _crops(name):
        result = roundtrip(labels, "contour 1, cubes")
        assert result.share(0.9) >= 0.9
        assert result.share(0.5) >= 0.98


@needs_data
def test_half_of_the_neurites_have_no_interior():
    (_, labels), *_ = real_labels("neurites3d")
    inside = np.unique(labels[~contour(labels)])
    assert len(np.unique(labels[labels > 0])) - np.count_nonzero(inside) == 93
