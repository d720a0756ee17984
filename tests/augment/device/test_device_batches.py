"""Batches that a device makes are those of the processor: here the device is the processor, in torch."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from factories import make_normalizer, make_preparation, make_sampler

from nbtrainer.augment.device import sources
from nbtrainer.augment.device.batches import DeviceBatches
from nbtrainer.augment.patches import DrawnPatch, Patches
from nbtrainer.augment.pipeline import MODULES, SampledTransform
from nbtrainer.augment.spatial import ControlPoints, SpatialTransform
from nbtrainer.config import STRENGTHS, TRANSFORMS
from nbtrainer.config.augmentation import Augmentation
from nbtrainer.data.images import Images
from nbtrainer.data.pair import Pair
from nbtrainer.data.patch_sampler import PatchLocation

SIZES = {2: (40, 56), 3: (8, 24, 32)}
# beyond this a pixel is another shade, not another rounding
TOLERANCE = 1e-4
CPU = torch.device("cpu")


def _patches(folder: Path, dim: int, *, image_type="uint16", label_type="uint16", scale=2.0, **augmentation) -> Patches:
    """Two noisy images of two channels with boxes, of which some pixels are ignored."""
    rng = np.random.default_rng(0)
    size = SIZES[dim]
    pairs, shapes = [], []
    for number in range(2):
        shape = tuple(max(2, round(scale * length)) + number for length in size)
        label = np.zeros(shape, label_type)
        for value in range(1, 25):
            corner = [int(rng.integers(0, max(1, length - 4))) for length in shape]
            label[tuple(slice(at, at + 9) for at in corner)] = value if value < 24 else 200
        image = np.stack([rng.integers(0, 150, shape) + 4 * (label % 200) for _ in range(2)], -1).astype(image_type)
        paths = folder / f"image{number}.tif", folder / f"label{number}.tif"
        for path, array in zip(paths, (image, label), strict=True):
            tifffile.imwrite(path, array, photometric="minisblack")
        pairs.append(Pair(*paths, use="auto"))
        shapes.append(shape)
    preparation = make_preparation(dim=dim, channel_axis=dim, ignore_value=200)
    sampler = make_sampler(
        Images(pairs=pairs, normalizer=make_normalizer(), preparation=preparation), shapes, size, seed=5
    )
    return Patches(sampler, Augmentation(**augmentation))


def _both(patches: Patches, drawn: list[DrawnPatch], with_label: bool = True):
    """Images and labels of the device, and of the processor."""
    made = DeviceBatches(patches=patches, device=CPU, with_label=with_label).make(drawn)
    expected = [patches.cut(each) for each in drawn]
    labels = np.stack([np.asarray(label) for label in made.labels])
    return (
        made.images.numpy(),
        np.stack([patch.image for patch in expected]),
        labels,
        np.stack([patch.label for patch in expected]),
    )


def _assert_alike(images, expected_images, labels, expected_labels):
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, expected_images, atol=TOLERANCE)
    np.testing.assert_array_equal(labels, expected_labels)


@pytest.mark.feature(115)
@pytest.mark.parametrize("with_label", [True, False], ids=["labels there", "labels here"])
@pytest.mark.parametrize("kind", TRANSFORMS)
@pytest.mark.parametrize("dim", [2, 3], ids=["2D", "3D"])
def test_every_transform_does_to_a_batch_what_it_does_to_each_patch(tmp_path, dim, kind, with_label):
    patches = _patches(tmp_path, dim, steps=[TRANSFORMS[kind](probability=1.0)])
    _assert_alike(*_both(patches, [patches.draw(number) for number in range(6)], with_label))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *(
            ("noise", {"noise": noise, "level": "high"})
            for noise in ("gaussian", "local_variance", "poisson", "speckle")
        ),
        ("noise", {"noise": "salt_and_pepper", "level": "low"}),
        *(("illumination", {"light": light}) for light in ("ramp", "spot", "clouds")),
        *(("gamma_contrast", {"curve": curve}) for curve in ("percentiles", "gamma", "log", "sigmoid")),
        ("intensity", {"per_section": True, "gamma": 1.0}),
        ("zoom", {"per_axis": True, "min_factor": 0.5, "max_factor": 2.0}),
        ("misalignment", {"motion": "slip"}),
        ("border_darkening", {"width": 0}),
        ("motion_blur", {"length": 1}),
        ("cut_blur", {"factor": 1}),
        ("blur", {"sigma": 10.0}),
    ],
)
@pytest.mark.parametrize("dim", [2, 3], ids=["2D", "3D"])
def test_so_it_is_with_other_settings(tmp_path, dim, kind, settings):
    patches = _patches(tmp_path, dim, steps=[TRANSFORMS[kind](probability=1.0, **settings)])
    _assert_alike(*_both(patches, [patches.draw(number) for number in range(6)]))


@pytest.mark.feature(115)
@pytest.mark.parametrize("apply", ["each", "one"])
@pytest.mark.parametrize("dim", [2, 3], ids=["2D", "3D"])
def test_all_transforms_together_each_patch_with_its_own(tmp_path, dim, apply):
    steps = [model(probability=0.4) for kind, model in TRANSFORMS.items() if kind != "bit_depth"]
    patches = _patches(tmp_path, dim, steps=steps, apply=apply, rotate_and_flip=True)
    drawn = [patches.draw(number) for number in range(12)]
    _assert_alike(*_both(patches, drawn))
    _assert_alike(*_both(patches, drawn, with_label=False))


def test_a_shade_that_lies_on_a_limit_may_fall_to_its_neighbour(tmp_path):
    steps = [TRANSFORMS["rotate"](probability=1.0), TRANSFORMS["bit_depth"](probability=1.0)]
    patches = _patches(tmp_path, 2, steps=steps)
    images, expected, labels, expected_labels = _both(patches, [patches.draw(number) for number in range(12)])
    assert (np.abs(images - expected) > TOLERANCE).mean() < 1e-3
    np.testing.assert_array_equal(labels, expected_labels)


@pytest.mark.parametrize(("image_type", "label_type"), [("uint8", "uint8"), ("float32", "uint32"), ("int16", "uint16")])
@pytest.mark.parametrize("fits", [True, False], ids=["the set stays on the device", "regions are copied"])
@pytest.mark.parametrize("dim", [2, 3], ids=["2D", "3D"])
def test_pixels_of_every_type_from_a_set_that_fits_or_does_not(
    tmp_path, monkeypatch, dim, fits, image_type, label_type
):
    monkeypatch.setattr(sources, "_SHARE", 0.25 if fits else 0.0)
    patches = _patches(
        tmp_path, dim, image_type=image_type, label_type=label_type, steps=STRENGTHS["strong"], rotate_and_flip=True
    )
    batches = DeviceBatches(patches=patches, device=CPU, with_label=True)
    drawn = [patches.draw(number) for number in range(8)]
    made = batches.make(drawn)
    assert isinstance(batches.source, sources.ResidentSet) == fits
    for image, label, patch in zip(made.images, made.labels, map(patches.cut, drawn), strict=True):
        np.testing.assert_allclose(image, patch.image, atol=TOLERANCE)
        np.testing.assert_array_equal(label, patch.label)


@pytest.mark.parametrize("fits", [True, False], ids=["the set stays on the device", "regions are copied"])
@pytest.mark.parametrize("dim", [2, 3], ids=["2D", "3D"])
def test_patches_larger_than_the_image_and_beyond_its_edges_are_mirrored(tmp_path, monkeypatch, dim, fits):
    monkeypatch.setattr(sources, "_SHARE", 0.25 if fits else 0.0)
    patches = _patches(tmp_path, dim, scale=0.3, steps=STRENGTHS["strong"], rotate_and_flip=True)
    drawn = [patches.draw(number) for number in range(6)]
    corners = [
        each._replace(location=PatchLocation(k % 2, tuple(-7.0 if k % 3 else 90.5 for _ in SIZES[dim])))
        for k, each in enumerate(drawn)
    ]
    _assert_alike(*_both(patches, drawn + corners))


def test_deformations_of_different_grids_meet_in_a_batch(tmp_path):
    patches = _patches(tmp_path, 2)
    rng = np.random.default_rng(3)
    points = [ControlPoints(rng.normal(0, 4, (2, count, count + 1)).astype(np.float32), 16) for count in (5, 6)]
    transforms = [SpatialTransform(np.eye(2), each, (3, -2)) for each in (*points, None)]
    drawn = [DrawnPatch(PatchLocation(0, (30.0, 41.5)), each, []) for each in transforms]
    _assert_alike(*_both(patches, drawn))


def test_a_transform_without_a_form_for_batches_is_done_by_the_processor(tmp_path, monkeypatch):
    patches = _patches(tmp_path, 2, steps=STRENGTHS["standard"])
    newcomer = SimpleNamespace(apply=lambda image, label, params: (image + params, label))
    monkeypatch.setitem(MODULES, "newcomer", newcomer)
    drawn = [patches.draw(number) for number in range(5)]
    for place in (1, 3):
        drawn[place].sampled.append(SampledTransform("newcomer", np.float32(100)))
    images, *others = _both(patches, drawn)
    assert (images[[1, 3]] > 50).all() and (images[[0, 2, 4]] < 50).all()
    _assert_alike(images, *others)


def test_large_batches_are_warped_in_parts(tmp_path, monkeypatch):
    patches = _patches(tmp_path, 3, steps=STRENGTHS["standard"])
    drawn = [patches.draw(number) for number in range(5)]
    whole = DeviceBatches(patches=patches, device=CPU, with_label=True).make(drawn)
    monkeypatch.setattr("nbtrainer.augment.device.batches._MOST_PIXELS", 2 * 8 * 24 * 32)
    parts = DeviceBatches(patches=patches, device=CPU, with_label=True).make(drawn)
    np.testing.assert_allclose(parts.images, whole.images, atol=1e-6)
    assert torch.equal(parts.labels, whole.labels)
