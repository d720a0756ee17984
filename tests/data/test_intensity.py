import numpy as np
import pytest

from nbtrainer.config import STEPS, STRENGTHS
from nbtrainer.data.intensity import IntensityChange, change_intensity, draw_intensity

IMAGE = np.random.default_rng(0).normal(size=(2, 32, 32)).astype(np.float32)


def test_a_change_of_nothing_changes_nothing():
    assert np.allclose(change_intensity(IMAGE, IntensityChange()), IMAGE, atol=1e-6)


@pytest.mark.feature(81)
def test_brightness_shifts_and_contrast_stretches_about_the_mean():
    brighter = change_intensity(IMAGE, IntensityChange(brightness=0.1))
    span = IMAGE.max(axis=(1, 2)) - IMAGE.min(axis=(1, 2))
    assert (brighter - IMAGE).mean(axis=(1, 2)) == pytest.approx(0.1 * span, rel=1e-4)
    flatter = change_intensity(IMAGE, IntensityChange(contrast=0.5))
    assert flatter.std() == pytest.approx(IMAGE.std() / 2, rel=1e-2)
    assert flatter.mean(axis=(1, 2)) == pytest.approx(IMAGE.mean(axis=(1, 2)), abs=1e-5)


def test_gamma_keeps_the_extremes():
    changed = change_intensity(IMAGE, IntensityChange(gamma=2.0))
    assert changed.min(axis=(1, 2)) == pytest.approx(IMAGE.min(axis=(1, 2)), abs=1e-4)
    assert changed.max(axis=(1, 2)) == pytest.approx(IMAGE.max(axis=(1, 2)), abs=1e-4)
    assert changed.mean() < IMAGE.mean()


def test_blur_smooths():
    assert change_intensity(IMAGE, IntensityChange(sigma=1.5)).std() < 0.5 * IMAGE.std()


@pytest.mark.parametrize("strength", ["standard", "strong"])
def test_every_patch_changes_and_none_is_inverted(strength):
    steps = [step.model_dump() for step in STRENGTHS[strength] if isinstance(step, STEPS["intensity"])]
    for seed in range(50):
        changes = draw_intensity(np.random.default_rng(seed), steps)
        assert changes
        changed = IMAGE
        for change in changes:
            changed = change_intensity(changed, change)
        assert not np.allclose(changed, IMAGE)
        assert np.corrcoef(changed[0].ravel(), IMAGE[0].ravel())[0, 1] > 0.9
