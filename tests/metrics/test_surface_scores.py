"""Against MONAI and scipy, and shapes whose distances can be told."""

import math

import numpy as np
import pytest
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy import ndimage
from scipy.spatial.distance import cdist

from nbtrainer.metrics.surfaces import (
    Surfaces,
    compare_classes,
    compare_surfaces,
    hausdorff_distance,
    mean_surface_distance,
    surface_dice,
)


def _blob(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.5)
    return noise > np.quantile(noise, 0.7)


CASES = [
    (_blob(0, (50, 60)), _blob(1, (50, 60)), (1.0, 1.0)),
    (_blob(2, (50, 60)), np.roll(_blob(2, (50, 60)), 2, 0), (0.5, 0.2)),
    (_blob(3, (14, 30, 24)), _blob(4, (14, 30, 24)), (1.0, 1.0, 1.0)),
    (_blob(5, (14, 30, 24)), np.roll(_blob(5, (14, 30, 24)), 1, 2), (2.5, 0.4, 0.7)),
]


def _batch(mask: np.ndarray) -> torch.Tensor:
    return torch.tensor(mask)[None, None].float()


@pytest.mark.parametrize(("predicted", "truth", "spacing"), CASES)
def test_distances_are_those_of_monai(predicted, truth, spacing):
    found, peer = compare_surfaces(predicted, truth, spacing=spacing), (_batch(predicted), _batch(truth))
    for percentile in (95, 50, 100):
        distance = compute_hausdorff_distance(*peer, include_background=True, percentile=percentile, spacing=spacing)
        assert hausdorff_distance(found, percentile) == pytest.approx(float(distance), rel=1e-5)
    mean = compute_average_surface_distance(*peer, include_background=True, symmetric=True, spacing=spacing)
    assert mean_surface_distance(found) == pytest.approx(float(mean), rel=1e-5)


@pytest.mark.parametrize("tolerance", [0.05, 1.05, 2.3])  # no distance on the grid: MONAI does not round
@pytest.mark.parametrize(("predicted", "truth", "spacing"), CASES)
def test_surface_dice_is_that_of_monai(predicted, truth, spacing, tolerance):
    dice = compute_surface_dice(_batch(predicted), _batch(truth), [tolerance], include_background=True, spacing=spacing)
    assert surface_dice(compare_surfaces(predicted, truth, spacing=spacing), tolerance) == pytest.approx(
        float(dice), rel=1e-5
    )


def test_distances_are_those_between_all_pairs_of_surface_pixels():
    predicted, truth, spacing = CASES[1]
    surfaces = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing for mask in (predicted, truth)]
    between = cdist(*surfaces)
    found = compare_surfaces(predicted, truth, spacing=spacing)
    assert np.repeat(*found.predicted) == pytest.approx(np.sort(between.min(axis=1)))
    assert np.repeat(*found.true) == pytest.approx(np.sort(between.min(axis=0)))


def test_a_square_shifted_by_two_pixels_is_two_pixels_away():
    truth = np.zeros((30, 30), bool)
    truth[10:20, 10:20] = True
    found = compare_surfaces(np.roll(truth, 2, 1), truth, spacing=(1.0, 0.3))
    assert hausdorff_distance(found, 100) == pytest.approx(0.6)
    assert surface_dice(found, 0.6) == 1 and surface_dice(found, 0.59) < 1


def test_a_tolerance_that_is_a_distance_on_the_grid_includes_it():
    truth = np.zeros((30, 30), bool)
    truth[10:20, 10:20] = True
    found = compare_surfaces(np.roll(truth, 3, 1), truth, spacing=(0.1, 0.1))
    assert surface_dice(found, 0.3) == 1


def test_equal_masks_have_no_distance_also_at_the_edge_of_the_image():
    mask = _blob(7, (30, 30))
    mask[0] = True
    found = compare_surfaces(mask, mask, spacing=(1, 1))
    assert (hausdorff_distance(found), mean_surface_distance(found), surface_dice(found, 0)) == (0, 0, 1)


def test_a_class_in_neither_mask_is_not_measured():
    found = compare_surfaces(np.zeros((5, 5), bool), np.zeros((5, 5), bool), spacing=(1, 1))
    assert found.one_sided == 0
    assert all(map(math.isnan, (hausdorff_distance(found), mean_surface_distance(found), surface_dice(found, 1))))


def test_a_class_in_one_mask_has_no_distance_but_a_dice_of_0():
    disc, nothing = _blob(8, (20, 20)), np.zeros((20, 20), bool)
    for found in (compare_surfaces(disc, nothing, spacing=(1, 1)), compare_surfaces(nothing, disc, spacing=(1, 1))):
        assert math.isnan(hausdorff_distance(found)) and math.isnan(mean_surface_distance(found))
        assert surface_dice(found, 5) == 0 and found.one_sided == 1


def test_images_pool_their_distances():
    found = [compare_surfaces(predicted, truth, spacing=spacing) for predicted, truth, spacing in CASES]
    missed = compare_surfaces(np.zeros((20, 20), bool), _blob(8, (20, 20)), spacing=(1, 1))
    total = sum(found, Surfaces())
    every = [np.concatenate([np.repeat(*getattr(one, side)) for one in found]) for side in ("predicted", "true")]
    assert hausdorff_distance(total) == pytest.approx(max(np.percentile(side, 95) for side in every))
    assert mean_surface_distance(total) == pytest.approx(np.concatenate(every).mean())
    assert hausdorff_distance(total + missed) == hausdorff_distance(total)
    assert surface_dice(total + missed, 2) < surface_dice(total, 2)
    assert (total + missed).one_sided == 1


def test_each_class_is_measured_by_itself():
    truth = np.random.default_rng(0).integers(0, 3, (20, 20))
    found = compare_classes(np.where(truth == 2, 0, truth), truth, classes=(1, 2), spacing=(1, 1))
    assert mean_surface_distance(found[1]) == 0 and found[2].one_sided == 1


def test_surface_towards_the_unknown_is_not_measured():
    truth = np.zeros((20, 40), bool)
    truth[5:15, 5:15] = True
    predicted = truth.copy()
    predicted[5:15, 15:30] = True  # wrong, but there nothing is known
    known = np.ones_like(truth)
    known[:, 15:] = False
    found = compare_surfaces(predicted, truth, spacing=(1, 1), valid_mask=known)
    assert hausdorff_distance(found, 100) == 0
    assert found.true[1].sum() == 36 - 10


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, 1.0, 1.0)])
def test_a_spacing_has_a_number_above_0_for_each_axis(spacing):
    with pytest.raises(ValueError, match="spacing"):
        compare_surfaces(np.ones((4, 4), bool), np.ones((4, 4), bool), spacing=spacing)
