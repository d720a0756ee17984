"""Patches of a seed are those that earlier versions drew: a run that is continued goes on with the same ones.

`fixed_patches.json` was written by 0.1 in October 2026, before transforms had modules and records of their own.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import make_normalizer, make_preparation, make_sampler

from nbtrainer.augment.patches import Patches
from nbtrainer.config import STRENGTHS, TRANSFORMS
from nbtrainer.config.augmentation import Augmentation
from nbtrainer.data.images import Images
from nbtrainer.data.pair import Pair

EXPECTED = json.loads((Path(__file__).parent / "fixed_patches.json").read_text())
# the transforms that there were, in their order; those that come later change no patch of before
THEN = (
    *("flip", "rotate90", "rotate", "zoom", "translate", "shear", "elastic", "intensity"),
    *(
        "shift_intensity",
        "gamma",
        "gamma_contrast",
        "percentile_stretch",
        "invert",
        "illumination",
        "border_darkening",
        "blur",
    ),
    *("motion_blur", "cut_blur", "noise", "cut_noise", "missing_part", "bit_depth", "copy_paste", "roll_z"),
    *("shuffle_z", "missing_section", "misalignment", "misrotation", "none"),
)
SIZES = {"2d": (48, 64), "3d": (8, 32, 32)}


def _scene(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A noisy image with 29 boxes, which may cover each other, and their ids."""
    rng = np.random.default_rng(0)
    label = np.zeros(shape, np.uint16)
    for number in range(1, 30):
        corner = [int(rng.integers(0, max(1, length - 10))) for length in shape]
        label[tuple(slice(start, start + 7) for start in corner)] = number
    return (rng.integers(0, 900, shape) + 40 * label).astype(np.uint16), label


def _augmentation(name: str) -> Augmentation:
    """What a name of the file stands for: a strength, one transform, three with probability 0.5, or all."""
    if name in STRENGTHS:
        return Augmentation(strength=name)
    if name in TRANSFORMS:
        return Augmentation(steps=[TRANSFORMS[name](probability=1.0)])
    if (kind := name.removesuffix("-half")) in TRANSFORMS:
        return Augmentation(steps=[TRANSFORMS[kind](probability=0.5)] * 3)
    every = [TRANSFORMS[kind]() for kind in THEN]
    extra = {"one": {"apply": "one"}, "rotate_and_flip": {"rotate_and_flip": True}, "all": {}}
    return Augmentation(steps=every, **extra[name])


@pytest.mark.feature(115)
@pytest.mark.parametrize("case", EXPECTED)
def test_a_seed_draws_the_patch_that_it_drew_in_earlier_versions(case, tmp_path):
    dim, _, name = case.partition(" ")
    size = SIZES[dim]
    shape = tuple(2 * length for length in size)
    for part, array in zip(("image", "label"), _scene(shape), strict=True):
        tifffile.imwrite(tmp_path / f"{part}.tif", array, photometric="minisblack")
    images = Images(
        pairs=[Pair(tmp_path / "image.tif", tmp_path / "label.tif", use="auto")],
        normalizer=make_normalizer(),
        preparation=make_preparation(dim=len(size)),
    )
    patch = Patches(make_sampler(images, [shape], size, seed=5), _augmentation(name)).patch(1)
    at = np.linspace(0, patch.label.size - 1, 12).astype(int)
    # other processors round in another way
    np.testing.assert_allclose(patch.image.reshape(-1)[at], EXPECTED[case]["image"], atol=2e-3)
    assert (patch.label.reshape(-1)[at] == EXPECTED[case]["label"]).sum() >= 11
