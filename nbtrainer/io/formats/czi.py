"""Zeiss CZI: one scene, assembled from its tiles by Zeiss' own library, region by region."""

from __future__ import annotations

import itertools
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from pylibCZIrw.czi import CacheOptions, CacheType, CziReader

from nbtrainer.io.formats.chunked import Bounds, Regions
from nbtrainer.io.formats.file_version import version
from nbtrainer.io.formats.handles import Handle, borrow, put_away
from nbtrainer.io.formats.image_file import ImageFile
from nbtrainer.io.formats.problems import damaged, first_of, not_inside
from nbtrainer.io.formats.spacing import sane

_TYPES = {"Gray8": "u1", "Gray16": "u2", "Gray32Float": "f4", "Bgr24": "u1", "Bgr48": "u2"}
_CACHE_BYTES = 64 * 2**20


def open_file(path: Path, inside: str = "", for_label: bool = False) -> ImageFile:
    """The scene with the number `inside`, or the first; axes T, C, Z are left out where there is one of them."""
    handle = _reader(path, version(path))
    reader = handle.thing
    scenes = dict(reader.scenes_bounding_rectangle)
    if inside and inside not in map(str, scenes):
        raise not_inside(path, inside, [str(scene) for scene in scenes])
    scene = int(inside) if inside else min(scenes, default=None)
    x, y, width, height = reader.total_bounding_rectangle if scene is None else scenes[scene]
    box = reader.total_bounding_box
    planes = {axis: box[axis] for axis in "TCZ" if box.get(axis, (0, 1))[1] - box.get(axis, (0, 1))[0] > 1}
    kinds = set(reader.pixel_types.values())
    kind = kinds.pop()
    if kinds or kind not in _TYPES:
        raise damaged(
            path, f"its pixels are of the kinds {', '.join(sorted({kind, *kinds}))}, which cannot be read as one"
        )
    shape = (*(stop - start for start, stop in planes.values()), height, width)
    is_colour = kind.startswith("Bgr")
    axes = "".join(planes) + ("YXS" if is_colour else "YX")
    array = Scene(path, shape + (3,) * is_colour, _TYPES[kind], scene=scene, planes=planes, corner=(x, y))
    others = [] if inside else [str(other) for other in sorted(scenes) if other != scene]
    return ImageFile(array=array, axes=axes, spacing=_spacing(reader.metadata)).noting(first_of(path, others))


class Scene(Regions):
    """Planes of a scene, of which the library reads the region."""

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: str,
        *,
        scene: int | None,
        planes: dict[str, tuple[int, int]],
        corner: tuple[int, int],
    ) -> None:
        super().__init__(path, shape, dtype)
        self._scene, self._planes, self._corner = scene, planes, corner
        self._version = version(path)
        weakref.finalize(self, put_away, _key(path, self._version))

    def _region(self, bounds: Bounds) -> np.ndarray:
        depth = len(self._planes)
        (y0, y1), (x0, x1) = bounds[depth : depth + 2]
        roi = (self._corner[0] + x0, self._corner[1] + y0, x1 - x0, y1 - y0)
        result = np.empty([stop - start for start, stop in bounds], self.dtype)
        handle = _reader(self.path, self._version)
        for place in itertools.product(*(range(*bound) for bound in bounds[:depth])):
            plane = {axis: start + k for (axis, (start, _)), k in zip(self._planes.items(), place, strict=True)}
            with handle.lock:
                pixels = handle.thing.read(roi=roi, plane=plane, scene=self._scene)
            # the library gives blue, green, red
            chosen = pixels[..., ::-1][..., slice(*bounds[-1])] if pixels.shape[2] == 3 else pixels[..., 0]
            result[tuple(k - start for k, (start, _) in zip(place, bounds, strict=False))] = chosen
        return result


def _reader(path: Path, version: tuple[int, int]) -> Handle[CziReader]:
    options = CacheOptions(CacheType.Standard, _CACHE_BYTES)
    return borrow(_key(path, version), lambda: Handle(CziReader(str(path), cache_options=options), CziReader.close))


def _key(path: Path, version: tuple[int, int]) -> tuple[str, str, tuple[int, int]]:
    return "czi", str(path.absolute()), version


def _spacing(metadata: Any) -> dict[str, float]:
    """From the scaling, which is in metres."""
    try:
        distances = metadata["ImageDocument"]["Metadata"]["Scaling"]["Items"]["Distance"]
    except (KeyError, TypeError):
        return {}
    spacing = {}
    for distance in distances if isinstance(distances, list) else [distances]:
        axis = str(distance.get("@Id", "")).lower()
        if axis in ("x", "y", "z") and distance.get("Value"):
            spacing[axis] = 1e6 * float(distance["Value"])
    return sane(**spacing)
