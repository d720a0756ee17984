"""All changes beyond geometry, by the name of their step: what draws its random numbers, and what applies them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbtrainer.augment import blur, brightness, copy_paste, curves, lighting, missing_part, noise, stack
from nbtrainer.data.roi import IGNORED

Draw = Callable[[np.random.Generator, dict[str, Any], Sequence[int]], Any]
Apply = Callable[[np.ndarray, np.ndarray, Any], tuple[np.ndarray, np.ndarray]]

TRANSFORMS: dict[str, tuple[Draw, Apply]] = {
    "intensity": (brightness.draw_intensity, brightness.adjust),
    "gamma": (brightness.draw_gamma, brightness.adjust),
    "shift_intensity": (brightness.draw_shift, brightness.shift),
    "gamma_contrast": (curves.draw_curve, curves.bend),
    "percentile_stretch": (curves.draw_stretch, curves.stretch),
    "bit_depth": (curves.draw_bits, curves.reduce_bits),
    "invert": (curves.draw_inversion, curves.invert),
    "illumination": (lighting.draw_light, lighting.illuminate),
    "border_darkening": (lighting.draw_border, lighting.darken_border),
    "blur": (blur.draw_blur, blur.soften),
    "motion_blur": (blur.draw_motion, blur.smear),
    "cut_blur": (blur.draw_coarse_box, blur.coarsen),
    "noise": (noise.draw_noise, noise.add_noise),
    "cut_noise": (noise.draw_noisy_box, noise.add_noise_to_box),
    "missing_part": (missing_part.draw_bands, missing_part.wipe),
    "copy_paste": (copy_paste.draw_copies, copy_paste.paste),
    "roll_z": (stack.draw_roll, stack.reorder),
    "shuffle_z": (stack.draw_shuffle, stack.reorder),
    "missing_section": (stack.draw_missing, stack.reorder),
    "misalignment": (stack.draw_shift, stack.move_sections),
    "misrotation": (stack.draw_turn, stack.move_sections),
}
_ONLY_VOLUMES = {"roll_z", "shuffle_z", "missing_section", "misalignment", "misrotation"}


def sample_params(
    rng: np.random.Generator, transforms: Sequence[dict[str, Any]], shape: Sequence[int], ignored: int = IGNORED
) -> list[tuple[str, Any]]:
    """Those of `steps` that are no geometry, drawn for a patch of `shape` ([z,] y, x), in their order: kind and numbers.

    `ignored` is the label's value that stands for unknown. What is for volumes leaves a flat patch as it is.
    """
    drawn = []
    for step in transforms:
        kind = step["kind"]
        if kind not in TRANSFORMS or (kind in _ONLY_VOLUMES and len(shape) != 3):
            continue
        if rng.random() < step["probability"]:
            drawn.append((kind, TRANSFORMS[kind][0](rng, step | {"ignored": ignored}, shape)))
    return drawn


def apply_transforms(
    image: np.ndarray, label: np.ndarray, params: Sequence[tuple[str, Any]]
) -> tuple[np.ndarray, np.ndarray]:
    """`image` (C, [Z,] Y, X) float32 and `label` ([Z,] Y, X) unsigned integers, changed; both keep dtype and shape."""
    for kind, change in params:
        image, label = TRANSFORMS[kind][1](image, label, change)
    return image, label
