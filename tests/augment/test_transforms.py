"""What single changes promise."""

import numpy as np
import pytest

from nbtrainer.augment import apply_transforms, sample_params
from nbtrainer.augment.pipeline import SampledTransform
from nbtrainer.augment.sections import SectionOrder, SectionShift, move_sections, reorder_sections
from nbtrainer.augment.transforms import (
    bit_depth,
    border_darkening,
    cut_blur,
    illumination,
    invert,
    missing_part,
    motion_blur,
    noise,
    percentile_stretch,
)
from nbtrainer.augment.transforms.bit_depth import BitDepthParams
from nbtrainer.augment.transforms.border_darkening import BorderDarkeningParams
from nbtrainer.augment.transforms.cut_blur import CutBlurParams
from nbtrainer.augment.transforms.illumination import IlluminationParams
from nbtrainer.augment.transforms.invert import InvertParams
from nbtrainer.augment.transforms.missing_part import Band, MissingPartParams
from nbtrainer.augment.transforms.motion_blur import MotionBlurParams
from nbtrainer.augment.transforms.noise import NoiseParams
from nbtrainer.augment.transforms.percentile_stretch import PercentileStretchParams
from nbtrainer.config import TRANSFORMS
from nbtrainer.data.roi import IGNORED

RAMP = np.linspace(-1, 3, 128 * 128, dtype=np.float32).reshape(1, 128, 128)
FLAT = np.zeros((128, 128), np.uint8)


def _drawn(kind: str, shape: tuple[int, ...], seed: int = 0, **settings: object) -> object:
    step = TRANSFORMS[kind](**settings, probability=1.0)
    (change,) = sample_params(np.random.default_rng(seed), [step], shape)
    return change.params


def test_what_is_only_for_volumes_leaves_images_as_they_are():
    for kind, step in TRANSFORMS.items():
        drawn = sample_params(np.random.default_rng(0), [step(probability=1)], (32, 32))
        assert not (drawn and 2 not in step.dims), kind


def test_an_inverted_image_is_inverted_back_by_inverting():
    inverted, _ = invert.apply(RAMP, FLAT, InvertParams())
    assert np.allclose(inverted, 2 - RAMP, atol=1e-6)


@pytest.mark.parametrize("lost", [15, 14, 8])
def test_lost_bits_leave_two_to_the_power_of_the_rest_shades_with_both_extremes(lost):
    shades = np.unique(bit_depth.apply(RAMP, FLAT, BitDepthParams(lost))[0])
    assert len(shades) == 2 ** (16 - lost)
    assert shades[0] == -1 and shades[-1] == 3


def test_a_stretch_cuts_as_many_pixels_as_its_percentages_say():
    changed, _ = percentile_stretch.apply(RAMP, FLAT, PercentileStretchParams(10, 80))
    assert (changed == -1).mean() == pytest.approx(0.1, abs=0.001)
    assert (changed == 3).mean() == pytest.approx(0.2, abs=0.001)


@pytest.mark.parametrize(("kind", "dim"), [(kind, dim) for kind in ("ramp", "spot", "clouds") for dim in (2, 3)])
def test_the_darkest_place_loses_the_strength_and_the_brightest_nothing(kind, dim):
    image = np.ones((1, *(24,) * dim), np.float32)
    image[(0,) * (dim + 1)] = 0
    light, _ = illumination.apply(
        image, image[0], IlluminationParams(pattern=kind, strength=0.4, location=(0.3, -0.8, 0.9)[:dim], seed=1)
    )
    lit = np.delete(light.ravel(), 0)
    assert lit.max() == pytest.approx(1, abs=0.03) and lit.min() == pytest.approx(0.6, abs=0.03)
    assert np.abs(np.diff(light, axis=-1))[..., 1:, 1:].max() < 0.2


def test_a_dark_border_is_as_wide_as_said():
    image = np.ones((1, 16, 16), np.float32)
    image[0, 8, 8] = 0
    dark, _ = border_darkening.apply(image, image[0], BorderDarkeningParams(2, 0.25))
    assert (dark == 0.25).sum() == 16 * 16 - 12 * 12
    assert np.array_equal(dark[:, 2:-2, 2:-2], image[:, 2:-2, 2:-2])


@pytest.mark.parametrize("kind", ["gaussian", "local_variance", "poisson", "speckle"])
def test_noise_has_the_variance_that_it_says(kind):
    image = np.full((1, 200, 200), 0.5, np.float32)
    image[0, 0, :2] = 0, 1
    amount = 1 / 1024
    noisy = noise.apply(image, image[0], NoiseParams(kind, amount, 3))[0][0, 1:]
    expected = {"gaussian": amount, "local_variance": amount / 2, "poisson": amount / 2, "speckle": amount / 4}[kind]
    assert noisy.var() == pytest.approx(expected, rel=0.05)
    assert noisy.mean() == pytest.approx(0.5, abs=0.001)


def test_salt_and_pepper_touch_their_share_of_the_pixels_half_each():
    noisy, _ = noise.apply(RAMP, FLAT, NoiseParams("salt_and_pepper", 0.1, 0))
    assert ((noisy == 3) & (RAMP < 3)).mean() == pytest.approx(0.05, abs=0.01)
    assert ((noisy == -1) & (RAMP > -1)).mean() == pytest.approx(0.05, abs=0.01)
    assert ((noisy == RAMP) | (noisy == 3) | (noisy == -1)).all()


def test_motion_smears_along_its_line_only():
    image = np.zeros((1, 2, 31, 31), np.float32)
    image[0, :, 15, 15] = 1
    smeared, _ = motion_blur.apply(image, image[0], MotionBlurParams(11, 0.0, (1,)))
    assert np.array_equal(smeared[0, 0], image[0, 0])
    assert np.array_equal(np.flatnonzero(smeared[0, 1].sum(0)), np.arange(10, 21))
    assert np.flatnonzero(smeared[0, 1].sum(1)).tolist() == [15]
    assert smeared[0, 1].sum() == pytest.approx(1)


def test_a_coarse_box_keeps_its_mean_and_what_is_outside():
    image = np.random.default_rng(0).normal(size=(1, 40, 40)).astype(np.float32)
    coarse, _ = cut_blur.apply(image, image[0], CutBlurParams(((8, 24), (8, 24)), 8))
    outside = np.ones((40, 40), bool)
    outside[8:24, 8:24] = False
    assert np.array_equal(coarse[0, outside], image[0, outside])
    assert coarse[0, 8:24, 8:24].std() < 0.3 * image.std()


def test_a_missing_part_shows_the_mean_of_its_section():
    image = np.random.default_rng(0).normal(size=(2, 3, 20, 20)).astype(np.float32)
    wiped, _ = missing_part.apply(
        image, image[0], MissingPartParams((Band(section=1, angle=0.0, middle=(10.0, 10.0), width=6.0),))
    )
    assert (wiped[0, 1, 8:13] == image[0, 1].mean()).all() and (wiped[1, 1, 8:13] == image[1, 1].mean()).all()
    assert np.array_equal(wiped[:, [0, 2]], image[:, [0, 2]])
    assert np.array_equal(wiped[:, 1, :7], image[:, 1, :7])


def test_rolled_shuffled_and_missing_sections_are_orders_of_those_that_are_there():
    depth = 9
    for seed in range(10):
        rolled = _drawn("roll_z", (depth, 4, 4), seed)
        assert (np.diff(rolled.sections) % depth == 1).all() and rolled.sections[0] != 0
        assert sorted(_drawn("shuffle_z", (depth, 4, 4), seed).sections) == list(range(depth))
        left = _drawn("missing_section", (depth, 4, 4), seed, sections=2).sections
        assert len(left) == depth and len(set(left)) == depth - 2
        assert sorted(left[:-2]) == list(left[:-2])
    image = np.arange(3, dtype=np.float32).reshape(1, 3, 1, 1)
    changed, truth = reorder_sections(image, image[0].astype(np.uint8), SectionOrder((2, 0, 1)))
    assert changed.ravel().tolist() == truth.ravel().tolist() == [2, 0, 1]


def test_shifted_sections_are_those_and_no_others_without_interpolation():
    image = np.random.default_rng(0).normal(size=(1, 4, 10, 10)).astype(np.float32)
    label = np.random.default_rng(1).integers(0, 2**32, (4, 10, 10), dtype=np.uint32)
    moved, truth = move_sections(image, label, SectionShift(first=2, end=4, shift=(3, -2), degrees=0.0))
    assert np.array_equal(moved[:, :2], image[:, :2]) and np.array_equal(truth[:2], label[:2])
    assert np.array_equal(moved[:, 2:, :7, 2:], image[:, 2:, 3:, :8])
    assert np.array_equal(truth[2:, :7, 2:], label[2:, 3:, :8])


@pytest.mark.parametrize("shape", [(60, 60), (5, 60, 60)])
def test_copies_are_whole_on_free_ground_and_carry_their_pixels(shape):
    label = np.zeros(shape, np.uint16)
    label[..., 10:18, 10:16] = 5
    label[..., 30:40, 50:] = 9  # cut by the edge: never copied
    image = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    copied = 0
    for seed in range(20):
        for new in (False, True):
            change = [SampledTransform("copy_paste", _drawn("copy_paste", shape, seed, max_objects=3, new_ids=new))]
            changed, truth = apply_transforms(image, label, change, ignored=IGNORED)
            pasted = truth != label
            copied += pasted.any()
            assert not label[pasted].any(), "an object was hidden"
            assert np.array_equal(changed[:, ~pasted], image[:, ~pasted])
            values = np.unique(truth[pasted])
            assert set(values) <= ({1, 2, 3} if new else {5})
            for value in values:
                copies = (truth == value) & pasted
                assert copies.sum() % (label == 5).sum() == 0
                if new:  # one copy: the object's own pixels, in their order
                    assert np.array_equal(changed[:, copies], image[:, label == 5])
    assert copied == 40


def test_what_is_ignored_is_no_object_and_never_covered():
    label = np.full((40, 40), 255, np.uint8)
    label[5:30, 5:30] = 0
    label[8:12, 8:12] = 3
    label[20:24, 20:24] = 255
    image = np.random.default_rng(0).normal(size=(1, 40, 40)).astype(np.float32)
    step = TRANSFORMS["copy_paste"](max_objects=5, new_ids=True, probability=1)
    for seed in range(10):
        changes = sample_params(np.random.default_rng(seed), [step], (40, 40))
        _, truth = apply_transforms(image, label, changes, ignored=255)
        assert np.array_equal(truth == 255, label == 255)
        for value in set(np.unique(truth)) - {0, 3, 255}:
            assert (truth == value).sum() == 16


def test_objects_that_ignored_pixels_cut_are_not_copied():
    label = np.zeros((60, 60), np.uint8)
    label[8:12, 8:12] = 3
    label[20:24, 20:24] = 4
    label[24, 24] = 255  # touches a corner: what is under it may belong to the object
    image = np.random.default_rng(0).normal(size=(1, 60, 60)).astype(np.float32)
    step = TRANSFORMS["copy_paste"](max_objects=5, probability=1)
    copied = 0
    for seed in range(10):
        changes = sample_params(np.random.default_rng(seed), [step], (60, 60))
        _, truth = apply_transforms(image, label, changes, ignored=255)
        assert (truth == 4).sum() == 16
        copied += (truth == 3).sum() > 16
    assert copied
    # where 0 is what is not known, there is no background to lay a copy on
    changes = sample_params(np.random.default_rng(0), [step], (60, 60))
    assert np.array_equal(apply_transforms(image, label, changes, ignored=0)[1], label)


def test_a_new_number_fits_the_type_of_the_label_or_nothing_is_copied():
    label = np.zeros((80, 80), np.uint8)
    label[2:6, 2:6] = 255
    image = np.zeros((1, 80, 80), np.float32)
    label[10:26, 10:26] = 0
    numbers = np.setdiff1d(np.arange(1, 255), [77])
    label.reshape(-1)[80 * 60 : 80 * 60 + len(numbers)] = numbers
    change = [SampledTransform("copy_paste", _drawn("copy_paste", (80, 80), 1, max_objects=3, new_ids=True))]
    truth = apply_transforms(image, label, change, ignored=IGNORED)[1]
    assert set(np.unique(truth[truth != label])) <= {77}
    label[0, 0] = 77
    assert np.array_equal(apply_transforms(image, label, change, ignored=IGNORED)[1], label)
    assert IGNORED not in truth
