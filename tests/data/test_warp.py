"""Image and label move together: a pattern drawn in both stays aligned."""

import numpy as np
import pytest

from nbtrainer.config import STEPS, STRENGTHS
from nbtrainer.data.warp import Warp, draw_warp, mirrored, warp_patch

SIZE = (64, 64)
GEOMETRIC = ["flip", "rotate90", "rotate", "zoom", "shear", "elastic"]


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """Four discs of different sizes; the label numbers them, the image shows them bright."""
    y, x = np.ogrid[:128, :128]
    label = np.zeros((128, 128), np.uint16)
    for number, (cy, cx, radius) in enumerate([(40, 40, 12), (84, 50, 9), (60, 90, 14), (95, 95, 7)], 1):
        label[np.hypot(y - cy, x - cx) < radius] = number * 1000
    return (label > 0).astype(np.float32)[None], label


def _warped(
    warp: Warp, size: tuple[int, int] = SIZE, centre: tuple[float, float] = (63.5, 63.5)
) -> tuple[np.ndarray, np.ndarray]:
    image, label = _scene()
    return warp_patch(
        lambda region: image[(slice(None), *region)], lambda region: label[region], label.shape, centre, size, warp
    )


@pytest.mark.feature(78, 84)
@pytest.mark.parametrize("kind", GEOMETRIC)
def test_image_and_label_move_together_and_no_label_is_invented(kind):
    step = STEPS[kind]().model_dump() | {"probability": 1.0}
    for seed in range(20):
        image, label = _warped(draw_warp(np.random.default_rng(seed), [step], SIZE))
        # interpolated between pixels of one kind, the nearest is of that kind: nothing is off by half a pixel
        assert (label[image[0] > 0.999] > 0).all()
        assert (label[image[0] < 0.001] == 0).all()
        assert ((image > 0.001) & (image < 0.999)).mean() < 0.2
        assert set(np.unique(label)) <= {0, 1000, 2000, 3000, 4000}
        assert label.any()


@pytest.mark.parametrize("kind", GEOMETRIC)
def test_with_probability_zero_nothing_moves(kind):
    step = STEPS[kind]().model_dump() | {"probability": 0.0}
    image, label = _warped(draw_warp(np.random.default_rng(0), [step], SIZE))
    whole, truth = _scene()
    assert np.array_equal(image, whole[:, 32:96, 32:96])
    assert np.array_equal(label, truth[32:96, 32:96])


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
