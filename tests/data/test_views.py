"""Views read regions as if they had read everything."""

import numpy as np
import pytest
from skimage.transform import resize

from nbtrainer.data.resampled_views import PaddedView, ResampledView
from nbtrainer.data.views import ArrayView, CropView, MapView, blocks, size_in_bytes, whole

IMAGE = ArrayView(np.random.default_rng(0).random((2, 9, 40, 50)).astype(np.float32))
LABEL = ArrayView(np.random.default_rng(1).integers(0, 70_000, (9, 40, 50)).astype(np.uint32), is_label=True)


def _blurred(array: np.ndarray, corner: tuple[int, ...]) -> np.ndarray:
    padded = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(2, 2)], mode="edge")
    return sum(padded[..., k : k + array.shape[-1]] for k in range(5)) / 5


@pytest.mark.parametrize("base", [IMAGE, LABEL], ids=["image", "label"])
@pytest.mark.parametrize(
    "made",
    [
        lambda view: CropView(view, ((1, 8), (5, 35), (0, 44))),
        lambda view: MapView(view=view, function=_blurred, halo=2),
        lambda view: ResampledView(view, (9, 61, 23)),
        lambda view: ResampledView(view, (4, 20, 100)),
        lambda view: PaddedView(view, (16, 32, 64)),
        lambda view: PaddedView(ResampledView(CropView(view, ((1, 8), (5, 35), (0, 44))), (7, 60, 22)), (8, 64, 32)),
    ],
    ids=["window", "local", "scaled", "shrunk", "padded", "all"],
)
def test_a_region_is_what_the_whole_has_there(base, made):
    view = made(base)
    everything = whole(view)
    assert everything.shape[-3:] == view.shape
    rng = np.random.default_rng(2)
    for _ in range(10):
        starts = [int(rng.integers(length)) for length in view.shape]
        region = tuple(
            slice(start, int(rng.integers(start + 1, length + 1)))
            for start, length in zip(starts, view.shape, strict=True)
        )
        assert np.allclose(view.read(region), everything[(..., *region)], atol=1e-6)


def test_scaling_keeps_edges_and_labels_hold_no_new_value():
    ramp = ArrayView(np.linspace(0, 1, 32, dtype=np.float32)[None, None, :].repeat(32, 1))
    larger = whole(ResampledView(ramp, (64, 64)))[0]
    expected = resize(ramp.array[0], (64, 64), order=1, mode="edge", anti_aliasing=False)
    assert np.allclose(larger, expected, atol=1e-5)
    assert set(np.unique(whole(ResampledView(LABEL, (5, 77, 31))))) <= set(np.unique(LABEL.array))
    assert abs(float(whole(ResampledView(IMAGE, (3, 10, 10))).mean()) - float(IMAGE.array.mean())) < 0.02


def test_blocks_cover_a_shape_once_and_are_not_larger_than_asked():
    for shape, most in [((9, 40, 50), 2000), ((9, 40, 50), 120), ((9, 40, 50), 10**9), ((7,), 3)]:
        seen = np.zeros(shape, int)
        for region in blocks(shape, most):
            seen[region] += 1
            assert seen[region].size <= most
        assert (seen == 1).all()


def test_size_counts_channels_and_type():
    assert size_in_bytes(IMAGE) == 2 * 9 * 40 * 50 * 4
    assert size_in_bytes(LABEL) == 9 * 40 * 50 * 4
