import numpy as np
import pytest

from nbtrainer.augment import apply_transforms, sample_params
from nbtrainer.augment.adjust_intensity import IntensityAdjustment, adjust_intensity
from nbtrainer.config import STRENGTHS, TRANSFORMS
from nbtrainer.data.roi import IGNORED

IMAGE = np.random.default_rng(0).normal(size=(2, 32, 32)).astype(np.float32)
LABEL = np.zeros((32, 32), np.uint8)


def _adjusted(image: np.ndarray, **numbers: tuple[float, ...]) -> np.ndarray:
    label = np.zeros(image.shape[1:], np.uint8)
    sections = max(map(len, numbers.values()))
    full = {"brightness": (0.0,) * sections, "contrast": (1.0,) * sections, "gamma": (1.0,) * sections}
    return adjust_intensity(image, label, IntensityAdjustment(**full | numbers))[0]


@pytest.mark.feature(81)
def test_brightness_shifts_and_contrast_stretches_about_the_mean():
    brighter = _adjusted(IMAGE, brightness=(0.1,))
    span = IMAGE.max(axis=(1, 2)) - IMAGE.min(axis=(1, 2))
    assert (brighter - IMAGE).mean(axis=(1, 2)) == pytest.approx(0.1 * span, rel=1e-4)
    flatter = _adjusted(IMAGE, contrast=(0.5,))
    assert flatter.std() == pytest.approx(IMAGE.std() / 2, rel=1e-2)
    assert flatter.mean(axis=(1, 2)) == pytest.approx(IMAGE.mean(axis=(1, 2)), abs=1e-5)


@pytest.mark.parametrize("gamma", [0.2, 0.5, 0.99, 1.5, 2.5, 10.0])
def test_gamma_is_the_power_between_the_extremes_of_each_channel(gamma):
    low, high = IMAGE.min(axis=(1, 2), keepdims=True), IMAGE.max(axis=(1, 2), keepdims=True)
    expected = ((IMAGE - low).astype(float) / (high - low)) ** gamma * (high - low) + low
    assert np.allclose(_adjusted(IMAGE, gamma=(gamma,)), expected, atol=1e-4)


def test_sections_of_a_volume_are_changed_one_by_one_if_asked():
    volume = np.random.default_rng(0).normal(size=(2, 3, 16, 16)).astype(np.float32)
    changed = _adjusted(volume, gamma=(1.0, 2.0, 0.5))
    assert np.allclose(changed[:, 0], volume[:, 0], atol=1e-6)
    assert changed[:, 1].mean() < volume[:, 1].mean() and changed[:, 2].mean() > volume[:, 2].mean()
    step = TRANSFORMS["intensity"](per_section=True)
    (change,) = sample_params(np.random.default_rng(0), [step], (3, 16, 16))
    assert len(set(change.params.gamma)) == len(set(change.params.brightness)) == 3
    (change,) = sample_params(np.random.default_rng(0), [step], (16, 16))
    assert len(change.params.gamma) == 1


@pytest.mark.parametrize("strength", ["standard", "strong"])
def test_every_patch_changes_and_none_is_inverted(strength):
    steps = [step for step in STRENGTHS[strength] if isinstance(step, TRANSFORMS["intensity"])]
    for seed in range(50):
        changes = sample_params(np.random.default_rng(seed), steps, (32, 32))
        assert changes
        changed = apply_transforms(IMAGE, LABEL, changes, ignored=IGNORED)[0]
        assert not np.allclose(changed, IMAGE)
        assert np.corrcoef(changed[0].ravel(), IMAGE[0].ravel())[0, 1] > 0.9


def test_gammas_of_the_triangle_lie_between_its_ends_and_mostly_near_one():
    step = TRANSFORMS["gamma"]()
    drawn = [sample_params(np.random.default_rng(seed), [step], (8, 8))[0].params.gamma[0] for seed in range(300)]
    assert 0.75 <= min(drawn) < 0.85 and 2.2 < max(drawn) <= 2.5
    assert 1.3 < np.mean(drawn) < 1.55
