import numpy as np
import pytest

from nbtrainer.data.normalize import Normalizer

IMAGE = np.random.default_rng(0).integers(10, 4000, (2, 50, 60)).astype(np.uint16)


def _normalised(image: np.ndarray = IMAGE, **settings: object) -> np.ndarray:
    normalizer = Normalizer(**settings)
    return normalizer.measure(image).apply(image)


@pytest.mark.feature(90)
@pytest.mark.parametrize("ends", [(0.0, 1.0), (-1.0, 1.0), (5.0, 255.0)])
def test_rescaling_puts_minimum_and_maximum_at_the_ends_of_the_range(ends):
    found = _normalised(method="rescaling", range=ends)
    assert found.dtype == np.float32
    assert found.min() == pytest.approx(ends[0], abs=1e-3)
    assert found.max() == pytest.approx(ends[1], abs=1e-3)


@pytest.mark.feature(91)
def test_max_normalization_puts_zero_and_maximum_at_the_ends():
    found = _normalised(method="max", range=(0.0, 2.0))
    expected = IMAGE / IMAGE.max(axis=(1, 2), keepdims=True) * 2
    assert np.allclose(found, expected, atol=1e-4)


@pytest.mark.feature(92)
def test_standardization_centres_the_mean_and_puts_one_deviation_at_the_end():
    found = _normalised(method="standardization", range=(0.0, 4.0))
    assert found.mean(axis=(1, 2)) == pytest.approx([2, 2], abs=1e-3)
    assert found.std(axis=(1, 2)) == pytest.approx([2, 2], abs=1e-3)


@pytest.mark.feature(93)
def test_none_keeps_intensities():
    assert np.array_equal(_normalised(method="none"), IMAGE.astype(np.float32))


@pytest.mark.feature(85, 86, 87, 88, 89)
@pytest.mark.parametrize("outliers", ["ignore", "+", "-", "+/-"])
def test_outliers_take_the_value_of_the_percentile_on_the_chosen_side(outliers):
    found = _normalised(method="none", outliers=outliers, outliers_percent=10.0)
    low, high = (np.percentile(IMAGE, q, axis=(1, 2)) for q in (10, 90))
    for channel in range(2):
        assert found[channel].max() == pytest.approx(
            high[channel] if "+" in outliers else IMAGE[channel].max(), rel=1e-5
        )
        assert found[channel].min() == pytest.approx(
            low[channel] if "-" in outliers else IMAGE[channel].min(), rel=1e-5
        )


@pytest.mark.parametrize("method", ["rescaling", "max", "standardization"])
def test_a_constant_image_stays_finite(method):
    assert np.isfinite(_normalised(np.full((1, 8, 8), 7.0), method=method)).all()


def test_values_that_are_not_finite_do_not_count_in_the_measurement():
    image = np.array([[[0.0, 1.0], [2.0, np.nan]]])
    assert Normalizer(method="rescaling").measure(image).scale == pytest.approx(0.5)


def test_channels_together_keep_their_ratio():
    image = np.stack([np.full((4, 4), 1.0), np.full((4, 4), 3.0)])
    found = _normalised(image, method="max", per_channel=False)
    assert found[1, 0, 0] == pytest.approx(1) and found[0, 0, 0] == pytest.approx(1 / 3)


def test_a_region_is_normalised_by_the_whole_image():
    measured = Normalizer(method="rescaling").measure(IMAGE)
    assert np.array_equal(measured.apply(IMAGE)[:, 5:9, 7:20], measured.apply(IMAGE[:, 5:9, 7:20]))
