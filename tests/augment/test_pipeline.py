"""What every change must keep, in images and in volumes."""

import typing

import numpy as np
import pytest

from nbtrainer.augment import apply_transforms, sample_params
from nbtrainer.augment.pipeline import MODULES
from nbtrainer.augment.spatial import SpatialParams
from nbtrainer.config import TRANSFORMS
from nbtrainer.config.transforms import SpatialSettings, Transform
from nbtrainer.data.roi import IGNORED

SHAPES = [(2, 48, 40), (2, 12, 36, 32)]
GEOMETRY = {kind for kind, model in TRANSFORMS.items() if issubclass(model, SpatialSettings)}
OTHERS = [kind for kind in TRANSFORMS if kind in MODULES and kind not in GEOMETRY]
ONLY_VOLUMES = {kind for kind, step in TRANSFORMS.items() if step.dims == (3,)}
MOVES_BOTH = ONLY_VOLUMES | {"copy_paste"}
# in these, intensities may leave the patch's range
FREE = {"intensity", "shift_intensity"}
NOTHING = {
    "intensity": {"brightness": 0, "contrast": 0, "gamma": 0},
    "shift_intensity": {"offset": 0},
    "gamma": {"min_gamma": 1, "max_gamma": 1},
    "gamma_contrast": {"strength": 0},
    "percentile_stretch": {"percent": 0},
    "illumination": {"strength": 0},
    "border_darkening": {"amount": 0},
    "blur": {"sigma": 0},
    "motion_blur": {"length": 1},
    "cut_blur": {"factor": 1},
    "noise": {"strength": 0},
    "cut_noise": {"amount": 0},
    "missing_part": {"width": 0},
    "bit_depth": {"bits": 0},
    "copy_paste": {"max_objects": 0},
    "missing_section": {"sections": 0},
    "misalignment": {"displacement": 0},
    "misrotation": {"degrees": 0},
}
# the other ways to change nothing
NOTHING_EITHER = [
    ("border_darkening", {"width": 0}),
    ("cut_blur", {"size_fraction": 0}),
    ("cut_noise", {"size_fraction": 0}),
]
MENUS = [
    *({"kind": "noise", "noise": noise, "level": level} for level in ("faint", "low", "high")
      for noise in ("gaussian", "local_variance", "poisson", "salt_and_pepper", "speckle")),
    *({"kind": "gamma_contrast", "curve": curve} for curve in ("percentiles", "gamma", "log", "sigmoid")),
    *({"kind": "illumination", "light": light} for light in ("ramp", "spot", "clouds")),
    *({"kind": kind, "motion": motion} for kind in ("misalignment", "misrotation") for motion in ("translation", "slip")),
    {"kind": "intensity", "per_section": True},
    {"kind": "copy_paste", "new_ids": True},
]  # fmt: skip
CASES = [*({"kind": kind} for kind in OTHERS), *MENUS]


def _name(value: object) -> str:
    return "-".join(map(str, value.values())) if isinstance(value, dict) else ""


def _step(settings: dict) -> Transform:
    return TRANSFORMS[settings["kind"]](**settings | {"probability": 1.0})


def _patch(shape: tuple[int, ...], dtype: type = np.uint16) -> tuple[np.ndarray, np.ndarray]:
    """Two objects that are not cut and one that is, with large numbers; a noisy image with negative intensities."""
    label = np.zeros(shape[1:], dtype)
    top = np.iinfo(dtype).max
    label[..., 6:12, 5:10] = top - 1
    label[..., 20:25, 20:28] = top - 2
    label[..., 30:, 30:] = 7
    noise = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    return (noise - 3 + 5 * (label > 0)).astype(np.float32), label


def _changed(step: Transform, image: np.ndarray, label: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return apply_transforms(
        image, label, sample_params(np.random.default_rng(seed), [step], label.shape), ignored=IGNORED
    )


def test_every_step_is_geometry_or_has_its_functions():
    assert {"flip", "rotate90", "rotate", "zoom", "shear", "elastic"} <= GEOMETRY
    assert set(MODULES) | {"none"} == set(TRANSFORMS)


@pytest.mark.parametrize("kind", MODULES)
def test_a_module_takes_the_settings_that_bear_its_name(kind):
    taken = typing.get_type_hints(MODULES[kind].sample_params)
    assert taken["settings"] is TRANSFORMS[kind]
    if kind in GEOMETRY:
        assert taken["return"] is SpatialParams and not hasattr(MODULES[kind], "apply")
    else:
        assert taken["return"] is typing.get_type_hints(MODULES[kind].apply)["params"]
        assert taken["return"].__dataclass_params__.frozen


@pytest.mark.feature(79)
@pytest.mark.parametrize("shape", SHAPES, ids=["2D", "3D"])
@pytest.mark.parametrize("settings", CASES, ids=_name)
def test_type_and_shape_stay_and_no_label_value_is_invented(settings, shape):
    for dtype in (np.uint8, np.uint16, np.uint32):
        image, label = _patch(shape, dtype)
        kept = image.copy(), label.copy()
        for seed in range(3):
            changed, truth = _changed(_step(settings), image, label, seed)
            assert changed.dtype == np.float32 and changed.shape == image.shape and np.isfinite(changed).all()
            assert truth.dtype == dtype and truth.shape == label.shape
            if not settings.get("new_ids"):
                assert set(np.unique(truth)) <= set(np.unique(label))
            if settings["kind"] not in {*MOVES_BOTH, "mode_filter"}:
                assert np.array_equal(truth, label)
            assert np.array_equal(image, kept[0]) and np.array_equal(label, kept[1]), "the patch itself was changed"


@pytest.mark.parametrize("shape", SHAPES, ids=["2D", "3D"])
@pytest.mark.parametrize("settings", CASES, ids=_name)
def test_the_same_seed_gives_the_same_and_something_happens(settings, shape):
    image, label = _patch(shape)
    one, other = (_changed(_step(settings), image, label, seed=5) for _ in range(2))
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])
    of_label = settings["kind"] == "mode_filter"
    before = (image, label)[of_label]
    changes = any(
        not np.array_equal(_changed(_step(settings), image, label, seed)[of_label], before) for seed in range(5)
    )
    assert changes == (settings["kind"] not in ONLY_VOLUMES or len(shape) == 4)


@pytest.mark.parametrize("shape", SHAPES, ids=["2D", "3D"])
@pytest.mark.parametrize("settings", [case for case in CASES if case["kind"] not in FREE], ids=_name)
def test_intensities_stay_within_the_range_of_their_channel(settings, shape):
    image, label = _patch(shape)
    axes = tuple(range(1, image.ndim))
    low, high = image.min(axis=axes), image.max(axis=axes)
    for seed in range(5):
        changed, _ = _changed(_step(settings), image, label, seed)
        assert (changed.min(axis=axes) >= low - 1e-5).all() and (changed.max(axis=axes) <= high + 1e-5).all()


@pytest.mark.parametrize("shape", SHAPES, ids=["2D", "3D"])
@pytest.mark.parametrize(("kind", "settings"), [*NOTHING.items(), *NOTHING_EITHER])
def test_strength_zero_changes_nothing_exactly(kind, settings, shape):
    image, label = _patch(shape)
    for seed in range(3):
        changed, truth = _changed(_step({"kind": kind, **settings}), image, label, seed)
        assert np.array_equal(changed, image) and np.array_equal(truth, label)


def test_every_change_that_has_a_strength_can_be_nothing():
    assert set(OTHERS) - set(NOTHING) == {"invert", "mode_filter", "roll_z", "shuffle_z"}


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_probability_zero_changes_nothing(kind):
    step = TRANSFORMS[kind](probability=0)
    assert sample_params(np.random.default_rng(0), [step], (12, 36, 32)) == []


@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 4, 16, 16), (1, 1, 16, 16), (1, 2, 3, 3)])
@pytest.mark.parametrize("settings", CASES, ids=_name)
def test_images_of_one_intensity_and_tiny_ones_survive(settings, shape):
    label = np.zeros(shape[1:], np.uint16)
    for value in (0.0, -2.5, 1e4):
        image = np.full(shape, value, np.float32)
        for seed in range(2):
            changed, truth = _changed(_step(settings), image, label, seed)
            assert np.isfinite(changed).all() and changed.shape == shape and not truth.any()
            if settings["kind"] not in FREE:
                assert np.allclose(changed, value, atol=1e-5)


@pytest.mark.feature(79)
@pytest.mark.parametrize("shape", SHAPES, ids=["2D", "3D"])
def test_all_together_work(shape):
    image, label = _patch(shape)
    steps = [_step({"kind": kind}) for kind in TRANSFORMS]
    for seed in range(5):
        changed, truth = apply_transforms(
            image, label, sample_params(np.random.default_rng(seed), steps, label.shape), ignored=IGNORED
        )
        assert np.isfinite(changed).all() and changed.shape == image.shape
        assert set(np.unique(truth)) <= set(np.unique(label))


@pytest.mark.parametrize("shape", SHAPES, ids=["2D", "3D"])
@pytest.mark.parametrize("kind", sorted(MOVES_BOTH - {"misrotation"}))
def test_image_and_label_move_together(kind, shape):
    """The image is its own label, with a texture: wherever a pixel goes, both tell the same."""
    _, label = _patch(shape, np.uint16)
    label[label > 0] += np.arange((label > 0).sum(), dtype=np.uint16) % 50
    if kind == "copy_paste":  # what is copied is of one value
        _, label = _patch(shape, np.uint16)
    image = np.stack([label.astype(np.float32), -label.astype(np.float32)])
    for seed in range(8):
        changed, truth = _changed(_step({"kind": kind}), image, label, seed)
        assert np.array_equal(changed[0], truth) and np.array_equal(changed[1], -truth.astype(np.float32))


def test_turned_sections_keep_image_and_label_together_within_half_a_pixel():
    _, label = _patch(SHAPES[1])
    image = (label > 0).astype(np.float32)[None]
    for seed in range(8):
        changed, truth = _changed(_step({"kind": "misrotation", "degrees": 30}), image, label, seed)
        assert (truth[changed[0] > 0.999] > 0).all() and (truth[changed[0] < 0.001] == 0).all()
