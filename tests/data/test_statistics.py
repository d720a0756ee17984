import numpy as np
import pytest

from nbtrainer.data import statistics
from nbtrainer.data.statistics import measure, pool
from nbtrainer.data.views import ArrayView


def _images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "uint8": rng.integers(0, 256, (2, 60, 70)).astype(np.uint8),
        "uint16": rng.gamma(2, 900, (1, 60, 70)).astype(np.uint16),
        "int16": rng.normal(0, 300, (1, 60, 70)).astype(np.int16),
        "float32": rng.normal(5, 3, (1, 60, 70)).astype(np.float32),
    }


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("most", [10**9, 500])
def test_what_is_measured_in_blocks_is_what_numpy_says_of_the_whole(kind, most, monkeypatch):
    monkeypatch.setattr(statistics, "_BLOCK_PIXELS", most)
    image = _images()[kind]
    for channel, known in zip(image, measure(ArrayView(image)), strict=True):
        values = channel.astype(np.float64)
        assert (known.minimum, known.maximum, known.count) == (values.min(), values.max(), values.size)
        assert np.isclose(known.mean, values.mean()) and np.isclose(known.deviation, values.std())
        for percent in (0, 0.1, 2, 50, 99.8, 100):
            assert np.isclose(known.percentile(percent), np.percentile(values, percent))


def test_many_different_values_are_counted_in_bins_with_little_loss(monkeypatch):
    monkeypatch.setattr(statistics, "_MOST_VALUES", 1000)
    image = np.random.default_rng(0).lognormal(0, 2, (1, 300, 300)).astype(np.float32)
    (known,) = measure(ArrayView(image))
    assert len(known.values) < 30_000
    for percent in (1, 50, 99):
        assert np.isclose(known.percentile(percent), np.percentile(image, percent), rtol=2e-3)


def test_of_a_large_image_samples_are_measured_and_said_to_be_an_estimate(monkeypatch):
    monkeypatch.setattr(statistics, "LARGE_BYTES", 1000)
    monkeypatch.setattr(statistics, "_SAMPLED_BYTES", 8000)
    monkeypatch.setattr(statistics, "_FEWEST_PIXELS", 100)
    image = np.random.default_rng(0).integers(0, 1000, (1, 20, 60, 70)).astype(np.uint16)
    (known,) = measure(ArrayView(image))
    assert known.is_estimate and 1500 < known.count < 8000
    assert abs(known.mean - image.mean()) < 30
    (exact,) = measure(ArrayView(image), is_exact=True)
    assert not exact.is_estimate and exact.count == image.size


def test_images_taken_together_are_one_image():
    one, other = (np.random.default_rng(k).integers(0, 256, (1, 30, 40)).astype(np.uint8) for k in (0, 1))
    (together,) = pool([measure(ArrayView(one)), measure(ArrayView(other))])
    (joined,) = measure(ArrayView(np.concatenate([one, other], axis=1)))
    assert np.array_equal(together.values, joined.values) and np.array_equal(together.counts, joined.counts)
    assert np.isclose(together.mean, joined.mean) and together.maximum == joined.maximum


def test_what_is_no_number_does_not_count():
    image = np.array([[[1, 2, np.nan, np.inf, 3]]], np.float32)
    (known,) = measure(ArrayView(image))
    assert (known.count, known.unknown, known.minimum, known.maximum) == (3, 2, 1, 3)
    (nothing,) = measure(ArrayView(np.full((1, 2, 2), np.nan, np.float32)))
    assert nothing.count == 0 and nothing.unknown == 4


def test_the_negative_has_the_same_extremes():
    image = _images()["uint16"]
    (known,) = measure(ArrayView(image))
    negative = known.maximum + known.minimum - image.astype(np.float64)
    mirrored = known.mirror()
    assert np.isclose(mirrored.mean, negative.mean()) and np.isclose(mirrored.deviation, negative.std())
    assert np.isclose(mirrored.percentile(10), np.percentile(negative, 10))
