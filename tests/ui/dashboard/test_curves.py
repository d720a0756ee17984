"""Thinning keeps what the eye would see; ticks are round."""

import numpy as np
import pytest

from nbtrainer.ui.dashboard.curves import round_ticks, thin


def test_a_short_line_is_left_as_it_is():
    x, y = thin([0, 1, 2], [5, 3, 4])

    assert x.tolist() == [0, 1, 2]
    assert y.tolist() == [5, 3, 4]


@pytest.mark.parametrize("count", [1_501, 5_000, 123_457])
def test_a_long_line_has_at_most_1500_points(count):
    x, _ = thin(np.arange(count), np.random.default_rng(0).random(count))

    assert 1_000 < len(x) <= 1_500


def test_spikes_and_both_ends_survive_thinning():
    y = np.zeros(100_000)
    y[12_345], y[77_777] = 9.0, -7.0

    thin_x, thin_y = thin(np.arange(len(y)), y)

    assert thin_y.max() == 9.0
    assert thin_y.min() == -7.0
    assert thin_x[0] == 0
    assert thin_x[-1] == len(y) - 1


def test_the_order_of_points_is_kept():
    x, _ = thin(np.arange(50_000), np.random.default_rng(1).random(50_000))

    assert (np.diff(x) > 0).all()


def test_points_without_a_value_are_left_out():
    x, y = thin([0, 1, 2, 3], [1.0, float("nan"), float("inf"), 2.0])

    assert x.tolist() == [0, 3]
    assert y.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("low", "high"), [(0, 60), (0.21, 1.4), (0, 1), (1.19, 1.2), (0.5, 0.5), (0, 0), (3, 123_456)])
def test_ticks_are_round_and_enclose_the_values(low, high):
    ticks = round_ticks(low, high, 5)

    steps = np.diff(ticks)
    mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]))
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert np.allclose(steps, steps[0])
    assert min(abs(mantissa - good) for good in (1, 2, 2.5, 5, 10)) < 1e-6
    assert 2 <= len(ticks) <= 8
