"""Image and label move together: a pattern drawn in both stays aligned."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from nbtrainer.config import STEPS, STRENGTHS
from nbtrainer.data.warp import Warp, draw_warp, mirrored, warp_patch

SIZE = (64, 64)
DEEP = (24, 40, 40)
GEOMETRIC = ["flip", "rotate90", "rotate", "zoom", "shear", "translate", "elastic"]


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
    warp: Warp, size: tuple[int, ...] = SIZE, centre: tuple[float, ...] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    image, label = _scene(len(size))
    middle = centre or tuple((length - 1) / 2 for length in label.shape)
    return warp_patch(
        lambda region: image[(slice(None), *region)], lambda region: label[region], label.shape, middle, size, warp
    )


@pytest.mark.feature(78, 79, 80, 84)
@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
@pytest.mark.parametrize("kind", GEOMETRIC)
def test_image_and_label_move_together_and_no_label_is_invented(kind, size):
    step = STEPS[kind]().model_dump() | {"probability": 1.0}
    for seed in range(20):
        image, label = _warped(draw_warp(np.random.default_rng(seed), [step], size), size)
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
    step = STEPS[kind]().model_dump() | {"probability": 0.0}
    image, label = _warped(draw_warp(np.random.default_rng(0), [step], size), size)
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
    found, truth = warp_patch(
        lambda region: image[(slice(None), *region)], lambda region: label[region], shape, centre, size, Warp(matrix)
    )
    offsets = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in size), indexing="ij"))
    where = np.array(centre).reshape(-1, *[1] * dim) + np.tensordot(matrix, offsets, 1)
    for channel, expected in zip(found, image, strict=True):
        assert np.allclose(channel, map_coordinates(expected, where, order=1, mode="reflect"), atol=2e-4)
    nearest = map_coordinates(label.astype(np.float64), where, order=0, mode="reflect")
    assert (truth == nearest).mean() > 0.999


def test_knots_are_met_and_a_constant_bend_is_a_shift():
    bent, label = _warped(Warp(np.eye(2), np.full((2, 3, 3), 5.0, np.float32)))
    shifted, moved = _warped(Warp(np.eye(2)), centre=(68.5, 68.5))
    assert np.allclose(bent, shifted, atol=1e-4) and np.array_equal(label, moved)


def test_flips_and_quarter_turns_only_move_pixels():
    whole, truth = _scene()
    whole = whole + np.random.default_rng(0).random(whole.shape, dtype=np.float32)
    step = [STEPS["flip"]().model_dump(), STEPS["rotate90"]().model_dump()]
    seen = set()
    for seed in range(60):
        warp = draw_warp(np.random.default_rng(seed), step, SIZE)
        assert warp.is_exact
        image, label = warp_patch(
            lambda region: whole[(slice(None), *region)],
            lambda region: truth[region],
            truth.shape,
            (63.5, 63.5),
            SIZE,
            warp,
        )
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
    exact_image, exact_label = _warped(Warp(turn), size=(48, 64))
    image, label = _warped(Warp(turn, np.zeros((2, 3, 3), np.float32)), size=(48, 64))
    assert np.allclose(exact_image, image, atol=1e-5)
    assert np.array_equal(exact_label, label)


def test_beyond_the_edge_the_image_is_mirrored_with_its_label():
    image, label = _warped(Warp(np.eye(2)), centre=(0.0, 120.0))
    assert np.array_equal(image[0] > 0.5, label > 0)
    whole, _ = _scene()
    rows, columns = mirrored(-32, 64, 128), mirrored(88, 64, 128)
    assert np.array_equal(image[0], whole[0][np.ix_(rows, columns)])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32])
def test_large_label_values_survive(kind):
    largest = np.iinfo(kind).max
    label = np.full((80, 80), largest, kind)
    warp = draw_warp(np.random.default_rng(0), [step.model_dump() for step in STRENGTHS["strong"]], SIZE)
    _, warped = warp_patch(
        lambda region: np.zeros((1, 80, 80), np.float32)[(slice(None), *region)],
        lambda region: label[region],
        (80, 80),
        (40, 40),
        SIZE,
        warp,
    )
    assert warped.dtype == kind and (warped == largest).all()


@pytest.mark.parametrize("size", [SIZE, DEEP], ids=["2D", "3D"])
def test_at_strength_zero_nothing_moves(size):
    strengths = {
        "rotate": "degrees",
        "zoom": "amount",
        "translate": "amount",
        "shear": "degrees",
        "elastic": "displacement",
    }
    image, label = _warped(Warp(np.eye(len(size))), size)
    for kind, name in strengths.items():
        step = STEPS[kind](**{name: 0}).model_dump() | {"probability": 1.0}
        warped, truth = _warped(draw_warp(np.random.default_rng(0), [step], size), size)
        assert np.allclose(warped, image, atol=1e-5) and np.array_equal(truth, label)
