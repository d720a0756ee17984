import numpy as np
import pytest
from factories import make_normalizer

from nbtrainer.data.normalize import Normalizer

IMAGE = np.random.default_rng(0).integers(10, 4000, (2, 50, 60)).astype(np.uint16)


def _normalised(image: np.ndarray = IMAGE, **settings: object) -> np.ndarray:
    normalizer = make_normalizer(**settings)
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


@pytest.mark.feature(89)
@pytest.mark.parametrize(
    "outliers",
    [
        pytest.param("ignore", marks=pytest.mark.feature(85)),
        pytest.param("+", marks=pytest.mark.feature(86)),
        pytest.param("-", marks=pytest.mark.feature(87)),
        pytest.param("+/-", marks=pytest.mark.feature(88)),
    ],
)
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
    assert make_normalizer(method="rescaling").measure(image).scale == pytest.approx(0.5)


def test_channels_together_keep_their_ratio():
    image = np.stack([np.full((4, 4), 1.0), np.full((4, 4), 3.0)])
    found = _normalised(image, method="max", per_channel=False)
    assert found[1, 0, 0] == pytest.approx(1) and found[0, 0, 0] == pytest.approx(1 / 3)


def test_a_region_is_normalised_by_the_whole_image():
    measured = make_normalizer(method="rescaling").measure(IMAGE)
    assert np.array_equal(measured.apply(IMAGE)[:, 5:9, 7:20], measured.apply(IMAGE[:, 5:9, 7:20]))


@pytest.mark.parametrize("clip", [True, False])
def test_percentiles_are_put_at_the_ends_of_the_range(clip):
    found = _normalised(method="percentile", percentiles=(2.0, 99.8), clip=clip, range=(-1.0, 1.0))
    low, high = np.percentile(IMAGE, (2, 99.8), axis=(1, 2), keepdims=True)
    expected = (IMAGE - low) / (high - low) * 2 - 1
    assert np.allclose(found, np.clip(expected, -1, 1) if clip else expected, atol=1e-4)


def test_z_score_mean_and_divisors():
    found = _normalised(method="z_score")
    assert np.allclose([found.mean((1, 2)), found.std((1, 2))], [[0, 0], [1, 1]], atol=1e-4)
    found = _normalised(method="mean")
    assert np.allclose([found.mean((1, 2)), np.ptp(found, (1, 2))], [[0, 0], [1, 1]], atol=1e-4)
    assert np.allclose(_normalised(method="4095"), IMAGE / 4095, atol=1e-6)
    assert np.allclose(_normalised(method="65535", range=(-1.0, 1.0)), IMAGE / 65535 * 2 - 1, atol=1e-6)


@pytest.mark.parametrize("method", ["rescaling", "max", "standardization", "percentile", "none"])
@pytest.mark.parametrize("outliers", ["ignore", "+"])
def test_the_negative_is_normalised_like_an_image_that_was_stored_so(method, outliers):
    negative = IMAGE.max((1, 2), keepdims=True) + IMAGE.min((1, 2), keepdims=True) - IMAGE.astype(np.float32)
    rule = {"method": method, "outliers": outliers, "outliers_percent": 3.0}
    assert np.allclose(_normalised(invert=True, **rule), _normalised(negative, **rule), atol=2e-4 * 4000)
    assert np.allclose(_normalised(invert=True, method="rescaling"), 1 - _normalised(method="rescaling"), atol=1e-5)


@pytest.mark.feature(94)
def test_a_rule_survives_its_record_with_what_was_measured():
    measured = make_normalizer(method="percentile", invert=True).measure(IMAGE)
    rule = make_normalizer(method="percentile", scope="dataset", fixed=measured)
    again = Normalizer.from_record(rule.as_record())
    dark = IMAGE // 3
    assert np.array_equal(again.measure(dark).apply(dark), measured.apply(dark))
    assert Normalizer.from_record({"method": "max", "range": [0, 1]}).method == "max"
