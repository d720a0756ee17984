"""Image and label move together: a pattern drawn in both stays aligned."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.stats import kstest, uniform

from nbtrainer.augment import sample_spatial
from nbtrainer.augment.spatial import ControlPoints, SpatialTransform
from nbtrainer.augment.warp import warp_patch
from nbtrainer.config import STRENGTHS, TRANSFORMS
from nbtrainer.data.normalize import IntensityTransform
from nbtrainer.data.resampled_views import mirror_indices
from nbtrainer.data.views import ArrayView, CropView

SIZE = (64, 64)
DEEP = (24, 40, 40)
GEOMETRIC = ["flip", "rotate90", "rotate", "zoom", "shear", "translate", "elastic"]
# which feature of the checklist each is; the others are the warped crops
_FEATURE_OF = {"flip": 78, "elastic": 80}


def _scene(dim: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Discs or balls of different sizes; the label numbers them, the image shows them bright."""
    shape = (128, 128) if dim == 2 else (48, 80, 80)
    label = np.zeros(shape, np.uint16)
    flat = [(40, 40, 12), (84, 50, 9), (60, 90, 14), (95, 95, 7)]
    deep = [(20, 30, 30, 10), (28, 50, 35, 8), (24, 45, 55, 11), (12, 40, 40, 6)]
    for number, (*centre, radius) in enumerate(flat if dim == 2 else deep, 1):
        away = [at - middle for at, middle in zip(np.ogrid[tuple(map(slice, shape))], centre, strict=True)]
        label[sum(along**2 for along in away) < radius**2] = number * 1000
    return (label > 0).astype(np.float32)[None], label


def _warped(
    warp: SpatialTransform, size: tuple[int, ...] = SIZE, centre: tuple[float, ...] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    image, label = _scene(len(size))
    middle = centre or tuple((length - 1) / 2 for length in label.shape)
    return _cut(image, label, middle, size, warp)


def _cut(
    image: np.ndarray, label: np.ndarray, centre: tuple[float, ...], size: tuple[int, ...], warp: SpatialTransform
):
    unchanged = IntensityTransform.unchanged(len(image))
    return warp_patch(
        ArrayView(image),
        ArrayView(label, is_label=True),
        intensities=unchanged,
        centre=centre,
        size=size,
        transform=warp,
    )


@pytest.mark.feature(79)
@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.feature(_FEATURE_OF.get(kind, 84))) for kind in GEOMETRIC]
)
def test_image_and_label_move_together_and_no_label_is_invented(kind, size):
    step = TRANSFORMS[kind](probability=1.0)
    for seed in range(20):
        image, label = _warped(sample_spatial(np.random.default_rng(seed), [step], size), size)
        # interpolated between pixels of one kind, the nearest is of that kind: nothing is off by half a pixel
        assert (label[image[0] > 0.999] > 0).all()
        assert (label[image[0] < 0.001] == 0).all()
        assert ((image > 0.001) & (image < 0.999)).mean() < (0.2 if len(size) == 2 else 0.5)
        assert set(np.unique(label)) <= {0, 1000, 2000, 3000, 4000}
        assert label.any() and image.dtype == np.float32 and label.dtype == np.uint16
        assert image.shape == (1, *size) and image.min() >= 0 and image.max() <= 1


@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
@pytest.mark.parametrize("kind", GEOMETRIC)
def test_with_probability_zero_nothing_moves(kind, size):
    step = TRANSFORMS[kind](probability=0.0)
    image, label = _warped(sample_spatial(np.random.default_rng(0), [step], size), size)
    whole, truth = _scene(len(size))
    middle = tuple(slice((full - part) // 2, (full + part) // 2) for full, part in zip(truth.shape, size, strict=True))
    assert np.array_equal(image, whole[(slice(None), *middle)])
    assert np.array_equal(label, truth[middle])


@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
def test_what_is_interpolated_is_what_scipy_interpolates(size):
    rng = np.random.default_rng(3)
    shape = tuple(2 * length for length in size)
    image = rng.random((2, *shape), dtype=np.float32)
    label = rng.integers(0, 2**32 - 1, shape, dtype=np.uint32)
    dim = len(size)
    matrix = np.eye(dim) + rng.normal(0, 0.15, (dim, dim))
    # so near to a corner that part of the patch lies beyond it
    centre = tuple(0.3 * length for length in size)
    found, truth = _cut(image, label, centre, size, SpatialTransform(matrix))
    offsets = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in size), indexing="ij"))
    where = np.array(centre).reshape(-1, *[1] * dim) + np.tensordot(matrix, offsets, 1)
    for channel, expected in zip(found, image, strict=True):
        assert np.allclose(channel, map_coordinates(expected, where, order=1, mode="reflect"), atol=2e-4)
    nearest = map_coordinates(label.astype(np.float64), where, order=0, mode="reflect")
    assert (truth == nearest).mean() > 0.999


def test_knots_are_met_and_a_constant_bend_is_a_shift():
    bent, label = _warped(SpatialTransform(np.eye(2), ControlPoints(np.full((2, 5, 5), 5.0, np.float32), 32)))
    shifted, moved = _warped(SpatialTransform(np.eye(2)), centre=(68.5, 68.5))
    assert np.allclose(bent, shifted, atol=1e-4) and np.array_equal(label, moved)


def test_flips_and_quarter_turns_only_move_pixels():
    whole, truth = _scene()
    whole = whole + np.random.default_rng(0).random(whole.shape, dtype=np.float32)
    step = [TRANSFORMS["flip"](), TRANSFORMS["rotate90"]()]
    seen = set()
    for seed in range(60):
        warp = sample_spatial(np.random.default_rng(seed), step, SIZE)
        assert warp.is_exact
        image, label = _cut(whole, truth, (63.5, 63.5), SIZE, warp)
        crop = whole[0, 32:96, 32:96]
        versions = [np.rot90(other, k) for other in (crop, crop[::-1]) for k in range(4)]
        match = [k for k, version in enumerate(versions) if np.array_equal(version, image[0])]
        assert len(match) == 1
        turned = [np.rot90(other, k) for other in (truth[32:96, 32:96], truth[32:96, 32:96][::-1]) for k in range(4)]
        assert np.array_equal(label, turned[match[0]])
        seen.add(match[0])
    assert seen == set(range(8))


def test_an_exact_turn_is_the_interpolated_turn():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    exact_image, exact_label = _warped(SpatialTransform(turn), size=(48, 64))
    image, label = _warped(SpatialTransform(turn, ControlPoints(np.zeros((2, 5, 5), np.float32), 32)), size=(48, 64))
    assert np.allclose(exact_image, image, atol=1e-5)
    assert np.array_equal(exact_label, label)


def test_beyond_the_edge_the_image_is_mirrored_with_its_label():
    image, label = _warped(SpatialTransform(np.eye(2)), centre=(0.0, 120.0))
    assert np.array_equal(image[0] > 0.5, label > 0)
    whole, _ = _scene()
    rows, columns = mirror_indices(-32, length=64, available=128), mirror_indices(88, length=64, available=128)
    assert np.array_equal(image[0], whole[0][np.ix_(rows, columns)])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32])
def test_large_label_values_survive(kind):
    largest = np.iinfo(kind).max
    label = np.full((80, 80), largest, kind)
    warp = sample_spatial(np.random.default_rng(0), STRENGTHS["strong"], SIZE)
    _, warped = _cut(np.zeros((1, 80, 80), np.float32), label, (40, 40), SIZE, warp)
    assert warped.dtype == kind and (warped == largest).all()


@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
def test_at_strength_zero_nothing_moves(size):
    strengths = {
        "rotate": {"degrees": 0},
        "zoom": {"min_factor": 1, "max_factor": 1},
        "translate": {"amount": 0},
        "shear": {"degrees": 0},
        "elastic": {"displacement": 0},
    }
    image, label = _warped(SpatialTransform(np.eye(len(size))), size)
    for kind, values in strengths.items():
        step = TRANSFORMS[kind](probability=1.0, **values)
        warped, truth = _warped(sample_spatial(np.random.default_rng(0), [step], size), size)
        assert np.allclose(warped, image, atol=1e-5) and np.array_equal(truth, label)


@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
def test_an_image_read_region_by_region_is_the_one_in_memory(size):
    rng = np.random.default_rng(0)
    shape = tuple(2 * length for length in size)
    image = rng.integers(0, 255, (2, *shape)).astype(np.uint8)
    label = rng.integers(0, 60_000, shape).astype(np.uint16)
    known = IntensityTransform(
        low=np.array([10, -np.inf]),
        high=np.array([200, np.inf]),
        scale=np.array([2.0, 0.1]),
        offset=np.array([-1.0, 0.5]),
    )
    everything = tuple((0, length) for length in shape)
    for seed in range(5):
        warp = sample_spatial(np.random.default_rng(seed), STRENGTHS["strong"], size)
        centre = tuple(rng.uniform(0.1, 0.9) * length for length in shape)
        held, truth = warp_patch(
            ArrayView(image),
            ArrayView(label, is_label=True),
            intensities=known,
            centre=centre,
            size=size,
            transform=warp,
        )
        for kind in (np.uint8, np.int32, np.float64):
            views = (
                CropView(ArrayView(image.astype(kind)), everything),
                CropView(ArrayView(label, is_label=True), everything),
            )
            read, nearest = warp_patch(*views, intensities=known, centre=centre, size=size, transform=warp)
            assert np.allclose(read, held, atol=1e-5) and np.array_equal(nearest, truth)
        # clipped before it is interpolated, as where predictions are made
        assert held[0].min() >= 2 * 10 - 1 - 1e-4 and held[0].max() <= 2 * 200 - 1 + 1e-3


def test_small_patches_bend_as_much_as_large_ones():
    step = TRANSFORMS["elastic"](probability=1.0, displacement=4.0, control_point_distance=32)

    def bend(size: int) -> float:
        """What is no shift, turn or stretch, in the 40 pixels about the middle."""
        rows = np.arange(400, dtype=np.float32)[:, None].repeat(400, 1)
        found = []
        for seed in range(200):
            warp = sample_spatial(np.random.default_rng(seed), [step], (size, size))
            warped = _cut(rows[None], np.zeros((400, 400), np.uint8), (199.5, 199.5), (size, size), warp)[0][0]
            inner = slice((size - 40) // 2, (size + 40) // 2)
            y, x = np.mgrid[:40, :40].reshape(2, -1)
            straight = np.stack([y, x, np.ones_like(y)], 1).astype(float)
            part = warped[inner, inner].ravel()
            found.append((part - straight @ np.linalg.lstsq(straight, part, rcond=None)[0]).std())
        return float(np.mean(found))

    assert 0.8 < bend(40) / bend(256) < 1.25


@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
def test_each_axis_is_magnified_evenly_between_the_bounds_as_in_omnipose(size):
    step = TRANSFORMS["zoom"](min_factor=0.5, max_factor=1.5, per_axis=True)
    drawn = [sample_spatial(np.random.default_rng(seed), [step], size).matrix for seed in range(3000)]
    factors = 1 / np.array([np.diag(matrix) for matrix in drawn])
    assert factors.min() >= 0.5 and factors.max() <= 1.5
    for axis in factors.T:
        assert kstest(axis, uniform(0.5, 1).cdf).pvalue > 0.01
    assert np.abs(np.corrcoef(factors.T) - np.eye(len(size))).max() < 0.06


def test_a_factor_above_one_makes_objects_larger():
    step = TRANSFORMS["zoom"](min_factor=1, max_factor=1.5)
    for seed in range(5):
        _, label = _warped(sample_spatial(np.random.default_rng(seed), [step], (120, 120)), (120, 120))
        assert np.count_nonzero(label == 2000) > np.count_nonzero(_scene()[1] == 2000)
