"""An uneven background taken off an image, slice by slice, by a morphological top-hat."""

from __future__ import annotations

import cv2
import numpy as np

from nbtrainer.data.views import MapView, View


def without_background(view: View, removal: str, radius: int) -> View:
    """`view` without its uneven background, as `data.background_removal` says; `radius` in pixels of objects to keep."""
    if removal == "none":
        return view
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    kind = cv2.MORPH_TOPHAT if removal == "dark" else cv2.MORPH_BLACKHAT

    def subtract(array: np.ndarray, corner: tuple[int, ...]) -> np.ndarray:
        planes = array.reshape(-1, *array.shape[-2:]).astype(np.float32)
        return np.stack([cv2.morphologyEx(plane, kind, kernel) for plane in planes]).reshape(array.shape)

    return MapView(view=view, function=subtract, halo=2 * radius, kind=np.dtype(np.float32))
